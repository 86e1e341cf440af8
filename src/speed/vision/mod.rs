//! PLACEHOLDER until the calibrated law lands: roofline.
use serde::{Deserialize, Serialize};

use super::{Basis, NetworkSpeed, NoEstimate};
use crate::domain::PowerMode;
use crate::memory::Case;
use crate::units::{InferencesPerSecond, Range, Seconds, Share};

/// Fitted constants.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Constants {}

pub(super) fn speed(
    case: &Case<'_>,
    mode: &PowerMode,
    confidence: Share,
    _: &Constants,
) -> Result<NetworkSpeed, NoEstimate> {
    let network = case.model.network().ok_or(NoEstimate::Unable("it is no vision or speech model"))?;
    let ops = network.giga_ops.ok_or(NoEstimate::Unknown("the operations of one inference"))? * 1e9;
    let flops =
        mode.compute.fp16.or(mode.compute.int8).or(mode.compute.fp32).ok_or(NoEstimate::Unknown("compute rate"))?.0
            * 0.2;
    let width = 1.0 + confidence.as_f64();
    let time = ops / flops + 0.002;
    Ok(NetworkSpeed {
        inferences: Range {
            median: InferencesPerSecond(1.0 / time),
            low: InferencesPerSecond(1.0 / time / width),
            high: InferencesPerSecond(width / time),
        },
        latency: Range { median: Seconds(time), low: Seconds(time / width), high: Seconds(time * width) },
        basis: Basis::Roofline,
    })
}
