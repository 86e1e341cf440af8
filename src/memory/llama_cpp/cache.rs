//! Key-value cache and recurrent state: what llama.cpp allocates when a context is made.

use super::style::Style;
use crate::domain::{Architecture, ArchitectureSpec, Attention, Compression, KvPair, KvType, Layer, Mixer};
use crate::memory::Demand;

/// Caches have whole multiples of this many cells (`GGML_PAD(n_ctx, 256)`).
const PAD: u64 = 256;

const fn padded(cells: u64) -> u64 {
    cells.div_ceil(PAD).saturating_mul(PAD)
}

/// Sizes of the caches in cells, and what one call computes at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cells {
    /// Caches of each kind: one, or one per sequence.
    pub(super) streams: u64,
    /// Cells per stream for layers that see the whole context.
    pub(super) full: u64,
    /// Cells per stream for layers with a window.
    pub(super) window: u64,
    /// Tokens computed at once, a multiple of the sequences.
    pub(super) tokens: u64,
    /// Rows of logits computed at once.
    pub(super) outputs: u64,
    /// Rows of logits kept at once.
    pub(super) kept: u64,
}

impl Cells {
    /// The cells for a demand on a model whose widest window is `window`.
    pub(super) fn of(demand: &Demand, window: Option<u32>) -> Self {
        let streams = u64::from(demand.streams.max(1));
        let asked = demand.total().max(1);
        let context = padded(asked);
        let batch = asked.min(u64::from(demand.batch.max(1)));
        let micro = batch.min(u64::from(demand.micro_batch.max(1)));
        let full = if demand.kv_unified { context } else { padded(context / streams) };
        let shared = if demand.kv_unified { streams } else { 1 };
        let reach = u64::from(window.unwrap_or(0)).saturating_mul(shared).saturating_add(micro);
        let cache_streams = if demand.kv_unified { 1 } else { streams };
        let tokens = full.saturating_mul(cache_streams).min(micro);
        let rows = demand.output_rows().max(1);
        Self {
            streams: cache_streams,
            full,
            window: if demand.swa_full { full } else { padded(full.min(reach)) },
            tokens: if demand.total_context.is_some() {
                tokens.next_multiple_of(streams)
            } else {
                widest(tokens, streams)
            },
            outputs: tokens.min(rows.min(batch)),
            kept: rows.min(batch).max(streams),
        }
    }
}

/// Tokens computed at once are rounded up to a multiple of the streams, so that 28 streams may take more of them than 29. A
/// question about a plan, which names the context of a stream, gets the most that any number of streams up to the asked one
/// takes: what is needed then never falls when streams are added. A question about a command line, which names the context
/// over all streams, gets what that command allocates.
fn widest(tokens: u64, streams: u64) -> u64 {
    (1..=streams).map(|s| tokens.next_multiple_of(s)).max().unwrap_or(tokens)
}

impl Cells {
    /// Cells per stream of a cache.
    const fn of_rows(&self, rows: &Rows) -> u64 {
        match rows.span {
            Span::Context => self.full,
            Span::Window => self.window,
            Span::Compressed(tokens) => padded(self.full.div_ceil(tokens)),
        }
    }
}

/// What a cache has a row for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Span {
    /// Every token of the context.
    Context,
    /// The tokens of a window.
    Window,
    /// So many tokens together.
    Compressed(u64),
}

/// Layers with the same rows in the same cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rows {
    span: Span,
    k: u64,
    v: u64,
    layers: u64,
}

/// What the layers of a model remember.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Memory {
    rows: Vec<Rows>,
    /// Widest row of values, when layers differ.
    padded_v: Option<u64>,
    /// Numbers of recurrent state per sequence.
    state: u64,
    /// Widest window of the layers with one.
    pub(super) window: Option<u32>,
    /// Keys serve as values: only one type can be chosen.
    pub(super) latent: bool,
}

impl Memory {
    /// What the layers of this model remember in llama.cpp.
    pub(super) fn of(architecture: &Architecture, style: &Style) -> Self {
        let mut memory = Self::default();
        if style.encoder {
            return memory;
        }
        if let Some(compression) = architecture.spec.compression {
            memory.compressed(&compression, &architecture.spec);
            return memory;
        }
        let hidden = u64::from(architecture.spec.hidden);
        for Layer { mixer, .. } in &architecture.layers {
            match mixer {
                Mixer::Attention(a) => memory.attention(a, style),
                Mixer::Parallel(a, ssm) => {
                    memory.attention(a, style);
                    memory.state += state_space(ssm);
                }
                Mixer::Mla(mla) => {
                    memory.latent = true;
                    memory.add(Span::Context, u64::from(mla.kv_lora_rank) + u64::from(mla.rope_dim), 0);
                }
                Mixer::Ssm(ssm) => memory.state += state_space(ssm),
                Mixer::GatedDelta(d) => {
                    let [keys, heads, k, v, taps] =
                        [d.key_heads, d.value_heads, d.key_dim, d.value_dim, d.conv].map(u64::from);
                    let channels = 2 * keys * k + heads * v;
                    memory.state += taps.saturating_sub(1) * channels + k * v * heads;
                }
                Mixer::ShortConv { taps } => memory.state += hidden * u64::from(*taps).saturating_sub(1),
                Mixer::None => {}
            }
        }
        let first = memory.rows.first().map(|r| r.v);
        if memory.rows.iter().any(|r| Some(r.v) != first) {
            memory.padded_v = memory.rows.iter().map(|r| r.v).max();
        }
        memory
    }

