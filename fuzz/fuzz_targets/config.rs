//! Any text as a `config.json`: answered or refused, never a crash; what is answered can be worked with.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use std::sync::LazyLock;

use common::Random;
use common::models::use_model;
use edgemem::catalog::Catalog;
use libfuzzer_sys::fuzz_target;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::shipped().expect("the shipped catalog"));

fuzz_target!(|text: &str| {
    if let Ok(model) = edgemem::readers::hf_config::parse(text, "config.json") {
        assert!(model.active_parameters <= model.parameters);
        use_model(model, &CATALOG, &mut Random::new(text.len() as u64));
    }
});
