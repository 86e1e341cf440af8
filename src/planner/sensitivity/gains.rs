//! What more money buys: for each respect in which a plan can be better, the cheapest plan that is better in it.
//!
//! Each is found by asking for a little more than the present plan gives and planning again, price limits aside, at no
//! worse a quality of any workload. A faster workload is asked for at the load that it has now: what it must do stays the
//! same, only the device must be quicker at it.

use crate::candidates::Speed;
use crate::planner::explain::Asker;
use crate::planner::plan::{Plan, PlannedDevice, PlannedSite, PlannedWorkload};
use crate::scenario::{DEFAULT_SITE, Document, Path, Scenario, Workload};
use crate::units::{Micros, PPM, Share};
use crate::yaml::{Node, Value};

/// The cheapest plan that is better in one respect.
#[derive(Debug, Clone, PartialEq)]
pub struct Gain {
    /// In what respect, with its unit: `decode of `talk` in tok/s`.
    pub what: String,
    /// What the present plan gives.
    pub now: String,
    /// What that plan gives.
    pub then: String,
    /// Its devices.
    pub devices: String,
    /// Its objective: dollars or watts.
    pub objective: f64,
    /// How much more that is.
    pub more: f64,
    /// The values that ask for it.
    pub set: Vec<(Path, Node)>,
}

/// A respect in which a plan can be better.
enum Respect {
    /// Memory that is left, as a share of steady memory: of the fullest pool.
    Spare,
    /// Draw of one unit of a site class.
    Power { site: usize },
    /// What a workload does, by site class and name.
    Workload { site: usize, name: String, of: Ability },
}

#[derive(Clone, Copy, PartialEq)]
enum Ability {
    Decode,
    Inferences,
    RealtimeFactor,
    FirstToken,
    Latency,
    Quality,
}

/// A wish: a respect, its figure now, and the values that ask for more.
struct Wish {
    respect: Respect,
    now: f64,
    set: Vec<(Path, Node)>,
}

/// What more money buys beside a plan, the cheapest first.
#[must_use]
pub fn gains(asker: &Asker<'_>, doc: &Document, scenario: &Scenario, plan: &Plan<'_>) -> Vec<Gain> {
    let Some(value) = plan.value else { return Vec::new() };
    let eased = eased(scenario, plan);
    let mut found: Vec<Gain> = wishes(scenario, plan)
        .into_iter()
        .filter_map(|wish| {
            let set: Vec<(Path, Node)> = eased.iter().chain(&wish.set).cloned().collect();
            let changed = set.iter().try_fold(doc.clone(), |d, (path, node)| d.with(path, node.clone()).ok())?;
            let changed_scenario = asker.resolve(&changed).ok()?;
            let better = asker.full_plan(&changed_scenario)?;
            let objective = better.value?;
            let then = figure(&wish.respect, &better)?;
            Some(Gain {
                what: words(&wish.respect, scenario),
                now: shown(&wish.respect, wish.now),
                then: shown(&wish.respect, then),
                devices: devices(&better),
                objective,
                more: ((objective - value) * 1000.0).round() / 1000.0,
                set,
            })
        })
        .collect();
    found.sort_by(|a, b| a.more.total_cmp(&b.more));
    found
}

fn number(value: f64) -> Node {
    Node { at: None, value: Value::Float(value) }
}

const fn null() -> Node {
    Node { at: None, value: Value::Null }
}

/// The path of a site class, and of a workload in it.
fn base(scenario: &Scenario, site: usize) -> Path {
    let site = &scenario.sites[site];
    let top = Path(Vec::new());
    if scenario.sites.len() == 1 && site.name == DEFAULT_SITE { top } else { top.join("sites").join(&site.name) }
}

/// Price limits aside, and no workload at a worse quality than now.
fn eased(scenario: &Scenario, plan: &Plan<'_>) -> Vec<(Path, Node)> {
    let top = Path(Vec::new());
    let mut set = vec![(top.join("limits").join("price_usd"), null())];
    for (s, planned) in plan.sites.iter().enumerate() {
        let base = base(scenario, s);
        if !base.0.is_empty() {
            set.push((base.join("limits").join("price_usd"), null()));
        }
        for workload in &scenario.sites[s].workloads {
            if let Some(loss) = worst_format(planned, &workload.name) {
                let path = base.join("workloads").join(&workload.name).join("max_quality_loss");
                set.push((path, number(loss.as_f64())));
            }
        }
    }
    set
}

