//! Does a saved plan still hold under other facts, and is it still the cheapest?

mod edits;

use serde::Deserialize;

pub use self::edits::{Difference, Edit};
use super::build::{Built, build};
use super::plan::{Plan, in_unit};
use crate::candidates::{self, Generated, Options};
use crate::catalog::Catalog;
use crate::domain::Device;
use crate::figures::{dollars, percent, power, usd};
use crate::scenario::{Document, Scenario};
use crate::solve::{self, Assignment, Hosted, Placed, Problem, SearchLimits, Violation};
use crate::units::{Bytes, Share};

/// What of a saved plan is read back.
#[derive(Debug, Clone, Deserialize)]
#[serde(expecting = "a plan as `plan --format json` writes it")]
pub struct Saved {
    /// What it minimised, and to what.
    pub objective: Option<SavedObjective>,
    /// Added to steady memory.
    pub headroom: Option<f64>,
    /// How sure its bounds were; `plan --confidence` has the last word over the scenario.
    pub confidence: Option<f64>,
    /// Price of all pieces of the order, in dollars.
    pub purchase_usd: Option<f64>,
    /// The units.
    pub sites: Vec<SavedSite>,
    /// What is to be ordered for them.
    pub order: Option<Vec<SavedLine>>,
    /// What the catalog was.
    pub catalog: SavedCatalog,
    /// The scenario and the facts it rests on; absent in plans that this version did not write.
    pub inputs: Option<SavedInputs>,
}

impl Saved {
    /// Pieces of a device that were sold together when the plan was saved; nothing where it does not say.
    fn sold_together(&self, device: &str) -> Option<u64> {
        let facts = self.inputs.as_ref()?.facts.iter().find(|f| f.device == device)?;
        if facts.others.is_empty() {
            return None;
        }
        let Some((_, pieces)) = facts.others.iter().find(|(name, _)| name == SOLD_TOGETHER) else { return Some(1) };
        pieces.split(' ').next()?.parse().ok()
    }
}

/// A line of the order of a saved plan.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the plan's JSON")]
pub struct SavedLine {
    pub device: String,
    pub quantity: u64,
    pub spares: u64,
    #[serde(default)]
    pub extra: u64,
    pub unit_price: f64,
    pub total: f64,
}

/// The objective of a saved plan.
#[derive(Debug, Clone, Deserialize)]
pub struct SavedObjective {
    /// What was minimised.
    pub kind: Option<String>,
    /// Dollars or watts.
    pub value: f64,
}

/// A site class of a saved plan.
#[derive(Debug, Clone, Deserialize)]
pub struct SavedSite {
    /// Name.
    pub name: String,
    /// Units of this kind.
    pub count: Option<u64>,
    /// Devices of one unit.
    pub devices: Vec<SavedDevice>,
}

/// A device of a saved plan.
#[derive(Debug, Clone, Deserialize)]
pub struct SavedDevice {
    /// Id.
    pub device: String,
    /// Mode.
    pub mode: String,
    /// Price paid for one, in dollars.
    pub unit_price: f64,
    /// What runs on it.
    pub workloads: Vec<SavedWorkload>,
}

/// A workload of a saved plan in its configuration.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the plan's JSON")]
pub struct SavedWorkload {
    pub name: String,
    pub model: Option<String>,
    pub context: Option<u64>,
    pub streams: Option<u64>,
    pub runtime: String,
    pub weights: String,
    pub kv_k: Option<String>,
    pub kv_v: Option<String>,
    pub flash_attention: Option<bool>,
    pub micro_batch: Option<u32>,
    pub load: Option<f64>,
    #[serde(default)]
    pub memory: Vec<SavedMemory>,
}

/// What a workload of a saved plan takes of a memory.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the plan's JSON")]
pub struct SavedMemory {
    pub pool: String,
    pub weights_bytes: u64,
    pub kv_cache_bytes: u64,
    pub activation_bytes: u64,
    pub framework_bytes: u64,
}

impl SavedMemory {
    fn total(&self) -> Bytes {
        [self.weights_bytes, self.kv_cache_bytes, self.activation_bytes, self.framework_bytes]
            .map(Bytes)
            .into_iter()
            .sum()
    }
}

/// The catalog of a saved plan.
#[derive(Debug, Clone, Deserialize)]
pub struct SavedCatalog {
    /// Its hash.
    pub sha256: String,
}

