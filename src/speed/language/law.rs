//! The laws of time: how long a step takes on hardware of which four figures are known.
//!
//! Decoding one token for each of `b` streams takes
//!
//! ```text
//! t(b) = ( weights(b) / (bandwidth_share B) + b cache / (cache_share B) + layers layer_us ) / f
//!        + (b - 1) min( matrix_ops / (batch_share C), what a stream saves by sharing the step )
//! ```
//!
//! and a prompt of `n` tokens
//!
//! ```text
//! t(n) = ( n matrix_ops / (compute_share C) + attention_ops(n) / (attention_share C)
//!          + weights(n) / (bandwidth_share B) + layers layer_us ) / f
//! ```
//!
//! with B the peak bandwidth and C the reference compute of the power mode, the shares fitted per class of hardware and
//! engine, and f the product of the measured factors of this device, engine, format and model.

use serde::{Deserialize, Serialize};

use super::work::Work;
use crate::units::Seconds;

/// The terms of a law before its shares are known, in seconds at full efficiency.
pub type Terms<const N: usize> = [f64; N];

/// The figures of the hardware that the laws use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// Peak memory bandwidth in bytes per second.
    pub bandwidth: f64,
    /// Reference compute in operations per second.
    pub compute: f64,
}

/// Seconds per microsecond: the unit of the term per layer.
const MICRO: f64 = 1e-6;

/// Terms of a decode step: weights, cache, layers.
#[must_use]
pub fn decode_terms(work: &Work, figures: Figures, streams: u32, depth: u64) -> Terms<3> {
    let streams = f64::from(streams.max(1));
    [
        work.weight_bytes(streams) / figures.bandwidth,
        streams * work.cache_bytes(depth) / figures.bandwidth,
        work.layers * MICRO,
    ]
}

/// What a second stream saves by sharing the step of the first: the weights that both read, and the launches.
#[must_use]
pub fn shared_terms(work: &Work, figures: Figures) -> Terms<3> {
    [work.shared_bytes() / figures.bandwidth, 0.0, work.layers * MICRO]
}

/// The arithmetic of the streams beyond the first, which the matrix-vector kernels of a single stream get for free.
#[must_use]
pub fn batch_term(work: &Work, figures: Figures, streams: u32) -> f64 {
    f64::from(streams.max(1) - 1) * work.matrix_ops() / figures.compute
}

/// Terms of a prompt: matrices, weights, layers, attention.
#[must_use]
pub fn prefill_terms(work: &Work, figures: Figures, prompt: u64) -> Terms<4> {
    [
        prompt as f64 * work.matrix_ops() / figures.compute,
        work.weight_bytes(prompt as f64) / figures.bandwidth,
        work.layers * MICRO,
        work.attention_ops(prompt) / figures.compute,
    ]
}

/// How well a class of hardware and engine decodes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecodeLaw {
    /// Share of the peak bandwidth at which weights are read.
    pub bandwidth_share: f64,
    /// Share of the peak bandwidth at which the cache is read, its arithmetic included.
    pub cache_share: f64,
    /// Fixed cost of a block in microseconds.
    pub layer_us: f64,
}

impl DecodeLaw {
    /// Time of a step with these terms.
    #[must_use]
    pub fn time(&self, terms: &Terms<3>) -> Seconds {
        Seconds(terms[0] / self.bandwidth_share + terms[1] / self.cache_share + terms[2] * self.layer_us)
    }
}

/// How well a class of hardware and engine works through a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrefillLaw {
    /// Share of the reference compute that the matrices reach; above 1 where the format has faster arithmetic than the
    /// reference (fp4 on hardware whose reference is half precision).
    pub compute_share: f64,
    /// Share of the peak bandwidth at which weights are read.
    pub bandwidth_share: f64,
    /// Fixed cost of a block in microseconds.
    pub layer_us: f64,
    /// Share of the reference compute that attention reaches.
    pub attention_share: f64,
}

impl PrefillLaw {
    /// Time of a prompt with these terms.
    #[must_use]
    pub fn time(&self, terms: &Terms<4>) -> Seconds {
        Seconds(
            terms[0] / self.compute_share
                + terms[1] / self.bandwidth_share
                + terms[2] * self.layer_us
                + terms[3] / self.attention_share,
        )
    }
}
