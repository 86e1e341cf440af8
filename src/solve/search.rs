//! The whole search: lists the options of each site class as far as they can matter and chooses among them.

use super::answer::{Goal, Outcome, Progress, SearchLimits, Status};
use super::assortment::Assortments;
use super::fleet::{Fleet, Tuple};
use super::keys::TCO_CENT;
use super::options::{Combination, Options, Tariff, scale};
use super::problem::{Assignment, Hosted, Objective, Placed, Problem};
use super::rates;
use super::unit::{Unit, Unready};
use super::watch::{Stopped, Watch};

/// Finds the first plan in the order among plans.
///
/// `progress` is called about once a second. The answer is the same on every machine unless a limit of time or the
/// caller's flag ends the search.
pub fn solve(problem: &Problem, limits: &SearchLimits, progress: &mut dyn FnMut(Progress)) -> Outcome {
    let mut watch = Watch::new(limits, progress);
    match ready(problem) {
        Ok(units) => run(problem, &units, &[], &mut watch).0,
        Err(unready) => outcome_of(unready),
    }
}

/// The best plans that buy other devices: each is the optimum when the devices of `plan` and of all earlier alternatives
/// are forbidden. Fewer than `most` when no more exist or a limit ends the search.
///
/// Two plans have the same devices when every site class holds the same SKUs in the same numbers; modes do not matter.
pub fn alternatives(
    problem: &Problem,
    plan: &Assignment,
    most: usize,
    limits: &SearchLimits,
    progress: &mut dyn FnMut(Progress),
) -> Vec<Outcome> {
    let mut watch = Watch::new(limits, progress);
    let Ok(units) = ready(problem) else { return Vec::new() };
    let mut forbidden: Vec<Vec<Combination>> = vec![combinations(problem, &units, plan)];
    let mut found = Vec::new();
    while found.len() < most {
        watch.goal = Goal::Alternative(found.len() + 1);
        watch.best = None;
        watch.bound = 0;
        watch.ties_left = limits.tie_steps;
        let (outcome, kinds) = run(problem, &units, &forbidden, &mut watch);
        let proven = outcome.status == Status::Optimal;
        if outcome.assignment.is_none() {
            break;
        }
        forbidden.extend(kinds);
        found.push(outcome);
        if !proven {
            break;
        }
    }
    found
}

/// All site classes made ready.
fn ready(problem: &Problem) -> Result<Vec<Unit<'_>>, Unready> {
    problem.sites.iter().map(|site| Unit::new(problem, site)).collect()
}

fn outcome_of(unready: Unready) -> Outcome {
    let status = match unready {
        Unready::Contradiction => Status::Infeasible,
        Unready::TooLarge => Status::Unknown,
    };
    Outcome { status, value: None, bound: 0, assignment: None, first_of_equals: false, steps: 0 }
}

/// The devices of a plan as the search names them.
fn combinations(problem: &Problem, units: &[Unit], plan: &Assignment) -> Vec<Combination> {
    let kind = |unit: &Unit, placed: &Placed| {
        let sku = problem.hosts[placed.host].sku;
        unit.kinds.iter().position(|kind| kind.sku == sku).map_or(u16::MAX, |kind| kind as u16)
    };
    let sorted = |(unit, placed): (&Unit, &Vec<Placed>)| {
        let mut kinds: Combination = placed.iter().map(|placed| kind(unit, placed)).collect();
        kinds.sort_unstable();
        kinds
    };
    units.iter().zip(plan).map(sorted).collect()
}

/// What SKUs cost at least in a site class.
fn tariffs(problem: &Problem, units: &[Unit], index: usize) -> Vec<Tariff> {
    let all = |(other, unit): (usize, &Unit)| {
        if other == index { 0 } else { unit.site.count.saturating_mul(unit.slots as u64) }
    };
    let others = units.iter().enumerate().map(all).fold(0_u64, u64::saturating_add);
    let unit = &units[index];
    let tariff = |sku: usize| {
        let floor = |devices: usize| match devices {
            0 => Some(0),
            _ => rates::least_paid(problem, sku, unit.site.count.saturating_mul(devices as u64), others),
        };
        Tariff { floor: (0..=unit.slots).map(floor).collect(), flat: rates::is_flat(&problem.skus[sku]) }
    };
    unit.kinds.iter().map(|kind| tariff(kind.sku)).collect()
}

