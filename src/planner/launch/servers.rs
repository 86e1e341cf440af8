//! Engines that serve language models from a checkpoint, or from what their own tools make of it.

use super::{Command, Configuration, File, Launch, Origin, files, flags, ggml};
use crate::domain::{Backend, KvType, Task};

/// What starts a language model with an engine; nothing for engines and models that are none of these.
pub(super) fn launch(engine: &str, c: &Configuration<'_>) -> Option<Launch> {
    if !c.model.task.is_language() && engine != "mlx" && engine != "hailo-genai" {
        return None;
    }
    Some(match engine {
        "vllm" => vllm(c),
        "sglang" => sglang(c),
        "tensorrt-llm" => tensorrt_llm(c),
        "tensorrt-edge-llm" => tensorrt_edge_llm(c),
        "mlx" => mlx(c),
        "mlc-llm" => mlc(c),
        "openvino-genai" => openvino_genai(c),
        "onnxruntime" => onnxruntime_genai(c),
        "pytorch" => transformers(c),
        "rkllm" => rkllm(c),
        "hailo-genai" => hailo(c),
        "genie" => genie(c),
        "llm-tpu" => llm_tpu(c),
        "ax-llm" => ax_llm(c),
        "tt-metal" => tt_metal(c),
        "executorch" => executorch(c),
        "litert" => litert(c),
        "rknn3" | "ara" | "mera" | "cann" => library(engine, c)?,
        _ => return None,
    })
}

fn made(path: String, commands: Vec<Command>) -> File {
    File { path, origin: Origin::Made(commands) }
}

fn tool(path: String, name: &'static str, documentation: &'static str) -> File {
    File { path, origin: Origin::Tool { name, documentation } }
}

/// Formats in which nothing is quantised.
fn whole(c: &Configuration<'_>) -> bool {
    matches!(c.format.id.as_str(), "f16" | "bf16" | "f32") || files::as_published(c)
}

/// Engines that read published checkpoints: the checkpoint, the flag that quantises it while it is loaded, or a folder that
/// was quantised before.
fn quantised(c: &Configuration<'_>, on_load: &[(&str, &'static str)]) -> (String, Option<&'static str>, Vec<File>) {
    if whole(c) {
        return (files::checkpoint(c), None, Vec::new());
    }
    if let Some((_, method)) = on_load.iter().find(|(format, _)| *format == c.format.id) {
        return (files::checkpoint(c), Some(method), Vec::new());
    }
    let folder = files::planned(c, "");
    let file = match c.format.id.as_str() {
        "int4-gptq" => tool(folder.clone(), "GPTQModel", "https://github.com/ModelCloud/GPTQModel"),
        _ => tool(folder.clone(), "LLM Compressor", "https://docs.vllm.ai/projects/llm-compressor/"),
    };
    (folder, None, vec![file])
}

