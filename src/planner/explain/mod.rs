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
use crate::yaml::{Node, Value};
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
    /// What everything else in the scenario could be met by without it.
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
    // Site classes that can be served are no part of what is in the way: without them every question is answered sooner.
    let blocked = blocked(asker, doc);
    let mut rest = blocked.clone().unwrap_or_else(|| doc.clone());
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
    let told: Vec<Vec<Member>> =
        cores.iter().map(|core| core.members.iter().map(|&i| member(asker, doc, &constraints[i])).collect()).collect();
    let nearest = nearest::miss(asker, doc, blocked.as_ref().unwrap_or(doc))
        .or_else(|| cores.first().and_then(|core| nearest::miss(asker, doc, &core.doc)));
    let documents: Vec<Document> = cores.into_iter().map(|core| core.doc).collect();
    let relaxations = relaxations(asker, doc, blocked.as_ref(), &documents);
    let mut told = told.into_iter();
    Explanation {
        conflict: told.next().unwrap_or_default(),
        conflicts: told.collect(),
        nearest,
        relaxations,
        cut: asker.was_cut(),
    }
}

/// The document with the site classes alone that have no plan even alone; nothing when that is not known to be less, or when
/// something ties the site classes together.
fn blocked(asker: &Asker<'_>, doc: &Document) -> Option<Document> {
    let names: Vec<String> =
        constraints::sites(doc).iter().filter_map(|(name, ..)| name.map(ToOwned::to_owned)).collect();
    let tied = doc.get(&Path(vec!["fleet".to_owned(), "max_skus".to_owned()])).is_some();
    if names.len() < 2 || tied {
        return None;
    }
    let mut kept = Vec::new();
    for name in &names {
        match asker.ask_as_is(&with_sites(doc, std::slice::from_ref(name))) {
            Verdict::Impossible => kept.push(name.clone()),
            Verdict::Found(_) => {}
            Verdict::Invalid | Verdict::Unknown => return None,
        }
    }
    (!kept.is_empty() && kept.len() < names.len()).then(|| with_sites(doc, &kept))
}

/// The document with these site classes alone.
fn with_sites(doc: &Document, names: &[String]) -> Document {
    let mut doc = doc.clone();
    if let Value::Map(top) = &mut doc.root.value
        && let Some((_, sites)) = top.iter_mut().find(|(key, _)| key.text() == Some("sites"))
        && let Value::List(sites) = &mut sites.value
    {
        let named = |site: &Node| constraints::value(site, "name").and_then(Node::text).map(ToOwned::to_owned);
        sites.retain(|site| named(site).is_some_and(|name| names.contains(&name)));
    }
    doc
}

/// What the rest of the scenario costs without a constraint is told of a plan that meets all the rest of it.
fn member(asker: &Asker<'_>, doc: &Document, constraint: &Constraint) -> Member {
    let without = asker.ask_with(doc, &constraint.path, &constraint.drop).found();
    Member {
        path: constraint.path.clone(),
        line: constraint.at.map(|at| at.line),
        text: constraint.text.clone(),
        drop: constraint.drop.clone(),
        without: without.filter(|found| !found.units.is_empty()),
    }
}

fn relaxations(asker: &Asker<'_>, doc: &Document, blocked: Option<&Document>, cores: &[Document]) -> Vec<Relaxation> {
    // What opens a plan for the site classes that have none opens one for all; only its cost is that of the whole.
    let searched = blocked.unwrap_or(doc);
    let Ok(scenario) = asker.resolve(searched) else { return Vec::new() };
    let knobs = knobs::knobs(searched, &scenario, asker.catalog());
    let whole = |opening: relax::Opening| {
        if blocked.is_none() {
            return Some(opening);
        }
        let changed = opening.turned.iter().try_fold(doc.clone(), |d, t| d.with(&t.path, t.value.clone()).ok())?;
        Some(relax::Opening { found: asker.ask(&changed).found()?, ..opening })
    };
    let told = |opening: relax::Opening| Relaxation {
        change: opening.turned.iter().map(|t| t.text.as_str()).collect::<Vec<_>>().join(", and "),
        set: opening.turned.iter().map(|t| (t.path.clone(), t.value.clone())).collect(),
        objective: opening.found.objective,
        devices: opening.found.devices(),
    };
    let mut found: Vec<_> = relax::openings(asker, searched, &knobs, cores).into_iter().filter_map(whole).collect();
    found.sort_by_key(|o| o.found.value);
    found.into_iter().map(told).collect()
}
