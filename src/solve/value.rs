//! What hosting an item is worth at least, and what a device can be worth at most: a bound on every unit's cost.
//!
//! The price of a device is spread over its resources (load and each pool) by weights that add up to one. An item then
//! costs on a device what it takes of each resource times that resource's part of the price. Whatever a device hosts takes
//! at most all of each resource, so the items on it cost together at most its price; hence the sum over all items of what
//! they cost on the device where they cost least is a lower bound of the price of any unit. That holds for all weights, so
//! finding good ones may be done in floating point.

use super::answer::MAX_POOLS;
use super::unit::Unit;

/// Resources of a machine: its pools and its time.
const RESOURCES: usize = MAX_POOLS + 1;

/// Rounds of the search for good weights.
const ROUNDS: u32 = 240;

/// Keeps the bound below the true one whatever the rounding of sums of some hundred terms.
const SAFETY: f64 = 1.0 - 1e-9;

/// The worth of items and devices, in the unit of the search.
#[derive(Debug, Clone)]
pub(super) struct Values {
    /// Worth of one copy of each item.
    pub(super) items: Vec<i128>,
    /// Worth of all copies of all items: what the devices of a unit must reach together.
    pub(super) need: i128,
    /// By kind, the most that one device can host, by worth.
    pub(super) kinds: Vec<i128>,
    /// By machine, what one costs at least beyond the worth of what it hosts, running costs included.
    pub(super) excess: Vec<i128>,
    /// No unit costs less.
    pub(super) least: i128,
}

/// One choice of an item on a machine, as shares of the machine's resources and a cost of its own.
struct Use {
    shares: [f64; RESOURCES],
    own: f64,
}

/// One machine as the bound sees it.
struct Seat {
    kind: usize,
    machine: usize,
    price: f64,
    /// By item.
    uses: Vec<Vec<Use>>,
}

impl Values {
    /// Works out values from what one device of each kind costs at least; kinds without a price are never bought.
    pub(super) fn new(unit: &Unit, prices: &[Option<i128>]) -> Self {
        let seats = seats(unit, prices);
        let copies: Vec<f64> = unit.items.iter().map(|item| item.copies as f64).collect();
        let cheapest = seats.iter().map(|seat| seat.price).fold(f64::INFINITY, f64::min);
        let mut best: Option<(f64, Vec<f64>)> = None;
        // A price on the number of devices: it pays where the limit on devices forces larger ones.
        for extra in [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0] {
            let extra = if cheapest.is_finite() { extra * cheapest } else { 0.0 };
            let (least, items) = ascend(&seats, &copies, extra, extra * unit.slots as f64);
            match &best {
                Some((known, _)) if least <= *known => break,
                _ => best = Some((least, items)),
            }
        }
        let (least, items) = best.unwrap_or_default();
        let whole: Vec<i128> = items.iter().map(|worth| (worth * SAFETY).floor().max(0.0) as i128).collect();
        let need = whole.iter().zip(&unit.items).map(|(worth, item)| worth * item.copies as i128).sum();
        let mut kinds = vec![0_i128; unit.kinds.len()];
        let mut excess = vec![0; unit.machines.len()];
        for seat in &seats {
            let most = most(seat, &items) / SAFETY;
            excess[seat.machine] = ((seat.price * SAFETY - most).floor() as i128).saturating_sub(1);
            kinds[seat.kind] = kinds[seat.kind].max(most.ceil() as i128 + 1);
        }
        Self { items: whole, need, kinds, excess, least: (least * SAFETY).floor().max(0.0) as i128 }
    }
}

fn seats(unit: &Unit, prices: &[Option<i128>]) -> Vec<Seat> {
    let mut seats = Vec::new();
    for (number, kind) in unit.kinds.iter().enumerate() {
        let Some(price) = prices[number] else { continue };
        let modes =
            if unit.machines.iter().all(|m| m.per_load == 0) && !unit.running() { &kind.strong } else { &kind.modes };
        for &mode in modes {
            let machine = &unit.machines[mode];
            let running = if unit.running() { machine.base.objective } else { 0 };
            let share = |part: u64, whole: u64| if part == 0 { 0.0 } else { part as f64 / whole as f64 };
            let using = |choice: &super::unit::Choice| {
                let mut shares = [0.0; RESOURCES];
                for (of, (&part, &whole)) in shares.iter_mut().zip(choice.mem.iter().zip(&machine.room)).take(MAX_POOLS)
                {
                    *of = share(part, whole);
                }
                shares[MAX_POOLS] = share(choice.load, unit.problem.max_load.0);
                let own = if unit.running() { machine.per_load as f64 * choice.load as f64 } else { 0.0 };
                Use { shares, own }
            };
            let uses = machine.lean.iter().map(|choices| choices.iter().map(using).collect()).collect();
            seats.push(Seat { kind: number, machine: mode, price: (price + running) as f64, uses });
        }
    }
    seats
}

