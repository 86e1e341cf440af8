//! Fitting shares along a tree of ever more special laws, and deviations from them.

use std::collections::{BTreeMap, BTreeSet};

/// A measurement in the terms of a law: time = sum of term x exp(parameter).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row<const N: usize> {
    /// Seconds at full efficiency.
    pub(super) terms: [f64; N],
    /// Natural logarithm of the measured time in seconds.
    pub(super) ln_time: f64,
    /// Names of the laws that apply, the most general first.
    pub(super) path: Vec<String>,
    /// Names of the deviations that apply, each with the width of its prior.
    pub(super) deviations: Vec<(String, f64)>,
    /// Measurements of one unit (a chip with an engine) together count as the square root of their number in the laws of
    /// more than one kind of silicon: a much-measured device must not speak for all.
    pub(super) unit: String,
}

/// What the fit assumes before it has seen a measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Prior<const N: usize> {
    /// Logarithms of the parameters of the most general law.
    pub(super) root: [f64; N],
    /// How far each parameter may lie from its parent's, by depth in the tree.
    pub(super) widths: &'static [[f64; N]],
    /// Depths from which all measurements count in full.
    pub(super) full_weight_from: usize,
    /// Scatter of the logarithm of a single measurement.
    pub(super) noise: f64,
}

/// Laws and deviations.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Fit<const N: usize> {
    /// Logarithms of the parameters by name.
    pub(super) laws: BTreeMap<String, Parameters<N>>,
    /// Logarithms of factors on the rate by name.
    pub(super) deviations: BTreeMap<String, f64>,
}

/// Logarithms of the parameters of a law.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Parameters<const N: usize>(pub(super) [f64; N]);

impl<const N: usize> Parameters<N> {
    fn ln_time(&self, terms: &[f64; N]) -> f64 {
        terms.iter().zip(&self.0).map(|(x, p)| x * p.exp()).sum::<f64>().max(f64::MIN_POSITIVE).ln()
    }
}

impl<const N: usize> Fit<N> {
    /// Logarithm of the time of a row, and how far down its path a law is known.
    pub(super) fn ln_time(&self, row: &Row<N>) -> Option<(f64, usize)> {
        let (depth, law) =
            row.path.iter().enumerate().rev().find_map(|(depth, name)| Some((depth, self.laws.get(name)?)))?;
        let deviation: f64 = row.deviations.iter().filter_map(|(name, _)| self.deviations.get(name)).sum();
        Some((law.ln_time(&row.terms) - deviation, depth))
    }

    /// Fits laws from the root down, then the deviations from them.
    pub(super) fn of(rows: &[&Row<N>], prior: &Prior<N>) -> Self {
        let laws = fit_laws(rows, prior);
        let mut fit = Self { laws, deviations: BTreeMap::new() };
        fit.deviations = fit_deviations(rows, prior.noise, |row| fit.ln_time(row).map_or(0.0, |(t, _)| t));
        fit
    }
}

fn fit_laws<const N: usize>(rows: &[&Row<N>], prior: &Prior<N>) -> BTreeMap<String, Parameters<N>> {
    let mut laws: BTreeMap<String, Parameters<N>> = BTreeMap::new();
    let mut count: BTreeMap<&str, f64> = BTreeMap::new();
    for row in rows {
        *count.entry(&row.unit).or_default() += 1.0;
    }
    for (depth, &widths) in prior.widths.iter().enumerate() {
        let mut nodes: BTreeMap<&str, Vec<&Row<N>>> = BTreeMap::new();
        for row in rows {
            if let Some(name) = row.path.get(depth) {
                nodes.entry(name).or_default().push(row);
            }
        }
        for (name, members) in nodes {
            let parent = depth
                .checked_sub(1)
                .and_then(|d| members[0].path.get(d))
                .and_then(|p| laws.get(p))
                .map_or(prior.root, |p| p.0);
            let weights: Vec<f64> = members
                .iter()
                .map(|row| if depth < prior.full_weight_from { count[row.unit.as_str()].powf(-0.5) } else { 1.0 })
                .collect();
            laws.insert(name.to_owned(), descend(&members, &weights, parent, widths, 1.7 * prior.noise));
        }
    }
    laws
}

