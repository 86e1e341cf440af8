//! Everything that a user could loosen in a scenario.

use std::collections::BTreeSet;

use super::constraints::{entries, most_copies, named, plain, sites, value, words};
use super::number::{Grid, written};
use crate::candidates::{WhyLeftOut, left_out_on};
use crate::catalog::Catalog;
use crate::domain::{DeviceClass, KvPair, KvType};
use crate::figures::with_separators;
use crate::scenario::{DEFAULT_SITE, Document, Path, Scenario, Site, Workload};
use crate::units::Share;
use crate::yaml::{Node, Value};

/// Formats that a language model is commonly offered in, better quality first.
const USUAL_FORMATS: [&str; 5] = ["q8_0", "q6_k", "q5_k_m", "q4_k_m", "int8"];
/// Shorter contexts than this are no use to anybody, in tokens.
const SHORTEST_CONTEXT: u64 = 256;
/// Less headroom than this is never advised.
const LEAST_HEADROOM: f64 = 0.05;

/// Which figure of a plan tells how far a number must go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Gauge {
    /// What a unit costs.
    Price,
    /// What a unit draws.
    Power,
    /// None.
    Search,
}

/// How a value may change.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// A number, from what it is to what is loosest.
    Number { old: f64, grid: Grid, finest: u32, loosest: f64, gauge: Gauge },
    /// Another value.
    Value(Node),
}

/// One thing that can be loosened.
#[derive(Debug, Clone)]
pub(super) struct Knob {
    pub(super) path: Path,
    pub(super) change: Change,
    /// In words; `{}` stands for the new value.
    pub(super) text: String,
    /// The site class that it belongs to, when it is one of several.
    pub(super) site: Option<String>,
    /// Whether something that the user wants is given up altogether.
    pub(super) gives_up: bool,
}

/// Collects knobs of one document.
struct Collector<'a> {
    doc: &'a Document,
    site: Option<String>,
    knobs: Vec<Knob>,
}

impl Collector<'_> {
    /// A number, written or by default; `loosest` is where the loosening ends.
    fn number(&mut self, path: Path, default: f64, finest: u32, loosest: f64, gauge: Gauge, text: String) {
        let plain_grid = || {
            let text = default.to_string();
            let decimals = text.split_once('.').map_or(0, |(_, d)| d.len() as u32);
            (default, Grid { decimals, percent: false })
        };
        let (old, grid) = self.doc.get(&path).and_then(|n| written(self.doc, n)).unwrap_or_else(plain_grid);
        let loosest = if grid.percent { loosest * 100.0 } else { loosest };
        let change = Change::Number { old, grid, finest: finest.max(grid.decimals), loosest, gauge };
        self.push(path, change, text);
    }

    fn value(&mut self, path: Path, value: Value, text: String) {
        self.push(path, Change::Value(plain(value)), text);
    }

    fn push(&mut self, path: Path, change: Change, text: String) {
        self.knobs.push(Knob { path, change, text, site: self.site.clone(), gives_up: false });
    }

    fn give_up(&mut self, path: Path, text: String) {
        let change = Change::Value(plain(Value::Null));
        self.knobs.push(Knob { path, change, text, site: self.site.clone(), gives_up: true });
    }
}

