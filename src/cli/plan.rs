//! `edgemem plan`.

use std::time::Duration;

use serde_json::{Map, Value};

use super::args::{PageForm, Plan, When};
use super::files::{self, Inputs, Models};
use super::progress::Meter;
use super::{DONE, Failure, NO_PLAN, interrupt, output};
use crate::diag::Diagnostic;
use crate::planner::explain::{Asker, explain};
use crate::planner::sensitivity::sensitivity;
use crate::planner::why_not::why_not;
use crate::planner::{self, Compare, Plan as Answer, Wanted};
use crate::report;
use crate::scenario::{ObjectiveKind, Path};
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
    let text = if plan.status == Status::Infeasible {
        infeasible(arguments, &inputs, &plan, &limits)?
    } else {
        match arguments.sink.format {
            PageForm::Json => report::saved_json(&plan, &inputs.document, more(arguments, &inputs, &plan, &limits)?.1),
            PageForm::Csv => report::plan_table(&plan).csv(),
            PageForm::Markdown => report::plan_markdown(&plan),
            PageForm::Html => {
                let text = report::plan_text(&plan, output::width()) + &more(arguments, &inputs, &plan, &limits)?.0;
                report::page(&plan.scenario, &text, &report::plan_table(&plan))
            }
            PageForm::Table => report::plan_text(&plan, output::width()) + &more(arguments, &inputs, &plan, &limits)?.0,
        }
    };
    output::write(text.as_bytes(), arguments.sink.output.as_deref())?;
    match plan.status {
        Status::Infeasible => Ok(NO_PLAN),
        Status::Optimal => Ok(DONE),
        Status::Feasible | Status::Unknown => {
            let who = if interrupt::asked() { "Ctrl-C" } else { "the time limit" };
            let Some(gap) = plan.gap() else {
                anstream::eprintln!("edgemem: {who} ended the search before any plan was found; there may be one");
                return Ok(NO_PLAN);
            };
            anstream::eprintln!(
                "edgemem: {who} ended the search before the plan was proven the best: the best is at most {:.2} % below",
                gap * 100.0
            );
            Ok(DONE)
        }
    }
}

/// What else was asked for, for eyes and for programs.
fn more(
    arguments: &Plan,
    inputs: &Inputs,
    plan: &Answer<'_>,
    limits: &SearchLimits<'_>,
) -> Result<(String, Map<String, Value>), Diagnostic> {
    let models = Models::beside(&inputs.catalog, &inputs.document);
    let find = |name: &str| models.find(name);
    let asker = Asker::new(&inputs.catalog, &find, limits).deciding_ties(limits);
    let (mut text, mut object) = (String::new(), Map::new());
    if arguments.confidence.is_some()
        && let Some(costs) = certainty(&asker, inputs, plan)?
    {
        text.push_str(&format!("\n{costs}\n"));
        object.insert("certainty".to_owned(), Value::String(costs));
    }
    if let Some(device) = &arguments.why_not {
        let why = why_not(&inputs.document, &inputs.scenario, &inputs.catalog, &find, plan, device, limits)?;
        text.push_str(&report::why_not_text(&why, inputs.scenario.objective));
        object.insert("why_not".to_owned(), report::why_not_value(&why));
    }
    // Without a plan there is no choice that could stay.
    if arguments.sensitivity && !plan.sites.is_empty() {
        let ranges = sensitivity(&asker, &inputs.document, &inputs.scenario);
        text.push_str(&report::sensitivity_text(&ranges, output::width()));
        object.insert("sensitivity".to_owned(), report::sensitivity_value(&ranges));
    }
    Ok((text, object))
}

/// What being sure costs: the plan at even odds beside that at the confidence asked.
fn certainty(asker: &Asker<'_>, inputs: &Inputs, plan: &Answer<'_>) -> Result<Option<String>, Diagnostic> {
    let half = yaml::parse_value("0.5")?;
    let even = asker.ask_with(&inputs.document, &"confidence".parse()?, &half).found();
    let sure = asker.ask(&inputs.document).found();
    let (Some(even), Some(sure)) = (even, sure) else { return Ok(None) };
    let asked = inputs.scenario.confidence.as_f64();
    let unit = match plan.objective {
        ObjectiveKind::Capex | ObjectiveKind::Tco => "USD",
        ObjectiveKind::Power => "W",
    };
    Ok(Some(if even.devices() == sure.devices() && even.value == sure.value {
        format!(
            "Being sure costs nothing: at 0.5 as at {asked} it is {} for {:.2} {unit}.",
            sure.devices(),
            sure.objective
        )
    } else {
        format!(
            "Being sure costs {:.2} {unit}: at 0.5 it would be {} for {:.2}, at {asked} it is {} for {:.2}.",
            sure.objective - even.objective,
            even.devices(),
            even.objective,
            sure.devices(),
            sure.objective
        )
    }))
}

/// No plan: why, and the smallest changes that would open one.
fn infeasible(
    arguments: &Plan,
    inputs: &Inputs,
    plan: &Answer<'_>,
    limits: &SearchLimits<'_>,
) -> Result<String, Diagnostic> {
    let models = Models::beside(&inputs.catalog, &inputs.document);
    let find = |name: &str| models.find(name);
    let asker = Asker::new(&inputs.catalog, &find, limits);
    let explanation = explain(&asker, &inputs.document);
    let more = more(arguments, inputs, plan, limits)?;
    Ok(match arguments.sink.format {
        PageForm::Json => report::explained_json(plan, &explanation, more.1),
        PageForm::Csv => report::plan_table(plan).csv(),
        PageForm::Markdown => report::explained_markdown(plan, &explanation),
        PageForm::Html => {
            let text = report::explained_text(plan, &explanation, &inputs.document.file, output::width()) + &more.0;
            report::page(&plan.scenario, &text, &report::plan_table(plan))
        }
        PageForm::Table => report::explained_text(plan, &explanation, &inputs.document.file, output::width()) + &more.0,
    })
}
