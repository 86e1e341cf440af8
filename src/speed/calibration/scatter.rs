//! From errors of left-out measurements to ranges.

use std::collections::{BTreeMap, BTreeSet};

use super::folds::Judged;
use crate::speed::language::spread::{Level, ShapePoint, Spread};

/// Confidences at which the shape is stored.
const CONFIDENCES: [f64; 8] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99];

/// The quantile of absolute errors by which scatter is measured, and what it is for a normal distribution of width 1. The
/// tails beyond it are alike everywhere (odd runs, other versions) and belong to the common shape.
const QUANTILE: f64 = 0.8;
const NORMAL_QUANTILE: f64 = 1.2816;

/// Measurements that the scatter of the group above weighs against those of a class of its own.
const PRIOR_COUNT: f64 = 6.0;

/// How far the scatter of a class may lie from the typical one, either way.
const APART: f64 = 2.0;

/// Smallest number of errors from which a level's scatter is worked out by itself.
const ENOUGH: usize = 12;

/// The confidence at which ranges must hold when a third of all devices is unknown.
const HOLDS: f64 = 0.9;

/// In which share of the draws of unknown devices the high bounds must hold: the typical draw, since nothing depends on them.
/// They must also hold for measurers of whom nothing is known: those who take more care than others find devices faster.
const HIGH_HOLDS: f64 = 0.5;

/// Ranges are never stretched by more than this.
const MOST: f64 = 2.0;

/// The scatter of these errors: of measurements that were left out one thing at a time, and of measurements that were left
/// out by thirds, draw by draw. The first tell levels and classes apart, but leave to every device its neighbours, so that it
/// looks better known than a buyer's next device will be; the second stretch the ranges until they hold, and so do the `sources`,
/// left out one source at a time. `classes` names the laws of an observation's engine, on hardware of its maker and on its
/// silicon.
pub(super) fn spread<'a>(
    judged: &[Judged],
    draws: &[Vec<Judged>],
    sources: &[Judged],
    classes: impl Fn(usize) -> [&'a str; 2],
) -> Spread {
    let maker = |j: &Judged| classes(j.observation)[0];
    let silicon = |j: &Judged| classes(j.observation)[1];
    let mut count: BTreeMap<&str, f64> = BTreeMap::new();
    for j in judged {
        *count.entry(maker(j)).or_default() += 1.0;
    }
    // A class with many measurements counts as the square root of their number.
    let weight = |j: &Judged| count[maker(j)].powf(-0.5);
    let mut scale: BTreeMap<Level, f64> = BTreeMap::new();
    let mut least: f64 = 0.0;
    for level in Level::ALL {
        let errors: Vec<(f64, f64)> =
            judged.iter().filter(|j| j.level == level).map(|j| (j.log_error.abs(), weight(j))).collect();
        let own = if errors.len() >= ENOUGH {
            // Whichever is wider of all classes alike and all measurements alike: neither the odd class nor the bulk of the
            // measurements may fall out of the range.
            let alike = errors.iter().map(|&(e, _)| (e, 1.0)).collect();
            quantile(errors, QUANTILE).max(quantile(alike, QUANTILE)) / NORMAL_QUANTILE
        } else {
            1.25 * least
        };
        // Knowing less never makes an estimate surer.
        least = least.max(own).max(0.02);
        scale.insert(level, rounded(least));
    }
    let mut relative: BTreeMap<&str, f64> = BTreeMap::new();
    for (name, (_, errors)) in grouped(judged, |j| (maker(j), maker(j)), &scale) {
        relative.insert(name, shrunk(errors, 1.0));
    }
    // What is odd about one kind of silicon is told from what is odd about all of its maker's.
    for (name, (maker, errors)) in grouped(judged, |j| (silicon(j), maker(j)), &scale) {
        let towards = relative.get(maker).copied().unwrap_or(1.0);
        relative.insert(name, shrunk(errors, towards));
    }
    let standard: Vec<(f64, f64)> =
        judged.iter().map(|j| (j.log_error / (scale[&j.level] * relative[silicon(j)]), weight(j))).collect();
    let mut shape: Vec<ShapePoint> = Vec::with_capacity(CONFIDENCES.len());
    for confidence in CONFIDENCES {
        let tail = (1.0 + confidence) / 2.0;
        let last = shape.last().copied();
        let below = -quantile(standard.clone(), 1.0 - tail);
        let above = quantile(standard.clone(), tail);
        shape.push(ShapePoint {
            confidence,
            below: rounded(below.max(last.map_or(0.0, |p| p.below))),
            above: rounded(above.max(last.map_or(0.0, |p| p.above))),
        });
    }
    let relative: BTreeMap<String, f64> = relative.into_iter().map(|(name, f)| (name.to_owned(), f)).collect();
    let deviation = |j: &Judged| scale[&j.level] * relative.get(silicon(j)).copied().unwrap_or(1.0);
    // How much these judgements ask the ranges to be stretched.
    let needed = |judged: &[Judged], sign: f64, side: fn(&ShapePoint) -> f64| -> f64 {
        let reach = shape.iter().find(|p| p.confidence >= HOLDS).map_or(0.0, side).max(f64::MIN_POSITIVE);
        let beyond = judged.iter().map(|j| (sign * j.log_error / deviation(j), 1.0)).collect();
        quantile(beyond, (1.0 + HOLDS) / 2.0) / reach
    };
    let below: Vec<f64> = draws.iter().map(|draw| needed(draw, -1.0, |p| p.below)).collect();
    let above = draws.iter().map(|draw| (needed(draw, 1.0, |p| p.above), 1.0)).collect();
    let above = quantile(above, HIGH_HOLDS).max(needed(sources, 1.0, |p| p.above));
    let (below, above) = (quadratic_mean(&below).clamp(1.0, MOST), above.clamp(1.0, MOST));
    for point in &mut shape {
        (point.below, point.above) = (rounded(point.below * below), rounded(point.above * above));
    }
    Spread { scale, relative, shape }
}

