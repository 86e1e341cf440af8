//! llama.cpp and what is built on it: a graph computed in micro-batches, caches allocated for the whole context.
//!
//! Derived from llama.cpp's own source (August 2026) and checked byte by byte against buffers that llama.cpp v0.5.0
//! allocated (`tests/llama_cpp_memory.rs`): the caches from their cells, the compute buffer by playing ggml's graph
//! allocator through on the model's graph.

mod buffer;
mod build;
mod cache;
mod graph;
mod ollama;
mod plan;
mod profile;
mod size;
mod style;
mod variant;

pub(super) use profile::Profile;

use super::weights::LibraryBuild;
use super::{Case, Demand, Footprint, PoolUse, Settings, Unsupported, vision};
use crate::domain::{Backend, FormatKind, GgufMix, KvPair, KvType, MemoryKind, OutputRows};
use crate::units::Bytes;
use buffer::Room;
use cache::Cells;
use size::Call;
use variant::Variant;

/// Memory of a process that has loaded the libraries and its backend but no model: 6.5 MiB measured on Linux, and as much
/// again for the allocator's and the graph's bookkeeping (65 runs of llama.cpp v0.5.0).
const PROCESS: u64 = 13_650 * 1024;

/// Bytes per token of the vocabulary that the tokenizer keeps, and per merge (the same runs).
const PER_TOKEN: u64 = 186;
const PER_MERGE: u64 = 82;
/// Merges per token, in tenths: 2.2 is the most that a common tokenizer has (Llama 3); Gemma's has none.
const MERGES: u64 = 22;

/// Threads that the work buffer is counted for: the large cores of most edge devices.
const THREADS: u64 = 8;
/// Bytes of a line of a CPU's cache, which each thread has for itself.
const CACHE_LINE: u64 = 64;

/// Bytes of a logit.
const LOGIT: u64 = 4;
/// Bytes of a number in single precision.
const F32: u128 = 4;

/// Bytes per token and cell that servers of before June 2026 keep for attention masks to the end of the graph, beside the
/// logits: 651, 779 and 1035 MiB logged for 34,048, 66,816 and 132,352 tokens (build b9010, 512 tokens at once).
const OLDER_MASK: u64 = 8;

const RULE: &str = "micro-batched graph";

