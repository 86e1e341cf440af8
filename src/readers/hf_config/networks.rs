//! Configurations of models that are no language models: image encoders and speech recognisers.

use super::json::{Fields, Read};
use super::towers::{self, Encoder};
use super::{Outcome, captions, convolutions, sam};
use crate::domain::{Body, Network, Speech, Task};

/// Reads an image encoder or a speech recogniser; nothing for the `model_type`s of language models.
pub(super) fn read(root: Fields<'_>, kind: &str) -> Read<Option<Outcome>> {
    match kind {
        "vit" | "deit" | "beit" | "dinov2" | "dinov2_with_registers" => image_encoder(root, kind).map(Some),
        "clip_vision_model" | "siglip_vision_model" | "siglip2_vision_model" => clip_tower(root, kind).map(Some),
        "clip" | "siglip" | "chinese_clip" => clip(root, kind).map(Some),
        "whisper" => whisper(root).map(Some),
        "dinov3_vit" => dinov3(root).map(Some),
        "resnet" => Ok(Some(image_network(root, convolutions::resnet(root)?, "cnn")?)),
        "convnext" | "convnextv2" => {
            Ok(Some(image_network(root, convolutions::convnext(root, kind == "convnextv2")?, "cnn")?))
        }
        "swin" => Ok(Some(image_network(root, convolutions::swin(root)?, "transformer")?)),
        "vision-encoder-decoder" => captions::read(root).map(Some),
        "sam" => Ok(Some(image_network(root, sam::network(root)?, "transformer")?)),
        "moonshine" => Ok(Some(network(Task::Speech, moonshine(root)?, transformer(None)))),
        "parakeet_ctc" | "parakeet_encoder" => {
            Ok(Some(network(Task::Speech, convolutions::parakeet(root)?, transformer(None))))
        }
        "wav2vec2" | "hubert" | "wavlm" | "unispeech" | "unispeech-sat" => {
            Ok(Some(network(Task::Speech, convolutions::waveform(root)?, transformer(None))))
        }
        _ => Ok(None),
    }
}

pub(super) fn network(task: Task, parameters: u128, network: Network) -> Outcome {
    let parameters = u64::try_from(parameters).unwrap_or(u64::MAX);
    Outcome { task, parameters, active: parameters, body: Body::Network(network) }
}

pub(super) fn transformer(input: Option<[u32; 3]>) -> Network {
    Network {
        giga_ops: None,
        activations_m: None,
        input,
        speech: None,
        kind: Some("transformer".to_owned()),
        family: None,
    }
}

/// A network for images of which only the parameters are worked out.
fn image_network(root: Fields<'_>, parameters: u128, kind: &str) -> Read<Outcome> {
    let image = root.side(&["image_size"])?.unwrap_or(224);
    let class = root.words(&["architectures"]).and_then(|c| c.first().copied()).unwrap_or("");
    let task = if class.ends_with("ForImageClassification") { Task::Classify } else { Task::Vision };
    let network = Network { kind: Some(kind.to_owned()), ..transformer(Some([image, image, 3])) };
    Ok(self::network(task, parameters, network))
}

/// DINOv3: rotary positions, register tokens, two scales per layer; keys may go without bias.
fn dinov3(root: Fields<'_>) -> Read<Outcome> {
    let encoder = Encoder::read(root, &towers::VIT)?;
    let image = root.side(&["image_size"])?.unwrap_or(224);
    let (hidden, ffn) = (encoder.hidden, encoder.ffn);
    let bias = |key: &str, usual: bool| -> Read<u128> { Ok(u128::from(root.flag(&[key])?.unwrap_or(usual))) };
    let biases =
        bias("query_bias", true)? + bias("key_bias", false)? + bias("value_bias", true)? + bias("proj_bias", true)?;
    let matrices = if root.is(&["use_gated_mlp"])? { 3 } else { 2 };
    let mlp = matrices * hidden * ffn + bias("mlp_bias", true)? * ((matrices - 1) * ffn + hidden);
    let block = 4 * hidden * hidden + biases * hidden + mlp + 6 * hidden;
    let tokens = 2 + u128::from(root.optional(&["num_register_tokens"])?.unwrap_or(4));
    let parameters = encoder.patch_embedding(true) + tokens * hidden + encoder.layers * block + 2 * hidden;
    Ok(network(Task::Vision, parameters, transformer(Some([image, image, 3]))))
}

