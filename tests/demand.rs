//! What is asked for: of each stream, of an input of a text encoder, of an image.

use std::sync::{Arc, LazyLock};

use edgemem::candidates::{Generated, Options, generate};
use edgemem::catalog::Catalog;
use edgemem::diag::Diagnostic;
use edgemem::planner::{self, Plan, limits::limits};
use edgemem::report;
use edgemem::scenario::{self, Document, Scenario};
use edgemem::solve::{SearchLimits, Status};
use serde_json::Value;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::shipped().unwrap());

fn resolved(text: &str) -> Result<Scenario, Diagnostic> {
    let doc = Document::parse("test.yaml", text)?;
    scenario::resolve(&doc, &CATALOG, &|name: &str| CATALOG.model(name).map(Arc::new))
}

fn plan(text: &str) -> Plan<'static> {
    let scenario = resolved(text).unwrap_or_else(|e| panic!("{e}"));
    planner::plan(&scenario, &CATALOG, 0, &SearchLimits::default(), &mut |_| {})
}

fn told(plan: &Plan<'_>) -> String {
    report::plan_text(plan, Some(140))
}

fn all_candidates(text: &str) -> Generated<'static> {
    generate(&resolved(text).unwrap_or_else(|e| panic!("{e}")), &CATALOG, Options { all: true, ..Options::default() })
}

fn on_one(device: &str, workload: &str) -> String {
    format!("allow: {{ devices: [{device}], unverified: true }}\nworkloads:\n  - {{ name: it, {workload} }}\n")
}

