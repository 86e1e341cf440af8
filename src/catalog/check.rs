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
use super::schema::CatalogFile;
use crate::diag::Diagnostic;
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
    others::losses(catalog, &mut report);
    others::os_images(catalog, &mut report);
    others::models(catalog, &mut report);
    report.findings
}

/// What is impossible in the entries that overlays have. What an entry only lacks (the date of a price) is no reason not to
/// plan with it.
///
/// # Errors
/// All of it in one diagnostic about the first such file.
pub fn overlays(catalog: &Catalog) -> Result<(), Diagnostic> {
    let found: Vec<Finding> =
        check(catalog).into_iter().filter(|f| f.value != ABSENT && catalog.overlay_of(&f.entry).is_some()).collect();
    let Some(first) = found.first() else { return Ok(()) };
    let file = catalog.overlay_of(&first.entry).unwrap_or_default();
    let mut error = Diagnostic::error(first.to_string()).in_file(file);
    for finding in found.iter().take(SHOWN).skip(1) {
        error = error.hint(finding.to_string());
    }
    if found.len() > SHOWN {
        error = error.hint(format!("and {} more: see `edgemem catalog check`", found.len() - SHOWN));
    }
    Err(error)
}

/// Findings that are named at once.
const SHOWN: usize = 10;
/// The value of what is not there.
const ABSENT: &str = "absent";

/// The entries of a catalog file as findings name them.
pub(super) fn entries(file: &CatalogFile) -> impl Iterator<Item = String> {
    let devices = file.devices.iter().map(|e| entry("device", &e.id));
    let models = file.models.iter().map(|e| entry("model", &e.id));
    let formats = file.formats.iter().map(|e| entry("format", &e.id));
    let runtimes = file.runtimes.iter().map(|e| entry("runtime", &e.id));
    devices
        .chain(models)
        .chain(formats)
        .chain(runtimes)
        .chain(file.os_images.iter().map(|e| entry("operating system image", &e.id)))
}

fn entry(kind: &str, id: &str) -> String {
    format!("{kind} `{id}`")
}

/// Findings so far, and the entry that is being looked at.
#[derive(Default)]
struct Report {
    entry: String,
    findings: Vec<Finding>,
}

impl Report {
    fn enter(&mut self, kind: &str, id: &str) {
        self.entry = entry(kind, id);
        if id.is_empty() || id.trim() != id || id.chars().any(crate::visible::is_control) {
            self.add("id", format!("`{id}`"), "a name", "nobody could write it");
        }
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
            self.add(field, date.unwrap_or(ABSENT), "a date such as 2026-08-05, 2026-08 or 2026", "prices move");
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
