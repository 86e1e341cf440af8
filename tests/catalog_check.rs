//! `catalog check`: the shipped catalogs hold nothing impossible, and every kind of corruption is found.

use edgemem::catalog::Catalog;
use edgemem::catalog::check::{Finding, check};

#[test]
fn the_shipped_catalogs_hold_nothing_impossible() {
    let findings = check(&Catalog::shipped().unwrap());
    let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

const DEVICE: &str = "\
devices:
  - id: test-board
    name: Test board
    vendor: Test
    class: sbc
    silicon: test
    availability: offered
    aliases: [{ id: test-board-fast, modes: [fast] }]
    memory: { kind: unified, type: LPDDR4X 64-bit, installed_mib: 8192, visible_mib: 7900 }
    os_image: ubuntu-server
    bandwidth_gb_s: 34.1
    compute: { fp16_tflops: 2 }
    full_w: 15
    idle_w: 3
    modes:
      - { id: fast, default: true, full_w: 15, bandwidth_gb_s: 34.1, compute: { fp16_tflops: 2 } }
      - { id: slow, full_w: 7, bandwidth_gb_s: 17.0, compute: { fp16_tflops: 1 } }
    prices: [{ usd: 99, kind: MSRP, as_of: \"2026-08\", source: shop }]
    operating_temp_c: [0, 60]
    lead_time_days: 10
    runtimes: [llama.cpp-cpu]
";

const CARD: &str = "\
devices:
  - id: test-card
    name: Test card
    vendor: Test
    class: desktop-gpu
    silicon: test
    availability: offered
    memory: { kind: discrete, type: GDDR6 128-bit, installed_mib: 16384, visible_mib: 16000, reserved_mib: 500, host_visible_mib: 31000 }
    os_image: ubuntu-server
    accessories: [{ what: host, usd: 500, as_of: \"2026-08\", source: shop, full_w: 80, idle_w: 30 }]
    runtimes: [llama.cpp-cuda]
";

const RUNTIME: &str = "\
runtimes:
  - id: test-engine
    name: Test
    engine_id: test-engine
    engine: paged
    backend: cuda
    tasks: [language]
    formats: [f16]
    kv_types: [f16]
    flash_attention: always
    framework_mib: 500
    preallocated_share: 900000
    launch: serve {model} -c {context}
";

const FORMAT: &str = "\
formats:
  - id: test-format
    kind: { uniform: { bits: 4.5, embedding_bits: 16 } }
    quality_loss: 1000
";

const MODEL: &str = "\
models:
  - id: test-model
    task: language
    parameters: 8030261248
    architecture: { family: llama, layers: 32, hidden: 4096, vocab: 128256, heads: 32, kv_heads: 8, head_dim: 128, ffn: 14336 }
";

fn findings_of(overlay: &str) -> Vec<Finding> {
    let catalog = Catalog::with_overlays(&[("overlay.yaml".to_owned(), overlay.to_owned())])
        .unwrap_or_else(|e| panic!("{}\n{overlay}", e.one_line()));
    // The shipped entries have their own test.
    check(&catalog).into_iter().filter(|f| f.entry.contains("test-")).collect()
}

#[test]
fn sound_entries_pass() {
    for sound in [DEVICE, CARD, RUNTIME, FORMAT, MODEL] {
        assert_eq!(findings_of(sound), [], "{sound}");
    }
}

#[test]
fn every_corruption_of_an_entry_is_found() {
    let corruptions = [
        (DEVICE, "    bandwidth_gb_s: 34.1\n", "    bandwidth_gb_s: 51.2\n", "bandwidth_gb_s"),
        (DEVICE, "    bandwidth_gb_s: 34.1\n", "    bandwidth_gb_s: -1\n", "bandwidth_gb_s"),
        (DEVICE, "visible_mib: 7900", "visible_mib: 8193", "memory.visible_mib"),
        (DEVICE, "visible_mib: 7900", "visible_mib: 790", "memory.visible_mib"),
        (DEVICE, "visible_mib: 7900", "visible_mib: 7900, accelerator_mib: 8000", "memory.accelerator_mib"),
        (DEVICE, "visible_mib: 7900", "visible_mib: 7900, reserved_mib: 10", "memory.reserved_mib"),
        (DEVICE, "installed_mib: 8192, visible_mib: 7900", "installed_mib: 0, visible_mib: 0", "memory.installed_mib"),
        (DEVICE, "{ fp16_tflops: 2 }\n    full", "{ fp16_tflops: -2 }\n    full", "compute.fp16_tflops"),
        (DEVICE, "full_w: 7,", "full_w: 70,", "modes.slow.full_w"),
        (DEVICE, "idle_w: 3", "idle_w: 30", "idle_w"),
        (DEVICE, "bandwidth_gb_s: 17.0", "bandwidth_gb_s: 40", "modes.slow.bandwidth_gb_s"),
        (DEVICE, "{ fp16_tflops: 1 }", "{ fp16_tflops: 9 }", "modes.slow.fp16_tflops"),
        (DEVICE, "id: slow", "id: FAST", "modes"),
        (DEVICE, "default: true, ", "", "modes"),
        (DEVICE, "modes: [fast]", "modes: [faster]", "aliases"),
        (DEVICE, "id: test-board-fast", "id: rtx-4090", "aliases"),
        (DEVICE, ", as_of: \"2026-08\"", "", "prices.as_of"),
        (DEVICE, "2026-08", "August", "prices.as_of"),
        (DEVICE, "2026-08", "2026-13", "prices.as_of"),
        (DEVICE, "usd: 99", "usd: 0", "prices.usd"),
        (DEVICE, "[0, 60]", "[60, 0]", "operating_temp_c"),
        (DEVICE, "lead_time_days: 10", "lead_time_days: 10000", "lead_time_days"),
        (DEVICE, "[llama.cpp-cpu]", "[llama.cpp-abacus]", "runtimes"),
        (DEVICE, "[llama.cpp-cpu]", "[llama.cpp-cpu, llama.cpp-cpu]", "runtimes"),
        (DEVICE, "[llama.cpp-cpu]", "[]", "runtimes"),
        (CARD, ", host_visible_mib: 31000", "", "memory.host_visible_mib"),
        (CARD, "reserved_mib: 500", "reserved_mib: 16000", "memory.reserved_mib"),
        (CARD, "as_of: \"2026-08\", ", "", "accessories.as_of"),
        (CARD, "idle_w: 30", "idle_w: 300", "accessories.idle_w"),
        (RUNTIME, "formats: [f16]", "formats: [f17]", "formats"),
        (RUNTIME, "formats: [f16]", "formats: []", "formats"),
        (RUNTIME, "kv_types: [f16]", "kv_types: [f17]", "kv_types"),
        (RUNTIME, "tasks: [language]", "tasks: []", "tasks"),
        (RUNTIME, "framework_mib: 500", "framework_mib: 500000", "framework_mib"),
        (RUNTIME, "900000", "9000000", "preallocated_share"),
        (RUNTIME, "{context}", "{contxt}", "launch"),
        (RUNTIME, "engine_id: test-engine", "engine_id: test-engine\n    aliases: [vllm]", "aliases"),
        (FORMAT, "bits: 4.5", "bits: 45", "kind.bits"),
        (FORMAT, "1000\n", "1000000000\n", "quality_loss"),
        (FORMAT, "  - id: test-format", "  - id: test-format\n    aliases: [fp16]", "aliases"),
        (MODEL, "parameters: 8030261248", "parameters: 7000000000", "parameters"),
        (
            MODEL,
            "parameters: 8030261248",
            "parameters: 8030261248\n    active_parameters: 9030261248",
            "active_parameters",
        ),
        (MODEL, "parameters: 8030261248", "parameters: 8030261248\n    native_format: mxfp5", "native_format"),
        (MODEL, "ffn: 14336", "ffn: 1433", "parameters"),
        (MODEL, "  - id: test-model", "  - id: test-model\n    aliases: [Llama-3-8B]", "aliases"),
    ];
    for (sound, from, to, field) in corruptions {
        assert!(sound.contains(from), "{from:?} is not in the entry");
        let findings = findings_of(&sound.replacen(from, to, 1));
        assert!(
            findings.iter().any(|f| f.field == field),
            "{from:?} -> {to:?} was not found at `{field}`; found {findings:?}"
        );
    }
}

#[test]
fn a_finding_says_entry_field_value_limit_and_reason() {
    let findings = findings_of(&DEVICE.replacen("visible_mib: 7900", "visible_mib: 9000", 1));
    let text: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        text,
        ["device `test-board`: `memory.visible_mib` is 9000, expected at most 8192: no more is installed"]
    );
}
