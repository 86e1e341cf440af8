//! Working out every candidate of a scenario.

use std::sync::Arc;

use rayon::prelude::*;

use super::configurations::{self, Choice};
use super::memo::{InFormat, Memo};
use super::refusal::{Clash, DeviceRefusal, LeftOut, Refusal};
use super::targets::judge_targets;
use super::{Candidate, Speed, dominance, screen, settings};
use crate::catalog::Catalog;
use crate::domain::{Device, FlashSupport, KvPair, Pool, PowerMode};
use crate::memory::{self, Case, Demand, Footprint, Unsupported, Weights};
use crate::scenario::{Scenario, Workload};
use crate::solve::required;
use crate::speed::{self, NoEstimate};
use crate::units::{Bytes, Share};

/// How much to keep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Keep the refused and the beaten candidates too.
    pub all: bool,
    /// Find out what refused devices would do, and keep only the outcome.
    pub judge_refused: bool,
    /// Keep enlarged memory settings that this scenario does not need: for whoever asks for more afterwards.
    pub every_setting: bool,
}

/// What came of one workload on one device, over all modes and configurations.
#[derive(Debug, Clone)]
pub struct WorkloadOnDevice {
    /// Index of the site class.
    pub site: usize,
    /// Index of the workload in it.
    pub workload: usize,
    /// Index of the device in the catalog.
    pub device_index: usize,
    /// Whether any configuration may be used.
    pub usable: bool,
    /// Where none may: what the configuration misses by most that misses by least.
    pub nearest: Option<Refusal>,
    /// By what factor that is missed, above 1; infinite where no figure tells; 0 where one may be used.
    pub miss: f64,
    /// Weight formats in which it was not considered, and why.
    pub left_out: Vec<LeftOut>,
}

/// All candidates of a scenario.
#[derive(Debug, Clone)]
pub struct Generated<'a> {
    /// Site class by site class, workload by workload, device by device in catalog order.
    pub candidates: Vec<Candidate<'a>>,
    /// Admitted devices that may not be used, by site class and device index, each with all reasons, the first to be told
    /// in front.
    pub refused: Vec<(usize, usize, Vec<DeviceRefusal>)>,
    /// What came of each workload on each usable device.
    pub outcomes: Vec<WorkloadOnDevice>,
    /// How many candidates were worked out.
    pub considered: u32,
}

/// One workload on one device: the unit of parallel work.
struct Job<'a> {
    site: usize,
    workload: usize,
    device_index: usize,
    device: &'a Device,
    refusals: Vec<DeviceRefusal>,
}

struct Batch<'a> {
    kept: Vec<Candidate<'a>>,
    /// Candidates worked out.
    worked_out: u32,
    /// Numbers given: formats that are left out have one too.
    numbers: u32,
    outcome: WorkloadOnDevice,
}

/// Works out every candidate of a scenario. The order, the numbers and all figures are the same whatever the number of
/// threads.
#[must_use]
pub fn generate<'a>(scenario: &Scenario, catalog: &'a Catalog, options: Options) -> Generated<'a> {
    generate_with(scenario, catalog, options, &Memo::default())
}

/// As [`generate`], taking from the memo what it holds already and adding to it. A memo belongs to one catalog.
#[must_use]
pub fn generate_with<'a>(
    scenario: &Scenario,
    catalog: &'a Catalog,
    options: Options,
    memo: &Memo<'a>,
) -> Generated<'a> {
    let weights = WeightIndex::of(scenario, catalog, memo);
    let mut jobs = Vec::new();
    let mut refused = Vec::new();
    for (s, site) in scenario.sites.iter().enumerate() {
        let devices: Vec<_> = catalog
            .devices()
            .enumerate()
            .map(|(i, d)| (i, d, screen::screen(d, site, scenario.objective)))
            .filter(|(_, _, refusals)| !refusals.iter().any(DeviceRefusal::is_exclusion))
            .collect();
        refused.extend(devices.iter().filter(|(_, _, r)| !r.is_empty()).map(|(i, _, r)| (s, *i, r.clone())));
        for w in 0..site.workloads.len() {
            for (device_index, device, refusals) in &devices {
                if refusals.is_empty() || options.all || options.judge_refused {
                    let (device_index, refusals) = (*device_index, refusals.clone());
                    jobs.push(Job { site: s, workload: w, device_index, device, refusals });
                }
            }
        }
    }
    let batches: Vec<Batch<'a>> =
        jobs.par_iter().map(|job| work_out(job, scenario, catalog, &weights, options, memo)).collect();
    let mut generated = Generated {
        candidates: Vec::with_capacity(batches.iter().map(|b| b.kept.len()).sum()),
        refused,
        outcomes: Vec::with_capacity(batches.len()),
        considered: 0,
    };
    let mut first = 0;
    for batch in batches {
        generated.considered += batch.worked_out;
        generated.candidates.extend(batch.kept.into_iter().map(|mut c| {
            c.number += first;
            c
        }));
        first += batch.numbers;
        generated.outcomes.push(batch.outcome);
    }
    if !options.every_setting {
        settings::leave_out_needless(scenario, &mut generated.candidates, options.all);
    }
    generated
}

