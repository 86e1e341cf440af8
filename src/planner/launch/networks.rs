//! Engines that run detectors, classifiers and speech recognisers from a compiled file. Most are libraries: what stands here
//! is the program that their makers ship for running such a file; an application loads the same file.

use super::{Command, Configuration, File, Launch, Origin, files, flags};
use crate::domain::Backend;

fn made(path: String, commands: Vec<Command>) -> File {
    File { path, origin: Origin::Made(commands) }
}

fn tool(path: String, name: &'static str, documentation: &'static str) -> File {
    File { path, origin: Origin::Tool { name, documentation } }
}

/// Whether the planned format has 8 bits.
fn is_int8(c: &Configuration<'_>) -> bool {
    matches!(c.format.id.as_str(), "int8" | "w8a8" | "w8a16" | "int8-cw")
}

/// What runs a network with an engine.
pub(super) fn launch(engine: &str, c: &Configuration<'_>) -> Option<Launch> {
    Some(match engine {
        "tensorrt" => tensorrt(c),
        "onnxruntime" => onnxruntime(c),
        "openvino" => openvino(c),
        "coreml" => coreml(c),
        "pytorch" => pytorch(c),
        "executorch" => compiled(
            c,
            ".pte",
            |file| Command::new("cmake-out/executor_runner").joined("--model_path", file),
            EXECUTORCH,
        ),
        "litert" => litert(c),
        "qnn" => compiled(
            c,
            ".bin",
            |file| {
                Command::new("qnn-net-run")
                    .flag("--retrieve_context", file)
                    .flag("--backend", "libQnnHtp.so")
                    .flag("--input_list", "input_list.txt")
            },
            QNN,
        ),
        "rknn" => rknn(c),
        "rknn3" => compiled(c, ".rknn", |file| Command::new(flags::APPLICATION).operand(file), RKNN3),
        "hailort" => hailo(c),
        "tpu-mlir" => tpu_mlir(c),
        "voyager" => {
            let name = files::name(c).to_lowercase();
            // The zoo's names for detectors say what they were trained on and what they are compiled from.
            let network = if files::by_ultralytics(c) { format!("{name}-coco-onnx") } else { name };
            let deploy = Command::new("./deploy.py").operand(&network);
            let start = Command::new("./inference.py").operand(&network).arg("usb:0");
            Launch::running(start, vec![made(format!("build/{network}"), vec![deploy])])
        }
        "dx-rt" => dx_rt(c),
        "memryx" => memryx(c),
        "vitis-ai" => {
            compiled(c, ".xmodel", |file| Command::new("xdputil").arg("benchmark").operand(file).arg(c.streams), VITIS)
        }
        "cann" => cann(c),
        "ara" => compiled(c, ".dvm", |file| Command::new(flags::APPLICATION).operand(file), ARA),
        "mera" => compiled(c, ".mera", |file| Command::new(flags::APPLICATION).operand(file), MERA),
        "tt-metal" => {
            let needed = files::onnx(c);
            Launch::running(Command::new(flags::APPLICATION).operand(&needed.path.clone()), vec![needed])
        }
        _ => return None,
    })
}

type Tool = (&'static str, &'static str);
const EXECUTORCH: Tool = (
    "torch.export and to_edge_transform_and_lower",
    "https://docs.pytorch.org/executorch/stable/using-executorch-export.html",
);
const QNN: Tool =
    ("qnn-context-binary-generator", "https://docs.qualcomm.com/bundle/publicresource/topics/80-63442-50/tools.html");
