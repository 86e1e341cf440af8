//! Models whose recurrent layers are of no common kind: RWKV, Griffin, `PLaMo` 2.

use super::Reading;
use super::dimensions::short_pattern;
use super::json::Read;
use crate::domain::{GatedDelta, LinearKind, QkNorm, Ssm};

/// RWKV 4 to 7: a state per head (per channel in version 4), the last token's vector before each of the two mixings
/// (arXiv 2305.13048, 2404.05892, 2503.14456).
pub(super) fn rwkv(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    let hidden = r.hidden();
    let layers = r.layers();
    let version = match r.kind {
        "rwkv5" => 5,
        "rwkv6" => 6,
        "rwkv7" => 7,
        _ => 4,
    };
    let inner = text.optional(&["attention_hidden_size", "dim_att"])?.unwrap_or(r.spec.hidden);
    let inner = if inner == 0 { r.spec.hidden } else { inner };
    let width = text.optional(&["head_size", "head_dim", "head_size_a"])?.filter(|&w| w > 0).unwrap_or(64);
    let values = u128::from(inner);
    if r.spec.ffn == 0 {
        // Versions 5 and 6 widen by 3.5, in steps of 32.
        r.spec.ffn = match version {
            5 | 6 => (f64::from(r.spec.hidden) * 3.5) as u32 / 32 * 32,
            _ => r.spec.hidden.saturating_mul(4),
        };
    }
    r.spec.gated_delta = Some(if version == 4 {
        // Numerator, denominator and maximum of the mean and the two vectors of the last token: five numbers per channel.
        GatedDelta { key_heads: 0, value_heads: inner, key_dim: 5, value_dim: 1, conv: 0, kind: LinearKind::Listed }
    } else {
        GatedDelta {
            key_heads: 0,
            value_heads: inner / width.max(1),
            key_dim: width,
            value_dim: width,
            conv: 3,
            kind: LinearKind::Listed,
        }
    });
    let projections = 4 * hidden * values;
    let mixing = match version {
        4 => projections + 2 * values + 3 * hidden,
        5 => projections + hidden * values + 2 * values + 2 * values + 4 * hidden,
        6 => {
            let (mix, decay) = if r.spec.hidden >= 4096 { (64, 128) } else { (32, 64) };
            let low_rank = 2 * 5 * mix * hidden + decay * (hidden + values);
            projections + hidden * values + low_rank + 2 * values + 2 * values + 6 * hidden
        }
        _ => projections + low_ranks(r)? + 8 * hidden + values + 2 * values,
    };
    // The first layer of version 7 has no value of a layer before it to mix in.
    let absent = if version == 7 { low_rank(r, "v_low_rank_dim", 1.3, 0.5)? * 2 * hidden + hidden } else { 0 };
    r.other("token mixing", (layers * mixing).saturating_sub(absent));
    let channel = if version == 7 { hidden } else { hidden * hidden + 2 * hidden };
    r.other("channel mixing", layers * channel);
    r.other("norm behind the embeddings", 2 * hidden);
    r.spec.pattern = Some("L".to_owned());
    (r.spec.heads, r.spec.kv_heads, r.spec.head_dim) = (0, 0, 0);
    Ok(())
}

/// The bottlenecks of version 7: decay, learning rate and value mixing with a bias, gate without.
fn low_ranks(r: &Reading<'_>) -> Read<u128> {
    let hidden = r.hidden();
    let decay = low_rank(r, "decay_low_rank_dim", 1.8, 0.5)?;
    let rate = low_rank(r, "a_low_rank_dim", 1.8, 0.5)?;
    let value = low_rank(r, "v_low_rank_dim", 1.3, 0.5)?;
    let gate = low_rank(r, "gate_low_rank_dim", 0.6, 0.8)?;
    Ok(2 * hidden * (decay + rate + value + gate) + 3 * hidden)
}

/// The width of a bottleneck: as told, else factor x width^power to the nearest multiple of 32.
fn low_rank(r: &Reading<'_>, key: &str, factor: f64, power: f64) -> Read<u128> {
    if let Some(rank) = r.text.optional(&[key])?.filter(|&rank| rank > 0) {
        return Ok(rank.into());
    }
    let steps = (factor * f64::from(r.spec.hidden).powf(power) / 32.0).round_ties_even().max(1.0);
    Ok(32 * steps as u128)
}

