//! `edgemem whatif` and `edgemem check` from outside: what they print, their exit codes, and that threads do not matter.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const BOARDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/explain/boards.yaml");

/// Only the made-up boards are allowed, so that these tests do not move with the shipped catalog.
const SHOP: &str = "scenario: shop
limits: { price_usd: 2500 }
allow: { vendors: [Testboards] }
workloads:
  - name: talk
    model: meta-llama/Llama-3.2-3B-Instruct
    context: 4096
    targets: { decode_tok_s: 5 }
";

fn edgemem(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgemem"));
    command.current_dir(folder).args(arguments).args(["--catalog", BOARDS]).env_remove("COLUMNS");
    command.output().unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn shop() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("shop.yaml"), SHOP).unwrap();
    folder
}

#[test]
fn a_change_that_does_not_matter_leaves_the_choice_and_one_that_does_has_its_own_exit_code() {
    let folder = shop();
    let same = edgemem(folder.path(), &["whatif", "shop.yaml", "--set", "description=none"]);
    assert_eq!(same.status.code(), Some(0), "{same:?}");
    let plan = json(&edgemem(folder.path(), &["plan", "shop.yaml", "--format", "json"]));
    let device = plan["sites"][0]["devices"][0]["device"].as_str().unwrap();
    let other = edgemem(folder.path(), &["whatif", "shop.yaml", "--drop", device, "--format", "json"]);
    assert_eq!(other.status.code(), Some(4), "{other:?}");
    let value = json(&other);
    assert_eq!(value["objective"]["before"], plan["objective"]["value"]);
    assert!(value["objective"]["difference"].as_f64().unwrap() > 0.0);
    assert_ne!(value["sites"][0]["after"]["devices"][0]["device"], device);
    let none = edgemem(folder.path(), &["whatif", "shop.yaml", "--set", "limits.price_usd=50"]);
    assert_eq!(none.status.code(), Some(3), "{none:?}");
    let wrong = edgemem(folder.path(), &["whatif", "shop.yaml", "--set", "limits.prise_usd=50"]);
    assert_eq!(wrong.status.code(), Some(1), "{wrong:?}");
}

#[test]
fn every_relaxation_of_a_plan_is_what_whatif_says_it_is() {
    let folder = shop();
    let tight = SHOP.replace("2500", "90").replace("decode_tok_s: 5", "decode_tok_s: 60");
    fs::write(folder.path().join("tight.yaml"), tight).unwrap();
    let plan = edgemem(folder.path(), &["plan", "tight.yaml", "--format", "json"]);
    assert_eq!(plan.status.code(), Some(3));
    let relaxations = json(&plan)["relaxations"].as_array().unwrap().clone();
    assert!(!relaxations.is_empty());
    for relaxation in relaxations {
        let mut arguments =
            vec!["whatif".to_owned(), "tight.yaml".to_owned(), "--format".to_owned(), "json".to_owned()];
        for (path, value) in relaxation["set"].as_object().unwrap() {
            let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            arguments.extend(["--set".to_owned(), format!("{path}={value}")]);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let opened = edgemem(folder.path(), &arguments);
        assert_eq!(opened.status.code(), Some(4), "{relaxation}: {opened:?}");
        assert_eq!(json(&opened)["objective"]["after"], relaxation["objective"], "{relaxation}");
    }
}

#[test]
fn a_sweep_is_the_same_on_any_number_of_threads_and_keeps_going() {
    let folder = shop();
    let sweep = |threads: &str, format: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_edgemem"));
        command.current_dir(folder.path()).env("RAYON_NUM_THREADS", threads).args([
            "whatif",
            "shop.yaml",
            "--catalog",
            BOARDS,
            "--sweep",
            "limits.price_usd=50..2250..200",
            "--sweep",
            "workloads.talk.targets.decode_tok_s=5,15,45,1000000",
            "--format",
            format,
        ]);
        command.output().unwrap()
    };
    let one = sweep("1", "csv");
    assert_eq!(one.status.code(), Some(4), "{one:?}");
    assert_eq!(one.stdout, sweep("4", "csv").stdout);
    let text = String::from_utf8(one.stdout).unwrap();
    assert_eq!(text.lines().count(), 1 + 12 * 4);
    assert!(text.lines().filter(|l| l.contains("infeasible")).count() >= 12, "{text}");
    assert!(text.lines().any(|l| l.contains("optimal")), "{text}");
    for format in ["table", "json", "markdown", "html"] {
        assert!(!sweep("2", format).stdout.is_empty(), "{format}");
    }
}

#[test]
fn prices_alone_are_the_change() {
    let folder = shop();
    let plan = json(&edgemem(folder.path(), &["plan", "shop.yaml", "--format", "json"]));
    let device = plan["sites"][0]["devices"][0]["device"].as_str().unwrap();
    fs::write(folder.path().join("p.csv"), format!("device,price_usd,as_of\n{device},2400,2026-10-01\n")).unwrap();
    let base = ["whatif", "shop.yaml", "--base-catalog", BOARDS, "--prices", "p.csv", "--format", "json"];
    let output = edgemem(folder.path(), &base);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let value = json(&output);
    assert_eq!(value["sites"][0]["before"]["devices"][0]["device"], device);
    assert_ne!(value["sites"][0]["after"]["devices"][0]["device"], device);
}

#[test]
fn a_saved_plan_is_checked_against_today() {
    let folder = shop();
    let saved = edgemem(folder.path(), &["plan", "shop.yaml", "--format", "json", "--output", "plan.json"]);
    assert_eq!(saved.status.code(), Some(0), "{saved:?}");
    let plan: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("plan.json")).unwrap()).unwrap();
    let device = plan["sites"][0]["devices"][0]["device"].as_str().unwrap();
    let check = |more: &[&str]| {
        edgemem(folder.path(), &[&["check", "plan.json", "--today", "2026-07-01", "--format", "json"], more].concat())
    };
    let fresh = check(&[]);
    assert_eq!(fresh.status.code(), Some(0), "{fresh:?}");
    let value = json(&fresh);
    assert_eq!(value["fits"], true);
    assert_eq!(value["cheapest"], true);
    assert_eq!(value["same_catalog"], true);
    assert_eq!(value["drift"].as_array().unwrap().len(), 0);
    assert_eq!(value["objective"]["today"], plan["objective"]["value"]);
    assert_eq!(value["old_prices"].as_array().unwrap().len(), 0);
    let aged = json(&check(&["--max-price-age", "29"]));
    assert_eq!(aged["old_prices"][0]["days"], 30, "{aged}");
    // Dearer: still fits, but another one is cheaper by exactly the difference.
    fs::write(folder.path().join("p.csv"), format!("device,price_usd,as_of\n{device},2400,2026-06-15\n")).unwrap();
    let dearer = check(&["--prices", "p.csv"]);
    assert_eq!(dearer.status.code(), Some(4), "{dearer:?}");
    let value = json(&dearer);
    assert_eq!(value["fits"], true);
    assert_eq!(value["objective"]["today"], 2400.0);
    let by = value["objective"]["beaten_by"].as_f64().unwrap();
    assert!((2400.0 - value["objective"]["best"].as_f64().unwrap() - by).abs() < 0.005);
    assert!(value["drift"][0]["what"].as_str().unwrap().contains("2400.00"), "{value}");
    // Too dear for the limit: fits no more.
    fs::write(folder.path().join("p.csv"), format!("device,price_usd\n{device},2600\n")).unwrap();
    let value = json(&check(&["--prices", "p.csv"]));
    assert_eq!(value["fits"], false, "{value}");
    assert!(!value["broken"].as_array().unwrap().is_empty());
}
