//! What inputs and places could do harm with: answers written over devices, links and modes; text that steers a terminal, runs
//! in a spreadsheet or marks up a document; files without an end.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const SCENARIO: &str = "scenario: NAME\nallow: { devices: [mac-mini-m4-16gb] }\nworkloads:\n  - { name: WORK, model: \
                        Qwen3-0.6B, context: 2048 }\n";

fn scenario(name: &str, work: &str) -> String {
    let quoted =
        |text: &str| serde_json::to_string(text).unwrap().replace('\u{9b}', "\\u009b").replace('\u{7f}', "\\u007f");
    SCENARIO.replace("NAME", &quoted(name)).replace("WORK", &quoted(work))
}

fn edgemem(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgemem"));
    command.current_dir(folder).env("COLUMNS", "200");
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    edgemem(folder).args(arguments).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn what_is_no_regular_file_is_written_to_and_stays_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let schema = run(folder.path(), &["schema", "scenario"]).stdout;
    // A pipe with a reader.
    assert!(Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap().success());
    let reader = Command::new("cat").arg(folder.path().join("pipe")).stdout(Stdio::piped()).spawn().unwrap();
    assert_eq!(code(&run(folder.path(), &["schema", "scenario", "--output", "pipe"])), 0);
    assert_eq!(reader.wait_with_output().unwrap().stdout, schema);
    assert!(fs::symlink_metadata(folder.path().join("pipe")).unwrap().file_type().is_fifo());
    // Devices, by their own name and through a link.
    symlink("/dev/null", folder.path().join("nothing")).unwrap();
    for device in ["/dev/null", "nothing"] {
        assert_eq!(code(&run(folder.path(), &["schema", "scenario", "--output", device])), 0, "{device}");
    }
    assert!(fs::symlink_metadata("/dev/null").unwrap().file_type().is_char_device());
    let full = run(folder.path(), &["schema", "scenario", "--output", "/dev/full"]);
    assert!(code(&full) == 1 && text(&full.stderr).contains("/dev/full"), "{full:?}");
    assert_eq!(run(folder.path(), &["schema", "scenario", "--output", "/dev/stdout"]).stdout, schema);
    // Behind `/dev/stdout` may be a file: what the shell opened goes on to be written.
    let file = fs::File::create(folder.path().join("out")).unwrap();
    let status = edgemem(folder.path()).args(["schema", "scenario", "--output", "/dev/stdout"]).stdout(file).status();
    assert!(status.unwrap().success());
    assert_eq!(fs::read(folder.path().join("out")).unwrap(), schema);
    assert_eq!(names(folder.path()), ["nothing", "out", "pipe"]);
}

#[test]
fn links_are_followed_and_modes_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("deep")).unwrap();
    fs::write(at("deep/old"), "old").unwrap();
    fs::set_permissions(at("deep/old"), fs::Permissions::from_mode(0o600)).unwrap();
    symlink("second", at("first")).unwrap();
    symlink("deep/old", at("second")).unwrap();
    symlink("deep/new", at("nowhere")).unwrap();
    for link in ["first", "nowhere"] {
        assert_eq!(code(&run(folder.path(), &["schema", "catalog", "--output", link])), 0, "{link}");
        assert!(fs::symlink_metadata(at(link)).unwrap().file_type().is_symlink());
    }
    assert!(fs::read_to_string(at("deep/old")).unwrap().starts_with('{'));
    assert!(fs::read_to_string(at("deep/new")).unwrap().starts_with('{'));
    assert_eq!(fs::metadata(at("deep/old")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(names(&at("deep")), ["new", "old"]);
    symlink("round", at("round")).unwrap();
    assert_eq!(code(&run(folder.path(), &["schema", "catalog", "--output", "round"])), 1);
}

#[test]
fn full_streams_end_with_the_code_of_the_answer_or_with_1() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("s.yaml"), scenario("shop", "talk")).unwrap();
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let with = |arguments: &[&str], stdout: Stdio, stderr: Stdio| {
        edgemem(folder.path()).args(arguments).stdout(stdout).stderr(stderr).status().unwrap().code()
    };
    let null = Stdio::null;
    assert_eq!(with(&["plan", "nowhere.yaml"], null(), full().into()), Some(1));
    assert_eq!(with(&["plan", "--nonsense"], null(), full().into()), Some(2));
    assert_eq!(with(&["plan", "s.yaml"], null(), full().into()), Some(0));
    for arguments in [&["--help"][..], &["-V"], &["help", "plan"], &["plan", "--help"], &["plan", "s.yaml"], &["man"]] {
        assert_eq!(with(arguments, full().into(), null()), Some(1), "{arguments:?}");
        assert_eq!(with(arguments, null(), null()), Some(0), "{arguments:?}");
    }
}

