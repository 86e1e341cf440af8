//! Every command of `docs/whatif.md` runs and answers about what the page says; what devices cost today is not the page's.

use std::fs;
use std::path::Path;
use std::process::Command;

const PAGE: &str = include_str!("../docs/whatif.md");
const ROBOT: &str = include_str!("../scenarios/robot.yaml");

/// The text between two marks.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let start = text.find(from).unwrap() + from.len();
    &text[start..start + text[start..].find(to).unwrap()]
}

/// Words without figures and device names, which move with the catalogs.
fn gist(line: &str) -> String {
    line.split_whitespace().filter(|w| !w.contains(|c: char| c.is_ascii_digit())).collect::<Vec<_>>().join(" ")
}

fn run(folder: &Path, line: &str) -> (Option<i32>, String) {
    let arguments = line.strip_prefix("edgemem ").unwrap().split(' ');
    let output = Command::new(env!("CARGO_BIN_EXE_edgemem"))
        .current_dir(folder)
        .args(arguments)
        .env_remove("COLUMNS")
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_walk_can_be_walked() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("robot.yaml"), ROBOT).unwrap();
    fs::write(folder.path().join("tight.yaml"), between(PAGE, "```yaml\n", "```")).unwrap();
    let prices = "device,price_usd,as_of\nmac-mini-m4-16gb,999,2026-11-20\n";
    fs::write(folder.path().join("new-prices.csv"), prices).unwrap();
    let mut commands = 0;
    for block in PAGE.split("```console\n$ ").skip(1) {
        let (line, rest) = block.split_once('\n').unwrap();
        let shown = rest.split("```").next().unwrap();
        let (code, output) = run(folder.path(), line);
        commands += 1;
        assert!(matches!(code, Some(0 | 3 | 4)), "{line}: {code:?}");
        let first = shown.lines().find(|l| !l.is_empty() && *l != "...");
        if let Some(first) = first.map(gist).filter(|g| !g.contains("Being sure") && !line.starts_with("edgemem check"))
        {
            assert!(output.lines().any(|l| gist(l) == first), "{line}: no line like `{first}` in\n{output}");
        }
    }
    assert!(commands >= 10, "{commands}");
}
