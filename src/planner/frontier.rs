//! What more of something costs: every plan that no other beats in cost and in power, headroom or speed.
//!
//! Along an axis the demand grows step by step (a milliwatt less, a millionth of headroom more, a thousandth of speed more),
//! so the cost of the cheapest plan never falls. The points of the frontier are the last demands before it rises. Each is
//! found by planning again and again, exactly; between two demands of equal cost nothing has to be looked at.

use std::time::Instant;

use super::build::{Built, build};
use super::plan::{Alternative, View};
use crate::candidates::{self, Generated, Memo, Options};
use crate::catalog::Catalog;
use crate::scenario::{ObjectiveKind, Scenario};
use crate::solve::{self, Assignment, Goal, Problem, Progress, SearchLimits, Status};
use crate::units::{Milliwatts, PPM, Share};

/// What is weighed against cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// What one unit draws at full load, at most: that of the site class that draws most.
    Power,
    /// The share added to steady memory, at most.
    Headroom,
    /// The factor on all rate targets, at most; targets of latency stay as they are.
    Speed,
}

impl Axis {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Power, Self::Headroom, Self::Speed];

    /// The word for it on the command line.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Headroom => "headroom",
            Self::Speed => "speed",
        }
    }

    /// First and last demand.
    const fn range(self) -> (u64, u64) {
        match self {
            Self::Power => (0, NO_CAP),
            Self::Headroom => (0, 10 * PPM),
            Self::Speed => (1, 1_000_000),
        }
    }
}

/// A cap in milliwatts that no unit reaches.
const NO_CAP: u64 = 1 << 40;

/// Demands that are tried one by one before their range is halved.
const SINGLE_STEPS: u32 = 3;

/// A plan that no other beats.
#[derive(Debug, Clone)]
pub struct FrontierPoint {
    /// What it costs, with devices and modes.
    pub plan: Alternative,
    /// How far it goes: milliwatts, millionths of headroom or thousandths of speed.
    pub at: u64,
    /// Whether it is the one that serves the scenario as it stands.
    pub as_asked: bool,
}

/// The plans between which cost and something else have to be weighed.
#[derive(Debug, Clone)]
pub struct Frontier {
    /// What is weighed against cost.
    pub axis: Axis,
    /// What cost is: purchase price, or with energy where that is the scenario's objective (not for speed, which changes the
    /// energy by itself).
    pub cost: ObjectiveKind,
    /// From the cheapest on.
    pub points: Vec<FrontierPoint>,
    /// Whether the limits let the search run to its end.
    pub complete: bool,
    /// Devices that take no part because their draw is unknown.
    pub left_out: Vec<String>,
}