const RKNN3: Tool = ("RKNN3-Toolkit", "https://github.com/airockchip");
const VITIS: Tool = ("vai_c_xir", "https://docs.amd.com/r/en-US/ug1414-vitis-ai");
const ARA: Tool = ("the compiler of the Ara SDK", "https://www.nxp.com/ara");
const MERA: Tool = ("MERA", "https://pypi.org/project/mera/");
const NNCF: Tool = (
    "NNCF",
    "https://docs.openvino.ai/2025/openvino-workflow/model-optimization-guide/quantizing-models-post-training.html",
);
const COREML: Tool = ("Core ML Tools", "https://apple.github.io/coremltools/docs-guides/");
const LITERT: Tool = ("LiteRT Torch", "https://github.com/google-ai-edge/litert-torch");
const QUANTIZE_ONNX: Tool =
    ("onnxruntime.quantization", "https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html");

/// A file that a toolkit compiles from the ONNX file, and what runs it.
fn compiled(c: &Configuration<'_>, ending: &str, run: impl FnOnce(&str) -> Command, by: Tool) -> Launch {
    let file = files::planned(c, ending);
    let start = run(&file);
    Launch::running(start, vec![files::onnx(c), tool(file, by.0, by.1)])
}

/// `trtexec` (TensorRT documentation, Command-Line Programs).
fn tensorrt(c: &Configuration<'_>) -> Launch {
    let onnx = files::onnx(c);
    let engine = files::planned(c, ".engine");
    let build = Command::new("trtexec").joined("--onnx", &onnx.path).joined("--saveEngine", &engine);
    let build = match c.format.id.as_str() {
        "f16" => build.arg("--fp16"),
        "int8" | "w8a8" => build.arg("--int8").arg("--fp16"),
        "fp8" => build.arg("--fp8").arg("--fp16"),
        _ => build,
    };
    let start = Command::new("trtexec").joined("--loadEngine", &engine).joined("--infStreams", c.streams);
    Launch::running(start, vec![onnx, made(engine, vec![build])])
}

/// `onnxruntime_perf_test` with the execution provider (onnxruntime/test/perftest/README.md).
fn onnxruntime(c: &Configuration<'_>) -> Launch {
    let provider = match c.runtime.id.as_str() {
        "onnxruntime-cuda" => "cuda",
        "onnxruntime-tensorrt" => "tensorrt",
        "onnxruntime-openvino" => "openvino",
        "onnxruntime-rocm" => "migraphx",
        "onnxruntime-coreml" => "coreml",
        "onnxruntime-qnn" => "qnn",
        _ => "cpu",
    };
    let whole = files::onnx(c);
    let (path, needed) = if c.format.id == "f32" {
        (whole.path.clone(), vec![whole])
    } else {
        let path = files::planned(c, ".onnx");
        let by = if is_int8(c) { QUANTIZE_ONNX } else { FLOAT16 };
        (path.clone(), vec![whole, tool(path, by.0, by.1)])
    };
    if c.runtime.id == "onnxruntime-tidl" {
        let start = Command::new("python3").arg("onnxrt_ep.py").flag("-m", files::name(c).to_lowercase());
        return Launch::running(start, needed);
    }
    let start = Command::new("onnxruntime_perf_test").flag("-e", provider).arg("-I").operand(&path);
    Launch::running(start, needed)
}

const FLOAT16: Tool =
    ("onnxconverter_common.float16", "https://onnxruntime.ai/docs/performance/model-optimizations/float16.html");

/// `benchmark_app` (OpenVINO documentation, Benchmark Tool).
fn openvino(c: &Configuration<'_>) -> Launch {
    let device = if c.runtime.backend == Backend::Cpu { "CPU" } else { "GPU" };
    let path = files::planned(c, ".xml");
    let onnx = files::onnx(c);
    let mut needed = vec![onnx.clone()];
    if is_int8(c) {
        needed.push(tool(path.clone(), NNCF.0, NNCF.1));
    } else {
        let half = if c.format.id == "f16" { "True" } else { "False" };
        let convert =
            Command::new("ovc").operand(&onnx.path).flag("--output_model", &path).joined("--compress_to_fp16", half);
        needed.push(made(path.clone(), vec![convert]));
    }
    let start = Command::new("benchmark_app").flag("-m", &path).flag("-d", device).flag("-nstreams", c.streams);
    Launch::running(start, needed)
}

