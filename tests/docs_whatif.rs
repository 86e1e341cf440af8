//! Every command of `docs/whatif.md` and the picture of the README run and print what stands there, to the last figure.
//!
//! `UPDATE_DOCS=1 cargo test --test docs_whatif` writes today's outputs into the pages; read the difference.

use std::fs;
use std::path::Path;
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn run(folder: &Path, line: &str) -> (Option<i32>, String) {
    let arguments = line.strip_prefix("edgemem ").unwrap().split(' ');
    let output = Command::new(env!("CARGO_BIN_EXE_edgemem"))
        .current_dir(folder)
        .args(arguments)
        .env_remove("COLUMNS")
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    (output.status.code(), String::from_utf8(text).unwrap())
}

/// What a block shows of an output today: `...` stands for lines left out, and the line after it says where to go on.
fn shown(old: &str, output: &str, line: &str) -> String {
    let lines: Vec<&str> = output.lines().map(str::trim_end).collect();
    let old: Vec<&str> = old.lines().collect();
    if old.iter().all(|l| l.is_empty()) {
        return lines.join("\n") + "\n";
    }
    let words = |line: &str| line.split_whitespace().take(3).map(ToOwned::to_owned).collect::<Vec<_>>();
    let mut new: Vec<&str> = Vec::new();
    let mut at = 0;
    for (i, part) in old.split(|l| *l == "...").enumerate() {
        if i > 0 {
            new.push("...");
        }
        let Some(first) = part.iter().find(|l| !l.is_empty()) else { continue };
        let found = lines[at..].iter().position(|l| words(l) == words(first));
        let start = if i == 0 { 0 } else { at + found.unwrap_or_else(|| panic!("{line}: no `{first}` in\n{output}")) };
        let more = old.split(|l| *l == "...").count() > i + 1;
        at = if more { (start + part.len()).min(lines.len()) } else { lines.len() };
        new.extend(&lines[start..at]);
    }
    let mut text = new.join("\n");
    text.push('\n');
    text
}

/// The page with today's outputs and exit codes.
fn walked(page: &str, folder: &Path) -> (String, usize) {
    // Files that the page shows are there: the first line of their block names them.
    for block in page.split("```").skip(1).step_by(2) {
        let (info, content) = block.split_once('\n').unwrap();
        if let Some((_, name)) = info.split_once(' ') {
            fs::write(folder.join(name), content).unwrap();
        }
    }
    let mut new = String::new();
    let mut commands = 0;
    let mut rest = page;
    while let Some(start) = rest.find("```console\n$ ") {
        let (before, block) = rest.split_at(start + "```console\n$ ".len());
        new.push_str(before);
        let (line, block) = block.split_once('\n').unwrap();
        let (old, after) = block.split_once("```").unwrap();
        let (code, output) = run(folder, line);
        let code = code.unwrap();
        commands += 1;
        new.push_str(&format!("{line}\n{}```\n\nExit code {code}.", shown(old, &output, line)));
        let told = after.trim_start().strip_prefix("Exit code ").unwrap_or_else(|| panic!("{line}: no exit code"));
        rest = told.split_once('.').unwrap().1;
    }
    new.push_str(rest);
    (new, commands)
}

fn compare(path: &str, old: &str, new: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(Path::new(ROOT).join(path), new).unwrap();
        return;
    }
    for (i, (old, new)) in old.lines().zip(new.lines()).enumerate() {
        assert_eq!(old, new, "{path}:{}: write today's outputs with UPDATE_DOCS=1", i + 1);
    }
    assert_eq!(old.lines().count(), new.lines().count(), "{path}: write today's outputs with UPDATE_DOCS=1");
}

#[test]
fn the_walk_can_be_walked() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/whatif.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for file in ["robot.yaml", "fleet.yaml", "fleet.prices.csv"] {
        fs::copy(Path::new(ROOT).join("scenarios").join(file), folder.path().join(file)).unwrap();
    }
    let (new, commands) = walked(&page, folder.path());
    assert!(commands >= 12, "{commands}");
    compare("docs/whatif.md", &page, &new);
}

#[test]
fn the_readme_shows_the_robots_plan() {
    let page = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let mark = "```text\nwarehouse robot";
    let start = page.find(mark).unwrap() + "```text\n".len();
    let end = start + page[start..].find("```").unwrap();
    let (_, output) = run(Path::new(ROOT), "edgemem plan scenarios/robot.yaml");
    let lines = |text: &str| text.lines().map(|l| l.trim_end().to_owned()).collect::<Vec<_>>();
    let (shown, mut today) = (lines(&page[start..end]), lines(&output));
    // The last line has the fingerprint of the catalogs, which every new source changes.
    if std::env::var_os("UPDATE_DOCS").is_none() {
        today.truncate(today.len() - 1);
        today.extend(shown.last().cloned());
    }
    let new = format!("{}{}\n{}", &page[..start], today.join("\n"), &page[end..]);
    compare("README.md", &page, &new);
}
