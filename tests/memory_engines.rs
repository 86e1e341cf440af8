//! Memory of the engines that are not llama.cpp: paged, eager, compiled.

use edgemem::catalog::Catalog;
use edgemem::domain::{Format, KvPair, KvType, Model, Runtime};
use edgemem::memory::{self, ActivationRule, Case, Demand, Footprint, Weights, activations_flash};

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

    fn footprint(
        &self,
        device: &str,
        runtime: &str,
        format: &str,
        flash: bool,
        kv: KvPair,
        demand: Demand,
    ) -> Footprint {
        let (device, _) = self.catalog.device(device).unwrap();
        let runtime: &Runtime = self.catalog.runtime_by_id(runtime).unwrap();
        let format: &Format = self.catalog.format(format).unwrap();
        let weights = &Weights::of(&self.model, format).unwrap();
        let case = Case { device, runtime, model: &self.model, format, weights, kv, flash_attention: flash, demand };
        memory::footprint(&case).unwrap()
    }
}

fn demand(context: u64, streams: u32) -> Demand {
    Demand { context, streams, ..Demand::default() }
}

#[test]
fn a_paged_cache_is_rounded_to_blocks_in_every_sequence() {
    let llama = Asked::new("Llama-3-8B");
    // 32 layers x 8 heads x 128 wide x keys and values x 2 bytes
    let token = 131_072;
    for (runtime, context, streams, tokens) in
        [("vllm", 4096, 1, 4096), ("vllm", 4097, 4, 4 * 4112), ("tensorrt-llm", 4097, 4, 4 * 4128)]
    {
        let found = llama.footprint("rtx-5090", runtime, "bf16", true, KvPair::F16, demand(context, streams));
        assert_eq!(found.main.kv_cache.0, tokens * token, "{runtime} {context} x {streams}");
    }
    let fp8 = KvPair { k: KvType::Fp8, v: KvType::Fp8 };
    let half = llama.footprint("rtx-5090", "vllm", "bf16", true, fp8, demand(4096, 1));
    assert_eq!(half.main.kv_cache.0, 4096 * token / 2);
}

#[test]
fn a_window_keeps_its_tokens_and_those_of_the_chunk_at_work() {
    let gemma = Asked::new("google/gemma-3-4b-it");
    let long = gemma.footprint("rtx-5090", "vllm", "bf16", true, KvPair::F16, demand(32_768, 1));
    // 29 of 34 layers look back over 1024 tokens and work on 2048 at once; a token takes 4 heads x 256 x 2 x 2 bytes.
    assert_eq!(long.main.kv_cache.0, 4096 * (5 * 32_768 + 29 * (1024 + 2048)));
}

#[test]
fn eager_attention_without_flash_holds_the_scores_of_the_whole_prompt() {
    let llama = Asked::new("Llama-3-8B");
    let with = |flash| llama.footprint("rtx-5090", "pytorch-cuda", "f16", flash, KvPair::F16, demand(4096, 1)).main;
    let textbook = activations_flash(ActivationRule::FullScores, 1, 32, 4096, 4096).0;
    assert_eq!(textbook, 1_073_741_824);
    // The textbook counts the scores alone, the engine holds their softmax in single precision beside them.
    assert_eq!(with(false).compute.0 - with(true).compute.0, 3 * textbook);
    assert_eq!(with(false).kv_cache.0, 536_870_912);
}

#[test]
fn what_an_engine_holds_twice_counts_twice() {
    let small = Asked::new("Qwen/Qwen3-0.6B");
    let on =
        |runtime| small.footprint("jetson-orin-nx-16gb", runtime, "int4-awq", true, KvPair::F16, demand(128, 1)).main;
    let table = 151_936 * 1024 * 2;
    assert_eq!(on("tensorrt-edge-llm").weights.0 - on("vllm").weights.0, table);
    let untied = Asked::new("THUDM/chatglm3-6b");
    let orange =
        |runtime| untied.footprint("orange-pi-5-plus-16gb", runtime, "w8a8", true, KvPair::F16, demand(128, 1)).main;
    // The input table stays in the file and the head is stored in 8 bits and a scale per row instead of 16.
    let table: u64 = 65_024 * 4096;
    let head = (table as f64 * 8.016 / 8.0).ceil() as u64;
    assert_eq!(orange("executorch-qnn").weights.0 - orange("rkllm").weights.0, 2 * table + (2 * table - head));
}

