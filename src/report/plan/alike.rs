//! Devices and sites that are alike, so that they are printed once with their number.

use crate::planner::{PlannedDevice, PlannedSite, PlannedWorkload};

/// Devices of one unit that are alike: never empty.
pub(super) type Alike<'p, 'a> = Vec<&'p PlannedDevice<'a>>;

/// The devices of a unit, those that are alike together, in the order of the first of each.
pub(super) fn devices<'p, 'a>(site: &'p PlannedSite<'a>) -> Vec<Alike<'p, 'a>> {
    let mut groups: Vec<Alike<'p, 'a>> = Vec::new();
    for device in &site.devices {
        match groups.iter_mut().find(|group| group.first().is_some_and(|first| same_device(first, device))) {
            Some(group) => group.push(device),
            None => groups.push(vec![device]),
        }
    }
    groups
}

/// The sites of a plan, those of equal units together, in the order of the first of each.
pub(super) fn sites<'p, 'a>(sites: &'p [PlannedSite<'a>]) -> Vec<Vec<&'p PlannedSite<'a>>> {
    let mut groups: Vec<Vec<&'p PlannedSite<'a>>> = Vec::new();
    for site in sites {
        match groups.iter_mut().find(|group| group.first().is_some_and(|first| same_unit(first, site))) {
            Some(group) => group.push(site),
            None => groups.push(vec![site]),
        }
    }
    groups
}

/// Whether two units hold the same devices, whose workloads have the same names.
fn same_unit(a: &PlannedSite<'_>, b: &PlannedSite<'_>) -> bool {
    let named = |d: &PlannedDevice<'_>, e: &PlannedDevice<'_>| {
        d.workloads.iter().zip(&e.workloads).all(|(v, w)| v.workload.name == w.workload.name)
    };
    a.devices.len() == b.devices.len()
        && a.devices.iter().zip(&b.devices).all(|(d, e)| same_device(d, e) && named(d, e))
}

fn same_device(a: &PlannedDevice<'_>, b: &PlannedDevice<'_>) -> bool {
    a.device.id == b.device.id
        && a.mode.id == b.mode.id
        && (a.unit_price, a.load) == (b.unit_price, b.load)
        && a.pools == b.pools
        && a.workloads.len() == b.workloads.len()
        && a.workloads.iter().zip(&b.workloads).all(|(v, w)| same_work(v, w))
}

/// Whether two workloads are the same but for their name.
fn same_work(a: &PlannedWorkload<'_>, b: &PlannedWorkload<'_>) -> bool {
    let configuration = |p: &PlannedWorkload<'_>| {
        let c = &p.candidate;
        (c.kv, c.flash_attention, c.micro_batch, c.card, c.load, p.latency)
    };
    let demand = |p: &PlannedWorkload<'_>| {
        let w = &p.workload;
        (w.context, w.streams, w.prompt, w.images, w.targets)
    };
    a.workload.model.id == b.workload.model.id
        && a.candidate.format.id == b.candidate.format.id
        && a.candidate.runtime_id == b.candidate.runtime_id
        && configuration(a) == configuration(b)
        && demand(a) == demand(b)
        && a.candidate.speed == b.candidate.speed
        && a.candidate.footprint == b.candidate.footprint
}

/// The names of one workload on each of the devices that are alike: one where they agree.
pub(super) fn names(group: &[&PlannedDevice<'_>], workload: usize) -> String {
    /// Names that are written out; more are counted.
    const SHOWN: usize = 3;
    let mut names: Vec<&str> =
        group.iter().filter_map(|d| d.workloads.get(workload)).map(|w| w.workload.name.as_str()).collect();
    names.dedup();
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