/// What a saved plan was made from.
#[derive(Debug, Clone, Deserialize)]
pub struct SavedInputs {
    /// The scenario's file.
    pub file: String,
    /// Its text.
    pub scenario: String,
    /// The facts of the devices used.
    pub facts: Vec<SavedFacts>,
}

/// The facts of a device that a saved plan uses.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct SavedFacts {
    /// Id.
    pub device: String,
    /// Price of one in dollars from each quantity on.
    pub prices: Vec<(u64, f64)>,
    /// Date of the oldest price.
    pub price_date: Option<String>,
    /// Days to delivery.
    pub lead_time_days: Option<u32>,
    /// Name, capacity and what is in use of each memory, in bytes.
    pub pools: Vec<(String, u64, u64)>,
    /// Everything else that the estimates rest on, by name; absent in plans of older versions.
    #[serde(default)]
    pub others: Vec<(String, String)>,
}

impl SavedFacts {
    /// The facts of a device as the catalog has them.
    #[must_use]
    pub fn of(device: &Device) -> Self {
        Self {
            device: device.id.clone(),
            prices: device.prices.iter().map(|b| (b.min_quantity, b.price.usd())).collect(),
            price_date: device.price_date.clone(),
            lead_time_days: device.lead_time_days,
            pools: device.pools.iter().map(|p| (p.name.id().to_owned(), p.capacity.0, p.os.0)).collect(),
            others: others(device),
        }
    }
}

/// The fact that says how many pieces are sold together, where it is more than one.
const SOLD_TOGETHER: &str = "sold together";

/// Facts of a device besides prices, delivery and memory sizes, each in words with its unit.
fn others(device: &Device) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut note = |name: String, value: Option<String>| {
        found.push((name, value.unwrap_or_else(|| "unknown".to_owned())));
    };
    for mode in device.modes.iter().filter(|m| m.setting.is_none()) {
        let of = |what: &str| format!("{what} in mode {}", mode.id);
        note(of("draw"), mode.power.map(|p| format!("{} W", p.watts())));
        note(of("draw at rest"), mode.idle.map(|p| format!("{} W", p.watts())));
        note(of("memory bandwidth"), mode.bandwidth.map(|b| format!("{} GB/s", b.0 / 1e9)));
        let rates = mode.compute;
        for (name, rate) in [("fp16", rates.fp16), ("int8", rates.int8)] {
            note(of(name), rate.map(|r| format!("{} T/s", r.0 / 1e12)));
        }
    }
    for accessory in &device.accessories {
        let date = accessory.provenance.as_of.as_ref().map_or_else(String::new, |d| format!(" of {d}"));
        note(accessory.what.clone(), accessory.price.map(|p| format!("{p} USD{date}")));
    }
    if device.order_multiple > 1 {
        note(SOLD_TOGETHER.to_owned(), Some(format!("{} pieces", device.order_multiple)));
    }
    found
}

/// A price that is older than it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldPrice {
    /// Device id.
    pub device: String,
    /// Its date as the catalog has it.
    pub date: String,
    /// How old it is.
    pub days: i64,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Where the saved answer is not the answer to its own scenario.
    pub edits: Vec<Edit>,
    /// Facts that are not what they were.
    pub drift: Vec<(String, String)>,
    /// Rules that the saved plan breaks today; empty when it still holds.
    pub broken: Vec<String>,
    /// Its objective when it was saved.
    pub saved: Option<f64>,
    /// Its objective today; absent when it holds no more.
    pub today: Option<f64>,
    /// The best objective today; absent when no plan exists.
    pub best: Option<f64>,
    /// The devices of the best plan, when it is better than the saved one.
    pub better: Vec<(String, Vec<String>)>,
    /// Prices older than asked, of the devices of both plans.
    pub old_prices: Vec<OldPrice>,
}

impl Check {
    /// Whether one would decide otherwise today.
    #[must_use]
    pub fn changed(&self) -> bool {
        !self.edits.is_empty() || self.outdated()
    }

    /// Whether the saved plan holds no more, or another one is better.
    #[must_use]
    pub fn outdated(&self) -> bool {
        !self.broken.is_empty() || self.beaten_by().is_some_and(|d| d > 0.0)
    }

    /// By how much the best plan of today beats the saved one: dollars or watts.
    #[must_use]
    pub fn beaten_by(&self) -> Option<f64> {
        let (today, best) = (self.today?, self.best?);
        Some(((today - best) * 1000.0).round() / 1000.0)
    }
}

