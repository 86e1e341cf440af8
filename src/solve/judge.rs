//! A plan judged on its integers, independent of how it was found.

use std::collections::BTreeMap;

use super::keys::{Demerits, Keys, Rank};
use super::problem::{Assignment, Candidate, Objective, Placed, Problem, Site, required};
use crate::units::{Bytes, Micros, Milliwatts, Money, PPM, Share};

/// A plan that breaks no rule, with its figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The objective over the whole problem: cents (capex; tco rounded once) or milliwatts (power).
    pub value: u64,
    /// Where the plan stands among all plans.
    pub rank: Rank,
    /// What is bought, in the order of [`Problem::skus`].
    pub bill: Vec<Bought>,
}

/// One line of the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bought {
    /// Index into [`Problem::skus`].
    pub sku: usize,
    /// Pieces in use over all site classes.
    pub quantity: u64,
    /// Pieces on the shelf.
    pub spares: u64,
    /// Pieces more, because only so many are sold together.
    pub extra: u64,
    /// Price of one at this quantity.
    pub price: Money,
}

/// A rule that a plan breaks; indices are those of the problem (site class, workload) and of the plan (device of a unit).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// The plan has another number of site classes than the problem.
    Sites {
        /// Site classes in the plan.
        given: usize,
    },
    /// An index points nowhere.
    Unknown {
        /// Site class.
        site: usize,
        /// Device of the unit.
        device: usize,
    },
    /// More devices than a unit may hold.
    TooManyDevices {
        /// Site class.
        site: usize,
        /// Devices in the unit.
        given: usize,
    },
    /// A device without any workload.
    Idle {
        /// Site class.
        site: usize,
        /// Device of the unit.
        device: usize,
    },
    /// A candidate of another host.
    WrongHost {
        /// Site class.
        site: usize,
        /// Device of the unit.
        device: usize,
        /// Workload.
        workload: usize,
    },
    /// A pool too small for what it must hold with headroom.
    Memory {
        /// Site class.
        site: usize,
        /// Device of the unit.
        device: usize,
        /// Pool.
        pool: usize,
        /// What is missing.
        short: Bytes,
    },
    /// More load than allowed.
    Load {
        /// Site class.
        site: usize,
        /// Device of the unit.
        device: usize,
        /// The sum of the loads.
        load: Share,
    },
    /// A latency target missed beside the others.
    Latency {
        /// Site class.
        site: usize,
        /// Device of the unit.
        device: usize,
        /// Workload.
        workload: usize,
        /// Load of the others.
        others: Share,
    },
    /// Not as many devices host a workload as it has copies.
    Copies {
        /// Site class.
        site: usize,
        /// Workload.
        workload: usize,
        /// Devices that host it, one counted twice if it holds two copies.
        given: usize,
    },
    /// Two copies on one device.
    SameDevice {
        /// Site class.
        site: usize,
        /// Workload.
        workload: usize,
    },
    /// Two workloads that must be apart share a device.
    NotApart {
        /// Site class.
        site: usize,
        /// The two workloads.
        workloads: (usize, usize),
    },
    /// Two workloads that must be together are not.
    NotTogether {
        /// Site class.
        site: usize,
        /// The two workloads.
        workloads: (usize, usize),
    },
    /// Two runtimes in one process.
    MixedProcess {
        /// Site class.
        site: usize,
        /// Device of the unit.
        device: usize,
        /// Process.
        process: u32,
    },
    /// A device of unknown draw where power matters.
    PowerUnknown {
        /// Site class.
        site: usize,
        /// Device of the unit.
        device: usize,
    },
    /// More power than a unit may draw.
    Power {
        /// Site class.
        site: usize,
        /// The unit's draw.
        draw: Milliwatts,
    },
    /// A SKU that cannot be bought in this quantity.
    Unavailable {
        /// SKU.
        sku: usize,
        /// Pieces, spares included.
        quantity: u64,
    },
    /// More than a unit may cost.
    Price {
        /// Site class.
        site: usize,
        /// What one unit costs, spares excluded.
        price: Money,
    },
    /// More different SKUs than allowed.
    TooManySkus {
        /// SKUs in the plan.
        given: usize,
    },
}

/// Pieces on the shelf for so many in use: `ceil(spares x quantity)`.
#[must_use]
pub fn spares(problem: &Problem, quantity: u64) -> u64 {
    let pieces = (u128::from(quantity) * u128::from(problem.spares.0)).div_ceil(u128::from(PPM));
    u64::try_from(pieces).unwrap_or(u64::MAX)
}

/// Pieces of a SKU that are ordered, and paid, for so many in use: spares added, rounded up to what is sold together.
#[must_use]
pub fn ordered(problem: &Problem, sku: usize, quantity: u64) -> u64 {
    problem.skus[sku].ordered(quantity.saturating_add(spares(problem, quantity)))
}

