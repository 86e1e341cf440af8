//! The command line as users and scripts meet it: exit codes, streams, files, colour.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// The program with a terminal-free environment, in an empty folder.
fn edgemem(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgemem"));
    command.current_dir(folder).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env_remove("COLUMNS");
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    edgemem(folder).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

const SMALL: &str = "\
scenario: small
allow: { devices: [jetson-orin-nx-16gb, jetson-orin-nano-super-devkit] }
workloads:
  - { name: chat, model: Qwen/Qwen3-0.6B, context: 2048, weights: q8_0, runtimes: llama.cpp }
";

fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("small.yaml"), SMALL).unwrap();
    fs::write(folder.path().join("bad.yaml"), "scenario: bad\nworkloads: []\n").unwrap();
    fs::write(folder.path().join("none.yaml"), format!("{SMALL}limits: {{ price_usd: 1 }}\n")).unwrap();
    folder
}

#[test]
fn exit_codes_are_those_of_the_contract() {
    let folder = folder();
    for (arguments, code) in [
        (&["plan", "small.yaml"] as &[&str], 0),
        (&["limits", "small.yaml"], 0),
        (&["candidates", "none.yaml"], 0),
        (&["--version"], 0),
        (&["plan", "bad.yaml"], 1),
        (&["plan", "missing.yaml"], 1),
        (&["plan", "small.yaml", "--catalog", "missing"], 1),
        (&["budget", "--model", "no-such-model", "--device", "jetson-orin-nx-16gb"], 1),
        (&["model", "inspect", "small.yaml"], 1),
        (&["catalog", "show", "no-such-thing"], 1),
        (&["plan"], 2),
        (&["plan", "small.yaml", "--frobnicate"], 2),
        (&["plan", "small.yaml", "--format", "xml"], 2),
        (&["conjure"], 2),
        (&["plan", "small.yaml", "--frontier", "cost,headroom"], 0),
        (&["plan", "small.yaml", "--frontier", "cost,speed"], 1),
        (&["plan", "small.yaml", "--frontier", "power,headroom"], 2),
        (&["plan", "none.yaml"], 3),
        (&["plan", "none.yaml", "--format", "json"], 3),
    ] {
        let output = run(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
        let said_why = output.stdout.is_empty() && !output.stderr.is_empty();
        assert!(said_why || matches!(code, 0 | 3), "{arguments:?} must say why, on stderr alone");
    }
}

#[test]
fn results_go_to_stdout_and_nothing_else_does() {
    let folder = folder();
    for format in ["table", "json", "csv", "markdown"] {
        for command in ["plan", "limits", "candidates"] {
            let output = run(folder.path(), &[command, "small.yaml", "--format", format]);
            let shown = text(&output.stdout);
            assert!(output.stderr.is_empty(), "{command} {format}: {}", text(&output.stderr));
            assert!(shown.ends_with('\n') && !shown.contains('\u{1b}') && !shown.contains('\r'), "{command} {format}");
            match format {
                "json" => drop(serde_json::from_str::<serde_json::Value>(shown).unwrap()),
                "csv" => {
                    let mut reader = csv::Reader::from_reader(shown.as_bytes());
                    assert!(reader.records().map(Result::unwrap).count() > 0, "{command}");
                }
                _ => {}
            }
        }
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let folder = folder();
    for arguments in [&["plan", "small.yaml", "--format", "json"], &["candidates", "small.yaml", "--format", "csv"]] {
        let first = run(folder.path(), arguments).stdout;
        let mut one_thread = edgemem(folder.path());
        let second = one_thread.args(arguments).env("RAYON_NUM_THREADS", "1").output().unwrap().stdout;
        assert!(!first.is_empty() && first == second, "{arguments:?}");
    }
}

#[test]
fn colour_is_for_terminals_and_never_against_no_color() {
    let folder = folder();
    let errors = |set: &[(&str, &str)]| {
        let mut command = edgemem(folder.path());
        command.args(["plan", "bad.yaml"]).envs(set.iter().copied());
        command.output().unwrap().stderr.contains(&0x1b)
    };
    assert!(!errors(&[]), "colour in a pipe");
    assert!(errors(&[("CLICOLOR_FORCE", "1")]), "there is colour when asked for");
    assert!(!errors(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]), "NO_COLOR wins");
}

#[test]
fn output_files_are_written_whole_or_not_at_all() {
    let folder = folder();
    let path = folder.path().join("plan.json");
    fs::write(&path, "what was there").unwrap();
    let failed = run(folder.path(), &["plan", "bad.yaml", "--format", "json", "--output", "plan.json"]);
    assert_eq!(failed.status.code(), Some(1));
    assert_eq!(fs::read_to_string(&path).unwrap(), "what was there");

    let written = run(folder.path(), &["plan", "small.yaml", "--format", "json", "--output", "plan.json"]);
    assert_eq!(written.status.code(), Some(0));
    assert!(written.stdout.is_empty());
    let printed = run(folder.path(), &["plan", "small.yaml", "--format", "json"]).stdout;
    assert_eq!(fs::read(&path).unwrap(), printed);

    let nowhere = run(folder.path(), &["plan", "small.yaml", "--output", "no/such/folder/plan.txt"]);
    assert_eq!(nowhere.status.code(), Some(1));
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|n| !n.to_string_lossy().contains(".part")), "{left:?}");
}

