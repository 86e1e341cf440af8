//! llama.cpp: buffers with `-lv 4`, the table of its memory at the default verbosity, timings.

use super::{Decimal, Form, Line, Part, Reader, Reading, figure, size};

pub(super) const FORM: Form = Form {
    source: "llama.cpp",
    engine: Some("llama.cpp"),
    how: "llama-server ... -lv 4 2>&1 | tee run.log, or the table `memory breakdown` that it prints when it ends",
    line: "CUDA0 model buffer size = 4403.49 MiB",
};

pub(super) fn line(reader: &mut Reader, line: &str) -> Line {
    reader.llama |= line.contains("llama_") || line.contains("llama backend");
    match breakdown(reader, line) {
        Line::Other => {}
        known => return known,
    }
    match buffer(reader, line) {
        Line::Other => {}
        known => return known,
    }
    (setting(reader, line) || speed(reader, line)).into()
}

/// `load_tensors:   CPU_Mapped model buffer size =   373.71 MiB` and its kin; the words before the colon changed with
/// llama.cpp's versions, those after it did not.
fn buffer(reader: &mut Reader, line: &str) -> Line {
    const KINDS: [(&str, Part); 6] = [
        (" model buffer size =", Part::Weights),
        (" KV buffer size =", Part::KvCache),
        (" RS buffer size =", Part::State),
        (" compute buffer size =", Part::Compute),
        (" compute buffer size is", Part::Compute),
        (" output buffer size =", Part::Output),
    ];
    let Some((kind, part, at)) = KINDS.iter().find_map(|(kind, part)| line.find(kind).map(|at| (*kind, *part, at)))
    else {
        return Line::Other;
    };
    let buffer = line[..at].split_whitespace().next_back().unwrap_or("");
    let Some(mib) = size(&line[at + kind.len()..], Decimal::Binary) else { return Line::Unbelievable };
    reader.observed.source(FORM);
    reader.observed.add(part, buffer, mib);
    Line::Read
}

/// `|   - CUDA0 (RTX 3090)   | 24124 = 5000 + (17618 = 15080 + 2348 + 190) + 524 |`: total = free + (self = model + context
/// + compute) + unaccounted, in MiB; memories that are not a device's have self alone. The heading begins a new table.
fn breakdown(reader: &mut Reader, line: &str) -> Line {
    let Some((_, table)) = line.split_once('|') else { return Line::Other };
    if table.contains("memory breakdown [MiB]") {
        reader.breakdown.clear();
        return Line::Read;
    }
    let Some((name, figures)) = table.split_once('|') else { return Line::Other };
    let Some(name) = name.trim().strip_prefix("- ") else { return Line::Other };
    let own = match figures.split_once('(') {
        Some((_, own)) => own.split(')').next().unwrap_or_default(),
        None => figures.split('|').next().unwrap_or_default(),
    };
    let Some((_, parts)) = own.split_once('=') else { return Line::Other };
    let parts: Vec<Option<f64>> = parts.split('+').map(|n| figure(n.trim())).collect();
    let [Some(model), Some(context), Some(compute)] = parts.as_slice() else { return Line::Unbelievable };
    reader.observed.source(FORM);
    let device = name.split_once('(').map_or(name, |(device, _)| device).trim();
    let parts = [(Part::Weights, model), (Part::Context, context), (Part::Compute, compute)];
    if reader.breakdown.len() < super::MAX_READINGS {
        reader.breakdown.extend(parts.map(|(part, mib)| Reading { part, buffer: device.to_owned(), mib: *mib }));
    }
    Line::Read
}

/// `llama_context: n_seq_max             = 4`: the first of them begins a new context, whose buffers replace the last one's.
fn setting(reader: &mut Reader, line: &str) -> bool {
    let observed = &mut reader.observed;
    let Some((_, rest)) = line.split_once("llama_context: ") else { return false };
    let Some((name, value)) = rest.split_once('=') else { return false };
    let (name, value) = (name.trim(), value.trim());
    if name == "n_seq_max" {
        let of_context = |r: &Reading| matches!(r.part, Part::KvCache | Part::State | Part::Compute | Part::Output);
        let (earlier, kept) = std::mem::take(&mut observed.readings).into_iter().partition(of_context);
        observed.readings = kept;
        observed.earlier.extend::<Vec<_>>(earlier);
        observed.earlier.truncate(super::MAX_READINGS);
        observed.settings.clear();
    }
    if matches!(name, "n_seq_max" | "n_ctx" | "n_batch" | "n_ubatch" | "flash_attn") {
        observed.settings.retain(|(n, _)| n != name);
        observed.settings.push((name.to_owned(), value.to_owned()));
    }
    true
}

/// `eval time =  467.08 ms /  10 runs  (  46.71 ms per token,  21.41 tokens per second)`.
fn speed(reader: &mut Reader, line: &str) -> bool {
    let Some((before, after)) = line.split_once("eval time =") else { return false };
    let rate = after
        .rsplit_once(" tokens per second")
        .and_then(|(text, _)| text.split([',', ' ']).rfind(|t| !t.is_empty()))
        .and_then(figure);
    let Some(rate) = rate.filter(|r| *r > 0.0) else { return true };
    reader.observed.source(FORM);
    if before.trim_end().ends_with("prompt") {
        reader.observed.prefill_tok_s = Some(rate);
    } else {
        reader.observed.decode_tok_s = Some(rate);
    }
    true
}