/// A cost in the unit of the search as cents or milliwatts.
pub(super) fn value(problem: &Problem, cost: i128) -> u64 {
    let whole = match problem.objective {
        Objective::Tco { .. } => (cost + TCO_CENT / 2).div_euclid(TCO_CENT),
        Objective::Capex | Objective::Power => -(-cost).div_euclid(scale(problem)),
    };
    u64::try_from(whole.max(0)).unwrap_or(u64::MAX)
}

/// From so many items on a class gets a unit to start from before the search.
const LARGE: usize = 7;

/// What a search knows when it ends, by itself or by a limit.
struct Known {
    tuple: Option<(Tuple, i128)>,
    bound: i128,
    /// Whether everything that costs as much as the best plan is listed.
    ties: bool,
}

/// One search with some plans forbidden; with the devices of the plan found.
fn run(
    problem: &Problem,
    units: &[Unit],
    forbidden: &[Vec<Combination>],
    watch: &mut Watch,
) -> (Outcome, Option<Vec<Combination>>) {
    let tariffs: Vec<Vec<Tariff>> = (0..units.len()).map(|index| tariffs(problem, units, index)).collect();
    let ready = |(unit, tariffs)| Options::new(unit, tariffs, !forbidden.is_empty(), watch.patterns_from());
    let mut options: Vec<Options> = units.iter().zip(tariffs.iter().map(Vec::as_slice)).map(ready).collect();
    let mut known = Known { tuple: None, bound: 0, ties: true };
    let ended = cheapest(problem, &mut options, forbidden, &mut known, watch);
    let Some((tuple, cost)) = known.tuple else {
        let status = if ended.is_ok() { Status::Infeasible } else { Status::Unknown };
        let bound = if ended.is_ok() { 0 } else { value(problem, known.bound) };
        let none = Outcome { status, value: None, bound, assignment: None, first_of_equals: false, steps: watch.steps };
        return (none, None);
    };
    let mut first = false;
    let mut tuple = tuple;
    if ended.is_ok() {
        watch.best = Some(value(problem, cost));
        watch.bound = value(problem, cost);
        let mut fleet = Fleet::new(problem, &mut options, forbidden, true);
        fleet.cut = Some(cost);
        let decided = fleet.search(watch).is_ok() && fleet.proven && known.ties;
        if let Some(best) = fleet.best {
            tuple = best.tuple;
            first = decided;
        }
    }
    for (site, &index) in options.iter_mut().zip(&tuple) {
        // Only what no proof asked for is still without its packing.
        first &= site.refine(index, watch).unwrap_or(false);
    }
    let assignment = assignment(problem, &options, &tuple);
    let kinds = tuple.iter().zip(&options).map(|(&index, site)| site.found[index].1.kinds.clone()).collect();
    let best = value(problem, cost);
    let (status, bound) =
        if ended.is_ok() { (Status::Optimal, best) } else { (Status::Feasible, value(problem, known.bound).min(best)) };
    let outcome = Outcome {
        status,
        value: Some(best),
        bound,
        assignment: Some(assignment),
        first_of_equals: first,
        steps: watch.steps,
    };
    (outcome, Some(kinds))
}

/// The best tuple of what is listed so far, if every class has something.
fn among_listed(problem: &Problem, options: &mut [Options], watch: &mut Watch) -> Option<(Tuple, i128)> {
    let mut fleet = Fleet::new(problem, options, &[], false);
    let _ = fleet.search(watch);
    fleet.best.map(|best| (best.tuple, best.sum.cost))
}

