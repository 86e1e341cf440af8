//! From candidates to the choice as plain integers.

use std::collections::{BTreeMap, BTreeSet};

use crate::candidates::{Candidate, Generated};
use crate::catalog::Catalog;
use crate::domain::{Device, KvType, Pool, PriceBreak};
use crate::scenario::{ObjectiveKind, Scenario};
use crate::solve::{self, Configuration, Host, Objective, PoolRoom, Problem, Sku, Workload};

/// A problem with the way back to the candidates it was built from.
#[derive(Debug)]
pub struct Built {
    /// The choice.
    pub problem: Problem,
    /// For each host of the problem: device index in the catalog and mode index in the device.
    pub hosts: Vec<(usize, usize)>,
    /// For each SKU of the problem: device index in the catalog, and the days within which its order must arrive.
    pub orders: Vec<(usize, Option<u32>)>,
    /// For each site class, workload and candidate of the problem: the index in [`Generated::candidates`].
    pub candidates: Vec<Vec<Vec<usize>>>,
}

/// Builds the choice from the usable candidates of a scenario.
#[must_use]
pub fn build(scenario: &Scenario, catalog: &Catalog, generated: &Generated<'_>) -> Built {
    let devices: Vec<_> = catalog.devices().collect();
    let orders = orders(scenario, &devices, generated);
    // Numbered in catalog order, so that the problem does not depend on the order of candidates.
    let mut keys: Vec<(usize, usize, usize)> = usable(generated)
        .flat_map(|c| {
            let of = (0..orders.len()).filter(|&o| orders[o].0 == c.device_index);
            of.map(|order| (c.device_index, c.mode_index, order))
        })
        .collect();
    keys.sort_unstable();
    keys.dedup();
    let sku = |&(device, days): &(usize, Option<u32>)| Sku {
        id: devices[device].id.clone(),
        prices: devices[device].prices_within(days).iter().map(|b| (b.min_quantity, b.price)).collect(),
        multiple: devices[device].order_multiple,
    };
    let skus: Vec<Sku> = orders.iter().map(sku).collect();
    let host = |&(device_index, mode_index, sku): &(usize, usize, usize)| {
        let device = devices[device_index];
        let mode = &device.modes[mode_index];
        let pool = |p: &Pool| PoolRoom { name: p.name.id(), capacity: p.capacity, os: p.os };
        Host {
            sku,
            mode: mode.id.clone(),
            power: mode.power,
            idle: mode.idle,
            changed: mode.setting.as_ref().map_or(0, |setting| setting.step),
            pools: device.pools_in(mode).iter().map(pool).collect(),
        }
    };
    let hosts: Vec<Host> = keys.iter().map(host).collect();
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
        let limit = scenario.sites[candidate.site].limits.lead_time_days;
        let from = keys.partition_point(|k| (k.0, k.1) < (candidate.device_index, candidate.mode_index));
        for (host, key) in keys.iter().enumerate().skip(from) {
            if (key.0, key.1) != (candidate.device_index, candidate.mode_index) {
                break;
            }
            if in_time(orders[key.2].1, limit) {
                sites[candidate.site].workloads[candidate.workload].candidates.push(plain(candidate, host));
                back[candidate.site][candidate.workload].push(i);
            }
        }
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
    Built { problem, hosts: keys.into_iter().map(|(d, m, _)| (d, m)).collect(), orders, candidates: back }
}

/// The orders that may be placed, each of one device to arrive within so many days: one for all site classes where the
/// same offers count for all of them. Where they do not, each limit on the lead time has an order of its own, and a site
/// class may be supplied from every order that is in time for it.
fn orders(scenario: &Scenario, devices: &[&Device], generated: &Generated<'_>) -> Vec<(usize, Option<u32>)> {
    let mut limits: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
    for candidate in usable(generated) {
        // No limit is the longest of all.
        let days = scenario.sites[candidate.site].limits.lead_time_days.unwrap_or(u32::MAX);
        limits.entry(candidate.device_index).or_default().insert(days);
    }
    let mut orders = Vec::new();
    for (device, limits) in limits {
        let mut known: Vec<Vec<PriceBreak>> = Vec::new();
        for days in limits {
            let days = (days < u32::MAX).then_some(days);
            let prices = devices[device].prices_within(days).into_owned();
            if !known.contains(&prices) {
                known.push(prices);
                orders.push((device, days));
            }
        }
    }
    orders
}

/// Whether what arrives within `days` is in time for a limit.
fn in_time(days: Option<u32>, limit: Option<u32>) -> bool {
    match (days, limit) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(days), Some(limit)) => days <= limit,
    }
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
        doubts: candidate.doubts(),
        slowness: candidate.slowness(),
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
