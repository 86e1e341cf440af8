//! Vision towers made of SigLIP's blocks, which differ in what stands between them and the language body.

use super::json::{Fields, Read};
use super::towers::{self, Encoder, two_layers};

/// Parameters with projector, tokens per image where they are fixed.
type Tower = (u128, Option<u32>);

/// Patches, positions, blocks and the norm behind them.
fn body(e: &Encoder, positions: u128) -> u128 {
    e.patch_embedding(true) + positions * e.hidden + e.blocks() + 2 * e.hidden
}

/// Patches of the image that the file states.
fn patches(e: &Encoder, config: Fields<'_>, usual: u32) -> Read<u128> {
    Ok(e.patches(config.side(&["image_size"])?.unwrap_or(usual)))
}

/// Aria: a fixed number of queries look at the patches.
pub(super) fn aria(root: Fields<'_>, config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::SO400M)?;
    let h = e.hidden;
    // As many queries as the largest image has tokens.
    let queries = match root.raw(&["projector_patch_to_query_dict"]) {
        Some(serde_json::Value::Object(sizes)) => sizes.values().filter_map(serde_json::Value::as_u64).max(),
        _ => None,
    };
    let queries = u128::from(queries.unwrap_or(256).min(1 << 16));
    let attention = 3 * h * h + 4 * (h * h + h) + h * h + h + 6 * h;
    let projector = queries * h + attention + h * text + text * text;
    let tokens = u32::try_from(queries).ok();
    Ok((body(&e, patches(&e, config, 980)?) + projector, tokens))
}

/// Command A Vision: four patches side by side through a gated projector.
pub(super) fn cohere2(root: Fields<'_>, config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::SO400M)?;
    let factor = u128::from(root.optional(&["downsample_factor"])?.unwrap_or(2));
    let inner = u128::from(root.optional(&["alignment_intermediate_size"])?.unwrap_or(36864));
    let merged = factor * factor * e.hidden;
    let head = if config.flag(&["vision_use_head"])?.unwrap_or(true) { pooling(&e) } else { 0 };
    let projector = merged * inner + inner + inner / 2 * text + text;
    Ok((body(&e, patches(&e, config, 512)?) + head + projector, None))
}

/// The head that pools all patches into one vector.
fn pooling(e: &Encoder) -> u128 {
    e.hidden + e.attention() + 2 * e.hidden + e.feed_forward()
}

/// DeepSeek-VL: the pooling head is kept, two matrices project.
pub(super) fn deepseek_vl(config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::SIGLIP)?;
    let head = if config.flag(&["vision_use_head"])?.unwrap_or(true) { pooling(&e) } else { 0 };
    let patches = patches(&e, config, 224)?;
    Ok((body(&e, patches) + head + two_layers(e.hidden, text), u32::try_from(patches).ok()))
}

/// Idefics 2: a gated projection, then a resampler of three layers with grouped queries.
pub(super) fn idefics2(root: Fields<'_>, config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::SIGLIP)?;
    let perceiver = root.child(&["perceiver_config"]).unwrap_or(root);
    let number = |key: &str, usual: u32| -> Read<u128> { Ok(u128::from(perceiver.optional(&[key])?.unwrap_or(usual))) };
    let latents = number("resampler_n_latents", 64)?;
    let depth = number("resampler_depth", 3)?;
    let width = number("resampler_head_dim", 96)?;
    let heads = number("resampler_n_heads", 16)?;
    let kv_heads = match perceiver.optional(&["num_key_value_heads"])? {
        Some(heads) if !perceiver.is_same(&root) => u128::from(heads),
        _ => 4,
    };
    let inner = match root.child(&["text_config"]) {
        Some(body) => u128::from(body.optional(&["intermediate_size"])?.unwrap_or(14336)),
        None => 14336,
    };
    let layer = 2 * text * width * (heads + kv_heads) + 12 * text * text + 3 * text;
    let projection = 2 * e.hidden * inner + inner * text;
    let resampler = latents * text + depth * layer + text;
    Ok((body(&e, patches(&e, config, 224)?) + projection + resampler, u32::try_from(latents).ok()))
}

/// MiniCPM-V 4.6: four patches are merged inside the tower after some attention, and four again behind it.
pub(super) fn minicpmv4_6(config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::SIGLIP)?;
    let merged = 4 * e.hidden;
    let wide = 4 * e.ffn;
    let inner = e.attention() + 2 * e.hidden + 2 * merged + merged * wide + wide + wide * e.hidden + e.hidden;
    let behind = 2 * merged + merged * merged + merged + merged * text + text;
    Ok((body(&e, patches(&e, config, 224)?) + inner + behind, None))
}

/// Molmo 2: a tower without a norm at the end, attention over pooled patches, a gated projector.
pub(super) fn molmo2(root: Fields<'_>, config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::MOLMO2)?;
    let adapter = root.child(&["adapter_config"]).unwrap_or(config);
    let number = |key: &str, usual: u128| -> Read<u128> { Ok(adapter.optional(&[key])?.map_or(usual, u128::from)) };
    let positions = u128::from(config.optional(&["num_position_embeddings"])?.unwrap_or(729));
    let sides = match adapter.numbers(&["vision_feature_layer", "vit_layers"])? {
        Some(layers) => layers.len() as u128,
        None => 2,
    };
    let pooled = number("hidden_size", e.hidden)?;
    let heads = number("num_attention_heads", 16)? * number("head_dim", 72)?;
    let kv = number("num_key_value_heads", 16)? * number("head_dim", 72)?;
    let seen = sides * e.hidden;
    let pooling = seen * heads + heads + 2 * (seen * kv + kv) + heads * pooled + pooled;
    let inner = number("intermediate_size", 18944)?;
    let tower = e.patch_embedding(true) + positions * e.hidden + e.blocks();
    Ok((tower + pooling + 2 * pooled * inner + inner * number("text_hidden_size", text)?, None))
}

/// PaddleOCR-VL: a norm, then four patches side by side through two matrices.
pub(super) fn paddleocr(config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::SO400M)?;
    let merged = 4 * e.hidden;
    let projector = 2 * e.hidden + merged * merged + merged + merged * text + text;
    Ok((body(&e, patches(&e, config, 384)?) + projector, None))
}

/// VideoLLaMA 3: rotary positions, two matrices.
pub(super) fn video_llama3(config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::SIGLIP)?;
    Ok((body(&e, 0) + two_layers(e.hidden, text), None))
}
