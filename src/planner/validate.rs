//! Estimate beside measurement, part by part, and what the measurement teaches the catalogs.

use crate::candidates::{self, Candidate, Options, Speed};
use crate::catalog::Catalog;
use crate::catalog::schema::CatalogFile;
use crate::diag::Diagnostic;
use crate::domain::Engine;
use crate::readers::logs::{FORMS, Observed, Part};
use crate::scenario::{Scenario, Workload};
use crate::units::{Bytes, MIB};

/// One part of memory, estimated and measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Which part.
    pub part: Part,
    /// What the planner expects; absent where it makes no statement.
    pub estimated: Option<Bytes>,
    /// What the log shows; absent where it is silent.
    pub measured: Option<Bytes>,
}

/// A rate, estimated and measured.
#[derive(Debug, Clone, PartialEq)]
pub struct RateComparison {
    /// `decode_tok_s` or `prefill_tok_s`.
    pub name: &'static str,
    /// Best guess and bounds.
    pub estimated: (f64, f64, f64),
    /// What the log shows.
    pub measured: f64,
}

/// What a log says of an estimate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// No part was measured above its estimate by more than the tolerance.
    Holds,
    /// These parts were measured above their estimate.
    TooLow(Vec<&'static str>),
    /// The log shows no size that could be compared.
    Nothing,
}

/// The result of a validation.
#[derive(Debug, Clone)]
pub struct Validation<'a> {
    /// The workload.
    pub workload: Workload,
    /// The configuration that it was compared with.
    pub candidate: Candidate<'a>,
    /// By part.
    pub parts: Vec<Comparison>,
    /// Speeds.
    pub rates: Vec<RateComparison>,
    /// The log as it was read.
    pub observed: Observed,
    /// What it comes to.
    pub verdict: Verdict,
    /// What to know about reading it.
    pub notes: Vec<Note>,
}

/// What to know about reading a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// llama.cpp wrote the log at a verbosity at which it prints no sizes.
    TooQuiet,
    /// The log ran other contexts or streams than the scenario asks for.
    OtherDemand {
        /// Tokens over all sequences in the log.
        ran: u64,
        /// Sequences in the log.
        ran_streams: u64,
        /// Tokens over all streams of the scenario.
        asked: u64,
        /// Streams of the scenario.
        asked_streams: u32,
    },
    /// Several contexts stand in the log; the last one is compared.
    SeveralContexts,
    /// Weights that were repacked stand in the log twice.
    Repacked,
    /// The log begins when the workload was loaded already, or never saw it start: what was in use before is unknown.
    BeganTooLate {
        /// In use in its first line.
        first: Bytes,
        /// How much more at its peak.
        grown: Bytes,
        /// How much the workload should add.
        expected: Bytes,
    },
    /// So much was swapped out, and counts as in use.
    Swapped(Bytes),
    /// The engine takes what its setting allows for the cache, not what the workload needs.
    CacheFillsMemory,
    /// The log's device has another memory than the scenario's.
    OtherMemory {
        /// That of the log.
        log: Bytes,
        /// That of the catalog.
        device: Bytes,
    },
    /// A line of a known kind, counted from 1, has a number that cannot be.
    Unbelievable {
        /// Which line.
        line: usize,
    },
}

/// Measured may be this much above estimated before an estimate counts as too low: logs print two decimals of a MiB.
const TOLERANCE: f64 = 1.02;

