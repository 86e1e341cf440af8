//! Patterns (sets of items that one machine can host) and the least cost of covering all items with them, by column
//! generation.

use std::collections::HashMap;

use rayon::prelude::*;

use super::super::answer::MAX_POOLS;
use super::super::set::Set;
use super::super::unit::Unit;
use super::super::watch::{Stopped, Watch};
use super::lp::{Column, Program};
use super::price::{Priced, Seat};

/// Bounds are lowered by this for the rounding of sums of some hundred terms.
const SAFETY: f64 = 1.0 - 1e-9;

/// What remains between program and bound when it counts as solved.
const CLOSE: f64 = 1e-6;

/// Rounds after which column generation must have come closer.
const PATIENCE: u32 = 12;

/// A machine with items on it, each in one use.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) seat: u32,
    pub(super) takes: Vec<(u8, u16)>,
    pub(super) set: Set,
    pub(super) cost: f64,
}

/// What is to be covered, and with how much.
#[derive(Debug, Clone)]
pub(super) struct Task {
    /// Copies by item.
    pub(super) demand: Vec<u32>,
    pub(super) slots: u32,
    pub(super) power: Option<f64>,
    /// By kind, least and most devices.
    pub(super) counts: Vec<(u32, u32)>,
    /// By kind, items that may be put on it.
    pub(super) allowed: Vec<Set>,
}

impl Task {
    /// Takes a pattern on a seat out.
    pub(super) fn cover(&mut self, pattern: &Pattern, seat: &Seat) {
        pattern.takes.iter().for_each(|&(item, _)| self.demand[usize::from(item)] -= 1);
        self.slots = self.slots.saturating_sub(1);
        self.power = self.power.map(|power| power - seat.power);
        let (least, most) = &mut self.counts[seat.kind];
        (*least, *most) = (least.saturating_sub(1), most.saturating_sub(1));
    }
}

/// Weights: what a copy of each item is worth, and what a device, its draw and its kind cost beyond the price.
#[derive(Debug, Clone, Default)]
pub(super) struct Weights {
    pub(super) worth: Vec<f64>,
    pub(super) device: f64,
    pub(super) power: f64,
    pub(super) kinds: Vec<f64>,
}

impl Weights {
    fn mixed(&self, other: &Self, part: f64) -> Self {
        let mix = |a: f64, b: f64| part * a + (1.0 - part) * b;
        let all = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(&a, &b)| mix(a, b)).collect();
        Self {
            worth: all(&self.worth, &other.worth),
            device: mix(self.device, other.device),
            power: mix(self.power, other.power),
            kinds: all(&self.kinds, &other.kinds),
        }
    }
}

/// What column generation found out about a task.
#[derive(Debug, Clone)]
pub(super) struct Relaxed {
    /// No cover costs less.
    pub(super) bound: f64,
    /// Weights to go on from.
    pub(super) weights: Weights,
    /// By kind, what a device costs at least beyond what it hosts is worth.
    pub(super) excess: Vec<f64>,
    /// Patterns of the fractional cover.
    pub(super) used: Vec<(u32, f64)>,
    pub(super) feasible: bool,
}

/// How much work column generation may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    pub(super) rounds: u32,
    /// Nodes for each machine in each round, at first and at most.
    pub(super) nodes: (u64, u64),
    /// The search may end when no cover can cost less than this.
    pub(super) enough: f64,
    /// Steps after which the search ends.
    pub(super) steps: u64,
    /// What may remain between program and bound, as a part of what remains to `enough`.
    pub(super) near: f64,
}

impl Effort {
    /// What may remain between program and bound.
    fn close(&self, value: f64) -> f64 {
        let room = if self.enough.is_finite() { (self.enough - value).max(0.0) } else { 0.0 };
        (CLOSE * value).max(self.near * room)
    }
}

/// All machines and patterns of a site class.
pub(super) struct Master<'u> {
    pub(super) unit: &'u Unit<'u>,
    pub(super) seats: Vec<Seat<'u>>,
    /// Seats that are looked at.
    pub(super) active: Vec<usize>,
    pub(super) patterns: Vec<Pattern>,
    known: HashMap<(u32, Set), u32>,
    prices: Vec<[f64; MAX_POOLS + 1]>,
}

