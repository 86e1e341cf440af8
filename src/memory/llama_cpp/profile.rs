//! What the law works out once per model: its memory by layer kind, and the graph's plan for each setting that was asked
//! for.

use std::sync::{Mutex, OnceLock};

use super::buffer::Room;
use super::build;
use super::cache::Memory;
use super::plan::Plan;
use super::size::Call;
use super::style::Style;
use super::variant::Variant;
use crate::domain::{Architecture, Attention, Mixer};
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
    /// The same model in a file that has whole heads in place of latent attention.
    whole_heads: OnceLock<Box<Profile>>,
    /// Peaks worked out before: the same call is asked for on every device.
    peaks: Mutex<QuickMap<(usize, Room, Call), u64>>,
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
            whole_heads: OnceLock::new(),
            peaks: Mutex::default(),
        }
    }

    /// The model as llama.cpp runs it from a file whose projections of keys and values are not stored apart: each head with
    /// its own keys and values. Such files were made until April 2025 (its pull request 12801).
    pub(super) fn whole_heads(&self) -> &Self {
        self.whole_heads.get_or_init(|| {
            let mut architecture = self.architecture.clone();
            let heads = architecture.spec.heads;
            for layer in &mut architecture.layers {
                if let Mixer::Mla(mla) = layer.mixer {
                    layer.mixer = Mixer::Attention(Attention {
                        heads,
                        kv_heads: heads,
                        head_dim: mla.nope_dim.saturating_add(mla.rope_dim),
                        v_head_dim: mla.v_dim,
                        window: None,
                        shares_kv: false,
                        cross: false,
                        k_eq_v: false,
                    });
                }
            }
            Box::new(Self::new(&architecture))
        })
    }

    /// Bytes of the compute buffer in one call.
    pub(super) fn peak(&self, variant: Variant, call: &Call, room: Room) -> u64 {
        let key = (variant.index(), room, *call);
        // A lock that a panic left behind only costs the memory of what was worked out.
        if let Ok(peaks) = self.peaks.lock()
            && let Some(&peak) = peaks.get(&key)
        {
            return peak;
        }
        let peak = self.plan(variant).peak(call, room);
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
