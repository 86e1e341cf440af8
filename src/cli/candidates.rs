//! `edgemem candidates`.

use super::args::{Candidates, Form};
use super::files::Inputs;
use super::{DONE, Failure, output};
use crate::candidates::{self, Options};
use crate::report;

/// Runs the command.
pub(crate) fn run(arguments: &Candidates) -> Result<u8, Failure> {
    let inputs = Inputs::read(&arguments.scenario, &arguments.facts)?;
    let generated =
        candidates::generate(&inputs.scenario, &inputs.catalog, Options { all: arguments.all, ..Options::default() });
    let table = report::candidates(&inputs.scenario, &generated);
    if arguments.sink.format == Form::Table {
        let text = report::candidates_text(table, output::width(arguments.sink.output.as_deref()));
        output::show(&text, false, arguments.sink.output.as_deref())?;
    } else {
        output::table(&table, &arguments.sink)?;
    }
    Ok(DONE)
}
