//! Everything that can be chosen for a workload on a device: runtime, weight format, cache types, flash attention,
//! micro-batch.

use std::cmp::Ordering;

use super::Candidate;
use super::refusal::{LeftOut, NoConfiguration, WhyLeftOut};
use crate::catalog::Catalog;
use crate::domain::{Device, Engine, FlashSupport, Format, KvPair, KvType, Runtime};
use crate::scenario::{FlashChoice, Site, Workload};
use crate::units::Share;

/// One configuration, before memory and speed are worked out.
#[derive(Debug, Clone, Copy)]
pub struct Choice<'a> {
    /// The runtime's id as the scenario would name it.
    pub runtime_id: &'a str,
    /// Engine and backend.
    pub runtime: &'a Runtime,
    /// Weight format.
    pub format: &'a Format,
    /// Cache types; absent where there is no cache.
    pub kv: Option<KvPair>,
    /// Flash attention; absent where it has no meaning.
    pub flash_attention: Option<bool>,
    /// Micro-batch; absent where it has no meaning.
    pub micro_batch: Option<u32>,
    /// Perplexity increase of weights and cache over f16; a whole where nobody measured it, so that anything measured is
    /// preferred.
    pub quality_loss: Share,
}

impl<'a> Choice<'a> {
    /// A format that is not considered: nothing else is chosen.
    pub(super) const fn left_out(runtime_id: &'a str, runtime: &'a Runtime, format: &'a Format) -> Self {
        Self {
            runtime_id,
            runtime,
            format,
            kv: None,
            flash_attention: None,
            micro_batch: None,
            quality_loss: match format.quality_loss {
                Some(loss) => loss,
                None => Share::ONE,
            },
        }
    }
}

/// Every configuration of a workload on a device, in a fixed order.
#[must_use]
pub fn choices_on<'a>(catalog: &'a Catalog, device: &'a Device, site: &Site, workload: &Workload) -> Vec<Choice<'a>> {
    runtimes(catalog, device, site, workload)
        .into_iter()
        .flat_map(|(id, runtime)| choices(catalog, device, id, runtime, workload))
        .collect()
}

/// The weight formats in which a workload is not considered on a device although the scenario allows the runtime, in a
/// fixed order: of those that the scenario names all, else those that the runtime loads.
#[must_use]
pub fn left_out_on<'a>(
    catalog: &'a Catalog,
    device: &'a Device,
    site: &Site,
    workload: &Workload,
) -> Vec<(&'a str, &'a Runtime, &'a Format, LeftOut)> {
    let mut found = Vec::new();
    for (id, runtime) in runtimes(catalog, device, site, workload) {
        for format in catalog.formats().filter(|f| is_asked(f, runtime, workload)) {
            if let Err(why) = loss_in(catalog, device, runtime, format, workload) {
                let left_out = LeftOut { runtime: id.to_owned(), format: format.id.clone(), why };
                found.push((id, runtime, format, left_out));
            }
        }
    }
    found
}

/// Why a workload has no configuration at all on a device.
#[must_use]
pub(super) fn without_choice(
    catalog: &Catalog,
    device: &Device,
    site: &Site,
    workload: &Workload,
    left_out: Vec<LeftOut>,
) -> NoConfiguration {
    if !left_out.is_empty() {
        return NoConfiguration::Formats(left_out);
    }
    let able = device.runtimes.iter().filter_map(|id| catalog.runtime_by_id(id));
    let mut able: Vec<String> =
        able.filter(|r| r.tasks.contains(&workload.model.task)).map(|r| r.engine_id.clone()).collect();
    able.dedup();
    let allowed = runtimes(catalog, device, site, workload);
    if able.is_empty() {
        NoConfiguration::Task(workload.model.task)
    } else if allowed.is_empty() {
        NoConfiguration::RuntimesLeftOut(able)
    } else {
        NoConfiguration::Options(allowed.iter().map(|(id, _)| (*id).to_owned()).collect())
    }
}

