//! What a graph family stores and computes in its own way: the facts that hyper-parameters do not state.
//!
//! Read off llama.cpp's model definitions (August 2026). A family that is not named has a plain pre-norm transformer's
//! layout; what its hyper-parameters say is added either way.

use crate::domain::{ArchitectureSpec, Mixer, QkNorm};

/// The layout of a family's tensors in GGUF files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Query, key and value are one matrix.
    pub fused_qkv: bool,
    /// Gate and up are one matrix.
    pub fused_gate_up: bool,
    /// Gate and up of all experts are one tensor.
    pub fused_expert_gate_up: bool,
    /// No gate: two matrices in a feed-forward block.
    pub ungated: bool,
    /// Query, key and value carry biases.
    pub qkv_bias: bool,
    /// Norms of queries and keys.
    pub qk_norm: Option<QkNorm>,
    /// Norms after attention and feed-forward besides those before.
    pub post_norms: bool,
    /// Attention and feed-forward run side by side.
    pub parallel: bool,
    /// Learned sinks.
    pub sinks: bool,
    /// The query projection is twice as wide: its other half gates the attention's output.
    pub output_gate: bool,
}

impl Layout {
    /// The layout of these hyper-parameters.
    #[must_use]
    pub fn of(spec: &ArchitectureSpec) -> Self {
        let family = spec.family.as_str();
        let fused = matches!(
            family,
            "phi2"
                | "phi3"
                | "falcon"
                | "chatglm"
                | "qwen"
                | "mpt"
                | "starcoder"
                | "gptneox"
                | "bloom"
                | "dbrx"
                | "openelm"
                | "codeshell"
                | "nomic-bert"
                | "nomic-bert-moe"
        );
        let split = matches!(family, "baichuan" | "internlm2" | "phimoe");
        Self {
            fused_qkv: !split && (fused || spec.fused_qkv),
            fused_gate_up: matches!(family, "phi3" | "glm4" | "chatglm") || spec.fused_gate_up,
            fused_expert_gate_up: family == "gemma4",
            ungated: matches!(
                family,
                "phi2" | "falcon" | "mpt" | "starcoder" | "starcoder2" | "gptneox" | "bloom" | "bert"
            ) || spec.ungated_ffn,
            qkv_bias: matches!(family, "qwen2" | "qwen2vl" | "qwen2moe" | "qwen" | "gpt-oss" | "phi2" | "chatglm")
                || spec.qkv_bias,
            qk_norm: match family {
                "qwen3" | "qwen3moe" | "qwen3vl" | "qwen3vlmoe" | "qwen35" | "qwen35moe" | "qwen3next" | "gemma3"
                | "gemma3n" | "gemma4" | "lfm2" | "lfm2moe" => Some(QkNorm::PerHead),
                "olmo2" | "olmoe" => Some(QkNorm::AllHeads),
                _ => spec.qk_norm,
            },
            post_norms: matches!(family, "gemma2" | "gemma3" | "gemma3n" | "gemma4" | "glm4") || spec.post_norms,
            parallel: matches!(family, "falcon" | "phi2" | "command-r" | "cohere2" | "gptneox") || spec.shared_norm,
            sinks: family == "gpt-oss" || spec.sinks,
            output_gate: matches!(family, "qwen35" | "qwen35moe" | "qwen3next") || spec.output_gate,
        }
    }
}

/// Query heads per key head of the first block as llama.cpp counts them: 0 where a list of heads per block says that the
/// first one has no attention. Latent attention counts as one key head.
pub(super) fn grouped_queries(spec: &ArchitectureSpec, first: Option<&Mixer>) -> u32 {
    let listed = matches!(
        spec.family.as_str(),
        "granitehybrid" | "lfm2" | "lfm2moe" | "jamba" | "nemotron_h" | "nemotron-h" | "nemotron_h_moe" | "plamo2"
    );
    match first {
        Some(Mixer::Attention(a) | Mixer::Parallel(a, _)) => a.heads.checked_div(a.kv_heads).unwrap_or(0),
        Some(Mixer::Mla(_)) => spec.heads,
        _ if listed => 0,
        _ => spec.heads.checked_div(spec.kv_heads).unwrap_or(0),
    }
}
