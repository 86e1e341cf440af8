//! What would change the choice, why a device is not in it, and what certainty costs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::table::{Cell, Table};
use crate::planner::sensitivity::{Beyond, Stable};
use crate::planner::why_not::WhyNot;
use crate::scenario::ObjectiveKind;

const fn unit(objective: ObjectiveKind) -> &'static str {
    match objective {
        ObjectiveKind::Capex | ObjectiveKind::Tco => "USD",
        ObjectiveKind::Power => "W",
    }
}

/// The ranges as records, the most sensitive first.
#[must_use]
pub fn sensitivity_table(ranges: &[Stable]) -> Table {
    let mut table = Table::new(&["what", ">now", ">from", ">to", "below", "above"]);
    let told = |beyond: &Option<Beyond>| {
        Cell::or_empty(beyond.as_ref(), |b| {
            let devices = b.devices.as_deref().unwrap_or("no plan");
            let objective = b.objective.map_or_else(String::new, |o| format!(" for {o:.2}"));
            Cell::text(format!("at {}: {devices}{objective}", b.at))
        })
    };
    for range in ranges {
        table.rows.push(vec![
            Cell::text(&range.what),
            Cell::text(&range.now),
            Cell::text(range.low.as_deref().unwrap_or("any")),
            Cell::text(range.high.as_deref().unwrap_or("any")),
            told(&range.below),
            told(&range.above),
        ]);
    }
    table
}

/// The ranges for eyes: only those with an end.
#[must_use]
pub fn sensitivity_text(ranges: &[Stable], width: u16) -> String {
    let ended: Vec<Stable> = ranges.iter().filter(|r| r.slack.is_some()).cloned().collect();
    let free: Vec<&str> = ranges.iter().filter(|r| r.slack.is_none()).map(|r| r.what.as_str()).collect();
    let mut text = String::from("\nThe choice stays while (the most sensitive first)\n");
    text.push_str(&sensitivity_table(&ended).text(width));
    if !free.is_empty() {
        let _ = writeln!(text, "No value changes it of {}", free.join(", "));
    }
    text
}

/// The ranges as a JSON value.
#[must_use]
pub fn sensitivity_value(ranges: &[Stable]) -> Value {
    let beyond = |beyond: &Option<Beyond>| {
        beyond.as_ref().map(|b| json!({ "at": b.at, "devices": b.devices, "objective": b.objective }))
    };
    let range = |r: &Stable| {
        json!({
            "what": r.what,
            "now": r.now,
            "low": r.low,
            "high": r.high,
            "below": beyond(&r.below),
            "above": beyond(&r.above),
            "slack": r.slack.map(|s| (s * 1e6).round() / 1e6),
        })
    };
    Value::Array(ranges.iter().map(range).collect())
}

/// Why a device is not in the plan, for eyes.
#[must_use]
pub fn why_not_text(why: &WhyNot, objective: ObjectiveKind) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    if why.chosen {
        let _ = writeln!(text, "\n{} is in the plan.", why.device);
    } else {
        let _ = writeln!(text, "\nWhy not {}?", why.device);
    }
    for miss in &why.misses {
        let _ = writeln!(text, "  {miss}");
    }
    if let Some(alone) = why.alone {
        let _ = writeln!(text, "  the best plan with it alone comes to {alone:.2} {}", unit(objective));
    }
    match (why.wins_at, why.price) {
        (Some(at), Some(now)) if !why.chosen => {
            let _ = writeln!(text, "  it would be chosen at {at} USD a piece, it costs {now}");
        }
        (None, _) if !why.chosen && why.misses.is_empty() => {
            let _ = writeln!(text, "  it would not be chosen at any price");
        }
        _ => {}
    }
    text
}

/// Why a device is not in the plan, as a JSON value.
#[must_use]
pub fn why_not_value(why: &WhyNot) -> Value {
    json!({
        "device": why.device,
        "chosen": why.chosen,
        "price": why.price.map(|p| p.usd()),
        "misses": why.misses,
        "objective_alone": why.alone,
        "wins_at": why.wins_at.map(|p| p.usd()),
    })
}