pub(super) fn footprint(case: &Case<'_>) -> Result<Footprint, Unsupported> {
    let framework = PoolUse { framework: Bytes::mib(case.runtime.framework_mib), ..PoolUse::default() };
    let host = PoolUse { framework: Bytes::mib(case.runtime.framework_host_mib), ..PoolUse::default() };
    let Some(profile) = case.weights.profile.as_deref() else {
        return Ok(network(case, framework, host));
    };
    let kv = ollama::cache(case);
    let case = &Case { kv, ..*case };
    let latent = profile.memory.latent;
    let profile = if latent && ollama::has_whole_heads(case) { profile.whole_heads() } else { profile };
    let memory = &profile.memory;
    if profile.style.pair {
        return Err(Unsupported::Configuration(
            "what llama.cpp takes for a model of an encoder and a decoder is not known",
        ));
    }
    if !case.flash_attention && case.kv.v.quantised() && !memory.latent {
        return Err(Unsupported::Configuration("a quantised value cache needs flash attention in llama.cpp"));
    }
    if ollama::runs(case) && case.kv.k != case.kv.v {
        return Err(Unsupported::Configuration("Ollama has one type for keys and values"));
    }
    if memory.latent && case.kv.k != case.kv.v {
        return Err(Unsupported::Configuration(
            "with latent attention llama.cpp has one cache: both types must be equal",
        ));
    }
    let settings = settings(case, profile);
    let every_token = case.runtime.outputs == OutputRows::Token;
    let outputs = case.demand.outputs.or(every_token.then_some(settings.micro_batch.into()));
    let demand = Demand { batch: settings.batch, micro_batch: settings.micro_batch, outputs, ..case.demand };
    let mut cells = Cells::of(&demand, memory.window);
    if profile.style.encoder {
        cells.full = cells.tokens;
        cells.window = cells.tokens;
    }
    let call = Call::new(
        cells.tokens,
        cells.outputs,
        case.demand.streams.max(1).into(),
        [cells.full, cells.window],
        cells.streams,
    );
    let variant = Variant::of(case.flash_attention, case.kv);
    let plan = profile.plan(variant);
    let graph = Bytes(profile.peak(variant, &call, Room::of(case.runtime.backend)));
    let copied = |kv| case.flash_attention && copied(kv, case.runtime.backend);
    let copies = Bytes::saturating(memory.copied_bytes(&cells, [copied(case.kv.k), copied(case.kv.v)]));
    let masks = if every_token && case.flash_attention && !profile.style.encoder {
        OLDER_MASK.saturating_mul(cells.tokens).saturating_mul(cells.full)
    } else {
        0
    };
    let compute = Bytes(graph.0.saturating_add(copies.0).saturating_add(masks));
    let output = if profile.style.encoder { profile.hidden() } else { profile.vocab() };
    let output = Bytes(cells.kept.saturating_mul(LOGIT).saturating_mul(output));
    let work = Bytes(plan.scratch(&call, converted_eighths(case)));
    let kv = KvPair { v: if memory.latent { case.kv.k } else { case.kv.v }, k: case.kv.k };
    // Ollama, which alone runs models that attend to images so, has room for one in single precision from the start.
    let seen = vision::attended(case, F32, case.demand.images.max(1)).saturating_mul(case.demand.streams.max(1).into());
    let kv_cache = Bytes::saturating(memory.cache_bytes(&cells, kv, case.flash_attention).saturating_add(seen));
    let encoding = vision::llama_cpp(case);
    let state = Bytes::saturating(memory.state_bytes(case.demand.streams.max(1)));
    let each = memory.checkpoint_bytes(&cells, kv).saturating_mul(case.demand.streams.max(1).into());
    let checkpoints = Bytes::saturating(each.saturating_mul(settings.checkpoints.into()));
    if kv_cache.0 == u64::MAX || compute.0 >= u64::MAX / 4 || checkpoints.0 >= u64::MAX / 4 {
        return Err(Unsupported::TooLarge);
    }
    let vocab = profile.vocab();
    let merges = if profile.style.merges { vocab.saturating_mul(MERGES) / 10 } else { 0 };
    let tables = Bytes(vocab.saturating_mul(PER_TOKEN) + merges * PER_MERGE);
    let process = Bytes(PROCESS.saturating_sub(framework.framework.0 + host.framework.0));
    let weights = resident(case, profile.style.encoder);
    let cpu = case.runtime.backend == Backend::Cpu;
    let accelerator =
        PoolUse { weights: weights.0, kv_cache, state, compute, work, vision: encoding.accelerator, ..framework };
    let own = host.framework + tables + process;
    let discrete = case.device.memory_kind == MemoryKind::Discrete && !cpu;
    let host = PoolUse {
        weights: weights.1,
        // The inputs of the graph are made in the host's memory before they are copied.
        compute: if discrete { Bytes(inputs(profile, &cells, case.flash_attention)) } else { Bytes::ZERO },
        output,
        vision: encoding.host,
        prompt_cache: settings.prompt_cache,
        checkpoints,
        framework: own,
        ..PoolUse::default()
    };
    Ok(Footprint { settings: Some(settings), ..Footprint::split(case.device, accelerator, host, RULE) })
}

/// Whether flash attention on a backend reads a cache of this type only through a copy in half precision, for which it
/// reserves room in the compute buffer: CUDA and HIP with every other type (`ggml_cuda_flash_attn_ext_get_alloc_size`,
/// llama.cpp's pull request 23907 of June 2026), Metal with quantised ones (27390 of August 2026). A cache in single
/// precision is cast in the graph. Vulkan, SYCL and the CPU read what is there.
fn copied(kv: KvType, backend: Backend) -> bool {
    match backend {
        Backend::Cuda | Backend::Rocm => !matches!(kv, KvType::F16 | KvType::F32),
        Backend::Metal => kv.quantised(),
        Backend::Cpu | Backend::Vulkan | Backend::Sycl | Backend::Opencl | Backend::Npu => false,
    }
}

