//! Why the devices that a plan does not use were not usable: the binding constraint, and the number it misses by.

use crate::candidates::{DeviceRefusal, Generated, Refusal};
use crate::catalog::Catalog;
use crate::scenario::Scenario;
use crate::solve::{Problem, required};
use crate::units::{Bytes, Money, Share};

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
    for (s, site) in scenario.sites.iter().enumerate() {
        for (_, index, refusal) in generated.refused.iter().filter(|(t, ..)| *t == s) {
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
        let several = site.max_devices() > 1;
        for (index, device) in devices.iter().enumerate() {
            let outcomes: Vec<_> =
                generated.outcomes.iter().filter(|o| o.site == s && o.device_index == index).collect();
            if outcomes.is_empty() || generated.refused.iter().any(|(t, i, _)| *t == s && *i == index) {
                continue;
            }
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
                None => jointly(&built.problem, built, s, index, scenario.headroom, scenario.max_load)
                    .map(|(reason, short)| (reason, None, short)),
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

/// Why workloads that each fit alone do not fit together, in the mode that comes nearest: the sum of the least that each
/// needs is a lower bound, so what it misses by is at least missed.
fn jointly(
    problem: &Problem,
    built: &Built,
    site: usize,
    device_index: usize,
    headroom: Share,
    max_load: Share,
) -> Option<(String, Option<Bytes>)> {
    let mut nearest: Option<(u64, String, Option<Bytes>)> = None;
    for (h, _) in built.hosts.iter().enumerate().filter(|(_, (d, _))| *d == device_index) {
        let host = &problem.hosts[h];
        let workloads = &problem.sites[site].workloads;
        let mut load = 0u64;
        let mut least = vec![Bytes::ZERO; host.pools.len()];
        let mut processes: Vec<u32> = Vec::new();
        let mut whole = true;
        for workload in workloads {
            let here: Vec<_> = workload.candidates.iter().filter(|c| c.host == h).collect();
            whole &= !here.is_empty();
            load += here.iter().map(|c| c.load.0).min().unwrap_or(0);
            let shared = workload.process.is_some_and(|p| {
                let again = processes.contains(&p);
                processes.push(p);
                again
            });
            for (pool, sum) in least.iter_mut().enumerate() {
                let need = |c: &&crate::solve::Candidate| {
                    if shared { c.memory[pool] } else { c.memory[pool] + c.framework[pool] }
                };
                *sum += here.iter().map(need).min().unwrap_or_default();
            }
        }
        if !whole {
            continue;
        }
        let (reason, short, distance) = match host
            .pools
            .iter()
            .zip(&least)
            .map(|(p, &sum)| (p, required(p.os + sum, headroom)))
            .filter(|(p, needed)| *needed > p.capacity)
            .max_by_key(|(p, needed)| needed.saturating_sub(p.capacity))
        {
            Some((pool, needed)) => {
                let short = needed.saturating_sub(pool.capacity);
                let reason = format!(
                    "all workloads together need at least {needed} with headroom in {} memory, {} there: {short} short",
                    pool.name, pool.capacity
                );
                (reason, Some(short), short.0)
            }
            None if load > max_load.0 => (
                format!("the workloads together load it to at least {}, at most {max_load} allowed", Share(load)),
                None,
                load,
            ),
            None => ("no joint choice of configurations meets memory, load and latency at once".to_owned(), None, 0),
        };
        if nearest.as_ref().is_none_or(|(d, ..)| distance < *d) {
            nearest = Some((distance, reason, short));
        }
    }
    nearest.map(|(_, reason, short)| (reason, short))
}
