//! What the law works out once per model: its memory by layer kind, and the graph's plan for each setting that was asked
//! for.

use std::sync::OnceLock;

use super::build;
use super::cache::Memory;
use super::plan::Plan;
use super::style::Style;
use super::variant::Variant;
use crate::domain::Architecture;

/// A model prepared for many questions.
#[derive(Debug)]
pub(in crate::memory) struct Profile {
    architecture: Architecture,
    pub(super) style: Style,
    pub(super) memory: Memory,
    plans: [OnceLock<Plan>; Variant::COUNT],
}

impl Profile {
    pub(in crate::memory) fn new(architecture: &Architecture) -> Self {
        let style = Style::of(&architecture.spec);
        Self {
            architecture: architecture.clone(),
            style,
            memory: Memory::of(architecture, &style),
            plans: [const { OnceLock::new() }; Variant::COUNT],
        }
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