/// All knobs of a document that resolves to this scenario.
pub(super) fn knobs(doc: &Document, scenario: &Scenario, catalog: &Catalog) -> Vec<Knob> {
    let mut c = Collector { doc, site: None, knobs: Vec::new() };
    let top = Path(Vec::new());
    limits(&mut c, &top, &doc.root, "");
    let all_sites = sites(doc);
    let devices_written = |node: &Node| value(node, "limits").is_some_and(|l| value(l, "devices").is_some());
    let copies = most_copies(doc);
    if copies > 1 && !devices_written(&doc.root) && !all_sites.iter().any(|(n, _, s)| n.is_some() && devices_written(s))
    {
        let path = top.join("limits").join("devices");
        c.number(path, 1.0, 0, copies as f64, Gauge::Search, "allow {} devices per unit".to_owned());
    }
    if let Some(skus) = scenario.fleet.max_skus {
        let most = f64::from(skus) + copies as f64 * scenario.sites.len() as f64;
        let path = top.join("fleet").join("max_skus");
        c.number(
            path,
            f64::from(skus),
            0,
            most,
            Gauge::Search,
            format!("buy {{}} different devices instead of {skus}"),
        );
    }
    let share = |share: Share| share.as_f64();
    let old = share(scenario.headroom);
    if old > LEAST_HEADROOM {
        let text = format!("keep {{}} headroom instead of {}", scenario.headroom);
        c.number(top.join("headroom"), old, 4, LEAST_HEADROOM, Gauge::Search, text);
    }
    let text = format!("load devices to {{}} instead of {}", scenario.max_load);
    c.number(top.join("max_load"), share(scenario.max_load), 4, 1.0, Gauge::Search, text);
    let text = format!("be content with confidence {{}} instead of {}", share(scenario.confidence));
    c.number(top.join("confidence"), share(scenario.confidence), 4, 0.5, Gauge::Search, text);
    allow(&mut c, &top, &doc.root, scenario.sites.iter().all(Site::allows_unverified));
    for (name, path, node) in &all_sites {
        let Some(site) = scenario.sites.iter().find(|s| s.name == name.unwrap_or(DEFAULT_SITE)) else { continue };
        c.site = name.map(ToOwned::to_owned);
        if let Some(name) = name {
            limits(&mut c, path, node, &format!(" for `{name}`"));
            allow(&mut c, path, node, true);
        }
        if site.redundancy > 0 {
            let text = "do without redundancy".to_owned();
            c.value(path.join("redundancy"), Value::Integer(0), text);
        }
        for workload in &site.workloads {
            let path = path.join("workloads").join(&workload.name);
            let node = named(value(node, "workloads")).find(|(n, _)| *n == workload.name).map(|(_, n)| n);
            if let Some(node) = node {
                configuration(&mut c, &path, site, workload, node, catalog);
            }
        }
        if site.workloads.len() > 1 {
            for workload in &site.workloads {
                let path = path.join("workloads").join(&workload.name);
                c.give_up(path, format!("do without `{}`", workload.name));
            }
        } else if let (Some(name), true) = (name, all_sites.len() > 1) {
            c.give_up(path.clone(), format!("do without site `{name}`"));
        }
    }
    c.knobs
}

fn limits(c: &mut Collector<'_>, path: &Path, node: &Node, of: &str) {
    for (key, node) in value(node, "limits").into_iter().flat_map(entries) {
        let path = path.join("limits").join(key);
        let old = words(node);
        match key {
            "price_usd" => {
                let old = with_separators(&old);
                let text = format!("raise the price limit{of} from {old} to {{}} USD");
                c.number(path, 0.0, 2, 1e8, Gauge::Price, text);
            }
            "power_w" => {
                let old = with_separators(&old);
                let text = format!("raise the power limit{of} from {old} to {{}} W");
                c.number(path, 0.0, 3, 1e5, Gauge::Power, text);
            }
            "lead_time_days" => {
                let text = format!("wait {{}} days{of} instead of {old}");
                c.number(path, 0.0, 0, 10_000.0, Gauge::Search, text);
            }
            "devices" => {
                let most = most_copies(c.doc) as f64;
                let text = format!("allow {{}} devices per unit{of} instead of {old}");
                c.number(path, 1.0, 0, most, Gauge::Search, text);
            }
            _ => {}
        }
    }
}

