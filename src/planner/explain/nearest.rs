//! How near the nearest device comes to serving what cannot be served.

use std::collections::BTreeMap;

use super::ask::Asker;
use crate::candidates::{Refusal, WorkloadOnDevice};
use crate::figures::usd;
use crate::planner::build::build;
use crate::planner::rejected::rejected;
use crate::scenario::Document;

/// The nearest miss of a scenario without a plan, in a sentence.
pub(super) fn miss(asker: &Asker<'_>, doc: &Document) -> Option<String> {
    let scenario = asker.resolve(doc).ok()?;
    let catalog = asker.catalog();
    let generated = asker.generate(&scenario);
    let distance = |o: &WorkloadOnDevice| o.nearest.as_ref().map_or((0, 0.0), Refusal::distance);
    // A device is as near as the workload that it misses by most.
    let mut worst: BTreeMap<(usize, usize), &WorkloadOnDevice> = BTreeMap::new();
    for outcome in generated.outcomes.iter().filter(|o| !o.usable) {
        let entry = worst.entry((outcome.site, outcome.device_index)).or_insert(outcome);
        let (a, b) = (distance(outcome), distance(entry));
        if a.0 > b.0 || (a.0 == b.0 && a.1 > b.1) {
            *entry = outcome;
        }
    }
    let nearest = worst
        .values()
        .filter(|o| o.nearest.as_ref().is_some_and(|r| !matches!(r, Refusal::Device(_) | Refusal::Unsupported(_))))
        .min_by(|a, b| {
            let (x, y) = (distance(a), distance(b));
            x.0.cmp(&y.0).then(x.1.total_cmp(&y.1))
        });
    if let Some(outcome) = nearest {
        let device = catalog.device_at(outcome.device_index);
        let price = device.prices.first().map_or_else(String::new, |b| format!(" ({})", usd(b.price)));
        let name = &scenario.sites[outcome.site].workloads[outcome.workload].name;
        let refusal = outcome.nearest.as_ref()?;
        return Some(format!("{}{price} comes nearest: `{name}` {refusal}", device.id));
    }
    let built = build(&scenario, catalog, &generated);
    let all = rejected(&scenario, catalog, &generated, &built);
    let first = all.iter().find(|r| r.price.is_some() && r.switch.is_none())?;
    let price = first.price.map_or_else(String::new, |p| format!(" ({})", usd(p)));
    Some(format!("{}{price} comes first: {}", first.device, first.reason))
}