/// The runtimes that may run a workload on a device, by the id that the scenario would use.
///
/// An engine's plain id means its best backend on the device, which is the first one that the device lists. Backends show
/// up under their own ids only where the scenario names them.
fn runtimes<'a>(
    catalog: &'a Catalog,
    device: &'a Device,
    site: &Site,
    workload: &Workload,
) -> Vec<(&'a str, &'a Runtime)> {
    let on_device: Vec<&Runtime> = device.runtimes.iter().filter_map(|id| catalog.runtime_by_id(id)).collect();
    let mut found: Vec<(&str, &Runtime)> = Vec::new();
    let mut add = |id: &'a str, runtime: &'a Runtime| {
        if runtime.tasks.contains(&workload.model.task) && !found.iter().any(|(i, _)| *i == id) {
            found.push((id, runtime));
        }
    };
    let lists: Vec<&Vec<String>> =
        site.allow.iter().filter_map(|a| a.runtimes.as_ref()).chain(workload.runtimes.as_ref()).collect();
    for runtime in &on_device {
        let best = on_device.iter().find(|r| r.engine_id == runtime.engine_id);
        if best.is_some_and(|b| b.id == runtime.id) {
            add(&runtime.engine_id, runtime);
        }
        if lists.iter().any(|l| l.iter().any(|n| names_exactly(runtime, n))) {
            add(&runtime.id, runtime);
        }
    }
    found.retain(|(id, runtime)| lists.iter().all(|list| list.iter().any(|name| allows(name, id, runtime))));
    found
}

fn names_exactly(runtime: &Runtime, name: &str) -> bool {
    runtime.engine_id != name && (runtime.id == name || runtime.aliases.iter().any(|a| a == name))
}

/// Whether a name in a list allows a runtime that is offered under an id.
fn allows(name: &str, id: &str, runtime: &Runtime) -> bool {
    name == id || name == runtime.engine_id || (id == runtime.id && names_exactly(runtime, name))
}

/// Every configuration of a workload on one runtime, in a fixed order.
fn choices<'a>(
    catalog: &'a Catalog,
    device: &Device,
    runtime_id: &'a str,
    runtime: &'a Runtime,
    workload: &Workload,
) -> Vec<Choice<'a>> {
    let language = workload.model.task.is_language();
    let mut choices = Vec::new();
    let kvs: Vec<Option<KvPair>> =
        if language { caches(catalog, runtime, workload).into_iter().map(Some).collect() } else { vec![None] };
    let flash = match (language, runtime.flash_attention, workload.flash_attention) {
        (false, ..) => None,
        (_, FlashSupport::Always, FlashChoice::Off) | (_, FlashSupport::Never, FlashChoice::On) => return choices,
        (_, FlashSupport::Always, _) => Some(true),
        (_, FlashSupport::Never, _) => Some(false),
        (_, FlashSupport::Optional, choice) => Some(choice != FlashChoice::Off),
    };
    let micro_batches: Vec<Option<u32>> = if language && runtime.engine == Engine::LlamaCpp {
        workload.micro_batch.iter().copied().map(Some).collect()
    } else {
        vec![None]
    };
    for (format, loss) in formats(catalog, device, runtime, workload) {
        for &kv in &kvs {
            let quality_loss = match (loss, kv.map_or(Some(Share::ZERO), |p| catalog.kv_quality_loss(p))) {
                (Some(weights), Some(cache)) => Share(weights.0.saturating_add(cache.0)),
                _ => Share::ONE,
            };
            for &micro_batch in &micro_batches {
                choices.push(Choice {
                    runtime_id,
                    runtime,
                    format,
                    kv,
                    flash_attention: flash,
                    micro_batch,
                    quality_loss,
                });
            }
        }
    }
    choices
}

