//! Why no plan exists, in the forms of a plan.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::planner::Plan;
use crate::planner::explain::{Explanation, Member, Relaxation};
use crate::report::objective::{bare, figure, unit};
use crate::report::table::{Cell, Table};
use crate::report::{plan_markdown, plan_text, plan_value};
use crate::scenario::ObjectiveKind;
use crate::yaml;

/// Relaxations that people are shown; JSON has all.
const SHOWN: usize = 12;

/// Of changes that lead to the same devices at the same cost.
const SHOWN_ALIKE: usize = 2;

/// What is said of an explanation that the time limit ended.
const CUT: &str = "The time limit ended the explanation: there may be more, and smaller changes may do.";

/// A value of a scenario as JSON.
pub(super) fn scenario_value(node: &yaml::Node) -> Value {
    match &node.value {
        yaml::Value::Null => Value::Null,
        yaml::Value::Bool(b) => json!(b),
        yaml::Value::Integer(i) => json!(i),
        yaml::Value::Float(f) => json!(f),
        yaml::Value::Text(text) => json!(text),
        yaml::Value::List(items) => Value::Array(items.iter().map(scenario_value).collect()),
        yaml::Value::Map(entries) => {
            let entries = entries.iter().map(|(k, v)| (k.text().unwrap_or_default().to_owned(), scenario_value(v)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
    }
}

fn member(member: &Member) -> Value {
    json!({
        "path": member.path.to_string(),
        "line": member.line,
        "text": member.text,
        "drop": scenario_value(&member.drop),
    })
}

fn relaxation(relaxation: &Relaxation) -> Value {
    // Words and truth values as the YAML scalars that `whatif --set` takes: only numbers and lists are more than text.
    let scalar = |value: &yaml::Node| match value.value {
        yaml::Value::Bool(b) => json!(b.to_string()),
        _ => scenario_value(value),
    };
    let set = relaxation.set.iter().map(|(path, value)| (path.to_string(), scalar(value)));
    json!({
        "change": relaxation.change,
        "set": Value::Object(set.collect::<Map<_, _>>()),
        "objective": relaxation.objective,
        "devices": relaxation.devices,
    })
}

/// An infeasible plan with its explanation, and what else was asked for, as JSON text.
#[must_use]
pub fn explained_json(plan: &Plan<'_>, explanation: &Explanation, more: Map<String, Value>) -> String {
    let mut value = plan_value(plan);
    if let Some(object) = value.as_object_mut() {
        let members = |list: &[Member]| Value::Array(list.iter().map(member).collect());
        object.insert("conflict".to_owned(), members(&explanation.conflict));
        object.insert("conflicts".to_owned(), explanation.conflicts.iter().map(|c| members(c)).collect());
        object.insert("nearest".to_owned(), json!(explanation.nearest.as_ref().map(ToString::to_string)));
        object.insert("relaxations".to_owned(), explanation.relaxations.iter().map(relaxation).collect());
        object.insert("explanation_cut".to_owned(), json!(explanation.cut));
        object.extend(more);
    }
    format!("{value:#}\n")
}

/// An infeasible plan in human-readable form: the conflict and the ways out before the refusals of single devices.
#[must_use]
pub fn explained_text(plan: &Plan<'_>, explanation: &Explanation, file: &str, width: Option<u16>) -> String {
    let plain = plan_text(plan, width);
    let (headline, rest) = plain.split_once('\n').unwrap_or((&plain, ""));
    let mut text = format!("{headline}\n");
    // Writing to a String cannot fail: results are ignored on purpose in this file.
    let _ = chain(&mut text, plan.objective, explanation, file);
    let _ = ways_out(&mut text, plan.objective, explanation);
    if explanation.cut {
        let _ = writeln!(text, "\n{CUT}");
    }
    text.push_str(rest);
    text
}

fn chain(out: &mut String, objective: ObjectiveKind, explanation: &Explanation, file: &str) -> std::fmt::Result {
    if explanation.conflict.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nThese cannot hold together")?;
    members(out, objective, &explanation.conflict, file)?;
    if let Some(nearest) = &explanation.nearest {
        writeln!(out, "  {nearest}")?;
    }
    for conflict in &explanation.conflicts {
        writeln!(out, "\nNor can these")?;
        members(out, objective, conflict, file)?;
    }
    Ok(())
}

fn members(out: &mut String, objective: ObjectiveKind, members: &[Member], file: &str) -> std::fmt::Result {
    for (i, member) in members.iter().enumerate() {
        let joint = if i == 0 { "Because" } else { "and" };
        let end = if i + 1 == members.len() { "." } else { "," };
        let place = member.line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"));
        writeln!(out, "  {joint} {}{end}  [{place} {}]", member.text, member.path)?;
        if let Some(found) = &member.without {
            writeln!(out, "      without it: {} for {}", found.devices(), figure(objective, found.objective))?;
        }
    }
    Ok(())
}

fn ways_out(out: &mut String, objective: ObjectiveKind, explanation: &Explanation) -> std::fmt::Result {
    if explanation.relaxations.is_empty() {
        return writeln!(out, "\nNo change was found that opens a plan.");
    }
    writeln!(out, "\nSmallest changes that open a plan ({})", unit(objective))?;
    let mut shown = 0;
    let mut alike: Vec<(&str, f64)> = Vec::new();
    for relaxation in &explanation.relaxations {
        // Several ways to one and the same plan are told once or twice.
        let plan = (relaxation.devices.as_str(), relaxation.objective);
        alike.push(plan);
        if shown == SHOWN || alike.iter().filter(|a| **a == plan).count() > SHOWN_ALIKE {
            continue;
        }
        shown += 1;
        writeln!(
            out,
            "  {:>12}  {}: {}",
            bare(objective, relaxation.objective),
            relaxation.change,
            relaxation.devices
        )?;
    }
    if explanation.relaxations.len() > shown {
        writeln!(out, "                and {} more (--format json names all)", explanation.relaxations.len() - shown)?;
    }
    Ok(())
}

/// An infeasible plan as a Markdown document.
#[must_use]
pub fn explained_markdown(plan: &Plan<'_>, explanation: &Explanation) -> String {
    let mut text = plan_markdown(plan);
    let mut conflicts = Table::new(&[">conflict", "path", ">line", "constraint"]);
    for (i, conflict) in std::iter::once(&explanation.conflict).chain(&explanation.conflicts).enumerate() {
        for member in conflict {
            conflicts.rows.push(vec![
                Cell::whole(i as u64 + 1),
                Cell::text(member.path.to_string()),
                Cell::or_empty(member.line, |l| Cell::whole(u64::from(l))),
                Cell::text(&member.text),
            ]);
        }
    }
    let mut ways = Table::new(&["change", ">objective", "devices"]);
    for relaxation in &explanation.relaxations {
        ways.rows.push(vec![
            Cell::text(&relaxation.change),
            Cell::dollars(relaxation.objective),
            Cell::text(&relaxation.devices),
        ]);
    }
    let _ = write!(text, "\n## What cannot hold together\n\n{}", conflicts.markdown());
    let _ = write!(text, "\n## Changes that open a plan\n\n{}", ways.markdown());
    if explanation.cut {
        let _ = writeln!(text, "\n{CUT}");
    }
    text
}
