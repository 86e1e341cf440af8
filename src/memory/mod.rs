//! Memory: what a workload takes in each pool of a device, part by part, by the law of its engine's family.
//!
//! Pure functions of facts. A law never guesses low: where an allocation is not understood it errs upwards.

pub mod case;
pub mod footprint;
pub mod tensors;
pub mod weights;

mod article;
mod blocks;
mod eager;
mod llama_cpp;
mod paged;
mod pages;
mod peaks;
mod rotary;
mod static_graph;
mod static_graph_language;
mod vision;

pub use article::{ActivationRule, activation_scores, activations_flash, kv_cache_bytes, weight_bytes};
pub use blocks::{Remembered, remembered};
pub use case::{Case, Demand};
pub use footprint::{Footprint, PoolUse, Settings, Unsupported};
pub use peaks::{Peak, Peaks};
pub use weights::Weights;

use crate::domain::{Backend, Engine, MemoryKind};

/// What one workload takes in each pool of the device.
///
/// # Errors
/// [`Unsupported`] when the engine cannot run the model in this configuration at all.
pub fn footprint(case: &Case<'_>) -> Result<Footprint, Unsupported> {
    let footprint = match case.runtime.engine {
        Engine::LlamaCpp => llama_cpp::footprint(case),
        Engine::Paged => paged::footprint(case),
        Engine::Eager => eager::footprint(case),
        Engine::StaticGraph => static_graph::footprint(case),
    }?;
    // An engine on the CPU of a device with two memories leaves the accelerator's alone.
    let on_host = case.runtime.backend == Backend::Cpu && case.device.memory_kind == MemoryKind::Discrete;
    let footprint = if on_host { footprint.on_host() } else { footprint };
    Ok(Footprint { peaks: peaks::peaks(case, &footprint), ..footprint })
}
