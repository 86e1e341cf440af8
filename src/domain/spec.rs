//! The hyper-parameters of a language body, as catalogs, `config.json` files and GGUF headers state them, and their
//! expansion into layers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{Architecture, Attention, FeedForward, GatedDelta, Layer, Mixer, Mla, MoeShape, Ssm, VisionTower};

/// Where queries and keys are normalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QkNorm {
    /// One norm of the width of a head.
    PerHead,
    /// One norm over all heads.
    AllHeads,
}

/// Norms of a block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NormKind {
    /// Root mean square with a weight.
    #[default]
    Rms,
    /// LayerNorm with weight and bias.
    LayerNorm,
    /// LayerNorm with weight only.
    LayerNormNoBias,
    /// No parameters.
    Bare,
}

/// Dimensions of the full-attention layers where they differ from those of the sliding ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GlobalAttention {
    /// Key and value heads.
    pub kv_heads: u32,
    /// Width of a head.
    pub head_dim: u32,
    /// Width of a value head where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v_head_dim: Option<u32>,
    /// Values are the keys.
    #[serde(default)]
    pub k_eq_v: bool,
}

/// Queries and outputs of plain attention through a bottleneck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LowRank {
    /// Width that queries are compressed to.
    pub query: u32,
    /// Width that each group of heads is compressed to on the way out.
    pub output: u32,
    /// Groups of heads.
    pub groups: u32,
}

/// Caches that keep distant tokens in compressed form (DeepSeek V4): every layer has the last tokens as they are, some one
/// row for every 4 tokens besides, with an index to pick from, others one row for every 128.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compression {
    /// Tokens that are kept as they are.
    pub window: u32,
    /// Layers with a row for every 4 tokens.
    pub by_4: u32,
    /// Layers with a row for every 128 tokens.
    pub by_128: u32,
    /// Width of the index's rows.
    pub index_dim: u32,
}

