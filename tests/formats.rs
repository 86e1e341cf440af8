//! Weight formats: what is considered by default, what is left out and why, and what a chip runs.

#![expect(clippy::unwrap_used, reason = "a test stops where its world is not as it should be")]

use assert_cmd::Command;
use edgemem::catalog::Catalog;
use edgemem::planner::budget::{format_of, runtime_on};
use edgemem::units::Share;

fn loss(model: &str, runtime: &str, format: &str) -> Option<Share> {
    let catalog = Catalog::shipped().unwrap();
    let model = catalog.model(model).unwrap();
    catalog.quality_loss(&model, catalog.runtime_by_id(runtime).unwrap(), catalog.format(format).unwrap())
}

fn edgemem(arguments: &[&str], scenario: &str) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scenario.yaml");
    std::fs::write(&file, scenario).unwrap();
    let mut command = Command::cargo_bin("edgemem").unwrap();
    let output = command.arg(arguments[0]).arg(&file).args(&arguments[1..]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text)
}

#[test]
fn int8_of_a_network_costs_what_was_published() {
    // Hailo's model zoo: YOLO11n 39.0 float; 37.8 on the Hailo-8, 37.9 on the Hailo-10H: 3.1 %, told as 4.
    assert_eq!(loss("YOLO11n", "hailort", "int8"), Some(Share(40_000)));
    // ResNet-50 75.2 float, 74.7 on either: 0.7 %.
    assert_eq!(loss("resnet50", "hailort", "w8a8"), Some(Share(10_000)));
    // Ultralytics' page on TensorRT: YOLOv8n 0.37 float, 0.33 in 8 bits.
    assert!(loss("YOLOv8n", "tensorrt", "int8").unwrap() > Share(100_000));
    // What an engine did not publish is that of its class; what no engine published stays unknown.
    assert_eq!(loss("YOLO26m", "hailort", "int8"), Some(Share(50_000)));
    assert!(loss("resnet101", "memryx", "int8").unwrap() <= Share(20_000));
    assert_eq!(loss("YOLO11n", "tensorrt", "f16"), Some(Share::ZERO));
    assert_eq!(loss("YOLO11n", "tensorrt", "fp8"), None);
}

#[test]
fn a_model_loses_nothing_in_the_format_it_was_made_for() {
    assert_eq!(loss("openai/gpt-oss-20b", "llama.cpp-cuda", "mxfp4"), Some(Share::ZERO));
    assert_eq!(loss("Qwen/Qwen3-8B", "llama.cpp-cuda", "mxfp4"), None);
    assert_eq!(loss("google/gemma-3-12b-it", "llama.cpp-cuda", "q4_0"), Some(Share::ZERO));
    assert!(loss("google/gemma-3-12b-it", "llama.cpp-cuda", "q4_k_m").unwrap() > Share::ZERO);
}

#[test]
fn an_accelerator_of_integers_is_planned_in_integers() {
    for (device, runtime) in [("raspberry-pi-5-8gb-ai-hat-26", "hailort"), ("orange-pi-5-plus-16gb", "rknn")] {
        let scenario = format!(
            "scenario: a classifier\nallow: {{ unverified: true, devices: [{device}] }}\nworkloads:\n  \
             - {{ name: see, model: resnet50, runtimes: [{runtime}], targets: {{ inferences_s: 5 }} }}\n"
        );
        let (_, table) = edgemem(&["candidates", "--format", "csv"], &scenario);
        assert!(table.lines().any(|l| l.contains(",int8,") && l.contains(runtime)), "{table}");
    }
}

#[test]
fn what_is_left_out_says_why_and_what_to_write() {
    let scenario = "scenario: assistant on an NPU\nallow: { unverified: true, devices: [orange-pi-5-plus-16gb] }\n\
                    workloads:\n  - { name: chat, model: Qwen/Qwen3-4B, context: 4096, runtimes: [rkllm], \
                    targets: { decode_tok_s: 3 } }\n";
    let (_, table) = edgemem(&["candidates", "--all", "--format", "csv"], scenario);
    let row =
        |format: &str| table.lines().find(|l| l.contains(&format!(",{format},"))).unwrap_or_else(|| panic!("{table}"));
    assert!(row("w8a8").contains("its loss of quality is unknown (`weights: [w8a8]` admits it)"), "{table}");
    assert!(row("w4a16").contains("does not run w4a16 on this chip"), "{table}");
    let (code, text) = edgemem(&["plan"], scenario);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("w8a8") && text.contains("loss of quality"), "{text}");
    let (code, text) = edgemem(&["plan"], &scenario.replace("runtimes: [rkllm]", "runtimes: [rkllm], weights: [w8a8]"));
    assert_eq!(code, 0, "{text}");
}

#[test]
fn formats_hold_per_chip() {
    let catalog = Catalog::shipped().unwrap();
    let ask = |device: &str, model: &str, runtime: &str, format: &str| {
        let (device, _) = catalog.device(device).unwrap();
        let model = catalog.model(model).unwrap();
        let runtime = runtime_on(&catalog, device, &model, Some(runtime), None).unwrap();
        format_of(&catalog, device, runtime, &model, Some(format)).map(|f| f.id.clone())
    };
    // RKLLM's guide: RK3588 takes w8a8, RK3576 w4a16 too.
    assert!(ask("orange-pi-5-plus-16gb", "Qwen/Qwen3-4B", "rkllm", "w4a16").is_err());
    assert!(ask("orange-pi-5-plus-16gb", "Qwen/Qwen3-4B", "rkllm", "w8a8").is_ok());
    assert!(ask("radxa-rock-4d-16gb", "Qwen/Qwen3-4B", "rkllm", "w4a16").is_ok());
    // OpenVINO issue 34187: mixtures on integrated GPUs.
    assert!(ask("lunar-lake-mini-32gb", "Qwen/Qwen3-30B-A3B", "openvino-genai", "int4").is_err());
    assert!(ask("lunar-lake-mini-32gb", "Qwen/Qwen3-8B", "openvino-genai", "int4").is_ok());
    // TensorRT's support matrix: Maxwell has no integers.
    assert!(ask("jetson-nano-4gb", "resnet50", "tensorrt", "int8").is_err());
    // Floats of 4 bits need Blackwell.
    assert!(ask("rtx-4090", "Qwen/Qwen3-8B", "vllm", "nvfp4").is_err());
    assert!(ask("rtx-5090", "Qwen/Qwen3-8B", "vllm", "nvfp4").is_ok());
    // mlx-lm loads gpt-oss as published.
    assert!(ask("mac-mini-m4-16gb", "openai/gpt-oss-20b", "mlx", "mxfp4").is_ok());
}
