//! Any text as a catalog of the user's: laid over the shipped one or refused, never a crash; what is laid over can be
//! listed, checked and worked with.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use std::sync::Arc;

use common::Random;
use common::models::use_model;
use edgemem::catalog::check::check;
use edgemem::catalog::schema::CatalogFile;
use edgemem::catalog::{Catalog, prices};
use edgemem::planner::plan;
use edgemem::report;
use edgemem::scenario::{Document, resolve};
use edgemem::solve::SearchLimits;
use edgemem::yaml::parse_catalog;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // The shipped catalogs are read only for what is a catalog at all.
    let Ok(file) = parse_catalog::<CatalogFile>(text, "overlay.yaml") else { return };
    let Ok(mut catalog) = Catalog::with_overlays(&[("overlay.yaml".to_owned(), text.to_owned())]) else { return };
    assert!(check(&catalog).iter().all(|finding| !finding.to_string().is_empty()));
    assert!(!report::devices(&catalog, |_| true).csv().is_empty());
    for model in &file.models {
        if let Ok(model) = catalog.model(&model.id) {
            use_model(model, &catalog, &mut Random::new(text.len() as u64));
        }
    }
    let Some(device) = file.devices.first() else { return };
    let list = format!("device,price_usd\n\"{}\",100\n", device.id.replace('"', "\"\""));
    let _ = prices::apply(&mut catalog, "prices.csv", list.as_bytes());
    // The one device alone, or every run would take a second.
    let id = serde_json::to_string(&device.id).expect("a text");
    let question = format!(
        "scenario: a device\nallow: {{ unverified: true, devices: [{id}] }}\nworkloads:\n\
        - {{ name: talk, model: qwen3-0.6b, context: 1024, targets: {{ decode_tok_s: 1 }} }}\n\
        - {{ name: see, model: yolo11n, targets: {{ inferences_s: 1 }} }}\n"
    );
    let Ok(document) = Document::parse("scenario.yaml", &question) else { return };
    let Ok(scenario) = resolve(&document, &catalog, &|name| catalog.model(name).map(Arc::new)) else { return };
    let limits = SearchLimits { steps: Some(10_000), tie_steps: 10_000, ..SearchLimits::default() };
    assert!(!report::plan_text(&plan(&scenario, &catalog, 1, &limits, &mut |_| {}), Some(100)).is_empty());
});
