//! What people read: figures with the digits they deserve, defaults that are said, names that are found, all errors at once.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

fn run_in(folder: &Path, columns: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgemem"));
    command.current_dir(folder).env_remove("CLICOLOR_FORCE").env_remove("COLUMNS").args(arguments);
    command.envs(columns.map(|columns| ("COLUMNS", columns))).output().unwrap()
}

fn said(arguments: &[&str]) -> String {
    let output = run_in(Path::new(env!("CARGO_MANIFEST_DIR")), None, arguments);
    String::from_utf8(if output.stdout.is_empty() { output.stderr } else { output.stdout }).unwrap()
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&said(&[arguments, &["--format", "json"]].concat())).unwrap()
}

/// A folder with files of these names and texts.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// The formats that each engine's own tools take or publish first: llama.cpp's `-hf` takes Q4_K_M, mlx-community publishes
/// 4 bits, vLLM loads the checkpoint, RKNN is made for 8 bits. Published files: Qwen3-8B Q4_K_M 5.03 GB, bf16 16.4 GB.
#[test]
fn a_budget_without_a_format_takes_the_usual_one_and_says_so() {
    for (model, device, runtime, format) in [
        ("Qwen/Qwen3-8B", "rtx-3090", "", "q4_k_m"),
        ("meta-llama/Llama-3.1-8B-Instruct", "jetson-orin-nano-super-devkit", "", "q4_k_m"),
        ("Qwen/Qwen3-4B", "mac-mini-m4-16gb", "mlx", "mlx-4bit"),
        ("Qwen/Qwen3-8B", "rtx-3090", "vllm", "bf16"),
        ("openai/gpt-oss-20b", "rtx-4090", "llama.cpp", "mxfp4"),
        ("BAAI/bge-m3", "rtx-3090", "llama.cpp", "f16"),
        ("ultralytics/YOLO11n", "rtx-4090", "tensorrt", "f16"),
        ("ultralytics/YOLO11n", "orange-pi-5-plus-32gb", "rknn", "int8"),
    ] {
        let mut arguments = vec!["budget", "--model", model, "--device", device];
        if !runtime.is_empty() {
            arguments.extend(["--runtime", runtime]);
        }
        let text = said(&arguments);
        assert!(text.contains(&format!("{format} is assumed, the usual format")), "{model} on {device}: {text}");
        assert_eq!(json(&arguments)["weights"], format, "{model} on {device}");
    }
    let named = said(&["budget", "--model", "Qwen/Qwen3-8B", "--device", "rtx-3090", "--weights", "q8_0"]);
    assert!(!named.contains("is assumed"), "{named}");
}

#[test]
fn a_format_chooses_a_runtime_that_loads_it() {
    let mac = ["budget", "--model", "Qwen/Qwen3-4B", "--device", "mac-mini-m4-16gb", "--weights"];
    for (format, runtime) in [("q4_k_m", "llama.cpp-metal"), ("mlx-4bit", "mlx")] {
        assert_eq!(json(&[&mac[..], &[format]].concat())["runtime"], runtime);
    }
    let nowhere = said(&["budget", "--model", "Qwen/Qwen3-4B", "--device", "rtx-3090", "--weights", "mlx-4bit"]);
    assert!(nowhere.contains("`mlx-4bit`") && nowhere.contains("llama.cpp-cuda"), "{nowhere}");
}

/// Draws 15 W day and night where nobody measured less: 15 x 24 x 365 / 1000 = 131.4 kWh a year, at 0.35 USD 45.99 USD.
#[test]
fn purchase_and_energy_stand_apart_and_an_unknown_rest_is_named() {
    let board = "devices:\n  - id: example-board-8gb\n    name: Example Board 8 GB\n    vendor: Example\n    class: sbc\n    \
        silicon: jetson-orin\n    availability: offered\n    memory: { kind: unified, type: LPDDR5, installed_mib: 8192, \
        visible_mib: 7600 }\n    os_image: jetpack-6-headless\n    bandwidth_gb_s: 102\n    compute: { fp16_tflops: 17 }\n    \
        full_w: 15.0\n    prices: [{ usd: 1399.00, kind: MSRP, as_of: \"2026-08-05\", source: \"https://example.org\" }]\n    \
        runtimes: [llama.cpp-cuda]\n    provenance: { sources: { spec: \"https://example.org\" } }\n";
    let scenario = "scenario: energy\nobjective: tco\nhorizon: { years: 5, hours_per_day: 24, electricity_usd_per_kwh: 0.35 }\n\
        allow: { devices: [example-board-8gb], unverified: true }\nworkloads:\n  - { name: talk, model: Qwen/Qwen3-0.6B, \
        weights: [q4_k_m], targets: { decode_tok_s: 2 }, duty: 5% }\n";
    let known = board.replace("full_w: 15.0", "full_w: 15.0\n    idle_w: 5.0");
    let folder = folder(&[("board.yaml", board), ("known.yaml", &known), ("tco.yaml", scenario)]);
    let run = |overlay: &str, form: &str| {
        let output = run_in(folder.path(), None, &["plan", "tco.yaml", "--catalog", overlay, "--format", form]);
        String::from_utf8(output.stdout).unwrap()
    };
    let plan: Value = serde_json::from_str(&run("board.yaml", "json")).unwrap();
    let near = |value: &Value, wanted: f64| (value.as_f64().unwrap() - wanted).abs() < 0.011;
    assert!(near(&plan["purchase_usd"], 1399.0), "{plan}");
    assert!(near(&plan["energy"]["kwh_per_year"], 131.4), "{plan}");
    assert!(near(&plan["energy"]["usd_per_year"], 45.99) && near(&plan["energy"]["usd"], 229.95), "{plan}");
    assert!(near(&plan["objective"]["value"], 1628.95), "{plan}");
    for form in ["table", "markdown", "html"] {
        let text = run("board.yaml", form);
        assert!(text.contains("purchase 1,399.00 USD + energy 229.95 USD over 5 years"), "{form}: {text}");
        assert!(text.contains("131 kWh and 45.99 USD per year"), "{form}: {text}");
        assert!(text.contains("its draw at rest is unknown: its full 15 W are counted"), "{form}: {text}");
    }
    let csv = run("board.yaml", "csv");
    assert!(csv.contains("kwh_per_year,energy_usd_per_year") && csv.contains("131.400,45.99"), "{csv}");
    assert!(!run("known.yaml", "table").contains("draw at rest is unknown"));
}