/// The weights of every workload's model in every format, with the model's number in the memo.
struct WeightIndex<'a> {
    tables: Vec<Vec<(usize, Arc<InFormat<'a>>)>>,
}

impl<'a> WeightIndex<'a> {
    fn of(scenario: &Scenario, catalog: &'a Catalog, memo: &Memo<'a>) -> Self {
        let table = |w: &Workload| memo.weights(catalog, &w.model);
        Self { tables: scenario.sites.iter().map(|s| s.workloads.iter().map(table).collect()).collect() }
    }

    fn model(&self, job: &Job<'_>) -> usize {
        self.tables[job.site][job.workload].0
    }

    fn get(&self, job: &Job<'_>, format: &str) -> Result<&Weights, Unsupported> {
        match self.tables[job.site][job.workload].1.get(format) {
            Some(Ok(weights)) => Ok(weights),
            Some(Err(e)) => Err(e.clone()),
            None => Err(Unsupported::Unknown("the weight format")),
        }
    }
}

fn work_out<'a>(
    job: &Job<'a>,
    scenario: &Scenario,
    catalog: &'a Catalog,
    weights: &WeightIndex<'_>,
    options: Options,
    memo: &Memo<'a>,
) -> Batch<'a> {
    let site = &scenario.sites[job.site];
    let workload = &site.workloads[job.workload];
    let worked_out = |choice: Choice<'a>| {
        let key = Memo::key(weights.model(job), job.device_index, &choice, workload);
        let outcome = weights.get(job, &choice.format.id).and_then(|w| {
            let footprint = memo.footprint(key, || memory::footprint(&case(job.device, &choice, workload, w)));
            footprint.map(|f| (f, w))
        });
        (choice, key, outcome)
    };
    let choices = configurations::choices_on(catalog, job.device, site, workload);
    let cases: Vec<_> = choices.into_iter().map(worked_out).collect();
    let mut batch = Batch {
        kept: Vec::new(),
        worked_out: 0,
        numbers: 0,
        outcome: WorkloadOnDevice {
            site: job.site,
            workload: job.workload,
            device_index: job.device_index,
            usable: false,
            nearest: None,
            miss: 0.0,
            left_out: Vec::new(),
        },
    };
    let mut nearest: Option<(f64, Refusal)> = None;
    for (mode_index, mode) in job.device.modes.iter().enumerate() {
        if !screen::mode_admitted(job.device, mode, site) {
            continue;
        }
        let mut barred = job.refusals.clone();
        if barred.is_empty() {
            barred.extend(screen::screen_mode(mode, site, scenario.objective));
        }
        let mut in_mode = Vec::with_capacity(cases.len());
        // In a host with several cards a workload may run on any one of them.
        let placed = cases.iter().flat_map(|case| (0..job.device.cards()).map(move |card| (case, card)));
        for ((choice, key, outcome), card) in placed {
            let footprint = outcome.as_ref().ok().map(|(footprint, _)| *footprint);
            let mut candidate = blank(job, mode_index, mode, choice, footprint);
            candidate.card = card;
            let mut refusals: Vec<Refusal> = barred.iter().cloned().map(Refusal::Device).collect();
            refusals.extend(Clash::between(job.device, mode, choice.runtime).map(Refusal::Software));
            match outcome {
                // What the engine cannot run is told before what the device misses.
                Err(unsupported) => refusals.insert(0, Refusal::Unsupported(unsupported.clone())),
                Ok((footprint, weights)) => {
                    let case = case(job.device, choice, workload, weights);
                    let speed = memo.speed((*key, mode_index, scenario.confidence), || {
                        estimate(&case, mode, scenario.confidence, catalog)
                    });
                    refusals.extend(judge(&mut candidate, speed, footprint, scenario, workload));
                }
            }
            candidate.miss = refusals.iter().map(Refusal::factor).fold(0.0, f64::max);
            candidate.number = batch.worked_out;
            batch.worked_out += 1;
            if refusals.is_empty() {
                batch.outcome.usable = true;
            } else {
                keep_nearest(&mut nearest, candidate.miss, &refusals);
            }
            candidate.refusal = refusals.into_iter().next();
            if options.all || candidate.refusal.is_none() {
                in_mode.push(candidate);
            }
        }
        if options.all {
            batch.kept.extend(in_mode);
        } else {
            batch.kept.extend(dominance::undominated(in_mode, workload.process.is_some()));
        }
    }
    batch.numbers = batch.worked_out;
    let left_out = configurations::left_out_on(catalog, job.device, site, workload);
    let first_mode = job.device.modes.iter().enumerate().find(|(_, m)| screen::mode_admitted(job.device, m, site));
    if let Some((mode_index, mode)) = first_mode {
        for (runtime_id, runtime, format, why) in &left_out {
            if options.all {
                let choice = Choice::left_out(runtime_id, runtime, format);
                let mut candidate = blank(job, mode_index, mode, &choice, None);
                candidate.number = batch.numbers;
                candidate.refusal = Some(Refusal::Format(why.clone()));
                candidate.miss = f64::INFINITY;
                batch.kept.push(candidate);
            }
            batch.numbers += 1;
        }
    }
    batch.outcome.left_out = left_out.into_iter().map(|(.., left_out)| left_out).collect();
    if cases.is_empty() {
        let left_out = batch.outcome.left_out.clone();
        let why = configurations::without_choice(catalog, job.device, site, workload, left_out);
        nearest = Some((f64::INFINITY, Refusal::NoConfiguration(why)));
    }
    if let Some((miss, refusal)) = nearest.filter(|_| !batch.outcome.usable) {
        (batch.outcome.miss, batch.outcome.nearest) = (miss, Some(refusal));
    }
    batch
}

