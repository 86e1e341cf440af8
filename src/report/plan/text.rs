//! A plan in human-readable form: the choice, each pool's budget as a bar, each workload with its range, what failed and why.

use std::fmt::Write as _;

use super::json::{best_effort, status};
use super::{alike, assumed, others, rates};
use crate::candidates::Speed;
use crate::figures;
use crate::planner::{Energy, Plan, PlannedDevice, PlannedSite, PlannedWorkload, Rejected};
use crate::report::refusals::versions;
use crate::report::table::{Cell, Table, in_markdown};
use crate::report::{launch, objective, peaks};
use crate::scenario::ObjectiveKind;
use crate::solve::Status;
use crate::speed::LanguageSpeed;
use crate::units::{Bytes, Milliwatts};

/// Devices named by their price in the text; more are counted.
const SHOWN_REJECTED: usize = 12;

/// The plan as text; bars fit lines of `width` characters where there is a limit.
#[must_use]
pub fn plan_text(plan: &Plan<'_>, width: Option<u16>) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail: results are ignored on purpose in this file.
    let _ = write_plan(&mut text, plan, width);
    text
}

fn write_plan(out: &mut String, plan: &Plan<'_>, width: Option<u16>) -> std::fmt::Result {
    headline(out, plan)?;
    chosen_from(out, plan)?;
    if let Some(energy) = &plan.energy {
        writeln!(out, "{}", costs(plan, energy))?;
    }
    write_units(out, plan, width)?;
    others::write(out, plan)?;
    write_rejected(out, plan)?;
    let assumptions = assumed::lines(plan);
    if !assumptions.is_empty() {
        writeln!(out, "\nThis rests on")?;
        for (of, text) in assumptions {
            writeln!(out, "  {of}: {text}")?;
        }
    }
    writeln!(
        out,
        "\n{} candidates; headroom {}; ranges hold with {} confidence; oldest price {}; catalog {}",
        plan.considered,
        plan.headroom,
        plan.confidence,
        plan.oldest_price.as_deref().unwrap_or("none"),
        plan.catalog_sha256.get(..12).unwrap_or_default(),
    )
}

/// The units and the order of a plan alone.
pub(super) fn units_text(plan: &Plan<'_>, width: Option<u16>) -> String {
    let mut text = String::new();
    let _ = write_units(&mut text, plan, width);
    text
}

fn write_units(out: &mut String, plan: &Plan<'_>, width: Option<u16>) -> std::fmt::Result {
    for group in alike::sites(&plan.sites) {
        let Some(first) = group.first() else { continue };
        if plan.sites.len() > 1 || first.count > 1 {
            writeln!(out, "\n{}", site_title(&group))?;
        }
        for devices in alike::devices(first) {
            writeln!(out)?;
            write_device(out, &devices, plan.energy.as_ref(), width)?;
        }
    }
    if orders_matter(plan) {
        writeln!(out, "\nOrder")?;
        out.push_str(&order(plan).text(width));
    }
    Ok(())
}

/// Whether the order says more than the devices of the unit do.
fn orders_matter(plan: &Plan<'_>) -> bool {
    plan.order.len() > 1 || plan.order.iter().any(|l| l.supplier.is_some() || l.quantity + l.spares + l.extra > 1)
}

/// What to order, with the columns that say something.
fn order(plan: &Plan<'_>) -> Table {
    let columns = [
        "device",
        ">quantity",
        ">spares",
        ">extra",
        ">unit price USD",
        ">total USD",
        "supplier",
        ">days",
        "price date",
    ];
    let mut table = Table::new(&columns);
    for line in &plan.order {
        table.rows.push(vec![
            Cell::text(&line.device),
            Cell::text(figures::count(line.quantity)),
            Cell::text(figures::count(line.spares)),
            Cell::text(figures::count(line.extra)),
            Cell::money(line.unit_price),
            Cell::money(line.total),
            Cell::or_empty(line.supplier.as_ref(), Cell::text),
            Cell::or_empty(line.lead_time_days, |days| Cell::whole(u64::from(days))),
            Cell::or_empty(line.price_date.as_ref(), Cell::text),
        ]);
    }
    // Pieces that nobody needs, and offers of which no more is known than their price, are worth no column.
    let mut names = vec!["device", "quantity", "spares", "unit price USD", "total USD"];
    names.extend(plan.order.iter().any(|l| l.extra > 0).then_some("extra"));
    names.extend(plan.order.iter().any(|l| l.supplier.is_some()).then_some("supplier"));
    names.extend(plan.order.iter().any(|l| l.lead_time_days.is_some()).then_some("days"));
    names.extend(plan.order.iter().any(|l| l.supplier.is_some() && l.price_date.is_some()).then_some("price date"));
    table.only(&names)
}

