//! The whole graph: embeddings, blocks, head.

use std::ops::Range;

use super::super::graph::{Graph, Node};
use super::super::plan::Plan;
use super::super::size::{Cells, Size};
use super::super::style::{AllRows, Style};
use super::super::variant::Variant;
use super::attention::Cache;
use super::recurrent::States;
use super::{Builder, Value};
use crate::domain::{Architecture, Attention, FeedForward, Layer, Mixer};
use crate::memory::tensors::Layout;

/// The plan of a model's graph under these settings.
pub(in crate::memory::llama_cpp) fn plan(architecture: &Architecture, style: Style, variant: Variant) -> Plan {
    let spec = &architecture.spec;
    let mut builder = Builder { graph: Graph::default(), spec, layout: Layout::of(spec), style, variant };
    let (layers, again) = shortened(&architecture.layers);
    builder.decoder(&architecture.layers, layers);
    Plan::of(&builder.graph, again)
}

/// The inputs that all blocks share.
#[derive(Debug, Clone, Copy)]
struct Inputs {
    positions: Node,
    rows: Node,
    full: Option<Cache>,
    window: Option<Cache>,
    states: Option<States>,
    mask: Option<Node>,
    /// Inputs of every block beside the stream, for all blocks.
    per_layer: Option<Value>,
    /// Widest row of values of any block.
    widest: u64,
}

/// Where blocks repeat with a period, four periods and what is left over at the end stand for all: the third is repeated.
/// Returns the blocks to build, the range that is repeated, and how often.
fn shortened(layers: &[Layer]) -> (&[Layer], Option<(Range<usize>, u32)>) {
    let n = layers.len();
    let mut best = (n, None);
    for period in 1..=n / 5 {
        let alike = (period..n).rev().take_while(|&i| layers[i] == layers[i - period]).count();
        let lead = n - period - alike;
        let kept = lead + 4 * period + (n - lead) % period;
        if kept < best.0 {
            let again = lead + 2 * period..lead + 3 * period;
            best = (kept, Some((again, ((n - kept) / period) as u32)));
        }
    }
    (&layers[..best.0], best.1)
}

fn attention_of(mixer: &Mixer) -> Option<&Attention> {
    match mixer {
        Mixer::Attention(a) | Mixer::Parallel(a, _) => Some(a),
        _ => None,
    }
}

