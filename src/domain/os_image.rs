//! Operating system images: what is in use before any inference process starts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::provenance::Provenance;
use crate::units::Bytes;

/// An operating system in one profile (desktop or headless).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OsImage {
    /// Catalog id, e.g. `jetpack-6-headless`.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Memory in use at idle, in MiB, the upper end where the source gives a range.
    pub used_mib: u64,
    /// Where the figure comes from.
    #[serde(default)]
    pub provenance: Provenance,
}

impl OsImage {
    /// Memory in use at idle.
    #[must_use]
    pub fn used(&self) -> Bytes {
        Bytes::mib(self.used_mib)
    }
}