/// Compares a log with the estimate for a workload of a scenario on a device.
///
/// # Errors
/// A diagnostic when the workload or device is ambiguous or unknown, or no configuration of it runs there.
pub fn validate<'a>(
    scenario: &Scenario,
    catalog: &'a Catalog,
    observed: Observed,
    workload: Option<&str>,
    device: Option<&str>,
) -> Result<Validation<'a>, Diagnostic> {
    let generated = candidates::generate(scenario, catalog, Options { all: true, ..Options::default() });
    let (site, index) = find_workload(scenario, workload)?;
    let device = match device {
        Some(id) => catalog.device(id)?.0.id.as_str(),
        None => only_device(scenario, catalog)?,
    };
    // The engines whose logs these are; Ollama runs llama.cpp's server and prints its lines.
    let engines: Vec<&str> =
        FORMS.iter().filter(|f| observed.sources.contains(&f.source)).filter_map(|f| f.engine).collect();
    let wrote = |c: &Candidate<'_>| {
        engines.is_empty()
            || engines.contains(&c.runtime.engine_id.as_str())
            || (engines.contains(&"llama.cpp") && c.runtime.engine == Engine::LlamaCpp)
    };
    let candidate = generated
        .candidates
        .iter()
        .filter(|c| (c.site, c.workload) == (site, index) && c.device.id == device && c.footprint.is_some())
        .filter(|c| wrote(c))
        .min_by_key(|c| (c.refusal.is_some(), !c.mode.default, c.quality_loss, c.number))
        .cloned()
        .ok_or_else(|| match engines.first() {
            Some(engine) => {
                Diagnostic::error(format!("no configuration of the workload runs with {engine} on `{device}`"))
                    .hint(format!("the log was written by {engine}: allow it in `runtimes`, and a format that it runs"))
            }
            None => Diagnostic::error(format!("no configuration of the workload runs on `{device}`")),
        })?;
    let workload = scenario.sites[site].workloads[index].clone();
    let late = began_too_late(&candidate, &observed);
    let mut parts = compare(&candidate, &observed);
    if late.is_some() {
        parts.iter_mut().filter(|p| p.part == Part::Before).for_each(|p| p.measured = None);
    }
    let rates = rates(&candidate, &observed);
    let verdict = verdict(&candidate, &parts);
    let notes = notes(&candidate, &workload, &observed, late);
    Ok(Validation { workload, candidate, parts, rates, observed, verdict, notes })
}

fn find_workload(scenario: &Scenario, name: Option<&str>) -> Result<(usize, usize), Diagnostic> {
    let all: Vec<(usize, usize, &Workload)> = scenario
        .sites
        .iter()
        .enumerate()
        .flat_map(|(s, site)| site.workloads.iter().enumerate().map(move |(w, workload)| (s, w, workload)))
        .collect();
    let names = || all.iter().map(|(_, _, w)| w.name.as_str());
    match name {
        Some(name) => all
            .iter()
            .find(|(_, _, w)| w.name == name)
            .map(|(s, w, _)| (*s, *w))
            .ok_or_else(|| Diagnostic::error(format!("no workload is called `{name}`")).did_you_mean(name, names())),
        None if all.len() == 1 => Ok((all[0].0, all[0].1)),
        None => Err(Diagnostic::error("the scenario has several workloads: name the one that was measured")
            .hint(format!("--workload {}", names().collect::<Vec<_>>().join(" | ")))),
    }
}

fn only_device<'a>(scenario: &Scenario, catalog: &'a Catalog) -> Result<&'a str, Diagnostic> {
    let mut named: Vec<&str> = scenario
        .sites
        .iter()
        .flat_map(|s| &s.allow)
        .filter_map(|a| a.devices.as_ref())
        .flatten()
        .map(|d| d.id.as_str())
        .collect();
    named.sort_unstable();
    named.dedup();
    match named.as_slice() {
        [one] => Ok(catalog.device(one)?.0.id.as_str()),
        _ => Err(Diagnostic::error("name the device that was measured")
            .hint("--device ID, or a single one in allow.devices")),
    }
}

