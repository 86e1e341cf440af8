//! Turns the YAML under `catalogs/` into one JSON document that is embedded in the binary: people read YAML, the program
//! starts without parsing it. No knowledge of the entries is needed here; types are checked when they are loaded, and by tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::{Map, Value};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("catalogs");
    println!("cargo::rerun-if-changed={}", root.display());
    match embed(&root) {
        Ok(json) => {
            let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("catalogs.json");
            if let Err(e) = fs::write(&out, json) {
                println!("cargo::error=cannot write {}: {e}", out.display());
            }
        }
        Err(message) => println!("cargo::error={message}"),
    }
}

/// All lists of all files joined, files in order of their paths; `calibration/` becomes one object by file name.
fn embed(root: &Path) -> Result<String, String> {
    let mut lists: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut calibration = Map::new();
    for path in yaml_files(root)? {
        println!("cargo::rerun-if-changed={}", path.display());
        let text = fs::read_to_string(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        let value: Value = serde_saphyr::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
        let in_calibration = path.parent().and_then(Path::file_name).is_some_and(|n| n == "calibration");
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        match value {
            value if in_calibration => {
                calibration.insert(stem.to_owned(), value);
            }
            Value::Object(file) => {
                for (key, list) in file {
                    let Value::Array(items) = list else {
                        return Err(format!("{}: `{key}` is no list", path.display()));
                    };
                    lists.entry(key).or_default().extend(items);
                }
            }
            _ => return Err(format!("{}: expected lists by name", path.display())),
        }
    }
    let mut all: Map<String, Value> = lists.into_iter().map(|(k, v)| (k, Value::Array(v))).collect();
    all.insert("calibration".to_owned(), Value::Object(calibration));
    serde_json::to_string(&all).map_err(|e| e.to_string())
}

fn yaml_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|e| format!("cannot read {}: {e}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| e.to_string())?.path();
        if path.is_dir() {
            files.extend(yaml_files(&path)?);
        } else if path.extension().is_some_and(|e| e == "yaml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
