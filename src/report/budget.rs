//! One budget in its forms.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::candidates::basis_in_words;
use super::peaks;
use super::table::{Cell, Table};
use crate::candidates::Speed;
use crate::domain::Task;
use crate::figures::{rate_range, time_range};
use crate::planner::budget::{Answer, Question};
use crate::planner::checklist::{Step, checklist};
use crate::units::{Bytes, Range};

/// The sizing checklist, filled in. `silent`: the weight format was not named but is the usual one.
#[must_use]
pub fn budget_text(question: &Question<'_>, answer: &Answer, silent: bool) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_budget(&mut out, question, answer, silent);
    out
}

fn write_budget(out: &mut String, question: &Question<'_>, answer: &Answer, silent: bool) -> std::fmt::Result {
    writeln!(
        out,
        "{} as {} on {} ({}), {} {}",
        question.model.id,
        question.format.id,
        question.device.id,
        question.mode.id,
        question.runtime.id,
        if answer.fits() { "fits" } else { "does not fit" }
    )?;
    if silent {
        let format = &question.format.id;
        writeln!(out, "{format} is assumed, the usual format on {}; --weights takes another", question.runtime.id)?;
    }
    if let Some(clash) = &answer.clash {
        writeln!(out, "no firmware has both: {clash}")?;
    }
    writeln!(out)?;
    for (i, step) in checklist(question, answer).iter().enumerate() {
        let Step { title, bytes, how } = step;
        match bytes {
            Some(bytes) => writeln!(out, "  {}. {title:<24} {:>12}", i + 1, bytes.to_string())?,
            None => writeln!(out, "  {}. {title}", i + 1)?,
        }
        for line in how {
            writeln!(out, "     {line}")?;
        }
        // Before it runs: the article's peaks, which headroom does not cover.
        if *title == "Headroom" {
            for line in peaks::lines(question.device.pools_in(question.mode), &answer.peaks) {
                writeln!(out, "     {line}")?;
            }
        }
    }
    writeln!(out)?;
    for pool in &answer.pools {
        let (word, amount): (&str, Bytes) = if pool.fits() {
            ("free", pool.capacity.saturating_sub(pool.required))
        } else {
            ("short", pool.required.saturating_sub(pool.capacity))
        };
        writeln!(
            out,
            "  {} memory: steady {} ({:.2} GB), with headroom {} ({:.2} GB), capacity {}: {amount} {word}",
            pool.name,
            pool.steady,
            pool.steady.gb(),
            pool.required,
            pool.required.gb(),
            pool.capacity
        )?;
    }
    match &answer.speed {
        Ok(speed) => write_speed(out, question, speed),
        Err(why) => writeln!(out, "  no speed estimate: {why}"),
    }
}

fn write_speed(out: &mut String, question: &Question<'_>, speed: &Speed) -> std::fmt::Result {
    let basis = basis_in_words(speed);
    let prompt = question.demand.prompt;
    if let Speed::Language(language) = speed {
        if let Some(decode) = language.decode {
            writeln!(out, "  decode {} tok/s per stream, {basis}", rate_range(decode.map(|t| t.0)))?;
        }
        writeln!(out, "  prefill {} tok/s", rate_range(language.prefill.map(|t| t.0)))?;
        if language.decode.is_some() {
            let first = time_range(language.ttft.map(|t| t.0));
            return writeln!(out, "  first token after {first} for a prompt of {prompt} tokens");
        }
    }
    let (Some(inferences), Some(latency)) = (speed.inferences(), speed.latency()) else { return Ok(()) };
    let (rate, each) = (rate_range(inferences.map(|t| t.0)), time_range(latency.map(|t| t.0)));
    match question.model.task {
        Task::Embedding => writeln!(out, "  {rate} inputs/s of {prompt} tokens, {basis}, {each} each"),
        Task::Reranker => writeln!(out, "  {rate} query-passage pairs/s of {prompt} tokens, {basis}, {each} each"),
        _ => writeln!(out, "  {rate} inferences/s, {basis}, {each} each"),
    }
}

/// The budget by pool as records.
#[must_use]
pub fn budget_table(answer: &Answer) -> Table {
    let mut table = Table::new(&[
        "pool",
        ">weights_bytes",
        ">kv_cache_bytes",
        ">state_bytes",
        ">prompt_cache_bytes",
        ">checkpoint_bytes",
        ">compute_bytes",
        ">output_bytes",
        ">activation_bytes",
        ">framework_bytes",
        ">os_bytes",
        ">steady_bytes",
        ">required_bytes",
        ">capacity_bytes",
        "fits",
    ]);
    for pool in &answer.pools {
        let mut row = vec![Cell::text(pool.name.id())];
        row.extend(pool.parts().map(Cell::bytes));
        row.push(Cell::Bool(answer.fits()));
        table.rows.push(row);
    }
    table
}

/// The budget with its steps for programs. `silent`: the weight format was not named but is the usual one.
#[must_use]
pub fn budget_value(question: &Question<'_>, answer: &Answer, silent: bool) -> Value {
    let steps: Vec<_> = checklist(question, answer)
        .into_iter()
        .map(|s| json!({ "step": s.title, "bytes": s.bytes.map(|b| b.0), "how": s.how }))
        .collect();
    let range = |r: Range<f64>| json!({ "median": r.median, "low": r.low, "high": r.high });
    let speed = match &answer.speed {
        Ok(Speed::Language(s)) if s.decode.is_some() => json!({
            "decode_tok_s": s.decode.map(|d| range(d.map(|t| t.0))),
            "prefill_tok_s": range(s.prefill.map(|t| t.0)),
            "ttft_s": range(s.ttft.map(|t| t.0)),
        }),
        Ok(speed) => {
            let mut value = json!({
                "inferences_s": speed.inferences().map(|i| range(i.map(|t| t.0))),
                "latency_s": speed.latency().map(|l| range(l.map(|t| t.0))),
            });
            if let Speed::Language(s) = speed {
                value["prefill_tok_s"] = range(s.prefill.map(|t| t.0));
            }
            value
        }
        Err(why) => json!({ "unknown": why }),
    };
    json!({
        "model": question.model.id,
        "device": question.device.id,
        "mode": question.mode.id,
        "runtime": question.runtime.id,
        "weights": question.format.id,
        "weights_assumed": silent,
        "flash_attention": answer.flash_attention,
        "activation_rule": answer.activation_rule,
        "fits": answer.fits(),
        "clash": answer.clash.as_ref().map(ToString::to_string),
        "peaks": peaks::value(question.device.pools_in(question.mode), &answer.peaks),
        "headroom": question.headroom.as_f64(),
        "pools": budget_table(answer).json(),
        "speed": speed,
        "steps": steps,
    })
}
