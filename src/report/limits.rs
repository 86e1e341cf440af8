//! The limits of devices as records.

use indexmap::IndexMap;

use super::candidates::basis_in_a_word;
use super::table::{Cell, Table};
use crate::candidates::Speed;
use crate::domain::PoolName;
use crate::figures;
use crate::planner::limits::{Binds, Limits, written};
use crate::scenario::{Scenario, Workload};

const COLUMNS: [&str; 25] = [
    "site",
    "workload",
    "model",
    "device",
    "mode",
    "setting",
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
    let columns = if frontier { &COLUMNS[..] } else { &COLUMNS[..24] };
    let mut table = Table::new(columns);
    for limit in limits {
        table.rows.push(row(scenario, limit, None, frontier));
        for (i, &point) in limit.frontier.iter().enumerate() {
            table.rows.push(row(scenario, limit, Some((i as u64 + 1, point)), frontier));
        }
    }
    table
}

/// What fits a terminal: of each workload on each device the configuration with the most streams that meet the targets, of
/// those the one with the longest context, then the most streams that fit, and of those the first.
#[must_use]
pub fn limits_text(scenario: &Scenario, limits: &[Limits<'_>], frontier: bool, width: Option<u16>) -> String {
    let merit = |l: &Limits<'_>| (l.streams.on_target, l.context.max, l.streams.max);
    let mut best: IndexMap<(usize, usize, &str), &Limits<'_>> = IndexMap::new();
    for limit in limits {
        let kept = best.entry((limit.site, limit.workload, &limit.device.id)).or_insert(limit);
        if merit(limit) > merit(kept) {
            *kept = limit;
        }
    }
    let mut text = String::new();
    let mut of = None;
    let mut table = Table::new(&[]);
    let mut frontiers = String::new();
    for limit in best.values() {
        let site = &scenario.sites[limit.site];
        let workload = &site.workloads[limit.workload];
        if of.is_none_or(|of| of != (limit.site, limit.workload)) {
            end(&mut text, &table, &frontiers, width);
            frontiers.clear();
            of = Some((limit.site, limit.workload));
            let site = if scenario.sites.len() > 1 { format!("{}: ", site.name) } else { String::new() };
            text.push_str(&format!("{site}{}, {}\n", workload.name, workload.model_name));
            text.push_str(&format!("{}\n\n", meaning(workload)));
            table = Table::new(&columns(workload));
        }
        table.rows.push(shown(workload, limit));
        if frontier {
            frontiers.push_str(&points(limit, width));
        }
    }
    end(&mut text, &table, &frontiers, width);
    text.push_str(&format!(
        "Of each device the configuration with the most streams on target, then the longest context;\n--format csv has all {}, \
         with modes and targets.\n",
        limits.len()
    ));
    text
}

/// What the columns of a workload mean.
fn meaning(workload: &Workload) -> String {
    if !workload.model.task.is_language() {
        return "streams: the most that fit; on target: the most that fit and meet the targets".to_owned();
    }
    format!(
        "streams: the most of {} tokens that fit; on target: the most that fit and meet the targets;\ncontext: the longest of {}",
        figures::count(workload.context),
        figures::counted(u64::from(workload.streams), "stream")
    )
}

fn columns(workload: &Workload) -> Vec<&'static str> {
    let mut columns = vec!["device", "weights"];
    let language = workload.model.task.is_language();
    columns.extend(language.then_some("cache"));
    columns.extend([">streams", "full at", ">on target"]);
    if language {
        columns.extend([">context", "ends at"]);
    }
    columns.extend([if workload.model.task.decodes() { ">tok/s" } else { ">inferences/s" }, "basis"]);
    columns
}

fn shown(workload: &Workload, limit: &Limits<'_>) -> Vec<Cell> {
    let language = workload.model.task.is_language();
    let rate = match limit.speed {
        Some(Speed::Language(s)) => s.decode.map(|d| d.median.0),
        Some(Speed::Network(s)) => Some(s.inferences.median.0),
        None => None,
    };
    let mut cells = vec![Cell::text(&limit.device.id), Cell::text(&limit.choice.format.id)];
    if language {
        cells.push(Cell::or_empty(limit.choice.kv, |p| Cell::text(format!("{}/{}", p.k.id(), p.v.id()))));
    }
    cells.extend([
        Cell::text(figures::count(limit.streams.max)),
        Cell::text(bound(limit.streams.binds)),
        Cell::text(figures::count(limit.streams.on_target)),
    ]);
    if language {
        cells.extend([Cell::text(figures::count(limit.context.max)), Cell::text(bound(limit.context.binds))]);
    }
    cells.extend([
        Cell::or_empty(rate, |r| Cell::text(figures::rate(r))),
        Cell::or_empty(limit.speed, |s| Cell::text(basis_in_a_word(&s))),
    ]);
    cells
}

/// The pairs of streams and context of a device that no other pair beats, broken between pairs where the width is known.
fn points(limit: &Limits<'_>, width: Option<u16>) -> String {
    let mut text = format!(" {}\n", limit.device.id);
    let mut line = String::new();
    let pairs = limit.frontier.iter().map(|&(streams, context)| format!("{streams} x {}", figures::count(context)));
    for pair in pairs {
        let next = if line.is_empty() { format!("   {pair}") } else { format!("{line}, {pair}") };
        if width.is_some_and(|width| next.chars().count() >= usize::from(width)) && !line.is_empty() {
            text.push_str(&format!("{line},\n"));
            line = format!("   {pair}");
        } else {
            line = next;
        }
    }
    text.push_str(&line);
    text.push('\n');
    text
}

/// What ends a limit, for people.
fn bound(binds: Binds) -> String {
    match binds {
        Binds::Memory(PoolName::Unified) => "memory".to_owned(),
        Binds::Memory(pool) => format!("{pool} memory"),
        Binds::Model => "model".to_owned(),
        Binds::Runtime => "runtime".to_owned(),
        Binds::Cap => "search limit".to_owned(),
    }
}

/// Writes what a table holds, and the frontiers of its devices below it.
fn end(text: &mut String, table: &Table, frontiers: &str, width: Option<u16>) {
    if !table.rows.is_empty() {
        text.push_str(&table.text(width));
        text.push('\n');
    }
    if !frontiers.is_empty() {
        text.push_str(&format!(" streams x context, each pair that no other beats\n{frontiers}\n"));
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
        Cell::or_empty(limit.mode.setting.as_ref(), |s| Cell::text(&s.id)),
        Cell::or_empty(limit.device.prices.first(), |b| Cell::money(b.price)),
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
