//! `edgemem init`.

use std::fs::OpenOptions;
use std::io::Write as _;

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
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(STARTER.as_bytes()));
    match written {
        Ok(()) => Ok(DONE),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(Diagnostic::error(format!("{} is there already and is left as it is", path.display()))
                .hint("choose another name, or print the starter without --output")
                .into())
        }
        Err(e) => Err(Diagnostic::error(format!("cannot write {}: {e}", path.display())).into()),
    }
}
