//! Language models on engines that run a compiled graph: MLX, MLC, RKLLM, OpenVINO GenAI, ExecuTorch, LiteRT, Genie, Hailo.
//!
//! Their buffers are planned when the model is compiled: a cache for the whole context, activations for one chunk of the
//! prompt. Published totals of processes (RKLLM, OpenVINO GenAI, MLX) set the constants of the catalog so that the sum is
//! above nearly all of them.

use super::blocks::{HALF, image_cache, kept, resident, widest};
use super::{Case, Footprint, PoolUse, vision};
use crate::domain::Architecture;
use crate::units::Bytes;

/// Bytes per logit: as computed and as sampled in single precision.
const LOGIT: u128 = 8;

/// What a language model takes on a compiled engine.
pub(super) fn footprint(case: &Case<'_>, architecture: &Architecture) -> Footprint {
    let demand = &case.demand;
    let streams = demand.streams.max(1);
    let context = demand.total().div_ceil(streams.into());
    let chunk = u64::from(demand.batch).min(demand.total()).max(streams.into());
    // Compiled caches have room for the whole context in every layer, windows or not.
    let cache = kept(architecture, case.kv, streams, |_| context);
    let rows = (widest(architecture) * HALF).saturating_mul(chunk.into());
    let logits = u128::from(demand.output_rows().max(streams.into())) * u128::from(architecture.spec.vocab) * LOGIT;
    let accelerator = PoolUse {
        weights: resident(case),
        kv_cache: Bytes::saturating(cache.kv.saturating_add(image_cache(case))),
        state: Bytes::saturating(cache.state),
        compute: Bytes::saturating(rows),
        vision: Bytes::saturating(vision::others(case)),
        output: Bytes::saturating(logits),
        framework: Bytes::mib(case.runtime.framework_mib),
        ..PoolUse::default()
    };
    let host = PoolUse { framework: Bytes::mib(case.runtime.framework_host_mib), ..PoolUse::default() };
    Footprint::split(case.device, accelerator, host, "compiled graph, one chunk of the prompt")
}
