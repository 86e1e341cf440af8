//! Models: what must be held in memory and computed, layer by layer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::provenance::Provenance;
use super::spec::ArchitectureSpec;
use crate::units::Bytes;

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Task {
    Language,
    VisionLanguage,
    Embedding,
    Reranker,
    Classify,
    Detect,
    Segment,
    Pose,
    Speech,
    Vision,
}

impl Task {
    /// All tasks.
    pub const ALL: [Self; 10] = [
        Self::Language,
        Self::VisionLanguage,
        Self::Embedding,
        Self::Reranker,
        Self::Classify,
        Self::Detect,
        Self::Segment,
        Self::Pose,
        Self::Speech,
        Self::Vision,
    ];

    /// Whether the model reads and writes tokens through a transformer or recurrent language body.
    #[must_use]
    pub const fn is_language(self) -> bool {
        matches!(self, Self::Language | Self::VisionLanguage | Self::Embedding | Self::Reranker)
    }

    /// Whether the model generates text token by token.
    #[must_use]
    pub const fn decodes(self) -> bool {
        matches!(self, Self::Language | Self::VisionLanguage)
    }

    /// Whether the model reads text and gives back a vector or a score, without writing anything.
    #[must_use]
    pub const fn is_encoder(self) -> bool {
        matches!(self, Self::Embedding | Self::Reranker)
    }

    /// The id used in tables.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Language => "language",
            Self::VisionLanguage => "vision-language",
            Self::Embedding => "embedding",
            Self::Reranker => "reranker",
            Self::Classify => "classify",
            Self::Detect => "detect",
            Self::Segment => "segment",
            Self::Pose => "pose",
            Self::Speech => "speech",
            Self::Vision => "vision",
        }
    }
}

/// A model that a workload may name.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Catalog id, or the path of the file it was read from.
    pub id: String,
    /// Well-known other names.
    pub aliases: Vec<String>,
    /// What it does.
    pub task: Task,
    /// Parameters in all, embeddings and towers included.
    pub parameters: u64,
    /// Parameters that take part in one token (mixture-of-experts models), embeddings included.
    pub active_parameters: u64,
    /// The language body or the network.
    pub body: Body,
    /// The tensors as stored, when the model was read from a weight file: then no format has to be assumed.
    pub stored: Option<StoredWeights>,
    /// Format in which its publisher ships it, when not 16-bit (`mxfp4`, `fp8`).
    pub native_format: Option<String>,
    /// Further formats in which its publisher ships it after training for them (quantisation-aware training).
    pub trained_formats: Vec<String>,
    /// Licence, as its publisher names it.
    pub licence: Option<String>,
    /// Release date.
    pub released: Option<String>,
    /// What had to be assumed to read it.
    pub assumptions: Vec<String>,
    /// Where the facts come from.
    pub provenance: Provenance,
}

/// What a model consists of.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// A language model, vision-language model or text encoder.
    Language(Box<Architecture>),
    /// A network that maps one input to one output: detectors, classifiers, speech recognisers.
    Network(Network),
}

impl Model {
    /// Whether its publisher made it for this format: then the format costs nothing.
    #[must_use]
    pub fn is_made_for(&self, format: &str) -> bool {
        self.native_format.as_deref() == Some(format) || self.trained_formats.iter().any(|f| f == format)
    }

    /// The language body, if it is one.
    #[must_use]
    pub fn language(&self) -> Option<&Architecture> {
        match &self.body {
            Body::Language(architecture) => Some(architecture),
            Body::Network(_) => None,
        }
    }

    /// The same network fed with square images of this side: operations and layer outputs grow with the area, as those of
    /// convolutions do; weights stay. Detectors and their kin halve their input five times, so that its side must be a
    /// multiple of 32.
    ///
    /// # Errors
    /// What is expected, where the model has no such input.
    pub fn at_input(&self, side: u32) -> Result<Self, InputSize> {
        let network = self.network().filter(|n| n.speech.is_none()).ok_or(InputSize::NoImage)?;
        let [width, height, channels] = network.input.ok_or(InputSize::Unknown)?;
        let halved = matches!(self.task, Task::Detect | Task::Segment | Task::Pose);
        if side == 0 || halved && !side.is_multiple_of(INPUT_STRIDE) {
            return Err(InputSize::Stride(INPUT_STRIDE));
        }
        let area = f64::from(width.max(1)) * f64::from(height.max(1));
        let scale = f64::from(side) * f64::from(side) / area;
        let scaled = Network {
            giga_ops: network.giga_ops.map(|ops| ops * scale),
            activations_m: network.activations_m.map(|outputs| outputs * scale),
            input: Some([side, side, channels]),
            ..network.clone()
        };
        Ok(Self { body: Body::Network(scaled), ..self.clone() })
    }