/// What the server is told. A text encoder reads an input in one micro-batch, so that the longest input is the micro-batch;
/// an encoder keeps nothing of a prompt.
fn settings(case: &Case<'_>, profile: &Profile) -> Settings {
    let demand = &case.demand;
    if profile.style.encoder {
        let longest = u32::try_from(demand.context).unwrap_or(u32::MAX);
        let micro_batch = demand.micro_batch.max(longest);
        let batch = demand.batch.max(micro_batch);
        return Settings { batch, micro_batch, prompt_cache: Bytes::ZERO, checkpoints: 0 };
    }
    let fixed = !profile.memory.can_be_cut(demand.swa_full);
    Settings {
        batch: demand.batch,
        micro_batch: demand.micro_batch.min(demand.batch),
        prompt_cache: demand.prompt_cache,
        checkpoints: if fixed { demand.checkpoints } else { 0 },
    }
}

/// Weights in the accelerator's memory and in the host's: the input tables stay with the host, and an accelerator other
/// than the CPU gets a copy of the table that serves as output head too. Apple's GPU reads the mapped file.
fn resident(case: &Case<'_>, encoder: bool) -> (Bytes, Bytes) {
    let weights = case.weights;
    let ollama = ollama::runs(case);
    let tower = if case.demand.images == 0 && !ollama::loads_towers(case) { weights.vision } else { Bytes::ZERO };
    let library = if ollama { weights.library } else { LibraryBuild::default() };
    let total = weights.total.saturating_sub(tower) + library.more;
    if matches!(case.runtime.backend, Backend::Cpu | Backend::Metal) {
        return (total, Bytes::ZERO);
    }
    let tables = weights.input_embedding + library.tables;
    // A text encoder has no head that would share the table.
    let shared = weights.tied && !encoder;
    let head = weights.output_head + library.head;
    let copy = if shared { head } else { Bytes::ZERO };
    // Where there is one memory the mapped file holds the table for its look-ups, a row at a time, and the pages are given
    // up for whatever needs them: the copy alone counts. Ollama reads the file into memory on such devices instead
    // (`--load-mode dio`).
    let mapped = case.device.memory_kind == MemoryKind::Unified && !ollama;
    let host = if mapped { tables.saturating_sub(copy) } else { tables };
    (total.saturating_sub(tables) + copy, host)
}

/// Bytes of the graph's inputs: token embeddings, masks and indices.
fn inputs(profile: &Profile, cells: &Cells, flash: bool) -> u64 {
    let mask = if flash { 2 } else { 4 };
    let window = if profile.memory.window.is_some() { cells.window } else { 0 };
    let per_token = 2 * 4 * profile.hidden() + mask * cells.full.saturating_add(window) + 64;
    per_token.saturating_mul(cells.tokens)
}

/// Eighths of a byte that a number takes when a CPU converts it to the partner type of the weights: half precision, or
/// blocks of 8 bits with a scale (292 bytes for 256 numbers at most).
fn converted_eighths(case: &Case<'_>) -> u64 {
    match case.format.kind {
        FormatKind::Gguf(GgufMix::F32) => 0,
        FormatKind::Gguf(GgufMix::F16 | GgufMix::Bf16) | FormatKind::Uniform { .. } => 16,
        FormatKind::Gguf(_) => (292 * 8u64).div_ceil(256),
    }
}

/// A network (whisper.cpp and its kin): weights, the largest activations, one process.
fn network(case: &Case<'_>, accelerator: PoolUse, host: PoolUse) -> Footprint {
    let activations = case.model.network().and_then(|n| n.activations_m).unwrap_or(0.0);
    let compute = Bytes::saturating((activations.max(0.0) * 1e6 * 4.0) as u128);
    let process = Bytes(PROCESS.saturating_sub(accelerator.framework.0 + host.framework.0));
    let accelerator = PoolUse { weights: case.weights.total, compute, ..accelerator };
    Footprint::split(case.device, accelerator, PoolUse { framework: host.framework + process, ..host }, RULE)
}
