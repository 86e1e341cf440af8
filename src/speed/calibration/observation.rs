//! One measurement, in the terms of the laws.

use super::language::Target;
use crate::domain::PowerMode;
use crate::memory::Case;
use crate::speed::NoEstimate;
use crate::speed::language::Constants;
use crate::speed::language::keys::{
    Kind, MAKER_DECODE, MAKER_PREFILL, SILICON_DECODE, SILICON_PREFILL, Subject, hash, spelt,
};
use crate::speed::language::law::Figures;
use crate::speed::language::spread::{Level, Width};
use crate::speed::language::work::Work;
use crate::units::{Share, TokensPerSecond};

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measured {
    /// Tokens generated per second over all streams.
    Decode {
        /// Concurrent sequences.
        streams: u32,
        /// Tokens in the cache, on average over the run.
        depth: u64,
    },
    /// Prompt tokens per second of one prompt.
    Prefill {
        /// Tokens of the prompt.
        prompt: u64,
    },
}

/// One measurement with everything that decides for which questions it speaks.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// What was measured.
    pub measured: Measured,
    /// The rate, over all streams.
    pub rate: TokensPerSecond,
    /// Id of the device.
    pub device: String,
    /// Id of the model.
    pub model: String,
    /// Id of the weight format.
    pub format: String,
    /// Who measured: rows of one source share its habits.
    pub source: String,
    pub(super) work: Work,
    pub(super) figures: Figures,
    pub(super) bandwidth_known: bool,
    pub(super) names: Names,
    /// What falls into one third: its chip, or its model on a chip with very many measurements.
    pub(super) lot: String,
}

/// The names under which constants apply to an observation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Names {
    pub(super) decode_path: Vec<String>,
    pub(super) prefill_path: Vec<String>,
    pub(super) deviations: Vec<(Kind, String)>,
    pub(super) chip: String,
    pub(super) device: String,
    pub(super) cell: String,
    pub(super) cell_format: String,
}

impl Names {
    /// The laws of the engine on hardware of this maker and on this silicon: by them scatter is told apart.
    pub(super) fn decode_classes(&self) -> [&str; 2] {
        [MAKER_DECODE, SILICON_DECODE].map(|i| self.decode_path[i].as_str())
    }

    /// The same for prompts and batches.
    pub(super) fn prefill_classes(&self) -> [&str; 2] {
        [MAKER_PREFILL, SILICON_PREFILL].map(|i| self.prefill_path[i].as_str())
    }
}

impl Observation {
    /// A measurement of this case in this mode.
    ///
    /// # Errors
    /// [`NoEstimate`] when the model has no language body.
    pub fn of(
        case: &Case<'_>,
        mode: &PowerMode,
        source: &str,
        measured: Measured,
        rate: TokensPerSecond,
    ) -> Result<Self, NoEstimate> {
        const NO_LANGUAGE: NoEstimate = NoEstimate::Unable("the model has no language body");
        let subject = Subject::of(case.device, case.runtime, case.model, case.format).ok_or(NO_LANGUAGE)?;
        let work = Work::of(case.model, case.weights, case.kv, case.runtime.weight_residence).ok_or(NO_LANGUAGE)?;
        // Where the catalog knows no bandwidth one is inferred later: the terms are inversely proportional to it.
        let figures = subject.figures(mode, || Some(1.0)).ok_or(NO_LANGUAGE)?;
        let deviations: Vec<(Kind, String)> =
            subject.deviations(spelt).into_iter().filter_map(|(kind, name)| Some((kind, name?))).collect();
        let cell_format = deviations.iter().find(|(kind, _)| *kind == Kind::CellFormat).map(|(_, n)| n.clone());
        Ok(Self {
            measured,
            rate,
            device: case.device.id.clone(),
            model: case.model.id.clone(),
            format: case.format.id.clone(),
            source: source.to_owned(),
            work,
            figures,
            bandwidth_known: mode.bandwidth.is_some_and(|b| b.0 > 0.0),
            names: Names {
                decode_path: subject.decode_path(spelt).into(),
                prefill_path: subject.prefill_path(spelt).into(),
                deviations,
                chip: subject.chip_name(),
                device: subject.device_name(spelt),
                cell: subject.cell_name(spelt),
                cell_format: cell_format.unwrap_or_default(),
            },
            lot: String::new(),
        })
    }

    /// The folk rule for decoding: peak bandwidth over the bytes of the weights that a token uses, nothing else.
    #[must_use]
    pub fn naive_decode(&self) -> TokensPerSecond {
        TokensPerSecond(self.figures.bandwidth / self.work.weight_bytes(1.0))
    }

    /// The range around an estimate of this observation that rests on `level`.
    #[must_use]
    pub fn width(&self, target: Target, level: Level, confidence: Share, constants: &Constants) -> Width {
        let hashed = |names: [&str; 2]| names.map(hash);
        match target {
            Target::Decode => constants.decode.width(level, hashed(self.names.decode_classes()), confidence),
            Target::Batch => constants.batch.width(level, hashed(self.names.prefill_classes()), confidence),
            Target::Prefill => constants.prefill.width(level, hashed(self.names.prefill_classes()), confidence),
        }
    }

    /// Name of the engine on this kind of silicon: the class in which errors are reported.
    #[must_use]
    pub fn class(&self) -> &str {
        self.names.decode_path.get(4).map_or("", String::as_str)
    }
}
