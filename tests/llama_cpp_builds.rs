//! What llama.cpp's backends, its server and Ollama take beyond the engine's own graph and caches, against published logs
//! and the engines' own sources.

use std::sync::Arc;

use edgemem::catalog::Catalog;
use edgemem::domain::{KvPair, KvType, Model, OutputRows, Runtime};
use edgemem::memory::{self, Case, Demand, Footprint, Weights};
use edgemem::scenario::{Document, resolve};

const MIB: f64 = 1_048_576.0;
const Q8: KvPair = KvPair { k: KvType::Q8_0, v: KvType::Q8_0 };

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

    fn on(&self, device: &str, runtime: &str, format: &str, flash: bool, kv: KvPair, demand: Demand) -> Footprint {
        let runtime = self.catalog.runtime_by_id(runtime).unwrap();
        self.with(runtime, device, format, flash, kv, demand)
    }

    fn with(
        &self,
        runtime: &Runtime,
        device: &str,
        format: &str,
        flash: bool,
        kv: KvPair,
        demand: Demand,
    ) -> Footprint {
        let (device, _) = self.catalog.device(device).unwrap();
        let format = self.catalog.format(format).unwrap();
        let weights = &Weights::of(&self.model, format).unwrap();
        let case = Case { device, runtime, model: &self.model, format, weights, kv, flash_attention: flash, demand };
        memory::footprint(&case).unwrap()
    }
}

fn demand(context: u64, streams: u32) -> Demand {
    Demand { context, streams, prompt: context / 2, ..Demand::default() }
}

/// `found` lies between so many parts of what was published.
#[track_caller]
fn near(found: f64, published: f64, low: f64, high: f64) {
    assert!((low * published..=high * published).contains(&found), "{found:.1} for {published:.1}");
}

#[test]
fn cuda_and_hip_copy_a_cache_that_is_not_in_half_precision() {
    // https://github.com/unslothai/unsloth/pull/6718: 1331.2 MiB with q8_0, 317.4 MiB with f16.
    let qwen = Asked::new("Qwen/Qwen3.5-4B");
    let compute =
        |kv| qwen.on("rtx-4090", "llama.cpp-cuda", "q4_k_m", true, kv, demand(262_144, 1)).main.compute.0 as f64;
    near(compute(Q8) / MIB, 1331.2, 0.97, 1.05);
    near(compute(KvPair::F16) / MIB, 317.4, 0.97, 1.05);
    // llama.cpp pull request 23907: cells x (keys + values of one layer) x 2 bytes, here 131,072 x 2 x 1024 x 2.
    let llama = Asked::new("meta-llama/Llama-3.1-8B-Instruct");
    let bf16 = KvPair { k: KvType::Bf16, v: KvType::Bf16 };
    let more = |device, runtime, kv| {
        let compute = |kv| llama.on(device, runtime, "q4_k_m", true, kv, demand(131_072, 1)).main.compute.0;
        compute(kv).abs_diff(compute(KvPair::F16)) as f64
    };
    for (device, runtime) in [("rtx-4090", "llama.cpp-cuda"), ("radeon-rx-7900-xtx", "llama.cpp-rocm")] {
        near(more(device, runtime, bf16), 536_870_912.0, 1.0, 1.0);
        // The graph of a quantised cache differs by the rotation of its rows.
        near(more(device, runtime, Q8), 536_870_912.0, 0.98, 1.02);
    }
    assert!(more("radeon-rx-7900-xtx", "llama.cpp-vulkan", Q8) < 16.0 * MIB, "Vulkan reads what is there");
    // Latent attention: values are a view of the keys. 32,768 x 576 x 2 bytes.
    let deepseek = Asked::new("deepseek-ai/DeepSeek-V2-Lite");
    let compute = |kv| deepseek.on("rtx-4090", "llama.cpp-cuda", "q4_0", true, kv, demand(32_768, 1)).main.compute.0;
    near(compute(Q8).abs_diff(compute(KvPair::F16)) as f64, 37_748_736.0, 0.98, 1.02);
}

#[test]
fn vulkan_opens_a_block_for_what_does_not_fit() {
    // Dry runs of llama.cpp v0.5.0 with its Vulkan backend: scores of 2 GiB are there twice.
    let llama = Asked::new("Llama-3-8B");
    let vulkan = |d| llama.on("rtx-pro-6000-blackwell-ws", "llama.cpp-vulkan", "q4_k_m", false, KvPair::F16, d);
    let cuda = |d| llama.on("rtx-pro-6000-blackwell-ws", "llama.cpp-cuda", "q4_k_m", false, KvPair::F16, d);
    let runs = llama.catalog.device("rtx-pro-6000-blackwell-ws").unwrap().0.runtimes.join(" ");
    assert!(runs.contains("llama.cpp-cuda"), "{runs}");
    near(vulkan(demand(32_768, 1)).main.compute.0 as f64, 4_395_636_752.0, 1.0, 1.01);
    near(cuda(demand(32_768, 1)).main.compute.0 as f64, 2_260_738_080.0, 0.99, 1.01);
    // Below 1 GiB there is one block: 574,625,808 bytes for 8192 tokens in the same runs.
    let shared = Demand { kv_unified: true, ..demand(4096, 2) };
    near(vulkan(shared).main.compute.0 as f64, 574_625_808.0, 1.0, 1.06);
}