impl<'u> Master<'u> {
    pub(super) fn new(unit: &'u Unit<'u>, seats: Vec<Seat<'u>>) -> Self {
        let prices = vec![[0.0; MAX_POOLS + 1]; seats.len()];
        let active = (0..seats.len()).collect();
        Self { unit, seats, active, patterns: Vec::new(), known: HashMap::new(), prices }
    }

    /// Takes a pattern into the list, unless it is there; its place.
    pub(super) fn add(&mut self, seat: usize, takes: Vec<(u8, u16)>) -> u32 {
        let set = takes.iter().fold(Set::EMPTY, |set, &(item, _)| set.with(usize::from(item)));
        if let Some(&known) = self.known.get(&(seat as u32, set)) {
            return known;
        }
        let number = self.patterns.len() as u32;
        self.known.insert((seat as u32, set), number);
        let facts = &self.seats[seat];
        let own: f64 = takes.iter().map(|&(item, way)| facts.uses[usize::from(item)][usize::from(way)].own).sum();
        self.patterns.push(Pattern { seat: seat as u32, takes, set, cost: facts.price + own });
        number
    }

    /// The least fractional cost of a task.
    pub(super) fn relax(
        &mut self,
        task: &Task,
        start: &Weights,
        effort: Effort,
        watch: &mut Watch,
    ) -> Result<Relaxed, Stopped> {
        let mut lines = Lines::new(self, task, start);
        let items = lines.items.clone();
        let rows = lines.rows(task);
        let active: Vec<usize> =
            self.active.iter().copied().filter(|&seat| task.counts[self.seats[seat].kind].1 > 0).collect();
        let average = start.worth.iter().sum::<f64>() / start.worth.len().max(1) as f64;
        // Cap the penalties: a tenth of an uncovered item already exceeds the incumbent.
        let dearest = 10.0 * effort.enough;
        let mut missing: Vec<f64> =
            items.iter().map(|&item| (3.0 * start.worth[item] + 0.5 * average + 1e-3).min(dearest)).collect();
        missing.resize(rows.len(), (1.5 * average * items.len() as f64 + 1.0).min(dearest));
        let mut program = Program::new(&rows, missing);
        // An item that lacks cover costs at least what a machine of its own does.
        let alone = |&item: &usize| {
            let hosts = active.iter().map(|&seat| &self.seats[seat]);
            let hosts = hosts.filter(|seat| task.allowed[seat.kind].contains(item) && seat.able.contains(item));
            hosts.map(|seat| seat.price).fold(f64::INFINITY, f64::min)
        };
        let alone: Vec<f64> =
            items.iter().map(alone).map(|price| if price.is_finite() { price } else { 0.0 }).collect();
        let press = |program: &mut Program, missing: &[u32]| {
            missing.iter().for_each(|&row| program.press(row, 3.0, alone.get(row as usize).copied().unwrap_or(0.0)));
        };
        // The best bound and, by kind, what a device costs beyond what it hosts is worth.
        let mut best = (0.0, vec![0.0; self.unit.kinds.len()]);
        // Weights to stay near to, and the bound that they give.
        let (mut center, mut level) = (start.clone(), f64::NEG_INFINITY);
        for item in 0..task.demand.len() {
            if task.demand[item] == 0 {
                center.worth[item] = 0.0;
            }
        }
        let mut nodes = vec![effort.nodes.0; active.len()];
        let (mut hold, mut presses) = (0.85, 0);
        // What was missing between bound and program some rounds ago.
        let (mut since, mut gap) = (0, f64::INFINITY);
        let mut last = None;
        let mut fresh = true;
        // Seats whose worth is not known as well as it could be.
        let mut vague: Vec<usize> = Vec::new();
        let until = watch.steps.saturating_add(effort.steps);
        for _ in 0..effort.rounds {
            if fresh {
                let optimum = program.solve(&lines.columns);
                watch.step(optimum.pivots * 8)?;
                last = Some(optimum);
            }
            let Some(optimum) = &last else { break };
            let known = best.0;
            // Once the artificials cost more than the incumbent, raising their penalty cannot improve the bound.
            let lacking = !optimum.missing.is_empty() && optimum.value < effort.enough;
            let between = optimum.value - known;
            let close = between <= effort.close(optimum.value);
            if known >= effort.enough || optimum.missing.is_empty() && close || watch.steps >= until {
                break;
            }
            since += 1;
            if since > PATIENCE || close {
                let stuck = between > 0.8 * gap || close;
                (since, gap) = (0, between);
                if stuck && lacking && presses < 12 {
                    press(&mut program, &optimum.missing);
                    presses += 1;
                    fresh = true;
                    gap = f64::INFINITY;
                    continue;
                }
                if stuck && !vague.is_empty() {
                    vague.iter().for_each(|&position| nodes[position] *= 4);
                    gap = f64::INFINITY;
                } else if stuck {
                    break;
                }
                if stuck {
                    // Stalled: restart the smoothing from the next duals.
                    level = f64::NEG_INFINITY;
                }
            }
            let outer = lines.weights(optimum.duals.as_slice(), task);
            let at = center.mixed(&outer, hold);
            let priced = self.price(task, &active, &at, &nodes);
            watch.step(priced.iter().map(|p| p.nodes).sum::<u64>() + 4 * active.len() as u64)?;
            let (bound, excess) = self.bound(task, &active, &at, &priced);
            fresh = false;
            vague.clear();
            let mut deeper = false;
            let fine = 1.0 + 0.5 * (effort.close(optimum.value) / optimum.value).max(1e-9);
            for (position, found) in priced.iter().enumerate() {
                let seat = active[position];
                if found.open && found.most > self.above(seat, &at) * fine && nodes[position] < effort.nodes.1 {
                    if found.sets.is_empty() {
                        nodes[position] *= 4;
                        deeper = true;
                    } else {
                        vague.push(position);
                    }
                }
                for set in found.sets.iter().rev().take(2) {
                    let number = self.add(seat, set.clone());
                    fresh |= lines.add(self, task, number);
                }
            }
            if bound > best.0 {
                best = (bound, excess);
            }
            if bound > level {
                (center, level) = (at, bound);
            }
            if fresh {
                hold = 0.7;
            } else if hold > 0.05 {
                // Nothing here cuts off the weights of the program: closer to them.
                hold = (hold - 0.25).max(0.0);
            } else if deeper {
                // The same weights once more.
            } else if lacking && presses < 12 {
                press(&mut program, &optimum.missing);
                presses += 1;
                fresh = true;
            } else {
                break;
            }
        }
        let optimum = program.solve(&lines.columns);
        watch.step(optimum.pivots * 8)?;
        let used = optimum.used.iter().map(|&(column, part)| (lines.patterns[column as usize], part)).collect();
        Ok(Relaxed { bound: best.0, weights: center, excess: best.1, used, feasible: optimum.missing.is_empty() })
    }

