//! What every configuration has: widths, counts, biases, the kinds of the layers.

use super::Reading;
use super::families::{Bias, Family};
use super::json::{Fields, Read};
use crate::domain::spec::MAX_LAYERS;

pub(super) const HIDDEN: &[&str] = &["hidden_size", "d_model", "n_embd", "n_embed", "dim", "model_dim"];
pub(super) const LAYERS: &[&str] =
    &["num_hidden_layers", "n_layers", "num_layers", "n_layer", "num_transformer_layers", "encoder_layers"];
/// Lists with one entry per layer, for files that do not count their layers.
pub(super) const LISTS: &[&str] = &["hybrid_override_pattern", "layers_block_type", "layer_types", "block_configs"];
const VOCAB: &[&str] = &["padded_vocab_size", "vocab_size", "embedding_size"];
const CONTEXT: &[&str] = &[
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "max_context",
    "max_sequence_length",
    "n_ctx",
    "seq_length",
    "max_context_length",
    "model_max_length",
];
const HEADS: &[&str] =
    &["num_attention_heads", "n_heads", "n_head", "num_heads", "encoder_attention_heads", "attention_heads"];
const KV_HEADS: &[&str] = &[
    "num_key_value_heads",
    "num_kv_heads",
    "n_kv_heads",
    "n_head_kv",
    "multi_query_group_num",
    "num_multi_query_heads",
];
pub(super) const HEAD_DIM: &[&str] = &["head_dim", "attention_head_dim", "kv_channels", "head_size"];
const FFN: &[&str] = &[
    "intermediate_size",
    "ffn_hidden_size",
    "ffn_dim",
    "n_inner",
    "ff_dim",
    "ff_intermediate_size",
    "encoder_ffn_dim",
    "hidden_dim",
    "mlp_hidden_size",
];

/// Reads everything that families share into the specification.
pub(super) fn read(r: &mut Reading<'_>, family: &Family) -> Read<()> {
    let text = r.text;
    family.gguf.clone_into(&mut r.spec.family);
    if r.spec.family.is_empty() {
        r.kind.clone_into(&mut r.spec.family);
    }
    r.spec.hidden = text.need(HIDDEN)?;
    r.spec.layers = layers(text)?;
    // Before anything is listed layer by layer.
    if r.spec.layers > MAX_LAYERS {
        return Err(format!("{} layers are more than any model has", r.spec.layers));
    }
    r.spec.vocab = match text.optional(VOCAB)? {
        Some(rows) => rows,
        None => r.root.optional(VOCAB)?.ok_or("`vocab_size` is missing")?,
    };
    r.spec.max_context = text.context(CONTEXT).or_else(|| text.optional(CONTEXT).ok().flatten().map(u64::from));
    attention(r, family)?;
    match text.numbers(FFN)? {
        Some(widths) if widths.len() > 1 => {
            r.spec.ffn = widths.iter().copied().max().unwrap_or(0);
            r.spec.ffn_per_layer = if widths.iter().all(|&w| w == r.spec.ffn) { Vec::new() } else { widths };
        }
        Some(widths) => r.spec.ffn = widths.first().copied().unwrap_or(0),
        None => r.spec.ffn = text.or_zero(FFN)?,
    }
    r.spec.tied_embeddings = tied(r, family)?;
    r.spec.norm = family.norm;
    r.spec.post_norms = family.post_norms;
    r.spec.shared_norm = family.shared_norm;
    r.spec.ungated_ffn = family.ungated;
    r.spec.fused_qkv = family.fused_qkv;
    r.spec.fused_gate_up = family.fused_gate_up;
    r.spec.qk_norm = family.qk_norm;
    r.spec.qkv_bias = bias(text, family.qkv_bias, &["attention_bias", "qkv_bias", "use_qkv_bias", "add_qkv_bias"])?;
    r.spec.out_bias = bias(text, family.out_bias, &["attention_bias", "attention_out_bias"])?;
    r.spec.mlp_bias = bias(text, family.mlp_bias, &["mlp_bias", "use_mlp_bias"])?;
    r.spec.rope_factors = rope_factors(text, r.spec.head_dim)?;
    if let Some(pattern) = pattern_of(text)? {
        r.spec.window = window(text)?;
        r.spec.pattern = pattern;
    }
    Ok(())
}

