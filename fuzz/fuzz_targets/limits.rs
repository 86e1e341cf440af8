//! Any text as a scenario whose limits are then looked for and told in every form: never a crash, and no limit on target lies
//! above the limit.
#![no_main]

use std::sync::{Arc, LazyLock};

use edgemem::catalog::Catalog;
use edgemem::planner::limits::limits;
use edgemem::report;
use edgemem::scenario::{Allow, Document, Site, resolve};
use libfuzzer_sys::fuzz_target;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::shipped().expect("the shipped catalog"));

fn named_few(allow: &Allow) -> bool {
    allow.devices.as_ref().is_some_and(|devices| devices.len() <= 4)
}

fuzz_target!(|text: &str| {
    let Ok(document) = Document::parse("scenario.yaml", text) else { return };
    let Ok(scenario) = resolve(&document, &CATALOG, &|name| CATALOG.model(name).map(Arc::new)) else { return };
    // Every workload is tried on every device that may be bought, in every configuration: a few named ones are enough.
    let few = |site: &Site| site.workloads.len() <= 2 && site.allow.iter().any(named_few);
    if scenario.sites.len() > 2 || !scenario.sites.iter().all(few) {
        return;
    }
    let found = limits(&scenario, &CATALOG, true);
    for limit in &found {
        assert!(limit.streams.on_target <= limit.streams.max && limit.context.on_target <= limit.context.max);
        assert!(limit.frontier.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 > two[1].1));
    }
    assert!(!report::limits_text(&scenario, &found, true, Some(100)).is_empty());
    let table = report::limits(&scenario, &found, true);
    assert!(table.csv().lines().count() > found.len(), "a row for each limit, and the names of the columns");
});
