//! Vision towers and projectors of vision-language models, audio towers of those that also hear.

use super::json::{Fields, Read};
use super::towers::{self, Encoder, two_layers};
use super::{Reading, audio, encoder, sam, siglip};
use crate::domain::VisionTower;

/// Where a file keeps its tower's dimensions.
const CONFIGS: &[&str] = &["vision_config", "vision_tower_cfg", "vision", "vision_model_config", "vit_config"];

/// No tower merges squares with longer sides; it keeps the square of what is merged inside 128 bits.
const MAX_MERGE: u32 = 64;

/// What a tower comes down to: parameters with projector, tokens per image where they are fixed.
type Tower = (u128, Option<u32>);

/// Adds the tower that the file describes to the language body.
pub(super) fn read(r: &mut Reading<'_>, outer: &str) -> Read<()> {
    let within = r.root.child(&["thinker_config"]).unwrap_or(r.root);
    let config = within.child(CONFIGS);
    let tower = match outer {
        "llava" if config.is_none() => Some(llava_original(r)?),
        "phi3_v" => Some(phi3_vision(r)?),
        "fuyu" => Some(fuyu(r)?),
        "molmo" => Some(molmo(r)?),
        "llama4" if config.is_none() => Some(default_llama4(r)?),
        "gemma3n" => Some((gemma3n_towers(r), Some(256))),
        "phi4mm" => Some((phi4_towers(r), None)),
        // The same towers as the library builds them.
        "phi4_multimodal" => Some((phi4_towers(r) + 15_840, None)),
        "minicpmv" | "minicpmo" => Some(minicpmv(r, config)?),
        _ => match config {
            Some(config) => Some(described(r, outer, config)?),
            None => named(r),
        },
    };
    if let Some((parameters, tokens_per_image)) = tower {
        let parameters = u64::try_from(parameters).unwrap_or(u64::MAX);
        let encoder = encoder::read(r, outer, config)?;
        let attended_positions = encoder::attended_positions(outer, config)?;
        r.spec.vision = Some(VisionTower { parameters, tokens_per_image, encoder, attended_positions });
    }
    audio::read(r, outer)
}

/// The tower that a file of LLaVA's kin only names.
fn named(r: &Reading<'_>) -> Option<Tower> {
    let name = r.root.text(&["mm_vision_tower"])?;
    let newline = r.root.text(&["mm_patch_merge_type"]).is_some_and(|kind| kind.contains("unpad"));
    if let Some((parameters, tokens)) = towers::named(name, r.spec.hidden.into(), newline) {
        r.root.note(format!(
            "the vision tower {name} is counted with its published dimensions and a projector of two matrices"
        ));
        return Some((parameters, Some(tokens)));
    }
    r.root.note(format!("the vision tower {name} is unknown: it is not counted"));
    None
}

fn described(r: &mut Reading<'_>, outer: &str, config: Fields<'_>) -> Read<Tower> {
    let text = u128::from(r.spec.hidden);
    match outer {
        "qwen2_vl" => qwen2(config, text),
        "qwen2_5_vl" | "qwen2_5_omni" | "qwen2_5_omni_thinker" | "exaone4_5" => qwen2_5(config, text),
        "qwen3_vl" | "qwen3_vl_moe" | "qwen3_5" | "qwen3_5_moe" | "qwen3_omni_moe" | "qwen3_omni_moe_thinker" => {
            qwen3(config, text)
        }
        "gemma3" | "shieldgemma2" => gemma3(r.root, config, text),
        "paligemma" => paligemma(config, text),
        "gemma4" => gemma4(r.root, config, text),
        "gemma4_unified" => gemma4_unified(r.root, config, text),
        "idefics3" | "smolvlm" => idefics3(r.root, config, text),
        "internvl_chat" | "internvl" => internvl_chat(r.root, config, text),
        "llava" => llava(r.root, config, text),
        "vipllava" => vipllava(r.root, config, text),
        "llava_next" | "llava_next_video" | "llava_onevision" => llava_next(r.root, config, text),
        "llama4" => llama4(config, text),
        "mllama" => mllama(config, text),
        "mistral3" | "pixtral" | "lighton_ocr" => pixtral(r.root, config, text),
        "kimi_vl" | "kimi_k25" => moon(config, text),
        "kimi_k3" => moon_without_biases(config, text),
        "glm4v" | "glm4v_moe" | "glm46v" | "glmga" => glm4v(config, text),
        "glm_ocr" => glm_ocr(config, text),
        "dots_ocr" => dots_ocr(config, text),
        "lfm2_vl" => lfm2_vl(r.root, config, text),
        "deepseek_vl_v2" => match config.child(&["width"]) {
            Some(widths) => Ok((sam::deep_encoder(r.root, widths, text)?, None)),
            None => deepseek_vl2(config, text),
        },
        "got_ocr2" | "pp_chart2table" => Ok((sam::got_ocr2(config, text)?, Some(256))),
        "ovis2" => ovis2(r.root, config, text),
        "minimax_m3_vl" => minimax_m3(r.root, config, text),
        "locateanything" => locate_anything(config, text),
        "aria" => siglip::aria(r.root, config, text),
        "cohere2_vision" => siglip::cohere2(r.root, config, text),
        "deepseek_vl" => siglip::deepseek_vl(config, text),
        "idefics2" => siglip::idefics2(r.root, config, text),
        "ernie4_5_vl_moe" | "ernie4_5_moe_vl" => ernie(config, text),
        "florence2" => florence(r.root, config),
        "video_llama_3" => siglip::video_llama3(config, text),
        "minicpmv4_6" | "minicpmv4_7" | "minicpm_ocr" => siglip::minicpmv4_6(config, text),
        "molmo2" => siglip::molmo2(r.root, config, text),
        "paddleocr_vl" => siglip::paddleocr(config, text),
        _ => guessed(r.root, config, text),
    }
}