/// Checks a saved plan against the plan of today. `today` is in days since 1970; prices older than `max_age` days are
/// pointed out.
#[must_use]
pub fn check(
    saved: &Saved,
    scenario: &Scenario,
    catalog: &Catalog,
    best: &Plan<'_>,
    today: i64,
    max_age: i64,
) -> Check {
    let generated = candidates::generate(scenario, catalog, Options { all: true, ..Options::default() });
    let built = build(scenario, catalog, &generated);
    let (value, broken) = match assignment(saved, scenario, &generated, &built) {
        Err(broken) => (None, broken),
        Ok(assignment) => match solve::judge(&built.problem, &assignment) {
            Ok(judged) => (Some(in_unit(scenario.objective, judged.value)), Vec::new()),
            Err(violations) => (None, violations.iter().map(|v| words(v, &built.problem)).collect()),
        },
    };
    let mut used: Vec<&str> = saved.sites.iter().flat_map(|s| s.devices.iter().map(|d| d.device.as_str())).collect();
    used.extend(best.sites.iter().flat_map(|s| s.devices.iter().map(|d| d.device.id.as_str())));
    used.sort_unstable();
    used.dedup();
    let mut check = Check {
        edits: edits::edits(saved, scenario),
        drift: drift(saved, catalog).into_iter().chain(estimates(saved, scenario, &generated)).collect(),
        broken,
        saved: saved.objective.as_ref().map(|o| o.value),
        today: value,
        best: best.value,
        better: Vec::new(),
        old_prices: used.iter().filter_map(|id| old_price(catalog, id, today, max_age)).collect(),
    };
    if check.outdated() {
        check.better = best
            .sites
            .iter()
            .map(|s| (s.name.clone(), s.devices.iter().map(|d| d.device.id.clone()).collect()))
            .collect();
    }
    check
}

fn drift(saved: &Saved, catalog: &Catalog) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for old in saved.inputs.iter().flat_map(|i| &i.facts) {
        let mut note = |text: String| found.push((old.device.clone(), text));
        let Ok((device, _)) = catalog.device(&old.device) else {
            note("is no longer in the catalogs".to_owned());
            continue;
        };
        let new = SavedFacts::of(device);
        let prices = |facts: &SavedFacts| {
            let shown = facts
                .prices
                .iter()
                .map(|(q, p)| if *q > 1 { format!("{} from {q}", dollars(*p)) } else { dollars(*p) });
            if facts.prices.is_empty() { "unknown".to_owned() } else { shown.collect::<Vec<_>>().join(", ") }
        };
        let or_unknown = |text: Option<String>| text.unwrap_or_else(|| "unknown".to_owned());
        if new.prices != old.prices {
            note(format!("price {} USD (was {})", prices(&new), prices(old)));
        }
        if new.price_date != old.price_date {
            let (now, was) = (or_unknown(new.price_date), or_unknown(old.price_date.clone()));
            note(format!("price date {now} (was {was})"));
        }
        if new.lead_time_days != old.lead_time_days {
            let days = |d: Option<u32>| or_unknown(d.map(|d| d.to_string()));
            note(format!("lead time in days {} (was {})", days(new.lead_time_days), days(old.lead_time_days)));
        }
        for (name, capacity, os) in &old.pools {
            let Some((_, now, now_os)) = new.pools.iter().find(|(n, ..)| n == name) else {
                note(format!("no longer has {name} memory"));
                continue;
            };
            if now != capacity {
                note(format!("{name} memory {} (was {})", Bytes(*now), Bytes(*capacity)));
            }
            if now_os != os {
                note(format!("{name} memory in use by the system {} (was {})", Bytes(*now_os), Bytes(*os)));
            }
        }
        for (name, was) in &old.others {
            let now = new.others.iter().find(|(n, _)| n == name).map_or("no longer in the catalogs", |(_, v)| v);
            if now != was {
                note(format!("{name} {now} (was {was})"));
            }
        }
        for (name, now) in new.others.iter().filter(|_| !old.others.is_empty()) {
            if !old.others.iter().any(|(n, _)| n == name) {
                note(format!("{name} {now}, was not in the catalogs"));
            }
        }
    }
    found
}

