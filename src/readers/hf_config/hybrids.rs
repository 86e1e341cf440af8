//! Families with recurrent layers: state spaces, linear attention, short convolutions.

use super::Reading;
use super::dimensions::short_pattern;
use super::experts;
use super::json::Read;
use super::latent;
use crate::domain::parameters::{self, MULTI_TOKEN_PREDICTION};
use crate::domain::{FeedForward, GatedDelta, Layer, LinearKind, Mixer, MoeShape, Ssm};

/// Mamba: layers of state space alone.
pub(super) fn mamba(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    let inner = match text.optional(&["intermediate_size", "d_inner"])? {
        Some(inner) => inner,
        None => expanded(r, &["expand"], 2)?,
    };
    let rank = match text.raw(&["time_step_rank", "dt_rank"]) {
        Some(value) if value.is_number() => text.need(&["time_step_rank", "dt_rank"])?,
        _ => r.spec.hidden.div_ceil(16),
    };
    r.spec.ssm = Some(Ssm {
        generation: 1,
        inner,
        state: text.assume(&["state_size", "d_state"], 16)?,
        heads: rank,
        groups: 0,
        conv: text.assume(&["conv_kernel", "d_conv"], 4)?,
        norm: false,
        proj_bias: text.is(&["use_bias"])?,
        no_conv_bias: !text.flag(&["use_conv_bias"])?.unwrap_or(true),
    });
    original_names(r)?;
    only_state_space(r);
    Ok(())
}

/// The first publishers of Mamba write few keys: the vocabulary is padded, and some files add attention.
fn original_names(r: &mut Reading<'_>) -> Read<()> {
    let step = r.text.optional(&["pad_vocab_size_multiple"])?.unwrap_or(1).clamp(1, 1 << 16);
    if !r.text.has(&["ssm_cfg"]) {
        return Ok(());
    }
    r.spec.vocab = r.spec.vocab.checked_next_multiple_of(step).unwrap_or(r.spec.vocab);
    if r.text.numbers(&["attn_layer_idx"])?.is_some_and(|l| !l.is_empty()) || r.text.or_zero(&["d_intermediate"])? > 0 {
        return Err("attention or feed-forward beside `ssm_cfg` is not understood".to_owned());
    }
    Ok(())
}

fn only_state_space(r: &mut Reading<'_>) {
    r.spec.pattern = Some("m".to_owned());
    (r.spec.ffn, r.spec.heads, r.spec.kv_heads, r.spec.head_dim) = (0, 0, 0, 0);
}

pub(super) fn mamba2(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    let inner = expanded(r, &["expand"], 2)?;
    let width = text.assume(&["head_dim"], 64)?.max(1);
    r.spec.ssm = Some(Ssm {
        generation: 2,
        inner,
        state: text.assume(&["state_size"], 128)?,
        heads: text.optional(&["num_heads"])?.unwrap_or(inner / width),
        groups: if text.has(&["ssm_cfg"]) { 1 } else { text.assume(&["n_groups"], 8)? },
        conv: text.assume(&["conv_kernel"], 4)?,
        norm: true,
        proj_bias: text.is(&["use_bias"])?,
        no_conv_bias: !text.flag(&["use_conv_bias"])?.unwrap_or(true),
    });
    original_names(r)?;
    only_state_space(r);
    Ok(())
}

/// A width given as a factor of the model's.
fn expanded(r: &Reading<'_>, names: &[&str], usual: u32) -> Read<u32> {
    let factor = r.text.real(names).unwrap_or_else(|| f64::from(usual));
    let width = factor * f64::from(r.spec.hidden);
    if (1.0..=f64::from(u32::MAX)).contains(&width) {
        Ok(width as u32)
    } else {
        Err(format!("`{}` is {factor}, an impossible factor", names[0]))
    }
}

