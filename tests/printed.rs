//! What people see, as snapshots: a change of catalogs, laws or words shows up here as a difference to be looked at. Accept
//! with `INSTA_UPDATE=always cargo test --test printed` once it is what was meant.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What a command prints in the project's folder, with the exit code that it must have.
fn printed(arguments: &[&str], code: i32) -> String {
    printed_in(Path::new(env!("CARGO_MANIFEST_DIR")), arguments, code)
}

/// The same in another folder: outputs name files as they were named, so snapshots need relative paths.
fn printed_in(folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_edgemem"))
        .current_dir(folder)
        .env_remove("COLUMNS")
        .env_remove("CLICOLOR_FORCE")
        .args(arguments)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The fingerprint of the catalogs changes with every fact: here only that it is there counts.
fn without_fingerprint(text: &str) -> String {
    match text.rfind("catalog ").map(|at| at + "catalog ".len()) {
        Some(at) if text[at..].trim_end().bytes().all(|b| b.is_ascii_hexdigit()) => {
            format!("{}[fingerprint]\n", &text[..at])
        }
        _ => text.to_owned(),
    }
}

fn snapshot(name: &str, text: &str) {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, without_fingerprint(text));
    });
}

#[test]
fn the_robots_plan() {
    snapshot("plan_robot", &printed(&["plan", "scenarios/robot.yaml"], 0));
}

#[test]
fn cost_against_headroom() {
    snapshot(
        "frontier_fleet",
        &printed(&["plan", "scenarios/fleet.yaml", "--frontier", "cost,headroom", "--format", "csv"], 0),
    );
}

#[test]
fn the_articles_example_as_a_budget() {
    let text = printed(
        &[
            "budget",
            "--model",
            "llama-3-8b",
            "--device",
            "jetson-orin-nx-16gb",
            "--runtime",
            "llama.cpp",
            "--weights",
            "q4_0",
        ],
        0,
    );
    snapshot("budget_article", &text);
}

#[test]
fn no_plan_says_what_is_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let text = "scenario: impossible\nallow: { devices: [raspberry-pi-5-16gb, jetson-orin-nx-16gb] }\nworkloads:\n  \
        - { name: giant, model: meta-llama/Llama-3.1-70B-Instruct, context: 8192 }\n";
    std::fs::write(folder.path().join("impossible.yaml"), text).unwrap();
    let shown = printed_in(folder.path(), &["plan", "impossible.yaml"], 3);
    snapshot("plan_impossible", &shown);
}

/// The paths of a JSON document: names of keys, `[]` for elements.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            found.insert(format!("{path}.{key}"));
            paths(value, &format!("{path}.{key}"), found);
        }),
        Value::Array(items) => items.iter().for_each(|value| paths(value, &format!("{path}[]"), found)),
        _ => {}
    }
}

/// Programs hold on to these keys: more may come, none may go.
#[test]
fn the_plans_json_has_the_keys_of_the_contract() {
    let plan: Value = serde_json::from_str(&printed(&["plan", "scenarios/robot.yaml", "--format", "json"], 0)).unwrap();
    let mut found = BTreeSet::new();
    paths(&plan, "", &mut found);
    let device = ".sites[].devices[]";
    let promised = [
        ("", "edgemem scenario status objective sites order alternatives rejected catalog"),
        (".objective", "kind value bound currency"),
        (".sites[]", "name count devices"),
        (device, "device mode unit_price load power_w pools workloads"),
        (&format!("{device}.pools[]"), "name capacity_bytes os_bytes steady_bytes required_bytes free_bytes"),
        (
            &format!("{device}.workloads[]"),
            "name model runtime weights kv_k kv_v flash_attention micro_batch context streams load memory decode_tok_s \
             decode_tok_s_low prefill_tok_s ttft_s run candidate quality_loss latency_s",
        ),
        (
            &format!("{device}.workloads[].memory[]"),
            "pool weights_bytes kv_cache_bytes activation_bytes framework_bytes",
        ),
        (".order[]", "device quantity spares unit_price total"),
        (".rejected[]", "device reason short_bytes"),
        (".catalog", "sha256 oldest_price"),
    ];
    for (place, keys) in promised {
        for key in keys.split_whitespace() {
            assert!(found.contains(&format!("{place}.{key}")), "{place}.{key} is missing");
        }
    }
    assert_eq!(plan["edgemem"], env!("CARGO_PKG_VERSION"));
    let listed: Vec<&str> = found.iter().map(String::as_str).collect();
    snapshot("plan_json_keys", &(listed.join("\n") + "\n"));
}
