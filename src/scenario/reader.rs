//! Typed access to the tree, with errors at the right line.

use super::document::Document;
use crate::diag::{Diagnostic, Position};
use crate::units::{Micros, Milliwatts, Money, PPM, Share};
use crate::yaml::{Node, Value};

/// Larger numbers than these are slips of the keyboard.
const MAX_COUNT: u64 = 10_000_000;
/// Longest context that is read, in tokens.
pub(super) const MAX_CONTEXT: u64 = 1 << 28;
const MAX_RATE: f64 = 1e9;
const MAX_MONEY: f64 = 1e9;

/// A map whose keys are known: what is left over is an error.
pub(super) struct Keys<'a> {
    doc: &'a Document,
    entries: &'a [(Node, Node)],
    known: Vec<&'static str>,
    what: String,
    at: Option<Position>,
}

impl<'a> Keys<'a> {
    /// The keys of a group; `what` names it in messages (`limits`, `workload planner`).
    pub(super) fn of(doc: &'a Document, node: &'a Node, what: impl Into<String>) -> Result<Self, Diagnostic> {
        let what = what.into();
        match &node.value {
            Value::Map(entries) => {
                for (key, _) in entries {
                    if key.text().is_none() {
                        return Err(doc.error(key.at, format!("a key of {what} must be a word")));
                    }
                }
                Ok(Self { doc, entries, known: Vec::new(), what, at: node.at })
            }
            Value::Null => Ok(Self { doc, entries: &[], known: Vec::new(), what, at: node.at }),
            other => Err(doc.error(node.at, format!("{what} must be a group of keys, found {}", other.kind()))),
        }
    }

    /// The value of a key; `null` counts as absent.
    pub(super) fn get(&mut self, key: &'static str) -> Option<&'a Node> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.entries.iter().find(|(k, _)| k.text() == Some(key)).map(|(_, v)| v).filter(|v| v.value != Value::Null)
    }

    /// The value of a key that must be there.
    pub(super) fn need(&mut self, key: &'static str) -> Result<&'a Node, Diagnostic> {
        let (doc, at, what) = (self.doc, self.at, self.what.clone());
        self.get(key).ok_or_else(|| doc.error(at, format!("{what} needs `{key}`")))
    }

    /// Reads an optional key with a function.
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&'a Document, &'a Node, &str) -> Result<T, Diagnostic>,
    ) -> Result<Option<T>, Diagnostic> {
        let doc = self.doc;
        self.get(key).map(|node| read(doc, node, key)).transpose()
    }

    /// Refuses keys that nobody asked for.
    pub(super) fn finish(self) -> Result<(), Diagnostic> {
        for (key, _) in self.entries {
            let text = key.text().unwrap_or_default();
            if !self.known.contains(&text) {
                let error = self.doc.error(key.at, format!("unknown key `{text}` in {}", self.what)).in_itself();
                let error = match meant(text) {
                    Some(Meant::Key(of, keys)) => match keys.iter().find(|key| self.known.contains(key)) {
                        Some(key) => error.suggest(&[key]),
                        None => {
                            let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
                            error.hint(format!("{of} takes {}", keys.join(" or ")))
                        }
                    },
                    Some(Meant::Nothing) => error.hint("plans do not compare this"),
                    None => error.did_you_mean(text, self.known.iter().copied()),
                };
                return Err(error.hint(format!("{} takes {}", self.what, self.known.join(", "))));
            }
        }
        Ok(())
    }
}

