//! The only module that knows the YAML crate: strict parsing into typed values or into a tree with positions.

use serde::de::{self, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};
use serde_saphyr::{Error, Options, Spanned};

use crate::diag::{Diagnostic, Position};

/// Scenarios are written by hand: a megabyte is already a mistake.
const MAX_SCENARIO: usize = 1 << 20;
/// Catalog overlays may hold thousands of entries.
const MAX_CATALOG: usize = 16 << 20;

/// A YAML value with the place where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it begins in the file; absent for values that come from the command line.
    pub at: Option<Position>,
    /// What it is.
    pub value: Value,
}

/// What a YAML node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a point or an exponent.
    Float(f64),
    /// Anything else that is not a collection.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys and values in file order.
    Map(Vec<(Node, Node)>),
}

impl Value {
    /// What kind of thing it is, for "expected a number, found a list".
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a group of keys",
        }
    }
}

impl Node {
    /// The key's own text, when this node is a key.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Parses a scenario into a tree with positions.
///
/// # Errors
/// What is wrong, with its line: syntax, duplicate keys, merge keys, several documents, too large.
pub fn parse_tree(text: &str, file: &str) -> Result<Node, Diagnostic> {
    let spanned: Spanned<Tree> = parse(text, file, MAX_SCENARIO)?;
    Ok(node(spanned))
}

/// Parses a catalog file into its type.
///
/// # Errors
/// What is wrong, with its line.
pub fn parse_catalog<T: DeserializeOwned>(text: &str, file: &str) -> Result<T, Diagnostic> {
    parse(text, file, MAX_CATALOG)
}

/// Parses one value given on the command line (`--set PATH=VALUE`).
///
/// # Errors
/// What is wrong with it.
pub fn parse_value(text: &str) -> Result<Node, Diagnostic> {
    let mut parsed = parse_tree(text, "--set")?;
    forget_positions(&mut parsed);
    Ok(parsed)
}

/// Writes a value as YAML.
///
/// # Errors
/// A message when the value cannot be written as YAML (a map with keys that are no scalars).
pub fn to_string<T: Serialize>(value: &T) -> Result<String, String> {
    serde_saphyr::to_string(value).map_err(|e| e.to_string())
}

fn forget_positions(node: &mut Node) {
    node.at = None;
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(forget_positions),
        Value::Map(entries) => entries.iter_mut().for_each(|(k, v)| {
            forget_positions(k);
            forget_positions(v);
        }),
        _ => {}
    }
}

fn parse<T: DeserializeOwned>(text: &str, file: &str, max: usize) -> Result<T, Diagnostic> {
    if text.len() > max {
        return Err(
            Diagnostic::error(format!("the file has {} bytes, at most {max} are read", text.len())).in_file(file)
        );
    }
    serde_saphyr::from_str_with_options(text, options()).map_err(|e| diagnostic(&e, text, file))
}

fn options() -> Options {
    serde_saphyr::options! {
        strict_booleans: true,
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        with_snippet: false,
        underscored_numbers_as_strings: true,
        budget: serde_saphyr::budget! { max_nodes: 4_000_000, max_events: 12_000_000, max_total_scalar_bytes: 64 << 20 },
    }
}

fn diagnostic(error: &Error, text: &str, file: &str) -> Diagnostic {
    let plain = error.without_snippet();
    let mut message = plain.to_string();
    // The crate appends the position in words; the caret says it better.
    if let Some(cut) = message.find(" at line ") {
        message.truncate(cut);
    }
    let names = expected_names(&message);
    let mut diagnostic = Diagnostic::error(in_our_words(message)).in_file(file);
    if let Some((wanted, valid)) = &names {
        diagnostic = diagnostic.did_you_mean(wanted, valid.iter().map(String::as_str));
    }
    match error.location() {
        Some(at) if at.line() > 0 => {
            diagnostic.at(Position { line: at.line() as u32, column: at.column() as u32 }).with_source(text)
        }
        _ => diagnostic,
    }
}

