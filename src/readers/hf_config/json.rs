//! Untrusted JSON: what Python's writer may emit, and typed access that notes every default it had to use.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::diag::Diagnostic;

/// The largest published configuration is some 200 KB (lists per layer and label tables).
const MAX_TEXT: usize = 8 << 20;

/// No dimension of any published model comes near: it keeps every product of five of them inside 128 bits.
const MAX_NUMBER: u64 = 1 << 24;

/// Parses JSON as Python writes it: `NaN`, `Infinity` and `-Infinity` may stand where numbers do, and are read as absent.
pub(crate) fn parse(text: &str, file: &str) -> Result<Map<String, Value>, Diagnostic> {
    if text.len() > MAX_TEXT {
        let message = format!("the file has {} bytes, at most {MAX_TEXT} are read", text.len());
        return Err(Diagnostic::error(message).in_file(file));
    }
    let text = text.trim_start_matches('\u{feff}');
    let plain = without_non_numbers(text);
    match serde_json::from_str(&plain) {
        Ok(Value::Object(map)) => match serde_json::from_str::<Once>(&plain) {
            Ok(_) => Ok(map),
            Err(error) => Err(Diagnostic::json("no configuration", &error, text, file)),
        },
        Ok(_) => Err(Diagnostic::error("expected a JSON object").in_file(file)),
        Err(error) => Err(Diagnostic::json("invalid JSON", &error, text, file)),
    }
}

/// A value in which no key is defined twice: which of the two is meant nobody knows.
struct Once;

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OnceVisitor)
    }
}

struct OnceVisitor;

impl<'de> Visitor<'de> for OnceVisitor {
    type Value = Once;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Once, A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value::<Once>()?;
            if let Some(twice) = seen.replace(key) {
                return Err(de::Error::custom(format!("`{twice}` is defined twice")));
            }
        }
        Ok(Once)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Once, A::Error> {
        while list.next_element::<Once>()?.is_some() {}
        Ok(Once)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_str<E>(self, _: &str) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_unit<E>(self) -> Result<Once, E> {
        Ok(Once)
    }
}

/// Replaces the words by `null`, padded to the same length so that positions in messages stay right.
fn without_non_numbers(text: &str) -> String {
    const WORDS: [(&str, &str); 3] = [("-Infinity", "null     "), ("Infinity", "null    "), ("NaN", "0.0")];
    let mut out = String::with_capacity(text.len());
    let (mut quoted, mut rest) = (false, text);
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        if quoted {
            if c == '\\' {
                taken += rest[taken..].chars().next().map_or(0, char::len_utf8);
            }
            quoted = c != '"';
        } else if c == '"' {
            quoted = true;
        } else if let Some((word, null)) = WORDS.iter().find(|(word, _)| rest.starts_with(word)) {
            out.push_str(null);
            rest = &rest[word.len()..];
            continue;
        }
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    out
}

/// What went wrong, without the file's name.
pub(super) type Read<T> = Result<T, String>;

/// Everything that had to be assumed, in order and once each.
#[derive(Debug, Default)]
pub(super) struct Notes(RefCell<Vec<String>>);

impl Notes {
    pub(super) fn add(&self, note: String) {
        let mut notes = self.0.borrow_mut();
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    pub(super) fn into_inner(self) -> Vec<String> {
        self.0.into_inner()
    }
}

/// The value of a key that a configuration leaves out because it equals the default of the model's class.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fallback {
    /// A number.
    N(u32),
    /// `true` or `false`.
    Is(bool),
}

/// A JSON object with typed access. Several names mean the same thing: the first that is present and not null counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    defaults: &'static [(&'static str, Fallback)],
    of: &'a str,
    notes: &'a Notes,
}

impl<'a> Fields<'a> {
    pub(super) const fn new(map: &'a Map<String, Value>, notes: &'a Notes) -> Self {
        Self { map, defaults: &[], of: "", notes }
    }