/// Qwen2-VL: LayerNorms, a merger of four patches.
fn qwen2(config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::QWEN2)?;
    let merged = 4 * e.hidden;
    let merger = 2 * e.hidden + merged * merged + merged + merged * text + text;
    Ok((2 * e.patch_embedding(false) + e.blocks() + merger, None))
}

/// Qwen2.5-VL: RMS norms and gated feed-forwards with biases.
fn qwen2_5(config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::QWEN2_5)?;
    // EXAONE 4.5 groups its queries.
    let heads = u128::from(config.optional(&["num_heads"])?.unwrap_or(16)).max(1);
    let kv_heads = config.optional(&["num_key_value_heads"])?.map_or(heads, u128::from);
    let kv = e.hidden / heads * kv_heads;
    let attention = e.attention() - 2 * (e.hidden + 1) * (e.hidden.saturating_sub(kv));
    let block = attention + 3 * e.hidden * e.ffn + 2 * e.ffn + e.hidden + 2 * e.hidden;
    let merged = 4 * e.hidden;
    let out = config.optional(&["out_hidden_size"])?.map_or(text, u128::from);
    let merger = e.hidden + merged * merged + merged + merged * out + out;
    Ok((2 * e.patch_embedding(false) + e.layers * block + merger, None))
}

/// Qwen3-VL and 3.5: learned positions, one merger more for each layer that feeds the language body directly.
fn qwen3(config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::QWEN3)?;
    let out = config.optional(&["out_hidden_size"])?.map_or(text, u128::from);
    let positions = u128::from(config.optional(&["num_position_embeddings"])?.unwrap_or(2304));
    let merge = u128::from(config.optional(&["spatial_merge_size"])?.unwrap_or(2).min(MAX_MERGE));
    let merged = merge * merge * e.hidden;
    let merger = merged * merged + merged + merged * out + out;
    let deep = config.numbers(&["deepstack_visual_indexes"])?.map_or(0, |l| l.len() as u128);
    let frames = u128::from(config.optional(&["temporal_patch_size"])?.unwrap_or(2));
    let patches = frames * e.patch_embedding(false) + e.hidden;
    let mergers = (merger + 2 * e.hidden) + deep * (merger + 2 * merged);
    Ok((patches + positions * e.hidden + e.blocks() + mergers, None))
}

fn gemma3(root: Fields<'_>, config: Fields<'_>, text: u128) -> Read<Tower> {
    let hidden = Encoder::read(config, &towers::SIGLIP)?.hidden;
    let tokens = root.optional(&["mm_tokens_per_image"])?.or(Some(256));
    // No published file has the pooling head; one that was made from the class's defaults does.
    let pooling = config.is(&["vision_use_head"])?;
    Ok((towers::siglip(config, pooling)? + hidden * text + hidden, tokens))
}

