//! PyTorch eager: tensor by tensor, the whole prompt at once.

use super::blocks::{HALF, cached_row, image_cache, kept, resident, widest};
use super::static_graph::{layer_outputs, speech_use};
use super::{Case, Footprint, PoolUse, Unsupported, vision};
use crate::domain::{Architecture, Mixer, Network, Precision};
use crate::units::Bytes;

/// Bytes alive per attention score without flash attention: the product in 16 bits and its softmax in single precision.
/// The textbook counts 2 ([`super::ActivationRule::FullScores`]).
const SCORE: u128 = 6;

/// Bytes per logit: as computed in 16 bits, as sampled in single precision, and its probability.
const LOGIT: u128 = 10;

pub(super) fn footprint(case: &Case<'_>) -> Result<Footprint, Unsupported> {
    let (own, rule) = match (case.model.language(), case.model.network()) {
        (Some(architecture), _) => language(case, architecture),
        (None, Some(network)) => (self::network(case, network)?, "outputs of all layers"),
        (None, None) => {
            return Err(Unsupported::Task { runtime: case.runtime.id.clone(), task: case.model.task.id() });
        }
    };
    let accelerator = PoolUse { framework: Bytes::mib(case.runtime.framework_mib), ..own };
    let host = PoolUse { framework: Bytes::mib(case.runtime.framework_host_mib), ..PoolUse::default() };
    Ok(Footprint::split(case.device, accelerator, host, rule))
}

fn language(case: &Case<'_>, architecture: &Architecture) -> (PoolUse, &'static str) {
    let demand = &case.demand;
    let streams = demand.streams.max(1);
    let context = demand.total().div_ceil(streams.into());
    // The cache of a layer grows by joining it with the new token: for a moment one layer is there twice. Windows are cut
    // only in some model classes, so they are counted whole.
    let cache = kept(architecture, case.kv, streams, |_| context);
    let joined = architecture.layers.iter().map(|l| cached_row(l, case.kv).0).max().unwrap_or(0);
    let tokens = u128::from(context).saturating_mul(streams.into());
    let rows = (widest(architecture) * HALF).saturating_mul(tokens);
    let heads = architecture
        .layers
        .iter()
        .map(|l| match l.mixer {
            Mixer::Attention(a) | Mixer::Parallel(a, _) => a.heads,
            Mixer::Mla(_) => architecture.spec.heads,
            _ => 0,
        })
        .max()
        .unwrap_or(0);
    let (scores, rule) = if case.flash_attention {
        (0, "whole prompt, flash attention")
    } else {
        (
            tokens.saturating_mul(context.into()).saturating_mul(heads.into()).saturating_mul(SCORE),
            "whole-prompt scores",
        )
    };
    let compute = rows.saturating_add(scores).saturating_add(joined.saturating_mul(tokens));
    let logits = u128::from(demand.output_rows().max(streams.into())) * u128::from(architecture.spec.vocab) * LOGIT;
    let own = PoolUse {
        weights: resident(case),
        kv_cache: Bytes::saturating(cache.kv.saturating_add(image_cache(case))),
        state: Bytes::saturating(cache.state),
        compute: Bytes::saturating(compute),
        vision: Bytes::saturating(vision::others(case)),
        output: Bytes::saturating(logits),
        ..PoolUse::default()
    };
    (own, rule)
}

/// A network keeps at most the outputs of all its layers; what Python has dropped already is not subtracted.
fn network(case: &Case<'_>, network: &Network) -> Result<PoolUse, Unsupported> {
    let streams = u128::from(case.demand.streams.max(1));
    let own = match &network.speech {
        Some(speech) => speech_use(case, speech, streams),
        None => {
            let bytes = layer_outputs(network)? * 1e6 * Precision::of_format(&case.format.id).activation_bytes();
            if bytes > 1e15 {
                return Err(Unsupported::TooLarge);
            }
            let compute = Bytes::saturating(u128::from(bytes.ceil() as u64) * streams);
            PoolUse { compute, ..PoolUse::default() }
        }
    };
    Ok(PoolUse { weights: case.weights.total, ..own })
}