fn allow(c: &mut Collector<'_>, path: &Path, node: &Node, unverified: bool) {
    let group = path.join("allow");
    let node = value(node, "allow");
    if !unverified {
        c.value(group.join("unverified"), Value::Bool(true), "use facts that no source confirms".to_owned());
    }
    for (key, node) in node.into_iter().flat_map(entries) {
        let path = group.join(key);
        let listed: Vec<&Node> = match &node.value {
            Value::List(items) => items.iter().collect(),
            _ => vec![node],
        };
        match key {
            "classes" => {
                for class in DeviceClass::ALL.map(DeviceClass::id) {
                    if listed.iter().all(|n| n.text() != Some(class)) {
                        let mut longer: Vec<Node> = listed.iter().map(|n| (*n).clone()).collect();
                        longer.push(plain(Value::Text(class.to_owned())));
                        c.value(path.clone(), Value::List(longer), format!("allow devices of class {class}"));
                    }
                }
            }
            "vendors" => c.value(path, Value::Null, "allow every vendor".to_owned()),
            "devices" => c.value(path, Value::Null, "allow every device".to_owned()),
            "runtimes" => c.value(path, Value::Null, "allow every runtime".to_owned()),
            "exclude" => match &node.value {
                Value::List(_) => {
                    for device in listed.iter().filter_map(|n| n.text()) {
                        c.value(path.join(device), Value::Null, format!("allow {device}"));
                    }
                }
                _ => c.value(path, Value::Null, format!("allow {}", words(node))),
            },
            "operating_temp_c" => {
                for (end, loosest) in [("min", 100.0), ("max", -100.0)] {
                    let old = value(node, end).map(words).unwrap_or_default();
                    let other = value(node, if end == "min" { "max" } else { "min" });
                    let other = other.and_then(|n| written(c.doc, n)).map_or(loosest, |(n, _)| n);
                    let text = format!("be content with {end} {{}} °C instead of {old}");
                    c.number(path.join(end), 0.0, 0, other, Gauge::Search, text);
                }
            }
            _ => {}
        }
    }
}

fn configuration(c: &mut Collector<'_>, path: &Path, site: &Site, workload: &Workload, node: &Node, catalog: &Catalog) {
    let name = &workload.name;
    demands(c, path, workload, node);
    let of = if workload.streams == 1 { format!("`{name}`") } else { format!("each stream of `{name}`") };
    for (key, node) in value(node, "targets").into_iter().flat_map(entries) {
        let path = path.join("targets").join(key);
        let old = words(node);
        let number = written(c.doc, node).map_or(1.0, |(n, _)| n);
        // A target for latency is loosened upwards, one for a rate downwards.
        let (text, loosest) = match key {
            "decode_tok_s" => (format!("accept {{}} tok/s for {of} instead of {old}"), 0.0),
            "inferences_s" => (format!("accept {{}} inferences/s for {of} instead of {old}"), 0.0),
            "ttft_s" => (format!("wait {{}} s for the first token of `{name}` instead of {old}"), number * 1e3),
            "latency_s" => (format!("wait {{}} s for an answer of `{name}` instead of {old}"), number * 1e3),
            "realtime_factor" => {
                (format!("accept a real-time factor of {{}} for `{name}` instead of {old}"), number * 1e3)
            }
            _ => continue,
        };
        c.number(path, 1.0, 6, loosest, Gauge::Search, text);
    }
    let text_list = |items: Vec<String>| Value::List(items.into_iter().map(|t| plain(Value::Text(t))).collect());
    if workload.model.task.is_language() {
        let id = |pair: &KvPair| {
            if pair.k == pair.v { pair.k.id().to_owned() } else { format!("{}/{}", pair.k.id(), pair.v.id()) }
        };
        let has: Vec<String> = workload.kv_cache.iter().map(id).collect();
        for smaller in [KvType::Q8_0, KvType::Q4_0].map(KvType::id) {
            if !has.iter().any(|h| h == smaller) {
                let mut longer = has.clone();
                longer.push(smaller.to_owned());
                let text = format!("allow a cache in {smaller} for `{name}`");
                c.value(path.join("kv_cache"), text_list(longer), text);
            }
        }
    }
    if let Some(weights) = &workload.weights {
        for format in USUAL_FORMATS {
            if catalog.format(format).is_ok() && !weights.iter().any(|w| w == format) {
                let mut longer = weights.clone();
                longer.push(format.to_owned());
                let text = format!("allow {format} for `{name}`");
                c.value(path.join("weights"), text_list(longer), text);
            }
        }
    }
    if workload.weights.is_none() && workload.max_quality_loss.is_none() {
        for format in unmeasured_formats(site, workload, catalog) {
            let text = format!("name {format} for `{name}`, whose loss of quality is unknown");
            c.value(path.join("weights"), text_list(vec![format]), text);
        }
    }
    if workload.max_quality_loss.is_some() || workload.weights.is_none() {
        let old = workload.quality_limit().unwrap_or_default();
        let text = format!("accept a loss of quality of {{}} for `{name}` instead of {old}");
        c.number(path.join("max_quality_loss"), old.as_f64(), 4, 1.0, Gauge::Search, text);
    }
    for key in ["runtimes", "flash_attention", "process", "apart_from", "together_with"] {
        if value(node, key).is_some() {
            let text = match key {
                "runtimes" => format!("allow every runtime for `{name}`"),
                "flash_attention" => format!("leave flash attention of `{name}` to the runtime"),
                "process" => format!("give `{name}` a process of its own"),
                "apart_from" => format!("let `{name}` share a device with any other"),
                _ => format!("let `{name}` run on another device than its partners"),
            };
            c.value(path.join(key), Value::Null, text);
        }
    }
}

