//! What changes when a scenario, the facts or the prices change: two plans compared, and sweeps over one or two values.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::build::build;
use super::explain::{Unit, Verdict, number::Grid, verdict};
use super::plan::{Plan, PlannedSite};
use crate::candidates::{Memo, Options, generate_with, screen};
use crate::catalog::Catalog;
use crate::diag::Diagnostic;
use crate::figures::usd;
use crate::scenario::{Path, Scenario};
use crate::solve::{SearchLimits, Status};
use crate::units::{Milliwatts, Money};
use crate::yaml::{self, Node};

/// Points that a sweep may have.
const MAX_POINTS: usize = 100_000;
/// Steps that a range is cut into when no step is given.
const STEPS: i64 = 10;

/// One unit of a site class as bought and configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitView {
    /// Devices, each with mode and price paid.
    pub devices: Vec<(String, String, Money)>,
    /// Price of the unit.
    pub price: Money,
    /// Draw at full load, where known.
    pub power: Option<Milliwatts>,
    /// Each workload's copy: name, device, and configuration in words.
    pub workloads: Vec<(String, String, String)>,
}

impl UnitView {
    fn of(site: &PlannedSite<'_>) -> Self {
        let configuration = |w: &super::PlannedWorkload<'_>| {
            let c = &w.candidate;
            let kv = c.kv.map_or_else(String::new, |p| format!(", cache {}/{}", p.k.id(), p.v.id()));
            format!("{} on {}{kv}", c.format.id, c.runtime_id)
        };
        Self {
            devices: site.devices.iter().map(|d| (d.device.id.clone(), d.mode.id.clone(), d.unit_price)).collect(),
            price: site.devices.iter().map(|d| d.unit_price).sum(),
            power: site.devices.iter().map(|d| d.mode.power).try_fold(Milliwatts(0), |sum, p| p.map(|p| sum + p)),
            workloads: site
                .devices
                .iter()
                .flat_map(|d| {
                    d.workloads.iter().map(|w| (w.workload.name.clone(), d.device.id.clone(), configuration(w)))
                })
                .collect(),
        }
    }

    /// Devices and modes in words.
    #[must_use]
    pub fn devices_in_words(&self) -> String {
        self.devices.iter().map(|(d, m, _)| format!("{d} ({m})")).collect::<Vec<_>>().join(" + ")
    }

    /// Whether devices, modes and configurations are the same, whatever they cost.
    fn same_choice(&self, other: &Self) -> bool {
        let devices = |view: &Self| view.devices.iter().map(|(d, m, _)| (d.clone(), m.clone())).collect::<Vec<_>>();
        devices(self) == devices(other) && self.workloads == other.workloads
    }
}

/// What became of a site class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteChange {
    /// Name.
    pub site: String,
    /// Units before and after.
    pub counts: (Option<u64>, Option<u64>),
    /// Before; absent when there was no plan or no such site class.
    pub before: Option<UnitView>,
    /// After.
    pub after: Option<UnitView>,
}

impl SiteChange {
    /// Whether other devices, modes or configurations were chosen.
    #[must_use]
    pub fn changed(&self) -> bool {
        match (&self.before, &self.after) {
            (Some(a), Some(b)) => !a.same_choice(b),
            (a, b) => a.is_some() != b.is_some(),
        }
    }
}

/// Two plans compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// What is proven of each.
    pub status: (Status, Status),
    /// The objectives in dollars or watts.
    pub values: (Option<f64>, Option<f64>),
    /// Site class by site class.
    pub sites: Vec<SiteChange>,
    /// Why what was chosen is chosen no longer, and what changed in price.
    pub causes: Vec<String>,
    /// Whether the choice changed: a plan or none, devices, modes or configurations.
    pub changed: bool,
}

/// A plan with what it was made from.
#[derive(Debug, Clone, Copy)]
pub struct Side<'s, 'a> {
    /// The plan.
    pub plan: &'s Plan<'a>,
    /// The scenario.
    pub scenario: &'s Scenario,
    /// The facts.
    pub catalog: &'s Catalog,
}