#[test]
fn a_run_that_fails_has_written_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("s.yaml"), scenario("shop", "talk")).unwrap();
    fs::write(folder.path().join("log"), "Metal_Mapped model buffer size = 400.00 MiB\n").unwrap();
    let base = ["validate", "s.yaml", "--log", "log", "--write-overlay", "o.yaml"];
    let good = run(folder.path(), &base);
    let written = code(&good) == 0;
    assert_eq!(folder.path().join("o.yaml").exists(), written);
    let _ = fs::remove_file(folder.path().join("o.yaml"));
    let failed = run(folder.path(), &[&base[..], &["--output", "no/such/x"]].concat());
    assert_eq!(code(&failed), 1);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    assert_eq!(edgemem(folder.path()).args(base).stdout(full).status().unwrap().code(), Some(1));
    assert_eq!(names(folder.path()), ["log", "s.yaml"]);
    // A starter is written whole, or the file that is there is left alone.
    assert_eq!(code(&run(folder.path(), &["init", "--output", "new.yaml"])), 0);
    fs::write(folder.path().join("new.yaml"), "mine").unwrap();
    assert_eq!(code(&run(folder.path(), &["init", "--output", "new.yaml"])), 1);
    assert_eq!(fs::read_to_string(folder.path().join("new.yaml")).unwrap(), "mine");
    assert_eq!(names(folder.path()), ["log", "new.yaml", "s.yaml"]);
}