#[test]
fn a_text_encoder_reads_its_input_at_once_and_has_no_head() {
    let bge = Asked::new("BAAI/bge-m3");
    let found = bge.on("rtx-5090", "llama.cpp-cuda", "f16", false, KvPair::F16, demand(8192, 1));
    // https://github.com/gpustack/gpustack/issues/2412: the table of tokens stays on the host.
    near(found.main.weights.0 as f64, 606_076_928.0, 0.97, 1.05);
    // https://github.com/gpustack/gpustack/issues/2443: scores of the whole input.
    near(found.main.compute.0 as f64, 4_731_207_712.0, 0.97, 1.05);
    let settings = found.settings.unwrap();
    assert_eq!((settings.micro_batch, settings.batch), (8192, 8192));
    let short = bge.on("rtx-5090", "llama.cpp-cuda", "f16", false, KvPair::F16, demand(256, 1)).settings.unwrap();
    assert_eq!((short.micro_batch, short.batch), (512, 2048));
}

#[test]
fn checkpoints_are_copies_of_state_and_window_in_the_hosts_memory() {
    // https://github.com/ggml-org/llama.cpp/pull/22929: "created context checkpoint 8 of 8 (..., size = 149.626 MiB)".
    let with = |model: &str, demand: Demand| {
        Asked::new(model).on("rtx-3090", "llama.cpp-cuda", "q4_k_m", true, KvPair::F16, demand)
    };
    let found = with("Qwen/Qwen3.6-27B", Demand { checkpoints: 8, ..demand(32_768, 2) });
    near(found.host.checkpoints.0 as f64 / MIB, 2.0 * 8.0 * 149.626, 0.999, 1.001);
    assert_eq!(found.main.checkpoints.0, 0);
    assert_eq!(found.settings.unwrap().checkpoints, 8);
    // What can be cut anywhere needs none, and with --swa-full windows can.
    let plain = with("Qwen/Qwen3-8B", Demand { checkpoints: 8, ..demand(8192, 1) });
    assert_eq!((plain.host.checkpoints.0, plain.settings.unwrap().checkpoints), (0, 0));
    let gemma = with("google/gemma-3-4b-it", Demand { checkpoints: 1, ..demand(32_768, 1) });
    let full = with("google/gemma-3-4b-it", Demand { checkpoints: 1, swa_full: true, ..demand(32_768, 1) });
    assert!(gemma.host.checkpoints.0 > 0 && full.host.checkpoints.0 == 0);
}

#[test]
fn keys_of_a_workload_reach_the_memory() {
    let catalog = Catalog::shipped().unwrap();
    let resolved = |keys: &str| {
        let text = format!("workloads:\n  - {{ name: chat, model: Qwen/Qwen3-8B, {keys} }}\n");
        let document = Document::parse("test.yaml", &text).unwrap();
        resolve(&document, &catalog, &|name| catalog.model(name).map(Arc::new))
    };
    let scenario = resolved("context: 8192, batch: 4096, outputs: 512, prompt_cache_mib: 2048").unwrap();
    let workload = &scenario.sites[0].workloads[0];
    assert_eq!((workload.batch, workload.outputs, workload.prompt_cache.0), (Some(4096), Some(512), 2048 << 20));
    let cut = resolved("micro_batch: 4096, batch: 2048").unwrap_err().to_string();
    assert!(cut.contains("`batch` 2048 is below `micro_batch` 4096"), "{cut}");
    let qwen = Asked::new("Qwen/Qwen3-8B");
    let asked = Demand { prompt_cache: workload.prompt_cache, outputs: workload.outputs, ..demand(8192, 1) };
    let found = qwen.on("rtx-3090", "llama.cpp-cuda", "q4_k_m", true, KvPair::F16, asked);
    let silent = qwen.on("rtx-3090", "llama.cpp-cuda", "q4_k_m", true, KvPair::F16, demand(8192, 1));
    assert_eq!((found.host.prompt_cache.0, found.main.prompt_cache.0), (2048 << 20, 0));
    assert_eq!(found.host.cache().0 - silent.host.cache().0, 2048 << 20);
    // 512 rows of 151,936 logits, 4 bytes each.
    assert!(found.main.compute.0 > 512 * 151_936 * 4 && silent.main.compute.0 < 512 * 151_936 * 4);
}

