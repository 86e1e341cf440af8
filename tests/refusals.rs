//! Why devices, modes and configurations are not used, and what a changed setting of the machine makes of them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// Runs the program on a scenario.
fn run(scenario: &str, command: &str, arguments: &[&str]) -> Output {
    let folder = TempDir::new().unwrap();
    run_in(folder.path(), scenario, command, arguments)
}

fn run_in(folder: &Path, scenario: &str, command: &str, arguments: &[&str]) -> Output {
    fs::write(folder.join("s.yaml"), scenario).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_edgemem"));
    program.current_dir(folder).env_remove("COLUMNS").args([command, "s.yaml"]).args(arguments).output().unwrap()
}

fn text(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn plan(scenario: &str, arguments: &[&str]) -> Value {
    let quiet = ["--format", "json", "--compare", "never", "--alternatives", "0"];
    let output = run(scenario, "plan", &[&quiet[..], arguments].concat());
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn misses(plan: &Value) -> Vec<String> {
    let misses = plan["why_not"]["misses"].as_array().unwrap();
    misses.iter().map(|m| m.as_str().unwrap().to_owned()).collect()
}

/// The candidate table as rows of (heading, cell).
fn candidates(scenario: &str, arguments: &[&str]) -> Vec<Vec<(String, String)>> {
    let output = run(scenario, "candidates", &[&["--format", "csv"][..], arguments].concat());
    let mut reader = csv::Reader::from_reader(output.stdout.as_slice());
    let headings: Vec<String> = reader.headers().unwrap().iter().map(ToOwned::to_owned).collect();
    let row = |row: csv::StringRecord| headings.iter().cloned().zip(row.iter().map(ToOwned::to_owned)).collect();
    reader.records().map(|r| row(r.unwrap())).collect()
}

fn cell<'r>(row: &'r [(String, String)], heading: &str) -> &'r str {
    &row.iter().find(|(h, _)| h == heading).unwrap_or_else(|| panic!("no column {heading}")).1
}

const SMALL: &str = "workloads:\n  - { name: a, model: Qwen3-4B, context: 2048, weights: [q4_k_m] }\n";

#[test]
fn a_device_of_which_an_alias_is_excluded_is_excluded_in_those_modes_alone() {
    let scenario = format!(
        "allow: {{ exclude: [jetson-orin-nano-8gb-super], unverified: true, classes: [som] }}\nlimits: {{ price_usd: \
         600 }}\n{SMALL}"
    );
    let found = plan(&scenario, &["--why-not", "jetson-orin-nano-8gb"]);
    assert!(!misses(&found).iter().any(|m| m.contains("excluded")), "{:?}", misses(&found));
    assert_eq!(found["why_not"]["chosen"], true);
    let whole = scenario.replace("jetson-orin-nano-8gb-super", "jetson-orin-nano-8gb");
    let found = plan(&whole, &["--why-not", "jetson-orin-nano-8gb"]);
    assert!(misses(&found).contains(&"it is excluded".to_owned()), "{:?}", misses(&found));
}

#[test]
fn the_list_of_rejected_and_why_not_tell_the_same_reasons() {
    let scenario = format!(
        "allow: {{ classes: [som], unverified: true, operating_temp_c: {{ min: -20, max: 60 }} }}\nlimits: {{ \
         price_usd: 900, power_w: 30 }}\n{SMALL}"
    );
    let found = plan(&scenario, &["--why-not", "jetson-agx-orin-64gb"]);
    let rejected = found["rejected"].as_array().unwrap();
    let own = rejected.iter().find(|r| r["device"] == "jetson-agx-orin-64gb").unwrap();
    let reasons: Vec<&str> = own["reasons"].as_array().unwrap().iter().map(|r| r.as_str().unwrap()).collect();
    assert!(reasons[0].starts_with("the price of its carrier board"), "{reasons:?}");
    let misses = misses(&found);
    for reason in &reasons {
        assert!(misses.iter().any(|m| m == reason), "{reason} is not in {misses:?}");
    }
    // The table of candidates tells the first of them.
    let all = candidates(&scenario, &["--all"]);
    let row = all.iter().find(|r| cell(r, "device") == "jetson-agx-orin-64gb").unwrap();
    assert_eq!(cell(row, "reason"), reasons[0]);
}

