//! Every program that a launch may name, with the flags and variables that its documentation has, and the address of that
//! documentation. A test holds every printed line to this table.

use super::Command;

/// A program with what it may be told.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// The words that make it: `vllm serve`, `python -m sglang.launch_server`.
    pub words: &'static [&'static str],
    /// Flags, as printed; for tools that are told `key=value`, the keys.
    pub flags: &'static [&'static str],
    /// Variables that it reads.
    pub variables: &'static [&'static str],
    /// Address of its documentation.
    pub documentation: &'static str,
}

/// An application of one's own, where an engine is a library only.
pub const APPLICATION: &str = "./your-application";

/// The row of the table that a command belongs to: the one with the most of its words.
#[must_use]
pub fn program(command: &Command) -> Option<&'static Program> {
    PROGRAMS
        .iter()
        .filter(|p| {
            let mut words = command.words();
            p.words.iter().all(|w| words.next() == Some(w))
        })
        .max_by_key(|p| p.words.len())
}

const fn row(words: &'static [&'static str], flags: &'static [&'static str], documentation: &'static str) -> Program {
    Program { words, flags, variables: &[], documentation }
}

/// The table.
pub const PROGRAMS: &[Program] = &[
    Program {
        words: &["llama-server"],
        flags: &[
            "-m",
            "--mmproj",
            "-c",
            "-np",
            "-ctk",
            "-ctv",
            "-fa",
            "--embeddings",
            "--reranking",
            "-b",
            "-ub",
            "--cache-ram",
            "--ctx-checkpoints",
            "-ngl",
            "-lv",
            "--port",
        ],
        variables: &["CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "GGML_VK_VISIBLE_DEVICES"],
        documentation: "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
    },
    row(
        &["llama-quantize"],
        &["--imatrix", "--output-tensor-type", "--token-embedding-type"],
        "https://github.com/ggml-org/llama.cpp/blob/master/tools/quantize/README.md",
    ),
    row(
        &["llama-imatrix"],
        &["-m", "-f", "-o"],
        "https://github.com/ggml-org/llama.cpp/blob/master/tools/imatrix/README.md",
    ),
    row(
        &["python", "convert_hf_to_gguf.py"],
        &["--outfile", "--outtype", "--mmproj"],
        "https://github.com/ggml-org/llama.cpp/blob/master/convert_hf_to_gguf.py",
    ),
    row(&["hf", "download"], &["--local-dir"], "https://huggingface.co/docs/huggingface_hub/guides/cli"),
    Program {
        words: &["ollama", "serve"],
        flags: &[],
        // The last two are llama-server's own, which inherits the environment.
        variables: &[
            "OLLAMA_CONTEXT_LENGTH",
            "OLLAMA_NUM_PARALLEL",
            "OLLAMA_FLASH_ATTENTION",
            "OLLAMA_KV_CACHE_TYPE",
            "OLLAMA_HOST",
            "LLAMA_ARG_CACHE_RAM",
            "LLAMA_ARG_CTX_CHECKPOINTS",
            "CUDA_VISIBLE_DEVICES",
            "HIP_VISIBLE_DEVICES",
        ],
        documentation: "https://docs.ollama.com/faq",
    },
    Program {
        words: &["ollama", "create"],
        flags: &["-f"],
        variables: &["OLLAMA_HOST"],
        documentation: "https://docs.ollama.com/import",
    },
    Program {
        words: &["ollama", "run"],
        flags: &[],
        variables: &["OLLAMA_HOST"],
        documentation: "https://docs.ollama.com/cli",
    },
    Program {
        words: &["whisper-server"],
        flags: &["-m", "-ng", "--port"],
        variables: &["CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "GGML_VK_VISIBLE_DEVICES"],
        documentation: "https://github.com/ggml-org/whisper.cpp/blob/master/examples/server/README.md",
    },
    row(
        &["sh", "./models/download-ggml-model.sh"],
        &[],
        "https://github.com/ggml-org/whisper.cpp/blob/master/models/README.md",
    ),
    row(&["./build/bin/quantize"], &[], "https://github.com/ggml-org/whisper.cpp/blob/master/README.md"),
    Program {
        words: &["vllm", "serve"],
        flags: &[
            "--quantization",
            "--dtype",
            "--runner",
            "--max-model-len",
            "--max-num-seqs",
            "--max-num-batched-tokens",
            "--gpu-memory-utilization",
            "--kv-cache-dtype",
            "--port",
        ],
        variables: &["CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"],
        documentation: "https://docs.vllm.ai/en/stable/cli/serve/",
    },
    Program {
        words: &["python", "-m", "sglang.launch_server"],
        flags: &[
            "-m",
            "--model-path",
            "--quantization",
            "--dtype",
            "--is-embedding",
            "--context-length",
            "--max-running-requests",
            "--mem-fraction-static",
            "--kv-cache-dtype",
            "--port",
        ],
        variables: &["CUDA_VISIBLE_DEVICES"],
        documentation: "https://docs.sglang.io/advanced_features/server_arguments.html",
    },
    Program {
        words: &["trtllm-serve"],
        flags: &[
            "--max_seq_len",
            "--max_batch_size",
            "--max_num_tokens",
            "--kv_cache_free_gpu_memory_fraction",
            "--port",
        ],
        variables: &["CUDA_VISIBLE_DEVICES"],
        documentation: "https://nvidia.github.io/TensorRT-LLM/commands/trtllm-serve/trtllm-serve.html",
    },
    row(
        &["python", "hf_ptq.py"],
        &["--pyt_ckpt_path", "--qformat", "--kv_cache_qformat", "--export_path"],
        "https://github.com/NVIDIA/Model-Optimizer/blob/main/examples/hf_ptq/README.md",
    ),
    row(&["tensorrt-edgellm-quantize-llm"], &["--model_dir", "--output_dir", "--quantization"], EDGE_LLM),
    row(&["tensorrt-edgellm-export-llm"], &["--model_dir", "--output_dir"], EDGE_LLM),
    row(
        &["./build/examples/llm/llm_build"],
        &["--onnxDir", "--engineDir", "--maxBatchSize", "--maxInputLen", "--maxKVCacheCapacity"],
        "https://nvidia.github.io/TensorRT-Edge-LLM/developer_guide/software-design/engine-builder.html",
    ),
    row(&["./build/examples/llm/llm_inference"], &["--engineDir", "--inputFile", "--outputFile"], EDGE_LLM),
    row(
        &["mlx_lm.server"],
        &["--model", "--decode-concurrency", "--prompt-concurrency", "--prompt-cache-size", "--port"],
        "https://github.com/ml-explore/mlx-lm/blob/main/mlx_lm/SERVER.md",
    ),
    row(
        &["mlx_lm.convert"],
        &["--hf-path", "--mlx-path", "-q", "--q-bits", "--dtype"],
        "https://github.com/ml-explore/mlx-lm/blob/main/README.md",
    ),
    row(&["mlx_vlm.server"], &["--model", "--port"], "https://github.com/Blaizzy/mlx-vlm/blob/main/README.md"),
    row(
        &["mlx_vlm.convert"],
        &["--hf-path", "--mlx-path", "-q", "--q-bits", "--dtype"],
        "https://github.com/Blaizzy/mlx-vlm/blob/main/README.md",
    ),
    row(&["mlx_whisper"], &["--model"], "https://github.com/ml-explore/mlx-examples/blob/main/whisper/README.md"),
    row(
        &["python", "-m", "mlx_embeddings.convert"],
        &["-m", "--hf-path", "--mlx-path", "-q", "--q-bits", "--dtype"],
        "https://github.com/Blaizzy/mlx-embeddings/blob/main/README.md",
    ),
    row(&["mlc_llm", "serve"], &["--device", "--overrides", "--port"], "https://llm.mlc.ai/docs/deploy/rest.html"),
    row(
        &["mlc_llm", "convert_weight"],
        &["--quantization", "-o"],
        "https://llm.mlc.ai/docs/compilation/convert_weights.html",
    ),
    row(
        &["mlc_llm", "gen_config"],
        &["--quantization", "--conv-template", "-o"],
        "https://llm.mlc.ai/docs/compilation/convert_weights.html",
    ),
    row(
        &["optimum-cli", "export", "openvino"],
        &["--model", "--weight-format", "--group-size", "--ratio", "--task"],
        "https://huggingface.co/docs/optimum-intel/openvino/export",
    ),
    row(
        &["optimum-cli", "export", "onnx"],
        &["--model"],
        "https://huggingface.co/docs/optimum-onnx/onnx/usage_guides/export_a_model",
    ),
    row(&["python", "chat_sample.py"], &[], GENAI),
    row(&["python", "visual_language_chat.py"], &[], GENAI),
    row(&["python", "text_embeddings.py"], &[], GENAI),
    row(&["python", "text_rerank.py"], &[], GENAI),
    row(
        &["python", "-m", "onnxruntime_genai.models.builder"],
        &["-m", "-o", "-p", "-e"],
        "https://github.com/microsoft/onnxruntime-genai/blob/main/src/python/py/models/README.md",
    ),
    row(
        &["python", "model-chat.py"],
        &["-m", "-e"],
        "https://github.com/microsoft/onnxruntime-genai/blob/main/examples/python/README.md",
    ),
    row(
        &["transformers", "serve"],
        &["--quantization", "--dtype", "--device", "--port"],
        "https://huggingface.co/docs/transformers/serve-cli/serving",
    ),
    row(&["./llm_demo"], &[], "https://github.com/airockchip/rknn-llm/tree/main/examples/rkllm_api_demo"),
    row(&["hailo-ollama"], &[], "https://github.com/hailo-ai/hailo_model_zoo_genai/blob/main/docs/USAGE.rst"),
    row(&["genie-t2t-run"], &["-c", "-p"], "https://github.com/quic/ai-hub-apps/tree/main/tutorials/llm_on_genie"),
    row(
        &["llm_convert.py"],
        &["-m", "-s", "--quantize", "-c", "--out_dir"],
        "https://github.com/sophgo/LLM-TPU/blob/main/models/Qwen3/README.md",
    ),
    row(
        &["python3", "pipeline.py"],
        &["-m", "-c"],
        "https://github.com/sophgo/LLM-TPU/blob/main/models/Qwen3/README.md",
    ),
    row(&["sh"], &[], "https://github.com/AXERA-TECH/ax-llm"),
    row(
        &["python3", "run.py"],
        &["--model", "--workflow", "--docker-server"],
        "https://github.com/tenstorrent/tt-inference-server",
    ),
    row(
        &["cmake-out/examples/models/llama/llama_main"],
        &["--model_path", "--tokenizer_path", "--prompt"],
        "https://github.com/pytorch/executorch/blob/main/examples/models/llama/README.md",
    ),
    row(
        &["cmake-out/executor_runner"],
        &["--model_path"],
        "https://docs.pytorch.org/executorch/stable/running-a-model-cpp-tutorial.html",
    ),
    row(
        &["litert_lm_main"],
        &["--backend", "--model_path"],
        "https://github.com/google-ai-edge/LiteRT-LM/blob/main/README.md",
    ),
    row(
        &["benchmark_model"],
        &["--graph", "--use_xnnpack", "--external_delegate_path"],
        "https://ai.google.dev/edge/litert/models/measurement",
    ),
    row(&["edgetpu_compiler"], &[], "https://coral.ai/docs/edgetpu/compiler/"),
    Program {
        words: &["trtexec"],
        flags: &["--onnx", "--saveEngine", "--loadEngine", "--infStreams", "--fp16", "--int8", "--fp8"],
        variables: &["CUDA_VISIBLE_DEVICES"],
        documentation: "https://docs.nvidia.com/deeplearning/tensorrt/latest/reference/command-line-programs.html",
    },
    Program {
        words: &["onnxruntime_perf_test"],
        flags: &["-e", "-I"],
        variables: &["CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"],
        documentation: "https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/test/perftest/README.md",
    },
    row(
        &["python3", "onnxrt_ep.py"],
        &["-m"],
        "https://github.com/TexasInstruments/edgeai-tidl-tools/blob/master/examples/osrt_python/README.md",
    ),
    row(
        &["benchmark_app"],
        &["-m", "-d", "-nstreams"],
        "https://docs.openvino.ai/2025/get-started/learn-openvino/openvino-samples/benchmark-tool.html",
    ),
    row(
        &["ovc"],
        &["--output_model", "--compress_to_fp16"],
        "https://docs.openvino.ai/2025/openvino-workflow/model-preparation/conversion-parameters.html",
    ),
    row(
        &["yolo", "export"],
        &["model", "format", "imgsz", "half", "int8"],
        "https://docs.ultralytics.com/modes/export/",
    ),
    Program {
        words: &["yolo", "predict"],
        flags: &["model", "source", "device", "half"],
        variables: &["CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"],
        documentation: "https://docs.ultralytics.com/modes/predict/",
    },
    Program {
        words: &["python", "-c"],
        flags: &["-c"],
        variables: &["CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"],
        documentation: "https://docs.python.org/3/using/cmdline.html",
    },
    row(&["mv"], &["--"], "https://pubs.opengroup.org/onlinepubs/9799919799/utilities/mv.html"),
    row(
        &["qnn-net-run"],
        &["--retrieve_context", "--backend", "--input_list"],
        "https://docs.qualcomm.com/bundle/publicresource/topics/80-63442-50/tools.html",
    ),
    row(
        &["./rknn_benchmark"],
        &[],
        "https://github.com/airockchip/rknn-toolkit2/tree/master/rknpu2/examples/rknn_benchmark",
    ),
    row(&["hailortcli", "run"], &[], "https://github.com/hailo-ai/hailort"),
    row(&["model_transform.py"], &["--model_name", "--model_def", "--mlir"], TPU_MLIR),
    row(&["run_calibration.py"], &["--dataset", "--input_num", "-o"], TPU_MLIR),
    row(&["model_deploy.py"], &["--mlir", "--quantize", "--processor", "--calibration_table", "--model"], TPU_MLIR),
    row(&["bmrt_test"], &["--bmodel"], TPU_MLIR),
    row(&["./deploy.py"], &[], "https://github.com/axelera-ai-hub/voyager-sdk/blob/latest/docs/reference/deploy.md"),
    row(
        &["./inference.py"],
        &[],
        "https://github.com/axelera-ai-hub/voyager-sdk/blob/latest/docs/reference/inference.md",
    ),
    row(&["dxcom"], &["-m", "-c", "-o"], "https://pypi.org/project/dx-com"),
    row(&["run_model"], &["-m"], "https://github.com/DEEPX-AI/dx_rt"),
    row(&["mx_bench"], &["-d", "-f"], "https://developer.memryx.com/tools/benchmark.html"),
    row(&["xdputil", "benchmark"], &[], "https://docs.amd.com/r/en-US/ug1414-vitis-ai"),
    row(&["atc"], &["--model", "--framework", "--output", "--soc_version"], "https://www.hiascend.com/document"),
    row(
        &["python3", "-m", "ais_bench"],
        &["-m", "--model"],
        "https://gitee.com/ascend/tools/tree/master/ais-bench_workload/tool/ais_bench",
    ),
    row(&[APPLICATION], &[], "the engine's library has its own interface"),
    row(
        &["sudo", "nvpmodel"],
        &["-m"],
        "https://docs.nvidia.com/jetson/archives/r36.4.3/DeveloperGuide/SD/PlatformPowerAndPerformance/JetsonOrinNanoSeriesJetsonOrinNxSeriesAndJetsonAgxOrinSeries.html",
    ),
];

const EDGE_LLM: &str =
    "https://nvidia.github.io/TensorRT-Edge-LLM/developer_guide/getting-started/quick-start-guide.html";
const GENAI: &str = "https://github.com/openvinotoolkit/openvino.genai/blob/master/samples/python/README.md";
const TPU_MLIR: &str =
    "https://doc.sophgo.com/sdk-docs/v23.09.01-lts-sp4/docs_latest_release/docs/tpu-mlir/quick_start/html/index.html";
