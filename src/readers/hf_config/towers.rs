//! Parameters of image encoders, built from the transformer blocks that they share.

use super::json::{Fields, Read};

/// Key names and class defaults of one kind of encoder.
pub(super) struct Keys {
    hidden: (&'static [&'static str], u32),
    layers: (&'static [&'static str], u32),
    ffn: (&'static [&'static str], u32),
    patch: u32,
}

pub(super) const VIT: Keys = Keys {
    hidden: (&["hidden_size"], 768),
    layers: (&["num_hidden_layers"], 12),
    ffn: (&["intermediate_size"], 3072),
    patch: 16,
};
pub(super) const CLIP_VISION: Keys = Keys { patch: 32, ..VIT };
pub(super) const CLIP_TEXT: Keys = Keys { hidden: (&["hidden_size"], 512), ffn: (&["intermediate_size"], 2048), ..VIT };
pub(super) const SIGLIP: Keys = VIT;
/// Qwen's towers: `embed_dim` and a ratio in version 2, `hidden_size` and `intermediate_size` later.
pub(super) const QWEN2: Keys = Keys {
    hidden: (&["embed_dim"], 1280),
    layers: (&["depth", "num_hidden_layers"], 32),
    ffn: (&["intermediate_size"], 0),
    patch: 14,
};
pub(super) const QWEN2_5: Keys =
    Keys { hidden: (&["hidden_size"], 1280), ffn: (&["intermediate_size"], 3420), ..QWEN2 };
pub(super) const QWEN3: Keys = Keys {
    hidden: (&["hidden_size"], 1152),
    layers: (&["depth", "num_hidden_layers"], 27),
    ffn: (&["intermediate_size"], 4304),
    patch: 16,
};
pub(super) const DOTS: Keys = Keys {
    hidden: (&["embed_dim", "hidden_size"], 1536),
    layers: (&["num_hidden_layers"], 42),
    ffn: (&["intermediate_size"], 4224),
    patch: 14,
};
pub(super) const GLM: Keys = Keys {
    hidden: (&["hidden_size"], 1536),
    layers: (&["depth", "num_hidden_layers"], 24),
    ffn: (&["intermediate_size"], 13696),
    patch: 14,
};
pub(super) const GLM_OCR: Keys = Keys { hidden: (&["hidden_size"], 1024), ffn: (&["intermediate_size"], 4096), ..GLM };
/// SigLIP 2 So400m.
pub(super) const SO400M: Keys = Keys {
    hidden: (&["hidden_size"], 1152),
    layers: (&["num_hidden_layers"], 27),
    ffn: (&["intermediate_size"], 4304),
    patch: 14,
};
pub(super) const MOLMO2: Keys = Keys { layers: (&["num_hidden_layers"], 25), ..SO400M };
pub(super) const ERNIE: Keys = Keys {
    hidden: (&["hidden_size"], 1280),
    layers: (&["depth", "num_hidden_layers"], 32),
    ffn: (&["intermediate_size"], 5120),
    patch: 14,
};
pub(super) const AIMV2: Keys = Keys {
    hidden: (&["hidden_size"], 1024),
    layers: (&["num_hidden_layers"], 24),
    ffn: (&["intermediate_size"], 2816),
    patch: 14,
};
pub(super) const INTERN: Keys = Keys {
    hidden: (&["hidden_size"], 1024),
    layers: (&["num_hidden_layers"], 24),
    ffn: (&["intermediate_size"], 4096),
    patch: 14,
};
pub(super) const PIXTRAL: Keys = Keys {
    hidden: (&["hidden_size"], 1024),
    layers: (&["num_hidden_layers"], 24),
    ffn: (&["intermediate_size"], 4096),
    patch: 16,
};
pub(super) const LLAMA4: Keys = Keys {
    hidden: (&["hidden_size"], 1408),
    layers: (&["num_hidden_layers"], 34),
    ffn: (&["intermediate_size"], 5632),
    patch: 14,
};
pub(super) const MLLAMA: Keys = Keys {
    hidden: (&["hidden_size"], 1280),
    layers: (&["num_hidden_layers"], 32),
    ffn: (&["intermediate_size"], 5120),
    patch: 14,
};
pub(super) const MOON: Keys = Keys {
    hidden: (&["vt_hidden_size", "hidden_size"], 1152),
    layers: (&["vt_num_hidden_layers", "num_hidden_layers"], 27),
    ffn: (&["vt_intermediate_size", "intermediate_size"], 4304),
    patch: 14,
};
pub(super) const DEEPSEEK_VL2: Keys = Keys {
    hidden: (&["width", "hidden_size"], 1152),
    layers: (&["layers", "num_hidden_layers"], 27),
    ffn: (&["intermediate_size"], 4304),
    patch: 14,
};
pub(super) const MINIMAX_M3: Keys = Keys {
    hidden: (&["hidden_size"], 1280),
    layers: (&["num_hidden_layers"], 32),
    ffn: (&["intermediate_size"], 5120),
    patch: 14,
};
pub(super) const GEMMA4: Keys = Keys {
    hidden: (&["hidden_size"], 768),
    layers: (&["num_hidden_layers"], 16),
    ffn: (&["intermediate_size"], 3072),
    patch: 16,
};

