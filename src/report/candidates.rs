//! The candidate table: what any solver needs to reach the same optimum.

use super::table::{Cell, Table};
use crate::candidates::{Candidate, Generated, Speed};
use crate::domain::PriceBreak;
use crate::scenario::Scenario;
use crate::units::{Micros, Share};

const COLUMNS: [&str; 42] = [
    "site",
    "workload",
    ">candidate",
    "device",
    "mode",
    "setting",
    ">unit_price",
    "price_breaks",
    ">power_w",
    ">idle_w",
    "runtime",
    "weights",
    "kv_k",
    "kv_v",
    "flash_attention",
    ">micro_batch",
    ">context",
    ">streams",
    "pool",
    ">weights_bytes",
    ">kv_cache_bytes",
    ">activation_bytes",
    ">framework_bytes",
    ">os_bytes",
    ">capacity_bytes",
    ">load",
    ">decode_tok_s",
    ">decode_tok_s_low",
    ">prefill_tok_s",
    ">ttft_s",
    ">inferences_s",
    ">inferences_s_low",
    ">latency_s",
    ">latency_alone_s",
    ">latency_target_s",
    ">quality_loss",
    ">doubts",
    ">slowness",
    "basis",
    "allowed",
    "reason",
    "unverified",
];

/// One record per candidate and pool; with a last column for what is sold together only where anything is.
#[must_use]
pub fn candidates(scenario: &Scenario, generated: &Generated<'_>) -> Table {
    let multiples = generated.candidates.iter().any(|candidate| candidate.device.order_multiple > 1);
    let columns = COLUMNS.iter().copied().chain(multiples.then_some(">order_multiple"));
    let mut table = Table::new(&columns.collect::<Vec<_>>());
    for candidate in &generated.candidates {
        for pool in 0..candidate.device.pools.len() {
            let mut row = row(scenario, candidate, pool);
            row.extend(multiples.then(|| Cell::whole(candidate.device.order_multiple)));
            table.rows.push(row);
        }
    }
    table
}

/// What fits a terminal: where what runs, what that takes of the device's time, and why not.
#[must_use]
pub fn candidates_text(table: Table, width: Option<u16>) -> String {
    let of = |name: &str| table.columns.iter().position(|column| column.name == name);
    let sites = of("site").is_some_and(|site| table.rows.iter().any(|row| row[site] != table.rows[0][site]));
    let refused = of("reason").is_some_and(|reason| table.rows.iter().any(|row| row[reason] != Cell::Empty));
    let mut names = vec!["workload", "device", "mode", "unit_price", "runtime", "weights", "pool", "load"];
    names.extend(sites.then_some("site"));
    names.extend(refused.then_some("reason"));
    table.only(&names).text(width) + "\n--format csv has the memory, the speed and the candidate's number besides\n"
}

