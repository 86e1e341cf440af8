//! Any bytes as a table of budgets: answered row by row or refused whole, never a crash.
#![no_main]

use std::sync::LazyLock;

use edgemem::catalog::Catalog;
use edgemem::cli::cases::{Defaults, answers};
use edgemem::units::Share;
use libfuzzer_sys::fuzz_target;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::shipped().expect("the shipped catalog"));

fuzz_target!(|bytes: &[u8]| {
    let defaults = Defaults { headroom: Share(250_000), confidence: Share(900_000) };
    let Ok((pieces, whole)) = answers(bytes, "cases.csv", &CATALOG, defaults) else { return };
    let text = pieces.concat();
    // What is written can be read again, and tells in each row whether it was worked out.
    let mut reader = csv::Reader::from_reader(text.as_slice());
    let last = reader.headers().expect("a header").len() - 1;
    let failed = reader.records().filter(|row| !row.as_ref().expect("a row")[last].is_empty()).count();
    assert_eq!(whole, failed == 0);
});