    /// What a set on a seat must be worth to be a gain.
    fn above(&self, seat: usize, weights: &Weights) -> f64 {
        let facts = &self.seats[seat];
        let above = facts.price + weights.device + weights.power * facts.power + weights.kinds[facts.kind];
        above.max(0.0) * (1.0 + 1e-9) + 1e-9
    }

    /// The sets of seats that are worth more than they cost.
    fn price(&mut self, task: &Task, active: &[usize], weights: &Weights, nodes: &[u64]) -> Vec<Priced> {
        let tasks: Vec<(usize, f64, [f64; MAX_POOLS + 1], u64)> = (active.iter().zip(nodes))
            .map(|(&seat, &nodes)| (seat, self.above(seat, weights), self.prices[seat], nodes))
            .collect();
        let (unit, seats) = (self.unit, &self.seats);
        let all: Vec<(Priced, [f64; MAX_POOLS + 1])> = tasks
            .into_par_iter()
            .map(|(seat, above, mut prices, nodes)| {
                let allowed = task.allowed[seats[seat].kind];
                let found = seats[seat].best(unit, &weights.worth, allowed, above, &mut prices, nodes);
                (found, prices)
            })
            .collect();
        let mut priced = Vec::with_capacity(all.len());
        for ((found, prices), &seat) in all.into_iter().zip(active) {
            self.prices[seat] = prices;
            priced.push(found);
        }
        priced
    }