/// A Core ML package: compiled and loaded with Core ML Tools' Python interface.
fn coreml(c: &Configuration<'_>) -> Launch {
    let path = files::planned(c, ".mlpackage");
    let needed = if files::by_ultralytics(c) {
        let exported = format!("{}.mlpackage", files::name(c).to_lowercase());
        vec![made(
            path.clone(),
            vec![files::yolo_export(c, "coreml"), Command::new("mv").arg("--").arg(exported).arg(&path)],
        )]
    } else {
        vec![tool(path.clone(), COREML.0, COREML.1)]
    };
    let code = "import sys, coremltools; print(coremltools.models.MLModel(sys.argv[1]))";
    Launch::running(Command::new("python").flag("-c", code).operand(&path), needed)
}

/// Networks in PyTorch: the detector's own command, or a model of a library loaded by name.
fn pytorch(c: &Configuration<'_>) -> Launch {
    let device = match c.runtime.backend {
        Backend::Metal => "mps",
        Backend::Cpu => "cpu",
        _ => "0",
    };
    let half = c.format.id == "f16";
    if files::by_ultralytics(c) {
        let start = Command::new("yolo")
            .arg("predict")
            .joined("model", format!("{}.pt", files::name(c).to_lowercase()))
            .joined("source", "0")
            .joined("device", device)
            .joined("half", if half { "True" } else { "False" });
        return Launch::running(start, Vec::new());
    }
    let dtype = match c.format.id.as_str() {
        "f32" => "float32",
        "f16" => "float16",
        _ => "bfloat16",
    };
    if c.model.id.starts_with("openai/whisper") {
        let start = Command::new("transformers")
            .arg("serve")
            .operand(&files::checkpoint(c))
            .flag("--dtype", dtype)
            .flag("--device", if device == "0" { "cuda" } else { device });
        return Launch::serving(start, Vec::new());
    }
    let (library, name) = c.model.id.split_once('/').unwrap_or(("timm", &c.model.id));
    let code = if library == "open_clip" {
        "import sys, torch, open_clip; print(open_clip.create_model(sys.argv[1]).to(getattr(torch, sys.argv[2])))"
    } else {
        "import sys, torch, timm; print(timm.create_model(sys.argv[1], pretrained=True).to(getattr(torch, sys.argv[2])))"
    };
    Launch::running(Command::new("python").flag("-c", code).operand(name).arg(dtype), Vec::new())
}

/// `benchmark_model` (LiteRT documentation, Performance measurement).
fn litert(c: &Configuration<'_>) -> Launch {
    let edge = c.runtime.id == "litert-edgetpu";
    let whole = files::planned(c, ".tflite");
    let mut needed = if files::by_ultralytics(c) {
        let precision = match c.format.id.as_str() {
            "f16" => "_float16",
            "f32" => "_float32",
            _ => "_full_integer_quant",
        };
        let name = files::name(c).to_lowercase();
        vec![made(
            whole.clone(),
            vec![
                files::yolo_export(c, "tflite"),
                Command::new("mv").arg("--").arg(format!("{name}_saved_model/{name}{precision}.tflite")).arg(&whole),
            ],
        )]
    } else {
        vec![tool(whole.clone(), LITERT.0, LITERT.1)]
    };
    let start = Command::new("benchmark_model");
    let start = if edge {
        let file = files::planned(c, "_edgetpu.tflite");
        needed.push(made(file.clone(), vec![Command::new("edgetpu_compiler").operand(&whole)]));
        start.joined("--graph", file).joined("--external_delegate_path", "libedgetpu.so.1")
    } else {
        let start = start.joined("--graph", &whole);
        match c.runtime.id.as_str() {
            "litert-cpu" => start.joined("--use_xnnpack", "true"),
            "litert-qnn" => start.joined("--external_delegate_path", "libQnnTFLiteDelegate.so"),
            _ => start.joined("--external_delegate_path", "libneuropilot_delegate.so"),
        }
    };
    Launch::running(start, needed)
}

