//! Layers with a state of constant size: state spaces, gated delta networks, short convolutions.

use super::super::graph::{Node, Scratch};
use super::super::size::Size;
use super::{Builder, Value};
use crate::domain::{GatedDelta, Ssm};

/// The inputs that tell which states belong to the sequences of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct States {
    /// States that the call works on.
    main: Node,
    /// States that are only moved.
    moved: Node,
}

impl Builder<'_> {
    pub(super) fn states(&mut self) -> States {
        let all = self.input(Size::per_stream(4));
        States { main: self.graph.view(all), moved: self.graph.view(all) }
    }

    /// Moves the states that the call does not touch.
    fn move_states(&mut self, states: States) {
        let moved = self.graph.sink(&[states.moved]);
        self.graph.compute(moved);
    }

    /// Copies of the states, `numbers` per sequence.
    fn load(&mut self, states: States, numbers: u64) -> Value {
        let loaded = self.fresh(Size::per_stream(numbers), &[states.main]);
        self.compute(loaded);
        self.move_states(states);
        self.reshape(loaded)
    }

    /// Writes a part of a result back to the states.
    fn store(&mut self, result: Value) {
        let part = self.view(result, result.count);
        let written = self.graph.sink(&[part.node]);
        self.graph.compute(written);
    }

    /// The last inputs of a convolution before those of this call, which become the next state.
    fn history(&mut self, past: Value, x: Value, channels: u64, taps: u64) -> Value {
        let turned = self.reshape(x);
        let count = Size::per_token(channels) + Size::per_stream(channels * taps.saturating_sub(1));
        let joined = self.fresh(count, &[past.node, turned.node]);
        self.store(joined);
        joined
    }

    /// A state-space layer of the first generation.
    pub(super) fn mamba(&mut self, x: Value, ssm: &Ssm, states: States) -> Value {
        let [inner, state, rank, taps] = [ssm.inner, ssm.state, ssm.heads, ssm.conv].map(u64::from);
        let past = self.load(states, taps.saturating_sub(1) * inner);
        let x = self.reshape(x);
        let both = self.project(x, Size::per_token(2 * inner));
        let width = Size::per_token(inner);
        let (x, z) = (self.view(both, width), self.view(both, width));
        let joined = self.history(past, x, inner, taps);
        let convolved = self.fresh(width, &[joined.node]);
        let biased = self.map(convolved);
        let x = self.map(biased);
        let parts = self.project(x, Size::per_token(rank + 2 * state));
        let dt = self.view(parts, Size::per_token(rank));
        let (b, c) = (self.view(parts, Size::per_token(state)), self.view(parts, Size::per_token(state)));
        let dt = self.project(dt, width);
        let dt = self.map(dt);
        let heads = self.reshape(x);
        let y = self.scan(&[heads, dt, b, c], inner, state, states);
        let y = self.view(y, width);
        let skip = self.map(x);
        let y = self.zip(y, skip);
        let z = self.copy(z);
        let y = self.gated(z, Some(y), width);
        let out = self.project(y, self.stream());
        self.reshape(out)
    }

    /// The scan itself: outputs and new states in one tensor.
    fn scan(&mut self, inputs: &[Value], inner: u64, state: u64, states: States) -> Value {
        let sources: Vec<Node> = inputs.iter().map(|v| v.node).chain([states.main]).collect();
        let y = self.fresh(Size::per_token(inner) + Size::per_stream(inner * state), &sources);
        self.compute(y);
        self.move_states(states);
        self.store(y);
        y
    }

    /// A state-space layer of the second generation.
    pub(super) fn mamba2(&mut self, x: Value, ssm: &Ssm, states: States) -> Value {
        let [inner, state, heads, groups, taps] =
            [ssm.inner, ssm.state, ssm.heads, ssm.groups, ssm.conv].map(u64::from);
        let channels = inner + 2 * groups * state;
        let past = self.load(states, taps.saturating_sub(1) * channels);
        let x = self.reshape(x);
        let all = self.project(x, Size::per_token(inner + channels + heads));
        let width = Size::per_token(inner);
        let z = self.view(all, width);
        let xbc = self.view(all, Size::per_token(channels));
        let dt = self.view(all, Size::per_token(heads));
        let joined = self.history(past, xbc, channels, taps);
        let convolved = self.fresh(Size::per_token(channels), &[joined.node]);
        let biased = self.map(convolved);
        let xbc = self.map(biased);
        let x = self.view(xbc, width);
        let shared = Size::per_token(groups * state);
        let (b, c) = (self.view(xbc, shared), self.view(xbc, shared));
        let dt = self.copy(dt);
        let dt = self.map(dt);
        let y = self.scan(&[x, dt, b, c], inner, state, states);
        let y = self.view(y, width);
        let skip = self.map(x);
        let y = self.zip(y, skip);
        let z = self.copy(z);
        let mut y = self.gated(z, Some(y), width);
        if ssm.norm {
            let grouped = self.reshape(y);
            y = self.rms(grouped);
        }
        let y = self.reshape(y);
        self.project(y, self.stream())
    }

    /// A gated delta network.
    pub(super) fn delta(&mut self, x: Value, delta: &GatedDelta, states: States) -> Value {
        let [k_heads, v_heads, k_dim, v_dim, taps] =
            [delta.key_heads, delta.value_heads, delta.key_dim, delta.value_dim, delta.conv].map(u64::from);
        let (keys, values) = (k_heads * k_dim, v_heads * v_dim);
        let channels = 2 * keys + values;
        let state = v_dim * v_dim * v_heads;
        let (k_width, v_width, per_head) = (Size::per_token(keys), Size::per_token(values), Size::per_token(v_heads));
        let mixed = self.project(x, Size::per_token(channels));
        let mixed = self.reshape(mixed);
        let z = self.project(x, v_width);
        let beta = self.project(x, per_head);
        let beta = self.reshape(beta);
        let beta = self.map(beta);
        let alpha = self.project(x, per_head);
        let alpha = self.reshape(alpha);
        let alpha = self.map(alpha);
        let alpha = self.map(alpha);
        let decay = self.map(alpha);
        let decay = self.reshape(decay);
        let past = self.load(states, taps.saturating_sub(1) * channels);
        let joined = self.history(past, mixed, channels, taps);
        let before = self.load(states, state);
        let convolved = self.fresh(Size::per_token(channels), &[joined.node]);
        let convolved = self.map(convolved);
        let (q, k, v) = (self.view(convolved, k_width), self.view(convolved, k_width), self.view(convolved, v_width));
        let (q, k) = (self.copy(q), self.copy(k));
        let sources = [q, k, v, decay, beta, before].map(|v| v.node);
        let result = self.fresh(v_width + Size::per_stream(state), &sources);
        self.graph.scratch(Scratch { converted: v_width, fixed: Size::ZERO });
        let out = self.view(result, v_width);
        self.store(result);
        let z = self.reshape(z);
        let normed = self.rms(out);
        let open = self.map(z);
        let gated = self.zip(normed, open);
        let gated = self.reshape(gated);
        let out = self.project(gated, self.stream());
        self.reshape(out)
    }

    /// A gated convolution over the last tokens.
    pub(super) fn short_conv(&mut self, x: Value, taps: u64, states: States) -> Value {
        let e = self.hidden();
        let x = self.reshape(x);
        let all = self.project(x, Size::per_token(3 * e));
        let stream = self.stream();
        let (b, c, x) = (self.view(all, stream), self.view(all, stream), self.view(all, stream));
        let product = self.zip(b, x);
        let past = self.load(states, taps.saturating_sub(1) * e);
        let joined = self.history(past, product, e, taps);
        let convolved = self.fresh(stream, &[joined.node]);
        let gated = self.zip(c, convolved);
        let out = self.project(gated, stream);
        self.reshape(out)
    }
}
