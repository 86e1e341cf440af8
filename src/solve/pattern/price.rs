//! The most worth that one machine can host: a knapsack with several resources and several ways to take each item.
//!
//! Sums of memory and load are compared in integers, so every set found really fits. The bound comes from prices on the
//! machine's resources: for any of them, what the resources are worth together with what each item is worth beyond what
//! it takes is never less than the best set.

use std::cmp::Reverse;

use super::super::answer::MAX_POOLS;
use super::super::set::Set;
use super::super::unit::{Choice, Room, Unit};
use super::knapsack::Knapsack;
use super::resources;

/// Resources of a machine: its pools and its time.
pub(super) const RESOURCES: usize = MAX_POOLS + 1;

/// Bounds are raised by this for the rounding of sums of some hundred terms.
pub(super) const SAFETY: f64 = 1.0 + 1e-10;

/// Sizes that are told apart in the order of items, as parts of the whole machine.
const SIZES: f64 = 40.0;

/// Least number of partial sets that are kept side by side.
const LEAST_WIDTH: u64 = 24;

/// One choice of an item on a machine as shares of the machine's resources, and what running it costs.
#[derive(Debug, Clone)]
pub(super) struct Use<'u> {
    pub(super) choice: &'u Choice,
    pub(super) shares: [f64; RESOURCES],
    pub(super) own: f64,
}

/// A machine that can be bought.
#[derive(Debug, Clone)]
pub(super) struct Seat<'u> {
    pub(super) kind: usize,
    pub(super) machine: usize,
    /// What it costs and draws.
    pub(super) price: f64,
    pub(super) power: f64,
    /// By item.
    pub(super) uses: Vec<Vec<Use<'u>>>,
    /// Items that it can host.
    pub(super) able: Set,
    pub(super) room: Room,
    /// Resources that anything uses.
    pub(super) resources: Vec<usize>,
}

/// What was found out about a machine.
#[derive(Debug, Clone, Default)]
pub(super) struct Priced {
    /// No set is worth more.
    pub(super) most: f64,
    /// Sets worth more than was asked for, with the number of the use of each item; the best last.
    pub(super) sets: Vec<Vec<(u8, u16)>>,
    /// Whether more nodes may tell more.
    pub(super) open: bool,
    /// Nodes of the search.
    pub(super) nodes: u64,
}

/// An item that may be taken.
pub(super) struct Taken<'s, 'u> {
    pub(super) item: usize,
    /// Worth after what running it costs, the number of the use, and the use.
    pub(super) ways: Vec<(f64, u16, &'s Use<'u>)>,
}

impl<'u> Seat<'u> {
    pub(super) fn new(unit: &'u Unit<'u>, kind: usize, machine: usize, price: f64, scale: f64) -> Self {
        let facts = &unit.machines[machine];
        let share = |part: u64, whole: u64| if part == 0 { 0.0 } else { part as f64 / whole as f64 };
        let using = |choice: &'u Choice| {
            let mut shares = [0.0; RESOURCES];
            for (of, (&part, &whole)) in shares.iter_mut().zip(choice.mem.iter().zip(&facts.room)) {
                *of = share(part, whole);
            }
            shares[MAX_POOLS] = share(choice.load, unit.problem.max_load.0);
            let own = if unit.running() { facts.per_load as f64 * choice.load as f64 * scale } else { 0.0 };
            Use { choice, shares, own }
        };
        let uses: Vec<Vec<Use>> = facts.lean.iter().map(|choices| choices.iter().map(using).collect()).collect();
        let used = |&resource: &usize| uses.iter().flatten().any(|using: &Use| using.shares[resource] > 0.0);
        let resources = (0..RESOURCES).filter(used).collect();
        Self { kind, machine, price, power: facts.power as f64, uses, able: facts.able, room: facts.room, resources }
    }

    /// Looks for sets of allowed items that are worth more than `above`, and bounds the worth of all; `prices` are those of the resources
    /// from the last time, `nodes` the most that the search may look at.
    pub(super) fn best(
        &self,
        unit: &Unit,
        worth: &[f64],
        allowed: Set,
        above: f64,
        prices: &mut [f64; RESOURCES],
        nodes: u64,
    ) -> Priced {
        let mut items: Vec<Taken> = Vec::new();
        for (item, uses) in self.uses.iter().enumerate() {
            if !allowed.contains(item) {
                continue;
            }
            let ways: Vec<(f64, u16, &Use)> = uses
                .iter()
                .enumerate()
                .map(|(number, using)| (worth[item] - using.own, number as u16, using))
                .filter(|(gain, _, _)| *gain > 0.0)
                .collect();
            if !ways.is_empty() {
                items.push(Taken { item, ways });
            }
        }
        let total: f64 = items.iter().map(|item| item.ways.iter().map(|w| w.0).fold(0.0, f64::max)).sum();
        if total * SAFETY <= above {
            return Priced { most: total * SAFETY, sets: Vec::new(), open: false, nodes: 1 };
        }
        let most = resources::bound(self, &items, prices, above).min(total) * SAFETY;
        if most <= above || nodes == 0 {
            return Priced { most, sets: Vec::new(), open: false, nodes: 1 };
        }
        // What takes much, at these prices or of a single resource, is decided first: few sets are left side by side when
        // what takes little fills the gaps. Of what takes about as much, whatever is worth most for it comes first.
        let size = |(_, _, using): &(f64, u16, &Use)| {
            let part = self.resources.iter().map(|&r| using.shares[r]).fold(0.0, f64::max);
            (self.paid(using, prices) / most).max(0.5 * part)
        };
        items.sort_by_cached_key(|item| {
            let size = (item.ways.iter().map(size).fold(f64::INFINITY, f64::min) * SIZES).floor();
            (Reverse(Total(size)), Reverse(Total(self.pace(item, prices))), item.item)
        });
        let width = (nodes / items.len() as u64).max(LEAST_WIDTH) as usize;
        let found = Knapsack::new(self, unit, &items, prices).fill(above, width);
        Priced { most: found.most.min(most), ..found }
    }

    /// What an item is worth for what it takes at these prices.
    pub(super) fn pace(&self, item: &Taken, prices: &[f64; RESOURCES]) -> f64 {
        let all = item.ways.iter().map(|(gain, _, using)| gain / (self.paid(using, prices) + 1e-12));
        all.fold(0.0, f64::max)
    }

    /// What a use takes at these prices.
    pub(super) fn paid(&self, using: &Use, prices: &[f64; RESOURCES]) -> f64 {
        self.resources.iter().map(|&r| using.shares[r] * prices[r]).sum()
    }
}

/// A number with the order that floating point has when nothing is undefined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Total(pub(super) f64);

impl Eq for Total {}

impl PartialOrd for Total {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Total {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}