fn compare(candidate: &Candidate<'_>, observed: &Observed) -> Vec<Comparison> {
    let Some(footprint) = &candidate.footprint else { return Vec::new() };
    let both = |part: fn(&crate::memory::PoolUse) -> Bytes| part(&footprint.main) + part(&footprint.host);
    let process = both(|u| u.total());
    let os: Bytes = candidate.pools().iter().take(1).map(|p| p.os).sum();
    let expected = [
        (Part::Weights, both(|u| u.weights)),
        (Part::KvCache, both(|u| u.kv_cache)),
        (Part::State, both(|u| u.state)),
        (Part::Context, both(|u| u.kv_cache) + both(|u| u.state)),
        (Part::Compute, both(|u| u.compute)),
        (Part::Output, both(|u| u.output)),
        (Part::Allocated, process.saturating_sub(both(|u| u.framework))),
        (Part::Process, process),
        (Part::InUse, os + footprint.main.total()),
        (Part::Before, os),
    ];
    expected
        .into_iter()
        .filter(|(part, bytes)| match part {
            // Sums of other parts: told where a program tells no more.
            Part::Context | Part::Allocated => observed.sum(*part).is_some(),
            _ => *bytes > Bytes::ZERO || observed.sum(*part).is_some(),
        })
        .map(|(part, bytes)| Comparison { part, estimated: Some(bytes), measured: observed.sum(part) })
        .collect()
}

fn rates(candidate: &Candidate<'_>, observed: &Observed) -> Vec<RateComparison> {
    let Some(Speed::Language(speed)) = candidate.speed else { return Vec::new() };
    let triple = |r: crate::units::Range<crate::units::TokensPerSecond>| (r.median.0, r.low.0, r.high.0);
    let decode = speed.decode.zip(observed.decode_tok_s).map(|(estimate, measured)| RateComparison {
        name: "decode_tok_s",
        estimated: triple(estimate),
        measured,
    });
    let prefill = observed.prefill_tok_s.map(|measured| RateComparison {
        name: "prefill_tok_s",
        estimated: triple(speed.prefill),
        measured,
    });
    decode.into_iter().chain(prefill).collect()
}

fn verdict(candidate: &Candidate<'_>, parts: &[Comparison]) -> Verdict {
    let fills = candidate.runtime.preallocated_share.is_some();
    let compared: Vec<_> = parts
        .iter()
        .filter(|p| !(fills && p.part == Part::KvCache))
        .filter_map(|p| Some((p.part, p.estimated?, p.measured?)))
        .collect();
    if compared.is_empty() {
        return Verdict::Nothing;
    }
    let low: Vec<_> = compared
        .into_iter()
        .filter(|(_, estimated, measured)| measured.0 as f64 > estimated.0 as f64 * TOLERANCE + MIB as f64 / 100.0)
        .map(|(part, ..)| part.id())
        .collect();
    if low.is_empty() { Verdict::Holds } else { Verdict::TooLow(low) }
}

/// A recorder that saw the workload start saw at least this much of what the workload takes appear. The rest is for an
/// estimate that is too high and for weights in the page cache, which the tools do not count.
const SEEN_TO_GROW: f64 = 0.7;

fn began_too_late(candidate: &Candidate<'_>, observed: &Observed) -> Option<Note> {
    let (first, peak) = (observed.sum(Part::Before)?, observed.sum(Part::InUse)?);
    let expected = candidate.footprint.as_ref()?.main.total();
    let grown = peak.saturating_sub(first);
    ((grown.0 as f64) < expected.0 as f64 * SEEN_TO_GROW).then_some(Note::BeganTooLate { first, grown, expected })
}

