//! Bytes of a model's weights in a format.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::footprint::Unsupported;
use super::llama_cpp::Profile;
use super::tensors::{ByName, Element, MixRule, Tensor, tensors};
use crate::domain::parameters::MULTI_TOKEN_PREDICTION;
use crate::domain::{
    Architecture, Body, Engine, Format, FormatKind, GgufMix, Mixer, Model, Runtime, StoredWeights, WeightResidence,
};
use crate::units::Bytes;

/// ggml places every tensor at a multiple of this many bytes.
const ALIGNMENT: u128 = 32;

/// Parameters that no tensor of the list accounts for are left out of a GGUF estimate up to this share (one in so many):
/// they are what the conversion leaves out as well, such as layers for multi-token prediction.
const LEFT_OUT: u64 = 20;

/// The bytes of a model's weights in one format, by how they are used.
#[derive(Debug, Clone, Default)]
pub struct Weights {
    /// All tensors, padded as in the file, vision tower included.
    pub total: Bytes,
    /// The tables of which a token reads one row each; llama.cpp leaves them in the host's memory.
    pub input_embedding: Bytes,
    /// The output head that every token reads; with tied embeddings the table's bytes again.
    pub output_head: Bytes,
    /// All routed experts.
    pub routed_experts: Bytes,
    /// The output head as large as it would be in the format of the layers' matrices: some engines store it so.
    pub head_as_matrix: Bytes,
    /// Towers for images and sound, and their projectors.
    pub vision: Bytes,
    /// Blocks that predict further tokens: nothing reads them in plain decoding.
    pub idle: Bytes,
    /// Output head and input embeddings are one tensor.
    pub tied: bool,
    /// What the file of Ollama's library has more.
    pub(super) library: LibraryBuild,
    /// The same where an engine that does not read GGUF files holds the format otherwise: by the format's own list.
    elsewhere: Vec<(Vec<String>, Self)>,
    /// The same in the published files of the format, where they leave matrices alone.
    published: Option<Box<Self>>,
    /// What the micro-batched law works out once per model; absent for networks.
    pub(super) profile: Option<Arc<Profile>>,
}

/// Bytes by which the file of Ollama's library is larger than the usual mix: it keeps a few tensors in more bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LibraryBuild {
    /// In all.
    pub(super) more: Bytes,
    /// Of it in input tables.
    pub(super) tables: Bytes,
    /// Of it in the table that serves as output head, or in the head.
    pub(super) head: Bytes,
}

impl Weights {
    /// What every token reads whatever the router says: everything but input tables, experts, towers and idle blocks.
    #[must_use]
    pub fn read_always(&self, how: WeightResidence) -> Bytes {
        let shared = if self.tied { self.output_head } else { Bytes::ZERO };
        let tables = self.input_embedding.saturating_sub(shared);
        let head = if how.head_as_matrix { self.output_head } else { Bytes::ZERO };
        let read = [tables, self.routed_experts, self.vision, self.idle, head]
            .into_iter()
            .fold(self.total, Bytes::saturating_sub);
        if how.head_as_matrix { read + self.head_as_matrix } else { read }
    }

    /// The weights as this engine holds them.
    #[must_use]
    pub fn on(&self, runtime: &Runtime) -> &Self {
        let serves = |engines: &[String]| engines.is_empty() || engines.contains(&runtime.engine_id);
        if runtime.engine == Engine::LlamaCpp {
            return self;
        }
        let held = self.elsewhere.iter().find(|(engines, _)| serves(engines)).map_or(self, |(_, weights)| weights);
        held.published.as_deref().filter(|_| runtime.weight_residence.as_published).unwrap_or(held)
    }

    /// The mixers of the model's layers, each with the number of layers that have it, in the order of the first of them; none
    /// for networks. Models have dozens of layers but few kinds of them.
    #[must_use]
    pub fn mixers(&self) -> &[(Mixer, u32)] {
        self.profile.as_deref().map_or(&[], |profile| &profile.mixers)
    }

