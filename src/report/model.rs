//! One model: what it consists of, what a token of it takes, and what that rests on.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::catalog::schema::ModelEntry;
use crate::domain::{KvPair, KvType, Model, parameters};
use crate::memory::remembered;
use crate::units::Bytes;
use crate::yaml;

/// The model as its catalog entry would have it.
fn entry(model: &Model) -> ModelEntry {
    ModelEntry {
        id: model.id.clone(),
        aliases: model.aliases.clone(),
        task: model.task,
        parameters: model.parameters,
        active_parameters: Some(model.active_parameters).filter(|a| *a != model.parameters),
        architecture: model.language().map(|a| a.spec.clone()),
        network: model.network().cloned(),
        native_format: model.native_format.clone(),
        trained_formats: model.trained_formats.clone(),
        licence: model.licence.clone(),
        released: model.released.clone(),
        assumptions: model.assumptions.clone(),
        provenance: model.provenance.clone(),
    }
}

/// Everything about a model for programs; `entry` is its catalog entry.
///
/// # Errors
/// A message when the entry cannot be written.
pub fn model_value(model: &Model) -> Result<Value, String> {
    let mut value = Map::new();
    value.insert("model".to_owned(), json!(model.id));
    value.insert("task".to_owned(), json!(model.task.id()));
    value.insert("parameters".to_owned(), json!(model.parameters));
    value.insert("active_parameters".to_owned(), json!(model.active_parameters));
    if let Some(architecture) = model.language() {
        let count = parameters::count(architecture);
        let parts: Map<String, Value> = count.components.iter().map(|(part, n)| (part.clone(), json!(n))).collect();
        value.insert("parameters_by_component".to_owned(), Value::Object(parts));
        value.insert("parameters_from_dimensions".to_owned(), json!(count.total));
        let caches = [KvPair::F16, KvPair { k: KvType::Q8_0, v: KvType::Q8_0 }].map(|kv| {
            let kept = remembered(architecture, kv);
            let windows: Vec<_> = kept
                .per_token_in_window
                .iter()
                .map(|(window, bytes)| json!({ "window": window, "bytes_per_token": bytes.0 }))
                .collect();
            let cache = json!({ "bytes_per_token": kept.per_token.0, "windows": windows, "state_bytes": kept.state.0 });
            (kv.k.id().to_owned(), cache)
        });
        value.insert("cache".to_owned(), Value::Object(caches.into_iter().collect()));
    }
    if let Some(stored) = &model.stored {
        let file = json!({ "format": stored.format, "bytes": stored.bytes.0, "tensors": stored.tensors.len() });
        value.insert("file".to_owned(), file);
    }
    value.insert("assumptions".to_owned(), json!(model.assumptions));
    value.insert("sources".to_owned(), json!(model.provenance.sources));
    value.insert("entry".to_owned(), serde_json::to_value(entry(model)).map_err(|e| e.to_string())?);
    Ok(Value::Object(value))
}

/// Everything about a model in human-readable form, with its catalog entry in YAML at the end.
///
/// # Errors
/// A message when the entry cannot be written.
pub fn model_text(model: &Model) -> Result<String, String> {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_model(&mut out, model);
    let entry = yaml::to_string(&json!({ "models": [entry(model)] }))?;
    let _ = write!(out, "\nAs a catalog entry\n\n{entry}");
    Ok(out)
}

fn write_model(out: &mut String, model: &Model) -> std::fmt::Result {
    write!(out, "{}: {} model, {} parameters", model.id, model.task.id(), model.parameters)?;
    if model.active_parameters == model.parameters {
        writeln!(out)?;
    } else {
        writeln!(out, ", {} of them active per token", model.active_parameters)?;
    }
    if let Some(stored) = &model.stored {
        writeln!(out, "file: {} in {} tensors, {}", stored.bytes, stored.tensors.len(), stored.format)?;
    }
    if let Some(architecture) = model.language() {
        let count = parameters::count(architecture);
        writeln!(out, "\nParameters by component, from the dimensions")?;
        for (part, n) in &count.components {
            let share = 100.0 * *n as f64 / count.total.max(1) as f64;
            writeln!(out, "  {part:<28}{n:>16}{share:>8.2} %")?;
        }
        writeln!(out, "  {:<28}{:>16}", "total", count.total)?;
        let kept = remembered(architecture, KvPair::F16);
        let layers = architecture.layers.len();
        writeln!(out, "\nCache of one stream at f16, over {layers} layers")?;
        let per_token = |bytes: Bytes| format!("{:>16} bytes per token", bytes.0);
        if kept.per_token > Bytes::ZERO {
            writeln!(out, "  {:<28}{}", "whole context", per_token(kept.per_token))?;
        }
        for (window, bytes) in &kept.per_token_in_window {
            writeln!(out, "  {:<28}{}", format!("window of {window} tokens"), per_token(*bytes))?;
        }
        if kept.state > Bytes::ZERO {
            writeln!(out, "  {:<28}{:>16} bytes", "state, whatever the context", kept.state.0)?;
        }
    }
    for (title, lines) in [
        ("Assumptions", model.assumptions.clone()),
        ("Sources", model.provenance.sources.iter().map(|(what, from)| format!("{what}: {from}")).collect()),
    ] {
        if !lines.is_empty() {
            writeln!(out, "\n{title}")?;
            lines.iter().try_for_each(|line| writeln!(out, "  {line}"))?;
        }
    }
    Ok(())
}
