//! llama.cpp's memory, byte by byte against what it allocated.
//!
//! `fixtures/llama_cpp/` holds buffers of llama.cpp v0.5.0 (ggml 0.25.1, CPU backend, 22 November 2026), read as exact bytes
//! from dry runs and real loads of files with real hyper-parameters, tensor shapes and types: `buffers.csv` one context a
//! row, `files.csv` the bytes that `llama-quantize --dry-run` gives for each file type, `models.json` the hyper-parameters.

#![expect(clippy::unwrap_used, reason = "a test may stop where a fixture is damaged")]

use std::collections::HashMap;

use edgemem::catalog::Catalog;
use edgemem::domain::{Architecture, ArchitectureSpec, Body, Format, KvPair, KvType, Model, Provenance, Task};
use edgemem::memory::{Case, Demand, Footprint, Unsupported, Weights, footprint};
use serde::Deserialize;

#[derive(Deserialize)]
struct ModelRow {
    parameters: u64,
    architecture: ArchitectureSpec,
}

#[derive(Debug, Clone, Deserialize)]
struct Row {
    model: String,
    weights: String,
    total_context: u64,
    streams: u32,
    batch: u32,
    micro_batch: u32,
    flash_attention: String,
    kv_k: String,
    kv_v: String,
    kv_unified: bool,
    swa_full: bool,
    outputs: u64,
    kv_cache_bytes: u64,
    state_bytes: u64,
    compute_bytes: u64,
    work_bytes: u64,
}

#[derive(Debug, Deserialize)]
struct File {
    model: String,
    weights: String,
    tensor_bytes: u64,
}