/// The type in which what is not quantised is worked out.
fn dtype(c: &Configuration<'_>) -> Option<&'static str> {
    match c.format.id.as_str() {
        "f16" => Some("float16"),
        "bf16" => Some("bfloat16"),
        _ => None,
    }
}

/// `vllm serve` (docs.vllm.ai/en/stable/cli/serve).
fn vllm(c: &Configuration<'_>) -> Launch {
    let (model, method, needed) = quantised(c, &[("fp8", "fp8"), ("nf4", "bitsandbytes")]);
    let mut start = Command::new("vllm").arg("serve").operand(&model);
    start = method.into_iter().fold(start, |start, method| start.flag("--quantization", method));
    start = dtype(c).into_iter().fold(start, |start, dtype| start.flag("--dtype", dtype));
    if matches!(c.model.task, Task::Embedding | Task::Reranker) {
        start = start.flag("--runner", "pooling");
    }
    start = start
        .flag("--max-model-len", c.context)
        .flag("--max-num-seqs", c.streams)
        .flag("--max-num-batched-tokens", c.batch);
    if let Some(share) = c.memory_share() {
        start = start.flag("--gpu-memory-utilization", format!("{share:.2}"));
    }
    if c.kv.is_some() {
        start = start.flag("--kv-cache-dtype", ggml::cache_type(c));
    }
    Launch::serving(start, needed)
}

/// `python -m sglang.launch_server` (docs.sglang.io, Server Arguments).
fn sglang(c: &Configuration<'_>) -> Launch {
    let (model, method, needed) = quantised(c, &[("fp8", "fp8")]);
    let mut start = Command::new("python").flag("-m", "sglang.launch_server").flag("--model-path", model);
    start = method.into_iter().fold(start, |start, method| start.flag("--quantization", method));
    start = dtype(c).into_iter().fold(start, |start, dtype| start.flag("--dtype", dtype));
    if matches!(c.model.task, Task::Embedding | Task::Reranker) {
        start = start.arg("--is-embedding");
    }
    start = start.flag("--context-length", c.context).flag("--max-running-requests", c.streams);
    if let Some(share) = c.memory_share() {
        start = start.flag("--mem-fraction-static", format!("{share:.2}"));
    }
    if c.kv.is_some_and(|p| p.k == KvType::Fp8) {
        start = start.flag("--kv-cache-dtype", "fp8_e4m3");
    }
    Launch::serving(start, needed)
}

/// `trtllm-serve` (nvidia.github.io/TensorRT-LLM, commands) with a checkpoint quantised by Model Optimizer.
fn tensorrt_llm(c: &Configuration<'_>) -> Launch {
    let fp8_cache = c.kv.is_some_and(|p| p.k == KvType::Fp8);
    let format = match c.format.id.as_str() {
        "fp8" => Some("fp8"),
        "int4" | "int4-awq" | "w4a16" => Some("int4_awq"),
        "nvfp4" => Some("nvfp4"),
        "w8a8" => Some("int8_sq"),
        _ => None,
    };
    let (model, needed) = match format {
        _ if whole(c) => (files::checkpoint(c), Vec::new()),
        Some(format) => {
            let folder = files::planned(c, "");
            let quantise = Command::new("python")
                .arg("hf_ptq.py")
                .flag("--pyt_ckpt_path", files::checkpoint(c))
                .flag("--qformat", format)
                .flag("--kv_cache_qformat", if fp8_cache { "fp8" } else { "none" })
                .flag("--export_path", &folder);
            (folder.clone(), vec![made(folder, vec![quantise])])
        }
        None => {
            let (folder, _, needed) = quantised(c, &[]);
            (folder, needed)
        }
    };
    let mut start = Command::new("trtllm-serve")
        .operand(&model)
        .flag("--max_seq_len", c.context)
        .flag("--max_batch_size", c.streams)
        .flag("--max_num_tokens", c.batch);
    if let Some(share) = c.cache_share() {
        start = start.flag("--kv_cache_free_gpu_memory_fraction", format!("{share:.2}"));
    }
    Launch::serving(start, needed)
}

/// TensorRT Edge-LLM (its Quick Start Guide): quantised and exported on a workstation, built on the device.
fn tensorrt_edge_llm(c: &Configuration<'_>) -> Launch {
    let format = match c.format.id.as_str() {
        "fp8" => Some("fp8"),
        "int4" | "int4-awq" | "w4a16" => Some("int4_awq"),
        "nvfp4" => Some("nvfp4"),
        "int8" | "w8a16" => Some("int8_sq"),
        _ => None,
    };
    let quantised = files::planned(c, "");
    let (onnx, engine) = (files::planned(c, "-onnx"), files::planned(c, "-engine"));
    let mut needed = Vec::new();
    let source = match format {
        Some(format) if !whole(c) => {
            let quantise = Command::new("tensorrt-edgellm-quantize-llm")
                .flag("--model_dir", files::checkpoint(c))
                .flag("--output_dir", &quantised)
                .flag("--quantization", format);
            needed.push(made(quantised.clone(), vec![quantise]));
            quantised
        }
        None if !whole(c) => {
            needed.push(tool(quantised.clone(), "GPTQModel", "https://github.com/ModelCloud/GPTQModel"));
            quantised
        }
        _ => files::checkpoint(c),
    };
    let export = Command::new("tensorrt-edgellm-export-llm").flag("--model_dir", source).flag("--output_dir", &onnx);
    let build = Command::new("./build/examples/llm/llm_build")
        .flag("--onnxDir", &onnx)
        .flag("--engineDir", &engine)
        .flag("--maxBatchSize", c.streams)
        .flag("--maxInputLen", c.prompt)
        .flag("--maxKVCacheCapacity", c.context);
    needed.push(made(onnx, vec![export]));
    needed.push(made(engine.clone(), vec![build]));
    needed.push(requests("input.json"));
    let start = Command::new("./build/examples/llm/llm_inference")
        .flag("--engineDir", engine)
        .flag("--inputFile", "input.json")
        .flag("--outputFile", "output.json");
    Launch::running(start, needed)
}

fn requests(path: &str) -> File {
    tool(
        path.to_owned(),
        "your requests",
        "https://github.com/NVIDIA/TensorRT-Edge-LLM/blob/main/examples/llm/INPUT_FORMAT.md",
    )
}

/// mlx-lm, mlx-vlm for images, mlx-whisper for speech, mlx-embeddings for encoders.
fn mlx(c: &Configuration<'_>) -> Launch {
    let bits = match c.format.id.as_str() {
        "mlx-4bit" | "int4" => Some(4),
        "mlx-8bit" => Some(8),
        _ => None,
    };
    let untouched = files::as_published(c) || c.format.id == "bf16";
    let folder = files::planned(c, "");
    let model = if untouched { files::checkpoint(c) } else { folder.clone() };
    let quantise = |command: Command| match bits {
        Some(bits) => command.arg("-q").flag("--q-bits", bits),
        None => command.flag("--dtype", "float16"),
    };
    let (start, convert) = match c.model.task {
        Task::VisionLanguage => (
            Command::new("mlx_vlm.server").flag("--model", &model),
            quantise(
                Command::new("mlx_vlm.convert").flag("--hf-path", files::checkpoint(c)).flag("--mlx-path", &folder),
            ),
        ),
        Task::Embedding | Task::Reranker => (
            Command::new("python").flag("-c", LOAD_EMBEDDINGS).operand(&model),
            quantise(
                Command::new("python")
                    .flag("-m", "mlx_embeddings.convert")
                    .flag("--hf-path", files::checkpoint(c))
                    .flag("--mlx-path", &folder),
            ),
        ),
        Task::Speech => {
            let name = format!("mlx-community/{}-mlx", files::name(c));
            let start = Command::new("mlx_whisper").arg("audio.wav").flag("--model", &name);
            return Launch::running(start, Vec::new());
        }
        _ => (
            Command::new("mlx_lm.server")
                .flag("--model", &model)
                .flag("--decode-concurrency", c.streams)
                .flag("--prompt-concurrency", c.streams.min(8))
                // Finished prompts are kept beside those at work: as few as it takes to go on with a conversation.
                .flag("--prompt-cache-size", 1),
            quantise(
                Command::new("mlx_lm.convert").flag("--hf-path", files::checkpoint(c)).flag("--mlx-path", &folder),
            ),
        ),
    };
    let needed = if untouched { Vec::new() } else { vec![made(folder, vec![convert])] };
    let serves = !matches!(c.model.task, Task::Embedding | Task::Reranker);
    Launch { serves, ..Launch::serving(start, needed) }
}

/// Loads the folder that is named after it.
const LOAD_EMBEDDINGS: &str = "import sys; from mlx_embeddings import load; print(load(sys.argv[1]))";

/// `mlc_llm serve` (llm.mlc.ai, REST API) with converted weights (Convert Model Weights).
fn mlc(c: &Configuration<'_>) -> Launch {
    let quantization = match c.format.id.as_str() {
        "f16" => "q0f16",
        "int4" => "q4f16_1",
        format => format,
    };
    let folder = files::here(&format!("{}-{quantization}-MLC", files::name(c)));
    let (source, mut needed) = files::source(c);
    let step = |name: &str| Command::new("mlc_llm").arg(name).operand(&source).flag("--quantization", quantization);
    let commands = vec![
        step("convert_weight").flag("-o", &folder),
        step("gen_config").flag("--conv-template", conversation(c)).flag("-o", &folder),
    ];
    let device = match c.runtime.backend {
        Backend::Metal => "metal",
        Backend::Opencl => "opencl",
        Backend::Rocm => "rocm",
        Backend::Vulkan => "vulkan",
        _ => "cuda",
    };
    let overrides = format!(
        "context_window_size={};max_num_sequence={};max_total_seq_length={}",
        c.context,
        c.streams,
        c.total_context()
    );
    let start =
        Command::new("mlc_llm").arg("serve").operand(&folder).flag("--device", device).flag("--overrides", overrides);
    needed.push(made(folder, commands));
    Launch::serving(start, needed)
}

/// The conversation template of a family; plain text where MLC has none for it (`mlc_llm/interface/gen_config.py`).
fn conversation(c: &Configuration<'_>) -> &'static str {
    let family = c.model.language().map_or("", |a| a.spec.family.as_str());
    let id = c.model.id.to_lowercase();
    let llama3 = ["llama-3.1", "llama-3.2", "llama-3.3"].iter().any(|v| id.contains(v));
    match family {
        "qwen3" | "qwen3moe" => "qwen3",
        "qwen35" | "qwen35moe" => "qwen3_5",
        "qwen2" | "qwen2moe" => "qwen2",
        "gemma3" => "gemma3_instruction",
        "gemma" | "gemma2" => "gemma_instruction",
        "phi3" => "phi-3",
        "llama" if llama3 => "llama-3_1",
        "llama" if id.contains("llama-3") => "llama-3",
        "llama" if id.contains("llama-2") => "llama-2",
        "llama" if id.contains("mistral") => "mistral_default",
        _ => "LM",
    }
}

/// OpenVINO GenAI: its samples, with a model exported by Optimum.
fn openvino_genai(c: &Configuration<'_>) -> Launch {
    let folder = files::planned(c, "-ov");
    let mut export = Command::new("optimum-cli").arg("export").arg("openvino").flag("--model", files::checkpoint(c));
    export = match c.format.id.as_str() {
        "f16" => export.flag("--weight-format", "fp16"),
        "int8" | "int8-cw" => export.flag("--weight-format", "int8"),
        "int4-mixed" => export.flag("--weight-format", "int4").flag("--ratio", "0.8"),
        _ => export.flag("--weight-format", "int4").flag("--group-size", 128).flag("--ratio", "1.0"),
    };
    export = match c.model.task {
        Task::Embedding => export.flag("--task", "feature-extraction"),
        Task::Reranker => export.flag("--task", "text-classification"),
        _ => export,
    };
    let device = if c.runtime.backend == Backend::Cpu { "CPU" } else { "GPU" };
    let start = Command::new("python");
    let start = match c.model.task {
        Task::Embedding => start.arg("text_embeddings.py").operand(&folder).arg("text"),
        Task::Reranker => start.arg("text_rerank.py").operand(&folder).arg("query").arg("text"),
        Task::VisionLanguage => start.arg("visual_language_chat.py").operand(&folder).arg("image.jpg").arg(device),
        _ => start.arg("chat_sample.py").operand(&folder).arg(device),
    };
    Launch::running(start, vec![made(folder.clone(), vec![export.operand(&folder)])])
}

/// ONNX Runtime GenAI: the model builder and the chat example.
fn onnxruntime_genai(c: &Configuration<'_>) -> Launch {
    let provider = if c.runtime.backend == Backend::Cuda { "cuda" } else { "cpu" };
    let precision = match c.format.id.as_str() {
        "f32" => "fp32",
        "f16" => "fp16",
        "int4" => "int4",
        _ => "int8",
    };
    let folder = files::planned(c, "-onnx");
    let build = Command::new("python")
        .flag("-m", "onnxruntime_genai.models.builder")
        .flag("-m", files::checkpoint(c))
        .flag("-o", &folder)
        .flag("-p", precision)
        .flag("-e", provider);
    let start = Command::new("python").arg("model-chat.py").flag("-m", &folder).flag("-e", provider);
    Launch::running(start, vec![made(folder, vec![build])])
}

/// `transformers serve` (huggingface.co/docs/transformers, Serve CLI): loads what a request names; the chat client names it.
fn transformers(c: &Configuration<'_>) -> Launch {
    let device = match c.runtime.backend {
        Backend::Metal => "mps",
        Backend::Cpu => "cpu",
        _ => "cuda",
    };
    let mut start = Command::new("transformers").arg("serve").operand(&files::checkpoint(c));
    start = match c.format.id.as_str() {
        "nf4" => start.flag("--quantization", "bnb-4bit"),
        "int8" => start.flag("--quantization", "bnb-8bit"),
        "f32" => start.flag("--dtype", "float32"),
        "f16" => start.flag("--dtype", "float16"),
        _ => start.flag("--dtype", "bfloat16"),
    };
    Launch::serving(start.flag("--device", device), Vec::new())
}

/// `llm_demo` of rknn-llm with a model exported by RKLLM-Toolkit.
fn rkllm(c: &Configuration<'_>) -> Launch {
    let file = files::planned(c, ".rkllm");
    let start = Command::new("./llm_demo").operand(&file).arg(c.context.saturating_sub(c.prompt).max(1)).arg(c.context);
    let needed = tool(
        file,
        "RKLLM-Toolkit (export_rkllm.py)",
        "https://github.com/airockchip/rknn-llm/tree/main/examples/rkllm_api_demo",
    );
    Launch::running(start, vec![needed])
}

/// `hailo-ollama` with a compiled model of the GenAI zoo.
fn hailo(c: &Configuration<'_>) -> Launch {
    let needed = tool(
        files::planned(c, ".hef"),
        "Hailo Model Zoo GenAI",
        "https://github.com/hailo-ai/hailo_model_zoo_genai/blob/main/docs/MODELS.rst",
    );
    Launch::serving(Command::new("hailo-ollama"), vec![needed])
}

/// `genie-t2t-run` with a model compiled by Qualcomm AI Hub.
fn genie(c: &Configuration<'_>) -> Launch {
    let folder = files::planned(c, "");
    let start = Command::new("genie-t2t-run").flag("-c", format!("{folder}/genie_config.json")).flag("-p", "Hello");
    let needed =
        tool(folder, "Qualcomm AI Hub Models", "https://github.com/quic/ai-hub-apps/tree/main/tutorials/llm_on_genie");
    Launch::running(start, vec![needed])
}

/// `pipeline.py` of LLM-TPU with a model compiled by TPU-MLIR.
fn llm_tpu(c: &Configuration<'_>) -> Launch {
    let quantize = match c.format.id.as_str() {
        "int4" | "w4a16" => "w4f16",
        "int8" => "w8f16",
        _ => "f16",
    };
    let folder = files::planned(c, "");
    let (source, mut needed) = files::source(c);
    let compile = Command::new("llm_convert.py")
        .flag("-m", source)
        .flag("-s", c.context)
        .flag("--quantize", quantize)
        .flag("-c", "bm1684x")
        .flag("--out_dir", &folder);
    let file = format!("{folder}/{}.bmodel", files::name(c).to_lowercase());
    let start = Command::new("python3").arg("pipeline.py").flag("-m", &file).flag("-c", format!("{folder}/config"));
    needed.push(made(file, vec![compile]));
    Launch::running(start, needed)
}

/// AX-LLM with a model built by Pulsar2.
fn ax_llm(c: &Configuration<'_>) -> Launch {
    let folder = files::planned(c, "");
    let needed = tool(
        folder.clone(),
        "Pulsar2 (llm_build)",
        "https://pulsar2-docs.readthedocs.io/en/latest/appendix/build_llm.html",
    );
    Launch::running(Command::new("sh").arg(format!("{folder}/run.sh")), vec![needed])
}

/// The inference server of Tenstorrent, which runs vLLM on TT-Metal.
fn tt_metal(c: &Configuration<'_>) -> Launch {
    let start = Command::new("python3")
        .arg("run.py")
        .flag("--model", files::name(c))
        .flag("--workflow", "server")
        .arg("--docker-server");
    Launch::serving(
        start,
        vec![tool(
            files::planned(c, ""),
            "the server itself: it fetches the weights and quantises them to block floating point",
            "https://github.com/tenstorrent/tt-inference-server",
        )],
    )
}

/// `llama_main` of ExecuTorch with an exported program.
fn executorch(c: &Configuration<'_>) -> Launch {
    let file = files::planned(c, ".pte");
    let start = Command::new("cmake-out/examples/models/llama/llama_main")
        .joined("--model_path", &file)
        .joined("--tokenizer_path", "tokenizer.model")
        .joined("--prompt", "Hello");
    let needed =
        tool(file, "export_llm", "https://github.com/pytorch/executorch/blob/main/examples/models/llama/README.md");
    Launch::running(start, vec![needed])
}

/// `litert_lm_main` of LiteRT-LM with a converted model.
fn litert(c: &Configuration<'_>) -> Launch {
    let file = files::planned(c, ".litertlm");
    let start = Command::new("litert_lm_main").joined("--backend", "cpu").joined("--model_path", &file);
    let needed =
        tool(file, "LiteRT Torch (generative API)", "https://github.com/google-ai-edge/LiteRT-LM/blob/main/README.md");
    Launch::running(start, vec![needed])
}

/// Engines that are libraries: an application of one's own loads the compiled file.
fn library(engine: &str, c: &Configuration<'_>) -> Option<Launch> {
    let (ending, name, documentation) = match engine {
        "rknn3" => (".rknn", "RKNN3-Toolkit", "https://github.com/airockchip"),
        "ara" => (".dvm", "the compiler of the Ara SDK", "https://www.nxp.com/ara"),
        "mera" => (".mera", "MERA", "https://pypi.org/project/mera/"),
        "cann" => (".om", "the Ascend Tensor Compiler", "https://www.hiascend.com/document"),
        _ => return None,
    };
    let file = files::planned(c, ending);
    Some(Launch::running(Command::new(flags::APPLICATION).operand(&file), vec![tool(file, name, documentation)]))
}
