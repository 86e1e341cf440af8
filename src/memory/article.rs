//! The textbook rules of "Running Inference at the Edge: The Memory Budget", by name.
//!
//! They are what most people work out by hand: real engines allocate otherwise, and the laws beside this file say how.
//! They stay because they are checkable on paper and because two of them disagree (`docs/model.md` tells the story).

use crate::units::Bytes;

/// How the textbook estimates activations with flash attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivationRule {
    /// Memory grows with the length of the sequence: a handful of rows of the hidden state per token.
    FlashLinear,
    /// The checklist's shortcut: half of the score matrix.
    HalvedScores,
    /// No flash attention: the score matrix of one layer.
    FullScores,
}

impl ActivationRule {
    /// The name in outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FlashLinear => "flash attention, O(seq)",
            Self::HalvedScores => "halved scores",
            Self::FullScores => "full scores",
        }
    }
}

/// Parameters x bits per weight / 8, rounded up.
#[must_use]
pub fn weight_bytes(parameters: u64, bits_per_weight: f64) -> Bytes {
    let bytes = (parameters as f64 * bits_per_weight / 8.0).ceil();
    if bytes.is_finite() && bytes >= 0.0 { Bytes(bytes as u64) } else { Bytes(u64::MAX) }
}

/// 2 x layers x key-value heads x head width x tokens x streams x bytes per element.
#[must_use]
pub fn kv_cache_bytes(layers: u32, kv_heads: u32, head_dim: u32, context: u64, streams: u32, element: u32) -> Bytes {
    let product =
        [u128::from(layers), kv_heads.into(), head_dim.into(), context.into(), streams.into(), element.into()];
    Bytes::saturating(product.into_iter().fold(2u128, u128::saturating_mul))
}

/// Streams x heads x tokens² x bytes per element: the scores of one layer for a whole prompt.
#[must_use]
pub fn activation_scores(streams: u32, heads: u32, context: u64, element: u32) -> Bytes {
    let product = [u128::from(streams), heads.into(), context.into(), context.into(), element.into()];
    Bytes::saturating(product.into_iter().fold(1u128, u128::saturating_mul))
}

/// Activations under one of the rules, in 2-byte elements.
///
/// [`ActivationRule::FlashLinear`] counts what a layer holds per token besides scores: three rows of the hidden state
/// (residual, normalised, output) in one layer for the whole prompt. At 4096 tokens of Llama-3 8B that is 0.1 GB, the
/// article's figure.
#[must_use]
pub fn activations_flash(rule: ActivationRule, streams: u32, heads: u32, hidden: u32, context: u64) -> Bytes {
    let scores = activation_scores(streams, heads, context, 2);
    match rule {
        ActivationRule::FullScores => scores,
        ActivationRule::HalvedScores => Bytes(scores.0 / 2),
        ActivationRule::FlashLinear => {
            let product = [u128::from(streams), hidden.into(), context.into(), 3, 2];
            Bytes::saturating(product.into_iter().fold(1u128, u128::saturating_mul))
        }
    }
}
