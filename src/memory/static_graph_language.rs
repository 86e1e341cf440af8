//! Language models on engines that plan their buffers for a chunk of the prompt: MLX, MLC, RKLLM, OpenVINO GenAI, ExecuTorch,
//! LiteRT, Genie, Hailo.
//!
//! A cache for the whole context, activations for one chunk of the prompt, and what the engine's entry says of its buffers
//! ([`Buffers`]). Published totals of processes (RKLLM, OpenVINO GenAI) and peaks of allocators (MLX) set the constants of the
//! catalog so that the sum is above nearly all of them.

use super::blocks::{HALF, cached_row, image_cache, kept, resident, widest};
use super::{Case, Footprint, PoolUse, vision};
use crate::domain::{Architecture, Buffers, Layer, Mixer};
use crate::units::{Bytes, MIB};

/// Bytes per logit: as computed and as sampled in single precision.
const LOGIT: u128 = 8;

/// What a language model takes on a compiled engine.
pub(super) fn footprint(case: &Case<'_>, architecture: &Architecture) -> Footprint {
    let (demand, buffers) = (&case.demand, &case.runtime.buffers);
    let streams = demand.streams.max(1);
    let context = demand.total().div_ceil(streams.into());
    let side_by_side = buffers.prompts_at_once.clamp(1, streams);
    let chunk = Chunk {
        tokens: u64::from(demand.batch).min(demand.total()).max(streams.into()),
        prompts: side_by_side,
        each: u64::from(demand.batch).min(context).max(1),
        context,
    };
    // Compiled caches have room for the whole context in every layer, windows or not, unless the engine cuts them.
    let windows = buffers.keeps_windows(&architecture.spec.family);
    let cache = kept(architecture, case.kv, streams, |window| chunk.held(window.filter(|_| windows)));
    let compute = chunk
        .rows(architecture, buffers)
        .saturating_add(chunk.growth(case, architecture))
        .saturating_add(chunk.scores(architecture, buffers).max(u128::from(buffers.in_flight_mib) * u128::from(MIB)));
    let vocabulary = u128::from(architecture.spec.vocab);
    let logits = u128::from(demand.output_rows().max(streams.into())).saturating_mul(vocabulary).saturating_mul(LOGIT);
    let chunk_logits =
        u128::from(chunk.tokens).saturating_mul(vocabulary).saturating_mul(buffers.chunk_logit_bytes.into());
    let accelerator = PoolUse {
        weights: resident(case),
        kv_cache: Bytes::saturating(cache.kv.saturating_add(image_cache(case))),
        state: Bytes::saturating(cache.state),
        compute: Bytes::saturating(compute),
        vision: Bytes::saturating(vision::others(case)),
        output: Bytes::saturating(logits.max(chunk_logits)),
        framework: Bytes::mib(case.runtime.framework_mib),
        ..PoolUse::default()
    };
    let host = PoolUse { framework: Bytes::mib(case.runtime.framework_host_mib), ..PoolUse::default() };
    Footprint::split(case.device, accelerator, host, "compiled graph, one chunk of the prompt")
}

/// The part of the prompts that is worked on at once.
#[derive(Clone, Copy)]
struct Chunk {
    /// Tokens of all prompts where they share the chunk.
    tokens: u64,
    /// Prompts that are worked on side by side, each with a chunk of its own.
    prompts: u32,
    /// Tokens of one prompt's chunk.
    each: u64,
    /// Tokens that a prompt and its answer come to.
    context: u64,
}

impl Chunk {
    /// Tokens that a layer holds: all, or its window and the chunk that moves it on. The last token of the chunk is the
    /// first of its own window (mlx-lm's `RotatingKVCache`: at most window + chunk - 1).
    fn held(self, window: Option<u32>) -> u64 {
        window.map_or(self.context, |w| self.context.min(u64::from(w).saturating_add(self.each).saturating_sub(1)))
    }

    /// The widest block, and the rows that the engine keeps beside it.
    fn rows(self, architecture: &Architecture, buffers: &Buffers) -> u128 {
        let further = u128::from(buffers.further_rows) * u128::from(architecture.spec.hidden);
        let tokens = u128::from(self.tokens).max(u128::from(self.each) * u128::from(self.prompts));
        (widest(architecture).saturating_add(further) * HALF).saturating_mul(tokens)
    }

    /// The caches that are there twice while they grow.
    fn growth(self, case: &Case<'_>, architecture: &Architecture) -> u128 {
        let buffers = &case.runtime.buffers;
        let windows = buffers.keeps_windows(&architecture.spec.family);
        let cached = |layer: &Layer| {
            let (row, window) = cached_row(layer, case.kv);
            row.saturating_mul(self.held(window.filter(|_| windows)).into())
        };
        let largest = architecture.layers.iter().map(cached).max().unwrap_or(0);
        largest.saturating_mul(buffers.growing_layers.into()).saturating_mul(self.prompts.into())
    }

    /// The scores of one layer over a chunk: heads x chunk x what the layer looks back on, 16 bits each.
    fn scores(self, architecture: &Architecture, buffers: &Buffers) -> u128 {
        let spec = &architecture.spec;
        let of = |layer: &Layer| {
            let (heads, key, value, window) = match layer.mixer {
                Mixer::Attention(a) | Mixer::Parallel(a, _) if !a.cross => {
                    (a.heads, a.head_dim, a.v_head_dim, a.window)
                }
                // Keys carry the positions beside the compressed vector that is the value.
                Mixer::Mla(m) => (spec.heads, m.kv_lora_rank.saturating_add(m.rope_dim), m.kv_lora_rank, None),
                _ => return 0,
            };
            let looked_at = self.held(window.filter(|_| buffers.keeps_windows(&spec.family)));
            u128::from(heads)
                .saturating_mul(self.each.into())
                .saturating_mul(looked_at.into())
                .saturating_mul(u128::from(buffers.scores(&spec.family, key, value)) * HALF)
        };
        let widest = architecture.layers.iter().map(of).max().unwrap_or(0);
        widest.saturating_mul(self.prompts.into())
    }
}