/// The group above and the errors of a group, each with its observation.
type Group<'a> = (&'a str, Vec<(usize, f64)>);

/// Errors in units of their level's scatter, by the first of the two names; the second is the group above.
fn grouped<'a>(
    judged: &[Judged],
    names: impl Fn(&Judged) -> (&'a str, &'a str),
    scale: &BTreeMap<Level, f64>,
) -> BTreeMap<&'a str, Group<'a>> {
    let mut groups: BTreeMap<&str, Group<'_>> = BTreeMap::new();
    for j in judged {
        let (name, above) = names(j);
        groups.entry(name).or_insert((above, Vec::new())).1.push((j.observation, j.log_error.abs() / scale[&j.level]));
    }
    groups
}

/// The scatter of these errors, drawn towards that of the group above as by [`PRIOR_COUNT`] measurements of it. A measurement
/// that was left out in several ways counts once, and a single odd one cannot widen a class without bound.
fn shrunk(errors: Vec<(usize, f64)>, towards: f64) -> f64 {
    let n = errors.iter().map(|e| e.0).collect::<BTreeSet<_>>().len() as f64;
    let own = quantile(errors.into_iter().map(|(_, e)| (e, 1.0)).collect(), QUANTILE) / NORMAL_QUANTILE;
    let own = own.clamp(1.0 / APART, APART);
    rounded(((n * own * own + PRIOR_COUNT * towards * towards) / (n + PRIOR_COUNT)).sqrt())
}

/// By how much the low side is stretched, from what the draws of unknown devices need. What errs, errs on a whole device, so
/// that the draws differ much, and a promise too high buys the wrong device: the draws that need much count more than those
/// that need little, but no single one decides.
fn quadratic_mean(needed: &[f64]) -> f64 {
    (needed.iter().map(|n| n.max(0.0).powi(2)).sum::<f64>() / needed.len().max(1) as f64).sqrt()
}

/// The quantile of weighted values.
fn quantile(mut values: Vec<(f64, f64)>, share: f64) -> f64 {
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = values.iter().map(|v| v.1).sum();
    let mut sum = 0.0;
    for &(value, weight) in &values {
        sum += weight;
        if sum >= share * total {
            return value;
        }
    }
    values.last().map_or(0.0, |v| v.0)
}

fn rounded(x: f64) -> f64 {
    (x * 1e4).round() / 1e4
}
