//! The JSON Schemas: the committed files are those that the program prints, shipped files validate, and the scenario's schema
//! knows exactly the keys that the reader knows.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use edgemem::catalog::Catalog;
use edgemem::catalog::schema::catalog_schema;
use edgemem::scenario::{self, Document, scenario_schema};
use edgemem::yaml::{self, Node, Value as Yaml};
use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(yaml_files(&path));
        } else if path.extension().is_some_and(|e| e == "yaml") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn json(node: &Node) -> Value {
    match &node.value {
        Yaml::Null => Value::Null,
        Yaml::Bool(b) => Value::Bool(*b),
        Yaml::Integer(i) => Value::from(*i),
        Yaml::Float(f) => Value::from(*f),
        Yaml::Text(t) => Value::String(t.clone()),
        Yaml::List(items) => Value::Array(items.iter().map(json).collect()),
        Yaml::Map(entries) => {
            Value::Object(entries.iter().map(|(k, v)| (k.text().unwrap().to_owned(), json(v))).collect())
        }
    }
}

/// As much of JSON Schema as the schemas here use; a keyword that it does not know fails the test.
fn validate(value: &Value, schema: &Value, root: &Value, path: &str) -> Result<(), String> {
    let Value::Object(schema) = schema else { return Ok(()) };
    let fail = |what: String| Err(format!("{path}: {what}"));
    let number = |v: &Value| v.as_f64();
    for (keyword, rule) in schema {
        match keyword.as_str() {
            "$ref" => {
                let pointer = rule.as_str().unwrap().strip_prefix('#').unwrap();
                let target = root.pointer(pointer).ok_or_else(|| format!("{pointer} leads nowhere"))?;
                validate(value, target, root, path)?;
            }
            "type" => {
                let is = |name: &str| match name {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "null" => value.is_null(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "number" => value.is_number(),
                    other => panic!("type {other}"),
                };
                let names: Vec<&str> = match rule {
                    Value::Array(names) => names.iter().map(|n| n.as_str().unwrap()).collect(),
                    name => vec![name.as_str().unwrap()],
                };
                if !names.iter().any(|n| is(n)) {
                    return fail(format!("{value} is no {names:?}"));
                }
            }
            "properties" => {
                for (key, child) in value.as_object().into_iter().flatten() {
                    match rule.get(key) {
                        Some(rule) => validate(child, rule, root, &format!("{path}.{key}"))?,
                        None if schema.get("additionalProperties") == Some(&Value::Bool(false)) => {
                            return fail(format!("unknown key {key}"));
                        }
                        None => {}
                    }
                }
            }
            "additionalProperties" if rule.is_object() => {
                for (key, child) in value.as_object().into_iter().flatten() {
                    validate(child, rule, root, &format!("{path}.{key}"))?;
                }
            }
            "required" => {
                for key in rule.as_array().unwrap() {
                    if value.is_object() && value.get(key.as_str().unwrap()).is_none() {
                        return fail(format!("{key} is missing"));
                    }
                }
            }
            "items" => {
                for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                    validate(item, rule, root, &format!("{path}.{i}"))?;
                }
            }
            "prefixItems" => {
                for (i, (item, rule)) in
                    value.as_array().into_iter().flatten().zip(rule.as_array().unwrap()).enumerate()
                {
                    validate(item, rule, root, &format!("{path}.{i}"))?;
                }
            }
            "oneOf" | "anyOf" => {
                let results: Vec<_> = rule.as_array().unwrap().iter().map(|r| validate(value, r, root, path)).collect();
                let valid = results.iter().filter(|r| r.is_ok()).count();
                if valid == 0 || (keyword == "oneOf" && valid > 1) {
                    return fail(format!("{valid} of {} alternatives hold: {results:?}", results.len()));
                }
            }
            "enum" if !rule.as_array().unwrap().contains(value) => return fail(format!("{value} is none of {rule}")),
            "const" if rule != value => return fail(format!("{value} is not {rule}")),
            "minimum" if number(value).is_some_and(|n| n < number(rule).unwrap()) => return fail("too small".into()),
            "maximum" if number(value).is_some_and(|n| n > number(rule).unwrap()) => return fail("too large".into()),
            "exclusiveMinimum" if number(value).is_some_and(|n| n <= number(rule).unwrap()) => {
                return fail("too small".into());
            }
            "minItems" if value.as_array().is_some_and(|a| (a.len() as u64) < rule.as_u64().unwrap()) => {
                return fail("too few".into());
            }
            "maxItems" if value.as_array().is_some_and(|a| a.len() as u64 > rule.as_u64().unwrap()) => {
                return fail("too many".into());
            }
            "minLength" if value.as_str().is_some_and(str::is_empty) => return fail("empty".into()),
            "pattern" if value.as_str().is_some_and(|t| !matches(rule.as_str().unwrap(), t)) => {
                return fail(format!("{value} does not match {rule}"));
            }
            "uniqueItems" if value.as_array().is_some_and(|a| (1..a.len()).any(|i| a[..i].contains(&a[i]))) => {
                return fail("twice the same".into());
            }
            "enum"
            | "const"
            | "minimum"
            | "maximum"
            | "exclusiveMinimum"
            | "minItems"
            | "maxItems"
            | "minLength"
            | "pattern"
            | "uniqueItems"
            | "additionalProperties" => {}
            "$schema" | "$defs" | "title" | "description" | "default" | "format" => {}
            other => panic!("the schemas use `{other}`, which this test does not know"),
        }
    }
    Ok(())
}

