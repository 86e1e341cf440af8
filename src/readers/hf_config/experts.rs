//! Mixtures of experts: how many, how wide, in which layers.

use super::Reading;
use super::dimensions;
use super::json::{Fields, Read};
use crate::domain::parameters::{self, MULTI_TOKEN_PREDICTION};
use crate::domain::{FeedForward, Layer, MoeShape, NormKind, QkNorm};

pub(super) const EXPERTS: &[&str] =
    &["num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts", "num_routed_experts"];
const USED: &[&str] = &[
    "num_experts_per_tok",
    "num_experts_per_token",
    "top_k_experts",
    "moe_topk",
    "moe_k",
    "moe_top_k",
    "experts_per_token",
    "num_selected_experts",
];
const WIDTH: &[&str] =
    &["moe_intermediate_size", "expert_ffn_hidden_size", "moe_ffn_hidden_size", "expert_hidden_size"];
const SHARED: &[&str] = &["n_shared_experts", "num_shared_experts", "moe_num_shared_experts", "num_shared_expert"];
const SHARED_WIDTH: &[&str] = &[
    "shared_expert_intermediate_size",
    "moe_shared_expert_intermediate_size",
    "shared_intermediate_size",
    "share_expert_dim",
];

/// A number that some families write as one per layer; they are alike then, and the widest counts.
fn number_or_list(text: Fields<'_>, names: &[&str]) -> Read<Option<u32>> {
    match text.numbers(names)? {
        Some(list) => Ok(list.into_iter().max()),
        None => text.optional(names),
    }
}

/// The experts as most families write them; `None` when the model has none.
pub(super) fn shape(r: &Reading<'_>) -> Read<Option<MoeShape>> {
    let text = r.text;
    if text.flag(&["use_moe", "is_moe"])? == Some(false) {
        return Ok(None);
    }
    let experts = number_or_list(text, EXPERTS)?.unwrap_or(0);
    if experts == 0 {
        return Ok(None);
    }
    let used = match number_or_list(text, USED)? {
        Some(used) => used.clamp(1, experts),
        None => text.assume(USED, 2)?.min(experts),
    };
    let width = match number_or_list(text, WIDTH)? {
        Some(width) => width,
        None => r.spec.ffn,
    };
    let shared = number_or_list(text, SHARED)?;
    let shared_width = match (text.optional(SHARED_WIDTH)?, shared) {
        (_, Some(0)) => 0,
        (Some(each), Some(number)) if text.has(&["moe_shared_expert_intermediate_size"]) => each.saturating_mul(number),
        (Some(all), _) => all,
        (None, Some(number)) => number.saturating_mul(width),
        (None, None) => 0,
    };
    Ok(Some(MoeShape { experts, used, width, shared_width, ..MoeShape::default() }))
}

/// Which layers have experts: leading dense ones, then every so many.
pub(super) fn placement(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    let layers = r.spec.layers;
    let mut first =
        text.or_zero(&["first_k_dense_replace", "num_dense_layers", "moe_layer_start_index", "n_dense_layers"])?;
    let mut every = text
        .optional(&["decoder_sparse_step", "interleave_moe_layer_step", "moe_layer_interval", "moe_every_n_layers"])?
        .unwrap_or(1);
    let mut listed = None;
    if let Some(freq) = text.numbers(&["moe_layer_freq"])? {
        listed = Some(freq.iter().map(|&f| f != 0).collect::<Vec<_>>());
    } else if let Some(freq) = text.optional(&["moe_layer_freq"])? {
        every = freq;
    }
    if let Some(kinds) = text.words(&["mlp_layer_types"]) {
        listed = Some(kinds.iter().map(|k| *k == "sparse" || *k == "moe").collect());
    }
    if let Some(dense) = text.numbers(&["mlp_only_layers"])?.filter(|l| !l.is_empty()) {
        listed = Some((0..layers).map(|i| !dense.contains(&i) && (i + 1) % every.max(1) == 0).collect());
    }
    if let Some(with) = text.numbers(&["moe_layers"])?.filter(|l| !l.is_empty()) {
        listed = Some((0..layers).map(|i| with.contains(&i)).collect());
    }
    if let Some(with) = listed {
        let dense = with.iter().take_while(|&&moe| !moe).count();
        (first, every) = (u32::try_from(dense).unwrap_or(layers), 1);
        if with.iter().skip(dense).any(|&moe| !moe) {
            text.note("experts are placed irregularly: every layer after the first with experts is taken to have them");
        }
    }
    r.spec.dense_first_layers = first;
    r.spec.moe_every = if every > 1 { every } else { 0 };
    Ok(())
}