fn copies<'p, 'a>(
    site: &'p PlannedSite<'a>,
    name: &str,
) -> impl Iterator<Item = (&'p PlannedDevice<'a>, &'p PlannedWorkload<'a>)> {
    let name = name.to_owned();
    site.devices
        .iter()
        .flat_map(|d| d.workloads.iter().map(move |w| (d, w)))
        .filter(move |(_, w)| w.workload.name == name)
}

/// The largest loss of the formats of a workload's copies, when it is a language model and all are known.
fn worst_format(site: &PlannedSite<'_>, name: &str) -> Option<Share> {
    let losses = copies(site, name)
        .map(|(_, w)| w.workload.model.task.is_language().then_some(w.candidate.format.quality_loss).flatten());
    losses.collect::<Option<Vec<_>>>()?.into_iter().max()
}

/// The figure of a plan in a respect: the worst over all devices or copies.
fn figure(respect: &Respect, plan: &Plan<'_>) -> Option<f64> {
    match respect {
        Respect::Spare => plan
            .sites
            .iter()
            .flat_map(|s| &s.devices)
            .flat_map(|d| &d.pools)
            .filter(|p| p.steady.0 > 0)
            .map(|p| p.capacity.0 as f64 / p.steady.0 as f64 - 1.0)
            .reduce(f64::min),
        Respect::Power { site } => {
            let powers = plan.sites.get(*site)?.devices.iter().map(|d| d.mode.power.map(|p| p.0));
            powers.sum::<Option<u64>>().map(|mw| mw as f64 / 1000.0)
        }
        Respect::Workload { site, name, of } => {
            let figures = copies(plan.sites.get(*site)?, name).map(|(_, w)| ability(w, *of));
            let figures = figures.collect::<Option<Vec<f64>>>()?.into_iter();
            match of {
                Ability::Decode | Ability::Inferences => figures.reduce(f64::min),
                Ability::RealtimeFactor | Ability::FirstToken | Ability::Latency | Ability::Quality => {
                    figures.reduce(f64::max)
                }
            }
        }
    }
}

/// A figure of a copy of a workload, at the unfavourable bound.
fn ability(workload: &PlannedWorkload<'_>, of: Ability) -> Option<f64> {
    match (of, workload.speed()) {
        (Ability::Decode, Some(Speed::Language(speed))) => speed.decode.map(|d| d.low.0),
        (Ability::Inferences, Some(speed)) if workload.workload.targets.realtime_factor.is_none() => {
            speed.inferences_of_each(workload.workload.streams).map(|each| each.low.0)
        }
        (Ability::RealtimeFactor, Some(speed)) if workload.workload.targets.realtime_factor.is_some() => {
            speed.realtime_factor(workload.workload.streams).map(|factor| factor.high)
        }
        (Ability::FirstToken | Ability::Latency, _) => workload.latency.map(Micros::seconds),
        (Ability::Quality, _) => workload.candidate.format.quality_loss.map(Share::as_f64),
        _ => None,
    }
}

/// Everything in which a plan could be better.
fn wishes(scenario: &Scenario, plan: &Plan<'_>) -> Vec<Wish> {
    let mut found = Vec::new();
    let mut add = |respect: Respect, ask: &dyn Fn(f64) -> Option<Vec<(Path, Node)>>| {
        if let Some(now) = figure(&respect, plan)
            && let Some(set) = ask(now)
        {
            found.push(Wish { respect, now, set });
        }
    };
    let top = Path(Vec::new());
    add(Respect::Spare, &|now| {
        let ask = ((now * 100.0 + 1e-9).floor() + 1.0) / 100.0;
        (ask <= 10.0).then(|| vec![(top.join("headroom"), decimals(ask, 2))])
    });
    for (s, site) in scenario.sites.iter().enumerate() {
        let base = base(scenario, s);
        add(Respect::Power { site: s }, &|now| {
            let ask = now - 0.001;
            (ask > 0.0).then(|| vec![(base.join("limits").join("power_w"), decimals(ask, 3))])
        });
        for workload in &site.workloads {
            let path = base.join("workloads").join(&workload.name);
            let respect = |of| Respect::Workload { site: s, name: workload.name.clone(), of };
            let language = workload.model.task.is_language();
            for of in [
                Ability::Decode,
                Ability::Inferences,
                Ability::RealtimeFactor,
                Ability::FirstToken,
                Ability::Latency,
                Ability::Quality,
            ] {
                // A file's weights are in the format that they are in.
                if of == Ability::Quality && (!language || workload.model.stored.is_some()) {
                    continue;
                }
                if of == Ability::FirstToken && workload.targets.ttft.is_none()
                    || of == Ability::Latency && (workload.targets.latency.is_none() || workload.targets.ttft.is_some())
                {
                    continue;
                }
                add(respect(of), &|now| asked(&path, workload, of, now));
            }
        }
    }
    found
}

