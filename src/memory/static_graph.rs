//! PLACEHOLDER
use super::{Case, Footprint, PoolUse, Unsupported};
use crate::units::Bytes;

pub(super) fn footprint(case: &Case<'_>) -> Result<Footprint, Unsupported> {
    if let Some(architecture) = case.model.language() {
        return Ok(super::static_graph_language::footprint(case, architecture));
    }
    let kv: u128 = case.model.language().map_or(0, |a| {
        a.layers
            .iter()
            .map(|l| match l.mixer {
                crate::domain::Mixer::Attention(t) | crate::domain::Mixer::Parallel(t, _) => {
                    u128::from(
                        case.kv.k.row_bytes(u64::from(t.kv_heads) * u64::from(t.head_dim))
                            + case.kv.v.row_bytes(u64::from(t.kv_heads) * u64::from(t.v_head_dim)),
                    ) * u128::from(t.window.map_or(case.demand.total(), |w| case.demand.total().min(u64::from(w))))
                }
                _ => 0,
            })
            .sum()
    });
    let accelerator = PoolUse {
        weights: case.weights.total,
        kv_cache: Bytes::saturating(kv),
        compute: Bytes::mib(300),
        framework: Bytes::mib(case.runtime.framework_mib),
        ..PoolUse::default()
    };
    let host = PoolUse { framework: Bytes::mib(case.runtime.framework_host_mib), ..PoolUse::default() };
    Ok(Footprint::split(case.device, accelerator, host, "micro-batched graph"))
}
