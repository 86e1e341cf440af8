//! `edgemem plan`.

use std::time::Duration;

use super::args::{Form, Plan};
use super::files::Inputs;
use super::{DONE, Failure, NO_PLAN, output};
use crate::diag::Diagnostic;
use crate::planner;
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
    let text = match arguments.sink.format {
        Form::Json => report::plan_json(&plan),
        Form::Csv => report::plan_table(&plan).csv(),
        Form::Markdown => report::plan_markdown(&plan),
        Form::Table => report::plan_text(&plan, output::width()),
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