fn paligemma(config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::SIGLIP)?;
    let image = config.side(&["image_size"])?.unwrap_or(224);
    let out = u128::from(config.optional(&["projection_dim"])?.unwrap_or(0)).max(text);
    let tokens = u32::try_from(e.patches(image)).ok();
    Ok((towers::siglip(config, false)? + e.hidden * out + out, tokens))
}

/// SmolVLM: a plain projection of a square of patches.
fn idefics3(root: Fields<'_>, config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::SIGLIP)?;
    let scale = root.optional(&["scale_factor"])?.unwrap_or(2).max(1);
    let image = config.side(&["image_size"])?.unwrap_or(224);
    let square = u128::from(scale) * u128::from(scale);
    let tokens = u32::try_from(e.patches(image) / square).ok();
    Ok((towers::siglip(config, false)? + e.hidden * square * text, tokens))
}

/// InternViT with a class token and two scales per layer.
fn intern_vit(config: Fields<'_>) -> Read<(Encoder, u128, u32)> {
    let e = Encoder::read(config, &towers::INTERN)?;
    let image = config.side(&["image_size"])?.unwrap_or(448);
    let h = e.hidden;
    let qkv_bias = config.flag(&["qkv_bias", "attention_bias"])?.unwrap_or(true);
    let attention = 4 * h * h + h + if qkv_bias { 3 * h } else { 0 };
    let norm = if config.text(&["norm_type"]) == Some("rms_norm") { h } else { 2 * h };
    let qk = if config.is(&["qk_normalization", "use_qk_norm"])? { 2 * h } else { 0 };
    let block = attention + e.feed_forward() + 2 * norm + 2 * h + qk;
    let embeddings = h + e.patch_embedding(true) + (e.patches(image) + 1) * h;
    Ok((e, embeddings + e.layers * block, image))
}

fn internvl_chat(root: Fields<'_>, config: Fields<'_>, text: u128) -> Read<Tower> {
    let (e, tower, image) = intern_vit(config)?;
    let ratio = root.real(&["downsample_ratio"]).unwrap_or(0.5).clamp(0.01, 1.0);
    let merged = (e.hidden as f64 / (ratio * ratio)) as u128;
    let tokens = (e.patches(image) as f64 * ratio * ratio) as u32;
    Ok((tower + 2 * merged + two_layers(merged, text), Some(tokens)))
}

fn llava(root: Fields<'_>, config: Fields<'_>, text: u128) -> Read<Tower> {
    let image = config.side(&["image_size"])?.unwrap_or(224);
    let biased = root.flag(&["multimodal_projector_bias"])?.unwrap_or(true);
    let unbiased = if biased { 0 } else { 2 * text };
    if config.text(&["model_type"]) == Some("pixtral") {
        let (e, tower) = pixtral_tower(config)?;
        return Ok((tower + two_layers(e.hidden, text) - unbiased, None));
    }
    let is_siglip = config.text(&["model_type"]).is_some_and(|t| t.contains("siglip"));
    let keys = if is_siglip { &towers::SIGLIP } else { &towers::CLIP_VISION };
    let e = Encoder::read(config, keys)?;
    // The pooling head is kept, though nothing reads it, unless switched off.
    let pooling = config.flag(&["vision_use_head"])?.unwrap_or(true);
    let tower = if is_siglip { towers::siglip(config, pooling)? } else { towers::clip(config)? };
    // Outputs of several layers may go side by side into the projector.
    let sides = match root.raw(&["vision_feature_layer"]) {
        Some(serde_json::Value::Array(layers)) => layers.len().clamp(1, 64) as u128,
        _ => 1,
    };
    Ok((tower + two_layers(e.hidden * sides, text) - unbiased, u32::try_from(e.patches(image)).ok()))
}

/// ViP-LLaVA: outputs of five layers side by side, with a norm.
fn vipllava(root: Fields<'_>, config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::CLIP_VISION)?;
    let image = config.side(&["image_size"])?.unwrap_or(224);
    let sides = root.numbers(&["vision_feature_layers"])?.map_or(5, |layers| layers.len().clamp(1, 64) as u128);
    let seen = e.hidden * sides;
    Ok((towers::clip(config)? + 2 * seen + two_layers(seen, text), u32::try_from(e.patches(image)).ok()))
}

