//! What an image takes while it is encoded, and what a language body keeps of it.
//!
//! The encoder's weights count as weights; here are its intermediate tensors. llama.cpp (and what runs it) encodes one image
//! or tile at a time on a graph of its own in single precision, beside the buffers of the language body, and never gives
//! them back. `docs/model.md` lists the logged sizes that the law is held against.

use super::Case;
use super::blocks::HALF;
use crate::domain::{Architecture, Backend, MemoryKind, VisionEncoder, VisionTower};
use crate::units::Bytes;

/// Bytes of a number in llama.cpp's image encoder.
const SINGLE: u128 = 4;
/// Bytes of an attention score and its softmax in eager engines: as for text.
const EAGER_SCORE: u128 = 6;

/// Rows of the encoder's width that are alive per patch around attention: the residual, queries, keys and values before and
/// after their positions, copies in half precision, the result. Logged: 5.5 to 6.8 rows with the holes that ggml's allocator
/// leaves, 8.5 in a build of 2024.
const ROWS: u128 = 9;
/// The same where the outputs of some layers are kept for the language body. Logged: 9.8 to 10.8.
const ROWS_WITH_TAPS: u128 = 11;
/// Largest image that llama.cpp's preprocessor makes of any size: 4096 tokens of four patches (`clip.cpp`, 2026).
const LARGEST_IMAGE: u128 = 4 * 4096;

/// An encoder that nobody described counts as one that is at least as large as those of all models known.
const UNDESCRIBED: VisionEncoder = VisionEncoder {
    hidden: 1280,
    ffn: 5120,
    heads: 16,
    gated: true,
    patches: 16_384,
    patch: 16,
    masked: false,
    taps: 0,
};

/// The engine whose buffers for images are known by its source and by readings with and without the tower.
const EDGE_LLM: &str = "tensorrt-edge-llm";
/// Tokens for which NVIDIA builds the engines of its published runs (`--maxImageTokens`, performance page of 2026-08-17): on
/// modules of up to 16 GB (Orin NX, Orin Nano), and on larger ones. A single image takes at most as many as the former
/// (`--maxImageTokensPerImage`).
const TOKENS_SMALL: u128 = 2048;
const TOKENS_LARGE: u128 = 16_384;
const TOKENS_PER_IMAGE: u128 = 2048;
const SMALL_MODULE: Bytes = Bytes::mib(16 * 1024);
/// Frames that a patch spans in towers that take films as well; an image stands for both.
const FRAMES: u128 = 2;
/// Rows of a merger: the output of its layer, normalised, and before and after the activation.
const ROWS_PER_TAP: u128 = 4;
/// Patches that are merged into a token.
const PATCHES_PER_TOKEN: u128 = 4;

/// Where the results of a feed-forward block's activation go, unless a gate is multiplied in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Activation {
    /// Over what they are computed from.
    InPlace,
    /// Beside it.
    Beside,
    /// Beside it, and once more on the way: what the readings of TensorRT Edge-LLM ask for. `docs/model.md` lists them.
    Copied,
}

/// What llama.cpp takes for images beside the weights of the encoder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Encoding {
    /// Where the encoder runs.
    pub(super) accelerator: Bytes,
    /// In the host's memory: the pixels, and the vectors handed to the language body.
    pub(super) host: Bytes,
}

/// Buffers of llama.cpp's image encoder: nothing when no image is asked for, since the encoder is a file of its own.
pub(super) fn llama_cpp(case: &Case<'_>) -> Encoding {
    let Some((architecture, tower)) = described(case).filter(|_| case.demand.images > 0) else {
        return Encoding::default();
    };
    let encoder = tower.encoder.unwrap_or(UNDESCRIBED);
    let patches = u128::from(encoder.patches).min(LARGEST_IMAGE);
    let pairs = patches.saturating_mul(patches);
    let mut bytes = patches.saturating_mul(numbers_per_patch(&encoder, Activation::InPlace)).saturating_mul(SINGLE);
    if encoder.masked {
        // The mask in single precision, and for flash attention a copy in half.
        let mask = if case.flash_attention { SINGLE + HALF } else { SINGLE };
        bytes = bytes.saturating_add(pairs.saturating_mul(mask));
    }
    if !case.flash_attention {
        bytes = bytes.saturating_add(pairs.saturating_mul(u128::from(encoder.heads) * SINGLE));
    }
    let each = case.demand.image_tokens.or(tower.tokens_per_image.map(u64::from));
    let tokens = each.map_or(patches, u128::from).saturating_mul(case.demand.images.into());
    let handed_on = tokens.saturating_mul(u128::from(architecture.spec.hidden) * SINGLE);
    let apart = case.runtime.backend != Backend::Cpu && case.device.memory_kind == MemoryKind::Discrete;
    let pixels = if apart { patches.saturating_mul((pixels_per_patch(&encoder) + 4) * SINGLE) } else { 0 };
    Encoding { accelerator: Bytes::saturating(bytes), host: Bytes::saturating(handed_on.saturating_add(pixels)) }
}