/// The workloads of a plan for programs.
fn workloads(plan: &Plan<'_>) -> Vec<Value> {
    let value = report::plan_value(plan);
    let sites = value["sites"].as_array().unwrap();
    let devices = sites.iter().flat_map(|site| site["devices"].as_array().unwrap());
    devices.flat_map(|device| device["workloads"].as_array().unwrap()).cloned().collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

#[test]
fn every_camera_must_reach_the_rate() {
    let asked = |streams: u32| {
        on_one(
            "jetson-agx-orin-devkit-64gb",
            &format!("model: YOLO11m, streams: {streams}, weights: [f16], targets: {{ inferences_s: 15 }}"),
        )
    };
    let fastest = all_candidates(&asked(1)).candidates;
    let fastest = fastest.iter().filter_map(|c| Some(c.speed?.inferences()?.low.0));
    let low = fastest.fold(0.0, f64::max);
    let most = (low * 0.9 / 15.0).floor() as u32;
    assert!((2..24).contains(&most), "{low} a second");
    let several = plan(&asked(most));
    assert_eq!(several.status, Status::Optimal);
    let it = &workloads(&several)[0];
    // load = streams x target x duty / rate of one stream alone
    let load = f64::from(most) * 15.0 / number(&it["inferences_s_low"]);
    assert!((number(&it["load"]) - load).abs() < 1e-5, "{} is not {load}", it["load"]);
    assert_eq!(number(&it["wanted"]["per_stream"]), 15.0);
    assert_eq!(number(&it["wanted"]["total"]), f64::from(most) * 15.0);
    let text = told(&several);
    assert!(text.contains(&format!("(wanted {most} x 15 = {})", most * 15)), "{text}");
    assert!(text.contains("of the network alone"), "{text}");
    for streams in [most + 1, 24] {
        assert_eq!(plan(&asked(streams)).status, Status::Infeasible, "{streams}");
    }
    let refused = told(&plan(&asked(24)));
    assert!(refused.contains("24 x 15 = 360 wanted"), "{refused}");
    let table = report::plan_table(&several).csv();
    assert!(table.contains(&format!("{most} x 15 = {} inferences/s", most * 15)), "{table}");
}

#[test]
fn the_duty_lowers_the_load_but_not_what_must_be_reached() {
    let asked = |duty: &str| {
        let rest = format!("model: YOLO11m, streams: 24, duty: {duty}, targets: {{ inferences_s: 15 }}");
        all_candidates(&on_one("jetson-orin-nano-super-devkit", &rest))
    };
    for candidate in asked("1%").candidates {
        assert!(candidate.refusal.is_some(), "{} {}", candidate.runtime_id, candidate.format.id);
    }
}

#[test]
fn limits_and_plan_agree_on_how_many_streams_are_on_target() {
    for (model, target) in [
        ("YOLO11m", "inferences_s: 15"),
        ("whisper-small", "realtime_factor: 0.5"),
        ("bge-m3", "inferences_s: 2"),
        ("Qwen/Qwen3-4B", "decode_tok_s: 8"),
    ] {
        let device = "jetson-orin-nx-16gb";
        let asked =
            |streams: u64| on_one(device, &format!("model: {model}, streams: {streams}, targets: {{ {target} }}"));
        let scenario = resolved(&asked(1)).unwrap();
        let most = limits(&scenario, &CATALOG, false).iter().map(|l| l.streams.on_target).max().unwrap();
        assert!(most > 0, "{model}");
        assert_eq!(plan(&asked(most)).status, Status::Optimal, "{model} in {most} streams");
        if most < 1024 {
            assert_eq!(plan(&asked(most + 1)).status, Status::Infeasible, "{model} in {} streams", most + 1);
        }
    }
}

#[test]
fn speech_is_told_by_its_real_time_factor() {
    let asked = |streams: u32, factor: f64| {
        let rest = format!("model: whisper-small, streams: {streams}, targets: {{ realtime_factor: {factor} }}");
        on_one("jetson-orin-nano-super-devkit", &rest)
    };
    let one = plan(&asked(1, 0.5));
    let it = &workloads(&one)[0];
    // An inference is a window of 30 s: its seconds over 30 are the real-time factor.
    let factor = 1.0 / (30.0 * number(&it["inferences_s_low"]));
    assert!((number(&it["realtime_factor_high"]) / factor - 1.0).abs() < 1e-3, "{it}");
    assert!((number(&it["load"]) - factor / 0.5).abs() < 1e-4, "{it}");
    let text = told(&one);
    assert!(text.contains("s of work per second of audio") && text.contains("(wanted at most 0.5)"), "{text}");
    assert!(!text.contains("inferences/s"), "{text}");
    // Eight microphones are eight times the work.
    let eight = plan(&asked(8, 0.9));
    if let [it] = workloads(&eight).as_slice() {
        assert!((number(&it["load"]) - 8.0 * factor / 0.9).abs() < 1e-3, "{it}");
    }
    let refused = told(&plan(&asked(12, 0.001)));
    assert!(refused.contains("s of work per second of audio of each of 12 streams"), "{refused}");
    assert!(refused.contains("at most 0.001 wanted"), "{refused}");
}

#[test]
fn an_input_of_an_encoder_has_512_tokens_unless_something_is_said() {
    let device = "framework-desktop-32gb";
    for (model, words) in
        [("bge-m3", "inputs/s of 512 tokens"), ("bge-reranker-base", "query-passage pairs/s of 512 tokens")]
    {
        let silent = plan(&on_one(device, &format!("model: {model}, targets: {{ inferences_s: 2 }}")));
        let said = plan(&on_one(device, &format!("model: {model}, prompt: 512, targets: {{ inferences_s: 2 }}")));
        let (silent_one, said_one) = (&workloads(&silent)[0], &workloads(&said)[0]);
        assert_eq!(silent_one["load"], said_one["load"]);
        assert_eq!(silent_one["context"], 512);
        for key in ["inferences_s", "inferences_s_low", "inferences_s_high"] {
            assert!(number(&silent_one[key]) > 0.0);
        }
        assert_eq!(silent_one["ttft_s"], Value::Null);
        assert!(!silent.assumed.is_empty() && said.assumed.is_empty());
        let text = told(&silent);
        assert!(text.contains(words) && text.contains("(wanted 2)") && text.contains("512 tokens"), "{text}");
        assert!(!text.contains("first token"), "{text}");
    }
    // A model that was made for less reads less; a longer input asks for as much room.
    let scenario = resolved(&on_one(device, "model: all-MiniLM-L6-v2")).unwrap();
    let most = scenario.sites[0].workloads[0].model.language().unwrap().spec.max_context.unwrap();
    assert_eq!(scenario.sites[0].workloads[0].prompt, most.min(512));
    let long = resolved(&on_one(device, "model: bge-m3, prompt: 8000")).unwrap();
    assert_eq!((long.sites[0].workloads[0].context, long.sites[0].workloads[0].prompt), (8000, 8000));
    let error = resolved(&on_one(device, "model: bge-reranker-base, prompt: 5000")).unwrap_err();
    assert_eq!(error.position().unwrap().line, 3);
    assert!(error.to_string().contains("5000"), "{error}");
}

#[test]
fn among_equals_the_faster_and_better_known_configuration_is_taken() {
    // The Jetson's GPU runs whisper.cpp beside its CPU, at the same price: nobody runs f32 on the CPU there.
    let text = "allow: { devices: [jetson-orin-nano-super-devkit], unverified: true }\nworkloads:\n  \
        - { name: see, model: ultralytics/YOLO11n, targets: { inferences_s: 15, latency_s: 0.1 } }\n  \
        - { name: listen, model: openai/whisper-tiny, targets: { realtime_factor: 0.8 }, duty: 20% }\n";
    let found = plan(text);
    assert_eq!(workloads(&found)[1]["runtime"], "whisper.cpp");
    for (device, workload) in [
        ("raspberry-pi-5-16gb", "model: resnet50, targets: { inferences_s: 5 }"),
        ("raspberry-pi-5-16gb", "model: openai/whisper-tiny"),
        ("jetson-orin-nano-super-devkit", "model: openai/whisper-base, targets: { latency_s: 60 }"),
    ] {
        let text = on_one(device, workload);
        let chosen = &plan(&text).sites[0].devices[0].workloads[0].candidate;
        let all = all_candidates(&text);
        let equals = all
            .candidates
            .iter()
            .filter(|c| c.refusal.is_none() && c.mode.id == chosen.mode.id && c.quality_loss == chosen.quality_loss);
        for other in equals {
            let order = |c: &edgemem::candidates::Candidate<'_>| (c.doubts(), c.slowness());
            assert!(order(chosen) <= order(other), "{} before {}", other.runtime_id, chosen.runtime_id);
        }
        assert_ne!(chosen.runtime_id, "executorch", "{text}");
    }
}

#[test]
fn an_image_becomes_as_many_tokens_as_its_models_processor_makes_of_it() {
    let device = "jetson-orin-nx-16gb";
    // smart_resize of transformers: sides rounded to 28 pixels (Qwen2.5-VL) or 32 (Qwen3-VL), a token each square.
    for (model, size, tokens) in [
        ("Qwen2.5-VL-3B", "1024x768", 37 * 27),
        ("Qwen3-VL-4B", "1024x768", 32 * 24),
        ("Qwen3-VL-4B", "640", 20 * 20),
        ("llava-1.5-7b", "640", 576),
        ("gemma-3-4b", "4000x3000", 256),
    ] {
        let text = on_one(device, &format!("model: {model}, images: 2, image_px: {size}, prompt: 100"));
        let workload = &resolved(&text).unwrap_or_else(|e| panic!("{e}")).sites[0].workloads[0];
        assert_eq!(workload.image_tokens, Some(tokens), "{model} {size}");
        assert_eq!(workload.prompt, 100 + 2 * tokens, "{model} {size}");
        assert!(workload.context > workload.prompt);
    }
    let silent = on_one(device, "model: Qwen2.5-VL-3B, images: 1, targets: { decode_tok_s: 5 }");
    let found = plan(&silent);
    assert_eq!(found.status, Status::Optimal);
    let text = told(&found);
    assert!(text.contains("1024x1024") && text.contains("1369 tokens"), "{text}");
    // Larger images take longer to the first token.
    let first = |size: &str| {
        let found =
            plan(&silent.replace("images: 1", &format!("images: 1, prompt: 100, context: 8192, image_px: {size}")));
        assert!(!found.assumed.iter().any(|a| matches!(a.what, scenario::Assumed::ImageSize(..))));
        number(&workloads(&found)[0]["ttft_s"])
    };
    assert!(first("1600") > 1.5 * first("800"));
    let said = resolved(&silent.replace("images: 1", "images: 1, image_tokens: 300, prompt: 100")).unwrap();
    assert_eq!(said.sites[0].workloads[0].prompt, 400);
}

#[test]
fn what_is_said_of_images_is_checked() {
    for (workload, words) in [
        ("model: Qwen3-VL-4B, images: 1, image_px: 10xx20", "width x height"),
        ("model: Qwen3-VL-4B, images: 1, image_px: 0", "image_px"),
        ("model: Qwen3-VL-4B, images: 1, image_px: 640, image_tokens: 9", "either"),
        ("model: Qwen3-VL-4B, image_px: 640", "without `images`"),
        ("model: Qwen3-4B, images: 1", "takes no images"),
        ("model: YOLO11n, image_px: 640", "no meaning"),
        ("model: Qwen3-VL-4B, images: 9, context: 4096", "do not fit the context"),
        ("model: Kimi-K3, images: 1", "image_tokens"),
    ] {
        let error = resolved(&on_one("jetson-orin-nx-16gb", workload)).expect_err(workload);
        assert_eq!(error.position().map(|p| p.line), Some(3), "{workload}");
        assert!(error.to_string().contains(words), "{workload}: {error}");
    }
}

#[test]
fn every_vision_language_model_has_a_rule_or_asks_for_tokens() {
    let unknown: Vec<String> = CATALOG
        .model_entries()
        .filter_map(|entry| CATALOG.model(&entry.id).ok())
        .filter_map(|model| {
            let tower = model.language()?.spec.vision?;
            let size = edgemem::domain::ImageSize::DEFAULT;
            edgemem::domain::image_tokens(&model, &tower, size).is_none().then(|| model.id.clone())
        })
        .collect();
    // Their processors were not published in a form that could be read.
    assert_eq!(unknown, ["moonshotai/Kimi-K3", "openbmb/MiniCPM-V-4_6", "MiniMaxAI/MiniMax-M3"], "{unknown:?}");
}

#[test]
fn a_larger_input_of_a_network_is_more_work() {
    let asked = |input: &str| on_one("jetson-orin-nx-16gb", &format!("model: YOLO11m, weights: [f16]{input}"));
    let ops = |text: &str| {
        let workload = &resolved(text).unwrap_or_else(|e| panic!("{e}")).sites[0].workloads[0];
        workload.model.network().unwrap().giga_ops.unwrap()
    };
    // Published at 640 pixels: four times the area is four times the operations.
    let published = ops(&asked(""));
    assert!((ops(&asked(", input_px: 1280")) / published - 4.0).abs() < 1e-9);
    assert!((ops(&asked(", input_px: 640")) / published - 1.0).abs() < 1e-9);
    let fastest = |input: &str| {
        let all = all_candidates(&asked(input)).candidates;
        all.iter().filter_map(|c| Some(c.speed?.inferences()?.median.0)).fold(0.0, f64::max)
    };
    assert!(fastest(", input_px: 320") > fastest("") && fastest("") > 2.0 * fastest(", input_px: 1280"));
    for (workload, words) in [
        ("model: YOLO11m, input_px: 650", "no multiple of 32"),
        ("model: whisper-small, input_px: 640", "no meaning"),
        ("model: Qwen3-VL-4B, input_px: 640", "no meaning"),
    ] {
        let error = resolved(&on_one("jetson-orin-nx-16gb", workload)).expect_err(workload);
        assert!(error.to_string().contains(words), "{error}");
    }
}