/// Characters that a terminal would act on.
fn steers(text: &str) -> Vec<char> {
    let steers = |c: &char| {
        (c.is_control() && !matches!(c, '\n' | '\t')) || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().filter(steers).collect()
}

#[test]
fn no_character_of_an_input_steers_a_terminal() {
    const EVIL: &str = "a\u{1b}]0;title\u{7}\u{9b}2J\u{8}\u{7f}\r\u{202e}z\u{2066}";
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("s.yaml"), scenario(EVIL, &format!("w{EVIL}"))).unwrap();
    fs::write(at("t.csv"), format!("model,device,{EVIL}\nno{EVIL},mac-mini-m4-16gb,{EVIL}\n")).unwrap();
    fs::write(at("p.csv"), format!("device,price_usd\nx{EVIL},1\ny{EVIL},2\n")).unwrap();
    let mut seen = 0;
    for format in ["table", "markdown", "csv", "html", "json"] {
        for command in ["plan", "limits", "candidates", "whatif"] {
            let mut arguments = vec![command, "s.yaml", "--format", format];
            arguments.extend(["--set", "headroom=0.3"].iter().filter(|_| command == "whatif"));
            let output = run(folder.path(), &arguments);
            assert_ne!(code(&output), 1, "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            let out = text(&output.stdout);
            seen += usize::from(out.contains("title"));
            assert_eq!(steers(&out), [], "{arguments:?}");
            if format == "json" && code(&output) != 2 {
                let value: Value = serde_json::from_str(&out).unwrap();
                assert!(!matches!(command, "plan") || value["scenario"] == EVIL, "the string itself is the same");
            }
        }
    }
    assert!(seen > 8, "the names are shown: {seen}");
    for arguments in [
        &["plan", "s.yaml", "--prices", "p.csv"][..],
        &["budget", "--cases", "t.csv", "--format", "csv"],
        &["plan", &format!("no{EVIL}.yaml")],
        &["catalog", "list", EVIL],
        &["plan", "s.yaml", "--set", EVIL],
        &["model", "show", EVIL],
        &["schema", "scenario", "--output", &format!("no/{EVIL}")],
    ] {
        let output = run(folder.path(), arguments);
        assert_ne!(code(&output), 0, "{arguments:?}");
        assert_eq!(steers(&text(&output.stdout)), [], "{arguments:?}");
        assert_eq!(steers(&text(&output.stderr)), [], "{arguments:?}");
    }
}

#[test]
fn a_name_is_no_formula_in_a_table_and_no_markup_in_a_document() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(1)", "\tx", "\u{ff1d}1", "=HYPERLINK(\"http://x\",\"y\")"]
    {
        fs::write(folder.path().join("s.yaml"), scenario("shop", name)).unwrap();
        for command in ["plan", "limits", "candidates"] {
            let out = text(&run(folder.path(), &[command, "s.yaml", "--format", "csv"]).stdout);
            let mut reader = csv::Reader::from_reader(out.as_bytes());
            let field = reader.headers().unwrap().iter().position(|h| h == "workload").unwrap();
            let row = reader.records().next().unwrap().unwrap();
            assert_eq!(&row[field], format!("'{name}"), "{command}");
        }
    }
    let markup = "<script>alert(1)</script> [x](javascript:y) ![i](z) `c` a|b\n\n# heading";
    fs::write(folder.path().join("s.yaml"), scenario(markup, &markup.replace('\n', ""))).unwrap();
    for arguments in
        [&["plan", "s.yaml"][..], &["whatif", "s.yaml", "--set", "headroom=0.3"], &["candidates", "s.yaml"]]
    {
        let out = text(&run(folder.path(), &[arguments, &["--format", "markdown"]].concat()).stdout);
        let open = out.lines().scan(false, |code, line| {
            *code ^= line.starts_with("```");
            Some((*code, line))
        });
        let plain: Vec<&str> = open.filter(|(code, _)| !code).map(|(_, line)| line).collect();
        assert!(out.contains("alert(1)"), "{out}");
        for line in plain {
            for markup in ["<script", "[x](", "![i](", " `c`", "a|b"] {
                assert!(!line.contains(markup), "{markup} in {line}");
            }
            assert!(!line.starts_with("# heading"), "{out}");
        }
    }
}

#[test]
fn no_reader_goes_on_without_end() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("s.yaml"), scenario("shop", "talk")).unwrap();
    fs::create_dir(folder.path().join("facts")).unwrap();
    symlink("/dev/zero", folder.path().join("facts/a.yaml")).unwrap();
    for arguments in [
        &["plan", "/dev/zero"][..],
        &["plan", "s.yaml", "--prices", "/dev/zero"],
        &["plan", "s.yaml", "--catalog", "facts"],
        &["validate", "s.yaml", "--log", "/dev/zero"],
        &["check", "/dev/zero"],
        &["budget", "--cases", "/dev/zero", "--format", "csv"],
        &["whatif", "s.yaml", "--against", "/dev/zero"],
    ] {
        // Half a gigabyte of address space is enough for all of them.
        let limited = "ulimit -v 524288; exec \"$0\" \"$@\"";
        let output = Command::new("sh")
            .current_dir(folder.path())
            .args(["-c", limited, env!("CARGO_BIN_EXE_edgemem")])
            .args(arguments)
            .env("RAYON_NUM_THREADS", "2")
            .output()
            .unwrap();
        let said = text(&output.stderr);
        assert!(code(&output) == 1 && said.contains("MiB"), "{arguments:?}: {:?} {said}", output.status);
        assert!(said.contains("/dev/zero") || said.contains("facts/a.yaml"), "{said}");
    }
    // Names of any length are cut to a line, and no near one is looked for.
    let long = "q".repeat(100_000);
    fs::write(folder.path().join("long.yaml"), scenario("shop", "talk").replace("Qwen3-0.6B", &long)).unwrap();
    let output = run(folder.path(), &["plan", "long.yaml"]);
    assert!(code(&output) == 1 && output.stderr.len() < 4000, "{} bytes", output.stderr.len());
}

