//! The user's own constraints, each with its path, where it stands, what it says and how to drop it.

use crate::catalog::Catalog;
use crate::diag::Position;
use crate::domain::KvType;
use crate::figures::with_separators;
use crate::scenario::{Document, Path};
use crate::units::Share;
use crate::yaml::{Node, Value};

/// In what respect a constraint constrains; the order is the one in which a conflict tries to do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A whole site class must be served.
    Site,
    /// A workload must run.
    Workload,
    /// Copies and neighbours of workloads.
    Relation,
    /// What holds over all site classes.
    Fleet,
    /// Which devices may be considered.
    Allow,
    /// A rate or latency.
    Target,
    /// A limit on one unit.
    Limit,
    /// How many devices a unit may hold: silence means one, so that it is loosened by a number.
    Devices,
    /// A safety margin, or how a workload may be configured.
    Margin,
}

/// One constraint of a scenario.
#[derive(Debug, Clone)]
pub(super) struct Constraint {
    pub(super) path: Path,
    pub(super) at: Option<Position>,
    pub(super) kind: Kind,
    /// What it says, as a part of a sentence.
    pub(super) text: String,
    /// The value that drops it.
    pub(super) drop: Node,
}

/// A value without a place in the file.
pub(super) const fn plain(value: Value) -> Node {
    Node { at: None, value }
}

/// The entries of a group of keys that are not null.
pub(super) fn entries(node: &Node) -> impl Iterator<Item = (&str, &Node)> {
    let entries = match &node.value {
        Value::Map(entries) => entries.as_slice(),
        _ => &[],
    };
    entries.iter().filter(|(_, v)| v.value != Value::Null).filter_map(|(k, v)| k.text().map(|k| (k, v)))
}

/// The value of a key.
pub(super) fn value<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    entries(node).find(|(k, _)| *k == key).map(|(_, v)| v)
}

/// The elements of a list, each with its name.
pub(super) fn named(node: Option<&Node>) -> impl Iterator<Item = (&str, &Node)> {
    let items = match node.map(|n| &n.value) {
        Some(Value::List(items)) => items.as_slice(),
        _ => &[],
    };
    items.iter().filter_map(|item| value(item, "name").and_then(Node::text).map(|name| (name, item)))
}

/// A scalar or list as a reader would write it.
pub(super) fn words(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Integer(i) => i.to_string(),
        Value::Float(f) => f.to_string(),
        Value::Text(text) => text.clone(),
        Value::List(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
        Value::Map(_) => entries(node).map(|(k, v)| format!("{k}: {}", words(v))).collect::<Vec<_>>().join(", "),
    }
}

/// Site classes of a document with the path that leads to their keys: one without a path when it names none.
pub(super) fn sites(doc: &Document) -> Vec<(Option<&str>, Path, &Node)> {
    match value(&doc.root, "sites") {
        Some(sites) => named(Some(sites))
            .map(|(name, node)| (Some(name), Path(vec!["sites".to_owned(), name.to_owned()]), node))
            .collect(),
        None => vec![(None, Path(Vec::new()), &doc.root)],
    }
}

/// Most devices that a unit can make use of: one for every copy of every workload.
pub(super) fn most_copies(doc: &Document) -> i64 {
    let integer = |node: Option<&Node>| match node.map(|n| &n.value) {
        Some(Value::Integer(i)) => *i,
        _ => 0,
    };
    let copies = |site: &Node| -> i64 {
        let redundancy = integer(value(site, "redundancy"));
        let of = |w: &Node| integer(value(w, "replicas")).max(1 + redundancy).clamp(1, 1000);
        named(value(site, "workloads")).map(|(_, w)| of(w)).sum()
    };
    sites(doc).iter().map(|(_, _, site)| copies(site)).max().unwrap_or(1).clamp(1, 1000)
}