fn fixture(name: &str) -> String {
    let path = format!("{}/tests/fixtures/llama_cpp/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn table<T: for<'a> Deserialize<'a>>(name: &str) -> Vec<T> {
    csv::Reader::from_reader(fixture(name).as_bytes()).deserialize().map(Result::unwrap).collect()
}

fn model(id: &str, parameters: u64, architecture: Architecture) -> Model {
    Model {
        id: id.to_owned(),
        aliases: Vec::new(),
        task: Task::Language,
        parameters,
        active_parameters: parameters,
        body: Body::Language(Box::new(architecture)),
        stored: None,
        native_format: None,
        trained_formats: Vec::new(),
        licence: None,
        released: None,
        assumptions: Vec::new(),
        provenance: Provenance::default(),
    }
}

struct Bench {
    catalog: Catalog,
    models: HashMap<String, Model>,
}

impl Bench {
    fn new() -> Self {
        let rows: HashMap<String, ModelRow> = serde_json::from_str(&fixture("models.json")).unwrap();
        let models = rows
            .into_iter()
            .map(|(id, row)| (id.clone(), model(&id, row.parameters, row.architecture.expand().unwrap())))
            .collect();
        Self { catalog: Catalog::shipped().unwrap(), models }
    }

    fn format(&self, id: &str) -> &Format {
        self.catalog.formats().find(|f| f.id == id).unwrap_or_else(|| panic!("no format {id}"))
    }

    fn weights(&self, model: &str, format: &str) -> Weights {
        Weights::of(&self.models[model], self.format(format)).unwrap()
    }

    fn ask(&self, row: &Row, weights: &Weights) -> Result<Footprint, Unsupported> {
        let device = self.catalog.device("raspberry-pi-5-16gb").unwrap().0;
        let runtime = self.catalog.runtimes().find(|r| r.id == "llama.cpp-cpu").unwrap();
        let kv = |id: &str| KvType::from_id(id).unwrap();
        let case = Case {
            device,
            runtime,
            model: &self.models[&row.model],
            format: self.format(&row.weights),
            weights,
            kv: KvPair { k: kv(&row.kv_k), v: kv(&row.kv_v) },
            flash_attention: row.flash_attention == "on",
            demand: Demand {
                context: row.total_context / u64::from(row.streams),
                total_context: Some(row.total_context),
                streams: row.streams,
                batch: row.batch,
                micro_batch: row.micro_batch,
                outputs: Some(row.outputs),
                kv_unified: row.kv_unified,
                swa_full: row.swa_full,
                ..Demand::default()
            },
        };
        footprint(&case)
    }
}

#[test]
fn buffers_are_those_that_llama_cpp_allocated() {
    let bench = Bench::new();
    let mut weights: HashMap<(String, String), Weights> = HashMap::new();
    let mut wrong = Vec::new();
    for row in table::<Row>("buffers.csv") {
        let key = (row.model.clone(), row.weights.clone());
        let weights = weights.entry(key).or_insert_with(|| bench.weights(&row.model, &row.weights));
        let used = bench.ask(&row, weights).unwrap().main;
        let got = [used.kv_cache.0, used.state.0, used.compute.0];
        let truth = [row.kv_cache_bytes, row.state_bytes, row.compute_bytes];
        if got != truth {
            wrong.push(format!("{got:?} for {truth:?} in {row:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} rows differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn work_buffers_are_never_low() {
    let bench = Bench::new();
    for row in table::<Row>("buffers.csv") {
        let used = bench.ask(&row, &bench.weights(&row.model, &row.weights)).unwrap().main;
        assert!(used.work.0 >= row.work_bytes, "{} for {row:?}", used.work.0);
    }
}

#[test]
fn files_have_the_bytes_that_the_quantiser_gives_them() {
    let bench = Bench::new();
    let mut wrong = Vec::new();
    for file in table::<File>("files.csv") {
        let got = bench.weights(&file.model, &file.weights).total.0;
        // Tensors are padded to 32 bytes in a file.
        if !(file.tensor_bytes..file.tensor_bytes + 32 * 1024).contains(&got) {
            wrong.push(format!("{got} for {file:?}: {:+.3} %", (got as f64 / file.tensor_bytes as f64 - 1.0) * 100.0));
        }
    }
    assert!(wrong.is_empty(), "{} files differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// Bits per weight of Llama 3.1 8B as `tools/quantize/README.md` of llama.cpp (commit 311c2c9f) gives them.
#[test]
fn files_have_the_bits_per_weight_that_llama_cpp_publishes() {
    const PARAMETERS: f64 = 8_030_261_312.0;
    let published = [
        ("iq1_s", 2.0042),
        ("iq1_m", 2.1460),
        ("iq2_xxs", 2.3824),
        ("iq2_xs", 2.5882),
        ("iq2_s", 2.7403),
        ("iq2_m", 2.9294),
        ("iq3_xxs", 3.2548),
        ("iq3_xs", 3.4977),
        ("iq3_s", 3.6606),
        ("iq3_m", 3.7628),
        ("iq4_xs", 4.4597),
        ("iq4_nl", 4.6818),
        ("q2_k_s", 2.9697),
        ("q2_k", 3.1593),
        ("q3_k_s", 3.6429),
        ("q3_k_l", 4.2979),
        ("q4_k_s", 4.6672),
        ("q4_k_m", 4.8944),
        ("q5_k_s", 5.5704),
        ("q5_k_m", 5.7036),
        ("q6_k", 6.5633),
        ("q8_0", 8.5008),
        ("f16", 16.0005),
    ];
    let bench = Bench::new();
    for (format, bits) in published {
        let got = bench.weights("Llama-3.1-8B", format).total.0 as f64 * 8.0 / PARAMETERS;
        assert!((got / bits - 1.0).abs() < 0.002, "{format}: {got:.4} for {bits}");
    }
}

#[test]
fn more_context_and_more_streams_never_need_less() {
    let bench = Bench::new();
    let mut names: Vec<&String> = bench.models.keys().collect();
    names.sort();
    for name in names {
        let weights = bench.weights(name, "q4_k_m");
        let need = |total_context: u64, streams: u32, flash_attention: &str| {
            let row = Row {
                model: name.clone(),
                weights: "q4_k_m".to_owned(),
                total_context,
                streams,
                batch: 2048,
                micro_batch: 512,
                flash_attention: flash_attention.to_owned(),
                kv_k: "f16".to_owned(),
                kv_v: "f16".to_owned(),
                kv_unified: false,
                swa_full: false,
                outputs: streams.into(),
                kv_cache_bytes: 0,
                state_bytes: 0,
                compute_bytes: 0,
                work_bytes: 0,
            };
            bench.ask(&row, &weights).unwrap().main.total()
        };
        for flash in ["on", "off"] {
            let by_context: Vec<_> = (1..=64).map(|n| need(n * 512, 1, flash)).collect();
            assert!(by_context.is_sorted(), "{name} by context, flash attention {flash}");
            let by_streams: Vec<_> = (1..=16).map(|n| need(u64::from(n) * 2048, n, flash)).collect();
            assert!(by_streams.is_sorted(), "{name} by streams, flash attention {flash}");
        }
    }
}
