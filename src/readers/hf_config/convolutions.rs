//! Parameters of convolutional and windowed image networks, and of encoders of waveforms.

use super::json::{Fields, Read};

/// A classifier's last matrix, when the file's class is one: absent for the bare network.
fn classifier(root: Fields<'_>, width: u128) -> Read<u128> {
    let class = root.words(&["architectures"]).and_then(|c| c.first().copied()).unwrap_or("");
    if !class.ends_with("ForImageClassification") {
        return Ok(0);
    }
    let labels = super::encoders::labels_in(root)?;
    Ok(width * labels + labels)
}

/// Stages of so many blocks each, with the width of each.
fn stages(root: Fields<'_>, widths: &[&str]) -> Read<Vec<(u128, u128)>> {
    let depths = root.numbers(&["depths"])?.ok_or("`depths` is missing")?;
    let widths = root.numbers(widths)?.ok_or_else(|| format!("`{}` is missing", widths[0]))?;
    if depths.is_empty() || depths.len() != widths.len() {
        return Err("`depths` and the widths of the stages are not equally many".to_owned());
    }
    Ok(depths.into_iter().map(u128::from).zip(widths.into_iter().map(u128::from)).collect())
}

/// `ResNet` (arXiv 1512.03385): each convolution with a batch norm of two numbers per channel.
pub(super) fn resnet(root: Fields<'_>) -> Read<u128> {
    let stem = u128::from(root.optional(&["embedding_size"])?.unwrap_or(64));
    let channels = u128::from(root.optional(&["num_channels"])?.unwrap_or(3));
    let conv = |from: u128, to: u128, side: u128| from * to * side * side + 2 * to;
    let bottleneck = root.text(&["layer_type"]).unwrap_or("bottleneck") == "bottleneck";
    let mut sum = conv(channels, stem, 7);
    let mut from = stem;
    for (i, (depth, width)) in stages(root, &["hidden_sizes"])?.into_iter().enumerate() {
        for block in 0..depth {
            let inner = width / 4;
            sum += if bottleneck {
                conv(from, inner, 1) + conv(inner, inner, 3) + conv(inner, width, 1)
            } else {
                conv(from, width, 3) + conv(width, width, 3)
            };
            if block == 0 && (from != width || i > 0) {
                sum += conv(from, width, 1);
            }
            from = width;
        }
    }
    Ok(sum + classifier(root, from)?)
}

/// `ConvNeXt` (arXiv 2201.03545), and its second version with a response norm instead of a scale (arXiv 2301.00808).
pub(super) fn convnext(root: Fields<'_>, second: bool) -> Read<u128> {
    let patch = u128::from(root.optional(&["patch_size"])?.unwrap_or(4));
    let channels = u128::from(root.optional(&["num_channels"])?.unwrap_or(3));
    let mut sum = 0;
    let mut from = 0;
    for (i, (depth, width)) in stages(root, &["hidden_sizes"])?.into_iter().enumerate() {
        sum += if i == 0 {
            channels * patch * patch * width + width + 2 * width
        } else {
            2 * from + 4 * from * width + width
        };
        let scale = if second { 8 * width } else { width };
        sum += depth * (49 * width + width + 2 * width + 8 * width * width + 5 * width + scale);
        from = width;
    }
    Ok(sum + 2 * from + classifier(root, from)?)
}

/// Swin (arXiv 2103.14030): attention in windows with a table of relative positions, four patches merged between stages.
pub(super) fn swin(root: Fields<'_>) -> Read<u128> {
    let mut width = u128::from(root.need(&["embed_dim"])?);
    let patch = u128::from(root.optional(&["patch_size"])?.unwrap_or(4));
    let window = u128::from(root.optional(&["window_size"])?.unwrap_or(7)).max(1);
    let ratio = root.real(&["mlp_ratio"]).unwrap_or(4.0).clamp(0.0, 64.0);
    let depths = root.numbers(&["depths"])?.ok_or("`depths` is missing")?;
    let heads = root.numbers(&["num_heads"])?.ok_or("`num_heads` is missing")?;
    if depths.len() != heads.len() || depths.len() > 16 {
        return Err("`depths` and `num_heads` are not equally many".to_owned());
    }
    let side = 2 * window - 1;
    let mut sum = 3 * patch * patch * width + width + 2 * width;
    for (i, (&depth, &heads)) in depths.iter().zip(&heads).enumerate() {
        if i > 0 {
            sum += 8 * width * width + 8 * width;
            width *= 2;
        }
        let inner = (ratio * width as f64) as u128;
        let attention = 4 * (width * width + width) + side * side * u128::from(heads);
        sum += u128::from(depth) * (attention + 2 * width * inner + inner + width + 4 * width);
    }
    Ok(sum + 2 * width + classifier(root, width)?)
}