/// Finds a tuple of least cost; what is known is kept up to date in case a limit ends the search.
fn cheapest(
    problem: &Problem,
    options: &mut [Options],
    forbidden: &[Vec<Combination>],
    known: &mut Known,
    watch: &mut Watch,
) -> Result<(), Stopped> {
    if let Some(most) = problem.max_skus.filter(|_| options.len() > 1 && forbidden.is_empty()) {
        let mut search = Assortments { problem, options, best: None, open: Vec::new() };
        let result = search.search(most as usize, watch);
        let best = search.best.as_ref().map(|(_, cost)| *cost);
        let open = search.open.iter().copied().chain(best).min().unwrap_or(0);
        known.bound = if result.is_ok() { best.unwrap_or(0) } else { open.max(0) };
        known.tuple = search.best;
        return result;
    }
    let lowest = |site: &Options| site.lowest().unwrap_or(0);
    for index in 0..options.len() {
        let large =
            options[index].unit.items.len() >= LARGE.min(watch.patterns_from()) && options[index].unit.slots > 1;
        let started = if large && forbidden.is_empty() { options[index].construct(watch) } else { Ok(()) };
        if started.is_err() {
            known.bound = options.iter().map(lowest).sum();
            known.tuple = among_listed(problem, options, watch);
            return started;
        }
        let any = if options[index].found.is_empty() { options[index].next(watch) } else { Ok(true) };
        known.bound = options.iter().map(lowest).sum();
        watch.bound = value(problem, known.bound);
        if !any? {
            return Ok(());
        }
    }
    let least: Vec<i128> = options.iter().map(lowest).collect();
    let sum: i128 = least.iter().sum();
    let mut growth = 20;
    loop {
        let mut fleet = Fleet::new(problem, options, forbidden, false);
        let result = fleet.search(watch);
        let open = fleet.open;
        if let Some(best) = fleet.best.take()
            && known.tuple.as_ref().is_none_or(|(_, cost)| best.sum.cost < *cost)
        {
            watch.best = Some(value(problem, best.sum.cost));
            known.tuple = Some((best.tuple, best.sum.cost));
        }
        let unlisted = |options: &[Options]| {
            let beyond = options.iter().zip(&least).filter_map(|(site, &own)| Some(site.reached()? + sum - own));
            beyond.min()
        };
        let listed = match (&result, &known.tuple) {
            (Ok(()), Some((_, cost))) => Some(*cost),
            (Ok(()), None) => None,
            (Err(Stopped), _) => Some(open.unwrap_or(sum).max(sum)),
        };
        known.bound = match (listed, unlisted(options)) {
            (Some(a), Some(b)) => a.min(b),
            (a, b) => a.or(b).unwrap_or(sum),
        };
        watch.bound = value(problem, known.bound);
        result?;
        let before: usize = options.iter().map(|site| site.found.len()).sum();
        if let Some((_, cost)) = known.tuple {
            let large = options.iter().any(|site| site.unit.items.len() >= watch.patterns_from());
            if known.bound >= cost && large {
                // Nothing is cheaper: what costs the same is listed as far as steps for ties go.
                let ties = watch.within(watch.ties_left, |watch| complete(options, &least, cost, watch))?;
                known.ties = ties.is_some();
                known.bound = cost;
                return Ok(());
            }
            complete(options, &least, cost, watch)?;
            if options.iter().map(|site| site.found.len()).sum::<usize>() == before {
                known.bound = cost;
                return Ok(());
            }
        } else {
            while options.iter().map(|site| site.found.len()).sum::<usize>() == before {
                if options.iter().all(|site| site.reached().is_none()) {
                    return Ok(());
                }
                for (site, &own) in options.iter_mut().zip(&least) {
                    site.complete(own + (own / 100).max(1) * growth, watch)?;
                }
                growth *= 2;
            }
        }
    }
}

/// Lists whatever can be part of a plan that costs no more than this.
fn complete(options: &mut [Options], least: &[i128], cost: i128, watch: &mut Watch) -> Result<(), Stopped> {
    let sum: i128 = least.iter().sum();
    for (site, &own) in options.iter_mut().zip(least) {
        site.only_upto(cost - (sum - own));
        site.complete(cost - (sum - own), watch)?;
    }
    Ok(())
}

/// The plan of a tuple in canonical order.
fn assignment(problem: &Problem, options: &[Options], tuple: &Tuple) -> Assignment {
    let unit = |(site, &index): (&Options, &usize)| -> Vec<Placed> {
        let Some(packed) = &site.found[index].1.packed else { return Vec::new() };
        let mut devices: Vec<Placed> = packed
            .devices
            .iter()
            .map(|(machine, items)| {
                let members = items.iter().flat_map(|(item, picks)| {
                    let members = site.unit.items[*item].members.iter().zip(picks);
                    members.map(|(&workload, &candidate)| Hosted { workload, candidate })
                });
                let mut hosted: Vec<Hosted> = members.collect();
                hosted.sort_by_key(|hosted| hosted.workload);
                Placed { host: site.unit.machines[*machine].host, hosted }
            })
            .collect();
        devices.sort_by_cached_key(|placed| {
            let host = &problem.hosts[placed.host];
            let workloads: Vec<usize> = placed.hosted.iter().map(|hosted| hosted.workload).collect();
            (problem.skus[host.sku].id.clone(), host.mode.clone(), workloads)
        });
        devices
    };
    options.iter().zip(tuple).map(unit).collect()
}