/// The units of sites that are alike.
fn site_title(group: &[&PlannedSite<'_>]) -> String {
    /// Sites that are named; more are counted.
    const SHOWN: usize = 6;
    let named: Vec<String> =
        group.iter().take(SHOWN).map(|site| format!("{} x {}", figures::count(site.count), site.name)).collect();
    let named = named.join(", ");
    match group.len() {
        1 => named,
        n if n <= SHOWN => format!("{n} sites alike: {named}"),
        n => {
            let units = figures::counted(group.iter().map(|site| site.count).sum(), "unit");
            format!("{n} sites alike, {units}: {named} and {} more (--format json names all)", n - SHOWN)
        }
    }
}

fn headline(out: &mut String, plan: &Plan<'_>) -> std::fmt::Result {
    let (Some(value), Some(bound)) = (plan.value, plan.bound) else {
        let none = if plan.status == Status::Unknown {
            "no plan was found in time; there may be one"
        } else {
            "no plan exists"
        };
        return writeln!(out, "{}: {none}", plan.scenario);
    };
    let what = match plan.objective {
        ObjectiveKind::Capex => "cheapest",
        ObjectiveKind::Tco => "cheapest over the horizon",
        ObjectiveKind::Power => "least power",
    };
    write!(out, "{}: {what}, {}, {}", plan.scenario, objective::figure(plan.objective, value), boxes(plan))?;
    match plan.status {
        Status::Optimal => writeln!(out, " (proven optimal)"),
        _ => {
            let gap = plan.gap().unwrap_or(0.0) * 100.0;
            let bound = objective::figure(plan.objective, bound);
            writeln!(out, " ({}: no plan is below {bound}, a gap of {gap:.2} %)", status(plan.status))
        }
    }
}

/// The number of devices, and what the objective does not tell of them: `3 devices, up to 75 W`.
fn boxes(plan: &Plan<'_>) -> String {
    let units: u64 = plan.sites.iter().map(|site| site.count).sum();
    let all: u64 = plan.sites.iter().map(|site| site.count.saturating_mul(site.devices.len() as u64)).sum();
    let mut text = figures::counted(all, "device");
    if units > 1 {
        text.push_str(&format!(" in {}", figures::counted(units, "unit")));
    }
    if plan.objective == ObjectiveKind::Power {
        text.push_str(&format!(", {}", figures::usd(plan.purchase)));
        return text;
    }
    let power = |site: &PlannedSite<'_>| {
        let unit = site.devices.iter().map(|d| d.mode.power.map(|p| p.0)).sum::<Option<u64>>()?;
        unit.checked_mul(site.count)
    };
    match plan.sites.iter().map(power).sum::<Option<u64>>() {
        Some(power) => text.push_str(&format!(", up to {}", figures::power(Milliwatts(power)))),
        None => text.push_str(", power unknown"),
    }
    text
}

/// How much of the market the plan was chosen from.
fn chosen_from(out: &mut String, plan: &Plan<'_>) -> std::fmt::Result {
    let market = plan.market;
    write!(out, "{} of {} devices considered", market.considered, market.known)?;
    match market.missing {
        0 => writeln!(out),
        missing => writeln!(out, ", {missing} skipped: missing or unconfirmed data"),
    }
}

/// Purchase and energy apart.
fn costs(plan: &Plan<'_>, energy: &Energy) -> String {
    let usd_per_year = energy.usd(energy.kwh_per_year);
    format!(
        "purchase {} + energy {} over {} years ({} kWh and {} USD per year)",
        figures::usd(plan.purchase),
        figures::usd(energy.total),
        energy.years(),
        figures::rate(energy.kwh_per_year),
        figures::dollars(usd_per_year),
    )
}

