//! Bytes of a model's weights in a format.

use std::sync::Arc;

use super::footprint::Unsupported;
use super::llama_cpp::Profile;
use super::tensors::{Element, MixRule, Tensor, tensors};
use crate::domain::{Architecture, Body, Format, FormatKind, GgufMix, Model, StoredWeights};
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
    /// Vision tower and projector.
    pub vision: Bytes,
    /// Output head and input embeddings are one tensor.
    pub tied: bool,
    /// What the micro-batched law works out once per model; absent for networks.
    pub(super) profile: Option<Arc<Profile>>,
}

impl Weights {
    /// What every token reads whatever the router says: everything but input tables, experts and vision tower.
    #[must_use]
    pub fn read_always(&self) -> Bytes {
        let shared = if self.tied { self.output_head } else { Bytes::ZERO };
        let tables = self.input_embedding.saturating_sub(shared);
        self.total.saturating_sub(tables).saturating_sub(self.routed_experts).saturating_sub(self.vision)
    }

    /// The weights of `model` in `format`; those of the file when the model was read from one.
    ///
    /// # Errors
    /// [`Unsupported::TooLarge`] when the sizes overflow.
    pub fn of(model: &Model, format: &Format) -> Result<Self, Unsupported> {
        let mut sum = Sum::default();
        let mut tied = true;
        let profile = match &model.body {
            Body::Network(_) => {
                let bits = match format.kind {
                    FormatKind::Uniform { bits, .. } => bits,
                    FormatKind::Gguf(mix) => MixRule::nominal_bits(mix),
                };
                sum.total = scaled(u128::from(model.parameters), bits / 8.0);
                None
            }
            Body::Language(architecture) => {
                tied = architecture.spec.tied_embeddings;
                // A file is taken as it is; in any other format its tensors would be converted.
                let as_stored = |s: &&StoredWeights| s.format == format.id || format.aliases.contains(&s.format);
                match (model.stored.as_ref().filter(as_stored), format.kind) {
                    (Some(stored), _) => sum.stored(stored),
                    (None, FormatKind::Gguf(mix)) => sum.gguf(model, architecture, mix),
                    (None, FormatKind::Uniform { bits, embedding_bits }) => {
                        sum.uniform(model, architecture, bits, embedding_bits);
                    }
                }
                Some(Arc::new(Profile::new(architecture)))
            }
        };
        if tied {
            sum.head = sum.head.max(sum.token_table);
        }
        Ok(Self {
            total: bytes(sum.total)?,
            input_embedding: bytes(sum.tables)?,
            output_head: bytes(sum.head)?,
            routed_experts: bytes(sum.experts)?,
            vision: bytes(sum.vision)?,
            tied,
            profile,
        })
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
    Other,
}

impl Part {
    /// By its name in GGUF files or in those of its publisher.
    fn of(name: &str) -> Self {
        match name {
            "token_embd.weight" => Self::TokenTable,
            "per_layer_token_embd.weight" | "position_embd.weight" | "token_types.weight" => Self::Table,
            "output.weight" | "lm_head.weight" => Self::Head,
            _ if name.contains("_exps.") || name.contains(".experts.") => Self::Expert,
            _ if name.starts_with("v.") || name.starts_with("mm.") || name.contains("vis") => Self::Vision,
            _ if name.contains("embed_tokens_per_layer") => Self::Table,
            _ if name.ends_with("embed_tokens.weight") || name.ends_with(".wte.weight") => Self::TokenTable,
            _ => Self::Other,
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
    experts: u128,
    vision: u128,
}

impl Sum {
    fn add(&mut self, name: &str, size: u128) {
        self.total = self.total.saturating_add(size);
        match Part::of(name) {
            Part::TokenTable => {
                self.token_table += size;
                self.tables += size;
            }
            Part::Table => self.tables += size,
            Part::Head => self.head += size,
            Part::Expert => self.experts += size,
            Part::Vision => self.vision += size,
            Part::Other => {}
        }
    }

    fn stored(&mut self, stored: &StoredWeights) {
        for tensor in &stored.tensors {
            self.add(&tensor.name, padded(tensor.bytes.0.into()));
        }
    }

    fn gguf(&mut self, model: &Model, architecture: &Architecture, mix: GgufMix) {
        let list = tensors(architecture);
        let mut rule = MixRule::new(mix, architecture, &list);
        for tensor in &list {
            let element = rule.element(tensor);
            self.add(tensor.name, padded(element.bytes(&tensor.dims)));
        }
        let vision = vision_parameters(architecture);
        let named = vision + other_parameters(architecture);
        self.settle(u128::from(model.parameters).saturating_sub(named), &list, u128::from(LEFT_OUT));
        // The tower is a file of its own, in half precision.
        self.vision = vision * 2;
        self.total = self.total.saturating_add(self.vision);
    }

    fn uniform(&mut self, model: &Model, architecture: &Architecture, bits: f64, embedding_bits: f64) {
        let list = tensors(architecture);
        for tensor in &list {
            let matrix = tensor.plain == Element::F16;
            let table = matches!(tensor.name, "token_embd.weight" | "per_layer_token_embd.weight" | "output.weight");
            let bits = if matrix && !table { bits } else { embedding_bits };
            self.add(tensor.name, scaled(tensor.elements(), bits / 8.0));
        }
        let vision = vision_parameters(architecture);
        self.settle(u128::from(model.parameters).saturating_sub(vision), &list, u128::MAX);
        self.vision = scaled(vision, embedding_bits / 8.0);
        self.total = self.total.saturating_add(self.vision);
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

/// Parameters that the hyper-parameters do not describe.
fn other_parameters(architecture: &Architecture) -> u128 {
    architecture.spec.other_parameters.values().map(|&n| u128::from(n)).sum()
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