/// All constraints of a document, in the order of [`Kind`] and then of the file.
pub(super) fn constraints(doc: &Document, catalog: &Catalog) -> Vec<Constraint> {
    let mut found = Vec::new();
    let top = Path(Vec::new());
    let mut add = |path: Path, node: &Node, kind: Kind, text: String, drop: Value| {
        found.push(Constraint { path, at: node.at, kind, text, drop: plain(drop) });
    };
    for (key, node) in entries(&doc.root) {
        let shown = words(node);
        match key {
            "headroom" => {
                add(top.join(key), node, Kind::Margin, format!("memory needs {shown} headroom"), Value::Integer(0));
            }
            "max_load" => {
                let text = format!("a device may be loaded to {shown} at most");
                add(top.join(key), node, Kind::Margin, text, Value::Integer(1));
            }
            "confidence" => {
                let text = format!("targets must hold with confidence {shown}");
                add(top.join(key), node, Kind::Margin, text, Value::Float(0.5));
            }
            "fleet" => {
                for (key, node) in entries(node) {
                    let shown = words(node);
                    let text = match key {
                        "max_skus" => format!("at most {shown} different devices may be bought"),
                        _ => format!("{shown} spares must be bought"),
                    };
                    add(top.join("fleet").join(key), node, Kind::Fleet, text, Value::Null);
                }
            }
            _ => {}
        }
    }
    let copies = most_copies(doc);
    limits(&doc.root, &top, None, copies, &mut add);
    for (name, path, site) in sites(doc) {
        if let Some(name) = name {
            add(path.clone(), site, Kind::Site, format!("`{name}` must be served"), Value::Null);
            limits(site, &path, Some(name), copies, &mut add);
        }
        if let Some(node) = value(site, "redundancy") {
            // At the top level it belongs to the one site class that has no name, and stands as written like a margin.
            let kind = if name.is_some() { Kind::Relation } else { Kind::Margin };
            let text = "every workload must survive the loss of any device".to_owned();
            add(path.join("redundancy"), node, kind, text, Value::Null);
        }
        for (name, node) in named(value(site, "workloads")) {
            workload(&path.join("workloads").join(name), name, node, catalog, &mut add);
        }
    }
    found.sort_by_key(|c| c.kind);
    found
}

fn limits(
    node: &Node,
    path: &Path,
    site: Option<&str>,
    copies: i64,
    add: &mut impl FnMut(Path, &Node, Kind, String, Value),
) {
    let of = site.map_or_else(|| "a unit".to_owned(), |s| format!("a unit of `{s}`"));
    for (key, node) in value(node, "limits").into_iter().flat_map(entries) {
        let shown = words(node);
        let path = path.join("limits").join(key);
        let text = match key {
            "price_usd" => format!("{of} may cost {} USD at most", with_separators(&shown)),
            "power_w" => format!("{of} may draw {} W at most", with_separators(&shown)),
            "lead_time_days" => format!("devices must arrive within {shown} days"),
            "settings" if shown == "factory" => {
                "the memory settings of machines must stay as from the factory".to_owned()
            }
            "settings" => continue,
            "devices" => {
                let most = match node.value {
                    Value::Integer(written) => copies.max(written),
                    _ => copies,
                };
                let plural = if shown == "1" { "" } else { "s" };
                add(path, node, Kind::Devices, format!("{of} may hold {shown} device{plural} at most"), most_of(most));
                continue;
            }
            _ => format!("{key} is {shown}"),
        };
        add(path, node, Kind::Limit, text, Value::Null);
    }
    let of = site.map_or_else(String::new, |s| format!(" for `{s}`"));
    for (key, node) in value(node, "allow").into_iter().flat_map(entries) {
        let shown = words(node);
        let (text, drop) = match key {
            "classes" => (format!("only devices of class {shown} are allowed{of}"), Value::Null),
            "vendors" => (format!("only devices of {shown} are allowed{of}"), Value::Null),
            "devices" => (format!("only {shown} may be used{of}"), Value::Null),
            "exclude" => (format!("{shown} may not be used{of}"), Value::Null),
            "runtimes" => (format!("only {shown} may run workloads{of}"), Value::Null),
            "operating_temp_c" => (format!("devices must stand temperatures ({shown}) in °C{of}"), Value::Null),
            "unverified" if node.value == Value::Bool(false) => {
                (format!("facts must be verified{of}"), Value::Bool(true))
            }
            _ => continue,
        };
        add(path.join("allow").join(key), node, Kind::Allow, text, drop);
    }
}

