//! Tools of the system: tegrastats and nvidia-smi see the device, `/proc`, `time` and macOS's `footprint` and `vmmap` a
//! process.

use super::{Decimal, Form, Line, Part, Reader, Reading, after, figure, size};

pub(super) const TEGRASTATS: Form = Form {
    source: "tegrastats",
    engine: None,
    how: "tegrastats --interval 500 | tee tegrastats.log, begun before the workload",
    line: "RAM 1488/7620MB (lfb 1x4MB) SWAP 0/3810MB",
};

pub(super) const NVIDIA_SMI: Form = Form {
    source: "nvidia-smi",
    engine: None,
    how: "nvidia-smi --query-gpu=timestamp,memory.used,memory.total --format=csv -l 1 | tee smi.log, begun before the workload",
    line: "2026/11/01 10:00:00.000, 1234 MiB, 24564 MiB",
};

pub(super) const PROC: Form =
    Form { source: "/proc", engine: None, how: "grep -E 'VmHWM|VmRSS' /proc/PID/status", line: "VmHWM:  123456 kB" };

pub(super) const FOOTPRINT: Form =
    Form { source: "footprint", engine: None, how: "footprint -p PID on macOS", line: "phys_footprint_peak: 6500 MB" };

pub(super) const TIME: Form = Form {
    source: "time",
    engine: None,
    how: "/usr/bin/time -v on Linux, /usr/bin/time -l on macOS",
    line: "Maximum resident set size (kbytes): 123456",
};

pub(super) const VMMAP: Form = Form {
    source: "vmmap",
    engine: None,
    how: "vmmap --summary PID on macOS",
    line: "Physical footprint (peak):  6.5G",
};

/// What sees the whole device.
pub(super) fn tool(reader: &mut Reader, line: &str) -> Line {
    match tegrastats(reader, line) {
        Line::Other => nvidia_smi(reader, line).into(),
        known => known,
    }
}

/// `RAM 1488/7620MB (lfb 1x4MB) SWAP 100/3810MB (cached 20MB) ...`: MB are MiB here. The first reading is what was in use
/// before. What was swapped out was wanted too; what is cached of it is in memory again and stands in both figures.
fn tegrastats(reader: &mut Reader, line: &str) -> Line {
    let Some((used, total, rest)) = after(line, "RAM ").and_then(pair) else { return Line::Other };
    let (Some(used), Some(total)) = (figure(used), figure(total)) else { return Line::Unbelievable };
    if used > total {
        return Line::Unbelievable;
    }
    let swapped = after(rest, "SWAP ").and_then(pair).and_then(|(swapped, _, rest)| {
        let cached = after(rest, "(cached ").and_then(|r| r.split("MB").next()).and_then(|n| figure(n.trim()));
        Some(figure(swapped)? - cached.unwrap_or(0.0))
    });
    let swapped = swapped.unwrap_or(0.0).max(0.0);
    reader.observed.source(TEGRASTATS);
    reader.observed.swapped_mib = reader.observed.swapped_mib.max(swapped);
    record_use(reader, "RAM", used + swapped, total);
    Line::Read
}

/// `1488/7620MB ...`: used, total, what follows.
fn pair(text: &str) -> Option<(&str, &str, &str)> {
    let (used, rest) = text.split_once('/')?;
    let (total, rest) = rest.split_once("MB")?;
    let number = |t: &str| t.starts_with(|c: char| c.is_ascii_digit());
    let (used, total) = (used.trim(), total.trim());
    (number(used) && number(total)).then_some((used, total, rest))
}