/// The second-generation state space as Granite, Bamba and Falcon-H1 write it.
fn mamba_keys(r: &Reading<'_>, norm: bool) -> Read<Ssm> {
    let text = r.text;
    let heads = text.need(&["mamba_n_heads", "mamba_num_heads"])?;
    let inner = match text.optional(&["mamba_d_ssm"])? {
        Some(inner) => inner,
        None => match text.raw(&["mamba_d_head", "mamba_head_dim"]) {
            Some(value) if value.is_number() => heads.saturating_mul(text.need(&["mamba_d_head", "mamba_head_dim"])?),
            _ => expanded(r, &["mamba_expand"], 2)?,
        },
    };
    Ok(Ssm {
        generation: 2,
        inner,
        state: text.need(&["mamba_d_state", "ssm_state_size"])?,
        heads,
        groups: text.assume(&["mamba_n_groups", "n_groups"], 1)?,
        conv: text.assume(&["mamba_d_conv", "conv_kernel"], 4)?,
        norm,
        proj_bias: text.is(&["mamba_proj_bias", "use_bias"])?,
        no_conv_bias: !text.flag(&["mamba_conv_bias", "use_conv_bias"])?.unwrap_or(true),
    })
}

/// Granite 4 hybrids: mostly state space, a shared feed-forward, experts beside it in the larger ones.
pub(super) fn granite(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    if r.spec.pattern.is_none() && !text.has(&["layer_types", "layers_block_type"]) && text.has(&["mamba_n_heads"]) {
        // The published hybrids of 40 layers have attention in these four.
        let letters: Vec<char> =
            (0..r.spec.layers).map(|i| if matches!(i, 5 | 15 | 25 | 35) { 'F' } else { 'M' }).collect();
        r.spec.pattern = short_pattern(&letters);
        text.note("`layer_types` is absent: attention in layers 5, 15, 25 and 35, as in the published hybrids");
    }
    if r.spec.pattern.as_deref().is_some_and(|p| p.contains('M')) {
        r.spec.ssm = Some(mamba_keys(r, true)?);
    }
    let shared = text.or_zero(&["shared_intermediate_size"])?;
    r.spec.moe = experts::shape(r)?;
    if let Some(moe) = &mut r.spec.moe {
        moe.shared_width = shared;
        r.spec.ffn = 0;
    } else if shared > 0 {
        r.spec.ffn = shared;
    }
    Ok(())
}

/// Bamba: attention in the listed layers.
pub(super) fn bamba(r: &mut Reading<'_>) -> Read<()> {
    let with = r.text.numbers(&["attn_layer_indices"])?.unwrap_or_default();
    let letters: Vec<char> = (0..r.spec.layers).map(|i| if with.contains(&i) { 'F' } else { 'M' }).collect();
    r.spec.pattern = short_pattern(&letters);
    r.spec.ssm = Some(mamba_keys(r, true)?);
    Ok(())
}

/// Falcon-H1: attention and state space side by side in every layer.
pub(super) fn falcon_h1(r: &mut Reading<'_>) -> Read<()> {
    let norm = r.text.is(&["mamba_rms_norm"])?;
    r.spec.ssm = Some(mamba_keys(r, norm)?);
    r.spec.pattern = Some("H".to_owned());
    Ok(())
}

/// Jamba: attention in every eighth layer, experts in every second, norms inside the state space.
pub(super) fn jamba(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    let period = text.assume(&["attn_layer_period"], 8)?.max(1);
    let offset = text.assume(&["attn_layer_offset"], 4)?;
    let letters: Vec<char> = (0..r.spec.layers).map(|i| if i % period == offset { 'F' } else { 'M' }).collect();
    r.spec.pattern = short_pattern(&letters);
    let rank = match text.raw(&["mamba_dt_rank"]) {
        Some(value) if value.is_number() => text.need(&["mamba_dt_rank"])?,
        _ => r.spec.hidden.div_ceil(16),
    };
    r.spec.ssm = Some(Ssm {
        generation: 1,
        inner: expanded(r, &["mamba_expand"], 2)?,
        state: text.assume(&["mamba_d_state"], 16)?,
        heads: rank,
        groups: 0,
        conv: text.assume(&["mamba_d_conv"], 4)?,
        norm: true,
        proj_bias: text.is(&["mamba_proj_bias"])?,
        no_conv_bias: !text.flag(&["mamba_conv_bias"])?.unwrap_or(true),
    });
    if text.or_zero(experts::EXPERTS)? > 1 {
        r.spec.moe = experts::shape(r)?;
        r.spec.moe_every = text.assume(&["expert_layer_period"], 2)?;
        let offset = text.assume(&["expert_layer_offset"], 1)?;
        if offset + 1 != r.spec.moe_every {
            text.note("the experts' offset is not the last of its period: they are counted as if it were");
        }
    }
    Ok(())
}

