//! The reader of `config.json` against the parameter counts that publishers' files state.

use std::collections::BTreeMap;

use edgemem::domain::parameters;
use edgemem::readers::hf_config::parse;
use edgemem::yaml::parse_catalog;
use serde::Deserialize;

const TABLE: &str = include_str!("fixtures/model_configs.yaml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    models: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    model: String,
    published: u64,
    source: String,
    /// What the reader counts more than was published.
    #[serde(default)]
    difference: i64,
    /// Why.
    #[serde(default)]
    because: Option<String>,
    active: u64,
    keys: serde_json::Value,
}

fn rows() -> Vec<Row> {
    let table: Table = parse_catalog(TABLE, "model_configs.yaml").unwrap_or_else(|e| panic!("{e}"));
    table.models
}

#[test]
fn counts_are_the_published_ones_or_differ_for_a_named_reason() {
    let rows = rows();
    assert!(rows.len() >= 120, "{} rows", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        assert!(!row.source.is_empty(), "{} has no source", row.model);
        let model = match parse(&row.keys.to_string(), &row.model) {
            Ok(model) => model,
            Err(error) => {
                wrong.push(format!("{}: {}", row.model, error.one_line()));
                continue;
            }
        };
        let expected = i128::from(row.published) + i128::from(row.difference);
        if i128::from(model.parameters) != expected {
            wrong.push(format!("{}: {} instead of {expected}", row.model, model.parameters));
        }
        if model.active_parameters != row.active {
            wrong.push(format!("{}: {} active instead of {}", row.model, model.active_parameters, row.active));
        }
        if (row.difference != 0) != row.because.is_some() {
            wrong.push(format!("{}: a difference needs a reason, and a reason a difference", row.model));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Packed tensors, scales and stored copies are in the files, not in the model: the counts that remain comparable must agree.
#[test]
fn at_least_95_of_100_comparable_counts_are_exact() {
    let of_the_file = [
        "packed",
        "scales of FP8",
        "stored",
        "rounded",
        "are not counted",
        "has no output head",
        "variant",
        "lacks parts",
    ];
    let comparable: Vec<Row> = rows()
        .into_iter()
        .filter(|r| r.because.as_deref().is_none_or(|b| !of_the_file.iter().any(|word| b.contains(word))))
        .collect();
    let exact = comparable.iter().filter(|r| r.difference == 0).count();
    assert!(exact * 100 >= comparable.len() * 95, "{exact} of {}", comparable.len());
}

#[test]
fn the_parts_of_a_count_add_up() {
    let mut kinds = BTreeMap::new();
    for row in rows() {
        let Ok(model) = parse(&row.keys.to_string(), &row.model) else { continue };
        let Some(body) = model.language() else { continue };
        let count = parameters::count(body);
        assert_eq!(count.components.values().sum::<u64>(), count.total, "{}", row.model);
        assert!(count.active <= count.total, "{}", row.model);
        assert!(count.embedding > 0, "{}", row.model);
        *kinds.entry(body.spec.family.clone()).or_insert(0) += 1;
    }
    assert!(kinds.len() >= 35, "{} families: {kinds:?}", kinds.len());
}
