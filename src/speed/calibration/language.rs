//! From observations to [`Constants`].

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::folds::{Fold, Judged, lots};
use super::observation::{Measured, Observation};
use super::scatter;
use super::tree::{Fit, Prior, Row, distinct};
use crate::speed::language::constants::{BatchLaw, Constants, Part, PartFile};
use crate::speed::language::keys::Kind;
use crate::speed::language::law::{self, DecodeLaw, Figures, PrefillLaw};
use crate::speed::language::spread::{Level, Spread};
use crate::units::BytesPerSecond;

/// Which rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Decoding with one stream.
    Decode,
    /// Decoding with several streams.
    Batch,
    /// Working through a prompt.
    Prefill,
}

impl Target {
    fn takes(self, measured: Measured) -> bool {
        match measured {
            Measured::Decode { streams, .. } => (streams > 1) == (self == Self::Batch) && self != Self::Prefill,
            Measured::Prefill { .. } => self == Self::Prefill,
        }
    }
}

/// Decode: shares of the bandwidth for weights and cache, and microseconds per layer. A child may differ from its parent
/// by these widths of the logarithm: all hardware reads memory at much the same share of its bandwidth, while the kernels
/// are the engine's own (the third row), and the fixed cost per layer is the engine's and the processor's. That is also what
/// errs least on devices, models and sources that were left out of the fit.
const DECODE: Prior<3> = Prior {
    root: [0.223, 0.598, 4.868], // 0.8, 0.55 and 130 us
    widths: &[
        [0.15, 0.25, 2.2],
        [0.125, 0.2, 1.7],
        [0.25, 0.2, 1.4],
        [0.075, 0.15, 1.1],
        [0.06, 0.15, 1.1],
        [0.05, 0.15, 1.1],
    ],
    full_weight_from: 3,
    noise: 0.06,
};

/// Prefill: shares of compute for matrices, of the bandwidth, microseconds per layer, share of compute for attention.
const PREFILL: Prior<4> = Prior {
    root: [1.386, 0.223, 4.605, 2.303], // 0.25, 0.8, 100 us and 0.1
    widths: &[
        [0.8, 0.3, 1.0, 0.8],
        [0.6, 0.25, 0.8, 0.6],
        [0.5, 0.2, 0.7, 0.5],
        [0.8, 0.2, 0.7, 0.5],
        [0.4, 0.2, 0.5, 0.4],
        [0.4, 0.2, 0.5, 0.4],
        [0.4, 0.2, 0.5, 0.4],
    ],
    full_weight_from: 5,
    noise: 0.12,
};

/// Batches: the first parameter belongs to the single stream's time, which is given; the second is the share of compute.
const BATCH: Prior<2> = Prior {
    root: [0.0, 1.897], // 0.15
    widths: &[[1e-6, 1.0], [1e-6, 0.7], [1e-6, 0.5], [1e-6, 0.7], [1e-6, 0.4], [1e-6, 0.4], [1e-6, 0.3]],
    full_weight_from: 5,
    noise: 0.1,
};

/// How far a deviation of this kind lies from zero, in the logarithm of the decode rate.
const fn decode_width(kind: Kind) -> f64 {
    match kind {
        Kind::FormatEngine => 0.15,
        Kind::Experts => 0.12,
        Kind::ChipEngine => 0.1,
        Kind::Chip | Kind::FormatSilicon | Kind::CellFormat => 0.08,
        Kind::ModelSilicon => 0.07,
        Kind::Recurrent | Kind::Family | Kind::FamilySilicon | Kind::Cell => 0.06,
        Kind::Model => 0.05,
    }
}

/// The same for prompts, which scatter more.
const fn prefill_width(kind: Kind) -> f64 {
    match kind {
        Kind::Experts => 0.3,
        Kind::ChipEngine | Kind::Recurrent => 0.25,
        Kind::Chip | Kind::FormatEngine => 0.15,
        Kind::FormatSilicon | Kind::ModelSilicon | Kind::Cell | Kind::CellFormat => 0.12,
        Kind::Family | Kind::FamilySilicon | Kind::Model => 0.1,
    }
}

/// Divisions into thirds, numbered from 0, by which ranges are stretched: one alone would be a matter of luck.
pub const DIVISIONS: u8 = 8;

/// Deviations smaller than this are left out of the files, unless their name says what was measured.
const NEGLIGIBLE: f64 = 0.002;

