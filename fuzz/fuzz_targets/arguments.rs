//! Any text as `--set PATH=VALUE` and `--sweep PATH=A..B`, laid over a scenario.
#![no_main]

use std::sync::{Arc, LazyLock};

use edgemem::catalog::Catalog;
use edgemem::planner::whatif::{points, sweep};
use edgemem::scenario::{Document, Path, resolve};
use edgemem::yaml::parse_value;
use libfuzzer_sys::fuzz_target;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::shipped().expect("the shipped catalog"));

static SCENARIO: LazyLock<Document> =
    LazyLock::new(|| Document::parse("robot.yaml", include_str!("../../scenarios/robot.yaml")).expect("a scenario"));

fuzz_target!(|text: &str| {
    if let Ok(sweep) = sweep(text) {
        assert!(!sweep.shown.is_empty());
        let _ = points(&[sweep.clone(), sweep]);
    }
    let Some((path, value)) = text.split_once('=') else { return };
    let Ok(path) = path.trim().parse::<Path>() else { return };
    let Ok(value) = parse_value(value) else { return };
    let Ok(changed) = SCENARIO.with(&path, value) else { return };
    let _ = resolve(&changed, &CATALOG, &|name| CATALOG.model(name).map(Arc::new));
});
