//! The part of a block that treats each token by itself.

use super::super::CACHE_LINE;
use super::super::graph::Scratch;
use super::super::size::Size;
use super::super::style::Router;
use super::{Builder, Value};
use crate::domain::MoeShape;

/// Bytes of one entry of a row-to-expert table.
const ROUTE: u64 = 8;

impl Builder<'_> {
    /// A dense network on as many rows as `x` has; `inner` counts its inner numbers.
    fn dense_of(&mut self, x: Value, inner: Size) -> Value {
        let acted = if self.layout.fused_gate_up {
            let both = self.project(x, inner * 2);
            self.gated(both, None, inner)
        } else {
            let up = self.project(x, inner);
            let up = if self.spec.mlp_bias { self.map(up) } else { up };
            if self.layout.ungated {
                self.map(up)
            } else {
                let gate = self.project(x, inner);
                self.gated(gate, Some(up), inner)
            }
        };
        let down = self.project(acted, x.count);
        if self.spec.mlp_bias { self.map(down) } else { down }
    }

    /// A dense network on `rows` rows.
    pub(super) fn dense_rows(&mut self, x: Value, rows: Size, width: u64) -> Value {
        self.dense_of(x, rows * width)
    }

    /// A mixture of experts on `rows` rows. `scored` is what the router reads, where it is not `x`.
    pub(super) fn experts(&mut self, x: Value, rows: Size, moe: &MoeShape, scored: Option<Value>) -> Value {
        let router = self.style.router;
        let [n, used, width] = [moe.experts, moe.used.max(1), moe.width].map(u64::from);
        let stream = x.count;
        let (choice, weights) = self.route(scored.unwrap_or(x), rows, n, used, moe);
        self.compute(weights);
        let chosen = rows * used;
        let mut input = self.reshape(x);
        if router.before {
            let repeated = self.fresh(stream * used, &[input.node]);
            input = self.zip(repeated, weights);
        }
        // Rows sorted by expert beside the converted input.
        let tables = Size::fixed((n + 1) * (ROUTE + CACHE_LINE)) + chosen * (n * ROUTE);
        let hidden = chosen * width;
        let expert = |b: &mut Self, from: Value, count: Size, bias: bool| {
            b.graph.scratch(Scratch { converted: from.count, fixed: tables });
            let out = b.fresh(count, &[from.node, choice.node]);
            if bias { b.reuse(count, &[out.node, choice.node]) } else { out }
        };
        let bias = moe.expert_bias || self.spec.family == "gpt-oss";
        let acted = if self.layout.fused_expert_gate_up {
            let both = expert(self, input, hidden * 2, bias);
            let (gate, up) = (self.view(both, hidden), self.view(both, hidden));
            self.gated(gate, Some(up), hidden)
        } else {
            let up = expert(self, input, hidden, bias);
            if self.layout.ungated {
                self.map(up)
            } else {
                let gate = expert(self, input, hidden, bias);
                self.gated(gate, Some(up), hidden)
            }
        };
        let mut outputs = expert(self, acted, stream * used, bias);
        if router.expert_scale {
            let repeated = self.fresh(rows * n, &[]);
            let scales = self.fresh(chosen, &[repeated.node, choice.node]);
            outputs = self.zip(outputs, scales);
        }
        if !router.before {
            outputs = self.zip(outputs, weights);
        }
        self.compute(outputs);
        let views: Vec<Value> = (0..used).map(|_| self.view(outputs, stream)).collect();
        for &view in &views {
            self.compute(view);
        }
        let Some((&first, rest)) = views.split_first() else { return outputs };
        if rest.is_empty() {
            return self.copy(first);
        }
        let mut sum = first;
        for &view in rest {
            sum = self.zip(sum, view);
            self.compute(sum);
        }
        sum
    }

    /// Which experts, and with what weight.
    fn route(&mut self, x: Value, rows: Size, n: u64, used: u64, moe: &MoeShape) -> (Value, Value) {
        let Router { normalised, chosen_softmax, choice_bias, scaled, .. } = self.style.router;
        let (all, chosen) = (rows * n, rows * used);
        let mut scores = self.project(x, all);
        if moe.router_bias || self.spec.family == "gpt-oss" {
            scores = self.map(scores);
        }
        let probabilities = if chosen_softmax { scores } else { self.map(scores) };
        let ranked = if choice_bias { self.map(probabilities) } else { probabilities };
        let sorted = self.fresh(all, &[ranked.node]);
        let choice = self.view(sorted, chosen);
        let probabilities = self.reshape(probabilities);
        let mut weights = self.fresh(chosen, &[probabilities.node, choice.node]);
        if chosen_softmax {
            let flat = self.reshape(weights);
            weights = self.map(flat);
            weights = self.reshape(weights);
        }
        if normalised {
            let flat = self.reshape(weights);
            let sum = self.fresh(rows, &[flat.node]);
            let sum = self.reshape(sum);
            let divided = self.zip(flat, sum);
            weights = self.reshape(divided);
        }
        if scaled {
            weights = self.map(weights);
        }
        (choice, weights)
    }

    /// The shared expert beside the routed ones, with its gate where it has one.
    pub(super) fn shared_expert(&mut self, x: Value, rows: Size, width: u64, gated: bool) -> Value {
        let out = self.dense_of(x, rows * width);
        if !gated {
            return out;
        }
        let gate = self.project(x, rows);
        let gate = self.map(gate);
        self.zip(out, gate)
    }
}
