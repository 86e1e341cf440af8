//! PyTorch eager: tensor by tensor, the whole prompt at once.

use super::blocks::{HALF, cached_row, kept, resident, tower, widest};
use super::{Case, Footprint, PoolUse, Unsupported};
use crate::domain::{Architecture, FormatKind, GgufMix, Mixer, Network};
use crate::units::Bytes;

/// Bytes alive per attention score without flash attention: the product in 16 bits and its softmax in single precision.
/// The textbook counts 2 ([`super::ActivationRule::FullScores`]).
const SCORE: u128 = 6;

/// Bytes per logit: as computed in 16 bits, as sampled in single precision, and its probability.
const LOGIT: u128 = 10;

pub(super) fn footprint(case: &Case<'_>) -> Result<Footprint, Unsupported> {
    let (own, rule) = match (case.model.language(), case.model.network()) {
        (Some(architecture), _) => language(case, architecture),
        (None, Some(network)) => (self::network(case, network)?, "every layer's output"),
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
    let compute = rows
        .saturating_add(scores)
        .saturating_add(joined.saturating_mul(tokens))
        .saturating_add(tower(architecture, demand.images));
    let logits = u128::from(demand.output_rows().max(streams.into())) * u128::from(architecture.spec.vocab) * LOGIT;
    let own = PoolUse {
        weights: resident(case),
        kv_cache: Bytes::saturating(cache.kv),
        state: Bytes::saturating(cache.state),
        compute: Bytes::saturating(compute),
        output: Bytes::saturating(logits),
        ..PoolUse::default()
    };
    (own, rule)
}

/// A network keeps at most the outputs of all its layers; what Python has dropped already is not subtracted.
fn network(case: &Case<'_>, network: &Network) -> Result<PoolUse, Unsupported> {
    let millions = network
        .activations_m
        .or_else(|| {
            network
                .speech
                .map(|s| f64::from(s.audio_context) * f64::from(s.hidden) * 24e-6 * f64::from(s.encoder_layers))
        })
        .ok_or(Unsupported::Unknown("the size of the network's layer outputs"))?;
    let width = match case.format.kind {
        FormatKind::Gguf(GgufMix::F32) => 4.0,
        _ => 2.0,
    };
    let bytes = (millions * 1e6 * width).ceil();
    if !bytes.is_finite() || !(0.0..1e18).contains(&bytes) {
        return Err(Unsupported::TooLarge);
    }
    let compute = Bytes::saturating(u128::from(bytes as u64).saturating_mul(case.demand.streams.max(1).into()));
    Ok(PoolUse { weights: case.weights.total, compute, ..PoolUse::default() })
}