#[test]
fn an_unconfirmed_temperature_is_told_with_its_range() {
    let devices = "allow: { devices: [framework-desktop-64gb], operating_temp_c: { min: 5, max: 35 } }";
    let found = plan(&format!("{devices}\n{SMALL}"), &["--why-not", "framework-desktop-64gb"]);
    let misses = misses(&found);
    assert!(misses.iter().any(|m| m.contains("0 to 40 °C, which no source confirms")), "{misses:?}");
}

#[test]
fn a_mode_of_old_firmware_never_meets_an_engine_of_new_firmware() {
    let scenario = "allow: { devices: [jetson-orin-nx-16gb], unverified: true, runtimes: [tensorrt-edge-llm, vllm] }\n\
                    workloads:\n  - { name: a, model: Qwen3-4B, context: 2048, weights: [int4, w4a16, f16] }\n";
    let rows = candidates(scenario, &["--all"]);
    let of = |mode: &str, runtime: &str| {
        let own = rows.iter().filter(|r| cell(r, "mode") == mode && cell(r, "runtime") == runtime);
        own.map(|r| cell(r, "reason").to_owned()).collect::<Vec<_>>()
    };
    // https://nvidia.github.io/TensorRT-Edge-LLM/0.8.0/overview.html: on Orin from JetPack 6.2; MAXN ended with it.
    let clash = "mode MAXN needs JetPack before 6.2, tensorrt-edge-llm needs JetPack 6.2 or later";
    let refused = of("MAXN", "tensorrt-edge-llm");
    assert!(!refused.is_empty() && refused.iter().any(|r| r == clash), "{refused:?}");
    assert!(refused.iter().all(|r| !r.is_empty()), "{refused:?}");
    assert!(of("MAXN_SUPER", "tensorrt-edge-llm").iter().any(String::is_empty));
    assert!(!of("MAXN", "vllm").iter().any(|r| r.contains("JetPack")));
}

#[test]
fn a_plan_says_which_firmware_it_needs() {
    let scenario = "allow: { devices: [jetson-orin-nx-16gb], unverified: true, runtimes: [tensorrt-edge-llm] }\n\
                    workloads:\n  - { name: a, model: Qwen3-4B, context: 2048, weights: [int4, w4a16, f16] }\n";
    let found = plan(scenario, &[]);
    let device = &found["sites"][0]["devices"][0];
    assert_eq!(device["needs"][0]["software"], "jetpack", "{found}");
    assert_eq!(device["needs"][0]["versions"], ">=6.2");
    let told = run(scenario, "plan", &["--compare", "never"]);
    assert!(text(&told).contains("needs JetPack 6.2 or later"), "{}", text(&told));
}

fn big(device: &str, weights: &str, limits: &str) -> String {
    format!(
        "allow: {{ devices: [{device}], unverified: true }}\nlimits: {{ {limits} }}\nworkloads:\n  - {{ name: big, \
         model: Llama-3.3-70B-Instruct, context: 4096, weights: [{weights}], max_quality_loss: 100% }}\n"
    )
}

#[test]
fn memory_is_enlarged_where_the_factory_setting_does_not_do_and_only_there() {
    // 70B in q6_k takes 54 GiB: more than half of 128 GB, less than 96 GiB.
    let found = plan(&big("framework-desktop-128gb", "q6_k", "devices: 1"), &[]);
    let device = &found["sites"][0]["devices"][0];
    assert_eq!(device["mode"], "default+gtt-96g", "{found}");
    assert_eq!(device["pools"][0]["capacity_bytes"], 96_u64 << 30);
    // 96 GiB in pages of 4 KiB (measured: https://github.com/noamsto/nix-amd-ai/issues/42).
    let command = device["setting"]["command"].as_str().unwrap();
    assert!(command.contains("pages_limit=25165824"), "{command}");
    let told = run(&big("framework-desktop-128gb", "q6_k", "devices: 1"), "plan", &["--compare", "never"]);
    assert!(text(&told).contains("pages_limit=25165824"), "{}", text(&told));
    // What fits as from the factory changes nothing, and nothing else is offered.
    let found = plan(&big("framework-desktop-128gb", "q4_k_m", "devices: 1"), &[]);
    let device = &found["sites"][0]["devices"][0];
    assert_eq!((device["mode"].as_str(), &device["setting"]), (Some("default"), &Value::Null));
    let rows = candidates(&big("framework-desktop-128gb", "q4_k_m", "devices: 1"), &[]);
    assert!(rows.iter().all(|r| cell(r, "setting").is_empty()));
}

