//! Weight formats and KV-cache types: how numbers are stored, and what it costs in quality.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::device::Device;
use super::model::Model;
use super::provenance::Provenance;
use crate::units::Share;

/// How weights are stored, with the quality that it costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Format {
    /// Catalog id, e.g. `q4_k_m`, `int4-awq`, `f16`.
    pub id: String,
    /// Other names that mean the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// How the bytes follow from the tensors.
    pub kind: FormatKind,
    /// What the published files of this format leave in more bits than it has, by model or by graph family; the model's own
    /// entry counts first. It holds for engines that load files as they were published.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub published: BTreeMap<String, LeftAlone>,
    /// How engines that do not read GGUF files hold it, where that differs: the first layout that names the engine, or that
    /// names none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<Layout>,
    /// Arithmetic units without which engines do not run it; absent when every device can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<Needs>,
    /// Perplexity increase over f16 in millionths, on the model that `provenance` names; absent when nobody measured it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality_loss: Option<Share>,
    /// Where the figures come from.
    #[serde(default)]
    pub provenance: Provenance,
}

/// Bits per weight of matrices that the published files of a format leave alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LeftAlone {
    /// Of attention, recurrences and shared experts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mixers: Option<f64>,
    /// Of dense feed-forward blocks that stand beside experts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dense: Option<f64>,
}

/// A format as engines hold it that do not read GGUF files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// The engines, by their plain ids; every one when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub engines: Vec<String>,
    /// Bits per weight of routed experts.
    pub expert_bits: f64,
    /// Of all other matrices of the layers.
    pub bits: f64,
    /// Of embeddings, output head and norms.
    pub embedding_bits: f64,
    /// The inner width of experts is padded to a multiple of this; 0 and 1: it is not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub expert_width_multiple: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// Arithmetic units that not every device has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Needs {
    /// 8-bit floating point.
    Fp8,
    /// 4-bit floating point.
    Fp4,
}

impl Format {
    /// What the published files of this format leave alone in a model.
    #[must_use]
    pub fn left_alone(&self, model: &Model) -> Option<LeftAlone> {
        let family = || self.published.get(&model.language()?.spec.family);
        self.published.get(&model.id).or_else(family).copied()
    }

    /// Whether the device has the arithmetic units that the format needs.
    #[must_use]
    pub fn runs_on(&self, device: &Device) -> bool {
        self.needs.is_none_or(|needs| {
            device.modes.iter().any(|mode| match needs {
                Needs::Fp8 => mode.compute.fp8.is_some(),
                Needs::Fp4 => mode.compute.fp4.is_some(),
            })
        })
    }
}

/// How the size of a file follows from its tensors.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FormatKind {
    /// A GGUF file type: every tensor gets its own block type by llama.cpp's rules, with fallbacks for rows that the
    /// block does not divide.
    Gguf(GgufMix),
    /// One type for all matrices of the layers, another for embeddings, head and norms.
    Uniform {
        /// True bits per weight of the layers' matrices, scales and zero points included.
        bits: f64,
        /// Bits per weight of embeddings and output head (16 for most 4-bit GPU formats).
        embedding_bits: f64,
        /// Bits per weight of attention, linear attention and shared experts in models that mix gated delta nets with
        /// attention, where the published files of this format leave them alone; absent when they are like all others.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        delta_net_bits: Option<f64>,
    },
}

/// The GGUF file types of `llama-quantize`.
#[expect(missing_docs, reason = "the names are llama.cpp's own")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GgufMix {
    F32,
    F16,
    Bf16,
    Q8_0,
    Q6K,
    Q5KM,
    Q5KS,
    Q5_1,
    Q5_0,
    Q4KM,
    Q4KS,
    Q4_1,
    Q4_0,
    Q3KL,
    Q3KM,
    Q3KS,
    Q2K,
    Q2KS,
    Iq4Nl,
    Iq4Xs,
    Iq3M,
    Iq3S,
    Iq3Xs,
    Iq3Xxs,
    Iq2M,
    Iq2S,
    Iq2Xs,
    Iq2Xxs,
    Iq1M,
    Iq1S,
    Tq1_0,
    Tq2_0,
    Mxfp4Moe,
    /// Q4_K_M with output and embeddings at Q8_0 (a community mix).
    Q4KL,
    /// Q5_K_M with output and embeddings at Q8_0 (a community mix).
    Q5KL,
    /// Q6_K with output and embeddings at Q8_0 (a community mix).
    Q6KL,
}

/// The element type of a key or value cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum KvType {
    F32,
    F16,
    Bf16,
    Q8_0,
    Q5_1,
    Q5_0,
    Q4_1,
    Q4_0,
    Iq4Nl,
    Fp8,
    Int8,
}

impl KvType {
    /// All types, best quality first.
    pub const ALL: [Self; 11] = [
        Self::F32,
        Self::F16,
        Self::Bf16,
        Self::Q8_0,
        Self::Fp8,
        Self::Int8,
        Self::Q5_1,
        Self::Q5_0,
        Self::Q4_1,
        Self::Q4_0,
        Self::Iq4Nl,
    ];

    /// The id used in scenarios and tables.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Q8_0 => "q8_0",
            Self::Q5_1 => "q5_1",
            Self::Q5_0 => "q5_0",
            Self::Q4_1 => "q4_1",
            Self::Q4_0 => "q4_0",
            Self::Iq4Nl => "iq4_nl",
            Self::Fp8 => "fp8",
            Self::Int8 => "int8",
        }
    }

    /// The type of this id, if there is one; case does not matter, `fp16` and `fp32` are understood.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        let id = id.to_ascii_lowercase();
        match id.as_str() {
            "fp16" => Some(Self::F16),
            "fp32" => Some(Self::F32),
            _ => Self::ALL.into_iter().find(|t| t.id() == id),
        }
    }

    /// Elements per block and bytes per block (ggml's block layouts; GPU types are one element a block).
    #[must_use]
    pub const fn block(self) -> (u64, u64) {
        match self {
            Self::F32 => (1, 4),
            Self::F16 | Self::Bf16 => (1, 2),
            Self::Q8_0 => (32, 34),
            Self::Q5_1 => (32, 24),
            Self::Q5_0 => (32, 22),
            Self::Q4_1 => (32, 20),
            Self::Q4_0 | Self::Iq4Nl => (32, 18),
            Self::Fp8 | Self::Int8 => (1, 1),
        }
    }

    /// Whether values are stored in blocks with a scale.
    #[must_use]
    pub const fn quantised(self) -> bool {
        self.block().0 > 1
    }

    /// Bytes of a row of `elements`, partial blocks counted whole.
    #[must_use]
    pub const fn row_bytes(self, elements: u64) -> u64 {
        let (block, size) = self.block();
        elements.div_ceil(block).saturating_mul(size)
    }
}

impl fmt::Display for KvType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// The types of the key cache and of the value cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KvPair {
    /// Of the keys.
    pub k: KvType,
    /// Of the values.
    pub v: KvType,
}

impl KvPair {
    /// Both f16, the default everywhere.
    pub const F16: Self = Self { k: KvType::F16, v: KvType::F16 };
}

/// What a pair of cache types costs in quality.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KvQuality {
    /// Of the keys.
    pub k: KvType,
    /// Of the values.
    pub v: KvType,
    /// Perplexity increase over f16 caches in millionths, on the model that `provenance` names.
    pub quality_loss: Share,
    /// Where the figure comes from.
    #[serde(default)]
    pub provenance: Provenance,
}
