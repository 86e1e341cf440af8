//! Families that differ from the Llama scheme in a detail or two.

use super::Reading;
use super::dimensions::{self, short_pattern};
use super::experts;
use super::json::Read;
use super::latent;
use crate::domain::parameters::MULTI_TOKEN_PREDICTION;
use crate::domain::{GlobalAttention, QkNorm};

/// InternLM 1: one key for all biases of the attention.
pub(super) fn internlm(r: &mut Reading<'_>) -> Read<()> {
    let biased = r.text.flag(&["bias"])?.unwrap_or(true);
    (r.spec.qkv_bias, r.spec.out_bias) = (biased, biased);
    Ok(())
}

pub(super) fn internlm2(r: &mut Reading<'_>) -> Read<()> {
    let biased = r.text.is(&["bias"])?;
    (r.spec.qkv_bias, r.spec.out_bias) = (biased, biased);
    Ok(())
}

pub(super) fn internlm3(r: &mut Reading<'_>) -> Read<()> {
    r.spec.qkv_bias = r.text.is(&["qkv_bias"])?;
    let biased = r.text.is(&["bias"])?;
    (r.spec.out_bias, r.spec.mlp_bias) = (biased, biased);
    Ok(())
}

pub(super) fn seed_oss(r: &mut Reading<'_>) -> Read<()> {
    r.spec.qkv_bias = r.text.flag(&["attention_bias"])?.unwrap_or(true);
    r.spec.out_bias = r.text.is(&["attention_out_bias"])?;
    Ok(())
}

/// Apertus: an activation with two learned numbers per layer.
pub(super) fn apertus(r: &mut Reading<'_>) -> Read<()> {
    let layers = r.layers();
    r.other("activation parameters", 2 * layers);
    Ok(())
}

/// EXAONE 4: three of four layers slide when a window is given.
pub(super) fn exaone4(r: &mut Reading<'_>) -> Read<()> {
    if r.spec.pattern.is_none() && !r.text.has(&["layer_types"]) {
        r.spec.window = dimensions::window(r.text)?;
        if r.spec.window.is_some() {
            let told = r.text.text(&["sliding_window_pattern"]).unwrap_or("LLLG");
            let letters: Vec<char> = told.chars().map(|c| if c == 'G' { 'F' } else { 'S' }).collect();
            r.spec.pattern = short_pattern(&letters);
        }
    }
    Ok(())
}

pub(super) fn exaone_moe(r: &mut Reading<'_>) -> Read<()> {
    exaone4(r)?;
    experts::read(r)?;
    if let Some(moe) = &mut r.spec.moe {
        moe.router_bias = true;
    }
    experts::next_token_blocks(r, false, 0)
}

pub(super) fn mimo(r: &mut Reading<'_>) -> Read<()> {
    dimensions::sliding_if_asked(r)?;
    experts::next_token_blocks(r, false, 0)
}

/// MiMo-V2: own heads and widths for the sliding layers, sinks there, experts after the first layer.
pub(super) fn mimo_v2(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    let pattern = text.numbers(&["hybrid_layer_pattern"])?.unwrap_or_default();
    let letters: Vec<char> = pattern.iter().map(|&slides| if slides == 1 { 'S' } else { 'F' }).collect();
    r.spec.window = dimensions::window(text)?;
    if r.spec.window.is_some() && !letters.is_empty() {
        r.spec.pattern = short_pattern(&letters);
        let (kv_heads, head_dim) = (r.spec.kv_heads, r.spec.head_dim);
        r.spec.global = Some(GlobalAttention { kv_heads, head_dim, v_head_dim: r.spec.v_head_dim, k_eq_v: false });
        r.spec.kv_heads = text.optional(&["swa_num_key_value_heads"])?.unwrap_or(kv_heads);
        r.spec.head_dim = text.optional(&["swa_head_dim"])?.unwrap_or(head_dim);
        r.spec.v_head_dim = text.optional(&["swa_v_head_dim"])?.or(r.spec.v_head_dim);
    }
    experts::read(r)?;
    if let Some(moe) = &mut r.spec.moe {
        moe.router_bias = true;
    }
    let heads = u128::from(r.spec.heads);
    let with =
        |sinks: bool, letter: char| if sinks { letters.iter().filter(|&&l| l == letter).count() as u128 } else { 0 };
    let sinks =
        with(text.is(&["add_swa_attention_sink_bias"])?, 'S') + with(text.is(&["add_full_attention_sink_bias"])?, 'F');
    r.other("attention sinks", sinks * heads);
    Ok(())
}