fn layers(text: Fields<'_>) -> Read<u32> {
    if let Some(layers) = text.optional(LAYERS)? {
        return Ok(layers);
    }
    if let Some(pattern) = text.text(LISTS) {
        return u32::try_from(pattern.chars().count())
            .map_err(|_| "the pattern is longer than any model has layers".to_owned());
    }
    let listed = text.words(LISTS).map(|l| l.len()).or_else(|| text.objects(LISTS).map(|l| l.len()));
    match listed.and_then(|n| u32::try_from(n).ok()) {
        Some(n) => Ok(n),
        None => text.need(LAYERS),
    }
}

fn attention(r: &mut Reading<'_>, family: &Family) -> Read<()> {
    let text = r.text;
    let listed = text.numbers(&["num_query_heads"])?.and_then(|list| list.into_iter().max());
    let heads = match (family.attention, text.optional(HEADS)?.or(listed)) {
        (_, Some(heads)) => heads,
        (false, None) => return Ok(()),
        (true, None) => text.need(HEADS)?,
    };
    if heads == 0 {
        return if family.attention { Err(format!("`{}` is 0", HEADS[0])) } else { Ok(()) };
    }
    r.spec.heads = heads;
    r.spec.kv_heads = match text.numbers(KV_HEADS)? {
        // One number per layer.
        Some(list) => {
            let widest = list.iter().copied().max().unwrap_or(heads);
            r.spec.kv_heads_per_layer = list;
            widest
        }
        None => text.optional(KV_HEADS)?.unwrap_or(heads),
    };
    r.spec.head_dim = match text.optional(HEAD_DIM)? {
        Some(width) if width > 0 => width,
        _ => r.spec.hidden / heads,
    };
    r.spec.v_head_dim = text.optional(&["v_head_dim"])?.filter(|&v| v > 0 && v != r.spec.head_dim);
    Ok(())
}

fn tied(r: &Reading<'_>, family: &Family) -> Read<bool> {
    const TIED: &[&str] =
        &["share_embedding", "tie_word_embeddings", "tie_embedding", "tie_embeddings", "weight_tying"];
    // Since its fifth version the transformers library goes by the outermost object.
    let fifth = r.root.text(&["transformers_version"]).is_some_and(|v| v.starts_with("5."));
    let (first, second) = if fifth { (r.root, r.text) } else { (r.text, r.root) };
    let told = match first.flag(TIED)? {
        Some(tied) => Some(tied),
        None => second.flag(TIED)?,
    };
    Ok(told.unwrap_or_else(|| {
        let word = if family.tied { "one table" } else { "two tables" };
        let kind = if r.kind.is_empty() { "this kind of model" } else { r.kind };
        r.text.note(format!(
            "`tie_word_embeddings` is absent: input and output embeddings are {word}, the default of {kind}"
        ));
        family.tied
    }))
}

fn bias(text: Fields<'_>, bias: Bias, keys: &[&str]) -> Read<bool> {
    match bias {
        Bias::Never => Ok(false),
        Bias::Always => Ok(true),
        Bias::AsTold => text.is(keys),
        Bias::Unless => Ok(text.flag(keys)?.unwrap_or(true)),
    }
}

/// How many rotary frequency factors a weight file stores: one per rotated pair (Llama 3.1), or a long and a short one for
/// each that is listed.
fn rope_factors(text: Fields<'_>, head_dim: u32) -> Read<u32> {
    let Some(rope) = text.child(&["rope_scaling"]).or_else(|| text.child(&["rope_parameters"])) else { return Ok(0) };
    if let Some(serde_json::Value::Array(factors)) = rope.raw(&["long_factor"]) {
        return u32::try_from(2 * factors.len())
            .map_err(|_| "`long_factor` is longer than any head has dimensions".to_owned());
    }
    Ok(if rope.text(&["rope_type", "type"]) == Some("llama3") { head_dim / 2 } else { 0 })
}

