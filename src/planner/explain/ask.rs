//! Asking again and again whether a changed scenario has a plan, and what it costs.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use crate::candidates::{self, Generated, Memo, Options};
use crate::catalog::Catalog;
use crate::diag::Diagnostic;
use crate::planner::build::build;
use crate::planner::plan::{Plan, in_unit, plan};
use crate::scenario::{Document, FindModel, Path, Scenario, resolve};
use crate::solve::{self, Assignment, Problem, SearchLimits, Status};
use crate::units::{Milliwatts, Money};
use crate::yaml::{Node, Value};

/// A unit of a plan in a few figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Site class.
    pub site: String,
    /// Device ids, each with its mode.
    pub devices: Vec<(String, String)>,
    /// What the unit costs at the prices paid, spares excluded.
    pub price: Money,
    /// What it draws at full load, where known.
    pub power: Option<Milliwatts>,
}

/// A plan in a few figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Cents or milliwatts.
    pub value: u64,
    /// The same in dollars or watts.
    pub objective: f64,
    /// One unit of each site class.
    pub units: Vec<Unit>,
}

impl Found {
    /// The devices in words: `2 x jetson-orin-nx-16gb + ...`, site classes apart by semicolons.
    #[must_use]
    pub fn devices(&self) -> String {
        let unit = |unit: &Unit| {
            let mut counted: Vec<(&str, u32)> = Vec::new();
            for (device, _) in &unit.devices {
                match counted.iter_mut().find(|(d, _)| d == device) {
                    Some((_, n)) => *n += 1,
                    None => counted.push((device, 1)),
                }
            }
            let words = counted.iter().map(|(d, n)| if *n > 1 { format!("{n} x {d}") } else { (*d).to_owned() });
            words.collect::<Vec<_>>().join(" + ")
        };
        match self.units.as_slice() {
            [one] => unit(one),
            many => many.iter().map(|u| format!("{}: {}", u.site, unit(u))).collect::<Vec<_>>().join("; "),
        }
    }
}

/// What planning a scenario came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The optimum.
    Found(Found),
    /// No plan exists.
    Impossible,
    /// The scenario contradicts itself or asks for what cannot be asked.
    Invalid,
    /// The time ran out.
    Unknown,
}

impl Verdict {
    /// The plan, when there is one.
    #[must_use]
    pub fn found(self) -> Option<Found> {
        match self {
            Self::Found(found) => Some(found),
            _ => None,
        }
    }
}

/// Plans changed scenarios over one catalog; each scenario once.
pub struct Asker<'a> {
    catalog: &'a Catalog,
    find_model: &'a FindModel<'a>,
    limits: SearchLimits<'a>,
    deadline: Option<Instant>,
    known: RefCell<HashMap<String, Verdict>>,
    cut: Cell<bool>,
    memo: Memo<'a>,
}

impl<'a> Asker<'a> {
    /// Asks over this catalog; after `limits.time` from now every further answer is unknown.
    #[must_use]
    pub fn new(catalog: &'a Catalog, find_model: &'a FindModel<'a>, limits: &SearchLimits<'a>) -> Self {
        Self {
            catalog,
            find_model,
            limits: SearchLimits { tie_steps: 0, ..*limits },
            deadline: limits.time.and_then(|t| Instant::now().checked_add(t)),
            known: RefCell::default(),
            cut: Cell::new(false),
            memo: Memo::default(),
        }
    }

    /// Decides between plans of equal objective too: slower, but the devices are those that a plan would name.
    #[must_use]
    pub fn deciding_ties(mut self, limits: &SearchLimits<'a>) -> Self {
        self.limits.tie_steps = limits.tie_steps;
        self
    }

    /// Whether the time ran out before a question was answered.
    #[must_use]
    pub fn was_cut(&self) -> bool {
        self.cut.get()
    }