#[test]
fn an_overlay_that_cannot_be_is_refused_by_every_command() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("s.yaml"), scenario("shop", "talk")).unwrap();
    let overlay = |from: &str, to: &str| {
        let text = "devices:\n  - id: my-board\n    name: Mine\n    vendor: Mine\n    class: sbc\n    silicon: rk3588\n    \
                    availability: offered\n    memory: { kind: unified, type: LPDDR4X 64-bit, installed_mib: 8192, \
                    visible_mib: 7900 }\n    os_image: ubuntu-server\n    bandwidth_gb_s: 34.1\n    compute: { fp16_tflops: 2 \
                    }\n    full_w: 15\n    prices: [{ usd: 99, kind: MSRP, source: shop }, { usd: 90, kind: MSRP, source: \
                    shop, min_quantity: 5 }]\n    runtimes: [llama.cpp-cpu]\n    provenance: { sources: { spec: shop } }\n";
        assert!(text.contains(from), "{from}");
        fs::write(folder.path().join("mine.yaml"), text.replacen(from, to, 1)).unwrap();
    };
    let commands = [
        &["plan", "s.yaml"][..],
        &["candidates", "s.yaml"],
        &["limits", "s.yaml"],
        &["whatif", "s.yaml", "--set", "headroom=0.3"],
        &["budget", "--model", "Qwen3-0.6B", "--device", "my-board", "--weights", "q8_0"],
        &["catalog", "check"],
    ];
    for (from, to, field) in [
        ("bandwidth_gb_s: 34.1", "bandwidth_gb_s: 1e18", "bandwidth_gb_s"),
        ("bandwidth_gb_s: 34.1", "bandwidth_gb_s: -204.8", "bandwidth_gb_s"),
        ("bandwidth_gb_s: 34.1", "bandwidth_gb_s: .nan", "bandwidth_gb_s"),
        ("fp16_tflops: 2", "fp16_tflops: .inf", "fp16_tflops"),
        ("visible_mib: 7900", "visible_mib: 999999999", "visible_mib"),
        ("full_w: 15", "full_w: 0", "full_w"),
        ("usd: 99", "usd: 0", "usd"),
        ("usd: 90", "usd: 900", "usd"),
        ("[llama.cpp-cpu]", "[llama-cpu]", "llama-cpu"),
        ("id: my-board", "id: \"my\\u001b[2Jboard\"", "id"),
    ] {
        overlay(from, to);
        for command in &commands {
            let output = run(folder.path(), &[command, &["--catalog", "mine.yaml"][..]].concat());
            let said = text(&output.stderr) + &text(&output.stdout);
            assert_eq!(code(&output), 1, "{to}: {command:?}: {said}");
            assert!(said.contains(field), "{to}: {command:?}: {said}");
            assert!(command[0] == "catalog" || said.contains("mine.yaml"), "{to}: {command:?}: {said}");
        }
    }
    // What is only missing (the date of a price) is told by `catalog check` and planned with.
    overlay("id: my-board", "id: my-board");
    for command in &commands {
        let output = run(folder.path(), &[command, &["--catalog", "mine.yaml"][..]].concat());
        assert_eq!(code(&output) == 1, command[0] == "catalog", "{command:?}: {}", text(&output.stderr));
    }
}

