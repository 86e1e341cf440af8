//! What a workload takes for a moment before it runs: while it is loaded, and while its engine is built.

use super::{Case, Footprint};
use crate::domain::{MemoryKind, Pool, PoolName, StartPeak};
use crate::units::Bytes;

/// A peak before the steady state, by pool, everything of the process included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peak {
    /// In the memory that the accelerator uses: the unified pool, or `vram`.
    pub main: Bytes,
    /// In the host's memory; nothing on unified devices.
    pub host: Bytes,
    /// Of a unified pool: mapped files, which can be dropped.
    pub mapped: Bytes,
}

/// The peaks of a workload before it runs, where the engine's are known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Peaks {
    /// While the model is loaded.
    pub loading: Option<Peak>,
    /// While an engine is built for the device.
    pub building: Option<Peak>,
}

impl Peak {
    /// What is taken in the pool of this name at the peak.
    #[must_use]
    pub fn pool(&self, name: PoolName) -> Bytes {
        if name == PoolName::Host { self.host } else { self.main }
    }

    /// The same without what the operating system can drop.
    #[must_use]
    pub fn held(&self, name: PoolName) -> Bytes {
        let mapped = if name == PoolName::Unified { self.mapped } else { Bytes::ZERO };
        self.pool(name).saturating_sub(mapped)
    }

    /// The first of these pools that is too small for the peak beside the operating system.
    #[must_use]
    pub fn exceeds<'d>(&self, pools: &'d [Pool]) -> Option<&'d Pool> {
        pools.iter().find(|pool| pool.os + self.pool(pool.name) > pool.capacity)
    }
}

/// The peaks of a case whose steady state is known.
pub(super) fn peaks(case: &Case<'_>, steady: &Footprint) -> Peaks {
    let of = |peak: StartPeak| worked_out(case, steady, peak);
    let facts = &case.runtime.peaks;
    Peaks { loading: facts.loading.map(of), building: facts.building.map(of) }
}

fn worked_out(case: &Case<'_>, steady: &Footprint, peak: StartPeak) -> Peak {
    // An engine on the CPU has its weights in the host's memory.
    let on_host = steady.main.weights == Bytes::ZERO && steady.host.weights > Bytes::ZERO;
    let weights = case.weights.total;
    let main = times(weights, peak.weights) + Bytes::mib(peak.mib.into());
    // Beside a card mapped files cost nothing: they are dropped as they are copied. In one memory they stay beside the copy.
    let unified = case.device.memory_kind == MemoryKind::Unified;
    let files = if peak.mapped && !unified { Bytes::ZERO } else { times(weights, peak.host_weights) };
    let host =
        files + times(Bytes(case.model.parameters), peak.host_parameter_bytes) + Bytes::mib(peak.host_mib.into());
    let mapped = if peak.mapped { files } else { Bytes::ZERO };
    let process = [steady.main.framework, steady.host.framework];
    match case.device.memory_kind {
        MemoryKind::Unified => Peak { main: main + host + process[0], host: Bytes::ZERO, mapped },
        MemoryKind::Discrete if on_host => Peak { main: Bytes::ZERO, host: main + host + process[1], mapped },
        MemoryKind::Discrete => Peak { main: main + process[0], host: host + process[1], mapped },
    }
}

/// A share of a size, rounded up.
fn times(size: Bytes, share: f64) -> Bytes {
    Bytes::saturating((size.0 as f64 * share.clamp(0.0, 100.0)).ceil() as u128)
}
