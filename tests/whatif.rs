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
    assert!(value["drift"][0]["what"].as_str().unwrap().contains("2,400.00"), "{value}");
    // Too dear for the limit: fits no more.
    fs::write(folder.path().join("p.csv"), format!("device,price_usd\n{device},2600\n")).unwrap();
    let value = json(&check(&["--prices", "p.csv"]));
    assert_eq!(value["fits"], false, "{value}");
    assert!(!value["broken"].as_array().unwrap().is_empty());
}

/// Walks the ranges of a plan's sensitivity: just inside the devices stay, just outside they do not.
#[test]
fn sensitivity_ranges_flip_just_outside() {
    let folder = shop();
    let text = SHOP.replace("decode_tok_s: 5", "decode_tok_s: 12.5").replace("context: 4096", "context: 8192");
    fs::write(folder.path().join("shop.yaml"), text).unwrap();
    let plan = edgemem(folder.path(), &["plan", "shop.yaml", "--sensitivity", "--format", "json"]);
    assert_eq!(plan.status.code(), Some(0), "{plan:?}");
    let plan = json(&plan);
    let devices = |value: &serde_json::Value| -> Vec<String> {
        let all = value["sites"][0]["devices"].as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter().map(|d| d["device"].as_str().unwrap().to_owned()).collect()
    };
    let chosen = devices(&plan);
    let at = |what: &str, value: &str| {
        let sweep = format!("{what}={value}");
        let output = edgemem(folder.path(), &["whatif", "shop.yaml", "--sweep", &sweep, "--format", "json"]);
        devices(&serde_json::json!({ "sites": json(&output)["points"][0]["sites"] }))
    };
    let mut ends = 0;
    for range in plan["sensitivity"].as_array().unwrap() {
        let what = range["what"].as_str().unwrap();
        if what.starts_with("price of") {
            continue;
        }
        for (inside, outside) in [("low", "below"), ("high", "above")] {
            let (Some(inside), Some(outside)) = (range[inside].as_str(), range[outside]["at"].as_str()) else {
                continue;
            };
            ends += 1;
            assert_eq!(at(what, inside), chosen, "{what} = {inside}");
            assert_ne!(at(what, outside), chosen, "{what} = {outside}");
        }
    }
    assert!(ends >= 4, "only {ends} ends: {}", plan["sensitivity"]);
    // The winner's own price: at the last price inside it is still bought, a cent above it is not.
    let own = format!("price of {}", chosen[0]);
    let range = plan["sensitivity"].as_array().unwrap().iter().find(|r| r["what"] == own.as_str()).unwrap();
    for (price, stays) in [(&range["high"], true), (&range["above"]["at"], false)] {
        let row = format!("device,price_usd\n{},{}\n", chosen[0], price.as_str().unwrap());
        fs::write(folder.path().join("p.csv"), row).unwrap();
        let dearer = edgemem(folder.path(), &["plan", "shop.yaml", "--prices", "p.csv", "--format", "json"]);
        assert_eq!(devices(&json(&dearer)) == chosen, stays, "{price}");
    }
}

#[test]
fn a_device_that_is_not_chosen_wins_at_the_price_that_is_named() {
    let folder = shop();
    let ask = |device: &str, more: &[&str]| {
        edgemem(folder.path(), &[&["plan", "shop.yaml", "--why-not", device, "--format", "json"], more].concat())
    };
    let value = json(&ask("board-epsilon", &[]));
    let why = &value["why_not"];
    assert_eq!(why["chosen"], false, "{why}");
    let wins = why["wins_at"].as_f64().unwrap();
    for (cents, chosen) in [(0, true), (1, false)] {
        let price = wins + f64::from(cents) / 100.0;
        fs::write(folder.path().join("p.csv"), format!("device,price_usd\nboard-epsilon,{price:.2}\n")).unwrap();
        assert_eq!(json(&ask("board-epsilon", &["--prices", "p.csv"]))["why_not"]["chosen"], chosen, "{price}");
    }
    // A device outside every list names each of them.
    let outside = json(&ask("raspberry-pi-5-4gb", &[]));
    let misses = outside["why_not"]["misses"].as_array().unwrap().clone();
    assert!(misses.iter().any(|m| m.as_str().unwrap().contains("are not allowed")), "{misses:?}");
    assert_eq!(outside["why_not"]["wins_at"], serde_json::Value::Null);
    assert_eq!(ask("board-omega", &[]).status.code(), Some(1));
}