/// Zamba 2: state-space layers, between which shared attention blocks work on the input beside the residual.
pub(super) fn zamba2(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    let heads = text.optional(&["n_mamba_heads"])?.unwrap_or(8);
    let inner = expanded(r, &["mamba_expand"], 2)?;
    r.spec.ssm = Some(Ssm {
        generation: 2,
        inner,
        state: text.assume(&["mamba_d_state"], 64)?,
        heads,
        groups: text.assume(&["mamba_ngroups"], 1)?,
        conv: text.assume(&["mamba_d_conv"], 4)?,
        norm: true,
        proj_bias: text.is(&["add_bias_linear"])?,
        no_conv_bias: !text.flag(&["use_conv_bias"])?.unwrap_or(true),
    });
    let hybrid = match text.numbers(&["hybrid_layer_ids"])? {
        Some(list) => list,
        None => {
            text.note("`hybrid_layer_ids` is absent: every sixth layer is taken to have attention");
            (0..r.spec.layers).filter(|i| i % 6 == 5).collect()
        }
    };
    let letters: Vec<char> = (0..r.spec.layers).map(|i| if hybrid.contains(&i) { 'H' } else { 'm' }).collect();
    r.spec.pattern = short_pattern(&letters);
    r.spec.head_dim = text.optional(&["attention_head_dim"])?.unwrap_or(2 * r.spec.hidden / r.spec.heads.max(1));
    zamba2_shared(r, hybrid.iter().filter(|&&i| i < r.spec.layers).count() as u128)
}

/// The attention blocks that Zamba 2 shares between layers, in a few copies, and what each layer has of its own beside them:
/// a projection and adapters (modelling code of `Zamba2ForCausalLM`; 1.2B and 2.7B have their published counts).
fn zamba2_shared(r: &mut Reading<'_>, layers: u128) -> Read<()> {
    let text = r.text;
    let copies = u128::from(text.optional(&["num_mem_blocks"])?.unwrap_or(1));
    let rank = u128::from(text.optional(&["adapter_rank"])?.unwrap_or(128));
    let (hidden, ffn) = (r.hidden(), u128::from(r.spec.ffn));
    let wide = 2 * hidden;
    let values = u128::from(r.spec.heads) * u128::from(r.spec.head_dim);
    let biases = if text.is(&["add_bias_linear"])? { 2 * ffn + hidden } else { 0 };
    let block = 3 * wide * values + values * hidden + wide + hidden + 3 * hidden * ffn + biases;
    let attention = if text.is(&["use_shared_attention_adapter"])? { 3 * rank * (wide + values) } else { 0 };
    let own = hidden * hidden + rank * (hidden + 2 * ffn) + attention;
    r.spec.shared_attention = true;
    r.other("shared attention blocks", copies * block);
    r.other("adapters of the shared blocks", layers * own);
    Ok(())
}