/// Bytes for the intermediate tensors of an image encoder in the other engines, which encode all images of a prompt at once.
///
/// At least as much as the tower's weights in 16 bits for each image. Servers reserve for the largest image that the model's
/// processor makes: vLLM profiles 16384 tokens for an image of Qwen2.5-VL (its pull request 12604).
pub(super) fn others(case: &Case<'_>) -> u128 {
    let Some((architecture, tower)) = described(case) else { return 0 };
    let images = u128::from(encoded(case));
    let encoder = tower.encoder.unwrap_or(UNDESCRIBED);
    let weights = HALF * u128::from(tower.parameters);
    if case.runtime.engine_id == EDGE_LLM {
        return edge_llm(case, architecture, &encoder, images).max(weights);
    }
    let patches = u128::from(encoder.patches);
    let mut bytes = patches.saturating_mul(numbers_per_patch(&encoder, Activation::Beside)).saturating_mul(HALF);
    if !case.flash_attention {
        let scores = patches.saturating_mul(patches).saturating_mul(u128::from(encoder.heads) * EAGER_SCORE);
        bytes = bytes.saturating_add(scores);
    }
    bytes.max(weights).saturating_mul(images)
}

/// What TensorRT Edge-LLM plans for as many patches as its engine is built for, the tower's weights left out.
fn edge_llm(case: &Case<'_>, architecture: &Architecture, encoder: &VisionEncoder, images: u128) -> u128 {
    let built_for = if case.device.installed <= SMALL_MODULE { TOKENS_SMALL } else { TOKENS_LARGE };
    let any = u128::from(encoder.patches);
    let one = any.min(PATCHES_PER_TOKEN * TOKENS_PER_IMAGE);
    let patches = any.min(PATCHES_PER_TOKEN * built_for).max(one.saturating_mul(images));
    let numbers = numbers_per_patch(encoder, Activation::Copied) * HALF;
    patches.saturating_mul(numbers + edge_llm_buffers(architecture, encoder))
}

/// Bytes per patch of the buffers that TensorRT Edge-LLM allocates beside its engine (`cpp/multimodal/qwenViTRunner.cpp`,
/// 2026): pixels of a pair of frames as read, normalised and as patches, the angles of the positions, and the tokens handed
/// on; with the mergers that hand on the outputs of further layers.
fn edge_llm_buffers(architecture: &Architecture, encoder: &VisionEncoder) -> u128 {
    let pixels = FRAMES * pixels_per_patch(encoder) * (1 + HALF + HALF);
    let angles = u128::from(encoder.hidden) / u128::from(encoder.heads.max(1)) * SINGLE;
    let handed_on = u128::from(architecture.spec.hidden) * HALF * u128::from(1 + encoder.taps);
    let merged = u128::from(encoder.taps) * ROWS_PER_TAP * u128::from(encoder.hidden) * HALF;
    pixels + angles + merged + handed_on.div_ceil(PATCHES_PER_TOKEN)
}

/// Bytes of an image's keys and values in the layers that attend to it, for one stream: they are kept as long as the
/// conversation. `element` is the size of a number.
pub(super) fn attended(case: &Case<'_>, element: u128, images: u32) -> u128 {
    let Some((architecture, tower)) = described(case) else { return 0 };
    let numbers: u128 = architecture
        .layers
        .iter()
        .filter_map(|layer| layer.mixer.cross())
        .map(|a| u128::from(a.kv_heads) * (u128::from(a.head_dim) + u128::from(a.v_head_dim)))
        .sum();
    numbers.saturating_mul(tower.attended_positions.into()).saturating_mul(u128::from(images) * element)
}

/// Images that are encoded at once. An engine that has loaded its tower has made room for one even if none is asked for.
pub(super) fn encoded(case: &Case<'_>) -> u32 {
    match case.demand.images {
        0 if case.runtime.weight_residence.towers_apart => 0,
        0 => 1,
        n => n,
    }
}

fn described<'a>(case: &Case<'a>) -> Option<(&'a Architecture, VisionTower)> {
    let architecture = case.model.language()?;
    Some((architecture, architecture.spec.vision?))
}

/// Numbers alive per patch at the widest place of the graph: around attention or in the feed-forward block, beside the pixels.
fn numbers_per_patch(encoder: &VisionEncoder, activation: Activation) -> u128 {
    let (hidden, ffn) = (u128::from(encoder.hidden), u128::from(encoder.ffn));
    let attention = hidden * if encoder.taps > 0 { ROWS_WITH_TAPS } else { ROWS };
    let inner = match (encoder.gated, activation) {
        (true, _) | (false, Activation::Copied) => 3,
        (false, Activation::InPlace) => 1,
        (false, Activation::Beside) => 2,
    };
    let feed_forward = 3 * hidden + inner * ffn;
    attention.max(feed_forward) + pixels_per_patch(encoder)
}

fn pixels_per_patch(encoder: &VisionEncoder) -> u128 {
    3 * u128::from(encoder.patch) * u128::from(encoder.patch)
}
