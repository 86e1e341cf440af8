//! `edgemem plan`.

use std::time::Duration;

use serde_json::{Map, Value};

use super::args::{PageForm, Plan, When};
use super::files::{self, Inputs, Models};
use super::progress::Meter;
use super::{DONE, Failure, NO_PLAN, interrupt, output};
use crate::diag::Diagnostic;
use crate::planner::explain::{Asker, Found, explain};
use crate::planner::frontier::{self, Frontier};
use crate::planner::sensitivity::{gains, sensitivity};
use crate::planner::why_not::why_not;
use crate::planner::{self, Compare, Plan as Answer, Wanted};
use crate::report;
use crate::scenario::Path;
use crate::solve::{SearchLimits, Status};
use crate::yaml;

/// Runs the command.
pub(crate) fn run(arguments: &Plan) -> Result<u8, Failure> {
    if !arguments.time_limit.is_finite() || arguments.time_limit <= 0.0 {
        return Err(Diagnostic::error("--time-limit must be a positive number of seconds").into());
    }
    let mut inputs = Inputs::read(&arguments.scenario, &arguments.facts)?;
    if let Some(share) = &arguments.confidence {
        let path: Path = "confidence".parse()?;
        let value = yaml::parse_value(share)?;
        inputs.document = inputs.document.with(&path, value).map_err(|e| Diagnostic::error(e.to_string()))?;
        inputs.scenario = files::resolve(&inputs.document, &inputs.catalog)?;
    }
    let limits = SearchLimits {
        time: Some(Duration::from_secs_f64(arguments.time_limit.min(1e6))),
        cancel: Some(interrupt::flag()),
        ..SearchLimits::default()
    };
    let compare = match arguments.compare {
        When::Quick => Compare::Quick,
        When::Always => Compare::Always,
        When::Never => Compare::Never,
    };
    let wanted = Wanted { alternatives: arguments.alternatives, compare };
    let mut meter = Meter::new(inputs.scenario.objective);
    let plan = planner::plan_with(&inputs.scenario, &inputs.catalog, wanted, &limits, &mut |p| meter.show(p));
    drop(meter);
    let width = output::width(arguments.sink.output.as_deref());
    let weighed = weighed(arguments, &inputs, &limits)?;
    let text = if let (Some(frontier), PageForm::Csv) = (&weighed, arguments.sink.format) {
        report::frontier_table(frontier).csv()
    } else if plan.status == Status::Infeasible {
        infeasible(arguments, &inputs, &plan, &limits, weighed.as_ref())?
    } else {
        // A table of records has no place for more.
        let more = match arguments.sink.format {
            PageForm::Csv => More::default(),
            _ => more(arguments, &inputs, &plan, &limits, weighed.as_ref())?,
        };
        match arguments.sink.format {
            PageForm::Json => report::saved_json(&plan, &inputs.document, more.object),
            PageForm::Csv => report::plan_table(&plan).csv(),
            PageForm::Markdown => report::plan_markdown(&plan) + &more.markdown,
            PageForm::Html => {
                let text = report::plan_text(&plan, width) + &more.text;
                report::page(&plan.scenario, &text, &report::plan_table(&plan))
            }
            PageForm::Table => report::plan_text(&plan, width) + &more.text,
        }
    };
    output::show(&text, arguments.sink.format == PageForm::Json, arguments.sink.output.as_deref())?;
    match plan.status {
        Status::Infeasible => Ok(NO_PLAN),
        Status::Optimal => Ok(DONE),
        Status::Feasible | Status::Unknown => {
            let who = if interrupt::asked() { "Ctrl-C" } else { "the time limit" };
            let Some(gap) = plan.gap() else {
                output::note(&format!("{who} ended the search before any plan was found; there may be one"));
                return Ok(NO_PLAN);
            };
            output::note(&format!(
                "{who} ended the search before the plan was proven the best: the best is at most {:.2} % below",
                gap * 100.0
            ));
            Ok(DONE)
        }
    }
}

/// What else was asked for, in the forms of an answer.
#[derive(Default)]
struct More {
    text: String,
    markdown: String,
    object: Map<String, Value>,
}

/// The plans between which cost and what was asked for have to be weighed.
fn weighed(arguments: &Plan, inputs: &Inputs, limits: &SearchLimits<'_>) -> Result<Option<Frontier>, Diagnostic> {
    let Some(axis) = arguments.frontier else { return Ok(None) };
    let mut meter = Meter::new(inputs.scenario.objective);
    let found = frontier::frontier(&inputs.scenario, &inputs.catalog, axis, limits, &mut |p| meter.show(p));
    found.map(Some).ok_or_else(|| {
        Diagnostic::error("`--frontier cost,speed` needs a workload with a rate target")
            .hint("for example targets: { decode_tok_s: 10 }")
            .in_file(&inputs.document.file)
    })
}