    /// The weights of `model` in `format`; those of the file when the model was read from one.
    ///
    /// # Errors
    /// [`Unsupported::TooLarge`] when the sizes overflow.
    pub fn of(model: &Model, format: &Format) -> Result<Self, Unsupported> {
        Self::work_out(model, format, None)
    }

    /// The weights of the same model in another format, sharing what does not depend on the format.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn also(&self, model: &Model, format: &Format) -> Result<Self, Unsupported> {
        Self::work_out(model, format, self.profile.clone())
    }

    fn work_out(model: &Model, format: &Format, profile: Option<Arc<Profile>>) -> Result<Self, Unsupported> {
        let mut sum = Sum::default();
        let architecture = match &model.body {
            Body::Network(_) => {
                let bits = match format.kind {
                    FormatKind::Uniform { bits, .. } => bits,
                    FormatKind::Gguf(mix) => MixRule::nominal_bits(mix),
                };
                sum.total = scaled(u128::from(model.parameters), bits / 8.0);
                return sum.weights(true, None);
            }
            Body::Language(architecture) => architecture,
        };
        let profile = Some(profile.unwrap_or_else(|| Arc::new(Profile::new(architecture))));
        let tied = architecture.spec.tied_embeddings;
        // A file is taken as it is; in any other format its tensors would be converted.
        let as_stored = |s: &&StoredWeights| s.format == format.id || format.aliases.contains(&s.format);
        if let Some(stored) = model.stored.as_ref().filter(as_stored) {
            sum.stored(stored);
            return sum.weights(tied, profile);
        }
        let mut published = None;
        match format.kind {
            FormatKind::Gguf(mix) => sum.gguf(model, architecture, mix),
            FormatKind::Uniform { bits, embedding_bits, delta_net_bits } => {
                let delta_net = architecture.spec.gated_delta.is_some();
                let converted = UniformBits {
                    experts: bits,
                    matrices: bits,
                    mixers: delta_net_bits.filter(|_| delta_net).unwrap_or(bits),
                    tables: embedding_bits,
                    expert_width_multiple: 0,
                };
                sum.uniform(model, architecture, converted);
                if let Some(left_alone) = format.left_alone(model) {
                    let beside_experts = left_alone.dense.filter(|_| architecture.spec.moe.is_some());
                    let bits = UniformBits {
                        matrices: beside_experts.unwrap_or(converted.matrices),
                        mixers: left_alone.mixers.unwrap_or(converted.mixers),
                        ..converted
                    };
                    let mut sum = Sum::default();
                    sum.uniform(model, architecture, bits);
                    published = Some(Box::new(sum.weights(tied, profile.clone())?));
                }
            }
        }
        let mut weights = Self { published, ..sum.weights(tied, profile.clone())? };
        for layout in &format.elsewhere {
            let mut sum = Sum::default();
            let bits = UniformBits {
                experts: layout.expert_bits,
                matrices: layout.bits,
                mixers: layout.bits,
                tables: layout.embedding_bits,
                expert_width_multiple: layout.expert_width_multiple,
            };
            sum.uniform(model, architecture, bits);
            weights.elsewhere.push((layout.engines.clone(), sum.weights(tied, profile.clone())?));
        }
        Ok(weights)
    }
}

/// What a tensor is read for.
#[derive(Clone, Copy)]
enum Part {
    TokenTable,
    Table,
    Head,
    Expert,
    Vision,
    Idle,
    Other,
}

impl Part {
    /// By its name in GGUF files or in those of its publisher.
    fn of(name: &str) -> Self {
        match name {
            "token_embd.weight" => Self::TokenTable,
            "per_layer_token_embd.weight" | "position_embd.weight" | "token_types.weight" => Self::Table,
            "output.weight" | "lm_head.weight" => Self::Head,
            _ if name.starts_with("mtp.") || name.contains(".mtp.") => Self::Idle,
            _ if name.contains("_exps.") || name.contains(".experts.") => Self::Expert,
            _ if name.starts_with("v.") || name.starts_with("mm.") || name.contains("vis") => Self::Vision,
            _ if name.contains("embed_tokens_per_layer") => Self::Table,
            _ if name.ends_with("embed_tokens.weight") || name.ends_with(".wte.weight") => Self::TokenTable,
            _ => Self::Other,
        }
    }
}

