//! Two plans compared, and sweeps, in all forms.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::objective;
use super::plan::status_word;
use super::table::{Cell, Table};
use crate::figures::{usd, usd_difference, usd_of_cents};
use crate::planner::explain::{Found, Unit};
use crate::planner::whatif::{Difference, Outcome, Point, SiteChange, Sweep, UnitView};
use crate::scenario::ObjectiveKind;
use crate::units::Money;

fn cents(money: Money) -> i128 {
    i128::from(money.0)
}

/// What all units of a site class cost; absent without a plan.
fn of_all(view: &Option<UnitView>, count: Option<u64>) -> Option<i128> {
    view.as_ref().map(|v| cents(v.price) * i128::from(count.unwrap_or(1)))
}

/// The mark of a line in the manner of a diff.
fn mark(change: &SiteChange) -> &'static str {
    match (&change.before, &change.after) {
        (None, Some(_)) => "+",
        (Some(_), None) => "-",
        (Some(a), Some(b)) if change.changed() || a.price != b.price => "~",
        _ => " ",
    }
}

/// The difference in human-readable form.
#[must_use]
pub fn difference_text(difference: &Difference, title: &str, changes: &[String], kind: ObjectiveKind) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_difference(&mut text, difference, title, changes, kind);
    text
}

fn write_difference(
    out: &mut String,
    difference: &Difference,
    title: &str,
    changes: &[String],
    kind: ObjectiveKind,
) -> std::fmt::Result {
    writeln!(out, "{title}: {}", if changes.is_empty() { "nothing changed".to_owned() } else { changes.join(", ") })?;
    writeln!(out)?;
    for change in &difference.sites {
        write!(out, "{} {}", mark(change), change.site)?;
        match (&change.before, &change.after) {
            (Some(a), Some(b)) => {
                let (old, new) = (cents(a.price), cents(b.price));
                writeln!(out, "  {} ({} -> {})", usd_difference(new - old), usd_of_cents(old), usd_of_cents(new))?;
            }
            (None, Some(b)) => writeln!(out, "  {}", usd_difference(cents(b.price)))?,
            (Some(a), None) => writeln!(out, "  {} ({} -> no plan)", usd_difference(-cents(a.price)), usd(a.price))?,
            (None, None) => writeln!(out)?,
        }
        let all = |view, count: Option<u64>| of_all(view, count).map_or_else(|| "no plan".to_owned(), usd_of_cents);
        if change.counts.0.max(change.counts.1) > Some(1) {
            let units = |count: Option<u64>| count.map_or_else(|| "no".to_owned(), |c| c.to_string());
            let many = match change.counts {
                (Some(a), Some(b)) if a != b => format!("{a} -> {b}"),
                (a, b) => units(b.or(a)),
            };
            let (old, new) = (all(&change.before, change.counts.0), all(&change.after, change.counts.1));
            let sum = of_all(&change.after, change.counts.1).zip(of_all(&change.before, change.counts.0));
            let sum = sum.map_or_else(String::new, |(b, a)| format!("  {}", usd_difference(b - a)));
            writeln!(out, "      {many} units{sum} ({old} -> {new})")?;
        }
        let devices = |view: &Option<UnitView>| view.as_ref().map(UnitView::devices_in_words);
        let (old, new) = (devices(&change.before), devices(&change.after));
        if old == new {
            writeln!(out, "      {}", old.unwrap_or_default())?;
        } else {
            if let Some(old) = old {
                writeln!(out, "    - {old}")?;
            }
            if let Some(new) = new {
                writeln!(out, "    + {new}")?;
            }
        }
        if let (Some(a), Some(b)) = (&change.before, &change.after) {
            for (name, _, new) in &b.workloads {
                let old = a.workloads.iter().find(|(n, ..)| n == name).map(|(_, _, c)| c);
                if let Some(old) = old
                    && old != new
                {
                    writeln!(out, "    ~ {name}: {old} -> {new}")?;
                }
            }
        }
    }
    let shown = |value: Option<f64>| value.map_or_else(|| "no plan".to_owned(), |v| objective::figure(kind, v));
    write!(out, "\nWhole scenario: {} -> {}", shown(difference.values.0), shown(difference.values.1))?;
    match difference.values {
        (Some(a), Some(b)) => writeln!(out, " ({})", objective::difference(kind, b - a))?,
        _ => writeln!(out)?,
    }
    for cause in &difference.causes {
        writeln!(out, "  {cause}")?;
    }
    writeln!(out, "{}", if difference.changed { "The choice changes." } else { "The choice stays." })
}