/// Step 3.5 and 3.7: sliding layers may have more query heads, a gate per head, experts with a shared one; the blocks for
/// further tokens are dense and keep own heads.
pub(super) fn step(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    if r.spec.pattern.as_deref().is_some_and(|p| p.contains('S')) {
        r.spec.window = dimensions::window(text)?;
    }
    if let Some(kv_heads) = text.optional(&["num_attention_groups"])? {
        r.spec.kv_heads = kv_heads;
    }
    let letters: Vec<char> = r.spec.pattern.as_deref().unwrap_or("F").chars().collect();
    let kind = |i: u32| letters.get(i as usize % letters.len().max(1)).copied().unwrap_or('F');
    if let Some(other) = text.child(&["attention_other_setting"]) {
        let heads = other.optional(&["num_attention_heads"])?.unwrap_or(r.spec.heads);
        r.spec.heads_per_layer =
            (0..r.spec.layers).map(|i| if kind(i) == 'S' { heads } else { r.spec.heads }).collect();
    }
    if text.is(&["use_head_wise_attn_gate"])? {
        let heads: u128 = match r.spec.heads_per_layer.as_slice() {
            [] => r.layers() * u128::from(r.spec.heads),
            list => list.iter().map(|&h| u128::from(h)).sum(),
        };
        let gates = heads * r.hidden();
        r.other("head gates", gates);
    }
    experts::read(r)?;
    let biased = text.is(&["use_moe_router_bias"])?;
    if let Some(moe) = &mut r.spec.moe {
        moe.router_bias = biased;
    }
    let blocks = u128::from(text.or_zero(&["num_nextn_predict_layers"])?);
    let hidden = r.hidden();
    let layer = experts::dense_layer(r)?;
    let head = u128::from(r.spec.vocab) * hidden;
    r.other(MULTI_TOKEN_PREDICTION, blocks * (layer + 2 * hidden * hidden + 3 * hidden + head));
    Ok(())
}

/// OLMo 3 slides in three of four layers; OLMo 2 has no window.
pub(super) fn olmo3(r: &mut Reading<'_>) -> Read<()> {
    if dimensions::window(r.text)?.is_some() {
        dimensions::every_nth_full(r, &["sliding_window_pattern"], 4)?;
    }
    Ok(())
}

/// OLMo as first published: gate and up counted together, more rows than tokens.
pub(super) fn olmo(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    let together = match (text.optional(&["mlp_hidden_size"])?, text.optional(&["mlp_ratio"])?) {
        (Some(width), _) => width,
        (None, Some(ratio)) => ratio.saturating_mul(r.spec.hidden),
        (None, None) => return Ok(()),
    };
    let gated = text.text(&["activation_type"]).unwrap_or("swiglu").contains("glu");
    r.spec.ffn = if gated { together / 2 } else { together };
    r.spec.ungated_ffn = !gated;
    r.spec.vocab = r.spec.vocab.max(text.or_zero(&["embedding_size"])?);
    if text.is(&["multi_query_attention"])? {
        r.spec.kv_heads = 1;
    }
    if text.is(&["layer_norm_with_affine"])? {
        r.spec.norm = crate::domain::NormKind::LayerNormNoBias;
    }
    Ok(())
}

/// Meta's own files give factors instead of the feed-forward's width: two thirds of four times the model's, times a factor,
/// rounded up.
fn meta_width(r: &mut Reading<'_>) -> Read<()> {
    let Some(step) = r.text.optional(&["multiple_of"])?.filter(|&s| s > 0) else { return Ok(()) };
    let factor = r.text.real(&["ffn_dim_multiplier"]).unwrap_or(1.0).clamp(0.0, 64.0);
    let base = u64::from(r.spec.hidden) * 8 / 3;
    let width = ((base as f64 * factor) as u64).next_multiple_of(step.into());
    r.spec.ffn =
        u32::try_from(width).map_err(|_| "`ffn_dim_multiplier` gives a width above the maximum of 4294967295")?;
    Ok(())
}

