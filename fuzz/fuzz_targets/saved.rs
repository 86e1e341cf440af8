//! Any text as a saved plan: checked against today's facts or refused, never a crash.
#![no_main]

use std::sync::{Arc, LazyLock};

use edgemem::catalog::Catalog;
use edgemem::planner::check::{Saved, check_document, scenario_of};
use edgemem::report;
use edgemem::scenario::resolve;
use edgemem::solve::SearchLimits;
use libfuzzer_sys::fuzz_target;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::shipped().expect("the shipped catalog"));

fuzz_target!(|text: &str| {
    let Ok(saved) = serde_json::from_str::<Saved>(text) else { return };
    let Ok(document) = scenario_of(&saved) else { return };
    let Ok(scenario) = resolve(&document, &CATALOG, &|name| CATALOG.model(name).map(Arc::new)) else { return };
    if scenario.sites.iter().map(|site| site.workloads.len()).sum::<usize>() > 8 {
        return;
    }
    let limits = SearchLimits { steps: Some(10_000), tie_steps: 1_000, ..SearchLimits::default() };
    let (check, _) = check_document(&saved, &scenario, &CATALOG, &limits, 20_000, 365);
    assert!(check.today.is_none() || check.broken.is_empty());
    assert!(!report::check_text(&check, &scenario.name, scenario.objective, false).is_empty());
    assert!(!report::check_table(&check, scenario.objective).csv().is_empty());
});