    /// The same object, with the defaults of a model's class for the keys that it leaves out.
    pub(super) const fn with_defaults(self, of: &'a str, defaults: &'static [(&'static str, Fallback)]) -> Self {
        Self { defaults, of, ..self }
    }

    pub(super) fn note(&self, note: impl Into<String>) {
        self.notes.add(note.into());
    }

    pub(super) fn raw(&self, names: &[&str]) -> Option<&'a Value> {
        names.iter().find_map(|name| self.map.get(*name).filter(|v| !v.is_null()))
    }

    /// Whether both stand for one JSON object.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq(self.map, other.map)
    }

    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.raw(names).is_some()
    }

    /// The object under the first of these names that holds one.
    pub(super) fn child(&self, names: &[&str]) -> Option<Self> {
        names.iter().find_map(|name| match self.map.get(*name) {
            Some(Value::Object(map)) => Some(Self { map, defaults: &[], of: "", notes: self.notes }),
            _ => None,
        })
    }

    /// The first object among the values.
    pub(super) fn first_child(&self) -> Option<Self> {
        self.map.values().find_map(|value| match value {
            Value::Object(map) => Some(Self { map, defaults: &[], of: "", notes: self.notes }),
            _ => None,
        })
    }

    fn default(&self, names: &[&str]) -> Option<(&'static str, Fallback)> {
        self.defaults.iter().find(|(key, _)| names.contains(key)).copied()
    }

    fn number(names: &[&str], value: &Value) -> Read<u32> {
        let whole = match value {
            // "Yes" where one is meant.
            Value::Bool(yes) => Some(u64::from(*yes)),
            Value::Number(n) => n.as_u64().or_else(|| {
                n.as_f64().filter(|f| f.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(f)).map(|f| f as u64)
            }),
            _ => None,
        };
        match whole {
            Some(n) if n <= MAX_NUMBER => Ok(n as u32),
            Some(n) => Err(format!("`{}` is {n}, at most {MAX_NUMBER} is read", names[0])),
            None => Err(format!("`{}` is {}, expected a whole number", names[0], shown(value))),
        }
    }

    /// The longest context that a file states, which may be written as a very large number for "any".
    pub(super) fn context(&self, names: &[&str]) -> Option<u64> {
        let value = self.raw(names)?;
        let tokens = value.as_u64().or_else(|| value.as_f64().filter(|f| *f >= 1.0).map(|f| f as u64));
        tokens.filter(|&n| n > 0 && n <= 1 << 40)
    }

    /// A number that may be absent.
    pub(super) fn optional(&self, names: &[&str]) -> Read<Option<u32>> {
        if let Some(value) = self.raw(names) {
            return Self::number(names, value).map(Some);
        }
        Ok(match self.default(names) {
            Some((key, Fallback::N(n))) => {
                self.note(format!("`{key}` is absent: {n}, the default of {}", self.of));
                Some(n)
            }
            _ => None,
        })
    }

    /// The side of a square, which may be written as height and width; of a rectangle the longer one counts.
    pub(super) fn side(&self, names: &[&str]) -> Read<Option<u32>> {
        match self.raw(names) {
            Some(Value::Object(sides)) => {
                let longest = ["height", "width", "longest_edge", "shortest_edge"]
                    .iter()
                    .filter_map(|k| sides.get(*k))
                    .max_by_key(|v| v.as_u64());
                longest.map(|side| Self::number(names, side)).transpose()
            }
            _ => match self.numbers(names)? {
                Some(sides) => Ok(sides.into_iter().max()),
                None => self.optional(names),
            },
        }
    }

    /// A number without which nothing can be said.
    pub(super) fn need(&self, names: &[&str]) -> Read<u32> {
        self.optional(names)?.ok_or_else(|| format!("`{}` is missing", names[0]))
    }

    /// A number with a value that is assumed, and noted, when it is absent.
    pub(super) fn assume(&self, names: &[&str], value: u32) -> Read<u32> {
        match self.optional(names)? {
            Some(n) => Ok(n),
            None => {
                self.note(format!("`{}` is absent: {value} assumed", names[0]));
                Ok(value)
            }
        }
    }

    /// A number that is 0 when absent, as "none of it" is written.
    pub(super) fn or_zero(&self, names: &[&str]) -> Read<u32> {
        Ok(self.optional(names)?.unwrap_or(0))
    }

    /// A switch; absent unless given or a default of the model's class.
    pub(super) fn flag(&self, names: &[&str]) -> Read<Option<bool>> {
        match self.raw(names) {
            Some(Value::Bool(b)) => Ok(Some(*b)),
            Some(Value::Number(n)) if n.as_u64() == Some(0) => Ok(Some(false)),
            Some(Value::Number(n)) if n.as_u64() == Some(1) => Ok(Some(true)),
            Some(other) => Err(format!("`{}` is {}, expected true or false", names[0], shown(other))),
            None => Ok(match self.default(names) {
                Some((_, Fallback::Is(b))) => Some(b),
                _ => None,
            }),
        }
    }

    /// A switch that is off when absent.
    pub(super) fn is(&self, names: &[&str]) -> Read<bool> {
        Ok(self.flag(names)?.unwrap_or(false))
    }

    pub(super) fn text(&self, names: &[&str]) -> Option<&'a str> {
        self.raw(names).and_then(Value::as_str)
    }

    /// A fraction such as an expansion factor.
    pub(super) fn real(&self, names: &[&str]) -> Option<f64> {
        self.raw(names).and_then(Value::as_f64).filter(|f| f.is_finite())
    }

    /// A list of numbers, where the key holds a list.
    pub(super) fn numbers(&self, names: &[&str]) -> Read<Option<Vec<u32>>> {
        match self.raw(names) {
            Some(Value::Array(items)) => {
                items.iter().map(|v| Self::number(names, v)).collect::<Read<Vec<_>>>().map(Some)
            }
            _ => Ok(None),
        }
    }

    /// A list of words, where the key holds one.
    pub(super) fn words(&self, names: &[&str]) -> Option<Vec<&'a str>> {
        match self.raw(names) {
            Some(Value::Array(items)) => items.iter().map(Value::as_str).collect(),
            _ => None,
        }
    }

    /// A list of objects, where the key holds one.
    pub(super) fn objects(&self, names: &[&str]) -> Option<Vec<Self>> {
        match self.raw(names) {
            Some(Value::Array(items)) => items
                .iter()
                .map(|v| match v {
                    Value::Object(map) => Some(Self { map, defaults: &[], of: "", notes: self.notes }),
                    _ => None,
                })
                .collect(),
            _ => None,
        }
    }
}

/// A value in a message, shortened.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 40 { text.chars().take(40).chain("...".chars()).collect() } else { text }
}
