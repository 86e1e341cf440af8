//! A scenario as written: a tree with positions, addressed and edited by paths.

use std::fmt;
use std::str::FromStr;

use crate::diag::{Diagnostic, Position};
use crate::yaml::{self, Node, Value};

/// A scenario file as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its path, for messages.
    pub file: String,
    /// Its text, for carets.
    pub text: String,
    /// Its content.
    pub root: Node,
}

/// The address of a value: keys joined by dots, list elements by their name or else their index
/// (`sites.robot.workloads.planner.targets.decode_tok_s`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(pub Vec<String>);

/// Why a path leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no `{segment}` in `{path}`{}", .near.as_ref().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
pub struct PathError {
    /// The whole path.
    pub path: String,
    /// The first part that is not there.
    pub segment: String,
    /// The nearest one that is.
    pub near: Option<String>,
}

impl Path {
    /// The path one level further down.
    #[must_use]
    pub fn join(&self, segment: impl Into<String>) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment.into());
        Self(segments)
    }
}

impl FromStr for Path {
    type Err = Diagnostic;

    fn from_str(text: &str) -> Result<Self, Diagnostic> {
        let segments: Vec<String> = text.split('.').map(str::to_owned).collect();
        if segments.iter().any(String::is_empty) {
            return Err(Diagnostic::error(format!("`{text}` is not a path: keys joined by single dots are expected")));
        }
        Ok(Self(segments))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.join("."))
    }
}

impl Document {
    /// Parses a scenario's text.
    ///
    /// # Errors
    /// What is wrong with it as YAML, with the line.
    pub fn parse(file: &str, text: &str) -> Result<Self, Diagnostic> {
        let root = yaml::parse_tree(text, file)?;
        Ok(Self { file: file.to_owned(), text: text.to_owned(), root })
    }

    /// An error at a place of this file.
    #[must_use]
    pub fn error(&self, at: Option<Position>, message: impl Into<String>) -> Diagnostic {
        let diagnostic = Diagnostic::error(message).in_file(&self.file);
        match at {
            Some(at) => diagnostic.at(at).with_source(&self.text),
            None => diagnostic,
        }
    }

    /// The value at a path.
    #[must_use]
    pub fn get(&self, path: &Path) -> Option<&Node> {
        let mut node = &self.root;
        let mut rest = path.0.as_slice();
        while !rest.is_empty() {
            let (taken, child) = child(node, rest)?;
            node = child;
            rest = &rest[taken..];
        }
        Some(node)
    }

    /// The document with the value at a path replaced, added, or (for `null`) removed.
    ///
    /// Removing a workload also removes it from the `apart_from` and `together_with` of the others.
    ///
    /// # Errors
    /// [`PathError`] when a part of the path other than the last key is not there and cannot be made (a list element).
    pub fn with(&self, path: &Path, value: Node) -> Result<Self, PathError> {
        let mut changed = self.clone();
        set(&mut changed.root, &path.0, value, path)?;
        changed.forget_removed_workloads();
        Ok(changed)
    }

    fn forget_removed_workloads(&mut self) {
        let Value::Map(top) = &mut self.root.value else { return };
        let has_sites = top.iter().any(|(k, _)| k.text() == Some("sites"));
        if has_sites {
            for (key, sites) in top {
                if let (Some("sites"), Value::List(sites)) = (key.text(), &mut sites.value) {
                    for site in sites {
                        if let Value::Map(site) = &mut site.value {
                            prune_relations(site);
                        }
                    }
                }
            }
        } else {
            prune_relations(top);
        }
    }
}

fn prune_relations(site: &mut [(Node, Node)]) {
    let Some((_, workloads)) = site.iter_mut().find(|(k, _)| k.text() == Some("workloads")) else { return };
    let Value::List(workloads) = &mut workloads.value else { return };
    let names: Vec<String> = workloads.iter().filter_map(|w| name_of(w).map(ToOwned::to_owned)).collect();
    for workload in workloads {
        let Value::Map(entries) = &mut workload.value else { continue };
        for (key, value) in entries.iter_mut() {
            if matches!(key.text(), Some("apart_from" | "together_with")) {
                match &mut value.value {
                    Value::List(items) => items.retain(|i| i.text().is_none_or(|t| names.iter().any(|n| n == t))),
                    Value::Text(one) if !names.contains(one) => value.value = Value::List(Vec::new()),
                    _ => {}
                }
            }
        }
        entries.retain(|(k, v)| {
            !(matches!(k.text(), Some("apart_from" | "together_with")) && v.value == Value::List(Vec::new()))
        });
    }
}

/// What a list element is called: its `name`, or its own text.
fn name_of(element: &Node) -> Option<&str> {
    match &element.value {
        Value::Map(entries) => entries.iter().find(|(k, _)| k.text() == Some("name")).and_then(|(_, v)| v.text()),
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// How many segments the element that they name takes (names may hold dots), and its index.
fn element(items: &[Node], segments: &[String]) -> Option<(usize, usize)> {
    for taken in (1..=segments.len()).rev() {
        let name = segments[..taken].join(".");
        if let Some(i) = items.iter().position(|n| name_of(n) == Some(&name)) {
            return Some((taken, i));
        }
    }
    segments[0].parse().ok().filter(|&i: &usize| i < items.len()).map(|i| (1, i))
}

fn child<'a>(node: &'a Node, segments: &[String]) -> Option<(usize, &'a Node)> {
    match &node.value {
        Value::Map(entries) => {
            entries.iter().find(|(k, _)| k.text() == Some(&segments[0])).map(|(_, value)| (1, value))
        }
        Value::List(items) => element(items, segments).map(|(taken, i)| (taken, &items[i])),
        _ => None,
    }
}

fn set(node: &mut Node, segments: &[String], value: Node, path: &Path) -> Result<(), PathError> {
    let missing = |near: Option<&str>| PathError {
        path: path.to_string(),
        segment: segments[0].clone(),
        near: near.map(ToOwned::to_owned),
    };
    if node.value == Value::Null {
        node.value = Value::Map(Vec::new());
    }
    match &mut node.value {
        Value::Map(entries) => {
            let found = entries.iter().position(|(k, _)| k.text() == Some(&segments[0]));
            if segments.len() == 1 {
                match (found, value.value == Value::Null) {
                    (Some(i), true) => {
                        entries.remove(i);
                    }
                    (Some(i), false) => entries[i].1 = value,
                    (None, true) => {}
                    (None, false) => entries.push((key(&segments[0]), value)),
                }
                return Ok(());
            }
            let i = found.unwrap_or_else(|| {
                entries.push((key(&segments[0]), Node { at: None, value: Value::Map(Vec::new()) }));
                entries.len() - 1
            });
            set(&mut entries[i].1, &segments[1..], value, path)
        }
        Value::List(items) => {
            let Some((taken, i)) = element(items, segments) else {
                let near = crate::names::nearest(&segments[0], items.iter().filter_map(name_of));
                return Err(missing(near));
            };
            if taken < segments.len() {
                set(&mut items[i], &segments[taken..], value, path)
            } else if value.value == Value::Null {
                items.remove(i);
                Ok(())
            } else {
                items[i] = value;
                Ok(())
            }
        }
        _ => Err(missing(None)),
    }
}

fn key(text: &str) -> Node {
    Node { at: None, value: Value::Text(text.to_owned()) }
}