/// Whether a latency holds beside this load of others: `alone / (1 - others) <= target`.
#[must_use]
pub fn latency_holds(alone: Micros, target: Micros, others: Share) -> bool {
    let left = u128::from(PPM.saturating_sub(others.0));
    u128::from(alone.0) * u128::from(PPM) <= u128::from(target.0) * left
}

/// Checks a plan against every rule of the problem.
///
/// # Errors
/// Every rule that is broken, in the order in which a reader meets the plan.
pub fn judge(problem: &Problem, plan: &Assignment) -> Result<Judged, Vec<Violation>> {
    if plan.len() != problem.sites.len() {
        return Err(vec![Violation::Sites { given: plan.len() }]);
    }
    let mut court = Court { problem, broken: Vec::new(), keys: Keys::default(), quantities: BTreeMap::new() };
    let mut devices = Vec::new();
    let mut configurations = Vec::new();
    for (index, (site, unit)) in problem.sites.iter().zip(plan).enumerate() {
        if let Some(device) = (0..unit.len()).find(|&device| !known(problem, site, &unit[device])) {
            court.broken.push(Violation::Unknown { site: index, device });
            return Err(court.broken);
        }
        court.unit(index, site, unit);
        devices.push(names(problem, unit));
        configurations.push(configured(site, unit));
    }
    let bill = court.money(plan);
    if court.broken.is_empty() {
        let value = court.keys.value(problem.objective);
        Ok(Judged { value, rank: Rank { keys: court.keys, devices, configurations }, bill })
    } else {
        Err(court.broken)
    }
}

/// Whether every index of a placed device points somewhere.
fn known(problem: &Problem, site: &Site, placed: &Placed) -> bool {
    problem.hosts.get(placed.host).is_some_and(|host| {
        let pools = host.pools.len();
        placed.hosted.iter().all(|hosted| {
            let candidate = site.workloads.get(hosted.workload).and_then(|w| w.candidates.get(hosted.candidate));
            candidate.is_some_and(|c| c.memory.len() == pools && c.framework.len() == pools)
        })
    })
}

/// Device ids in ascending order with their modes.
fn names(problem: &Problem, unit: &[Placed]) -> (Vec<String>, Vec<String>) {
    let mut named: Vec<(String, String)> = unit
        .iter()
        .map(|placed| {
            let host = &problem.hosts[placed.host];
            (problem.skus[host.sku].id.clone(), host.mode.clone())
        })
        .collect();
    named.sort();
    named.into_iter().unzip()
}

/// The configurations of each workload's copies in ascending order.
fn configured(site: &Site, unit: &[Placed]) -> Vec<Vec<super::problem::Configuration>> {
    let mut all = vec![Vec::new(); site.workloads.len()];
    for hosted in unit.iter().flat_map(|placed| &placed.hosted) {
        all[hosted.workload].push(site.workloads[hosted.workload].candidates[hosted.candidate].configuration.clone());
    }
    all.iter_mut().for_each(|copies| copies.sort());
    all
}

/// What is known while a plan is read.
struct Court<'p> {
    problem: &'p Problem,
    broken: Vec<Violation>,
    keys: Keys,
    quantities: BTreeMap<usize, u64>,
}

