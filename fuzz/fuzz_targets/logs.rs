//! Any text as a device's log: what is understood of it is compared, and what is written as an overlay can be read.
#![no_main]

use std::sync::{Arc, LazyLock};

use edgemem::catalog::Catalog;
use edgemem::planner::validate::validate;
use edgemem::readers::logs;
use edgemem::scenario::{Document, Scenario, resolve};
use edgemem::{report, yaml};
use libfuzzer_sys::fuzz_target;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::shipped().expect("the shipped catalog"));

static SCENARIO: LazyLock<Scenario> = LazyLock::new(|| {
    let text = "scenario: a log\nallow: { devices: [raspberry-pi-5-8gb, rtx-4090], unverified: true }\nworkloads:\n\
        - { name: talk, model: qwen3-0.6b, context: 4096, weights: q4_k_m, runtimes: llama.cpp }\n";
    let document = Document::parse("scenario.yaml", text).expect("a scenario");
    resolve(&document, &CATALOG, &|name| CATALOG.model(name).map(Arc::new)).expect("a scenario")
});

fuzz_target!(|text: &str| {
    let observed = logs::parse(text);
    for device in ["raspberry-pi-5-8gb", "rtx-4090"] {
        let Ok(validation) = validate(&SCENARIO, &CATALOG, observed.clone(), None, Some(device)) else { continue };
        assert!(!report::validation_text(&validation, Some(100)).is_empty());
        assert!(!report::validation_table(&validation).csv().is_empty());
        assert!(report::validation_value(&validation).is_object());
        let Ok(overlay) = validation.overlay(&CATALOG) else { continue };
        let text = yaml::to_string(&overlay).expect("an overlay");
        Catalog::with_overlays(&[("overlay.yaml".to_owned(), text)]).expect("an overlay that can be read");
    }
});
