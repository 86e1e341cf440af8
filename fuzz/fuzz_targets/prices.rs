//! Any bytes as a price list, text or workbook: used whole or refused whole, never a crash.
#![no_main]

use std::cell::RefCell;
use std::sync::LazyLock;

use edgemem::catalog::{Catalog, prices};
use libfuzzer_sys::fuzz_target;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::shipped().expect("the shipped catalog"));

thread_local! {
    /// Copied anew only after a list was used: copying takes longer than all the rest.
    static CHANGED: RefCell<Catalog> = RefCell::new(CATALOG.clone());
}

fuzz_target!(|bytes: &[u8]| {
    CHANGED.with_borrow_mut(|catalog| match prices::apply(catalog, "prices", bytes) {
        Ok(_) => *catalog = CATALOG.clone(),
        Err(_) => assert_eq!(catalog.sha256(), CATALOG.sha256()),
    });
});