/// Ovis 2: AIMv2 (arXiv 2411.14402) and a head that turns patches into visual words, which have a table of embeddings.
fn ovis2(root: Fields<'_>, config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::AIMV2)?;
    let patches = e.patches(config.side(&["image_size"])?.unwrap_or(224));
    let stride = u128::from(config.optional(&["hidden_stride"])?.unwrap_or(1));
    let words = u128::from(config.optional(&["vocab_size"])?.unwrap_or(16384));
    let marks = u128::from(config.optional(&["num_visual_indicator_tokens"])?.unwrap_or(5));
    let biases = if config.is(&["qkv_bias"])? { 4 * e.hidden } else { 0 };
    let block = 4 * e.hidden * e.hidden + biases + 3 * e.hidden * e.ffn + 2 * e.hidden;
    let front = e.patch_embedding(true) + patches * e.hidden + e.hidden;
    let made = words.saturating_sub(marks);
    let head = e.hidden * stride * stride * made
        + 2 * made
        + words * root.optional(&["hidden_size"])?.map_or(text, u128::from);
    Ok((front + e.layers * block + e.hidden + head, None))
}

/// Fuyu has no tower: patches are projected as they are.
fn fuyu(r: &Reading<'_>) -> Read<Tower> {
    let text = u128::from(r.spec.hidden);
    let side = u128::from(r.root.side(&["patch_size"])?.unwrap_or(30));
    let channels = u128::from(r.root.optional(&["num_channels"])?.unwrap_or(3));
    Ok((channels * side * side * text + text, None))
}

/// ERNIE 4.5 VL: plain blocks with rotary positions, then squares of patches and pairs of frames are merged in turn.
fn ernie(config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::ERNIE)?;
    let space = u128::from(config.optional(&["spatial_merge_size"])?.unwrap_or(2).min(MAX_MERGE));
    let time = u128::from(config.optional(&["temporal_merge_size"])?.unwrap_or(2).min(MAX_MERGE));
    let merged = space * space * e.hidden;
    let square = 2 * (merged * merged + merged) + 2 * merged;
    let pair = time * merged * merged + merged + merged * merged + merged + 2 * merged;
    let projector = merged * text + text + text;
    Ok((e.patch_embedding(false) + e.blocks() + 2 * e.hidden + square + pair + projector, None))
}

/// Florence 2: a DaViT, whose stages alternate attention over windows and over channels (arXiv 2204.03645), a projection
/// with a norm, and learned positions of rows and columns.
fn florence(root: Fields<'_>, config: Fields<'_>) -> Read<Tower> {
    let list = |names: &[&str], usual: &[u32]| -> Read<Vec<u128>> {
        let given = config.numbers(names)?;
        Ok(given.as_deref().unwrap_or(usual).iter().map(|&n| u128::from(n)).collect())
    };
    let widths = list(&["embed_dim", "dim_embed"], &[128, 256, 512, 1024])?;
    let depths = list(&["depths"], &[1, 1, 9, 1])?;
    let sides = list(&["patch_size"], &[7, 3, 3, 3])?;
    let Some(&last) = widths.last() else { return Err("`embed_dim` is empty".to_owned()) };
    let (mut from, mut tower) = (3, 0);
    for (i, ((&width, &depth), &side)) in widths.iter().zip(&depths).zip(&sides).enumerate() {
        // From the second stage on the norm stands in front of the convolution.
        let norm = if i == 0 { width } else { from };
        tower += from * width * side * side + width + 2 * norm + depth * 2 * (12 * width * width + 33 * width);
        from = width;
    }
    let out = match config.optional(&["projection_dim"])? {
        Some(width) => u128::from(width),
        None => u128::from(root.optional(&["projection_dim"])?.unwrap_or(1024)),
    };
    let positions = match config.child(&["image_pos_embed"]) {
        Some(table) => table.optional(&["max_pos_embeddings"])?,
        None => config.optional(&["max_position_embeddings"])?,
    };
    let positions = u128::from(positions.unwrap_or(50)) * last;
    Ok((tower + last * out + 2 * out + positions, None))
}

fn llava_next(root: Fields<'_>, config: Fields<'_>, text: u128) -> Read<Tower> {
    let (tower, tokens) = llava(root, config, text)?;
    // A learned vector ends each row of patches.
    Ok((tower + text, tokens))
}

