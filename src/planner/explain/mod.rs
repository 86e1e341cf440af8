//! Why a scenario has no plan, and the smallest changes that would open one.

mod ask;
mod conflict;
mod constraints;
mod knobs;
mod nearest;
pub(crate) mod number;
mod relax;

pub(in crate::planner) use ask::verdict;
pub use ask::{Asker, Found, Unit, Verdict};

use crate::scenario::{Document, Path};
use crate::yaml::Node;
use constraints::{Constraint, Kind};
pub use nearest::Nearest;

/// Further conflicts that are told.
const FURTHER: usize = 4;

/// A constraint of the user's that takes part in a conflict.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Where it stands in the scenario.
    pub path: Path,
    /// Its line in the file.
    pub line: Option<u32>,
    /// What it says.
    pub text: String,
    /// The value that drops it; null removes the key.
    pub drop: Node,
    /// What the rest of the conflict could be met by without it.
    pub without: Option<Found>,
}

/// A change that opens a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Relaxation {
    /// In words.
    pub change: String,
    /// The values to set.
    pub set: Vec<(Path, Node)>,
    /// What the plan then costs or draws: dollars or watts.
    pub objective: f64,
    /// The devices of that plan.
    pub devices: String,
}

/// Why no plan exists.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// An irreducible set of constraints that admit no plan.
    pub conflict: Vec<Member>,
    /// Further ones that share no member with it, nor with each other.
    pub conflicts: Vec<Vec<Member>>,
    /// How near the nearest device comes within the first conflict.
    pub nearest: Option<Nearest>,
    /// The smallest changes that open a plan, cheapest first.
    pub relaxations: Vec<Relaxation>,
    /// Whether the time ran out first: there may be more, and what is named as smallest may not be.
    pub cut: bool,
}

/// Explains why a document has no plan.
///
/// When the asker's time runs out the explanation holds what was found until then.
#[must_use]
pub fn explain(asker: &Asker<'_>, doc: &Document) -> Explanation {
    let constraints = constraints::constraints(doc, asker.catalog());
    let mut cores: Vec<conflict::Core> = Vec::new();
    let mut rest = doc.clone();
    while cores.len() <= FURTHER {
        let Some(mut core) = conflict::find(asker, &rest, &constraints) else { break };
        // Margins stand as written in every conflict, and are told with the first.
        core.members.retain(|i| !cores.iter().any(|known| known.members.contains(i)));
        let own: Vec<usize> = core.members.iter().copied().filter(|&i| constraints[i].kind != Kind::Margin).collect();
        if own.is_empty() {
            break;
        }
        let next = conflict::without(&rest, &constraints, &own);
        cores.push(core);
        match next {
            Some(next) => rest = next,
            None => break,
        }
    }
    let told: Vec<Vec<Member>> = cores
        .iter()
        .map(|core| core.members.iter().map(|&i| member(asker, &core.doc, &constraints[i])).collect())
        .collect();
    let nearest = cores.first().and_then(|core| nearest::miss(asker, &core.doc));
    let documents: Vec<Document> = cores.into_iter().map(|core| core.doc).collect();
    let relaxations = relaxations(asker, doc, &documents);
    let mut told = told.into_iter();
    Explanation {
        conflict: told.next().unwrap_or_default(),
        conflicts: told.collect(),
        nearest,
        relaxations,
        cut: asker.was_cut(),
    }
}

fn member(asker: &Asker<'_>, core: &Document, constraint: &Constraint) -> Member {
    let without = asker.ask_with(core, &constraint.path, &constraint.drop).found();
    Member {
        path: constraint.path.clone(),
        line: constraint.at.map(|at| at.line),
        text: constraint.text.clone(),
        drop: constraint.drop.clone(),
        without: without.filter(|found| !found.units.is_empty()),
    }
}

fn relaxations(asker: &Asker<'_>, doc: &Document, cores: &[Document]) -> Vec<Relaxation> {
    let Ok(scenario) = asker.resolve(doc) else { return Vec::new() };
    let knobs = knobs::knobs(doc, &scenario, asker.catalog());
    let told = |opening: relax::Opening| Relaxation {
        change: opening.turned.iter().map(|t| t.text.as_str()).collect::<Vec<_>>().join(", and "),
        set: opening.turned.iter().map(|t| (t.path.clone(), t.value.clone())).collect(),
        objective: opening.found.objective,
        devices: opening.found.devices(),
    };
    relax::openings(asker, doc, &knobs, cores).into_iter().map(told).collect()
}
