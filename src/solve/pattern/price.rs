//! The most worth that one machine can host: a knapsack with several resources and several ways to take each item.
//!
//! Sums of memory and load are compared in integers, so every set found really fits. The bound comes from prices on the
//! machine's resources: for any of them, what the resources are worth together with what each item is worth beyond what
//! it takes is never less than the best set.

use super::super::answer::MAX_POOLS;
use super::super::set::Set;
use super::super::unit::{Choice, Room, Unit};
use super::knapsack::Knapsack;

/// Resources of a machine: its pools and its time.
pub(super) const RESOURCES: usize = MAX_POOLS + 1;

/// Bounds are raised by this for the rounding of sums of some hundred terms.
pub(super) const SAFETY: f64 = 1.0 + 1e-10;

/// Rounds of the search for good prices of the resources.
const ROUNDS: u32 = 14;

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
            return Priced { most: total * SAFETY, sets: Vec::new(), nodes: 1 };
        }
        let most = self.relax(&items, prices, above).min(total) * SAFETY;
        if most <= above || nodes == 0 {
            return Priced { most, sets: Vec::new(), nodes: 1 };
        }
        // Whatever takes little for its worth comes first.
        let rank = |item: &Taken| {
            let best = item.ways.iter().map(|(gain, _, using)| gain / (self.paid(using, prices) + 1e-12));
            best.fold(0.0, f64::max)
        };
        items.sort_by_cached_key(|item| (std::cmp::Reverse(Total(rank(item))), item.item));
        let found = Knapsack::new(self, unit, &items, prices).fill(above, nodes);
        Priced { most: found.most.min(most), ..found }
    }

    /// What a use takes at these prices.
    pub(super) fn paid(&self, using: &Use, prices: &[f64; RESOURCES]) -> f64 {
        self.resources.iter().map(|&r| using.shares[r] * prices[r]).sum()
    }

    /// Improves the prices of the resources; the least bound found.
    fn relax(&self, items: &[Taken], prices: &mut [f64; RESOURCES], above: f64) -> f64 {
        let mut best = (f64::INFINITY, *prices);
        let mut now = *prices;
        if self.resources.iter().all(|&r| now[r] == 0.0) {
            let total: f64 = items.iter().map(|item| item.ways.iter().map(|w| w.0).fold(0.0, f64::max)).sum();
            let start = total.min(above.max(0.0) * 1.1) / self.resources.len().max(1) as f64;
            self.resources.iter().for_each(|&r| now[r] = start);
        }
        let mut pace = 0.3;
        for _ in 0..ROUNDS {
            let mut sum: f64 = self.resources.iter().map(|&r| now[r]).sum();
            let mut slack = [1.0; RESOURCES];
            for item in items {
                let mut most = (0.0, None);
                for (gain, _, using) in &item.ways {
                    let left = gain - self.paid(using, &now);
                    if left > most.0 {
                        most = (left, Some(using));
                    }
                }
                sum += most.0;
                if let Some(using) = most.1 {
                    self.resources.iter().for_each(|&r| slack[r] -= using.shares[r]);
                }
            }
            if sum < best.0 {
                best = (sum, now);
            } else {
                pace *= 0.6;
            }
            if best.0 <= above {
                break;
            }
            let norm: f64 = self.resources.iter().map(|&r| slack[r] * slack[r]).sum();
            if norm < 1e-12 {
                break;
            }
            for &r in &self.resources {
                let step = pace * sum * 0.5 * slack[r] / norm.max(0.05);
                now[r] = (now[r] - step).max(0.0);
            }
        }
        *prices = best.1;
        best.0
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
