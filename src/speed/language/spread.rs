//! How sure an estimate is: the scatter of measurements that the fit had not seen, and ranges made from it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::speed::Basis;
use crate::units::Share;

/// What was measured of the subject of a question, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// This model in this format on this device with this runtime.
    Exact,
    /// This model on this device with this engine, in other formats.
    Cell,
    /// This device with this engine, other models.
    Device,
    /// Other devices of like silicon with this engine.
    Silicon,
    /// Other silicon with this engine.
    Engine,
    /// Nothing near.
    Nothing,
}

impl Level {
    /// All levels, best first.
    pub const ALL: [Self; 6] = [Self::Exact, Self::Cell, Self::Device, Self::Silicon, Self::Engine, Self::Nothing];

    /// What an estimate of this level rests on, in the words of the output.
    #[must_use]
    pub const fn basis(self) -> Basis {
        match self {
            Self::Exact | Self::Cell => Basis::Measured,
            Self::Device => Basis::Device,
            Self::Silicon | Self::Engine => Basis::Class,
            Self::Nothing => Basis::Roofline,
        }
    }
}

/// Scatter of the logarithm of the rate around the estimate.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Spread {
    /// Typical deviation by what was measured.
    pub scale: BTreeMap<Level, f64>,
    /// Deviations with an engine on hardware of a maker, or on a kind of silicon, relative to the typical ones, by the name
    /// of its law.
    pub relative: BTreeMap<String, f64>,
    /// The shape of the scatter, confidences ascending.
    pub shape: Vec<ShapePoint>,
}

/// How many typical deviations bound a range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShapePoint {
    /// Probability that the truth lies inside.
    pub confidence: f64,
    /// Typical deviations below the best guess.
    pub below: f64,
    /// Typical deviations above the best guess.
    pub above: f64,
}

/// Factors that lead from a best guess to the bounds of its range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Width {
    /// At most 1.
    pub low: f64,
    /// At least 1.
    pub high: f64,
}

/// Typical deviation where nothing is calibrated: a factor of two either way at confidence 0.9.
const UNKNOWN: f64 = 0.42;

impl Spread {
    /// The range at a confidence, for what was measured of the subject; `relative` stretches it.
    #[must_use]
    pub fn width(&self, level: Level, relative: f64, confidence: Share) -> Width {
        let scale = self.scale.get(&level).or_else(|| self.scale.values().last()).copied().unwrap_or(UNKNOWN);
        let (below, above) = self.deviations(confidence.as_f64());
        Width { low: (-below * scale * relative).exp(), high: (above * scale * relative).exp() }
    }

    /// Typical deviations below and above at a confidence, straight lines between the points of the shape and beyond them.
    fn deviations(&self, confidence: f64) -> (f64, f64) {
        let start = ShapePoint { confidence: 0.0, below: 0.0, above: 0.0 };
        let mut before = start;
        for &point in &self.shape {
            if confidence <= point.confidence {
                let span = point.confidence - before.confidence;
                let t = if span > 0.0 { (confidence - before.confidence) / span } else { 1.0 };
                return (
                    before.below + t * (point.below - before.below),
                    before.above + t * (point.above - before.above),
                );
            }
            before = point;
        }
        if self.shape.is_empty() {
            return (NORMAL * confidence, NORMAL * confidence);
        }
        // Beyond the last point the tail grows as that of an exponential distribution.
        let tail = ((1.0 - before.confidence).max(1e-9) / (1.0 - confidence).max(1e-6)).ln().max(0.0);
        (before.below + tail, before.above + tail)
    }
}

/// Without a calibrated shape: deviations per unit of confidence that give 1.645 at 0.9, as a normal distribution does.
const NORMAL: f64 = 1.645 / 0.9;
