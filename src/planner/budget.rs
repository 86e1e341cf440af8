//! One memory budget: a model in a configuration on a device, part by part, with its speed.

use std::sync::Arc;

use crate::candidates::{Clash, Speed, estimate};
use crate::catalog::Catalog;
use crate::domain::{Backend, Device, FlashSupport, Format, KvPair, Model, Pool, PoolName, PowerMode, Runtime, Task};
use crate::memory::{self, Case, Demand, Footprint, Peaks, PoolUse, Settings, Weights};
use crate::scenario::FlashChoice;
use crate::solve::required;
use crate::units::{Bytes, Share};

/// A question with every name looked up.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// What runs.
    pub model: Arc<Model>,
    /// Its weights in the format.
    pub weights: Weights,
    /// Where.
    pub device: &'a Device,
    /// In which power mode.
    pub mode: &'a PowerMode,
    /// With which engine.
    pub runtime: &'a Runtime,
    /// In which format.
    pub format: &'a Format,
    /// Cache types.
    pub kv: KvPair,
    /// Flash attention as asked.
    pub flash_attention: FlashChoice,
    /// How it is used.
    pub demand: Demand,
    /// Added to steady memory.
    pub headroom: Share,
    /// How sure the unfavourable bounds are.
    pub confidence: Share,
}

/// What is needed in one pool, and whether it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolBudget {
    /// Which pool.
    pub name: PoolName,
    /// What the workload takes.
    pub used: PoolUse,
    /// In use before it starts.
    pub os: Bytes,
    /// Everything in use in steady state.
    pub steady: Bytes,
    /// With headroom.
    pub required: Bytes,
    /// There.
    pub capacity: Bytes,
}

impl PoolBudget {
    /// Every figure of the pool, in the order of the tables.
    #[must_use]
    pub fn parts(&self) -> [Bytes; 13] {
        let used = &self.used;
        [
            used.weights,
            used.kv_cache,
            used.state,
            used.prompt_cache,
            used.checkpoints,
            used.compute,
            used.output,
            used.activations(),
            used.framework,
            self.os,
            self.steady,
            self.required,
            self.capacity,
        ]
    }

    /// Whether the pool holds it.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.required <= self.capacity
    }
}

/// A budget worked out.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// By pool, in the device's order.
    pub pools: Vec<PoolBudget>,
    /// Which rule gave the activations.
    pub activation_rule: &'static str,
    /// Whether flash attention is used.
    pub flash_attention: bool,
    /// What the engine must be told for the memory to be this.
    pub settings: Option<Settings>,
    /// What it takes for a moment before it runs.
    pub peaks: Peaks,
    /// Whether every pool holds what cannot be dropped while the model is loaded.
    pub loads: bool,
    /// Why no firmware has both the mode and the engine. What was asked is answered all the same; plans never combine them.
    pub clash: Option<Clash>,
    /// Speed, or why there is no estimate.
    pub speed: Result<Speed, String>,
}

impl Answer {
    /// Whether every pool holds it, and what it takes while it is loaded.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.loads && self.pools.iter().all(PoolBudget::fits)
    }
}

/// The case that memory and speed models see for a question.
///
/// # Errors
/// A sentence when the runtime cannot do what is asked.
pub fn case<'q>(question: &'q Question<'_>) -> Result<Case<'q>, String> {
    let flash_attention = match (question.runtime.flash_attention, question.flash_attention) {
        (FlashSupport::Always, FlashChoice::Off) => {
            return Err(format!("{} always uses flash attention", question.runtime.id));
        }
        (FlashSupport::Never, FlashChoice::On) => {
            return Err(format!("{} has no flash attention", question.runtime.id));
        }
        (FlashSupport::Always, _) => true,
        (FlashSupport::Never, _) => false,
        (FlashSupport::Optional, choice) => choice != FlashChoice::Off,
    };
    Ok(Case {
        device: question.device,
        runtime: question.runtime,
        model: &question.model,
        format: question.format,
        weights: question.weights.on(question.runtime),
        kv: question.kv,
        flash_attention,
        demand: question.demand,
    })
}

