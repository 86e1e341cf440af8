//! Looks for entries that cannot be true: more bandwidth than the memory type allows, parameters that the dimensions do not
//! lead to, prices without a date.
//!
//! An entry that loads may still be wrong; a finding here is always wrong, or lacks what makes it usable. Facts that are only
//! unlikely are not reported.

mod devices;
mod memory_type;
mod others;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::Catalog;
use crate::names::folded;

/// A value that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The entry, with its kind: ``device `rtx-4090` ``.
    pub entry: String,
    /// The key in the catalog file (`memory.visible_mib`, `modes.MAXN.bandwidth_gb_s`).
    pub field: String,
    /// What it says.
    pub value: String,
    /// What it could say at most, or should say.
    pub limit: String,
    /// Why anything else is impossible.
    pub why: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entry, field, value, limit, why } = self;
        write!(f, "{entry}: `{field}` is {value}, expected {limit}: {why}")
    }
}

/// Everything impossible in the catalogs, in catalog order.
#[must_use]
pub fn check(catalog: &Catalog) -> Vec<Finding> {
    let mut report = Report::default();
    devices::check(catalog, &mut report);
    others::runtimes(catalog, &mut report);
    others::formats(catalog, &mut report);
    others::kv_types(catalog, &mut report);
    others::os_images(catalog, &mut report);
    others::models(catalog, &mut report);
    report.findings
}

/// Findings so far, and the entry that is being looked at.
#[derive(Default)]
struct Report {
    entry: String,
    findings: Vec<Finding>,
}

impl Report {
    fn enter(&mut self, kind: &str, id: &str) {
        self.entry = format!("{kind} `{id}`");
    }

    fn add(&mut self, field: impl Into<String>, value: impl fmt::Display, limit: impl fmt::Display, why: &str) {
        self.findings.push(Finding {
            entry: self.entry.clone(),
            field: field.into(),
            value: value.to_string(),
            limit: limit.to_string(),
            why: why.to_owned(),
        });
    }

    /// A finding unless the number lies in the range; a number that is none never does.
    fn within(&mut self, field: &str, value: Option<f64>, range: (f64, f64), why: &str) {
        if let Some(value) = value
            && !(range.0..=range.1).contains(&value)
        {
            self.add(field, value, format!("{} to {}", range.0, range.1), why);
        }
    }

    /// A finding when the number is above a limit by more than rounding.
    fn at_most(&mut self, field: &str, value: Option<f64>, limit: Option<f64>, why: &str) {
        const ROUNDING: f64 = 1.02;
        if let (Some(value), Some(limit)) = (value, limit)
            && value > limit * ROUNDING
        {
            self.add(field, value, format!("at most {limit:.1}"), why);
        }
    }

    /// A finding when no day, month or year can be read.
    fn dated(&mut self, field: &str, date: Option<&str>) {
        if !date.is_some_and(is_date) {
            self.add(field, date.unwrap_or("absent"), "a date such as 2026-08-05, 2026-08 or 2026", "prices move");
        }
    }

    /// A finding for every name that stands for two entries of a kind.
    fn names<'a>(&mut self, kind: &str, names: impl Iterator<Item = (&'a str, &'a str)>) {
        let mut owners: BTreeMap<String, &str> = BTreeMap::new();
        for (owner, name) in names {
            match owners.insert(folded(name), owner) {
                Some(other) if other != owner => {
                    self.enter(kind, owner);
                    self.add(
                        "aliases",
                        name,
                        format!("a name that {other} does not have"),
                        "a name must lead to one entry",
                    );
                }
                _ => {}
            }
        }
    }
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number = |i: usize, digits: usize, low: u32, high: u32| match parts.get(i) {
        None => true,
        Some(part) => {
            part.len() == digits
                && part.bytes().all(|b| b.is_ascii_digit())
                && part.parse::<u32>().is_ok_and(|n| (low..=high).contains(&n))
        }
    };
    parts.len() <= 3 && number(0, 4, 1990, 2100) && number(1, 2, 1, 12) && number(2, 2, 1, 31)
}