/// `rknn_benchmark` (airockchip/rknn-toolkit2, rknpu2/examples).
fn rknn(c: &Configuration<'_>) -> Launch {
    let file = files::planned(c, ".rknn");
    let needed = tool(file.clone(), "RKNN-Toolkit2", "https://github.com/airockchip/rknn-toolkit2");
    Launch::running(Command::new("./rknn_benchmark").operand(&file), vec![files::onnx(c), needed])
}

/// `hailortcli run` (HailoRT) with a file of the Dataflow Compiler.
fn hailo(c: &Configuration<'_>) -> Launch {
    let by = ("Hailo Dataflow Compiler", "https://hailo.ai/developer-zone/documentation/dataflow-compiler/latest/");
    compiled(c, ".hef", |file| Command::new("hailortcli").arg("run").operand(file), by)
}

/// `bmrt_test` with a file of TPU-MLIR (tpu-mlir Quick Start).
fn tpu_mlir(c: &Configuration<'_>) -> Launch {
    let onnx = files::onnx(c);
    let name = files::name(c).to_lowercase();
    let file = files::planned(c, ".bmodel");
    let mlir = format!("{name}.mlir");
    let quantize = if is_int8(c) { "INT8" } else { "F16" };
    let transform = Command::new("model_transform.py")
        .flag("--model_name", &name)
        .flag("--model_def", &onnx.path)
        .flag("--mlir", &mlir);
    let mut commands = vec![transform];
    let mut deploy = Command::new("model_deploy.py")
        .flag("--mlir", &mlir)
        .flag("--quantize", quantize)
        .flag("--processor", "bm1684x");
    if is_int8(c) {
        let table = format!("{name}_cali_table");
        commands.push(
            Command::new("run_calibration.py")
                .operand(&mlir)
                .flag("--dataset", "./calibration")
                .flag("--input_num", 100)
                .flag("-o", &table),
        );
        deploy = deploy.flag("--calibration_table", table);
    }
    commands.push(deploy.flag("--model", &file));
    let start = Command::new("bmrt_test").flag("--bmodel", &file);
    Launch::running(start, vec![onnx, made(file, commands)])
}

/// `run_model` of DX-RT with a file of DX-COM.
fn dx_rt(c: &Configuration<'_>) -> Launch {
    let onnx = files::onnx(c);
    let folder = files::planned(c, "");
    let file = format!("{folder}/{}.dxnn", files::name(c).to_lowercase());
    let config = format!("{}.json", files::name(c).to_lowercase());
    let compile = Command::new("dxcom").flag("-m", &onnx.path).flag("-c", config).flag("-o", &folder);
    let start = Command::new("run_model").flag("-m", &file);
    Launch::running(start, vec![onnx, made(file, vec![compile])])
}

/// `mx_bench` with a file of the Neural Compiler (developer.memryx.com).
fn memryx(c: &Configuration<'_>) -> Launch {
    let by = ("MemryX Neural Compiler", "https://developer.memryx.com/tools/neural_compiler.html");
    compiled(c, ".dfp", |file| Command::new("mx_bench").flag("-d", file).flag("-f", 1000), by)
}

/// `atc` and the benchmark tool of CANN.
fn cann(c: &Configuration<'_>) -> Launch {
    let onnx = files::onnx(c);
    let stem = files::planned(c, "");
    let file = format!("{stem}.om");
    let convert = Command::new("atc")
        .joined("--model", &onnx.path)
        .joined("--framework", 5)
        .joined("--output", &stem)
        .joined("--soc_version", "Ascend310B4");
    let start = Command::new("python3").flag("-m", "ais_bench").flag("--model", &file);
    Launch::running(start, vec![onnx, made(file, vec![convert])])
}
