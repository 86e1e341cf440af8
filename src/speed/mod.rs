//! Speed: decode, prefill, time to the first token, inferences per second, each with a range at a confidence.

pub mod calibration;
mod hashed;
pub mod language;
pub mod vision;

use serde::{Deserialize, Serialize};

use crate::domain::PowerMode;
use crate::memory::Case;
use crate::units::{InferencesPerSecond, Range, Seconds, Share, TokensPerSecond};

/// The fitted constants, read from `catalogs/calibration/`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Calibration {
    /// Of language models.
    pub language: language::Constants,
    /// Of vision and speech models.
    pub vision: vision::Constants,
}

/// What an estimate rests on, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Measurements of this model on this device.
    Measured,
    /// Measurements of other models on this device.
    Device,
    /// Measurements of devices of the same class.
    Class,
    /// The device's specification alone.
    Roofline,
}

/// What limits a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// Reading weights and cache.
    Memory,
    /// Arithmetic.
    Compute,
    /// Fixed costs per layer and launch.
    Overhead,
}

/// The speed of a language model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LanguageSpeed {
    /// Tokens per second of each stream, all streams busy, at the asked context filled; absent for encoders.
    pub decode: Option<Range<TokensPerSecond>>,
    /// Prompt tokens per second of one prompt of the asked length.
    pub prefill: Range<TokensPerSecond>,
    /// From prompt to first token, images included.
    pub ttft: Range<Seconds>,
    /// What limits decoding.
    pub bound: Bound,
    /// What the estimate rests on.
    pub basis: Basis,
}

/// The speed of a vision or speech model, and of encoders asked for inferences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NetworkSpeed {
    /// Inferences per second over all streams.
    pub inferences: Range<InferencesPerSecond>,
    /// Time of one inference.
    pub latency: Range<Seconds>,
    /// What the estimate rests on.
    pub basis: Basis,
}

/// Why there is no estimate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoEstimate {
    /// A fact that the estimate needs is unknown.
    #[error("{0} is unknown")]
    Unknown(&'static str),
    /// The device cannot run this kind of model.
    #[error("{0}")]
    Unable(&'static str),
}

/// Speed of a language model in a case, in a power mode, with ranges that hold with the asked confidence.
///
/// # Errors
/// [`NoEstimate`] when a fact is missing without which any figure would be invented.
pub fn language_speed(
    case: &Case<'_>,
    mode: &PowerMode,
    confidence: Share,
    calibration: &Calibration,
) -> Result<LanguageSpeed, NoEstimate> {
    language::speed(case, mode, confidence, &calibration.language)
}

/// Speed of a vision or speech model in a case, in a power mode, with ranges that hold with the asked confidence.
///
/// # Errors
/// [`NoEstimate`] when a fact is missing without which any figure would be invented.
pub fn network_speed(
    case: &Case<'_>,
    mode: &PowerMode,
    confidence: Share,
    calibration: &Calibration,
) -> Result<NetworkSpeed, NoEstimate> {
    vision::speed(case, mode, confidence, &calibration.vision)
}
