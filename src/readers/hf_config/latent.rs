//! Families with multi-head latent attention, and their indexers for sparse attention.

use super::Reading;
use super::experts;
use super::json::Read;
use crate::domain::{Compression, GlobalAttention, LowRank, Mla};

/// Reads the latent attention; leaves plain attention where the file has no rank for it (DeepSeek-VL2 tiny).
pub(super) fn attention(r: &mut Reading<'_>) -> Read<bool> {
    let Some(rank) = r.text.optional(&["kv_lora_rank"])?.filter(|&rank| rank > 0) else {
        r.spec.v_head_dim = None;
        return Ok(false);
    };
    let nope = r.text.need(&["qk_nope_head_dim"])?;
    let rope = r.text.need(&["qk_rope_head_dim"])?;
    let mla = Mla {
        q_lora_rank: r.text.optional(&["q_lora_rank"])?.filter(|&rank| rank > 0),
        kv_lora_rank: rank,
        nope_dim: nope,
        rope_dim: rope,
        v_dim: r.text.optional(&["v_head_dim"])?.unwrap_or(nope),
    };
    r.spec.mla = Some(mla);
    r.spec.head_dim = nope.saturating_add(rope);
    r.spec.kv_heads = r.spec.heads;
    r.spec.v_head_dim = Some(mla.v_dim).filter(|&v| v != r.spec.head_dim);
    Ok(true)
}

/// DeepSeek V2, V3, V3.2 and who builds on them (Kimi K2, GLM-5, Moonlight).
pub(super) fn deepseek(r: &mut Reading<'_>) -> Read<()> {
    let latent = attention(r)?;
    experts::read(r)?;
    let biased = match r.text.text(&["topk_method"]) {
        Some(method) => method == "noaux_tc",
        None => !matches!(r.kind, "deepseek_v2" | "deepseek"),
    };
    if let Some(moe) = &mut r.spec.moe {
        moe.router_bias = biased;
    }
    if !latent {
        return Ok(());
    }
    let indexer = indexer(r)?;
    let own = match r.text.words(&["indexer_types"]) {
        Some(kinds) => kinds.iter().filter(|k| **k != "shared").count() as u128,
        None => r.layers(),
    };
    r.other("sparse attention indexer", own.saturating_mul(indexer));
    // DeepSeek and Kimi store the tables again with the extra block, GLM-5 does not.
    let copies = !matches!(r.kind, "glm_moe_dsa");
    experts::next_token_blocks(r, copies, indexer)
}

/// A.X K1: one norm more behind the experts of each layer that has them.
pub(super) fn axk1(r: &mut Reading<'_>) -> Read<()> {
    deepseek(r)?;
    if let Some(moe) = &mut r.spec.moe {
        moe.router_bias = true;
    }
    let with_experts = r.layers().saturating_sub(u128::from(r.spec.dense_first_layers));
    let norms = with_experts * r.hidden();
    r.other("norms behind the experts", norms);
    Ok(())
}

/// Parameters of the lightning indexer of one layer (DeepSeek-V3.2 report, section 2.1).
fn indexer(r: &Reading<'_>) -> Read<u128> {
    let heads = u128::from(r.text.or_zero(&["index_n_heads"])?);
    let width = u128::from(r.text.or_zero(&["index_head_dim"])?);
    let rank = u128::from(r.spec.mla.and_then(|m| m.q_lora_rank).unwrap_or(r.spec.hidden));
    if heads == 0 {
        return Ok(0);
    }
    Ok(rank * heads * width + r.hidden() * width + 2 * width + r.hidden() * heads)
}

pub(super) fn minicpm3(r: &mut Reading<'_>) -> Read<()> {
    attention(r).map(|_| ())
}

