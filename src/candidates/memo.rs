//! What was worked out already: memory and speed do not depend on limits, targets and margins, so that scenarios that
//! differ only in these share them.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

use super::Speed;
use super::configurations::Choice;
use crate::catalog::Catalog;
use crate::domain::{Format, KvPair, Model};
use crate::memory::{Footprint, Unsupported, Weights};
use crate::scenario::Workload;
use crate::speed::NoEstimate;
use crate::units::{Bytes, Share};

/// What a model's weights take in each format, or why they cannot be stored in it.
pub(super) type InFormat<'a> = BTreeMap<&'a str, Result<Weights, Unsupported>>;

/// A workload's demand in a configuration on a device: all that memory depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key<'a> {
    model: usize,
    device: usize,
    runtime: &'a str,
    format: &'a str,
    kv: Option<KvPair>,
    flash_attention: Option<bool>,
    micro_batch: Option<u32>,
    context: u64,
    streams: u32,
    prompt: u64,
    images: u32,
    image_tokens: Option<u64>,
    batch: Option<u32>,
    outputs: Option<u64>,
    prompt_cache: Bytes,
}

/// What speed depends on besides: the mode and the confidence.
type SpeedKey<'a> = (Key<'a>, usize, Share);

/// Memory and speed of cases of one catalog, each worked out once.
#[derive(Debug, Default)]
pub struct Memo<'a> {
    weights: RwLock<Vec<(Arc<Model>, Arc<InFormat<'a>>)>>,
    footprints: RwLock<HashMap<Key<'a>, Result<Footprint, Unsupported>>>,
    speeds: RwLock<HashMap<SpeedKey<'a>, Result<Speed, NoEstimate>>>,
}

impl<'a> Memo<'a> {
    /// The number of a model in this memo and what its weights take.
    pub(super) fn weights(&self, catalog: &'a Catalog, model: &Arc<Model>) -> (usize, Arc<InFormat<'a>>) {
        let find = |known: &[(Arc<Model>, Arc<InFormat<'a>>)]| {
            let at = known.iter().position(|(m, _)| Arc::ptr_eq(m, model))?;
            Some((at, Arc::clone(&known[at].1)))
        };
        if let Some(found) = find(&self.weights.read().unwrap_or_else(PoisonError::into_inner)) {
            return found;
        }
        let mut known = self.weights.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = find(&known) {
            return found;
        }
        let mut first: Option<Weights> = None;
        let in_format = |format: &'a Format| {
            let weights = match &first {
                Some(other) => other.also(model, format),
                None => Weights::of(model, format),
            };
            first = first.take().or_else(|| weights.as_ref().ok().cloned());
            (format.id.as_str(), weights)
        };
        let table = Arc::new(catalog.formats().map(in_format).collect());
        known.push((Arc::clone(model), Arc::clone(&table)));
        (known.len() - 1, table)
    }

    /// The key of a workload's case.
    pub(super) fn key(model: usize, device: usize, choice: &Choice<'a>, workload: &Workload) -> Key<'a> {
        Key {
            model,
            device,
            runtime: &choice.runtime.id,
            format: &choice.format.id,
            kv: choice.kv,
            flash_attention: choice.flash_attention,
            micro_batch: choice.micro_batch,
            context: workload.context,
            streams: workload.streams,
            prompt: workload.prompt,
            images: workload.images,
            image_tokens: workload.image_tokens,
            batch: workload.batch,
            outputs: workload.outputs,
            prompt_cache: workload.prompt_cache,
        }
    }

    /// The memory of a case, worked out unless it is known.
    pub(super) fn footprint(
        &self,
        key: Key<'a>,
        work_out: impl FnOnce() -> Result<Footprint, Unsupported>,
    ) -> Result<Footprint, Unsupported> {
        recall(&self.footprints, key, work_out)
    }

    /// The speed of a case in a mode, worked out unless it is known.
    pub(super) fn speed(
        &self,
        key: SpeedKey<'a>,
        work_out: impl FnOnce() -> Result<Speed, NoEstimate>,
    ) -> Result<Speed, NoEstimate> {
        recall(&self.speeds, key, work_out)
    }
}

fn recall<K: Eq + Hash, V: Clone>(known: &RwLock<HashMap<K, V>>, key: K, work_out: impl FnOnce() -> V) -> V {
    if let Some(value) = known.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return value.clone();
    }
    let value = work_out();
    known.write().unwrap_or_else(PoisonError::into_inner).insert(key, value.clone());
    value
}