#[test]
fn a_broken_pipe_ends_the_program_quietly() {
    let folder = folder();
    // More than a pipe holds, so that writing meets the closed end.
    let mut child = edgemem(folder.path())
        .args(["catalog", "list", "models", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(said, "");
}

#[test]
fn the_starter_plans_and_overwrites_nothing() {
    let folder = folder();
    assert_eq!(run(folder.path(), &["init", "--output", "mine.yaml"]).status.code(), Some(0));
    let starter = fs::read(folder.path().join("mine.yaml")).unwrap();
    assert_eq!(run(folder.path(), &["init"]).stdout, starter);
    assert_eq!(run(folder.path(), &["plan", "mine.yaml"]).status.code(), Some(0));

    let refused = run(folder.path(), &["init", "--output", "small.yaml"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("small.yaml"));
    assert_eq!(fs::read_to_string(folder.path().join("small.yaml")).unwrap(), SMALL);
}

#[test]
fn every_shipped_scenario_is_answered() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "yaml"));
    assert!(files.len() >= 7);
    for file in files {
        let output = run(&folder, &["plan", file.to_str().unwrap(), "--format", "json"]);
        let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        // Whether a refusal can be acted on is asked in tests/situations.rs.
        let status = if output.status.code() == Some(3) { "infeasible" } else { "optimal" };
        assert!(matches!(output.status.code(), Some(0 | 3)), "{}: {}", file.display(), text(&output.stderr));
        assert_eq!(plan["status"], status, "{}", file.display());
    }
}

#[test]
fn shells_and_manual_are_served() {
    let folder = folder();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(text(&run(folder.path(), &["completions", shell]).stdout).contains("candidates"), "{shell}");
    }
    let manual = run(folder.path(), &["man"]).stdout;
    assert!(text(&manual).contains(".TH") && text(&manual).contains("\\-\\-cases"));
}

#[test]
fn the_catalog_shows_an_entry_that_can_be_laid_over() {
    let folder = folder();
    let shown = run(folder.path(), &["catalog", "show", "jetson-orin-nx-16gb-super"]);
    let text = text(&shown.stdout).replace("installed_mib: 16384", "installed_mib: 8192");
    fs::write(folder.path().join("wrong.yaml"), &text).unwrap();
    let checked = run(folder.path(), &["catalog", "check", "--catalog", "wrong.yaml", "--format", "csv"]);
    assert_eq!(checked.status.code(), Some(1));
    let mut reader = csv::Reader::from_reader(checked.stdout.as_slice());
    let found = reader.records().map(Result::unwrap).any(|r| &r[0] == "device `jetson-orin-nx-16gb`");
    assert!(found, "more visible memory than installed is a finding");
}

#[test]
fn a_model_file_is_inspected_as_the_catalog_has_it() {
    let folder = folder();
    let config = r#"{ "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096,
        "intermediate_size": 14336, "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
        "vocab_size": 128256, "max_position_embeddings": 8192, "tie_word_embeddings": false }"#;
    fs::write(folder.path().join("config.json"), config).unwrap();
    let json = |arguments: &[&str]| {
        let output = run(folder.path(), arguments);
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
    };
    let file = json(&["model", "inspect", "config.json", "--format", "json"]);
    let known = json(&["model", "show", "llama 3 8b", "--format", "json"]);
    assert_eq!(file["parameters"], 8_030_261_248_u64);
    for key in ["parameters_by_component", "cache"] {
        assert_eq!(file[key], known[key], "{key}");
    }
    assert_eq!(file["cache"]["f16"]["bytes_per_token"], 131_072);
    let seen = run(folder.path(), &["model", "inspect", "config.json"]);
    assert!(text(&seen.stdout).contains("8030261248") && text(&seen.stdout).contains("131072 bytes per token"));
}

#[test]
fn the_device_of_the_contributors_guide_is_valid() {
    let guide = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("CONTRIBUTING.md")).unwrap();
    let example = guide.split("```yaml\n").nth(1).and_then(|t| t.split("```").next()).unwrap();
    let catalog = edgemem::catalog::Catalog::with_overlays(&[("guide".to_owned(), example.to_owned())]).unwrap();
    assert!(catalog.device("example-board-8gb").is_ok());
    let findings = edgemem::catalog::check::check(&catalog);
    let about: Vec<_> = findings.iter().filter(|f| f.entry.contains("example-board")).collect();
    assert!(about.is_empty(), "{about:?}");
}

