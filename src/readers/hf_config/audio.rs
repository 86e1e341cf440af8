//! Audio towers of models that hear.

use super::Reading;
use super::json::{Fields, Read};

/// Adds the audio tower that the file describes to the language body.
pub(super) fn read(r: &mut Reading<'_>, outer: &str) -> Read<()> {
    let within = r.root.child(&["thinker_config"]).unwrap_or(r.root);
    if let ("granite_speech" | "granite_speech_plus", Some(config)) = (outer, within.child(&["encoder_config"])) {
        let tower = granite(within, config, r.hidden())?;
        r.other("audio tower", tower);
        return Ok(());
    }
    if let Some(config) = r.root.child(&["talker_config"]).filter(|_| outer == "qwen2_5_omni") {
        let talker = talker(config)?;
        r.other("talker", talker);
    }
    if outer == "qwen2_5_omni" && r.root.has(&["token2wav_config"]) {
        r.root.note("the synthesiser of speech is counted with the 449051264 parameters of the published sizes");
        r.other("speech synthesiser", 449_051_264);
    }
    let Some(config) = within.child(&["audio_config"]) else { return Ok(()) };
    let text = r.hidden();
    let parameters = match outer {
        "gemma4" => conformer(config, text)?,
        // Frames of the waveform are projected as they are.
        "gemma4_unified" => u128::from(config.optional(&["audio_embed_dim"])?.unwrap_or(640)) * text,
        // Counted with the tower for images.
        "gemma3n" | "phi4_multimodal" => return Ok(()),
        "qwen2_audio" => whisper_encoder(config, text)?,
        "qwen2_5_omni" | "qwen2_5_omni_thinker" => qwen2_5_omni(config, text)?,
        "qwen3_asr" | "qwen3_omni_moe" | "qwen3_omni_moe_thinker" => qwen3(config, text)?,
        "voxtral" => voxtral(config, text)?,
        "glmasr" => glm_asr(config, text)?,
        "voxtral_realtime" => voxtral_realtime(config, text)?,
        // Two matrices instead of one.
        "audioflamingo3" | "musicflamingo" => whisper_encoder(config, text)? + text * text + text,
        _ => {
            r.root.note("the audio tower is counted as a Whisper encoder");
            whisper_encoder(config, text)?
        }
    };
    r.other("audio tower", parameters);
    Ok(())
}

/// Voxtral: four frames side by side through two matrices.
fn voxtral(config: Fields<'_>, text: u128) -> Read<u128> {
    let hidden = u128::from(config.assume(&["hidden_size"], 1280)?);
    let wide = u128::from(config.assume(&["intermediate_size"], 5120)?);
    Ok(whisper_encoder(config, text)?.saturating_sub(hidden * text + text) + wide * text + text * text)
}

