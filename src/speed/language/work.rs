//! What one step of a language model asks of the hardware, before anything is known about the hardware: bytes to read,
//! operations to carry out, layers to launch.

use crate::domain::{Architecture, FeedForward, KvPair, Mixer, Model, WeightResidence};
use crate::memory::Weights;

/// Distinct windows that are told apart; models have one, a few have two.
const WINDOWS: usize = 2;

/// Tokens of a layer's cache that a step reads, and what they cost, summed over like layers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Lookback {
    /// Most tokens looked back; `u64::MAX` for full attention.
    window: u64,
    /// Bytes of keys and values per token in the cache.
    bytes: f64,
    /// Operations per token in the cache, for each token computed.
    ops: f64,
}

/// What a model in a format asks for, token by token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Work {
    /// Blocks, each a number of kernel launches.
    pub layers: f64,
    /// Bytes of weights that every step reads.
    always: f64,
    /// Bytes of all routed experts.
    routed: f64,
    /// Share of the routed experts that one token reads.
    used: f64,
    /// Parameters that one token is multiplied with.
    active: f64,
    /// Bytes of recurrent state that one token reads and writes, per stream.
    state: f64,
    full: Lookback,
    sliding: [Lookback; WINDOWS],
}

impl Work {
    /// What `model` asks for with these weights, laid out in this way, and cache types; nothing for models without a language body.
    #[must_use]
    pub fn of(model: &Model, weights: &Weights, kv: KvPair, how: WeightResidence) -> Option<Self> {
        let architecture = model.language()?;
        let spec = &architecture.spec;
        let table = f64::from(spec.vocab) * f64::from(spec.hidden);
        // Rows of the input tables are looked up, not multiplied; `read_always` already leaves their bytes out.
        let looked_up = f64::from(spec.vocab) * f64::from(spec.per_layer_input) * f64::from(spec.layers);
        let vision = spec.vision.map_or(0.0, |v| v.parameters as f64);
        let total = model.parameters.max(1) as f64;
        let active = model.active_parameters as f64
            - vision.min(0.9 * total)
            - looked_up
            - if spec.tied_embeddings { 0.0 } else { table };
        let mut work = Self {
            layers: architecture.layers.len() as f64,
            always: (weights.read_always(how).0 as f64).max(1.0),
            routed: weights.routed_experts.0 as f64,
            used: routed_share(architecture),
            active: active.max(0.05 * model.active_parameters as f64).max(1.0),
            state: 0.0,
            full: Lookback { window: u64::MAX, ..Lookback::default() },
            sliding: [Lookback::default(); WINDOWS],
        };
        for &(mixer, layers) in weights.mixers() {
            work.add(mixer, f64::from(layers), kv);
        }
        Some(work)
    }

    fn add(&mut self, mixer: Mixer, layers: f64, kv: KvPair) {
        match mixer {
            Mixer::Attention(a) => {
                // A layer that shares the cache of an earlier one still reads it.
                let bytes = kv.k.row_bytes(u64::from(a.kv_heads) * u64::from(a.head_dim))
                    + kv.v.row_bytes(u64::from(a.kv_heads) * u64::from(a.v_head_dim));
                let ops = 2.0 * f64::from(a.heads) * (f64::from(a.head_dim) + f64::from(a.v_head_dim));
                self.look(a.window.map_or(u64::MAX, u64::from), layers * bytes as f64, layers * ops);
            }
            Mixer::Mla(m) => {
                let width = u64::from(m.kv_lora_rank) + u64::from(m.rope_dim);
                let ops = 2.0 * f64::from(m.kv_lora_rank) * 2.0;
                self.look(u64::MAX, layers * kv.k.row_bytes(width) as f64, layers * ops);
            }
            Mixer::Ssm(s) => self.state += layers * 8.0 * f64::from(s.inner) * f64::from(s.state.max(1)),
            Mixer::GatedDelta(d) => {
                self.state += layers * 8.0 * f64::from(d.value_heads) * f64::from(d.key_dim) * f64::from(d.value_dim);
            }
            Mixer::Parallel(a, s) => {
                self.add(Mixer::Attention(a), layers, kv);
                self.add(Mixer::Ssm(s), layers, kv);
            }
            Mixer::ShortConv { .. } | Mixer::None => {}
        }
    }

    fn look(&mut self, window: u64, bytes: f64, ops: f64) {
        let slot = if window == u64::MAX {
            &mut self.full
        } else {
            // A third distinct window is counted with the second: too much is read then, never too little.
            let free = self.sliding.iter().position(|s| s.window == window || s.bytes == 0.0).unwrap_or(WINDOWS - 1);
            &mut self.sliding[free]
        };
        slot.window = slot.window.max(window);
        slot.bytes += bytes;
        slot.ops += ops;
    }

    fn lookbacks(&self) -> impl Iterator<Item = &Lookback> {
        std::iter::once(&self.full).chain(&self.sliding)
    }

    /// Bytes of weights read by a step that computes `tokens` tokens together. Experts are read once for all tokens that
    /// the router sends to them: with independent choices 1 - (1 - used)^tokens of them.
    #[must_use]
    pub fn weight_bytes(&self, tokens: f64) -> f64 {
        self.always + self.routed * self.touched(tokens)
    }

    /// Bytes of weights that two tokens computed together read once instead of twice.
    #[must_use]
    pub fn shared_bytes(&self) -> f64 {
        self.always + self.routed * if self.used <= 0.0 { 1.0 } else { self.used * self.used }
    }

    fn touched(&self, tokens: f64) -> f64 {
        if self.used <= 0.0 { 1.0 } else { 1.0 - (1.0 - self.used).max(0.0).powf(tokens.max(1.0)) }
    }

    /// Bytes of cache and recurrent state that one stream's token reads with `depth` tokens in the cache.
    #[must_use]
    pub fn cache_bytes(&self, depth: u64) -> f64 {
        self.state + self.lookbacks().map(|l| l.bytes * depth.min(l.window) as f64).sum::<f64>()
    }

    /// Operations of the matrices for one token, a multiply-add counted as two.
    #[must_use]
    pub fn matrix_ops(&self) -> f64 {
        2.0 * self.active
    }

    /// Operations of attention over a whole prompt of `prompt` tokens: token i looks back at min(i, window) others.
    #[must_use]
    pub fn attention_ops(&self, prompt: u64) -> f64 {
        let n = prompt as f64;
        self.lookbacks()
            .map(|l| {
                let w = prompt.min(l.window) as f64;
                l.ops * (w * w / 2.0 + (n - w) * w)
            })
            .sum()
    }
}

/// Share of the routed experts that one token goes through.
fn routed_share(architecture: &Architecture) -> f64 {
    if architecture.spec.moe.is_none() {
        return 0.0;
    }
    architecture
        .layers
        .iter()
        .find_map(|layer| match layer.ffn {
            FeedForward::Moe(moe) if moe.experts > 0 => Some(f64::from(moe.used) / f64::from(moe.experts)),
            _ => None,
        })
        .unwrap_or(0.0)
}