impl Court<'_> {
    fn unit(&mut self, index: usize, site: &Site, unit: &[Placed]) {
        if unit.len() > site.max_devices as usize {
            self.broken.push(Violation::TooManyDevices { site: index, given: unit.len() });
        }
        for (device, placed) in unit.iter().enumerate() {
            self.device(index, site, device, placed);
        }
        self.places(index, site, unit);
        let draw: u64 = unit
            .iter()
            .filter_map(|placed| self.problem.hosts[placed.host].power)
            .fold(0, |sum, power| sum.saturating_add(power.0));
        if site.power_limit.is_some_and(|limit| draw > limit.0) {
            self.broken.push(Violation::Power { site: index, draw: Milliwatts(draw) });
        }
    }

    /// Memory, load and latency of one device.
    fn device(&mut self, index: usize, site: &Site, device: usize, placed: &Placed) {
        let problem = self.problem;
        let host = &problem.hosts[placed.host];
        *self.quantities.entry(host.sku).or_default() += site.count;
        if placed.hosted.is_empty() {
            self.broken.push(Violation::Idle { site: index, device });
        }
        if host.power.is_none() && (problem.objective != Objective::Capex || site.power_limit.is_some()) {
            self.broken.push(Violation::PowerUnknown { site: index, device });
        }
        self.keys += Keys::of_host(problem, host, site.count);
        let chosen: Vec<(usize, &Candidate)> = placed
            .hosted
            .iter()
            .map(|hosted| (hosted.workload, &site.workloads[hosted.workload].candidates[hosted.candidate]))
            .collect();
        for pool in 0..host.pools.len() {
            let steady = host.pools[pool].os
                + chosen.iter().map(|(_, candidate)| candidate.memory[pool]).sum()
                + frameworks(site, &chosen, pool);
            let needed = required(steady, problem.headroom);
            let capacity = host.pools[pool].capacity;
            if needed > capacity {
                let short = needed.saturating_sub(capacity);
                self.broken.push(Violation::Memory { site: index, device, pool, short });
            }
            self.keys.taken += (i128::from(needed.0) - i128::from(capacity.0)) * i128::from(site.count);
        }
        let load = chosen.iter().fold(0_u64, |sum, (_, candidate)| sum.saturating_add(candidate.load.0));
        if load > problem.max_load.0 {
            self.broken.push(Violation::Load { site: index, device, load: Share(load) });
        }
        let mut runtimes: BTreeMap<u32, &str> = BTreeMap::new();
        for &(workload, candidate) in &chosen {
            if candidate.host != placed.host {
                self.broken.push(Violation::WrongHost { site: index, device, workload });
            }
            let others = Share(load - candidate.load.0);
            if candidate.latency.is_some_and(|(alone, target)| !latency_holds(alone, target, others)) {
                self.broken.push(Violation::Latency { site: index, device, workload, others });
            }
            if let Some(process) = site.workloads[workload].process {
                let runtime = candidate.configuration.runtime.as_str();
                if *runtimes.entry(process).or_insert(runtime) != runtime {
                    self.broken.push(Violation::MixedProcess { site: index, device, process });
                }
            }
            self.keys += Keys::of_load(problem, host, candidate.load.0, site.count);
            self.keys += Keys::of_demerits(Demerits::of(candidate), site.count);
        }
    }

    /// Copies, together and apart.
    fn places(&mut self, index: usize, site: &Site, unit: &[Placed]) {
        let mut on: Vec<Vec<usize>> = vec![Vec::new(); site.workloads.len()];
        for (device, placed) in unit.iter().enumerate() {
            placed.hosted.iter().for_each(|hosted| on[hosted.workload].push(device));
        }
        for (a, workload) in site.workloads.iter().enumerate() {
            if on[a].len() != workload.copies as usize {
                self.broken.push(Violation::Copies { site: index, workload: a, given: on[a].len() });
            }
            if on[a].windows(2).any(|pair| pair[0] == pair[1]) {
                self.broken.push(Violation::SameDevice { site: index, workload: a });
            }
            for &b in workload.apart.iter().filter(|&&b| b != a) {
                if on[a].iter().any(|device| on[b].contains(device)) {
                    self.broken.push(Violation::NotApart { site: index, workloads: (a, b) });
                }
            }
            let one_process = |b: usize| workload.process.is_some() && site.workloads[b].process == workload.process;
            for b in (0..site.workloads.len()).filter(|&b| workload.together.contains(&b) || one_process(b)) {
                if on[a] != on[b] {
                    self.broken.push(Violation::NotTogether { site: index, workloads: (a, b) });
                }
            }
        }
    }

    /// Quantities, prices and what depends on them.
    fn money(&mut self, plan: &Assignment) -> Vec<Bought> {
        let problem = self.problem;
        let mut bill = Vec::new();
        for (&sku, &quantity) in &self.quantities {
            let spares = spares(problem, quantity);
            let pieces = ordered(problem, sku, quantity);
            let extra = pieces - quantity.saturating_add(spares).min(pieces);
            match problem.skus[sku].price_at(pieces) {
                Some(price) => {
                    self.keys += Keys::of_capex(problem, i128::from(price.0) * i128::from(pieces));
                    bill.push(Bought { sku, quantity, spares, extra, price });
                }
                None => self.broken.push(Violation::Unavailable { sku, quantity: pieces }),
            }
        }
        if problem.max_skus.is_some_and(|most| self.quantities.len() > most as usize) {
            self.broken.push(Violation::TooManySkus { given: self.quantities.len() });
        }
        for (index, (site, unit)) in problem.sites.iter().zip(plan).enumerate() {
            let paid = |placed: &Placed| bill.iter().find(|line| line.sku == problem.hosts[placed.host].sku);
            let price: Money = unit.iter().filter_map(paid).map(|line| line.price).sum();
            if site.price_limit.is_some_and(|limit| price > limit) {
                self.broken.push(Violation::Price { site: index, price });
            }
        }
        bill
    }
}

/// Framework bytes of a device's workloads: the largest of each process, and each of those without a process.
fn frameworks(site: &Site, chosen: &[(usize, &Candidate)], pool: usize) -> Bytes {
    let mut shared: BTreeMap<u32, Bytes> = BTreeMap::new();
    let mut sum = Bytes::ZERO;
    for &(workload, candidate) in chosen {
        let part = candidate.framework[pool];
        match site.workloads[workload].process {
            Some(process) => {
                let largest = shared.entry(process).or_default();
                *largest = part.max(*largest);
            }
            None => sum += part,
        }
    }
    sum + shared.into_values().sum()
}
