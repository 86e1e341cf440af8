//! Bytes of a model's weights in a format.

use super::footprint::Unsupported;
use crate::domain::{Body, Format, FormatKind, Model};
use crate::units::Bytes;

/// The bytes of a model's weights in one format, by how they are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weights {
    /// All tensors, padded as in the file, vision tower included.
    pub total: Bytes,
    /// The input embedding table, of which a token reads one row; llama.cpp leaves it in the host's memory.
    pub input_embedding: Bytes,
    /// The output head that every token reads; with tied embeddings the table's bytes again.
    pub output_head: Bytes,
    /// All routed experts.
    pub routed_experts: Bytes,
    /// Vision tower and projector.
    pub vision: Bytes,
    /// Output head and input embeddings are one tensor.
    pub tied: bool,
}

impl Weights {
    /// What every token reads whatever the router says: everything but input table, experts and vision tower.
    #[must_use]
    pub fn read_always(&self) -> Bytes {
        let table = if self.tied { Bytes::ZERO } else { self.input_embedding };
        self.total.saturating_sub(table).saturating_sub(self.routed_experts).saturating_sub(self.vision)
    }

    /// The weights of `model` in `format`.
    ///
    /// # Errors
    /// [`Unsupported::TooLarge`] when the sizes overflow.
    pub fn of(model: &Model, format: &Format) -> Result<Self, Unsupported> {
        let bits = match format.kind {
            FormatKind::Uniform { bits, .. } => bits,
            FormatKind::Gguf(_) => 16.0,
        };
        let total = (model.parameters as f64 * bits / 8.0).ceil();
        if !total.is_finite() || total > 1e18 {
            return Err(Unsupported::TooLarge);
        }
        let tied = match &model.body {
            Body::Language(a) => a.spec.tied_embeddings,
            Body::Network(_) => true,
        };
        Ok(Self { total: Bytes(total as u64), tied, ..Self::default() })
    }
}
