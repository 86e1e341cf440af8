//! The solver against an independent formulation as a mixed-integer program, on problems too large for brute force.
//!
//! The program knows slots, not combinations: for every slot of a unit a machine, for every copy of a workload a slot and
//! a candidate. Prices by quantity are chosen by binary variables. It shares no code with the solver.

mod common;

use std::collections::BTreeMap;

use common::{Random, Size, coarse, realistic};
use edgemem::solve::{Objective, Problem, SearchLimits, Status, judge, solve};
use edgemem::units::{Money, Share};
#[cfg(feature = "highs")]
use good_lp::highs as backend;
#[cfg(not(feature = "highs"))]
use good_lp::microlp as backend;
use good_lp::{
    Expression, ProblemVariables, ResolutionError, Solution, SolutionStatus, SolverModel, Variable, constraint,
    variable,
};

/// The least objective in cents or milliwatts, nothing when no plan exists; an error when the library gives up for
/// numerical reasons.
fn milp(problem: &Problem) -> Result<Option<f64>, String> {
    let mut variables = ProblemVariables::new();
    let mut rows = Vec::new();
    let mut running = Expression::from(0.0);
    // Devices of each SKU, weighted by the count of their site class.
    let mut pieces: BTreeMap<usize, Expression> = BTreeMap::new();
    let mut sku_used: BTreeMap<usize, Vec<Variable>> = BTreeMap::new();
    for site in &problem.sites {
        let count = site.count as f64;
        let slots = site.max_devices as usize;
        let mut spots = vec![vec![Expression::from(0.0); site.workloads.len()]; slots];
        // Slots differ in nothing: machines stand in falling order of their number.
        let mut rank_before: Option<Expression> = None;
        for spot in &mut spots {
            let mut machines = Expression::from(0.0);
            let mut rank = Expression::from(0.0);
            for (host, facts) in problem.hosts.iter().enumerate() {
                if facts.power.is_none() && (problem.objective != Objective::Capex || site.power_limit.is_some()) {
                    continue;
                }
                let y = variables.add(variable().binary());
                machines += y;
                rank += (host + 1) as f64 * y;
                *pieces.entry(facts.sku).or_default() += count * y;
                sku_used.entry(facts.sku).or_default().push(y);
                let watts = facts.power.map_or(0.0, |p| p.0 as f64);
                let idle = facts.idle.map_or(watts, |p| (p.0 as f64).min(watts));
                let cents_per_mw = match problem.objective {
                    Objective::Tco { microusd_per_kwh, millihours } => {
                        microusd_per_kwh as f64 / 1e4 * millihours as f64 / 1e3 / 1e6
                    }
                    _ => 0.0,
                };
                match problem.objective {
                    Objective::Power => running += count * watts * y,
                    _ => running += count * cents_per_mw * idle * y,
                }
                let mut memory = vec![Expression::from(0.0); facts.pools.len()];
                let (mut load, mut hosted) = (Expression::from(0.0), Expression::from(0.0));
                let mut latencies = Vec::new();
                for (w, workload) in site.workloads.iter().enumerate() {
                    let mut here = Expression::from(0.0);
                    for candidate in workload.candidates.iter().filter(|c| c.host == host) {
                        let x = variables.add(variable().binary());
                        here += x;
                        hosted += x;
                        spot[w] += x;
                        load += candidate.load.0 as f64 / 1e6 * x;
                        running += count * cents_per_mw * (watts - idle) * (candidate.load.0 as f64 / 1e6) * x;
                        for (pool, memory) in memory.iter_mut().enumerate() {
                            let bytes = candidate.memory[pool].0 + candidate.framework[pool].0;
                            *memory += bytes as f64 * x;
                        }
                        if let Some((alone, target)) = candidate.latency {
                            let others = 1.0 - alone.0 as f64 / target.0 as f64;
                            latencies.push((x, others + candidate.load.0 as f64 / 1e6));
                        }
                    }
                    rows.push(constraint!(here <= y));
                }
                for (memory, pool) in memory.into_iter().zip(&facts.pools) {
                    let room = pool.capacity.0 as f64 / (1.0 + problem.headroom.as_f64()) - pool.os.0 as f64;
                    let scale = pool.capacity.0.max(1) as f64;
                    rows.push(constraint!(memory / scale <= room / scale * y + 1e-11));
                }
                for (x, most) in latencies {
                    rows.push(constraint!(load.clone() <= most * x + 2.0 * (1.0 - x) + 1e-9));
                }
                rows.push(constraint!(load <= problem.max_load.as_f64() * y + 1e-9));
                rows.push(constraint!(hosted >= y));
            }
            rows.push(constraint!(machines <= 1.0));
            if let Some(before) = rank_before.replace(rank.clone()) {
                rows.push(constraint!(rank <= before));
            }
        }
        for (w, workload) in site.workloads.iter().enumerate() {
            rows.push(constraint!(
                spots.iter().map(|spot| spot[w].clone()).sum::<Expression>() == f64::from(workload.copies)
            ));
            for spot in &spots {
                rows.push(constraint!(spot[w].clone() <= 1.0));
                for &other in &workload.apart {
                    rows.push(constraint!(spot[w].clone() + spot[other].clone() <= 1.0));
                }
                for &other in &workload.together {
                    rows.push(constraint!(spot[w].clone() == spot[other].clone()));
                }
            }
        }
    }
    let mut capex = Expression::from(0.0);
    let mut used = Expression::from(0.0);
    for (&sku, quantity) in &pieces {
        let most: u64 = problem.sites.iter().map(|site| site.count * u64::from(site.max_devices)).sum();
        let any = variables.add(variable().binary());
        sku_used[&sku].iter().for_each(|&y| rows.push(constraint!(y <= any)));
        used += any;
        let mut of_level = Expression::from(0.0);
        let mut levels = Expression::from(0.0);
        let prices = &problem.skus[sku].prices;
        let multiple = problem.skus[sku].multiple;
        for (position, (from, price)) in prices.iter().enumerate() {
            let below = prices.get(position + 1).map_or(4 * most + 10 + multiple, |next| next.0 - 1);
            let level = variables.add(variable().binary());
            let quantity = variables.add(variable().integer().min(0).max(most as f64));
            let spares = variables.add(variable().integer().min(0).max(most as f64));
            let extra = variables.add(variable().integer().min(0).max((multiple - 1) as f64));
            let packs = variables.add(variable().integer().min(0).max((2 * most + 2) as f64));
            rows.push(constraint!(quantity + spares + extra == multiple as f64 * packs));
            rows.push(constraint!(quantity + spares + extra >= *from as f64 * level));
            rows.push(constraint!(quantity + spares + extra <= below as f64 * level));
            rows.push(constraint!(spares >= problem.spares.as_f64() * quantity - 1e-7));
            // Less than one more: by what no solver takes for nothing, and no share of these problems comes as near to one.
            rows.push(constraint!(spares <= problem.spares.as_f64() * quantity + 1.0 - 1e-3));
            levels += level;
            of_level += quantity;
            capex += price.0 as f64 * quantity + price.0 as f64 * spares + price.0 as f64 * extra;
        }
        rows.push(constraint!(levels <= any));
        rows.push(constraint!(of_level == quantity.clone()));
    }
    if let Some(most) = problem.max_skus {
        rows.push(constraint!(used <= f64::from(most)));
    }
    let objective = match problem.objective {
        Objective::Capex => capex,
        Objective::Tco { .. } => capex + running,
        Objective::Power => running,
    };
    let mut model = variables.minimise(objective.clone()).using(backend);
    #[cfg(feature = "highs")]
    {
        // Its defaults stop within 0.01 % of the optimum, and take a millionth of a memory or of a load for nothing.
        model = model.set_mip_rel_gap(0.0).map_err(|error| error.to_string())?;
        model = model.set_option("mip_feasibility_tolerance", 1e-9).set_option("primal_feasibility_tolerance", 1e-9);
        model = model.set_threads(1).set_time_limit(60.0);
    }
    for row in rows {
        model = model.with(row);
    }
    match model.solve() {
        Ok(solution) if matches!(solution.status(), SolutionStatus::TimeLimit) => Err("no time was left".to_owned()),
        Ok(solution) => Ok(Some(solution.eval(objective))),
        Err(ResolutionError::Infeasible) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// Limits on a unit and shared processes are left to brute force.
fn compare(seeds: std::ops::Range<u64>, problem: impl Fn(&mut Random) -> Problem) -> usize {
    let (mut feasible, mut given_up) = (0, 0);
    for seed in seeds {
        let mut problem = problem(&mut Random::new(seed + 40_000));
        for site in &mut problem.sites {
            site.price_limit = None;
            site.power_limit = None;
            site.workloads.iter_mut().for_each(|workload| workload.process = None);
        }
        // Every second time with bounds by patterns, which otherwise only large classes get.
        let patterns_from = if seed % 2 == 0 { 1 } else { usize::MAX };
        let outcome = solve(&problem, &SearchLimits { patterns_from, ..SearchLimits::default() }, &mut |_| {});
        let answer = match milp(&problem) {
            Ok(answer) => answer,
            Err(_) => {
                given_up += 1;
                continue;
            }
        };
        let Some(best) = answer else {
            assert_eq!(outcome.status, Status::Infeasible, "seed {seed}: {:?}", outcome.value);
            continue;
        };
        feasible += 1;
        assert_eq!(outcome.status, Status::Optimal, "seed {seed}: the program finds {best}");
        let value = outcome.value.unwrap_or(0) as f64;
        assert!((value - best).abs() <= 0.6 + best * 1e-7, "seed {seed}: {value}, the program finds {best}");
        let judged = outcome.assignment.as_ref().map(|plan| judge(&problem, plan));
        assert!(judged.is_some_and(|judged| judged.is_ok()), "seed {seed}");
    }
    assert!(given_up <= 3, "the program gave up {given_up} times");
    feasible
}

#[test]
fn several_sites_with_price_breaks_and_spares() {
    let size = Size { skus: 3, modes: 1, sites: 2, workloads: 3, configurations: 2, devices: 2 };
    let feasible = compare(0..100, |r| coarse(r, size));
    assert!(feasible > 20, "{feasible}");
}

#[test]
fn many_workloads_on_several_devices() {
    let size = Size { skus: 4, modes: 1, sites: 1, workloads: 6, configurations: 2, devices: 2 };
    let feasible = compare(100..200, |r| coarse(r, size));
    assert!(feasible > 20, "{feasible}");
}

#[test]
fn realistic_proportions() {
    let size = Size { skus: 5, modes: 1, sites: 1, workloads: 6, configurations: 2, devices: 2 };
    let feasible = compare(200..225, |r| {
        let mut problem = realistic(r, size);
        if r.chance(30) {
            problem.objective = Objective::Tco { microusd_per_kwh: 200_000, millihours: 26_280_000 };
        }
        if r.chance(30) {
            problem.spares = Share(50_000);
            let last = problem.skus.len() - 1;
            let price = problem.skus[last].prices[0].1;
            problem.skus[last].prices.push((10, Money(price.0 * 8 / 10)));
        }
        problem
    });
    assert!(feasible > 6, "{feasible}");
}

/// Left to the faster library.
#[cfg(feature = "highs")]
mod larger {
    use super::*;

    #[test]
    fn fleets_of_units_of_three_devices() {
        let size = Size { skus: 6, modes: 2, sites: 4, workloads: 5, configurations: 3, devices: 3 };
        let feasible = compare(1000..1100, |r| coarse(r, size));
        assert!(feasible > 20, "{feasible}");
    }

    #[test]
    fn sixteen_workloads_on_four_devices() {
        let size = Size { skus: 6, modes: 2, sites: 1, workloads: 16, configurations: 3, devices: 4 };
        let feasible = compare(1100..1160, |r| coarse(r, size));
        assert!(feasible > 10, "{feasible}");
    }

    #[test]
    fn realistic_proportions_on_three_devices() {
        let size = Size { skus: 12, modes: 1, sites: 1, workloads: 12, configurations: 4, devices: 3 };
        let feasible = compare(1200..1240, |r| realistic(r, size));
        assert!(feasible > 10, "{feasible}");
    }
}
