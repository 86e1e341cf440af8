//! All errors of a scenario: each is taken out of the tree as far as it goes, and what is left is read again.

use super::document::Document;
use crate::diag::{Diagnostic, Position};
use crate::yaml::{Node, Value};

/// Errors that are told at once; nobody reads more.
const MOST: usize = 20;

/// The first error and those that show once what is wrong has been taken out, in the order in which they were found. `next`
/// reads a document again; `stand_in` is a model that there is.
pub(super) fn all(
    doc: &Document,
    first: Diagnostic,
    stand_in: &str,
    next: impl Fn(&Document) -> Option<Diagnostic>,
) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    let mut mended: Vec<Position> = Vec::new();
    let mut doc = doc.clone();
    let mut error = Some(first);
    // Every round takes something out of the tree, so that it ends; the bound is for trees of thousands of errors.
    for _ in 0..MOST * 3 {
        let Some(found) = error.take() else { break };
        let ours = found.file() == Some(doc.file.as_str());
        let at = found.position().filter(|_| ours);
        // The text of the whole file stays what the carets point into.
        let group = at.and_then(|at| take_out(&mut doc.root, at, stand_in));
        // What was taken out may be what is missing now: only what holds in itself is told of a group that was mended.
        let known = |place: Option<Position>| place.is_some_and(|place| mended.contains(&place));
        let told = errors.is_empty() || found.is_in_itself() || !(known(group) || known(at));
        if told {
            errors.push(found);
        }
        let Some(group) = group else { break };
        if errors.len() == MOST {
            break;
        }
        mended.push(group);
        error = next(&doc);
    }
    errors
}

/// Takes out the smallest part of a tree that an error at a place is about; the place of the group of keys that it belonged
/// to: a workload, limits, the scenario. A model is replaced in place of being taken out: without one nothing else of its
/// workload could be read.
fn take_out(root: &mut Node, at: Position, stand_in: &str) -> Option<Position> {
    let place = root.at.unwrap_or(Position { line: 1, column: 1 });
    take(root, at, place, stand_in)
}

fn take(node: &mut Node, at: Position, group: Position, stand_in: &str) -> Option<Position> {
    match &mut node.value {
        Value::Map(entries) => {
            if let Some(i) = entries.iter().position(|(key, value)| key.at == Some(at) || value.at == Some(at)) {
                let (key, value) = &mut entries[i];
                if key.text() == Some("model") && value.text().is_some_and(|model| model != stand_in) {
                    value.value = Value::Text(stand_in.to_owned());
                } else {
                    entries.remove(i);
                }
                return Some(group);
            }
            // Targets and the like belong to their workload: what is missing in one may be wrong in the other.
            entries.iter_mut().find_map(|(_, value)| match value.value {
                Value::List(_) | Value::Map(_) => take(value, at, group, stand_in),
                _ => None,
            })
        }
        Value::List(items) => {
            if let Some(i) = items.iter().position(|item| item.at == Some(at)) {
                match &mut items[i].value {
                    // A workload without a model: others may name it.
                    Value::Map(entries) if has(entries, "name") && !has(entries, "model") => {
                        let model = |text: &str| Node { at: Some(at), value: Value::Text(text.to_owned()) };
                        entries.push((model("model"), model(stand_in)));
                    }
                    _ => drop(items.remove(i)),
                }
                return Some(group);
            }
            items.iter_mut().find_map(|item| {
                let own = item.at.unwrap_or(group);
                take(item, at, own, stand_in)
            })
        }
        _ => None,
    }
}

fn has(entries: &[(Node, Node)], key: &str) -> bool {
    entries.iter().any(|(k, _)| k.text() == Some(key))
}
