//! Inference engines: what they can run, how they lay out memory, what they take for themselves.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::buffers::Buffers;
use super::device::{Device, MemoryKind};
use super::format::Format;
use super::model::{Model, Task};
use super::peaks::StartPeaks;
use super::provenance::Provenance;
use super::software::{EngineNeed, SoftwareNeeds, VersionRange};

/// The family of memory laws that an engine follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// llama.cpp and what is built on it: micro-batched graph, cells of KV cache allocated for the whole context.
    LlamaCpp,
    /// Paged KV cache in blocks, pre-allocated: vLLM, TensorRT-LLM, SGLang.
    Paged,
    /// Whole-prompt activations, tensor by tensor: PyTorch eager.
    Eager,
    /// A compiled graph with planned buffers: ONNX Runtime, TensorRT, ExecuTorch, OpenVINO, RKLLM, MLX, MLC.
    StaticGraph,
}

/// What executes the arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum Backend {
    Cpu,
    Cuda,
    Metal,
    Vulkan,
    Rocm,
    Sycl,
    Opencl,
    Npu,
}

/// Whether an engine computes attention without the score matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FlashSupport {
    /// Always.
    Always,
    /// The user chooses.
    Optional,
    /// Never.
    Never,
}

/// For how many tokens of a micro-batch an engine of llama.cpp's family keeps room for logits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OutputRows {
    /// One per stream: llama-server since June 2026 (llama.cpp's pull request 23861), and what runs it.
    #[default]
    Stream,
    /// Every token of the micro-batch: older servers, and programs and bindings that ask for nothing else.
    Token,
}

/// An inference engine, with one backend where it has several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Runtime {
    /// Catalog id: the engine (`llama.cpp`, `vllm`) or engine and backend (`llama.cpp-cuda`).
    pub id: String,
    /// Name for people.
    pub name: String,
    /// The plain id of the engine that this entry is one backend of; equal to `id` when there is only one.
    pub engine_id: String,
    /// Other names that mean the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The family of memory laws.
    pub engine: Engine,
    /// What executes.
    pub backend: Backend,
    /// What kinds of model it runs.
    pub tasks: Vec<Task>,
    /// Weight formats that it loads, by id, the one in which language models are usually run on it first.
    pub formats: Vec<String>,
    /// What it does not run on some silicon although it loads it elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<Exception>,
    /// KV-cache types that it supports, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kv_types: Vec<String>,
    /// Flash attention.
    pub flash_attention: FlashSupport,
    /// Rows of logits that this version keeps room for where a workload does not say (llama.cpp and what runs it).
    #[serde(default, skip_serializing_if = "OutputRows::is_default")]
    pub outputs: OutputRows,
    /// Memory of the process before a model is loaded, in MiB, in the memory that the accelerator uses (context, loaded
    /// kernels, library heaps): the upper end of what was measured.
    pub framework_mib: u64,
    /// Memory of the process in the host's memory, in MiB; on unified memory it adds to `framework_mib`.
    #[serde(default)]
    pub framework_host_mib: u64,
    /// Where the weights in memory are not simply every tensor once.
    #[serde(default, skip_serializing_if = "WeightResidence::is_plain")]
    pub weight_residence: WeightResidence,
    /// What it holds beside weights and cache.
    #[serde(default, skip_serializing_if = "Buffers::is_plain")]
    pub buffers: Buffers,
    /// What it takes for a moment before it runs.
    #[serde(default, skip_serializing_if = "StartPeaks::is_plain")]
    pub peaks: StartPeaks,
    /// Share of the device's memory that the engine claims at start unless told otherwise, in millionths (vLLM's
    /// `gpu_memory_utilization`): the launch command sets it to what the plan needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preallocated_share: Option<crate::units::Share>,
    /// Most concurrent sequences the engine supports; absent when there is no limit below the planner's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_streams: Option<u32>,
    /// The command that starts it, in place of the one that is known for the engine, or for an engine of one's own: words
    /// between blanks, with `{model}`, `{file}`, `{weights}`, `{context}`, `{streams}`, `{total_context}`, `{kv_k}`,
    /// `{kv_v}`, `{kv_dtype}`, `{flash}`, `{batch}`, `{micro_batch}`, `{memory_share}` (of all memory) and `{kv_share}` (of
    /// what weights and buffers leave) filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch: Option<String>,
    /// The software that it needs below it, by chip.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<EngineNeed>,
    /// Where the figures come from.
    #[serde(default)]
    pub provenance: Provenance,
}

