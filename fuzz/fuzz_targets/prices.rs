//! Any bytes as a price list, text or workbook: used whole or refused whole, never a crash.
#![no_main]

use std::sync::LazyLock;

use edgemem::catalog::{Catalog, prices};
use libfuzzer_sys::fuzz_target;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::shipped().expect("the shipped catalog"));

fuzz_target!(|bytes: &[u8]| {
    let mut catalog = CATALOG.clone();
    if prices::apply(&mut catalog, "prices", bytes).is_err() {
        assert_eq!(catalog.sha256(), CATALOG.sha256());
    }
});
