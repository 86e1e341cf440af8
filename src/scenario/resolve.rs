//! From the file as written to requirements: names looked up, defaults filled in, contradictions refused.

use std::sync::Arc;

use super::amounts;
use super::document::Document;
use super::mend;
use super::reader::{self, Keys};
use super::workload;
use super::{Allow, DEFAULT_SITE, Fleet, Horizon, Limits, NamedDevice, ObjectiveKind, Scenario, Site};
use crate::catalog::Catalog;
use crate::diag::Diagnostic;
use crate::domain::{DeviceClass, Model};
use crate::units::{PPM, Share};
use crate::yaml::{Node, Value};

/// How sure bounds may be: a half is the estimate itself, and nothing is certain.
const LEAST_CONFIDENCE: Share = Share(500_000);
const MOST_CONFIDENCE: Share = Share(990_000);

/// Finds the model that a scenario names: a catalog id or alias, or a file.
pub type FindModel<'a> = dyn Fn(&str) -> Result<Arc<Model>, Diagnostic> + 'a;

/// Resolves a scenario against a catalog, as [`resolve`] does.
///
/// # Errors
/// Everything that is wrong, in the order of the file.
pub fn resolve_or_tell_all(
    doc: &Document,
    catalog: &Catalog,
    find_model: &FindModel<'_>,
) -> Result<Scenario, Diagnostic> {
    let scenario = read(doc, catalog, find_model).map_err(|first| {
        let language = catalog.model_entries().find(|m| m.task.decodes());
        let stand_in = language.map_or("", |m| m.id.as_str());
        let errors = mend::all(doc, first, stand_in, |doc| read(doc, catalog, find_model).err());
        // There is one at least: the first.
        Diagnostic::together(errors).unwrap_or_else(|| Diagnostic::error("the scenario is wrong"))
    })?;
    amounts::check(doc, &scenario, catalog)?;
    Ok(scenario)
}

/// Resolves a scenario against a catalog.
///
/// # Errors
/// The first thing that is wrong, at its line, with what was expected and the nearest valid name.
pub fn resolve(doc: &Document, catalog: &Catalog, find_model: &FindModel<'_>) -> Result<Scenario, Diagnostic> {
    let scenario = read(doc, catalog, find_model)?;
    amounts::check(doc, &scenario, catalog)?;
    Ok(scenario)
}

/// The requirements by themselves: what they could come to together is not looked at.
fn read(doc: &Document, catalog: &Catalog, find_model: &FindModel<'_>) -> Result<Scenario, Diagnostic> {
    let mut keys = Keys::of(doc, &doc.root, "a scenario")?;
    let name = keys.read("scenario", reader::text)?.map_or_else(|| stem(&doc.file), ToOwned::to_owned);
    let description = keys.read("description", reader::text)?.map(ToOwned::to_owned);
    let objective = keys.read("objective", objective)?.unwrap_or(ObjectiveKind::Capex);
    let headroom = keys.read("headroom", |d, n, k| reader::share(d, n, k, Share(10 * PPM)))?.unwrap_or(Share(250_000));
    let confidence = keys.read("confidence", confidence)?.unwrap_or(Share(900_000));
    let max_load = keys.read("max_load", |d, n, k| reader::share(d, n, k, Share::ONE))?.unwrap_or(Share(900_000));
    let horizon = horizon(doc, keys.get("horizon"))?;
    let limits = read_limits(doc, keys.get("limits"))?;
    let allow = read_allow(doc, keys.get("allow"), catalog)?;
    let fleet = read_fleet(doc, keys.get("fleet"))?;
    let context = workload::Context { doc, catalog, find_model };
    let sites = match keys.get("sites") {
        Some(node) => {
            for key in ["count", "workloads", "redundancy"] {
                if let Some(node) = keys.get(key) {
                    return Err(doc.error(node.at, format!("`{key}` belongs to each site when there are `sites`")));
                }
            }
            named_sites(&context, node, limits, &allow)?
        }
        None => vec![Site {
            name: DEFAULT_SITE.to_owned(),
            count: keys.read("count", reader::count)?.unwrap_or(1),
            limits,
            allow: vec![allow],
            redundancy: keys.read("redundancy", |d, n, k| reader::small(d, n, k, 0, 1))?.unwrap_or(0),
            workloads: workload::read_all(&context, keys.need("workloads")?)?,
        }],
    };
    keys.finish()?;
    Ok(Scenario { name, description, objective, headroom, confidence, max_load, horizon, fleet, sites })
}

fn stem(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml")).unwrap_or(name).to_owned()
}

