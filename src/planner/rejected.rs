//! Why the devices that a plan does not use were not usable: the binding constraint, and the number it misses by.

use std::collections::BTreeMap;

use crate::candidates::{DeviceRefusal, Generated, Refusal};
use crate::catalog::Catalog;
use crate::figures::{power, usd};
use crate::scenario::Scenario;
use crate::solve::{self, Host, Problem};
use crate::units::{Bytes, Money};

use super::build::Built;

/// A device that cannot host what a unit must run.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejected {
    /// Device id.
    pub device: String,
    /// Site class.
    pub site: String,
    /// Price of one, when known.
    pub price: Option<Money>,
    /// What binds, in words.
    pub reason: String,
    /// The workload that it concerns, when it is one.
    pub workload: Option<String>,
    /// Bytes missing, when memory is what binds.
    pub short: Option<Bytes>,
    /// What would admit it, when a switch would.
    pub switch: Option<&'static str>,
}

/// The devices that cannot host a whole unit alone, cheapest first, then those without a price.
///
/// Where a unit may hold several devices, a device that hosts at least one workload is not rejected.
#[must_use]
pub fn rejected(scenario: &Scenario, catalog: &Catalog, generated: &Generated<'_>, built: &Built) -> Vec<Rejected> {
    let devices: Vec<_> = catalog.devices().collect();
    let mut found = Vec::new();
    // Asked for once for each device of each site: with thousands of sites, looking through all of them takes too long.
    let mut refused = vec![BTreeMap::new(); scenario.sites.len()];
    for (site, device, refusal) in &generated.refused {
        refused[*site].entry(*device).or_insert_with(Vec::new).push(refusal);
    }
    let mut hosted = vec![BTreeMap::new(); scenario.sites.len()];
    for outcome in &generated.outcomes {
        hosted[outcome.site].entry(outcome.device_index).or_insert_with(Vec::new).push(outcome);
    }
    for (s, site) in scenario.sites.iter().enumerate() {
        for (index, refusal) in refused[s].iter().flat_map(|(index, all)| all.iter().map(move |one| (index, one))) {
            let device = devices[*index];
            found.push(Rejected {
                device: device.id.clone(),
                site: site.name.clone(),
                price: device.prices.first().map(|b| b.price),
                reason: refusal.to_string(),
                workload: None,
                short: None,
                switch: refusal.switch(),
            });
        }
        let refusals = solve::refusals(&built.problem, s);
        let several = site.max_devices() > 1;
        for (index, device) in devices.iter().enumerate() {
            let Some(outcomes) = hosted[s].get(&index).filter(|_| !refused[s].contains_key(&index)) else { continue };
            let unusable: Vec<_> = outcomes.iter().filter(|o| !o.usable).collect();
            if several && unusable.len() < outcomes.len() {
                continue;
            }
            let reason = match unusable.iter().max_by(|a, b| {
                let d =
                    |o: &crate::candidates::WorkloadOnDevice| o.nearest.as_ref().map_or((0, 0.0), Refusal::distance);
                let (x, y) = (d(a), d(b));
                x.0.cmp(&y.0).then(x.1.total_cmp(&y.1)).then(b.workload.cmp(&a.workload))
            }) {
                Some(worst) => {
                    let name = site.workloads[worst.workload].name.clone();
                    let refusal =
                        worst.nearest.clone().unwrap_or(Refusal::Device(DeviceRefusal::NoRuntime(name.clone())));
                    let short = refusal.short();
                    Some((format!("`{name}`: {refusal}"), Some(name), short))
                }
                None => jointly(&refusals, &built.problem, built, s, index).map(|j| (j.reason, None, j.short)),
            };
            if let Some((reason, workload, short)) = reason {
                found.push(Rejected {
                    device: device.id.clone(),
                    site: site.name.clone(),
                    price: device.prices.first().map(|b| b.price),
                    reason,
                    workload,
                    short,
                    switch: None,
                });
            }
        }
    }
    found.sort_by(|a, b| {
        (a.price.is_none(), a.price, &a.device, &a.site).cmp(&(b.price.is_none(), b.price, &b.device, &b.site))
    });
    found
}

/// Why workloads that each fit alone do not make a unit together, in the mode that comes nearest.
fn jointly(
    refusals: &[Option<solve::Refusal>],
    problem: &Problem,
    built: &Built,
    site: usize,
    device: usize,
) -> Option<Joint> {
    let modes = built.hosts.iter().enumerate().filter(|(_, (d, _))| *d == device);
    let mut nearest: Option<(u8, u64, Joint)> = None;
    for (host, _) in modes {
        // A mode in which the device does make a unit: it is not rejected.
        let refusal = refusals[host].as_ref()?;
        let (rank, amount, joint) = describe(refusal, &problem.hosts[host], &problem.sites[site]);
        if nearest.as_ref().is_none_or(|(r, a, _)| (rank, amount) < (*r, *a)) {
            nearest = Some((rank, amount, joint));
        }
    }
    nearest.map(|(_, _, joint)| joint)
}

/// A joint refusal: in words, with the bytes short when memory binds.
struct Joint {
    reason: String,
    short: Option<Bytes>,
}

/// How near a refusal is to being none, and its words.
fn describe(refusal: &solve::Refusal, host: &Host, site: &solve::Site) -> (u8, u64, Joint) {
    use solve::Refusal;
    let name = |w: usize| site.workloads[w].name.as_str();
    let plain = |rank: u8, amount: u64, reason: String| (rank, amount, Joint { reason, short: None });
    match *refusal {
        Refusal::Latency { workload, over } => plain(
            0,
            over.0,
            format!("`{}` answers too late beside the others: their load is at least {over} too high", name(workload)),
        ),
        Refusal::Load { over } => plain(1, over.0, format!("the workloads that fit load it at least {over} too much")),
        Refusal::Memory { pool, short } => {
            let reason =
                format!("all workloads together are at least {short} short of {} memory", host.pools[pool].name);
            (2, short.0, Joint { reason, short: Some(short) })
        }
        Refusal::Joint => plain(3, 0, "memory, load and latency cannot be had at once".to_owned()),
        Refusal::Apart { workloads: (a, b) } => {
            plain(4, 0, format!("`{}` and `{}` may not share a device", name(a), name(b)))
        }
        Refusal::Copies { workload, copies } => plain(5, 0, format!("`{}` needs {copies} devices", name(workload))),
        Refusal::Price { price, over } => plain(6, over.0, format!("costs {}, {} too much", usd(price), usd(over))),
        Refusal::Power { over } => plain(6, over.0, format!("draws {} too much", power(over))),
        Refusal::NoCandidate { workload } => plain(7, 0, format!("`{}` cannot run on it in this mode", name(workload))),
        Refusal::PowerUnknown => plain(8, 0, "its power draw is unknown".to_owned()),
        Refusal::Unavailable => plain(9, 0, "it cannot be bought in these quantities".to_owned()),
    }
}
