//! Engines that run a compiled graph with planned buffers.
//!
//! Networks (vision, speech): weights as stored, one arena in which the outputs of layers take each other's place, a speech
//! recogniser's caches, and the engine's own process. The arena's size is the upper edge of published peaks; `docs/model.md`
//! has the figures.

use super::{Case, Footprint, PoolUse, Unsupported};
use crate::domain::{Network, Precision, Speech};

use crate::units::Bytes;

/// Elements that even a small network's arena takes, in millions.
const ARENA_BASE_M: f64 = 10.0;
/// Share of all layer outputs that are alive at once beyond that. ExecuTorch's published peaks of YOLO26 n to x and
/// EfficientNetV2-S (less the weights) lie at 60 to 90 % of base and share together.
const ARENA_SHARE: f64 = 0.2;
/// Layer outputs per operation where nobody counted them: the most wasteful kind of network in the catalog.
const OUTPUTS_PER_OPERATION: f64 = 0.0085;

/// Token caches that whisper.cpp keeps for its beams.
const WHISPER_CACHES: u128 = 3;
/// What whisper.cpp takes beside caches and encoder (mel, logits, decoder's graph): with it and the process the sum is above
/// every total in its documentation (tiny 273 MB to large 3.9 GB) by at most a quarter.
const WHISPER_WORK: Bytes = Bytes::mib(64);

pub(super) fn footprint(case: &Case<'_>) -> Result<Footprint, Unsupported> {
    if let Some(architecture) = case.model.language() {
        return Ok(super::static_graph_language::footprint(case, architecture));
    }
    let Some(network) = case.model.network() else {
        return Err(Unsupported::Task { runtime: case.runtime.id.clone(), task: case.model.task.id() });
    };
    let streams = u128::from(case.demand.streams.max(1));
    let own = match &network.speech {
        Some(speech) => speech_use(case, speech, streams),
        None => PoolUse { compute: arena(case, network, streams)?, ..PoolUse::default() },
    };
    let accelerator = PoolUse { weights: case.weights.total, framework: Bytes::mib(case.runtime.framework_mib), ..own };
    let host = PoolUse { framework: Bytes::mib(case.runtime.framework_host_mib), ..PoolUse::default() };
    Ok(Footprint::split(case.device, accelerator, host, "planned arena"))
}

/// Layer outputs that are alive at once, one arena per stream.
fn arena(case: &Case<'_>, network: &Network, streams: u128) -> Result<Bytes, Unsupported> {
    let outputs = layer_outputs(network)?;
    let alive = outputs.min(ARENA_BASE_M + ARENA_SHARE * outputs);
    let input = network.input.map_or(0.0, |[w, h, c]| f64::from(w) * f64::from(h) * f64::from(c));
    let bytes = ((alive * 1e6 + input) * Precision::of_format(&case.format.id).activation_bytes()).ceil();
    if bytes > 1e15 {
        return Err(Unsupported::TooLarge);
    }
    Ok(Bytes::saturating(u128::from(bytes as u64) * streams))
}

/// Elements of all layer outputs, in millions.
pub(super) fn layer_outputs(network: &Network) -> Result<f64, Unsupported> {
    network
        .activations_m
        .or_else(|| network.giga_ops.map(|g| g * 1e3 * OUTPUTS_PER_OPERATION))
        .filter(|m| m.is_finite() && *m >= 0.0)
        .ok_or(Unsupported::Unknown("the size of the network's layer outputs"))
}

/// Caches and encoder of a speech recogniser for one 30 s window per stream.
pub(super) fn speech_use(case: &Case<'_>, speech: &Speech, streams: u128) -> PoolUse {
    let whisper_cpp = case.runtime.engine_id == "whisper.cpp";
    let [layers, hidden, frames, tokens, heads, ffn] =
        [speech.decoder_layers, speech.hidden, speech.audio_context, speech.text_context, speech.heads, speech.ffn]
            .map(u128::from);
    // whisper.cpp computes in single precision and caches in half; the others do both in the graph's precision.
    let single = Precision::of_format(&case.format.id) == Precision::Single;
    let (computed, cached, caches) = match (whisper_cpp, single) {
        (true, _) => (4, 2, WHISPER_CACHES),
        (false, true) => (4, 4, 1),
        (false, false) => (2, 2, 1),
    };
    let scores = if case.flash_attention { 0 } else { heads.saturating_mul(frames) };
    let encoder = frames.saturating_mul(scores + 5 * hidden + ffn).saturating_mul(computed);
    let row = 2 * layers * hidden * cached;
    let cache = row.saturating_mul(frames + caches * tokens);
    PoolUse {
        kv_cache: Bytes::saturating(cache.saturating_mul(streams)),
        compute: Bytes::saturating(encoder.saturating_mul(streams)),
        output: Bytes::saturating(u128::from(speech.vocab) * 4 * streams),
        work: if whisper_cpp { WHISPER_WORK } else { Bytes::ZERO },
        ..PoolUse::default()
    }
}