fn objective(doc: &Document, node: &Node, key: &str) -> Result<ObjectiveKind, Diagnostic> {
    let text = reader::text(doc, node, key)?;
    [ObjectiveKind::Capex, ObjectiveKind::Tco, ObjectiveKind::Power].into_iter().find(|o| o.id() == text).ok_or_else(
        || {
            doc.error(node.at, format!("unknown objective `{text}`: capex, tco or power is expected"))
                .did_you_mean(text, ["capex", "tco", "power"])
        },
    )
}

fn confidence(doc: &Document, node: &Node, key: &str) -> Result<Share, Diagnostic> {
    let expected = format!(
        "a share from {} to {} ({LEAST_CONFIDENCE} to {MOST_CONFIDENCE})",
        LEAST_CONFIDENCE.as_f64(),
        MOST_CONFIDENCE.as_f64()
    );
    reader::share_between(doc, node, key, (LEAST_CONFIDENCE, MOST_CONFIDENCE), &expected)
}

fn horizon(doc: &Document, node: Option<&Node>) -> Result<Horizon, Diagnostic> {
    let mut horizon = Horizon { milliyears: 3_000, millihours_per_day: 24_000, microusd_per_kwh: 200_000 };
    let Some(node) = node else { return Ok(horizon) };
    let mut keys = Keys::of(doc, node, "horizon")?;
    if let Some(years) = keys.read("years", |d, n, k| reader::fixed(d, n, k, 1e3, 100.0))? {
        horizon.milliyears = years;
    }
    if let Some(hours) = keys.read("hours_per_day", |d, n, k| reader::fixed(d, n, k, 1e3, 24.0))? {
        horizon.millihours_per_day = hours;
    }
    if let Some(price) = keys.read("electricity_usd_per_kwh", |d, n, k| reader::fixed(d, n, k, 1e6, 1000.0))? {
        horizon.microusd_per_kwh = price;
    }
    keys.finish()?;
    Ok(horizon)
}

fn read_limits(doc: &Document, node: Option<&Node>) -> Result<Limits, Diagnostic> {
    let Some(node) = node else { return Ok(Limits::default()) };
    let mut keys = Keys::of(doc, node, "limits")?;
    let limits = Limits {
        price: keys.read("price_usd", reader::money)?,
        power: keys.read("power_w", reader::watts)?,
        devices: keys.read("devices", |d, n, k| reader::small(d, n, k, 1, 1000))?,
        lead_time_days: keys.read("lead_time_days", |d, n, k| reader::small(d, n, k, 0, 10_000))?,
        factory_settings: keys.read("settings", factory_settings)?.unwrap_or(false),
    };
    keys.finish()?;
    Ok(limits)
}

/// Whether the settings of machines must stay as from the factory.
fn factory_settings(doc: &Document, node: &Node, key: &str) -> Result<bool, Diagnostic> {
    match reader::text(doc, node, key)? {
        "factory" => Ok(true),
        "any" => Ok(false),
        other => Err(doc
            .error(node.at, format!("`{key}` must be factory or any, found `{other}`"))
            .did_you_mean(other, ["factory", "any"])),
    }
}

fn read_fleet(doc: &Document, node: Option<&Node>) -> Result<Fleet, Diagnostic> {
    let Some(node) = node else { return Ok(Fleet::default()) };
    let mut keys = Keys::of(doc, node, "fleet")?;
    let fleet = Fleet {
        max_skus: keys.read("max_skus", |d, n, k| reader::small(d, n, k, 1, 1000))?,
        spares: keys.read("spares", |d, n, k| reader::share(d, n, k, Share::ONE))?.unwrap_or_default(),
    };
    keys.finish()?;
    Ok(fleet)
}

fn read_allow(doc: &Document, node: Option<&Node>, catalog: &Catalog) -> Result<Allow, Diagnostic> {
    let Some(node) = node else { return Ok(Allow::default()) };
    let mut keys = Keys::of(doc, node, "allow")?;
    let allow = Allow {
        classes: keys.read("classes", classes)?,
        vendors: keys.read("vendors", |d, n, k| vendors(d, n, k, catalog))?,
        devices: keys.read("devices", |d, n, k| devices(d, n, k, catalog))?,
        exclude: keys.read("exclude", |d, n, k| devices(d, n, k, catalog))?.unwrap_or_default(),
        runtimes: keys.read("runtimes", |d, n, k| runtimes(d, n, k, catalog))?,
        operating_temp_c: keys.read("operating_temp_c", temperature)?,
        unverified: keys.read("unverified", reader::boolean)?.unwrap_or(false),
    };
    keys.finish()?;
    Ok(allow)
}