#[test]
fn being_sure_has_a_price() {
    let folder = shop();
    let output = edgemem(folder.path(), &["plan", "shop.yaml", "--confidence", "0.95"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("Being sure costs"), "{text}");
    assert_eq!(edgemem(folder.path(), &["plan", "shop.yaml", "--confidence", "0.3"]).status.code(), Some(1));
}

/// Whether a column of a CSV table has this value in its only row.
fn field(output: &Output, column: &str) -> String {
    let mut reader = csv::Reader::from_reader(output.stdout.as_slice());
    let at = reader.headers().unwrap().iter().position(|c| c == column).unwrap();
    reader.records().next().unwrap().unwrap()[at].to_owned()
}

#[test]
fn a_difference_is_told_for_a_unit_and_for_all_in_every_form() {
    let folder = shop();
    fs::write(folder.path().join("many.yaml"), SHOP.replace("limits:", "count: 30\nlimits:")).unwrap();
    let plan = json(&edgemem(folder.path(), &["plan", "many.yaml", "--format", "json"]));
    let device = plan["sites"][0]["devices"][0]["device"].as_str().unwrap().to_owned();
    let ask = |format: &str| edgemem(folder.path(), &["whatif", "many.yaml", "--drop", &device, "--format", format]);
    let value = json(&ask("json"));
    let site = &value["sites"][0];
    let unit = |side: &str| site[side]["unit_price"].as_f64().unwrap();
    assert_eq!(site["all_units"]["after"].as_f64().unwrap(), unit("after") * 30.0);
    assert_eq!(
        value["objective"]["difference"].as_f64().unwrap(),
        site["all_units"]["after"].as_f64().unwrap() - site["all_units"]["before"].as_f64().unwrap()
    );
    let causes = value["causes"].as_array().unwrap();
    assert!(causes.iter().any(|c| c.as_str().unwrap().starts_with(&device)), "{causes:?}");
    let csv = ask("csv");
    assert_eq!(csv.status.code(), Some(4));
    let number = |column: &str| field(&csv, column).parse::<f64>().unwrap();
    assert_eq!(number("difference"), unit("after") - unit("before"));
    assert_eq!(number("fleet_difference"), 30.0 * (unit("after") - unit("before")));
    for (format, mark) in [("table", "30 units"), ("markdown", "fleet_difference"), ("html", "<!doctype html>")] {
        let output = ask(format);
        assert_eq!(output.status.code(), Some(4), "{format}");
        assert!(String::from_utf8(output.stdout).unwrap().contains(mark), "{format}");
    }
    let only = edgemem(folder.path(), &["whatif", "many.yaml", "--only", &device]);
    assert_eq!(only.status.code(), Some(0), "{only:?}");
}

#[test]
fn another_scenario_is_compared_with() {
    let folder = shop();
    fs::write(folder.path().join("other.yaml"), SHOP.replace("decode_tok_s: 5", "decode_tok_s: 12.5")).unwrap();
    let value = json(&edgemem(folder.path(), &["whatif", "shop.yaml", "--against", "other.yaml", "--format", "json"]));
    let other = json(&edgemem(folder.path(), &["plan", "other.yaml", "--format", "json"]));
    assert_eq!(value["objective"]["after"], other["objective"]["value"]);
}

#[test]
fn a_check_names_every_fact_that_drifted_with_both_figures() {
    let folder = shop();
    edgemem(folder.path(), &["plan", "shop.yaml", "--format", "json", "--output", "plan.json"]);
    let plan: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("plan.json")).unwrap()).unwrap();
    let device = plan["sites"][0]["devices"][0]["device"].as_str().unwrap();
    // The same board with less memory visible, less bandwidth and another draw.
    let boards = fs::read_to_string(BOARDS).unwrap();
    let start = boards.find(&format!("id: {device}\n")).unwrap();
    let (before, own) = boards.split_at(start);
    let (own, after) = own.split_at(own.find("\n  - id:").unwrap_or(own.len()));
    let figure = |key: &str| {
        let rest = &own[own.find(key).unwrap() + key.len()..];
        rest[..rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap()].to_owned()
    };
    let (visible, bandwidth, full) = (figure("visible_mib: "), figure("bandwidth_gb_s: "), figure("full_w: "));
    let changed = own
        .replacen(&format!("visible_mib: {visible}"), "visible_mib: 6200", 1)
        .replacen(&format!("bandwidth_gb_s: {bandwidth}"), "bandwidth_gb_s: 33", 1)
        .replacen(&format!("full_w: {full}"), "full_w: 77", 1);
    fs::write(folder.path().join("changed.yaml"), format!("{before}{changed}{after}")).unwrap();
    let arguments = ["check", "plan.json", "--today", "2026-07-01", "--format", "json", "--catalog", "changed.yaml"];
    let output =
        Command::new(env!("CARGO_BIN_EXE_edgemem")).current_dir(folder.path()).args(arguments).output().unwrap();
    let value = json(&output);
    assert_eq!(value["same_catalog"], false);
    let drift: Vec<&str> = value["drift"].as_array().unwrap().iter().map(|d| d["what"].as_str().unwrap()).collect();
    for part in ["memory 6.05 GiB (was ", "33 GB/s (was ", "77 W (was ", "loads it to "] {
        assert!(drift.iter().any(|d| d.contains(part)), "no `{part}` in {drift:?}");
    }
}

#[test]
fn what_certainty_would_cost_is_told_without_a_plan_too() {
    let folder = shop();
    let bare = SHOP
        .replace("    targets: { decode_tok_s: 5 }\n", "")
        .replace("vendors: [Testboards]", "devices: [board-beta]");
    fs::write(folder.path().join("bare.yaml"), &bare).unwrap();
    let plan = json(&edgemem(folder.path(), &["plan", "bare.yaml", "--confidence", "0.99", "--format", "json"]));
    let workload = &plan["sites"][0]["devices"][0]["workloads"][0];
    let rate = |key: &str| workload[key].as_f64().unwrap();
    // Reached at even odds, but not at 0.99.
    let between = (rate("decode_tok_s") + rate("decode_tok_s_low")) / 2.0;
    let asked = format!("{bare}    targets: {{ decode_tok_s: {between:.2} }}\n    duty: 0.1\n");
    fs::write(folder.path().join("asked.yaml"), asked).unwrap();
    let sure = edgemem(folder.path(), &["plan", "asked.yaml", "--confidence", "0.99"]);
    assert_eq!(sure.status.code(), Some(3), "{sure:?}");
    let text = String::from_utf8(sure.stdout).unwrap();
    assert!(text.contains("At 0.5 board-beta for 249.00 USD would do; at 0.99 nothing does."), "{text}");
}
