//! Large site classes: a bound and a good unit from patterns, the sets of items that one machine can host.
//!
//! Covering all items by patterns at the least cost, parts of patterns allowed, bounds the cost of every unit, and far
//! better than spreading prices over resources does: items can no longer be cut in pieces. There are too many patterns to
//! list; those that matter are found one after the other, as the sets that are worth more than their machine costs under
//! the weights of the moment (column generation). Any weights give a valid bound (`master.rs`), so only the final ones
//! are worked out with care.

mod branch;
mod dive;
mod knapsack;
mod lp;
mod master;
mod price;
mod resources;

use super::construct::Device;
use super::front;
use super::set::Set;
use super::unit::{Choice, Unit};
use super::value::Values;
use super::watch::Watch;
use dive::Cover;
use master::{Effort, Master, Task, Weights};
use price::Seat;

/// Column generation for the whole class.
const ROOT: Effort =
    Effort { rounds: 600, nodes: (2_000, 200_000), enough: f64::INFINITY, steps: 5_000_000, near: 0.02 };

/// Steps for the search over numbers of devices.
const SEARCH: u64 = 400_000_000;

/// Nodes for the worth of a machine that the search later relies on.
const FINAL: u64 = 50_000;

/// What patterns told about a site class.
#[derive(Debug)]
pub(super) struct Told<'u> {
    /// Worth of items and devices; its `least` bounds every unit.
    pub(super) values: Values,
    /// The best unit found, if it is better than the one to start from.
    pub(super) unit: Option<Vec<Device<'u>>>,
    /// Whether a limit ended the work.
    pub(super) stopped: bool,
}

/// Bounds a class by patterns and looks for a unit better than `start`; `prices` is what one device of each kind costs at
/// least, running costs aside.
pub(super) fn tell<'u>(
    unit: &'u Unit<'u>,
    prices: &[Option<i128>],
    values: &Values,
    start: Option<&[Device<'u>]>,
    watch: &mut Watch,
) -> Option<Told<'u>> {
    let cheapest = prices.iter().flatten().copied().filter(|&price| price > 0).min()?;
    let scale = 1.0 / cheapest as f64;
    let seats = seats(unit, prices, scale);
    let mut master = Master::new(unit, seats);
    master.active = undominated(unit, &master.seats);
    let task = Task {
        demand: unit.items.iter().map(|item| item.copies as u32).collect(),
        slots: unit.slots as u32,
        power: unit.site.power_limit.map(|limit| limit.0 as f64),
        counts: vec![(0, unit.slots as u32); unit.kinds.len()],
        allowed: unit.kinds.iter().map(|kind| kind.able).collect(),
    };
    let mut cover = None;
    if let Some(devices) = start {
        for device in devices {
            if let Some((seat, takes)) = named(&master, device) {
                master.add(seat, takes);
            }
        }
        let patterns: Vec<_> = master.patterns.clone();
        cover = (patterns.len() == devices.len()).then(|| Cover::new(patterns));
    }
    let weights = Weights {
        worth: values.items.iter().map(|&worth| worth as f64 * scale).collect(),
        device: 0.0,
        power: 0.0,
        kinds: vec![0.0; unit.kinds.len()],
    };
    let first = cover.as_ref().map(|cover: &Cover| cover.cost);
    let root = Effort { enough: first.unwrap_or(f64::INFINITY), ..ROOT };
    let relaxed = master.relax(&task, &weights, root, watch).ok()?;
    let step = step(unit, prices);
    let cent = step as f64 * scale * 0.999;
    // No unit costs more than this.
    let dearest = master.seats.iter().map(|seat| seat.price).fold(0.0, f64::max) * unit.slots as f64;
    let own = |item: usize| {
        let all = master.seats.iter().flat_map(|seat| seat.uses[item].iter().map(|using| using.own));
        all.fold(0.0, f64::max) * unit.items[item].copies as f64
    };
    let ceiling = dearest + (0..unit.items.len()).map(own).sum::<f64>() + 1.0;
    let found = branch::search(&mut master, &task, &relaxed, (cover, ceiling), cent, SEARCH, watch);
    let (cover, stopped) = (found.cover, found.stopped);
    let slack = cover.as_ref().map_or(f64::INFINITY, |cover| cover.cost - relaxed.bound);
    let most = master.most(&relaxed.weights, slack, FINAL);
    let values = whole(&master, &relaxed.weights, found.bound, &most, scale, step);
    let better = cover.filter(|cover| first.is_none_or(|first| cover.cost < first * (1.0 - 1e-12)));
    Some(Told { values, unit: better.map(|cover| devices(&master, &cover)), stopped })
}