#[test]
fn model_files_that_contradict_themselves_are_refused_or_noted() {
    let folder = tempfile::tempdir().unwrap();
    let inspect = |name: &str, bytes: &[u8]| {
        fs::write(folder.path().join(name), bytes).unwrap();
        let output = run(folder.path(), &["model", "inspect", name]);
        (code(&output), text(&output.stdout) + &text(&output.stderr))
    };
    // A GGUF file with nothing but metadata: a vocabulary.
    let key = |name: &str, kind: u32, value: &[u8]| {
        [&(name.len() as u64).to_le_bytes()[..], name.as_bytes(), &kind.to_le_bytes(), value].concat()
    };
    let architecture = [&5u64.to_le_bytes()[..], b"llama"].concat();
    let vocabulary = [
        b"GGUF".to_vec(),
        3u32.to_le_bytes().to_vec(),
        0u64.to_le_bytes().to_vec(),
        2u64.to_le_bytes().to_vec(),
        key("general.architecture", 8, &architecture),
        key("llama.block_count", 4, &2u32.to_le_bytes()),
    ]
    .concat();
    let (exit, said) = inspect("vocab.gguf", &vocabulary);
    assert!(exit == 1 && said.contains("no tensors") && said.contains("vocab.gguf"), "{said}");
    let safetensors = |header: &str| [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    let (exit, said) = inspect("empty.safetensors", &safetensors("{}"));
    assert!(exit == 1 && said.contains("no tensors"), "{said}");
    // 8 GB are claimed, none is there.
    let claim = r#"{"a":{"dtype":"F16","shape":[4000000000],"data_offsets":[0,8000000000]}}"#;
    let (exit, said) = inspect("short.safetensors", &safetensors(claim));
    assert!(exit == 0 && said.contains("where its header tells of"), "{said}");
    let config = r#"{"model_type":"llama","hidden_size":256,"num_hidden_layers":2,"num_attention_heads":32,
        "num_key_value_heads":8,"intermediate_size":512,"vocab_size":1000,"max_position_embeddings":2048}"#;
    assert_eq!(inspect("config.json", config.as_bytes()).0, 0);
    for (from, to, why) in [
        ("\"num_key_value_heads\":8", "\"num_key_value_heads\":64", "no more than there are heads"),
        ("\"vocab_size\":1000", "\"vocab_size\":1000,\"vocab_size\":2000", "is defined twice"),
        ("\"llama\"", "5", "model_type"),
    ] {
        let (exit, said) = inspect("config.json", config.replace(from, to).as_bytes());
        assert!(exit == 1 && said.contains(why) && said.contains("config.json"), "{to}: {said}");
    }
}

/// A fleet of `sites` site classes with `count` units of so many devices each, one replica on each.
fn fleet(sites: usize, devices: usize, count: u64, objective: &str) -> String {
    let of = |i: usize| {
        format!(
            "  - {{ name: s{i}, count: {count}, workloads: [{{ name: talk, model: Qwen3-0.6B, context: 2048, replicas: \
             {devices} }}] }}\n"
        )
    };
    format!(
        "scenario: fleet\nobjective: {objective}\nallow: {{ devices: [mac-mini-m4-16gb] }}\nlimits: {{ devices: {devices} \
         }}\nfleet: {{ spares: 100% }}\nsites:\n{}",
        (0..sites).map(of).collect::<String>()
    )
}

