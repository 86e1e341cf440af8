//! `edgemem budget`.

use super::args::Budget;
use super::cases::{self, Defaults};
use super::{Failure, files, output};
use crate::diag::Diagnostic;
use crate::units::Share;

/// Runs the command.
pub(crate) fn run(arguments: &Budget) -> Result<u8, Failure> {
    let share = |text: &str| cases::share(text).map_err(Diagnostic::error);
    let defaults = Defaults { headroom: share(&arguments.headroom)?, confidence: share(&arguments.confidence)? };
    if !(Share(500_000)..=Share(990_000)).contains(&defaults.confidence) {
        return Err(Diagnostic::error("--confidence must lie between 0.5 and 0.99").into());
    }
    let catalog = files::catalog(&arguments.facts)?;
    let Some(path) = &arguments.cases else {
        return Err(Diagnostic::error("give --cases FILE.csv").into());
    };
    let (text, code) = cases::run(path, &catalog, defaults)?;
    output::write(&text, arguments.sink.output.as_deref())?;
    Ok(code)
}