#[test]
fn a_scenario_can_forbid_changed_settings() {
    let output = run(&big("framework-desktop-128gb", "q6_k", "settings: factory"), "plan", &[]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    let output = run(&big("framework-desktop-128gb", "q6_k", "settings: fast"), "plan", &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("factory or any"));
}

#[test]
fn budget_limits_and_candidates_agree_on_a_setting() {
    let scenario = big("mac-studio-m4max-64gb", "q4_k_m", "devices: 1");
    let rows = candidates(&scenario, &["--all"]);
    let raised = rows.iter().find(|r| cell(r, "setting") == "wired-56g").unwrap();
    assert_eq!(cell(raised, "capacity_bytes"), (57_344_u64 << 20).to_string());
    let limits = run(&scenario, "limits", &["--format", "csv"]);
    let (mut factory, mut enlarged) = (0_u64, 0_u64);
    let mut reader = csv::Reader::from_reader(limits.stdout.as_slice());
    let headings = reader.headers().unwrap().clone();
    let at = |name: &str| headings.iter().position(|h| h == name).unwrap();
    for row in reader.records().map(Result::unwrap) {
        let most = if row[at("setting")].is_empty() { &mut factory } else { &mut enlarged };
        *most = (*most).max(row[at("max_context")].parse().unwrap());
    }
    assert!(enlarged > factory, "{enlarged} {factory}");
    let folder = TempDir::new().unwrap();
    let budget = Command::new(env!("CARGO_BIN_EXE_edgemem"))
        .current_dir(folder.path())
        .args(["budget", "--model", "Llama-3.3-70B-Instruct", "--device", "mac-studio-m4max-64gb"])
        .args(["--setting", "wired-56g", "--runtime", "llama.cpp", "--weights", "q4_k_m", "--format", "json"])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&budget.stdout).contains(&(57_344_u64 << 20).to_string()));
}

#[test]
fn the_nearest_device_misses_by_the_smallest_factor() {
    // A board that would do costs a fifth too much; the others are slower by factors.
    let scenario = "limits: { price_usd: 420 }\nallow: { devices: [jetson-orin-nano-super-devkit, \
                    orange-pi-5-plus-16gb, mac-mini-m4-16gb], unverified: true }\nworkloads:\n  - { name: a, model: \
                    Qwen3-8B, context: 8192, prompt: 6000, weights: [q4_k_m], targets: { decode_tok_s: 12, ttft_s: \
                    60 } }\n";
    let output = run(scenario, "plan", &["--format", "json"]);
    assert_eq!(output.status.code(), Some(3));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let nearest = found["nearest"].as_str().unwrap();
    assert!(!nearest.starts_with("orange-pi"), "{nearest}");
}

#[test]
fn unknown_lead_times_are_told_with_the_way_to_give_them() {
    let scenario = format!("limits: {{ lead_time_days: 10 }}\nallow: {{ devices: [mac-mini-m4-16gb] }}\n{SMALL}");
    let output = run(&scenario, "plan", &[]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output).contains("lead time is unknown") && text(&output).contains("--prices"), "{}", text(&output));
}

#[test]
fn the_chosen_device_is_told_to_be_chosen() {
    let scenario = format!("allow: {{ devices: [mac-mini-m4-16gb] }}\n{SMALL}");
    let output = run(&scenario, "plan", &["--why-not", "mac-mini-m4-16gb", "--compare", "never"]);
    assert!(text(&output).contains("mac-mini-m4-16gb is in the plan"), "{}", text(&output));
}