/// What a key is meant to say that other programs have, and this one calls otherwise.
enum Meant {
    /// The group that takes it, and what it is called there.
    Key(&'static str, &'static [&'static str]),
    /// Nothing that a plan knows.
    Nothing,
}

/// Keys that newcomers guess: the words of serving engines, of video systems and of data sheets.
fn meant(key: &str) -> Option<Meant> {
    let (of, keys): (_, &[&str]) = match key.to_lowercase().replace('-', "_").as_str() {
        "fps" | "frames_s" | "frames_per_second" | "hz" | "inferences" | "rps" | "requests_s" => {
            ("`targets`", &["inferences_s"])
        }
        "tok_s" | "tps" | "tokens_s" | "tokens_per_second" | "tokens_per_s" | "toks" | "decode" | "decode_tps" => {
            ("`targets`", &["decode_tok_s"])
        }
        "rtf" | "rtfx" | "real_time_factor" | "realtime" => ("`targets`", &["realtime_factor"]),
        "throughput" | "rate" | "speed" => ("`targets`", &["decode_tok_s", "inferences_s"]),
        "ttft" | "ttft_ms" | "first_token" | "time_to_first_token" => ("`targets`", &["ttft_s"]),
        "latency" | "latency_ms" | "max_latency" | "deadline" => ("`targets`", &["latency_s"]),
        "cameras" | "channels" | "concurrency" | "concurrent" | "parallel" | "sequences" | "max_num_seqs" => {
            ("a workload", &["streams"])
        }
        "ctx" | "ctx_size" | "n_ctx" | "context_length" | "context_size" | "max_model_len" | "max_tokens" => {
            ("a workload", &["context"])
        }
        "quant" | "quantization" | "quantisation" | "precision" | "dtype" | "format" => ("a workload", &["weights"]),
        "engine" | "engines" | "runtime" | "backend" => ("a workload", &["runtimes"]),
        "cost" | "max_cost" | "max_price" | "price" | "budget" | "budget_usd" => ("`limits`", &["price_usd"]),
        "power" | "watts" | "max_power" | "max_power_w" | "tdp" => ("`limits`", &["power_w"]),
        "lead_time" | "delivery_days" => ("`limits`", &["lead_time_days"]),
        "units" | "quantity" | "units_per_site" | "number" => ("a scenario or a site", &["count"]),
        "temperature" | "temperature_c" | "operating_temperature" | "temp_c" => ("`allow`", &["operating_temp_c"]),
        "resolution" | "image_size" | "imgsz" | "input_size" => ("a workload", &["input_px"]),
        "weight_g" | "weight_kg" | "weight" | "size_mm" | "dimensions" | "volume_l" | "supply_v" | "voltage" | "ip"
        | "ip_rating" | "fanless" => return Some(Meant::Nothing),
        _ => return None,
    };
    Some(Meant::Key(of, keys))
}

fn wrong(doc: &Document, node: &Node, key: &str, expected: &str) -> Diagnostic {
    let found = match &node.value {
        Value::Text(text) => format!("`{text}`"),
        Value::Integer(i) => format!("`{i}`"),
        Value::Float(f) if f.abs() >= 1e15 => format!("`{f:e}`"),
        Value::Float(f) => format!("`{f}`"),
        Value::Bool(b) => format!("`{b}`"),
        other => other.kind().to_owned(),
    };
    let error = doc.error(node.at, format!("`{key}` must be {expected}, found {found}")).in_itself();
    match &node.value {
        Value::Text(text) if text.replace(['_', ','], "").trim_end_matches('%').trim().parse::<f64>().is_ok() => {
            error.hint("write the number plainly, without quotes and separators")
        }
        Value::Text(text) if matches!(text.as_str(), "yes" | "no" | "on" | "off") => error.hint("write true or false"),
        _ => error,
    }
}

pub(super) fn text<'a>(doc: &'a Document, node: &'a Node, key: &str) -> Result<&'a str, Diagnostic> {
    node.text().filter(|t| !t.trim().is_empty()).ok_or_else(|| wrong(doc, node, key, "a text"))
}

pub(super) fn boolean(doc: &Document, node: &Node, key: &str) -> Result<bool, Diagnostic> {
    match node.value {
        Value::Bool(b) => Ok(b),
        _ => Err(wrong(doc, node, key, "true or false")),
    }
}

/// A whole number within bounds.
pub(super) fn whole(doc: &Document, node: &Node, key: &str, min: u64, max: u64) -> Result<u64, Diagnostic> {
    match node.value {
        Value::Integer(i) if i >= 0 && (min..=max).contains(&i.unsigned_abs()) => Ok(i.unsigned_abs()),
        _ => Err(wrong(doc, node, key, &format!("a whole number from {min} to {max}"))),
    }
}

pub(super) fn count(doc: &Document, node: &Node, key: &str) -> Result<u64, Diagnostic> {
    whole(doc, node, key, 1, MAX_COUNT)
}

pub(super) fn small(doc: &Document, node: &Node, key: &str, min: u32, max: u32) -> Result<u32, Diagnostic> {
    whole(doc, node, key, u64::from(min), u64::from(max)).map(|n| n as u32)
}

fn number(node: &Node) -> Option<f64> {
    match node.value {
        Value::Integer(i) => Some(i as f64),
        Value::Float(f) => Some(f),
        _ => None,
    }
}

/// A positive rate or time.
pub(super) fn positive(doc: &Document, node: &Node, key: &str) -> Result<f64, Diagnostic> {
    number(node).filter(|n| *n > 0.0 && *n <= MAX_RATE).ok_or_else(|| wrong(doc, node, key, "a positive number"))
}

pub(super) fn seconds(doc: &Document, node: &Node, key: &str) -> Result<Micros, Diagnostic> {
    let seconds = positive(doc, node, key)?;
    let micros = scaled(seconds, 1e6).ok_or_else(|| wrong(doc, node, key, "a time with at most six decimals"))?;
    Ok(Micros(micros))
}

/// The number times a power of ten, when that is a whole number.
fn scaled(value: f64, unit: f64) -> Option<u64> {
    let scaled = value * unit;
    let rounded = scaled.round();
    ((scaled - rounded).abs() <= 1e-6 * scaled.abs().max(1.0) && (0.0..=1e18).contains(&rounded))
        .then_some(rounded as u64)
}

/// A number that is kept in thousandths (hours, years) or millionths (dollars per kilowatt-hour).
pub(super) fn fixed(doc: &Document, node: &Node, key: &str, unit: f64, max: f64) -> Result<u64, Diagnostic> {
    number(node)
        .filter(|n| *n >= 0.0 && *n <= max)
        .and_then(|n| scaled(n, unit))
        .ok_or_else(|| wrong(doc, node, key, &format!("a number from 0 to {max}")))
}

pub(super) fn money(doc: &Document, node: &Node, key: &str) -> Result<Money, Diagnostic> {
    number(node)
        .filter(|n| *n > 0.0 && *n <= MAX_MONEY)
        .and_then(|n| scaled(n, 100.0))
        .map(Money)
        .ok_or_else(|| wrong(doc, node, key, "a positive amount in dollars with at most two decimals"))
}

pub(super) fn watts(doc: &Document, node: &Node, key: &str) -> Result<Milliwatts, Diagnostic> {
    number(node)
        .filter(|n| *n > 0.0 && *n <= 1e6)
        .and_then(|n| scaled(n, 1000.0))
        .map(Milliwatts)
        .ok_or_else(|| wrong(doc, node, key, "a positive power in watts with at most three decimals"))
}

/// A share, `25%` or `0.25`, at most `max`.
pub(super) fn share(doc: &Document, node: &Node, key: &str, max: Share) -> Result<Share, Diagnostic> {
    let expected = format!("a share such as 25% or 0.25, at most {max}");
    share_between(doc, node, key, (Share::ZERO, max), &expected)
}

/// A share within bounds, which `expected` names.
pub(super) fn share_between(
    doc: &Document,
    node: &Node,
    key: &str,
    (min, max): (Share, Share),
    expected: &str,
) -> Result<Share, Diagnostic> {
    let value = match &node.value {
        Value::Text(text) => text.strip_suffix('%').and_then(|t| t.trim().parse::<f64>().ok()).map(|p| p / 100.0),
        _ => number(node),
    };
    let Some(value) = value.filter(|v| v.is_finite()) else { return Err(wrong(doc, node, key, expected)) };
    // A share in per cent is well written: only its size is wrong.
    let out_of_range = || {
        let found = match &node.value {
            Value::Text(text) => text.clone(),
            _ => value.to_string(),
        };
        let error = doc.error(node.at, format!("`{key}` must be {expected}, found `{found}`")).in_itself();
        match number(node) {
            Some(n) if n > 1.0 && (min.as_f64()..=max.as_f64()).contains(&(n / 100.0)) => {
                error.hint(format!("{value} per cent is written {value}% or {}", value / 100.0))
            }
            _ => error,
        }
    };
    if value < 0.0 {
        return Err(out_of_range());
    }
    match scaled(value, PPM as f64) {
        Some(ppm) if (min.0..=max.0).contains(&ppm) => Ok(Share(ppm)),
        None if value <= max.as_f64() => Err(wrong(doc, node, key, "a share with at most six decimals")),
        _ => Err(out_of_range()),
    }
}

/// A list, or one value in its place.
pub(super) fn list(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}

/// A list of texts, none twice; one value counts as a list.
pub(super) fn texts<'a>(doc: &'a Document, node: &'a Node, key: &str) -> Result<Vec<(&'a str, &'a Node)>, Diagnostic> {
    let items = list(node);
    if items.is_empty() {
        return Err(doc.error(node.at, format!("`{key}` is an empty list: leave the key out to allow everything")));
    }
    let mut seen = Vec::with_capacity(items.len());
    for item in items {
        let text = text(doc, item, key)?;
        if seen.iter().any(|(t, _)| *t == text) {
            return Err(doc.error(item.at, format!("`{text}` is listed twice in `{key}`")));
        }
        seen.push((text, item));
    }
    Ok(seen)
}
