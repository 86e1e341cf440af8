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
        let weights = Weights::of(&self.model, format).unwrap();
        let weights = weights.on(runtime);
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

/// Bytes of a number of GiB as logs print it, with two decimals.
fn gib(n: f64) -> f64 {
    n * 1024.0 * 1024.0 * 1024.0
}

#[test]
fn vllm_reports_tables_and_buffers_with_the_weights() {
    let weights = |model: &str, format, images| {
        let demand = Demand { images, ..demand(4096) };
        Asked::new(model).footprint("rtx-pro-6000-blackwell-ws", "vllm", format, KvPair::F16, demand).main.weights.0
    };
    // "Model loading took": https://github.com/vllm-project/vllm/issues/27706 and 10517, recipes pull request 810, the log of a
    // DGX Spark without the tower (27.64 GiB).
    for (model, format, images, logged) in [
        ("Qwen/Qwen3-VL-2B-Instruct", "bf16", 1, gib(4.457)),
        ("meta-llama/Llama-3.1-8B-Instruct", "bf16", 0, gib(14.99)),
        ("Qwen/Qwen3.6-27B", "fp8", 0, gib(28.56)),
        ("Qwen/Qwen3.6-27B", "nvfp4", 0, gib(24.04)),
        ("nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "nvfp4", 0, gib(18.21)),
        ("openai/gpt-oss-120b", "mxfp4", 0, gib(64.38)),
    ] {
        let share = weights(model, format, images) as f64 / logged;
        assert!((0.985..1.1).contains(&share), "{model} {format}: {share} of {logged}");
    }
    // TensorRT-LLM has neither, but holds the tied table twice.
    // Four times 262 144 positions x 128 and three rows of 2048 for the 16 384 tokens of the largest image, 16 bits each.
    let plain = Asked::new("Qwen/Qwen3-VL-2B-Instruct");
    let asked = |runtime| {
        plain.footprint("rtx-pro-6000-blackwell-ws", runtime, "bf16", KvPair::F16, demand(4096)).main.weights.0
    };
    assert_eq!(asked("vllm") + 151_936 * 2048 * 2 - asked("tensorrt-llm"), (256 + 192) * 1024 * 1024);
}

#[test]
fn a_format_is_held_as_its_engine_holds_it() {
    let oss = Asked::new("openai/gpt-oss-20b");
    let on = |device, runtime| oss.footprint(device, runtime, "mxfp4", KvPair::F16, demand(4096)).main.weights.0 as f64;
    // Published: 13.76 GB, experts in mxfp4, all else in bf16 (https://huggingface.co/openai/gpt-oss-20b).
    assert!((on("rtx-5090", "tensorrt-llm") / 13.76e9 - 1.0).abs() < 0.01);
    // vLLM pads 2880 to 3072.
    let padded = on("rtx-5090", "vllm") - on("rtx-5090", "tensorrt-llm");
    assert!((padded / (10.15e9 * (3072.0 / 2880.0 - 1.0)) - 1.0).abs() < 0.1, "{padded}");
    // MLX keeps attention and tables in groups of 8 bits.
    assert!(on("mac-studio-m3ultra-512gb", "mlx") < on("rtx-5090", "tensorrt-llm") - 1.5e9);
}

#[test]
fn published_files_leave_matrices_alone_and_converted_ones_do_not() {
    let moe = Asked::new("Qwen/Qwen3.6-35B-A3B");
    let on = |runtime, format| {
        moe.footprint("jetson-thor-t5000", runtime, format, KvPair::F16, demand(4096)).main.weights.0 as f64
    };
    // 23.14 GiB logged by vLLM for an AWQ file that keeps attention, shared experts and tower.
    assert!((0.975..1.1).contains(&(on("vllm", "int4-awq") / gib(23.14))), "{}", on("vllm", "int4-awq"));
    // TensorRT Edge-LLM quantises the model itself.
    let nvfp4 = Weights::of(&moe.model, moe.catalog.format("nvfp4").unwrap()).unwrap();
    assert!(on("vllm", "nvfp4") > nvfp4.total.0 as f64);
}

#[test]
fn attention_and_recurrences_share_a_size_of_pages_in_vllm() {
    let moe = Asked::new("Qwen/Qwen3.6-35B-A3B");
    let cache = |context| {
        let found = moe.footprint("rtx-pro-6000-blackwell-ws", "vllm", "bf16", KvPair::F16, demand(context)).main;
        (found.kv_cache + found.state).0
    };
    // A state of 32 x 128 x 128 x 4 bytes and 3 x 8192 inputs of 2 takes 1056 tokens of 2048 bytes; layers in groups.
    let page = 1056 * 2048;
    // Without the block that predicts further tokens 10 layers make a group: 0.141 and 2.5786 GiB were logged. With it, 11,
    // and two more pages of state in each group.
    assert_eq!(cache(4096), (4 + 3 * (1 + 2)) * 11 * page);
    assert_eq!(cache(131_072), (125 + 3 * (1 + 2)) * 11 * page);
    let dense = Asked::new("Qwen/Qwen3.6-27B");
    let found = dense.footprint("rtx-pro-6000-blackwell-ws", "vllm", "int4-awq", KvPair::F16, demand(65_536)).main;
    // Asked for by the engine: 4.76 GiB (https://github.com/syv-ai/qwen38-27b-rtx3090/issues/39).
    assert!((0.98..1.1).contains(&((found.kv_cache + found.state).0 as f64 / gib(4.76))));
    // Where there are no recurrences nothing changes.
    let llama = Asked::new("meta-llama/Llama-3.1-8B-Instruct");
    let found = llama.footprint("rtx-pro-6000-blackwell-ws", "vllm", "bf16", KvPair::F16, demand(4097)).main;
    assert_eq!(found.kv_cache.0, 4112 * 131_072);
}

fn edgemem(arguments: &[&str]) -> (bool, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_edgemem")).args(arguments).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn an_engine_that_cannot_be_built_on_its_device_is_told_and_still_fits() {
    // Three to four bytes for each of 8e9 parameters (https://github.com/NVIDIA/TensorRT-Edge-LLM/issues/30).
    let asked = Asked::new("meta-llama/Llama-3.1-8B-Instruct");
    let found = asked.footprint("jetson-orin-nx-16gb", "tensorrt-edge-llm", "int4-awq", KvPair::F16, demand(4096));
    let building = found.peaks.building.unwrap();
    assert!(building.main.0 >= 4 * asked.model.parameters);
    assert!(building.exceeds(&asked.catalog.device("jetson-orin-nx-16gb").unwrap().0.pools).is_some());
    let arguments = [
        "budget",
        "--model",
        "Llama-3.1-8B",
        "--device",
        "jetson-orin-nx-16gb",
        "--runtime",
        "tensorrt-edge-llm",
        "--weights",
        "int4-awq",
    ];
    let (done, text) = edgemem(&arguments);
    assert!(done && text.contains("building its engine on the device needs"), "{text}");
    let (_, json) = edgemem(&[&arguments[..], &["--format", "json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["fits"], true);
    assert_eq!(json["peaks"]["building"]["fits"], false);
    assert_eq!(json["peaks"]["building"]["pools"][0]["bytes"], building.main.0);
    // A larger module of like silicon builds it.
    let (_, json) = edgemem(&[
        "budget",
        "--model",
        "Llama-3.1-8B",
        "--device",
        "jetson-agx-orin-64gb",
        "--runtime",
        "tensorrt-edge-llm",
        "--weights",
        "int4-awq",
        "--format",
        "json",
    ]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["peaks"]["warnings"], serde_json::json!([]));
}

#[test]
fn what_cannot_be_loaded_does_not_fit() {
    // OpenVINO holds file and copy while it loads (https://github.com/openvinotoolkit/openvino.genai/issues/1636): a mixture of
    // 18 GB fills the 32 GB of a Lunar Lake (https://github.com/openvinotoolkit/openvino/issues/34187).
    let asked = Asked::new("Qwen/Qwen3-30B-A3B");
    let (device, _) = asked.catalog.device("lunar-lake-mini-32gb").unwrap();
    let found = asked.footprint(&device.id, "openvino-genai", "int4", KvPair::F16, demand(4096));
    let peak = found.peaks.loading.unwrap();
    assert!(peak.main.0 > 2 * found.main.weights.0 && peak.exceeds(&device.pools).is_some());
    let pool = &device.pools[0];
    assert!(pool.os + found.main.total() < pool.capacity, "its steady state would fit");
    // A dense model of 7B loads, and in 16 bits takes what was measured: 21.4 GB (issue 38065).
    let dense = Asked::new("meta-llama/Llama-2-7b-chat-hf");
    let found = dense.footprint(&device.id, "openvino-genai", "f16", KvPair::F16, demand(2048));
    assert!(covers(found.main.total().0, 21.4e9), "{}", found.main.total().0);
    assert!(found.peaks.loading.unwrap().exceeds(&device.pools).is_none());
}

#[test]
fn mapped_files_count_beside_the_copy_in_one_memory_only() {
    // https://github.com/safetensors/safetensors/issues/758
    let asked = Asked::new("meta-llama/Llama-3.3-70B-Instruct");
    let on = |device: &str| asked.footprint(device, "vllm", "fp8", KvPair::F16, demand(4096)).peaks.loading.unwrap();
    let (spark, card) = (on("nvidia-dgx-spark"), on("rtx-pro-6000-blackwell-ws"));
    assert!(spark.main.0 > 2 * spark.mapped.0 && spark.mapped.0 > 70_000_000_000);
    let (device, _) = asked.catalog.device("nvidia-dgx-spark").unwrap();
    assert!(spark.exceeds(&device.pools).is_some(), "twice 72 GB");
    assert!(device.pools[0].os + spark.held(device.pools[0].name) <= device.pools[0].capacity, "but it can be loaded");
    assert!(card.host.0 < 5_000_000_000 && card.mapped.0 == 0);
}
