//! Prices of a machine's resources under which a bound on the worth of all sets is low.
//!
//! The bound is what the resources are worth together, with what each item is worth beyond what it takes. It is convex in
//! the prices and made of straight pieces, so that along a line its least is found exactly.

use super::price::{RESOURCES, Seat, Taken, Use};

/// Prices by resource.
type Prices = [f64; RESOURCES];

/// Times that all lines are gone along.
const SWEEPS: u32 = 6;

/// Most prices that are tried along a line.
const LOOKS: u32 = 16;

/// The first step along a line, as a part of all prices.
const STEP: f64 = 0.3;

/// Improves the prices, along all of them together and along each by itself; the least bound found. It ends early at a
/// bound of no more than `above`.
pub(super) fn bound(seat: &Seat, items: &[Taken], prices: &mut Prices, above: f64) -> f64 {
    if seat.resources.iter().all(|&r| prices[r] == 0.0) {
        let total: f64 = items.iter().map(|item| item.ways.iter().map(|way| way.0).fold(0.0, f64::max)).sum();
        let start = total.min(above.max(0.0) * 1.1) / seat.resources.len().max(1) as f64;
        seat.resources.iter().for_each(|&r| prices[r] = start);
    }
    let mut least = at(seat, items, prices).0;
    for _ in 0..SWEEPS {
        let before = least;
        let sum: f64 = prices.iter().sum();
        let single = |&r: &usize| {
            let mut line = [0.0; RESOURCES];
            line[r] = sum;
            line
        };
        // With one resource, all together is the only line.
        let each: &[usize] = if seat.resources.len() > 1 { &seat.resources } else { &[] };
        let lines: Vec<Prices> = std::iter::once(*prices).chain(each.iter().map(single)).collect();
        for line in &lines {
            if least > above {
                least = along(seat, items, prices, line, (least, above));
            }
        }
        if least <= above || least > before * (1.0 - 1e-5) {
            break;
        }
    }
    least
}

/// The bound at some prices, and how it changes with each: what is left of the resource.
fn at(seat: &Seat, items: &[Taken], prices: &Prices) -> (f64, Prices) {
    let mut sum: f64 = seat.resources.iter().map(|&r| prices[r]).sum();
    let mut slack = [1.0; RESOURCES];
    for item in items {
        let mut most: (f64, Option<&Use>) = (0.0, None);
        for (gain, _, using) in &item.ways {
            let left = gain - seat.paid(using, prices);
            if left > most.0 {
                most = (left, Some(using));
            }
        }
        sum += most.0;
        if let Some(using) = most.1 {
            seat.resources.iter().for_each(|&r| slack[r] -= using.shares[r]);
        }
    }
    (sum, slack)
}

/// The bound somewhere on a line, and how it changes there.
#[derive(Clone, Copy)]
struct Place {
    at: f64,
    bound: f64,
    slope: f64,
}

/// Moves prices along a line to where the bound is least, or no more than `above`; that bound. `least` is the bound where
/// the line starts.
fn along(seat: &Seat, items: &[Taken], prices: &mut Prices, line: &Prices, (least, above): (f64, f64)) -> f64 {
    let from = *prices;
    let moved = |t: f64| {
        let mut there = from;
        seat.resources.iter().for_each(|&r| there[r] = (from[r] + t * line[r]).max(0.0));
        there
    };
    let look = |t: f64| {
        let (bound, slack) = at(seat, items, &moved(t));
        Place { at: t, bound, slope: seat.resources.iter().map(|&r| slack[r] * line[r]).sum() }
    };
    // As far back as the first price that becomes nothing.
    let ratios = seat.resources.iter().filter(|&&r| line[r] > 0.0).map(|&r| from[r] / line[r]);
    let back = -ratios.fold(f64::INFINITY, f64::min);
    let mut best = (least, 0.0);
    let (mut low, mut high): (Option<Place>, Option<Place>) = (None, None);
    let (mut place, mut step) = (look(0.0), STEP);
    for _ in 0..LOOKS {
        if place.bound < best.0 {
            best = (place.bound, place.at);
        }
        if best.0 <= above {
            break;
        }
        if place.slope < 0.0 {
            low = Some(place);
        } else {
            high = Some(place);
        }
        let next = match (low, high) {
            (Some(low), Some(high)) => {
                // Where the straight pieces of either end meet.
                let t = (low.bound - high.bound + high.slope * high.at - low.slope * low.at) / (high.slope - low.slope);
                let met = low.bound + low.slope * (t - low.at);
                if !t.is_finite() || met >= best.0 * (1.0 - 1e-7) {
                    break;
                }
                t
            }
            (Some(low), None) => low.at + step,
            (None, Some(high)) if high.at > back => (high.at - step).max(back),
            (None, _) => break,
        };
        step *= 3.0;
        place = look(next);
    }
    *prices = moved(best.1);
    best.0
}
