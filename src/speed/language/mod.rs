//! PLACEHOLDER until the calibrated law lands: decode by bytes read over bandwidth.
use serde::{Deserialize, Serialize};

use super::{Basis, Bound, LanguageSpeed, NoEstimate};
use crate::domain::PowerMode;
use crate::memory::Case;
use crate::units::{Range, Seconds, Share, TokensPerSecond};

/// Fitted constants.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Constants {}

pub(super) fn speed(
    case: &Case<'_>,
    mode: &PowerMode,
    confidence: Share,
    _: &Constants,
) -> Result<LanguageSpeed, NoEstimate> {
    let bandwidth = mode.bandwidth.ok_or(NoEstimate::Unknown("memory bandwidth"))?.0;
    let width = 1.0 + confidence.as_f64();
    let active = case.model.active_parameters as f64 / case.model.parameters as f64;
    let time = case.weights.total.0 as f64 * active / (0.7 * bandwidth) + 0.001;
    let decode = 1.0 / time;
    let flops = mode.compute.fp16.or(mode.compute.fp32).map_or(1e11, |o| o.0) * 0.3;
    let prefill = flops / (2.0 * case.model.active_parameters as f64);
    let ttft = case.demand.prompt as f64 / prefill + time;
    let tps = |x: f64| Range {
        median: TokensPerSecond(x),
        low: TokensPerSecond(x / width),
        high: TokensPerSecond(x * width),
    };
    Ok(LanguageSpeed {
        decode: Some(tps(decode)),
        prefill: tps(prefill),
        ttft: Range { median: Seconds(ttft), low: Seconds(ttft / width), high: Seconds(ttft * width) },
        bound: Bound::Memory,
        basis: Basis::Roofline,
    })
}