/// Something that an engine does not run on some silicon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// Groups of silicon on which it holds; everywhere when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silicon: Vec<String>,
    /// The kind of memory beside which it holds; any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryKind>,
    /// Which models it is about.
    #[serde(default, skip_serializing_if = "Models::is_all")]
    pub models: Models,
    /// The formats, by id, that do not run; all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formats: Vec<String>,
    /// It runs all the same, on the CPU for the most part: it is not offered, and answered when it is asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_cpu: bool,
    /// Where it stands.
    pub source: String,
}

/// Models of a kind that engines treat alike.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Models {
    /// All of them.
    #[default]
    All,
    /// Mixtures of experts.
    Mixtures,
    /// Language models, vision-language models and text encoders.
    Language,
    /// Vision and speech networks that consist of transformer blocks.
    TransformerNetworks,
}

impl Models {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    fn is_all(&self) -> bool {
        *self == Self::All
    }

    /// Whether a model is one of them.
    #[must_use]
    pub fn contains(self, model: &Model) -> bool {
        match self {
            Self::All => true,
            Self::Mixtures => model.language().is_some_and(|a| a.spec.moe.is_some()),
            Self::Language => model.language().is_some(),
            Self::TransformerNetworks => {
                model.network().is_some_and(|n| n.speech.is_some() || n.kind.as_deref() == Some("transformer"))
            }
        }
    }
}

impl Runtime {
    /// Whether it loads weights of this format at all.
    #[must_use]
    pub fn loads(&self, format: &Format) -> bool {
        self.formats.contains(&format.id)
    }

    /// The exception for which it is not used for a model in a format on a device, if there is one.
    #[must_use]
    pub fn exception(&self, device: &Device, model: &Model, format: &Format) -> Option<&Exception> {
        self.exception_to(device, model, &format.id)
    }

    /// As [`Self::exception`], by the format's id.
    #[must_use]
    pub fn exception_to(&self, device: &Device, model: &Model, format: &str) -> Option<&Exception> {
        self.exceptions.iter().find(|e| {
            (e.silicon.is_empty() || e.silicon.contains(&device.silicon))
                && e.memory.is_none_or(|kind| kind == device.memory_kind)
                && (e.formats.is_empty() || e.formats.iter().any(|f| f == format))
                && e.models.contains(model)
        })
    }
}

impl Runtime {
    /// The versions that it works with on a chip.
    #[must_use]
    pub fn needs_on(&self, silicon: &str) -> SoftwareNeeds {
        let here = self.needs.iter().filter(|need| silicon.starts_with(&need.on));
        let range = |since| VersionRange { since: Some(since), below: None };
        SoftwareNeeds(here.map(|need| (need.software.clone(), range(need.since))).collect())
    }
}

/// How the weights in memory differ from the weights on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WeightResidence {
    /// Where embeddings and head are one tensor, the engine holds it twice.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tied_table_twice: bool,
    /// The input table stays in the file, mapped: a token reads one row.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub input_table_mapped: bool,
    /// The output head is stored as the layers' matrices are, whatever the format says of tables.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub head_as_matrix: bool,
    /// Towers for images and sound are files of their own, loaded only where images are asked for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub towers_apart: bool,
    /// Files are loaded as their publishers quantised them, with what they left alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub as_published: bool,
    /// Weights of 16 bits are there once and a half: the mapped file, and what the accelerator copies of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub half_of_16_bit_twice: bool,
    /// Routed experts are there a second time, packed for the kernels.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub experts_twice: bool,
}

impl OutputRows {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl WeightResidence {
    /// Whether every tensor is in memory once.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}
