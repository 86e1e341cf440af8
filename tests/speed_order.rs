//! Speeds never contradict each other: over the whole catalog fewer bits are never slower, a larger network of a family is
//! never faster, and no stream is faster for others beside it.

#![expect(clippy::unwrap_used, reason = "a test stops where its world is not as it should be")]

use edgemem::catalog::Catalog;
use edgemem::domain::{Device, Format, KvPair, Model, PowerMode, Runtime};
use edgemem::memory::{Case, Demand, Weights};
use edgemem::speed::{language_speed, network_speed};
use edgemem::units::Share;

/// What is more than a rounding error.
const MORE: f64 = 1.0 + 1e-9;

/// Unfavourable bound, median and favourable bound of the rate; nothing where there is no estimate.
fn rates(
    catalog: &Catalog,
    device: &Device,
    mode: &PowerMode,
    runtime: &Runtime,
    model: &Model,
    weights: &(&Format, Weights),
) -> Option<[f64; 3]> {
    let case = Case {
        device,
        runtime,
        model,
        format: weights.0,
        weights: &weights.1,
        kv: KvPair::F16,
        flash_attention: true,
        demand: Demand::default(),
    };
    let speed = network_speed(&case, mode, Share(900_000), catalog.calibration()).ok()?.inferences;
    Some([speed.low.0, speed.median.0, speed.high.0])
}

fn networks(catalog: &Catalog) -> Vec<Model> {
    let ids = catalog.model_entries().filter(|m| m.network.is_some()).map(|m| m.id.clone());
    ids.map(|id| catalog.model(&id).unwrap()).collect()
}

fn in_formats<'a>(catalog: &'a Catalog, model: &Model, formats: &[&str]) -> Vec<(&'a Format, Weights)> {
    let of = |id: &&str| {
        let format = catalog.format(id).unwrap();
        (format, Weights::of(model, format).unwrap())
    };
    formats.iter().map(of).collect()
}

/// Every device in every mode with every engine that runs networks.
fn places(catalog: &Catalog) -> impl Iterator<Item = (&Device, &PowerMode, &Runtime)> {
    catalog.devices().flat_map(move |device| {
        let runtimes = device.runtimes.iter().filter_map(|id| catalog.runtime_by_id(id));
        runtimes.flat_map(move |runtime| device.modes.iter().map(move |mode| (device, mode, runtime)))
    })
}

#[test]
fn fewer_bits_are_never_slower() {
    let catalog = Catalog::shipped().unwrap();
    let formats = ["int8", "f16", "f32"];
    let models: Vec<_> = networks(&catalog).into_iter().map(|m| (in_formats(&catalog, &m, &formats), m)).collect();
    let mut compared = 0;
    for (device, mode, runtime) in places(&catalog) {
        for (weights, model) in models.iter().filter(|(_, m)| runtime.tasks.contains(&m.task)) {
            let runs = |f: &Format| runtime.loads(f) && runtime.exception(device, model, f).is_none();
            let known: Vec<_> = weights
                .iter()
                .filter(|(format, _)| runs(format))
                .filter_map(|w| Some((w.0, rates(&catalog, device, mode, runtime, model, w)?)))
                .collect();
            for pair in known.windows(2) {
                let [(fast, few), (slow, many)] = pair else { unreachable!() };
                // An engine that was seen to compute one of them on the CPU is another machine (a Hexagon's ONNX Runtime).
                let chip = catalog.calibration().vision.chip(edgemem::speed::vision::Unit::Npu, &device.id);
                let on_cpu = &catalog.calibration().vision.on_cpu;
                if chip
                    .is_some_and(|c| on_cpu.iter().any(|k| k.starts_with(&format!("{} {} ", c.id, runtime.engine_id))))
                {
                    continue;
                }
                compared += 1;
                for (a, b) in few.iter().zip(many) {
                    assert!(
                        a * MORE >= *b,
                        "{} {} {} {}: {} {few:?}, {} {many:?}",
                        device.id,
                        mode.id,
                        runtime.id,
                        model.id,
                        fast.id,
                        slow.id
                    );
                }
            }
        }
    }
    assert!(compared > 10_000, "{compared}");
}

