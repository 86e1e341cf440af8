//! The GGUF reader, on files that a small writer makes.

#![expect(clippy::unwrap_used, reason = "a test may stop where its own file cannot be written")]

use std::path::Path;

use edgemem::domain::{Architecture, FeedForward, Mixer, QkNorm};
use edgemem::readers::gguf::{Header, HeaderError, model, read};

enum Meta<'a> {
    Int(u32),
    Short(u16),
    Text(&'a str),
    Texts(usize),
    Ints(&'a [i32]),
    Bools(&'a [bool]),
    Float(f32),
}

const F32: u32 = 0;
const F16: u32 = 1;
const Q4_K: u32 = 12;

/// Bytes of a tensor's data, for offsets.
fn size(dims: &[u64], element: u32) -> u64 {
    let n: u64 = dims.iter().product();
    match element {
        F32 => 4 * n,
        F16 => 2 * n,
        _ => n / 256 * 144,
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn text(&mut self, text: &str) {
        self.0.extend((text.len() as u64).to_le_bytes());
        self.0.extend(text.as_bytes());
    }

    fn meta(&mut self, key: &str, value: &Meta<'_>) {
        self.text(key);
        let mut put = |kind: u32, bytes: &[u8]| {
            self.0.extend(kind.to_le_bytes());
            self.0.extend(bytes);
        };
        match value {
            Meta::Int(n) => put(4, &n.to_le_bytes()),
            Meta::Short(n) => put(2, &n.to_le_bytes()),
            Meta::Float(n) => put(6, &n.to_le_bytes()),
            Meta::Text(text) => {
                put(8, &[]);
                self.text(text);
            }
            Meta::Texts(n) => {
                put(9, &8u32.to_le_bytes());
                self.0.extend((*n as u64).to_le_bytes());
                for i in 0..*n {
                    self.text(&format!("token {i}"));
                }
            }
            Meta::Ints(list) => {
                put(9, &5u32.to_le_bytes());
                self.0.extend((list.len() as u64).to_le_bytes());
                list.iter().for_each(|n| self.0.extend(n.to_le_bytes()));
            }
            Meta::Bools(list) => {
                put(9, &7u32.to_le_bytes());
                self.0.extend((list.len() as u64).to_le_bytes());
                list.iter().for_each(|&n| self.0.push(n.into()));
            }
        }
    }
}

type Tensors<'a> = &'a [(String, Vec<u64>, u32)];

fn file(version: u32, metadata: &[(&str, Meta<'_>)], tensors: Tensors<'_>) -> Vec<u8> {
    let mut out = Writer(b"GGUF".to_vec());
    out.0.extend(version.to_le_bytes());
    out.0.extend((tensors.len() as u64).to_le_bytes());
    out.0.extend((metadata.len() as u64).to_le_bytes());
    metadata.iter().for_each(|(key, value)| out.meta(key, value));
    let mut offset = 0u64;
    for (name, dims, element) in tensors {
        out.text(name);
        out.0.extend((dims.len() as u32).to_le_bytes());
        dims.iter().for_each(|d| out.0.extend(d.to_le_bytes()));
        out.0.extend(element.to_le_bytes());
        out.0.extend(offset.to_le_bytes());
        offset += size(dims, *element).next_multiple_of(32);
    }
    let start = out.0.len().next_multiple_of(32) + offset as usize;
    out.0.resize(start, 0);
    out.0
}

fn tensor(name: &str, dims: &[u64], element: u32) -> (String, Vec<u64>, u32) {
    (name.to_owned(), dims.to_vec(), element)
}

/// A small model of Llama's kind: 2 blocks, 4 heads of 64 that share 2 keys.
fn llama() -> Vec<(String, Vec<u64>, u32)> {
    let mut list = vec![tensor("token_embd.weight", &[256, 1000], F16), tensor("output_norm.weight", &[256], F32)];
    for i in 0..2 {
        let t = |name: &str, dims: &[u64], element| tensor(&format!("blk.{i}.{name}"), dims, element);
        list.extend([
            t("attn_norm.weight", &[256], F32),
            t("attn_q.weight", &[256, 256], Q4_K),
            t("attn_k.weight", &[256, 128], Q4_K),
            t("attn_v.weight", &[256, 128], Q4_K),
            t("attn_output.weight", &[256, 256], Q4_K),
            t("ffn_norm.weight", &[256], F32),
            t("ffn_gate.weight", &[256, 512], Q4_K),
            t("ffn_up.weight", &[256, 512], Q4_K),
            t("ffn_down.weight", &[512, 256], Q4_K),
        ]);
    }
    list
}

fn llama_metadata<'a>() -> Vec<(&'a str, Meta<'a>)> {
    vec![
        ("general.architecture", Meta::Text("llama")),
        ("general.file_type", Meta::Int(15)),
        ("llama.block_count", Meta::Int(2)),
        ("llama.context_length", Meta::Int(4096)),
        ("llama.embedding_length", Meta::Int(256)),
        ("llama.attention.head_count", Meta::Int(4)),
        ("llama.attention.head_count_kv", Meta::Int(2)),
        ("llama.attention.layer_norm_rms_epsilon", Meta::Float(1e-5)),
        ("tokenizer.ggml.tokens", Meta::Texts(1000)),
    ]
}

fn parse(bytes: &[u8]) -> Result<Header, HeaderError> {
    Header::read(bytes)
}

fn architecture(bytes: &[u8]) -> Architecture {
    model(&[parse(bytes).unwrap()]).unwrap().language().unwrap().clone()
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_model_is_read_from_its_header() {
    for version in [2, 3] {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), "small.gguf", &file(version, &llama_metadata(), &llama()));
        let model = read(&path).unwrap();
        let spec = &model.language().unwrap().spec;
        assert_eq!((spec.layers, spec.hidden, spec.vocab), (2, 256, 1000));
        assert_eq!((spec.heads, spec.kv_heads, spec.head_dim, spec.ffn), (4, 2, 64, 512));
        assert!(spec.tied_embeddings && !spec.ungated_ffn && !spec.fused_qkv && !spec.output_gate);
        assert_eq!(spec.max_context, Some(4096));
        let block = 2 * 256 + 2 * 256 * 256 + 2 * 256 * 128 + 3 * 256 * 512;
        assert_eq!(model.parameters, 256_000 + 256 + 2 * block);
        assert!(model.assumptions.is_empty(), "{:?}", model.assumptions);
        let stored = model.stored.unwrap();
        assert_eq!(stored.format, "q4_k_m");
        let quantised = (2 * 256 * 256 + 2 * 256 * 128 + 3 * 256 * 512) / 256 * 144;
        assert_eq!(stored.bytes.0, 512_000 + 1024 + 2 * (2 * 1024 + quantised));
    }
}

#[test]
fn parts_of_a_split_file_are_put_together() {
    let folder = tempfile::tempdir().unwrap();
    let tensors = llama();
    let part = |number: u16| {
        let mut metadata = llama_metadata();
        metadata.extend([("split.no", Meta::Short(number)), ("split.count", Meta::Short(2))]);
        let half = if number == 0 { &tensors[..7] } else { &tensors[7..] };
        file(3, &metadata, half)
    };
    let first = write(folder.path(), "m-00001-of-00002.gguf", &part(0));
    let missing = read(&first).unwrap_err();
    assert!(missing.message().contains("m-00002-of-00002.gguf"), "{}", missing.message());
    let second = write(folder.path(), "m-00002-of-00002.gguf", &part(1));
    let whole = model(&[parse(&file(3, &llama_metadata(), &tensors)).unwrap()]).unwrap();
    for path in [first, second] {
        let joined = read(&path).unwrap();
        assert_eq!(joined.parameters, whole.parameters);
        assert_eq!(joined.language(), whole.language());
        assert_eq!(joined.stored.unwrap().bytes, whole.stored.as_ref().unwrap().bytes);
    }
    let renamed = write(folder.path(), "other.gguf", &part(0));
    assert!(read(&renamed).unwrap_err().message().contains("must be named"));
}

#[test]
fn what_a_block_does_is_read_off_its_tensors() {
    let mut tensors = vec![tensor("token_embd.weight", &[256, 1000], F16), tensor("output.weight", &[256, 1000], F16)];
    for (i, attends) in [(0, false), (1, true), (2, false), (3, true)] {
        let t =
            |name: &str, dims: &[u64]| tensor(&format!("blk.{i}.{name}"), dims, if dims.len() > 1 { F16 } else { F32 });
        tensors.push(t("attn_norm.weight", &[256]));
        if attends {
            tensors.extend([
                t("attn_q.weight", &[256, 256]),
                t("attn_k.weight", &[256, 128]),
                t("attn_v.weight", &[256, 128]),
                t("attn_q_norm.weight", &[64]),
                t("attn_output.weight", &[256, 256]),
            ]);
        } else {
            tensors.extend([
                t("ssm_in.weight", &[256, 1160]),
                t("ssm_conv1d.weight", &[4, 640]),
                t("ssm_norm.weight", &[512, 1]),
                t("ssm_out.weight", &[512, 256]),
            ]);
        }
        tensors.push(t("ffn_norm.weight", &[256]));
        if i == 0 {
            tensors.extend([t("ffn_gate.weight", &[256, 512]), t("ffn_up.weight", &[256, 512])]);
            tensors.push(t("ffn_down.weight", &[512, 256]));
        } else {
            tensors.extend([t("ffn_gate_exps.weight", &[256, 64, 8]), t("ffn_up_exps.weight", &[256, 64, 8])]);
            tensors.extend([t("ffn_down_exps.weight", &[64, 256, 8]), t("ffn_down_shexp.weight", &[128, 256])]);
        }
    }
    let metadata = [
        ("general.architecture", Meta::Text("granitehybrid")),
        ("granitehybrid.block_count", Meta::Int(4)),
        ("granitehybrid.embedding_length", Meta::Int(256)),
        ("granitehybrid.attention.head_count", Meta::Int(4)),
        ("granitehybrid.attention.head_count_kv", Meta::Ints(&[0, 2, 0, 2])),
        ("granitehybrid.expert_count", Meta::Int(8)),
        ("granitehybrid.expert_used_count", Meta::Int(2)),
        ("granitehybrid.ssm.conv_kernel", Meta::Int(4)),
        ("granitehybrid.ssm.inner_size", Meta::Int(512)),
        ("granitehybrid.ssm.state_size", Meta::Int(64)),
        ("granitehybrid.ssm.time_step_rank", Meta::Int(8)),
        ("granitehybrid.ssm.group_count", Meta::Int(1)),
    ];
    let read = model(&[parse(&file(3, &metadata, &tensors)).unwrap()]).unwrap();
    assert!(read.active_parameters < read.parameters);
    assert_eq!(read.stored.as_ref().unwrap().format, "f16", "told by most of its bytes");
    let architecture = read.language().unwrap();
    let spec = &architecture.spec;
    assert_eq!(spec.pattern.as_deref(), Some("MFMF"));
    assert_eq!((spec.kv_heads, spec.qk_norm, spec.tied_embeddings), (2, Some(QkNorm::PerHead), false));
    assert!(
        matches!(architecture.layers[0].mixer, Mixer::Ssm(ssm) if ssm.inner == 512 && ssm.norm && ssm.no_conv_bias)
    );
    assert!(matches!(architecture.layers[0].ffn, FeedForward::Dense { width: 512 }));
    assert!(
        matches!(architecture.layers[3].ffn, FeedForward::Moe(m) if (m.experts, m.used, m.width, m.shared_width) == (8, 2, 64, 128))
    );
}

#[test]
fn sliding_layers_follow_the_list_or_the_familys_period() {
    let window = |metadata: Vec<(&str, Meta<'_>)>| {
        let windows = architecture(&file(3, &metadata, &llama())).layers;
        windows.iter().map(|l| matches!(l.mixer, Mixer::Attention(a) if a.window == Some(512))).collect::<Vec<_>>()
    };
    let mut metadata: Vec<(&str, Meta<'_>)> = vec![("general.architecture", Meta::Text("gemma2"))];
    for (key, n) in [
        ("gemma2.block_count", 2),
        ("gemma2.embedding_length", 256),
        ("gemma2.attention.head_count", 4),
        ("gemma2.attention.head_count_kv", 2),
        ("gemma2.attention.sliding_window", 512),
    ] {
        metadata.push((key, Meta::Int(n)));
    }
    assert_eq!(window(metadata), [true, false], "every other block of Gemma 2");
    let mut metadata = llama_metadata();
    metadata.push(("llama.attention.sliding_window", Meta::Int(512)));
    metadata.push(("llama.attention.sliding_window_pattern", Meta::Bools(&[false, true])));
    assert_eq!(window(metadata), [false, true]);
}

#[test]
fn damaged_files_are_refused_with_the_reason() {
    let good = file(3, &llama_metadata(), &llama());
    for cut in [0, 3, 10, 24, 40, 200] {
        assert!(matches!(parse(&good[..cut]), Err(HeaderError::Io(_))), "cut at {cut}");
    }
    let changed = |at: usize, bytes: &[u8]| {
        let mut bad = good.clone();
        bad[at..at + bytes.len()].copy_from_slice(bytes);
        parse(&bad).unwrap_err().to_string()
    };
    assert!(changed(0, b"GGML").contains("begin with `GGUF`"));
    assert!(changed(4, &1u32.to_le_bytes()).contains("version 1"));
    assert!(changed(4, &3u32.to_be_bytes()).contains("big-endian"));
    assert!(changed(8, &u64::MAX.to_le_bytes()).contains("number of tensors"));
    assert!(changed(16, &u64::MAX.to_le_bytes()).contains("number of metadata entries"));
    assert!(changed(24, &u64::MAX.to_le_bytes()).contains("length of a key"));
    let refused = |tensor: (String, Vec<u64>, u32)| parse(&file(3, &[], &[tensor])).unwrap_err().to_string();
    assert!(refused(tensor("a", &[100, 2], Q4_K)).contains("whole number of blocks"));
    assert!(refused(tensor("a", &[1, 1, 1, 1, 1], F32)).contains("four dimensions"));
    assert!(refused(tensor("a", &[], 99)).contains("99 is unknown"));
    let twice = [("general.name", Meta::Text("a")), ("general.name", Meta::Text("b"))];
    assert!(parse(&file(3, &twice, &[])).unwrap_err().to_string().contains("appears twice"));
    let nameless = model(&[parse(&file(3, &[], &llama())).unwrap()]).unwrap_err();
    assert!(nameless.contains("general.architecture"), "{nameless}");
}

#[test]
fn a_file_shorter_than_its_tensors_is_read_and_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let whole = file(3, &llama_metadata(), &llama());
    let path = write(folder.path(), "header.gguf", &whole[..whole.len() - 100_000]);
    let model = read(&path).unwrap();
    assert!(model.assumptions.iter().any(|a| a.contains("the sizes are those that the header states")));
}

#[test]
fn no_damaged_byte_makes_the_reader_panic() {
    let good = file(3, &llama_metadata(), &llama()[..5]);
    let header = good.len().min(2_000);
    for at in 0..header {
        for byte in [0, 1, 9, 0x7f, 0xff] {
            let mut bad = good.clone();
            bad[at] = byte;
            if let Ok(header) = parse(&bad) {
                // Whether it describes a model or not: an answer or a reason, never a panic.
                let _ = model(&[header]);
            }
        }
    }
}
