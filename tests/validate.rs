//! `edgemem validate`: logs of a device beside the estimate, and what was measured back into plans.
#![expect(clippy::unwrap_used, reason = "a test may stop where its world is broken")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;

const SCENARIO: &str = "\
allow: { devices: [raspberry-pi-5-16gb] }
workloads:
  - name: chat
    model: Qwen/Qwen2.5-0.5B-Instruct
    context: 1024
    weights: q8_0
    runtimes: llama.cpp
";

/// The shape of what llama.cpp prints with `-lv 4`.
fn llama_log(kv_mib: f64, tokens_per_second: f64) -> String {
    format!(
        "load_tensors:   CPU_Mapped model buffer size =   500.00 MiB\n\
         llama_context: n_seq_max             = 1\n\
         llama_context: n_ctx                 = 1024\n\
         llama_context:        CPU  output buffer size =     0.58 MiB\n\
         llama_kv_cache:        CPU KV buffer size =    {kv_mib:.2} MiB\n\
         sched_reserve:        CPU compute buffer size =    20.00 MiB\n\
         common_perf_print:        eval time =     467.08 ms /     10 runs   (   46.71 ms per token,  {tokens_per_second:.2} tokens per second)\n"
    )
}

fn edgemem(folder: &Path, arguments: &[&str]) -> std::process::Output {
    Command::cargo_bin("edgemem").unwrap().current_dir(folder).args(arguments).output().unwrap()
}

fn folder(log: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("chat.yaml"), SCENARIO).unwrap();
    fs::write(folder.path().join("run.log"), log).unwrap();
    folder
}

fn json(output: &std::process::Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_part_measured_above_its_estimate_is_named() {
    // 24 layers x 2 heads x 64 wide, keys and values, 2 bytes: 12 KiB a token.
    for (kv_mib, holds) in [(12.0, true), (13.0, false)] {
        let folder = folder(&llama_log(kv_mib, 9.0));
        let output = edgemem(folder.path(), &["validate", "chat.yaml", "--log", "run.log", "--format", "json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer = json(&output);
        let cache = answer["parts"].as_array().unwrap().iter().find(|p| p["part"] == "kv_cache").unwrap();
        assert_eq!(cache["estimated_bytes"], 12 * 1024 * 1024);
        assert_eq!(cache["measured_bytes"].as_f64(), Some(kv_mib * 1024.0 * 1024.0));
        assert_eq!(answer["holds"], holds, "{answer:#}");
        assert!(answer["not_in_log"].as_array().unwrap().iter().any(|p| p == "process"));
    }
}

#[test]
fn a_quiet_log_says_which_flag_is_missing() {
    let folder = folder("0.00 I llama_completion: llama backend init\n");
    let output = edgemem(folder.path(), &["validate", "chat.yaml", "--log", "run.log"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("-lv 4") && text.contains("no size"), "{text}");
}

#[test]
fn what_was_measured_changes_the_next_plan() {
    let tegrastats = "RAM 900/16180MB (lfb 1x4MB)\nRAM 2000/16180MB (lfb 1x4MB)\n";
    let folder = folder(&format!("{}{tegrastats}", llama_log(12.0, 3.0)));
    let limits = |extra: &[&str]| {
        let mut arguments = vec!["candidates", "chat.yaml", "--all", "--format", "json"];
        arguments.extend(extra);
        let output = edgemem(folder.path(), &arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let row = json(&output)[0].clone();
        (row["os_bytes"].as_u64().unwrap(), row["decode_tok_s"].as_f64().unwrap())
    };
    let before = limits(&[]);
    let written =
        edgemem(folder.path(), &["validate", "chat.yaml", "--log", "run.log", "--write-overlay", "measured.yaml"]);
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let after = limits(&["--catalog", "measured.yaml"]);
    assert_eq!(after.0, 900 << 20);
    assert!(before.0 != after.0);
    assert!(after.1 < before.1, "a slower measurement must lower the estimate: {before:?} to {after:?}");
}