#[test]
fn tables_carry_unknown_columns_and_answer_in_order() {
    let folder = folder();
    let cases =
        "id,model,device,context\nb,Qwen/Qwen3-0.6B,jetson-orin-nx-16gb,1024\na,nonsense,jetson-orin-nx-16gb,1024\n";
    fs::write(folder.path().join("cases.csv"), cases).unwrap();
    let output = run(folder.path(), &["budget", "--cases", "cases.csv", "--format", "csv"]);
    assert_eq!(output.status.code(), Some(1), "one row has an error");
    let mut reader = csv::Reader::from_reader(output.stdout.as_slice());
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|h| h == name).unwrap();
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.iter().map(|r| r[0].to_owned()).collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!((&rows[0][column("fits")], &rows[0][column("error")]), ("true", ""));
    assert!(rows[1][column("error")].contains("nonsense"));
}

/// A choice among so many that no search ends while a test waits.
#[cfg(target_os = "linux")]
fn endless() -> String {
    use std::fmt::Write as _;
    let mut text = "scenario: endless\nlimits: { devices: 20 }\nallow: { classes: [devkit, mini-pc], unverified: true }\nworkloads:\n".to_owned();
    let models = ["qwen3-0.6b", "qwen3-1.7b", "llama-3.2-1b-instruct", "gemma-3-1b-it", "smollm2-1.7b-instruct"];
    for n in 0..90 {
        let rate = 3 + n * 7 % 11;
        let _ = writeln!(
            text,
            "  - {{ name: w{n}, model: {}, context: {}, duty: 0.{}, targets: {{ decode_tok_s: {rate} }} }}",
            models[n % models.len()],
            1024 + 64 * n,
            1 + n % 7
        );
    }
    text
}

/// Ctrl-C ends the search and not the program: the test waits for what happens, never for a time.
#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_ends_the_search_and_tells_the_best_plan_so_far() {
    use std::io::{BufRead as _, BufReader};
    let folder = folder();
    fs::write(folder.path().join("endless.yaml"), endless()).unwrap();
    let mut child = edgemem(folder.path())
        .args(["plan", "endless.yaml", "--format", "json", "--time-limit", "3600"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let id = child.id().to_string();
    // Bit 1 of the caught signals is SIGINT: from then on the program has its own answer to it.
    let catches = || {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim();
        u64::from_str_radix(mask, 16).unwrap() & 2 != 0
    };
    while !catches() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before anybody asked");
        std::thread::yield_now();
    }
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("ending the search"), "{line}");
    let output = child.wait_with_output().unwrap();
    line.clear();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("Ctrl-C ended the search"), "{line}");
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    if plan["status"] == "feasible" {
        assert_eq!(output.status.code(), Some(0));
        let (value, bound) = (plan["objective"]["value"].as_f64(), plan["objective"]["bound"].as_f64());
        assert!(value >= bound && plan["objective"]["gap"].as_f64() < Some(1.0));
        assert!(!plan["sites"].as_array().unwrap().is_empty());
    } else {
        assert_eq!((output.status.code(), plan["status"].as_str()), (Some(3), Some("unknown")));
        assert!(plan["objective"].is_null() && plan["sites"].as_array().unwrap().is_empty());
    }
}

/// A table for eyes keeps its words whole and its lines short; what it leaves out it names.
#[test]
fn tables_for_eyes_can_be_read() {
    let folder = folder();
    for arguments in
        [&["limits", "small.yaml"][..], &["limits", "small.yaml", "--frontier"], &["candidates", "small.yaml"]]
    {
        let output = edgemem(folder.path()).args(arguments).env("COLUMNS", "120").output().unwrap();
        let said = text(&output.stdout);
        assert!(said.contains("device ") && said.contains("weights ") && said.contains("--format csv"), "{said}");
        assert!(said.lines().all(|line| line.chars().count() <= 120), "{said}");
    }
}

/// A search that had no time has proven nothing.
#[cfg(target_os = "linux")]
#[test]
fn a_search_without_time_does_not_say_that_no_plan_exists() {
    let folder = folder();
    fs::write(folder.path().join("endless.yaml"), endless()).unwrap();
    for form in ["table", "markdown", "html"] {
        let output = run(folder.path(), &["plan", "endless.yaml", "--time-limit", "0.000001", "--format", form]);
        assert_eq!(output.status.code(), Some(3));
        let said = text(&output.stdout);
        assert!(said.contains("no plan was found in time") && !said.contains("no plan exists"), "{said}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_second_ctrl_c_ends_the_program() {
    use std::os::unix::process::ExitStatusExt as _;
    let folder = folder();
    fs::write(folder.path().join("endless.yaml"), endless()).unwrap();
    let mut child = edgemem(folder.path())
        .args(["plan", "endless.yaml", "--time-limit", "3600"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let id = child.id().to_string();
    // Again and again until it is gone: the first alone must not be needed to reach a plan.
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        let _ = Command::new("kill").args(["-INT", &id]).stderr(Stdio::null()).status();
    };
    // 130 after two; SIGINT itself before the handler stood; 0 or 3 where the answer was quicker than the second.
    assert!(status.signal() == Some(2) || matches!(status.code(), Some(130 | 0 | 3)), "{status:?}");
}