/// The original LLaVA names its tower instead of describing it: CLIP ViT-L/14 at 336 pixels.
fn llava_original(r: &Reading<'_>) -> Read<Tower> {
    let tower = r.root.text(&["mm_vision_tower"]).unwrap_or("openai/clip-vit-large-patch14-336");
    r.root.note(format!("the vision tower {tower} is counted as CLIP ViT-L/14 at 336 pixels"));
    let text = u128::from(r.spec.hidden);
    Ok((CLIP_L_336 + two_layers(1024, text), Some(576)))
}

/// CLIP ViT-L/14 at 336 pixels: width 1024, 24 layers, 577 positions.
const CLIP_L_336: u128 = 303_507_456;

/// SigLIP So400m at 384 pixels without pooling: width 1152, 27 layers, 729 positions; and one of its layers.
const SO400M_384: u128 = 412_987_248;
const SO400M_LAYER: u128 = 15_239_504;

/// Phi-3 Vision: CLIP ViT-L/14 at 336 pixels, a projector of four patches, two separators.
fn phi3_vision(r: &Reading<'_>) -> Read<Tower> {
    let text = u128::from(r.spec.hidden);
    let separators = 1024 * 4 + 1024 * 4;
    let tokens = match r.root.child(&["img_processor"]) {
        Some(processor) => processor.optional(&["num_img_tokens"])?,
        None => None,
    };
    Ok((CLIP_L_336 + separators + two_layers(4 * 1024, text), tokens))
}

/// Molmo: CLIP ViT-L/14 without its last layer, attention pooling, a gated projector.
fn molmo(r: &Reading<'_>) -> Read<Tower> {
    r.root.note("the vision tower is counted as CLIP ViT-L/14 at 336 pixels with 23 layers, as in Molmo 7B");
    let text = u128::from(r.spec.hidden);
    let width = u128::from(r.spec.ffn);
    let layer = 12_596_224;
    // Norm behind the tower and its last layer are not stored.
    let tower = CLIP_L_336 - layer - 2048;
    let pooling = 3 * (2048 * 1024 + 1024) + 1024 * 1024 + 1024;
    let projector = 2 * 1024 * width + width * text;
    let padding = 2 * 2048;
    Ok((tower + pooling + projector + padding, None))
}

fn llama4(config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::LLAMA4)?;
    let image = config.side(&["image_size"])?.unwrap_or(336);
    let out = u128::from(config.optional(&["vision_output_dim"])?.unwrap_or(4096));
    let inner = u128::from(config.optional(&["projector_input_dim"])?.unwrap_or(4096));
    let tower = e.patch_embedding(false) + (e.patches(image) + 2) * e.hidden + 4 * e.hidden + e.blocks();
    let adapter = e.ffn * inner + inner * out;
    Ok((tower + adapter + out * text, Some(144)))
}

fn default_llama4(r: &Reading<'_>) -> Read<Tower> {
    r.root.note("`vision_config` is absent: the vision tower of Llama 4 with its default dimensions");
    let empty = serde_json::Map::new();
    let notes = super::json::Notes::default();
    llama4(Fields::new(&empty, &notes), u128::from(r.spec.hidden))
}

/// Llama 3.2 Vision: tiles with gated positions, 32 local and 8 gated global layers without attention biases.
fn mllama(config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::MLLAMA)?;
    let image = config.side(&["image_size"])?.unwrap_or(560);
    let global = u128::from(config.optional(&["num_global_layers"])?.unwrap_or(8));
    let tiles = u128::from(config.optional(&["max_num_tiles"])?.unwrap_or(4));
    let ratios = match config.raw(&["supported_aspect_ratios"]) {
        Some(serde_json::Value::Array(list)) => list.len() as u128 + 1,
        _ => 9,
    };
    let out = u128::from(config.optional(&["vision_output_dim"])?.unwrap_or(7680));
    let (h, positions) = (e.hidden, e.patches(image) + 1);
    let block = 4 * h * h + e.feed_forward() + 4 * h;
    let gated_positions = 1 + positions * h + ratios * tiles * positions * h;
    let tile_embeddings = 2 * (1 + ratios * tiles * h);
    let embeddings = h + e.patch_embedding(false) + gated_positions + tile_embeddings + 4 * h;
    // The image is one token of the prompt; what it holds is attended to in layers of its own.
    Ok((embeddings + (e.layers + global) * block + 2 * global + out * text + text, Some(1)))
}

fn pixtral_tower(config: Fields<'_>) -> Read<(Encoder, u128)> {
    let e = Encoder::read(config, &towers::PIXTRAL)?;
    let block = 4 * e.hidden * e.hidden + 3 * e.hidden * e.ffn + 2 * e.hidden;
    Ok((e, e.patch_embedding(false) + e.hidden + e.layers * block))
}

