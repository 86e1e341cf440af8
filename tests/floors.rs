//! The floors of `ARCHITECTURE.md`: a module imports its own floor and those below, never upwards; each foreign crate that is a
//! matter of one room is named in that room only.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The code of every source file, by its path below `src/`: without comments, up to its unit tests.
fn sources() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let code = |text: &str| {
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        text.lines().map(|l| l.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
    };
    rust_files(&root)
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
            (name, code(&fs::read_to_string(&path).unwrap()))
        })
        .collect()
}

/// The floor of every module, as the table of `ARCHITECTURE.md` has it.
fn floors() -> BTreeMap<String, u32> {
    let map = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    let mut floors = BTreeMap::new();
    for line in map.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let Some(Ok(floor)) = cells.get(1).map(|f| f.parse::<u32>()) else { continue };
        for path in cells[2].split('`').filter_map(|p| p.strip_prefix("src/")) {
            floors.insert(path.trim_end_matches('/').trim_end_matches(".rs").to_owned(), floor);
        }
    }
    floors
}

/// The modules that a piece of code names through `crate::`, groups in braces included.
fn imported(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in code.split("crate::").skip(1) {
        match part.strip_prefix('{') {
            Some(group) => {
                let (mut depth, mut word) = (0, String::new());
                let mut at_start = true;
                for c in group.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => at_start = true,
                        c if depth == 0 && at_start && (c.is_alphanumeric() || c == '_') => word.push(c),
                        _ if !word.is_empty() => {
                            found.push(std::mem::take(&mut word));
                            at_start = false;
                        }
                        _ => {}
                    }
                    if (c == ',' || c == '{') && !word.is_empty() {
                        found.push(std::mem::take(&mut word));
                    }
                }
                if !word.is_empty() {
                    found.push(word);
                }
            }
            None => found.push(part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()),
        }
    }
    found
}

#[test]
fn imports_are_found_in_every_form() {
    assert_eq!(
        imported("use crate::units::Bytes;\nuse crate::{domain, readers::x, report};\nlet a = crate::yaml::f();"),
        ["units", "domain", "readers", "report", "yaml"]
    );
}

#[test]
fn no_module_imports_upwards() {
    let floors = floors();
    assert!(floors.len() >= 14, "the table of floors was not found: {floors:?}");
    let mut upwards = Vec::new();
    for (file, code) in sources() {
        let room = file.split('/').next().unwrap().trim_end_matches(".rs");
        if room == "lib" {
            continue;
        }
        let floor = floors.get(room).unwrap_or_else(|| panic!("src/{file} is in no floor of ARCHITECTURE.md"));
        for module in imported(&code) {
            // What is no module (a constant of the crate's root) has no floor.
            if let Some(other) = floors.get(&module)
                && other > floor
            {
                upwards.push(format!("src/{file} (floor {floor}) imports {module} (floor {other})"));
            }
        }
    }
    assert!(upwards.is_empty(), "{}", upwards.join("\n"));
}

#[test]
fn every_room_is_on_the_map() {
    let floors = floors();
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    for module in lib.lines().filter_map(|l| l.strip_prefix("pub mod ")).map(|l| l.trim_end_matches(';')) {
        assert!(floors.contains_key(module), "ARCHITECTURE.md does not know src/{module}");
    }
}

#[test]
fn what_belongs_to_one_room_stays_there() {
    // What is named, and the only places where it may be.
    let rules: [(&str, &[&str]); 8] = [
        ("serde_saphyr", &["yaml.rs"]),
        ("good_lp", &["solve/"]),
        ("annotate_snippets", &["diag.rs"]),
        ("comfy_table", &["report/table.rs"]),
        ("clap", &["cli/"]),
        ("std::fs", &["cli/", "readers/"]),
        ("println!", &["cli/"]),
        ("std::env::", &["cli/"]),
    ];
    let mut strays = Vec::new();
    for (file, code) in sources() {
        for (what, places) in rules {
            if code.contains(what) && !places.iter().any(|p| file.starts_with(p)) {
                strays.push(format!("src/{file} names {what}"));
            }
        }
    }
    assert!(strays.is_empty(), "{}", strays.join("\n"));
}
