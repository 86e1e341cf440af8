//! Leaving measurements out, to learn how wrong estimates of the unseen are.

use std::collections::BTreeMap;

use super::observation::Observation;
use crate::speed::language::keys::hash;
use crate::speed::language::spread::Level;

/// What is left out together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    /// All measurements on a kind of silicon with one engine: nothing like it was ever seen.
    Silicon,
    /// All measurements of a chip: a device that nobody measured.
    Chip,
    /// All measurements of a model on a chip: a measured device with a model that nobody ran on it.
    ChipModel,
    /// All measurements of a model in one format on a chip with one engine.
    CellFormat,
    /// One measurement: the case is known by its neighbours in length.
    Single,
    /// All measurements of one source.
    Source,
    /// A third of all devices at once; of a device with very many measurements a third of the models. The number says which
    /// division into thirds is meant.
    Third(u8),
}

impl Fold {
    /// The ways of leaving out one thing at a time.
    pub const ALL: [Self; 6] =
        [Self::Silicon, Self::Chip, Self::ChipModel, Self::CellFormat, Self::Single, Self::Source];

    pub(super) fn group(self, o: &Observation) -> String {
        match self {
            Self::Silicon => o.class().to_owned(),
            Self::Chip => o.names.chip.clone(),
            Self::ChipModel => format!("{}|{}", o.names.chip, o.model),
            Self::CellFormat => o.names.cell_format.clone(),
            Self::Single => format!("{}|{:?}", o.names.cell_format, o.measured),
            Self::Source => o.source.clone(),
            Self::Third(division) => third(division, &o.lot).to_string(),
        }
    }
}

/// A device with more measurements than this is divided by models.
const VERY_MANY: usize = 100;

/// What of each of these observations stays together when they are divided: its chip, or its model on a chip with very many
/// measurements.
pub(super) fn lots(observations: &[Observation]) -> Vec<String> {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for o in observations {
        *count.entry(&o.names.chip).or_default() += 1;
    }
    let lot = |o: &Observation| {
        let by_model = count[o.names.chip.as_str()] > VERY_MANY;
        if by_model { o.names.cell.clone() } else { o.names.chip.clone() }
    };
    observations.iter().map(lot).collect()
}

/// The third, 0 to 2, into which each of these observations falls in a division as by [`Fold::Third`].
#[must_use]
pub fn thirds(observations: &[Observation], division: u8) -> Vec<u8> {
    lots(observations).iter().map(|lot| third(division, lot)).collect()
}

fn third(division: u8, lot: &str) -> u8 {
    (hash(&format!("{division} {lot}")) % 3) as u8
}

/// How wrong the estimate of a measurement was that the fit had not seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// Which observation.
    pub observation: usize,
    /// Natural logarithm of measured over estimated rate: positive when the estimate was too low.
    pub log_error: f64,
    /// What the fit had seen of its subject.
    pub level: Level,
}
