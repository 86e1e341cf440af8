//! Builds the graph of a model as llama.cpp would, tensor by tensor in its order (`llama-graph.cpp` and the model
//! definitions, August 2026). Constants and weights are left out: they live elsewhere.

mod attention;
mod decoder;
mod feed;
mod recurrent;

pub(super) use decoder::plan;

use super::graph::{Graph, Node, Scratch};
use super::size::{Cells, Size};
use super::style::Style;
use super::variant::Variant;
use crate::domain::{ArchitectureSpec, NormKind};
use crate::memory::tensors::Layout;

/// Bytes of a single-precision number: what all intermediate results are.
const F32: u64 = 4;

/// An intermediate result in single precision.
#[derive(Debug, Clone, Copy)]
struct Value {
    node: Node,
    /// Numbers in it.
    count: Size,
}

/// Everything that building needs to know.
struct Builder<'a> {
    graph: Graph,
    spec: &'a ArchitectureSpec,
    layout: Layout,
    style: Style,
    variant: Variant,
}

impl Builder<'_> {
    fn hidden(&self) -> u64 {
        self.spec.hidden.into()
    }

    /// One row of the residual stream per token.
    fn stream(&self) -> Size {
        Size::per_token(self.hidden())
    }

    fn input(&mut self, size: Size) -> Node {
        self.graph.input(size)
    }

    fn fresh(&mut self, count: Size, sources: &[Node]) -> Value {
        Value { node: self.graph.result(count * F32, sources), count }
    }

    fn reuse(&mut self, count: Size, sources: &[Node]) -> Value {
        Value { node: self.graph.in_place(count * F32, sources), count }
    }

    fn view(&mut self, of: Value, count: Size) -> Value {
        Value { node: self.graph.view(of.node), count }
    }

    /// The same numbers in another shape.
    fn reshape(&mut self, of: Value) -> Value {
        self.view(of, of.count)
    }

    /// A product with weights.
    fn project(&mut self, x: Value, count: Size) -> Value {
        self.graph.scratch(Scratch { converted: x.count, fixed: Size::ZERO });
        self.fresh(count, &[x.node])
    }

    /// An operation on one tensor that may work in place.
    fn map(&mut self, x: Value) -> Value {
        self.reuse(x.count, &[x.node])
    }

    /// A sum or product of two tensors, of the first one's shape.
    fn zip(&mut self, a: Value, b: Value) -> Value {
        self.reuse(a.count, &[a.node, b.node])
    }

    /// A contiguous copy.
    fn copy(&mut self, x: Value) -> Value {
        self.fresh(x.count, &[x.node])
    }

    /// A gated activation of two tensors, or of the halves of one.
    fn gated(&mut self, gate: Value, up: Option<Value>, count: Size) -> Value {
        match up {
            Some(up) => self.fresh(count, &[gate.node, up.node]),
            None => self.fresh(count, &[gate.node]),
        }
    }

    /// Root-mean-square norm with a weight.
    fn rms(&mut self, x: Value) -> Value {
        let normed = self.map(x);
        self.map(normed)
    }

    /// The family's norm.
    fn norm(&mut self, x: Value) -> Value {
        match self.spec.norm {
            NormKind::Rms => self.rms(x),
            // LayerNorm does not work in place.
            NormKind::LayerNorm | NormKind::LayerNormNoBias => {
                let normed = self.copy(x);
                let weighted = self.map(normed);
                self.map(weighted)
            }
            NormKind::Bare => self.copy(x),
        }
    }

    fn compute(&mut self, x: Value) {
        self.graph.compute(x.node);
    }

    /// Rows of the residual stream picked for logits.
    fn pick(&mut self, x: Value, rows: Node) -> Value {
        let count = Size::per_output(self.hidden());
        self.fresh(count, &[x.node, rows])
    }

    /// Bytes of an attention mask per token and cell.
    const fn mask_bytes(&self) -> u64 {
        if self.variant.flash { 2 } else { 4 }
    }

    fn mask(&mut self, cells: Cells) -> Node {
        let bytes = self.mask_bytes();
        self.input(Size::per_token_and_cell(bytes, cells))
    }
}
