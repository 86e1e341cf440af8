//! What would change the choice, why a device is not in it, and what certainty costs.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::explain::scenario_value;
use super::objective::figure;
use super::table::{Cell, Table};
use crate::figures::{self, usd};
use crate::planner::sensitivity::{Beyond, Gain, Stable};
use crate::planner::why_not::{Miss, WhyNot};
use crate::scenario::ObjectiveKind;

/// Prices of other devices that people are shown; JSON has all.
const RUNNERS_UP: usize = 5;

/// The ranges as records, the most sensitive first.
#[must_use]
pub fn sensitivity_table(ranges: &[Stable]) -> Table {
    let mut table = Table::new(&["what", ">now", ">from", ">to", "below", "above"]);
    let told = |beyond: &Option<Beyond>| {
        Cell::or_empty(beyond.as_ref(), |b| {
            let devices = b.devices.as_deref().unwrap_or("no plan");
            let objective = b.objective.map_or_else(String::new, |o| format!(" for {}", figures::dollars(o)));
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

/// The ranges in human-readable form: only those with an end.
#[must_use]
pub fn sensitivity_text(ranges: &[Stable], width: Option<u16>) -> String {
    let (ended, more) = shown(ranges);
    let free: Vec<&str> = ranges.iter().filter(|r| r.slack.is_none()).map(|r| r.what.as_str()).collect();
    let mut text = String::from("\nThe choice stays while (the most sensitive first)\n");
    text.push_str(&sensitivity_table(&ended).text(width));
    // Writing to a String cannot fail.
    if more > 0 {
        let _ = writeln!(text, "and prices of {more} more devices (--format json names all)");
    }
    if !free.is_empty() {
        let _ = writeln!(text, "No value changes it of {}", free.join(", "));
    }
    text
}

/// The ranges with an end, of the prices of devices that the plan does not have only the nearest; and how many are left out.
fn shown(ranges: &[Stable]) -> (Vec<Stable>, usize) {
    let mut others = 0;
    let ended = ranges.iter().filter(|r| {
        others += usize::from(r.slack.is_some() && r.runner_up);
        r.slack.is_some() && (!r.runner_up || others <= RUNNERS_UP)
    });
    let ended: Vec<Stable> = ended.cloned().collect();
    (ended, others.saturating_sub(RUNNERS_UP))
}

/// What a plan is paid in.
const fn next(objective: ObjectiveKind) -> &'static str {
    match objective {
        ObjectiveKind::Capex | ObjectiveKind::Tco => "dollar",
        ObjectiveKind::Power => "watt",
    }
}

/// What more money buys as records, the cheapest first.
#[must_use]
pub fn gains_table(gains: &[Gain], objective: ObjectiveKind) -> Table {
    let more = match objective {
        ObjectiveKind::Capex | ObjectiveKind::Tco => ">more_usd",
        ObjectiveKind::Power => ">more_w",
    };
    let mut table = Table::new(&[more, "what", ">now", ">then", "devices"]);
    for gain in gains {
        table.rows.push(vec![
            Cell::dollars(gain.more),
            Cell::text(&gain.what),
            Cell::text(&gain.now),
            Cell::text(&gain.then),
            Cell::text(&gain.devices),
        ]);
    }
    table
}

/// What more money buys, in human-readable form.
#[must_use]
pub fn gains_text(gains: &[Gain], objective: ObjectiveKind, width: Option<u16>) -> String {
    if gains.is_empty() {
        return format!("\nThe next {} buys nothing better.\n", next(objective));
    }
    let what = next(objective);
    format!("\nWhat the next {what} buys (the best plan that is better in one respect, price limits aside)\n")
        + &gains_table(gains, objective).text(width)
}

/// What more money buys, as a JSON value.
#[must_use]
pub fn gains_value(gains: &[Gain]) -> Value {
    let gain = |g: &Gain| {
        let set = g.set.iter().map(|(path, value)| (path.to_string(), scenario_value(value)));
        json!({
            "what": g.what,
            "now": g.now,
            "then": g.then,
            "devices": g.devices,
            "objective": g.objective,
            "more": g.more,
            "set": Value::Object(set.collect::<Map<_, _>>()),
        })
    };
    Value::Array(gains.iter().map(gain).collect())
}

/// Ranges and gains as parts of a Markdown document.
#[must_use]
pub fn sensitivity_markdown(ranges: &[Stable], gains: &[Gain], objective: ObjectiveKind) -> String {
    format!(
        "\n## What would change the choice\n\n{}\n## What the next {} buys\n\n{}",
        sensitivity_table(&shown(ranges).0).markdown(),
        next(objective),
        gains_table(gains, objective).markdown()
    )
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
            "runner_up": r.runner_up,
        })
    };
    Value::Array(ranges.iter().map(range).collect())
}

/// Why a device is not in the plan, in human-readable form.
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
        let admit = miss.why.switch().map_or_else(String::new, |s| format!(" ({s} would admit it)"));
        let _ = writeln!(text, "  {}{admit}", missed(miss));
    }
    if let Some(alone) = why.alone {
        let _ = writeln!(text, "  the best plan with it alone comes to {}", figure(objective, alone));
    }
    match (why.wins_at, why.price) {
        (Some(at), Some(now)) if !why.chosen => {
            let _ = writeln!(text, "  it would be chosen at {} each{}, it costs {}", usd(at), besides(why), usd(now));
        }
        (Some(at), None) => {
            let _ = writeln!(text, "  it would be chosen at {} each{}; its price is unknown", usd(at), besides(why));
        }
        (None, _) if !why.chosen && why.misses.is_empty() => {
            let _ = writeln!(text, "  it would not be chosen at any price");
        }
        _ => {}
    }
    text
}

fn missed(miss: &Miss) -> String {
    let site = miss.site.as_ref().map_or_else(String::new, |site| format!("for `{site}` "));
    format!("{site}{}", miss.why)
}

/// What a price holds besides that of the device.
fn besides(why: &WhyNot) -> String {
    if why.accessories.0 == 0 {
        String::new()
    } else {
        format!(", {} for what it needs besides included", usd(why.accessories))
    }
}

/// Why a device is not in the plan, as a JSON value.
#[must_use]
pub fn why_not_value(why: &WhyNot) -> Value {
    json!({
        "device": why.device,
        "chosen": why.chosen,
        "price": why.price.map(|p| p.usd()),
        "accessories": why.accessories.usd(),
        "misses": why.misses.iter().map(missed).collect::<Vec<_>>(),
        "objective_alone": why.alone,
        "wins_at": why.wins_at.map(|p| p.usd()),
    })
}