fn classes(doc: &Document, node: &Node, key: &str) -> Result<Vec<DeviceClass>, Diagnostic> {
    let ids = DeviceClass::ALL.map(DeviceClass::id);
    reader::texts(doc, node, key)?
        .into_iter()
        .map(|(text, node)| {
            DeviceClass::ALL.into_iter().find(|c| c.id() == text).ok_or_else(|| {
                doc.error(node.at, format!("unknown device class `{text}`"))
                    .did_you_mean(text, ids)
                    .hint(format!("classes are {}", ids.join(", ")))
            })
        })
        .collect()
}

fn vendors(doc: &Document, node: &Node, key: &str, catalog: &Catalog) -> Result<Vec<String>, Diagnostic> {
    reader::texts(doc, node, key)?
        .into_iter()
        .map(|(text, node)| {
            let wanted = text.to_lowercase();
            if catalog.devices().any(|d| d.vendor.to_lowercase().contains(&wanted)) {
                Ok(wanted)
            } else {
                Err(doc
                    .error(node.at, format!("no device of a vendor `{text}` is known"))
                    .did_you_mean(text, catalog.devices().map(|d| d.vendor.as_str())))
            }
        })
        .collect()
}

fn devices(doc: &Document, node: &Node, key: &str, catalog: &Catalog) -> Result<Vec<NamedDevice>, Diagnostic> {
    // An empty `exclude: []` says what it means; an empty `devices: []` would forbid everything and is a slip.
    if key == "exclude" && node.value == Value::List(Vec::new()) {
        return Ok(Vec::new());
    }
    reader::texts(doc, node, key)?
        .into_iter()
        .map(|(text, node)| {
            let (device, modes) = catalog.device(text).map_err(|e| place(doc, node, e))?;
            Ok(NamedDevice { id: device.id.clone(), modes: modes.to_vec() })
        })
        .collect()
}

pub(super) fn runtimes(doc: &Document, node: &Node, key: &str, catalog: &Catalog) -> Result<Vec<String>, Diagnostic> {
    reader::texts(doc, node, key)?
        .into_iter()
        .map(|(text, node)| {
            catalog.runtime(text).map_err(|e| place(doc, node, e))?;
            Ok(text.to_owned())
        })
        .collect()
}

/// A look-up's error at the place where the name stands.
pub(super) fn place(doc: &Document, node: &Node, error: Diagnostic) -> Diagnostic {
    let error = error.in_file(&doc.file).in_itself();
    match node.at {
        Some(at) => error.at(at).with_source(&doc.text),
        None => error,
    }
}

fn temperature(doc: &Document, node: &Node, key: &str) -> Result<(i32, i32), Diagnostic> {
    let mut keys = Keys::of(doc, node, key)?;
    let mut bound = |name| {
        let node = keys.need(name)?;
        match node.value {
            Value::Integer(c) if (-100..=200).contains(&c) => Ok(c as i32),
            _ => Err(doc.error(node.at, format!("`{name}` must be a whole number of °C from -100 to 200"))),
        }
    };
    let (min, max) = (bound("min")?, bound("max")?);
    keys.finish()?;
    if min > max {
        return Err(doc.error(node.at, format!("`min` {min} is above `max` {max}")));
    }
    Ok((min, max))
}

fn named_sites(
    context: &workload::Context<'_>,
    node: &Node,
    limits: Limits,
    allow: &Allow,
) -> Result<Vec<Site>, Diagnostic> {
    let doc = context.doc;
    let Value::List(items) = &node.value else {
        return Err(doc.error(node.at, "`sites` must be a list"));
    };
    if items.is_empty() {
        return Err(doc.error(node.at, "`sites` is empty"));
    }
    let mut sites: Vec<Site> = Vec::with_capacity(items.len());
    for item in items {
        let mut keys = Keys::of(doc, item, "a site")?;
        let name_node = keys.need("name")?;
        let name = reader::text(doc, name_node, "name")?;
        if sites.iter().any(|s| s.name == name) {
            return Err(doc.error(name_node.at, format!("two sites are called `{name}`")));
        }
        sites.push(Site {
            name: name.to_owned(),
            count: keys.read("count", reader::count)?.unwrap_or(1),
            limits: limits.tighter(read_limits(doc, keys.get("limits"))?),
            allow: vec![allow.clone(), read_allow(doc, keys.get("allow"), context.catalog)?],
            redundancy: keys.read("redundancy", |d, n, k| reader::small(d, n, k, 0, 1))?.unwrap_or(0),
            workloads: workload::read_all(context, keys.need("workloads")?)?,
        });
        keys.finish()?;
    }
    Ok(sites)
}