/// Machines that can be bought.
fn seats<'u>(unit: &'u Unit<'u>, prices: &[Option<i128>], scale: f64) -> Vec<Seat<'u>> {
    let mut seats = Vec::new();
    for (number, kind) in unit.kinds.iter().enumerate() {
        let Some(price) = prices[number] else { continue };
        for &mode in if unit.running() { &kind.modes } else { &kind.strong } {
            let running = if unit.running() { unit.machines[mode].base.objective } else { 0 };
            seats.push(Seat::new(unit, number, mode, (price + running) as f64 * scale, scale));
        }
    }
    seats
}

/// Seats without those that another one replaces at no more cost.
fn undominated(unit: &Unit, seats: &[Seat]) -> Vec<usize> {
    let covers = |a: usize, b: usize| {
        let (x, y) = (&unit.machines[seats[a].machine], &unit.machines[seats[b].machine]);
        seats[a].price <= seats[b].price
            && (unit.site.power_limit.is_none() || x.power <= y.power)
            && x.per_load <= y.per_load
            && x.pools == y.pools
            && x.room.iter().zip(&y.room).all(|(a, b)| a >= b)
            && x.lean.iter().zip(&y.lean).all(|(x, y)| y.iter().all(|c| x.iter().any(|d| front::lean(d, c))))
    };
    let beaten = |b: usize| (0..seats.len()).any(|a| a != b && covers(a, b) && (a < b || !covers(b, a)));
    (0..seats.len()).filter(|&seat| !beaten(seat)).collect()
}

/// What the costs of all units are multiples of.
fn step(unit: &Unit, prices: &[Option<i128>]) -> i128 {
    if unit.running() {
        return 1;
    }
    prices
        .iter()
        .flatten()
        .fold(0, |mut a, &price| {
            let mut b = price;
            while b != 0 {
                (a, b) = (b, a % b);
            }
            a
        })
        .max(1)
}

/// A device as a pattern.
fn named(master: &Master, device: &Device) -> Option<(usize, Vec<(u8, u16)>)> {
    let seat = master.seats.iter().position(|seat| seat.machine == device.machine)?;
    let take = |&(item, choice): &(usize, &Choice)| {
        let way = master.seats[seat].uses[item].iter().position(|using| std::ptr::eq(using.choice, choice))?;
        Some((item as u8, way as u16))
    };
    Some((seat, device.hosted.iter().map(take).collect::<Option<_>>()?))
}

fn devices<'u>(master: &Master<'u>, cover: &Cover) -> Vec<Device<'u>> {
    let device = |pattern: &master::Pattern| {
        let seat = &master.seats[pattern.seat as usize];
        let hosted = pattern
            .takes
            .iter()
            .map(|&(item, way)| (usize::from(item), seat.uses[usize::from(item)][usize::from(way)].choice));
        Device { machine: seat.machine, hosted: hosted.collect() }
    };
    cover.patterns.iter().map(device).collect()
}

/// Weights in the unit of the search, rounded so that they bound.
fn whole(master: &Master, weights: &Weights, bound: f64, most: &[f64], scale: f64, step: i128) -> Values {
    let unit = master.unit;
    let items: Vec<i128> = weights.worth.iter().map(|worth| (worth / scale * (1.0 - 1e-9)).floor() as i128).collect();
    let need = items.iter().zip(&unit.items).map(|(worth, item)| worth * item.copies as i128).sum();
    let mut kinds = vec![0_i128; unit.kinds.len()];
    let mut excess = vec![i128::MIN / 1000; unit.machines.len()];
    for (seat, most) in master.seats.iter().zip(most) {
        if most.is_finite() {
            let beyond = (seat.price * (1.0 - 1e-9) - most * (1.0 + 1e-9)) / scale;
            excess[seat.machine] = (beyond.floor() as i128).saturating_sub(1);
        }
        let most = (most / scale * (1.0 + 1e-9)).ceil();
        let most = if most.is_finite() && most < 1e36 { most as i128 + 1 } else { need };
        kinds[seat.kind] = kinds[seat.kind].max(most.min(need));
    }
    let least = (bound / scale * (1.0 - 1e-9)).floor().max(0.0) as i128;
    Values { items, need, kinds, excess, least: (least + step - 1) / step * step }
}

/// The items of a device.
pub(super) fn set(device: &Device) -> Set {
    device.hosted.iter().fold(Set::EMPTY, |set, &(item, _)| set.with(item))
}
