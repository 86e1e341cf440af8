//! The other way round: for each device and workload the largest batch and, for language models, the longest context.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::candidates::{
    Choice, Clash, Speed, admitted, case, choices_on, estimate, judge_targets, memory_refusal, mode_admitted,
};
use crate::catalog::Catalog;
use crate::domain::{Device, Network, Pool, PoolName, PowerMode};
use crate::memory::{self, Footprint, Weights};
use crate::scenario::{Scenario, Workload};
use crate::units::{Bytes, Micros, Share};

/// More streams than this are not looked for.
pub const MAX_STREAMS: u32 = 1024;
/// Longest context looked for where the model states none, in tokens.
pub const MAX_CONTEXT: u64 = 1 << 20;

/// What stops a limit from being higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binds {
    /// A pool is full.
    Memory(PoolName),
    /// The model was made for no more.
    Model,
    /// The runtime takes no more.
    Runtime,
    /// No more was looked for.
    Cap,
}

impl std::fmt::Display for Binds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Memory(pool) => write!(f, "memory:{pool}"),
            Self::Model => f.write_str("model"),
            Self::Runtime => f.write_str("runtime"),
            Self::Cap => f.write_str("cap"),
        }
    }
}

/// A largest value with what binds, and the largest that also meets the targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The largest that fits; 0 when nothing does.
    pub max: u64,
    /// What stops it.
    pub binds: Binds,
    /// The largest that fits and meets the targets.
    pub on_target: u64,
}

/// The limits of one workload in one configuration on one device in one mode.
#[derive(Debug, Clone)]
pub struct Limits<'a> {
    /// Index of the site class.
    pub site: usize,
    /// Index of the workload in it.
    pub workload: usize,
    /// Where.
    pub device: &'a Device,
    /// In which mode.
    pub mode: &'a PowerMode,
    /// In which configuration.
    pub choice: Choice<'a>,
    /// Concurrent sequences at the asked context.
    pub streams: Limit,
    /// Tokens per stream at the asked streams.
    pub context: Limit,
    /// Speed at the asked point, when there is an estimate.
    pub speed: Option<Speed>,
    /// Pairs of streams and context that no other pair beats, when asked for.
    pub frontier: Vec<(u32, u64)>,
}

/// The limits of every workload on every admitted device: those without a price too. Configurations that another one beats
/// in memory and quality on the same device and mode are left out. A network's context is what it writes at most
/// ([`written`]), and its model binds it.
#[must_use]
pub fn limits<'a>(scenario: &Scenario, catalog: &'a Catalog, frontier: bool) -> Vec<Limits<'a>> {
    let mut jobs = Vec::new();
    for (s, site) in scenario.sites.iter().enumerate() {
        for w in 0..site.workloads.len() {
            jobs.extend(catalog.devices().filter(|d| admitted(d, site)).map(|d| (s, w, d)));
        }
    }
    jobs.par_iter().flat_map_iter(|&(s, w, device)| on_device(scenario, catalog, s, w, device, frontier)).collect()
}

fn on_device<'a>(
    scenario: &Scenario,
    catalog: &'a Catalog,
    s: usize,
    w: usize,
    device: &'a Device,
    frontier: bool,
) -> Vec<Limits<'a>> {
    let site = &scenario.sites[s];
    let workload = &site.workloads[w];
    let mut probes: Vec<Probe<'a, '_>> = choices_on(catalog, device, site, workload)
        .into_iter()
        .filter_map(|choice| {
            let weights = Weights::of(&workload.model, choice.format).ok()?;
            let probe = Probe { scenario, catalog, device, pools: &device.pools, choice, workload, weights };
            probe.footprint(workload.streams, workload.context).map(|_| probe)
        })
        .collect();
    let modes: Vec<&PowerMode> = device.modes.iter().filter(|m| mode_admitted(device, m, site)).collect();
    drop_beaten(&mut probes, &modes);
    let mut found = Vec::new();
    for probe in &mut probes {
        // What fits depends on the memory setting alone, not on the power mode.
        let mut fitting = BTreeMap::new();
        for &mode in &modes {
            if Clash::between(device, mode, probe.choice.runtime).is_some() {
                continue;
            }
            probe.pools = device.pools_in(mode);
            let setting = mode.setting.as_ref().map_or(0, |s| s.step);
            let (streams, context, points) = fitting.entry(setting).or_insert_with(|| {
                let streams = probe.max_streams(workload.context);
                let points = if frontier { probe.frontier(streams.0) } else { Vec::new() };
                (streams, probe.max_context(workload.streams), points)
            });
            let on_target_streams = largest(streams.0, |n| probe.on_target(mode, n as u32, workload.context));
            let on_target_context = largest(context.0, |c| probe.on_target(mode, workload.streams, c));
            found.push(Limits {
                site: s,
                workload: w,
                device,
                mode,
                choice: probe.choice,
                streams: Limit { max: streams.0, binds: streams.1, on_target: on_target_streams },
                context: Limit { max: context.0, binds: context.1, on_target: on_target_context },
                speed: probe.speed(mode, workload.streams, workload.context),
                frontier: points.clone(),
            });
        }
    }
    found
}

