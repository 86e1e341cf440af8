//! The search for the sets of items that are worth most on one machine.
//!
//! Item by item, all partial sets that can still become worth more than is known are kept side by side. Of two that have
//! decided the same items, the one that is worth no more and has no more left of anything is dropped: whatever completes
//! it completes the other. A partial set is worth at most what it has plus, for any prices of the resources, what is left of
//! them together with what each item to come is worth beyond what it takes.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::super::answer::MAX_POOLS;
use super::super::set::Set;
use super::super::unit::{Choice, Room, Unit};
use super::price::{Priced, RESOURCES, SAFETY, Seat, Taken, Total};

/// Stretches of the prices of two resources that are tried against each other.
const STRETCHES: [f64; 9] = [0.0, 0.4, 0.7, 0.88, 1.0, 1.12, 1.35, 1.8, 3.0];

/// Guides at the pace of the items.
const PACES: usize = 24;

/// A set that has been decided for the items so far.
#[derive(Clone)]
struct Partial {
    gain: f64,
    /// No set that it can become is worth more.
    bound: f64,
    /// Bytes left by pool.
    room: Room,
    load: u64,
    /// Most load that its items allow.
    cap: u64,
    /// Items to come that must not stand beside its own.
    barred: Set,
    /// Its last step in the trail, counted from one.
    last: u32,
}

/// What the items from a position on could use at most: more left of a resource than this is no advantage.
#[derive(Clone, Copy)]
struct Appetite {
    room: Room,
    load: u64,
    /// The least load that one of them allows.
    cap: u64,
    /// The items.
    items: Set,
}

/// Prices of the resources, with what the items from each position on are worth beyond them; many side by side.
struct Guides {
    /// By resource in use, the price in each guide.
    prices: Vec<Vec<f64>>,
    /// By position, the worth beyond the prices in each guide.
    rest: Vec<Vec<f64>>,
}

/// Guides are compared in bundles of so many.
const BUNDLE: usize = 4;

impl Guides {
    fn new(seat: &Seat, items: &[Taken], guides: &[[f64; RESOURCES]]) -> Self {
        let prices = seat.resources.iter().map(|&r| guides.iter().map(|guide| guide[r]).collect()).collect();
        let mut rest = vec![vec![0.0; guides.len()]; items.len() + 1];
        for (position, item) in items.iter().enumerate().rev() {
            for (number, guide) in guides.iter().enumerate() {
                let most = item.ways.iter().map(|(gain, _, using)| gain - seat.paid(using, guide));
                rest[position][number] = rest[position + 1][number] + most.fold(0.0, f64::max);
            }
        }
        Self { prices, rest }
    }

    /// What the items from a position on can add at most, with so much of each resource in use left.
    fn most(&self, position: usize, left: &[f64]) -> f64 {
        let rest = &self.rest[position];
        let mut least = [f64::INFINITY; BUNDLE];
        for from in (0..rest.len()).step_by(BUNDLE) {
            let mut sum = [0.0; BUNDLE];
            sum.copy_from_slice(&rest[from..from + BUNDLE]);
            for (prices, left) in self.prices.iter().zip(left) {
                for (sum, price) in sum.iter_mut().zip(&prices[from..from + BUNDLE]) {
                    *sum += price * left;
                }
            }
            for (least, sum) in least.iter_mut().zip(sum) {
                *least = if sum < *least { sum } else { *least };
            }
        }
        least.into_iter().fold(f64::INFINITY, f64::min)
    }
}

/// The items that may be put on a machine, in the order in which they are decided.
pub(super) struct Knapsack<'k, 's, 'u> {
    seat: &'k Seat<'u>,
    unit: &'k Unit<'u>,
    items: &'k [Taken<'s, 'u>],
    prices: [f64; RESOURCES],
    guides: Guides,
    /// Positions, what is worth most for what it takes first.
    by_pace: Vec<usize>,
    /// By position.
    appetites: Vec<Appetite>,
    /// The pool that is compared beside load.
    scarce: usize,
}