#[test]
fn money_is_exact_or_refused_before_anything_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let prices = |usd: &str| {
        fs::write(folder.path().join("p.csv"), format!("device,price_usd\nmac-mini-m4-16gb,{usd}\n")).unwrap();
    };
    let plan = |scenario: &str| {
        fs::write(folder.path().join("s.yaml"), scenario).unwrap();
        run(folder.path(), &["plan", "s.yaml", "--prices", "p.csv", "--format", "json"])
    };
    // 60 x 20 x 1e7 pieces, doubled, at 1e7 USD: 2.4e17 USD, more cents than 64 bits hold.
    prices("10000000");
    for objective in ["capex", "tco", "power"] {
        let scenario = fleet(60, 20, 10_000_000, objective);
        let output = plan(&scenario);
        let said = text(&output.stderr);
        assert!(code(&output) == 1 && output.stdout.is_empty(), "{said}");
        assert!(said.contains("at most 90,071,992,547,409.92 USD") && said.contains("s.yaml"), "{said}");
        assert_eq!(said.matches("error:").count(), 1, "{said}");
        for command in ["limits", "candidates"] {
            let output = run(folder.path(), &[command, "s.yaml", "--prices", "p.csv"]);
            assert!(code(&output) == 1 && output.stdout.is_empty(), "{command}: {}", text(&output.stderr));
        }
    }
    // As many pieces at 3,333.33 USD are 24e9 x 3,333.33 = 79,999,920,000,000 USD, and a cent more shows.
    for (usd, total) in [("3333.33", 79_999_920_000_000.0), ("3333.34", 80_000_160_000_000.0)] {
        prices(usd);
        let output = plan(&fleet(60, 20, 10_000_000, "capex"));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
        assert_eq!(answer["objective"]["value"], total);
        assert_eq!((code(&output), &answer["purchase_usd"]), (0, &answer["objective"]["value"]));
    }
}

#[test]
fn what_is_nearly_right_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.csv"), "model,device,contxt,note\nQwen3-0.6B,mac-mini-m4-16gb,4096,mine\n")
        .unwrap();
    let output = run(folder.path(), &["budget", "--cases", "c.csv", "--format", "csv"]);
    let said = text(&output.stderr);
    assert!(code(&output) == 0 && said.contains("c.csv") && said.contains("`contxt`"), "{said}");
    assert!(said.contains("is `context` meant?") && !said.contains("note"), "{said}");
    // A column beside the one that it is called nearly as is somebody's own.
    fs::write(folder.path().join("c.csv"), "model,device,contexts,context\nQwen3-0.6B,mac-mini-m4-16gb,,4096\n")
        .unwrap();
    let output = run(folder.path(), &["budget", "--cases", "c.csv", "--format", "csv"]);
    assert!(code(&output) == 0 && output.stderr.is_empty(), "{output:?}");
    for confidence in ["100%", "1.0", "40%", "-3%", "95", "sure"] {
        let scenario = scenario("shop", "talk") + &format!("confidence: {confidence}\n");
        fs::write(folder.path().join("s.yaml"), scenario).unwrap();
        let output = run(folder.path(), &["plan", "s.yaml"]);
        let said = text(&output.stderr);
        assert!(code(&output) == 1 && said.contains("from 0.5 to 0.99 (50 % to 99 %)"), "{said}");
        assert!(!said.contains("without quotes"), "{said}");
        assert_eq!(said.contains("95 per cent is written 95% or 0.95"), confidence == "95", "{said}");
    }
}