/// The formats that nobody measured and that silence leaves out, of the engines or devices that the scenario settles on;
/// where it settles on neither, another engine is the smaller change.
fn unmeasured_formats(site: &Site, workload: &Workload, catalog: &Catalog) -> BTreeSet<String> {
    let devices: Vec<_> = site.allow.iter().filter_map(|a| a.devices.as_ref()).collect();
    let runtimes = site.allow.iter().any(|a| a.runtimes.is_some()) || workload.runtimes.is_some();
    if devices.is_empty() && !runtimes {
        return BTreeSet::new();
    }
    let allowed = |id: &str| devices.iter().all(|list| list.iter().any(|d| d.id == id));
    let left_out = catalog.devices().filter(|d| allowed(&d.id)).flat_map(|d| left_out_on(catalog, d, site, workload));
    left_out
        .filter(|(.., left_out)| matches!(left_out.why, WhyLeftOut::LossUnknown { .. }))
        .map(|(_, _, format, _)| format.id.clone())
        .collect()
}

fn demands(c: &mut Collector<'_>, path: &Path, workload: &Workload, node: &Node) {
    let name = &workload.name;
    if workload.model.task.is_language() {
        let prompt_written = value(node, "prompt").is_some();
        // The prompt must stay below the context; an unwritten one shrinks with it.
        let shortest = if prompt_written || workload.images > 0 { workload.prompt + 1 } else { 2 };
        let shortest = shortest.max(SHORTEST_CONTEXT);
        if workload.context > shortest {
            let text = format!("shorten the context of `{name}` from {} to {{}} tokens", workload.context);
            c.number(path.join("context"), workload.context as f64, 0, shortest as f64, Gauge::Search, text);
        }
        if workload.images > 1 {
            let text = format!("show `{name}` {{}} images instead of {}", workload.images);
            c.number(path.join("images"), f64::from(workload.images), 0, 1.0, Gauge::Search, text);
        }
        if prompt_written && workload.targets.ttft.is_some() && workload.images == 0 && workload.prompt > 32 {
            let text = format!("shorten the prompt of `{name}` from {} to {{}} tokens", workload.prompt);
            c.number(path.join("prompt"), workload.prompt as f64, 0, 32.0, Gauge::Search, text);
        }
    }
    if workload.streams > 1 {
        let text = format!("run {{}} of the {} streams of `{name}`", workload.streams);
        c.number(path.join("streams"), f64::from(workload.streams), 0, 1.0, Gauge::Search, text);
    }
    if workload.replicas > 1 {
        let text = format!("run {{}} copies of `{name}` instead of {}", workload.replicas);
        c.number(path.join("replicas"), f64::from(workload.replicas), 0, 1.0, Gauge::Search, text);
    }
    if workload.targets.rate().is_some() && workload.duty > Share(10_000) {
        let text = format!("let `{name}` work {{}} of the time instead of {}", workload.duty);
        let loosest = 0.01;
        // Silence means all of the time: hundredths are fine enough to say less.
        let default = if value(node, "duty").is_some() { workload.duty.as_f64() } else { 1.0 };
        c.number(path.join("duty"), default, 6, loosest, Gauge::Search, text);
    }
}