/// Estimates that are not what they were: facts of models, formats and engines show in them.
fn estimates(saved: &Saved, scenario: &Scenario, generated: &Generated<'_>) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut note = |device: &str, text: String| {
        let line = (device.to_owned(), text);
        if !found.contains(&line) {
            found.push(line);
        }
    };
    for (s, site) in scenario.sites.iter().enumerate() {
        let devices = saved.sites.iter().filter(|o| o.name == site.name).flat_map(|o| &o.devices);
        for (device, old) in devices.flat_map(|d| d.workloads.iter().map(move |w| (d, w))) {
            let Some(w) = site.workloads.iter().position(|w| w.name == old.name) else { continue };
            let Some(new) = generated.candidates.iter().find(|c| is(c, device, old, s, w)) else { continue };
            for ((pool, own), framework) in new.device.pools.iter().zip(new.own()).zip(new.framework()) {
                let now = own + framework;
                if let Some(was) = old.memory.iter().find(|m| m.pool == pool.name.id()).map(SavedMemory::total)
                    && was != now
                {
                    note(&device.device, format!("`{}` takes {now} of {} memory, was {was}", old.name, pool.name.id()));
                }
            }
            let was = old.load.map(Share::rounded_up);
            if let Some(was) = was.filter(|was| was.0.abs_diff(new.load.0) > 1) {
                note(&device.device, format!("`{}` loads it to {}, was {was}", old.name, new.load));
            }
        }
    }
    found
}

/// Whether a candidate is the configuration of a saved workload on its device.
fn is(
    candidate: &candidates::Candidate<'_>,
    device: &SavedDevice,
    wanted: &SavedWorkload,
    site: usize,
    workload: usize,
) -> bool {
    candidate.site == site
        && candidate.workload == workload
        && candidate.device.id == device.device
        && candidate.mode.id == device.mode
        && candidate.runtime_id == wanted.runtime
        && candidate.format.id == wanted.weights
        && candidate.kv.map(|p| p.k.id()) == wanted.kv_k.as_deref()
        && candidate.kv.map(|p| p.v.id()) == wanted.kv_v.as_deref()
        && candidate.flash_attention == wanted.flash_attention
        && candidate.micro_batch == wanted.micro_batch
}

/// The saved plan in terms of today's candidates, or what stands in its way.
fn assignment(
    saved: &Saved,
    scenario: &Scenario,
    generated: &Generated<'_>,
    built: &Built,
) -> Result<Assignment, Vec<String>> {
    let mut broken = Vec::new();
    let mut plan = Vec::new();
    for (s, site) in scenario.sites.iter().enumerate() {
        let Some(old) = saved.sites.iter().find(|o| o.name == site.name) else {
            broken.push(format!("the saved plan has no unit for `{}`", site.name));
            continue;
        };
        let mut unit = Vec::new();
        for device in &old.devices {
            let mut hosted = Vec::new();
            let mut host = None;
            for wanted in &device.workloads {
                match find(device, wanted, s, site, generated, built) {
                    Ok((workload, candidate)) => {
                        host = Some(built.problem.sites[s].workloads[workload].candidates[candidate].host);
                        hosted.push(Hosted { workload, candidate });
                    }
                    Err(why) => broken.push(format!("`{}` on {}: {why}", wanted.name, device.device)),
                }
            }
            hosted.sort_by_key(|h| h.workload);
            unit.extend(host.map(|host| Placed { host, hosted }));
        }
        plan.push(unit);
    }
    if broken.is_empty() { Ok(plan) } else { Err(broken) }
}

fn find(
    device: &SavedDevice,
    wanted: &SavedWorkload,
    s: usize,
    site: &crate::scenario::Site,
    generated: &Generated<'_>,
    built: &Built,
) -> Result<(usize, usize), String> {
    let workload = site.workloads.iter().position(|w| w.name == wanted.name).ok_or("the scenario has it no more")?;
    let index = generated
        .candidates
        .iter()
        .position(|c| is(c, device, wanted, s, workload))
        .ok_or_else(|| "this configuration is offered no more".to_owned())?;
    if let Some(refusal) = &generated.candidates[index].refusal {
        return Err(refusal.to_string());
    }
    let candidate = built.candidates[s][workload].iter().position(|&i| i == index);
    candidate.map(|c| (workload, c)).ok_or_else(|| "it may not be used".to_owned())
}