/// Mistral 3: Pixtral's tower, a norm, a merger of patches and a projector.
fn pixtral(root: Fields<'_>, config: Fields<'_>, text: u128) -> Read<Tower> {
    let (e, tower) = pixtral_tower(config)?;
    let merge = u128::from(root.optional(&["spatial_merge_size"])?.unwrap_or(2));
    let biases = if root.is(&["multimodal_projector_bias"])? { 2 * text } else { 0 };
    let projector = e.hidden + merge * merge * e.hidden * e.hidden + e.hidden * text + text * text + biases;
    Ok((tower + projector, None))
}

/// Kimi's `MoonViT`: positions on a grid, biases, a merger of four patches.
fn moon(config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::MOON)?;
    let side = |key: &str| -> Read<u128> { Ok(u128::from(config.optional(&[key])?.unwrap_or(64))) };
    let positions = side("init_pos_emb_height")? * side("init_pos_emb_width")? * e.hidden;
    let merged = 4 * e.hidden;
    let projector = 2 * e.hidden + merged * merged + merged + merged * text + text;
    Ok((e.patch_embedding(true) + positions + e.blocks() + 2 * e.hidden + projector, None))
}

/// Kimi K3's: a wider attention, RMS norms, no biases anywhere.
fn moon_without_biases(config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::MOON)?;
    let wide = config.optional(&["qkv_hidden_size"])?.map_or(e.hidden, u128::from);
    let side = |key: &str| -> Read<u128> { Ok(u128::from(config.optional(&[key])?.unwrap_or(64))) };
    let positions = side("init_pos_emb_height")? * side("init_pos_emb_width")? * e.hidden;
    let block = 4 * e.hidden * wide + 2 * e.hidden * e.ffn + 2 * e.hidden;
    let merged = 4 * e.hidden;
    let projector = e.hidden + merged * merged + merged * text;
    Ok((e.patch_embedding(false) + positions + e.layers * block + e.hidden + projector, None))
}

/// LocateAnything: Kimi's tower, a norm over four patches and two matrices.
fn locate_anything(config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::MOON)?;
    let side = |key: &str| -> Read<u128> { Ok(u128::from(config.optional(&[key])?.unwrap_or(64))) };
    let positions = side("init_pos_emb_height")? * side("init_pos_emb_width")? * e.hidden;
    let merged = 4 * e.hidden;
    let tower = e.patch_embedding(true) + positions + e.blocks() + 2 * e.hidden;
    Ok((tower + 2 * merged + two_layers(merged, text), None))
}

/// DeepSeek-VL2: SigLIP with its pooling head, a projector of four patches, two separators.
fn deepseek_vl2(config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::DEEPSEEK_VL2)?;
    let patches = e.patches(config.side(&["image_size"])?.unwrap_or(384));
    let pooling = e.hidden + e.attention() + 2 * e.hidden + e.feed_forward();
    let tower = e.patch_embedding(true) + patches * e.hidden + e.blocks() + 2 * e.hidden + pooling;
    Ok((tower + two_layers(4 * e.hidden, text) + 2 * text, None))
}

/// `MiniMax` M3: CLIP's blocks without positions, a projector of two matrices and a merger of four patches.
fn minimax_m3(root: Fields<'_>, config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::MINIMAX_M3)?;
    let inner = root.optional(&["projector_hidden_size"])?.map_or(text, u128::from);
    let projector = e.hidden * inner + inner + inner * text + text;
    let merger = two_layers(4 * text, text);
    Ok((2 * e.patch_embedding(false) + e.blocks() + 2 * e.hidden + projector + merger, None))
}

/// GLM-4V: RMS norms, gated feed-forwards, convolutions around the merger.
fn glm4v(config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::GLM)?;
    let out = config.optional(&["out_hidden_size"])?.map_or(text, u128::from);
    let image = config.side(&["image_size"])?.unwrap_or(336);
    let merge = u128::from(config.optional(&["spatial_merge_size"])?.unwrap_or(2));
    let bias = if config.is(&["attention_bias"])? { 4 * e.hidden } else { 0 };
    let block = 4 * e.hidden * e.hidden + bias + 3 * e.hidden * out + 2 * e.hidden;
    let front = 2 * e.patch_embedding(false) + e.hidden + e.patches(image) * e.hidden + 2 * e.hidden;
    let downsample = merge * merge * e.hidden * out + out;
    let merger = out * out + 2 * out + 3 * out * e.ffn;
    Ok((front + e.layers * block + downsample + merger, None))
}

