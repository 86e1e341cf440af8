//! vLLM, SGLang, TensorRT-LLM, TensorRT Edge-LLM: a cache in blocks that is allocated in advance, prompts in chunks.
//!
//! These servers claim a share of the memory at start, whatever the model needs (`gpu_memory_utilization`,
//! `kv_cache_free_gpu_memory_fraction`). What is worked out here is what the workload needs; the launch command sets the
//! share to that.

use super::blocks::{HALF, image_cache, kept, resident, widest};
use super::pages::shared;
use super::rotary::tables;
use super::{Case, Footprint, PoolUse, Unsupported, vision};
use crate::domain::Runtime;
use crate::units::{Bytes, MIB};

const RULE: &str = "chunked prompt";

/// Bytes per entry of the logits while the next tokens are drawn: the logits in single precision, sorted once more, with
/// 64-bit positions.
const SAMPLER: u128 = 16;

/// Recorded CUDA graphs, in bytes per layer and graph: 2464 MiB for 60 layers and 35 batch sizes were published (vLLM issue
/// 7553); newer versions take less.
const GRAPH: u128 = 12 * MIB as u128 / 10;

pub(super) fn footprint(case: &Case<'_>) -> Result<Footprint, Unsupported> {
    let Some(architecture) = case.model.language() else {
        return Err(Unsupported::Task { runtime: case.runtime.id.clone(), task: case.model.task.id() });
    };
    let demand = &case.demand;
    let streams = demand.streams.max(1);
    let context = demand.total().div_ceil(streams.into());
    // Never more tokens at once than the chunk, never fewer than one per sequence.
    let chunk = u64::from(demand.batch).min(demand.total()).max(streams.into());
    let block = block_tokens(case.runtime);
    let blocks_of = |window: Option<u32>| {
        // A window has moved on only when its chunk is done.
        let tokens = window.map_or(context, |w| context.min(u64::from(w).saturating_add(chunk)));
        tokens.div_ceil(block).saturating_mul(block)
    };
    let shared = if case.runtime.buffers.shared_pages { shared(case, architecture, streams, context) } else { None };
    let cache = shared.unwrap_or_else(|| kept(architecture, case.kv, streams, blocks_of));
    let vocabulary = u128::from(architecture.spec.vocab);
    let rows = u128::from(demand.output_rows().max(streams.into()));
    // An eighth on top: the allocator hands out whole blocks of up to 20 MiB.
    let blocks = (widest(architecture) * HALF).saturating_mul(chunk.into()).saturating_mul(9) / 8;
    let graphs = GRAPH * architecture.layers.len() as u128 * batch_sizes(streams);
    let accelerator = PoolUse {
        weights: resident(case) + tables(case, architecture),
        kv_cache: Bytes::saturating(cache.kv.saturating_add(image_cache(case))),
        state: Bytes::saturating(cache.state),
        compute: Bytes::saturating(blocks.saturating_add(graphs)),
        vision: Bytes::saturating(vision::others(case)),
        output: Bytes::saturating(rows.saturating_mul(vocabulary).saturating_mul(SAMPLER)),
        framework: Bytes::mib(case.runtime.framework_mib),
        ..PoolUse::default()
    };
    let host = PoolUse { framework: Bytes::mib(case.runtime.framework_host_mib), ..PoolUse::default() };
    Ok(Footprint::split(case.device, accelerator, host, RULE))
}

/// Tokens of one block of the cache: 16 in vLLM, 32 in TensorRT-LLM.
fn block_tokens(runtime: &Runtime) -> u64 {
    if runtime.engine_id.starts_with("tensorrt") { 32 } else { 16 }
}

/// How many batch sizes are recorded as graphs: 1, 2, 4 and every multiple of 8 up to the number of sequences.
fn batch_sizes(streams: u32) -> u128 {
    match streams {
        0 | 1 => 1,
        2..4 => 2,
        _ => u128::from(3 + streams / 8).min(35),
    }
}
