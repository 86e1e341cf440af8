//! What would change the choice: for each requirement and price the range in which the same devices are chosen, and what
//! is chosen just beyond. Every end is found by planning again on both sides of it.

mod gains;

pub use gains::{Gain, gains};

use super::build::build;
use super::explain::number::{Grid, written};
use super::explain::{Asker, Found, Verdict};
use crate::scenario::{DEFAULT_SITE, Document, Path, Scenario, Workload};
use crate::solve::{self, Problem};
use crate::units::Money;

/// What is chosen just outside a range.
#[derive(Debug, Clone, PartialEq)]
pub struct Beyond {
    /// The first value at which the choice is another one.
    pub at: String,
    /// The devices chosen there; absent when there is no plan.
    pub devices: Option<String>,
    /// The objective there, in dollars or watts.
    pub objective: Option<f64>,
}

/// The range of a value in which the choice stays.
#[derive(Debug, Clone, PartialEq)]
pub struct Stable {
    /// The path of the value, or `price of DEVICE`.
    pub what: String,
    /// What it is.
    pub now: String,
    /// The last value downwards with the same choice; absent when no smaller value changes it.
    pub low: Option<String>,
    /// The last value upwards with the same choice; absent when no larger value changes it.
    pub high: Option<String>,
    /// What is chosen below.
    pub below: Option<Beyond>,
    /// What is chosen above.
    pub above: Option<Beyond>,
    /// How far the nearer end is, as a share of the value; absent when no value changes the choice.
    pub slack: Option<f64>,
    /// Whether it is the price of a device that the plan does not have.
    pub runner_up: bool,
}

/// A number that can be turned both ways.
struct Dial {
    path: Path,
    now: f64,
    grid: Grid,
    low: f64,
    high: f64,
}

/// The ranges of all requirements and prices of a scenario that has a plan, the most sensitive first.
///
/// When the asker's time runs out those that were not worked out are left out.
#[must_use]
pub fn sensitivity(asker: &Asker<'_>, doc: &Document, scenario: &Scenario) -> Vec<Stable> {
    let Verdict::Found(chosen) = asker.ask(doc) else { return Vec::new() };
    let mut found: Vec<Stable> =
        dials(doc, scenario).iter().filter_map(|dial| turn(asker, doc, dial, &chosen)).collect();
    found.extend(prices(asker, scenario, &chosen));
    found.sort_by(|a, b| {
        let key = |s: &Stable| s.slack.unwrap_or(f64::INFINITY);
        key(a).total_cmp(&key(b))
    });
    found
}

/// The choice as far as it is told: the devices of each unit.
fn devices(found: &Found) -> Vec<Vec<&str>> {
    found.units.iter().map(|u| u.devices.iter().map(|(d, _)| d.as_str()).collect()).collect()
}

fn beyond(at: String, verdict: &Verdict) -> Beyond {
    match verdict {
        Verdict::Found(found) => Beyond { at, devices: Some(found.devices()), objective: Some(found.objective) },
        _ => Beyond { at, devices: None, objective: None },
    }
}