/// ViT: class token, learned positions, a norm at the end and a pooler, or a classifier.
pub(super) fn image_encoder(root: Fields<'_>, kind: &str) -> Read<Outcome> {
    let encoder = Encoder::read(root, &towers::VIT)?;
    let image = root.side(&["image_size"])?.unwrap_or(224);
    let patches = encoder.patches(image);
    let hidden = encoder.hidden;
    let mut parameters =
        encoder.patch_embedding(true) + hidden + (patches + 1) * hidden + encoder.blocks() + 2 * hidden;
    if !root.flag(&["qkv_bias"])?.unwrap_or(true) {
        parameters -= encoder.layers * 3 * hidden;
    }
    if kind == "deit" {
        // A second token, for what a teacher says.
        parameters += 2 * hidden;
    }
    if kind == "dinov2_with_registers" {
        parameters += hidden * u128::from(root.optional(&["num_register_tokens"])?.unwrap_or(4));
    }
    if kind.starts_with("dinov2") {
        // A mask token and two scales per layer.
        parameters += hidden + encoder.layers * 2 * hidden;
        if root.is(&["use_swiglu_ffn"])? {
            // Gated, two thirds as wide, in steps of 8.
            let width = (encoder.ffn * 2 / 3).div_ceil(8) * 8;
            let gated = 3 * hidden * width + 2 * width + hidden;
            parameters = parameters - encoder.layers * encoder.feed_forward() + encoder.layers * gated;
        }
    }
    let class = root.words(&["architectures"]).and_then(|c| c.first().copied()).unwrap_or("");
    if class.ends_with("ForImageClassification") {
        let labels = super::encoders::labels_in(root)?;
        // DINOv2 classifies by its class token beside the mean of all others.
        let seen = if kind.starts_with("dinov2") { 2 * hidden } else { hidden };
        parameters += seen * labels + labels;
        return Ok(network(Task::Classify, parameters, transformer(Some([image, image, 3]))));
    }
    if matches!(kind, "vit" | "deit") {
        parameters += hidden * hidden + hidden;
    }
    Ok(network(Task::Vision, parameters, transformer(Some([image, image, 3]))))
}

fn clip_tower(root: Fields<'_>, kind: &str) -> Read<Outcome> {
    let image = root.side(&["image_size"])?.unwrap_or(224);
    let mut parameters = if kind.starts_with("siglip") {
        towers::siglip(root, root.flag(&["vision_use_head"])?.unwrap_or(true))?
    } else {
        towers::clip(root)?
    };
    let class = root.words(&["architectures"]).and_then(|c| c.first().copied()).unwrap_or("");
    if class.ends_with("WithProjection") {
        let hidden = u128::from(root.need(&["hidden_size"])?);
        parameters += hidden * u128::from(root.assume(&["projection_dim"], 512)?);
    }
    Ok(network(Task::Vision, parameters, transformer(Some([image, image, 3]))))
}

