//! What must hold of every estimate of a language model's speed, whatever the constants are.

use edgemem::catalog::Catalog;
use edgemem::domain::{Device, Format, KvPair, KvType, Model, PowerMode, Runtime};
use edgemem::memory::{Case, Demand, Weights};
use edgemem::speed::{Basis, LanguageSpeed, NoEstimate, language_speed};
use edgemem::units::{BytesPerSecond, OpsPerSecond, Share};

const CONFIDENCE: Share = Share(900_000);

/// Devices with a runtime each: measured and not, unified and discrete, GPU, CPU and neural processor.
const HARDWARE: [(&str, &str); 9] = [
    ("jetson-orin-nano-8gb", "llama.cpp-cuda"),
    ("jetson-agx-thor-devkit", "tensorrt-edge-llm"),
    ("rtx-4090", "llama.cpp-cuda"),
    ("rtx-5090", "vllm"),
    ("arc-b580", "llama.cpp-vulkan"),
    ("mac-mini-m4pro-48gb", "mlx"),
    ("raspberry-pi-5-8gb", "llama.cpp-cpu"),
    ("orange-pi-5-plus-16gb", "rkllm"),
    ("framework-desktop-128gb", "llama.cpp-vulkan"),
];

const MODELS: [&str; 5] =
    ["meta-llama/Llama-3.2-3B", "Qwen/Qwen3-8B", "Qwen/Qwen3-30B-A3B", "google/gemma-3-27b-it", "Qwen/Qwen3.5-4B"];

struct Bench {
    catalog: Catalog,
}

struct Setup<'a> {
    device: &'a Device,
    runtime: &'a Runtime,
    mode: PowerMode,
    model: Model,
    format: &'a Format,
    weights: Weights,
    demand: Demand,
    kv: KvPair,
}

impl Bench {
    fn new() -> Self {
        Self { catalog: Catalog::shipped().expect("the shipped catalogs load") }
    }

    fn setup(&self, device: &str, runtime: &str, model: &str, format: &str) -> Setup<'_> {
        let (device, _) = self.catalog.device(device).expect("a shipped device");
        let model = self.catalog.model(model).expect("a shipped model");
        let format = self.catalog.format(format).expect("a shipped format");
        let weights = Weights::of(&model, format).expect("weights of ordinary size");
        Setup {
            device,
            runtime: self.catalog.runtime_by_id(runtime).expect("a shipped runtime"),
            mode: device.default_mode().expect("every device has a mode").clone(),
            model,
            format,
            weights,
            demand: Demand { context: 2048, prompt: 1024, ..Demand::default() },
            kv: KvPair::F16,
        }
    }

    fn ask(&self, setup: &Setup<'_>, confidence: Share) -> Result<LanguageSpeed, NoEstimate> {
        let case = Case {
            device: setup.device,
            runtime: setup.runtime,
            model: &setup.model,
            format: setup.format,
            weights: &setup.weights,
            kv: setup.kv,
            flash_attention: true,
            demand: setup.demand,
        };
        language_speed(&case, &setup.mode, confidence, self.catalog.calibration())
    }

    /// Every hardware with every model.
    fn each(&self, mut check: impl FnMut(&Self, Setup<'_>)) {
        for (device, runtime) in HARDWARE {
            for model in MODELS {
                check(self, self.setup(device, runtime, model, "q4_k_m"));
            }
        }
    }

    fn speed(&self, setup: &Setup<'_>) -> LanguageSpeed {
        self.ask(setup, CONFIDENCE).expect("an estimate")
    }
}

fn decode(speed: &LanguageSpeed) -> f64 {
    speed.decode.expect("these models decode").median.0
}

#[test]
fn more_bandwidth_is_never_slower() {
    Bench::new().each(|bench, mut setup| {
        let before = bench.speed(&setup);
        setup.mode.bandwidth = setup.mode.bandwidth.map(|b| BytesPerSecond(b.0 * 1.3));
        let after = bench.speed(&setup);
        assert!(decode(&after) > decode(&before), "{} {}", setup.device.id, setup.model.id);
        assert!(after.ttft.median <= before.ttft.median, "{} {}", setup.device.id, setup.model.id);
    });
}

#[test]
fn more_compute_is_never_slower() {
    Bench::new().each(|bench, mut setup| {
        let before = bench.speed(&setup);
        let more = |o: Option<OpsPerSecond>| o.map(|o| OpsPerSecond(o.0 * 1.3));
        setup.mode.compute.fp16 = more(setup.mode.compute.fp16);
        setup.mode.compute.int8 = more(setup.mode.compute.int8);
        let after = bench.speed(&setup);
        assert!(decode(&after) >= decode(&before), "{} {}", setup.device.id, setup.model.id);
        assert!(after.prefill.median >= before.prefill.median, "{} {}", setup.device.id, setup.model.id);
    });
}

#[test]
fn a_longer_context_is_never_faster() {
    Bench::new().each(|bench, mut setup| {
        let mut last = f64::INFINITY;
        for context in [128, 1024, 4096, 8192, 32_768] {
            setup.demand.context = context;
            let rate = decode(&bench.speed(&setup));
            assert!(rate <= last, "{} {} at {context}", setup.device.id, setup.model.id);
            last = rate;
        }
    });
}

#[test]
fn a_smaller_cache_type_is_never_slower() {
    Bench::new().each(|bench, mut setup| {
        setup.demand.context = 16_384;
        let wide = decode(&bench.speed(&setup));
        setup.kv = KvPair { k: KvType::Q8_0, v: KvType::Q8_0 };
        assert!(decode(&bench.speed(&setup)) >= wide, "{} {}", setup.device.id, setup.model.id);
    });
}