fn words(violation: &Violation, problem: &Problem) -> String {
    let site = |s: &usize| format!("`{}`", problem.sites[*s].name);
    let workload = |s: &usize, w: &usize| format!("`{}`", problem.sites[*s].workloads[*w].name);
    match violation {
        Violation::Memory { site: s, short, .. } => format!("a device of {} is {short} short of memory", site(s)),
        Violation::Load { site: s, load, .. } => format!("a device of {} is loaded to {}", site(s), percent(*load)),
        Violation::Latency { site: s, workload: w, .. } => {
            format!("{} misses its latency beside the others", workload(s, w))
        }
        Violation::Power { site: s, draw } => format!("a unit of {} draws {}", site(s), power(*draw)),
        Violation::PowerUnknown { site: s, .. } => format!("the draw of a device of {} is unknown", site(s)),
        Violation::Price { site: s, price } => format!("a unit of {} costs {}", site(s), usd(*price)),
        Violation::TooManyDevices { site: s, given } => format!("a unit of {} has {given} devices", site(s)),
        Violation::Copies { site: s, workload: w, given } => {
            format!("{} runs on {given} devices, which is not what is asked", workload(s, w))
        }
        Violation::SameDevice { site: s, workload: w } => format!("two copies of {} share a device", workload(s, w)),
        Violation::NotApart { site: s, workloads: (a, b) } => {
            format!("{} and {} share a device", workload(s, a), workload(s, b))
        }
        Violation::NotTogether { site: s, workloads: (a, b) } => {
            format!("{} and {} are on different devices", workload(s, a), workload(s, b))
        }
        Violation::Unavailable { sku, quantity } => {
            format!("{} cannot be bought in a quantity of {quantity}", problem.skus[*sku].id)
        }
        Violation::TooManySkus { given } => format!("it buys {given} different devices"),
        Violation::MixedProcess { site: s, .. } => format!("a process of {} has two runtimes", site(s)),
        Violation::Idle { site: s, .. } => format!("a device of {} hosts nothing", site(s)),
        Violation::Sites { .. } | Violation::Unknown { .. } | Violation::WrongHost { .. } => {
            "it does not go with this scenario".to_owned()
        }
    }
}

fn old_price(catalog: &Catalog, id: &str, today: i64, max_age: i64) -> Option<OldPrice> {
    let (device, _) = catalog.device(id).ok()?;
    let date = device.price_date.clone()?;
    let days = today - days_since_1970(&date)?;
    (days > max_age).then(|| OldPrice { device: device.id.clone(), date, days })
}

/// Days from 1970-01-01 to a date (`2026-11-22`, `2026-11`, `2026`: a part that is not given counts as the first).
#[must_use]
pub fn days_since_1970(date: &str) -> Option<i64> {
    if !crate::catalog::prices::is_date(date) {
        return None;
    }
    let mut parts = date.split('-').map(str::parse::<i64>);
    let year = parts.next()?.ok()?;
    let month = parts.next().map_or(Some(1), Result::ok)?;
    let day = parts.next().map_or(Some(1), Result::ok)?;
    if parts.next().is_some() || !(1..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years begin in March, so that the leap day is the last one; an era has 400 years.
    let shifted = if month > 2 { year } else { year - 1 };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Plans today's best for a saved plan's scenario and checks it.
#[must_use]
pub fn check_document<'a>(
    saved: &Saved,
    scenario: &Scenario,
    catalog: &'a Catalog,
    limits: &SearchLimits<'_>,
    today: i64,
    max_age: i64,
) -> (Check, Plan<'a>) {
    let best = super::plan::plan(scenario, catalog, 0, limits, &mut |_| {});
    (check(saved, scenario, catalog, &best, today, max_age), best)
}

/// The scenario of a saved plan, as it was.
///
/// # Errors
/// When the plan does not hold it, or it is no YAML.
pub fn scenario_of(saved: &Saved) -> Result<Document, crate::diag::Diagnostic> {
    match &saved.inputs {
        Some(inputs) => Document::parse(&inputs.file, &inputs.scenario),
        None => Err(crate::diag::Diagnostic::error("the plan does not say what it was made from")
            .hint("save it anew with: edgemem plan SCENARIO --format json --output PLAN.json")),
    }
}

#[cfg(test)]
mod tests {
    use super::days_since_1970;

    #[test]
    fn dates_are_counted_in_days() {
        assert_eq!(days_since_1970("1970-01-01"), Some(0));
        assert_eq!(days_since_1970("2000-03-01"), Some(11_017));
        assert_eq!(days_since_1970("2026-11-22"), Some(20_779));
        assert_eq!(days_since_1970("2026-11"), days_since_1970("2026-11-01"));
        assert_eq!(days_since_1970("2024-02-29").map(|d| d + 1), days_since_1970("2024-03-01"));
        for bad in ["", "2026-13", "2026-00-01", "soon", "2026-01-01-01"] {
            assert_eq!(days_since_1970(bad), None, "{bad}");
        }
    }
}