/// wav2vec 2.0 and HuBERT (arXiv 2006.11477, 2106.07447): convolutions over the waveform, then a transformer.
pub(super) fn waveform(root: Fields<'_>) -> Read<u128> {
    let hidden = u128::from(root.need(&["hidden_size"])?);
    let layers = u128::from(root.need(&["num_hidden_layers"])?);
    let ffn = u128::from(root.need(&["intermediate_size"])?);
    let widths = root.numbers(&["conv_dim"])?.unwrap_or_else(|| vec![512; 7]);
    let taps = root.numbers(&["conv_kernel"])?.unwrap_or_else(|| vec![10, 3, 3, 3, 3, 2, 2]);
    if widths.len() != taps.len() || widths.is_empty() {
        return Err("`conv_dim` and `conv_kernel` are not equally long".to_owned());
    }
    let bias = root.is(&["conv_bias"])?;
    let everywhere = root.text(&["feat_extract_norm"]) == Some("layer");
    let mut from = 1;
    let mut sum = 0;
    for (i, (&width, &taps)) in widths.iter().zip(&taps).enumerate() {
        let width = u128::from(width);
        sum += from * width * u128::from(taps) + if bias { width } else { 0 };
        sum += if everywhere || i == 0 { 2 * width } else { 0 };
        from = width;
    }
    let taps = u128::from(root.optional(&["num_conv_pos_embeddings"])?.unwrap_or(128));
    let groups = u128::from(root.optional(&["num_conv_pos_embedding_groups"])?.unwrap_or(16)).max(1);
    let projection = 2 * from + from * hidden + hidden;
    // The convolution that gives positions is stored as direction and length per tap.
    let positions = hidden * (hidden / groups) * taps + hidden + taps;
    let block = 4 * (hidden * hidden + hidden) + 2 * hidden * ffn + ffn + hidden + 4 * hidden;
    let class = root.words(&["architectures"]).and_then(|c| c.first().copied()).unwrap_or("");
    let head = if class.ends_with("ForCTC") {
        let vocab = u128::from(root.need(&["vocab_size"])?);
        hidden * vocab + vocab
    } else if class == "Wav2Vec2ForPreTraining" {
        quantiser(root, hidden, from)?
    } else {
        0
    };
    let relative = if root.text(&["model_type"]) == Some("wavlm") { gated_positions(root, hidden, layers)? } else { 0 };
    Ok(sum + projection + positions + relative + 2 * hidden + layers * block + hidden + head)
}

/// What wav2vec 2.0 is trained with: groups of code vectors, and projections of both sides to be compared.
fn quantiser(root: Fields<'_>, hidden: u128, from: u128) -> Read<u128> {
    let number = |key: &str, usual: u32| -> Read<u128> { Ok(u128::from(root.optional(&[key])?.unwrap_or(usual))) };
    let vectors = number("num_codevectors_per_group", 320)? * number("num_codevector_groups", 2)?;
    let (width, out) = (number("codevector_dim", 256)?, number("proj_codevector_dim", 256)?);
    let groups = number("num_codevector_groups", 2)?.max(1);
    Ok(vectors * (width / groups) + from * vectors + vectors + hidden * out + out + width * out + out)
}

/// WavLM: a table of relative positions, and gates on it in each layer (arXiv 2110.13900).
fn gated_positions(root: Fields<'_>, hidden: u128, layers: u128) -> Read<u128> {
    let heads = u128::from(root.need(&["num_attention_heads"])?).max(1);
    let buckets = u128::from(root.optional(&["num_buckets"])?.unwrap_or(320));
    Ok(buckets * heads + layers * (heads + 8 * (hidden / heads) + 8))
}

/// Parakeet: a Fast Conformer with a connectionist head (arXiv 2305.05084). Batch norms count with two numbers per channel.
pub(super) fn parakeet(root: Fields<'_>) -> Read<u128> {
    let config = root.child(&["encoder_config"]).unwrap_or(root);
    let number = |key: &str, usual: u32| -> Read<u128> { Ok(u128::from(config.optional(&[key])?.unwrap_or(usual))) };
    let switch = |key: &str| -> Read<u128> { Ok(u128::from(config.flag(&[key])?.unwrap_or(true))) };
    let hidden = number("hidden_size", 1024)?;
    let ffn = number("intermediate_size", 4096)?;
    let (channels, mels) = (number("subsampling_conv_channels", 256)?, number("num_mel_bins", 80)?);
    let factor = number("subsampling_factor", 8)?.max(2);
    let side = number("subsampling_conv_kernel_size", 3)?;
    let steps = u128::from(factor.ilog2());
    let (biased, folded) = (switch("attention_bias")?, switch("convolution_bias")?);
    let area = side * side;
    let front = area * channels
        + channels
        + steps.saturating_sub(1) * (area * channels + channels + channels * channels + channels)
        + channels * (mels / factor) * hidden
        + hidden;
    let feed_forward = 2 * hidden * ffn + biased * (ffn + hidden);
    let attention = 5 * hidden * hidden + 4 * biased * hidden + 2 * hidden;
    let taps = number("conv_kernel_size", 9)?;
    let convolution = 3 * hidden * hidden + taps * hidden + 2 * hidden + folded * 4 * hidden;
    let layer = 2 * feed_forward + attention + convolution + 10 * hidden;
    let class = root.words(&["architectures"]).and_then(|c| c.first().copied()).unwrap_or("");
    let head = if class.ends_with("ForCTC") {
        let vocab = u128::from(root.optional(&["vocab_size"])?.unwrap_or(1025));
        hidden * vocab + vocab
    } else {
        0
    };
    Ok(front + number("num_hidden_layers", 24)? * layer + head)
}
