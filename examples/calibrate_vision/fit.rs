//! From observations to a law with effects: weighted least squares for the roofline, then all effects at once as the mean of
//! a Gaussian process whose covariance adds up what two observations share.

use std::collections::BTreeMap;

use edgemem::domain::Precision;
use edgemem::speed::vision::effects::{Effects, Shared, Written};
use edgemem::speed::vision::law::{Constants, Law, Rates, Stream};
use edgemem::speed::vision::{Fit, Group, Spread};
use edgemem::units::Seconds;

use super::data::Observation;
use super::stats::{Cholesky, least_squares, median};

/// How much effects vary: standard deviations of their logarithms by what is shared.
pub(crate) type Variation = BTreeMap<Shared, f64>;

/// Before the measurements are asked: a few tenths for everything that may differ at all.
pub(crate) fn prior_variation() -> Variation {
    use Shared::*;
    [
        (Build, 0.3),
        (Generation, 0.3),
        (Chip, 0.25),
        (GenerationBuild, 0.15),
        (ChipBuild, 0.15),
        (Kind, 0.3),
        (KindBuild, 0.2),
        (GenerationKind, 0.2),
        (Family, 0.25),
        (GenerationFamily, 0.15),
        (Network, 0.2),
        (NetworkBuild, 0.15),
        (GenerationNetwork, 0.15),
        (ChipNetwork, 0.1),
        (ChipNetworkBuild, 0.1),
    ]
    .into()
}

/// Scatter of one measurement (logarithm), the floor of what effects have to explain.
const NOISE: f64 = 0.05;
/// Networks whose figures are unknown may lie anywhere.
const UNKNOWN_NETWORK: f64 = 1.5;
/// Chips whose rates are unknown may lie anywhere.
const UNKNOWN_CHIP: f64 = 1.0;

/// What is assumed of a law's constants before the measurements: logarithm and its standard deviation.
struct Priors {
    stream: Stream,
    per_layer: bool,
    overhead: (f64, f64),
    efficiency: (f64, f64),
    data_share: (f64, f64),
    exponent: (f64, f64),
}

fn priors(group: Group) -> Priors {
    let about = |value: f64, spread: f64| (value.ln(), spread);
    match group {
        Group::Hailo | Group::Rockchip | Group::Hexagon | Group::Npu => Priors {
            stream: Stream::Chip,
            per_layer: false,
            overhead: about(5e-4, 1.5),
            efficiency: about(0.3, 1.0),
            data_share: about(0.0015, 0.7),
            exponent: (0.5, 0.2),
        },
        Group::Cuda => Priors {
            stream: Stream::Memory,
            per_layer: false,
            overhead: about(1e-3, 1.5),
            efficiency: about(0.35, 0.7),
            data_share: about(0.6, 0.4),
            exponent: (0.3, 0.15),
        },
        Group::Cpu => Priors {
            stream: Stream::Memory,
            per_layer: false,
            overhead: about(2e-3, 1.0),
            efficiency: about(0.4, 1.0),
            data_share: about(0.5, 0.5),
            exponent: (0.5, 0.2),
        },
        Group::WhisperCuda | Group::WhisperMetal => Priors {
            stream: Stream::Memory,
            per_layer: true,
            overhead: about(6e-5, 0.7),
            efficiency: about(0.3, 0.5),
            data_share: about(0.8, 0.2),
            exponent: (0.3, 0.15),
        },
    }
}

/// Mean of the logarithms of the known rates: where the overheads hold, and the stand-in for unknown ones.
fn reference(rows: &[&Observation]) -> Rates {
    let mut compute: Vec<f64> = rows.iter().filter_map(|o| o.rates).map(|r| r.compute.ln()).collect();
    let mut bandwidth: Vec<f64> = rows.iter().filter_map(|o| o.rates.and_then(|r| r.bandwidth)).map(f64::ln).collect();
    let bandwidth = (!bandwidth.is_empty()).then(|| median(&mut bandwidth).exp());
    Rates { compute: if compute.is_empty() { 1e12 } else { median(&mut compute).exp() }, bandwidth }
}

fn rates(o: &Observation, reference: Rates) -> Rates {
    let found = o.rates.unwrap_or(reference);
    Rates { compute: found.compute, bandwidth: found.bandwidth.or(reference.bandwidth) }
}

/// Logarithm of the roofline's time.
fn roofline(law: &Law, o: &Observation, reference: Rates) -> f64 {
    law.time(&o.part, o.activations, o.weight_bytes, o.precision, rates(o, reference)).map_or(0.0, |t| t.0.ln())
}