/// Tokens that a network writes for one input: a speech recogniser's own most, else none.
#[must_use]
pub fn written(network: &Network) -> u64 {
    network.speech.map_or(0, |s| u64::from(s.text_context))
}

/// What counts when two configurations of a workload on a device are compared: less is better everywhere.
struct Merits<'a> {
    /// On the accelerator and on the host.
    memory: (Bytes, Bytes),
    quality_loss: Share,
    /// Load and latency in each mode at the asked point, where there are targets; what misses them is worse than all.
    demands: Vec<(Share, Micros)>,
    /// Engines take more streams in different ways: where there are targets only configurations of one are compared.
    runtime: &'a str,
}

impl<'a> Merits<'a> {
    fn of(probe: &Probe<'a, '_>, modes: &[&'a PowerMode]) -> Option<Self> {
        let (streams, context) = (probe.workload.streams, probe.workload.context);
        let footprint = probe.footprint(streams, context)?;
        let targets = probe.workload.targets.any();
        let worst = (Share(u64::MAX), Micros(u64::MAX));
        let demand = |mode: &&PowerMode| {
            let judged = judge_targets(&probe.speed(mode, streams, context)?, probe.workload).ok()?;
            Some((judged.load, judged.latency.map_or(Micros::default(), |(alone, _)| alone)))
        };
        Some(Self {
            memory: (footprint.main.total(), footprint.host.total()),
            quality_loss: probe.choice.quality_loss,
            demands: modes.iter().filter(|_| targets).map(|mode| demand(mode).unwrap_or(worst)).collect(),
            runtime: if targets { probe.choice.runtime_id } else { "" },
        })
    }

    fn no_worse_than(&self, other: &Self) -> bool {
        self.runtime == other.runtime
            && self.memory.0 <= other.memory.0
            && self.memory.1 <= other.memory.1
            && self.quality_loss <= other.quality_loss
            && self.demands.iter().zip(&other.demands).all(|(a, b)| a.0 <= b.0 && a.1 <= b.1)
    }
}

/// Leaves out configurations that need no less memory, lose no less quality and are no faster than another one.
fn drop_beaten<'a>(probes: &mut Vec<Probe<'a, '_>>, modes: &[&'a PowerMode]) {
    let merits: Vec<_> = probes.iter().map(|probe| Merits::of(probe, modes)).collect();
    let beats = |i: usize, j: usize| match (&merits[i], &merits[j]) {
        (Some(a), Some(b)) => a.no_worse_than(b) && (i < j || !b.no_worse_than(a)),
        _ => false,
    };
    let keep: Vec<bool> = (0..probes.len()).map(|j| !(0..probes.len()).any(|i| i != j && beats(i, j))).collect();
    let mut kept = keep.into_iter();
    probes.retain(|_| kept.next().unwrap_or(true));
}

/// A configuration whose streams and context are varied.
struct Probe<'a, 's> {
    scenario: &'s Scenario,
    catalog: &'a Catalog,
    device: &'a Device,
    /// In the memory setting that is asked about.
    pools: &'a [Pool],
    choice: Choice<'a>,
    workload: &'s Workload,
    weights: Weights,
}

