//! What the blocks of a language body keep and touch per token, for engines other than llama.cpp.

use std::collections::BTreeMap;

use super::{Case, vision};
use crate::domain::{Architecture, FeedForward, KvPair, Layer, Mixer, Ssm};
use crate::units::Bytes;

/// Bytes of a number of an activation in 16 bits.
pub(super) const HALF: u128 = 2;
/// Bytes of a number of a recurrent state: engines keep states in single precision.
const SINGLE: u128 = 4;

/// What is remembered of the tokens seen, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Kept {
    /// Keys and values.
    pub(super) kv: u128,
    /// Recurrent state.
    pub(super) state: u128,
}

/// What a language body remembers of one sequence, before any engine rounds it up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remembered {
    /// Keys and values of every token, over all layers that look back over everything.
    pub per_token: Bytes,
    /// Keys and values of every token that is still in the window, over all layers with that window (in tokens).
    pub per_token_in_window: BTreeMap<u32, Bytes>,
    /// Recurrent states and convolutions, whatever the length of the sequence.
    pub state: Bytes,
}

/// What a language body remembers of one sequence in caches of these types.
#[must_use]
pub fn remembered(architecture: &Architecture, kv: KvPair) -> Remembered {
    let mut sum = Remembered::default();
    for layer in &architecture.layers {
        let (row, window) = cached_row(layer, kv);
        let row = Bytes::saturating(row);
        match window {
            _ if row == Bytes::ZERO => {}
            None => sum.per_token += row,
            Some(window) => *sum.per_token_in_window.entry(window).or_default() += row,
        }
        sum.state += Bytes::saturating(state(layer, architecture.spec.hidden));
    }
    sum
}

/// What all blocks keep for `streams` sequences.
///
/// `cells` says for how many tokens of one sequence a layer has room, given the window it looks back over (absent: all).
pub(super) fn kept(architecture: &Architecture, kv: KvPair, streams: u32, cells: impl Fn(Option<u32>) -> u64) -> Kept {
    let mut one = Kept::default();
    for layer in &architecture.layers {
        let (row, window) = cached_row(layer, kv);
        one.kv = one.kv.saturating_add(row.saturating_mul(cells(window).into()));
        one.state = one.state.saturating_add(state(layer, architecture.spec.hidden));
    }
    Kept { kv: one.kv.saturating_mul(streams.into()), state: one.state.saturating_mul(streams.into()) }
}

/// Bytes of the keys and values of images that all streams keep in 16 bits, in the layers that attend to images.
pub(super) fn image_cache(case: &Case<'_>) -> u128 {
    let streams = case.demand.streams.max(1);
    vision::attended(case, HALF, vision::encoded(case)).saturating_mul(streams.into())
}

/// Bytes that a layer caches per token, and the window that it looks back over.
pub(super) fn cached_row(layer: &Layer, kv: KvPair) -> (u128, Option<u32>) {
    match layer.mixer {
        Mixer::Attention(a) | Mixer::Parallel(a, _) if !a.shares_kv => {
            let heads = u64::from(a.kv_heads);
            let row = u128::from(kv.k.row_bytes(heads.saturating_mul(a.head_dim.into())))
                + u128::from(kv.v.row_bytes(heads.saturating_mul(a.v_head_dim.into())));
            (row, a.window)
        }
        // One compressed vector serves as key and value.
        Mixer::Mla(m) => (kv.k.row_bytes(u64::from(m.kv_lora_rank) + u64::from(m.rope_dim)).into(), None),
        _ => (0, None),
    }
}

/// Bytes of a layer's recurrent state for one sequence: the last inputs of its convolution and the state proper.
fn state(layer: &Layer, hidden: u32) -> u128 {
    let (convolution, state) = state_numbers(layer, hidden);
    convolution.saturating_add(state).saturating_mul(SINGLE)
}

/// The same where the inputs of the convolution are kept in 16 bits, as paged servers do.
pub(super) fn half_state(layer: &Layer, hidden: u32) -> u128 {
    let (convolution, state) = state_numbers(layer, hidden);
    convolution.saturating_mul(HALF).saturating_add(state.saturating_mul(SINGLE))
}