fn notes(candidate: &Candidate<'_>, workload: &Workload, observed: &Observed, late: Option<Note>) -> Vec<Note> {
    let mut notes = Vec::new();
    if observed.too_quiet {
        notes.push(Note::TooQuiet);
    }
    notes.extend(observed.unbelievable.map(|line| Note::Unbelievable { line }));
    let setting =
        |name: &str| observed.settings.iter().find(|(n, _)| n == name).and_then(|(_, v)| v.parse::<u64>().ok());
    if let (Some(ran), Some(ran_streams)) = (setting("n_ctx"), setting("n_seq_max")) {
        let asked = workload.context.saturating_mul(u64::from(workload.streams));
        let padded = asked.saturating_add(ran_streams.saturating_mul(256));
        if ran_streams != u64::from(workload.streams) || ran < asked || ran > padded {
            notes.push(Note::OtherDemand { ran, ran_streams, asked, asked_streams: workload.streams });
        }
    }
    if !observed.earlier.is_empty() {
        notes.push(Note::SeveralContexts);
    }
    if observed.readings.iter().any(|r| r.part == Part::Weights && r.buffer.contains("REPACK")) {
        notes.push(Note::Repacked);
    }
    notes.extend(late);
    if observed.swapped_mib > 0.0 {
        notes.push(Note::Swapped(Bytes((observed.swapped_mib * MIB as f64) as u64)));
    }
    if candidate.runtime.preallocated_share.is_some() && observed.sum(Part::KvCache).is_some() {
        notes.push(Note::CacheFillsMemory);
    }
    if let (Some(total), Some(pool)) = (observed.total_mib, candidate.pools().first()) {
        let (log, device) = (Bytes((total * MIB as f64) as u64), pool.capacity);
        // Firmware and drivers keep some per cent more or less.
        if log.0.abs_diff(device.0) as f64 > device.0 as f64 * 0.1 {
            notes.push(Note::OtherMemory { log, device });
        }
    }
    notes
}

impl Validation<'_> {
    /// Catalog entries that hold what was measured: the operating system's footprint, the process's base, the bandwidth at
    /// which the measured decode rate is the expected one.
    ///
    /// # Errors
    /// A diagnostic when the log has nothing that a catalog could hold.
    pub fn overlay(&self, catalog: &Catalog) -> Result<CatalogFile, Diagnostic> {
        let mut overlay = CatalogFile::default();
        let source = || format!("measured with `{}`", self.observed.sources.join(", "));
        let entry = catalog.device_entries().find(|d| d.id == self.candidate.device.id);
        let measured = |part: Part| self.parts.iter().find(|p| p.part == part).and_then(|p| p.measured);
        if let (Some(before), Some(entry)) = (measured(Part::Before), entry)
            && let Ok(image) = catalog.os_image(&entry.os_image)
            && self.candidate.device.pools.len() == 1
        {
            let mut image = image.clone();
            image.used_mib = before.0.div_ceil(MIB);
            image.provenance.sources.insert("memory".to_owned(), source());
            overlay.os_images.push(image);
        }
        if let (Some(process), Some(footprint)) = (measured(Part::Process), &self.candidate.footprint) {
            let framework = footprint.main.framework + footprint.host.framework;
            let rest = (footprint.main.total() + footprint.host.total()).saturating_sub(framework);
            let beyond = process.saturating_sub(rest + framework);
            if beyond > Bytes::ZERO {
                let mut runtime = self.candidate.runtime.clone();
                runtime.framework_mib += beyond.0.div_ceil(MIB);
                runtime.provenance.sources.insert("memory".to_owned(), source());
                overlay.runtimes.push(runtime);
            }
        }
        let decode = self.rates.iter().find(|r| r.name == "decode_tok_s");
        if let (Some(rate), Some(entry), Some(bandwidth)) = (decode, entry, self.candidate.mode.bandwidth) {
            let mut entry = entry.clone();
            let effective = bandwidth.0 / 1e9 * rate.measured / rate.estimated.0;
            let effective = (effective * 1000.0).round() / 1000.0;
            match entry.modes.iter_mut().find(|m| m.id == self.candidate.mode.id) {
                Some(mode) => mode.bandwidth_gb_s = Some(effective),
                None => entry.bandwidth_gb_s = Some(effective),
            }
            entry.provenance.sources.insert("bandwidth".to_owned(), source());
            overlay.devices.push(entry);
        }
        if overlay == CatalogFile::default() {
            let late = self.notes.iter().any(|n| matches!(n, Note::BeganTooLate { .. }));
            return Err(Diagnostic::error(if late {
                "the log has nothing that a catalog could hold: it does not begin before the workload was loaded"
            } else {
                "the log has nothing that a catalog could hold"
            })
            .hint("tegrastats or nvidia-smi, begun before the workload, give the system's footprint, /proc the process, the engine's timings the speed"));
        }
        Ok(overlay)
    }
}