#[test]
fn towers_that_are_files_of_their_own_count_only_with_images() {
    let model = Asked::new("Qwen/Qwen3-VL-2B-Instruct");
    let with = |runtime, images| {
        let demand = Demand { images, ..demand(1024, 1) };
        model.footprint("orange-pi-5-plus-16gb", runtime, "w8a8", true, KvPair::F16, demand).main
    };
    let (text, one, two) = (with("rkllm", 0), with("rkllm", 1), with("rkllm", 2));
    let tower = 2 * model.model.language().unwrap().spec.vision.unwrap().parameters;
    assert_eq!(one.weights.0 - text.weights.0, tower);
    assert_eq!(one.compute.0 - text.compute.0, tower);
    assert_eq!(two.weights, one.weights);
    // An engine that always loads the tower has room for an image as well.
    assert_eq!(with("executorch-qnn", 0), with("executorch-qnn", 1));
}

#[test]
fn blocks_for_further_tokens_are_loaded_but_not_read() {
    let model = Asked::new("Qwen/Qwen3.5-4B");
    let weights = Weights::of(&model.model, model.catalog.format("w8a8").unwrap()).unwrap();
    let parts = &model.model.language().unwrap().spec.other_parameters;
    let further = parts["multi-token prediction"];
    assert_eq!(weights.idle.0, (further as f64 * 8.016 / 8.0).ceil() as u64);
    let read = weights.read_always(Default::default());
    assert!(read + weights.idle + weights.vision <= weights.total);
}

#[test]
fn mlc_packages_are_as_large_as_published() {
    // mlc-ai's Llama-2 7B in q4f16_1: 3615 MiB of parameters (https://github.com/mlc-ai/mlc-llm/issues/2026).
    let llama = Asked::new("meta-llama/Llama-2-7b-hf");
    let bytes = |format| Weights::of(&llama.model, llama.catalog.format(format).unwrap()).unwrap().total.0 as f64;
    assert!((bytes("q4f16_1") / (3615.0 * 1024.0 * 1024.0) - 1.0).abs() < 0.005);
    // One scale per row instead of one per 32 weights, but for embeddings and head.
    assert!(bytes("q4f16_ft") < 0.92 * bytes("q4f16_1"));
}

#[test]
fn an_engine_on_the_cpu_leaves_the_accelerators_memory_alone() {
    let llama = Asked::new("meta-llama/Llama-3.2-1B-Instruct");
    let board = "raspberry-pi-5-8gb-ai-hat2";
    let cpu = llama.footprint(board, "llama.cpp-cpu", "q4_k_m", true, KvPair::F16, demand(2048, 1));
    assert_eq!(cpu.main.total().0, 0);
    assert!(cpu.host.total() > cpu.host.weights && cpu.host.weights.0 > 0);
    let npu = llama.footprint(
        board,
        "hailo-genai",
        "int4",
        true,
        KvPair { k: KvType::Int8, v: KvType::Int8 },
        demand(2048, 1),
    );
    assert!(npu.main.weights.0 > 0 && npu.host.weights.0 == 0);
}

#[test]
fn more_context_and_more_streams_never_need_less() {
    for name in [
        "Llama-3-8B",
        "google/gemma-3-4b-it",
        "openai/gpt-oss-20b",
        "Qwen/Qwen3.5-4B",
        "ibm-granite/granite-4.0-h-tiny",
    ] {
        let model = Asked::new(name);
        for (device, runtime, format) in [
            ("jetson-agx-thor-devkit", "vllm", "bf16"),
            ("jetson-agx-thor-devkit", "tensorrt-edge-llm", "int4-awq"),
            ("jetson-agx-thor-devkit", "pytorch-cuda", "bf16"),
            ("mac-studio-m4max-64gb", "mlx", "mlx-4bit"),
        ] {
            for flash in [true, false] {
                let total = |context, streams| {
                    model.footprint(device, runtime, format, flash, KvPair::F16, demand(context, streams)).main.total()
                };
                let mut last = total(1, 1);
                for context in [2, 15, 16, 17, 511, 512, 2047, 2048, 2049, 8192, 131_072] {
                    let now = total(context, 1);
                    assert!(now >= last, "{name} on {runtime}: {context} tokens need less than fewer");
                    let mut fewer = now;
                    for streams in [2, 3, 4, 7, 8, 64] {
                        let more = total(context, streams);
                        assert!(more >= fewer, "{name} on {runtime}: {streams} streams need less than fewer");
                        fewer = more;
                    }
                    last = now;
                }
            }
        }
    }
}
