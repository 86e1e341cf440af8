//! What an engine takes for a moment, before it runs: while a model is loaded, and while an engine is built for a device.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Peaks of an engine before it runs; absent where nothing beyond the steady state is known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StartPeaks {
    /// While a model is loaded: on the device, whoever prepares the files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loading: Option<StartPeak>,
    /// While an engine is built from a model. A device of like silicon with more memory may do that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub building: Option<StartPeak>,
}

/// One peak: a sum of shares of the weights, bytes per parameter and a constant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StartPeak {
    /// Times the weights, in the memory that the accelerator uses.
    #[serde(skip_serializing_if = "is_zero")]
    pub weights: f64,
    /// Times the weights, in the host's memory; on unified memory both add up.
    #[serde(skip_serializing_if = "is_zero")]
    pub host_weights: f64,
    /// Bytes for each of the model's parameters, in the host's memory.
    #[serde(skip_serializing_if = "is_zero")]
    pub host_parameter_bytes: f64,
    /// MiB whatever the model, in the memory that the accelerator uses.
    #[serde(skip_serializing_if = "is_none")]
    pub mib: u32,
    /// MiB whatever the model, in the host's memory.
    #[serde(skip_serializing_if = "is_none")]
    pub host_mib: u32,
    /// The host's weights are mapped files: they count beside the copy in one memory only, and the operating system can drop
    /// them, which slows loading down but does not end it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mapped: bool,
}

impl StartPeaks {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(n: &f64) -> bool {
    *n == 0.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_none(n: &u32) -> bool {
    *n == 0
}
