//! How llama.cpp arranges the graph of a family, beyond what the layers say.

use crate::domain::ArchitectureSpec;

/// The arrangement of a family's graph (llama.cpp's model definitions, August 2026). Families that are not named are
/// arranged like `llama`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Style {
    /// Layers with a window have a cache of their own; without, windows are ignored.
    pub(super) windows: bool,
    /// Text encoders: no cache, every token sees the whole micro-batch.
    pub(super) encoder: bool,
    /// A decoder that attends to what an encoder read: its graphs are not known here.
    pub(super) pair: bool,
    /// Attention scores pass through a soft cap.
    pub(super) score_cap: bool,
    /// Logits pass through a soft cap.
    pub(super) logit_cap: bool,
    /// Logits are scaled.
    pub(super) logit_scale: bool,
    /// Embeddings are scaled.
    pub(super) embedding_scale: bool,
    /// Queries are scaled before the scores.
    pub(super) query_scale: bool,
    /// What a block adds to the residual is scaled.
    pub(super) residual_scale: bool,
    /// The residual is the first summand, after the mixer and after the feed-forward part.
    pub(super) residual_first: [bool; 2],
    /// Four positions per token.
    pub(super) four_positions: bool,
    /// The last block computes every token; rows for logits are picked after it.
    pub(super) all_rows: AllRows,
    /// How experts are chosen and weighted.
    pub(super) router: Router,
    /// Values pass through a norm without weights.
    pub(super) value_norm: bool,
    /// The output of a layer is multiplied by a scalar.
    pub(super) layer_scale: bool,
    /// The tokenizer works by merges.
    pub(super) merges: bool,
    /// Rotary positions are applied.
    pub(super) rotary: bool,
}

/// When the rows for logits are picked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum AllRows {
    /// In the last block, before its feed-forward part.
    #[default]
    No,
    /// After the last block.
    BeforeNorm,
    /// After the final norm.
    AfterNorm,
}

/// What a router does with its scores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Router {
    /// The weights of the chosen experts are brought to a sum of one.
    pub(super) normalised: bool,
    /// Softmax over the chosen experts instead of all.
    pub(super) chosen_softmax: bool,
    /// A bias that decides about the choice alone.
    pub(super) choice_bias: bool,
    /// The weights are scaled.
    pub(super) scaled: bool,
    /// Weights multiply the experts' input instead of their output.
    pub(super) before: bool,
    /// The router reads the residual through a norm of its own.
    pub(super) own_norm: bool,
    /// The experts' outputs have a scale each.
    pub(super) expert_scale: bool,
}

impl Style {
    /// The arrangement for these hyper-parameters.
    pub(super) fn of(spec: &ArchitectureSpec) -> Self {
        let family = spec.family.as_str();
        let gemma = family.starts_with("gemma");
        let granite = family.starts_with("granite");
        let deepseek = matches!(family, "deepseek2" | "deepseek32" | "glm-dsa" | "kimi-k2" | "bailingmoe2" | "dots1");
        let large = spec.moe.is_some_and(|m| m.experts > 64) || family != "deepseek2";
        Self {
            windows: matches!(
                family,
                "gemma2"
                    | "gemma3"
                    | "gemma3n"
                    | "gemma4"
                    | "gpt-oss"
                    | "cohere2"
                    | "cohere2moe"
                    | "exaone4"
                    | "exaone-moe"
                    | "llama4"
                    | "olmo2"
                    | "smallthinker"
                    | "mimo2"
                    | "step35"
                    | "afmoe"
                    | "plamo3"
                    | "lfm2"
                    | "lfm2moe"
                    | "mellum"
                    | "laguna"
            ),
            pair: spec.pattern.as_deref().is_some_and(|p| p.contains('Y')),
            encoder: matches!(
                family,
                "bert"
                    | "nomic-bert"
                    | "nomic-bert-moe"
                    | "jina-bert-v2"
                    | "jina-bert-v3"
                    | "modern-bert"
                    | "neo-bert"
                    | "eurobert"
                    | "gemma-embedding"
            ),
            score_cap: family == "gemma2",
            logit_cap: matches!(family, "gemma2" | "gemma3n" | "gemma4"),
            logit_scale: granite || matches!(family, "command-r" | "cohere2" | "minicpm"),
            embedding_scale: gemma || granite || family == "minicpm",
            query_scale: matches!(family, "gemma" | "gemma2" | "gemma3" | "phi2" | "phi3" | "phimoe"),
            residual_scale: granite || family == "minicpm",
            residual_first: match family {
                "phi3" | "phimoe" => [false, true],
                "lfm2" | "lfm2moe" => [true, true],
                _ => [false, false],
            },
            four_positions: matches!(family, "qwen2vl" | "qwen3vl" | "qwen3vlmoe" | "qwen35" | "qwen35moe"),
            all_rows: match family {
                "gpt-oss" => AllRows::BeforeNorm,
                "qwen35" | "qwen35moe" | "qwen3next" | "gemma4" | "step35" | "mimo2" | "nemotron_h"
                | "nemotron_h_moe" => AllRows::AfterNorm,
                _ => AllRows::No,
            },
            router: Router {
                normalised: !matches!(family, "gpt-oss" | "qwen2moe" | "olmoe" | "llama4") && (!deepseek || large),
                chosen_softmax: family == "gpt-oss",
                choice_bias: (deepseek && large)
                    || matches!(family, "glm4moe" | "minimax-m2" | "lfm2moe" | "ernie4_5-moe"),
                scaled: (deepseek && large) || matches!(family, "glm4moe" | "llama4"),
                before: family == "llama4",
                own_norm: family == "gemma4",
                expert_scale: family == "gemma4",
            },
            value_norm: family == "gemma4",
            layer_scale: family == "gemma4",
            merges: !gemma,
            rotary: !matches!(
                family,
                "mpt" | "gpt2" | "starcoder" | "bloom" | "bert" | "jamba" | "nemotron_h" | "nemotron_h_moe"
            ),
        }
    }
}
