//! Why a device alone cannot be the whole unit of a site class, and by how much it misses.

use std::collections::BTreeMap;

use super::judge::{latency_holds, ordered};
use super::problem::{Host, Objective, Problem, Site, Workload, required};
use crate::units::{Bytes, Milliwatts, Money, PPM, Share};

/// The first thing that keeps a device from being the whole unit, in the order of this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It cannot be bought in any quantity that the problem can need.
    Unavailable,
    /// Its price is above the limit of the unit.
    Price {
        /// Lowest price of one.
        price: Money,
        /// How much that is too much.
        over: Money,
    },
    /// Its draw is not known, and it matters.
    PowerUnknown,
    /// Its draw is above the limit of the unit.
    Power {
        /// How much it draws too much.
        over: Milliwatts,
    },
    /// No configuration of this workload is possible on it.
    NoCandidate {
        /// Workload.
        workload: usize,
    },
    /// This workload needs several devices.
    Copies {
        /// Workload.
        workload: usize,
        /// Devices it needs.
        copies: u32,
    },
    /// These workloads may not share a device.
    Apart {
        /// The two workloads.
        workloads: (usize, usize),
    },
    /// The workloads do not fit into memory, whatever the configurations; nor could any runtime host a shared process
    /// when nothing is missing.
    Memory {
        /// The pool that is short in the choice that is short by least.
        pool: usize,
        /// What is missing, headroom included.
        short: Bytes,
    },
    /// They fit into memory, but the configurations that fit load it too much.
    Load {
        /// The least load above the limit.
        over: Share,
    },
    /// Memory and load would do, but a latency target does not hold beside the load of the others.
    Latency {
        /// A workload whose target is missed in the choice that misses by least.
        workload: usize,
        /// By how much the load of the others is too high.
        over: Share,
    },
    /// Memory, load and latency cannot be had at once; too many combinations to say by how much.
    Joint,
}

/// For every host why it cannot be the whole unit of this site class; nothing where it can, as far as the class alone
/// tells (the number of SKUs and the quantities of others aside).
#[must_use]
pub fn refusals(problem: &Problem, site: usize) -> Vec<Option<Refusal>> {
    let Some(facts) = problem.sites.get(site) else { return Vec::new() };
    (0..problem.hosts.len()).map(|host| refusal(problem, facts, host)).collect()
}

fn refusal(problem: &Problem, site: &Site, index: usize) -> Option<Refusal> {
    let host = &problem.hosts[index];
    purchase(problem, site, host).or_else(|| relations(site, index)).or_else(|| room(problem, site, index))
}

/// Price and power.
fn purchase(problem: &Problem, site: &Site, host: &Host) -> Option<Refusal> {
    let most = problem
        .sites
        .iter()
        .fold(0_u64, |sum, site| sum.saturating_add(site.count.saturating_mul(u64::from(site.max_devices))));
    let most = ordered(problem, host.sku, most);
    let prices = problem.skus[host.sku].prices.iter().filter(|(from, _)| *from <= most);
    let Some(price) = prices.map(|(_, price)| *price).min() else { return Some(Refusal::Unavailable) };
    if let Some(limit) = site.price_limit.filter(|limit| price > *limit) {
        return Some(Refusal::Price { price, over: Money(price.0 - limit.0) });
    }
    match (host.power, site.power_limit) {
        (None, limit) if limit.is_some() || problem.objective != Objective::Capex => Some(Refusal::PowerUnknown),
        (Some(power), Some(limit)) if power > limit => Some(Refusal::Power { over: Milliwatts(power.0 - limit.0) }),
        _ => None,
    }
}

/// Candidates, copies and what must be apart.
fn relations(site: &Site, host: usize) -> Option<Refusal> {
    let lacks = |workload: &Workload| !workload.candidates.iter().any(|candidate| candidate.host == host);
    if let Some(workload) = site.workloads.iter().position(lacks) {
        return Some(Refusal::NoCandidate { workload });
    }
    if let Some(workload) = site.workloads.iter().position(|workload| workload.copies > 1) {
        return Some(Refusal::Copies { workload, copies: site.workloads[workload].copies });
    }
    let mut apart = site.workloads.iter().enumerate().flat_map(|(a, w)| w.apart.iter().map(move |&b| (a, b)));
    apart.find(|(a, b)| a != b).map(|workloads| Refusal::Apart { workloads })
}

/// What all workloads together take in one choice of configurations.
#[derive(Debug, Clone, PartialEq)]
struct Taken {
    mem: Vec<u64>,
    load: u64,
    /// Least of what the latency targets allow in total, and whose target that is.
    cap: (u64, usize),
    processes: BTreeMap<u32, (String, Vec<u64>)>,
}

/// More comparisons of combinations than this are not made for one device.
const MOST: usize = 300_000;