/// Molmo: gate and up counted together, extra token rows, and a CLIP tower that the file does not describe.
pub(super) fn molmo(r: &mut Reading<'_>) -> Read<()> {
    r.spec.ffn /= 2;
    r.spec.qkv_bias = r.text.is(&["qkv_bias"])?;
    if r.text.is(&["attention_layer_norm"])? {
        r.spec.qk_norm = Some(QkNorm::AllHeads);
    }
    let extra = u128::from(r.text.optional(&["additional_vocab_size"])?.unwrap_or(128));
    let hidden = r.hidden();
    r.other("additional token embedding", extra * hidden);
    Ok(())
}

/// Command R: one norm for both blocks, and norms of queries and keys over all heads.
pub(super) fn cohere(r: &mut Reading<'_>) -> Read<()> {
    if r.text.is(&["use_qk_norm"])? {
        r.spec.qk_norm = Some(QkNorm::AllHeads);
    }
    if dimensions::window(r.text)?.is_some() {
        dimensions::every_nth_full(r, &["sliding_window_pattern"], 4)?;
    }
    Ok(())
}

/// The same with experts in place of the feed-forward.
pub(super) fn cohere_moe(r: &mut Reading<'_>) -> Read<()> {
    cohere(r)?;
    experts::read(r)?;
    experts::unused_dense_width(r);
    Ok(())
}

/// One learned sink per head.
#[expect(clippy::unnecessary_wraps, reason = "one of many functions of this type")]
pub(super) fn sinks(r: &mut Reading<'_>) -> Read<()> {
    r.spec.sinks = true;
    Ok(())
}

/// HyperCLOVA X: norms behind each block unless switched off.
pub(super) fn hyperclovax(r: &mut Reading<'_>) -> Read<()> {
    r.spec.post_norms = r.text.flag(&["use_post_norm"])?.unwrap_or(true);
    Ok(())
}

/// Differential attention weighs two maps against each other by four learned vectors (arXiv 2410.05258).
#[expect(clippy::unnecessary_wraps, reason = "one of many functions of this type")]
pub(super) fn diffllama(r: &mut Reading<'_>) -> Read<()> {
    let weights = 4 * u128::from(r.spec.head_dim) * r.layers();
    r.other("differential weights", weights);
    Ok(())
}

/// The decoder in the shape of ModernBERT: a dense layer, a norm and a bias in front of the output table. The norm behind
/// the embeddings stands in for the missing one of the first layer.
#[expect(clippy::unnecessary_wraps, reason = "one of many functions of this type")]
pub(super) fn modern_decoder(r: &mut Reading<'_>) -> Read<()> {
    let head = r.hidden() * r.hidden() + r.hidden() + u128::from(r.spec.vocab);
    r.other("language head", head);
    Ok(())
}

/// Yuan 2: each layer first mixes neighbouring tokens by two convolutions of two taps, with a norm (arXiv 2311.15786).
#[expect(clippy::unnecessary_wraps, reason = "one of many functions of this type")]
pub(super) fn yuan(r: &mut Reading<'_>) -> Read<()> {
    let hidden = r.hidden();
    let half = hidden / 2;
    let filters = r.layers() * (4 * hidden * half + half + 2 * hidden);
    r.other("local filters", filters);
    Ok(())
}

/// Doge: a weight and a projection that mask values, norms of queries and keys, learned residuals.
pub(super) fn doge(r: &mut Reading<'_>) -> Read<()> {
    if r.text.is(&["is_moe"])? {
        return Err("its experts, picked by products of keys, are not understood".to_owned());
    }
    let kv = u128::from(r.spec.kv_heads);
    let width = kv * u128::from(r.spec.head_dim);
    let biases = if r.spec.qkv_bias { kv } else { 0 };
    let layers = r.layers();
    let hidden = r.hidden();
    r.other("masks over values", layers * (width * kv + biases + kv));
    r.other("learned residuals", layers * 2 * hidden);
    Ok(())
}

/// Voxtral Realtime: each layer's feed-forward is scaled by the delay, through a bottleneck.
pub(super) fn voxtral_realtime(r: &mut Reading<'_>) -> Read<()> {
    dimensions::sliding(r)?;
    let width = u128::from(r.text.optional(&["ada_rms_norm_t_cond_dim"])?.unwrap_or(32));
    let scales = r.layers() * 2 * r.hidden() * width;
    r.other("delay scales", scales);
    Ok(())
}