/// The values that ask a workload for a little more than it gives now.
fn asked(path: &Path, workload: &Workload, of: Ability, now: f64) -> Option<Vec<(Path, Node)>> {
    let targets = path.join("targets");
    let sooner = || {
        let ask = ((now * 1e3 - 1e-6).ceil() - 1.0) / 1e3;
        (ask > 0.0).then(|| decimals(ask, 3))
    };
    match of {
        Ability::Quality => (now > 0.0).then(|| vec![(path.join("max_quality_loss"), decimals(now - 1e-6, 6))]),
        Ability::FirstToken => Some(vec![(targets.join("ttft_s"), sooner()?)]),
        Ability::Latency => Some(vec![(targets.join("latency_s"), sooner()?)]),
        Ability::Decode | Ability::Inferences => {
            let (key, target) = match of {
                Ability::Decode => ("decode_tok_s", workload.targets.decode_tok_s),
                _ => ("inferences_s", workload.targets.inferences_s),
            };
            let ask = ((now * 10.0 + 1e-6).floor() + 1.0) / 10.0;
            // The same work as before, only faster: target x duty stays what it is, or next to nothing.
            let duty = target.map_or(0.0, |target| workload.duty.as_f64() * target / ask);
            let duty = (duty * PPM as f64).floor().max(1.0) / PPM as f64;
            Some(vec![(targets.join(key), decimals(ask, 1)), (path.join("duty"), decimals(duty, 6))])
        }
        Ability::RealtimeFactor => {
            let target = workload.targets.realtime_factor?;
            let factor = sooner()?;
            let ask = ((now * 1e3 - 1e-6).ceil() - 1.0) / 1e3;
            let duty = (workload.duty.as_f64() * ask / target).min(1.0);
            let duty = (duty * PPM as f64).floor().max(1.0) / PPM as f64;
            Some(vec![(targets.join("realtime_factor"), factor), (path.join("duty"), decimals(duty, 6))])
        }
    }
}

/// A number of so many decimals, exactly as it would be read.
fn decimals(value: f64, decimals: usize) -> Node {
    number(format!("{value:.decimals$}").parse().unwrap_or(value))
}

fn words(respect: &Respect, scenario: &Scenario) -> String {
    let of = |site: usize| match scenario.sites.len() {
        1 => String::new(),
        _ => format!(" of `{}`", scenario.sites[site].name),
    };
    match respect {
        Respect::Spare => "memory to spare".to_owned(),
        Respect::Power { site } => format!("draw{} in W", of(*site)),
        Respect::Workload { site, name, of: ability } => {
            let what = match ability {
                Ability::Decode => "tok/s of each stream",
                Ability::Inferences => "inferences/s of each stream",
                Ability::RealtimeFactor => "s of work per second of audio",
                Ability::FirstToken => "s to the first token",
                Ability::Latency => "s to an answer",
                Ability::Quality => "loss of quality",
            };
            format!("`{name}`{}: {what}", of(*site))
        }
    }
}

/// A figure as it is shown, rounded to its unfavourable side.
fn shown(respect: &Respect, value: f64) -> String {
    match respect {
        Respect::Spare => format!("{}%", (value * 100.0 + 1e-9).floor()),
        Respect::Power { .. } => value.to_string(),
        Respect::Workload { of: Ability::Decode | Ability::Inferences, .. } => {
            format!("{:.1}", (value * 10.0 + 1e-6).floor() / 10.0)
        }
        Respect::Workload { of: Ability::RealtimeFactor | Ability::FirstToken | Ability::Latency, .. } => {
            format!("{:.3}", (value * 1e3 - 1e-6).ceil() / 1e3)
        }
        Respect::Workload { of: Ability::Quality, .. } => format!("{}%", (value * 1e6).round() / 1e4),
    }
}

/// The devices of a plan in words, site classes apart by semicolons.
fn devices(plan: &Plan<'_>) -> String {
    let unit = |site: &PlannedSite<'_>| {
        let names: Vec<String> = site.devices.iter().map(|d| format!("{} ({})", d.device.id, d.mode.id)).collect();
        names.join(" + ")
    };
    match plan.sites.as_slice() {
        [one] => unit(one),
        many => many.iter().map(|s| format!("{}: {}", s.name, unit(s))).collect::<Vec<_>>().join("; "),
    }
}