/// Experts and their placement as most families write them; dense when there are none.
pub(super) fn read(r: &mut Reading<'_>) -> Read<()> {
    if let Some(shape) = shape(r)? {
        r.spec.moe = Some(shape);
        placement(r)?;
    }
    Ok(())
}

fn with_shape(r: &mut Reading<'_>, change: impl FnOnce(&mut MoeShape)) {
    if let Some(moe) = &mut r.spec.moe {
        change(moe);
    }
}

/// The blocks beyond the last layer that guess further tokens: a layer, two norms, a projection of both inputs to one,
/// a norm at the end; `copies` when they keep own embeddings and head. Structure: DeepSeek-V3 report, section 2.2.
pub(super) fn next_token_blocks(r: &mut Reading<'_>, copies: bool, extra: u128) -> Read<()> {
    let blocks = r.text.or_zero(&["num_nextn_predict_layers", "mtp_num_hidden_layers", "mtp_num_layers"])?;
    blocks_for_further_tokens(r, blocks, copies, extra)
}

/// So many blocks, each a layer with a projection and norms of its own.
pub(super) fn blocks_for_further_tokens(r: &mut Reading<'_>, blocks: u32, copies: bool, extra: u128) -> Read<()> {
    if blocks == 0 {
        return Ok(());
    }
    let Some(layer) = last_layer(r)? else { return Ok(()) };
    let own = u128::from(parameters::of_layer(&r.spec, &layer));
    let hidden = r.hidden();
    let norms = 3 * if r.spec.norm == NormKind::LayerNorm { 2 * hidden } else { hidden };
    let tables = if copies { 2 * u128::from(r.spec.vocab) * hidden } else { 0 };
    let block = own + 2 * hidden * hidden + norms + tables + extra;
    r.other(MULTI_TOKEN_PREDICTION, u128::from(blocks) * block);
    Ok(())
}

/// The last layer as the specification expands it.
pub(super) fn last_layer(r: &Reading<'_>) -> Read<Option<Layer>> {
    let architecture = r.spec.clone().expand().map_err(|e| e.to_string())?;
    Ok(architecture.layers.last().copied())
}

pub(super) fn mixtral(r: &mut Reading<'_>) -> Read<()> {
    dimensions::sliding(r)?;
    read(r)?;
    r.spec.ffn = 0;
    Ok(())
}

/// Granite: experts as wide as `intermediate_size`, and a shared one when a width for it is given.
pub(super) fn granite(r: &mut Reading<'_>) -> Read<()> {
    r.spec.moe = shape(r)?;
    r.spec.ffn = 0;
    Ok(())
}

pub(super) fn qwen2_moe(r: &mut Reading<'_>) -> Read<()> {
    dimensions::sliding_if_asked(r)?;
    read(r)?;
    with_shape(r, |moe| moe.shared_gate = moe.shared_width > 0);
    unused_dense_width(r);
    Ok(())
}

pub(super) fn qwen3_moe(r: &mut Reading<'_>) -> Read<()> {
    dimensions::sliding_if_asked(r)?;
    read(r)?;
    unused_dense_width(r);
    Ok(())
}

/// The dense width says nothing when every layer has experts.
pub(super) fn unused_dense_width(r: &mut Reading<'_>) {
    if r.spec.moe.is_some() && r.spec.dense_first_layers == 0 && r.spec.moe_every <= 1 {
        r.spec.ffn = 0;
    }
}

pub(super) fn olmoe(r: &mut Reading<'_>) -> Read<()> {
    r.spec.moe = shape(r)?;
    r.spec.ffn = 0;
    Ok(())
}

/// Phi-MoE: LayerNorms, biases on attention and output head. Its window is ignored, as its engines do.
pub(super) fn phimoe(r: &mut Reading<'_>) -> Read<()> {
    r.spec.moe = shape(r)?;
    r.spec.ffn = 0;
    if r.text.is(&["lm_head_bias"])? {
        r.other("output head bias", r.spec.vocab.into());
    }
    if r.text.has(&["sliding_window"]) {
        r.text.note("the sliding window is not used: all layers keep the whole context");
    }
    Ok(())
}

pub(super) fn glm4_moe(r: &mut Reading<'_>) -> Read<()> {
    read(r)?;
    with_shape(r, |moe| moe.router_bias = true);
    if r.text.is(&["use_qk_norm"])? {
        r.spec.qk_norm = Some(QkNorm::PerHead);
    }
    next_token_blocks(r, true, 0)
}