/// LongCat Flash: each layer is two of attention and feed-forward; beside the second run experts, some of which do nothing.
pub(super) fn longcat(r: &mut Reading<'_>) -> Read<()> {
    attention(r)?;
    let idle = u128::from(r.text.or_zero(&["zero_expert_num"])?);
    let layers = r.layers();
    let mut moe = experts::shape(r)?.ok_or("`n_routed_experts` is missing")?;
    (moe.dense_width, moe.shared_width, moe.router_bias) = (r.spec.ffn, 0, true);
    r.spec.moe = Some(moe);
    r.spec.moe_every = 2;
    r.spec.layers = r.spec.layers.saturating_mul(2);
    let routing = layers * idle * (r.hidden() + 1);
    r.other("routing to experts that do nothing", routing);
    Ok(())
}

pub(super) fn mistral4(r: &mut Reading<'_>) -> Read<()> {
    attention(r)?;
    experts::read(r)
}

/// DeepSeek V4: one key-value head of which keys are values, compressed over the distance; queries and outputs through
/// bottlenecks; several residual streams (DeepSeek-V4 report, sections 2.1 to 2.3).
pub(super) fn deepseek_v4(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    experts::read(r)?;
    r.spec.dense_first_layers = 0;
    r.spec.ffn = 0;
    r.spec.sinks = true;
    (r.spec.pattern, r.spec.window) = (None, None);
    let low_rank = LowRank {
        query: text.assume(&["q_lora_rank"], 1024)?,
        output: text.assume(&["o_lora_rank"], 1024)?,
        groups: text.assume(&["o_groups"], 8)?,
    };
    r.spec.low_rank = Some(low_rank);
    let (kv_heads, head_dim) = (r.spec.kv_heads, r.spec.head_dim);
    r.spec.global = Some(GlobalAttention { kv_heads, head_dim, v_head_dim: None, k_eq_v: true });
    let wide = |n: u32| u128::from(n);
    let (hidden, width) = (r.hidden(), wide(head_dim));
    let (heads, index) = (wide(text.assume(&["index_n_heads"], 64)?), wide(text.assume(&["index_head_dim"], 128)?));
    let compressor = |ratio: u128, width: u128| 2 * hidden * width + ratio * width;
    let indexer = compressor(4, 2 * index) + index + wide(low_rank.query) * heads * index + hidden * heads;
    let of_ratio = |ratio: u32| match ratio {
        0 => 0,
        // Overlapping windows are pooled from two projections, and the nearest are picked by an indexer.
        4 => compressor(4, 2 * width) + width + indexer,
        other => compressor(wide(other), width) + width,
    };
    let ratios = text.numbers(&["compress_ratios"])?.unwrap_or_else(|| {
        text.note("`compress_ratios` is absent: 128, 128, then 4 and 128 in turn");
        (0..r.spec.layers).map(|i| if i > 1 && i % 2 == 0 { 4 } else { 128 }).collect()
    });
    let layers = r.spec.layers as usize;
    let of = |wanted: u32| ratios.iter().take(layers).filter(|&&ratio| ratio == wanted).count() as u32;
    r.spec.compression = Some(Compression {
        window: text.assume(&["sliding_window"], 128)?,
        by_4: of(4),
        by_128: of(128),
        index_dim: text.assume(&["index_head_dim"], 128)?,
    });
    text.note("engines other than llama.cpp are counted as if every layer kept the whole context, an upper bound");
    r.other("compressors and indexers", ratios.iter().take(layers).map(|&ratio| of_ratio(ratio)).sum());

    let streams = wide(text.assume(&["hc_mult"], 4)?);
    let mix = (2 + streams) * streams;
    let connections = 2 * (mix * streams * hidden + mix + 3);
    let collapse = streams * streams * hidden + streams + 1;
    let all = r.layers();
    r.other("residual streams", all * connections + collapse);

    let hashed = wide(text.assume(&["num_hash_layers"], 3)?).min(all);
    let (experts, used) = r.spec.moe.map_or((0, 0), |m| (wide(m.experts), wide(m.used)));
    r.other("router biases", (all - hashed) * experts);
    let table = hashed * wide(r.spec.vocab) * used;
    r.other("expert look-up tables", table);
    let extra = of_ratio(ratios.get(layers).copied().unwrap_or(0)) + connections + collapse + experts;
    experts::next_token_blocks(r, false, extra)
}
