//! Bad scenarios: file, line and column, a caret, what was expected, the nearest valid name; exit code 1, nothing on stdout.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

/// A valid workload on one line.
const W: &str = "workloads: [{ name: a, model: Qwen/Qwen3-4B }]";

/// Name, text (with `W` for a valid workload), and where the fault lies.
const CASES: [(&str, &str, (u32, u32)); 35] = [
    ("empty", "", (0, 0)),
    ("syntax", "scenario: x\nworkloads: [\n", (0, 0)),
    ("not_a_map", "- a\n- b\n", (1, 1)),
    ("two_documents", "scenario: x\n---\nscenario: y\n", (0, 0)),
    ("merge_key", "limits: &l { price_usd: 5 }\nfleet:\n  <<: *l\nW\n", (3, 3)),
    ("duplicate_key", "headroom: 25%\nheadroom: 30%\nW\n", (2, 1)),
    ("unknown_key", "headrom: 25%\nW\n", (1, 1)),
    ("unknown_workload_key", "workloads:\n  - name: a\n    model: Qwen/Qwen3-4B\n    contxt: 4096\n", (4, 5)),
    ("unknown_model", "workloads:\n  - name: a\n    model: Qwen/Qwen3-4BB\n", (3, 12)),
    ("unknown_device", "allow: { devices: [jetson-orin-nx-16] }\nW\n", (1, 20)),
    ("unknown_excluded_device", "allow:\n  exclude:\n    - rtx-4091\nW\n", (3, 7)),
    ("unknown_class", "allow: { classes: [sbcs] }\nW\n", (1, 20)),
    ("unknown_vendor", "allow: { vendors: [nvidea] }\nW\n", (1, 20)),
    ("unknown_runtime", "allow: { runtimes: [lama.cpp] }\nW\n", (1, 21)),
    ("unknown_format", "workloads: [{ name: a, model: Qwen/Qwen3-4B, weights: q4_k_n }]\n", (1, 55)),
    ("unknown_cache_type", "workloads: [{ name: a, model: Qwen/Qwen3-4B, kv_cache: q8_1 }]\n", (1, 56)),
    ("unknown_objective", "objective: capx\nW\n", (1, 12)),
    ("share_without_unit", "headroom: 25\nW\n", (1, 11)),
    ("share_too_fine", "headroom: 0.12345678\nW\n", (1, 11)),
    ("confidence_too_high", "confidence: 0.999\nW\n", (1, 13)),
    ("quoted_number", "workloads: [{ name: a, model: Qwen/Qwen3-4B, context: \"4096\" }]\n", (1, 55)),
    ("number_with_separators", "workloads: [{ name: a, model: Qwen/Qwen3-4B, context: 4_096 }]\n", (1, 55)),
    ("yes_is_no_boolean", "allow: { unverified: yes }\nW\n", (1, 22)),
    ("not_finite", "limits: { price_usd: .inf }\nW\n", (1, 22)),
    ("no_streams", "workloads: [{ name: a, model: Qwen/Qwen3-4B, streams: 0 }]\n", (1, 55)),
    ("negative_price", "limits: { price_usd: -5 }\nW\n", (1, 22)),
    ("context_beyond_model", "workloads: [{ name: a, model: Qwen/Qwen3-4B, context: 99999999 }]\n", (1, 55)),
    (
        "prompt_beyond_context",
        "workloads:\n  - name: a\n    model: Qwen/Qwen3-4B\n    context: 2048\n    prompt: 2048\n",
        (5, 13),
    ),
    (
        "target_without_meaning",
        "workloads:\n  - name: a\n    model: ultralytics/YOLO11s\n    targets: { ttft_s: 1 }\n",
        (4, 24),
    ),
    (
        "context_without_meaning",
        "workloads:\n  - name: a\n    model: ultralytics/YOLO11s\n    context: 4096\n",
        (4, 14),
    ),
    ("empty_workloads", "workloads: []\n", (1, 12)),
    (
        "same_name_twice",
        "workloads:\n  - { name: a, model: Qwen/Qwen3-4B }\n  - { name: a, model: Qwen/Qwen3-8B }\n",
        (3, 5),
    ),
    (
        "unknown_partner",
        "workloads:\n  - { name: eyes, model: Qwen/Qwen3-4B }\n  - { name: b, model: Qwen/Qwen3-8B, apart_from: [eye] }\n",
        (3, 51),
    ),
    (
        "together_and_apart",
        "workloads:\n  - { name: a, model: Qwen/Qwen3-4B }\n  - { name: b, model: Qwen/Qwen3-8B, apart_from: a, together_with: a }\n",
        (2, 3),
    ),
    ("missing_model_file", "workloads:\n  - name: a\n    model: ./missing.gguf\n", (3, 12)),
];

#[test]
fn every_bad_scenario_is_refused_at_its_line() {
    let folder = TempDir::new().unwrap();
    let mut wrong = Vec::new();
    for (name, scenario, (line, column)) in CASES {
        let scenario = scenario.replace("W\n", &format!("{W}\n"));
        fs::write(folder.path().join("bad.yaml"), &scenario).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_edgemem"))
            .current_dir(folder.path())
            .env_remove("CLICOLOR_FORCE")
            .args(["plan", "bad.yaml", "--output", "plan.txt"])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        if output.status.code() != Some(1) || !output.stdout.is_empty() || folder.path().join("plan.txt").exists() {
            wrong.push(format!("{name}: exit code {:?}, or something was written", output.status.code()));
        }
        if line > 0 && !said.contains(&format!("bad.yaml:{line}:{column}\n")) {
            wrong.push(format!("{name}: not at {line}:{column}\n{said}"));
        }
        if line > 0 && !said.contains('^') {
            wrong.push(format!("{name}: no caret\n{said}"));
        }
        if !said.contains("bad.yaml") && !said.contains("missing.gguf") {
            wrong.push(format!("{name}: names no file\n{said}"));
        }
        insta::with_settings!({ description => scenario, omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(format!("error_{name}"), said);
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