    /// By seat, the most that a set is worth, looking closely only where it may be above what the seat costs less `slack`.
    pub(super) fn most(&mut self, weights: &Weights, slack: f64, nodes: u64) -> Vec<f64> {
        let (unit, seats, prices) = (self.unit, &self.seats, &self.prices);
        (0..seats.len())
            .into_par_iter()
            .map(|seat| {
                let above = (seats[seat].price + weights.device + weights.power * seats[seat].power - slack).max(0.0);
                let mut prices = prices[seat];
                let found = seats[seat].best(unit, &weights.worth, seats[seat].able, above, &mut prices, nodes);
                found.most.max(above)
            })
            .collect()
    }

    /// The bound that weights give when no set is worth more than what was found, and by kind what a device costs at
    /// least beyond what it hosts is worth.
    ///
    /// For any weights a unit costs at least what all items are worth, less what the limits on devices and power are
    /// worth, plus for each device what it costs beyond the worth of its items. Its kind may be bought in so many numbers
    /// only; the least is taken. All weights may also be scaled down: running costs are never negative, so the worth of a
    /// set falls at least as fast.
    fn bound(&self, task: &Task, active: &[usize], weights: &Weights, priced: &[Priced]) -> (f64, Vec<f64>) {
        let need: f64 = weights.worth.iter().zip(&task.demand).map(|(worth, &copies)| worth * f64::from(copies)).sum();
        let limits = f64::from(task.slots) * weights.device + task.power.unwrap_or(0.0).max(0.0) * weights.power;
        let mut lines: Vec<(usize, f64, f64)> = Vec::with_capacity(active.len());
        for (found, &seat) in priced.iter().zip(active) {
            let facts = &self.seats[seat];
            let over = found.most - weights.device - weights.power * facts.power;
            lines.push((facts.kind, facts.price, over));
        }
        let at = |scale: f64| {
            let mut excess = vec![f64::INFINITY; task.counts.len()];
            for &(kind, price, over) in &lines {
                excess[kind] = excess[kind].min(price - scale * over);
            }
            let mut sum = (need - limits) * scale;
            for (excess, &(least, most)) in excess.iter().zip(&task.counts) {
                let least = if *excess < 0.0 { most.min(task.slots) } else { least };
                if least > 0 {
                    sum += f64::from(least) * excess;
                }
            }
            (sum, excess)
        };
        let mut best = at(1.0);
        for &(_, price, over) in &lines {
            if over > price {
                let here = at(price / over);
                if here.0 > best.0 {
                    best = here;
                }
            }
        }
        (if best.0 > 0.0 { best.0 * SAFETY } else { 0.0 }, best.1)
    }
}

/// The columns of one task: patterns without the items that need no cover, only the cheapest of equal ones.
struct Lines {
    items: Vec<usize>,
    row_of: Vec<u32>,
    /// By kind the rows of its least and most devices.
    of_kind: Vec<(Option<u32>, Option<u32>)>,
    columns: Vec<Column>,
    patterns: Vec<u32>,
    best: HashMap<(Set, usize), f64>,
}

/// Known patterns that column generation starts from, for each row.
const KEPT: usize = 5;

