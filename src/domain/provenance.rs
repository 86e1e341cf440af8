//! Where a fact comes from, and whether it may be trusted without asking.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether a fact was verified against a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verification {
    /// Read from a source that states it.
    Verified,
    /// Recalled, derived or of low confidence: used only when the scenario allows it, and then marked.
    Unverified,
}

/// The sources of one catalog entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Provenance {
    /// Source text by group of facts (`spec`, `price`, `power`, `memory`, ...).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<String, String>,
    /// When the facts were collected or published (`2026-08-05`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Names of the fields of this entry that no source confirms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unverified: Vec<String>,
    /// What a reader should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Provenance {
    /// Whether the named field is confirmed by a source.
    #[must_use]
    pub fn verification(&self, field: &str) -> Verification {
        if self.unverified.iter().any(|f| f == field) { Verification::Unverified } else { Verification::Verified }
    }
}