/// Works out a budget.
///
/// # Errors
/// A sentence when the runtime cannot run the model in this configuration.
pub fn answer(question: &Question<'_>, catalog: &Catalog) -> Result<Answer, String> {
    let case = case(question)?;
    let footprint = memory::footprint(&case).map_err(|e| e.to_string())?;
    Ok(Answer {
        pools: pools(question.device.pools_in(question.mode), &footprint, question.headroom),
        activation_rule: footprint.activation_rule,
        flash_attention: case.flash_attention,
        settings: footprint.settings,
        peaks: footprint.peaks,
        loads: question
            .device
            .pools_in(question.mode)
            .iter()
            .all(|pool| footprint.peaks.loading.is_none_or(|p| pool.os + p.held(pool.name) <= pool.capacity)),
        clash: Clash::between(question.device, question.mode, question.runtime),
        speed: estimate(&case, question.mode, question.confidence, catalog).map_err(|e| e.to_string()),
    })
}

/// What a footprint needs in each pool of a device, alone.
#[must_use]
pub fn pools(pools: &[Pool], footprint: &Footprint, headroom: Share) -> Vec<PoolBudget> {
    pools
        .iter()
        .map(|pool| {
            let used = footprint.pool(pool.name);
            let steady = pool.os + used.total();
            PoolBudget {
                name: pool.name,
                used,
                os: pool.os,
                steady,
                required: required(steady, headroom),
                capacity: pool.capacity,
            }
        })
        .collect()
}

/// The runtime that an id means on a device for a model: the one named, or the best backend of the engine named; when none is
/// named the best of all that load the weight format, where one is named.
///
/// # Errors
/// A sentence naming what the device does run.
pub fn runtime_on<'a>(
    catalog: &'a Catalog,
    device: &'a Device,
    model: &Model,
    id: Option<&str>,
    format: Option<&str>,
) -> Result<&'a Runtime, String> {
    let here = || device.runtimes.iter().filter_map(|r| catalog.runtime_by_id(r));
    let runs = |r: &&Runtime| r.tasks.contains(&model.task);
    let Some(id) = id else {
        let best =
            here().find(runs).ok_or_else(|| format!("no runtime of {} runs {} models", device.id, model.task.id()))?;
        // A weight file is in a format of its own, whatever is named.
        let Some(format) = format.filter(|_| model.stored.is_none()) else { return Ok(best) };
        let format = catalog.format(format).map_err(|e| e.one_line())?;
        return here().filter(runs).find(|r| runs_in(device, r, model, format)).ok_or_else(|| {
            let known = here().filter(runs).map(|r| r.id.as_str()).collect::<Vec<_>>().join(", ");
            format!("none of the runtimes of {} loads weight format `{}`: it has {known}", device.id, format.id)
        });
    };
    let meant = catalog.runtime(id).map_err(|e| e.one_line())?;
    let known = || here().map(|r| r.id.as_str()).collect::<Vec<_>>().join(", ");
    let found = here()
        .find(|r| meant.iter().any(|m| m.id == r.id))
        .ok_or_else(|| format!("runtime `{id}` does not run on {}, which has {}", device.id, known()))?;
    if runs(&found) { Ok(found) } else { Err(format!("runtime `{id}` does not run {} models", model.task.id())) }
}

/// Whether a runtime runs a model in a format on a device.
fn runs_in(device: &Device, runtime: &Runtime, model: &Model, format: &Format) -> bool {
    runtime.loads(format) && format.runs_on(device) && runtime.exception(device, model, format).is_none_or(|e| e.on_cpu)
}

