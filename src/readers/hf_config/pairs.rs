//! Models of an encoder and a decoder for text: T5 and BART with their kin.
//!
//! The encoder's layers come first and keep nothing. A layer of the decoder becomes two: attention to the tokens written so
//! far, then attention to what was read with the feed-forward. Keys and values of both are kept.

use super::Reading;
use super::json::Read;
use crate::domain::spec::MAX_LAYERS;

/// T5: shared tables of relative positions in each half, no biases (arXiv 1910.10683).
pub(super) fn t5(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    let encoder = r.spec.layers;
    let decoder = text.optional(&["num_decoder_layers"])?.unwrap_or(encoder);
    r.spec.head_dim = text.optional(&["d_kv"])?.unwrap_or(64);
    r.spec.kv_heads = r.spec.heads;
    r.spec.ffn = text.need(&["d_ff"])?;
    let activation = text.text(&["feed_forward_proj"]).unwrap_or("relu");
    r.spec.ungated_ffn = !activation.starts_with("gated");
    let table =
        u128::from(text.optional(&["relative_attention_num_buckets"])?.unwrap_or(32)) * u128::from(r.spec.heads);
    // UMT5 has a table in every layer.
    let tables = if r.kind == "umt5" { u128::from(encoder) + u128::from(decoder) } else { 2 };
    r.other("relative positions", tables * table);
    if r.kind == "longt5" && text.text(&["encoder_attention_type"]) == Some("transient-global") {
        // A table for the global tokens, and a norm for them in each layer.
        let global = table + u128::from(encoder) * r.hidden();
        r.other("global attention", global);
    }
    layers(r, encoder, decoder)?;
    ends(r, 2)
}

/// BART and its kin: biases everywhere, learned positions or computed ones (arXiv 1910.13461).
pub(super) fn bart(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    let encoder = text.need(&["encoder_layers"])?;
    let decoder = text.need(&["decoder_layers"])?;
    r.spec.kv_heads = r.spec.heads;
    let hidden = r.hidden();
    let offset = matches!(r.kind, "bart" | "mbart" | "plbart" | "mvp" | "florence2" | "florence2_language");
    let learned = offset || r.kind.starts_with("blenderbot");
    if learned {
        // Two rows more than positions, for each half, in all but Blenderbot.
        let rows = u128::from(text.need(&["max_position_embeddings"])?) + if offset { 2 } else { 0 };
        r.other("position embedding", 2 * rows * hidden);
    }
    let widths = [text.need(&["encoder_ffn_dim"])?, text.need(&["decoder_ffn_dim"])?];
    r.spec.ffn = widths[0].max(widths[1]);
    layers(r, encoder, decoder)?;
    if widths[0] != widths[1] {
        let all = encoder.saturating_add(decoder.saturating_mul(2)) as usize;
        r.spec.ffn_per_layer = (0..all).map(|i| if i < encoder as usize { widths[0] } else { widths[1] }).collect();
    }
    let behind_embeddings = u32::from(learned && r.kind != "blenderbot");
    let at_the_ends = u32::from(matches!(r.kind, "mbart" | "m2m_100" | "pegasus" | "nllb" | "blenderbot"));
    ends(r, 2 * (behind_embeddings + at_the_ends))
}

/// T5Gemma: two halves in the shape of Gemma 2, each with a table of its own (arXiv 2504.06225).
pub(super) fn t5gemma(r: &mut Reading<'_>) -> Read<()> {
    let half = r.root.child(&["encoder"]).ok_or("`encoder` is missing")?;
    let alike = |names: &[&str], value: u32| -> Read<bool> { Ok(half.optional(names)?.is_none_or(|v| v == value)) };
    if !alike(&["hidden_size"], r.spec.hidden)?
        || !alike(&["intermediate_size"], r.spec.ffn)?
        || !alike(&["num_attention_heads"], r.spec.heads)?
        || !alike(&["num_key_value_heads"], r.spec.kv_heads)?
    {
        return Err("an encoder of other widths than the decoder's is not understood".to_owned());
    }
    let decoder = r.spec.layers;
    let encoder = half.optional(&["num_hidden_layers"])?.unwrap_or(decoder);
    let kinds: Vec<char> = r.spec.pattern.as_deref().unwrap_or("F").chars().collect();
    layers(r, encoder, decoder)?;
    // The decoder's attention to what it wrote slides where it is told to.
    let letters = r.spec.pattern.as_deref().unwrap_or_default().chars().enumerate().map(|(i, letter)| {
        let layer = i.saturating_sub(encoder as usize) / 2;
        if letter == 'f' && kinds.get(layer % kinds.len().max(1)) == Some(&'S') { 's' } else { letter }
    });
    r.spec.pattern = Some(letters.collect());
    let table = u128::from(r.spec.vocab) * r.hidden();
    r.other("encoder token embedding", table);
    ends(r, 2)
}

/// The layers of both halves.
fn layers(r: &mut Reading<'_>, encoder: u32, decoder: u32) -> Read<()> {
    let all = encoder.saturating_add(decoder.saturating_mul(2));
    if all > MAX_LAYERS {
        return Err(format!("{encoder} and {decoder} layers are more than any model has"));
    }
    let encoder = std::iter::repeat_n('E', encoder as usize);
    let decoder = (0..decoder).flat_map(|_| ['f', 'Y']);
    r.spec.pattern = Some(encoder.chain(decoder).collect());
    r.spec.layers = all;
    Ok(())
}

/// The norms besides those of the layers, of which a body always has one.
fn ends(r: &mut Reading<'_>, norms: u32) -> Read<()> {
    match norms {
        0 => r.spec.no_final_norm = true,
        more => {
            let each = r.hidden() * if r.spec.norm == crate::domain::NormKind::LayerNorm { 2 } else { 1 };
            r.other("further norms", u128::from(more - 1) * each);
        }
    }
    r.text.note("the input is taken to be as long as the context: keys and values of both are counted for every token");
    Ok(())
}
