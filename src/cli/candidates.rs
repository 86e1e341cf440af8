//! `edgemem candidates`.

use super::args::Candidates;
use super::files::Inputs;
use super::{DONE, Failure, output};
use crate::candidates::{self, Options};
use crate::report;

/// Runs the command.
pub(crate) fn run(arguments: &Candidates) -> Result<u8, Failure> {
    let inputs = Inputs::read(&arguments.scenario, &arguments.facts)?;
    let generated = candidates::generate(&inputs.scenario, &inputs.catalog, Options { all: arguments.all });
    let table = report::candidates(&inputs.scenario, &generated);
    output::table(&table, &arguments.sink)?;
    Ok(DONE)
}
