//! From candidates to the choice as plain integers.

use std::collections::BTreeMap;

use crate::candidates::{Candidate, Generated};
use crate::catalog::Catalog;
use crate::domain::KvType;
use crate::scenario::{ObjectiveKind, Scenario};
use crate::solve::{self, Configuration, Host, Objective, PoolRoom, Problem, Sku, Workload};

/// A problem with the way back to the candidates it was built from.
#[derive(Debug)]
pub struct Built {
    /// The choice.
    pub problem: Problem,
    /// For each host of the problem: device index in the catalog and mode index in the device.
    pub hosts: Vec<(usize, usize)>,
    /// For each site class, workload and candidate of the problem: the index in [`Generated::candidates`].
    pub candidates: Vec<Vec<Vec<usize>>>,
}

/// Builds the choice from the usable candidates of a scenario.
#[must_use]
pub fn build(scenario: &Scenario, catalog: &Catalog, generated: &Generated<'_>) -> Built {
    let mut hosts_by_key: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for candidate in usable(generated) {
        let next = hosts_by_key.len();
        hosts_by_key.entry((candidate.device_index, candidate.mode_index)).or_insert(next);
    }
    // Numbered in catalog order, so that the problem does not depend on the order of candidates.
    for (i, host) in hosts_by_key.values_mut().enumerate() {
        *host = i;
    }
    let devices: Vec<_> = catalog.devices().collect();
    let mut skus: Vec<Sku> = Vec::new();
    let mut sku_of: BTreeMap<usize, usize> = BTreeMap::new();
    let mut hosts = Vec::with_capacity(hosts_by_key.len());
    for &(device_index, mode_index) in hosts_by_key.keys() {
        let device = devices[device_index];
        let mode = &device.modes[mode_index];
        let sku = *sku_of.entry(device_index).or_insert_with(|| {
            let prices = device.prices.iter().map(|b| (b.min_quantity, b.price)).collect();
            skus.push(Sku { id: device.id.clone(), prices, multiple: device.order_multiple });
            skus.len() - 1
        });
        hosts.push(Host {
            sku,
            mode: mode.id.clone(),
            power: mode.power,
            idle: mode.idle,
            pools: device
                .pools
                .iter()
                .map(|p| PoolRoom { name: p.name.id(), capacity: p.capacity, os: p.os })
                .collect(),
        });
    }
    let mut sites = Vec::with_capacity(scenario.sites.len());
    let mut back: Vec<Vec<Vec<usize>>> = Vec::with_capacity(scenario.sites.len());
    for site in &scenario.sites {
        let mut processes: Vec<&str> = Vec::new();
        let workloads = site
            .workloads
            .iter()
            .map(|w| Workload {
                name: w.name.clone(),
                copies: w.replicas.max(1 + site.redundancy),
                process: w.process.as_deref().map(|p| {
                    let known = processes.iter().position(|q| *q == p);
                    known.unwrap_or_else(|| {
                        processes.push(p);
                        processes.len() - 1
                    }) as u32
                }),
                apart: w.apart_from.clone(),
                together: w.together_with.clone(),
                candidates: Vec::new(),
            })
            .collect();
        back.push(vec![Vec::new(); site.workloads.len()]);
        sites.push(solve::Site {
            name: site.name.clone(),
            count: site.count,
            max_devices: site.max_devices(),
            price_limit: site.limits.price,
            power_limit: site.limits.power,
            workloads,
        });
    }
    for (i, candidate) in generated.candidates.iter().enumerate().filter(|(_, c)| c.refusal.is_none()) {
        let host = hosts_by_key[&(candidate.device_index, candidate.mode_index)];
        sites[candidate.site].workloads[candidate.workload].candidates.push(plain(candidate, host));
        back[candidate.site][candidate.workload].push(i);
    }
    let problem = Problem {
        objective: objective(scenario),
        headroom: scenario.headroom,
        max_load: scenario.max_load,
        spares: scenario.fleet.spares,
        max_skus: scenario.fleet.max_skus,
        skus,
        hosts,
        sites,
    };
    Built { problem, hosts: hosts_by_key.into_keys().collect(), candidates: back }
}

fn usable<'g, 'a>(generated: &'g Generated<'a>) -> impl Iterator<Item = &'g Candidate<'a>> {
    generated.candidates.iter().filter(|c| c.refusal.is_none())
}

fn objective(scenario: &Scenario) -> Objective {
    let horizon = scenario.horizon;
    match scenario.objective {
        ObjectiveKind::Capex => Objective::Capex,
        ObjectiveKind::Power => Objective::Power,
        ObjectiveKind::Tco => Objective::Tco {
            microusd_per_kwh: horizon.microusd_per_kwh,
            // Thousandths of years times 365 days times thousandths of hours, back to thousandths.
            millihours: horizon.milliyears * 365 * horizon.millihours_per_day / 1000,
        },
    }
}

fn plain(candidate: &Candidate<'_>, host: usize) -> solve::Candidate {
    let kv = |t: Option<KvType>| t.map_or_else(String::new, |t| t.id().to_owned());
    solve::Candidate {
        number: candidate.number,
        host,
        memory: candidate.own().collect(),
        framework: candidate.framework().collect(),
        load: candidate.load,
        latency: candidate.latency,
        quality_loss: candidate.quality_loss,
        configuration: Configuration {
            runtime: candidate.runtime_id.to_owned(),
            weights: candidate.format.id.clone(),
            kv_k: kv(candidate.kv.map(|p| p.k)),
            kv_v: kv(candidate.kv.map(|p| p.v)),
            flash_attention: candidate.flash_attention,
            micro_batch: candidate.micro_batch,
        },
    }
}