/// `2026/11/01 10:00:00.000, 1234 MiB, 24564 MiB, ...` of `--query-gpu ... --format=csv`, or `|  1234MiB / 24564MiB |` of
/// the plain table. Of a query the first two sizes are taken for memory used and total, as `memory.used,memory.total`.
fn nvidia_smi(reader: &mut Reader, line: &str) -> bool {
    let sizes: Vec<f64> = line
        .split(['|', ',', '/'])
        .filter_map(|cell| cell.split_whitespace().collect::<String>().strip_suffix("MiB").and_then(figure))
        .collect();
    let plain = line.trim_start().starts_with('|') && line.contains("MiB /");
    let query = line.contains(',') && !line.contains('|');
    if sizes.len() < 2 || !(plain || query) {
        return false;
    }
    reader.observed.source(NVIDIA_SMI);
    let (used, total) = if sizes[0] <= sizes[1] { (sizes[0], sizes[1]) } else { (sizes[1], sizes[0]) };
    record_use(reader, "memory.used", used, total);
    true
}

fn record_use(reader: &mut Reader, name: &str, used: f64, total: f64) {
    let observed = &mut reader.observed;
    if !observed.readings.iter().any(|r| r.part == Part::Before) {
        observed.readings.push(Reading { part: Part::Before, buffer: name.to_owned(), mib: used });
    }
    observed.peak(Part::InUse, name, used);
    observed.total_mib = Some(total);
}

/// What sees one process.
pub(super) fn process(reader: &mut Reader, line: &str) -> Line {
    for known in [resident(reader, line), footprint(reader, line)] {
        if !matches!(known, Line::Other) {
            return known;
        }
    }
    Line::Other
}

/// `VmHWM:  123456 kB` (kB are KiB) of `/proc/PID/status`, and `time`'s `Maximum resident set size (kbytes): 123456` or, on
/// macOS in bytes, `6710886400  maximum resident set size`.
fn resident(reader: &mut Reader, line: &str) -> Line {
    let kib = |text: &str| figure(text.trim().trim_end_matches("kB").trim()).map(|k| k / 1024.0);
    let line = line.trim();
    let mut found = None;
    for name in ["VmHWM", "VmRSS"] {
        if let Some(rest) = line.strip_prefix(name).and_then(|r| r.trim_start().strip_prefix(':')) {
            found = Some((PROC, kib(rest)));
        }
    }
    if let Some(rest) = after(line, "Maximum resident set size (kbytes):") {
        found = Some((TIME, kib(rest)));
    }
    for name in [" maximum resident set size", " peak memory footprint"] {
        if let Some(bytes) = line.strip_suffix(name) {
            found =
                Some((TIME, bytes.trim().parse::<f64>().ok().and_then(|b| figure(&format!("{}", b / 1_048_576.0)))));
        }
    }
    let Some((form, mib)) = found else { return Line::Other };
    let Some(mib) = mib else { return Line::Unbelievable };
    reader.observed.source(form);
    reader.observed.peak(Part::Process, "resident", mib);
    Line::Read
}

/// macOS: `llama-server [100]: 64-bit    Footprint: 6400 MB (16384 bytes per page)` for each process, `phys_footprint: 6400 MB`
/// and `phys_footprint_peak: 6500 MB` of it; `Physical footprint (peak):  6.5G` of `vmmap`. Its MB are MiB.
fn footprint(reader: &mut Reader, line: &str) -> Line {
    let line = line.trim();
    let (form, text) = if let Some((process, rest)) = line.split_once("Footprint: ") {
        let name = process.split("]:").next().unwrap_or_default().trim();
        reader.process = format!("{name}{}", if process.contains("]:") { "]" } else { "" });
        (FOOTPRINT, rest)
    } else if let Some(rest) = ["phys_footprint_peak:", "phys_footprint:"].iter().find_map(|w| line.strip_prefix(w)) {
        (FOOTPRINT, rest)
    } else if let Some((_, rest)) = line.strip_prefix("Physical footprint").and_then(|r| r.split_once(':')) {
        (VMMAP, rest)
    } else {
        return Line::Other;
    };
    let Some(mib) = size(text, Decimal::Binary) else { return Line::Unbelievable };
    reader.observed.source(form);
    let process = reader.process.clone();
    reader.observed.peak(Part::Process, &process, mib);
    Line::Read
}