pub(super) fn dots1(r: &mut Reading<'_>) -> Read<()> {
    read(r)?;
    with_shape(r, |moe| moe.router_bias = true);
    Ok(())
}

/// Trinity: gated attention and norms before and behind each block.
pub(super) fn afmoe(r: &mut Reading<'_>) -> Read<()> {
    r.spec.output_gate = true;
    dimensions::every_nth_full(r, &["global_attn_every_n_layers"], 4)?;
    dots1(r)
}

/// Experts after leading dense layers, and one learned sink per head.
pub(super) fn with_sinks(r: &mut Reading<'_>) -> Read<()> {
    r.spec.sinks = true;
    read(r)?;
    unused_dense_width(r);
    Ok(())
}

pub(super) fn granite_with_sinks(r: &mut Reading<'_>) -> Read<()> {
    r.spec.sinks = true;
    granite(r)
}

/// Hunyuan 3: a biased router and blocks for further tokens.
pub(super) fn hunyuan3(r: &mut Reading<'_>) -> Read<()> {
    dots1(r)?;
    next_token_blocks(r, false, 0)
}

/// Laguna: heads by layer, and a gate on the output of each of them or of each of their numbers.
pub(super) fn laguna(r: &mut Reading<'_>) -> Read<()> {
    if let Some(heads) = r.text.numbers(&["num_attention_heads_per_layer"])? {
        r.spec.heads = heads.iter().copied().max().unwrap_or(r.spec.heads);
        r.spec.heads_per_layer = if heads.iter().all(|&h| h == r.spec.heads) { Vec::new() } else { heads };
    }
    let per_head = match r.text.text(&["gating"]) {
        Some(kind) => kind == "per-head",
        None => r.text.is(&["gating"])?,
    };
    let heads: u128 = match r.spec.heads_per_layer.as_slice() {
        [] => r.layers() * u128::from(r.spec.heads),
        list => list.iter().map(|&h| u128::from(h)).sum(),
    };
    let width = if per_head { 1 } else { u128::from(r.spec.head_dim) };
    let gates = r.hidden() * heads * width;
    r.other("output gates", gates);
    dots1(r)
}

/// Ling and Ring: fused attention, norms on queries and keys, a biased router.
pub(super) fn bailing(r: &mut Reading<'_>) -> Read<()> {
    read(r)?;
    if r.text.is(&["use_qk_norm"])? || r.kind == "bailing_moe_v2" {
        r.spec.qk_norm = Some(QkNorm::PerHead);
    }
    let biased = r.text.is(&["moe_router_enable_expert_bias"])?;
    with_shape(r, |moe| moe.router_bias = biased);
    next_token_blocks(r, false, 0)
}

pub(super) fn ernie(r: &mut Reading<'_>) -> Read<()> {
    super::variants::ernie(r)?;
    read(r)?;
    let biased = r.text.flag(&["moe_use_aux_free", "use_correction_bias"])?.unwrap_or(true);
    with_shape(r, |moe| moe.router_bias = biased);
    // Its block for further tokens is a dense layer with two norms and a projection.
    let blocks = u128::from(r.text.or_zero(&["num_nextn_predict_layers"])?);
    let hidden = r.hidden();
    let layer = dense_layer(r)?;
    r.other(MULTI_TOKEN_PREDICTION, blocks * (layer + 2 * hidden * hidden + 2 * hidden));
    Ok(())
}

/// ERNIE 4.5 VL: beside the experts for text as many narrower ones for images, with a router and biases of their own; of
/// one token either these or those take part.
pub(super) fn ernie_vl(r: &mut Reading<'_>) -> Read<()> {
    super::variants::ernie(r)?;
    read(r)?;
    with_shape(r, |moe| moe.router_bias = true);
    let Some(moe) = r.spec.moe else { return Ok(()) };
    let widths = r.text.numbers(WIDTH)?.unwrap_or_default();
    if let [wide, narrow, ..] = widths[..] {
        let width = u128::from(wide.min(narrow));
        let experts = u128::from(moe.experts);
        let layers = r.layers().saturating_sub(r.spec.dense_first_layers.into());
        let hidden = r.hidden();
        r.other("experts for images", layers * experts * (3 * hidden * width + hidden + 1));
    }
    Ok(())
}

/// Parameters of a layer like the last one but with the dense feed-forward.
pub(super) fn dense_layer(r: &Reading<'_>) -> Read<u128> {
    let Some(layer) = last_layer(r)? else { return Ok(0) };
    let dense = Layer { ffn: FeedForward::Dense { width: r.spec.ffn }, ..layer };
    Ok(u128::from(parameters::of_layer(&r.spec, &dense)))
}