/// Keeps the configuration that misses by the smallest factor, told by what it misses by most; among those without a figure
/// the one that tells most. What does not fit has no speed: lack of memory is told before any target.
fn keep_nearest(nearest: &mut Option<(f64, Refusal)>, miss: f64, refusals: &[Refusal]) {
    let target = |refusal: &Refusal| matches!(refusal, Refusal::Target(_) | Refusal::Load { .. });
    let short = refusals.iter().any(|refusal| matches!(refusal, Refusal::Memory { .. }));
    let told = refusals
        .iter()
        .filter(|refusal| !(short && target(refusal)))
        .min_by(|a, b| b.factor().total_cmp(&a.factor()).then(a.rank().cmp(&b.rank())));
    let Some(told) = told else { return };
    let nearer = nearest.as_ref().is_none_or(|(known, refusal)| {
        miss.total_cmp(known).then(told.rank().cmp(&refusal.rank())) == std::cmp::Ordering::Less
    });
    if nearer {
        *nearest = Some((miss, told.clone()));
    }
}

/// The question that memory and speed models are asked for a choice.
pub(crate) fn case<'a>(
    device: &'a Device,
    choice: &Choice<'a>,
    workload: &'a Workload,
    weights: &'a Weights,
) -> Case<'a> {
    let micro_batch = choice.micro_batch.unwrap_or(512);
    Case {
        device,
        runtime: choice.runtime,
        model: &workload.model,
        format: choice.format,
        weights: weights.on(choice.runtime),
        kv: choice.kv.unwrap_or(KvPair::F16),
        // Where the scenario has no say (speech recognisers), the engine's automatic choice stands.
        flash_attention: choice.flash_attention.unwrap_or(choice.runtime.flash_attention != FlashSupport::Never),
        demand: Demand {
            context: workload.context,
            streams: workload.streams,
            prompt: workload.prompt,
            images: workload.images,
            image_tokens: workload.image_tokens,
            batch: workload.batch.unwrap_or(Demand::batch_for(micro_batch)),
            micro_batch,
            outputs: workload.outputs,
            prompt_cache: workload.prompt_cache,
            checkpoints: Demand::CHECKPOINTS,
            ..Demand::default()
        },
    }
}