/// Fits constants to observations and judges them.
#[derive(Debug, Clone)]
pub struct Calibrator {
    observations: Vec<Observation>,
    inferred: BTreeMap<String, f64>,
}

/// Laws and deviations of everything.
struct Everything {
    decode: Fit<3>,
    batch: Fit<2>,
    prefill: Fit<4>,
    seen: BTreeSet<(bool, String)>,
}

impl Calibrator {
    /// A calibrator for these observations. Where the catalogs know no bandwidth, the one that the observations imply is
    /// worked out first.
    #[must_use]
    pub fn new(observations: Vec<Observation>) -> Self {
        let mut calibrator = Self { observations, inferred: BTreeMap::new() };
        let known: Vec<usize> =
            (0..calibrator.observations.len()).filter(|&i| calibrator.observations[i].bandwidth_known).collect();
        let fit = calibrator.fit(&known);
        let chips =
            distinct(calibrator.observations.iter().filter(|o| !o.bandwidth_known).map(|o| o.names.chip.clone()));
        for chip in chips {
            if let Some(bandwidth) = calibrator.infer(&chip, &fit) {
                calibrator.inferred.insert(chip, bandwidth);
            }
        }
        for o in &mut calibrator.observations {
            if let (false, Some(&bandwidth)) = (o.bandwidth_known, calibrator.inferred.get(&o.names.chip)) {
                let scale = if o.figures.compute < 1e6 { bandwidth } else { 1.0 };
                o.figures = Figures { bandwidth, compute: o.figures.compute * scale };
            }
        }
        calibrator.observations.retain(|o| o.figures.bandwidth > 1.0);
        calibrator.allot();
        calibrator
    }

    /// Says what of the measurements stays together when they are divided.
    fn allot(&mut self) {
        let lots = lots(&self.observations);
        for (o, lot) in self.observations.iter_mut().zip(lots) {
            o.lot = lot;
        }
    }

    /// The observations that can be used, in the order of [`Judged::observation`].
    #[must_use]
    pub fn observations(&self) -> &[Observation] {
        &self.observations
    }

    /// The bandwidth at which the engine's law explains the decode rates of a chip (their median).
    fn infer(&self, chip: &str, fit: &Everything) -> Option<f64> {
        let mut implied: Vec<f64> = self
            .observations
            .iter()
            .filter(|o| o.names.chip == chip && Target::Decode.takes(o.measured))
            .filter_map(|o| {
                let row = decode_row(o);
                let law = row.path.iter().rev().find_map(|name| fit.decode.laws.get(name))?;
                // The terms of weights and cache are in bytes here: the bandwidth was taken as 1 byte per second.
                let bytes = row.terms[0] * law.0[0].exp() + row.terms[1] * law.0[1].exp();
                let left = row.ln_time.exp() - row.terms[2] * law.0[2].exp();
                (left > 0.3 * row.ln_time.exp()).then_some(bytes / left)
            })
            .collect();
        implied.sort_by(f64::total_cmp);
        implied.get(implied.len() / 2).map(|b| (b / 1e8).round() * 1e8)
    }

    /// The constants, ranges included.
    #[must_use]
    pub fn constants(&self) -> Constants {
        let all: Vec<usize> = (0..self.observations.len()).collect();
        let fit = self.fit(&all);
        let spread = |target: Target| -> Spread {
            let one_at_a_time: Vec<Judged> = Fold::ALL
                .iter()
                .flat_map(|&fold| self.judge(target, fold).into_iter().filter(move |j| speaks(fold, j)))
                .collect();
            let classes = |i: usize| match target {
                Target::Decode => self.observations[i].names.decode_classes(),
                Target::Batch | Target::Prefill => self.observations[i].names.prefill_classes(),
            };
            scatter::spread(&one_at_a_time, &self.draws(target), &self.judge(target, Fold::Source), classes)
        };
        Constants {
            decode: part(
                &fit.decode,
                |p| DecodeLaw {
                    bandwidth_share: rounded((-p[0]).exp()),
                    cache_share: rounded((-p[1]).exp()),
                    layer_us: rounded(p[2].exp()),
                },
                spread(Target::Decode),
            ),
            batch: part(&fit.batch, |p| BatchLaw { batch_share: rounded((-p[1]).exp()) }, spread(Target::Batch)),
            prefill: part(
                &fit.prefill,
                |p| PrefillLaw {
                    compute_share: rounded((-p[0]).exp()),
                    bandwidth_share: rounded((-p[1]).exp()),
                    layer_us: rounded(p[2].exp()),
                    attention_share: rounded((-p[3]).exp()),
                },
                spread(Target::Prefill),
            ),
            inferred_bandwidth: self.inferred.iter().map(|(chip, &b)| (chip.clone(), BytesPerSecond(b))).collect(),
        }
    }

