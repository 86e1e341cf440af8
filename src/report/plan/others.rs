//! Plans beside the plan: the next best, the cheapest of each vendor, the cheapest with one device per unit.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::json::status;
use crate::planner::{Alternative, Comparison, Plan, Restriction};
use crate::report::objective;
use crate::report::table::{Cell, Table};
use crate::solve::Status;

/// For programs: `alternatives`, `by_vendor`, `one_device` and how many comparisons were left out.
pub(super) fn values(plan: &Plan<'_>) -> Map<String, Value> {
    let mut object = Map::new();
    let alternatives: Vec<Value> = plan.alternatives.iter().map(|a| alternative(Some(a), proven(a))).collect();
    let of = |vendor: bool| {
        let list = plan.comparisons.list.iter();
        list.filter(move |c| matches!(c.restriction, Restriction::Vendor(_)) == vendor)
    };
    let by_vendor = of(true).map(|c| {
        let mut value = alternative(c.plan.as_ref(), c.status);
        if let (Some(object), Restriction::Vendor(name)) = (value.as_object_mut(), &c.restriction) {
            object.shift_insert(0, "vendor".to_owned(), json!(name));
        }
        value
    });
    object.insert("alternatives".to_owned(), Value::Array(alternatives));
    object.insert("by_vendor".to_owned(), by_vendor.collect());
    object.insert(
        "one_device".to_owned(),
        of(false).next().map_or(Value::Null, |c| alternative(c.plan.as_ref(), c.status)),
    );
    object.insert("not_compared".to_owned(), json!(plan.comparisons.skipped));
    object
}

const fn proven(alternative: &Alternative) -> Status {
    if alternative.proven { Status::Optimal } else { Status::Feasible }
}

pub(super) fn alternative(plan: Option<&Alternative>, what: Status) -> Value {
    let sites = plan.map_or(&[][..], |plan| &plan.sites).iter().map(|(name, devices)| {
        let devices = devices.iter().map(|(device, mode)| json!({ "device": device, "mode": mode }));
        json!({ "name": name, "devices": devices.collect::<Vec<_>>() })
    });
    json!({ "objective": plan.map(|plan| plan.objective), "status": status(what), "sites": sites.collect::<Vec<_>>() })
}

/// Human-readable.
pub(super) fn write(out: &mut String, plan: &Plan<'_>) -> std::fmt::Result {
    if !plan.alternatives.is_empty() {
        writeln!(out, "\nRunners-up")?;
        for next in &plan.alternatives {
            write_line(out, plan, next, "")?;
        }
    }
    let vendors: Vec<(&str, &Comparison)> = vendors(plan).collect();
    if !vendors.is_empty() {
        writeln!(out, "\nWith devices of one vendor alone")?;
        for (vendor, comparison) in &vendors {
            if let Some(found) = &comparison.plan {
                write_line(out, plan, found, &format!("{vendor}: "))?;
            }
        }
        let none: Vec<&str> = vendors.iter().filter(|(_, c)| c.plan.is_none()).map(|(vendor, _)| *vendor).collect();
        if !none.is_empty() {
            writeln!(out, "  no plan with those of {} alone", none.join(", "))?;
        }
    }
    if let Some(one) = plan.comparisons.list.iter().find(|c| c.restriction == Restriction::OneDevice) {
        writeln!(out, "\nWith one device per unit")?;
        match &one.plan {
            Some(found) => write_line(out, plan, found, "")?,
            None => writeln!(out, "  no plan")?,
        }
    }
    match plan.comparisons.skipped {
        0 => Ok(()),
        n => writeln!(out, "\n{n} more comparisons (by vendor, one device per unit) take longer: --compare always"),
    }
}

fn vendors<'p>(plan: &'p Plan<'_>) -> impl Iterator<Item = (&'p str, &'p Comparison)> {
    plan.comparisons.list.iter().filter_map(|c| match &c.restriction {
        Restriction::Vendor(name) => Some((name.as_str(), c)),
        Restriction::OneDevice => None,
    })
}

fn write_line(out: &mut String, plan: &Plan<'_>, other: &Alternative, who: &str) -> std::fmt::Result {
    let objective = objective::figure(plan.objective, other.objective);
    if is_plan(plan, other) {
        return writeln!(out, "  {objective:>16}  {:<16} {who}the plan itself", "");
    }
    let more = objective::difference(plan.objective, plan.value.map_or(0.0, |v| other.objective - v));
    let unproven = if other.proven { "" } else { " (not proven the best of its kind)" };
    writeln!(out, "  {objective:>16}  {more:<16} {who}{}{unproven}", in_words(other))
}

/// Whether it is the plan that it stands beside.
fn is_plan(plan: &Plan<'_>, other: &Alternative) -> bool {
    plan.sites.len() == other.sites.len()
        && plan.sites.iter().zip(&other.sites).all(|(site, (_, devices))| {
            let own = site.devices.iter().map(|d| (d.device.id.as_str(), d.mode.id.as_str()));
            own.eq(devices.iter().map(|(device, mode)| (device.as_str(), mode.as_str())))
        })
}

/// The devices of each site class with their modes.
pub(super) fn in_words(plan: &Alternative) -> String {
    let unit = |(name, devices): &(String, Vec<(String, String)>)| {
        let mut groups: Vec<(String, usize)> = Vec::new();
        for named in devices.iter().map(|(d, m)| format!("{d} ({m})")) {
            match groups.iter_mut().find(|(name, _)| *name == named) {
                Some((_, n)) => *n += 1,
                None => groups.push((named, 1)),
            }
        }
        let devices: Vec<String> =
            groups.into_iter().map(|(name, n)| if n == 1 { name } else { format!("{n} x {name}") }).collect();
        if plan.sites.len() > 1 { format!("{name}: {}", devices.join(" + ")) } else { devices.join(" + ") }
    };
    plan.sites.iter().map(unit).collect::<Vec<_>>().join("; ")
}

/// As records: what it is, its objective, its devices.
pub(super) fn table(plan: &Plan<'_>) -> Table {
    let mut table = Table::new(&["plan", ">objective", ">more", "devices"]);
    let mut row = |what: String, other: Option<&Alternative>| {
        let more = other.and_then(|o| plan.value.map(|v| o.objective - v));
        table.rows.push(vec![
            Cell::text(what),
            Cell::or_empty(other, |o| Cell::dollars(o.objective)),
            Cell::or_empty(more, Cell::dollars),
            other.map_or_else(|| Cell::text("none"), |o| Cell::text(in_words(o))),
        ]);
    };
    for (i, next) in plan.alternatives.iter().enumerate() {
        row(format!("runner-up {}", i + 1), Some(next));
    }
    for (vendor, comparison) in vendors(plan) {
        row(format!("{vendor} alone"), comparison.plan.as_ref());
    }
    if let Some(one) = plan.comparisons.list.iter().find(|c| c.restriction == Restriction::OneDevice) {
        row("one device per unit".to_owned(), one.plan.as_ref());
    }
    table
}