fn write_device(
    out: &mut String,
    group: &[&PlannedDevice<'_>],
    energy: Option<&Energy>,
    width: Option<u16>,
) -> std::fmt::Result {
    let Some(device) = group.first() else { return Ok(()) };
    let power =
        device.mode.power.map_or_else(|| "power unknown".to_owned(), |p| format!("up to {}", figures::power(p)));
    let (number, each) = match group.len() {
        1 => (String::new(), ""),
        n => (format!("{n} x "), " each"),
    };
    writeln!(
        out,
        "{number}{}  {}\n  mode {}, {}{each}, {power}{each}, load {}{}",
        device.device.id,
        device.device.name,
        device.mode.id,
        figures::usd(device.unit_price),
        figures::percent(device.load),
        energy
            .and_then(|e| e.kwh_per_year_of(device))
            .map_or_else(String::new, |kwh| format!(", {} kWh per year{each}", figures::rate(kwh))),
    )?;
    for (software, range) in &device.needs.0 {
        writeln!(out, "  needs {}", versions(software, *range))?;
    }
    // All workloads of a device ask the same of the machine.
    if let Some(known) = device.workloads.first().and_then(|w| w.launch.as_ref()) {
        launch::write_setup(out, known)?;
    }
    if let Some(setting) = &device.mode.setting {
        writeln!(out, "  setting {}, changed from the factory's (limits.settings: factory forbids it):", setting.id)?;
        writeln!(out, "    $ {}", setting.command)?;
    }
    for pool in &device.pools {
        writeln!(out, "\n  {} memory {:>12}", pool.name, pool.capacity.to_string())?;
        let mut lines: Vec<(String, Bytes)> = vec![("operating system".to_owned(), pool.os)];
        for (i, planned) in device.workloads.iter().enumerate() {
            let pools = &planned.candidate.device.pools;
            let used = pools.iter().find(|p| p.name.id() == pool.name).map(|p| planned.candidate.used(p.name));
            let used = used.unwrap_or_default();
            let name = alike::names(group, i);
            for (what, bytes) in [
                ("weights", used.weights),
                ("KV cache and state", used.kv_cache + used.state),
                ("prompt cache", used.prompt_cache),
                ("context checkpoints", used.checkpoints),
                ("activations", used.activations()),
                ("framework", used.framework),
            ] {
                if bytes > Bytes::ZERO {
                    lines.push((format!("{name}: {what}"), bytes));
                }
            }
        }
        let listed: Bytes = lines.iter().map(|(_, b)| *b).sum();
        if listed > pool.steady {
            let shared = listed.saturating_sub(pool.steady);
            lines.push((format!("shared process: {shared} of framework counted once"), Bytes::ZERO));
        }
        lines.push(("headroom".to_owned(), pool.required.saturating_sub(pool.steady)));
        lines.push(("free".to_owned(), pool.free()));
        let bar = width.map_or(40, |width| usize::from(width).saturating_sub(56).clamp(8, 40));
        for (what, bytes) in lines {
            let line = format!("    {what:<34} {:>12}  {}", bytes.to_string(), bar_of(bytes, pool.capacity, bar));
            writeln!(out, "{}", line.trim_end())?;
        }
    }
    writeln!(out)?;
    for (i, planned) in device.workloads.iter().enumerate() {
        write_workload(out, planned, &alike::names(group, i))?;
    }
    Ok(())
}

/// A bar as long as the part of the whole, in eighths of a character.
fn bar_of(part: Bytes, whole: Bytes, width: usize) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let eighths = (part.0 as f64 / whole.0.max(1) as f64 * width as f64 * 8.0).round() as usize;
    let eighths = eighths.min(width * 8);
    let mut bar = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        bar.push(EIGHTHS[eighths % 8]);
    }
    bar
}