/// The difference as records, one per site class.
#[must_use]
pub fn difference_table(difference: &Difference) -> Table {
    let mut table = Table::new(&[
        "site",
        ">count_before",
        ">count_after",
        "devices_before",
        "devices_after",
        ">unit_price_before",
        ">unit_price_after",
        ">difference",
        ">fleet_difference",
        "changed",
    ]);
    for change in &difference.sites {
        let price = |view: &Option<UnitView>| Cell::or_empty(view.as_ref(), |v| Cell::money(v.price));
        let devices = |view: &Option<UnitView>| Cell::or_empty(view.as_ref(), |v| Cell::text(v.devices_in_words()));
        let difference = match (&change.before, &change.after) {
            (Some(a), Some(b)) => Cell::dollars((cents(b.price) - cents(a.price)) as f64 / 100.0),
            _ => Cell::Empty,
        };
        table.rows.push(vec![
            Cell::text(&change.site),
            Cell::or_empty(change.counts.0, Cell::whole),
            Cell::or_empty(change.counts.1, Cell::whole),
            devices(&change.before),
            devices(&change.after),
            price(&change.before),
            price(&change.after),
            difference,
            match (of_all(&change.before, change.counts.0), of_all(&change.after, change.counts.1)) {
                (Some(a), Some(b)) => Cell::dollars((b - a) as f64 / 100.0),
                _ => Cell::Empty,
            },
            Cell::Bool(change.changed()),
        ]);
    }
    table
}

/// The difference as a JSON value.
#[must_use]
pub fn difference_value(difference: &Difference, title: &str, changes: &[String], kind: ObjectiveKind) -> Value {
    let view = |view: &Option<UnitView>| {
        view.as_ref().map(|v| {
            let devices = v
                .devices
                .iter()
                .map(|(device, mode, price)| json!({ "device": device, "mode": mode, "unit_price": price.usd() }));
            let workloads = v.workloads.iter().map(|(name, device, configuration)| {
                json!({ "name": name, "device": device, "configuration": configuration })
            });
            json!({
                "unit_price": v.price.usd(),
                "power_w": v.power.map(|p| p.watts()),
                "devices": devices.collect::<Vec<_>>(),
                "workloads": workloads.collect::<Vec<_>>(),
            })
        })
    };
    let sites = difference.sites.iter().map(|change| {
        json!({
            "name": change.site,
            "count": { "before": change.counts.0, "after": change.counts.1 },
            "all_units": {
                "before": of_all(&change.before, change.counts.0).map(|c| c as f64 / 100.0),
                "after": of_all(&change.after, change.counts.1).map(|c| c as f64 / 100.0),
            },
            "changed": change.changed(),
            "before": view(&change.before),
            "after": view(&change.after),
        })
    });
    json!({
        "scenario": title,
        "changes": changes,
        "changed": difference.changed,
        "status": { "before": status_word(difference.status.0), "after": status_word(difference.status.1) },
        "objective": {
            "kind": kind.id(),
            "unit": objective::unit(kind),
            "before": difference.values.0,
            "after": difference.values.1,
            "difference": difference.values.0.zip(difference.values.1).map(|(a, b)| ((b - a) * 1e3).round() / 1e3),
        },
        "sites": sites.collect::<Vec<_>>(),
        "causes": difference.causes,
    })
}

/// The devices of a plan in words, all site classes.
fn devices_of(units: &[Unit]) -> String {
    Found { value: 0, objective: 0.0, units: units.to_vec() }.devices()
}

/// What came of a point in words.
fn status_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Plan(..) => "optimal",
        Outcome::Impossible => "infeasible",
        Outcome::Invalid(_) => "invalid",
        Outcome::Unknown => "unknown",
    }
}

/// A sweep as records, one per point. `base` is the plan of the unchanged scenario.
#[must_use]
pub fn sweep_table(sweeps: &[Sweep], points: &[Point], base: &Outcome) -> Table {
    let mut columns = vec!["x_path", ">x"];
    if sweeps.len() > 1 {
        columns.extend(["y_path", ">y"]);
    }
    columns.extend(["status", ">objective", ">difference", "devices", "changed"]);
    let mut table = Table::new(&columns);
    for point in points {
        let mut row = Vec::with_capacity(columns.len());
        for (sweep, shown) in sweeps.iter().zip(&point.at) {
            row.push(Cell::text(sweep.path.to_string()));
            row.push(Cell::text(shown));
        }
        row.push(Cell::text(status_of(&point.outcome)));
        match &point.outcome {
            Outcome::Plan(value, units) => {
                row.push(Cell::dollars(*value));
                row.push(match base {
                    Outcome::Plan(base, _) => Cell::dollars(value - base + 0.0),
                    _ => Cell::Empty,
                });
                row.push(Cell::text(devices_of(units)));
            }
            Outcome::Invalid(why) => row.extend([Cell::Empty, Cell::Empty, Cell::text(why)]),
            _ => row.extend([Cell::Empty, Cell::Empty, Cell::Empty]),
        }
        row.push(Cell::Bool(differs(&point.outcome, base)));
        table.rows.push(row);
    }
    table
}