/// Smallest step of the search in the logarithm of a parameter.
const FINEST: f64 = 0.002;

/// Most sweeps over the parameters.
const SWEEPS: usize = 80;

/// Minimises a robust sum of squares plus the distance from the parent, parameter by parameter with halving steps: no
/// derivatives, no surprises, the same result everywhere.
fn descend<const N: usize>(
    rows: &[&Row<N>],
    weights: &[f64],
    parent: [f64; N],
    widths: [f64; N],
    scatter: f64,
) -> Parameters<N> {
    let cost = |p: &[f64; N]| -> f64 {
        let law = Parameters(*p);
        let misfit: f64 = rows
            .iter()
            .zip(weights)
            .map(|(row, w)| w * robust((law.ln_time(&row.terms) - row.ln_time) / scatter))
            .sum();
        let away: f64 = (0..N).map(|i| ((p[i] - parent[i]) / widths[i]).powi(2)).sum();
        misfit + away
    };
    let mut at = parent;
    let mut best = cost(&at);
    let mut step = 0.4;
    for _ in 0..SWEEPS {
        let mut moved = false;
        for i in 0..N {
            for direction in [step, -step] {
                let mut next = at;
                next[i] += direction;
                let there = cost(&next);
                if there < best - 1e-9 {
                    (at, best, moved) = (next, there, true);
                    break;
                }
            }
        }
        if !moved {
            step /= 2.0;
            if step < FINEST {
                break;
            }
        }
    }
    Parameters(at)
}

/// Huber's loss: squares near zero, straight beyond 1.5.
fn robust(e: f64) -> f64 {
    const KNEE: f64 = 1.5;
    if e.abs() < KNEE { e * e } else { KNEE * (2.0 * e.abs() - KNEE) }
}

/// Rounds of the deviations' fit; each deviation is the shrunken mean of what the others leave.
const ROUNDS: usize = 30;

fn fit_deviations<const N: usize>(
    rows: &[&Row<N>],
    noise: f64,
    ln_time: impl Fn(&Row<N>) -> f64,
) -> BTreeMap<String, f64> {
    // Positive residual: faster than the law.
    let mut residual: Vec<f64> = rows.iter().map(|row| ln_time(row) - row.ln_time).collect();
    let mut members: BTreeMap<&str, (f64, Vec<usize>)> = BTreeMap::new();
    for (i, row) in rows.iter().enumerate() {
        for (name, width) in &row.deviations {
            members.entry(name).or_insert((*width, Vec::new())).1.push(i);
        }
    }
    let mut order: Vec<(&str, f64, Vec<usize>, f64)> =
        members.into_iter().map(|(name, (width, rows))| (name, width, rows, 0.0)).collect();
    // What many measurements share is explained before what is special to few.
    order.sort_by(|a, b| b.2.len().cmp(&a.2.len()).then(a.0.cmp(b.0)));
    for _ in 0..ROUNDS {
        for (_, width, rows, value) in &mut order {
            let (mut sum, mut weight) = (0.0, (noise / *width).powi(2));
            for &i in rows.iter() {
                let w = 1.0 / (residual[i].abs() / (2.0 * noise)).max(1.0);
                sum += w * (residual[i] + *value);
                weight += w;
            }
            let next = sum / weight;
            for &i in rows.iter() {
                residual[i] -= next - *value;
            }
            *value = next;
        }
    }
    order.into_iter().map(|(name, _, _, value)| (name.to_owned(), value)).collect()
}

/// All distinct values, sorted.
pub(super) fn distinct<T: Ord>(values: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    values.into_iter().collect()
}