    /// The network, if it is one.
    #[must_use]
    pub fn network(&self) -> Option<&Network> {
        match &self.body {
            Body::Language(_) => None,
            Body::Network(network) => Some(network),
        }
    }
}

/// What the side of a detector's input must be a multiple of: five times it is halved.
const INPUT_STRIDE: u32 = 32;

/// Why a model cannot be fed with images of a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputSize {
    /// It is no network that looks at images.
    NoImage,
    /// The size for which its operations were counted is unknown.
    Unknown,
    /// The side must be a multiple of this.
    Stride(u32),
}

/// The weights of a real file.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredWeights {
    /// Id of the format that the file says it is in (`q4_k_m`), or the type of most of its bytes.
    pub format: String,
    /// Every tensor.
    pub tensors: Vec<StoredTensor>,
    /// Bytes of all tensors, each padded to the file's alignment.
    pub bytes: Bytes,
}

/// One tensor of a weight file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTensor {
    /// Name in the file.
    pub name: String,
    /// Dimensions, the contiguous one first.
    pub dims: Vec<u64>,
    /// Name of the element type (`Q4_K`, `F16`, `BF16`).
    pub element: String,
    /// Bytes it takes, without padding.
    pub bytes: Bytes,
}

/// A network that is run as a whole: one image, one 30 s window of speech.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Arithmetic operations of one inference, a multiply-add counted as two, in billions; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub giga_ops: Option<f64>,
    /// Elements of all layer outputs together, in millions; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activations_m: Option<f64>,
    /// Width, height and channels of the input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<[u32; 3]>,
    /// A speech recogniser's encoder and decoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speech: Option<Speech>,
    /// `cnn`, `transformer`, `hybrid`, ...: groups networks that accelerators treat alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Networks of one design in several sizes (`yolo11`, `vit`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
}

/// Dimensions of an encoder-decoder speech recogniser.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Speech {
    /// Encoder layers.
    pub encoder_layers: u32,
    /// Decoder layers.
    pub decoder_layers: u32,
    /// Width of the model.
    pub hidden: u32,
    /// Attention heads.
    pub heads: u32,
    /// Width of the feed-forward blocks.
    pub ffn: u32,
    /// Vocabulary.
    pub vocab: u32,
    /// Frames that the encoder hands on for one 30 s window.
    pub audio_context: u32,
    /// Most tokens that the decoder writes.
    pub text_context: u32,
}

/// A language body: dimensions and every layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    /// The hyper-parameters it was expanded from.
    pub spec: ArchitectureSpec,
    /// Every block, in order.
    pub layers: Vec<Layer>,
}

/// One block of a language body.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layer {
    /// How tokens exchange information.
    pub mixer: Mixer,
    /// What happens to each token by itself.
    pub ffn: FeedForward,
}

/// How tokens exchange information in a block, and so what must be remembered of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mixer {
    /// Softmax attention over keys and values, over everything or over a window.
    Attention(Attention),
    /// Multi-head latent attention: one compressed vector per token.
    Mla(Mla),
    /// A state-space layer with a state of constant size.
    Ssm(Ssm),
    /// Linear attention with a matrix state of constant size.
    GatedDelta(GatedDelta),
    /// A gated convolution over the last tokens.
    ShortConv {
        /// Taps of the convolution.
        taps: u32,
    },
    /// Attention and a state-space layer side by side.
    Parallel(Attention, Ssm),
    /// Nothing (a block of feed-forward only).
    None,
}

impl Mixer {
    /// The attention of a layer that looks at something else than the tokens before it.
    #[must_use]
    pub fn cross(&self) -> Option<&Attention> {
        match self {
            Self::Attention(a) if a.cross => Some(a),
            _ => None,
        }
    }
}

/// Softmax attention of one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attention {
    /// Query heads.
    pub heads: u32,
    /// Key and value heads.
    pub kv_heads: u32,
    /// Width of a query and key head.
    pub head_dim: u32,
    /// Width of a value head.
    pub v_head_dim: u32,
    /// Tokens looked back at most; absent for full attention.
    pub window: Option<u32>,
    /// Has no keys and values of the tokens of its own: it reads the cache of an earlier layer, or `cross`.
    pub shares_kv: bool,
    /// Looks at an image, or at what an encoder read, instead of the tokens written so far.
    pub cross: bool,
    /// Values are the keys: no value projection.
    pub k_eq_v: bool,
}

