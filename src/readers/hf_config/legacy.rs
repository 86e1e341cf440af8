//! Families from before gated feed-forwards and grouped queries became common, with their own key names.

use super::Reading;
use super::dimensions;
use super::json::Read;
use crate::domain::QkNorm;

/// Four times the model's width unless told.
fn fourfold(r: &mut Reading<'_>) {
    if r.spec.ffn == 0 {
        r.spec.ffn = r.spec.hidden.saturating_mul(4);
    }
}

/// Qwen 1: `intermediate_size` counts gate and up together.
pub(super) fn qwen1(r: &mut Reading<'_>) -> Read<()> {
    r.spec.ffn /= 2;
    r.text.note("`intermediate_size` counts gate and up together, as this family writes it");
    Ok(())
}

/// GPT-2 and StarCoder: learned positions; StarCoder has one key-value head.
pub(super) fn gpt2(r: &mut Reading<'_>) -> Read<()> {
    fourfold(r);
    r.spec.positions = r.text.need(&["n_positions", "max_position_embeddings"])?;
    if r.kind == "gpt_bigcode" && r.text.flag(&["multi_query"])?.unwrap_or(true) {
        r.spec.kv_heads = 1;
    }
    if r.text.text(&["attention_head_type"]) == Some("multiquery") {
        r.spec.kv_heads = 1;
    }
    Ok(())
}

/// GPT, the first of them: learned positions, norms behind the blocks and none at the end.
pub(super) fn gpt1(r: &mut Reading<'_>) -> Read<()> {
    fourfold(r);
    r.spec.positions = r.text.need(&["n_positions", "max_position_embeddings"])?;
    r.spec.no_final_norm = true;
    Ok(())
}

/// BioGPT: learned positions with an offset of two.
pub(super) fn biogpt(r: &mut Reading<'_>) -> Read<()> {
    r.spec.positions = r.text.need(&["max_position_embeddings"])?.saturating_add(2);
    Ok(())
}

/// Jais: GPT-2 with a gated feed-forward, positions as slopes of the scores.
pub(super) fn jais(r: &mut Reading<'_>) -> Read<()> {
    fourfold(r);
    if r.text.text(&["position_embedding_type"]) == Some("learned") {
        r.spec.positions = r.text.need(&["n_positions", "max_position_embeddings"])?;
    }
    r.spec.ungated_ffn = !r.text.text(&["activation_function"]).unwrap_or("swiglu").contains("glu");
    Ok(())
}

pub(super) fn gpt_neox(r: &mut Reading<'_>) -> Read<()> {
    fourfold(r);
    if !r.text.flag(&["attention_bias"])?.unwrap_or(true) {
        (r.spec.qkv_bias, r.spec.out_bias) = (false, false);
    }
    Ok(())
}

/// GPT-J: one norm, biases in feed-forward and head alone.
pub(super) fn gptj(r: &mut Reading<'_>) -> Read<()> {
    fourfold(r);
    if !r.spec.tied_embeddings {
        r.other("output head bias", r.spec.vocab.into());
    }
    Ok(())
}

/// GPT-Neo: learned positions, every second layer with a window.
pub(super) fn gpt_neo(r: &mut Reading<'_>) -> Read<()> {
    fourfold(r);
    r.spec.positions = r.text.need(&["max_position_embeddings"])?;
    r.spec.window = r.text.optional(&["window_size"])?.filter(|&w| w > 0);
    r.spec.pattern = r.spec.window.map(|_| "FS".to_owned());
    Ok(())
}

/// BLOOM: a norm behind the embeddings.
pub(super) fn bloom(r: &mut Reading<'_>) -> Read<()> {
    fourfold(r);
    let norm = 2 * r.hidden();
    r.other("embedding norm", norm);
    Ok(())
}

/// OPT: learned positions with an offset of two; small models embed in another width.
pub(super) fn opt(r: &mut Reading<'_>) -> Read<()> {
    r.spec.positions = r.text.need(&["max_position_embeddings"])?.saturating_add(2);
    let width = r.text.optional(&["word_embed_proj_dim"])?.unwrap_or(r.spec.hidden);
    if width != r.spec.hidden {
        r.spec.embedding_width = width;
        let projections = 2 * u128::from(width) * r.hidden();
        r.other("projections of the embeddings", projections);
    }
    r.spec.no_final_norm = !r.text.flag(&["do_layer_norm_before"])?.unwrap_or(true);
    if !r.text.flag(&["enable_bias"])?.unwrap_or(true) {
        (r.spec.qkv_bias, r.spec.out_bias, r.spec.mlp_bias) = (false, false, false);
    }
    Ok(())
}

pub(super) fn mpt(r: &mut Reading<'_>) -> Read<()> {
    let factor = r.text.real(&["expansion_ratio"]).unwrap_or(4.0);
    r.spec.ffn = (factor * f64::from(r.spec.hidden)) as u32;
    if let Some(attention) = r.text.child(&["attn_config"]) {
        if let Some(heads) = attention.optional(&["kv_n_heads"])? {
            r.spec.kv_heads = heads;
        } else if attention.text(&["attn_type"]) == Some("multiquery_attention") {
            r.spec.kv_heads = 1;
        }
        if !attention.is(&["alibi"])? && r.text.is(&["learned_pos_emb"])? {
            r.spec.positions = r.text.or_zero(&["max_seq_len"])?;
        }
        if attention.is(&["qk_ln"])? {
            r.spec.qk_norm = Some(QkNorm::AllHeads);
        }
    }
    Ok(())
}

