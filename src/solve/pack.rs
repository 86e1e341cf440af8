//! Packs the items of a unit into given machines: whether they fit, and the best way to do it.

use super::front::{Entry, Front, Fronts, Purpose};
use super::keys::{Demerits, Keys};
use super::set::Set;
use super::unit::{Choice, Unit};
use super::watch::{Stopped, Watch};
use crate::hashing::QuickMap;

/// Items with the candidates of their members.
type Hosting = Vec<(usize, Vec<usize>)>;

/// A unit's devices with what they host.
#[derive(Debug, Clone)]
pub(super) struct Packed {
    /// All keys but the price.
    pub(super) keys: Keys,
    /// Modes, in order of device id and mode.
    pub(super) modes: Vec<String>,
    /// Configuration ranks by workload.
    pub(super) ranks: Vec<(usize, u32)>,
    /// For each device its machine and its items with the candidates of their members.
    pub(super) devices: Vec<(usize, Hosting)>,
}

impl Packed {
    /// Whether this packing comes before another in the order among plans.
    fn before(&self, other: &Self) -> bool {
        (&self.keys, &self.modes, &self.ranks) < (&other.keys, &other.modes, &other.ranks)
    }
}

/// Packs items into machines.
#[derive(Debug)]
pub(super) struct Packer<'u> {
    pub(super) unit: &'u Unit<'u>,
    fit: Fronts<'u>,
    /// By machine the least load and memory of each item, for quick bounds.
    least: Vec<Vec<Option<Least>>>,
}

/// The least that an item takes on a machine, resource by resource.
#[derive(Debug, Clone, Copy)]
struct Least {
    load: u64,
    mem: u64,
}

/// A packing under way.
struct State {
    sets: Vec<Set>,
    fronts: Vec<Front>,
}

impl<'u> Packer<'u> {
    pub(super) fn new(unit: &'u Unit<'u>) -> Self {
        let least = |choices: &Vec<Choice>| {
            let load = choices.iter().map(|c| c.load).min()?;
            let mem = choices.iter().map(|c| c.mem.iter().fold(0_u64, |sum, &m| sum.saturating_add(m))).min()?;
            Some(Least { load, mem })
        };
        let least = unit.machines.iter().map(|machine| machine.lean.iter().map(least).collect()).collect();
        Self { unit, fit: Fronts::forgetting(unit), least }
    }

    /// Whether every machine can host something and all items have a place. The packing with the least objective is
    /// returned if `cheapest`, otherwise any.
    pub(super) fn fit(
        &mut self,
        bins: &[usize],
        cheapest: bool,
        below: Option<i128>,
        watch: &mut Watch,
    ) -> Result<Option<(i128, Vec<Set>)>, Stopped> {
        if !self.may_fit(bins) {
            return Ok(None);
        }
        let order = self.order(bins);
        let suffix = self.suffix(bins, &order);
        let mut search = Search {
            packer: self,
            bins,
            order: &order,
            suffix: &suffix,
            cheapest,
            best: None,
            below,
            state: State { sets: vec![Set::EMPTY; bins.len()], fronts: Vec::new() },
        };
        for &bin in bins {
            let front = search.packer.fit.get(bin, Set::EMPTY);
            search.state.fronts.push(front);
        }
        search.place(0, 0, 0, watch)?;
        Ok(search.best)
    }

    /// A quick necessary condition: hosts for every copy, and enough load and memory in total.
    pub(super) fn may_fit(&self, bins: &[usize]) -> bool {
        let unit = self.unit;
        let (mut load, mut mem) = (0_u128, 0_u128);
        for (number, item) in unit.items.iter().enumerate() {
            let hosts = || bins.iter().filter_map(|&bin| self.least[bin][number]);
            if hosts().count() < item.copies {
                return false;
            }
            load += u128::from(hosts().map(|l| l.load).min().unwrap_or(0)) * item.copies as u128;
            mem += u128::from(hosts().map(|l| l.mem).min().unwrap_or(0)) * item.copies as u128;
        }
        let room: u128 = bins.iter().flat_map(|&bin| &unit.machines[bin].room).map(|&room| u128::from(room)).sum();
        load <= u128::from(unit.problem.max_load.0) * bins.len() as u128 && mem <= room
    }

