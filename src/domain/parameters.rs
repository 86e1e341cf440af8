//! The exact number of parameters that the dimensions of a language body lead to, part by part.
//!
//! Logical parameters: what the model computes with. Files may hold more (a stored copy of tied embeddings, scales of
//! quantised tensors) or, packed, fewer elements.

use indexmap::IndexMap;

use super::model::{Architecture, Attention, FeedForward, GatedDelta, Layer, LinearKind, Mixer, Mla, MoeShape, Ssm};
use super::spec::{ArchitectureSpec, NormKind, QkNorm};

/// Name of the parts in `other_parameters` that take no part in plain decoding, one token at a time.
pub const MULTI_TOKEN_PREDICTION: &str = "multi-token prediction";

/// Parameters of a language body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterCount {
    /// By part, in the order in which a token meets them; parts without parameters are left out.
    pub components: IndexMap<String, u64>,
    /// All of them.
    pub total: u64,
    /// Those that take part in one token: everything but the experts that the router passes over and the blocks that
    /// predict further tokens.
    pub active: u64,
    /// Input embeddings: token, position, token type and per-layer tables.
    pub embedding: u64,
}

/// Counts the parameters of a language body.
///
/// Dimensions that no memory could hold saturate at `u64::MAX` instead of wrapping.
#[must_use]
pub fn count(architecture: &Architecture) -> ParameterCount {
    let spec = &architecture.spec;
    let mut parts = Parts::default();
    let hidden = u128::from(spec.hidden);
    let width = if spec.embedding_width == 0 { hidden } else { u128::from(spec.embedding_width) };
    let table = u128::from(spec.vocab) * width;
    parts.add("token embedding", table);
    parts.add("position embedding", u128::from(spec.positions) * hidden);
    parts.add("token type embedding", u128::from(spec.token_types) * hidden);
    per_layer_inputs(spec, &mut parts);
    let distinct = if spec.distinct_layers == 0 { usize::MAX } else { spec.distinct_layers as usize };
    for one in architecture.layers.iter().take(distinct) {
        layer(spec, one, &mut parts);
    }
    if !spec.no_final_norm {
        parts.add("norms", norm(spec.norm, hidden));
    }
    if !spec.tied_embeddings {
        parts.add("output head", table);
    }
    parts.add("vision tower", u128::from(spec.vision.map_or(0, |v| v.parameters)));
    for (name, &parameters) in &spec.other_parameters {
        parts.add(name, u128::from(parameters));
    }
    parts.finish()
}

/// The parameters of one layer, norms included.
#[must_use]
pub fn of_layer(spec: &ArchitectureSpec, one: &Layer) -> u64 {
    let mut parts = Parts::default();
    layer(spec, one, &mut parts);
    parts.finish().total
}

fn layer(spec: &ArchitectureSpec, one: &Layer, parts: &mut Parts) {
    mixer(spec, &one.mixer, parts);
    if spec.shared_attention && matches!(one.mixer, Mixer::Parallel(..)) {
        parts.add("norms", norm(spec.norm, u128::from(spec.hidden)));
        return;
    }
    feed_forward(spec, &one.ffn, parts);
    let blocks = u128::from(!matches!(one.mixer, Mixer::None))
        + u128::from(!matches!(one.ffn, FeedForward::None) && !spec.shared_norm);
    let norms = blocks * norm(spec.norm, u128::from(spec.hidden));
    parts.add("norms", if spec.post_norms { 2 * norms } else { norms });
}

#[derive(Default)]
struct Parts {
    by_name: IndexMap<String, u128>,
    idle: u128,
}

impl Parts {
    fn add(&mut self, name: &str, parameters: u128) {
        if parameters > 0 {
            match self.by_name.get_mut(name) {
                Some(sum) => *sum += parameters,
                None => {
                    self.by_name.insert(name.to_owned(), parameters);
                }
            }
        }
    }

    fn finish(self) -> ParameterCount {
        let total: u128 = self.by_name.values().sum();
        let idle = self.idle + self.by_name.get(MULTI_TOKEN_PREDICTION).copied().unwrap_or(0);
        let embedding =
            self.by_name.iter().filter(|(name, _)| name.ends_with("embedding")).map(|(_, sum)| sum).sum::<u128>();
        ParameterCount {
            total: saturate(total),
            active: saturate(total - idle),
            embedding: saturate(embedding),
            components: self.by_name.into_iter().map(|(name, sum)| (name, saturate(sum))).collect(),
        }
    }
}