impl<'k, 's, 'u> Knapsack<'k, 's, 'u> {
    pub(super) fn new(
        seat: &'k Seat<'u>,
        unit: &'k Unit<'u>,
        items: &'k [Taken<'s, 'u>],
        prices: &[f64; RESOURCES],
    ) -> Self {
        let mut guides = vec![*prices];
        let mut ranked = seat.resources.clone();
        ranked.sort_by(|&a, &b| prices[b].total_cmp(&prices[a]).then(a.cmp(&b)));
        let sum: f64 = prices.iter().sum();
        for &x in &STRETCHES {
            for &y in &STRETCHES {
                let mut guide = prices.map(|price| price * x);
                for &r in ranked.iter().skip(1) {
                    guide[r] = prices[r].max(0.03 * sum) * y;
                }
                if ranked.len() > 1 && (x, y) != (1.0, 1.0) || x == y {
                    guides.push(guide);
                }
            }
        }
        // What is left is worth as much as the items at hand are for what they take.
        let mut by_pace: Vec<usize> = (0..items.len()).collect();
        by_pace.sort_by_cached_key(|&position| (Reverse(Total(seat.pace(&items[position], prices))), position));
        for number in 0..PACES {
            let Some(&position) = by_pace.get(number * items.len() / PACES) else { break };
            let pace = seat.pace(&items[position], prices);
            if pace > 0.3 && pace < 3.0 {
                guides.push(prices.map(|price| price * pace));
            }
        }
        // Whole bundles.
        while guides.len() % BUNDLE != 0 {
            guides.push(*prices);
        }
        let guides = Guides::new(seat, items, &guides);
        let none = Appetite { room: [0; MAX_POOLS], load: 0, cap: u64::MAX, items: Set::EMPTY };
        let mut appetites = vec![none; items.len() + 1];
        for (position, item) in items.iter().enumerate().rev() {
            let mut appetite = appetites[position + 1];
            appetite.items = appetite.items.with(item.item);
            appetite.cap = item.ways.iter().fold(appetite.cap, |cap, (_, _, using)| cap.min(using.choice.cap));
            for (pool, room) in appetite.room.iter_mut().enumerate() {
                let most = item.ways.iter().map(|(_, _, using)| using.choice.mem[pool]).max();
                *room = room.saturating_add(most.unwrap_or(0));
            }
            let most = item.ways.iter().map(|(_, _, using)| using.choice.load).max();
            appetite.load = appetite.load.saturating_add(most.unwrap_or(0));
            appetites[position] = appetite;
        }
        let scarce = (0..MAX_POOLS).max_by(|&a, &b| prices[a].total_cmp(&prices[b]).then(b.cmp(&a))).unwrap_or(0);
        Self { seat, unit, items, prices: *prices, guides, by_pace, appetites, scarce }
    }

    /// Looks for sets worth more than `above`, the best last, keeping so many partial sets side by side.
    pub(super) fn fill(&self, above: f64, width: usize) -> Priced {
        let mut trail: Vec<(u32, u8, u16)> = Vec::new();
        let empty = Partial {
            gain: 0.0,
            bound: f64::INFINITY,
            room: self.seat.room,
            load: 0,
            cap: self.unit.problem.max_load.0,
            barred: Set::EMPTY,
            last: 0,
        };
        let mut layer = vec![empty];
        let mut found: Vec<u32> = Vec::new();
        let (mut best, mut left, mut looked) = (above, 0.0_f64, 1_u64);
        for position in 0..self.items.len() {
            let mut next: Vec<Partial> = Vec::with_capacity(layer.len() * 2);
            for partial in &layer {
                self.grow(position, partial, best, &mut next, &mut trail);
            }
            looked += next.len() as u64;
            for partial in &next {
                if partial.gain > best {
                    best = partial.gain;
                    found.push(partial.last);
                }
            }
            next.retain(|partial| partial.bound > best);
            self.undominated(&mut next);
            let crowded = next.len() > width;
            if crowded {
                next.sort_by(|a, b| b.bound.total_cmp(&a.bound).then(a.last.cmp(&b.last)));
                left = next[width..].iter().fold(left, |left, partial| left.max(partial.bound));
                next.truncate(width);
            }
            layer = next;
            // The most promising one at once to its end: what is known early saves looking at others, and those that were
            // dropped may have been the best.
            let promising = layer.iter().max_by(|a, b| a.bound.total_cmp(&b.bound).then(b.last.cmp(&a.last)));
            let Some(partial) = promising.filter(|_| crowded || position == 0) else { continue };
            let (gain, last) = self.finished(position + 1, partial, &mut trail);
            if gain > best {
                best = gain;
                found.push(last);
            }
        }
        let sets = found.iter().rev().take(2).rev().map(|&last| traced(&trail, last)).collect();
        Priced { most: best.max(left) * SAFETY, sets, open: left > best, nodes: looked }
    }