impl Probe<'_, '_> {
    /// The workload at another point; the prompt stays as asked where the context allows it.
    fn at(&self, streams: u32, context: u64) -> Workload {
        let mut workload = self.workload.clone();
        workload.streams = streams;
        workload.context = context;
        workload.prompt = workload.prompt.min(context.saturating_sub(1));
        workload
    }

    fn footprint(&self, streams: u32, context: u64) -> Option<Footprint> {
        let workload = self.at(streams, context);
        memory::footprint(&case(self.device, &self.choice, &workload, &self.weights)).ok()
    }

    /// The pool that is full at a point, if one is. What cannot be worked out is too large.
    fn full(&self, streams: u32, context: u64) -> Option<PoolName> {
        let first = self.pools.first().map_or(PoolName::Unified, |p| p.name);
        let Some(footprint) = self.footprint(streams, context) else { return Some(first) };
        match memory_refusal(self.pools, &footprint, self.scenario.headroom) {
            Some(crate::candidates::Refusal::Memory { pool, .. }) => Some(pool),
            _ => None,
        }
    }

    fn max_streams(&self, context: u64) -> (u64, Binds) {
        let runtime = self.choice.runtime.max_streams.unwrap_or(MAX_STREAMS);
        let cap = runtime.min(MAX_STREAMS);
        let max = largest(u64::from(cap), |n| self.full(n as u32, context).is_none());
        let binds = match self.full(max as u32 + 1, context) {
            Some(pool) if max < u64::from(cap) => Binds::Memory(pool),
            _ if runtime < MAX_STREAMS => Binds::Runtime,
            _ => Binds::Cap,
        };
        (max, binds)
    }

    fn max_context(&self, streams: u32) -> (u64, Binds) {
        if let Some(network) = self.workload.model.network() {
            return (written(network), Binds::Model);
        }
        let model = self.workload.model.language().and_then(|a| a.spec.max_context);
        let cap = model.unwrap_or(MAX_CONTEXT);
        let max = largest(cap, |c| self.full(streams, c).is_none());
        let binds = match self.full(streams, max + 1) {
            Some(pool) if max < cap => Binds::Memory(pool),
            _ if model.is_some() => Binds::Model,
            _ => Binds::Cap,
        };
        (max, binds)
    }

    fn speed(&self, mode: &PowerMode, streams: u32, context: u64) -> Option<Speed> {
        let workload = self.at(streams, context);
        let case = case(self.device, &self.choice, &workload, &self.weights);
        estimate(&case, mode, self.scenario.confidence, self.catalog).ok()
    }

    fn on_target(&self, mode: &PowerMode, streams: u32, context: u64) -> bool {
        let workload = self.at(streams, context);
        match self.speed(mode, streams, context) {
            Some(speed) => judge_targets(&speed, &workload)
                .is_ok_and(|judged| judged.missed().next().is_none() && judged.load <= self.scenario.max_load),
            None => !workload.targets.any(),
        }
    }

    /// Pairs of streams and context that fit, such that neither can grow without the other shrinking.
    fn frontier(&self, max_streams: u64) -> Vec<(u32, u64)> {
        if self.workload.model.language().is_none() {
            return Vec::new();
        }
        // More streams at one token of context than at the asked one: the frontier begins where even that ends.
        let widest = self.max_streams(1).0.max(max_streams) as u32;
        let mut points: Vec<(u32, u64)> = Vec::new();
        let mut streams = 1;
        while streams <= widest {
            let (context, _) = self.max_context(streams);
            if context == 0 {
                break;
            }
            // The most streams that still have this context.
            let last =
                largest(u64::from(widest), |n| n <= u64::from(streams) || self.full(n as u32, context).is_none());
            points.push((last as u32, context));
            streams = last as u32 + 1;
        }
        points
    }
}

/// The largest number from 0 to `cap` that passes, for a test that only ever turns from passing to failing; 0 always passes.
fn largest(cap: u64, passes: impl Fn(u64) -> bool) -> u64 {
    if cap == 0 || passes(cap) {
        return cap;
    }
    let (mut low, mut high) = (0, cap);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if passes(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}