#[test]
fn a_site_without_a_plan_does_not_hide_the_plan_of_the_others() {
    let site = |n: u32, rate: u32| {
        format!(
            "  - {{ name: shop-{n}, workloads: [{{ name: talk, model: Qwen3-0.6B, context: 2048, weights: [q8_0], \
             targets: {{ decode_tok_s: {rate} }} }}] }}\n"
        )
    };
    let sites: String = (0..6).map(|n| site(n, if n == 3 { 5000 } else { 5 })).collect();
    let scenario = format!("allow: {{ devices: [mac-mini-m4-16gb] }}\nsites:\n{sites}");
    let output = run(&scenario, "plan", &["--format", "json"]);
    assert_eq!(output.status.code(), Some(3));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((found["status"].as_str(), found["sites"].as_array().unwrap().len()), (Some("infeasible"), 0));
    assert_eq!(found["infeasible_sites"], serde_json::json!(["shop-3"]));
    assert_eq!(found["feasible_sites"].as_array().unwrap().len(), 5);
    // Five at 799 USD.
    assert_eq!(found["feasible_objective"]["value"], 3995.0);
    // Every way out costs what the whole scenario then costs.
    for relaxation in found["relaxations"].as_array().unwrap() {
        assert!(relaxation["objective"].as_f64().unwrap() >= 3995.0, "{relaxation}");
    }
    let told = run(&scenario, "plan", &[]);
    assert!(text(&told).contains("No plan for shop-3"), "{}", text(&told));
}

#[test]
fn the_price_without_a_member_is_that_of_a_plan_that_meets_all_the_rest() {
    let scenario = "allow: { devices: [raspberry-pi-5-16gb] }\nworkloads:\n  - { name: talk, model: Qwen3-8B, context: \
                    2048, weights: [q4_k_m], targets: { decode_tok_s: 12 } }\n";
    let told = run(scenario, "plan", &[]);
    let line = text(&told).lines().find(|l| l.contains("without it"));
    // Without the list of devices the rate still holds, which no board of this price reaches.
    let at = text(&told).find("may be used").unwrap();
    let after = &text(&told)[at..];
    assert!(line.is_some() && !after.lines().nth(1).unwrap().contains("raspberry"), "{}", text(&told));
}

/// Nobody measured what the formats of these engines cost. Silence leaves them out; naming one is the change that opens a
/// plan, also on engines whose compiled files fix another type of cache than 16-bit floats (Genie and Hailo's GenAI keep
/// eight bits), and beside measured formats that are too large.
#[test]
fn naming_an_unmeasured_format_is_told_as_a_change_that_opens_a_plan() {
    for (device, runtime, model, format) in [
        ("orange-pi-5-plus-16gb", "rkllm", "Qwen3-4B", "w8a8"),
        ("snapdragon-x-elite-devkit-32gb", "genie", "Qwen3-4B", "w4a16"),
        ("raspberry-pi-5-8gb-ai-hat2", "hailo-genai", "Qwen2.5-1.5B-Instruct", "int4"),
        ("mac-mini-m4-16gb", "mlx", "Qwen3-8B", "mlx-4bit"),
        ("lunar-lake-mini-32gb", "openvino-genai", "Qwen3-8B", "int4"),
    ] {
        let scenario = |weights: &str| {
            format!(
                "allow: {{ devices: [{device}], unverified: true }}\nworkloads:\n  - {{ name: chat, model: {model}, \
                 context: 2048, runtimes: [{runtime}]{weights} }}\n"
            )
        };
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("prices.csv"), format!("device,price_usd\n{device},500\n")).unwrap();
        let prices = ["--format", "json", "--prices", "prices.csv"];
        let silent = run_in(folder.path(), &scenario(""), "plan", &prices);
        assert_eq!(silent.status.code(), Some(3), "{runtime}");
        let change = format!("name {format} for `chat`");
        assert!(text(&silent).contains(&change), "{runtime}: {}", text(&silent));
        let named = run_in(folder.path(), &scenario(&format!(", weights: [{format}]")), "plan", &prices);
        assert_eq!(named.status.code(), Some(0), "{runtime}: {}", text(&named));
        let refused = run_in(folder.path(), &scenario(", max_quality_loss: 5%"), "plan", &prices);
        assert!(!text(&refused).contains(&change), "{runtime}: a written limit leaves it out all the same");
    }
}
