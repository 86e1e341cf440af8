//! `edgemem catalog`.

use super::args::{Catalog, Form, Kind, Sink};
use super::{BAD_INPUT, DONE, Failure, files, output};
use crate::catalog::{Catalog as Facts, check};
use crate::diag::Diagnostic;
use crate::report::{self, Table};
use crate::yaml;

/// Runs the command.
pub(crate) fn run(arguments: &Catalog) -> Result<u8, Failure> {
    match arguments {
        Catalog::List { kind, facts, sink } => {
            let catalog = files::catalog(facts)?;
            output::table(&list(&catalog, *kind, sink.format), sink)?;
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

/// One of the lists; for eyes without the columns that make lines too long to read.
pub(crate) fn list(catalog: &Facts, kind: Option<Kind>, form: Form) -> Table {
    let (table, eyes): (Table, &[&str]) = match kind {
        None => return report::summary(catalog),
        Some(Kind::Devices) => (
            report::devices(catalog),
            &["device", "class", "memory_mib", "bandwidth_gb_s", "power_w", "price_usd", "price_as_of", "unverified"],
        ),
        Some(Kind::Models) => {
            (report::models(catalog), &["model", "task", "parameters", "layers", "max_context", "licence"])
        }
        Some(Kind::Formats) => {
            (report::formats(catalog), &["format", "aliases", "kind", "bits_per_weight", "quality_loss"])
        }
        Some(Kind::Runtimes) => (
            report::runtimes(catalog),
            &["runtime", "engine", "family", "backend", "flash_attention", "framework_mib", "devices"],
        ),
        Some(Kind::OsImages) => (report::os_images(catalog), &["os_image", "name", "used_mib"]),
    };
    if form == Form::Table { table.only(eyes) } else { table }
}

/// Writes a tree of facts: as text for eyes, as JSON, or flat with one path per line.
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