/// Compares two plans.
#[must_use]
pub fn difference(old: &Side<'_, '_>, new: &Side<'_, '_>) -> Difference {
    let (before, after) = (old.plan, new.plan);
    let mut names: Vec<&str> = before.sites.iter().map(|s| s.name.as_str()).collect();
    for site in &after.sites {
        if !names.contains(&site.name.as_str()) {
            names.push(&site.name);
        }
    }
    let sites: Vec<SiteChange> = names
        .into_iter()
        .map(|name| {
            let find = |plan: &Plan<'_>| plan.sites.iter().find(|s| s.name == name).map(|s| (s.count, UnitView::of(s)));
            let (before, after) = (find(before), find(after));
            SiteChange {
                site: name.to_owned(),
                counts: (before.as_ref().map(|b| b.0), after.as_ref().map(|a| a.0)),
                before: before.map(|b| b.1),
                after: after.map(|a| a.1),
            }
        })
        .collect();
    let changed = before.sites.is_empty() != after.sites.is_empty() || sites.iter().any(SiteChange::changed);
    Difference {
        status: (before.status, after.status),
        values: (before.value, after.value),
        causes: causes(old, new, &sites),
        sites,
        changed,
    }
}

/// Which facts made the difference: prices that moved, devices that do no longer, or do now.
fn causes(old: &Side<'_, '_>, new: &Side<'_, '_>, sites: &[SiteChange]) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut note = |text: String| {
        if !causes.contains(&text) {
            causes.push(text);
        }
    };
    let has = |view: &Option<UnitView>, device: &str| view.iter().flat_map(|u| &u.devices).any(|(d, ..)| d == device);
    for change in sites {
        for (device, _, price) in change.before.iter().flat_map(|u| &u.devices) {
            let now = change.after.iter().flat_map(|u| &u.devices).find(|(d, ..)| d == device);
            if let Some((_, _, new)) = now.filter(|(_, _, new)| new != price) {
                note(format!("{device} costs {} instead of {}", usd(*new), usd(*price)));
            } else if now.is_none() {
                listed(old, new, device).into_iter().for_each(&mut note);
                if let Some(why) = refused(new, &change.site, device) {
                    note(format!("{device} no longer qualifies: {why}"));
                } else if let Some(after) = &change.after {
                    note(format!("{device} would still qualify; {} is better now", after.devices_in_words()));
                }
            }
        }
        for (device, _, _) in change.after.iter().flat_map(|u| &u.devices) {
            if change.before.is_some() && !has(&change.before, device) {
                listed(old, new, device).into_iter().for_each(&mut note);
                if let Some(why) = refused(old, &change.site, device) {
                    note(format!("{device} did not qualify before: {why}"));
                }
            }
        }
    }
    causes
}

/// How the price of a device moved between two catalogs.
fn listed(old: &Side<'_, '_>, new: &Side<'_, '_>, device: &str) -> Option<String> {
    let price = |side: &Side<'_, '_>| {
        let device = side.catalog.device(device).ok()?.0;
        Some((device.prices.first()?.price, device.price_date.clone()))
    };
    let ((was, _), (now, date)) = (price(old)?, price(new)?);
    let of = date.map_or_else(String::new, |d| format!(" (price date {d})"));
    (was != now).then(|| format!("{device} costs {}{of} instead of {}", usd(now), usd(was)))
}

/// Why a device may not serve a site class, when it may not.
fn refused(side: &Side<'_, '_>, site: &str, device: &str) -> Option<String> {
    let known = side.plan.rejected.iter().find(|r| r.device == device && r.site == site);
    if let Some(rejected) = known {
        return Some(rejected.why.to_string());
    }
    let Ok((fact, _)) = side.catalog.device(device) else { return Some("it is not in the catalogs".to_owned()) };
    let site = side.scenario.sites.iter().find(|s| s.name == site)?;
    screen(fact, site, side.scenario.objective).first().map(ToString::to_string)
}

/// The values that a path takes in a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    /// What is set.
    pub path: Path,
    /// To which values, in order.
    pub values: Vec<Node>,
    /// The values as they are shown.
    pub shown: Vec<String>,
}

