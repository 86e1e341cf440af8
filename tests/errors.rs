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

/// Lists of lists of one list, each naming the one before nine times.
fn bomb() -> Vec<u8> {
    let lists = ('b'..='j').zip('a'..).map(|(own, other)| {
        let nine = vec![format!("*{other}"); 9].join(",");
        format!("{own}: &{own} [{nine}]\n")
    });
    format!("a: &a [x, x]\n{}", lists.collect::<String>()).into_bytes()
}

#[test]
fn every_other_bad_file_is_refused_at_its_line() {
    let plan = ["plan", "bad"].as_slice();
    let laid_over = ["plan", "good", "--catalog", "bad.yaml"].as_slice();
    let priced = ["plan", "good", "--prices", "bad"].as_slice();
    let cases = ["budget", "--format", "csv", "--cases", "bad"].as_slice();
    let check = ["check", "bad"].as_slice();
    let (bomb, deep) = (bomb(), "[".repeat(100_000));
    // What is run, what the file holds, where the fault lies, and a part of what is said.
    let files: [(&[&str], &[u8], &str, &str); 17] = [
        (plan, b"scenario: caf\xe9\n", "bad:1:14", "not UTF-8 text"),
        (plan, &bomb, "bad:", "aliases"),
        (plan, deep.as_bytes(), "bad:1:", "too deep"),
        (plan, b"limits: { price_usd: 1e300 }\nworkloads: []\n", "bad:1:22", "found `1e300`"),
        (laid_over, b"devices:\n  - id: x\n    nme: y\n", "bad.yaml:3:5", "did you mean `name`?"),
        (laid_over, b"divices: []\n", "bad.yaml:1:1", "did you mean `devices`?"),
        (laid_over, b"devices: 5\n", "bad.yaml:1:10", "a list is expected"),
        (laid_over, b"x\n", "bad.yaml:1:1", "a group of keys is expected"),
        (laid_over, b"devices: \xff\n", "bad.yaml:1:10", "not UTF-8 text"),
        (priced, b"device,price_usd\nrtx-4090,cheap\n", "bad:2:10", "`price_usd` is `cheap`"),
        (priced, b"device;price_usd;as_of\nrtx-4090;5;soon\n", "bad:2:12", "`as_of` is `soon`"),
        (priced, b"device,price_usd\nrtx-4091,5\n", "bad:2:1", "did you mean `rtx-4090`?"),
        (cases, b"", "bad:1:1", "needs the column `model`"),
        (cases, b"modl,device\n", "bad:1:1", "did you mean `modl`?"),
        (cases, b"model,device\nqwen3-0.6b\n", "bad:2:1", "1 fields"),
        (check, b"5\n", "bad:1:1", "a plan as `plan --format json` writes it"),
        (check, b"{\n  \"sites\": [\n", "bad:", "EOF"),
    ];
    for (command, bytes, place, part) in files {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("bad"), bytes).unwrap();
        fs::write(folder.path().join("bad.yaml"), bytes).unwrap();
        fs::write(folder.path().join("good"), format!("{W}\n")).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_edgemem"))
            .current_dir(folder.path())
            .env_remove("CLICOLOR_FORCE")
            .args(command)
            .args(["--output", "out"])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{part}: {said}");
        assert!(output.stdout.is_empty() && !folder.path().join("out").exists(), "{part}: something was written");
        assert!(said.contains(place) && said.contains(part), "{place}, {part}:\n{said}");
    }
}

#[test]
fn a_saved_plan_may_begin_with_the_mark_of_an_editor() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("good"), format!("{W}\n")).unwrap();
    let run = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_edgemem")).current_dir(folder.path()).args(arguments).output().unwrap()
    };
    assert!(run(&["plan", "good", "--format", "json", "--output", "plan.json"]).status.success());
    let plan = fs::read_to_string(folder.path().join("plan.json")).unwrap();
    fs::write(folder.path().join("plan.json"), format!("\u{feff}{}", plan.replace('\n', "\r\n"))).unwrap();
    assert_eq!(run(&["check", "plan.json"]).status.code(), Some(0));
}

#[test]
fn more_workloads_than_can_be_told_apart_are_refused() {
    let folder = TempDir::new().unwrap();
    let each = |i: usize| format!("  - {{ name: w{i}, model: timm/resnet50, targets: {{ inferences_s: 1 }} }}\n");
    let text: String = (0..129).map(each).collect();
    fs::write(folder.path().join("many"), format!("workloads:\n{text}")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_edgemem"))
        .current_dir(folder.path())
        .env_remove("CLICOLOR_FORCE")
        .args(["plan", "many"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(output.stdout.is_empty());
    assert!(said.contains("129 workloads") && said.contains("at most 128") && said.contains("many:2:3"), "{said}");
}