/// The format in which a model is usually run on a runtime of a device: that of its makers where it is a quantised one, else
/// the first that the runtime lists. Text encoders are published as f16 where language models are quantised; networks of
/// vision and speech run in 8 bits on units that are made for it, and elsewhere in the first floating-point format.
#[must_use]
pub fn usual_format<'a>(catalog: &'a Catalog, device: &Device, runtime: &Runtime, model: &Model) -> Option<&'a Format> {
    const PLAIN: [&str; 3] = ["f16", "bf16", "f32"];
    let runs = |id: &str| catalog.formats().find(|f| f.id == id).filter(|f| runs_in(device, runtime, model, f));
    let first = |ids: &[&str]| ids.iter().find_map(|id| runs(id));
    let listed = || runtime.formats.iter().find_map(|id| runs(id));
    let native = model.native_format.as_deref().filter(|id| !PLAIN.contains(id)).and_then(runs);
    let usual = match (native, model.task) {
        (Some(native), _) => Some(native),
        (None, Task::Embedding | Task::Reranker) => first(&["f16", "bf16"]),
        (None, task) if task.is_language() => listed().filter(|f| f.id != "f32").or_else(|| first(&["bf16", "f16"])),
        (None, _) if runtime.backend == Backend::Npu => first(&["int8", "w8a8"]),
        (None, _) => runtime.formats.iter().filter(|id| PLAIN.contains(&id.as_str())).find_map(|id| runs(id)),
    };
    usual.or_else(listed)
}

/// The format that is meant for a model on a runtime: the one named, that of its weight file, or the usual one.
///
/// # Errors
/// A sentence when the runtime does not load it or the file is in another one.
pub fn format_of<'a>(
    catalog: &'a Catalog,
    device: &Device,
    runtime: &Runtime,
    model: &Model,
    id: Option<&str>,
) -> Result<&'a Format, String> {
    let stored = model.stored.as_ref().map(|s| s.format.as_str());
    let format = match (id, stored) {
        (Some(id), Some(stored)) => {
            let format = catalog.format(id).map_err(|e| e.one_line())?;
            if format.id != stored {
                return Err(format!("the file holds {stored}, not {}", format.id));
            }
            format
        }
        (Some(id), None) => catalog.format(id).map_err(|e| e.one_line())?,
        (None, Some(stored)) => catalog.format(stored).map_err(|e| e.one_line())?,
        (None, None) => usual_format(catalog, device, runtime, model)
            .ok_or_else(|| format!("no weight format of {} is known", runtime.id))?,
    };
    if !runtime.loads(format) {
        Err(format!("runtime `{}` does not load weight format `{}`", runtime.id, format.id))
    } else if runs_in(device, runtime, model, format) {
        Ok(format)
    } else {
        Err(format!("runtime `{}` does not run `{}` in {} on {}", runtime.id, model.id, format.id, device.id))
    }
}

/// The mode of this id (case does not matter), or the default one.
///
/// # Errors
/// A sentence naming the modes that the device has.
pub fn mode_of<'a>(device: &'a Device, id: Option<&str>, of_alias: &[String]) -> Result<&'a PowerMode, String> {
    let known = || device.modes.iter().map(|m| m.id.as_str()).collect::<Vec<_>>().join(", ");
    let allowed = |m: &&PowerMode| of_alias.is_empty() || of_alias.iter().any(|a| a == m.power_id());
    match id {
        Some(id) => device
            .modes
            .iter()
            .filter(allowed)
            .find(|m| m.id.eq_ignore_ascii_case(id))
            .ok_or_else(|| format!("{} has no mode `{id}`; it has {}", device.id, known())),
        None => of_alias
            .first()
            .and_then(|first| device.modes.iter().find(|m| m.id == *first))
            .or_else(|| device.default_mode())
            .ok_or_else(|| format!("{} has no power mode", device.id)),
    }
}

/// A mode in the memory setting of this id (case does not matter); as it is when none is named.
///
/// # Errors
/// A sentence naming the settings that the device has.
pub fn setting_of<'a>(device: &'a Device, mode: &'a PowerMode, id: Option<&str>) -> Result<&'a PowerMode, String> {
    let Some(id) = id else { return Ok(mode) };
    let named = |m: &&PowerMode| {
        let own = m.setting.as_ref().map_or("factory", |s| &s.id);
        m.power_id() == mode.power_id() && own.eq_ignore_ascii_case(id)
    };
    let known = || {
        let mut known = vec!["factory"];
        known.extend(device.modes.iter().filter_map(|m| m.setting.as_ref()).map(|s| s.id.as_str()));
        known.dedup();
        known.join(", ")
    };
    device.modes.iter().find(named).ok_or_else(|| format!("{} has no setting `{id}`; it has {}", device.id, known()))
}
