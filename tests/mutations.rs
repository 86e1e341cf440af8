//! Damaged model files: whatever a file says, it is answered or refused, and what is answered can be planned with.
//!
//! `MUTATIONS=100000 cargo test --release --test mutations` looks longer than the default does.

mod common;

use common::Random;
use common::models::use_model;
use edgemem::catalog::Catalog;
use edgemem::readers::{gguf, hf_config, safetensors};
use serde_json::{Map, Value, json};

fn rounds() -> u64 {
    std::env::var("MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(600)
}

#[derive(serde::Deserialize)]
struct Published {
    models: Vec<Entry>,
}

#[derive(serde::Deserialize)]
struct Entry {
    keys: Map<String, Value>,
}

/// A value that no publisher writes, or that only some do.
fn strange(r: &mut Random) -> Value {
    match r.range(0, 15) {
        0 => Value::Null,
        1 => json!(0),
        2 => json!(1),
        3 => json!(-1),
        4 => json!(u32::MAX),
        5 => json!(1u64 << 32),
        6 => json!(u64::MAX),
        7 => json!(1e308),
        8 => json!(0.5),
        9 => json!("Infinity"),
        10 => json!([]),
        11 => json!({}),
        12 => json!(true),
        13 => json!([1, 0, 1]),
        14 => json!(r.range(0, 1 << 20)),
        _ => json!(r.bits()),
    }
}

/// Changes one value somewhere in an object.
fn damage(map: &mut Map<String, Value>, others: &[Map<String, Value>], r: &mut Random) {
    let keys: Vec<String> = map.keys().cloned().collect();
    if keys.is_empty() {
        return;
    }
    let key = &keys[r.range(0, keys.len() as u64 - 1) as usize];
    if let Some(Value::Object(inner)) = map.get_mut(key)
        && r.chance(80)
    {
        return damage(inner, others, r);
    }
    match r.range(0, 9) {
        0 => drop(map.shift_remove(key)),
        1 | 2 => {
            // A key of another family's file.
            let other = &others[r.range(0, others.len() as u64 - 1) as usize];
            if let Some((name, value)) = other.iter().nth(r.range(0, other.len() as u64) as usize) {
                map.insert(name.clone(), value.clone());
            }
        }
        3 => {
            if let Some(n) = map.get(key).and_then(Value::as_u64) {
                map.insert(key.clone(), json!(n.wrapping_mul(r.range(0, 70_000))));
            }
        }
        4 => {
            if let Some(Value::Array(list)) = map.get_mut(key) {
                match r.range(0, 2) {
                    0 => list.truncate(1),
                    1 => list.push(strange(r)),
                    _ => list.clear(),
                }
            }
        }
        _ => drop(map.insert(key.clone(), strange(r))),
    }
}

/// Bytes flipped, cut out, doubled or overwritten.
fn scramble(bytes: &mut Vec<u8>, r: &mut Random) {
    for _ in 0..r.range(1, 4) {
        if bytes.is_empty() {
            return;
        }
        let at = r.range(0, bytes.len() as u64 - 1) as usize;
        match r.range(0, 6) {
            0 => bytes[at] ^= 1 << r.range(0, 7),
            1 => bytes[at] = r.pick(b"\0\x01\x7f\x80\xff{}[]\",:-0e"),
            2 => bytes.truncate(at),
            3 => {
                let end = (at + r.range(1, 64) as usize).min(bytes.len());
                bytes.drain(at..end);
            }
            4 => {
                let end = (at + r.range(1, 64) as usize).min(bytes.len());
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            _ => {
                let number = r.pick(&[0, 1, 0x7fff_ffff, 0xffff_ffff, 1 << 40, u64::MAX, 1 << 63]).to_le_bytes();
                let end = (at + 8).min(bytes.len());
                bytes[at..end].copy_from_slice(&number[..end - at]);
            }
        }
    }
}

fn configs() -> Vec<Map<String, Value>> {
    let text = include_str!("fixtures/model_configs.yaml");
    let published: Published = serde_saphyr::from_str(text).unwrap();
    published.models.into_iter().map(|m| m.keys).collect()
}

#[test]
fn a_damaged_configuration_is_answered_or_refused() {
    let catalog = Catalog::shipped().unwrap();
    let configs = configs();
    let mut r = Random::new(1);
    let mut answered = 0;
    for round in 0..rounds() {
        let mut config = configs[(round % configs.len() as u64) as usize].clone();
        for _ in 0..r.range(0, 4) {
            damage(&mut config, &configs, &mut r);
        }
        let mut text = serde_json::to_string(&config).unwrap();
        if r.chance(10) {
            let mut bytes = text.into_bytes();
            scramble(&mut bytes, &mut r);
            text = String::from_utf8_lossy(&bytes).into_owned();
        }
        if let Ok(model) = hf_config::parse(&text, "config.json") {
            assert!(model.active_parameters <= model.parameters, "{text}");
            answered += 1;
            use_model(model, &catalog, &mut r);
        }
    }
    assert!(answered > rounds() / 4, "only {answered} answered: the damage is too great to test anything");
}

/// A GGUF file's header with a tokenizer and a block's tensors.
fn gguf_header(architecture: &str, further: &[(&str, u32)]) -> Vec<u8> {
    fn text(out: &mut Vec<u8>, s: &str) {
        out.extend((s.len() as u64).to_le_bytes());
        out.extend(s.as_bytes());
    }
    let numbers = [
        ("block_count", 1u32),
        ("context_length", 8192),
        ("embedding_length", 512),
        ("feed_forward_length", 1024),
        ("attention.head_count", 8),
        ("attention.head_count_kv", 2),
        ("attention.key_length", 64),
        ("attention.value_length", 64),
    ];
    let tensors: [(&str, &[u64], u32); 12] = [
        ("token_embd.weight", &[512, 1000], 14),
        ("output.weight", &[512, 1000], 14),
        ("output_norm.weight", &[512], 0),
        ("blk.0.attn_norm.weight", &[512], 0),
        ("blk.0.attn_q.weight", &[512, 512], 12),
        ("blk.0.attn_k.weight", &[512, 128], 12),
        ("blk.0.attn_v.weight", &[512, 128], 14),
        ("blk.0.attn_output.weight", &[512, 512], 12),
        ("blk.0.ffn_norm.weight", &[512], 0),
        ("blk.0.ffn_gate.weight", &[512, 1024], 12),
        ("blk.0.ffn_up.weight", &[512, 1024], 12),
        ("blk.0.ffn_down.weight", &[1024, 512], 14),
    ];
    let mut out = b"GGUF".to_vec();
    out.extend(3u32.to_le_bytes());
    out.extend((tensors.len() as u64).to_le_bytes());
    out.extend((2 + numbers.len() as u64 + further.len() as u64).to_le_bytes());
    text(&mut out, "general.architecture");
    out.extend(8u32.to_le_bytes());
    text(&mut out, architecture);
    for (key, value) in numbers.iter().chain(further) {
        text(&mut out, &format!("{architecture}.{key}"));
        out.extend(4u32.to_le_bytes());
        out.extend(value.to_le_bytes());
    }
    text(&mut out, "tokenizer.ggml.tokens");
    out.extend(9u32.to_le_bytes());
    out.extend(8u32.to_le_bytes());
    out.extend(40u64.to_le_bytes());
    for n in 0..40 {
        text(&mut out, &format!("token{n}"));
    }
    let mut offset = 0u64;
    for (name, dims, kind) in tensors {
        text(&mut out, name);
        out.extend((dims.len() as u32).to_le_bytes());
        dims.iter().for_each(|d| out.extend(d.to_le_bytes()));
        out.extend(kind.to_le_bytes());
        out.extend(offset.to_le_bytes());
        // Bytes of a block of 256 elements, or of one of single precision.
        let elements = dims.iter().product::<u64>();
        let bytes = match kind {
            0 => elements * 4,
            12 => elements / 256 * 144,
            _ => elements / 256 * 210,
        };
        offset += bytes.next_multiple_of(32);
    }
    out
}

#[test]
fn a_damaged_gguf_header_is_answered_or_refused() {
    let catalog = Catalog::shipped().unwrap();
    let bases = [
        gguf_header("llama", &[]),
        gguf_header("gemma3", &[("attention.sliding_window", 512)]),
        gguf_header("qwen3moe", &[("expert_count", 8), ("expert_used_count", 2), ("expert_feed_forward_length", 256)]),
        gguf_header("mamba", &[("ssm.conv_kernel", 4), ("ssm.inner_size", 1024), ("ssm.state_size", 16)]),
    ];
    let mut r = Random::new(2);
    let (mut read, mut understood) = (0, 0);
    for round in 0..rounds() {
        let mut bytes = bases[(round % bases.len() as u64) as usize].clone();
        if round >= bases.len() as u64 {
            scramble(&mut bytes, &mut r);
        }
        let Ok(header) = gguf::Header::read(bytes.as_slice()) else { continue };
        read += 1;
        if let Ok(model) = gguf::model(&[header]) {
            understood += 1;
            use_model(model, &catalog, &mut r);
        }
    }
    assert!(read > 0 && understood > 0, "{read} headers read, {understood} understood");
}

#[test]
fn a_damaged_safetensors_header_is_answered_or_refused() {
    let header = json!({
        "__metadata__": { "format": "pt" },
        "model.embed_tokens.weight": { "dtype": "BF16", "shape": [1000, 64], "data_offsets": [0, 128_000] },
        "model.layers.0.mlp.up_proj.weight": { "dtype": "F8_E4M3", "shape": [128, 64], "data_offsets": [128_000, 136_192] },
        "lm_head.weight": { "dtype": "F32", "shape": [1000, 64], "data_offsets": [136_192, 392_192] },
    });
    let index = json!({
        "metadata": { "total_size": 392_192 },
        "weight_map": { "a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors" },
    });
    let bases = [header.to_string().into_bytes(), index.to_string().into_bytes()];
    let mut r = Random::new(3);
    let mut read = 0;
    for round in 0..rounds() {
        let mut bytes = bases[(round % 2) as usize].clone();
        if round >= 2 {
            scramble(&mut bytes, &mut r);
        }
        let first = <[u8; 8]>::try_from(&bytes[..bytes.len().min(8)]).unwrap_or_default();
        let _ = safetensors::header_length(first, r.bits(), "model.safetensors");
        if let Ok(header) = safetensors::parse_header(&bytes, "model.safetensors") {
            read += 1;
            assert_eq!(header.tensors.iter().map(|t| t.bytes.0).sum::<u64>(), header.data.0);
            if let Ok(weights) = safetensors::weights(vec![header], "model.safetensors") {
                let _ = safetensors::elements(&weights);
            }
        }
        if let Ok(text) = std::str::from_utf8(&bytes) {
            let _ = safetensors::parse_index(text, "model.safetensors.index.json");
        }
    }
    assert!(read > 0);
}