impl Builder<'_> {
    /// The graph over the blocks of `shortened`; what concerns all of them is read off `layers`.
    fn decoder(&mut self, layers: &[Layer], shortened: &[Layer]) {
        let tokens = self.input(Size::per_token(4));
        // Rows of numbers may come in place of tokens: that input is placed in any case.
        let rows = self.input(self.stream() * super::F32);
        let mut x = self.fresh(self.stream(), &[tokens]);
        self.compute(x);
        self.graph.compute(rows);
        if self.style.embedding_scale {
            x = self.map(x);
            self.compute(x);
        }
        let per_layer = self.per_layer_inputs(x, layers.len() as u64);
        if self.spec.family == "gemma3n" {
            // Its four copies of the stream are predicted and corrected in every block: two sets of them at a time.
            let copies = self.fresh(self.stream() * 8, &[x.node]);
            self.graph.keep(copies.node);
            self.compute(copies);
        }
        let inputs = Inputs { per_layer, ..self.inputs(layers) };
        for (i, layer) in shortened.iter().enumerate() {
            self.graph.mark();
            x = self.block(x, layer, &inputs, i + 1 == shortened.len());
        }
        self.head(x, &inputs);
    }

    /// Embeddings per layer, and the stream projected to their width: one more input for every block.
    fn per_layer_inputs(&mut self, x: Value, layers: u64) -> Option<Value> {
        let width = u64::from(self.spec.per_layer_input);
        if width == 0 {
            return None;
        }
        let count = Size::per_token(width * layers);
        let tokens = self.input(Size::per_token(4));
        let table = self.fresh(count, &[tokens]);
        let table = self.reshape(table);
        let table = self.map(table);
        self.compute(table);
        let projected = self.project(x, count);
        let projected = self.map(projected);
        let projected = self.reshape(projected);
        let normed = self.rms(projected);
        let sum = self.zip(normed, table);
        let sum = self.map(sum);
        let turned = self.reshape(sum);
        let all = self.copy(turned);
        self.compute(all);
        Some(all)
    }

    fn inputs(&mut self, layers: &[Layer]) -> Inputs {
        let attentions = || layers.iter().filter_map(|l| attention_of(&l.mixer)).filter(|a| !a.shares_kv);
        let widest = attentions().map(|a| u64::from(a.kv_heads) * u64::from(a.v_head_dim)).max().unwrap_or(0);
        let windowed = |a: &Attention| self.style.windows && a.window.is_some();
        // Heads are rotated only where all layers of a cache agree on their width.
        let head = |window: bool| {
            let mut widths = attentions().filter(|a| windowed(a) == window).map(|a| u64::from(a.head_dim));
            let first = widths.next()?;
            widths.all(|w| w == first).then_some(first)
        };
        let (full_head, window_head) = (head(false), head(true));
        let attends =
            layers.iter().any(|l| matches!(l.mixer, Mixer::Attention(_) | Mixer::Parallel(..) | Mixer::Mla(_)));
        let recurs = layers.iter().any(|l| {
            matches!(l.mixer, Mixer::Ssm(_) | Mixer::Parallel(..) | Mixer::GatedDelta(_) | Mixer::ShortConv { .. })
        });
        let states = recurs.then(|| self.states());
        let encoder = self.style.encoder;
        Inputs {
            positions: self.input(Size::per_token(if self.style.four_positions { 16 } else { 4 })),
            rows: self.input(Size::per_output(4)),
            full: (attends && !encoder).then(|| self.cache(Cells::Full, widest, full_head)),
            window: (self.style.windows && !encoder).then(|| self.cache(Cells::Window, widest, window_head)),
            states,
            mask: encoder.then(|| self.mask(Cells::Full)),
            per_layer: None,
            widest,
        }
    }

    /// One block; in the last one the rows for logits are picked between its halves.
    fn block(&mut self, x: Value, layer: &Layer, inputs: &Inputs, last: bool) -> Value {
        let mut residual = x;
        let normed = self.norm(x);
        if matches!(self.style.all_rows, AllRows::AfterNorm) && inputs.states.is_some() {
            self.compute(normed);
        }
        let mut mixed = match self.mix(normed, layer, inputs, x) {
            Some(mixed) => mixed,
            None => return self.feed_only(x, normed, layer),
        };
        if let Mixer::Parallel(..) = layer.mixer {
            residual = self.zip(mixed, residual);
        }
        let picks = last && self.style.all_rows == AllRows::No;
        let rows = if picks { Size::per_output(1) } else { Size::per_token(1) };
        if picks {
            if !matches!(layer.mixer, Mixer::Parallel(..)) {
                mixed = self.pick(mixed, inputs.rows);
            }
            residual = self.pick(residual, inputs.rows);
        }
        if self.layout.parallel && !matches!(layer.ffn, FeedForward::None) {
            let normed = if picks { self.pick(normed, inputs.rows) } else { normed };
            let fed = self.feed(normed, normed, rows, layer);
            let sum = self.zip(fed, mixed);
            return self.zip(sum, residual);
        }
        if self.style.residual_scale {
            mixed = self.map(mixed);
        }
        if self.layout.post_norms {
            mixed = self.norm(mixed);
        }
        let joined = match layer.mixer {
            Mixer::Parallel(..) => residual,
            _ if self.style.residual_first[0] => self.zip(residual, mixed),
            _ => self.zip(mixed, residual),
        };
        if matches!(layer.ffn, FeedForward::None) {
            return joined;
        }
        let normed = match layer.ffn {
            FeedForward::Moe(moe) if moe.dense_width > 0 => joined,
            _ => self.norm(joined),
        };
        let mut fed = self.feed(normed, joined, rows, layer);
        if self.layout.post_norms {
            fed = self.norm(fed);
        }
        if self.style.residual_scale {
            fed = self.map(fed);
        }
        let mut out = if self.style.residual_first[1] { self.zip(joined, fed) } else { self.zip(fed, joined) };
        if let Some(per_layer) = inputs.per_layer {
            let width = rows * u64::from(self.spec.per_layer_input);
            let gate = self.project(out, width);
            let gate = self.map(gate);
            let slice = self.view(per_layer, width);
            let gated = self.zip(gate, slice);
            let added = self.project(gated, out.count);
            let added = self.rms(added);
            out = self.zip(out, added);
        }
        if self.style.layer_scale { self.map(out) } else { out }
    }

    /// What tokens tell each other in a block; nothing in a block of feed-forward only.
    fn mix(&mut self, normed: Value, layer: &Layer, inputs: &Inputs, x: Value) -> Option<Value> {
        match (&layer.mixer, inputs.states) {
            (Mixer::Attention(a), _) => self.attend_in(normed, a, inputs),
            (Mixer::Mla(mla), _) => inputs.full.map(|cache| self.latent(normed, mla, cache, inputs.positions)),
            (Mixer::Ssm(ssm), Some(states)) if ssm.generation == 1 => Some(self.mamba(normed, ssm, states)),
            (Mixer::Ssm(ssm), Some(states)) => Some(self.mamba2(normed, ssm, states)),
            (Mixer::GatedDelta(delta), Some(states)) => Some(self.delta(normed, delta, states)),
            (Mixer::ShortConv { taps }, Some(states)) => Some(self.short_conv(normed, u64::from(*taps), states)),
            (Mixer::Parallel(a, ssm), Some(states)) => {
                let attended = self.attend_in(normed, a, inputs)?;
                let again = self.norm(x);
                let scanned = self.mamba2(again, ssm, states);
                Some(self.zip(attended, scanned))
            }
            _ => None,
        }
    }

    fn attend_in(&mut self, normed: Value, a: &Attention, inputs: &Inputs) -> Option<Value> {
        if let Some(mask) = inputs.mask {
            return Some(self.encode(normed, a, mask, inputs.positions));
        }
        let cache = if a.window.is_some() { inputs.window.or(inputs.full) } else { inputs.full }?;
        Some(self.attention(normed, a, cache, inputs.positions, inputs.widest))
    }

    /// The feed-forward part of a block. `joined` is the residual stream before its norm.
    fn feed(&mut self, normed: Value, joined: Value, rows: Size, layer: &Layer) -> Value {
        match layer.ffn {
            FeedForward::None => normed,
            FeedForward::Dense { width } => self.dense_rows(normed, rows, width.into()),
            FeedForward::Moe(moe) if moe.dense_width > 0 => {
                let before = self.norm(joined);
                let dense = self.dense_rows(before, rows, moe.dense_width.into());
                let dense = self.norm(dense);
                let before = self.norm(joined);
                let scored = self.style.router.own_norm.then(|| {
                    let normed = self.map(joined);
                    let scaled = self.map(normed);
                    self.map(scaled)
                });
                let routed = self.experts(before, rows, &moe, scored);
                let routed = self.norm(routed);
                self.zip(dense, routed)
            }
            FeedForward::Moe(moe) => {
                let routed = self.experts(normed, rows, &moe, None);
                if moe.shared_width == 0 {
                    return routed;
                }
                let gated =
                    moe.shared_gate || matches!(self.spec.family.as_str(), "qwen2moe" | "qwen3next" | "qwen35moe");
                let shared = self.shared_expert(normed, rows, moe.shared_width.into(), gated);
                self.zip(routed, shared)
            }
        }
    }

    /// A block without attention: one norm, one network.
    fn feed_only(&mut self, x: Value, normed: Value, layer: &Layer) -> Value {
        let fed = self.feed(normed, x, Size::per_token(1), layer);
        self.zip(fed, x)
    }

    fn head(&mut self, x: Value, inputs: &Inputs) {
        let mut x = x;
        if self.style.all_rows == AllRows::BeforeNorm {
            self.graph.keep(x.node);
            x = self.pick(x, inputs.rows);
        }
        x = self.norm(x);
        if self.style.all_rows == AllRows::AfterNorm {
            self.graph.keep(x.node);
            x = self.pick(x, inputs.rows);
        }
        self.graph.keep(x.node);
        if self.style.encoder {
            self.compute(x);
            return;
        }
        let mut logits = self.project(x, Size::per_output(self.spec.vocab.into()));
        if self.style.logit_cap {
            for _ in 0..3 {
                logits = self.map(logits);
            }
        }
        if self.style.logit_scale {
            logits = self.map(logits);
        }
        self.graph.keep(logits.node);
        self.compute(logits);
    }
}
