//! Buffers of engines other than llama.cpp, held against what was measured or logged.

use edgemem::catalog::Catalog;
use edgemem::domain::{Format, KvPair, Model, Runtime};
use edgemem::memory::{self, Case, Demand, Footprint, PoolUse, Weights};

struct Asked {
    catalog: Catalog,
    model: Model,
}

impl Asked {
    fn new(model: &str) -> Self {
        let catalog = Catalog::shipped().unwrap();
        let model = catalog.model(model).unwrap();
        Self { catalog, model }
    }

    fn footprint(&self, device: &str, runtime: &str, format: &str, kv: KvPair, demand: Demand) -> Footprint {
        let (device, _) = self.catalog.device(device).unwrap();
        let runtime: &Runtime = self.catalog.runtime_by_id(runtime).unwrap();
        let format: &Format = self.catalog.format(format).unwrap();
        let weights = &Weights::of(&self.model, format).unwrap();
        let case = Case { device, runtime, model: &self.model, format, weights, kv, flash_attention: true, demand };
        memory::footprint(&case).unwrap()
    }

    fn on_mlx(&self, format: &str, context: u64) -> PoolUse {
        self.footprint("mac-studio-m3ultra-512gb", "mlx", format, KvPair::F16, demand(context)).main
    }
}

fn demand(context: u64) -> Demand {
    Demand { context, ..Demand::default() }
}

/// Whether an estimate is at least what was measured, but for half a percent of its last digit, and no more than a tenth above.
fn covers(estimate: u64, measured: f64) -> bool {
    (0.995..1.10).contains(&(estimate as f64 / measured))
}

#[test]
fn mlx_needs_what_its_allocator_peaked_at() {
    // Peaks of the prompt pass and 128 to 256 tokens, guruswami-ai/mlx-benchmarks, 2026-03, in GB; the context is the prompt.
    for (model, format, context, gb) in [
        ("meta-llama/Meta-Llama-3.1-8B-Instruct", "mlx-4bit", 1024, 5.4),
        ("meta-llama/Meta-Llama-3.1-8B-Instruct", "mlx-4bit", 131_072, 23.1),
        ("meta-llama/Meta-Llama-3.1-8B-Instruct", "mlx-8bit", 8192, 10.2),
        ("mistralai/Mistral-7B-Instruct-v0.3", "mlx-4bit", 4096, 5.415),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "mlx-8bit", 16_384, 52.6),
        ("Qwen/Qwen2.5-14B-Instruct", "mlx-4bit", 65_536, 22.149),
        ("Qwen/Qwen2.5-32B", "mlx-4bit", 131_072, 54.3),
        // Heads of 256 with capped scores: two copies of 16 heads x 2048 x context.
        ("google/gemma-2-9b-it", "mlx-4bit", 8192, 9.442),
        ("google/gemma-2-9b-it", "mlx-8bit", 1024, 10.836),
    ] {
        let estimate = Asked::new(model).on_mlx(format, context).own().0;
        assert!(covers(estimate, gb * 1e9), "{model} {format} {context}: {estimate} for {gb} GB");
    }
    // Heads of 256 in one layer of four; peaks of the whole program (https://github.com/ml-explore/mlx-lm/issues/1480).
    for (context, gb) in [(8208, 21.7), (65_552, 26.7), (163_856, 35.2)] {
        let estimate = Asked::new("Qwen/Qwen3.6-35B-A3B").on_mlx("mlx-4bit", context).total().0;
        assert!(covers(estimate, gb * 1e9), "{context}: {estimate} for {gb} GB");
    }
}

#[test]
fn mlx_builds_scores_only_for_heads_without_a_kernel() {
    let grows_by = |model: &str| {
        let asked = Asked::new(model);
        let at = |context| asked.footprint("mac-studio-m3ultra-512gb", "mlx", "mlx-4bit", KvPair::F16, demand(context));
        let (short, long) = (at(65_536), at(131_072));
        (long.main.compute.0 - short.main.compute.0) / 65_536
    };
    // 128 wide: two layers' keys and values, 8 heads x 128 x 2 x 2 bytes each.
    assert_eq!(grows_by("meta-llama/Meta-Llama-3.1-8B-Instruct"), 2 * 4096);
    // 256 wide: besides 16 heads x a chunk of 2048 x 2 bytes.
    assert_eq!(grows_by("Qwen/Qwen3.6-35B-A3B"), 16 * 2048 * 2 + 2 * 2048);
    // 512 wide in the layers that look back over everything; those with a window no longer grow.
    assert_eq!(grows_by("google/gemma-4-31B-it"), 32 * 2048 * 2 + 2 * 8192);
}

#[test]
fn mlx_keeps_only_the_window_of_sliding_layers_where_its_model_class_does() {
    let kv = |model: &str, context| {
        let asked = Asked::new(model);
        asked.footprint("mac-studio-m3ultra-512gb", "mlx", "mlx-4bit", KvPair::F16, demand(context)).main.kv_cache.0
    };
    // 10 layers of 16 heads x 128 look back over everything, 52 over 1024 tokens and the chunk that moves them on.
    let row = 16 * 128 * 2 * 2;
    assert_eq!(kv("google/gemma-3-27b-it", 32_768), row * (10 * 32_768 + 52 * (1024 + 2047)));
    // A short context is kept whole.
    assert_eq!(kv("google/gemma-3-27b-it", 512), row * 62 * 512);
    // Gemma 2 keeps everything (mlx_lm/models/gemma2.py makes no cache of its own).
    assert_eq!(kv("google/gemma-2-9b-it", 8192), 42 * 8 * 256 * 2 * 2 * 8192);
}

#[test]
fn mlc_keeps_the_logits_of_a_whole_chunk() {
    let activations = |model: &str, device, runtime| {
        let asked = Asked::new(model);
        asked.footprint(device, runtime, "q4f16_1", KvPair::F16, demand(4096)).main.activations().0
    };
    let mib = 1024.0 * 1024.0;
    // Temporary buffers: https://github.com/mlc-ai/mlc-llm/issues/2026 and pull request 3221.
    let llama = activations("meta-llama/Llama-2-7b-chat-hf", "orange-pi-5-plus-16gb", "mlc-llm-opencl");
    assert!((1.0..1.2).contains(&(llama as f64 / (462.01 * mib))), "{llama}");
    let qwen = activations("Qwen/Qwen3-1.7B", "rtx-3090", "mlc-llm-cuda");
    assert!((0.999..1.05).contains(&(qwen as f64 / (1331.0 * mib))), "{qwen}");
}

#[test]
fn streams_side_by_side_need_more_scores_but_never_more_than_eight_prompts() {
    let asked = Asked::new("Qwen/Qwen3.6-35B-A3B");
    let compute = |streams| {
        let demand = Demand { streams, ..demand(32_768) };
        asked.footprint("mac-studio-m3ultra-512gb", "mlx", "mlx-4bit", KvPair::F16, demand).main.compute.0
    };
    assert!(compute(2) > compute(1) && compute(8) > compute(4));
    assert_eq!(compute(8), compute(16));
}
