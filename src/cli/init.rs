//! `edgemem init`.

use super::args::Init;
use super::{DONE, Failure, output};
use crate::diag::Diagnostic;

/// A scenario that plans as it stands, with everything else in comments.
const STARTER: &str = include_str!("starter.yaml");

/// Runs the command.
pub(crate) fn run(arguments: &Init) -> Result<u8, Failure> {
    let Some(path) = &arguments.output else {
        output::write(STARTER.as_bytes(), None)?;
        return Ok(DONE);
    };
    // Nobody's scenario is overwritten, not even when the file appears between a check and the writing.
    if output::create(STARTER.as_bytes(), path)? {
        return Ok(DONE);
    }
    Err(Diagnostic::error(format!("{} is there already and is left as it is", path.display()))
        .hint("choose another name, or print the starter without --output")
        .into())
}