/// Granite Speech: a conformer with a head for letters, and a Q-Former that looks at windows of its frames.
fn granite(root: Fields<'_>, config: Fields<'_>, text: u128) -> Read<u128> {
    let number = |key: &str, usual: u32| -> Read<u128> { Ok(u128::from(config.optional(&[key])?.unwrap_or(usual))) };
    let hidden = number("hidden_dim", 1024)?;
    let wide = number("num_heads", 8)? * number("dim_head", 128)?;
    let ffn = hidden * number("feedforward_mult", 4)?;
    let inner = hidden * number("conv_expansion_factor", 2)?;
    let distances = 2 * number("max_pos_emb", 512)? + 1;
    let feed_forward = 2 * hidden + 2 * hidden * ffn + ffn + hidden;
    let attention = 2 * hidden + 4 * hidden * wide + hidden + distances * number("dim_head", 128)?;
    let convolution = 2 * hidden
        + hidden * 2 * inner
        + 2 * inner
        + number("conv_kernel_size", 15)? * inner
        + 2 * inner
        + inner * hidden
        + hidden;
    let letters = number("output_dim", 42)?;
    let ends = number("input_dim", 160)? * hidden + hidden + 2 * hidden * letters + letters + hidden;
    let layer = 2 * feed_forward + attention + convolution + 2 * hidden;
    let encoder = ends + number("num_layers", 10)? * layer;

    let former = root.child(&["projector_config"]).unwrap_or(root);
    let number = |key: &str, usual: u32| -> Read<u128> { Ok(u128::from(former.optional(&[key])?.unwrap_or(usual))) };
    let (d, ffn) = (number("hidden_size", 768)?, number("intermediate_size", 3072)?);
    let seen = number("encoder_hidden_size", 1408)?;
    let layers = number("num_hidden_layers", 12)?;
    let crossing = layers.div_ceil(number("cross_attention_frequency", 2)?.max(1));
    let own = 4 * (d * d + d) + 2 * d + 2 * d * ffn + ffn + d + 2 * d;
    let cross = 2 * (d * d + d) + 2 * (seen * d + d) + 2 * d;
    let window = u128::from(root.optional(&["window_size"])?.unwrap_or(15));
    let rate = u128::from(root.optional(&["downsample_rate"])?.unwrap_or(5)).max(1);
    let projector = window / rate * d + 2 * d + layers * own + crossing * cross + d * text + text;
    Ok(encoder + projector)
}

/// Voxtral Realtime: rotary positions, heads of their own width, gated feed-forwards, RMS norms.
fn voxtral_realtime(config: Fields<'_>, text: u128) -> Read<u128> {
    let hidden = u128::from(config.assume(&["hidden_size"], 1280)?);
    let layers = u128::from(config.assume(&["num_hidden_layers"], 32)?);
    let ffn = u128::from(config.assume(&["intermediate_size"], 5120)?);
    let heads = u128::from(config.assume(&["num_attention_heads"], 32)?);
    let wide = heads * u128::from(config.assume(&["head_dim"], 64)?);
    let mels = u128::from(config.assume(&["num_mel_bins"], 128)?);
    // Keys have no bias; of the feed-forward only the last matrix has one.
    let block = 4 * hidden * wide + 2 * wide + hidden + 3 * hidden * ffn + hidden + 2 * hidden;
    let front = 3 * mels * hidden + hidden + 3 * hidden * hidden + hidden;
    let projector = 4 * hidden * text + text * text;
    Ok(front + layers * block + hidden + projector)
}

/// GLM-ASR: Whisper's encoder with rotary positions, four frames side by side through two matrices.
fn glm_asr(config: Fields<'_>, text: u128) -> Read<u128> {
    let hidden = u128::from(config.assume(&["hidden_size"], 1280)?);
    let wide = u128::from(config.assume(&["intermediate_size"], 5120)?);
    let positions = u128::from(config.optional(&["max_source_positions"])?.unwrap_or(1500));
    let encoder = whisper_encoder(config, text)?.saturating_sub(positions * hidden + hidden * text + text);
    Ok(encoder + wide * 2 * text + 2 * text + 2 * text * text + text)
}

/// Qwen2.5-Omni: Whisper's encoder with computed positions, and two vectors around each recording.
fn qwen2_5_omni(config: Fields<'_>, text: u128) -> Read<u128> {
    let hidden = u128::from(config.assume(&["d_model", "hidden_size"], 1280)?);
    let positions = u128::from(config.assume(&["max_source_positions"], 1500)?);
    Ok(whisper_encoder(config, text)?.saturating_sub(positions * hidden) + 2 * text)
}

