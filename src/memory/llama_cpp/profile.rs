//! What the law works out once per model: its memory by layer kind, and the graph's plan for each setting that was asked
//! for.

use std::sync::{Mutex, OnceLock};

use super::build;
use super::cache::Memory;
use super::plan::Plan;
use super::size::Call;
use super::style::Style;
use super::variant::Variant;
use crate::domain::{Architecture, Mixer};
use crate::hashing::QuickMap;

/// A model prepared for many questions.
#[derive(Debug)]
pub(in crate::memory) struct Profile {
    architecture: Architecture,
    pub(super) style: Style,
    pub(super) memory: Memory,
    /// The mixers of the layers, each with the number of layers that have it, in the order of the first of them.
    pub(in crate::memory) mixers: Vec<(Mixer, u32)>,
    plans: [OnceLock<Plan>; Variant::COUNT],
    /// Peaks worked out before: the same call is asked for on every device.
    peaks: Mutex<QuickMap<(usize, Call), u64>>,
}

/// Peaks that are remembered per model.
const REMEMBERED: usize = 1 << 12;

impl Profile {
    pub(in crate::memory) fn new(architecture: &Architecture) -> Self {
        let style = Style::of(&architecture.spec);
        Self {
            architecture: architecture.clone(),
            style,
            memory: Memory::of(architecture, &style),
            mixers: counted(architecture),
            plans: [const { OnceLock::new() }; Variant::COUNT],
            peaks: Mutex::default(),
        }
    }

    /// Bytes of the compute buffer in one call.
    pub(super) fn peak(&self, variant: Variant, call: &Call) -> u64 {
        let key = (variant.index(), *call);
        // A lock that a panic left behind only costs the memory of what was worked out.
        if let Ok(peaks) = self.peaks.lock()
            && let Some(&peak) = peaks.get(&key)
        {
            return peak;
        }
        let peak = self.plan(variant).peak(call);
        if let Ok(mut peaks) = self.peaks.lock()
            && peaks.len() < REMEMBERED
        {
            peaks.insert(key, peak);
        }
        peak
    }

    pub(super) fn plan(&self, variant: Variant) -> &Plan {
        self.plans[variant.index()].get_or_init(|| build::plan(&self.architecture, self.style, variant))
    }

    pub(super) fn hidden(&self) -> u64 {
        self.architecture.spec.hidden.into()
    }

    pub(super) fn vocab(&self) -> u64 {
        self.architecture.spec.vocab.into()
    }
}

fn counted(architecture: &Architecture) -> Vec<(Mixer, u32)> {
    let mut mixers: Vec<(Mixer, u32)> = Vec::new();
    for layer in &architecture.layers {
        match mixers.iter_mut().find(|(mixer, _)| *mixer == layer.mixer) {
            Some((_, layers)) => *layers += 1,
            None => mixers.push((layer.mixer, 1)),
        }
    }
    mixers
}