    /// Items in the order in which they are placed: the most constrained and largest first.
    fn order(&self, bins: &[usize]) -> Vec<usize> {
        let unit = self.unit;
        let size = |number: usize| {
            let share = |bin: usize| {
                let least = self.least[bin][number]?;
                let room: u128 = unit.machines[bin].room.iter().map(|&room| u128::from(room)).sum();
                let load = u128::from(least.load) * 1_000_000 / u128::from(unit.problem.max_load.0.max(1));
                let mem = u128::from(least.mem) * 1_000_000 / room.max(1);
                Some(load.max(mem))
            };
            bins.iter().filter_map(|&bin| share(bin)).max().unwrap_or(0)
        };
        let mut order: Vec<usize> = (0..unit.items.len()).filter(|&number| unit.items[number].copies > 0).collect();
        order.sort_by_key(|&number| {
            let able = bins.iter().filter(|&&bin| self.least[bin][number].is_some()).count();
            (able - unit.items[number].copies, std::cmp::Reverse(size(number)), number)
        });
        order
    }

    /// What the items from each position on take at least.
    fn suffix(&self, bins: &[usize], order: &[usize]) -> Vec<Rest> {
        let unit = self.unit;
        let mut rest = vec![Rest::default(); order.len() + 1];
        for (position, &number) in order.iter().enumerate().rev() {
            let hosts = || bins.iter().filter_map(|&bin| Some((bin, self.least[bin][number]?)));
            let copies = unit.items[number].copies;
            let energy =
                hosts().map(|(bin, least)| unit.machines[bin].per_load * i128::from(least.load)).min().unwrap_or(0);
            let after = rest[position + 1];
            rest[position] = Rest {
                load: after.load + hosts().map(|(_, l)| l.load).min().unwrap_or(0) * copies as u64,
                mem: after.mem + u128::from(hosts().map(|(_, l)| l.mem).min().unwrap_or(0)) * copies as u128,
                energy: after.energy + energy * copies as i128,
                copies: after.copies + copies,
            };
        }
        rest
    }
}

/// What the items still to be placed take at least.
#[derive(Debug, Clone, Copy, Default)]
struct Rest {
    load: u64,
    mem: u128,
    energy: i128,
    copies: usize,
}

/// A depth-first search for a packing.
struct Search<'s, 'u> {
    packer: &'s mut Packer<'u>,
    bins: &'s [usize],
    order: &'s [usize],
    suffix: &'s [Rest],
    cheapest: bool,
    best: Option<(i128, Vec<Set>)>,
    /// Packings of this objective or more are not wanted.
    below: Option<i128>,
    state: State,
}

