//! The plans that a buyer asks for beside the cheapest: with the devices of each vendor alone, and with one device per unit.

use std::time::Instant;

use super::plan::{Alternative, View};
use crate::solve::{self, Assignment, Goal, Outcome, Problem, Progress, SearchLimits, Status};

/// How much of it is worked out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Compare {
    /// Nothing.
    #[default]
    Never,
    /// What takes no longer than the plan itself should, counted in steps: the same on every machine.
    Quick,
    /// Everything, as long as the time lasts.
    Always,
}

/// Steps that a search for the plan may have taken for comparisons to be worked out unasked, and that each of them may
/// take: some tenths of a second.
const QUICK: u64 = 300_000;

/// What a plan is restricted to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Restriction {
    /// Devices of this vendor alone.
    Vendor(String),
    /// One device in every unit.
    OneDevice,
}

/// The best plan under a restriction.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// Under which.
    pub restriction: Restriction,
    /// What is proven.
    pub status: Status,
    /// The plan, when there is one.
    pub plan: Option<Alternative>,
}

/// The plan under every restriction that says something: by vendor from the best on, then with one device per unit.
#[derive(Debug, Clone, Default)]
pub struct Comparisons {
    /// One by one.
    pub list: Vec<Comparison>,
    /// How many were left out because the question is large, or the time was up.
    pub skipped: usize,
}

/// Works out the comparisons of a plan.
pub(super) fn compare(
    view: &View<'_, '_>,
    found: &Outcome,
    compare: Compare,
    limits: &SearchLimits<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Comparisons {
    let mut comparisons = Comparisons::default();
    let Some(plan) = found.assignment.as_ref().filter(|_| compare != Compare::Never) else { return comparisons };
    let start = Instant::now();
    let problem = &view.built.problem;
    let vendors = Vendors::of(view);
    let mut wanted: Vec<Restriction> = Vec::new();
    if vendors.names.len() > 1 {
        wanted.extend(vendors.names.iter().map(|name| Restriction::Vendor((*name).to_owned())));
    }
    if plan.iter().any(|unit| unit.len() > 1) {
        wanted.push(Restriction::OneDevice);
    }
    let quick = compare == Compare::Quick;
    for restriction in wanted {
        if holds(&restriction, plan, &vendors) {
            // The plan itself, and nothing under a restriction is better.
            let plan = view.alternative(found);
            comparisons.list.push(Comparison { restriction, status: found.status, plan });
            continue;
        }
        let mut left = limits.after(start.elapsed());
        if left.spent() || quick && found.steps > QUICK {
            comparisons.skipped += 1;
            continue;
        }
        left.steps = quick.then_some(QUICK);
        let restricted = match &restriction {
            Restriction::Vendor(name) => only(problem, |host| made_by(vendors.of_host[host], name)),
            Restriction::OneDevice => one_device(problem),
        };
        let outcome = solve::solve(&restricted, &left, &mut |p| progress(Progress { goal: Goal::Comparison, ..p }));
        if outcome.status == Status::Unknown {
            comparisons.skipped += 1;
            continue;
        }
        comparisons.list.push(Comparison { restriction, status: outcome.status, plan: view.alternative(&outcome) });
    }
    let price = |c: &Comparison| c.plan.as_ref().map_or(f64::INFINITY, |plan| plan.objective);
    let one = |c: &Comparison| c.restriction == Restriction::OneDevice;
    comparisons.list.sort_by(|a, b| {
        one(a).cmp(&one(b)).then(price(a).total_cmp(&price(b))).then_with(|| a.restriction.cmp(&b.restriction))
    });
    comparisons
}

/// Who makes what.
struct Vendors<'a> {
    /// In alphabetical order, those with a usable device.
    names: Vec<&'a str>,
    /// By host of the problem.
    of_host: Vec<&'a str>,
}

impl<'a> Vendors<'a> {
    fn of(view: &View<'_, 'a>) -> Self {
        let of_host: Vec<&str> =
            view.built.hosts.iter().map(|&(device, _)| view.catalog.device_at(device).vendor.as_str()).collect();
        let mut names = of_host.clone();
        names.sort_unstable();
        names.dedup();
        Self { names, of_host }
    }
}

/// Whether `allow.vendors` with this name admits the device: a board of two makers is of both.
fn made_by(vendor: &str, name: &str) -> bool {
    vendor.to_lowercase().contains(&name.to_lowercase())
}

fn holds(restriction: &Restriction, plan: &Assignment, vendors: &Vendors<'_>) -> bool {
    match restriction {
        Restriction::Vendor(name) => plan.iter().flatten().all(|placed| made_by(vendors.of_host[placed.host], name)),
        Restriction::OneDevice => plan.iter().all(|unit| unit.len() <= 1),
    }
}

/// The problem with the candidates of some hosts alone.
fn only(problem: &Problem, keep: impl Fn(usize) -> bool) -> Problem {
    let sites = problem.sites.iter().map(|site| solve::Site {
        name: site.name.clone(),
        workloads: site
            .workloads
            .iter()
            .map(|workload| solve::Workload {
                name: workload.name.clone(),
                apart: workload.apart.clone(),
                together: workload.together.clone(),
                candidates: workload.candidates.iter().filter(|c| keep(c.host)).cloned().collect(),
                ..*workload
            })
            .collect(),
        ..*site
    });
    Problem { sites: sites.collect(), skus: problem.skus.clone(), hosts: problem.hosts.clone(), ..*problem }
}

fn one_device(problem: &Problem) -> Problem {
    let mut problem = problem.clone();
    problem.sites.iter_mut().for_each(|site| site.max_devices = 1);
    problem
}
