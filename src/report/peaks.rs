//! What a workload takes for a moment before it runs, in words and for programs.

use serde_json::{Value, json};

use crate::domain::Pool;
use crate::memory::{Peak, Peaks};

/// One sentence for each peak that is known. What must be on the device and is too large is a refusal and not said here
/// again.
#[must_use]
pub(super) fn lines(pools: &[Pool], peaks: &Peaks) -> Vec<String> {
    let loading = peaks.loading.map(|peak| loading(pools, &peak));
    let building = peaks.building.map(|peak| building(pools, &peak));
    loading.into_iter().chain(building).collect()
}

/// The sentences of peaks that the device does not hold, for what fits once it runs.
#[must_use]
pub(super) fn warnings(pools: &[Pool], peaks: &Peaks) -> Vec<String> {
    let beyond = |peak: Option<Peak>| peak.filter(|peak| peak.exceeds(pools).is_some());
    let loading = beyond(peaks.loading).map(|peak| loading(pools, &peak));
    let building = beyond(peaks.building).map(|peak| building(pools, &peak));
    loading.into_iter().chain(building).map(|line| format!("fits at run time; {line}")).collect()
}

fn loading(pools: &[Pool], peak: &Peak) -> String {
    let Some(pool) = peak.exceeds(pools) else {
        return format!("loading it takes up to {}, which fits", sizes(pools, peak));
    };
    let needed = pool.os + peak.pool(pool.name);
    let short = format!("loading it needs {needed} of {} memory, {} there", pool.name, pool.capacity);
    if pool.os + peak.held(pool.name) > pool.capacity {
        return format!("{short}: it cannot be loaded");
    }
    format!("{short}: mapped files must make room, so load without mapping them or add swap")
}

fn building(pools: &[Pool], peak: &Peak) -> String {
    let Some(pool) = peak.exceeds(pools) else {
        return format!("building its engine on the device takes up to {}, which fits", sizes(pools, peak));
    };
    format!(
        "building its engine on the device needs {} of {} memory, {} there: build it on a device of like silicon with more \
         memory, or choose an engine that needs no build",
        pool.os + peak.pool(pool.name),
        pool.name,
        pool.capacity
    )
}

/// What the peak takes in each pool, the operating system left out.
fn sizes(pools: &[Pool], peak: &Peak) -> String {
    let of = |pool: &Pool| format!("{} of {} memory", peak.pool(pool.name), pool.name);
    pools.iter().filter(|p| peak.pool(p.name).0 > 0).map(of).collect::<Vec<_>>().join(" and ")
}

/// The peaks for programs: bytes by pool, the process included and the operating system left out, and whether the device
/// holds them.
#[must_use]
pub(super) fn value(pools: &[Pool], peaks: &Peaks) -> Value {
    let one = |peak: &Peak| {
        let by_pool: Vec<_> =
            pools.iter().map(|p| json!({ "pool": p.name.id(), "bytes": peak.pool(p.name).0 })).collect();
        json!({ "pools": by_pool, "mapped_bytes": peak.mapped.0, "fits": peak.exceeds(pools).is_none() })
    };
    json!({
        "loading": peaks.loading.as_ref().map(one),
        "building": peaks.building.as_ref().map(one),
        "warnings": warnings(pools, peaks),
    })
}