/// Multi-head latent attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mla {
    /// Rank of the query compression; absent when queries are projected directly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q_lora_rank: Option<u32>,
    /// Rank of the key-value compression: cached per token.
    pub kv_lora_rank: u32,
    /// Width of a head's part without position.
    pub nope_dim: u32,
    /// Width of the shared part with position: cached per token.
    pub rope_dim: u32,
    /// Width of a value head.
    pub v_dim: u32,
}

/// A state-space layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ssm {
    /// 1 or 2: the generation of Mamba; 3: PLaMo's, with one step per head.
    pub generation: u32,
    /// Inner width.
    pub inner: u32,
    /// State per channel.
    pub state: u32,
    /// Heads (generation 2) or rank of the time step (generation 1).
    pub heads: u32,
    /// Groups that share B and C (generation 2; 0 in generation 1).
    #[serde(default)]
    pub groups: u32,
    /// Taps of the convolution.
    pub conv: u32,
    /// A norm before the output projection.
    #[serde(default)]
    pub norm: bool,
    /// The projections carry a bias.
    #[serde(default)]
    pub proj_bias: bool,
    /// The convolution carries no bias.
    #[serde(default)]
    pub no_conv_bias: bool,
}

/// The kinds of linear attention, which differ in their projections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LinearKind {
    /// Gated DeltaNet: one decay per head.
    #[default]
    GatedDelta,
    /// Kimi delta attention: one decay per channel.
    Kimi,
    /// Lightning attention: a fixed decay per head, no convolution.
    Lightning,
    /// A kind of its own (RWKV, Griffin): its parameters are listed with `other_parameters`.
    Listed,
}

impl LinearKind {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Linear attention with a matrix state (gated DeltaNet and its kin).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GatedDelta {
    /// Key heads.
    pub key_heads: u32,
    /// Value heads.
    pub value_heads: u32,
    /// Width of a key head.
    pub key_dim: u32,
    /// Width of a value head.
    pub value_dim: u32,
    /// Taps of the convolution; 0 without one.
    pub conv: u32,
    /// Which kind.
    #[serde(default, skip_serializing_if = "LinearKind::is_default")]
    pub kind: LinearKind,
}

/// What happens to each token by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FeedForward {
    /// Nothing.
    None,
    /// One network for every token.
    Dense {
        /// Inner width.
        width: u32,
    },
    /// A router picks some of many networks.
    Moe(MoeShape),
}

/// A mixture of experts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MoeShape {
    /// Routed experts.
    pub experts: u32,
    /// Experts that each token goes through.
    pub used: u32,
    /// Inner width of an expert.
    pub width: u32,
    /// Inner width of the shared expert, all shared ones together; 0 without one.
    pub shared_width: u32,
    /// The shared expert has a gate of its own.
    pub shared_gate: bool,
    /// The router has a bias per expert.
    pub router_bias: bool,
    /// The experts' projections carry biases.
    pub expert_bias: bool,
    /// Inner width of a dense network that runs beside the experts; 0 without one.
    pub dense_width: u32,
    /// Width of the space that the routed experts work in, when it is not the model's (latent experts); 0 otherwise.
    pub latent_width: u32,
}

/// The tower that turns images into tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VisionTower {
    /// Parameters of tower and projector.
    pub parameters: u64,
    /// Tokens that one image becomes at the model's default resolution; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_image: Option<u32>,
    /// The tower's own dimensions; absent when unknown, or when it is no transformer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<VisionEncoder>,
    /// Positions of one image that the language body's cross-attention layers keep keys and values of (Llama 3.2 Vision);
    /// 0 where images become tokens of the prompt.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attended_positions: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(b: &bool) -> bool {
    !*b
}

/// What the memory of a transformer that encodes images depends on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VisionEncoder {
    /// Width of its residual stream.
    pub hidden: u32,
    /// Inner width of its feed-forward blocks.
    pub ffn: u32,
    /// Attention heads.
    pub heads: u32,
    /// The feed-forward blocks have a gate.
    #[serde(default, skip_serializing_if = "is_false")]
    pub gated: bool,
    /// Patches that are encoded at once: of a tile where images are cut into tiles, else of the largest image that the
    /// model's own processor makes.
    pub patches: u32,
    /// Side of a patch in pixels.
    pub patch: u32,
    /// Attention is restricted to windows by a mask over all pairs of patches.
    #[serde(default, skip_serializing_if = "is_false")]
    pub masked: bool,
    /// Layers whose outputs go to the language body besides the last one's.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub taps: u32,
}