#[test]
fn a_saved_answer_is_held_against_its_own_scenario() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = "scenario: shops\nallow: { devices: [mac-mini-m4-16gb, raspberry-pi-5-16gb] }\nfleet: { spares: 10% \
                    }\nsites:\n  - { name: north, count: 7, workloads: [{ name: talk, model: Qwen3-0.6B, context: 2048, \
                    targets: { decode_tok_s: 20 } }] }\n  - { name: south, count: 3, workloads: [{ name: find, model: \
                    Qwen3-0.6B, context: 4096, streams: 2 }] }\n";
    fs::write(folder.path().join("s.yaml"), scenario).unwrap();
    let plan = |more: &[&str]| {
        let output = run(folder.path(), &[&["plan", "s.yaml", "--format", "json"], more].concat());
        assert_eq!(code(&output), 0, "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let check = |plan: &Value| {
        fs::write(folder.path().join("p.json"), plan.to_string()).unwrap();
        let output = run(folder.path(), &["check", "p.json", "--format", "json"]);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
        (code(&output), answer, text(&output.stderr))
    };
    let saved = plan(&[]);
    let (exit, answer, _) = check(&saved);
    assert_eq!((exit, &answer["edited"], &answer["cheapest"]), (0, &serde_json::json!([]), &Value::Bool(true)));
    // What `plan --confidence` asked for is the plan's own, and told.
    let (exit, answer, said) = check(&plan(&["--confidence", "0.8"]));
    assert!(exit == 0 && answer["edited"] == serde_json::json!([]) && said.contains("0.8"), "{said}");
    let site = |plan: &Value, name: &str, more: Value| {
        let mut site = plan["sites"][0].clone();
        site["name"] = name.into();
        if !more.is_null() {
            let mut device = site["devices"][0].clone();
            device["device"] = more;
            device["workloads"] = serde_json::json!([]);
            site["devices"].as_array_mut().unwrap().push(device);
        }
        site
    };
    let idle = |id: &str| {
        let mut plan = saved.clone();
        plan["sites"][0] = site(&plan, "north", id.into());
        plan
    };
    let extra = |name: &str| {
        let mut plan = saved.clone();
        let more = site(&plan, name, Value::Null);
        plan["sites"].as_array_mut().unwrap().push(more);
        plan
    };
    let own = saved["sites"][0]["devices"][0]["device"].as_str().unwrap();
    let with = |pointer: &str, value: Value| {
        let mut plan = saved.clone();
        *plan.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
        plan
    };
    let workload = |key: &str| format!("/sites/0/devices/0/workloads/0/{key}");
    let changed = saved["inputs"]["scenario"].as_str().unwrap().replace("count: 7", "count: 8");
    let no_order = with("/order", serde_json::json!([]));
    for (plan, told) in [
        (extra("ghost"), "no site `ghost`"),
        (extra("north"), "`north` is there twice"),
        (idle("warp-core"), "not made with a `warp-core`"),
        (idle(own), "hosts nothing"),
        (with("/sites/0/count", 5.into()), "`count` of `north` is 5, the scenario asks for 7"),
        (with(&workload("model"), "Qwen/Qwen3-32B".into()), "`model` of `talk` is Qwen/Qwen3-32B"),
        (with(&workload("context"), 1024.into()), "`context` of `talk` is 1024, the scenario asks for 2048"),
        (with(&workload("streams"), 2.into()), "`streams` of `talk` is 2, the scenario asks for 1"),
        (with("/order/0/quantity", 1.into()), "`quantity` of"),
        (with("/order/0/spares", 0.into()), "`spares` of"),
        (with("/order/0/extra", 9.into()), "`extra` of"),
        (with("/order/0/unit_price", 1.0.into()), "`unit_price` of"),
        (with("/order/0/total", 1.0.into()), "`total` of"),
        (no_order, "`quantity` of"),
        (with("/purchase_usd", 1.0.into()), "`purchase_usd` is 1.00"),
        (with("/objective/value", 1.0.into()), "`objective.value` is 1.00"),
        (with("/objective/kind", "power".into()), "`objective.kind` is power, the scenario asks for capex"),
        (with("/headroom", 0.1.into()), "`headroom` is 10 %, the scenario asks for 25 %"),
        (with("/inputs/scenario", changed.into()), "`count` of `north` is 7, the scenario asks for 8"),
    ] {
        let (exit, answer, _) = check(&plan);
        let edited: Vec<&str> = answer["edited"].as_array().unwrap().iter().map(|e| e.as_str().unwrap()).collect();
        assert!(exit == 4 && edited.iter().any(|e| e.contains(told)), "{told}: {exit} {edited:?}");
        assert_eq!(answer["cheapest"], false, "{told}");
    }
    let table = text(&run(folder.path(), &["check", "p.json"]).stdout);
    assert!(table.contains("not the answer to its scenario") && !table.contains("none is better"), "{table}");
}