/// LFM2: short convolutions, attention in some layers; the feed-forward's width may be given before its adjustment.
pub(super) fn lfm2(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    if r.spec.pattern.is_none() && !text.has(&["layer_types"]) {
        let with = text.numbers(&["full_attn_idxs"])?.ok_or("`layer_types` and `full_attn_idxs` are missing")?;
        let letters: Vec<char> = (0..r.spec.layers).map(|i| if with.contains(&i) { 'F' } else { 'C' }).collect();
        r.spec.pattern = short_pattern(&letters);
    }
    r.spec.short_conv = Some(text.assume(&["conv_L_cache"], 3)?);
    if text.is(&["conv_bias"])? {
        let layers = r.spec.pattern.as_deref().map_or(0, |p| {
            let letters: Vec<char> = p.chars().collect();
            (0..r.spec.layers as usize).filter(|i| letters[i % letters.len()] == 'C').count() as u128
        });
        r.other("convolution biases", layers * 5 * r.hidden());
    }
    if r.kind == "lfm2_moe" {
        experts::read(r)?;
        let biased = text.flag(&["use_expert_bias"])?.unwrap_or(true);
        if let Some(moe) = &mut r.spec.moe {
            moe.router_bias = biased;
        }
        return Ok(());
    }
    let width = text.optional(&["block_ff_dim", "intermediate_size"])?.ok_or("`intermediate_size` is missing")?;
    r.spec.ffn = width;
    if text.flag(&["block_auto_adjust_ff_dim"])?.unwrap_or(true) {
        let scaled = u128::from(width) * 2 / 3;
        let scaled = text.real(&["block_ffn_dim_multiplier"]).map_or(scaled, |m| (m * scaled as f64) as u128);
        let step = u128::from(text.optional(&["block_multiple_of"])?.unwrap_or(256)).max(1);
        r.spec.ffn = u32::try_from(scaled.div_ceil(step).saturating_mul(step))
            .map_err(|_| "`block_ff_dim` exceeds the maximum of 4294967295")?;
    }
    Ok(())
}

fn gated_delta(r: &Reading<'_>) -> Read<GatedDelta> {
    let text = r.text;
    Ok(GatedDelta {
        key_heads: text.assume(&["linear_num_key_heads"], 16)?,
        value_heads: text.assume(&["linear_num_value_heads"], 32)?,
        key_dim: text.assume(&["linear_key_head_dim"], 128)?,
        value_dim: text.assume(&["linear_value_head_dim"], 128)?,
        conv: text.assume(&["linear_conv_kernel_dim"], 4)?,
        kind: LinearKind::GatedDelta,
    })
}

/// OLMo Hybrid: gated DeltaNet between layers as in OLMo 3.
pub(super) fn olmo(r: &mut Reading<'_>) -> Read<()> {
    r.spec.gated_delta = Some(gated_delta(r)?);
    Ok(())
}

/// Qwen3-Next and Qwen 3.5: gated DeltaNet, every fourth layer with gated attention.
pub(super) fn qwen3_next(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    if r.spec.pattern.is_none() {
        let period = text.assume(&["full_attention_interval"], 4)?.clamp(1, 1024);
        let letters: Vec<char> = (1..=period).map(|i| if i == period { 'F' } else { 'L' }).collect();
        r.spec.pattern = short_pattern(&letters);
    }
    r.spec.gated_delta = Some(gated_delta(r)?);
    r.spec.output_gate = text.flag(&["attn_output_gate"])?.unwrap_or(true);
    experts::read(r)?;
    if let Some(moe) = &mut r.spec.moe {
        moe.shared_gate = moe.shared_width > 0;
    }
    experts::unused_dense_width(r);
    if r.kind == "qwen3_next" && !text.has(&["mtp_num_hidden_layers", "num_nextn_predict_layers"]) {
        text.note(
            "the published files hold a block for multi-token prediction that the configuration does not mention",
        );
        return experts::blocks_for_further_tokens(r, 1, false, 0);
    }
    experts::next_token_blocks(r, false, 0)
}

/// `MiniMax` M1: lightning attention but for every eighth layer.
pub(super) fn minimax_m1(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    let letters: Vec<char> = match (text.numbers(&["attn_type_list"])?, text.has(&["layer_types"])) {
        (Some(kinds), _) => kinds.iter().map(|&k| if k == 1 { 'F' } else { 'L' }).collect(),
        (None, true) => Vec::new(),
        (None, false) => (1..=8).map(|i| if i == 8 { 'F' } else { 'L' }).collect(),
    };
    if !letters.is_empty() {
        r.spec.pattern = short_pattern(&letters);
    }
    r.spec.gated_delta = Some(GatedDelta {
        key_heads: r.spec.heads,
        value_heads: r.spec.heads,
        key_dim: r.spec.head_dim,
        value_dim: r.spec.head_dim,
        conv: 0,
        kind: LinearKind::Lightning,
    });
    experts::read(r)?;
    experts::unused_dense_width(r);
    Ok(())
}

