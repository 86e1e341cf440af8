//! What a machine can hold: for each set of items the combinations of choices that no other combination beats.

use std::cmp::Ordering;
use std::rc::Rc;

use super::answer::MAX_POOLS;
use super::keys::Demerits;
use super::set::Set;
use super::unit::{Choice, Room, Unit};
use crate::hashing::QuickMap;

/// Whether the first choice makes the second superfluous when only feasibility is asked: it takes no more memory and load
/// and leaves at least as much load to others.
pub(super) fn lean(a: &Choice, b: &Choice) -> bool {
    a.load <= b.load && a.cap - a.load >= b.cap - b.load && no_more(&a.mem, &b.mem)
}

/// Whether the first choice makes the second superfluous in every respect: it is no worse in what it takes and in its
/// demerits and then either better in the order among plans (demerits or memory) or not later in the order of
/// configurations.
///
/// Load alone does not count as better: it decides nothing among plans of equal energy, the configuration does.
pub(super) fn full(a: &Choice, b: &Choice) -> bool {
    lean(a, b)
        && a.demerits.no_worse_than(&b.demerits)
        && (a.demerits != b.demerits || a.mem != b.mem || (&a.ranks, &a.picks) <= (&b.ranks, &b.picks))
}

fn no_more(a: &Room, b: &Room) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b)
}

/// The choices that no other one makes superfluous, in a fixed order.
pub(super) fn undominated(mut choices: Vec<Choice>, beats: impl Fn(&Choice, &Choice) -> bool) -> Vec<Choice> {
    choices.sort_by(|a, b| {
        let key = |c: &Choice| (c.mem, c.load, std::cmp::Reverse(c.cap), c.demerits);
        key(a).cmp(&key(b)).then_with(|| (&a.ranks, &a.picks).cmp(&(&b.ranks, &b.picks)))
    });
    let mut kept: Vec<Choice> = Vec::new();
    for choice in choices {
        if !kept.iter().any(|k| beats(k, &choice)) {
            // The sort puts less memory first, yet a later choice can still beat an earlier one of equal memory.
            kept.retain(|k| !beats(&choice, k));
            kept.push(choice);
        }
    }
    kept
}

/// One combination of choices for a set of items.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) mem: Room,
    pub(super) load: u64,
    /// Most load on the whole device.
    pub(super) cap: u64,
    pub(super) demerits: Demerits,
    /// Choice of the highest item.
    choice: u32,
    /// Entry of the front without that item.
    before: u32,
}

/// All combinations for one set that no other beats; empty when the set does not fit.
pub(super) type Front = Rc<Vec<Entry>>;

/// What fronts are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Whether a set fits.
    Fit,
    /// The best way to host a set.
    Best,
}

/// Combinations that a long search keeps, some tens of megabytes. Beyond, all are forgotten and worked out again when
/// asked for: large units have more sets than memory holds.
const MOST_KEPT: usize = 1_000_000;

/// The fronts of all machines of a unit, worked out when asked for and kept.
#[derive(Debug)]
pub(super) struct Fronts<'u> {
    unit: &'u Unit<'u>,
    purpose: Purpose,
    known: Vec<QuickMap<Set, Front>>,
    /// Combinations in `known`, and one for each set.
    kept: usize,
    forgets: bool,
    /// Combinations that lose more quality than this are left out.
    pub(super) quality_limit: Option<i128>,
    /// Combinations looked at, the measure of work.
    pub(super) work: u64,
}

impl<'u> Fronts<'u> {
    pub(super) fn new(unit: &'u Unit<'u>, purpose: Purpose) -> Self {
        Self {
            unit,
            purpose,
            known: unit.machines.iter().map(|_| QuickMap::default()).collect(),
            kept: 0,
            forgets: false,
            quality_limit: None,
            work: 0,
        }
    }

    /// The same for a long search that only asks whether sets fit: what was chosen ([`Self::picked`]) may be forgotten.
    pub(super) fn forgetting(unit: &'u Unit<'u>) -> Self {
        Self { forgets: true, ..Self::new(unit, Purpose::Fit) }
    }