/// Works out a frontier; nothing when the axis is speed and no workload has a rate target.
pub fn frontier(
    scenario: &Scenario,
    catalog: &Catalog,
    axis: Axis,
    limits: &SearchLimits<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Option<Frontier> {
    let rated = |w: &crate::scenario::Workload| w.targets.rate().is_some();
    if axis == Axis::Speed && !scenario.sites.iter().flat_map(|site| &site.workloads).any(rated) {
        return None;
    }
    let mut scenario = scenario.clone();
    let asked = match axis {
        Axis::Power => 0,
        Axis::Headroom => scenario.headroom.0,
        Axis::Speed => 1000,
    };
    if scenario.objective == ObjectiveKind::Power || axis == Axis::Speed {
        scenario.objective = ObjectiveKind::Capex;
    }
    if axis == Axis::Headroom {
        scenario.headroom = Share::ZERO;
    }
    let memo = Memo::default();
    // Candidates are worked out once for every headroom: settings that none needs now may be needed later.
    let options = Options { every_setting: axis == Axis::Headroom, ..Options::default() };
    let generated = candidates::generate_with(&scenario, catalog, options, &memo);
    let built = build(&scenario, catalog, &generated);
    let unknown = |sku: usize| built.problem.hosts.iter().filter(|h| h.sku == sku).all(|h| h.power.is_none());
    let left_out = match axis {
        Axis::Power => {
            (0..built.problem.skus.len()).filter(|&s| unknown(s)).map(|s| built.problem.skus[s].id.clone()).collect()
        }
        Axis::Headroom | Axis::Speed => Vec::new(),
    };
    let mut asking = Asking { scenario, catalog, axis, memo: &memo, generated, built, limits, start: Instant::now() };
    let (found, complete) = walk(axis.range(), &mut |demand, last| asking.ask(demand, last, progress));
    let mut points: Vec<FrontierPoint> = Vec::new();
    for (demand, plan) in found {
        let as_asked = demand >= asked && !points.iter().any(|p| p.as_asked);
        let at = if axis == Axis::Power { NO_CAP - demand } else { demand };
        points.push(FrontierPoint { plan, at, as_asked });
    }
    Some(Frontier { axis, cost: asking.scenario.objective, points, complete, left_out })
}

/// What a demand comes to.
enum Answer {
    /// The cheapest plan: its cost in cents, and the largest demand that it serves.
    Plan { cost: u64, reach: u64, plan: Alternative },
    /// No plan.
    Nothing,
    /// The limits ended the search.
    Unknown,
}

/// Every last demand before the cost rises, with its plan, and whether that is all of them. Costs never fall with demand.
fn walk((first, last): (u64, u64), ask: &mut dyn FnMut(u64, bool) -> Answer) -> (Vec<(u64, Alternative)>, bool) {
    let mut points = Vec::new();
    let mut demand = first;
    loop {
        let (cost, mut low) = match ask(demand, false) {
            Answer::Plan { cost, reach, .. } => (cost, reach.min(last)),
            Answer::Nothing => return (points, true),
            Answer::Unknown => return (points, false),
        };
        // From here on the cost is another one, as far as is known.
        let mut high = last + 1;
        let mut tries = 0;
        while low + 1 < high {
            let probe = match tries {
                0..SINGLE_STEPS => low + 1,
                // Farther and farther until the cost rises once, then by halves.
                _ if high > last => low.saturating_add(1 << (tries - SINGLE_STEPS + 6).min(40)).min(last),
                _ => low + (high - low) / 2,
            };
            tries += 1;
            match ask(probe, false) {
                Answer::Plan { cost: same, reach, .. } if same == cost => low = reach.clamp(probe, last),
                Answer::Plan { .. } | Answer::Nothing => high = probe,
                Answer::Unknown => return (points, false),
            }
        }
        match ask(low, true) {
            Answer::Plan { plan, .. } => points.push((low, plan)),
            Answer::Nothing | Answer::Unknown => return (points, false),
        }
        if low >= last {
            return (points, true);
        }
        demand = low + 1;
    }
}

/// Plans for one demand after the other.
struct Asking<'a, 's> {
    scenario: Scenario,
    catalog: &'a Catalog,
    axis: Axis,
    memo: &'s Memo<'a>,
    generated: Generated<'a>,
    built: Built,
    limits: &'s SearchLimits<'s>,
    start: Instant,
}

impl Asking<'_, '_> {
    /// The cheapest plan for a demand; which of several equally cheap ones is decided only where it will be shown.
    fn ask(&mut self, demand: u64, shown: bool, progress: &mut dyn FnMut(Progress)) -> Answer {
        let mut limits = self.limits.after(self.start.elapsed());
        if limits.spent() {
            return Answer::Unknown;
        }
        if !shown {
            limits.tie_steps = 0;
        }
        match self.axis {
            Axis::Power => {
                let cap = Milliwatts(NO_CAP - demand);
                for (site, own) in self.built.problem.sites.iter_mut().zip(&self.scenario.sites) {
                    site.power_limit = Some(own.limits.power.map_or(cap, |limit| limit.min(cap)));
                }
            }
            Axis::Headroom => self.built.problem.headroom = Share(demand),
            Axis::Speed => {
                let faster = faster(&self.scenario, demand);
                self.generated = candidates::generate_with(&faster, self.catalog, Options::default(), self.memo);
                self.built = build(&faster, self.catalog, &self.generated);
            }
        }
        let problem = &self.built.problem;
        let outcome = solve::solve(problem, &limits, &mut |p| progress(Progress { goal: Goal::Comparison, ..p }));
        match (outcome.status, outcome.value, &outcome.assignment) {
            (Status::Optimal, Some(cost), Some(plan)) => {
                let reach = match self.axis {
                    Axis::Power => NO_CAP - draw(problem, plan).min(NO_CAP - demand),
                    Axis::Headroom => self.slack(plan).max(demand),
                    Axis::Speed => demand,
                };
                match self.view().alternative(&outcome) {
                    Some(plan) => Answer::Plan { cost, reach, plan },
                    None => Answer::Unknown,
                }
            }
            (Status::Infeasible, ..) => Answer::Nothing,
            _ => Answer::Unknown,
        }
    }

    fn view(&self) -> View<'_, '_> {
        View { scenario: &self.scenario, catalog: self.catalog, generated: &self.generated, built: &self.built }
    }

    /// The largest headroom under which a plan still fits.
    fn slack(&self, plan: &Assignment) -> u64 {
        let sites = self.view().sites(plan);
        let pools = sites.iter().flat_map(|site| &site.devices).flat_map(|device| &device.pools);
        let slack = |pool: &super::PlannedPool| {
            let whole = u128::from(PPM);
            // ceil(steady x (1 + h)) <= capacity  <=>  steady x (1 + h) <= capacity, the latter being whole.
            let most = (u128::from(pool.capacity.0) * whole).checked_div(u128::from(pool.steady.0));
            most.map_or(u64::MAX, |most| u64::try_from(most.saturating_sub(whole)).unwrap_or(u64::MAX))
        };
        pools.map(slack).min().unwrap_or(u64::MAX)
    }
}

/// What the unit that draws most draws at full load, in milliwatts.
fn draw(problem: &Problem, plan: &Assignment) -> u64 {
    let unit = |unit: &Vec<solve::Placed>| {
        let powers = unit.iter().map(|placed| problem.hosts[placed.host].power.map_or(0, |power| power.0));
        powers.fold(0_u64, u64::saturating_add)
    };
    plan.iter().map(unit).max().unwrap_or(0)
}

/// The scenario with all rate targets multiplied by so many thousandths.
fn faster(scenario: &Scenario, thousandths: u64) -> Scenario {
    let mut faster = scenario.clone();
    for workload in faster.sites.iter_mut().flat_map(|site| &mut site.workloads) {
        let targets = &mut workload.targets;
        for target in [&mut targets.decode_tok_s, &mut targets.inferences_s].into_iter().flatten() {
            *target = *target * thousandths as f64 / 1000.0;
        }
        if let Some(factor) = &mut targets.realtime_factor {
            *factor = *factor * 1000.0 / thousandths as f64;
        }
    }
    faster
}
