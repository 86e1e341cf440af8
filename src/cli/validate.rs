//! `edgemem validate`.

use super::args::{Form, Validate};
use super::files::{self, Inputs};
use super::{DONE, Failure, output};
use crate::diag::{Diagnostic, Position};
use crate::planner::validate;
use crate::readers::logs;
use crate::report;
use crate::yaml;

/// Runs the command.
pub(crate) fn run(arguments: &Validate) -> Result<u8, Failure> {
    let inputs = Inputs::read(&arguments.scenario, &arguments.facts)?;
    let mut text = String::new();
    for path in &arguments.log {
        let log = files::lossy_text(path)?;
        understood(&log).map_err(|e| e.in_file(&path.display().to_string()))?;
        text.push_str(&log);
        text.push('\n');
    }
    let validation = validate::validate(
        &inputs.scenario,
        &inputs.catalog,
        logs::parse(&text),
        arguments.workload.as_deref(),
        arguments.device.as_deref(),
    )?;
    let overlay = match &arguments.write_overlay {
        Some(path) => {
            let overlay = validation.overlay(&inputs.catalog)?;
            Some((yaml::to_string(&overlay).map_err(Diagnostic::error)?, path))
        }
        None => None,
    };
    let text = match arguments.sink.format {
        Form::Table => report::validation_text(&validation, output::width(arguments.sink.output.as_deref())),
        Form::Csv => report::validation_table(&validation).csv(),
        Form::Markdown => report::validation_table(&validation).markdown(),
        Form::Json => format!("{:#}\n", report::validation_value(&validation)),
    };
    let (json, file) = (arguments.sink.format == Form::Json, arguments.sink.output.as_deref());
    match &overlay {
        Some((overlay, path)) => output::show_with(&text, json, file, (overlay.as_bytes(), path))?,
        None => output::show(&text, json, file)?,
    }
    Ok(DONE)
}

/// A log that says nothing is a mistake of whoever named it, not a confirmation.
fn understood(log: &str) -> Result<(), Diagnostic> {
    let observed = logs::parse(log);
    if !observed.is_empty() {
        return Ok(());
    }
    if let Some(line) = observed.unbelievable {
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        return Err(Diagnostic::error("nothing can be compared: the log's numbers cannot be")
            .at(Position { line, column: 1 })
            .with_source(log));
    }
    if observed.too_quiet {
        return Err(Diagnostic::error("nothing can be compared: llama.cpp wrote this log without sizes")
            .hint("run it with -lv 4 (or -v), or let it end: then it prints its memory breakdown"));
    }
    let mut error = Diagnostic::error("nothing in the log is known");
    for form in logs::FORMS {
        error = error.hint(format!("{}: lines such as `{}`; {}", form.source, form.line, form.how));
    }
    Err(error)
}