    /// A partial set with all items to come that still fit, what is worth most for what it takes first; its worth and last step.
    fn finished(&self, position: usize, partial: &Partial, trail: &mut Vec<(u32, u8, u16)>) -> (f64, u32) {
        let mut now = partial.clone();
        for item in self.by_pace.iter().filter(|&&at| at >= position).map(|&at| &self.items[at]) {
            let ways = item.ways.iter().filter_map(|(gain, number, using)| {
                let grown = self.with(&now, item.item, *gain, using.choice)?;
                Some((gain - self.seat.paid(using, &self.prices), *number, grown))
            });
            if let Some((_, number, grown)) = ways.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1))) {
                trail.push((now.last, item.item as u8, number));
                now = Partial { last: trail.len() as u32, ..grown };
            }
        }
        (now.gain, now.last)
    }

    /// A partial set with one more item, if it fits.
    fn with(&self, partial: &Partial, item: usize, gain: f64, choice: &Choice) -> Option<Partial> {
        let (load, cap) = (partial.load + choice.load, partial.cap.min(choice.cap));
        let fits = choice.mem.iter().zip(&partial.room).all(|(taken, left)| taken <= left);
        if load > cap || !fits || partial.barred.contains(item) {
            return None;
        }
        let mut room = partial.room;
        room.iter_mut().zip(&choice.mem).for_each(|(left, taken)| *left -= taken);
        let barred = partial.barred.union(self.unit.items[item].apart);
        Some(Partial { gain: partial.gain + gain, room, load, cap, barred, ..*partial })
    }

    /// What becomes of a partial set at a position: without the item, and with it in each of its ways.
    fn grow(
        &self,
        position: usize,
        partial: &Partial,
        best: f64,
        next: &mut Vec<Partial>,
        trail: &mut Vec<(u32, u8, u16)>,
    ) {
        let item = &self.items[position];
        let appetite = &self.appetites[position + 1];
        for (gain, number, using) in &item.ways {
            let Some(grown) = self.with(partial, item.item, *gain, using.choice) else { continue };
            if let Some(bound) = self.bound(position + 1, &grown, best) {
                trail.push((partial.last, item.item as u8, *number));
                next.push(Partial { bound, last: trail.len() as u32, ..grown }.sated(appetite));
            }
        }
        if let Some(bound) = self.bound(position + 1, partial, best) {
            next.push(Partial { bound, ..partial.clone() }.sated(appetite));
        }
    }

    /// What a partial set can become worth at most; nothing when that is no more than `best` and it is not more itself.
    fn bound(&self, position: usize, partial: &Partial, best: f64) -> Option<f64> {
        let mut left = [0.0; RESOURCES];
        for (left, &r) in left.iter_mut().zip(&self.seat.resources) {
            *left = if r == MAX_POOLS {
                (partial.cap - partial.load) as f64 / self.unit.problem.max_load.0.max(1) as f64
            } else {
                partial.room[r] as f64 / self.seat.room[r].max(1) as f64
            };
        }
        let bound = (partial.gain + self.guides.most(position, &left[..self.seat.resources.len()])) * SAFETY;
        (bound > best || partial.gain > best).then_some(bound.max(partial.gain))
    }

    /// Drops partial sets that another one replaces.
    fn undominated(&self, all: &mut Vec<Partial>) {
        let key = |partial: &Partial| {
            let mut room = partial.room;
            room[self.scarce] = 0;
            (partial.cap, partial.barred, room)
        };
        all.sort_by(|a, b| {
            let worth = b.gain.total_cmp(&a.gain).then(a.load.cmp(&b.load));
            let left = b.room[self.scarce].cmp(&a.room[self.scarce]);
            key(a).cmp(&key(b)).then(worth).then(left).then(a.last.cmp(&b.last))
        });
        // By load, the most left of the scarce pool among those that are worth at least as much.
        let mut stairs: BTreeMap<u64, u64> = BTreeMap::new();
        let mut of = None;
        all.retain(|partial| {
            if of != Some(key(partial)) {
                stairs.clear();
                of = Some(key(partial));
            }
            let left = partial.room[self.scarce];
            if stairs.range(..=partial.load).next_back().is_some_and(|(_, &most)| most >= left) {
                return false;
            }
            while let Some((&load, _)) = stairs.range(partial.load..).next().filter(|(_, most)| **most <= left) {
                stairs.remove(&load);
            }
            stairs.insert(partial.load, left);
            true
        });
    }
}

impl Partial {
    /// Without what nothing to come can use.
    fn sated(mut self, appetite: &Appetite) -> Self {
        self.room.iter_mut().zip(&appetite.room).for_each(|(left, most)| *left = (*left).min(*most));
        // However few load the items to come allow, there is room for all of them.
        let cap = self.cap.min(appetite.cap);
        self.load = self.load.max(cap.saturating_sub(appetite.load));
        self.barred = self.barred.intersection(appetite.items);
        self
    }
}

/// The steps that led to a partial set.
fn traced(trail: &[(u32, u8, u16)], mut last: u32) -> Vec<(u8, u16)> {
    let mut steps = Vec::new();
    while let Some(&(before, item, way)) = (last as usize).checked_sub(1).and_then(|number| trail.get(number)) {
        steps.push((item, way));
        last = before;
    }
    steps.reverse();
    steps
}