impl Lines {
    fn new(master: &Master, task: &Task, weights: &Weights) -> Self {
        let items: Vec<usize> = (0..task.demand.len()).filter(|&item| task.demand[item] > 0).collect();
        let mut row_of = vec![u32::MAX; task.demand.len()];
        items.iter().enumerate().for_each(|(row, &item)| row_of[item] = row as u32);
        let mut next = items.len() as u32 + 1 + u32::from(task.power.is_some());
        let mut row = |wanted: bool| {
            next += u32::from(wanted);
            wanted.then_some(next - 1)
        };
        let of_kind =
            task.counts.iter().map(|&(least, most)| (row(least > 0), row(most > 0 && most < task.slots))).collect();
        let mut lines =
            Self { items, row_of, of_kind, columns: Vec::new(), patterns: Vec::new(), best: HashMap::new() };
        // Of the known patterns those that cost least beyond what they are worth.
        let mut ranked: Vec<(f64, u32)> = Vec::new();
        for (number, pattern) in master.patterns.iter().enumerate() {
            let seat = &master.seats[pattern.seat as usize];
            let counts = |&item: &usize| task.demand[item] > 0 && task.allowed[seat.kind].contains(item);
            let worth: f64 = pattern.set.iter().filter(counts).map(|item| weights.worth[item]).sum();
            let excess = pattern.cost + weights.device + weights.power * seat.power + weights.kinds[seat.kind] - worth;
            ranked.push((excess, number as u32));
        }
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (_, number) in ranked.into_iter().take(KEPT * lines.items.len() + 50) {
            lines.add(master, task, number);
        }
        lines
    }

    /// What each row asks for.
    fn rows(&self, task: &Task) -> Vec<f64> {
        let mut rows: Vec<f64> = self.items.iter().map(|&item| f64::from(task.demand[item])).collect();
        rows.push(-f64::from(task.slots));
        rows.extend(task.power.map(|power| -power.max(0.0)));
        for ((least, most), counts) in self.of_kind.iter().zip(&task.counts) {
            rows.extend(least.map(|_| f64::from(counts.0)));
            rows.extend(most.map(|_| -f64::from(counts.1)));
        }
        rows
    }

    /// Takes a pattern in; false if it adds nothing.
    fn add(&mut self, master: &Master, task: &Task, number: u32) -> bool {
        let rows = self.items.len() as u32;
        let pattern = &master.patterns[number as usize];
        let seat = &master.seats[pattern.seat as usize];
        let mut set = Set::EMPTY;
        let mut cost = pattern.cost;
        for &(item, way) in &pattern.takes {
            let item = usize::from(item);
            if task.demand[item] > 0 && task.allowed[seat.kind].contains(item) {
                set = set.with(item);
            } else {
                cost -= seat.uses[item][usize::from(way)].own;
            }
        }
        if set == Set::EMPTY || task.counts[seat.kind].1 == 0 {
            return false;
        }
        // Without limits on power and kinds it does not matter which machine it is.
        let (least, most) = self.of_kind[seat.kind];
        let free = task.power.is_none() && least.is_none() && most.is_none();
        let known = self.best.entry((set, if free { usize::MAX } else { seat.machine })).or_insert(f64::INFINITY);
        if cost >= *known - 1e-12 {
            return false;
        }
        *known = cost;
        let mut entries: Vec<(u32, f64)> = set.iter().map(|item| (self.row_of[item], 1.0)).collect();
        entries.push((rows, -1.0));
        if task.power.is_some() && seat.power > 0.0 {
            entries.push((rows + 1, -seat.power));
        }
        entries.extend(least.map(|row| (row, 1.0)));
        entries.extend(most.map(|row| (row, -1.0)));
        self.columns.push(Column { cost, entries });
        self.patterns.push(number);
        true
    }

    fn weights(&self, duals: &[f64], task: &Task) -> Weights {
        let mut worth = vec![0.0; task.demand.len()];
        self.items.iter().zip(duals).for_each(|(&item, &dual)| worth[item] = dual);
        let dual = |row: Option<u32>| row.map_or(0.0, |row| duals[row as usize]);
        let kinds = self.of_kind.iter().map(|&(least, most)| dual(most) - dual(least)).collect();
        let device = duals.get(self.items.len()).copied().unwrap_or(0.0);
        let power = if task.power.is_some() { duals[self.items.len() + 1] } else { 0.0 };
        Weights { worth, device, power, kinds }
    }
}