/// Ling and Ring 2.5: delta attention with full gates and, in every so many layers, latent attention with a gate per head.
pub(super) fn bailing_hybrid(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    latent::attention(r)?;
    if r.spec.pattern.is_none() && !text.has(&["layer_types"]) {
        let period = text.assume(&["layer_group_size"], 6)?.clamp(1, 1024);
        let letters: Vec<char> = (1..=period).map(|i| if i == period { 'F' } else { 'L' }).collect();
        r.spec.pattern = short_pattern(&letters);
    }
    let heads = text.optional(&["linear_num_heads"])?.unwrap_or(r.spec.heads);
    let width = text.optional(&["linear_head_dim"])?.unwrap_or(128);
    let taps = text.optional(&["linear_conv_kernel_dim", "short_conv_kernel_size"])?.unwrap_or(4);
    r.spec.gated_delta = Some(GatedDelta {
        key_heads: heads,
        value_heads: heads,
        key_dim: width,
        value_dim: width,
        conv: taps,
        kind: LinearKind::Listed,
    });
    let letters: Vec<char> = r.spec.pattern.as_deref().unwrap_or("F").chars().collect();
    let linear = (0..r.spec.layers as usize).filter(|i| letters[i % letters.len()] == 'L').count() as u128;
    let (hidden, n, wide) = (r.hidden(), u128::from(heads), u128::from(heads) * u128::from(width));
    // Queries, keys, values, output, decay and output gate; taps; strengths; decay and step bias; a norm.
    let layer = 6 * hidden * wide + 3 * wide * u128::from(taps) + hidden * n + n + wide + u128::from(width);
    r.other("linear attention", linear * layer);
    let gates = (r.layers() - linear) * hidden * u128::from(r.spec.heads);
    r.other("head gates", gates);
    experts::read(r)?;
    if let Some(moe) = &mut r.spec.moe {
        moe.router_bias = true;
    }
    experts::next_token_blocks(r, false, 0)
}

/// Kimi Linear: Kimi delta attention and, in the listed layers, latent attention.
pub(super) fn kimi_linear(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    latent::attention(r)?;
    let linear = text.child(&["linear_attn_config"]).ok_or("`linear_attn_config` is missing")?;
    let full = linear.numbers(&["full_attn_layers"])?.ok_or("`full_attn_layers` is missing")?;
    // The lists count from 1.
    let letters: Vec<char> = (1..=r.spec.layers).map(|i| if full.contains(&i) { 'F' } else { 'L' }).collect();
    r.spec.pattern = short_pattern(&letters);
    let heads = linear.need(&["num_heads"])?;
    let width = linear.need(&["head_dim"])?;
    r.spec.gated_delta = Some(GatedDelta {
        key_heads: heads,
        value_heads: heads,
        key_dim: width,
        value_dim: width,
        conv: linear.assume(&["short_conv_kernel_size"], 4)?,
        kind: LinearKind::Kimi,
    });
    if linear.is(&["use_full_rank_gate"])? {
        let (values, hidden) = (u128::from(heads) * u128::from(width), r.hidden());
        let layers = letters.iter().filter(|&&l| l == 'L').count() as u128;
        let low_rank = (hidden + values) * u128::from(width);
        r.other("full-rank gates", layers * (hidden * values).saturating_sub(low_rank));
    }
    r.spec.output_gate = text.is(&["mla_use_output_gate"])?;
    experts::read(r)?;
    let latent = text.or_zero(&["routed_expert_hidden_size"])?;
    let norms = text.is(&["latent_moe_use_norm"])?;
    let sparse = r.layers().saturating_sub(r.spec.dense_first_layers.into());
    if let Some(moe) = &mut r.spec.moe {
        moe.router_bias = true;
        moe.latent_width = latent;
    }
    if text.or_zero(&["attn_res_block_size"])? > 0 {
        // A query and a norm for each block of each layer, and one pair at the end.
        let residuals = (2 * r.layers() + 1) * 2 * r.hidden();
        r.other("attention over residuals", residuals);
    }
    if norms {
        r.other("latent norms", sparse * u128::from(latent));
    }
    Ok(())
}