fn write_workload(out: &mut String, planned: &PlannedWorkload<'_>, names: &str) -> std::fmt::Result {
    let candidate = &planned.candidate;
    let wanted = &planned.workload;
    write!(out, "  {names}: {} as {} on {}", wanted.model.id, candidate.format.id, candidate.runtime_id)?;
    if candidate.runtime_id != candidate.runtime.id {
        write!(out, " ({})", candidate.runtime.id)?;
    }
    if candidate.device.cards() > 1 {
        write!(out, ", card {}", candidate.card)?;
    }
    if let Some(kv) = candidate.kv {
        write!(
            out,
            ", cache {}/{}, flash attention {}",
            kv.k,
            kv.v,
            if candidate.flash_attention == Some(true) { "on" } else { "off" }
        )?;
    }
    writeln!(out)?;
    if wanted.model.task.is_language() {
        writeln!(
            out,
            "    {} stream{} of {} tokens",
            wanted.streams,
            if wanted.streams == 1 { "" } else { "s" },
            wanted.context
        )?;
    }
    rates::write(out, planned)?;
    if let Some(latency) = planned.latency {
        let what = if wanted.targets.ttft.is_some() { "first token" } else { "answer" };
        // Alone on its device it shares with nothing: the figure is that of the range above.
        if candidate.latency.is_none_or(|(alone, _)| alone != latency) {
            writeln!(out, "    {what} after {} at most while the others run", figures::time_at_most(latency))?;
        }
    }
    if best_effort(planned) {
        // Without a rate to reach, quality decides: the format of least loss that fits.
        let format = if wanted.weights.is_none() { "the best format that fits, and " } else { "" };
        writeln!(out, "    no rate target: {format}what the others leave of the time")?;
    }
    if let Some(footprint) = &candidate.footprint {
        for warning in peaks::warnings(candidate.pools(), &footprint.peaks) {
            writeln!(out, "    {warning}")?;
        }
    }
    if let Some(known) = &planned.launch {
        launch::write(out, known)?;
    }
    Ok(())
}

fn write_rejected(out: &mut String, plan: &Plan<'_>) -> std::fmt::Result {
    let paid = plan.sites.iter().flat_map(|s| &s.devices).map(|d| d.unit_price).max();
    let cheaper: Vec<&Rejected> = plan
        .rejected
        .iter()
        .filter(|r| r.why.switch().is_none() && r.price.is_some_and(|p| paid.is_none_or(|paid| p < paid)))
        .collect();
    if !cheaper.is_empty() {
        let title = match (paid, plan.status) {
            (Some(_), _) => "Cheaper, but",
            (None, Status::Unknown) => "Why each of these fails alone",
            (None, _) => "Why each device fails",
        };
        writeln!(out, "\n{title}")?;
        for rejected in cheaper.iter().take(SHOWN_REJECTED) {
            let price = rejected.price.map_or_else(String::new, figures::amount);
            writeln!(out, "  {price:>10}  {}: {}", rejected.device, rejected.why)?;
        }
        if cheaper.len() > SHOWN_REJECTED {
            writeln!(out, "              and {} more (--format json names all)", cheaper.len() - SHOWN_REJECTED)?;
        }
    }
    let mut left_out: Vec<(&str, Vec<&str>)> = Vec::new();
    for rejected in &plan.rejected {
        if let Some(switch) = rejected.why.switch() {
            match left_out.iter_mut().find(|(s, _)| *s == switch) {
                Some((_, devices)) => devices.push(&rejected.device),
                None => left_out.push((switch, vec![&rejected.device])),
            }
        }
    }
    if !left_out.is_empty() {
        writeln!(out, "\nSkipped: missing data")?;
        for (switch, mut devices) in left_out {
            devices.sort_unstable();
            devices.dedup();
            let named = devices.iter().take(3).copied().collect::<Vec<_>>().join(", ");
            let more = if devices.len() > 3 { format!(" and {} more", devices.len() - 3) } else { String::new() };
            writeln!(out, "  {named}{more}: admitted with {switch}")?;
        }
    }
    Ok(())
}

