//! Estimate beside measurement in its forms.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::table::{Cell, Table};
use crate::planner::validate::{Note, Validation, Verdict};
use crate::units::{Bytes, MIB};

/// One record per part.
#[must_use]
pub fn validation_table(validation: &Validation<'_>) -> Table {
    let mut table = Table::new(&[
        "part",
        ">estimated_bytes",
        ">measured_bytes",
        ">estimated_mib",
        ">measured_mib",
        ">measured/estimated",
    ]);
    let mib = |b: Bytes| Cell::fixed(b.0 as f64 / MIB as f64, 2);
    for part in &validation.parts {
        let ratio = part.estimated.zip(part.measured).filter(|(e, _)| e.0 > 0).map(|(e, m)| m.0 as f64 / e.0 as f64);
        table.rows.push(vec![
            Cell::text(part.part.id()),
            Cell::or_empty(part.estimated, |b| Cell::whole(b.0)),
            Cell::or_empty(part.measured, |b| Cell::whole(b.0)),
            Cell::or_empty(part.estimated, mib),
            Cell::or_empty(part.measured, mib),
            Cell::or_empty(ratio, |r| Cell::fixed(r, 3)),
        ]);
    }
    table
}

fn verdict(validation: &Validation<'_>) -> String {
    match &validation.verdict {
        Verdict::Holds => "the estimate holds: no part was measured above it".to_owned(),
        Verdict::TooLow(parts) => format!("the estimate is too low for: {}", parts.join(", ")),
        Verdict::Nothing => "the log shows no size that could be compared".to_owned(),
    }
}

fn note(note: &Note) -> String {
    match note {
        Note::TooQuiet => {
            "llama.cpp prints the sizes of its buffers only with -lv 4 (or -v): this log has none".to_owned()
        }
        Note::OtherDemand { ran, ran_streams, asked, asked_streams } => format!(
            "the log ran {ran} tokens over {ran_streams} sequences, the scenario asks for {asked} over {asked_streams}"
        ),
        Note::SeveralContexts => "the log made several contexts: the last one is compared".to_owned(),
        Note::Repacked => "weights that were repacked stand in the log twice: mapped and repacked".to_owned(),
        Note::BeganTooLate { first, grown, expected } => format!(
            "what was in use before is missing: the log begins at {first} and grows by {grown} only, where the workload \
             should add {expected}; start the recorder before the workload is loaded"
        ),
        Note::Swapped(bytes) => format!("{bytes} were swapped out: they count as in use"),
        Note::CacheFillsMemory => {
            "the engine takes for its cache what its memory setting leaves, not what the workload needs: not judged"
                .to_owned()
        }
        Note::OtherMemory { log, device } => {
            format!("the log's device has {log} of memory, the scenario's {device}: is it the right device?")
        }
        Note::Unbelievable { line } => format!("line {line} of the log has a number that cannot be: passed over"),
    }
}

fn missing(validation: &Validation<'_>) -> Vec<&'static str> {
    validation.parts.iter().filter(|p| p.measured.is_none()).map(|p| p.part.id()).collect()
}

/// The comparison in human-readable form.
#[must_use]
pub fn validation_text(validation: &Validation<'_>, width: Option<u16>) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_validation(&mut out, validation, width);
    out
}

fn write_validation(out: &mut String, validation: &Validation<'_>, width: Option<u16>) -> std::fmt::Result {
    let c = &validation.candidate;
    writeln!(
        out,
        "{}: {} as {} on {} ({}), {}\n",
        validation.workload.name, validation.workload.model.id, c.format.id, c.device.id, c.mode.id, c.runtime.id
    )?;
    out.push_str(&validation_table(validation).text(width));
    for rate in &validation.rates {
        let (median, low, high) = rate.estimated;
        let word = if (low..=high).contains(&rate.measured) { "inside" } else { "outside" };
        writeln!(
            out,
            "\n{}: measured {:.2}, {word} the estimated {median:.2} [{low:.2} - {high:.2}]",
            rate.name, rate.measured
        )?;
    }
    let missing = missing(validation);
    if !missing.is_empty() {
        writeln!(out, "\nnot in the log: {}", missing.join(", "))?;
    }
    for known in &validation.notes {
        writeln!(out, "note: {}", note(known))?;
    }
    writeln!(out, "\n{}", verdict(validation))
}

/// The comparison for programs.
#[must_use]
pub fn validation_value(validation: &Validation<'_>) -> Value {
    let parts: Vec<_> = validation
        .parts
        .iter()
        .map(|part| {
            let buffers: Vec<_> = validation
                .observed
                .readings
                .iter()
                .filter(|r| r.part == part.part)
                .map(|r| json!({ "buffer": r.buffer, "mib": r.mib, "bytes": r.bytes().0 }))
                .collect();
            json!({
                "part": part.part.id(),
                "estimated_bytes": part.estimated.map(|b| b.0),
                "measured_bytes": part.measured.map(|b| b.0),
                "buffers": buffers,
            })
        })
        .collect();
    let rates: Vec<_> = validation
        .rates
        .iter()
        .map(|r| json!({ "name": r.name, "estimated": r.estimated.0, "low": r.estimated.1, "high": r.estimated.2, "measured": r.measured }))
        .collect();
    let earlier: Vec<_> = validation
        .observed
        .earlier
        .iter()
        .map(|r| json!({ "part": r.part.id(), "buffer": r.buffer, "mib": r.mib, "bytes": r.bytes().0 }))
        .collect();
    let c = &validation.candidate;
    json!({
        "workload": validation.workload.name,
        "model": validation.workload.model.id,
        "device": c.device.id,
        "mode": c.mode.id,
        "runtime": c.runtime.id,
        "weights": c.format.id,
        "sources": validation.observed.sources,
        "parts": parts,
        "rates": rates,
        "earlier_contexts": earlier,
        "not_in_log": missing(validation),
        "notes": validation.notes.iter().map(note).collect::<Vec<_>>(),
        "verdict": verdict(validation),
        "holds": validation.verdict == Verdict::Holds,
    })
}
