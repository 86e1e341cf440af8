//! `edgemem limits`.

use super::args::{Form, Limits};
use super::files::Inputs;
use super::{DONE, Failure, output};
use crate::planner::limits;
use crate::report;

/// Runs the command.
pub(crate) fn run(arguments: &Limits) -> Result<u8, Failure> {
    let inputs = Inputs::read(&arguments.scenario, &arguments.facts)?;
    let found = limits::limits(&inputs.scenario, &inputs.catalog, arguments.frontier);
    if arguments.sink.format == Form::Table {
        let text = report::limits_text(
            &inputs.scenario,
            &found,
            arguments.frontier,
            output::width(arguments.sink.output.as_deref()),
        );
        output::show(&text, false, arguments.sink.output.as_deref())?;
    } else {
        output::table(&report::limits(&inputs.scenario, &found, arguments.frontier), &arguments.sink)?;
    }
    Ok(DONE)
}
