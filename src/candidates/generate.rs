//! Working out every candidate of a scenario.

use std::sync::Arc;

use rayon::prelude::*;

use super::configurations::{self, Choice};
use super::memo::{InFormat, Memo};
use super::refusal::{DeviceRefusal, LeftOut, Refusal};
use super::targets::judge_targets;
use super::{Candidate, Speed, dominance, screen};
use crate::catalog::Catalog;
use crate::domain::{Device, FlashSupport, KvPair, PowerMode};
use crate::memory::{self, Case, Demand, Footprint, Unsupported, Weights};
use crate::scenario::{Scenario, Workload};
use crate::solve::required;
use crate::speed;
use crate::units::Share;

/// How much to keep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Keep the refused and the beaten candidates too.
    pub all: bool,
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
    /// Where none may: the refusal that is nearest to being none.
    pub nearest: Option<Refusal>,
    /// Where none may: the least that it needs in the pool that is shortest, over all configurations.
    pub least_short: Option<Refusal>,
    /// Weight formats in which it was not considered, and why.
    pub left_out: Vec<LeftOut>,
}

/// All candidates of a scenario.
#[derive(Debug, Clone)]
pub struct Generated<'a> {
    /// Site class by site class, workload by workload, device by device in catalog order.
    pub candidates: Vec<Candidate<'a>>,
    /// Admitted devices that may not be used, by site class and device index.
    pub refused: Vec<(usize, usize, DeviceRefusal)>,
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
    refusal: Option<DeviceRefusal>,
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
            .filter(|(_, d)| screen::admitted(d, site))
            .map(|(i, d)| (i, d, screen::screen(d, site, scenario.objective)))
            .collect();
        refused.extend(devices.iter().filter_map(|(i, _, r)| r.clone().map(|r| (s, *i, r))));
        for w in 0..site.workloads.len() {
            for (device_index, device, refusal) in &devices {
                if refusal.is_none() || options.all {
                    let (device_index, refusal) = (*device_index, refusal.clone());
                    jobs.push(Job { site: s, workload: w, device_index, device, refusal });
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
    let cases: Vec<_> = configurations::choices_on(catalog, job.device, site, workload)
        .into_iter()
        .map(|choice| {
            let key = Memo::key(weights.model(job), job.device_index, &choice, workload);
            let unsupported = |e: Unsupported| Refusal::Unsupported(e.to_string());
            let outcome = weights.get(job, &choice.format.id).map_err(unsupported).and_then(|w| {
                let footprint = memo
                    .footprint(key, || memory::footprint(&case(job.device, &choice, workload, w)).map_err(unsupported));
                footprint.map(|f| (f, w))
            });
            (choice, key, outcome)
        })
        .collect();
    let mut kept = Vec::new();
    let mut count = 0u32;
    let mut usable = false;
    let mut nearest: Option<Refusal> = None;
    let mut least_short: Option<Refusal> = None;
    for (mode_index, mode) in job.device.modes.iter().enumerate() {
        if !screen::mode_admitted(job.device, mode, site) {
            continue;
        }
        let barred = job.refusal.clone().or_else(|| screen::screen_mode(mode, site, scenario.objective));
        let mut in_mode = Vec::with_capacity(cases.len());
        // In a host with several cards a workload may run on any one of them.
        let placed = cases.iter().flat_map(|case| (0..job.device.cards()).map(move |card| (case, card)));
        for ((choice, key, outcome), card) in placed {
            let mut candidate =
                blank(job, mode_index, mode, choice, count, outcome.as_ref().ok().map(|(footprint, _)| *footprint));
            candidate.card = card;
            count += 1;
            candidate.refusal = match (outcome, &barred) {
                (Err(refusal), _) => Some(refusal.clone()),
                (Ok((footprint, weights)), barred) => {
                    let case = case(job.device, choice, workload, weights);
                    let speed = memo.speed((*key, mode_index, scenario.confidence), || {
                        estimate(&case, mode, scenario.confidence, catalog)
                    });
                    let refusal = judge(&mut candidate, speed, &case, footprint, scenario, workload);
                    barred.clone().map(Refusal::Device).or(refusal)
                }
            };
            match &candidate.refusal {
                None => usable = true,
                Some(refusal) => {
                    keep_nearest(&mut nearest, refusal);
                    if let Refusal::Memory { .. } = refusal {
                        keep_nearest(&mut least_short, refusal);
                    }
                }
            }
            if options.all || candidate.refusal.is_none() {
                in_mode.push(candidate);
            }
        }
        if options.all {
            kept.extend(in_mode);
        } else {
            kept.extend(dominance::undominated(in_mode, workload.process.is_some()));
        }
    }
    let worked_out = count;
    let left_out = configurations::left_out_on(catalog, job.device, site, workload);
    let first_mode = job.device.modes.iter().enumerate().find(|(_, m)| screen::mode_admitted(job.device, m, site));
    if let Some((mode_index, mode)) = first_mode {
        for (runtime_id, runtime, format, why) in &left_out {
            if options.all {
                let choice = Choice::left_out(runtime_id, runtime, format);
                let mut candidate = blank(job, mode_index, mode, &choice, count, None);
                candidate.refusal = Some(Refusal::Format(why.clone()));
                kept.push(candidate);
            }
            count += 1;
        }
    }
    let left_out: Vec<LeftOut> = left_out.into_iter().map(|(.., left_out)| left_out).collect();
    if cases.is_empty() && nearest.is_none() {
        let workload = workload.name.clone();
        nearest = Some(Refusal::Device(if left_out.is_empty() {
            DeviceRefusal::NoRuntime(workload)
        } else {
            DeviceRefusal::NoFormat { workload, left_out: left_out.clone() }
        }));
    }
    let outcome = WorkloadOnDevice {
        site: job.site,
        workload: job.workload,
        device_index: job.device_index,
        usable,
        nearest: nearest.filter(|_| !usable),
        least_short: least_short.filter(|_| !usable),
        left_out,
    };
    Batch { kept, worked_out, numbers: count, outcome }
}

fn keep_nearest(nearest: &mut Option<Refusal>, refusal: &Refusal) {
    let nearer = nearest.as_ref().is_none_or(|n| {
        let (a, b) = (refusal.distance(), n.distance());
        a.0 < b.0 || (a.0 == b.0 && a.1 < b.1)
    });
    if nearer {
        *nearest = Some(refusal.clone());
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
        weights,
        kv: choice.kv.unwrap_or(KvPair::F16),
        // Where the scenario has no say (speech recognisers), the engine's automatic choice stands.
        flash_attention: choice.flash_attention.unwrap_or(choice.runtime.flash_attention != FlashSupport::Never),
        demand: Demand {
            context: workload.context,
            streams: workload.streams,
            prompt: workload.prompt,
            images: workload.images,
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
    number: u32,
    footprint: Option<Footprint>,
) -> Candidate<'a> {
    Candidate {
        number,
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
        quality_loss: choice.quality_loss,
        refusal: None,
    }
}

/// Works out speed, load and latency, and finds what forbids the candidate even alone on the device.
fn judge(
    candidate: &mut Candidate<'_>,
    estimate: Result<Speed, String>,
    case: &Case<'_>,
    footprint: &Footprint,
    scenario: &Scenario,
    workload: &Workload,
) -> Option<Refusal> {
    let missed = match estimate {
        Ok(speed) => {
            candidate.speed = Some(speed);
            judge_targets(&speed, workload).and_then(|judged| {
                candidate.load = judged.load;
                candidate.latency = judged.latency;
                judged.missed.map_or(Ok(()), |missed| Err(Refusal::Target(missed)))
            })
        }
        Err(why) => Err(Refusal::NoEstimate(why)),
    };
    memory_refusal(case.device, footprint, scenario.headroom)
        .or_else(|| missed.err().filter(|_| workload.targets.any()))
        .or_else(|| {
            (candidate.load > scenario.max_load)
                .then_some(Refusal::Load { load: candidate.load, max: scenario.max_load })
        })
}

/// The speed of a case: that of a language model or of a network.
pub(crate) fn estimate(
    case: &Case<'_>,
    mode: &PowerMode,
    confidence: Share,
    catalog: &Catalog,
) -> Result<Speed, String> {
    let calibration = catalog.calibration();
    if case.model.task.is_language() {
        speed::language_speed(case, mode, confidence, calibration).map(Speed::Language).map_err(|e| e.to_string())
    } else {
        speed::network_speed(case, mode, confidence, calibration).map(Speed::Network).map_err(|e| e.to_string())
    }
}

/// The pool that a workload alone does not fit, if there is one.
pub(crate) fn memory_refusal(device: &Device, footprint: &Footprint, headroom: Share) -> Option<Refusal> {
    device
        .pools
        .iter()
        .filter_map(|pool| {
            let needed = required(pool.os + footprint.pool(pool.name).total(), headroom);
            (needed > pool.capacity).then_some(Refusal::Memory {
                pool: pool.name,
                required: needed,
                capacity: pool.capacity,
            })
        })
        .max_by_key(|r| r.short())
}
