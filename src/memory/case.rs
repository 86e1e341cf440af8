//! The question that memory and speed models answer: one workload in one configuration on one device.

use super::weights::Weights;
use crate::domain::{Device, Format, KvPair, Model, Runtime};
use crate::units::Bytes;

/// How a workload uses its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Demand {
    /// Tokens per stream, prompt and answer together.
    pub context: u64,
    /// Tokens over all streams, when asked that way (llama.cpp's `-c`); `context` x `streams` otherwise.
    pub total_context: Option<u64>,
    /// Concurrent sequences.
    pub streams: u32,
    /// Tokens of the prompt, those of its images included, for the time to the first token.
    pub prompt: u64,
    /// Images in the prompt.
    pub images: u32,
    /// Tokens of the prompt that each image becomes; absent where nobody knows.
    pub image_tokens: Option<u64>,
    /// Most tokens handed to the engine at once.
    pub batch: u32,
    /// Most tokens computed at once.
    pub micro_batch: u32,
    /// Rows of logits asked for at once; one per stream when absent, as servers do.
    pub outputs: Option<u64>,
    /// One cache shared by all streams instead of one per stream (llama.cpp).
    pub kv_unified: bool,
    /// Sliding-window layers keep the whole context (llama.cpp's `--swa-full`).
    pub swa_full: bool,
    /// Most that a server keeps of finished prompts, in the host's memory (llama-server's `--cache-ram`).
    pub prompt_cache: Bytes,
    /// Copies of a stream's state or window that a server keeps to go back to, per stream (llama-server's
    /// `--ctx-checkpoints`); of no consequence for models that can be cut anywhere.
    pub checkpoints: u32,
}

impl Default for Demand {
    fn default() -> Self {
        Self {
            context: 4096,
            total_context: None,
            streams: 1,
            prompt: 2048,
            images: 0,
            image_tokens: None,
            batch: 2048,
            micro_batch: 512,
            outputs: None,
            kv_unified: false,
            swa_full: false,
            prompt_cache: Bytes::ZERO,
            checkpoints: 0,
        }
    }
}

impl Demand {
    /// Checkpoints per stream that plans and budgets count when nothing is said: the last two places that a conversation
    /// may be continued from. llama-server's own default of 32 takes gigabytes on hybrid models; launch lines say the number.
    pub const CHECKPOINTS: u32 = 2;

    /// Tokens handed over at once when nothing is said: llama.cpp's own 2048, or the micro-batch where that is larger.
    #[must_use]
    pub const fn batch_for(micro_batch: u32) -> u32 {
        if micro_batch > 2048 { micro_batch } else { 2048 }
    }

    /// Tokens over all streams.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total_context.unwrap_or_else(|| self.context.saturating_mul(u64::from(self.streams)))
    }

    /// Rows of logits asked for at once.
    #[must_use]
    pub fn output_rows(&self) -> u64 {
        self.outputs.unwrap_or_else(|| u64::from(self.streams))
    }
}

/// One workload in one configuration on one device.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// Where it runs.
    pub device: &'a Device,
    /// With which engine.
    pub runtime: &'a Runtime,
    /// What runs.
    pub model: &'a Model,
    /// The chosen weight format: what the arithmetic of vision and speech models is done in.
    pub format: &'a Format,
    /// Its weights in that format.
    pub weights: &'a Weights,
    /// The types of the key and value caches.
    pub kv: KvPair,
    /// Attention without the score matrix.
    pub flash_attention: bool,
    /// How it is used.
    pub demand: Demand,
}
