//! The limits of devices as records.

use indexmap::IndexMap;

use super::table::{Cell, Table};
use crate::candidates::Speed;
use crate::planner::limits::{Limits, written};
use crate::scenario::Scenario;

const COLUMNS: [&str; 24] = [
    "site",
    "workload",
    "model",
    "device",
    "mode",
    ">unit_price",
    "runtime",
    "weights",
    "kv_k",
    "kv_v",
    "flash_attention",
    ">micro_batch",
    ">headroom",
    ">context",
    ">max_streams",
    "max_streams_binds",
    ">max_streams_on_target",
    ">streams",
    ">max_context",
    "max_context_binds",
    ">max_context_on_target",
    ">decode_tok_s",
    ">decode_tok_s_low",
    ">point",
];

/// One record per workload, device, mode and configuration; with a frontier one more per point of it.
#[must_use]
pub fn limits(scenario: &Scenario, limits: &[Limits<'_>], frontier: bool) -> Table {
    let columns = if frontier { &COLUMNS[..] } else { &COLUMNS[..23] };
    let mut table = Table::new(columns);
    for limit in limits {
        table.rows.push(row(scenario, limit, None, frontier));
        for (i, &point) in limit.frontier.iter().enumerate() {
            table.rows.push(row(scenario, limit, Some((i as u64 + 1, point)), frontier));
        }
    }
    table
}

/// What fits a terminal: of each workload on each device the configuration with the longest context, at equal length the one
/// with the most streams, and of those the first.
#[must_use]
pub fn limits_text(scenario: &Scenario, limits: &[Limits<'_>], frontier: bool, width: u16) -> String {
    let mut best: IndexMap<(usize, usize, &str), &Limits<'_>> = IndexMap::new();
    for limit in limits {
        let kept = best.entry((limit.site, limit.workload, &limit.device.id)).or_insert(limit);
        if (limit.context.max, limit.streams.max) > (kept.context.max, kept.streams.max) {
            *kept = limit;
        }
    }
    let mut text = String::new();
    let mut of = None;
    let mut columns = vec!["device", "weights", "cache", ">streams", "bound by", ">context", "bound by", ">tok/s"];
    if frontier {
        columns.push("streams x context");
    }
    let mut table = Table::new(&columns);
    for limit in best.values() {
        let site = &scenario.sites[limit.site];
        let workload = &site.workloads[limit.workload];
        if of.is_none_or(|of| of != (limit.site, limit.workload)) {
            end(&mut text, &mut table, width);
            of = Some((limit.site, limit.workload));
            let site = if scenario.sites.len() > 1 { format!("{}: ", site.name) } else { String::new() };
            let asked = workload.model.network().map_or(workload.context, written);
            let streams =
                if workload.streams == 1 { "1 stream".to_owned() } else { format!("{} streams", workload.streams) };
            text.push_str(&format!("{site}{}, {}\n", workload.name, workload.model_name));
            text.push_str(&format!("most streams of {asked} tokens, and the longest context of {streams}\n\n"));
        }
        let decode = match limit.speed {
            Some(Speed::Language(s)) => s.decode,
            _ => None,
        };
        let mut cells = vec![
            Cell::text(&limit.device.id),
            Cell::text(&limit.choice.format.id),
            Cell::or_empty(limit.choice.kv, |p| Cell::text(format!("{}/{}", p.k.id(), p.v.id()))),
            Cell::whole(limit.streams.max),
            Cell::text(limit.streams.binds.to_string()),
            Cell::whole(limit.context.max),
            Cell::text(limit.context.binds.to_string()),
            Cell::or_empty(decode, |d| Cell::fixed(d.median.0, 1)),
        ];
        if frontier {
            let points: Vec<_> =
                limit.frontier.iter().map(|(streams, context)| format!("{streams} x {context}")).collect();
            cells.push(Cell::text(points.join(", ")));
        }
        table.rows.push(cells);
    }
    end(&mut text, &mut table, width);
    text.push_str(&format!(
        "The configuration with the longest context of each device; --format csv has all {}, with modes and targets.\n",
        limits.len()
    ));
    text
}

/// Writes what a table holds and empties it.
fn end(text: &mut String, table: &mut Table, width: u16) {
    if !table.rows.is_empty() {
        text.push_str(&table.text(width));
        text.push('\n');
        table.rows.clear();
    }
}

type Point = (u64, (u32, u64));

fn row(scenario: &Scenario, limit: &Limits<'_>, point: Option<Point>, frontier: bool) -> Vec<Cell> {
    let site = &scenario.sites[limit.site];
    let workload = &site.workloads[limit.workload];
    let choice = &limit.choice;
    let asked_context = workload.model.network().map_or(workload.context, written);
    let (streams, context) = point.map_or((workload.streams, asked_context), |(_, p)| p);
    let decode = match limit.speed {
        Some(Speed::Language(s)) => s.decode,
        _ => None,
    };
    let asked = |cell: Cell| if point.is_some() { Cell::Empty } else { cell };
    let mut cells = vec![
        Cell::text(&site.name),
        Cell::text(&workload.name),
        Cell::text(&workload.model_name),
        Cell::text(&limit.device.id),
        Cell::text(&limit.mode.id),
        Cell::or_empty(limit.device.prices.first(), |b| Cell::Number(b.price.to_string())),
        Cell::text(choice.runtime_id),
        Cell::text(&choice.format.id),
        Cell::or_empty(choice.kv, |p| Cell::text(p.k.id())),
        Cell::or_empty(choice.kv, |p| Cell::text(p.v.id())),
        Cell::or_empty(choice.flash_attention, Cell::Bool),
        Cell::or_empty(choice.micro_batch, |n| Cell::whole(u64::from(n))),
        Cell::fixed(scenario.headroom.as_f64(), 6),
        Cell::whole(context),
        asked(Cell::whole(limit.streams.max)),
        asked(Cell::text(limit.streams.binds.to_string())),
        asked(Cell::whole(limit.streams.on_target)),
        Cell::whole(u64::from(streams)),
        asked(Cell::whole(limit.context.max)),
        asked(Cell::text(limit.context.binds.to_string())),
        asked(Cell::whole(limit.context.on_target)),
        asked(Cell::or_empty(decode, |d| Cell::fixed(d.median.0, 6))),
        asked(Cell::or_empty(decode, |d| Cell::fixed(d.low.0, 6))),
    ];
    if frontier {
        cells.push(Cell::or_empty(point, |(i, _)| Cell::whole(i)));
    }
    cells
}
