//! `edgemem validate`.

use super::args::{Form, Validate};
use super::files::{self, Inputs};
use super::{DONE, Failure, output};
use crate::diag::Diagnostic;
use crate::planner::validate;
use crate::readers::logs;
use crate::report;
use crate::yaml;

/// Runs the command.
pub(crate) fn run(arguments: &Validate) -> Result<u8, Failure> {
    let inputs = Inputs::read(&arguments.scenario, &arguments.facts)?;
    let mut text = String::new();
    for path in &arguments.log {
        text.push_str(&files::lossy_text(path)?);
        text.push('\n');
    }
    let validation = validate::validate(
        &inputs.scenario,
        &inputs.catalog,
        logs::parse(&text),
        arguments.workload.as_deref(),
        arguments.device.as_deref(),
    )?;
    if let Some(path) = &arguments.write_overlay {
        let overlay = validation.overlay(&inputs.catalog)?;
        let text = yaml::to_string(&overlay).map_err(Diagnostic::error)?;
        output::write(text.as_bytes(), Some(path))?;
    }
    let text = match arguments.sink.format {
        Form::Table => report::validation_text(&validation, output::width()),
        Form::Csv => report::validation_table(&validation).csv(),
        Form::Markdown => report::validation_table(&validation).markdown(),
        Form::Json => format!("{:#}\n", report::validation_value(&validation)),
    };
    output::write(text.as_bytes(), arguments.sink.output.as_deref())?;
    Ok(DONE)
}
