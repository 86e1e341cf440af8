//! Leaving measurements out, to learn how wrong estimates of the unseen are.

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
            Self::Third(division) => (hash(&format!("{division} {}", o.lot)) % 3).to_string(),
        }
    }
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
