//! Any bytes are a GGUF header or are refused; a header describes a model that can be worked with or is refused.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use std::sync::LazyLock;

use common::Random;
use common::models::use_model;
use edgemem::catalog::Catalog;
use edgemem::readers::gguf::{Header, model};
use libfuzzer_sys::fuzz_target;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::shipped().expect("the shipped catalog"));

fuzz_target!(|bytes: &[u8]| {
    if let Ok(header) = Header::read(bytes)
        && let Ok(model) = model(&[header])
    {
        use_model(model, &CATALOG, &mut Random::new(bytes.len() as u64));
    }
});
