//! Every joint choice of a small problem.

use std::collections::BTreeMap;

use edgemem::solve::{Assignment, Hosted, Placed, Problem, Rank, Site, Sku, judge};
use edgemem::units::Money;

use super::{Random, Size, coarse};

/// A problem that [`brute`] can work out.
pub fn small(r: &mut Random) -> Problem {
    let sites = r.pick(&[1, 1, 2, 3]);
    let size = match sites {
        1 if r.chance(50) => Size { skus: 4, modes: 2, sites, workloads: 3, configurations: 3, devices: 3 },
        1 => Size { skus: 4, modes: 2, sites, workloads: 5, configurations: 2, devices: 2 },
        2 => Size { skus: 4, modes: 2, sites, workloads: 3, configurations: 2, devices: 2 },
        _ => Size { skus: 3, modes: 2, sites, workloads: 2, configurations: 2, devices: 2 },
    };
    coarse(r, size)
}

/// Every unit of a site class that breaks no rule of its own, the first in the order among plans for every multiset of
/// SKUs: what decides between two units of the same SKUs does not depend on the other classes.
fn units(problem: &Problem, index: usize) -> Vec<Vec<Placed>> {
    let site = Site { price_limit: None, ..problem.sites[index].clone() };
    let free = |sku: &Sku| Sku { id: sku.id.clone(), prices: vec![(0, Money(0))], multiple: 1 };
    let skus = problem.skus.iter().map(free).collect();
    let alone = Problem { sites: vec![site], max_skus: None, skus, ..problem.clone() };
    let mut best: BTreeMap<Vec<usize>, (Rank, Vec<Placed>)> = BTreeMap::new();
    let mut machines = Vec::new();
    hosts(&alone, 0, &mut machines, &mut best);
    best.into_values().map(|(_, unit)| unit).collect()
}

fn hosts(
    problem: &Problem,
    from: usize,
    machines: &mut Vec<usize>,
    best: &mut BTreeMap<Vec<usize>, (Rank, Vec<Placed>)>,
) {
    if !machines.is_empty() {
        let mut unit: Vec<Placed> = machines.iter().map(|&host| Placed { host, hosted: Vec::new() }).collect();
        place(problem, 0, 0, 0, &mut unit, best);
    }
    if machines.len() < problem.sites[0].max_devices as usize {
        for host in from..problem.hosts.len() {
            machines.push(host);
            hosts(problem, host, machines, best);
            machines.pop();
        }
    }
}

fn place(
    problem: &Problem,
    workload: usize,
    copy: u32,
    from: usize,
    unit: &mut Vec<Placed>,
    best: &mut BTreeMap<Vec<usize>, (Rank, Vec<Placed>)>,
) {
    let site = &problem.sites[0];
    let Some(facts) = site.workloads.get(workload) else {
        let plan = vec![unit.clone()];
        if let Ok(judged) = judge(problem, &plan) {
            let mut skus: Vec<usize> = unit.iter().map(|placed| problem.hosts[placed.host].sku).collect();
            skus.sort_unstable();
            match best.get(&skus) {
                Some((rank, _)) if *rank <= judged.rank => {}
                _ => {
                    best.insert(skus, (judged.rank, unit.clone()));
                }
            }
        }
        return;
    };
    if copy == facts.copies {
        return place(problem, workload + 1, 0, 0, unit, best);
    }
    for device in from..unit.len() {
        for (candidate, c) in facts.candidates.iter().enumerate() {
            if c.host != unit[device].host {
                continue;
            }
            unit[device].hosted.push(Hosted { workload, candidate });
            if may_hold(problem, &unit[device]) {
                place(problem, workload, copy + 1, device + 1, unit, best);
            }
            unit[device].hosted.pop();
        }
    }
}

/// What can only get worse is checked early, or the tests would take hours.
fn may_hold(problem: &Problem, placed: &Placed) -> bool {
    let chosen = |hosted: &Hosted| &problem.sites[0].workloads[hosted.workload].candidates[hosted.candidate];
    let load: u64 = placed.hosted.iter().map(|h| chosen(h).load.0).sum();
    let pools = &problem.hosts[placed.host].pools;
    load <= problem.max_load.0
        && (0..pools.len()).all(|pool| {
            pools[pool].os.0 + placed.hosted.iter().map(|h| chosen(h).memory[pool].0).sum::<u64>()
                <= pools[pool].capacity.0
        })
}

/// All plans of different devices with rank and objective, best first.
pub fn brute(problem: &Problem) -> Vec<(Rank, u64, Assignment)> {
    let sites: Vec<_> = (0..problem.sites.len()).map(|index| units(problem, index)).collect();
    let mut plans: Vec<Assignment> = vec![Vec::new()];
    for units in &sites {
        plans = plans
            .iter()
            .flat_map(|plan| units.iter().map(move |unit| plan.iter().cloned().chain([unit.clone()]).collect()))
            .collect();
    }
    let mut judged: Vec<_> = plans
        .into_iter()
        .filter_map(|plan| judge(problem, &plan).ok().map(|judged| (judged.rank, judged.value, plan)))
        .collect();
    judged.sort_by(|a, b| a.0.cmp(&b.0));
    judged
}
