//! The limits of devices as records.

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
