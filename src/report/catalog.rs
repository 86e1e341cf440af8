//! The catalogs as tables, and single entries as their files have them.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Map, Value};

use super::table::{Cell, Table};
use crate::catalog::Catalog;
use crate::catalog::check::Finding;
use crate::catalog::schema::ModelEntry;
use crate::diag::Diagnostic;
use crate::domain::{Availability, Device, DeviceClass, FlashSupport, FormatKind, MemoryKind, Provenance, Runtime};
use crate::figures;
use crate::names::{SUGGESTED, containing, folded};
use crate::units::Milliwatts;

/// Names that an error lists.
const MOST_LISTED: usize = 40;

/// How many entries each list has.
#[must_use]
pub fn summary(catalog: &Catalog) -> Table {
    let mut table = Table::new(&["list", ">entries"]);
    for (list, entries) in [
        ("devices", catalog.devices().count()),
        ("models", catalog.model_entries().count()),
        ("formats", catalog.formats().count()),
        ("runtimes", catalog.runtimes().count()),
        ("os-images", catalog.os_images().count()),
    ] {
        table.rows.push(vec![Cell::text(list), Cell::whole(entries as u64)]);
    }
    table
}

/// The devices that are kept: the price is that of one with its required accessories, power the highest of its modes.
#[must_use]
pub fn devices(catalog: &Catalog, keep: impl Fn(&Device) -> bool) -> Table {
    let mut table = Table::new(&[
        "device",
        "name",
        "vendor",
        "class",
        ">memory_mib",
        ">capacity_mib",
        ">bandwidth_gb_s",
        "modes",
        ">power_w",
        ">price_usd",
        "price_as_of",
        "availability",
        "unverified",
    ]);
    for device in catalog.devices().filter(|d| keep(d)) {
        let capacity = device.pools.first().map(|p| p.capacity.0 / crate::units::MIB);
        table.rows.push(vec![
            Cell::text(&device.id),
            Cell::text(&device.name),
            Cell::text(&device.vendor),
            Cell::text(device.class.id()),
            Cell::whole(device.installed.0 / crate::units::MIB),
            Cell::or_empty(capacity, Cell::whole),
            Cell::or_empty(bandwidth(device), |b| Cell::fixed(b, 1)),
            Cell::list(device.modes.iter().map(|m| m.id.as_str())),
            Cell::or_empty(most_power(device), Cell::watts),
            Cell::or_empty(device.prices.first(), |p| Cell::money(p.price)),
            Cell::or_empty(device.price_date.as_ref(), Cell::text),
            Cell::text(match device.availability {
                Availability::Offered => "offered",
                Availability::NamedOnly => "named-only",
            }),
            unverified(&device.provenance),
        ]);
    }
    table
}

/// The same in human-readable form: what people choose by.
#[must_use]
pub fn devices_shown(catalog: &Catalog, keep: impl Fn(&Device) -> bool) -> Table {
    let mut table =
        Table::new(&["device", "name", "class", ">memory", ">GB/s", ">W", ">price USD", "price date", "unconfirmed"]);
    for device in catalog.devices().filter(|d| keep(d)) {
        // A module without a memory of its own works in that of the host that belongs to it.
        let of_host = device.class == DeviceClass::Accelerator && device.memory_kind == MemoryKind::Unified;
        let memory = format!("{} GiB{}", device.installed.gib(), if of_host { " (host)" } else { "" });
        table.rows.push(vec![
            Cell::text(&device.id),
            Cell::text(&device.name),
            Cell::text(device.class.id()),
            Cell::text(memory),
            Cell::or_empty(bandwidth(device), |b| Cell::text(figures::rate(b))),
            Cell::or_empty(most_power(device), Cell::watts),
            Cell::or_empty(device.prices.first(), |p| Cell::money(p.price)),
            Cell::or_empty(device.price_date.as_ref(), Cell::text),
            unverified(&device.provenance),
        ]);
    }
    table
}

/// The highest memory bandwidth of its modes, in GB/s.
fn bandwidth(device: &Device) -> Option<f64> {
    device.modes.iter().filter_map(|m| m.bandwidth).map(|b| b.0 / 1e9).reduce(f64::max)
}

fn most_power(device: &Device) -> Option<Milliwatts> {
    device.modes.iter().filter_map(|m| m.power).max()
}