    /// The choices of an item on a machine that matter for the purpose.
    pub(super) fn choices(&self, machine: usize, item: usize) -> &'u [Choice] {
        let machine = &self.unit.machines[machine];
        match self.purpose {
            Purpose::Fit => &machine.lean[item],
            Purpose::Best => &machine.choices[item],
        }
    }

    /// The front of a set on a machine.
    pub(super) fn get(&mut self, machine: usize, set: Set) -> Front {
        if let Some(front) = self.known[machine].get(&set) {
            return Rc::clone(front);
        }
        let front = Rc::new(self.build(machine, set));
        if self.forgets && self.kept > MOST_KEPT {
            self.known.iter_mut().for_each(|known| *known = QuickMap::default());
            self.kept = 0;
        }
        self.kept += front.len() + 1;
        self.known[machine].insert(set, Rc::clone(&front));
        front
    }

    fn build(&mut self, machine: usize, set: Set) -> Vec<Entry> {
        let unit = self.unit;
        let Some(last) = set.highest() else {
            let cap = unit.problem.max_load.0;
            return vec![Entry {
                mem: [0; MAX_POOLS],
                load: 0,
                cap,
                demerits: Demerits::default(),
                choice: 0,
                before: 0,
            }];
        };
        let rest = set.without(last);
        if unit.items[last].apart.meets(rest) {
            return Vec::new();
        }
        let before = self.get(machine, rest);
        let room = &unit.machines[machine].room;
        let mut grown = Vec::new();
        for (position, entry) in before.iter().enumerate() {
            for (number, choice) in self.choices(machine, last).iter().enumerate() {
                let load = entry.load + choice.load;
                // A cap is a limit on the whole device's load, so the lower one holds for both.
                let cap = entry.cap.min(choice.cap);
                let mut mem = entry.mem;
                mem.iter_mut().zip(&choice.mem).for_each(|(sum, part)| *sum = sum.saturating_add(*part));
                if load <= cap && no_more(&mem, room) {
                    let demerits = match self.purpose {
                        Purpose::Fit => Demerits::default(),
                        Purpose::Best => entry.demerits + choice.demerits,
                    };
                    if self.quality_limit.is_some_and(|limit| i128::from(demerits.quality) > limit) {
                        continue;
                    }
                    grown.push(Entry { mem, load, cap, demerits, choice: number as u32, before: position as u32 });
                }
            }
        }
        self.work += grown.len() as u64 + 1;
        self.thin(grown, machine, set)
    }

    /// Keeps the entries that no other beats.
    fn thin(&mut self, mut grown: Vec<Entry>, machine: usize, set: Set) -> Vec<Entry> {
        grown.sort_by_key(|e| (e.mem, e.demerits, e.load, std::cmp::Reverse(e.cap)));
        let mut kept: Vec<Entry> = Vec::new();
        for entry in grown {
            self.work += kept.len() as u64 / 8;
            if kept.iter().any(|k| self.beats(k, &entry, machine, set)) {
                continue;
            }
            // Only entries of equal memory and demerits that come before can still be beaten, through their configuration.
            kept.retain(|k| k.mem != entry.mem || k.demerits != entry.demerits || !self.beats(&entry, k, machine, set));
            kept.push(entry);
        }
        kept
    }

    fn beats(&self, a: &Entry, b: &Entry, machine: usize, set: Set) -> bool {
        let lean = a.load <= b.load && a.cap - a.load >= b.cap - b.load && no_more(&a.mem, &b.mem);
        if self.purpose == Purpose::Fit || !lean {
            return lean;
        }
        a.demerits.no_worse_than(&b.demerits)
            && (a.demerits != b.demerits || a.mem != b.mem || self.compare(machine, set, a, b) != Ordering::Greater)
    }

    /// The order of configurations between two entries of one set, in workload order. Entries need not be in a front
    /// yet, but their rest is in one.
    pub(super) fn compare(&self, machine: usize, set: Set, a: &Entry, b: &Entry) -> Ordering {
        if a.choice == b.choice && a.before == b.before {
            return Ordering::Equal;
        }
        let ranks = |entry: &Entry| {
            let mut all: Vec<(usize, u32, usize)> = Vec::new();
            for (item, choice) in self.picked(machine, set, entry) {
                let members = self.unit.items[item].members.iter().zip(&choice.ranks).zip(&choice.picks);
                all.extend(members.map(|((&member, &rank), &pick)| (member, rank, pick)));
            }
            all.sort_unstable();
            all
        };
        ranks(a).cmp(&ranks(b))
    }

    /// The items of an entry with their choices.
    pub(super) fn picked(&self, machine: usize, set: Set, entry: &Entry) -> Vec<(usize, &'u Choice)> {
        let mut all = Vec::new();
        let (mut entry, mut set) = (*entry, set);
        while let Some(last) = set.highest() {
            all.push((last, &self.choices(machine, last)[entry.choice as usize]));
            set = set.without(last);
            match self.known[machine].get(&set).and_then(|front| front.get(entry.before as usize)) {
                Some(&before) => entry = before,
                None => break,
            }
        }
        all
    }
}
