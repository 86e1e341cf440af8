//! `edgemem catalog`.

use super::args::{Catalog, Filter, Form, Kind, Sink};
use super::{BAD_INPUT, DONE, Failure, files, output};
use crate::catalog::schema::ModelEntry;
use crate::catalog::{Catalog as Facts, check};
use crate::diag::Diagnostic;
use crate::domain::{Device, Runtime, Task};
use crate::names::folded;
use crate::report::{self, Table};
use crate::yaml;

/// Runs the command.
pub(crate) fn run(arguments: &Catalog) -> Result<u8, Failure> {
    match arguments {
        Catalog::List { kind, filter, facts, sink } => {
            let catalog = files::catalog(facts)?;
            output::table(&list(&catalog, *kind, filter, sink.format)?, sink)?;
            Ok(DONE)
        }
        Catalog::Show { id, facts, sink } => {
            let catalog = files::catalog(facts)?;
            let entries = report::catalog_entries(&catalog, id)?;
            facts_as(&entries, sink, || yaml::to_string(&entries).map_err(Diagnostic::error))?;
            Ok(DONE)
        }
        Catalog::Check { facts, sink } => {
            let catalog = files::unchecked_catalog(facts)?;
            let findings = check::check(&catalog);
            match sink.format {
                Form::Table => {
                    output::show(&report::findings_text(&catalog, &findings), false, sink.output.as_deref())?;
                }
                _ => output::table(&report::findings(&findings), sink)?,
            }
            Ok(if findings.is_empty() { DONE } else { BAD_INPUT })
        }
    }
}

/// One of the lists: in human-readable form with the columns that people choose by.
pub(crate) fn list(catalog: &Facts, kind: Option<Kind>, filter: &Filter, form: Form) -> Result<Table, Diagnostic> {
    let people = form == Form::Table;
    // A filter that says nothing about a list would seem to have found everything.
    let only = |flag: &str, given: bool, kinds: &[Kind]| {
        if given && !kind.is_some_and(|kind| kinds.contains(&kind)) {
            let names: Vec<String> = kinds.iter().map(|k| format!("{k:?}").to_lowercase()).collect();
            return Err(Diagnostic::error(format!("{flag} chooses among {}", names.join(", ")))
                .hint(format!("for example `edgemem catalog list {}`", names.first().map_or("", |n| n))));
        }
        Ok(())
    };
    only("--class", !filter.class.is_empty(), &[Kind::Devices])?;
    only("--vendor", !filter.vendor.is_empty(), &[Kind::Devices])?;
    only("--max-price", filter.max_price.is_some(), &[Kind::Devices])?;
    only("--task", !filter.task.is_empty(), &[Kind::Devices, Kind::Models, Kind::Runtimes])?;
    only("a search word", !filter.words.is_empty(), &[Kind::Devices, Kind::Models, Kind::Runtimes])?;
    let of_task = |tasks: &[Task]| filter.task.is_empty() || filter.task.iter().any(|t| tasks.contains(t));
    let device = |device: &Device| {
        let tasks = || device.runtimes.iter().filter_map(|id| catalog.runtime_by_id(id)).flat_map(|r| r.tasks.clone());
        let aliases = device.aliases.iter().map(|a| a.id.as_str());
        let texts: Vec<&str> = [device.id.as_str(), &device.name, &device.vendor].into_iter().chain(aliases).collect();
        let vendor = device.vendor.to_lowercase();
        (filter.class.is_empty() || filter.class.contains(&device.class))
            && (filter.vendor.is_empty() || filter.vendor.iter().any(|v| vendor.contains(&v.to_lowercase())))
            && (filter.task.is_empty() || of_task(&tasks().collect::<Vec<_>>()))
            && filter.max_price.is_none_or(|most| device.prices.first().is_some_and(|p| p.price.usd() <= most))
            && found(&filter.words, &texts)
    };
    let model = |model: &ModelEntry| {
        let aliases = model.aliases.iter().map(String::as_str);
        let texts: Vec<&str> =
            std::iter::once(model.id.as_str()).chain(aliases).chain(model.licence.as_deref()).collect();
        of_task(&[model.task]) && found(&filter.words, &texts)
    };
    let runtime = |r: &Runtime| of_task(&r.tasks) && found(&filter.words, &[&r.id, &r.name, &r.engine_id]);
    Ok(match kind {
        None => report::summary(catalog),
        Some(Kind::Devices) if people => report::devices_shown(catalog, device),
        Some(Kind::Devices) => report::devices(catalog, device),
        Some(Kind::Models) if people => report::models_shown(catalog, model),
        Some(Kind::Models) => report::models(catalog, model),
        Some(Kind::Formats) if people => {
            report::formats(catalog).only(&["format", "aliases", "kind", "bits_per_weight", "quality_loss"])
        }
        Some(Kind::Formats) => report::formats(catalog),
        Some(Kind::Runtimes) if people => report::runtimes(catalog, runtime).only(&[
            "runtime",
            "engine",
            "family",
            "backend",
            "flash_attention",
            "framework_mib",
            "devices",
        ]),
        Some(Kind::Runtimes) => report::runtimes(catalog, runtime),
        Some(Kind::OsImages) if people => report::os_images(catalog).only(&["os_image", "name", "used_mib"]),
        Some(Kind::OsImages) => report::os_images(catalog),
    })
}

/// Whether every word is in one of the texts, as names are compared.
fn found(words: &[String], texts: &[&str]) -> bool {
    let texts: Vec<String> = texts.iter().map(|text| folded(text)).collect();
    words.iter().map(|word| folded(word)).all(|word| texts.iter().any(|text| text.contains(&word)))
}

/// Writes a tree of facts: human-readable, as JSON, or flat with one path per line.
pub(crate) fn facts_as(
    value: &serde_json::Value,
    sink: &Sink,
    text: impl FnOnce() -> Result<String, Diagnostic>,
) -> Result<(), Failure> {
    match sink.format {
        Form::Table => output::show(&text()?, false, sink.output.as_deref()),
        Form::Json => output::show(&format!("{value:#}\n"), true, sink.output.as_deref()),
        Form::Csv | Form::Markdown => output::table(&report::flattened(value), sink),
    }
}
