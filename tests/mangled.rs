//! Scenarios, price lists, headers and configurations that were mangled on the way: understood or refused, never a crash.
//! `MANGLED=1000000 cargo test --release --test mangled` looks for longer; `fuzz/` has the same questions for a fuzzer.

mod common;

use std::sync::Arc;

use common::Random;
use edgemem::catalog::{Catalog, prices};
use edgemem::readers::{gguf, hf_config, safetensors};
use edgemem::scenario::{Document, Path, resolve};
use edgemem::yaml::parse_value;
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};

/// What stands where it should not.
const TOKENS: [&str; 36] = [
    "-1",
    "0",
    "1e400",
    ".nan",
    "99999999999999999999",
    "25%",
    "%",
    "~",
    "null",
    "[",
    "]",
    "{",
    "}",
    ":",
    "- ",
    "&a",
    "*a",
    "<<: *a",
    "!!int",
    "\"",
    "'",
    "|",
    "\n",
    "\t",
    "\u{feff}",
    "\u{0}",
    "é",
    "limits:",
    "workloads:",
    "sites:",
    "name: talk",
    "context: 0",
    ",",
    ";",
    "1.234",
    "0.0000001",
];

fn rounds() -> u64 {
    std::env::var("MANGLED").ok().and_then(|n| n.parse().ok()).unwrap_or(600)
}

/// A few bytes changed, taken out, doubled, or put in.
fn mangle(r: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..r.range(1, 4) {
        let len = bytes.len() as u64;
        let at = r.range(0, len) as usize;
        let end = (at + r.range(1, 24) as usize).min(bytes.len());
        match r.range(0, 5) {
            0 if at < bytes.len() => bytes[at] ^= 1 << r.range(0, 7),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            3 => bytes.truncate(at),
            4 => {
                let other = r.range(0, len) as usize;
                let part = bytes[at..end].to_vec();
                bytes.splice(other..other, part);
            }
            _ => drop(bytes.splice(at..at, r.pick(&TOKENS).bytes())),
        }
    }
    bytes
}

#[test]
fn scenarios() {
    let catalog = Catalog::shipped().unwrap();
    let files = [
        include_str!("../scenarios/robot.yaml"),
        include_str!("../scenarios/fleet.yaml"),
        include_str!("../scenarios/redundancy.yaml"),
        include_str!("../scenarios/low-duty.yaml"),
        include_str!("../scenarios/kiosk.yaml"),
    ];
    let paths =
        ["limits.price_usd", "workloads.talk", "sites.0.workloads.0.context", "allow.classes.1", "horizon.years"];
    let mut understood = 0;
    for seed in 0..rounds() {
        let r = &mut Random::new(seed);
        let file = r.pick(&files);
        let bytes = mangle(r, file.as_bytes());
        let text = String::from_utf8_lossy(&bytes);
        let Ok(document) = Document::parse("s.yaml", &text) else { continue };
        let path: Path = r.pick(&paths).parse().unwrap();
        let value = parse_value(r.pick(&TOKENS)).ok();
        let changed = value.and_then(|v| document.with(&path, v).ok());
        for document in changed.iter().chain([&document]) {
            match resolve(document, &catalog, &|name| catalog.model(name).map(Arc::new)) {
                Ok(_) => understood += 1,
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
    assert!(understood > 10, "{understood}");
}

#[test]
fn price_lists() {
    let shipped = Catalog::shipped().unwrap();
    let list = include_str!("../scenarios/fleet.prices.csv");
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (row, line) in list.lines().enumerate() {
        for (column, field) in line.split(',').enumerate() {
            let (row, column) = (row as u32, column as u16);
            match field.parse::<f64>() {
                Ok(number) => sheet.write(row, column, number).unwrap(),
                Err(_) => sheet.write(row, column, field).unwrap(),
            };
        }
    }
    sheet.write(9, 1, Formula::new("=B2/2").set_result("399.5")).unwrap();
    let date = Format::new().set_num_format("yyyy-mm-dd");
    sheet.write_with_format(9, 5, ExcelDateTime::from_ymd(2026, 1, 1).unwrap(), &date).unwrap();
    sheet.write(9, 0, "mac-mini-m4-16gb").unwrap();
    let book = workbook.save_to_buffer().unwrap();
    let mut used = shipped.clone();
    prices::apply(&mut used, "p.xlsx", &book).unwrap();
    let mut catalog = shipped.clone();
    for seed in 0..rounds() {
        let r = &mut Random::new(seed);
        let list = if r.chance(50) { list.as_bytes() } else { book.as_slice() };
        let bytes = mangle(r, list);
        let before = catalog.sha256().to_owned();
        match prices::apply(&mut catalog, "p", &bytes) {
            Ok(_) => catalog = shipped.clone(),
            Err(error) => {
                assert_eq!(catalog.sha256(), before, "seed {seed}: partly applied");
                assert!(!error.to_string().is_empty());
            }
        }
    }
}

#[test]
fn headers_and_configurations() {
    let config = r#"{"architectures":["Qwen2ForCausalLM"],"model_type":"qwen2","hidden_size":896,"intermediate_size":4864,
        "num_attention_heads":14,"num_hidden_layers":24,"num_key_value_heads":2,"vocab_size":151936,
        "max_position_embeddings":32768,"tie_word_embeddings":true,"torch_dtype":"bfloat16","sliding_window":32768}"#;
    hf_config::parse(config, "config.json").unwrap();
    let tensors =
        br#"{"a.weight":{"dtype":"F16","shape":[16,16],"data_offsets":[0,512]},"__metadata__":{"format":"pt"}}"#;
    let mut safe = (tensors.len() as u64).to_le_bytes().to_vec();
    safe.extend(tensors);
    let mut header = b"GGUF".to_vec();
    header.extend(3_u32.to_le_bytes());
    header.extend(0_u64.to_le_bytes());
    header.extend(1_u64.to_le_bytes());
    header.extend(20_u64.to_le_bytes());
    header.extend(b"general.architecture");
    header.extend(8_u32.to_le_bytes());
    header.extend(5_u64.to_le_bytes());
    header.extend(b"llama");
    for seed in 0..rounds() {
        let r = &mut Random::new(seed);
        let text = mangle(r, config.as_bytes());
        if let Ok(model) = hf_config::parse(&String::from_utf8_lossy(&text), "config.json") {
            assert!(model.active_parameters <= model.parameters, "seed {seed}");
        }
        if let Ok(header) = safetensors::parse_header(&mangle(r, &safe), "m.safetensors") {
            assert_eq!(header.tensors.iter().map(|t| t.bytes.0).sum::<u64>(), header.data.0, "seed {seed}");
        }
        if let Ok(header) = gguf::Header::read(mangle(r, &header).as_slice()) {
            let _ = gguf::model(&[header]);
        }
    }
}