/// The hyper-parameters of a language body.
///
/// Everything that is absent has the value that most families share; `expand` refuses what cannot be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ArchitectureSpec {
    /// Graph family, by its GGUF name where it has one (`llama`, `qwen2`, `gemma3`), else its `model_type`.
    pub family: String,
    /// Blocks.
    pub layers: u32,
    /// Width of the residual stream.
    pub hidden: u32,
    /// Rows of the embedding table.
    pub vocab: u32,
    /// Longest context that the model was made for, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_context: Option<u64>,
    /// Query heads.
    #[serde(skip_serializing_if = "is_zero")]
    pub heads: u32,
    /// Key and value heads.
    #[serde(skip_serializing_if = "is_zero")]
    pub kv_heads: u32,
    /// Width of a head.
    #[serde(skip_serializing_if = "is_zero")]
    pub head_dim: u32,
    /// Width of a value head where it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v_head_dim: Option<u32>,
    /// Inner width of the dense feed-forward blocks.
    #[serde(skip_serializing_if = "is_zero")]
    pub ffn: u32,
    /// The feed-forward blocks have no gate (two matrices instead of three).
    #[serde(skip_serializing_if = "is_false")]
    pub ungated_ffn: bool,
    /// Input and output embeddings are one table.
    #[serde(skip_serializing_if = "is_false")]
    pub tied_embeddings: bool,
    /// Kinds of the blocks, one letter each, repeated to the number of layers (all `F` when absent):
    /// F full attention, S sliding-window attention, M state space, L linear attention, C short convolution,
    /// H attention and state space side by side, X attention to an image's tokens (no cache of its own), D feed-forward
    /// only, E attention of an encoder (keeps nothing), Y attention to what an encoder read, and with lower-case f, s, m a
    /// mixer without feed-forward.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Window of the sliding layers, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<u32>,
    /// Full-attention layers where they differ from the sliding ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub global: Option<GlobalAttention>,
    /// Key and value heads of each layer, where they vary.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kv_heads_per_layer: Vec<u32>,
    /// Query heads of each layer, where they vary.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub heads_per_layer: Vec<u32>,
    /// Inner feed-forward width of each layer, where it varies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ffn_per_layer: Vec<u32>,
    /// The last `n` layers reuse an earlier layer's cache.
    #[serde(skip_serializing_if = "is_zero")]
    pub kv_shared_layers: u32,
    /// Those layers have no key and value projections either.
    #[serde(skip_serializing_if = "is_false")]
    pub kv_shared_without_weights: bool,
    /// Query, key and value projections carry biases.
    #[serde(skip_serializing_if = "is_false")]
    pub qkv_bias: bool,
    /// The attention's output projection carries a bias.
    #[serde(skip_serializing_if = "is_false")]
    pub out_bias: bool,
    /// The feed-forward matrices carry biases.
    #[serde(skip_serializing_if = "is_false")]
    pub mlp_bias: bool,
    /// Queries and keys are normalised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qk_norm: Option<QkNorm>,
    /// Query, key and value are one matrix in weight files.
    #[serde(skip_serializing_if = "is_false")]
    pub fused_qkv: bool,
    /// Gate and up are one matrix in weight files.
    #[serde(skip_serializing_if = "is_false")]
    pub fused_gate_up: bool,
    /// One learned sink per head.
    #[serde(skip_serializing_if = "is_false")]
    pub sinks: bool,
    /// The attention's output is gated by a projection as wide as the queries.
    #[serde(skip_serializing_if = "is_false")]
    pub output_gate: bool,
    /// Kind of the norms.
    pub norm: NormKind,
    /// Bottlenecks of queries and outputs (DeepSeek V4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low_rank: Option<LowRank>,
    /// Distant tokens are cached in compressed form (DeepSeek V4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
    /// Norms after attention and feed-forward besides those before.
    #[serde(skip_serializing_if = "is_false")]
    pub post_norms: bool,
    /// Attention and feed-forward run side by side on one norm.
    #[serde(skip_serializing_if = "is_false")]
    pub shared_norm: bool,
    /// No norm behind the last layer.
    #[serde(skip_serializing_if = "is_false")]
    pub no_final_norm: bool,
    /// Width of the token embeddings where it is not the model's.
    #[serde(skip_serializing_if = "is_zero")]
    pub embedding_width: u32,
    /// Only the first so many layers have weights of their own, which the others use too (ALBERT); 0: all.
    #[serde(skip_serializing_if = "is_zero")]
    pub distinct_layers: u32,
    /// Attention and feed-forward of the H layers are shared between them and listed with `other_parameters` (Zamba 2).
    #[serde(skip_serializing_if = "is_false")]
    pub shared_attention: bool,
    /// Learned position embeddings (rows).
    #[serde(skip_serializing_if = "is_zero")]
    pub positions: u32,
    /// Token-type embeddings (rows; BERT).
    #[serde(skip_serializing_if = "is_zero")]
    pub token_types: u32,
    /// Width of per-layer token embeddings (Gemma 3n and 4 E models); 0 without.
    #[serde(skip_serializing_if = "is_zero")]
    pub per_layer_input: u32,
    /// Rows of that table; those of the token embeddings when 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub per_layer_vocab: u32,
    /// Rotary frequencies are stored as a tensor (Llama 3.1 and later, long-context Phi).
    #[serde(skip_serializing_if = "is_zero")]
    pub rope_factors: u32,
    /// Latent attention in place of the full layers' attention.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mla: Option<Mla>,
    /// Mixture of experts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moe: Option<MoeShape>,
    /// Leading layers that are dense although the model has experts.
    #[serde(skip_serializing_if = "is_zero")]
    pub dense_first_layers: u32,
    /// Every so many layers has experts, counted so that the last of each group has them (0 and 1: all).
    #[serde(skip_serializing_if = "is_zero")]
    pub moe_every: u32,
    /// State-space layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssm: Option<Ssm>,
    /// Linear-attention layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gated_delta: Option<GatedDelta>,
    /// Taps of the short convolutions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short_conv: Option<u32>,
    /// Vision tower.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vision: Option<VisionTower>,
    /// Parameters that the fields above do not describe, by name (`audio tower`, `multi-token prediction`).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub other_parameters: BTreeMap<String, u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(b: &bool) -> bool {
    !*b
}

/// Hyper-parameters that cannot describe a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// A dimension is missing, zero or too large.
    #[error("{field} is {value}, expected {expected}")]
    Dimension {
        /// Which one.
        field: &'static str,
        /// Its value.
        value: u64,
        /// What it may be.
        expected: &'static str,
    },
    /// A list per layer has another length than there are layers.
    #[error("{field} has {len} entries for {layers} layers")]
    Length {
        /// Which list.
        field: &'static str,
        /// Its length.
        len: usize,
        /// Number of layers.
        layers: u32,
    },
    /// The pattern has a letter without meaning, or one whose dimensions are absent.
    #[error("pattern letter {0:?} needs {1}")]
    Pattern(char, &'static str),
}