/// The body of Qwen2.5-Omni that writes what is to be said as codes: Qwen2's blocks, embeddings as wide as the thinker's.
fn talker(config: Fields<'_>) -> Read<u128> {
    let number = |key: &str, usual: u32| -> Read<u128> { Ok(u128::from(config.optional(&[key])?.unwrap_or(usual))) };
    let (hidden, from) = (number("hidden_size", 3584)?, number("embedding_size", 3584)?);
    let (vocab, ffn) = (number("vocab_size", 8448)?, number("intermediate_size", 18944)?);
    let width = number("head_dim", 128)?;
    let (heads, kv) = (number("num_attention_heads", 28)? * width, number("num_key_value_heads", 4)? * width);
    let layer = 2 * hidden * heads + heads + 2 * (hidden * kv + kv) + 3 * hidden * ffn + 2 * hidden;
    let ends = vocab * from + from * hidden + hidden + hidden + hidden * vocab;
    Ok(ends + number("num_hidden_layers", 28)? * layer)
}

/// Qwen3-ASR and Qwen3-Omni: three convolutions of stride two over the spectrum, then blocks with biases everywhere and two
/// matrices.
fn qwen3(config: Fields<'_>, text: u128) -> Read<u128> {
    let hidden = u128::from(config.assume(&["d_model"], 1280)?);
    let layers = u128::from(config.assume(&["encoder_layers", "num_hidden_layers"], 32)?);
    let ffn = u128::from(config.assume(&["encoder_ffn_dim"], 5120)?);
    let mels = u128::from(config.assume(&["num_mel_bins"], 128)?);
    let channels = u128::from(config.assume(&["downsample_hidden_size"], 480)?);
    let out = config.optional(&["output_dim"])?.map_or(text, u128::from);
    let front =
        9 * channels + channels + 2 * (9 * channels * channels + channels) + mels.div_ceil(8) * channels * hidden;
    let block = 4 * (hidden * hidden + hidden) + 2 * hidden * ffn + ffn + hidden + 4 * hidden;
    let projector = hidden * hidden + hidden + hidden * out + out;
    Ok(front + layers * block + 2 * hidden + projector)
}

fn whisper_encoder(config: Fields<'_>, text: u128) -> Read<u128> {
    let hidden = u128::from(config.assume(&["d_model", "hidden_size"], 1280)?);
    let layers = u128::from(config.assume(&["encoder_layers", "num_hidden_layers"], 32)?);
    let ffn = u128::from(config.assume(&["encoder_ffn_dim", "intermediate_size"], 5120)?);
    let mels = u128::from(config.assume(&["num_mel_bins"], 128)?);
    let positions = u128::from(config.assume(&["max_source_positions"], 1500)?);
    let block = 4 * hidden * hidden + 3 * hidden + 2 * hidden * ffn + ffn + hidden + 4 * hidden;
    let front = 3 * mels * hidden + hidden + 3 * hidden * hidden + hidden + positions * hidden;
    Ok(front + layers * block + 2 * hidden + hidden * text + text)
}

/// Gemma 4's conformer: two half-step feed-forwards, attention with relative keys, a light convolution.
fn conformer(config: Fields<'_>, text: u128) -> Read<u128> {
    let hidden = u128::from(config.assume(&["hidden_size"], 1024)?);
    let layers = u128::from(config.assume(&["num_hidden_layers"], 12)?);
    let heads = u128::from(config.assume(&["num_attention_heads"], 8)?).max(1);
    let kernel = u128::from(config.assume(&["conv_kernel_size"], 5)?);
    let out = u128::from(config.assume(&["output_proj_dims"], 1536)?);
    let channels = config.numbers(&["subsampling_conv_channels"])?.unwrap_or_else(|| vec![128, 32]);
    let (first, second) = match channels[..] {
        [first, second] => (u128::from(first), u128::from(second)),
        _ => return Err("`subsampling_conv_channels` needs two numbers".to_owned()),
    };
    let feed_forward = 8 * hidden * hidden + 2 * hidden;
    let attention = 5 * hidden * hidden + hidden / heads;
    let convolution = 3 * hidden * hidden + kernel * hidden + 2 * hidden;
    let layer = 2 * feed_forward + attention + convolution + 3 * hidden;
    let front = 9 * first + first + 9 * first * second + second + first / 4 * second * hidden;
    Ok(front + layers * layer + hidden * out + out + out * text)
}