fn more(
    arguments: &Plan,
    inputs: &Inputs,
    plan: &Answer<'_>,
    limits: &SearchLimits<'_>,
    weighed: Option<&Frontier>,
) -> Result<More, Diagnostic> {
    let models = Models::beside(&inputs.catalog, &inputs.document);
    let find = |name: &str| models.find(name);
    let asker = Asker::new(&inputs.catalog, &find, limits).deciding_ties(limits);
    let width = output::width(arguments.sink.output.as_deref());
    let mut more = More::default();
    if arguments.confidence.is_some()
        && let Some(costs) = certainty(&asker, inputs, plan)?
    {
        more.text.push_str(&format!("\n{costs}\n"));
        more.markdown.push_str(&format!("\n{}\n", report::in_markdown(&costs)));
        more.object.insert("certainty".to_owned(), Value::String(costs));
    }
    if let Some(device) = &arguments.why_not {
        let why = why_not(&inputs.document, &inputs.scenario, &inputs.catalog, &find, plan, device, limits)?;
        let text = report::why_not_text(&why, inputs.scenario.objective);
        let device = report::in_markdown(&why.device);
        more.markdown.push_str(&format!("\n## Why not {device}\n\n{}", report::fenced(&text)));
        more.text.push_str(&text);
        more.object.insert("why_not".to_owned(), report::why_not_value(&why));
    }
    if let Some(frontier) = weighed {
        more.text.push_str(&report::frontier_text(frontier, width));
        more.markdown.push_str(&report::frontier_markdown(frontier));
        more.object.insert("frontier".to_owned(), report::frontier_value(frontier));
    }
    // Without a plan there is no choice that could stay.
    if arguments.sensitivity && !plan.sites.is_empty() {
        let ranges = sensitivity(&asker, &inputs.document, &inputs.scenario);
        let gains = gains(&asker, &inputs.document, &inputs.scenario, plan);
        more.text.push_str(&report::sensitivity_text(&ranges, width));
        more.text.push_str(&report::gains_text(&gains, plan.objective, width));
        more.markdown.push_str(&report::sensitivity_markdown(&ranges, &gains, plan.objective));
        more.object.insert("sensitivity".to_owned(), report::sensitivity_value(&ranges));
        more.object.insert("next_dollar".to_owned(), report::gains_value(&gains));
        more.object.insert("sensitivity_cut".to_owned(), Value::Bool(asker.was_cut()));
        if asker.was_cut() {
            let note = "The time limit ended the search: values that were not worked out are left out.";
            more.text.push_str(&format!("\n{note}\n"));
            more.markdown.push_str(&format!("\n{note}\n"));
        }
    }
    Ok(more)
}

/// What being sure costs: the plan at even odds beside that at the confidence asked.
fn certainty(asker: &Asker<'_>, inputs: &Inputs, plan: &Answer<'_>) -> Result<Option<String>, Diagnostic> {
    let half = yaml::parse_value("0.5")?;
    let even = asker.ask_with(&inputs.document, &"confidence".parse()?, &half).found();
    let sure = asker.ask(&inputs.document).found();
    let asked = inputs.scenario.confidence.as_f64();
    let figure = |value: f64| report::objective_figure(plan.objective, value);
    let told = |found: &Found| format!("{} for {}", found.devices(), figure(found.objective));
    Ok(match (even, sure) {
        (Some(even), Some(sure)) if even.devices() == sure.devices() && even.value == sure.value => {
            Some(format!("Being sure costs nothing: at 0.5 as at {asked} it is {}.", told(&sure)))
        }
        (Some(even), Some(sure)) => Some(format!(
            "Being sure costs {}: at 0.5 {} would do; at {asked} it takes {}.",
            figure(sure.objective - even.objective),
            told(&even),
            told(&sure)
        )),
        (Some(even), None) => Some(format!("At 0.5 {} would do; at {asked} nothing does.", told(&even))),
        _ => None,
    })
}

/// No plan: why, and the smallest changes that would open one.
fn infeasible(
    arguments: &Plan,
    inputs: &Inputs,
    plan: &Answer<'_>,
    limits: &SearchLimits<'_>,
    weighed: Option<&Frontier>,
) -> Result<String, Diagnostic> {
    let models = Models::beside(&inputs.catalog, &inputs.document);
    let find = |name: &str| models.find(name);
    let asker = Asker::new(&inputs.catalog, &find, limits);
    let width = output::width(arguments.sink.output.as_deref());
    let explanation = explain(&asker, &inputs.document);
    let mut more = more(arguments, inputs, plan, limits, weighed)?;
    if let Some(partial) = planner::partial(&inputs.scenario, &inputs.catalog, limits, &mut |_| {}) {
        more.text.push_str(&report::partial_text(&partial, width));
        more.markdown.push_str(&report::partial_markdown(&partial));
        more.object.extend(report::partial_values(&partial));
    }
    Ok(match arguments.sink.format {
        PageForm::Json => report::explained_json(plan, &explanation, more.object),
        PageForm::Csv => report::plan_table(plan).csv(),
        PageForm::Markdown => report::explained_markdown(plan, &explanation) + &more.markdown,
        PageForm::Html => {
            let text = report::explained_text(plan, &explanation, &inputs.document.file, width) + &more.text;
            report::page(&plan.scenario, &text, &report::plan_table(plan))
        }
        PageForm::Table => report::explained_text(plan, &explanation, &inputs.document.file, width) + &more.text,
    })
}