pub(super) fn hunyuan(r: &mut Reading<'_>) -> Read<()> {
    super::variants::hunyuan(r)?;
    read(r)?;
    unused_dense_width(r);
    Ok(())
}

/// gpt-oss: sinks, biases everywhere, and windows in every second layer.
pub(super) fn gpt_oss(r: &mut Reading<'_>) -> Read<()> {
    r.spec.moe = shape(r)?;
    with_shape(r, |moe| {
        moe.router_bias = true;
        moe.expert_bias = true;
    });
    r.spec.ffn = 0;
    r.spec.sinks = true;
    if r.spec.pattern.is_none() {
        r.spec.window = dimensions::window(r.text)?;
        r.spec.pattern = r.spec.window.map(|_| "SF".to_owned());
    }
    Ok(())
}

/// Llama 4: a shared expert as wide as the others, a wider dense block where there are no experts, and attention in
/// chunks in three of four layers.
pub(super) fn llama4(r: &mut Reading<'_>) -> Read<()> {
    read(r)?;
    // A list without a layer: a dense model, as Llama Guard 4 is.
    if r.text.numbers(&["moe_layers"])?.is_some_and(|layers| layers.is_empty()) {
        r.spec.moe = None;
    }
    if let Some(moe) = &mut r.spec.moe {
        moe.width = r.spec.ffn;
        moe.shared_width = r.spec.ffn;
    }
    r.spec.ffn = r.text.optional(&["intermediate_size_mlp"])?.unwrap_or(r.spec.ffn);
    unused_dense_width(r);
    if r.spec.pattern.is_none() {
        if let Some(rotated) = r.text.numbers(&["no_rope_layers"])?.filter(|l| !l.is_empty()) {
            let letters: Vec<char> = rotated.iter().map(|&l| if l == 0 { 'F' } else { 'S' }).collect();
            r.spec.pattern = dimensions::short_pattern(&letters);
        } else {
            r.spec.pattern = Some("SSSF".to_owned());
        }
        r.spec.window = r.text.optional(&["attention_chunk_size"])?.filter(|&w| w > 0);
        if r.spec.window.is_none() {
            r.spec.pattern = None;
        }
    }
    Ok(())
}

/// `MiniMax` M2 and M3: norms over all queries and keys (M2) or each head (M3), a biased router.
pub(super) fn minimax(r: &mut Reading<'_>) -> Read<()> {
    read(r)?;
    if let Some(dense) = r.text.optional(&["dense_intermediate_size"])? {
        r.spec.ffn = dense;
    }
    unused_dense_width(r);
    let biased = r.text.flag(&["use_routing_bias"])?.unwrap_or(true);
    with_shape(r, |moe| moe.router_bias = biased);
    if r.text.flag(&["use_qk_norm"])?.unwrap_or(true) {
        let third = r.kind.starts_with("minimax_m3");
        let per_head = r.text.text(&["qk_norm_type"]).map_or(third, |kind| kind == "per_head");
        r.spec.qk_norm = Some(if per_head { QkNorm::PerHead } else { QkNorm::AllHeads });
    }
    if let Some(sparse) = r.text.child(&["sparse_attention_config"]) {
        let heads = u128::from(sparse.or_zero(&["sparse_num_index_heads"])?);
        let width = u128::from(sparse.or_zero(&["sparse_index_dim"])?);
        let layers = match sparse.numbers(&["sparse_attention_freq"])? {
            Some(list) => list.iter().filter(|&&f| f != 0).count() as u128,
            None => r.layers(),
        };
        let indexer = r.hidden() * (heads + 1) * width + 2 * width;
        r.other("sparse attention indexer", layers.saturating_mul(indexer));
    }
    Ok(())
}

/// DBRX nests attention and experts.
pub(super) fn dbrx(r: &mut Reading<'_>) -> Read<()> {
    if let Some(attention) = r.text.child(&["attn_config"]) {
        r.spec.kv_heads = attention.optional(&["kv_n_heads"])?.unwrap_or(r.spec.heads);
    }
    let ffn = r.text.child(&["ffn_config"]).ok_or("`ffn_config` is missing")?;
    r.spec.moe = Some(MoeShape {
        experts: ffn.need(&["moe_num_experts"])?,
        used: ffn.need(&["moe_top_k"])?,
        width: ffn.need(&["ffn_hidden_size"])?,
        ..MoeShape::default()
    });
    r.spec.ffn = 0;
    Ok(())
}