/// Dimensions of an encoder, wide enough for every product of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Encoder {
    pub(super) hidden: u128,
    pub(super) layers: u128,
    pub(super) ffn: u128,
    pub(super) patch: u128,
    patch_size: u32,
}

impl Encoder {
    pub(super) fn read(config: Fields<'_>, keys: &Keys) -> Read<Self> {
        let hidden = config.assume(keys.hidden.0, keys.hidden.1)?;
        let patch_size = config.side(&["patch_size", "spatial_patch_size"])?.unwrap_or(keys.patch).max(1);
        let ffn = match (config.optional(keys.ffn.0)?, config.real(&["mlp_ratio"])) {
            (Some(width), _) => u128::from(width),
            (None, Some(ratio)) => (ratio.clamp(0.0, 64.0) * f64::from(hidden)) as u128,
            (None, None) if keys.ffn.1 == 0 => 4 * u128::from(hidden),
            (None, None) => u128::from(config.assume(keys.ffn.0, keys.ffn.1)?),
        };
        Ok(Self {
            hidden: hidden.into(),
            layers: config.assume(keys.layers.0, keys.layers.1)?.into(),
            ffn,
            patch: patch_size.into(),
            patch_size,
        })
    }

    /// Patches of a square image.
    pub(super) fn patches(&self, image: u32) -> u128 {
        let side = u128::from(image / self.patch_size);
        side * side
    }

    /// The convolution that makes patches into vectors.
    pub(super) fn patch_embedding(&self, bias: bool) -> u128 {
        3 * self.patch * self.patch * self.hidden + if bias { self.hidden } else { 0 }
    }

    /// Attention with biases on all four projections.
    pub(super) fn attention(&self) -> u128 {
        4 * (self.hidden * self.hidden + self.hidden)
    }

    /// Two matrices with biases.
    pub(super) fn feed_forward(&self) -> u128 {
        2 * self.hidden * self.ffn + self.ffn + self.hidden
    }

    /// All blocks of the plain kind: two LayerNorms, biases everywhere.
    pub(super) fn blocks(&self) -> u128 {
        self.layers * (self.attention() + self.feed_forward() + 4 * self.hidden)
    }
}

/// CLIP's image tower: class token, positions, norms before and after.
pub(super) fn clip(config: Fields<'_>) -> Read<u128> {
    let encoder = Encoder::read(config, &CLIP_VISION)?;
    let patches = encoder.patches(config.side(&["image_size"])?.unwrap_or(224));
    Ok(encoder.patch_embedding(false) + (patches + 2) * encoder.hidden + 4 * encoder.hidden + encoder.blocks())
}

/// SigLIP's: no class token; the pooling head is kept by few.
pub(super) fn siglip(config: Fields<'_>, pooling: bool) -> Read<u128> {
    let encoder = Encoder::read(config, &SIGLIP)?;
    // SigLIP 2 for images of any size says how many positions it has.
    let patches = match config.optional(&["num_patches"])? {
        Some(patches) => u128::from(patches),
        None if config.text(&["model_type"]) == Some("siglip2_vision_model") && !config.has(&["image_size"]) => 256,
        None => encoder.patches(config.side(&["image_size"])?.unwrap_or(224)),
    };
    let hidden = encoder.hidden;
    let head = if pooling { hidden + encoder.attention() + 2 * hidden + encoder.feed_forward() } else { 0 };
    Ok(encoder.patch_embedding(true) + patches * hidden + encoder.blocks() + 2 * hidden + head)
}

/// A projector of two matrices with biases.
pub(super) fn two_layers(from: u128, to: u128) -> u128 {
    from * to + to + to * to + to
}

/// A tower that LLaVA's kin name instead of describing it, with two matrices behind; nothing for an unknown name.
pub(super) fn named(name: &str, text: u128, newline: bool) -> Option<(u128, u32)> {
    let name = name.to_lowercase();
    let (tower, width, tokens) = if name.contains("siglip-so400m-patch14-384") {
        // Without its last layer and its pooling.
        (412_987_248 - 15_239_504, 1152, 729)
    } else if name.contains("clip-vit-large-patch14-336") {
        (303_507_456, 1024, 576)
    } else if name.contains("mobileclip_l") {
        // FastViTHD of FastVLM.
        (122_714_208, 3072, 256)
    } else {
        return None;
    };
    Some((tower + two_layers(width, text) + if newline { text } else { 0 }, tokens))
}