#[test]
fn half_precision_pays_where_the_chip_has_a_unit_for_it() {
    let catalog = Catalog::shipped().unwrap();
    let model = catalog.model("YOLO11m").unwrap();
    let weights = in_formats(&catalog, &model, &["f16", "f32"]);
    for device in ["jetson-orin-nano-super-devkit", "jetson-agx-orin-64gb", "rtx-4090", "nvidia-l4", "rtx-3060-12gb"] {
        let (device, _) = catalog.device(device).unwrap();
        let runtime = catalog.runtime_by_id("tensorrt").unwrap();
        for mode in &device.modes {
            let [half, single] = [0, 1].map(|i| rates(&catalog, device, mode, runtime, &model, &weights[i]).unwrap());
            for (h, s) in half.iter().zip(single) {
                assert!(h * MORE >= 1.5 * s, "{} {}: {half:?} {single:?}", device.id, mode.id);
            }
        }
    }
}

#[test]
fn a_larger_network_of_a_family_is_never_faster() {
    let catalog = Catalog::shipped().unwrap();
    let yolo = |design: &str| ["n", "s", "m", "l", "x"].map(|size| format!("ultralytics/{design}{size}")).to_vec();
    let list = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let families = [
        yolo("YOLOv8"),
        yolo("YOLO11"),
        yolo("YOLO26"),
        list(&["timm/resnet18", "timm/resnet50", "timm/resnet101"]),
        list(&[
            "timm/vit_tiny_patch16_224",
            "timm/vit_small_patch16_224",
            "timm/vit_base_patch16_224",
            "timm/vit_large_patch16_224",
        ]),
        list(&[
            "openai/whisper-tiny",
            "openai/whisper-base",
            "openai/whisper-small",
            "openai/whisper-medium",
            "openai/whisper-large-v3",
        ]),
    ];
    let mut compared = 0;
    for ids in families {
        for format in ["int8", "f16", "f32", "q5_0"] {
            let models: Vec<_> = ids
                .iter()
                .map(|id| catalog.model(id).unwrap())
                .map(|m| (in_formats(&catalog, &m, &[format]).remove(0), m))
                .collect();
            for (device, mode, runtime) in places(&catalog) {
                let (first, model) = &models[0];
                if !runtime.tasks.contains(&model.task) || !runtime.loads(first.0) {
                    continue;
                }
                let known: Vec<_> = models
                    .iter()
                    .filter_map(|(w, m)| Some((m, rates(&catalog, device, mode, runtime, m, w)?)))
                    .collect();
                for pair in known.windows(2) {
                    let [(small, fast), (large, slow)] = pair else { unreachable!() };
                    compared += 1;
                    for (a, b) in fast.iter().zip(slow) {
                        assert!(
                            a * MORE >= *b,
                            "{} {} {} {format}: {} {fast:?}, {} {slow:?}",
                            device.id,
                            mode.id,
                            runtime.id,
                            small.id,
                            large.id
                        );
                    }
                }
            }
        }
    }
    assert!(compared > 10_000, "{compared}");
}

#[test]
fn no_stream_is_faster_for_others_beside_it() {
    let catalog = Catalog::shipped().unwrap();
    let models = ["meta-llama/Llama-3.3-70B-Instruct", "Qwen/Qwen3-8B", "openai/gpt-oss-20b", "Qwen/Qwen3.6-35B-A3B"];
    let mut compared = 0;
    for id in models {
        let model = catalog.model(id).unwrap();
        for (device, mode, runtime) in places(&catalog) {
            let Some(format) = runtime.formats.first().map(|f| catalog.format(f).unwrap()) else { continue };
            let Ok(weights) = Weights::of(&model, format) else { continue };
            let decode = |streams| {
                let case = Case {
                    device,
                    runtime,
                    model: &model,
                    format,
                    weights: &weights,
                    kv: KvPair::F16,
                    flash_attention: true,
                    demand: Demand { streams, context: 4096, prompt: 512, ..Demand::default() },
                };
                let rate = language_speed(&case, mode, Share(900_000), catalog.calibration()).ok()?.decode?;
                Some([rate.low.0, rate.median.0, rate.high.0])
            };
            let known: Vec<_> = [1, 2, 3, 4, 8, 16, 64].into_iter().filter_map(|n| Some((n, decode(n)?))).collect();
            for pair in known.windows(2) {
                let [(n, few), (m, many)] = pair else { unreachable!() };
                compared += 1;
                for (a, b) in few.iter().zip(many) {
                    assert!(a * MORE >= *b, "{} {} {} {id}: {n} {few:?}, {m} {many:?}", device.id, mode.id, runtime.id);
                }
            }
        }
    }
    assert!(compared > 5_000, "{compared}");
}
