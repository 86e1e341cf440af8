//! Ollama's server log: what its own engine loaded, or expected to load. Since it runs llama-server it prints that program's
//! lines, which are read as such.

use super::{Decimal, Form, Line, Part, Reader, Reading, size};

pub(super) const FORM: Form = Form {
    source: "ollama",
    engine: Some("ollama"),
    how: "journalctl -u ollama, or ~/.ollama/logs/server.log",
    line: "msg=\"model weights\" device=CUDA0 size=\"4.5 GiB\"",
};

/// `msg="kv cache" device=CUDA0 size="1.0 GiB"` (`ml/device.go`), and the older
/// `memory.weights.total="4.1 GiB" memory.required.kv="1.0 GiB" memory.graph.full="560.0 MiB"` before loading.
pub(super) fn line(reader: &mut Reader, line: &str) -> Line {
    const LOADED: [(&str, Part); 4] = [
        ("msg=\"model weights\"", Part::Weights),
        ("msg=\"kv cache\"", Part::KvCache),
        ("msg=\"compute graph\"", Part::Compute),
        ("msg=\"total memory\"", Part::Allocated),
    ];
    if let Some((_, part)) = LOADED.iter().find(|(word, _)| line.contains(word)) {
        let Some(mib) = value(line, "size=").and_then(|v| size(v, Decimal::Binary)) else { return Line::Unbelievable };
        reader.observed.source(FORM);
        let device = value(line, "device=").unwrap_or("all");
        // A model is laid out again until it fits: the last layout is the one that was loaded.
        reader.observed.readings.retain(|r| (r.part, r.buffer.as_str()) != (*part, device));
        reader.observed.add(*part, device, mib);
        return Line::Read;
    }
    const EXPECTED: [(&str, Part); 3] = [
        ("memory.weights.total=", Part::Weights),
        ("memory.required.kv=", Part::KvCache),
        ("memory.graph.full=", Part::Compute),
    ];
    if !line.contains(EXPECTED[0].0) {
        return Line::Other;
    }
    reader.observed.source(FORM);
    reader.expected.clear();
    for (key, part) in EXPECTED {
        if let Some(mib) = value(line, key).and_then(|v| size(v, Decimal::Binary)) {
            reader.expected.push(Reading { part, buffer: "expected".to_owned(), mib });
        }
    }
    Line::Read
}

/// The value of a key, with or without quotation marks.
fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let rest = super::after(line, key)?;
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => rest.split_whitespace().next(),
    }
}