/// The sliding window in tokens, if any.
pub(super) fn window(text: Fields<'_>) -> Read<Option<u32>> {
    Ok(text
        .optional(&["sliding_window", "sliding_window_size", "attention_chunk_size", "local_attention"])?
        .filter(|&w| w > 0))
}

/// The letters of `layer_types`, shortened to their period; `None` when the file lists none.
#[expect(clippy::option_option, reason = "the inner option is the specification's: all layers alike")]
pub(super) fn pattern_of(text: Fields<'_>) -> Read<Option<Option<String>>> {
    let Some(words) = text.words(&["layer_types"]) else { return Ok(None) };
    let letters = words
        .iter()
        .map(|word| {
            Ok(match *word {
                "full_attention" | "attention" | "full_attention_moe" => 'F',
                "sliding_attention" | "chunked_attention" | "local_attention" => 'S',
                "linear_attention" | "kda" => 'L',
                "mamba" | "mamba2" => 'M',
                "conv" | "short_conv" => 'C',
                "hybrid" => 'H',
                other if other.contains("attention") || other.contains("sparse") => {
                    text.note(format!("layers of kind `{other}` are taken to keep the whole context, an upper bound"));
                    'F'
                }
                other => return Err(format!("`layer_types` holds the unknown kind `{other}`")),
            })
        })
        .collect::<Read<Vec<char>>>()?;
    Ok(Some(short_pattern(&letters)))
}

/// The shortest pattern that repeats to these letters; absent when all layers have full attention.
pub(super) fn short_pattern(letters: &[char]) -> Option<String> {
    if letters.iter().all(|&l| l == 'F') {
        return None;
    }
    let period = (1..=letters.len())
        .find(|&p| letters.iter().enumerate().all(|(i, l)| *l == letters[i % p]))
        .unwrap_or(letters.len());
    Some(letters[..period].iter().collect())
}

/// All layers slide when the file gives a window and does not switch it off.
pub(super) fn sliding(r: &mut Reading<'_>) -> Read<()> {
    if r.spec.pattern.is_some()
        || r.text.has(&["layer_types"])
        || !r.text.flag(&["use_sliding_window"])?.unwrap_or(true)
    {
        return Ok(());
    }
    r.spec.window = window(r.text)?;
    if r.spec.window.is_some() {
        r.spec.pattern = Some("S".to_owned());
    }
    Ok(())
}

/// Qwen: nothing slides unless switched on, and then only from `max_window_layers` on.
pub(super) fn sliding_if_asked(r: &mut Reading<'_>) -> Read<()> {
    if r.spec.pattern.is_some() || !r.text.is(&["use_sliding_window"])? {
        return Ok(());
    }
    let full = r.text.optional(&["max_window_layers"])?.unwrap_or(0);
    r.spec.window = window(r.text)?;
    if r.spec.window.is_some() {
        let letters: Vec<char> = (0..r.spec.layers).map(|i| if i < full { 'F' } else { 'S' }).collect();
        r.spec.pattern = short_pattern(&letters);
    }
    Ok(())
}

/// Every n-th layer has full attention, the others slide.
pub(super) fn every_nth_full(r: &mut Reading<'_>, keys: &[&str], usual: u32) -> Read<()> {
    if r.spec.pattern.is_some() || r.text.has(&["layer_types"]) {
        return Ok(());
    }
    r.spec.window = window(r.text)?;
    if r.spec.window.is_none() {
        return Ok(());
    }
    let period = r.text.assume(keys, usual)?.clamp(1, 1024);
    let letters: Vec<char> = (1..=period).map(|i| if i == period { 'F' } else { 'S' }).collect();
    r.spec.pattern = short_pattern(&letters);
    Ok(())
}