    /// How wrong the estimates are of measurements that were left out, group by group.
    #[must_use]
    pub fn judge(&self, target: Target, fold: Fold) -> Vec<Judged> {
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (i, o) in self.observations.iter().enumerate() {
            if target.takes(o.measured) {
                groups.entry(fold.group(o)).or_default().push(i);
            }
        }
        let groups: Vec<(String, Vec<usize>)> = groups.into_iter().collect();
        groups
            .par_iter()
            .flat_map_iter(|(group, members)| {
                let rest: Vec<usize> =
                    (0..self.observations.len()).filter(|&i| fold.group(&self.observations[i]) != *group).collect();
                let fit = self.fit_for(target, &rest);
                members.iter().filter_map(|&i| self.judge_one(target, i, &fit)).collect::<Vec<_>>()
            })
            .collect()
    }

    /// The judgements of every third of several divisions: each is a draw of devices that nobody measured.
    fn draws(&self, target: Target) -> Vec<Vec<Judged>> {
        (0..DIVISIONS)
            .map(Fold::Third)
            .flat_map(|fold| {
                let mut thirds: BTreeMap<String, Vec<Judged>> = BTreeMap::new();
                for judged in self.judge(target, fold) {
                    thirds.entry(fold.group(&self.observations[judged.observation])).or_default().push(judged);
                }
                thirds.into_values()
            })
            .collect()
    }

    fn judge_one(&self, target: Target, i: usize, fit: &Everything) -> Option<Judged> {
        let o = &self.observations[i];
        let (estimate, measured, depth, silicon) = match target {
            Target::Decode => {
                let row = decode_row(o);
                let (ln_time, depth) = fit.decode.ln_time(&row)?;
                (ln_time, row.ln_time, depth, 3)
            }
            Target::Batch => {
                let row = batch_row(o, &fit.decode)?;
                let (_, depth) = fit.decode.ln_time(&decode_row(o))?;
                (fit.batch.ln_time(&row)?.0, row.ln_time, depth, 3)
            }
            Target::Prefill => {
                let row = prefill_row(o);
                let (ln_time, depth) = fit.prefill.ln_time(&row)?;
                (ln_time, row.ln_time, depth, 4)
            }
        };
        let seen = |name: &str| fit.seen.contains(&(target == Target::Prefill, name.to_owned()));
        let level = if seen(&o.names.cell_format) {
            Level::Exact
        } else if seen(&o.names.cell) {
            Level::Cell
        } else if seen(&o.names.device) {
            Level::Device
        } else if depth >= silicon {
            Level::Silicon
        } else if depth >= 2 {
            Level::Engine
        } else {
            Level::Nothing
        };
        Some(Judged { observation: i, log_error: estimate - measured, level })
    }

    fn fit(&self, members: &[usize]) -> Everything {
        let decode = self.fit_decode(members);
        let batch = self.fit_batch(members, &decode);
        Everything { decode, batch, prefill: self.fit_prefill(members), seen: self.seen(members) }
    }

    /// Only what judging this target needs.
    fn fit_for(&self, target: Target, members: &[usize]) -> Everything {
        let (mut decode, mut batch, mut prefill) = (Fit::default(), Fit::default(), Fit::default());
        match target {
            Target::Decode => decode = self.fit_decode(members),
            Target::Batch => {
                decode = self.fit_decode(members);
                batch = self.fit_batch(members, &decode);
            }
            Target::Prefill => prefill = self.fit_prefill(members),
        }
        Everything { decode, batch, prefill, seen: self.seen(members) }
    }

    fn of(&self, members: &[usize], target: Target) -> impl Iterator<Item = &Observation> {
        members.iter().map(|&i| &self.observations[i]).filter(move |o| target.takes(o.measured))
    }

    fn fit_decode(&self, members: &[usize]) -> Fit<3> {
        let rows: Vec<Row<3>> = self.of(members, Target::Decode).map(decode_row).collect();
        Fit::of(&rows.iter().collect::<Vec<_>>(), &DECODE)
    }

