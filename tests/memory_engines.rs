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
    assert_eq!(on("tensorrt-edge-llm").weights.0 - on("onnxruntime-cuda").weights.0, table);
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
    assert!(one.vision.0 >= tower);
    assert_eq!(text.vision.0, 0);
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

/// Sizes of the compute buffer of llama.cpp's image encoder that were logged: model, flash attention, MiB on the accelerator.
///
/// ROCm on an MI300X at the size that is reserved at start (github.com/gpustack/gguf-parser-go/issues/44, August 2026);
/// CUDA and the CPU likewise (server logs of Qwen3.6-27B, May 2026, and Qwen3.5-2B; `llama.cpp` issue 18181 for 372.08);
/// OpenCL on an Adreno 830 (Qwen3.5-0.8B); LLaVA 1.5 without flash attention (ollama issue 2706, February 2024).
const LOGGED: &[(&str, bool, f64)] = &[
    ("Qwen/Qwen2.5-VL-7B-Instruct", false, 4872.0),
    ("Qwen/Qwen2.5-VL-7B-Instruct", true, 705.0),
    ("Qwen/Qwen3-VL-2B-Instruct", false, 4728.0),
    ("Qwen/Qwen3-VL-2B-Instruct", true, 323.0),
    ("Qwen/Qwen3-VL-8B-Instruct", true, 372.08),
    ("Qwen/Qwen2-VL-2B-Instruct", false, 4598.0),
    ("Qwen/Qwen2-VL-2B-Instruct", true, 267.0),
    ("google/gemma-3-4b-it", false, 1132.0),
    ("google/gemma-3-4b-it", true, 121.0),
    ("Qwen/Qwen3.6-27B", true, 248.10),
    ("Qwen/Qwen3.5-2B", true, 223.30),
    ("Qwen/Qwen3.5-0.8B", true, 161.31),
    ("llava-hf/llava-1.5-7b-hf", false, 32.89),
];

#[test]
fn the_image_encoder_of_llama_cpp_takes_at_least_what_was_logged() {
    for &(name, flash, logged) in LOGGED {
        let mut model = Asked::new(name);
        let found = |model: &Asked, images| {
            let demand = Demand { images, ..demand(8192, 1) };
            let found = model.footprint("rtx-5090", "llama.cpp-cuda", "q4_k_m", flash, KvPair::F16, demand);
            found.main.vision.0 as f64 / f64::from(1 << 20)
        };
        assert!(found(&model, 0).abs() < f64::EPSILON, "{name} without images");
        assert!(found(&model, 1) >= logged, "{name}: {} of {logged} MiB", found(&model, 1));
        assert!((found(&model, 3) - found(&model, 1)).abs() < f64::EPSILON, "{name}: images are encoded one by one");
        // At the size that was logged: llama.cpp reserves for 46 x 46 tokens of four patches where images have any size.
        let edgemem::domain::Body::Language(body) = &mut model.model.body else { panic!("{name}") };
        let encoder = body.spec.vision.as_mut().and_then(|v| v.encoder.as_mut()).unwrap();
        encoder.patches = encoder.patches.min(4 * 46 * 46);
        let same = found(&model, 1);
        assert!(same >= logged && same < 2.0 * logged, "{name}, flash {flash}: {same} of {logged} MiB");
    }
}

#[test]
fn what_an_image_leaves_in_cross_attention_layers_is_counted() {
    let vision = Asked::new("meta-llama/Llama-3.2-11B-Vision-Instruct");
    let cache = |runtime, images, streams| {
        let demand = Demand { images, ..demand(4096, streams) };
        vision.footprint("rtx-5090", runtime, "bf16", true, KvPair::F16, demand).main.kv_cache.0
    };
    // 8 of 40 layers, 8 heads of 128 for keys and values, four tiles of 1601 positions
    let image = 8 * 2 * 8 * 128 * 4 * 1601;
    let text = 32 * 2 * 8 * 128 * 4096 * 2;
    assert_eq!(cache("pytorch-cuda", 2, 1), text + 2 * 2 * image);
    assert_eq!(cache("vllm", 1, 3), 3 * (text + 2 * image));
    // Ollama has room for one from the start, in single precision.
    assert_eq!(cache("ollama-cuda", 0, 1), text + 4 * image);
    assert_eq!(cache("ollama-cuda", 1, 1), text + 4 * image);
}

