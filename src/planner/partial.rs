//! Where one site class has no plan, the plan of the others is still worth something.

use super::build::build;
use super::plan::{Plan, Wanted, plan_with};
use crate::candidates::{self, Options};
use crate::catalog::Catalog;
use crate::scenario::Scenario;
use crate::solve::{self, Problem, Progress, SearchLimits, Status};

/// A scenario without a plan, taken apart.
#[derive(Debug, Clone)]
pub struct Partial<'a> {
    /// The site classes that have no plan even alone, in file order.
    pub without: Vec<String>,
    /// The plan of all others together.
    pub plan: Plan<'a>,
}

/// The plan of the site classes that can be served, when some cannot; nothing when all or none can be served alone, or when
/// the time does not suffice to tell.
pub fn partial<'a>(
    scenario: &Scenario,
    catalog: &'a Catalog,
    limits: &SearchLimits<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Option<Partial<'a>> {
    if scenario.sites.len() < 2 {
        return None;
    }
    let generated = candidates::generate(scenario, catalog, Options::default());
    let problem = build(scenario, catalog, &generated).problem;
    let (mut served, mut without) = (Vec::new(), Vec::new());
    for (site, alone) in scenario.sites.iter().zip(&problem.sites) {
        let alone =
            Problem { sites: vec![alone.clone()], skus: problem.skus.clone(), hosts: problem.hosts.clone(), ..problem };
        let limits = SearchLimits { tie_steps: 0, ..*limits };
        match solve::solve(&alone, &limits, progress).status {
            Status::Infeasible => without.push(site.name.clone()),
            Status::Optimal | Status::Feasible => served.push(site.clone()),
            Status::Unknown => return None,
        }
    }
    if without.is_empty() || served.is_empty() {
        return None;
    }
    let rest = Scenario { sites: served, ..scenario.clone() };
    let plan = plan_with(&rest, catalog, Wanted::default(), limits, progress);
    (!plan.sites.is_empty()).then_some(Partial { without, plan })
}