    fn fit_batch(&self, members: &[usize], decode: &Fit<3>) -> Fit<2> {
        let rows: Vec<Row<2>> = self.of(members, Target::Batch).filter_map(|o| batch_row(o, decode)).collect();
        Fit::of(&rows.iter().collect::<Vec<_>>(), &BATCH)
    }

    fn fit_prefill(&self, members: &[usize]) -> Fit<4> {
        let rows: Vec<Row<4>> = self.of(members, Target::Prefill).map(prefill_row).collect();
        Fit::of(&rows.iter().collect::<Vec<_>>(), &PREFILL)
    }

    /// Names of devices and cells with measurements of decoding (`false`) and of prompts (`true`).
    fn seen(&self, members: &[usize]) -> BTreeSet<(bool, String)> {
        let of = |target| self.of(members, target).map(move |o| (target == Target::Prefill, o));
        of(Target::Decode)
            .chain(of(Target::Prefill))
            .flat_map(|(prefill, o)| {
                [&o.names.device, &o.names.cell, &o.names.cell_format].map(|name| (prefill, name.clone()))
            })
            .collect()
    }
}

/// Which judgements say something about the question that their level stands for: a model left out in one format only
/// would make a device look better known than it is.
fn speaks(fold: Fold, judged: &Judged) -> bool {
    match fold {
        Fold::Source | Fold::Third(_) => true,
        Fold::Single => judged.level == Level::Exact,
        Fold::CellFormat => judged.level == Level::Cell,
        Fold::ChipModel => judged.level == Level::Device,
        Fold::Chip => judged.level >= Level::Silicon,
        Fold::Silicon => judged.level >= Level::Engine,
    }
}

fn decode_row(o: &Observation) -> Row<3> {
    let (streams, depth) = match o.measured {
        Measured::Decode { streams, depth } => (streams, depth),
        Measured::Prefill { .. } => (1, 0),
    };
    Row {
        terms: law::decode_terms(&o.work, o.figures, streams, depth),
        ln_time: (f64::from(streams) / o.rate.0).ln(),
        path: o.names.decode_path.clone(),
        deviations: o.names.deviations.iter().map(|(kind, name)| (name.clone(), decode_width(*kind))).collect(),
        unit: o.names.device.clone(),
    }
}

fn batch_row(o: &Observation, decode: &Fit<3>) -> Option<Row<2>> {
    let Measured::Decode { streams, .. } = o.measured else { return None };
    let one = decode_row(o);
    let (ln_time, _) = decode.ln_time(&one)?;
    Some(Row {
        terms: [ln_time.exp(), law::batch_term(&o.work, o.figures, streams)],
        ln_time: one.ln_time,
        path: o.names.prefill_path.clone(),
        deviations: Vec::new(),
        unit: one.unit,
    })
}

fn prefill_row(o: &Observation) -> Row<4> {
    let prompt = match o.measured {
        Measured::Prefill { prompt } => prompt,
        Measured::Decode { .. } => 1,
    };
    Row {
        terms: law::prefill_terms(&o.work, o.figures, prompt),
        ln_time: (prompt as f64 / o.rate.0).ln(),
        path: o.names.prefill_path.clone(),
        deviations: o.names.deviations.iter().map(|(kind, name)| (name.clone(), prefill_width(*kind))).collect(),
        unit: o.names.device.clone(),
    }
}

fn part<L: Copy, const N: usize>(fit: &Fit<N>, law: impl Fn(&[f64; N]) -> L, spread: Spread) -> Part<L> {
    // Names of cells and of chips with an engine say what was measured, whatever their value.
    let tells = |name: &str| name.starts_with("cell|") || name.starts_with("chip|");
    PartFile {
        laws: fit.laws.iter().map(|(name, p)| (name.clone(), law(&p.0))).collect(),
        deviations: fit
            .deviations
            .iter()
            .filter(|(name, log)| log.abs() >= NEGLIGIBLE || tells(name))
            .map(|(name, &log)| (name.clone(), (log * 1e4).round() / 1e4))
            .collect(),
        spread,
    }
    .into()
}

/// Four significant digits: what the measurements carry, and stable in print.
fn rounded(x: f64) -> f64 {
    format!("{x:.3e}").parse().unwrap_or(x)
}
