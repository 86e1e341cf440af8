//! What more of something costs, as a table, for programs and in human-readable form.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::others;
use crate::planner::frontier::{Axis, Frontier, FrontierPoint};
use crate::report::table::{Cell, Table, in_markdown};

/// The name of the second column, with its unit.
const fn column(axis: Axis) -> &'static str {
    match axis {
        Axis::Power => "power_w",
        Axis::Headroom => "headroom",
        Axis::Speed => "speed",
    }
}

/// How far a point goes: watts, a share or a factor.
fn reached(axis: Axis, point: &FrontierPoint) -> (f64, usize) {
    match axis {
        Axis::Power => (point.at as f64 / 1000.0, 3),
        Axis::Headroom => (point.at as f64 / 1e6, 6),
        Axis::Speed => (point.at as f64 / 1000.0, 3),
    }
}

/// The points as records, the cheapest first.
#[must_use]
pub fn frontier_table(frontier: &Frontier) -> Table {
    let second = match frontier.axis {
        Axis::Power => ">power_w",
        Axis::Headroom => ">headroom",
        Axis::Speed => ">speed",
    };
    let mut table = Table::new(&[">point", ">cost_usd", second, "as_asked", "devices"]);
    for (number, point) in frontier.points.iter().enumerate() {
        let (at, decimals) = reached(frontier.axis, point);
        table.rows.push(vec![
            Cell::whole(number as u64 + 1),
            Cell::dollars(point.plan.objective),
            Cell::fixed(at, decimals),
            Cell::Bool(point.as_asked),
            Cell::text(others::in_words(&point.plan)),
        ]);
    }
    table
}

/// For programs.
#[must_use]
pub fn frontier_value(frontier: &Frontier) -> Value {
    let points = frontier.points.iter().map(|point| {
        let mut value = others::alternative(Some(&point.plan), crate::solve::Status::Optimal);
        if let Some(object) = value.as_object_mut() {
            object.insert(column(frontier.axis).to_owned(), json!(reached(frontier.axis, point).0));
            object.insert("as_asked".to_owned(), json!(point.as_asked));
        }
        value
    });
    json!({
        "axes": ["cost", frontier.axis.id()],
        "cost": frontier.cost.id(),
        "complete": frontier.complete,
        "points": points.collect::<Vec<_>>(),
        "left_out": frontier.left_out,
    })
}

/// Human-readable.
#[must_use]
pub fn frontier_text(frontier: &Frontier, width: Option<u16>) -> String {
    let what = match frontier.axis {
        Axis::Power => "power: the least that each unit need draw for that cost",
        Axis::Headroom => "headroom: the most that fits for that cost",
        Axis::Speed => "speed: the largest factor on all rate targets for that cost",
    };
    let mut text = format!("\nCost against {what}\n");
    // Writing to a String cannot fail.
    if frontier.points.is_empty() {
        let _ = writeln!(text, "  no plan");
    } else {
        text.push_str(&frontier_table(frontier).text(width));
    }
    text.push_str(&notes(frontier));
    text
}

/// For documents.
#[must_use]
pub fn frontier_markdown(frontier: &Frontier) -> String {
    let table = frontier_table(frontier).markdown();
    let notes: String = notes(frontier).lines().map(|line| in_markdown(line) + "\n").collect();
    format!("\n## Cost against {}\n\n{table}{notes}", frontier.axis.id())
}

fn notes(frontier: &Frontier) -> String {
    let mut text = String::new();
    if !frontier.complete {
        let _ = writeln!(text, "\nThe search was ended: there may be dearer points.");
    }
    if !frontier.left_out.is_empty() {
        let _ = writeln!(text, "\nLeft out, their draw is unknown: {}", frontier.left_out.join(", "));
    }
    text
}