/// Molmo 2: further token rows in a table of their own.
pub(super) fn molmo2(r: &mut Reading<'_>) -> Read<()> {
    if !r.text.flag(&["use_qk_norm"])?.unwrap_or(true) {
        r.spec.qk_norm = None;
    } else if r.text.text(&["qk_norm_type"]) == Some("olmo") {
        r.spec.qk_norm = Some(QkNorm::AllHeads);
    }
    r.spec.qkv_bias = r.text.is(&["qkv_bias"])?;
    let extra = u128::from(r.text.optional(&["additional_vocab_size"])?.unwrap_or(128));
    let hidden = r.hidden();
    r.other("additional token embedding", extra * hidden);
    Ok(())
}

pub(super) fn stablelm(r: &mut Reading<'_>) -> Read<()> {
    r.spec.shared_norm = r.text.is(&["use_parallel_residual"])?;
    if r.text.is(&["qk_layernorm"])? {
        r.spec.qk_norm = Some(QkNorm::AllHeads);
    }
    Ok(())
}

/// Pruned Llamas: each block with its own number of key-value heads and width, or without attention or feed-forward.
pub(super) fn nemotron_nas(r: &mut Reading<'_>) -> Read<()> {
    let blocks = r.text.objects(&["block_configs"]).ok_or("`block_configs` is missing")?;
    let heads = r.spec.heads;
    let hidden = r.hidden();
    let (mut letters, mut kv_heads, mut widths) = (Vec::new(), Vec::new(), Vec::new());
    let mut replaced = 0u128;
    for block in &blocks {
        let attention = block.child(&["attention"]).ok_or("a block has no `attention`")?;
        let ffn = block.child(&["ffn"]).ok_or("a block has no `ffn`")?;
        let has = |part: &super::json::Fields<'_>| -> Read<bool> {
            Ok(!part.is(&["no_op"])? && !part.is(&["replace_with_linear"])?)
        };
        replaced += u128::from(attention.is(&["replace_with_linear"])?) + u128::from(ffn.is(&["replace_with_linear"])?);
        let group = attention.optional(&["n_heads_in_group"])?.unwrap_or(1).max(1);
        kv_heads.push((heads / group).max(1));
        let width = match ffn.optional(&["intermediate_size"])? {
            Some(width) => width,
            None => {
                let factor = ffn.real(&["ffn_mult"]).unwrap_or(0.0);
                let width = (2.0 * factor * hidden as f64 / 3.0) as u32;
                width.div_ceil(256).saturating_mul(256)
            }
        };
        let wide = has(&ffn)? && width > 0;
        widths.push(if wide { width } else { 0 });
        letters.push(match (has(&attention)?, wide) {
            (true, true) => 'F',
            (true, false) => 'f',
            (false, _) => 'D',
        });
    }
    r.spec.pattern = short_pattern(&letters);
    r.spec.kv_heads = kv_heads.iter().copied().max().unwrap_or(heads);
    r.spec.kv_heads_per_layer = if kv_heads.iter().all(|&h| h == r.spec.kv_heads) { Vec::new() } else { kv_heads };
    r.spec.ffn = widths.iter().copied().max().unwrap_or(0);
    r.spec.ffn_per_layer = widths;
    r.other("linear replacements", replaced * hidden * hidden);
    Ok(())
}

/// ERNIE: one key for all biases.
pub(super) fn ernie(r: &mut Reading<'_>) -> Read<()> {
    let biased = r.text.is(&["use_bias"])?;
    (r.spec.qkv_bias, r.spec.out_bias, r.spec.mlp_bias) = (biased, biased, biased);
    Ok(())
}

pub(super) fn hunyuan(r: &mut Reading<'_>) -> Read<()> {
    if r.text.is(&["use_qk_norm"])? {
        r.spec.qk_norm = Some(QkNorm::PerHead);
    }
    Ok(())
}