/// Bits per weight in a format of one type.
#[derive(Clone, Copy)]
struct UniformBits {
    /// Of routed experts.
    experts: f64,
    /// Of dense feed-forward matrices.
    matrices: f64,
    /// Of attention, recurrences and shared experts.
    mixers: f64,
    /// Of embeddings, output head, norms and towers.
    tables: f64,
    /// The inner width of experts is padded to a multiple of this; 0 and 1: it is not.
    expert_width_multiple: u32,
}

impl UniformBits {
    /// By how much padding enlarges the experts.
    fn padding(&self, architecture: &Architecture) -> f64 {
        let width = architecture.spec.moe.map_or(0, |moe| moe.width);
        match self.expert_width_multiple {
            0 | 1 => 1.0,
            multiple => f64::from(width.next_multiple_of(multiple)) / f64::from(width.max(1)),
        }
    }
}

/// Sums over tensors, wide enough not to overflow.
#[derive(Default)]
struct Sum {
    total: u128,
    token_table: u128,
    tables: u128,
    head: u128,
    head_as_matrix: Option<u128>,
    experts: u128,
    vision: u128,
    idle: u128,
    /// What Ollama's builds have more: in the table of tokens, in other tables, in the head, elsewhere.
    library: [u128; 4],
}

impl Sum {
    fn add(&mut self, part: Part, size: u128) {
        self.total = self.total.saturating_add(size);
        match part {
            Part::TokenTable => {
                self.token_table += size;
                self.tables += size;
            }
            Part::Table => self.tables += size,
            Part::Head => self.head += size,
            Part::Expert => self.experts += size,
            Part::Vision => self.vision += size,
            Part::Idle => self.idle += size,
            Part::Other => {}
        }
    }

    /// What was added up, as sizes.
    fn weights(mut self, tied: bool, profile: Option<Arc<Profile>>) -> Result<Weights, Unsupported> {
        if tied {
            self.head = self.head.max(self.token_table);
        }
        Ok(Weights {
            total: bytes(self.total)?,
            input_embedding: bytes(self.tables)?,
            output_head: bytes(self.head)?,
            head_as_matrix: bytes(self.head_as_matrix.unwrap_or(self.head))?,
            routed_experts: bytes(self.experts)?,
            vision: bytes(self.vision)?,
            idle: bytes(self.idle)?,
            tied,
            library: LibraryBuild {
                more: bytes(self.library.iter().sum())?,
                tables: bytes(self.library[0] + self.library[1])?,
                head: bytes(self.library[0] + self.library[2])?,
            },
            elsewhere: Vec::new(),
            published: None,
            profile,
        })
    }

    fn stored(&mut self, stored: &StoredWeights) {
        // A GGUF file has a block for further tokens among the others; the tensors that only such a block has tell.
        let block = |name: &str| name.strip_prefix("blk.").and_then(|n| n.split('.').next()).map(str::to_owned);
        let further: BTreeSet<String> =
            stored.tensors.iter().filter(|t| t.name.contains(".nextn.")).filter_map(|t| block(&t.name)).collect();
        for tensor in &stored.tensors {
            let idle = !further.is_empty() && block(&tensor.name).is_some_and(|b| further.contains(&b));
            let part = if idle { Part::Idle } else { Part::of(&tensor.name) };
            self.add(part, padded(tensor.bytes.0.into()));
        }
    }

    fn gguf(&mut self, model: &Model, architecture: &Architecture, mix: GgufMix) {
        let list = tensors(architecture);
        let mut rule = MixRule::new(mix, architecture, &list);
        let mut parts = ByName::default();
        for tensor in &list {
            let size = padded(rule.element(tensor).bytes(&tensor.dims));
            let part = parts.get(tensor.name, Part::of);
            self.add(part, size);
            if let Some(element) = rule.in_ollamas_library(tensor) {
                let more = padded(element.bytes(&tensor.dims)).saturating_sub(size);
                let of = match part {
                    Part::TokenTable => 0,
                    Part::Table => 1,
                    Part::Head => 2,
                    _ => 3,
                };
                self.library[of] += more;
            }
        }
        // Parts that the list lacks are left out with the rest that conversions leave out, while they are few.
        let further = other_parameters(architecture, |name| name.starts_with(MULTI_TOKEN_PREDICTION));
        let named = tower_parameters(architecture) + further;
        self.settle(u128::from(model.parameters).saturating_sub(named), &list, u128::from(LEFT_OUT));
        // The towers are a file of their own, in half precision.
        self.vision = tower_parameters(architecture) * 2;
        self.total = self.total.saturating_add(self.vision);
    }