#[test]
fn more_streams_never_lower_the_total_rate() {
    Bench::new().each(|bench, mut setup| {
        let mut last = 0.0;
        for streams in [1, 2, 3, 4, 8, 16, 64] {
            setup.demand.streams = streams;
            let each = decode(&bench.speed(&setup));
            let total = each * f64::from(streams);
            assert!(
                total >= last * (1.0 - 1e-12),
                "{} {} with {streams}: {total} < {last}",
                setup.device.id,
                setup.model.id
            );
            last = total;
        }
    });
}

#[test]
fn a_longer_prompt_takes_longer() {
    Bench::new().each(|bench, mut setup| {
        let mut last = 0.0;
        for prompt in [1, 16, 128, 512, 2048, 16_384] {
            setup.demand.prompt = prompt;
            let time = bench.speed(&setup).ttft.median.0;
            assert!(time > last, "{} {} at {prompt}", setup.device.id, setup.model.id);
            last = time;
        }
    });
}

#[test]
fn a_bigger_format_is_never_faster_where_memory_binds() {
    let bench = Bench::new();
    for (device, runtime) in [("rtx-4090", "llama.cpp-cuda"), ("mac-mini-m4pro-48gb", "llama.cpp-metal")] {
        for model in ["Qwen/Qwen2.5-14B", "mistralai/Mistral-7B-v0.1"] {
            let mut last = f64::INFINITY;
            for format in ["q4_k_m", "q5_k_m", "q6_k", "q8_0", "f16"] {
                let rate = decode(&bench.speed(&bench.setup(device, runtime, model, format)));
                assert!(rate < last, "{device} {model} {format}: {rate} >= {last}");
                last = rate;
            }
        }
    }
}

#[test]
fn ranges_hold_their_median_and_widen_with_confidence() {
    Bench::new().each(|bench, setup| {
        let mut last: Option<LanguageSpeed> = None;
        for confidence in [500_000, 600_000, 750_000, 900_000, 950_000, 990_000] {
            let speed = bench.ask(&setup, Share(confidence)).expect("an estimate");
            let rate = speed.decode.expect("decodes");
            assert!(rate.low < rate.median && rate.median < rate.high);
            assert!(speed.prefill.low < speed.prefill.median && speed.prefill.median < speed.prefill.high);
            assert!(speed.ttft.low < speed.ttft.median && speed.ttft.median < speed.ttft.high);
            if let Some(narrower) = last {
                let before = narrower.decode.expect("decodes");
                assert!(rate.low <= before.low && rate.high >= before.high, "{}", setup.device.id);
                assert!(speed.prefill.low <= narrower.prefill.low && speed.prefill.high >= narrower.prefill.high);
            }
            last = Some(speed);
        }
    });
}

#[test]
fn a_slower_power_mode_is_slower_in_both() {
    let bench = Bench::new();
    let mut setup = bench.setup("jetson-orin-nano-8gb", "llama.cpp-cuda", "meta-llama/Llama-3.2-3B", "q4_k_m");
    let speed_in = |setup: &mut Setup<'_>, mode: &str| {
        setup.mode = setup.device.modes.iter().find(|m| m.id == mode).expect("a mode of the device").clone();
        bench.speed(setup)
    };
    let slow = speed_in(&mut setup, "15W");
    let fast = speed_in(&mut setup, "MAXN_SUPER");
    assert!(decode(&fast) > 1.2 * decode(&slow));
    assert!(fast.prefill.median.0 > 1.2 * slow.prefill.median.0);
}

#[test]
fn what_was_measured_is_known_best() {
    let bench = Bench::new();
    let measured = bench.setup("nvidia-l40s", "llama.cpp-cuda", "meta-llama/Meta-Llama-3-8B", "q4_k_m");
    let other_model = bench.setup("nvidia-l40s", "llama.cpp-cuda", "Qwen/Qwen2.5-14B", "q4_k_m");
    let other_device = bench.setup("nvidia-a10", "llama.cpp-cuda", "Qwen/Qwen2.5-14B", "q4_k_m");
    let speeds = [&measured, &other_model, &other_device].map(|s| bench.speed(s));
    assert_eq!(speeds.map(|s| s.basis), [Basis::Measured, Basis::Device, Basis::Class]);
    let widths = speeds.map(|s| s.decode.map_or(0.0, |d| d.high.0 / d.low.0));
    assert!(widths[0] < widths[1] && widths[1] < widths[2], "{widths:?}");
}

#[test]
fn the_measured_rate_of_a_device_is_met() {
    // github:XiongjieDai/GPU-Benchmarks-on-LLM-Inference: 113.6 tokens/s after 1024 tokens.
    let bench = Bench::new();
    let mut setup = bench.setup("nvidia-l40s", "llama.cpp-cuda", "meta-llama/Meta-Llama-3-8B", "q4_k_m");
    setup.demand.context = 1024;
    let rate = bench.speed(&setup).decode.expect("decodes");
    assert!(rate.low.0 < 113.6 && 113.6 < rate.high.0, "{rate:?}");
}

#[test]
fn an_unknown_bandwidth_gives_no_estimate() {
    let bench = Bench::new();
    let mut setup = bench.setup("rtx-4090", "llama.cpp-cuda", "Qwen/Qwen3-8B", "q4_k_m");
    setup.mode.bandwidth = None;
    assert!(matches!(bench.ask(&setup, CONFIDENCE), Err(NoEstimate::Unknown(_))));
}