/// Llama 3.2 Vision: some layers attend to the image instead, gated and normalised; eight more token rows.
pub(super) fn mllama(r: &mut Reading<'_>) -> Read<()> {
    let cross = match r.text.numbers(&["cross_attention_layers"])? {
        Some(list) => list,
        None => {
            r.text.note("`cross_attention_layers` is absent: layers 3, 8, 13, ..., the default of mllama");
            (0..r.spec.layers).filter(|i| i % 5 == 3).collect()
        }
    };
    let letters: Vec<char> = (0..r.spec.layers).map(|i| if cross.contains(&i) { 'X' } else { 'F' }).collect();
    r.spec.pattern = short_pattern(&letters);
    let layers = letters.iter().filter(|&&l| l == 'X').count() as u128;
    let hidden = r.hidden();
    r.other("cross-attention norms and gates", layers * (2 * u128::from(r.spec.head_dim) + 2));
    r.other("image token embedding", 8 * hidden);
    Ok(())
}

/// BitNet: norms before the output projections.
pub(super) fn bitnet(r: &mut Reading<'_>) -> Read<()> {
    let norms = r.layers() * (r.hidden() + u128::from(r.spec.ffn));
    r.other("inner norms", norms);
    Ok(())
}

/// Phi 3 and 4; the multimodal Phi 4 carries adapters for each sense.
pub(super) fn phi3(r: &mut Reading<'_>) -> Read<()> {
    dimensions::sliding(r)?;
    let hidden = r.hidden();
    let heads = u128::from(r.spec.heads) * u128::from(r.spec.head_dim);
    let kv = 2 * u128::from(r.spec.kv_heads) * u128::from(r.spec.head_dim);
    let ffn = u128::from(r.spec.ffn);
    let ends = (hidden + heads + kv) + (heads + hidden) + (hidden + 2 * ffn) + (ffn + hidden);
    for (key, name) in [("vision_lora", "vision adapters"), ("speech_lora", "speech adapters")] {
        if let Some(adapter) = r.root.child(&[key]) {
            let rank = u128::from(adapter.or_zero(&["r"])?);
            let layers = r.layers();
            r.other(name, layers * rank * ends);
        }
    }
    Ok(())
}

/// A dense vision-language body whose heads for masks and boxes the file describes only in part.
pub(super) fn falcon_perception(r: &mut Reading<'_>) -> Read<()> {
    r.text.note("the heads for segmentation and coordinates are not counted");
    Ok(())
}

/// Keys of layers without attention: state spaces, linear recurrences, RWKV.
const RECURRENT_KEYS: [&str; 12] = [
    "block_types",
    "lru_width",
    "ssm_cfg",
    "ssm_state_size",
    "mamba_d_state",
    "mamba_expand",
    "mamba_enabled",
    "mb_per_layer",
    "d_state",
    "state_size",
    "time_mix_extra_dim",
    "linear_num_value_heads",
];

/// What the keys of an unknown kind of model tell.
pub(super) fn unknown(r: &mut Reading<'_>) -> Read<()> {
    if let Some(key) = RECURRENT_KEYS.iter().find(|key| r.text.has(&[key])) {
        return Err(format!(
            "`{key}` of the unknown kind of model `{}` tells of recurrent layers, whose dimensions cannot be guessed",
            r.kind
        ));
    }
    latent::attention(r)?;
    if r.spec.ffn == 0 {
        meta_width(r)?;
    }
    // Mistral's own files keep their experts apart.
    if let Some(moe) = r.text.child(&["moe"]) {
        r.spec.moe = Some(crate::domain::MoeShape {
            experts: moe.need(&["num_experts"])?,
            used: moe.assume(&["num_experts_per_tok"], 2)?,
            width: r.spec.ffn,
            ..crate::domain::MoeShape::default()
        });
    }
    experts::read(r)?;
    if r.spec.pattern.as_deref().is_some_and(|p| p.chars().any(|c| !matches!(c, 'F' | 'S'))) {
        return Err(format!(
            "`layer_types` of the unknown kind of model `{}` names recurrent layers, whose dimensions cannot be guessed",
            r.kind
        ));
    }
    if r.spec.pattern.is_none() && dimensions::window(r.text)?.is_some() {
        r.text.note("the sliding window is not used: which layers slide is unknown, all keep the whole context");
    }
    if r.spec.ffn == 0 && r.spec.moe.is_none() {
        r.spec.ffn = r.spec.hidden.saturating_mul(4);
        r.text.note("`intermediate_size` is absent: four times the model's width assumed");
    }
    if r.text.is(&["use_qk_norm", "qk_layernorm", "qk_norm"])? {
        r.spec.qk_norm = Some(QkNorm::PerHead);
    }
    Ok(())
}
