//! The shipped models: every entry resolves, and its dimensions lead to what its publisher says.

use edgemem::catalog::Catalog;
use edgemem::domain::{Verification, parameters};

#[test]
fn every_shipped_model_resolves() {
    let catalog = Catalog::shipped().expect("the shipped catalogs load");
    let mut language = 0;
    for entry in catalog.model_entries() {
        let model = catalog.model(&entry.id).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(model.id, entry.id);
        if model.task.is_language() {
            let body = model.language().unwrap_or_else(|| panic!("{} has no language body", entry.id));
            assert_eq!(body.layers.len(), body.spec.layers as usize, "{}", entry.id);
            language += 1;
        }
    }
    assert!(language >= 150, "{language} language models");
}

/// A count that does not follow from the dimensions is marked; every other entry could be worked out again by hand.
#[test]
fn counts_follow_from_the_dimensions() {
    let catalog = Catalog::shipped().expect("the shipped catalogs load");
    let mut wrong = Vec::new();
    for entry in catalog.model_entries() {
        let model = catalog.model(&entry.id).unwrap_or_else(|e| panic!("{e}"));
        let Some(body) = model.language() else { continue };
        let count = parameters::count(body);
        let marked = model.provenance.verification("parameters") == Verification::Unverified;
        if !marked && (count.total, count.active) != (model.parameters, model.active_parameters) {
            wrong.push(format!(
                "{}: {} of which {} are active, its dimensions lead to {} and {}",
                entry.id, model.parameters, model.active_parameters, count.total, count.active
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn well_known_names_lead_to_their_models() {
    let catalog = Catalog::shipped().expect("the shipped catalogs load");
    for (name, id) in [
        ("llama-3-8b", "meta-llama/Meta-Llama-3-8B"),
        ("Llama-3-8B-Instruct", "meta-llama/Meta-Llama-3-8B-Instruct"),
        ("Meta-Llama-3.1-8B", "meta-llama/Meta-Llama-3.1-8B"),
        ("llama-3.2-1b", "meta-llama/Llama-3.2-1B"),
        ("qwen2.5-7b-instruct", "Qwen/Qwen2.5-7B-Instruct"),
        ("gemma-3-4b-it", "google/gemma-3-4b-it"),
        ("mistral-7b-v0.1", "mistralai/Mistral-7B-v0.1"),
        ("gpt-oss-20b", "openai/gpt-oss-20b"),
        ("all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"),
    ] {
        let found = catalog.model(name).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(found.id, id, "{name}");
    }
}