fn saturate(n: u128) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn norm(kind: NormKind, width: u128) -> u128 {
    match kind {
        NormKind::Rms | NormKind::LayerNormNoBias => width,
        NormKind::LayerNorm => 2 * width,
        NormKind::Bare => 0,
    }
}

/// A matrix of inputs x outputs, with a bias if `bias`.
fn linear(inputs: u128, outputs: u128, bias: bool) -> u128 {
    inputs * outputs + if bias { outputs } else { 0 }
}

/// Gemma's embeddings per layer: a table, a projection of the input, and in each layer a gate, a projection and a norm.
fn per_layer_inputs(spec: &ArchitectureSpec, parts: &mut Parts) {
    let width = u128::from(spec.per_layer_input);
    if width == 0 {
        return;
    }
    let (hidden, layers, vocab) = (u128::from(spec.hidden), u128::from(spec.layers), u128::from(spec.vocab));
    let rows = if spec.per_layer_vocab == 0 { vocab } else { u128::from(spec.per_layer_vocab) };
    parts.add("per-layer embedding", rows * layers * width);
    parts.add("per-layer projections", hidden * layers * width + width + layers * (2 * hidden * width + hidden));
}

fn mixer(spec: &ArchitectureSpec, mixer: &Mixer, parts: &mut Parts) {
    match mixer {
        Mixer::Attention(a) => parts.add("attention", attention(spec, a)),
        Mixer::Mla(m) => parts.add("attention", latent_attention(spec, m)),
        Mixer::Ssm(s) => parts.add("state space", state_space(spec, s)),
        Mixer::GatedDelta(g) => parts.add("linear attention", linear_attention(spec, g)),
        Mixer::ShortConv { taps } => {
            let hidden = u128::from(spec.hidden);
            parts.add("short convolution", 4 * hidden * hidden + u128::from(*taps) * hidden);
        }
        Mixer::Parallel(a, s) => {
            if !spec.shared_attention {
                parts.add("attention", attention(spec, a));
            }
            parts.add("state space", state_space(spec, s));
        }
        Mixer::None => {}
    }
}

fn attention(spec: &ArchitectureSpec, a: &Attention) -> u128 {
    let hidden = u128::from(spec.hidden);
    let (heads, kv_heads) = (u128::from(a.heads), u128::from(a.kv_heads));
    let (key, value) = (u128::from(a.head_dim), u128::from(a.v_head_dim));
    let own_kv = !(a.shares_kv && spec.kv_shared_without_weights);
    let mut sum = match spec.low_rank {
        // With a norm behind the compressed queries and one on the key that all heads share.
        Some(rank) => {
            let (query, output, groups) = (u128::from(rank.query), u128::from(rank.output), u128::from(rank.groups));
            query * (hidden + 1 + heads * key) + heads * value * output + groups * output * hidden + key
        }
        None => linear(hidden, heads * key, spec.qkv_bias) + linear(heads * value, hidden, spec.out_bias),
    };
    if own_kv {
        sum += linear(hidden, kv_heads * key, spec.qkv_bias);
        if !a.k_eq_v {
            sum += linear(hidden, kv_heads * value, spec.qkv_bias);
        }
    }
    if spec.output_gate {
        sum += linear(hidden, heads * key, spec.qkv_bias);
    }
    sum += match spec.qk_norm {
        Some(QkNorm::PerHead) => key * if own_kv { 2 } else { 1 },
        Some(QkNorm::AllHeads) => (heads + kv_heads) * key,
        None => 0,
    };
    sum + if spec.sinks { heads } else { 0 }
}

/// Multi-head latent attention: DeepSeek-V2 technical report, section 2.1 (arXiv 2405.04434).
fn latent_attention(spec: &ArchitectureSpec, m: &Mla) -> u128 {
    let (hidden, heads) = (u128::from(spec.hidden), u128::from(spec.heads));
    let (nope, rope, value) = (u128::from(m.nope_dim), u128::from(m.rope_dim), u128::from(m.v_dim));
    let latent = u128::from(m.kv_lora_rank);
    let queries = heads * (nope + rope);
    let q = match m.q_lora_rank {
        Some(rank) => u128::from(rank) * (hidden + 1 + queries),
        None => hidden * queries,
    };
    let gate = if spec.output_gate { hidden * heads * value } else { 0 };
    q + hidden * (latent + rope) + latent + latent * heads * (nope + value) + heads * value * hidden + gate
}