/// No published model comes near this many blocks.
pub const MAX_LAYERS: u32 = 4096;
/// Nor near these; they keep every product of dimensions far below `u64::MAX`.
const MAX_WIDTH: u32 = 1 << 20;
const MAX_VOCAB: u32 = 1 << 24;
const MAX_EXPERTS: u32 = 1 << 16;
const MAX_USED: u32 = 1 << 10;

impl ArchitectureSpec {
    /// Expands the hyper-parameters into layers.
    ///
    /// # Errors
    /// [`SpecError`] when a dimension is zero or beyond its maximum, a list has the wrong length, or the pattern names a kind of layer
    /// whose dimensions are absent.
    pub fn expand(self) -> Result<Architecture, SpecError> {
        bounded("layers", self.layers, MAX_LAYERS)?;
        bounded("hidden", self.hidden, MAX_WIDTH)?;
        bounded("vocab", self.vocab, MAX_VOCAB)?;
        for (field, value) in [
            ("heads", self.heads),
            ("kv_heads", self.kv_heads),
            ("head_dim", self.head_dim),
            ("v_head_dim", self.v_head_dim.unwrap_or(0)),
            ("ffn", self.ffn),
        ] {
            at_most(field, value, MAX_WIDTH)?;
        }
        self.bounded_parts()?;
        for (field, len) in [
            ("kv_heads_per_layer", self.kv_heads_per_layer.len()),
            ("heads_per_layer", self.heads_per_layer.len()),
            ("ffn_per_layer", self.ffn_per_layer.len()),
        ] {
            if len != 0 && len != self.layers as usize {
                return Err(SpecError::Length { field, len, layers: self.layers });
            }
        }
        let letters: Vec<char> = self.pattern.as_deref().unwrap_or("F").chars().collect();
        if letters.is_empty() {
            return Err(SpecError::Pattern(' ', "at least one letter"));
        }
        let layers = (0..self.layers as usize)
            .map(|i| self.layer(i, letters[i % letters.len()]))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Architecture { spec: self, layers })
    }

    fn layer(&self, i: usize, letter: char) -> Result<Layer, SpecError> {
        let ssm = || self.ssm.ok_or(SpecError::Pattern(letter, "the dimensions in `ssm`"));
        let mixer = match letter {
            'F' | 'f' => match self.mla {
                Some(mla) => Mixer::Mla(mla),
                None => Mixer::Attention(self.attention(i, false)?),
            },
            'S' | 's' => Mixer::Attention(self.attention(i, true)?),
            'X' => Mixer::Attention(Attention { shares_kv: true, cross: true, ..self.attention(i, false)? }),
            'E' => Mixer::Attention(Attention { shares_kv: true, ..self.attention(i, false)? }),
            'Y' => Mixer::Attention(Attention { cross: true, ..self.attention(i, false)? }),
            'M' | 'm' => Mixer::Ssm(ssm()?),
            'H' => Mixer::Parallel(self.attention(i, false)?, ssm()?),
            'L' => Mixer::GatedDelta(
                self.gated_delta.ok_or(SpecError::Pattern(letter, "the dimensions in `gated_delta`"))?,
            ),
            'C' => Mixer::ShortConv { taps: self.short_conv.ok_or(SpecError::Pattern(letter, "`short_conv`"))? },
            'D' => Mixer::None,
            _ => return Err(SpecError::Pattern(letter, "a meaning: one of F S M L C H X D E Y f s m")),
        };
        let ffn = if matches!(letter, 'f' | 's' | 'm') { FeedForward::None } else { self.feed_forward(i) };
        Ok(Layer { mixer, ffn })
    }

    fn attention(&self, i: usize, sliding: bool) -> Result<Attention, SpecError> {
        let heads = self.heads_per_layer.get(i).copied().unwrap_or(self.heads);
        let kv_heads = self.kv_heads_per_layer.get(i).copied().unwrap_or(self.kv_heads);
        let global = self.global.filter(|_| !sliding);
        let attention = Attention {
            heads,
            kv_heads: global.map_or(kv_heads, |g| g.kv_heads),
            head_dim: global.map_or(self.head_dim, |g| g.head_dim),
            v_head_dim: global.map_or(self.v_head_dim.unwrap_or(self.head_dim), |g| g.v_head_dim.unwrap_or(g.head_dim)),
            window: if sliding {
                Some(self.window.filter(|&w| w > 0).ok_or(SpecError::Pattern('S', "`window`"))?)
            } else {
                None
            },
            shares_kv: i >= (self.layers - self.kv_shared_layers.min(self.layers)) as usize,
            cross: false,
            k_eq_v: global.is_some_and(|g| g.k_eq_v),
        };
        for (field, value) in
            [("heads", attention.heads), ("kv_heads", attention.kv_heads), ("head_dim", attention.head_dim)]
        {
            bounded(field, value, MAX_WIDTH)?;
        }
        // Every cached head serves one query head or more.
        if attention.kv_heads > attention.heads {
            let (field, value) = ("kv_heads", attention.kv_heads.into());
            return Err(SpecError::Dimension { field, value, expected: "no more than there are heads" });
        }
        Ok(attention)
    }

    /// The dimensions of the parts that only some models have.
    fn bounded_parts(&self) -> Result<(), SpecError> {
        let widths = |field, values: &[u32]| values.iter().try_for_each(|&v| at_most(field, v, MAX_WIDTH));
        if let Some(m) = &self.moe {
            at_most("experts", m.experts, MAX_EXPERTS)?;
            at_most("used experts", m.used, m.experts.min(MAX_USED))?;
            widths("moe", &[m.width, m.shared_width, m.dense_width, m.latent_width])?;
        }
        if let Some(m) = &self.mla {
            widths("mla", &[m.q_lora_rank.unwrap_or(0), m.kv_lora_rank, m.nope_dim, m.rope_dim, m.v_dim])?;
        }
        if let Some(s) = &self.ssm {
            widths("ssm", &[s.inner, s.state, s.heads, s.groups, s.conv])?;
        }
        if let Some(g) = &self.gated_delta {
            widths("gated_delta", &[g.key_heads, g.value_heads, g.key_dim, g.value_dim, g.conv])?;
        }
        if let Some(g) = &self.global {
            widths("global", &[g.kv_heads, g.head_dim, g.v_head_dim.unwrap_or(0)])?;
        }
        if let Some(c) = &self.compression {
            at_most("compressed layers", c.by_4.saturating_add(c.by_128), self.layers)?;
            widths("compression", &[c.window, c.index_dim])?;
        }
        if let Some(v) = &self.vision {
            at_most("attended positions", v.attended_positions, MAX_VOCAB)?;
            if let Some(e) = &v.encoder {
                widths("vision encoder", &[e.hidden, e.ffn, e.heads, e.patches, e.patch, e.taps])?;
            }
        }
        for list in [&self.kv_heads_per_layer, &self.heads_per_layer, &self.ffn_per_layer] {
            widths("a list per layer", list)?;
        }
        widths("short_conv", &[self.short_conv.unwrap_or(0)])?;
        at_most("positions", self.positions, MAX_VOCAB)?;
        at_most("token_types", self.token_types, MAX_VOCAB)?;
        at_most("embedding_width", self.embedding_width, MAX_WIDTH)?;
        at_most("per_layer_input", self.per_layer_input, MAX_WIDTH)
    }

    fn feed_forward(&self, i: usize) -> FeedForward {
        let width = self.ffn_per_layer.get(i).copied().unwrap_or(self.ffn);
        let every = self.moe_every.max(1) as usize;
        match self.moe {
            Some(moe) if i >= self.dense_first_layers as usize && (i + 1).is_multiple_of(every) => {
                FeedForward::Moe(moe)
            }
            _ if width == 0 => FeedForward::None,
            _ => FeedForward::Dense { width },
        }
    }
}

fn at_most(field: &'static str, value: u32, max: u32) -> Result<(), SpecError> {
    if value > max {
        return Err(SpecError::Dimension { field, value: value.into(), expected: "a number of usual size" });
    }
    Ok(())
}

fn bounded(field: &'static str, value: u32, max: u32) -> Result<(), SpecError> {
    if value == 0 || value > max {
        return Err(SpecError::Dimension { field, value: value.into(), expected: "a positive number of usual size" });
    }
    Ok(())
}