/// Raises the bound by moving weight to the resources that run out first; the bound and what each item is worth.
fn ascend(seats: &[Seat], copies: &[f64], extra: f64, discount: f64) -> (f64, Vec<f64>) {
    let mut weights = vec![[1.0 / RESOURCES as f64; RESOURCES]; seats.len()];
    for (weight, seat) in weights.iter_mut().zip(seats) {
        // Pools that nothing uses get no weight.
        let used: Vec<bool> =
            (0..RESOURCES).map(|r| seat.uses.iter().flatten().any(|using| using.shares[r] > 0.0)).collect();
        let count = used.iter().filter(|&&used| used).count().max(1) as f64;
        for r in 0..RESOURCES {
            weight[r] = if used[r] { 1.0 / count } else { 0.0 };
        }
    }
    let mut best = (f64::NEG_INFINITY, vec![0.0; copies.len()]);
    for round in 0..ROUNDS {
        let mut sum = -discount;
        let mut worth = vec![0.0; copies.len()];
        let mut taken = vec![[0.0; RESOURCES]; seats.len()];
        for item in 0..copies.len() {
            let mut least = (f64::INFINITY, 0, [0.0; RESOURCES]);
            for (number, seat) in seats.iter().enumerate() {
                for using in &seat.uses[item] {
                    let share: f64 = using.shares.iter().zip(&weights[number]).map(|(s, w)| s * w).sum();
                    let cost = using.own + (seat.price + extra) * share;
                    if cost < least.0 {
                        least = (cost, number, using.shares);
                    }
                }
            }
            if least.0.is_finite() {
                worth[item] = least.0;
                sum += least.0 * copies[item];
                let taken = &mut taken[least.1];
                taken.iter_mut().zip(least.2).for_each(|(t, s)| *t += s * copies[item]);
            }
        }
        if sum > best.0 {
            best = (sum, worth);
        }
        let step = 2.0 / (1.0 + f64::from(round) / 8.0);
        for (weight, taken) in weights.iter_mut().zip(&taken) {
            let all: f64 = taken.iter().sum();
            if all > 0.0 {
                let grown: Vec<f64> = weight.iter().zip(taken).map(|(w, t)| w * (step * t / all).exp()).collect();
                let total: f64 = grown.iter().sum();
                weight.iter_mut().zip(grown).for_each(|(w, g)| *w = g / total);
            }
        }
    }
    best
}

/// The most worth that one device can host: for any prices of its resources, what is worth more than it takes counts with
/// the difference, and the resources count in full.
fn most(seat: &Seat, items: &[f64]) -> f64 {
    let mut best = f64::INFINITY;
    let total: f64 = items.iter().zip(&seat.uses).filter(|(_, uses)| !uses.is_empty()).map(|(worth, _)| worth).sum();
    best = best.min(total);
    let mut prices = [seat.price / 2.0; RESOURCES];
    for round in 0..60_u32 {
        let mut sum: f64 = prices.iter().sum();
        let mut taken = [0.0; RESOURCES];
        for (worth, uses) in items.iter().zip(&seat.uses) {
            let gain =
                |using: &Use| worth - using.own - using.shares.iter().zip(&prices).map(|(s, p)| s * p).sum::<f64>();
            let most = uses.iter().map(|using| (gain(using), using)).max_by(|a, b| a.0.total_cmp(&b.0));
            if let Some((gain, using)) = most.filter(|(gain, _)| *gain > 0.0) {
                sum += gain;
                taken.iter_mut().zip(using.shares).for_each(|(t, s)| *t += s);
            }
        }
        best = best.min(sum);
        let step = seat.price / (2.0 + f64::from(round));
        prices.iter_mut().zip(taken).for_each(|(p, t)| *p = (*p + step * (t - 1.0).clamp(-1.0, 1.0)).max(0.0));
    }
    best
}