/// Mamba (arXiv 2312.00752) and Mamba-2 (arXiv 2405.21060) blocks without the norm in front.
fn state_space(spec: &ArchitectureSpec, s: &Ssm) -> u128 {
    let hidden = u128::from(spec.hidden);
    let (inner, state, heads) = (u128::from(s.inner), u128::from(s.state), u128::from(s.heads));
    let (groups, taps) = (u128::from(s.groups), u128::from(s.conv) + u128::from(!s.no_conv_bias));
    let out = linear(inner, hidden, s.proj_bias);
    if s.generation == 1 {
        let norms = if s.norm { heads + 2 * state } else { 0 };
        let steps = inner * (heads + 2 * state) + linear(heads, inner, true);
        return linear(hidden, 2 * inner, s.proj_bias) + inner * taps + steps + inner * state + inner + out + norms;
    }
    if s.generation == 3 {
        // Steps, inputs and outputs from one projection through a bottleneck, each with a norm; one step per head.
        let rank = (hidden / 16).max(64);
        let steps = (inner + 1) * (rank + 2 * state) + rank * heads + 3 * heads;
        return 2 * hidden * inner + inner * taps + steps + out;
    }
    let convolved = inner + 2 * groups * state;
    let norm = if s.norm { inner } else { 0 };
    linear(hidden, inner + convolved + heads, s.proj_bias) + convolved * taps + 3 * heads + norm + out
}

/// The linear attentions: gated DeltaNet (arXiv 2412.06464), Kimi delta attention (arXiv 2510.26692), lightning
/// attention (arXiv 2501.08313).
fn linear_attention(spec: &ArchitectureSpec, g: &GatedDelta) -> u128 {
    if g.kind == LinearKind::Listed {
        return 0;
    }
    let hidden = u128::from(spec.hidden);
    let (value_heads, value_dim) = (u128::from(g.value_heads), u128::from(g.value_dim));
    let keys = u128::from(g.key_heads) * u128::from(g.key_dim);
    let values = value_heads * value_dim;
    let taps = u128::from(g.conv) * (2 * keys + values);
    let projections = hidden * (2 * keys + values) + values * hidden;
    projections
        + taps
        + match g.kind {
            // Output gate, two gates per head, decay and step bias per head, a norm per head width.
            LinearKind::GatedDelta => hidden * (values + 2 * value_heads) + 2 * value_heads + value_dim,
            // Decay through a bottleneck of a head's width, output gate likewise, one strength per head.
            LinearKind::Kimi => {
                2 * (hidden * value_dim + value_dim * values) + hidden * value_heads + value_heads + values + value_dim
            }
            // A full output gate and a norm over everything.
            LinearKind::Lightning | LinearKind::Listed => hidden * values + values,
        }
}

fn feed_forward(spec: &ArchitectureSpec, ffn: &FeedForward, parts: &mut Parts) {
    let hidden = u128::from(spec.hidden);
    match ffn {
        FeedForward::None => {}
        FeedForward::Dense { width } => parts.add("feed-forward", dense(spec, hidden, u128::from(*width))),
        FeedForward::Moe(moe) => experts(spec, moe, parts),
    }
}

fn dense(spec: &ArchitectureSpec, outer: u128, width: u128) -> u128 {
    if width == 0 {
        return 0;
    }
    let matrices = if spec.ungated_ffn { 2 } else { 3 };
    let biases = if spec.mlp_bias { (matrices - 1) * width + outer } else { 0 };
    matrices * outer * width + biases
}

fn experts(spec: &ArchitectureSpec, moe: &MoeShape, parts: &mut Parts) {
    let hidden = u128::from(spec.hidden);
    let (number, used, width) = (u128::from(moe.experts), u128::from(moe.used), u128::from(moe.width));
    parts.add("router", linear(hidden, number, moe.router_bias));
    let outer = if moe.latent_width > 0 { u128::from(moe.latent_width) } else { hidden };
    let matrices = if spec.ungated_ffn { 2 } else { 3 };
    let biases = if moe.expert_bias { (matrices - 1) * width + outer } else { 0 };
    let expert = matrices * outer * width + biases;
    parts.add("experts", number * expert);
    parts.idle += number.saturating_sub(used) * expert;
    if moe.latent_width > 0 {
        parts.add("latent projections", 2 * hidden * outer);
    }
    parts.add("shared experts", dense(spec, hidden, u128::from(moe.shared_width)));
    if moe.shared_gate {
        parts.add("shared experts", hidden);
    }
    parts.add("feed-forward", dense(spec, hidden, u128::from(moe.dense_width)));
}