    fn uniform(&mut self, model: &Model, architecture: &Architecture, bits: UniformBits) {
        let list = tensors(architecture);
        let padding = bits.padding(architecture);
        let mut parts = ByName::default();
        for tensor in &list {
            let matrix = tensor.plain == Element::F16;
            let table = matches!(tensor.name, "token_embd.weight" | "per_layer_token_embd.weight" | "output.weight");
            let stored = match tensor.name {
                _ if !matrix || table => bits.tables,
                name if name.contains("_exps.") => bits.experts * padding,
                // Feed-forwards; shared experts go with the mixers.
                name if name.starts_with("ffn_") && !name.contains("shexp") => bits.matrices,
                _ => bits.mixers,
            };
            self.add(parts.get(tensor.name, Part::of), scaled(tensor.elements(), stored / 8.0));
        }
        let towers = tower_parameters(architecture);
        let further = other_parameters(architecture, |name| name.starts_with(MULTI_TOKEN_PREDICTION));
        self.settle(u128::from(model.parameters).saturating_sub(towers + further), &list, u128::MAX);
        self.vision = scaled(towers, bits.tables / 8.0);
        self.idle = scaled(further, bits.mixers / 8.0);
        self.total = self.total.saturating_add(self.vision).saturating_add(self.idle);
        let table = u128::from(architecture.spec.vocab) * u128::from(architecture.spec.hidden);
        self.head_as_matrix = Some(scaled(table, bits.matrices / 8.0));
    }

    /// Brings the sum to the published number of parameters: tensors that the list lacks get the average size; a list that
    /// is too long is shortened in proportion. A lack below one in `tolerance` stays.
    fn settle(&mut self, published: u128, list: &[Tensor], tolerance: u128) {
        let listed: u128 = list.iter().map(Tensor::elements).sum();
        if published == 0 || listed == 0 {
            return;
        }
        let off = published.abs_diff(listed);
        let lacks = published > listed && off > published / tolerance;
        let exceeds = listed > published && off > published / 100;
        if lacks || exceeds {
            let factor = published as f64 / listed as f64;
            for part in [&mut self.total, &mut self.experts] {
                *part = scaled(*part, factor);
            }
        }
    }
}

/// Parameters of the vision tower, as stated; what is not stated counts as part of the body.
fn vision_parameters(architecture: &Architecture) -> u128 {
    architecture.spec.vision.map_or(0, |vision| vision.parameters.into())
}

/// Parameters of all towers, those for sound included.
fn tower_parameters(architecture: &Architecture) -> u128 {
    vision_parameters(architecture) + other_parameters(architecture, |name| name.contains("audio"))
}

/// Parameters of these names that the hyper-parameters do not describe.
fn other_parameters(architecture: &Architecture, which: impl Fn(&str) -> bool) -> u128 {
    architecture.spec.other_parameters.iter().filter(|(name, _)| which(name)).map(|(_, &n)| u128::from(n)).sum()
}

fn padded(size: u128) -> u128 {
    size.div_ceil(ALIGNMENT).saturating_mul(ALIGNMENT)
}

/// `n` x `factor`, rounded up; exact for sizes that any memory could hold.
fn scaled(n: u128, factor: f64) -> u128 {
    (n as f64 * factor).ceil().max(0.0) as u128
}

fn bytes(size: u128) -> Result<Bytes, Unsupported> {
    u64::try_from(size).ok().filter(|&n| n < u64::MAX / 4).map(Bytes).ok_or(Unsupported::TooLarge)
}
