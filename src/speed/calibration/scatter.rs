//! From errors of left-out measurements to ranges.

use std::collections::BTreeMap;

use super::folds::Judged;
use crate::speed::language::spread::{Level, ShapePoint, Spread};

/// Confidences at which the shape is stored.
const CONFIDENCES: [f64; 8] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99];

/// The quantile of absolute errors by which scatter is measured, and what it is for a normal distribution of width 1. The
/// tails beyond it are alike everywhere (odd runs, other versions) and belong to the common shape.
const QUANTILE: f64 = 0.8;
const NORMAL_QUANTILE: f64 = 1.2816;

/// Measurements that the scatter of its level weighs against those of a class of its own.
const PRIOR_COUNT: f64 = 12.0;

/// Smallest number of errors from which a level's scatter is worked out by itself.
const ENOUGH: usize = 12;

/// The scatter of these errors; `class` names the law of an observation's engine on its silicon.
pub(super) fn spread<'a>(judged: &[Judged], class: impl Fn(usize) -> &'a str) -> Spread {
    let mut count: BTreeMap<&str, f64> = BTreeMap::new();
    for j in judged {
        *count.entry(class(j.observation)).or_default() += 1.0;
    }
    // A class with many measurements counts as the square root of their number.
    let weight = |j: &Judged| count[class(j.observation)].powf(-0.5);
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
    let mut by_class: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for j in judged {
        by_class.entry(class(j.observation)).or_default().push((j.log_error.abs() / scale[&j.level], 1.0));
    }
    let relative: BTreeMap<&str, f64> = by_class
        .into_iter()
        .map(|(name, errors)| {
            let n = errors.len() as f64;
            let own = quantile(errors, QUANTILE) / NORMAL_QUANTILE;
            let shrunk = ((n * own * own + PRIOR_COUNT) / (n + PRIOR_COUNT)).sqrt();
            (name, rounded(shrunk.clamp(0.5, 2.0)))
        })
        .collect();
    let standard: Vec<(f64, f64)> =
        judged.iter().map(|j| (j.log_error / (scale[&j.level] * relative[class(j.observation)]), weight(j))).collect();
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
    Spread { scale, relative: relative.into_iter().map(|(name, f)| (name.to_owned(), f)).collect(), shape }
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