/// GLM-OCR: GLM-4V's blocks with a feed-forward of their own width, biases and norms of queries and keys; no positions.
fn glm_ocr(config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::GLM_OCR)?;
    let out = config.optional(&["out_hidden_size"])?.map_or(text, u128::from);
    let merge = u128::from(config.optional(&["spatial_merge_size"])?.unwrap_or(2));
    let heads = u128::from(config.optional(&["num_heads"])?.unwrap_or(16)).max(1);
    let biases = if config.flag(&["attention_bias"])?.unwrap_or(true) { 5 * e.hidden + 2 * e.ffn } else { 0 };
    let block = 4 * e.hidden * e.hidden + 3 * e.hidden * e.ffn + biases + 2 * e.hidden + 2 * (e.hidden / heads);
    let front = 2 * e.patch_embedding(false) + e.hidden;
    let downsample = merge * merge * e.hidden * out + out;
    // The merger is as wide as three times its input.
    let merger = out * out + 2 * out + 3 * out * 3 * out;
    Ok((front + e.layers * block + e.hidden + downsample + merger, None))
}

/// dots.ocr: RMS norms, gated feed-forwards without biases, a merger of four patches.
fn dots_ocr(config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::DOTS)?;
    let biases = if config.is(&["use_bias"])? { 4 * e.hidden + 2 * e.ffn + e.hidden } else { 0 };
    let block = 4 * e.hidden * e.hidden + 3 * e.hidden * e.ffn + 2 * e.hidden + biases;
    let merged = 4 * e.hidden;
    let merger = 2 * e.hidden + merged * merged + merged + merged * text + text;
    let ends = e.hidden + if config.flag(&["post_norm"])?.unwrap_or(true) { e.hidden } else { 0 };
    Ok((e.patch_embedding(true) + ends + e.layers * block + merger, None))
}

/// LFM2-VL: a SigLIP 2 tower and a projector of four patches with a norm.
fn lfm2_vl(root: Fields<'_>, config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::SIGLIP)?;
    let patches = u128::from(config.optional(&["num_patches"])?.unwrap_or(256));
    let factor = u128::from(root.optional(&["downsample_factor"])?.unwrap_or(2));
    let inner = u128::from(root.optional(&["projector_hidden_size"])?.unwrap_or(2560));
    let merged = factor * factor * e.hidden;
    let norm = if root.flag(&["projector_use_layernorm"])?.unwrap_or(true) { 2 * merged } else { 0 };
    let biases = if root.flag(&["projector_bias"])?.unwrap_or(true) { inner + text } else { 0 };
    let tower = e.patch_embedding(true) + patches * e.hidden + e.blocks() + 2 * e.hidden;
    Ok((tower + norm + merged * inner + inner * text + biases, Some(256)))
}

/// Gemma 4: RMS norms around both blocks, gated feed-forwards, positions in two tables.
fn gemma4(root: Fields<'_>, config: Fields<'_>, text: u128) -> Read<Tower> {
    let e = Encoder::read(config, &towers::GEMMA4)?;
    let heads = u128::from(config.optional(&["num_attention_heads"])?.unwrap_or(12));
    let kv_heads = config.optional(&["num_key_value_heads"])?.map_or(heads, u128::from);
    let width = u128::from(config.optional(&["head_dim"])?.unwrap_or(64));
    let positions = u128::from(config.optional(&["position_embedding_size"])?.unwrap_or(10240));
    let attention = 2 * e.hidden * heads * width + 2 * e.hidden * kv_heads * width + 2 * width;
    let block = attention + 3 * e.hidden * e.ffn + 4 * e.hidden;
    let standardise = if config.is(&["standardize"])? { 2 * e.hidden } else { 0 };
    let front = e.patch_embedding(false) + 2 * positions * e.hidden;
    let tokens = root.optional(&["vision_soft_tokens_per_image"])?.or(Some(280));
    Ok((front + e.layers * block + standardise + e.hidden * text, tokens))
}