/// The patterns of the scenario's schema, by hand.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern {
        "^[0-9]+(\\.[0-9]+)? *%$" => {
            let Some(number) = text.strip_suffix('%') else { return false };
            let (whole, decimals) = number.trim_end_matches(' ').split_once('.').unwrap_or((number.trim_end(), "0"));
            [whole, decimals].iter().all(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()))
        }
        "^[A-Za-z0-9_]+( */ *[A-Za-z0-9_]+)?$" => {
            text.split('/').count() <= 2
                && text
                    .split('/')
                    .all(|t| !t.trim().is_empty() && t.trim().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
        }
        "^ *[0-9]+ *[xX×] *[0-9]+ *$" => {
            let digits = |side: &str| !side.trim().is_empty() && side.trim().bytes().all(|b| b.is_ascii_digit());
            text.split_once(['x', 'X', '×']).is_some_and(|(wide, high)| digits(wide) && digits(high))
        }
        other => panic!("pattern {other}"),
    }
}

#[test]
fn the_committed_schemas_are_fresh() {
    for (name, schema) in [("scenario", scenario_schema()), ("catalog", catalog_schema())] {
        let path = root().join(format!("schemas/{name}.json"));
        let committed = fs::read_to_string(&path).unwrap();
        assert!(
            committed == format!("{schema:#}\n"),
            "schemas/{name}.json is stale: run `cargo run -- schema {name} --output schemas/{name}.json`"
        );
    }
}

#[test]
fn every_shipped_scenario_validates() {
    let schema = scenario_schema();
    let mut files = yaml_files(&root().join("scenarios"));
    files.push(root().join("src/cli/starter.yaml"));
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let value = json(&yaml::parse_tree(&text, &file.display().to_string()).unwrap());
        validate(&value, &schema, &schema, "").unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    }
}

#[test]
fn every_shipped_catalog_file_validates() {
    let schema = catalog_schema();
    for file in yaml_files(&root().join("catalogs")) {
        if file.components().any(|c| c.as_os_str() == "calibration") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let value: Value = yaml::parse_catalog(&text, &file.display().to_string()).unwrap();
        validate(&value, &schema, &schema, "").unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    }
}

#[test]
fn what_the_reader_refuses_the_schema_refuses() {
    let schema = scenario_schema();
    let workload = "workloads: [{ name: a, model: Qwen/Qwen3-4B }]";
    for bad in [
        "scenario: x\n".to_owned(),
        format!("headroom: 25\n{workload}\n"),
        format!("headroom: a lot\n{workload}\n"),
        format!("objective: cheap\n{workload}\n"),
        format!("count: 0\n{workload}\n"),
        format!("allow: {{ classes: [toaster] }}\n{workload}\n"),
        format!("sites: []\n{workload}\n"),
        "workloads: []\n".to_owned(),
        "workloads: [{ name: a }]\n".to_owned(),
        "workloads: [{ name: a, model: Qwen/Qwen3-4B, streams: 1.5 }]\n".to_owned(),
        "workloads: [{ name: a, model: Qwen/Qwen3-4B, kv_cache: [] }]\n".to_owned(),
    ] {
        let value = json(&yaml::parse_tree(&bad, "bad.yaml").unwrap());
        assert!(validate(&value, &schema, &schema, "").is_err(), "the schema takes {bad}");
        assert!(read(&bad).is_err(), "the reader takes {bad}");
    }
}

fn read(text: &str) -> Result<scenario::Scenario, edgemem::diag::Diagnostic> {
    let catalog = Catalog::shipped().unwrap();
    let document = Document::parse("test.yaml", text)?;
    scenario::resolve(&document, &catalog, &|name| catalog.model(name).map(std::sync::Arc::new))
}

/// A slip of the keyboard at each level makes the reader list the keys that it takes there.
#[test]
fn the_schema_knows_the_keys_that_the_reader_knows() {
    let schema = scenario_schema();
    let workload = "workloads: [{ name: a, model: Qwen/Qwen3-4B }]";
    for (pointer, text) in [
        ("/properties", format!("{workload}\nzzz: 1\n")),
        ("/$defs/horizon/properties", format!("horizon: {{ zzz: 1 }}\n{workload}\n")),
        ("/$defs/limits/properties", format!("limits: {{ zzz: 1 }}\n{workload}\n")),
        ("/$defs/allow/properties", format!("allow: {{ zzz: 1 }}\n{workload}\n")),
        (
            "/$defs/allow/properties/operating_temp_c/properties",
            format!("allow: {{ operating_temp_c: {{ min: 0, max: 1, zzz: 1 }} }}\n{workload}\n"),
        ),
        ("/$defs/fleet/properties", format!("fleet: {{ zzz: 1 }}\n{workload}\n")),
        ("/$defs/site/properties", format!("sites: [{{ name: s, zzz: 1, {workload} }}]\n")),
        ("/$defs/workload/properties", "workloads: [{ name: a, model: Qwen/Qwen3-4B, zzz: 1 }]\n".to_owned()),
        (
            "/$defs/targets/properties",
            "workloads: [{ name: a, model: Qwen/Qwen3-4B, targets: { zzz: 1 } }]\n".to_owned(),
        ),
    ] {
        let in_schema: BTreeSet<&str> =
            schema.pointer(pointer).unwrap().as_object().unwrap().keys().map(String::as_str).collect();
        let error = read(&text).unwrap_err().one_line();
        let listed = error.split(" takes ").nth(1).unwrap_or_else(|| panic!("{text}: {error}"));
        let in_reader: BTreeSet<&str> = listed.split(", ").collect();
        assert_eq!(in_schema, in_reader, "{pointer}");
    }
}