#[test]
fn engines_that_encode_all_images_at_once_have_room_for_the_largest() {
    let qwen = Asked::new("Qwen/Qwen2.5-VL-7B-Instruct");
    let vision = |runtime, images| {
        let demand = Demand { images, ..demand(32_768, 1) };
        qwen.footprint("rtx-5090", runtime, "bf16", true, KvPair::F16, demand).main.vision.0
    };
    // 16384 tokens of four patches, three gated rows of 3420 and three of 1280 beside the pixels, in 16 bits.
    let one = 65_536 * 2 * (3 * 3420 + 3 * 1280 + 3 * 14 * 14);
    assert_eq!(vision("vllm", 1), one);
    assert_eq!(vision("vllm", 0), one, "the server profiles with an image");
    assert_eq!(vision("pytorch-cuda", 2), 2 * one);
    assert_eq!(vision("mlx", 0), 0);
}

#[test]
fn edge_llm_has_room_for_the_images_that_its_engine_is_built_for() {
    // Published peaks with the tower less those without, in bytes (performance page of 2026-08-17, one stream): NVIDIA built
    // for 16384 tokens on the AGX Orin and for 2048 on the Orin NX.
    for (model, device, read) in [
        ("Qwen/Qwen3.5-0.8B", "jetson-agx-orin-devkit-64gb", 2.220e9),
        ("Qwen/Qwen3.5-2B", "jetson-agx-orin-devkit-64gb", 2.708e9),
        ("Qwen/Qwen3.5-0.8B", "jetson-orin-nx-16gb", 0.418e9),
        ("Qwen/Qwen3.5-2B", "jetson-orin-nx-16gb", 0.469e9),
    ] {
        let asked = Asked::new(model);
        let on = |images| {
            let demand = Demand { images, ..demand(2200, 1) };
            asked.footprint(device, "tensorrt-edge-llm", "int4-awq", true, KvPair::F16, demand).main.vision.0
        };
        let tower = 2 * asked.model.language().unwrap().spec.vision.unwrap().parameters;
        assert!((on(0) + tower) as f64 >= read, "{model} on {device}: {} and {tower} for {read}", on(0));
        assert_eq!(on(0), on(1), "{model} on {device}: an engine is built for an image in any case");
        assert!(on(16) > on(1), "{model} on {device}: sixteen images of up to 2048 tokens need a larger engine");
    }
}

#[test]
fn gptq_files_leave_the_attention_of_delta_nets_alone() {
    // Published as 24.4 GB with 1.6 GB of a block for further tokens (palmfuture/Qwen3.6-35B-A3B-GPTQ-Int4).
    let moe = Asked::new("Qwen/Qwen3.6-35B-A3B");
    let weights = |asked: &Asked, format| Weights::of(&asked.model, asked.catalog.format(format).unwrap()).unwrap();
    let total = weights(&moe, "int4-gptq").total.0 as f64;
    assert!((22.0e9..25.0e9).contains(&total), "{total}");
    assert!(total > 1.1 * weights(&moe, "int4-awq").total.0 as f64);
    // Where there is no recurrence, both formats hold the same matrices.
    let dense = Asked::new("Qwen/Qwen3-8B");
    let ratio = weights(&dense, "int4-gptq").total.0 as f64 / weights(&dense, "int4-awq").total.0 as f64;
    assert!((0.99..1.01).contains(&ratio), "{ratio}");
}
