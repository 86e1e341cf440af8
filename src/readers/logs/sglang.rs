//! SGLang: weights, cache, graphs. Its GB are 1024 cubed.

use super::{Decimal, Form, Line, Part, Reader, size};

pub(super) const FORM: Form = Form {
    source: "sglang",
    engine: Some("sglang"),
    how: "python -m sglang.launch_server ... 2>&1 | tee run.log",
    line: "KV Cache is allocated. #tokens: 367404, K size: 8.23 GB, V size: 8.23 GB",
};

/// Words before a size, what it is part of, what it is called.
type Sized = (&'static str, Part, &'static str);

/// `Load weight end. type=..., avail mem=63.12 GB, mem usage=15.02 GB.`, `KV Cache is allocated. ... K size: 8.23 GB, V size:
/// 8.23 GB`, `Capture cuda graph end. Time elapsed: 5.31 s. mem usage=0.52 GB.`.
pub(super) fn line(reader: &mut Reader, line: &str) -> Line {
    let kinds: [(&str, &[Sized]); 3] = [
        ("Load weight end", &[("mem usage=", Part::Weights, "model")]),
        (
            "KV Cache is allocated",
            &[("K size: ", Part::KvCache, "K"), ("V size: ", Part::KvCache, "V"), ("KV size: ", Part::KvCache, "KV")],
        ),
        ("Capture cuda graph end", &[("mem usage=", Part::Compute, "graphs")]),
    ];
    let Some((_, parts)) = kinds.iter().find(|(word, _)| line.contains(word)) else { return Line::Other };
    let mut found = Line::Unbelievable;
    for (key, part, name) in *parts {
        // `KV size` ends as `V size` does.
        let own = |before: &str| !before.ends_with(|c: char| c.is_ascii_alphanumeric());
        if let Some((before, rest)) = line.split_once(key)
            && own(before)
            && let Some(mib) = size(rest, Decimal::Binary)
        {
            reader.observed.source(FORM);
            reader.observed.peak(*part, name, mib);
            found = Line::Read;
        }
    }
    found
}
