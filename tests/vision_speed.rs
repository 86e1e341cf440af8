//! Vision and speech estimates as a planner meets them.

#![expect(clippy::unwrap_used, reason = "a test stops where its world is not as it should be")]

use edgemem::catalog::Catalog;
use edgemem::domain::{KvPair, PowerMode};
use edgemem::memory::{Case, Demand, Footprint, Weights, footprint};
use edgemem::speed::{Basis, NetworkSpeed, network_speed};
use edgemem::units::{Bytes, MIB, Share};

struct Question<'a> {
    model: &'a str,
    device: &'a str,
    mode: Option<&'a str>,
    runtime: &'a str,
    format: &'a str,
}

fn ask(model: &'static str, device: &'static str, runtime: &'static str, format: &'static str) -> Question<'static> {
    Question { model, device, mode: None, runtime, format }
}

fn with<T>(question: &Question<'_>, demand: Demand, f: impl Fn(&Case<'_>, &PowerMode, &Catalog) -> T) -> T {
    let catalog = Catalog::shipped().unwrap();
    let (device, _) = catalog.device(question.device).unwrap();
    let mode = match question.mode {
        Some(id) => device.modes.iter().find(|m| m.id == id).unwrap(),
        None => device.default_mode().unwrap(),
    };
    let model = catalog.model(question.model).unwrap();
    let format = catalog.format(question.format).unwrap();
    let weights = Weights::of(&model, format).unwrap();
    let case = Case {
        device,
        runtime: catalog.runtime_by_id(question.runtime).unwrap(),
        model: &model,
        format,
        weights: &weights,
        kv: KvPair::F16,
        flash_attention: true,
        demand,
    };
    f(&case, mode, &catalog)
}

fn speed_at(question: &Question<'_>, confidence: u64) -> NetworkSpeed {
    with(question, Demand::default(), |case, mode, catalog| {
        network_speed(case, mode, Share(confidence), catalog.calibration()).unwrap()
    })
}

fn speed(question: &Question<'_>) -> NetworkSpeed {
    speed_at(question, 900_000)
}

fn memory(question: &Question<'_>, demand: Demand) -> Footprint {
    with(question, demand, |case, _, _| footprint(case).unwrap())
}

#[test]
fn a_measured_network_is_answered_with_its_measurement() {
    let orin = Question { mode: Some("MAXN"), ..ask("YOLO11s", "jetson-orin-nx-16gb", "tensorrt", "int8") };
    let estimate = speed(&orin);
    // 5.63 ms by Ultralytics' guide.
    assert!((estimate.latency.median.0 - 0.00563).abs() < 0.0003, "{:?}", estimate.latency);
    assert_eq!(estimate.basis, Basis::Measured);
    assert!((estimate.inferences.median.0 * estimate.latency.median.0 - 1.0).abs() < 1e-9);
}

#[test]
fn names_of_one_format_are_one_question() {
    let [int8, w8a8] = ["int8", "w8a8"].map(|f| speed(&ask("yolov8n", "qualcomm-rb3-gen2", "litert-qnn", f)));
    assert_eq!(int8.basis, w8a8.basis);
    assert_eq!(int8.basis, Basis::Measured);
}

#[test]
fn less_knowledge_means_a_wider_range() {
    let width = |q: &Question<'_>| {
        let s = speed(q).inferences;
        s.high.0 / s.low.0
    };
    let measured = width(&ask("yolov8n", "hailo-8l-m2", "hailort", "int8"));
    let relative = width(&ask("yolov8n", "hailo-8-m2", "hailort", "int8"));
    let borrowed = width(&ask("yolov8n", "memryx-mx3-m2", "memryx", "int8"));
    assert!(measured < relative && relative < borrowed, "{measured} {relative} {borrowed}");
}

#[test]
fn more_confidence_means_a_wider_range_around_the_same_median() {
    let question = ask("yolo11m", "jetson-agx-orin-64gb", "tensorrt", "f16");
    let mut before: Option<NetworkSpeed> = None;
    for confidence in [500_000, 700_000, 800_000, 900_000, 950_000, 990_000] {
        let now = speed_at(&question, confidence);
        assert!(now.latency.low.0 <= now.latency.median.0 && now.latency.median.0 <= now.latency.high.0);
        if let Some(before) = before {
            assert_eq!(before.latency.median, now.latency.median);
            assert!(now.latency.high.0 > before.latency.high.0, "at {confidence}");
        }
        before = Some(now);
    }
}

#[test]
fn a_slower_mode_is_slower() {
    let mut before = 0.0;
    for mode in ["7W", "15W", "25W", "MAXN_SUPER"] {
        let question = Question { mode: Some(mode), ..ask("yolo11m", "jetson-orin-nano-8gb", "tensorrt", "f16") };
        let rate = speed(&question).inferences.median.0;
        assert!(rate > before, "{mode}: {rate} after {before}");
        before = rate;
    }
}

