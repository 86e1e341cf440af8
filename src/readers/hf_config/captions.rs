//! An image encoder and a text decoder put together: TrOCR, Donut, Nougat, captions by GPT-2.

use super::json::{Fields, Read};
use super::networks::{network, transformer};
use super::{Outcome, convolutions, networks};
use crate::domain::Task;

/// Reads both halves.
pub(super) fn read(root: Fields<'_>) -> Read<Outcome> {
    let encoder = root.child(&["encoder"]).ok_or("`encoder` is missing")?;
    let decoder = root.child(&["decoder"]).ok_or("`decoder` is missing")?;
    let (seen, from) = images(encoder)?;
    let width = number(decoder, &["d_model", "n_embd", "hidden_size"], 1024)?;
    let told = decoder.optional(&["cross_attention_hidden_size"])?.map(u128::from);
    // A matrix between the halves where the decoder does not expect the encoder's width.
    let (between, from) = match told {
        Some(told) => (0, told),
        None if from == width => (0, from),
        None => (from * width + width, width),
    };
    let written = match decoder.text(&["model_type"]).unwrap_or("") {
        kind @ ("mbart" | "bart" | "trocr") => bart(decoder, kind, width, from)?,
        "gpt2" => gpt2(decoder, width)?,
        other => return Err(format!("a decoder of kind `{other}` behind an image encoder is not understood")),
    };
    let image = encoder.side(&["image_size"])?.unwrap_or(224);
    Ok(network(Task::Vision, seen + between + written, transformer(Some([image, image, 3]))))
}

fn number(config: Fields<'_>, names: &[&str], usual: u32) -> Read<u128> {
    Ok(u128::from(config.optional(names)?.unwrap_or(usual)))
}

/// The encoder's parameters and the width of what it hands on.
fn images(config: Fields<'_>) -> Read<(u128, u128)> {
    let kind = config.text(&["model_type"]).unwrap_or("");
    match kind {
        "vit" | "deit" => {
            let width = number(config, &["hidden_size"], 768)?;
            let outcome = networks::image_encoder(config, kind)?;
            Ok((outcome.parameters.into(), width))
        }
        "swin" => {
            let width = swin_width(config)?;
            Ok((convolutions::swin(config)?, width))
        }
        // Without the norm at its end.
        "donut-swin" => {
            let width = swin_width(config)?;
            Ok((convolutions::swin(config)?.saturating_sub(2 * width), width))
        }
        other => Err(format!("an image encoder of kind `{other}` in front of a decoder is not understood")),
    }
}

/// Swin doubles its width from stage to stage.
fn swin_width(config: Fields<'_>) -> Read<u128> {
    let stages = config.numbers(&["depths"])?.map_or(4, |list| list.len()).clamp(1, 16);
    Ok(number(config, &["embed_dim"], 96)? << (stages - 1))
}

/// BART's decoder and TrOCR's, which look at the image in each layer.
fn bart(config: Fields<'_>, kind: &str, width: u128, from: u128) -> Read<u128> {
    let layers = number(config, &["decoder_layers"], 12)?;
    let ffn = number(config, &["decoder_ffn_dim"], 4096)?;
    let vocab = number(config, &["vocab_size"], 50265)?;
    let own = 4 * (width * width + width);
    let cross = 2 * (width * width + width) + 2 * (from * width + width);
    let layer = own + cross + 2 * width * ffn + ffn + width + 6 * width;
    let learned = kind != "trocr" || config.flag(&["use_learned_position_embeddings"])?.unwrap_or(true);
    let rows = number(config, &["max_position_embeddings"], 1024)? + 2;
    let positions = if learned { rows * width } else { 0 };
    let behind = kind != "trocr" || config.flag(&["layernorm_embedding"])?.unwrap_or(true);
    let norms = if behind { 2 * width } else { 0 } + if kind == "mbart" { 2 * width } else { 0 };
    let tied = config.flag(&["tie_word_embeddings"])?.unwrap_or(true);
    Ok(vocab * width * if tied { 1 } else { 2 } + positions + norms + layers * layer)
}

/// GPT-2 with attention to the image in each layer.
fn gpt2(config: Fields<'_>, width: u128) -> Read<u128> {
    let layers = number(config, &["n_layer"], 12)?;
    let ffn = config.optional(&["n_inner"])?.map_or(4 * width, u128::from);
    let tables = (number(config, &["vocab_size"], 50257)? + number(config, &["n_positions"], 1024)?) * width;
    let attention = 4 * (width * width + width) + 2 * width;
    let layer = 2 * attention + 2 * width * ffn + ffn + width + 2 * width;
    Ok(tables + layers * layer + 2 * width)
}
