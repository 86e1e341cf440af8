//! Softmax attention over a cache.

use super::super::THREADS;
use super::super::graph::{Node, Scratch};
use super::super::size::{Cells, Size};
use super::super::variant::Stored;
use super::{Builder, F32, Value};
use crate::domain::{Attention, Mla, NormKind, QkNorm};

/// Bytes of a half-precision number.
const F16: u64 = 2;
/// Bytes of an index into a cache.
const INDEX: u64 = 8;
/// Queries and cells that flash attention works on at a time on a CPU.
const TILE: u64 = 64;

/// The inputs of the attention over one cache.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cache {
    cells: Cells,
    k_rows: Node,
    v_rows: Node,
    mask: Node,
    k_rotation: Option<Node>,
    v_rotation: Option<Node>,
}

/// Queries, keys and values of a block.
struct Qkv {
    q: Value,
    k: Value,
    v: Value,
    /// What gates the output, beside the queries.
    gate: Option<Value>,
    /// The values lie between others' and must be copied where rows are needed.
    scattered: bool,
}

impl Builder<'_> {
    /// The inputs of one cache. `widest` is the widest row of values of any layer, `head` the heads' width where all layers
    /// of this cache agree.
    pub(super) fn cache(&mut self, cells: Cells, widest: u64, head: Option<u64>) -> Cache {
        let k_rows = self.input(Size::per_token(INDEX));
        let v_rows = self.input(Size::per_token(if self.variant.flash { INDEX } else { INDEX * widest }));
        let mask = self.mask(cells);
        let rotates = |stored: Stored, head: u64| stored == Stored::Blocks && head > 0 && head.is_multiple_of(64);
        let k_rotation = head.filter(|&h| rotates(self.variant.k, h)).map(|h| {
            // The largest power of two that divides the width, 64 at least.
            let n = 1 << h.trailing_zeros();
            self.input(Size::fixed(n * n * F32))
        });
        let v_rotation = head.filter(|&h| rotates(self.variant.v, h)).map(|_| self.input(Size::fixed(64 * 64 * F32)));
        Cache { cells, k_rows, v_rows, mask, k_rotation, v_rotation }
    }

    fn rotate(&mut self, x: Value, rotation: Node, scattered: bool) -> Value {
        let flat = if scattered { self.copy(x) } else { self.reshape(x) };
        let rotated = self.fresh(x.count, &[rotation, flat.node]);
        self.reshape(rotated)
    }

    /// Attention of one block: projections, cache, scores, output projection.
    pub(super) fn attention(&mut self, x: Value, a: &Attention, cache: Cache, positions: Node, widest: u64) -> Value {
        let Qkv { mut q, mut k, mut v, gate, scattered } = self.queries(x, a);
        if self.layout.qk_norm == Some(QkNorm::PerHead) {
            q = self.rms(q);
            k = self.rms(k);
        }
        if self.style.value_norm {
            v = self.map(v);
        }
        q = self.positioned(q, positions);
        k = self.positioned(k, positions);
        if self.style.query_scale {
            q = self.map(q);
        }
        let mut mixed = self.attend(q, (!a.shares_kv).then_some((k, v)), a, cache, scattered, widest);
        if let Some(gate) = gate {
            let gate = self.copy(gate);
            let open = self.map(gate);
            mixed = self.zip(mixed, open);
        }
        let out = self.project(mixed, self.stream());
        if self.spec.out_bias || self.spec.family == "gpt-oss" { self.map(out) } else { out }
    }

    fn positioned(&mut self, x: Value, positions: Node) -> Value {
        if self.style.rotary { self.reuse(x.count, &[x.node, positions]) } else { x }
    }

    fn queries(&mut self, x: Value, a: &Attention) -> Qkv {
        let [heads, kv, dim, v_dim] = [a.heads, a.kv_heads, a.head_dim, a.v_head_dim].map(u64::from);
        let (q_count, k_count, v_count) =
            (Size::per_token(heads * dim), Size::per_token(kv * dim), Size::per_token(kv * v_dim));
        if self.layout.fused_qkv {
            let mut all = self.project(x, q_count + k_count + v_count);
            if self.layout.qkv_bias {
                all = self.map(all);
            }
            let (q, k, v) = (self.view(all, q_count), self.view(all, k_count), self.view(all, v_count));
            return Qkv { q, k, v, gate: None, scattered: true };
        }
        let (q, gate) = if self.layout.output_gate {
            let both = self.project(x, q_count * 2);
            (self.view(both, q_count), Some(self.view(both, q_count)))
        } else {
            let q = self.part(x, q_count, true);
            (self.reshape(q), None)
        };
        let k = self.part(x, k_count, true);
        let v = if a.k_eq_v { k } else { self.part(x, v_count, false) };
        let (k, v) = (self.reshape(k), self.reshape(v));
        Qkv { q, k, v, gate, scattered: false }
    }

    /// One projection with its bias, and with the norm over all heads where the family has one.
    fn part(&mut self, x: Value, count: Size, normed: bool) -> Value {
        let mut part = self.project(x, count);
        if self.layout.qkv_bias {
            part = self.map(part);
        }
        if normed && self.layout.qk_norm == Some(QkNorm::AllHeads) { self.rms(part) } else { part }
    }

    /// Writes keys and values to the cache and mixes its values by the scores.
    fn attend(
        &mut self,
        mut q: Value,
        kv: Option<(Value, Value)>,
        a: &Attention,
        cache: Cache,
        scattered: bool,
        widest: u64,
    ) -> Value {
        let mut kv = kv;
        if let Some(rotation) = cache.k_rotation {
            q = self.rotate(q, rotation, false);
            kv = kv.map(|(k, v)| (self.rotate(k, rotation, false), v));
        }
        if let Some(rotation) = cache.v_rotation {
            kv = kv.map(|(k, v)| (k, self.rotate(v, rotation, scattered)));
        }
        let scattered = scattered && cache.v_rotation.is_none();
        self.compute(q);
        if let Some((k, v)) = kv {
            // With one cache the values come first, with two the keys.
            for x in if self.style.windows { [k, v] } else { [v, k] } {
                self.compute(x);
            }
            self.write(k, v, a, cache, scattered, widest);
        }
        let mixed = self.scores(q, a, cache);
        match cache.v_rotation {
            Some(rotation) => self.rotate(mixed, rotation, false),
            None => mixed,
        }
    }

    fn write(&mut self, k: Value, v: Value, a: &Attention, cache: Cache, scattered: bool, widest: u64) {
        let rows = self.reshape(k);
        let written = self.graph.sink(&[rows.node, cache.k_rows]);
        self.graph.compute(written);
        let width = u64::from(a.kv_heads) * u64::from(a.v_head_dim);
        let mut rows = if !self.variant.flash && scattered { self.copy(v) } else { self.reshape(v) };
        if !self.variant.flash {
            // Without flash attention the cache of values is transposed: rows of the widest layer, one index per number.
            if width < widest {
                rows = self.fresh(Size::per_token(widest), &[rows.node]);
            }
            rows = self.reshape(rows);
        }
        let written = self.graph.sink(&[rows.node, cache.v_rows]);
        self.graph.compute(written);
    }

    fn scores(&mut self, q: Value, a: &Attention, cache: Cache) -> Value {
        let [heads, kv, dim, v_dim] = [a.heads, a.kv_heads, a.head_dim, a.v_head_dim].map(u64::from);
        let out = Size::per_token(heads * v_dim);
        let q = self.reshape(q);
        let q = self.reshape(q);
        if !self.variant.flash {
            return self.score_matrix(q, heads, out, cache);
        }
        let k = self.half(self.variant.k, kv * dim, cache.cells);
        let v = self.half(self.variant.v, kv * v_dim, cache.cells);
        let mixed = self.flash(q, [k, v], cache.mask, out, dim, v_dim);
        let mixed = self.reshape(mixed);
        self.compute(mixed);
        mixed
    }

    /// A cache in single precision is cast before flash attention.
    fn half(&mut self, stored: Stored, width: u64, cells: Cells) -> Option<Node> {
        (stored == Stored::Single).then(|| self.graph.result(Size::per_cell(width * F16, cells), &[]))
    }

    fn flash(&mut self, q: Value, cast: [Option<Node>; 2], mask: Node, out: Size, dim: u64, v_dim: u64) -> Value {
        let sources: Vec<Node> = [Some(q.node), cast[0], cast[1], Some(mask)].into_iter().flatten().collect();
        let tile = TILE * (2 * dim + 2 * v_dim + 2 * TILE);
        self.graph.scratch(Scratch { converted: Size::ZERO, fixed: Size::fixed(tile * F32 * THREADS) });
        self.fresh(out, &sources)
    }

    /// Scores of every token against every cell, softmax, mix.
    fn score_matrix(&mut self, q: Value, heads: u64, out: Size, cache: Cache) -> Value {
        let count = Size::per_token_and_cell(heads, cache.cells);
        self.graph.scratch(Scratch { converted: q.count, fixed: Size::ZERO });
        let mut scores = self.fresh(count, &[q.node]);
        if self.style.score_cap {
            for _ in 0..3 {
                scores = self.map(scores);
            }
        }
        let weights = self.reuse(count, &[scores.node, cache.mask]);
        // The scores are converted to the values' half precision.
        self.graph.scratch(Scratch { converted: Size::ZERO, fixed: count * F16 });
        let mixed = self.fresh(out, &[weights.node]);
        let turned = self.reshape(mixed);
        let flat = self.copy(turned);
        self.compute(flat);
        flat
    }

    /// Latent attention of one block: what is cached is the compressed vector, decompressed after the scores.
    pub(super) fn latent(&mut self, x: Value, mla: &Mla, cache: Cache, positions: Node) -> Value {
        let heads = u64::from(self.spec.heads);
        let [lora, rope, nope, v_dim] = [mla.kv_lora_rank, mla.rope_dim, mla.nope_dim, mla.v_dim].map(u64::from);
        let q_count = Size::per_token(heads * (nope + rope));
        let q = match mla.q_lora_rank {
            Some(rank) => {
                let low = self.project(x, Size::per_token(rank.into()));
                let low = self.rms(low);
                self.project(low, q_count)
            }
            None => self.project(x, q_count),
        };
        let q_nope = self.view(q, Size::per_token(heads * nope));
        let q_rope = self.view(q, Size::per_token(heads * rope));
        let kv = self.project(x, Size::per_token(lora + rope));
        let compressed = self.view(kv, Size::per_token(lora));
        let k_rope = self.view(kv, Size::per_token(rope));
        let q_rope = self.positioned(q_rope, positions);
        let k_rope = self.positioned(k_rope, positions);
        let compressed = self.rms(compressed);
        let turned = self.reshape(q_nope);
        let absorbed = self.project(turned, Size::per_token(heads * lora));
        let absorbed = self.reshape(absorbed);
        let q = self.fresh(Size::per_token(heads * (lora + rope)), &[absorbed.node, q_rope.node]);
        let compressed = self.reshape(compressed);
        let k = self.fresh(Size::per_token(lora + rope), &[compressed.node, k_rope.node]);
        self.compute(q);
        self.compute(compressed);
        self.compute(k);
        let rows = self.reshape(k);
        let written = self.graph.sink(&[rows.node, cache.k_rows]);
        self.graph.compute(written);
        let q = self.reshape(q);
        let q = self.reshape(q);
        let (mixed_count, out) = (Size::per_token(heads * lora), Size::per_token(heads * v_dim));
        let mixed = if self.variant.flash {
            let k = self.half(self.variant.k, lora + rope, cache.cells);
            let v = self.half(self.variant.k, lora, cache.cells);
            let mixed = self.flash(q, [k, v], cache.mask, mixed_count, lora + rope, lora);
            let turned = self.reshape(mixed);
            let decompressed = self.project(turned, out);
            let turned = self.reshape(decompressed);
            let flat = self.copy(turned);
            let flat = self.reshape(flat);
            self.compute(flat);
            flat
        } else {
            self.latent_scores(q, lora, mixed_count, out, cache)
        };
        self.project(mixed, self.stream())
    }

    fn latent_scores(&mut self, q: Value, lora: u64, mixed_count: Size, out: Size, cache: Cache) -> Value {
        let heads = u64::from(self.spec.heads);
        let count = Size::per_token_and_cell(heads, cache.cells);
        self.graph.scratch(Scratch { converted: q.count, fixed: Size::ZERO });
        let scores = self.fresh(count, &[q.node]);
        let weights = self.reuse(count, &[scores.node, cache.mask]);
        // Keys serve as values: they are transposed into a copy.
        let bytes = if self.variant.k == Stored::Single { F32 } else { F16 };
        let values = self.graph.result(Size::per_cell(lora * bytes, cache.cells), &[]);
        self.graph.scratch(Scratch { converted: Size::ZERO, fixed: count * F16 });
        let mixed = self.fresh(mixed_count, &[values, weights.node]);
        let decompressed = self.project(mixed, out);
        let turned = self.reshape(decompressed);
        let flat = self.copy(turned);
        self.compute(flat);
        flat
    }

    /// Attention of a text encoder: every token of the micro-batch sees every other, nothing is remembered.
    pub(super) fn encode(&mut self, x: Value, a: &Attention, mask: Node, positions: Node) -> Value {
        let [heads, v_dim] = [a.heads, a.v_head_dim].map(u64::from);
        let Qkv { q, k, v, .. } = self.queries(x, a);
        let (q, k) = (self.positioned(q, positions), self.positioned(k, positions));
        for x in [q, k, v] {
            self.compute(x);
        }
        let out = Size::per_token(heads * v_dim);
        let mixed = if self.variant.flash {
            let half = |b: &mut Self, x: Value| Value { node: b.graph.result(x.count * F16, &[x.node]), ..x };
            let (k, v) = (half(self, k), half(self, v));
            self.fresh(out, &[q.node, k.node, v.node, mask])
        } else {
            let count = Size::per_token_and_cell(heads, Cells::Full);
            let scores = self.fresh(count, &[k.node, q.node]);
            let weights = self.reuse(count, &[scores.node, mask]);
            let values = self.copy(v);
            let mixed = self.fresh(out, &[values.node, weights.node]);
            self.copy(mixed)
        };
        self.compute(mixed);
        let projected = self.project(mixed, self.stream());
        if matches!(self.spec.norm, NormKind::LayerNorm) { self.map(projected) } else { projected }
    }
}
