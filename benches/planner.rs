//! What a user waits for: `cargo bench --bench planner`, or one of them by name (`cargo bench --bench planner -- budget`).
//!
//! `process` starts the program as a shell would; everything else runs inside this process.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use edgemem::candidates::{self, Options};
use edgemem::catalog::Catalog;
use edgemem::domain::KvPair;
use edgemem::memory::{Demand, Weights};
use edgemem::planner::budget::{self, Question, format_of, mode_of, runtime_on};
use edgemem::planner::{self, limits};
use edgemem::scenario::{self, Document, FlashChoice, Scenario};
use edgemem::solve::SearchLimits;
use edgemem::units::Share;

fn main() {
    divan::main();
}

fn robot() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/robot.yaml")
}

fn scenario(catalog: &Catalog) -> Scenario {
    let text = std::fs::read_to_string(robot()).unwrap();
    let document = Document::parse("robot.yaml", &text).unwrap();
    scenario::resolve(&document, catalog, &|name| catalog.model(name).map(Arc::new)).unwrap()
}

/// The shipped facts, from the binary to domain types.
#[divan::bench]
fn catalog() -> Catalog {
    Catalog::shipped().unwrap()
}

mod robot {
    use super::*;

    /// The plan without reading anything.
    #[divan::bench]
    fn plan(bencher: Bencher<'_, '_>) {
        let catalog = Catalog::shipped().unwrap();
        let scenario = scenario(&catalog);
        bencher.bench(|| planner::plan(&scenario, &catalog, 3, &SearchLimits::default(), &mut |_| {}).value);
    }

    /// Every candidate, the refused ones too.
    #[divan::bench]
    fn candidates(bencher: Bencher<'_, '_>) {
        let catalog = Catalog::shipped().unwrap();
        let scenario = scenario(&catalog);
        bencher.bench(|| {
            candidates::generate(&scenario, &catalog, Options { all: true, ..Options::default() }).considered
        });
    }

    #[divan::bench(sample_count = 10)]
    fn limits(bencher: Bencher<'_, '_>) {
        let catalog = Catalog::shipped().unwrap();
        let scenario = scenario(&catalog);
        bencher.bench(|| limits::limits(&scenario, &catalog, false).len());
    }

    /// The whole process: start, facts, plan, print.
    #[divan::bench]
    fn process(bencher: Bencher<'_, '_>) {
        bencher.bench(|| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_edgemem"));
            command.arg("plan").arg(robot()).stdout(Stdio::null()).status().unwrap()
        });
    }
}

/// One budget, its model and weights known: memory and speed.
#[divan::bench(args = ["llama.cpp", "vllm", "pytorch"])]
fn budget(bencher: Bencher<'_, '_>, engine: &str) {
    let catalog = Catalog::shipped().unwrap();
    let (device, of_alias) = catalog.device("jetson-agx-orin-64gb").unwrap();
    let model = Arc::new(catalog.model("meta-llama/Llama-3.1-8B").unwrap());
    let runtime = runtime_on(&catalog, device, &model, Some(engine), None).unwrap();
    let format = format_of(&catalog, device, runtime, &model, None).unwrap();
    let question = Question {
        weights: Weights::of(&model, format).unwrap(),
        model,
        device,
        mode: mode_of(device, None, of_alias).unwrap(),
        runtime,
        format,
        kv: KvPair::F16,
        flash_attention: FlashChoice::Auto,
        demand: Demand::default(),
        headroom: Share(250_000),
        confidence: Share(900_000),
    };
    let mut context = 0;
    bencher.counter(ItemsCount::new(1u32)).bench_local(|| {
        // Another question each time: nothing may be remembered from the last one.
        context = (context + 17) % 8192;
        let demand = Demand { context: context + 1, ..question.demand };
        budget::answer(&Question { demand, ..question.clone() }, &catalog).unwrap().fits()
    });
}

/// `budget --cases` as a whole process; the counter is rows per second.
#[divan::bench(args = [20_000, 200_000], sample_count = 5)]
fn cases(bencher: Bencher<'_, '_>, rows: u32) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cases.csv");
    let mut text = String::from("model,device,runtime,weights,context,streams\n");
    let models = ["meta-llama/Llama-3.1-8B", "Qwen/Qwen3-4B", "google/gemma-3-4b-it", "Qwen/Qwen3-30B-A3B"];
    let devices = ["jetson-orin-nx-16gb", "jetson-agx-orin-64gb", "rtx-4090"];
    for row in 0..rows as usize {
        let (model, device) = (models[row % models.len()], devices[row % devices.len()]);
        let weights = ["q4_k_m", "q8_0"][row % 2];
        writeln!(text, "{model},{device},llama.cpp,{weights},{},{}", 1 + row % 8192, 1 + row % 4).unwrap();
    }
    std::fs::write(&path, text).unwrap();
    bencher.counter(ItemsCount::new(rows)).bench(|| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_edgemem"));
        command.arg("budget").arg("--cases").arg(&path).args(["--format", "csv"]).stdout(Stdio::null());
        command.status().unwrap()
    });
}

/// `budget --cases` where hardly any row is like another: every language model of the catalog on every device that runs
/// llama.cpp, in eight formats, with caches, contexts and streams of many sizes.
#[divan::bench(args = [200_000], sample_count = 5)]
fn diverse_cases(bencher: Bencher<'_, '_>, rows: u32) {
    let catalog = Catalog::shipped().unwrap();
    let models: Vec<String> = catalog
        .model_entries()
        .map(|entry| entry.id.clone())
        .filter(|id| catalog.model(id).is_ok_and(|m| m.task.decodes()))
        .collect();
    let devices: Vec<&str> = catalog
        .devices()
        .filter(|d| d.runtimes.iter().any(|r| r.starts_with("llama.cpp")))
        .map(|d| d.id.as_str())
        .collect();
    let formats = ["q4_k_m", "q8_0", "q5_k_m", "q6_k", "f16", "q4_0", "iq4_xs", "q3_k_m"];
    let caches = ["f16", "q8_0", "q4_0", "f16"];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cases.csv");
    let mut text = String::from("model,device,runtime,weights,kv_k,kv_v,context,streams\n");
    // A step that shares no factor with the lengths walks through all combinations in no order that a cache would like.
    let mut at = 0usize;
    for _ in 0..rows {
        at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pick = |shift: u32, n: usize| (at >> shift) % n;
        let cache = caches[pick(50, 4)];
        let (model, device) = (&models[pick(16, models.len())], devices[pick(24, devices.len())]);
        let (format, context, streams) = (formats[pick(40, 8)], 256 + pick(30, 3840), 1 << pick(45, 4));
        writeln!(text, "{model},{device},llama.cpp,{format},{cache},{cache},{context},{streams}").unwrap();
    }
    std::fs::write(&path, text).unwrap();
    bencher.counter(ItemsCount::new(rows)).bench(|| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_edgemem"));
        command
            .arg("budget")
            .arg("--cases")
            .arg(&path)
            .args(["--format", "csv"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().unwrap()
    });
}