/// Griffin (arXiv 2402.19427): two of three layers have a gated linear recurrence with a short convolution.
pub(super) fn griffin(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    let width = text.optional(&["lru_width"])?.filter(|&w| w > 0).unwrap_or(r.spec.hidden);
    let taps = text.optional(&["conv1d_width"])?.unwrap_or(4);
    r.spec.window = Some(text.optional(&["attention_window_size"])?.unwrap_or(2048).max(1));
    let kinds =
        text.words(&["block_types", "_block_types"]).unwrap_or_else(|| vec!["recurrent", "recurrent", "attention"]);
    if kinds.is_empty() {
        return Err("`block_types` is empty".to_owned());
    }
    let letters: Vec<char> = kinds.iter().map(|k| if *k == "attention" { 'S' } else { 'L' }).collect();
    let recurrent = (0..r.spec.layers as usize).filter(|i| letters[i % letters.len()] == 'L').count() as u128;
    let attention = r.layers() - recurrent;
    r.spec.pattern = short_pattern(&letters);
    r.spec.gated_delta = Some(GatedDelta {
        key_heads: 0,
        value_heads: width,
        key_dim: 1,
        value_dim: 1,
        conv: taps,
        kind: LinearKind::Listed,
    });
    let (hidden, inner, heads) = (r.hidden(), u128::from(width), u128::from(r.spec.heads).max(1));
    let gates = 2 * (inner * inner / heads + inner) + inner;
    let block = 2 * (hidden * inner + inner) + inner * hidden + hidden + inner * (u128::from(taps) + 1) + gates;
    r.other("gated linear recurrences", recurrent * block);
    r.other("attention output biases", attention * hidden);
    // The file counts gate and up together.
    r.spec.ffn /= 2;
    r.spec.mlp_bias = true;
    r.spec.out_bias = false;
    Ok(())
}

/// `PLaMo` 2: state-space layers whose steps are per head, and attention in turn; norms around both blocks.
pub(super) fn plamo2(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    let width = text.optional(&["hidden_size_per_head"])?.unwrap_or(128);
    let heads = text.assume(&["mamba_num_heads"], 64)?;
    r.spec.head_dim = width;
    r.spec.ssm = Some(Ssm {
        generation: 3,
        inner: heads.saturating_mul(width),
        state: text.assume(&["mamba_d_state"], 64)?,
        heads,
        groups: 0,
        conv: text.assume(&["mamba_d_conv"], 4)?,
        norm: true,
        proj_bias: false,
        no_conv_bias: true,
    });
    let step = text.assume(&["mamba_step"], 2)?.max(1);
    let enabled = text.flag(&["mamba_enabled"])?.unwrap_or(true);
    let last = r.spec.layers.saturating_sub(1);
    let state_space = |i: u32| match r.spec.layers <= step / 2 {
        true => i != last,
        false => i % step != step / 2,
    };
    let letters: Vec<char> = (0..r.spec.layers).map(|i| if enabled && state_space(i) { 'M' } else { 'F' }).collect();
    r.spec.pattern = short_pattern(&letters);
    r.spec.qk_norm = Some(QkNorm::AllHeads);
    if text.or_zero(&["attention_window_size"])? > 0 {
        text.note("the window of the attention is not used: all its layers keep the whole context, an upper bound");
    }
    Ok(())
}

/// Phi-4-mini-flash (`SambaY`, arXiv 2507.06607): state space and windowed differential attention in turn; in the second half
/// gated memory units and attention to the keys and values of one full layer.
pub(super) fn phi4_flash(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    let factor = text.optional(&["mamba_expand"])?.unwrap_or(2);
    let inner = r.spec.hidden.saturating_mul(factor);
    r.spec.ssm = Some(Ssm {
        generation: 1,
        inner,
        state: text.assume(&["mamba_d_state"], 16)?,
        heads: text.optional(&["mamba_dt_rank"])?.filter(|&n| n > 0).unwrap_or(r.spec.hidden.div_ceil(16)),
        groups: 0,
        conv: text.assume(&["mamba_d_conv"], 4)?,
        norm: false,
        proj_bias: false,
        no_conv_bias: false,
    });
    let window = match text.raw(&["sliding_window"]) {
        Some(value) if value.is_number() => text.optional(&["sliding_window"])?,
        _ => None,
    };
    r.spec.window = Some(window.filter(|&w| w > 0).unwrap_or(512));
    let half = r.spec.layers / 2;
    let letter = |i: u32| match (i.is_multiple_of(2), i) {
        (true, i) if i <= half => 'M',
        (true, _) => 'D',
        (false, i) if i < half => 'S',
        (false, i) if i == half + 1 => 'F',
        (false, _) => 'E',
    };
    let letters: Vec<char> = (0..r.spec.layers).map(letter).collect();
    let number = |wanted: &str| letters.iter().filter(|&&l| wanted.contains(l)).count() as u128;
    r.spec.pattern = short_pattern(&letters);
    r.spec.kv_shared_without_weights = true;
    let unit = 2 * r.hidden() * u128::from(inner) + 2 * r.hidden();
    r.other("gated memory units", number("D") * unit);
    // Four vectors that weigh the two maps, and a norm over both heads.
    r.other("differential attention", number("SFE") * 6 * u128::from(r.spec.head_dim));
    Ok(())
}