/// The models that are kept.
#[must_use]
pub fn models(catalog: &Catalog, keep: impl Fn(&ModelEntry) -> bool) -> Table {
    let mut table = Table::new(&[
        "model",
        "task",
        ">parameters",
        ">active_parameters",
        ">layers",
        ">max_context",
        "licence",
        "released",
        "unverified",
    ]);
    for model in catalog.model_entries().filter(|m| keep(m)) {
        let spec = model.architecture.as_ref();
        table.rows.push(vec![
            Cell::text(&model.id),
            Cell::text(model.task.id()),
            Cell::whole(model.parameters),
            Cell::whole(model.active_parameters.unwrap_or(model.parameters)),
            Cell::or_empty(spec, |s| Cell::whole(u64::from(s.layers))),
            Cell::or_empty(spec.and_then(|s| s.max_context), Cell::whole),
            Cell::or_empty(model.licence.as_ref(), Cell::text),
            Cell::or_empty(model.released.as_ref(), Cell::text),
            unverified(&model.provenance),
        ]);
    }
    table
}

/// The same in human-readable form.
#[must_use]
pub fn models_shown(catalog: &Catalog, keep: impl Fn(&ModelEntry) -> bool) -> Table {
    let mut table = Table::new(&["model", "task", ">parameters", ">active", ">max context", "licence", "also called"]);
    let billions = |n: u64| match n {
        0..1_000_000_000 => format!("{} M", figures::rate(n as f64 / 1e6)),
        _ => format!("{} B", figures::rate(n as f64 / 1e9)),
    };
    for model in catalog.model_entries().filter(|m| keep(m)) {
        let context = model.architecture.as_ref().and_then(|s| s.max_context);
        // The last part of the id is an alias by rule and says nothing new.
        let own = folded(model.id.rsplit('/').next().unwrap_or(&model.id));
        let aliases = model.aliases.iter().filter(|a| folded(a) != own);
        table.rows.push(vec![
            Cell::text(&model.id),
            Cell::text(model.task.id()),
            Cell::text(billions(model.parameters)),
            Cell::or_empty(model.active_parameters.filter(|a| *a != model.parameters), |n| Cell::text(billions(n))),
            Cell::or_empty(context, |c| Cell::text(figures::count(c))),
            Cell::or_empty(model.licence.as_ref(), Cell::text),
            Cell::list(aliases),
        ]);
    }
    table
}

/// All weight formats; GGUF file types have no bits of their own, since each tensor gets its own type.
#[must_use]
pub fn formats(catalog: &Catalog) -> Table {
    let mut table = Table::new(&["format", "aliases", "kind", ">bits_per_weight", ">quality_loss", "measured_on"]);
    for format in catalog.formats() {
        let (kind, bits) = match format.kind {
            FormatKind::Gguf(_) => ("gguf", None),
            FormatKind::Uniform { bits, .. } => ("uniform", Some(bits)),
        };
        table.rows.push(vec![
            Cell::text(&format.id),
            Cell::list(&format.aliases),
            Cell::text(kind),
            Cell::or_empty(bits, |b| Cell::fixed(b, 3)),
            Cell::or_empty(format.quality_loss, |l| Cell::fixed(l.as_f64(), 6)),
            Cell::or_empty(format.provenance.sources.values().next(), Cell::text),
        ]);
    }
    table
}

/// The runtimes that are kept, one row per backend.
#[must_use]
pub fn runtimes(catalog: &Catalog, keep: impl Fn(&Runtime) -> bool) -> Table {
    let mut table = Table::new(&[
        "runtime",
        "engine",
        "family",
        "backend",
        "tasks",
        "formats",
        "kv_types",
        "flash_attention",
        ">framework_mib",
        ">devices",
    ]);
    for runtime in catalog.runtimes().filter(|r| keep(r)) {
        let devices = catalog.devices().filter(|d| d.runtimes.contains(&runtime.id)).count();
        table.rows.push(vec![
            Cell::text(&runtime.id),
            Cell::text(&runtime.engine_id),
            Cell::text(word(&runtime.engine)),
            Cell::text(word(&runtime.backend)),
            Cell::list(runtime.tasks.iter().map(|t| t.id())),
            Cell::list(&runtime.formats),
            Cell::list(&runtime.kv_types),
            Cell::text(match runtime.flash_attention {
                FlashSupport::Always => "always",
                FlashSupport::Optional => "optional",
                FlashSupport::Never => "never",
            }),
            Cell::whole(runtime.framework_mib + runtime.framework_host_mib),
            Cell::whole(devices as u64),
        ]);
    }
    table
}

/// All operating system images.
#[must_use]
pub fn os_images(catalog: &Catalog) -> Table {
    let mut table = Table::new(&["os_image", "name", ">used_mib", "source", "as_of"]);
    for image in catalog.os_images() {
        table.rows.push(vec![
            Cell::text(&image.id),
            Cell::text(&image.name),
            Cell::whole(image.used_mib),
            Cell::or_empty(image.provenance.sources.values().next(), Cell::text),
            Cell::or_empty(image.provenance.as_of.as_ref(), Cell::text),
        ]);
    }
    table
}

/// The word that catalog files use.
fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