/// Checks memory, then load, then latency, each assuming the earlier ones hold.
fn room(problem: &Problem, site: &Site, index: usize) -> Option<Refusal> {
    let host = &problem.hosts[index];
    let short = |taken: &Taken| -> Vec<u64> {
        let pools = host.pools.iter().zip(&taken.mem);
        pools
            .map(|(pool, &mem)| required(pool.os + Bytes(mem), problem.headroom).0.saturating_sub(pool.capacity.0))
            .collect()
    };
    let fits = |taken: &Taken| short(taken).iter().all(|&bytes| bytes == 0);
    let over = |taken: &Taken| taken.load.saturating_sub(problem.max_load.0);
    let memory = |a: &Taken, b: &Taken| a.mem.iter().zip(&b.mem).all(|(a, b)| a <= b);

    let free = combinations(site, index, host.pools.len(), |_| true, memory)?;
    let Some(least) = free.iter().min_by_key(|taken| short(taken).iter().sum::<u64>()) else {
        return Some(Refusal::Memory { pool: 0, short: Bytes::ZERO });
    };
    if !fits(least) {
        let bytes = short(least);
        let pool = (0..bytes.len()).max_by_key(|&pool| (bytes[pool], std::cmp::Reverse(pool))).unwrap_or(0);
        return Some(Refusal::Memory { pool, short: Bytes(bytes[pool]) });
    }
    let faster = |a: &Taken, b: &Taken| memory(a, b) && a.load <= b.load;
    let Some(fitting) = combinations(site, index, host.pools.len(), fits, faster) else { return Some(Refusal::Joint) };
    let least = fitting.iter().map(over).min().unwrap_or(0);
    if least > 0 {
        return Some(Refusal::Load { over: Share(least) });
    }
    let calmer = |a: &Taken, b: &Taken| {
        faster(a, b) && i128::from(a.cap.0) - i128::from(a.load) >= i128::from(b.cap.0) - i128::from(b.load)
    };
    let good = |taken: &Taken| fits(taken) && over(taken) == 0;
    let Some(working) = combinations(site, index, host.pools.len(), good, calmer) else { return Some(Refusal::Joint) };
    let best = working.iter().min_by_key(|taken| taken.load.saturating_sub(taken.cap.0))?;
    let missed = best.load.saturating_sub(best.cap.0);
    (missed > 0).then_some(Refusal::Latency { workload: best.cap.1, over: Share(missed) })
}

/// All combinations of configurations that keep a condition which more workloads can only break, without those that
/// another one beats; nothing when there are too many.
fn combinations(
    site: &Site,
    host: usize,
    pools: usize,
    keep: impl Fn(&Taken) -> bool,
    beats: impl Fn(&Taken, &Taken) -> bool,
) -> Option<Vec<Taken>> {
    let nothing = Taken { mem: vec![0; pools], load: 0, cap: (u64::MAX, 0), processes: BTreeMap::new() };
    let mut all = vec![nothing];
    let mut compared = 0;
    for (number, workload) in site.workloads.iter().enumerate() {
        let mut next: Vec<Taken> = Vec::new();
        for taken in &all {
            for candidate in workload.candidates.iter().filter(|candidate| candidate.host == host) {
                let Some(grown) = with(taken, number, workload, candidate).filter(&keep) else { continue };
                let same = |other: &Taken| other.processes == grown.processes;
                compared += next.len();
                if !next.iter().any(|other| same(other) && beats(other, &grown)) {
                    next.retain(|other| !(same(other) && beats(&grown, other)));
                    next.push(grown);
                }
                if compared > MOST {
                    return None;
                }
            }
        }
        all = next;
    }
    Some(all)
}

/// With one more workload; nothing when its process runs another runtime.
fn with(taken: &Taken, number: usize, workload: &Workload, candidate: &super::problem::Candidate) -> Option<Taken> {
    let mut next = taken.clone();
    for (sum, bytes) in next.mem.iter_mut().zip(&candidate.memory) {
        *sum = sum.saturating_add(bytes.0);
    }
    let runtime = &candidate.configuration.runtime;
    let mut fresh = vec![0; taken.mem.len()];
    let (known, largest) = match workload.process {
        Some(process) => {
            let entry = next.processes.entry(process).or_insert_with(|| (runtime.clone(), fresh));
            (entry.0.clone(), &mut entry.1)
        }
        None => (runtime.clone(), &mut fresh),
    };
    if known != *runtime {
        return None;
    }
    for ((sum, largest), part) in next.mem.iter_mut().zip(largest).zip(&candidate.framework) {
        *sum = sum.saturating_add(part.0.saturating_sub(*largest));
        *largest = part.0.max(*largest);
    }
    next.load = next.load.saturating_add(candidate.load.0);
    if let Some((alone, target)) = candidate.latency {
        // The most load of others under which the target holds.
        let holds = |others: u64| latency_holds(alone, target, Share(others));
        let share = (u128::from(alone.0) * u128::from(PPM)).div_ceil(u128::from(target.0.max(1)));
        let others = u64::try_from(share).ok().and_then(|share| PPM.checked_sub(share)).filter(|&o| holds(o))?;
        let cap = others.saturating_add(candidate.load.0);
        if cap < next.cap.0 {
            next.cap = (cap, number);
        }
    }
    Some(next)
}
