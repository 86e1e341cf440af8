//! The answer of a memory law.

use super::peaks::Peaks;
use crate::domain::{Device, MemoryKind, PoolName};
use crate::units::Bytes;

/// What one workload takes in one pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolUse {
    /// Weights.
    pub weights: Bytes,
    /// Key-value cache.
    pub kv_cache: Bytes,
    /// Recurrent state.
    pub state: Bytes,
    /// Compute buffer: intermediate tensors.
    pub compute: Bytes,
    /// Output buffer: rows of logits or embeddings.
    pub output: Bytes,
    /// Work buffer beside the compute buffer (llama.cpp's CPU threads).
    pub work: Bytes,
    /// Intermediate tensors of the image encoder, and what it hands to the language body.
    pub vision: Bytes,
    /// What a server keeps of finished prompts: copies of cache and state.
    pub prompt_cache: Bytes,
    /// What a server keeps of running prompts to go back to: copies of states and windows.
    pub checkpoints: Bytes,
    /// The process before a model is loaded, and what it keeps for itself.
    pub framework: Bytes,
}

impl PoolUse {
    /// Cache and recurrent state, and the copies that a server keeps of them.
    #[must_use]
    pub fn cache(&self) -> Bytes {
        self.kv_cache + self.state + self.copies()
    }

    /// Copies of cache and state that a server keeps: finished prompts and checkpoints.
    #[must_use]
    pub fn copies(&self) -> Bytes {
        self.prompt_cache + self.checkpoints
    }

    /// Compute, output and work buffers together, and those of the image encoder.
    #[must_use]
    pub fn activations(&self) -> Bytes {
        self.compute + self.output + self.work + self.vision
    }

    /// Both together, part by part.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            weights: self.weights + other.weights,
            kv_cache: self.kv_cache + other.kv_cache,
            state: self.state + other.state,
            compute: self.compute + other.compute,
            output: self.output + other.output,
            work: self.work + other.work,
            vision: self.vision + other.vision,
            prompt_cache: self.prompt_cache + other.prompt_cache,
            checkpoints: self.checkpoints + other.checkpoints,
            framework: self.framework + other.framework,
        }
    }

    /// Everything but the framework, which several workloads in one process share.
    #[must_use]
    pub fn own(&self) -> Bytes {
        self.weights + self.cache() + self.activations()
    }

    /// Everything.
    #[must_use]
    pub fn total(&self) -> Bytes {
        self.own() + self.framework
    }
}

/// What one workload takes in every pool of its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    /// In the memory that the accelerator uses: the unified pool, or `vram`.
    pub main: PoolUse,
    /// In the host's memory; nothing on unified devices.
    pub host: PoolUse,
    /// Which rule gave the activations, for the output (`micro-batched graph`, `whole-prompt scores`).
    pub activation_rule: &'static str,
    /// What the engine must be told at start for the memory to be this; absent where it has no such settings.
    pub settings: Option<Settings>,
    /// What it takes for a moment before it runs.
    pub peaks: Peaks,
}

/// Settings of llama-server (and of what runs it) that memory depends on: a launch line says them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Most tokens handed over at once (`--batch-size`).
    pub batch: u32,
    /// Most tokens computed at once (`--ubatch-size`): of text encoders at least the longest input.
    pub micro_batch: u32,
    /// What is kept of finished prompts (`--cache-ram`).
    pub prompt_cache: Bytes,
    /// Checkpoints per stream (`--ctx-checkpoints`): none where the cache can be cut anywhere.
    pub checkpoints: u32,
}

impl Footprint {
    /// Everything in one place: what a unified device needs. On a discrete device use [`Footprint::split`].
    #[must_use]
    pub const fn unified(main: PoolUse, activation_rule: &'static str) -> Self {
        Self {
            main,
            host: PoolUse {
                weights: Bytes::ZERO,
                kv_cache: Bytes::ZERO,
                state: Bytes::ZERO,
                compute: Bytes::ZERO,
                output: Bytes::ZERO,
                work: Bytes::ZERO,
                vision: Bytes::ZERO,
                prompt_cache: Bytes::ZERO,
                checkpoints: Bytes::ZERO,
                framework: Bytes::ZERO,
            },
            activation_rule,
            settings: None,
            peaks: Peaks { loading: None, building: None },
        }
    }

    /// The part on the accelerator and the part on the host: on a unified device both land in the one pool.
    #[must_use]
    pub fn split(device: &Device, accelerator: PoolUse, host: PoolUse, activation_rule: &'static str) -> Self {
        match device.memory_kind {
            MemoryKind::Discrete => {
                Self { main: accelerator, host, activation_rule, settings: None, peaks: Peaks::default() }
            }
            MemoryKind::Unified => Self::unified(accelerator.plus(host), activation_rule),
        }
    }

    /// The same with everything in the host's memory.
    #[must_use]
    pub fn on_host(self) -> Self {
        Self { main: PoolUse::default(), host: self.main.plus(self.host), ..self }
    }

    /// What is taken in the pool of this name, on the first card where the host holds several.
    #[must_use]
    pub fn pool(&self, name: PoolName) -> PoolUse {
        self.pool_from(name, 0)
    }

    /// What is taken in the pool of this name when the workload is on this card of a host with several, counted from 0.
    #[must_use]
    pub fn pool_from(&self, name: PoolName, card: usize) -> PoolUse {
        match (name, name.card()) {
            (PoolName::Host, _) => self.host,
            (_, Some(other)) if other != card => PoolUse::default(),
            _ => self.main,
        }
    }
}

/// Why an engine cannot run a model in a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// The engine has no implementation of this kind of model.
    #[error("{runtime} does not run {task} models")]
    Task {
        /// The engine.
        runtime: String,
        /// The kind of model.
        task: &'static str,
    },
    /// Two settings exclude each other.
    #[error("{0}")]
    Configuration(&'static str),
    /// A figure that the law needs is unknown.
    #[error("{0} is unknown")]
    Unknown(&'static str),
    /// A size is beyond what any memory could hold.
    #[error("the memory asked for exceeds what can be counted")]
    TooLarge,
}