fn unverified(provenance: &Provenance) -> Cell {
    Cell::list(&provenance.unverified)
}

/// Everything of a name, in the form of a catalog file: changed and saved, it can be laid over the shipped facts.
///
/// # Errors
/// A diagnostic with the nearest valid name.
pub fn catalog_entries(catalog: &Catalog, name: &str) -> Result<Value, Diagnostic> {
    let wanted = folded(name);
    let is = |id: &str| folded(id) == wanted;
    let any = |aliases: &[String]| aliases.iter().any(|a| is(a));
    let mut lists: Map<String, Value> = Map::new();
    let mut add = |list: &str, entries: Vec<Result<Value, serde_json::Error>>| {
        if !entries.is_empty() {
            let entries = entries.into_iter().filter_map(Result::ok).collect();
            lists.insert(list.to_owned(), Value::Array(entries));
        }
    };
    let devices = catalog.device_entries().filter(|d| is(&d.id) || d.aliases.iter().any(|a| is(&a.id)));
    add("devices", devices.map(serde_json::to_value).collect());
    let models: Vec<_> = catalog.model_entries().filter(|m| is(&m.id)).collect();
    // An alias of one model may be the id of another: then the id counts.
    let models = if models.is_empty() { catalog.model_entries().filter(|m| any(&m.aliases)).collect() } else { models };
    add("models", models.into_iter().map(serde_json::to_value).collect());
    let formats = catalog.formats().filter(|f| is(&f.id) || any(&f.aliases));
    add("formats", formats.map(serde_json::to_value).collect());
    let runtimes = catalog.runtimes().filter(|r| is(&r.id) || is(&r.engine_id) || any(&r.aliases));
    add("runtimes", runtimes.map(serde_json::to_value).collect());
    add("os_images", catalog.os_images().filter(|o| is(&o.id)).map(serde_json::to_value).collect());
    if lists.is_empty() {
        let names = catalog
            .device_entries()
            .map(|d| d.id.as_str())
            .chain(
                catalog
                    .model_entries()
                    .flat_map(|m| std::iter::once(m.id.as_str()).chain(m.aliases.iter().map(String::as_str))),
            )
            .chain(catalog.formats().map(|f| f.id.as_str()))
            .chain(catalog.runtimes().map(|r| r.id.as_str()))
            .chain(catalog.os_images().map(|o| o.id.as_str()));
        let error = Diagnostic::error(format!("nothing in the catalogs is called `{name}`"));
        let names: Vec<&str> = names.collect();
        let parts = containing(name, names.iter().copied(), MOST_LISTED);
        let error = match parts.len() {
            0..=SUGGESTED => error.did_you_mean(name, names),
            _ => error.hint(format!("it is a part of {}", parts.join(", "))),
        };
        return Err(error.hint(format!(
            "`edgemem catalog list devices {name}` and `edgemem model list {name}` show what has it in its name"
        )));
    }
    Ok(Value::Object(lists))
}

/// A tree as two columns: the path of every leaf, and its value.
#[must_use]
pub fn flattened(value: &Value) -> Table {
    let mut table = Table::new(&["field", "value"]);
    flatten("", value, &mut table);
    table
}

fn flatten(path: &str, value: &Value, table: &mut Table) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| flatten(&below(key), value, table)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, value)| flatten(&below(&i.to_string()), value, table));
        }
        leaf => {
            let cell = match leaf {
                Value::String(text) => Cell::text(text),
                Value::Bool(b) => Cell::Bool(*b),
                Value::Number(n) => Cell::Number(n.to_string()),
                _ => Cell::Empty,
            };
            table.rows.push(vec![Cell::text(path), cell]);
        }
    }
}

/// What cannot be true, as records.
#[must_use]
pub fn findings(findings: &[Finding]) -> Table {
    let mut table = Table::new(&["entry", "field", "value", "expected", "why"]);
    for finding in findings {
        let Finding { entry, field, value, limit, why } = finding;
        table.rows.push([entry, field, value, limit, why].into_iter().map(Cell::text).collect());
    }
    table
}

/// What cannot be true, one finding per line, or that there is nothing.
#[must_use]
pub fn findings_text(catalog: &Catalog, findings: &[Finding]) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    for finding in findings {
        let _ = writeln!(text, "{finding}");
    }
    let _ = match findings.len() {
        0 => writeln!(
            text,
            "nothing impossible in {} devices, {} models, {} formats, {} runtimes and {} operating system images",
            catalog.devices().count(),
            catalog.model_entries().count(),
            catalog.formats().count(),
            catalog.runtimes().count(),
            catalog.os_images().count(),
        ),
        1 => writeln!(text, "\n1 finding"),
        n => writeln!(text, "\n{n} findings"),
    };
    text
}