    /// DeepSeek V4's caches hold keys that serve as values: one head per layer and row. Beside them stand the tokens that are
    /// not compressed yet, values and scores in single precision: of two blocks where blocks overlap, of one elsewhere
    /// (`llama-kv-cache-dsv4.cpp`, August 2026).
    fn compressed(&mut self, compression: &Compression, spec: &ArchitectureSpec) {
        const NEAR: u64 = 4;
        const FAR: u64 = 128;
        let [near, far, index, head] =
            [compression.by_4, compression.by_128, compression.index_dim, spec.head_dim].map(u64::from);
        self.window = Some(compression.window);
        self.rows = vec![
            Rows { span: Span::Window, k: head, v: 0, layers: spec.layers.into() },
            Rows { span: Span::Compressed(NEAR), k: head, v: 0, layers: near },
            Rows { span: Span::Compressed(NEAR), k: index, v: 0, layers: near },
            Rows { span: Span::Compressed(FAR), k: head, v: 0, layers: far },
        ];
        let overlapping = |width: u64| (2 * (2 * NEAR) * 2).saturating_mul(width);
        let near_state = near.saturating_mul(overlapping(head).saturating_add(overlapping(index)));
        self.state = near_state.saturating_add((far * 2 * FAR).saturating_mul(head));
    }

    fn attention(&mut self, a: &Attention, style: &Style) {
        if a.shares_kv {
            return;
        }
        let window = a.window.filter(|_| style.windows);
        self.window = self.window.max(window);
        let kv = u64::from(a.kv_heads);
        let span = if window.is_some() { Span::Window } else { Span::Context };
        self.add(span, kv * u64::from(a.head_dim), kv * u64::from(a.v_head_dim));
    }

    fn add(&mut self, span: Span, k: u64, v: u64) {
        match self.rows.iter_mut().find(|r| (r.span, r.k, r.v) == (span, k, v)) {
            Some(rows) => rows.layers += 1,
            None => self.rows.push(Rows { span, k, v, layers: 1 }),
        }
    }

    /// Bytes of the key-value cache.
    pub(super) fn cache_bytes(&self, cells: &Cells, kv: KvPair, flash: bool) -> u128 {
        let bytes = |rows: &Rows| {
            // Without flash attention values are stored transposed, every layer as wide as the widest.
            let v = if flash { rows.v } else { self.padded_v.unwrap_or(rows.v) };
            let row = kv.k.row_bytes(rows.k).saturating_add(kv.v.row_bytes(v));
            u128::from(row).saturating_mul(cells.of_rows(rows).into()).saturating_mul(rows.layers.into())
        };
        self.rows.iter().map(bytes).sum::<u128>().saturating_mul(cells.streams.into())
    }

    /// Bytes of copies in half precision of the keys, the values or both of the layer with the largest cache: on top of the
    /// graph, which errs upwards by what other parts of it take while they are not needed.
    pub(super) fn copied_bytes(&self, cells: &Cells, [keys, values]: [bool; 2]) -> u128 {
        let numbers = |rows: &Rows| u64::from(keys) * rows.k + u64::from(values) * rows.v;
        let bytes = |rows: &Rows| {
            let row = u128::from(KvType::F16.row_bytes(numbers(rows)));
            row.saturating_mul(cells.of_rows(rows).into()).saturating_mul(cells.streams.into())
        };
        self.rows.iter().map(bytes).max().unwrap_or(0)
    }

    /// Whether a prompt can be cut at any token: not with a recurrent state, nor where windows have forgotten its beginning.
    pub(super) fn can_be_cut(&self, swa_full: bool) -> bool {
        self.state == 0 && (swa_full || self.window.is_none())
    }

    /// Bytes of one checkpoint of one stream: its whole state, and every cell of its windows (llama-server's
    /// `create_checkpoint`: what is written with the flag for partial states).
    pub(super) fn checkpoint_bytes(&self, cells: &Cells, kv: KvPair) -> u128 {
        let windows = self.rows.iter().filter(|rows| rows.span == Span::Window);
        let row = |rows: &Rows| u128::from(kv.k.row_bytes(rows.k).saturating_add(kv.v.row_bytes(rows.v)));
        let bytes = |rows: &Rows| row(rows).saturating_mul(cells.window.into()).saturating_mul(rows.layers.into());
        windows.map(bytes).sum::<u128>().saturating_add(self.state_bytes(1))
    }

    /// Bytes of the recurrent state, always in single precision.
    pub(super) fn state_bytes(&self, streams: u32) -> u128 {
        u128::from(self.state) * u128::from(KvType::F32.row_bytes(1)) * u128::from(streams)
    }
}

fn state_space(ssm: &crate::domain::Ssm) -> u64 {
    let [inner, state, groups, taps] = [ssm.inner, ssm.state, ssm.groups, ssm.conv].map(u64::from);
    let channels = if ssm.generation == 1 { inner } else { inner + 2 * groups * state };
    taps.saturating_sub(1) * channels + state * inner
}