#[test]
fn times_and_rates_have_the_digits_that_they_deserve() {
    let budget = ["budget", "--model", "ultralytics/YOLO11n", "--device", "rtx-4090", "--runtime", "tensorrt"];
    let text = said(&[&budget[..], &["--weights", "f16"]].concat());
    assert!(text.contains(" ms each") && !text.contains(" 0.00"), "{text}");
    let plan = said(&["plan", "scenarios/robot.yaml"]);
    let load = plan.split("load ").nth(1).and_then(|rest| rest.split(" %").next()).unwrap();
    assert!(load.parse::<f64>().is_ok() && load.len() <= 3, "load {load} %");
    assert!(plan.lines().next().unwrap().contains("1 device, up to "), "{plan}");
    // How each speed is known.
    let known = ["measured", "from the same chip", "from its class", "calculated"];
    let decode = plan.lines().find(|l| l.contains("tok/s per stream")).unwrap();
    assert!(known.iter().any(|basis| decode.contains(basis)), "{plan}");
}

/// Two boards of one kind with one workload each, and sites of the same units, are printed once with their number.
#[test]
fn what_is_alike_is_printed_once() {
    let scenario = "scenario: pairs\nallow: { devices: [jetson-orin-nano-super-devkit], unverified: true }\n\
        limits: { devices: 2 }\nsites:\n  - name: north\n    count: 3\n    workloads: &w\n      \
        - { name: talk, model: Qwen/Qwen3-0.6B, weights: [q4_k_m], replicas: 2, targets: { decode_tok_s: 2 } }\n  \
        - name: south\n    count: 1200\n    workloads: *w\n";
    let folder = folder(&[("pairs.yaml", scenario)]);
    let output = run_in(folder.path(), None, &["plan", "pairs.yaml", "--compare", "never", "--alternatives", "0"]);
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(text.contains("2 sites alike: 3 x north, 1,200 x south"), "{text}");
    assert!(text.contains("2 x jetson-orin-nano-super-devkit"), "{text}");
    assert_eq!(text.matches("$ llama-server").count(), 1, "{text}");
    assert!(text.contains("2,406 devices in 1,203 units"), "{text}");
}

#[test]
fn limits_tell_the_streams_on_target() {
    let scenario = "allow: { devices: [jetson-orin-nx-16gb], unverified: true }\nworkloads:\n  - { name: chat, model: \
        Qwen/Qwen3-4B, weights: [q4_k_m], runtimes: [llama.cpp], targets: { decode_tok_s: 8 } }\n";
    let folder = folder(&[("limits.yaml", scenario)]);
    let output = run_in(folder.path(), Some("80"), &["limits", "limits.yaml"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let header = text.lines().find(|l| l.trim_start().starts_with("device")).unwrap();
    let names: Vec<&str> = header.split("  ").map(str::trim).filter(|n| !n.is_empty()).collect();
    assert!(names.contains(&"on target") && names.contains(&"tok/s"), "{text}");
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "{names:?}");
}

#[test]
fn tables_never_break_an_id_and_pipes_never_wrap() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ids = [("devices", "jetson-orin-nano-super-devkit"), ("models", "deepseek-ai/DeepSeek-Coder-V2-Lite-Instruct")];
    for columns in [None, Some("40"), Some("80"), Some("100")] {
        for (list, id) in ids {
            let text = String::from_utf8(run_in(root, columns, &["catalog", "list", list]).stdout).unwrap();
            assert!(text.split_whitespace().any(|word| word == id), "{columns:?} {list}");
            if columns.is_none() {
                // A line for each entry, one for the header.
                let csv = said(&["catalog", "list", list, "--format", "csv"]);
                assert_eq!(text.lines().count(), csv.lines().count(), "{list}");
            }
        }
    }
}