fn row(scenario: &Scenario, candidate: &Candidate<'_>, pool: usize) -> Vec<Cell> {
    let site = &scenario.sites[candidate.site];
    let workload = &site.workloads[candidate.workload];
    let device = candidate.device;
    let room = &candidate.pools()[pool];
    let used = candidate.used(room.name);
    let language = workload.model.task.is_language();
    let speeds = speeds(candidate);
    let prices = device.prices_within(site.limits.lead_time_days);
    // A device that no offer brings in time has its price all the same: the reason says why it is refused.
    let prices = if prices.is_empty() { device.prices.as_slice().into() } else { prices };
    let first_price = prices.first().map(|b| b.price);
    vec![
        Cell::text(&site.name),
        Cell::text(&workload.name),
        Cell::whole(u64::from(candidate.number)),
        Cell::text(&device.id),
        Cell::text(&candidate.mode.id),
        Cell::or_empty(candidate.mode.setting.as_ref(), |s| Cell::text(&s.id)),
        Cell::or_empty(first_price, |p| Cell::Number(p.to_string())),
        Cell::text(price_breaks(&prices)),
        Cell::or_empty(candidate.mode.power, |p| Cell::Number(p.to_string())),
        Cell::or_empty(candidate.mode.idle, |p| Cell::Number(p.to_string())),
        Cell::text(candidate.runtime_id),
        Cell::text(&candidate.format.id),
        Cell::or_empty(candidate.kv, |p| Cell::text(p.k.id())),
        Cell::or_empty(candidate.kv, |p| Cell::text(p.v.id())),
        Cell::or_empty(candidate.flash_attention, Cell::Bool),
        Cell::or_empty(candidate.micro_batch, |n| Cell::whole(u64::from(n))),
        Cell::or_empty(language.then_some(workload.context), Cell::whole),
        Cell::whole(u64::from(workload.streams)),
        Cell::text(room.name.id()),
        Cell::whole(used.weights.0),
        Cell::whole(used.cache().0),
        Cell::whole(used.activations().0),
        Cell::whole(used.framework.0),
        Cell::whole(room.os.0),
        Cell::whole(room.capacity.0),
        share(candidate.load),
        speeds[0].clone(),
        speeds[1].clone(),
        speeds[2].clone(),
        speeds[3].clone(),
        speeds[4].clone(),
        speeds[5].clone(),
        speeds[6].clone(),
        Cell::or_empty(candidate.latency, |(alone, _)| micros(alone)),
        Cell::or_empty(candidate.latency, |(_, target)| micros(target)),
        share(candidate.quality_loss),
        Cell::whole(candidate.doubts().into()),
        Cell::whole(candidate.slowness().into()),
        Cell::or_empty(candidate.speed, |s| Cell::text(basis(&s))),
        Cell::Bool(candidate.refusal.is_none()),
        Cell::or_empty(candidate.refusal.as_ref(), |r| Cell::text(r.to_string())),
        Cell::text(crate::candidates::unverified_facts(device, crate::scenario::ObjectiveKind::Tco, true).join(";")),
    ]
}

/// `1:699.00;50:649.00`.
fn price_breaks(prices: &[PriceBreak]) -> String {
    prices.iter().map(|b| format!("{}:{}", b.min_quantity, b.price)).collect::<Vec<_>>().join(";")
}

fn share(share: Share) -> Cell {
    // A share that stands for "more than any limit" has no figure.
    if share.0 == u64::MAX {
        Cell::Empty
    } else {
        Cell::Number(format!("{}.{:06}", share.0 / 1_000_000, share.0 % 1_000_000))
    }
}

fn micros(time: Micros) -> Cell {
    if time.0 == u64::MAX { Cell::Empty } else { Cell::Number(time.to_string()) }
}

/// What an estimate rests on, in a word.
#[must_use]
pub fn basis(speed: &Speed) -> &'static str {
    use crate::speed::Basis;
    match speed.basis() {
        Basis::Measured => "measured",
        Basis::Device => "device",
        Basis::Class => "class",
        Basis::Roofline => "roofline",
    }
}

/// decode, its low bound, prefill, first token; inferences, their low bound, latency.
fn speeds(candidate: &Candidate<'_>) -> [Cell; 7] {
    let mut cells = std::array::from_fn(|_| Cell::Empty);
    let Some(speed) = candidate.speed else { return cells };
    if let Speed::Language(language) = speed {
        cells[2] = Cell::fixed(language.prefill.median.0, 6);
        if let Some(decode) = language.decode {
            cells[0] = Cell::fixed(decode.median.0, 6);
            cells[1] = Cell::fixed(decode.low.0, 6);
            cells[3] = Cell::fixed(language.ttft.median.0, 6);
        }
    }
    if let Some(inferences) = speed.inferences() {
        cells[4] = Cell::fixed(inferences.median.0, 6);
        cells[5] = Cell::fixed(inferences.low.0, 6);
    }
    cells[6] = Cell::or_empty(speed.latency(), |latency| Cell::fixed(latency.median.0, 6));
    cells
}

/// What an estimate rests on, in a word for a column.
pub(super) fn basis_in_a_word(speed: &Speed) -> &'static str {
    match basis(speed) {
        "device" => "same-chip",
        "roofline" => "calculated",
        word => word,
    }
}

/// What an estimate rests on, for people.
pub(super) fn basis_in_words(speed: &Speed) -> &'static str {
    match basis(speed) {
        "measured" => "measured",
        "device" => "from the same chip",
        "class" => "from its class",
        _ => "calculated",
    }
}
