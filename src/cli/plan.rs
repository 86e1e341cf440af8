//! `edgemem plan`.

use std::time::Duration;

use super::args::{Form, Plan};
use super::files::{Inputs, Models};
use super::{DONE, Failure, NO_PLAN, output};
use crate::diag::Diagnostic;
use crate::planner::explain::{Asker, explain};
use crate::planner::{self, Plan as Answer};
use crate::report;
use crate::solve::{SearchLimits, Status};

/// Runs the command.
pub(crate) fn run(arguments: &Plan) -> Result<u8, Failure> {
    if !arguments.time_limit.is_finite() || arguments.time_limit <= 0.0 {
        return Err(Diagnostic::error("--time-limit must be a positive number of seconds").into());
    }
    let inputs = Inputs::read(&arguments.scenario, &arguments.facts)?;
    let limits =
        SearchLimits { time: Some(Duration::from_secs_f64(arguments.time_limit.min(1e6))), ..SearchLimits::default() };
    let plan = planner::plan(&inputs.scenario, &inputs.catalog, arguments.alternatives, &limits, &mut output::progress);
    let text = if plan.status == Status::Infeasible {
        infeasible(arguments, &inputs, &plan, &limits)
    } else {
        match arguments.sink.format {
            Form::Json => report::saved_json(&plan, &inputs.document),
            Form::Csv => report::plan_table(&plan).csv(),
            Form::Markdown => report::plan_markdown(&plan),
            Form::Table => report::plan_text(&plan, output::width()),
        }
    };
    output::write(text.as_bytes(), arguments.sink.output.as_deref())?;
    match plan.status {
        Status::Infeasible => Ok(NO_PLAN),
        Status::Optimal => Ok(DONE),
        Status::Feasible | Status::Unknown => {
            anstream::eprintln!("edgemem: the time limit ended the search before the plan was proven the best");
            Ok(if plan.sites.is_empty() { NO_PLAN } else { DONE })
        }
    }
}

/// No plan: why, and the smallest changes that would open one.
fn infeasible(arguments: &Plan, inputs: &Inputs, plan: &Answer<'_>, limits: &SearchLimits<'_>) -> String {
    let models = Models::beside(&inputs.catalog, &inputs.document);
    let find = |name: &str| models.find(name);
    let asker = Asker::new(&inputs.catalog, &find, limits);
    let explanation = explain(&asker, &inputs.document);
    match arguments.sink.format {
        Form::Json => report::explained_json(plan, &explanation),
        Form::Csv => report::plan_table(plan).csv(),
        Form::Markdown => report::explained_markdown(plan, &explanation),
        Form::Table => report::explained_text(plan, &explanation, &inputs.document.file, output::width()),
    }
}