/// The crate's messages that speak of its own settings say instead what is wrong with the file.
fn in_our_words(message: String) -> String {
    if let Some(key) = message.strip_prefix("duplicate mapping key: ").and_then(|rest| rest.split(',').next()) {
        format!("`{key}` is defined twice")
    } else if message.starts_with("multiple YAML documents") {
        "the file holds several documents, one is expected".to_owned()
    } else if message.starts_with("YAML merge keys") {
        "merge keys (`<<`) are not read: write the keys out".to_owned()
    } else if message.starts_with("non-finite float") {
        "a number must be finite".to_owned()
    } else if message.starts_with("expected sequence start") {
        "a list is expected".to_owned()
    } else if message.starts_with("expected mapping start") {
        "a group of keys is expected".to_owned()
    } else if message.starts_with("recursion limit") {
        "lists and groups stand too deep in one another".to_owned()
    } else if message.contains("RecordedAnchor") || message.contains("alias") {
        "aliases (`*`) make far more of the file than it holds: write the values out".to_owned()
    } else if message.starts_with("budget breached") {
        "the file holds more than is read of one".to_owned()
    } else {
        message
    }
}

/// The name that was found and those that would do, from serde's message about an unknown key or value.
fn expected_names(message: &str) -> Option<(String, Vec<String>)> {
    let rest = message.strip_prefix("unknown field ").or_else(|| message.strip_prefix("unknown variant "))?;
    let (found, valid) = rest.split_once(", expected ")?;
    let valid = valid.strip_prefix("one of ").unwrap_or(valid).replace(" or ", ", ");
    let plain = |name: &str| name.trim_matches('`').to_owned();
    Some((plain(found), valid.split(", ").map(plain).collect()))
}

/// A value as serde sees it; [`Spanned`] adds where it stands.
#[derive(Debug, Clone)]
enum Tree {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Tree>>),
    Map(Vec<(Spanned<String>, Spanned<Tree>)>),
}

fn position(location: &serde_saphyr::Location) -> Option<Position> {
    (location.line() > 0).then(|| Position { line: location.line() as u32, column: location.column() as u32 })
}

fn node(tree: Spanned<Tree>) -> Node {
    let value = match tree.value {
        Tree::Null => Value::Null,
        Tree::Bool(b) => Value::Bool(b),
        Tree::Integer(i) => Value::Integer(i),
        Tree::Float(f) => Value::Float(f),
        Tree::Text(t) => Value::Text(t),
        Tree::List(items) => Value::List(items.into_iter().map(node).collect()),
        Tree::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(k, v)| (Node { at: position(&k.referenced), value: Value::Text(k.value) }, node(v)))
                .collect(),
        ),
    };
    Node { at: position(&tree.referenced), value }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_bool<E>(self, b: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(b))
    }

    fn visit_i64<E>(self, i: i64) -> Result<Tree, E> {
        Ok(Tree::Integer(i))
    }

    fn visit_u64<E: de::Error>(self, i: u64) -> Result<Tree, E> {
        i64::try_from(i).map(Tree::Integer).map_err(|_| E::custom(format!("{i} is above the maximum of {}", i64::MAX)))
    }

    fn visit_f64<E: de::Error>(self, f: f64) -> Result<Tree, E> {
        if f.is_finite() { Ok(Tree::Float(f)) } else { Err(E::custom("a number must be finite")) }
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Tree, E> {
        Ok(Tree::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Tree::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_kind_and_place() {
        let tree = parse_tree("a: 1\nb: [x, 2.5, \"7\", true, ~]\nc:\n  d: 25%\n", "t.yaml").unwrap();
        let Value::Map(entries) = tree.value else { panic!("no map") };
        assert_eq!(entries[0].1.value, Value::Integer(1));
        assert_eq!(entries[0].1.at, Some(Position { line: 1, column: 4 }));
        let Value::List(items) = &entries[1].1.value else { panic!("no list") };
        let kinds: Vec<_> = items.iter().map(|i| i.value.clone()).collect();
        assert_eq!(
            kinds,
            [Value::Text("x".into()), Value::Float(2.5), Value::Text("7".into()), Value::Bool(true), Value::Null]
        );
        let Value::Map(inner) = &entries[2].1.value else { panic!("no map") };
        assert_eq!(inner[0].1.value, Value::Text("25%".into()));
        assert_eq!(inner[0].0.at, Some(Position { line: 4, column: 3 }));
    }

    #[test]
    fn what_yaml_lets_slip_is_refused() {
        for bad in ["a: 1\na: 2\n", "a: &x {b: 1}\nc:\n  <<: *x\n", "a: .nan\n", "a: 1\n---\nb: 2\n", "a: [1\n"] {
            assert!(parse_tree(bad, "t.yaml").is_err(), "{bad:?} was accepted");
        }
        let deep = "[".repeat(200_000);
        assert!(parse_tree(&deep, "t.yaml").is_err());
    }
}