    /// The catalog that is asked.
    #[must_use]
    pub const fn catalog(&self) -> &'a Catalog {
        self.catalog
    }

    /// Resolves a document.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn resolve(&self, doc: &Document) -> Result<Scenario, Diagnostic> {
        resolve(doc, self.catalog, self.find_model)
    }

    /// Plans a document. Site classes without workloads are left out; with nothing to run the plan is empty and free.
    pub fn ask(&self, doc: &Document) -> Verdict {
        let Some(doc) = inhabited(doc) else {
            return Verdict::Found(Found { value: 0, objective: 0.0, units: Vec::new() });
        };
        self.ask_as_is(&doc)
    }

    /// Plans a document exactly as it stands: without workloads it is invalid.
    pub fn ask_as_is(&self, doc: &Document) -> Verdict {
        let key = format!("{:?}", Plain(&doc.root));
        if let Some(verdict) = self.known.borrow().get(&key) {
            return verdict.clone();
        }
        let verdict = self.plan(doc);
        if verdict != Verdict::Unknown {
            self.known.borrow_mut().insert(key, verdict.clone());
        }
        verdict
    }

    /// Plans a document with one value changed.
    pub fn ask_with(&self, doc: &Document, path: &Path, value: &Node) -> Verdict {
        doc.with(path, value.clone()).map_or(Verdict::Invalid, |changed| self.ask(&changed))
    }

    /// The candidates of a scenario; what earlier questions worked out is not worked out again.
    pub(in crate::planner) fn generate(&self, scenario: &Scenario) -> Generated<'a> {
        self.generate_for(scenario, Options::default())
    }

    /// As [`Self::generate`], with more or less of it kept.
    pub(in crate::planner) fn generate_for(&self, scenario: &Scenario, options: Options) -> Generated<'a> {
        candidates::generate_with(scenario, self.catalog, options, &self.memo)
    }

    /// The whole plan of a scenario; nothing when the time runs out.
    pub(in crate::planner) fn full_plan(&self, scenario: &Scenario) -> Option<Plan<'a>> {
        let limits = self.remaining()?;
        let plan = plan(scenario, self.catalog, 0, &limits, &mut |_| {});
        if !matches!(plan.status, Status::Optimal | Status::Infeasible) {
            self.cut.set(true);
            return None;
        }
        Some(plan)
    }

    /// Solves a problem of a scenario.
    pub(in crate::planner) fn solve(&self, scenario: &Scenario, problem: &Problem) -> Verdict {
        let Some(limits) = self.remaining() else { return Verdict::Unknown };
        let verdict = verdict(scenario, problem, &limits);
        if verdict == Verdict::Unknown {
            self.cut.set(true);
        }
        verdict
    }

    /// The limits of a search that ends when the time runs out; nothing when it has.
    fn remaining(&self) -> Option<SearchLimits<'a>> {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let limits = SearchLimits { time: left, ..self.limits };
        if limits.spent() {
            self.cut.set(true);
            return None;
        }
        Some(limits)
    }

    fn plan(&self, doc: &Document) -> Verdict {
        if self.remaining().is_none() {
            return Verdict::Unknown;
        }
        let Ok(scenario) = self.resolve(doc) else { return Verdict::Invalid };
        let generated = self.generate(&scenario);
        let built = build(&scenario, self.catalog, &generated);
        self.solve(&scenario, &built.problem)
    }
}

/// Solves a problem and tells the answer in a few figures.
pub(crate) fn verdict(scenario: &Scenario, problem: &Problem, limits: &SearchLimits<'_>) -> Verdict {
    let outcome = solve::solve(problem, limits, &mut |_| {});
    match (outcome.status, outcome.value, outcome.assignment) {
        (Status::Optimal, Some(value), Some(assignment)) => Verdict::Found(Found {
            value,
            objective: in_unit(scenario.objective, value),
            units: units(problem, &assignment),
        }),
        (Status::Infeasible, ..) => Verdict::Impossible,
        _ => Verdict::Unknown,
    }
}

fn units(problem: &Problem, assignment: &Assignment) -> Vec<Unit> {
    let mut quantities: BTreeMap<usize, u64> = BTreeMap::new();
    for (site, unit) in problem.sites.iter().zip(assignment) {
        for placed in unit {
            *quantities.entry(problem.hosts[placed.host].sku).or_insert(0) += site.count;
        }
    }
    let paid = |sku: usize| {
        let quantity = quantities.get(&sku).copied().unwrap_or(0);
        problem.skus[sku].price_at(solve::ordered(problem, sku, quantity)).unwrap_or_default()
    };
    let unit = |(site, unit): (&solve::Site, &Vec<solve::Placed>)| {
        let hosts: Vec<_> = unit.iter().map(|p| &problem.hosts[p.host]).collect();
        Unit {
            site: site.name.clone(),
            devices: hosts.iter().map(|h| (problem.skus[h.sku].id.clone(), h.mode.clone())).collect(),
            price: hosts.iter().map(|h| paid(h.sku)).sum(),
            power: hosts.iter().map(|h| h.power).try_fold(Milliwatts(0), |sum, p| p.map(|p| sum + p)),
        }
    };
    problem.sites.iter().zip(assignment).map(unit).collect()
}

/// The document without site classes that have no workloads; nothing when no workload is left.
fn inhabited(doc: &Document) -> Option<Document> {
    fn empty(site: &[(Node, Node)]) -> bool {
        let workloads = site.iter().find(|(k, _)| k.text() == Some("workloads"));
        workloads.is_some_and(|(_, w)| w.value == Value::List(Vec::new()))
    }
    let mut doc = doc.clone();
    let Value::Map(top) = &mut doc.root.value else { return Some(doc) };
    if let Some((_, sites)) = top.iter_mut().find(|(k, _)| k.text() == Some("sites")) {
        if let Value::List(sites) = &mut sites.value {
            sites.retain(|site| !matches!(&site.value, Value::Map(entries) if empty(entries)));
            if sites.is_empty() {
                return None;
            }
        }
    } else if empty(top) {
        return None;
    }
    Some(doc)
}

/// A node's content without positions, as a key.
struct Plain<'a>(&'a Node);

impl std::fmt::Debug for Plain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0.value {
            Value::List(items) => f.debug_list().entries(items.iter().map(Plain)).finish(),
            Value::Map(entries) => f.debug_map().entries(entries.iter().map(|(k, v)| (Plain(k), Plain(v)))).finish(),
            scalar => scalar.fmt(f),
        }
    }
}
