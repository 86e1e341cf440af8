//! TensorRT-LLM: engine, execution context, paged cache; of its PyTorch path weights and cache.

use super::{Decimal, Form, Line, Part, Reader, after, figure, size};

pub(super) const FORM: Form = Form {
    source: "tensorrt-llm",
    engine: Some("tensorrt-llm"),
    how: "trtllm-serve ... 2>&1 | tee run.log",
    line: "[MemUsageChange] Allocated 24.05 GiB for max tokens in paged KV cache (221568).",
};

/// What it calls the cache when it has allocated it: the same as it found available before.
const PAGED: &str = "max tokens in paged KV cache";

pub(super) fn line(reader: &mut Reader, line: &str) -> Line {
    match allocated(reader, line) {
        Line::Other => {}
        known => return known,
    }
    // Words before a size.
    const BEFORE: [(&str, Part, &str); 5] = [
        ("Loaded engine size: ", Part::Weights, "engine"),
        ("available KV cache memory when calculating max tokens: ", Part::KvCache, PAGED),
        ("Memory used after loading model weights (inside torch) in memory usage profiling: ", Part::Weights, "model"),
        ("Memory used for model weights (inside torch) in memory usage profiling: ", Part::Weights, "model"),
        ("Total Weights Memory: ", Part::Weights, "engine"),
    ];
    for (words, part, name) in BEFORE {
        if let Some(rest) = after(line, words) {
            // The engine's own figure has no unit: bytes.
            let mib = size(rest, Decimal::Binary).or_else(|| figure(rest.trim()).map(|bytes| bytes / 1_048_576.0));
            let Some(mib) = mib else { return Line::Unbelievable };
            reader.observed.source(FORM);
            reader.observed.peak(part, name, mib);
            return Line::Read;
        }
    }
    // `TensorRT-managed allocation in engine deserialization: CPU +0, GPU +14475, now: CPU 0, GPU 14475 (MiB)`.
    if let Some(rest) = after(line, "TensorRT-managed allocation in engine deserialization:") {
        let grown = after(rest, "GPU +").and_then(|r| r.split(',').next()).and_then(|n| figure(n.trim()));
        let Some(mib) = grown else { return Line::Unbelievable };
        reader.observed.source(FORM);
        reader.observed.peak(Part::Weights, "engine", mib);
        return Line::Read;
    }
    // `Rank 0 uses 8.46 GB for model weights.`: 9.08e9 bytes, for its GB are 1024 cubed.
    if let Some((before, _)) = line.split_once(" for model weights.")
        && let Some((_, used)) = before.split_once(" uses ")
    {
        let Some(mib) = size(used, Decimal::Binary) else { return Line::Unbelievable };
        reader.observed.source(FORM);
        reader.observed.peak(Part::Weights, "model", mib);
        return Line::Read;
    }
    Line::Other
}

/// `[MemUsageChange] Allocated 2265.58 MiB for execution context memory.`, `... Allocated 24.05 GiB for max tokens in paged KV
/// cache (221568).`, and the older `Allocate 69524783104 bytes for k/v cache.`
fn allocated(reader: &mut Reader, line: &str) -> Line {
    let Some((what, rest)) = ["Allocated ", "Allocate "]
        .iter()
        .find_map(|word| after(line, word))
        .and_then(|rest| rest.split_once(" for ").map(|(what, rest)| (what, rest.trim())))
    else {
        return Line::Other;
    };
    if !line.contains("MemUsageChange") && !line.contains("TensorRT-LLM") {
        return Line::Other;
    }
    let Some(mib) = size(what, Decimal::Binary) else { return Line::Unbelievable };
    let lower = rest.to_ascii_lowercase();
    let part = if lower.contains("kv cache") || lower.contains("k/v cache") { Part::KvCache } else { Part::Compute };
    let name = rest.split(['(', '.']).next().unwrap_or_default().trim();
    reader.observed.source(FORM);
    reader.observed.peak(part, name, mib);
    Line::Read
}