/// Whether other devices are chosen at a point than without the change.
#[must_use]
pub fn differs(outcome: &Outcome, base: &Outcome) -> bool {
    let devices = |o: &Outcome| match o {
        Outcome::Plan(_, units) => Some(units.iter().map(|u| u.devices.clone()).collect::<Vec<_>>()),
        _ => None,
    };
    devices(outcome) != devices(base)
}

/// A sweep in human-readable form: along a line, points of the same devices are drawn together.
#[must_use]
pub fn sweep_text(
    sweeps: &[Sweep],
    points: &[Point],
    base: &Outcome,
    kind: ObjectiveKind,
    width: Option<u16>,
) -> String {
    let mut text = String::new();
    let along: Vec<String> = sweeps.iter().map(|s| s.path.to_string()).collect();
    let _ = writeln!(text, "{} points over {}", points.len(), along.join(" and "));
    if let Outcome::Plan(value, units) = base {
        let _ = writeln!(text, "as it is: {} with {}", objective::figure(kind, *value), devices_of(units));
    }
    text.push('\n');
    let [_] = sweeps else {
        text.push_str(&sweep_table(sweeps, points, base).text(width));
        return text;
    };
    let mut table = Table::new(&[">from", ">to", ">points", ">objective", "devices"]);
    let mut start = 0;
    for i in 0..points.len() {
        let last = i + 1 == points.len() || differs(&points[i + 1].outcome, &points[i].outcome);
        if !last {
            continue;
        }
        let group = &points[start..=i];
        let values = group.iter().filter_map(|p| match &p.outcome {
            Outcome::Plan(value, _) => Some(*value),
            _ => None,
        });
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let (objective, devices) = match &points[i].outcome {
            Outcome::Plan(_, units) if low < high => {
                (format!("{} to {}", objective::figure(kind, low), objective::figure(kind, high)), devices_of(units))
            }
            Outcome::Plan(_, units) => (objective::figure(kind, low), devices_of(units)),
            Outcome::Invalid(why) => ("-".to_owned(), why.clone()),
            other => ("-".to_owned(), status_of(other).to_owned()),
        };
        table.rows.push(vec![
            Cell::text(group.first().map(|p| p.at.join(" ")).unwrap_or_default()),
            Cell::text(group.last().map(|p| p.at.join(" ")).unwrap_or_default()),
            Cell::whole(group.len() as u64),
            Cell::text(objective),
            Cell::text(devices),
        ]);
        start = i + 1;
    }
    text.push_str(&table.text(width));
    text
}

/// A sweep as a JSON value.
#[must_use]
pub fn sweep_value(sweeps: &[Sweep], points: &[Point], base: &Outcome, title: &str, kind: ObjectiveKind) -> Value {
    let outcome = |outcome: &Outcome| match outcome {
        Outcome::Plan(value, units) => {
            let sites = units.iter().map(|u| {
                let devices = u.devices.iter().map(|(d, m)| json!({ "device": d, "mode": m }));
                json!({ "name": u.site, "devices": devices.collect::<Vec<_>>(), "unit_price": u.price.usd() })
            });
            json!({ "status": "optimal", "objective": value, "sites": sites.collect::<Vec<_>>() })
        }
        Outcome::Invalid(why) => json!({ "status": "invalid", "error": why }),
        other => json!({ "status": status_of(other) }),
    };
    let all = points.iter().map(|point| {
        let mut value = outcome(&point.outcome);
        if let Some(object) = value.as_object_mut() {
            object.insert("at".to_owned(), json!(point.at));
            object.insert("changed".to_owned(), json!(differs(&point.outcome, base)));
        }
        value
    });
    json!({
        "scenario": title,
        "objective": { "kind": kind.id(), "unit": objective::unit(kind) },
        "sweep": sweeps.iter().map(|s| s.path.to_string()).collect::<Vec<_>>(),
        "base": outcome(base),
        "points": all.collect::<Vec<_>>(),
    })
}
