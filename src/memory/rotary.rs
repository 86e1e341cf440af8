//! Tables and buffers that vLLM and SGLang keep beside the weights and report with them.

use std::collections::BTreeSet;

use super::Case;
use super::blocks::HALF;
use crate::domain::{Architecture, Mixer};
use crate::units::Bytes;

/// Share of a head that is rotated in models with gated delta nets (`partial_rotary_factor` of Qwen3-Next to Qwen3.6): a
/// quarter. Elsewhere the whole head counts.
const DELTA_NET_PART: u32 = 4;
/// Patches that are merged into a token.
const PATCHES_PER_TOKEN: u64 = 4;

/// Bytes of the tables of cosines and sines, one per kind of attention, and of the buffers for what a tower hands on to the
/// layers.
///
/// vLLM: `RotaryEmbedding` has a row of the rotated width for every position that the model was made for, in the type of the
/// activations, `MRotaryEmbedding` four times as many; `deepstack_input_embeds` has a row for every token of a batch, at least
/// of the largest image. Qwen3-VL 2B: 256 and 192 MiB (https://github.com/vllm-project/vllm/issues/27706).
pub(super) fn tables(case: &Case<'_>, architecture: &Architecture) -> Bytes {
    let (buffers, spec) = (&case.runtime.buffers, &architecture.spec);
    if !buffers.rotary_tables {
        return Bytes::ZERO;
    }
    let stretched = || buffers.stretched_positions.get(&spec.family).copied();
    let stretch = spec.vision.and_then(|_| stretched()).unwrap_or(1);
    // Learned positions are weights already.
    let positions = if spec.positions > 0 { 0 } else { spec.max_context.unwrap_or(0).saturating_mul(stretch.into()) };
    let kinds: BTreeSet<(u32, bool)> = architecture
        .layers
        .iter()
        .filter_map(|layer| match layer.mixer {
            Mixer::Attention(a) | Mixer::Parallel(a, _) => Some((a.head_dim, a.window.is_some())),
            Mixer::Mla(m) => Some((m.rope_dim, false)),
            _ => None,
        })
        .collect();
    let part = if spec.gated_delta.is_some() { DELTA_NET_PART } else { 1 };
    let width: u128 = kinds.iter().map(|&(width, _)| u128::from(width / part)).sum();
    let tables = u128::from(positions).saturating_mul(width).saturating_mul(HALF);
    Bytes::saturating(tables.saturating_add(handed_on(case, architecture)))
}

fn handed_on(case: &Case<'_>, architecture: &Architecture) -> u128 {
    let Some(encoder) = architecture.spec.vision.and_then(|tower| tower.encoder) else { return 0 };
    let image = u64::from(encoder.patches) / PATCHES_PER_TOKEN;
    let tokens = u64::from(case.demand.batch).max(image);
    u128::from(encoder.taps) * u128::from(tokens) * u128::from(architecture.spec.hidden) * HALF
}