fn law_of(group: Group, precisions: &[Precision], x: &[f64], reference: f64) -> Law {
    let priors = priors(group);
    let n = precisions.len();
    Law {
        precisions: precisions
            .iter()
            .enumerate()
            .map(|(i, &p)| (p, Constants { overhead: Seconds(x[i].exp()), efficiency: x[n + i].exp() }))
            .collect(),
        reference,
        overhead_exponent: x[2 * n + 1],
        per_layer: priors.per_layer,
        stream: priors.stream,
        data_share: x[2 * n].exp(),
    }
}

/// The roofline of a group: chips and kinds of network may deviate, so that none of them bends it.
fn fit_law(group: Group, rows: &[&Observation]) -> (Law, Rates) {
    let rows: Vec<&Observation> = rows.iter().copied().filter(|o| o.known).collect();
    let reference = reference(&rows);
    let mut precisions: Vec<Precision> = rows.iter().map(|o| o.precision).collect();
    precisions.sort();
    precisions.dedup();
    let index = |names: Vec<&str>| -> BTreeMap<String, usize> {
        let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        names.sort();
        names.dedup();
        names.into_iter().enumerate().map(|(i, n)| (n, i)).collect()
    };
    let chips = index(rows.iter().map(|o| o.chip.as_str()).collect());
    let kinds = index(rows.iter().map(|o| o.kind.as_str()).collect());
    let p = priors(group);
    let n = precisions.len();
    let mut prior: Vec<(f64, f64)> = vec![p.overhead; n];
    prior.extend(vec![p.efficiency; n]);
    prior.extend([p.data_share, p.exponent]);
    let own = prior.len();
    for chip in chips.keys() {
        let rated = rows.iter().any(|o| &o.chip == chip && o.rates.is_some());
        prior.push((0.0, if rated { 0.3 } else { UNKNOWN_CHIP }));
    }
    prior.extend(vec![(0.0, 0.3); kinds.len()]);
    let residuals = |x: &[f64]| {
        let law = law_of(group, &precisions, x, reference.compute);
        let mut r: Vec<f64> = rows
            .iter()
            .map(|o| {
                let offset = x[own + chips[&o.chip]] + x[own + chips.len() + kinds[&o.kind]];
                (o.seconds.ln() - roofline(&law, o, reference) - offset) / 0.3
            })
            .collect();
        r.extend(x.iter().zip(&prior).map(|(v, (mean, spread))| (v - mean) / spread));
        r
    };
    let start: Vec<f64> = prior.iter().map(|p| p.0).collect();
    let x = least_squares(&start, residuals);
    (law_of(group, &precisions, &x, reference.compute), reference)
}

/// Observations with the covariance of what they share.
pub(crate) struct Process<'a> {
    pub rows: Vec<&'a Observation>,
    pub law: Law,
    reference: Rates,
    /// Logarithms left over by the law.
    rest: Vec<f64>,
    /// For each effect, which value each observation has, and the standard deviation.
    members: Vec<(Shared, Vec<Option<usize>>, Vec<f64>)>,
}

