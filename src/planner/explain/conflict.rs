//! Irreducible conflicts: sets of constraints that admit no plan, while any of their proper subsets does.
//!
//! A deletion filter drops one constraint after another and keeps those without which a plan exists. What it keeps last is
//! the conflict. Whole workloads are tried first, so that a conflict speaks of as few of them as possible; of several
//! conflicts the one with the fewest members is told.
//!
//! A named workload stands for its configuration as written, and the safety margins stand as written too: those of them
//! that would open a plan when dropped are listed besides. So does the number of devices that a unit may hold, where it is
//! more than the one that silence means.

use super::ask::{Asker, Verdict};
use super::constraints::{Constraint, Kind, plain};
use crate::scenario::{Document, Path};
use crate::yaml::Value;

/// Orders that are tried besides the first two.
const OTHER_ORDERS: usize = 8;

/// A conflict by the indices of its members, with the scenario in which nothing else constrains.
#[derive(Debug, Clone)]
pub(super) struct Core {
    pub(super) members: Vec<usize>,
    pub(super) doc: Document,
}

fn impossible(asker: &Asker<'_>, doc: &Document) -> bool {
    asker.ask(doc) == Verdict::Impossible
}

fn opens(asker: &Asker<'_>, doc: &Document, constraint: &Constraint) -> bool {
    matches!(asker.ask_with(doc, &constraint.path, &constraint.drop), Verdict::Found(_))
}

/// A smallest conflict that the filter finds in a document without a plan; nothing when the time runs out first.
pub(super) fn find(asker: &Asker<'_>, doc: &Document, constraints: &[Constraint]) -> Option<Core> {
    let order: Vec<usize> = (0..constraints.len()).filter(|&i| constraints[i].kind != Kind::Margin).collect();
    let workloads: Vec<usize> = order.iter().copied().filter(|&i| constraints[i].kind == Kind::Workload).collect();
    // A conflict that needs no word about copies and neighbours is the easier one to understand.
    let relations: Vec<usize> = order.iter().copied().filter(|&i| constraints[i].kind == Kind::Relation).collect();
    let simple = without(doc, constraints, &relations).filter(|d| !relations.is_empty() && impossible(asker, d));
    let whole = doc;
    let doc = simple.as_ref().unwrap_or(doc);
    let mut offered: Vec<Core> = Vec::new();
    // Workloads that cannot be had even alone each give a conflict of their own.
    for &only in &workloads {
        let alone = workloads.iter().filter(|&&i| i != only).try_fold(doc.clone(), |doc, &i| {
            if doc.get(&constraints[i].path).is_none() {
                return Some(doc);
            }
            doc.with(&constraints[i].path, constraints[i].drop.clone()).ok()
        });
        if let Some(alone) = alone
            && impossible(asker, &alone)
        {
            offered.push(filter(asker, &alone, constraints, &order));
        }
    }
    if offered.is_empty() {
        if !impossible(asker, doc) {
            return None;
        }
        offered.push(filter(asker, doc, constraints, &order));
        // Another order may end in a smaller conflict.
        let mut backwards = order.clone();
        backwards.sort_by_key(|&i| (constraints[i].kind, std::cmp::Reverse(i)));
        offered.push(filter(asker, doc, constraints, &backwards));
        // Or in one that does not rest on how many devices a unit may hold.
        for &first in order.iter().rev().take(OTHER_ORDERS) {
            if offered.iter().any(|core| stands_with_one_device(asker, core, constraints)) {
                break;
            }
            let rest = order.iter().copied().filter(|&i| i != first);
            let order: Vec<usize> = std::iter::once(first).chain(rest).collect();
            offered.push(filter(asker, doc, constraints, &order));
        }
    }
    // A conflict that rests on it is told in larger pieces where these are all that is in the way: workloads with their
    // targets, or, when several share the blame, what the user asks of them together.
    if !offered.iter().any(|core| stands_with_one_device(asker, core, constraints)) {
        for whole_pieces in [&[Kind::Target][..], &[Kind::Target, Kind::Workload, Kind::Site]] {
            let pieces = order.iter().copied().filter(|&i| !whole_pieces.contains(&constraints[i].kind));
            let members = filter(asker, whole, constraints, &pieces.collect::<Vec<_>>()).members;
            if !members.is_empty() && members.iter().all(|&i| opens(asker, whole, &constraints[i])) {
                offered = vec![Core { members, doc: whole.clone() }];
                break;
            }
        }
    }
    let mut core = offered
        .into_iter()
        .min_by_key(|core| (!stands_with_one_device(asker, core, constraints), core.members.len()))?;
    let margins = (0..constraints.len()).filter(|&i| {
        let constraint = &constraints[i];
        constraint.kind == Kind::Margin
            && core.doc.get(&constraint.path).is_some()
            && opens(asker, &core.doc, constraint)
    });
    let margins: Vec<usize> = margins.collect();
    core.members.extend(margins);
    Some(core)
}

fn filter(asker: &Asker<'_>, doc: &Document, constraints: &[Constraint], order: &[usize]) -> Core {
    let mut doc = doc.clone();
    let mut kept = Vec::new();
    for &i in order {
        let constraint = &constraints[i];
        // What went with another constraint need not be dropped.
        if doc.get(&constraint.path).is_none() {
            continue;
        }
        match doc.with(&constraint.path, constraint.drop.clone()) {
            Ok(without) if impossible(asker, &without) => doc = without,
            _ => kept.push(i),
        }
    }
    let below = |outer: &Path, inner: &Path| inner.0.len() > outer.0.len() && inner.0.starts_with(&outer.0);
    // A member below a workload or site names it already.
    let members = kept
        .iter()
        .copied()
        .filter(|&i| !kept.iter().any(|&j| below(&constraints[i].path, &constraints[j].path)))
        .collect();
    Core { members, doc }
}

/// Whether the conflict is still irreducible when a limit on the devices of a unit that is no member goes back to what
/// silence means: one device.
fn stands_with_one_device(asker: &Asker<'_>, core: &Core, constraints: &[Constraint]) -> bool {
    let silent: Vec<&Constraint> = constraints
        .iter()
        .enumerate()
        .filter(|(i, c)| c.kind == Kind::Devices && !core.members.contains(i) && core.doc.get(&c.path).is_some())
        .map(|(_, c)| c)
        .collect();
    if silent.is_empty() {
        return true;
    }
    let one = silent.iter().try_fold(core.doc.clone(), |doc, c| doc.with(&c.path, plain(Value::Null)).ok());
    one.is_some_and(|one| core.members.iter().all(|&i| opens(asker, &one, &constraints[i])))
}

/// The document with all members of a conflict dropped.
pub(super) fn without(doc: &Document, constraints: &[Constraint], members: &[usize]) -> Option<Document> {
    members.iter().try_fold(doc.clone(), |doc, &i| {
        if doc.get(&constraints[i].path).is_none() {
            return Some(doc);
        }
        doc.with(&constraints[i].path, constraints[i].drop.clone()).ok()
    })
}