/// The last point towards `end` with the same choice and the first beyond; nothing when the choice is the same there too.
pub(super) fn edge(now: i64, end: i64, same: &dyn Fn(i64) -> bool) -> Option<(i64, i64)> {
    if now == end || same(end) {
        return None;
    }
    let (mut inside, mut outside) = (now, end);
    while (outside - inside).abs() > 1 {
        let middle = inside + (outside - inside) / 2;
        if same(middle) {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    Some((inside, outside))
}

fn turn(asker: &Asker<'_>, doc: &Document, dial: &Dial, chosen: &Found) -> Option<Stable> {
    let ask = |steps: i64| {
        doc.with(&dial.path, dial.grid.node(steps)).map_or(Verdict::Invalid, |changed| asker.ask_as_is(&changed))
    };
    let same = |steps: i64| matches!(ask(steps), Verdict::Found(found) if devices(&found) == devices(chosen));
    let now = dial.grid.steps(dial.now);
    let down = edge(now, dial.grid.steps(dial.low).min(now), &same);
    let up = edge(now, dial.grid.steps(dial.high).max(now), &same);
    let side = |end: Option<(i64, i64)>| end.map(|(_, out)| beyond(dial.grid.shown(out), &ask(out)));
    let stable = Stable {
        what: dial.path.to_string(),
        now: dial.grid.shown(now),
        low: down.map(|(inside, _)| dial.grid.shown(inside)),
        high: up.map(|(inside, _)| dial.grid.shown(inside)),
        below: side(down),
        above: side(up),
        slack: slack(now, down, up),
        runner_up: false,
    };
    // An end that was found while the time ran out may be none.
    (!asker.was_cut()).then_some(stable)
}

fn slack(now: i64, down: Option<(i64, i64)>, up: Option<(i64, i64)>) -> Option<f64> {
    let share = |(_, outside): (i64, i64)| (outside - now).abs() as f64 / (now.abs() as f64).max(1.0);
    [down, up].into_iter().flatten().map(share).reduce(f64::min)
}

/// Every number of a scenario that a user might turn, written or by default.
fn dials(doc: &Document, scenario: &Scenario) -> Vec<Dial> {
    let mut dials = Vec::new();
    let top = Path(Vec::new());
    let mut add = |path: Path, default: Option<f64>, decimals: u32, low: f64, high: f64| {
        let found = doc.get(&path).and_then(|n| written(doc, n));
        let Some((now, grid)) = found.or(default.map(|d| (d, Grid { decimals, percent: false }))) else { return };
        let hundred = if grid.percent { 100.0 } else { 1.0 };
        let decimals = if grid.percent { grid.decimals } else { grid.decimals.max(decimals) };
        let grid = Grid { decimals, ..grid };
        let least = if low == 0.0 { 1.0 / grid.per_unit() } else { low * hundred };
        dials.push(Dial { path, now, grid, low: least, high: high * hundred });
    };
    let named = scenario.sites.len() > 1 || scenario.sites.iter().any(|s| s.name != DEFAULT_SITE);
    let mut bases = vec![top.clone()];
    if named {
        bases.extend(scenario.sites.iter().map(|s| top.join("sites").join(&s.name)));
    }
    for base in bases {
        let limits = base.join("limits");
        add(limits.join("price_usd"), None, 2, 0.0, 1e7);
        add(limits.join("power_w"), None, 1, 0.0, 1e5);
        add(limits.join("devices"), None, 0, 1.0, 64.0);
        add(limits.join("lead_time_days"), None, 0, 0.0, 10_000.0);
    }
    add(top.join("fleet").join("max_skus"), None, 0, 1.0, 64.0);
    add(top.join("headroom"), Some(scenario.headroom.as_f64()), 2, 0.0, 10.0);
    add(top.join("max_load"), Some(scenario.max_load.as_f64()), 2, 0.0, 1.0);
    add(top.join("confidence"), Some(scenario.confidence.as_f64()), 2, 0.5, 0.99);
    for site in &scenario.sites {
        let base = if named { top.join("sites").join(&site.name) } else { top.clone() };
        for workload in &site.workloads {
            of_workload(&base.join("workloads").join(&workload.name), workload, doc, &mut add);
        }
    }
    dials
}

fn of_workload(
    path: &Path,
    workload: &Workload,
    doc: &Document,
    add: &mut impl FnMut(Path, Option<f64>, u32, f64, f64),
) {
    if let Some(architecture) = workload.model.language() {
        let prompt = doc.get(&path.join("prompt")).is_some() || workload.images > 0;
        let shortest = if prompt { workload.prompt + 1 } else { 2 };
        let longest = architecture.spec.max_context.unwrap_or(1 << 20);
        add(path.join("context"), Some(workload.context as f64), 0, shortest as f64, longest as f64);
    }
    add(path.join("streams"), Some(f64::from(workload.streams)), 0, 1.0, 1024.0);
    for (key, value) in [
        ("decode_tok_s", workload.targets.decode_tok_s),
        ("inferences_s", workload.targets.inferences_s),
        ("ttft_s", workload.targets.ttft.map(|t| t.seconds())),
        ("latency_s", workload.targets.latency.map(|t| t.seconds())),
        ("realtime_factor", workload.targets.realtime_factor),
    ] {
        let path = path.join("targets").join(key);
        if let (Some(value), true) = (value, doc.get(&path).is_some()) {
            add(path, None, 1, 0.0, value.max(1.0) * 1e4);
        }
    }
    if workload.targets.rate().is_some() {
        add(path.join("duty"), Some(workload.duty.as_f64()), 2, 0.0, 1.0);
    }
}

/// The price up to which each device of the plan keeps its place, and that at which others would take it.
///
/// What a device costs is linear in its price, so that the prices at which a plan is the cheapest are one range: it is
/// enough to look at the far end of each side.
fn prices(asker: &Asker<'_>, scenario: &Scenario, chosen: &Found) -> Vec<Stable> {
    // Devices over the price limit are considered too: cheaper they would not be.
    let mut unlimited = scenario.clone();
    for site in &mut unlimited.sites {
        site.limits.price = None;
    }
    let generated = asker.generate(&unlimited);
    let mut problem = build(&unlimited, asker.catalog(), &generated).problem;
    for (site, asked) in problem.sites.iter_mut().zip(&scenario.sites) {
        site.price_limit = asked.limits.price;
    }
    let mut found: Vec<Stable> = Vec::new();
    for (index, sku) in problem.skus.iter().enumerate() {
        let pieces: u64 = chosen
            .units
            .iter()
            .zip(&scenario.sites)
            .map(|(u, site)| site.count * u.devices.iter().filter(|(d, _)| *d == sku.id).count() as u64)
            .sum();
        let used = pieces > 0;
        let paid = if used { sku.price_at(solve::ordered(&problem, index, pieces)) } else { None };
        let Some(now) = paid.or(sku.prices.first().map(|(_, first)| *first)).map(|p| p.0 as i64) else { continue };
        let ask = |cents: i64| asker.solve(scenario, &repriced(&problem, index, cents - now));
        let same = |cents: i64| matches!(ask(cents), Verdict::Found(f) if devices(&f) == devices(chosen));
        let shown = |cents: i64| Money(cents.unsigned_abs()).to_string();
        // What the device needs besides keeps its price, so that the sum cannot fall below that.
        let least = asker.catalog().device(&sku.id).map_or(0, |(d, _)| d.accessories_price().0) as i64 + 1;
        let down = edge(now, least.min(now), &same);
        let up = if used { edge(now, now.saturating_mul(100), &same) } else { None };
        if !used && down.is_none() {
            continue;
        }
        let side = |end: Option<(i64, i64)>| end.map(|(_, out)| beyond(shown(out), &ask(out)));
        found.push(Stable {
            what: format!("price of {}", sku.id),
            now: shown(now),
            low: down.map(|(inside, _)| shown(inside)),
            high: up.map(|(inside, _)| shown(inside)),
            below: side(down),
            above: side(up),
            slack: slack(now, down, up),
            runner_up: !used,
        });
        if asker.was_cut() {
            found.pop();
            break;
        }
    }
    found
}

/// The problem with all prices of a SKU moved by so many cents, none below a cent.
fn repriced(problem: &Problem, sku: usize, by: i64) -> Problem {
    let mut changed = problem.clone();
    for (_, price) in &mut changed.skus[sku].prices {
        *price = Money(price.0.saturating_add_signed(by).max(1));
    }
    changed
}
