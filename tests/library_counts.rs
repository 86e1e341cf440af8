//! The reader of `config.json` against the tensors that the classes of the transformers library build.

use edgemem::domain::parameters::{self, MULTI_TOKEN_PREDICTION};
use edgemem::readers::hf_config::parse;
use edgemem::yaml::parse_catalog;
use serde::Deserialize;
use serde_json::Value;

const TABLE: &str = include_str!("fixtures/library_counts.yaml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    models: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    class: String,
    parameters: u64,
    keys: serde_json::Map<String, Value>,
}

#[test]
fn counts_are_those_of_the_library() {
    let table: Table = parse_catalog(TABLE, "library_counts.yaml").unwrap_or_else(|e| panic!("{e}"));
    assert!(table.models.len() >= 150, "{} rows", table.models.len());
    let mut wrong = Vec::new();
    for row in table.models {
        let mut keys = row.keys;
        // By which version of the library a file was written decides where it says whether tables are shared.
        keys.insert("transformers_version".to_owned(), Value::from("5.23.0"));
        match parse(&Value::Object(keys).to_string(), &row.class) {
            Ok(model) => {
                let extra = model.language().map_or(0, |body| {
                    parameters::count(body).components.get(MULTI_TOKEN_PREDICTION).copied().unwrap_or(0)
                });
                if model.parameters - extra != row.parameters {
                    wrong.push(format!("{}: {} instead of {}", row.class, model.parameters - extra, row.parameters));
                }
            }
            Err(error) => wrong.push(format!("{}: {}", row.class, error.one_line())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
