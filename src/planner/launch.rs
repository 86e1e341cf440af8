//! The command that would start a workload, where the runtime's flags are known.

use crate::candidates::Candidate;
use crate::domain::{Backend, KvType};
use crate::memory::Demand;
use crate::scenario::Workload;
use crate::units::Bytes;

/// The command for a candidate, or nothing when the runtime's flags are unknown. `share` is the part of the accelerator's
/// memory that the workload needs with its headroom, for engines that claim memory at start.
#[must_use]
pub fn command(candidate: &Candidate<'_>, workload: &Workload) -> Option<String> {
    let template = candidate.runtime.launch.as_deref()?;
    let format = candidate.format.id.as_str();
    let kv = |t: Option<KvType>| t.map_or("f16", KvType::id).to_owned();
    let footprint = candidate.footprint.as_ref()?;
    let capacity = candidate.device.pools.first().map_or(Bytes::ZERO, |p| p.capacity);
    // One more per cent than needed: engines round down.
    let share = (footprint.main.total().0 as f64 / capacity.0.max(1) as f64 * 100.0).ceil() + 1.0;
    // Of what the cache may take when everything else is in place.
    let cache = footprint.main.cache();
    let left = capacity.saturating_sub(footprint.main.total().saturating_sub(cache));
    let kv_share = (cache.0 as f64 / left.0.max(1) as f64 * 100.0).ceil() + 1.0;
    let total = workload.context.saturating_mul(u64::from(workload.streams));
    let values = [
        ("{model}", workload.model_name.clone()),
        ("{file}", file_name(&workload.model_name, format, &candidate.runtime.engine_id)),
        ("{batch}", Demand::default().batch.to_string()),
        ("{weights}", format.to_owned()),
        ("{context}", workload.context.to_string()),
        ("{streams}", workload.streams.to_string()),
        ("{total_context}", total.to_string()),
        ("{kv_k}", kv(candidate.kv.map(|p| p.k))),
        ("{kv_v}", kv(candidate.kv.map(|p| p.v))),
        // vLLM and SGLang name the model's own type "auto".
        ("{kv_dtype}", if candidate.kv.is_some_and(|p| p.k == KvType::Fp8) { "fp8" } else { "auto" }.to_owned()),
        ("{flash}", if candidate.flash_attention == Some(false) { "off" } else { "on" }.to_owned()),
        ("{micro_batch}", candidate.micro_batch.unwrap_or(512).to_string()),
        ("{kv_share}", format!("{:.2}", (kv_share / 100.0).min(0.99))),
        ("{memory_share}", format!("{:.2}", (share / 100.0).min(0.99))),
    ];
    let command = values.into_iter().fold(template.to_owned(), |text, (key, value)| text.replace(key, &value));
    // In a host with several cards the process is shown its own alone.
    let cuda = candidate.runtime.backend == Backend::Cuda && candidate.device.cards() > 1;
    Some(if cuda { format!("CUDA_VISIBLE_DEVICES={} {command}", candidate.card) } else { command })
}

/// The usual name of the file that holds the weights; a path stays as it is.
fn file_name(model: &str, format: &str, engine: &str) -> String {
    let is_file = std::path::Path::new(model).extension().is_some_and(|e| e.eq_ignore_ascii_case("gguf"));
    if is_file {
        return model.to_owned();
    }
    let name = model.rsplit('/').next().unwrap_or(model);
    if engine == "whisper.cpp" {
        // whisper.cpp's own converted files: ggml-small.bin, ggml-small-q5_1.bin.
        let size = name.strip_prefix("whisper-").unwrap_or(name);
        let suffix = if format == "f16" { String::new() } else { format!("-{format}") };
        return format!("ggml-{size}{suffix}.bin");
    }
    format!("{name}-{}.gguf", format.to_uppercase())
}
