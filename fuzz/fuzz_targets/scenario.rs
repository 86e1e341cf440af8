//! Any text as a scenario: resolved or refused, never a crash.
#![no_main]

use std::sync::{Arc, LazyLock};

use edgemem::catalog::Catalog;
use edgemem::scenario::{Document, resolve};
use libfuzzer_sys::fuzz_target;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::shipped().expect("the shipped catalog"));

fuzz_target!(|text: &str| {
    if let Ok(document) = Document::parse("scenario.yaml", text) {
        let _ = resolve(&document, &CATALOG, &|name| CATALOG.model(name).map(Arc::new));
    }
});