/// Two towers, of image and text, projected to one width.
fn clip(root: Fields<'_>, kind: &str) -> Read<Outcome> {
    let vision = root.child(&["vision_config"]).ok_or("`vision_config` is missing")?;
    let text = root.child(&["text_config"]).ok_or("`text_config` is missing")?;
    let image = vision.side(&["image_size"])?.unwrap_or(224);
    let words = Encoder::read(text, if kind == "siglip" { &towers::SIGLIP } else { &towers::CLIP_TEXT })?;
    let vocab = u128::from(text.assume(&["vocab_size"], if kind == "clip" { 49408 } else { 32000 })?);
    let positions = u128::from(text.assume(&["max_position_embeddings"], if kind == "clip" { 77 } else { 64 })?);
    let mut parameters = (vocab + positions) * words.hidden + words.blocks() + 2 * words.hidden;
    if kind == "siglip" {
        parameters += towers::siglip(vision, true)? + words.hidden * words.hidden + words.hidden + 2;
    } else {
        let width = u128::from(root.assume(&["projection_dim"], 512)?);
        let seen = Encoder::read(vision, &towers::CLIP_VISION)?;
        parameters += towers::clip(vision)? + width * (words.hidden + seen.hidden) + 1;
    }
    Ok(network(Task::Vision, parameters, transformer(Some([image, image, 3]))))
}

/// Moonshine: three convolutions over the waveform, rotary positions, a gated feed-forward in the decoder alone
/// (arXiv 2410.15608).
fn moonshine(root: Fields<'_>) -> Read<u128> {
    let number = |names: &[&str]| -> Read<u128> { Ok(u128::from(root.need(names)?)) };
    let (d, ffn) = (number(&["hidden_size"])?, number(&["intermediate_size"])?);
    let encoder = number(&["encoder_num_hidden_layers"])?;
    let decoder = number(&["decoder_num_hidden_layers"])?;
    let front = 127 * d + 7 * d * 2 * d + 2 * d + 3 * 2 * d * d + d + 2 * d;
    let encoder_layer = 4 * d * d + 2 * d * ffn + ffn + d + 2 * d;
    let decoder_layer = 8 * d * d + 3 * d * ffn + 2 * ffn + d + 3 * d;
    let table = number(&["vocab_size"])? * d;
    let tables = if root.flag(&["tie_word_embeddings"])?.unwrap_or(true) { table } else { 2 * table };
    Ok(front + encoder * encoder_layer + d + tables + decoder * decoder_layer + d)
}

/// Whisper: two convolutions and stored sinusoids before the encoder, learned positions before the decoder.
fn whisper(root: Fields<'_>) -> Read<Outcome> {
    let speech = Speech {
        encoder_layers: root.need(&["encoder_layers"])?,
        decoder_layers: root.need(&["decoder_layers"])?,
        hidden: root.need(&["d_model"])?,
        heads: root.need(&["encoder_attention_heads"])?,
        ffn: root.need(&["encoder_ffn_dim"])?,
        vocab: root.need(&["vocab_size"])?,
        audio_context: root.assume(&["max_source_positions"], 1500)?,
        text_context: root.assume(&["max_target_positions"], 448)?,
    };
    let wide = |n: u32| u128::from(n);
    let (d, ffn) = (wide(speech.hidden), wide(speech.ffn));
    let mels = wide(root.assume(&["num_mel_bins"], 80)?);
    // Keys have no bias.
    let attention = 4 * d * d + 3 * d;
    let feed_forward = 2 * d * ffn + ffn + d;
    let encoder_layer = attention + feed_forward + 4 * d;
    let decoder_ffn = wide(root.optional(&["decoder_ffn_dim"])?.unwrap_or(speech.ffn));
    let decoder_layer = 2 * attention + 2 * d * decoder_ffn + decoder_ffn + d + 6 * d;
    let front = 3 * mels * d + d + 3 * d * d + d + wide(speech.audio_context) * d;
    let parameters = front
        + wide(speech.encoder_layers) * encoder_layer
        + 2 * d
        + (wide(speech.vocab) + wide(speech.text_context)) * d
        + wide(speech.decoder_layers) * decoder_layer
        + 2 * d;
    let body = Network {
        giga_ops: None,
        activations_m: None,
        input: None,
        speech: Some(speech),
        kind: Some("transformer".to_owned()),
        family: Some("whisper".to_owned()),
    };
    Ok(network(Task::Speech, parameters, body))
}