#[test]
fn a_larger_network_of_a_family_is_slower() {
    for (device, runtime, format) in [
        ("hailo-10h-m2-8gb", "hailort", "int8"),
        ("nvidia-dgx-spark", "tensorrt", "f16"),
        ("rtx-4090", "tensorrt", "f16"),
    ] {
        let rates = ["yolov8n", "yolov8s", "yolov8m", "yolov8l", "yolov8x"]
            .map(|model| speed(&ask(model, device, runtime, format)).inferences.median.0);
        assert!(rates.windows(2).all(|w| w[1] < w[0]), "{device}: {rates:?}");
    }
}

#[test]
fn an_engine_that_falls_back_to_the_cpu_is_not_sold_as_the_npu() {
    let npu = speed(&ask("yolov8n", "qualcomm-rb3-gen2", "qnn", "w8a16"));
    let fallen = speed(&ask("yolov8n", "qualcomm-rb3-gen2", "onnxruntime-qnn", "w8a16"));
    // 8.74 ms on the NPU, 344 ms where ONNX Runtime ran it on the CPU (AI Hub).
    assert!(npu.latency.median.0 < 0.012, "{:?}", npu.latency);
    assert!(fallen.latency.median.0 > 0.25, "{:?}", fallen.latency);
}

#[test]
fn a_speech_window_is_the_encoder_once_and_a_hundred_tokens() {
    // whisper.cpp's own benchmark on a DGX Spark, small, f16, flash attention: 16.95 ms and 2.0 ms a token.
    let estimate = speed(&ask("whisper-small", "nvidia-dgx-spark", "whisper.cpp-cuda", "f16"));
    assert!((estimate.latency.median.0 - 0.217).abs() < 0.01, "{:?}", estimate.latency);
}

#[test]
fn every_network_of_the_catalog_is_answered_on_a_jetson() {
    let catalog = Catalog::shipped().unwrap();
    let networks: Vec<String> = catalog.model_entries().filter(|m| m.network.is_some()).map(|m| m.id.clone()).collect();
    assert!(networks.len() >= 80, "{}", networks.len());
    for model in &networks {
        let question =
            Question { model, device: "jetson-orin-nx-16gb", mode: None, runtime: "onnxruntime-cuda", format: "f16" };
        let s = speed(&question);
        assert!(s.inferences.low.0 > 0.0 && s.inferences.high.0.is_finite(), "{model}");
        assert!(memory(&question, Demand::default()).main.compute > Bytes::ZERO, "{model}");
    }
}

#[test]
fn whisper_cpp_takes_no_less_than_its_documentation_says() {
    // Totals of whisper.cpp's documentation in MB, before flash attention became the default.
    for (model, total) in [("tiny", 273), ("base", 388), ("small", 852), ("medium", 2100), ("large-v2", 3900)] {
        let id = format!("openai/whisper-{model}");
        let question = Question {
            model: &id,
            device: "raspberry-pi-5-8gb",
            mode: None,
            runtime: "whisper.cpp-cpu",
            format: "f16",
        };
        let estimate = with(&question, Demand::default(), |case, _, _| {
            footprint(&Case { flash_attention: false, ..*case }).unwrap().main.total().0
        });
        let total = total * 1_000_000;
        assert!(
            estimate >= total && estimate < total * 5 / 4,
            "{model}: {} MiB for {} MiB",
            estimate / MIB,
            total / MIB
        );
    }
}

#[test]
fn more_streams_and_wider_numbers_never_take_less() {
    let question = |format| ask("yolo11m", "jetson-orin-nx-16gb", "onnxruntime-cuda", format);
    let own = |format, streams| memory(&question(format), Demand { streams, ..Demand::default() }).main.own();
    assert!(own("f16", 1) < own("f16", 2) && own("f16", 2) < own("f16", 8));
    assert!(own("int8", 1) < own("f16", 1) && own("f16", 1) < own("f32", 1));
    // YOLO26 n to x on a phone by ExecuTorch: peaks of 44 to 309 MB.
    for (size, peak) in [("n", 44), ("s", 82), ("m", 158), ("l", 172), ("x", 309)] {
        let id = format!("ultralytics/YOLO26{size}");
        let question = Question {
            model: &id,
            device: "raspberry-pi-5-8gb",
            mode: None,
            runtime: "executorch-xnnpack",
            format: "f32",
        };
        assert!(memory(&question, Demand::default()).main.own() >= Bytes(peak * 1_000_000), "{size}");
    }
}