/// Gemma 4 12B has no tower: squares of pixels are projected, with norms around, and positions added per axis.
fn gemma4_unified(root: Fields<'_>, config: Fields<'_>, text: u128) -> Read<Tower> {
    let side = config
        .optional(&["patch_size"])?
        .unwrap_or(16)
        .saturating_mul(config.optional(&["pooling_kernel_size"])?.unwrap_or(3));
    let pixels = 3 * u128::from(side) * u128::from(side);
    let width = config.optional(&["mm_embed_dim"])?.map_or(text, u128::from);
    let positions = u128::from(config.optional(&["mm_posemb_size"])?.unwrap_or(1120));
    let embedder = 2 * pixels + pixels * width + width + 2 * width + 2 * positions * width + 2 * width;
    let tokens = root.optional(&["vision_soft_tokens_per_image"])?.or(Some(280));
    Ok((embedder + width * text, tokens))
}

/// Gemma 3n: a MobileNet v5 and a Universal Speech Model; the published counts of both sizes leave the same remainder
/// behind the language body.
fn gemma3n_towers(r: &Reading<'_>) -> u128 {
    r.root.note("vision and audio towers of Gemma 3n: 983281504 parameters, the remainder of the published counts");
    983_281_504
}

/// Phi-4 multimodal describes its image and audio encoders only in part.
fn phi4_towers(r: &Reading<'_>) -> u128 {
    r.root.note(
        "image and audio encoders of Phi-4 multimodal: 907966432 parameters, the remainder of the published count",
    );
    907_966_432
}

/// MiniCPM-V: a SigLIP tower without its last layer if so told, and a resampler to a fixed number of tokens.
fn minicpmv(r: &Reading<'_>, config: Option<Fields<'_>>) -> Read<Tower> {
    let text = u128::from(r.spec.hidden);
    let queries = r.root.optional(&["query_num"])?.unwrap_or(64);
    let (hidden, tower) = if let Some(config) = config {
        let e = Encoder::read(config, &towers::SIGLIP)?;
        let dropped = u128::from(r.root.is(&["drop_vision_last_layer"])?);
        let layer = e.blocks() / e.layers.max(1);
        (e.hidden, towers::siglip(config, false)?.saturating_sub(dropped * layer))
    } else {
        r.root.note("`vision_config` is absent: the vision tower is counted as SigLIP So400m at 384 pixels, 26 layers");
        (1152, SO400M_384 - SO400M_LAYER)
    };
    // The first versions store the positions of the queries.
    let version = r.root.real(&["version"]).or_else(|| r.root.text(&["version"])?.parse().ok());
    let stored = version.is_none_or(|v| v < 2.5) && r.kind == "minicpm";
    let positions = if stored { u128::from(queries) * text } else { 0 };
    // Queries, a projection of keys, cross-attention with biases, three LayerNorms, an output projection.
    let resampler = u128::from(queries) * text + hidden * text + 4 * (text * text + text) + 6 * text + text * text;
    Ok((tower + resampler + positions, Some(queries)))
}

/// A tower of an unknown family: the usual encoder and a projector of two matrices.
fn guessed(root: Fields<'_>, config: Fields<'_>, text: u128) -> Read<Tower> {
    let names: &[&str] = &["hidden_size", "embed_dim", "width", "enc_dim", "vt_hidden_size", "d_model"];
    let layers: &[&str] =
        &["num_hidden_layers", "depth", "layers", "enc_n_layers", "vt_num_hidden_layers", "num_layers"];
    let Some(hidden) = config.optional(names)? else {
        root.note("the vision tower is not described: it is not counted");
        return Ok((0, None));
    };
    root.note("the vision tower is counted as a plain encoder with a projector of two matrices");
    let hidden = u128::from(hidden);
    let depth = u128::from(config.assume(layers, 24)?);
    let ffn = match (
        config.optional(&["intermediate_size", "enc_ff_dim", "vt_intermediate_size"])?,
        config.real(&["mlp_ratio"]),
    ) {
        (Some(width), _) => u128::from(width),
        (None, Some(ratio)) => (ratio.clamp(0.0, 64.0) * hidden as f64) as u128,
        (None, None) => 4 * hidden,
    };
    let patch = u128::from(config.optional(&["patch_size", "enc_patch_size", "spatial_patch_size"])?.unwrap_or(14));
    let block = 4 * (hidden * hidden + hidden) + 2 * hidden * ffn + ffn + 5 * hidden;
    Ok((3 * patch * patch * hidden + 1024 * hidden + depth * block + two_layers(hidden, text), None))
}
