//! The most worth that one machine can host: a knapsack with several resources and several ways to take each item.
//!
//! Sums of memory and load are compared in integers, so every set found really fits. The bound comes from prices on the
//! machine's resources: for any of them, what the resources are worth together with what each item is worth beyond what
//! it takes is never less than the best set.

use super::super::answer::MAX_POOLS;
use super::super::set::Set;
use super::super::unit::{Choice, Room, Unit};

/// Resources of a machine: its pools and its time.
const RESOURCES: usize = MAX_POOLS + 1;

/// Bounds are raised by this for the rounding of sums of some hundred terms.
const SAFETY: f64 = 1.0 + 1e-10;

/// Rounds of the search for good prices of the resources.
const ROUNDS: u32 = 14;

/// One choice of an item on a machine as shares of the machine's resources, and what running it costs.
#[derive(Debug, Clone)]
pub(super) struct Use<'u> {
    pub(super) choice: &'u Choice,
    shares: [f64; RESOURCES],
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
    room: Room,
    /// Resources that anything uses.
    resources: Vec<usize>,
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
struct Taken<'s, 'u> {
    item: usize,
    /// Worth after what running it costs, the number of the use, and the use.
    ways: Vec<(f64, u16, &'s Use<'u>)>,
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
        let mut search = Search::new(self, unit, &items, prices, above, nodes);
        let mut state = State { left: [1.0; RESOURCES], mem: self.room, load: 0, cap: unit.problem.max_load.0 };
        state.left.iter_mut().for_each(|left| *left *= SAFETY);
        search.descend(0, 0.0, &state, Set::EMPTY);
        Priced { most: search.most.max(search.best).min(most), sets: search.found, nodes: search.nodes }
    }

    /// What a use takes at these prices.
    fn paid(&self, using: &Use, prices: &[f64; RESOURCES]) -> f64 {
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

/// What is left of a machine.
#[derive(Clone)]
struct State {
    left: [f64; RESOURCES],
    mem: Room,
    load: u64,
    cap: u64,
}

/// A depth-first search for the best set.
struct Search<'s, 'u> {
    seat: &'s Seat<'u>,
    unit: &'s Unit<'s>,
    items: &'s [Taken<'s, 'u>],
    /// Prices of the resources that give bounds, each with what the items from each position on are worth beyond them.
    guides: Vec<([f64; RESOURCES], Vec<f64>)>,
    path: Vec<(u8, u16)>,
    best: f64,
    /// What was left out for want of nodes is worth at most this.
    most: f64,
    found: Vec<Vec<(u8, u16)>>,
    nodes: u64,
    limit: u64,
}

impl<'s, 'u> Search<'s, 'u> {
    fn new(
        seat: &'s Seat<'u>,
        unit: &'s Unit<'s>,
        items: &'s [Taken<'s, 'u>],
        prices: &[f64; RESOURCES],
        above: f64,
        limit: u64,
    ) -> Self {
        let mut guides = Vec::new();
        for stretch in [1.0, 0.5, 0.75, 0.9, 1.12, 1.35, 1.8, 3.0] {
            guides.push(prices.map(|price| price * stretch));
        }
        if seat.resources.len() > 1 {
            let sum: f64 = prices.iter().sum();
            for &r in &seat.resources {
                for stretch in [0.7, 1.0, 1.4] {
                    let mut only = [0.0; RESOURCES];
                    only[r] = sum * stretch;
                    guides.push(only);
                }
            }
        }
        let guides = guides
            .into_iter()
            .map(|guide| {
                let mut rest = vec![0.0; items.len() + 1];
                for (position, item) in items.iter().enumerate().rev() {
                    let most = item.ways.iter().map(|(gain, _, using)| gain - seat.paid(using, &guide));
                    rest[position] = rest[position + 1] + most.fold(0.0, f64::max);
                }
                (guide, rest)
            })
            .collect();
        let path = Vec::new();
        Self { seat, unit, items, guides, path, best: above, most: 0.0, found: Vec::new(), nodes: 0, limit }
    }

    /// What the items from a position on can still add.
    fn bound(&self, position: usize, state: &State) -> f64 {
        let left = |guide: &[f64; RESOURCES]| -> f64 {
            self.seat.resources.iter().map(|&r| guide[r] * state.left[r].max(0.0)).sum()
        };
        self.guides.iter().map(|(guide, rest)| left(guide) + rest[position]).fold(f64::INFINITY, f64::min)
    }

    fn descend(&mut self, position: usize, gained: f64, state: &State, set: Set) {
        self.nodes += 1;
        if gained > self.best {
            self.best = gained;
            self.found.push(self.path.clone());
        }
        let Some(item) = self.items.get(position) else { return };
        let bound = (gained + self.bound(position, state)) * SAFETY;
        if bound <= self.best {
            return;
        }
        if self.nodes >= self.limit {
            self.most = self.most.max(bound);
            return;
        }
        if !self.unit.items[item.item].apart.meets(set) {
            for (gain, number, using) in &item.ways {
                let choice = using.choice;
                let load = state.load + choice.load;
                if load > state.cap.min(choice.cap) || choice.mem.iter().zip(&state.mem).any(|(m, left)| m > left) {
                    continue;
                }
                let mut next = state.clone();
                next.load = load;
                next.cap = next.cap.min(choice.cap);
                next.mem.iter_mut().zip(&choice.mem).for_each(|(left, taken)| *left -= taken);
                self.seat.resources.iter().for_each(|&r| next.left[r] -= using.shares[r]);
                self.path.push((item.item as u8, *number));
                self.descend(position + 1, gained + gain, &next, set.with(item.item));
                self.path.pop();
            }
        }
        self.descend(position + 1, gained, state, set);
    }
}
