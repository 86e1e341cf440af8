//! What a workload reaches and what was wanted of it, in words and for programs.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::candidates::Speed;
use crate::domain::Task;
use crate::figures::{self, rate_range, time_range};
use crate::planner::PlannedWorkload;
use crate::report::candidates::basis_in_words;
use crate::scenario::{RateTarget, Workload};
use crate::units::{Micros, Range, product, significant};

/// What one inference of a model is called.
pub(super) const fn inference(task: Task) -> &'static str {
    match task {
        Task::Embedding => "inputs",
        Task::Reranker => "query-passage pairs",
        _ => "inferences",
    }
}

/// `  (wanted 24 x 15 = 360)`, or nothing where nothing is wanted.
fn wanted(text: Option<String>) -> String {
    text.map_or_else(String::new, |w| format!("  (wanted {w})"))
}

/// A time as it was written.
fn seconds(time: Micros) -> String {
    format!("{} s", figures::wanted(time.seconds()))
}

/// The lines on speed of a planned workload.
pub(super) fn write(out: &mut String, planned: &PlannedWorkload<'_>) -> std::fmt::Result {
    let asked = &planned.workload;
    let targets = &asked.targets;
    let all = if asked.streams == 1 { "" } else { " over all streams" };
    let latency = wanted(targets.latency.map(seconds));
    let basis = planned.speed().map_or("", basis_in_words);
    match planned.speed() {
        Some(Speed::Language(speed)) => {
            if let Some(decode) = speed.decode {
                let rate = wanted(targets.decode_tok_s.map(figures::wanted));
                writeln!(out, "    decode {} tok/s per stream, {basis}{rate}", rate_range(decode.map(|t| t.0)))?;
                let first = wanted(targets.ttft.map(seconds));
                let (prefill, ttft) = (rate_range(speed.prefill.map(|t| t.0)), time_range(speed.ttft.map(|t| t.0)));
                return writeln!(out, "    prefill {prefill} tok/s, first token after {ttft}{first}");
            }
            let rate = wanted(targets.inferences_s.map(|t| product(asked.streams, t)));
            let what = inference(asked.model.task);
            let tokens = asked.prompt;
            if let Some(reached) = planned.speed().and_then(Speed::inferences) {
                writeln!(
                    out,
                    "    {} {what}/s{all} of {tokens} tokens, {basis}{rate}",
                    rate_range(reached.map(|r| r.0))
                )?;
            }
            writeln!(
                out,
                "    {} each{latency}, read at {} tok/s",
                time_range(speed.ttft.map(|t| t.0)),
                rate_range(speed.prefill.map(|t| t.0))
            )
        }
        Some(network @ Speed::Network(speed)) => {
            let each = time_range(speed.latency.map(|t| t.0));
            match (asked.model.task, network.realtime_factor(asked.streams)) {
                (Task::Speech, Some(factor)) => {
                    let of_each = if asked.streams == 1 { "" } else { " of each stream" };
                    let most = targets.realtime_factor.map(|t| format!("at most {t}"));
                    writeln!(
                        out,
                        "    {} s of work per second of audio{of_each}, {basis}{}: {} x real time at least",
                        rate_range(factor),
                        wanted(most),
                        significant(1.0 / factor.high, 3)
                    )?;
                    let windows = targets.inferences_s.map_or_else(String::new, |t| {
                        let rate = rate_range(speed.inferences.map(|t| t.0));
                        format!("{rate} windows per second{all}  (wanted {}), ", product(asked.streams, t))
                    });
                    writeln!(out, "    {windows}a window of 30 s takes {each}{latency}")
                }
                _ => {
                    let rate = wanted(targets.inferences_s.map(|t| product(asked.streams, t)));
                    let reached = rate_range(speed.inferences.map(|t| t.0));
                    writeln!(out, "    {reached} inferences/s{all}, {basis}{rate}, {each} each{latency}")
                }
            }
        }
        None => writeln!(out, "    speed unknown"),
    }
}

/// What is wanted of each stream and of all together; absent without a rate target.
pub(super) fn wanted_value(workload: &Workload) -> Value {
    let Some(rate) = workload.targets.rate() else { return Value::Null };
    let streams = workload.streams;
    let (each, unit, all) = match rate {
        RateTarget::Decode(each) => (each, "tok/s", Some(each)),
        RateTarget::Inferences(each) => (each, "inferences/s", Some(each)),
        // Shares of a second do not add up over streams that are told apart.
        RateTarget::RealtimeFactor(each) => (each, "s of work per s of audio", None),
    };
    let total = all.map(|each| (each * f64::from(streams) * 1e9).round() / 1e9);
    let text = match rate {
        RateTarget::RealtimeFactor(_) => format!("{each} {unit}"),
        RateTarget::Decode(_) | RateTarget::Inferences(_) => format!("{} {unit}", product(streams, each)),
    };
    json!({ "per_stream": each, "streams": streams, "total": total, "unit": unit, "text": text })
}

/// Adds the rates of a planned workload by name, with their bounds.
pub(super) fn insert(object: &mut Map<String, Value>, planned: &PlannedWorkload<'_>) {
    let Some(speed) = planned.speed() else { return };
    let mut range = |name: &str, range: Range<f64>| {
        let rounded = |x: f64| (x * 1e6).round() / 1e6;
        object.insert(name.to_owned(), json!(rounded(range.median)));
        object.insert(format!("{name}_low"), json!(rounded(range.low)));
        object.insert(format!("{name}_high"), json!(rounded(range.high)));
    };
    if let Speed::Language(language) = speed {
        if let Some(decode) = language.decode {
            range("decode_tok_s", decode.map(|r| r.0));
            range("ttft_s", language.ttft.map(|s| s.0));
        }
        range("prefill_tok_s", language.prefill.map(|r| r.0));
    }
    if let Some(inferences) = speed.inferences() {
        range("inferences_s", inferences.map(|r| r.0));
    }
    if let Some(latency) = speed.latency() {
        range("latency_alone_s", latency.map(|s| s.0));
    }
    if planned.workload.model.task == Task::Speech
        && let Some(factor) = speed.realtime_factor(planned.workload.streams)
    {
        range("realtime_factor", factor);
    }
}
