//! Caches of models that mix attention with recurrences, where both share one size of pages.
//!
//! vLLM (`vllm/v1/core/kv_cache_utils.py` and the configuration of hybrid models, 2026) makes a page as large as a layer's
//! state, rounded up to whole blocks of 16 tokens of attention, and deals layers into groups of equal number; a request
//! takes whole pages in every group.

use super::Case;
use super::blocks::{Kept, cached_row, half_state};
use crate::domain::Architecture;
use crate::domain::parameters::MULTI_TOKEN_PREDICTION;

/// Tokens that a page of attention is a multiple of.
const ALIGNMENT: u128 = 16;

/// Pages of state beside one per stream, in each group, where a model brings a block that predicts further tokens: one for
/// the token that is predicted and one for the boundary that a prompt can be continued from. 4.76 GiB for one request of
/// 65 536 tokens of Qwen3.6-27B were logged (https://github.com/syv-ai/qwen38-27b-rtx3090/issues/39).
const PREDICTION_PAGES: u128 = 2;

/// What `streams` sequences of `context` tokens keep; nothing when the model does not mix both kinds of layers.
pub(super) fn shared(case: &Case<'_>, architecture: &Architecture, streams: u32, context: u64) -> Option<Kept> {
    let spec = &architecture.spec;
    let rows = || architecture.layers.iter().map(|l| cached_row(l, case.kv).0).filter(|&row| row > 0);
    let states = || architecture.layers.iter().map(|l| half_state(l, spec.hidden)).filter(|&state| state > 0);
    let (row, state) = (rows().max()?, states().max()?);
    let predicts = spec.other_parameters.get(MULTI_TOKEN_PREDICTION).is_some_and(|&n| n > 0);
    let attention = rows().count() + usize::from(predicts);
    let tokens = state.div_ceil(row.saturating_mul(ALIGNMENT)).max(1).saturating_mul(ALIGNMENT);
    let page = tokens.saturating_mul(row);
    let group = group_size(attention, states().count());
    let in_group = page.saturating_mul(group as u128);
    let groups = |layers: usize| layers.div_ceil(group) as u128;
    let kv = groups(attention).saturating_mul(u128::from(context).div_ceil(tokens)).saturating_mul(streams.into());
    let state =
        groups(states().count()).saturating_mul(u128::from(streams) + if predicts { PREDICTION_PAGES } else { 0 });
    Some(Kept { kv: kv.saturating_mul(in_group), state: state.saturating_mul(in_group) })
}

/// Layers of a group: as many as the rarer kind has, unless the other has less than a quarter more.
fn group_size(a: usize, b: usize) -> usize {
    let (fewer, more) = (a.min(b), a.max(b));
    if more * 4 < fewer * 5 { more } else { fewer.max(1) }
}