/// The plan's workloads as records; over a horizon with the energy of the device that each runs on.
#[must_use]
pub fn plan_table(plan: &Plan<'_>) -> Table {
    let mut columns = vec![
        "site",
        ">count",
        "device",
        "mode",
        ">unit_price",
        "workload",
        "model",
        "runtime",
        "weights",
        "kv_k",
        "kv_v",
        ">context",
        ">streams",
        ">load",
        ">memory_bytes",
        ">rate",
        ">rate_low",
        ">latency_s",
        ">wanted_per_stream",
        ">wanted_total",
        "wanted",
    ];
    // What only a plan over a horizon has.
    if plan.energy.is_some() {
        columns.extend([">kwh_per_year", ">energy_usd_per_year"]);
    }
    let mut table = Table::new(&columns);
    for site in &plan.sites {
        for device in &site.devices {
            for planned in &device.workloads {
                let c = &planned.candidate;
                let memory: Bytes = c.own().chain(c.framework()).sum();
                let (rate, low) = match c.speed {
                    Some(Speed::Language(LanguageSpeed { decode: Some(d), .. })) => (Some(d.median.0), Some(d.low.0)),
                    Some(speed) => speed.inferences().map(|i| (i.median.0, i.low.0)).unzip(),
                    None => (None, None),
                };
                let wanted = rates::wanted_value(&planned.workload);
                let number = |key: &str| Cell::or_empty(wanted[key].as_f64(), |n| Cell::Number(n.to_string()));
                let language = planned.workload.model.task.is_language();
                let mut row = vec![
                    Cell::text(&site.name),
                    Cell::whole(site.count),
                    Cell::text(&device.device.id),
                    Cell::text(&device.mode.id),
                    Cell::money(device.unit_price),
                    Cell::text(&planned.workload.name),
                    Cell::text(&planned.workload.model.id),
                    Cell::text(c.runtime_id),
                    Cell::text(&c.format.id),
                    Cell::or_empty(c.kv, |p| Cell::text(p.k.id())),
                    Cell::or_empty(c.kv, |p| Cell::text(p.v.id())),
                    Cell::or_empty(language.then_some(planned.workload.context), Cell::whole),
                    Cell::whole(u64::from(planned.workload.streams)),
                    Cell::share(c.load),
                    Cell::bytes(memory),
                    Cell::or_empty(rate, |r| Cell::rate(r, 3)),
                    Cell::or_empty(low, |r| Cell::rate(r, 3)),
                    Cell::or_empty(planned.latency, |l| Cell::seconds(l.seconds())),
                    number("per_stream"),
                    number("total"),
                    Cell::or_empty(wanted["text"].as_str(), Cell::text),
                ];
                if let Some(energy) = &plan.energy {
                    let kwh = energy.kwh_per_year_of(device);
                    row.push(Cell::or_empty(kwh, |kwh| Cell::rate(kwh, 3)));
                    row.push(Cell::or_empty(kwh, |kwh| Cell::dollars(energy.usd(kwh))));
                }
                table.rows.push(row);
            }
        }
    }
    table
}

/// The plan as a Markdown document.
#[must_use]
pub fn plan_markdown(plan: &Plan<'_>) -> String {
    let mut text = String::new();
    let mut title = String::new();
    let _ = headline(&mut title, plan);
    let mut from = String::new();
    let _ = chosen_from(&mut from, plan);
    let _ = write!(text, "# {}\n\n{from}\n", in_markdown(title.trim_end()));
    if let Some(energy) = &plan.energy {
        let _ = writeln!(text, "{}\n", costs(plan, energy));
    }
    text.push_str(&plan_table(plan).markdown());
    if orders_matter(plan) {
        let _ = write!(text, "\n## Order\n\n{}", order(plan).markdown());
    }
    let mut budget =
        Table::new(&["site", "device", "pool", ">capacity GiB", ">used GiB", ">with headroom GiB", ">free GiB"]);
    for site in &plan.sites {
        for device in &site.devices {
            for pool in &device.pools {
                budget.rows.push(vec![
                    Cell::text(&site.name),
                    Cell::text(&device.device.id),
                    Cell::text(pool.name),
                    Cell::fixed(pool.capacity.gib(), 2),
                    Cell::fixed(pool.steady.gib(), 2),
                    Cell::fixed(pool.required.gib(), 2),
                    Cell::fixed(pool.free().gib(), 2),
                ]);
            }
        }
    }
    let _ = write!(text, "\n## Memory\n\n{}", budget.markdown());
    let others = others::table(plan);
    if !others.rows.is_empty() {
        let _ = write!(text, "\n## Other plans\n\n{}", others.markdown());
    }
    let assumptions = assumed::lines(plan);
    if !assumptions.is_empty() {
        let mut table = Table::new(&["of", "assumption"]);
        table.rows.extend(assumptions.into_iter().map(|(of, text)| vec![Cell::text(of), Cell::text(text)]));
        let _ = write!(text, "\n## Assumptions\n\n{}", table.markdown());
    }
    let mut rejected = Table::new(&["device", ">price USD", "reason"]);
    for r in &plan.rejected {
        rejected.rows.push(vec![
            Cell::text(&r.device),
            Cell::or_empty(r.price, Cell::money),
            Cell::text(r.why.to_string()),
        ]);
    }
    let _ = write!(text, "\n## Rejected\n\n{}", rejected.markdown());
    text
}
