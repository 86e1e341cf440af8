//! SAM's image encoder (arXiv 2304.02643): as a network of its own, and inside models that read documents.

use super::json::{Fields, Read};

/// Dimensions of the encoder.
#[derive(Debug, Clone, Copy)]
struct Sam {
    hidden: u128,
    layers: u128,
    /// Layers that look at the whole image; the others at windows.
    global: u128,
    heads: u128,
    ffn: u128,
    side: u128,
    patch: u128,
    window: u128,
    out: u128,
}

/// The base size, on 1024 pixels.
const BASE: Sam =
    Sam { hidden: 768, layers: 12, global: 4, heads: 12, ffn: 3072, side: 64, patch: 16, window: 14, out: 256 };

/// Encoder of prompts and decoder of masks, in all sizes alike; the random frequencies of positions included
/// (`SamModel` of the transformers library, whose base size has 93 735 728 parameters).
const PROMPTS_AND_MASKS: u128 = 4_064_816;

impl Sam {
    fn read(config: Fields<'_>) -> Read<Self> {
        let number =
            |names: &[&str], usual: u128| -> Read<u128> { Ok(config.optional(names)?.map_or(usual, u128::from)) };
        let patch = config.side(&["patch_size"])?.map_or(BASE.patch, u128::from).max(1);
        let image = config.side(&["image_size"])?.map_or(1024, u128::from);
        let hidden = number(&["hidden_size"], BASE.hidden)?;
        let ffn = match (config.optional(&["mlp_dim"])?, config.real(&["mlp_ratio"])) {
            (Some(width), _) => u128::from(width),
            (None, Some(ratio)) => (ratio.clamp(0.0, 64.0) * hidden as f64) as u128,
            (None, None) => 4 * hidden,
        };
        let layers = number(&["num_hidden_layers"], BASE.layers)?;
        Ok(Self {
            hidden,
            layers,
            global: config
                .numbers(&["global_attn_indexes"])?
                .map_or(BASE.global, |list| list.len() as u128)
                .min(layers),
            heads: number(&["num_attention_heads"], BASE.heads)?.max(1),
            ffn,
            side: image / patch,
            patch,
            window: number(&["window_size"], BASE.window)?,
            out: number(&["output_channels"], BASE.out)?,
        })
    }

    /// All parameters up to the convolutions that narrow its output.
    fn parameters(&self) -> u128 {
        let h = self.hidden;
        let front = 3 * self.patch * self.patch * h + h + self.side * self.side * h;
        let block = 4 * (h * h + h) + 2 * h * self.ffn + self.ffn + h + 4 * h;
        // Two tables of relative positions in each layer, as long as what it looks at.
        let width = h / self.heads;
        let table = |side: u128| 2 * (2 * side).saturating_sub(1) * width;
        let tables = self.global * table(self.side) + (self.layers - self.global) * table(self.window);
        let neck = h * self.out + 9 * self.out * self.out + 4 * self.out;
        front + self.layers * block + tables + neck
    }
}

/// SAM with its prompts and masks.
pub(super) fn network(root: Fields<'_>) -> Read<u128> {
    let config = root.child(&["vision_config"]).ok_or("`vision_config` is missing")?;
    Ok(Sam::read(config)?.parameters() + PROMPTS_AND_MASKS)
}

/// GOT-OCR 2: two convolutions that halve the sides, one matrix.
pub(super) fn got_ocr2(config: Fields<'_>, text: u128) -> Read<u128> {
    let sam = Sam::read(config)?;
    let wide = 2 * sam.out;
    Ok(sam.parameters() + 9 * sam.out * wide + 9 * wide * text + text * text + text)
}

/// DeepSeek-OCR: SAM narrowed sixteenfold, then CLIP (version 1) or Qwen2 0.5B with a set of queries (version 2), side by
/// side through one matrix (arXiv 2510.18234; 3 336 106 240 parameters of version 1 published).
pub(super) fn deep_encoder(root: Fields<'_>, widths: Fields<'_>, text: u128) -> Read<u128> {
    let second = widths.child(&["qwen2-0-5b"]);
    let projector = root.child(&["projector_config"]).unwrap_or(root);
    let usual = if second.is_some() { 896 } else { 2048 };
    let from = projector.optional(&["input_dim"])?.map_or(usual, u128::from);
    let project = from * text + text;
    // Two convolutions halve the sides; the second one's outputs are as wide as what reads them.
    let narrow = |out: u128| 9 * BASE.out * 2 * BASE.out + 9 * 2 * BASE.out * out;
    Ok(BASE.parameters()
        + project
        + match second {
            Some(_) => {
                let d = 896;
                let layer = 2 * d * d + d + 2 * (d * 128 + 128) + 3 * d * 4864 + 2 * d;
                // Queries for the whole page and for tiles, and a separator.
                narrow(d) + 24 * layer + d + (256 + 144) * d + text
            }
            // No norm behind CLIP; a vector at the end of each row and one between views.
            None => narrow(1024) + CLIP_L_224 + 2 * text,
        })
}

/// CLIP ViT-L/14 at 224 pixels without the norm at its end: 257 positions, a class token, 24 layers of 1024.
const CLIP_L_224: u128 = 3 * 14 * 14 * 1024 + 258 * 1024 + 2 * 1024 + 302_309_376;
