//! What an engine holds beside weights, cache and the widest block of a chunk, as far as its engine family leaves it open.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Buffers and caches of an engine for language models. Everything absent takes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Buffers {
    /// Widths of heads for which the engine has a kernel that never builds the scores of a chunk of the prompt; for all others
    /// it builds them. Absent: it never builds any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fused_heads: Option<Vec<u32>>,
    /// Copies of the scores that are alive at once, by graph family; 1 for families that are not listed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub score_copies: BTreeMap<String, u32>,
    /// Graph families whose sliding layers keep no more than their window and the chunk at work.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windowed_families: Vec<String>,
    /// Layers whose cache is there once more while it grows.
    #[serde(skip_serializing_if = "is_zero")]
    pub growing_layers: u32,
    /// Intermediate tensors of commands that are not finished yet, in MiB; scores take their place where they are larger.
    #[serde(skip_serializing_if = "is_zero")]
    pub in_flight_mib: u32,
    /// Prompts that are worked through side by side, at most; 1 where the chunk is shared by all.
    #[serde(skip_serializing_if = "is_zero")]
    pub prompts_at_once: u32,
    /// Bytes per logit where they are worked out for every token of a chunk; 0 where only for the last.
    #[serde(skip_serializing_if = "is_zero")]
    pub chunk_logit_bytes: u32,
    /// Rows of the model's width that are alive per token of a chunk beside the widest block.
    #[serde(skip_serializing_if = "is_zero")]
    pub further_rows: u32,
    /// Cosines and sines of every position that the model was made for are a table in memory, counted with the weights.
    #[serde(skip_serializing_if = "is_false")]
    pub rotary_tables: bool,
    /// Graph families whose tables are stretched for images and films, and by how much.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stretched_positions: BTreeMap<String, u32>,
    /// Attention and recurrent layers share one size of pages.
    #[serde(skip_serializing_if = "is_false")]
    pub shared_pages: bool,
}

impl Buffers {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Whether sliding layers of this graph family keep only their window.
    #[must_use]
    pub fn keeps_windows(&self, family: &str) -> bool {
        self.windowed_families.iter().any(|f| f == family)
    }

    /// Copies of the scores that attention with heads of these widths builds for a model of this family.
    #[must_use]
    pub fn scores(&self, family: &str, key_width: u32, value_width: u32) -> u32 {
        let Some(fused) = &self.fused_heads else { return 0 };
        match self.score_copies.get(family) {
            Some(&copies) => copies,
            None if key_width == value_width && fused.contains(&key_width) => 0,
            None => 1,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(b: &bool) -> bool {
    !*b
}