/// Numbers that a layer keeps of a sequence: the last inputs of its convolution, and the state proper.
fn state_numbers(layer: &Layer, hidden: u32) -> (u128, u128) {
    match layer.mixer {
        Mixer::Ssm(s) | Mixer::Parallel(_, s) => {
            let channels = u128::from(s.inner) + 2 * product(s.groups, s.state);
            (u128::from(s.conv.saturating_sub(1)) * channels, product(s.inner, s.state))
        }
        Mixer::GatedDelta(g) => {
            let channels = 2 * product(g.key_heads, g.key_dim) + product(g.value_heads, g.value_dim);
            let convolution = u128::from(g.conv.saturating_sub(1)) * channels;
            (convolution, u128::from(g.value_heads) * product(g.key_dim, g.value_dim))
        }
        Mixer::ShortConv { taps } => (product(taps.saturating_sub(1), hidden), 0),
        Mixer::Attention(_) | Mixer::Mla(_) | Mixer::None => (0, 0),
    }
}

/// Numbers that are alive per token while the widest block is computed: inputs and outputs of its largest products, the
/// residual and the normalised stream.
///
/// Checked against the one published profile: Llama-3 8B in vLLM with 8192 tokens at once (1.26 GiB with the sampler).
pub(super) fn widest(architecture: &Architecture) -> u128 {
    let spec = &architecture.spec;
    let stream = 2 * u128::from(spec.hidden);
    let gate: u128 = if spec.ungated_ffn { 1 } else { 2 };
    architecture
        .layers
        .iter()
        .map(|layer| {
            let mixer = match layer.mixer {
                Mixer::Attention(a) => attention(a.heads, a.kv_heads, a.head_dim, a.v_head_dim),
                Mixer::Parallel(a, s) => {
                    attention(a.heads, a.kv_heads, a.head_dim, a.v_head_dim).saturating_add(ssm(&s))
                }
                // Keys and values are unpacked for every query head.
                Mixer::Mla(m) => product(spec.heads, m.nope_dim + m.rope_dim) * 2 + product(spec.heads, m.v_dim) * 2,
                Mixer::Ssm(s) => ssm(&s),
                Mixer::GatedDelta(g) => {
                    2 * (2 * product(g.key_heads, g.key_dim) + 2 * product(g.value_heads, g.value_dim))
                }
                Mixer::ShortConv { .. } => 4 * u128::from(spec.hidden),
                Mixer::None => 0,
            };
            let ffn = match layer.ffn {
                FeedForward::None => 0,
                FeedForward::Dense { width } => (gate + 1) * u128::from(width),
                FeedForward::Moe(m) => {
                    let expert = (gate + 1) * u128::from(m.width) + u128::from(spec.hidden);
                    let beside = (gate + 1) * (u128::from(m.shared_width) + u128::from(m.dense_width));
                    u128::from(m.used) * expert + beside + 2 * u128::from(m.experts)
                }
            };
            mixer.max(ffn).saturating_add(stream)
        })
        .max()
        .unwrap_or(stream)
}

fn attention(heads: u32, kv_heads: u32, head_dim: u32, v_head_dim: u32) -> u128 {
    product(heads, head_dim) + product(kv_heads, head_dim) + product(kv_heads, v_head_dim) + product(heads, v_head_dim)
}

fn ssm(s: &Ssm) -> u128 {
    2 * (2 * u128::from(s.inner) + 2 * product(s.groups, s.state) + u128::from(s.heads))
}

fn product(a: u32, b: u32) -> u128 {
    u128::from(a) * u128::from(b)
}

/// Bytes of the weights in memory: every tensor once, but for what the engine is known to hold twice, smaller or not at
/// all.
pub(super) fn resident(case: &Case<'_>) -> Bytes {
    let (w, how) = (case.weights, case.runtime.weight_residence);
    let mut total = w.total;
    if how.half_of_16_bit_twice && matches!(case.format.id.as_str(), "f16" | "bf16") {
        total += Bytes(w.total.0.div_ceil(2));
    }
    if how.experts_twice {
        total += w.routed_experts;
    }
    if how.towers_apart && case.demand.images == 0 {
        total = total.saturating_sub(w.vision);
    }
    // One tensor that is table and head leaves only with both.
    let tables = if w.tied { w.input_embedding.saturating_sub(w.output_head) } else { w.input_embedding };
    if how.input_table_mapped {
        total = total.saturating_sub(tables);
    }
    if how.head_as_matrix {
        total = total.saturating_sub(w.output_head) + w.head_as_matrix;
    }
    if w.tied && how.tied_table_twice { total + w.output_head } else { total }
}