/// Nemotron-H: every layer is one thing only: state space, attention, feed-forward or experts.
pub(super) fn nemotron_h(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    let letters = match (text.text(&["hybrid_override_pattern"]), text.words(&["layers_block_type"])) {
        (Some(pattern), _) => pattern.chars().map(nemotron_letter).collect::<Read<Vec<char>>>()?,
        (None, Some(words)) => words.iter().map(|w| nemotron_word(w)).collect::<Read<Vec<char>>>()?,
        (None, None) => return Err("`hybrid_override_pattern` is missing".to_owned()),
    };
    r.spec.layers =
        u32::try_from(letters.len()).map_err(|_| "`hybrid_override_pattern` is longer than any model has layers")?;
    r.spec.pattern = short_pattern(&letters);
    let heads = text.need(&["mamba_num_heads"])?;
    r.spec.ssm = Some(Ssm {
        generation: 2,
        inner: heads.saturating_mul(text.need(&["mamba_head_dim"])?),
        state: text.need(&["ssm_state_size"])?,
        heads,
        groups: text.assume(&["n_groups"], 8)?,
        conv: text.assume(&["conv_kernel"], 4)?,
        norm: true,
        proj_bias: text.is(&["mamba_proj_bias", "use_bias"])?,
        no_conv_bias: !text.flag(&["use_conv_bias"])?.unwrap_or(true),
    });
    if letters.contains(&'D') {
        r.spec.moe = nemotron_experts(r)?;
        if r.spec.moe.is_some() {
            r.spec.ffn = 0;
        }
    }
    nemotron_next_tokens(r)
}

fn nemotron_experts(r: &Reading<'_>) -> Read<Option<MoeShape>> {
    let text = r.text;
    let latent = text.or_zero(&["moe_latent_size"])?;
    let mut shape = experts::shape(r)?;
    if let Some(moe) = &mut shape {
        moe.router_bias = true;
        moe.latent_width = latent;
    }
    Ok(shape)
}

fn nemotron_letter(letter: char) -> Read<char> {
    match letter {
        'M' => Ok('m'),
        '*' => Ok('f'),
        '-' | 'E' => Ok('D'),
        other => Err(format!("`hybrid_override_pattern` holds the unknown letter {other:?}")),
    }
}

fn nemotron_word(word: &str) -> Read<char> {
    match word {
        "mamba" => Ok('m'),
        "attention" => Ok('f'),
        "mlp" | "moe" => Ok('D'),
        other => Err(format!("`layers_block_type` holds the unknown kind `{other}`")),
    }
}

/// Two small layers, attention and experts, that guess the next token but one.
fn nemotron_next_tokens(r: &mut Reading<'_>) -> Read<()> {
    let blocks = u128::from(r.text.or_zero(&["num_nextn_predict_layers"])?);
    if blocks == 0 || r.spec.moe.is_none() {
        return Ok(());
    }
    let architecture = r.spec.clone().expand().map_err(|e| e.to_string())?;
    let is = |wanted: fn(&Layer) -> bool| architecture.layers.iter().find(|l| wanted(l)).copied();
    let attention = is(|l| matches!(l.mixer, Mixer::Attention(_)));
    let moe = is(|l| matches!(l.ffn, FeedForward::Moe(_)));
    let own: u128 = [attention, moe].into_iter().flatten().map(|l| u128::from(parameters::of_layer(&r.spec, &l))).sum();
    let hidden = r.hidden();
    r.other(MULTI_TOKEN_PREDICTION, blocks * (own + 2 * hidden * hidden + 3 * hidden));
    Ok(())
}
