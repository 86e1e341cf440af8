//! What became of a saved plan.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::objective::{figure, unit};
use super::table::{Cell, Table};
use crate::planner::Plan;
use crate::planner::check::{Check, Difference, Edit, SavedFacts};
use crate::report::plan_value;
use crate::scenario::{Document, ObjectiveKind};

/// A plan as JSON text that `edgemem check` can read back: with the scenario and the facts that it rests on, and what else
/// was asked for.
#[must_use]
pub fn saved_json(plan: &Plan<'_>, document: &Document, more: Map<String, Value>) -> String {
    let mut value = plan_value(plan);
    let mut facts: Vec<SavedFacts> =
        plan.sites.iter().flat_map(|s| s.devices.iter().map(|d| SavedFacts::of(d.device))).collect();
    facts.sort_by(|a, b| a.device.cmp(&b.device));
    facts.dedup();
    let facts: Vec<Value> = facts
        .iter()
        .map(|f| {
            json!({
                "device": f.device,
                "prices": f.prices,
                "price_date": f.price_date,
                "lead_time_days": f.lead_time_days,
                "pools": f.pools,
                "others": f.others,
            })
        })
        .collect();
    if let Some(object) = value.as_object_mut() {
        let inputs = json!({ "file": document.file, "scenario": document.text, "facts": facts });
        object.extend(more);
        object.insert("inputs".to_owned(), inputs);
    }
    format!("{value:#}\n")
}

/// The verdict in a sentence.
fn verdict(check: &Check, objective: ObjectiveKind) -> String {
    let told = |value: f64| figure(objective, value);
    if !check.edits.is_empty() {
        let best = check.best.map_or_else(
            || "there is no feasible plan".to_owned(),
            |best| format!("the best plan today comes to {}", told(best)),
        );
        return format!("The saved plan is not the answer to its scenario: one of them was changed; {best}.");
    }
    match (check.today, check.best) {
        (None, None) => "The saved plan is no longer feasible, and there is no feasible plan.".to_owned(),
        (None, Some(best)) => {
            format!("The saved plan is no longer feasible; the best one today comes to {}.", told(best))
        }
        (Some(today), _) => match check.beaten_by() {
            Some(by) if by > 0.0 => {
                format!("The plan still fits at {}, but another one is {} better.", told(today), told(by))
            }
            _ => format!("The plan still fits and none is better: {}.", told(today)),
        },
    }
}

/// Where a saved answer and its scenario do not go together, in a sentence.
fn edit(edit: &Edit) -> String {
    let subject = |d: &Difference| {
        if d.of.is_empty() { format!("`{}`", d.key) } else { format!("`{}` of `{}`", d.key, d.of) }
    };
    match edit {
        Edit::UnknownSite { site } => format!("the scenario has no site `{site}`"),
        Edit::SiteTwice { site } => format!("the site `{site}` is there twice"),
        Edit::UnknownDevice { site, device } => format!("the plan for `{site}` was not made with a `{device}`"),
        Edit::Idle { site, device } => format!("`{device}` of `{site}` hosts nothing"),
        Edit::Asked(d) => format!("{} is {}, the scenario asks for {}", subject(d), d.saved, d.right),
        Edit::Follows(d) => format!("{} is {}, from the rest follows {}", subject(d), d.saved, d.right),
    }
}

/// The check in human-readable form.
#[must_use]
pub fn check_text(check: &Check, title: &str, objective: ObjectiveKind, same_catalog: bool) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{title}: {}", verdict(check, objective));
    if let (Some(saved), Some(today)) = (check.saved, check.today)
        && saved != today
    {
        let _ = writeln!(text, "It came to {} when it was saved.", figure(objective, saved));
    }
    for changed in check.edits.iter().map(edit).chain(check.broken.iter().cloned()) {
        let _ = writeln!(text, "  {changed}");
    }
    for (site, devices) in &check.better {
        let _ = writeln!(text, "  better for {site}: {}", devices.join(" + "));
    }
    if !check.drift.is_empty() {
        let _ = writeln!(text, "\nWhat drifted");
        for (device, what) in &check.drift {
            let _ = writeln!(text, "  {device}: {what}");
        }
    } else if !same_catalog {
        let _ = writeln!(text, "\nThe catalogs changed, but no fact that the plan rests on.");
    }
    if !check.old_prices.is_empty() {
        let _ = writeln!(text, "\nOld prices");
        for old in &check.old_prices {
            let _ = writeln!(text, "  {}: price date {}, {} days old", old.device, old.date, old.days);
        }
    }
    text
}

/// The check as records.
#[must_use]
pub fn check_table(check: &Check, objective: ObjectiveKind) -> Table {
    let mut table = Table::new(&["kind", "subject", "finding"]);
    let mut row = |kind: &str, subject: &str, finding: String| {
        table.rows.push(vec![Cell::text(kind), Cell::text(subject), Cell::text(finding)]);
    };
    row("verdict", "", verdict(check, objective));
    for changed in &check.edits {
        row("edited", "", edit(changed));
    }
    for broken in &check.broken {
        row("broken", "", broken.clone());
    }
    for (site, devices) in &check.better {
        row("better", site, devices.join(" + "));
    }
    for (device, what) in &check.drift {
        row("drift", device, what.clone());
    }
    for old in &check.old_prices {
        row("old price", &old.device, format!("price date {}, {} days old", old.date, old.days));
    }
    table
}

/// The check as JSON text.
#[must_use]
pub fn check_json(check: &Check, title: &str, objective: ObjectiveKind, same_catalog: bool) -> String {
    let drift = check.drift.iter().map(|(device, what)| json!({ "device": device, "what": what }));
    let better = check.better.iter().map(|(site, devices)| json!({ "name": site, "devices": devices }));
    let old = check.old_prices.iter().map(|o| json!({ "device": o.device, "date": o.date, "days": o.days }));
    let value = json!({
        "scenario": title,
        "changed": check.changed(),
        "edited": check.edits.iter().map(edit).collect::<Vec<_>>(),
        "fits": check.broken.is_empty(),
        "cheapest": !check.changed(),
        "objective": {
            "kind": objective.id(),
            "unit": unit(objective),
            "saved": check.saved,
            "today": check.today,
            "best": check.best,
            "beaten_by": check.beaten_by(),
        },
        "broken": check.broken,
        "better": better.collect::<Vec<_>>(),
        "same_catalog": same_catalog,
        "drift": drift.collect::<Vec<_>>(),
        "old_prices": old.collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}