#[test]
fn lists_are_filtered_and_hosts_memory_is_said_to_be_theirs() {
    let ids = |arguments: &[&str]| -> Vec<String> {
        let list = json(arguments);
        let key = if arguments.contains(&"devices") { "device" } else { "model" };
        list.as_array().unwrap().iter().map(|row| row[key].as_str().unwrap().to_owned()).collect()
    };
    let som = json(&["catalog", "list", "devices", "--class", "som", "--vendor", "nvidia", "--max-price", "800"]);
    let som = som.as_array().unwrap();
    assert!(!som.is_empty());
    assert!(
        som.iter().all(|d| d["class"] == "som" && d["vendor"] == "NVIDIA" && d["price_usd"].as_f64() <= Some(800.0))
    );
    assert!(ids(&["catalog", "list", "devices", "orin", "nx"]).iter().all(|id| id.starts_with("jetson-orin-nx")));
    let speech = ids(&["model", "list", "--task", "speech"]);
    assert!(speech.iter().any(|id| id == "openai/whisper-small") && !speech.iter().any(|id| id.contains("YOLO")));
    let hailo = said(&["catalog", "list", "devices", "hailo-8-m2"]);
    assert!(hailo.contains("16 GiB (host)") && hailo.contains("Hailo-8 M.2"), "{hailo}");
    let wrong = said(&["catalog", "list", "models", "--class", "som"]);
    assert!(wrong.contains("--class chooses among devices"), "{wrong}");
}

#[test]
fn all_errors_of_a_scenario_are_told_in_its_order() {
    let scenario = "scenario: four\nlimts: { price_usd: 5 }\nlimits: { power: 5, price_usd: -4 }\n\
        allow: { devices: [orin-nx, rtx-4091] }\nworkloads:\n  - name: eyes\n    model: YOLOv11mm\n    contxt: 5\n    \
        targets: { fps: 15, latency_s: 0.2 }\n  - name: talk\n    model: Qwen/Qwen3-4B\n    prompt: 5000\n    \
        context: \"many\"\n    weight_g: 5\n    apart_from: [eye]\n    targets: { tok_s: 4 }\n";
    let folder = folder(&[("four.yaml", scenario)]);
    let output = run_in(folder.path(), None, &["plan", "four.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<u32> = text
        .lines()
        .filter_map(|l| l.trim_start().strip_prefix("--> four.yaml:")?.split(':').next()?.parse().ok())
        .collect();
    // `prompt` is not told: whether it fits cannot be known before `context` is right.
    assert_eq!(lines, [2, 3, 3, 4, 4, 7, 8, 9, 13, 14, 15, 16], "{text}");
    for meant in
        ["`limits`", "`power_w`", "`jetson-orin-nx-16gb`", "`YOLO11m`", "`inferences_s`", "`eyes`", "`decode_tok_s`"]
    {
        assert!(text.contains(meant), "{meant}: {text}");
    }
    assert!(!text.contains("did you mean `weights`"), "{text}");
}

#[test]
fn names_are_found_by_their_parts_and_never_across_tasks_or_sizes() {
    let model = |name: &str| said(&["model", "show", name]);
    assert!(
        model("mistral-7b").contains("Mistral-7B") && !model("mistral-7b").contains("e5-"),
        "{}",
        model("mistral-7b")
    );
    let distilled = model("deepseek-r1:8b");
    assert!(distilled.contains("8B") && !distilled.contains("`deepseek-ai/DeepSeek-R1`"), "{distilled}");
    assert!(model("bge-m33").contains("bge-m3"), "{}", model("bge-m33"));
    let orin = said(&["catalog", "show", "orin"]);
    assert!(orin.contains("jetson-agx-orin-64gb") && orin.contains("jetson-orin-nx-8gb"), "{orin}");
    let why_not = said(&["plan", "scenarios/robot.yaml", "--why-not", "orin-nx"]);
    assert!(why_not.contains("`jetson-orin-nx-16gb`"), "{why_not}");
}

#[test]
fn amounts_have_one_form() {
    let folder = folder(&[(
        "fleet.yaml",
        "scenario: fleet\ncount: 400\nallow: { devices: [mac-mini-m4-16gb], unverified: true }\nworkloads:\n  \
         - { name: talk, model: Qwen/Qwen3-0.6B, weights: [q4_k_m], targets: { decode_tok_s: 2 } }\n",
    )]);
    for command in [&["plan", "fleet.yaml"][..], &["whatif", "fleet.yaml", "--set", "count=500"]] {
        let text = String::from_utf8(run_in(folder.path(), None, command).stdout).unwrap();
        for word in text.split_whitespace().map(|w| w.trim_matches(['(', ')', ',', '.', '+', '-'])) {
            let digits = word.split('.').next().unwrap_or_default();
            let plain = digits.len() > 3 && word.split('.').nth(1).is_some_and(|c| c.len() == 2);
            assert!(!(plain && digits.bytes().all(|b| b.is_ascii_digit())), "{word} in {text}");
            assert!(!word.starts_with('$') || word == "$", "{word} in {text}");
        }
        assert!(text.contains(" USD"), "{text}");
    }
}