impl<'a> Process<'a> {
    /// Fits the law and prepares the effects.
    pub(crate) fn new(group: Group, rows: &[&'a Observation], variation: &Variation) -> Self {
        let (law, reference) = fit_law(group, rows);
        Self::with_law(law, reference, rows, variation)
    }

    fn with_law(law: Law, reference: Rates, rows: &[&'a Observation], variation: &Variation) -> Self {
        let rest = rows.iter().map(|o| o.seconds.ln() - roofline(&law, o, reference)).collect();
        let mut key = String::new();
        let members = Shared::ALL
            .into_iter()
            .map(|shared| {
                let mut values: BTreeMap<String, usize> = BTreeMap::new();
                let mut members = Vec::with_capacity(rows.len());
                let mut deviations = Vec::with_capacity(rows.len());
                for o in rows {
                    let has = o.subject().key(shared, &mut key);
                    let next = values.len();
                    members.push(has.then(|| *values.entry(key.clone()).or_insert(next)));
                    deviations.push(match shared {
                        Shared::Network if !o.known => UNKNOWN_NETWORK,
                        Shared::Chip if o.rates.is_none() => UNKNOWN_CHIP,
                        _ => variation.get(&shared).copied().unwrap_or(0.1),
                    });
                }
                (shared, members, deviations)
            })
            .collect();
        Self { rows: rows.to_vec(), law, reference, rest, members }
    }

    /// The same law with other variations.
    pub(crate) fn varied(&self, variation: &Variation) -> Self {
        Self::with_law(self.law.clone(), self.reference, &self.rows, variation)
    }

    fn covariance(&self) -> Vec<f64> {
        let n = self.rows.len();
        let mut k = vec![0.0; n * n];
        for (_, members, deviations) in &self.members {
            let mut by_value: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            for (i, m) in members.iter().enumerate() {
                if let Some(m) = m {
                    by_value.entry(*m).or_default().push(i);
                }
            }
            for group in by_value.values() {
                for &i in group {
                    for &j in group {
                        k[i * n + j] += deviations[i] * deviations[j];
                    }
                }
            }
        }
        for i in 0..n {
            k[i * n + i] += NOISE * NOISE;
        }
        k
    }

    /// Logarithm of the probability of the observations, up to a constant.
    pub(crate) fn likelihood(&self) -> f64 {
        let Some(factor) = Cholesky::new(self.covariance(), self.rows.len()) else { return f64::NEG_INFINITY };
        let alpha = factor.solve(&self.rest);
        -0.5 * self.rest.iter().zip(&alpha).map(|(a, b)| a * b).sum::<f64>() - factor.half_log_determinant()
    }

    /// The effects: each value's share of what is left over.
    pub(crate) fn effects(&self) -> Effects {
        let mut effects = Written::default();
        let Some(factor) = Cholesky::new(self.covariance(), self.rows.len()) else { return Effects::default() };
        let alpha = factor.solve(&self.rest);
        let mut key = String::new();
        for (shared, members, deviations) in &self.members {
            for (i, o) in self.rows.iter().enumerate() {
                if members[i].is_some() && o.subject().key(*shared, &mut key) {
                    let of_shared = effects.entry(*shared).or_default();
                    *of_shared.entry(key.clone()).or_insert(0.0) += deviations[i] * deviations[i] * alpha[i];
                }
            }
        }
        effects.into()
    }

    /// Law and effects together.
    pub(crate) fn fit(&self) -> Fit {
        Fit { law: self.law.clone(), effects: self.effects(), spread: Spread::default() }
    }

    /// Measured over predicted (logarithm) for an observation that `fit` has not seen.
    pub(crate) fn miss(&self, fit: &Fit, o: &Observation) -> f64 {
        o.seconds.ln() - roofline(&fit.law, o, self.reference) - fit.effects.on(&o.subject()).0
    }

    /// What each observation would be missed by if the block that it is in had been left out, effects re-estimated and the
    /// law kept: the inverse of the covariance knows without a new fit.
    pub(crate) fn left_out(&self, block: impl Fn(&Observation) -> String) -> Vec<f64> {
        let n = self.rows.len();
        let Some(factor) = Cholesky::new(self.covariance(), n) else { return vec![f64::NAN; n] };
        let (alpha, inverse) = (factor.solve(&self.rest), factor.inverse());
        let mut blocks: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (i, o) in self.rows.iter().enumerate() {
            blocks.entry(block(o)).or_default().push(i);
        }
        let mut out = vec![f64::NAN; n];
        for members in blocks.values() {
            let m = members.len();
            let sub = members.iter().flat_map(|&i| members.iter().map(move |&j| (i, j)));
            let sub: Vec<f64> = sub.map(|(i, j)| inverse[i * n + j]).collect();
            let of_block: Vec<f64> = members.iter().map(|&i| alpha[i]).collect();
            if let Some(factor) = Cholesky::new(sub, m) {
                for (&i, miss) in members.iter().zip(factor.solve(&of_block)) {
                    out[i] = miss;
                }
            }
        }
        out
    }
}

/// The variations under which the observations of all groups together are most probable, kept near the prior by a log-normal
/// penalty of one unit.
pub(crate) fn most_likely_variation(processes: &[Process<'_>]) -> Variation {
    let prior = prior_variation();
    let score = |v: &Variation| {
        let penalty: f64 = v.iter().map(|(k, s)| (s / prior[k]).ln().powi(2) / 2.0).sum();
        processes.iter().map(|p| p.varied(v).likelihood()).sum::<f64>() - penalty
    };
    let mut best = prior.clone();
    let mut best_score = score(&best);
    for _ in 0..2 {
        for shared in Shared::ALL {
            for factor in [0.5, 0.7, 1.4, 2.0] {
                let mut tried = best.clone();
                if let Some(s) = tried.get_mut(&shared) {
                    *s = (*s * factor).clamp(0.02, 0.6);
                }
                let tried_score = score(&tried);
                if tried_score > best_score {
                    (best, best_score) = (tried, tried_score);
                }
            }
        }
    }
    best
}