#[test]
fn older_servers_keep_a_row_of_logits_for_every_token() {
    // Logged by build b9010 of May 2026 (strix-halo-guide): 514, 651, 779 and 1035 MiB for this mixture.
    let qwen = Asked::new("Qwen/Qwen3.6-35B-A3B");
    let older =
        Runtime { outputs: OutputRows::Token, ..qwen.catalog.runtime_by_id("llama.cpp-vulkan").unwrap().clone() };
    for (context, published) in [(4096, 514.03), (34_048, 651.05), (66_816, 779.05), (132_352, 1035.05)] {
        let found = qwen.with(&older, "gmktec-evo-x2-128gb", "q4_k_m", true, KvPair::F16, demand(context, 1));
        near(found.main.compute.0 as f64 / MIB, published, 0.96, 1.1);
    }
}

#[test]
fn deepseek_v4_caches_distant_tokens_compressed() {
    // https://github.com/ggml-org/llama.cpp/issues/27680: 182.75 MiB of raw windows, about 600 MiB in all.
    let v4 = Asked::new("deepseek-ai/DeepSeek-V4-Flash");
    let asked = Demand { batch: 4096, micro_batch: 4096, ..demand(64_000, 1) };
    let bf16 = KvPair { k: KvType::Bf16, v: KvType::Bf16 };
    let found = v4.on("rtx-pro-6000-blackwell-ws", "llama.cpp-cuda", "q4_k_m", true, bf16, asked);
    near((found.main.kv_cache + found.main.state).0 as f64 / MIB, 600.0, 1.0, 1.1);
    // `llama-kv-cache-dsv4.cpp`: 43 x 4352 x 512 raw, 21 x 16128 x (512 + 128) near, 20 x 512 x 512 far; 2 bytes each.
    assert_eq!(found.main.kv_cache.0, 2 * (43 * 4352 * 512 + 21 * 16_128 * (512 + 128) + 20 * 512 * 512));
}

#[test]
fn ollama_runs_files_of_its_own() {
    let on = |model: &str, device: &str, format: &str, flash, kv, d| {
        Asked::new(model).on(device, "ollama-cuda", format, flash, kv, d)
    };
    // https://github.com/ollama/ollama/issues/15388: layers on the card, the tower among them, no image asked for.
    let gemma = on("google/gemma-4-26B-A4B-it", "nvidia-l40s", "q4_k_m", true, KvPair::F16, demand(8192, 1));
    near(gemma.main.weights.0 as f64, 17_877_476_608.0, 0.98, 1.05);
    // https://github.com/ollama/ollama/issues/15398: 9.6 GB, the table of embeddings per layer in f16.
    let small =
        on("google/gemma-4-E4B-it", "jetson-orin-nano-super-devkit", "q4_k_m", true, KvPair::F16, demand(4096, 1));
    near(small.main.weights.0 as f64, 9_588_514_488.0, 0.98, 1.1);
    // Sizes on its library's pages: 5.6 GB with that table, 14 GB with 16 bits outside the experts, 24 GB with six bits in the
    // last projection of every expert.
    for (model, format, published) in [
        ("google/gemma-3n-E2B-it", "q4_k_m", 5.6e9),
        ("openai/gpt-oss-20b", "mxfp4", 13.8e9),
        ("Qwen/Qwen3.6-35B-A3B", "q4_k_m", 24e9),
    ] {
        let found = on(model, "rtx-pro-6000-blackwell-ws", format, true, KvPair::F16, demand(4096, 1));
        near((found.main.weights + found.host.weights).0 as f64, published, 0.97, 1.25);
    }
    // https://github.com/ollama/ollama/issues/5136: 27 layers x 16 heads x (192 + 128) x 2 bytes a token.
    let whole = on("deepseek-ai/DeepSeek-V2-Lite", "rtx-3090", "q4_0", false, KvPair::F16, demand(32_768, 1));
    assert_eq!(whole.main.kv_cache.0, 9_059_696_640);
    // A model that is younger than the latent cache has it: 27 layers x 576 x 2 bytes, here 47 of GLM's.
    let young = on("zai-org/GLM-4.7-Flash", "rtx-3090", "q4_k_m", true, KvPair::F16, demand(32_768, 1));
    assert_eq!(young.main.kv_cache.0, 47 * 576 * 2 * 32_768);
    // https://github.com/ollama/ollama/issues/13337: without flash attention the cache stays in half precision.
    let cache = |flash, kv| on("Qwen/Qwen3-8B", "rtx-3090", "q4_k_m", flash, kv, demand(16_384, 2)).main.kv_cache;
    assert_eq!(cache(false, Q8), cache(false, KvPair::F16));
    assert!(cache(true, Q8) < cache(true, KvPair::F16));
}

#[test]
fn a_mapped_table_counts_once_where_there_is_one_memory() {
    // https://github.com/ollama/ollama/issues/17787: 5.5 GB in use on an Orin Nano, 0.5 GB of it before.
    let gemma = Asked::new("google/gemma-4-E2B-it");
    let found = gemma.on("jetson-orin-nano-super-devkit", "llama.cpp-cuda", "q8_0", true, KvPair::F16, demand(4096, 1));
    let file = gemma.on("raspberry-pi-5-8gb", "llama.cpp-cpu", "q8_0", true, KvPair::F16, demand(4096, 1));
    assert_eq!(found.main.weights, file.main.weights);
}