/// The cache types that a workload may have on a runtime: of those written the ones that the runtime has. Where none is
/// written and the runtime has no cache in 16-bit floats, the type that its files are compiled with comes with the format:
/// it is taken where it costs nothing or where the format is named.
fn caches(catalog: &Catalog, runtime: &Runtime, workload: &Workload) -> Vec<KvPair> {
    let supported = |t: KvType| runtime.kv_types.is_empty() || runtime.kv_types.iter().any(|id| id == t.id());
    let found: Vec<KvPair> = workload.kv_cache.iter().filter(|p| supported(p.k) && supported(p.v)).copied().collect();
    if !found.is_empty() || workload.kv_cache_written {
        return found;
    }
    let named = workload.weights.is_some() && workload.max_quality_loss.is_none();
    let own = KvType::ALL.into_iter().find(|t| runtime.kv_types.first().is_some_and(|id| id == t.id()));
    let own = own.map(|t| KvPair { k: t, v: t });
    own.filter(|pair| named || catalog.kv_quality_loss(*pair).is_some()).into_iter().collect()
}

/// The formats that a workload may be run in on a runtime, each with its loss of quality where that is known: those named,
/// or those whose loss is known and small enough.
fn formats<'a>(
    catalog: &'a Catalog,
    device: &Device,
    runtime: &Runtime,
    workload: &Workload,
) -> Vec<(&'a Format, Option<Share>)> {
    catalog
        .formats()
        .filter(|f| is_asked(f, runtime, workload))
        .filter_map(|f| Some((f, loss_in(catalog, device, runtime, f, workload).ok()?)))
        .collect()
}

/// Whether a format is in question: it is named, or none is and the runtime loads it. A model read from a weight file is in
/// the format that the file is in.
fn is_asked(format: &Format, runtime: &Runtime, workload: &Workload) -> bool {
    let stored = workload.model.stored.as_ref().map(|s| s.format.as_str());
    match (stored, &workload.weights) {
        (Some(stored), named) => format.id == stored && named.as_ref().is_none_or(|n| n.contains(&format.id)),
        (None, Some(named)) => named.contains(&format.id),
        (None, None) => runtime.loads(format),
    }
}

/// What a format costs in quality, where that is known, or why the workload is not considered in it.
fn loss_in(
    catalog: &Catalog,
    device: &Device,
    runtime: &Runtime,
    format: &Format,
    workload: &Workload,
) -> Result<Option<Share>, WhyLeftOut> {
    if !runtime.loads(format) {
        return Err(WhyLeftOut::NotLoaded);
    }
    if !format.runs_on(device) || runtime.exception(device, &workload.model, format).is_some() {
        return Err(WhyLeftOut::NotOnChip);
    }
    let loss = catalog.quality_loss(&workload.model, runtime, format);
    // What a file holds cannot be chosen: without a written limit it is taken as it is.
    if workload.model.stored.is_some() && workload.max_quality_loss.is_none() {
        return Ok(loss);
    }
    let named = workload.weights.is_some();
    match (loss, workload.quality_limit()) {
        (None, Some(_)) if !named || workload.max_quality_loss.is_some() => Err(WhyLeftOut::LossUnknown { named }),
        (Some(loss), Some(limit)) if loss > limit => Err(WhyLeftOut::LossAbove { loss, limit }),
        (loss, _) => Ok(loss),
    }
}

/// The order in which configurations break ties: runtime, weights, caches, flash attention, micro-batch.
pub(super) fn order(a: &Candidate<'_>, b: &Candidate<'_>) -> Ordering {
    let ids = |c: &Candidate<'_>| {
        let kv = |t: Option<KvType>| t.map_or("", KvType::id);
        (kv(c.kv.map(|p| p.k)), kv(c.kv.map(|p| p.v)), c.flash_attention, c.micro_batch)
    };
    a.runtime_id.cmp(b.runtime_id).then_with(|| a.format.id.cmp(&b.format.id)).then_with(|| ids(a).cmp(&ids(b)))
}
