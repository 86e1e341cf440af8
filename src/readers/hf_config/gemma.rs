//! What the generations of Gemma have beyond the common keys.

use super::Reading;
use super::dimensions;
use super::json::Read;
use crate::domain::{GlobalAttention, MoeShape};

/// Every second layer slides, the first does.
pub(super) fn gemma2(r: &mut Reading<'_>) -> Read<()> {
    if r.spec.pattern.is_none() {
        r.spec.window = dimensions::window(r.text)?;
        r.spec.pattern = r.spec.window.map(|_| "SF".to_owned());
    }
    Ok(())
}

/// Five layers slide, the sixth does not.
pub(super) fn gemma3(r: &mut Reading<'_>) -> Read<()> {
    dimensions::every_nth_full(r, &["sliding_window_pattern", "_sliding_window_pattern"], 6)
}

/// Gemma 3n: per-layer embeddings, alternating updates over several streams, a low-rank bypass, shared caches.
pub(super) fn gemma3n(r: &mut Reading<'_>) -> Read<()> {
    dimensions::every_nth_full(r, &["sliding_window_pattern", "_sliding_window_pattern"], 5)?;
    per_layer_inputs(r)?;
    let (hidden, layers) = (r.hidden(), r.layers());
    let streams = u128::from(r.text.optional(&["altup_num_inputs"])?.unwrap_or(4));
    let rank = u128::from(r.text.optional(&["laurel_rank"])?.unwrap_or(64));
    // Per layer: correction scale, correction and prediction coefficients, router and its norm.
    let updates = hidden + streams * streams + streams * streams * streams + hidden * streams + hidden;
    let unembedding = 2 * streams.saturating_sub(1) * hidden * hidden;
    r.other("alternating updates", layers * updates + unembedding);
    r.other("low-rank bypass", layers * (2 * hidden * rank + hidden));
    Ok(())
}

fn per_layer_inputs(r: &mut Reading<'_>) -> Read<()> {
    r.spec.per_layer_input = r.text.or_zero(&["hidden_size_per_layer_input"])?;
    if r.spec.per_layer_input > 0 {
        let rows = r.text.or_zero(&["vocab_size_per_layer_input"])?;
        r.spec.per_layer_vocab = if rows == r.spec.vocab { 0 } else { rows };
    }
    r.spec.kv_shared_layers = r.text.or_zero(&["num_kv_shared_layers"])?.min(r.spec.layers);
    Ok(())
}

/// Gemma 4: wider heads in the full-attention layers, which may do without value projections; a dense block beside the
/// experts; one scale per layer.
pub(super) fn gemma4(r: &mut Reading<'_>) -> Read<()> {
    dimensions::every_nth_full(r, &["sliding_window_pattern", "_sliding_window_pattern"], 6)?;
    per_layer_inputs(r)?;
    r.spec.kv_shared_without_weights = false;
    let text = r.text;
    // Since its version 5.23 the transformers library writes what differs in these layers layer by layer.
    let full = text.child(&["per_layer_config"]).and_then(|layers| layers.first_child());
    let of_full = |name: &str| -> Read<Option<u32>> { full.map_or(Ok(None), |layer| layer.optional(&[name])) };
    let told = of_full("head_dim")?.map_or_else(|| text.optional(&["global_head_dim"]), |width| Ok(Some(width)))?;
    let head_dim = told.filter(|&w| w > 0).unwrap_or(r.spec.head_dim);
    let k_eq_v = text.is(&["attention_k_eq_v"])?;
    let heads = of_full("num_key_value_heads")?;
    let kv_heads = match heads.map_or_else(|| text.optional(&["num_global_key_value_heads"]), |n| Ok(Some(n)))? {
        Some(heads) if k_eq_v => heads,
        _ => r.spec.kv_heads,
    };
    r.spec.global = Some(GlobalAttention { kv_heads, head_dim, v_head_dim: None, k_eq_v });
    r.spec.rope_factors = head_dim / 2;
    if text.is(&["use_double_wide_mlp"])? && r.spec.kv_shared_layers > 0 && r.spec.ffn_per_layer.is_empty() {
        let first = r.spec.layers - r.spec.kv_shared_layers;
        let (narrow, wide) = (r.spec.ffn, r.spec.ffn.saturating_mul(2));
        r.spec.ffn_per_layer = (0..r.spec.layers).map(|i| if i >= first { wide } else { narrow }).collect();
    }
    let hidden = r.hidden();
    if text.is(&["enable_moe_block"])? {
        let moe = MoeShape {
            experts: text.need(super::experts::EXPERTS)?,
            used: text.need(&["top_k_experts", "num_experts_per_tok"])?,
            width: text.need(&["moe_intermediate_size", "expert_intermediate_size"])?,
            dense_width: r.spec.ffn,
            ..MoeShape::default()
        };
        r.spec.moe = Some(moe);
        r.spec.ffn = 0;
        // Three more norms, the router's scale, and one scale per expert.
        r.other("norms and scales of the experts", r.layers() * (4 * hidden + u128::from(moe.experts)));
    }
    r.other("layer scales", r.layers());
    Ok(())
}