/// Reads `PATH=A..B`, `PATH=A..B..STEP` or `PATH=VALUE,VALUE,...`.
///
/// Without a step the range is cut into at most ten equal steps of whole last decimals.
///
/// # Errors
/// What is wrong with it.
pub fn sweep(text: &str) -> Result<Sweep, Diagnostic> {
    let wrong = |why: &str| {
        Diagnostic::error(format!("`{text}` is not a sweep: {why}"))
            .hint("for example --sweep workloads.talk.context=1024..8192..512, or a list: --sweep objective=capex,tco")
    };
    let (path, values) = text.split_once('=').ok_or_else(|| wrong("PATH=A..B is expected"))?;
    let path: Path = path.trim().parse()?;
    let parts: Vec<&str> = values.split("..").map(str::trim).collect();
    if parts.len() == 1 {
        let shown: Vec<String> = values.split(',').map(|v| v.trim().to_owned()).collect();
        let values = shown.iter().map(|v| yaml::parse_value(v)).collect::<Result<Vec<_>, _>>()?;
        return Ok(Sweep { path, values, shown });
    }
    if parts.len() > 3 {
        return Err(wrong("A..B or A..B..STEP is expected"));
    }
    let percent = parts.iter().all(|p| p.ends_with('%'));
    let digits: Vec<&str> = parts.iter().map(|p| if percent { p.trim_end_matches('%') } else { p }).collect();
    let plain = |p: &&str| !p.is_empty() && p.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if !digits.iter().all(plain) {
        return Err(wrong("A, B and STEP must be numbers, all in per cent or none"));
    }
    let decimals = digits.iter().map(|d| d.split_once('.').map_or(0, |(_, d)| d.len())).max().unwrap_or(0);
    if decimals > 6 {
        return Err(wrong("at most six decimals"));
    }
    let grid = Grid { decimals: decimals as u32, percent };
    let numbers: Vec<i64> = digits
        .iter()
        .map(|d| d.parse::<f64>().ok().filter(|n| n.abs() <= 1e9).map(|n| grid.steps(n)))
        .collect::<Option<_>>()
        .ok_or_else(|| wrong("A, B and STEP must be numbers up to a thousand millions"))?;
    let (from, to) = (numbers[0], numbers[1]);
    let step = match numbers.get(2) {
        Some(0) => return Err(wrong("STEP must not be 0")),
        Some(step) => step.abs(),
        None => (to - from).unsigned_abs().div_ceil(STEPS as u64).max(1) as i64,
    };
    let count = (to - from).unsigned_abs() / step.unsigned_abs() + 1;
    if count > MAX_POINTS as u64 {
        return Err(wrong(&format!("{count} points, at most {MAX_POINTS} are swept")));
    }
    let sign = if to < from { -1 } else { 1 };
    let points: Vec<i64> = (0..count as i64).map(|i| from + sign * step * i).collect();
    Ok(Sweep {
        path,
        values: points.iter().map(|&p| grid.node(p)).collect(),
        shown: points.iter().map(|&p| grid.shown(p)).collect(),
    })
}

/// The number of points of several sweeps.
///
/// # Errors
/// When there are too many.
pub fn points(sweeps: &[Sweep]) -> Result<usize, Diagnostic> {
    let count = sweeps.iter().try_fold(1_usize, |n, s| n.checked_mul(s.values.len())).unwrap_or(usize::MAX);
    if count > MAX_POINTS {
        return Err(Diagnostic::error(format!("{count} points, at most {MAX_POINTS} are swept")));
    }
    Ok(count)
}

/// A point of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The values set, as shown, one for each sweep.
    pub at: Vec<String>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a point.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// A plan, its objective in dollars or watts.
    Plan(f64, Vec<Unit>),
    /// No plan.
    Impossible,
    /// The scenario is not valid there.
    Invalid(String),
    /// The time ran out.
    Unknown,
}

/// Plans every point, on all cores; the answer does not depend on how many there are.
pub fn run_sweep(
    catalog: &Catalog,
    points: &[(Vec<String>, Result<Scenario, String>)],
    limits: &SearchLimits<'_>,
    done: &(dyn Fn(usize) + Sync),
) -> Vec<Point> {
    let memo = Memo::default();
    let count = AtomicUsize::new(0);
    points
        .par_iter()
        .map(|(at, scenario)| {
            let outcome = match scenario {
                Err(why) => Outcome::Invalid(why.clone()),
                Ok(scenario) => {
                    let generated = generate_with(scenario, catalog, Options::default(), &memo);
                    let built = build(scenario, catalog, &generated);
                    match verdict(scenario, &built.problem, limits) {
                        Verdict::Found(found) => Outcome::Plan(found.objective, found.units),
                        Verdict::Impossible => Outcome::Impossible,
                        Verdict::Invalid | Verdict::Unknown => Outcome::Unknown,
                    }
                }
            };
            done(count.fetch_add(1, Ordering::Relaxed) + 1);
            Point { at: at.clone(), outcome }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_both_ends_and_exact_decimals() {
        assert_eq!(sweep("headroom=10%..30%..5%").unwrap().shown, ["10%", "15%", "20%", "25%", "30%"]);
        assert_eq!(sweep("a.b=0.1..0.4..0.1").unwrap().shown, ["0.1", "0.2", "0.3", "0.4"]);
        assert_eq!(sweep("n=3..1").unwrap().shown, ["3", "2", "1"]);
        assert_eq!(sweep("objective=capex,tco").unwrap().shown, ["capex", "tco"]);
        for bad in ["n", "n=1..", "n=1..x", "n=1..5..0", "n=1..9999999999", "n=1..20%"] {
            assert!(sweep(bad).is_err(), "{bad}");
        }
    }
}