fn blank<'a>(
    job: &Job<'a>,
    mode_index: usize,
    mode: &'a PowerMode,
    choice: &Choice<'a>,
    footprint: Option<Footprint>,
) -> Candidate<'a> {
    Candidate {
        number: 0,
        site: job.site,
        workload: job.workload,
        device_index: job.device_index,
        device: job.device,
        mode_index,
        mode,
        runtime_id: choice.runtime_id,
        runtime: choice.runtime,
        format: choice.format,
        kv: choice.kv,
        flash_attention: choice.flash_attention,
        // Text encoders compute a whole input at once, whatever was chosen.
        micro_batch: choice
            .micro_batch
            .map(|chosen| footprint.and_then(|f| f.settings).map_or(chosen, |s| s.micro_batch)),
        card: 0,
        footprint,
        speed: None,
        load: Share::ZERO,
        latency: None,
        barely: false,
        quality_loss: choice.quality_loss,
        refusal: None,
        miss: 0.0,
    }
}

/// Works out speed, load and latency, and finds everything that forbids the candidate even alone on the device: memory,
/// then targets, then load.
fn judge(
    candidate: &mut Candidate<'_>,
    estimate: Result<Speed, NoEstimate>,
    footprint: &Footprint,
    scenario: &Scenario,
    workload: &Workload,
) -> Vec<Refusal> {
    let has_target = workload.targets.any();
    let mut refusals: Vec<Refusal> =
        memory_refusal(candidate.device.pools_in(candidate.mode), footprint, scenario.headroom).into_iter().collect();
    let mut slow = false;
    match estimate {
        Ok(speed) => {
            candidate.speed = Some(speed);
            match judge_targets(&speed, workload) {
                Ok(judged) => {
                    candidate.load = judged.load;
                    candidate.latency = judged.latency;
                    candidate.barely = judged.barely;
                    slow = judged.slow.is_some();
                    refusals.extend(judged.missed().map(Refusal::Target));
                }
                Err(why) => refusals.push(Refusal::NoEstimate(why)),
            }
        }
        Err(why) if has_target => refusals.push(Refusal::NoEstimate(why)),
        Err(_) => {}
    }
    // A rate that is missed takes more than all of the device's time: to say so adds nothing.
    if candidate.load > scenario.max_load && !slow {
        refusals.push(Refusal::Load { load: candidate.load, max: scenario.max_load });
    }
    refusals
}

/// The speed of a case: that of a language model or of a network.
pub(crate) fn estimate(
    case: &Case<'_>,
    mode: &PowerMode,
    confidence: Share,
    catalog: &Catalog,
) -> Result<Speed, NoEstimate> {
    let calibration = catalog.calibration();
    if case.model.task.is_language() {
        speed::language_speed(case, mode, confidence, calibration).map(Speed::Language)
    } else {
        speed::network_speed(case, mode, confidence, calibration).map(Speed::Network)
    }
}

/// The pool that a workload alone does not fit, if there is one: in its steady state, or while it is loaded.
pub(crate) fn memory_refusal(pools: &[Pool], footprint: &Footprint, headroom: Share) -> Option<Refusal> {
    let refusal = |pool: &Pool, required: Bytes, while_loading: bool| {
        let capacity = pool.capacity;
        (required > capacity).then_some(Refusal::Memory { pool: pool.name, required, capacity, while_loading })
    };
    pools
        .iter()
        .filter_map(|pool| {
            let needed = required(pool.os + footprint.pool(pool.name).total(), headroom);
            let loading = footprint.peaks.loading.map_or(Bytes::ZERO, |peak| peak.held(pool.name));
            refusal(pool, needed, false).or_else(|| refusal(pool, pool.os + loading, true))
        })
        .max_by_key(|r| r.short())
}