const fn most_of(n: i64) -> Value {
    Value::Integer(n)
}

fn workload(
    path: &Path,
    name: &str,
    node: &Node,
    catalog: &Catalog,
    add: &mut impl FnMut(Path, &Node, Kind, String, Value),
) {
    let model = value(node, "model").map(words).unwrap_or_default();
    let context = value(node, "context").map_or_else(String::new, |c| format!(" with {} tokens", words(c)));
    let streams = value(node, "streams").map_or_else(String::new, |s| match words(s).as_str() {
        "1" => " in 1 stream".to_owned(),
        many => format!(" in {many} streams"),
    });
    add(path.clone(), node, Kind::Workload, format!("`{name}` must run {model}{context}{streams}"), Value::Null);
    for (key, node) in value(node, "targets").into_iter().flat_map(entries) {
        let shown = words(node);
        let each = if streams.is_empty() || streams == " in 1 stream" { "" } else { " on each stream" };
        let text = match key {
            "decode_tok_s" => format!("`{name}` must decode {shown} tok/s{each}"),
            "ttft_s" => format!("`{name}` must begin to answer within {shown} s"),
            "inferences_s" => format!("`{name}` must run {shown} inferences/s{each}"),
            "realtime_factor" => format!("`{name}` may work {shown} s on a second of audio{each}"),
            "latency_s" => format!("`{name}` must answer within {shown} s"),
            _ => format!("`{name}` must keep {key} at {shown}"),
        };
        add(path.join("targets").join(key), node, Kind::Target, text, Value::Null);
    }
    for (key, node) in entries(node) {
        let shown = words(node);
        let (kind, text, drop) = match key {
            "apart_from" => (Kind::Relation, format!("`{name}` must not share a device with {shown}"), Value::Null),
            "together_with" => (Kind::Relation, format!("`{name}` must share its devices with {shown}"), Value::Null),
            "replicas" => (Kind::Relation, format!("`{name}` needs {shown} copies"), Value::Null),
            "process" => (Kind::Margin, format!("`{name}` shares the process {shown}"), Value::Null),
            "kv_cache" => {
                let all = KvType::ALL.map(|t| plain(Value::Text(t.id().to_owned()))).to_vec();
                (Kind::Margin, format!("`{name}` keeps its cache in {shown}"), Value::List(all))
            }
            "weights" => (Kind::Margin, format!("`{name}` is stored as {shown}"), any_format(node, catalog)),
            "runtimes" => (Kind::Margin, format!("`{name}` runs on {shown}"), Value::Null),
            "flash_attention" => (Kind::Margin, format!("`{name}` has flash attention {shown}"), Value::Null),
            "max_quality_loss" => {
                (Kind::Margin, format!("`{name}` may lose {shown} of quality at most"), Value::Integer(100))
            }
            _ => continue,
        };
        add(path.join(key), node, kind, text, drop);
    }
}

/// What stands in for `weights` so that nothing is forbidden any more: silence means every format within the default loss,
/// which leaves out named ones that lose more.
fn any_format(node: &Node, catalog: &Catalog) -> Value {
    let named: Vec<&str> = match &node.value {
        Value::List(items) => items.iter().filter_map(Node::text).collect(),
        _ => node.text().into_iter().collect(),
    };
    let within = |id: &&str| catalog.format(id).is_ok_and(|f| f.quality_loss.is_some_and(|q| q <= Share(50_000)));
    if named.iter().all(within) {
        Value::Null
    } else {
        Value::List(catalog.formats().map(|f| plain(Value::Text(f.id.clone()))).collect())
    }
}