impl Search<'_, '_> {
    /// Places the item at `position` of the order into bins from `from` on; true ends the search.
    fn place(&mut self, position: usize, copy: usize, from: usize, watch: &mut Watch) -> Result<bool, Stopped> {
        watch.step(1)?;
        let Some(&item) = self.order.get(position) else { return Ok(self.done()) };
        if copy == self.packer.unit.items[item].copies {
            return self.place(position + 1, 0, 0, watch);
        }
        if copy == 0 && !self.may_finish(position) {
            return Ok(false);
        }
        for bin in from..self.bins.len() {
            let machine = self.bins[bin];
            if !self.packer.unit.machines[machine].able.contains(item) {
                continue;
            }
            let set = self.state.sets[bin];
            // Of equal machines with equal contents only the first is tried.
            if (0..bin).any(|other| self.bins[other] == machine && self.state.sets[other] == set) {
                continue;
            }
            let grown = set.with(item);
            let work = self.packer.fit.work;
            let front = self.packer.fit.get(machine, grown);
            watch.step((self.packer.fit.work - work) / 16)?;
            if front.is_empty() {
                continue;
            }
            let before = std::mem::replace(&mut self.state.fronts[bin], front);
            self.state.sets[bin] = grown;
            let ended = self.place(position, copy + 1, bin + 1, watch)?;
            self.state.sets[bin] = set;
            self.state.fronts[bin] = before;
            if ended {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the rest can still be placed, judged by sums, and whether the objective can still be good enough.
    fn may_finish(&self, position: usize) -> bool {
        let unit = self.packer.unit;
        let rest = self.suffix[position];
        let empty = self.state.sets.iter().filter(|&&set| set == Set::EMPTY).count();
        if empty > rest.copies {
            return false;
        }
        let (mut load, mut mem) = (0_u64, 0_u128);
        for (front, &bin) in self.state.fronts.iter().zip(self.bins) {
            let least_load = front.iter().map(|entry| entry.load).min().unwrap_or(0);
            load += front.iter().map(|entry| entry.cap - entry.load).max().unwrap_or(0);
            debug_assert!(least_load <= unit.problem.max_load.0);
            let room: u128 = unit.machines[bin].room.iter().map(|&room| u128::from(room)).sum();
            let taken = |entry: &Entry| entry.mem.iter().map(|&bytes| u128::from(bytes)).sum::<u128>();
            mem += room - front.iter().map(taken).min().unwrap_or(0);
        }
        if rest.load > load || rest.mem > mem {
            return false;
        }
        match self.limit() {
            Some(limit) if self.cheapest || self.below.is_some() => self.objective() + rest.energy < limit,
            _ => true,
        }
    }

    fn limit(&self) -> Option<i128> {
        let found = self.best.as_ref().map(|(objective, _)| *objective);
        match (found, self.below) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// The least objective of what is placed.
    fn objective(&self) -> i128 {
        let machines = &self.packer.unit.machines;
        let bins = self.bins.iter().zip(&self.state.fronts);
        bins.map(|(&bin, front)| {
            let load = front.iter().map(|entry| entry.load).min().unwrap_or(0);
            machines[bin].base.objective + machines[bin].per_load * i128::from(load)
        })
        .sum()
    }

    fn done(&mut self) -> bool {
        if self.state.sets.contains(&Set::EMPTY) {
            return false;
        }
        let objective = self.objective();
        if self.limit().is_some_and(|limit| objective >= limit) {
            return false;
        }
        self.best = Some((objective, self.state.sets.clone()));
        // Nothing of the packing changes the objective when no machine's load does.
        !self.cheapest || self.bins.iter().all(|&bin| self.packer.unit.machines[bin].per_load == 0)
    }
}

/// The search for the best packing in the whole order among plans.
pub(super) struct Refiner<'u> {
    unit: &'u Unit<'u>,
    fronts: Fronts<'u>,
    /// By machine the best entry of each set.
    known: Vec<QuickMap<Set, Option<(Keys, Entry)>>>,
    /// The best packing so far.
    pub(super) best: Option<Packed>,
    /// False when steps ran out before the best packing was proven.
    pub(super) proven: bool,
}

impl<'u> Refiner<'u> {
    pub(super) fn new(unit: &'u Unit<'u>) -> Self {
        let known = unit.machines.iter().map(|_| QuickMap::default()).collect();
        Self { unit, fronts: Fronts::new(unit, Purpose::Best), known, best: None, proven: true }
    }

    /// Takes these packings' quality as a limit: sets that lose more are not worked out.
    pub(super) fn start(&mut self, bins: &[usize], sets: &[Set]) {
        let devices: Vec<(usize, Vec<(usize, &'u Choice)>)> =
            bins.iter().zip(sets).map(|(&bin, &set)| (bin, self.greedy(bin, set))).collect();
        let packed = self.packed(devices);
        self.fronts.quality_limit = Some(packed.keys.quality / i128::from(self.unit.site.count.max(1)));
        self.offer(packed);
    }

    fn offer(&mut self, packed: Packed) {
        if self.best.as_ref().is_none_or(|best| packed.before(best)) {
            self.best = Some(packed);
        }
    }

    /// A good way to host a set that is known to fit: from a feasible start, one change after the other that loses less
    /// quality.
    fn greedy(&self, bin: usize, set: Set) -> Vec<(usize, &'u Choice)> {
        let machine = &self.unit.machines[bin];
        let mut lean = Fronts::new(self.unit, Purpose::Fit);
        let front = lean.get(bin, set);
        let Some(entry) = front.iter().min_by_key(|entry| entry.load) else { return Vec::new() };
        let mut picked = lean.picked(bin, set, entry);
        picked.sort_by_key(|&(item, _)| item);
        let fits = |picked: &[(usize, &Choice)]| {
            let load: u64 = picked.iter().map(|(_, choice)| choice.load).sum();
            picked.iter().all(|(_, choice)| load <= choice.cap)
                && load <= self.unit.problem.max_load.0
                && (0..machine.room.len()).all(|pool| {
                    let mem = picked.iter().fold(0_u64, |sum, (_, choice)| sum.saturating_add(choice.mem[pool]));
                    mem <= machine.room[pool]
                })
        };
        // With an energy price a better quality may cost objective: then the start stays as it is.
        if machine.per_load != 0 {
            return picked;
        }
        loop {
            let mut better: Option<(u64, usize, &'u Choice)> = None;
            for position in 0..picked.len() {
                let (item, now) = picked[position];
                for choice in self.fronts.choices(bin, item) {
                    let gain = now.demerits.quality.saturating_sub(choice.demerits.quality);
                    if gain > better.as_ref().map_or(0, |b| b.0) {
                        picked[position].1 = choice;
                        if fits(&picked) {
                            better = Some((gain, position, choice));
                        }
                        picked[position].1 = now;
                    }
                }
            }
            match better {
                Some((_, position, choice)) => picked[position].1 = choice,
                None => return picked,
            }
        }
    }

    /// A packing from the choices on each machine.
    fn packed(&self, devices: Vec<(usize, Vec<(usize, &'u Choice)>)>) -> Packed {
        let unit = self.unit;
        let mut keys = Keys::default();
        let mut ranks = Vec::new();
        let mut placed = Vec::new();
        for (bin, mut picked) in devices {
            picked.sort_by_key(|&(item, _)| item);
            let mut mem = [0; super::answer::MAX_POOLS];
            let (mut load, mut demerits) = (0, Demerits::default());
            for (item, choice) in &picked {
                mem.iter_mut().zip(&choice.mem).for_each(|(sum, part)| *sum += part);
                load += choice.load;
                demerits += choice.demerits;
                ranks.extend(unit.items[*item].members.iter().copied().zip(choice.ranks.iter().copied()));
            }
            keys += unit.bin_keys(&unit.machines[bin], &mem, load, demerits);
            placed.push((bin, picked.into_iter().map(|(item, choice)| (item, choice.picks.clone())).collect()));
        }
        ranks.sort_unstable();
        let bins: Vec<usize> = placed.iter().map(|(bin, _): &(usize, Vec<_>)| *bin).collect();
        Packed { keys, modes: self.modes(&bins), ranks, devices: placed }
    }

    /// The modes of machines in order of device id and mode.
    fn modes(&self, bins: &[usize]) -> Vec<String> {
        let problem = self.unit.problem;
        let mut named: Vec<(&str, &str)> = bins
            .iter()
            .map(|&bin| {
                let host = &problem.hosts[self.unit.machines[bin].host];
                (problem.skus[host.sku].id.as_str(), host.mode.as_str())
            })
            .collect();
        named.sort_unstable();
        named.into_iter().map(|(_, mode)| mode.to_owned()).collect()
    }

    /// The best entry of a set on a machine.
    fn best_of(&mut self, bin: usize, set: Set) -> Option<(Keys, Entry)> {
        if let Some(known) = self.known[bin].get(&set) {
            return *known;
        }
        let front = self.fronts.get(bin, set);
        let machine = &self.unit.machines[bin];
        let mut best: Option<(Keys, Entry)> = None;
        for entry in front.iter() {
            let keys = self.unit.bin_keys(machine, &entry.mem, entry.load, entry.demerits);
            let better = match &best {
                None => true,
                Some((known, other)) => {
                    keys < *known || keys == *known && self.fronts.compare(bin, set, entry, other).is_lt()
                }
            };
            if better {
                best = Some((keys, *entry));
            }
        }
        self.known[bin].insert(set, best);
        best
    }

    /// Searches the packings into these machines for one that comes before the best so far.
    pub(super) fn refine(&mut self, packer: &Packer<'u>, bins: &[usize], watch: &mut Watch) -> Result<(), Stopped> {
        if !packer.may_fit(bins) {
            return Ok(());
        }
        let order = packer.order(bins);
        let modes = self.modes(bins);
        let mut least = vec![Keys::default(); order.len() + 1];
        let mut ranks = Vec::new();
        for (position, &item) in order.iter().enumerate().rev() {
            let choices = || bins.iter().flat_map(|&bin| self.fronts.choices(bin, item).iter().map(move |c| (bin, c)));
            let copies = self.unit.items[item].copies;
            let added = choices().map(|(bin, choice)| self.unit.least_added(&self.unit.machines[bin], choice)).min();
            least[position] = least[position + 1];
            for _ in 0..copies {
                least[position] += added.unwrap_or_default();
            }
            for (slot, &member) in self.unit.items[item].members.iter().enumerate() {
                let rank = choices().map(|(_, choice)| choice.ranks[slot]).min().unwrap_or(0);
                ranks.extend(std::iter::repeat_n((member, rank), copies));
            }
        }
        ranks.sort_unstable();
        let mut sets = vec![Set::EMPTY; bins.len()];
        let mut keys = Vec::new();
        for &bin in bins {
            keys.push(self.best_of(bin, Set::EMPTY).map_or_else(Keys::default, |(keys, _)| keys));
        }
        let task = Task { bins, order: &order, least: &least, modes: &modes, ranks: &ranks };
        let whole = self.descend(&task, (0, 0, 0), &mut sets, &mut keys, watch)?;
        self.proven &= whole;
        Ok(())
    }

    /// One node; false when steps ran out.
    fn descend(
        &mut self,
        task: &Task,
        (position, copy, from): (usize, usize, usize),
        sets: &mut [Set],
        keys: &mut [Keys],
        watch: &mut Watch,
    ) -> Result<bool, Stopped> {
        if !watch.tie_step(1)? {
            return Ok(false);
        }
        let Some(&item) = task.order.get(position) else {
            self.finish(task, sets);
            return Ok(true);
        };
        let copies = self.unit.items[item].copies;
        if copy == copies {
            return self.descend(task, (position + 1, 0, 0), sets, keys, watch);
        }
        let mut children = Vec::new();
        for bin in from..task.bins.len() {
            let machine = task.bins[bin];
            let set = sets[bin];
            if !self.unit.machines[machine].able.contains(item)
                || (0..bin).any(|other| task.bins[other] == machine && sets[other] == set)
            {
                continue;
            }
            let work = self.fronts.work;
            let found = self.best_of(machine, set.with(item));
            if !watch.tie_step((self.fronts.work - work) / 8)? {
                return Ok(false);
            }
            if let Some((after, _)) = found {
                let delta = after.objective - keys[bin].objective;
                let more = |of: fn(&Keys) -> i128| of(&after) - of(&keys[bin]);
                let others = [more(|k| k.quality), more(|k| k.doubts), more(|k| k.slowness), more(|k| k.taken)];
                children.push(((delta, others), bin, after));
            }
        }
        children.sort_by_key(|&(delta, bin, _)| (delta, bin));
        for (_, bin, after) in children {
            let before = std::mem::replace(&mut keys[bin], after);
            sets[bin] = sets[bin].with(item);
            let whole = if copy + 1 == copies && self.hopeless(task, position + 1, sets, keys) {
                true
            } else {
                self.descend(task, (position, copy + 1, bin + 1), sets, keys, watch)?
            };
            sets[bin] = sets[bin].without(item);
            keys[bin] = before;
            if !whole {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether nothing below can come before the best so far.
    fn hopeless(&self, task: &Task, position: usize, sets: &[Set], keys: &[Keys]) -> bool {
        let left: usize = task.order[position..].iter().map(|&item| self.unit.items[item].copies).sum();
        if sets.iter().filter(|&&set| set == Set::EMPTY).count() > left {
            return true;
        }
        let Some(best) = &self.best else { return false };
        let bound = keys.iter().copied().sum::<Keys>() + task.least[position];
        (&bound, task.modes, task.ranks) >= (&best.keys, &best.modes, &best.ranks)
    }

    /// A whole packing.
    fn finish(&mut self, task: &Task, sets: &[Set]) {
        if sets.contains(&Set::EMPTY) {
            return;
        }
        let mut devices = Vec::new();
        for (&bin, &set) in task.bins.iter().zip(sets) {
            let Some((_, entry)) = self.best_of(bin, set) else { return };
            devices.push((bin, self.fronts.picked(bin, set, &entry)));
        }
        let packed = self.packed(devices);
        self.offer(packed);
    }
}

/// What stays the same over one search for the best packing.
struct Task<'t> {
    bins: &'t [usize],
    order: &'t [usize],
    /// What the items from each position on add at least.
    least: &'t [Keys],
    modes: &'t Vec<String>,
    /// The least rank of each workload's copies.
    ranks: &'t Vec<(usize, u32)>,
}
