//! Any text as a scenario that is then planned and told in every form: never a crash, and what is called a plan holds.
#![no_main]

use std::sync::{Arc, LazyLock};

use edgemem::catalog::Catalog;
use edgemem::planner::{Compare, Wanted, plan_with};
use edgemem::report;
use edgemem::scenario::{Document, resolve};
use edgemem::solve::SearchLimits;
use libfuzzer_sys::fuzz_target;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::shipped().expect("the shipped catalog"));

fuzz_target!(|text: &str| {
    let Ok(document) = Document::parse("scenario.yaml", text) else { return };
    let Ok(scenario) = resolve(&document, &CATALOG, &|name| CATALOG.model(name).map(Arc::new)) else { return };
    // Hundreds of workloads are a matter of time, not of sense.
    if scenario.sites.iter().map(|site| site.workloads.len()).sum::<usize>() > 8 {
        return;
    }
    let search = SearchLimits { steps: Some(20_000), tie_steps: 5_000, ..SearchLimits::default() };
    let wanted = Wanted { alternatives: 1, compare: Compare::Never };
    let plan = plan_with(&scenario, &CATALOG, wanted, &search, &mut |_| {});
    if let (Some(value), Some(bound)) = (plan.value, plan.bound) {
        assert!(bound <= value);
    }
    for device in plan.sites.iter().flat_map(|site| &site.devices) {
        assert!(device.pools.iter().all(|pool| pool.required <= pool.capacity));
    }
    assert!(!report::plan_text(&plan, Some(100)).is_empty());
    assert!(report::plan_json(&plan).contains("\"status\""));
    assert!(!report::plan_markdown(&plan).is_empty() && !report::plan_table(&plan).csv().is_empty());
});
