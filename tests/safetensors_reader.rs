//! Safetensors headers and indexes, and folders as models are downloaded.

use std::fs;
use std::path::Path;

use edgemem::readers::read_model;
use edgemem::readers::safetensors::{header_length, parse_header, parse_index};
use proptest::prelude::*;

const HEADER: &str = r#"{"__metadata__":{"format":"pt"},
  "b":{"dtype":"F32","shape":[2],"data_offsets":[12,20]},
  "a":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]}}"#;

#[test]
fn a_header_lists_its_tensors_in_file_order() {
    let header = parse_header(HEADER.as_bytes(), "x").expect("a valid header");
    let names: Vec<&str> = header.tensors.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(header.tensors[0].dims, [3, 2], "the contiguous dimension first");
    assert_eq!(header.data.0, 20);
}

#[test]
fn contradictions_are_refused_and_named() {
    for (from, to, named) in [
        ("[12,20]", "[8,16]", "overlaps"),
        ("[12,20]", "[16,24]", "hole"),
        ("[12,20]", "[20,12]", "cannot take"),
        ("[2,3]", "[2,4]", "cannot take"),
        ("[2,3]", "[18446744073709551615,3]", "cannot take"),
        ("\"b\":", "\"a\":", "is defined twice"),
        ("F32", "Q9", "unknown type"),
        ("[12,20]", "[12]", "cannot be read"),
    ] {
        let text = HEADER.replace(from, to);
        let error = parse_header(text.as_bytes(), "model.safetensors").expect_err(named);
        assert!(error.one_line().contains(named), "{named}: {error}");
    }
}

#[test]
fn a_header_longer_than_its_file_is_refused() {
    assert!(header_length(u64::MAX.to_le_bytes(), 1 << 40, "x").is_err());
    assert!(header_length(100u64.to_le_bytes(), 50, "x").is_err());
    assert_eq!(header_length(100u64.to_le_bytes(), 5000, "x").ok(), Some(100));
}

#[test]
fn an_index_may_not_point_out_of_its_folder() {
    let index = |file: &str| format!(r#"{{"metadata":{{"total_size":0}},"weight_map":{{"a":"{file}"}}}}"#);
    assert_eq!(parse_index(&index("one.safetensors"), "x").expect("valid"), ["one.safetensors"]);
    for file in ["../one", "/etc/passwd", "", "..", "c:one"] {
        assert!(parse_index(&index(file), "x").is_err(), "{file}");
    }
}

fn write_weights(path: &Path, header: &str, data: usize) {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    fs::write(path, bytes).expect("a writable folder");
}

#[test]
fn a_folder_gives_dimensions_and_stored_bytes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = r#"{"model_type":"llama","hidden_size":8,"intermediate_size":16,"num_hidden_layers":1,
        "num_attention_heads":2,"vocab_size":10,"tie_word_embeddings":true}"#;
    fs::write(folder.path().join("config.json"), config).expect("written");
    write_weights(&folder.path().join("model-1.safetensors"), HEADER, 20);
    let index = r#"{"weight_map":{"a":"model-1.safetensors","b":"model-1.safetensors"}}"#;
    fs::write(folder.path().join("model.safetensors.index.json"), index).expect("written");

    let model = read_model(folder.path()).unwrap_or_else(|e| panic!("{e}"));
    // 10 x 8 embeddings, 4 x 8 x 8 attention, 3 x 8 x 16 feed-forward, 3 x 8 norms.
    assert_eq!(model.parameters, 80 + 256 + 384 + 24);
    let stored = model.stored.expect("stored weights");
    assert_eq!(stored.bytes.0, 20);
    assert_eq!(stored.format, "f16", "the type of most bytes");
    assert!(model.assumptions.iter().any(|a| a.contains("store 8 numbers")), "{:?}", model.assumptions);
}

#[test]
fn weights_alone_are_a_network_of_so_many_parameters() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("net.safetensors");
    write_weights(&file, HEADER, 20);
    let model = read_model(&file).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(model.parameters, 8);
    assert!(model.network().is_some());
    assert!(!model.assumptions.is_empty());
}

#[test]
fn a_missing_file_is_named() {
    let error = read_model(Path::new("no/such/config.json")).expect_err("missing");
    assert!(error.render(false).contains("no/such/config.json"), "{error}");
}

proptest! {
    #[test]
    fn any_bytes_are_answered_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse_header(&bytes, "x");
    }

    #[test]
    fn any_offsets_are_answered_or_refused(a in any::<u64>(), b in any::<u64>(), dims in prop::collection::vec(any::<u64>(), 0..5)) {
        let text = format!(r#"{{"t":{{"dtype":"F16","shape":{dims:?},"data_offsets":[{a},{b}]}}}}"#);
        if let Ok(header) = parse_header(text.as_bytes(), "x") {
            prop_assert_eq!(header.data.0, b);
        }
    }
}
