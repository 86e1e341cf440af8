//! The dimensions of image encoders on which the memory of encoding depends.

use super::Reading;
use super::json::{Fields, Read};
use crate::domain::VisionEncoder;

/// Patches of the largest image that the processors of Qwen's models and their kin make: 16384 tokens of four.
const ANY_SIZE: u32 = 65_536;
/// Largest number of tokens that Gemma 4's processor makes of an image, and patches per token.
const GEMMA4_TOKENS: u32 = 1120;
const GEMMA4_SQUARE: u32 = 9;
/// Tiles of an image in Llama 3.2 Vision, and the multiple that its encoder rounds positions up to.
const TILES: u32 = 4;
const TILE_PAD: u32 = 8;

/// CLIP ViT-L/14 at 336 pixels with its class token.
const CLIP_L_336: VisionEncoder =
    VisionEncoder { hidden: 1024, ffn: 4096, heads: 16, gated: false, patches: 577, patch: 14, masked: false, taps: 0 };
/// SigLIP So400m on tiles of 448 pixels.
const SO400M_448: VisionEncoder = VisionEncoder { hidden: 1152, ffn: 4304, patches: 1024, ..CLIP_L_336 };

/// The encoder of the tower that the file describes or names; nothing where it is unknown or no transformer.
pub(super) fn read(r: &Reading<'_>, outer: &str, config: Option<Fields<'_>>) -> Read<Option<VisionEncoder>> {
    match (outer, config) {
        ("gemma3n" | "fastvlm" | "florence2" | "fuyu" | "got_ocr2" | "pp_chart2table", _) => Ok(None),
        ("deepseek_vl_v2", Some(config)) if config.child(&["width"]).is_some() => Ok(None),
        ("phi3_v" | "molmo", _) | ("llava", None) => Ok(Some(CLIP_L_336)),
        ("phi4mm" | "phi4_multimodal", _) | ("minicpmv" | "minicpmo", None) => Ok(Some(SO400M_448)),
        (_, Some(config)) => described(r, outer, config),
        _ => Ok(None),
    }
}

fn described(r: &Reading<'_>, outer: &str, config: Fields<'_>) -> Read<Option<VisionEncoder>> {
    let width = match outer {
        // Its `hidden_size` is that of the language body.
        "qwen2_vl" => Some(config.optional(&["embed_dim"])?.unwrap_or(1280)),
        _ => config.optional(&["hidden_size", "embed_dim", "vt_hidden_size", "width", "enc_dim", "d_model"])?,
    };
    let Some(hidden) = width else { return Ok(None) };
    let ffn = match (
        config.optional(&["intermediate_size", "vt_intermediate_size", "enc_ff_dim"])?,
        config.real(&["mlp_ratio"]),
    ) {
        (Some(width), _) => width,
        (None, Some(ratio)) => (ratio.clamp(0.0, 64.0) * f64::from(hidden)) as u32,
        (None, None) => hidden.saturating_mul(4),
    };
    let heads = ["num_heads", "num_attention_heads", "attention_heads", "vt_num_attention_heads", "heads"];
    let heads = config.optional(&heads)?.unwrap_or(16);
    let patch = config.side(&["patch_size", "spatial_patch_size", "enc_patch_size"])?.unwrap_or(14).max(1);
    let square = config.side(&["image_size"])?.map(|image| {
        let side = image / patch;
        side.saturating_mul(side).saturating_add(1)
    });
    let plain = VisionEncoder {
        hidden,
        ffn,
        heads,
        gated: false,
        patches: square.unwrap_or(ANY_SIZE),
        patch,
        masked: false,
        taps: 0,
    };
    Ok(Some(match outer {
        "qwen2_vl" | "kimi_k25" | "kimi_k3" | "minimax_m3_vl" => VisionEncoder { patches: ANY_SIZE, ..plain },
        "qwen2_5_vl" | "qwen2_5_omni" | "qwen2_5_omni_thinker" | "exaone4_5" => {
            VisionEncoder { patches: ANY_SIZE, gated: true, masked: true, ..plain }
        }
        "qwen3_vl" | "qwen3_vl_moe" | "qwen3_5" | "qwen3_5_moe" | "qwen3_omni_moe" | "qwen3_omni_moe_thinker" => {
            let taps = config.numbers(&["deepstack_visual_indexes"])?.map_or(0, |l| l.len() as u32);
            VisionEncoder { patches: ANY_SIZE, taps, ..plain }
        }
        "glm4v" | "glm4v_moe" | "glm46v" | "glmga" => {
            let ffn = config.optional(&["out_hidden_size"])?.unwrap_or(r.spec.hidden);
            VisionEncoder { patches: ANY_SIZE, gated: true, ffn, ..plain }
        }
        "dots_ocr" | "glm_ocr" => VisionEncoder { patches: ANY_SIZE, gated: true, ..plain },
        "kimi_vl" | "locateanything" => VisionEncoder { patches: 4096, ..plain },
        "mistral3" | "pixtral" | "llava" | "lighton_ocr" if config.text(&["model_type"]) == Some("pixtral") => {
            VisionEncoder { gated: true, patches: square.unwrap_or(110 * 110), ..plain }
        }
        "gemma4" => VisionEncoder { gated: true, patches: GEMMA4_TOKENS * GEMMA4_SQUARE, ..plain },
        "gemma4_unified" => {
            let width = config.optional(&["mm_embed_dim"])?.unwrap_or(r.spec.hidden);
            VisionEncoder { hidden: width, ffn: 0, heads: 0, patches: GEMMA4_TOKENS, patch: 48, ..plain }
        }
        "mllama" => {
            let tiles = config.optional(&["max_num_tiles"])?.unwrap_or(TILES);
            let tile = square.unwrap_or(1601);
            let tile = tile.checked_next_multiple_of(TILE_PAD).unwrap_or(tile);
            VisionEncoder { patches: tile.saturating_mul(tiles), ..plain }
        }
        "deepseek_vl_v2" => VisionEncoder { patches: square.unwrap_or(27 * 27 + 1), ..plain },
        "minicpmv" | "minicpmo" | "lfm2_vl" => VisionEncoder { patches: 1024, ..plain },
        _ => plain,
    }))
}

/// Positions of an image that cross-attention layers look at: those of all tiles.
pub(super) fn attended_positions(outer: &str, config: Option<Fields<'_>>) -> Read<u32> {
    let Some(config) = config.filter(|_| outer == "mllama") else { return Ok(0) };
    let image = config.side(&["image_size"])?.unwrap_or(560);
    let side = image / config.side(&["patch_size"])?.unwrap_or(14).max(1);
    let tiles = config.optional(&["max_num_tiles"])?.unwrap_or(TILES);
    Ok(side.saturating_mul(side).saturating_add(1).saturating_mul(tiles))
}