/// Falcon: one key-value head or a few, attention and feed-forward side by side on one norm or two.
pub(super) fn falcon(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    fourfold(r);
    let new = text.is(&["new_decoder_architecture"])?;
    r.spec.kv_heads = if new {
        text.optional(&["num_kv_heads", "n_head_kv"])?.unwrap_or(r.spec.heads)
    } else if text.flag(&["multi_query"])?.unwrap_or(true) {
        1
    } else {
        r.spec.heads
    };
    let parallel = text.flag(&["parallel_attn"])?.unwrap_or(true);
    let norms = text.optional(&["num_ln_in_parallel_attn"])?.unwrap_or(if new { 2 } else { 1 });
    r.spec.shared_norm = parallel && norms == 1;
    if text.is(&["bias"])? {
        (r.spec.qkv_bias, r.spec.out_bias, r.spec.mlp_bias) = (true, true, true);
    }
    Ok(())
}

pub(super) fn persimmon(r: &mut Reading<'_>) -> Read<()> {
    fourfold(r);
    if r.text.flag(&["qk_layernorm"])?.unwrap_or(true) {
        let norms = 4 * u128::from(r.spec.head_dim) * r.layers();
        r.other("query and key norms", norms);
    }
    Ok(())
}

/// Phi 1 and 2: one norm for both blocks, biases everywhere, also in the output head.
pub(super) fn phi(r: &mut Reading<'_>) -> Read<()> {
    fourfold(r);
    if r.root.words(&["architectures"]).is_none_or(|c| c.first() != Some(&"PhiModel")) {
        r.other("output head bias", r.spec.vocab.into());
    }
    if r.text.is(&["qk_layernorm"])? {
        let norms = 4 * u128::from(r.spec.head_dim) * r.layers();
        r.other("query and key norms", norms);
    }
    Ok(())
}

/// ChatGLM: keys of its own for grouped queries and biases.
pub(super) fn chatglm(r: &mut Reading<'_>) -> Read<()> {
    if let Some(inner) = r.text.optional(&["inner_hidden_size"])? {
        // The first ChatGLM: LayerNorms and biases everywhere, no gate, one table.
        r.spec.ffn = inner;
        r.spec.norm = crate::domain::NormKind::LayerNorm;
        (r.spec.ungated_ffn, r.spec.fused_gate_up, r.spec.tied_embeddings) = (true, false, true);
        (r.spec.qkv_bias, r.spec.out_bias, r.spec.mlp_bias) = (true, true, true);
        return Ok(());
    }
    if !r.text.is(&["multi_query_attention"])? {
        r.spec.kv_heads = r.spec.heads;
    }
    r.spec.qkv_bias = r.text.is(&["add_qkv_bias"])?;
    if r.text.is(&["add_bias_linear"])? {
        (r.spec.qkv_bias, r.spec.out_bias, r.spec.mlp_bias) = (true, true, true);
    }
    Ok(())
}

/// StarCoder 2: biases unless switched off, and a window.
pub(super) fn starcoder2(r: &mut Reading<'_>) -> Read<()> {
    if !r.text.flag(&["use_bias"])?.unwrap_or(true) {
        (r.spec.qkv_bias, r.spec.out_bias, r.spec.mlp_bias) = (false, false, false);
    }
    dimensions::sliding(r)
}

/// OpenELM: heads and widths grow with depth.
pub(super) fn openelm(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    let heads = text.numbers(&["num_query_heads"])?.ok_or("`num_query_heads` is missing")?;
    let kv_heads = text.numbers(&["num_kv_heads"])?.ok_or("`num_kv_heads` is missing")?;
    let Some(serde_json::Value::Array(factors)) = text.raw(&["ffn_multipliers"]) else {
        return Err("`ffn_multipliers` is missing".to_owned());
    };
    let step = text.optional(&["ffn_dim_divisor"])?.unwrap_or(256).max(1);
    let hidden = f64::from(r.spec.hidden);
    r.spec.ffn_per_layer = factors
        .iter()
        .map(|factor| {
            let width = factor.as_f64().filter(|f| f.is_finite() && *f >= 0.0).map(|f| f * hidden);
            let width = width.filter(|w| *w < 1e9).ok_or("`ffn_multipliers` holds no usual factors")?;
            // To the nearest multiple, never below nine tenths of the asked width.
            let near = ((width + f64::from(step) / 2.0) as u32) / step * step;
            let near = near.max(step);
            Ok(if f64::from(near) < 0.9 * width { near + step } else { near })
        })
        .collect::<Read<Vec<u32>>>()?;
    r.spec.ffn = r.spec.ffn_per_layer.iter().copied().max().unwrap_or(0);
    r.spec.heads = heads.iter().copied().max().unwrap_or(0);
    r.spec.kv_heads = kv_heads.iter().copied().max().unwrap_or(0);
    r.spec.heads_per_layer = heads;
    r.spec.kv_heads_per_layer = kv_heads;
    r.spec.head_dim = text.need(&["head_dim"])?;
    if text.flag(&["normalize_qk_projections"])?.unwrap_or(true) {
        r.spec.qk_norm = Some(QkNorm::PerHead);
    }
    r.spec.tied_embeddings = text.flag(&["share_input_output_layers"])?.unwrap_or(true);
    Ok(())
}
