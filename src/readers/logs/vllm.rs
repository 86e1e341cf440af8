//! vLLM: what loading took, what the cache got, what profiling found.

use super::{Decimal, Form, Line, Part, Reader, after, size};

pub(super) const FORM: Form = Form {
    source: "vllm",
    engine: Some("vllm"),
    how: "vllm serve ... 2>&1 | tee run.log",
    line: "Model loading took 12.66 GiB memory and 30 seconds",
};

/// Words before a size, newest first, and what the size is. vLLM divides by 1024 cubed whether it prints GiB or GB.
const BEFORE: [(&str, Part, &str); 11] = [
    ("Model loading took ", Part::Weights, "model"),
    ("Loading model weights took ", Part::Weights, "model"),
    ("model weights take ", Part::Weights, "model"),
    ("Available KV cache memory: ", Part::KvCache, "cache"),
    ("the rest of the memory reserved for KV Cache is ", Part::KvCache, "cache"),
    ("available_kv_cache_memory", Part::KvCache, "cache"),
    ("reserved for KV Cache is ", Part::KvCache, "cache"),
    ("PyTorch activation peak memory takes ", Part::Compute, "activations"),
    ("PyTorch activation peak memory", Part::Compute, "activations"),
    ("Actual usage is ", Part::Weights, "model"),
    ("Actual usage: ", Part::Weights, "model"),
];

/// Words after a size.
const AFTER: [(&str, Part, &str); 3] = [
    (" for peak activation", Part::Compute, "activations"),
    (" for CUDAGraph memory", Part::Compute, "graphs"),
    (" for weight", Part::Weights, "model"),
];

pub(super) fn line(reader: &mut Reader, line: &str) -> Line {
    let mut found = Line::Other;
    let worker = worker(line);
    let mut note = |part: Part, name: &str, text: &str| match size(text, Decimal::Binary) {
        Some(mib) => {
            reader.observed.source(FORM);
            reader.observed.peak(part, &format!("{worker}{name}"), mib);
            found = Line::Read;
        }
        None => {
            if matches!(found, Line::Other) {
                found = Line::Unbelievable;
            }
        }
    };
    for (words, part, name) in BEFORE {
        if let Some(rest) = after(line, words) {
            note(part, name, rest);
        }
    }
    for (words, part, name) in AFTER {
        if let Some((before, _)) = line.split_once(words) {
            // `1.2 GiB`: the last two words.
            let at = before.trim_end().rsplit_once(' ').and_then(|(rest, _)| rest.rfind(' ')).map_or(0, |at| at + 1);
            note(part, name, &before[at..]);
        }
    }
    if let Some((_, rest)) = line.split_once("Graph capturing finished in ")
        && let Some(rest) = after(rest, "took ")
    {
        note(Part::Compute, "graphs", rest);
    }
    found
}

/// `Worker_TP1 ` of `(Worker_TP1 pid=106) INFO ...`: each worker of a split model has its own memory.
fn worker(line: &str) -> String {
    let name = line.strip_prefix('(').and_then(|rest| rest.split([' ', ')']).next()).unwrap_or_default();
    if name.contains("Worker") { format!("{name} ") } else { String::new() }
}
