//! The command line: arguments, files, exit codes. Everything below this floor is pure.

mod args;
mod budget;
mod candidates;
pub mod cases;
mod catalog;
mod check;
mod completions;
mod files;
mod init;
mod interrupt;
mod limits;
mod model;
mod output;
mod plan;
mod progress;
mod schema;
mod validate;
mod whatif;

use std::process::ExitCode;

use clap::Parser;

use crate::diag::Diagnostic;
use args::{Cli, Command};

/// Everything went well.
pub const DONE: u8 = 0;
/// Bad input or an I/O error.
pub const BAD_INPUT: u8 = 1;
/// No plan exists.
pub const NO_PLAN: u8 = 3;
/// The choice changed (`check`, `whatif`).
pub const CHANGED: u8 = 4;

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The user's input is at fault, or a file.
    Input(Box<Diagnostic>),
    /// Whoever reads our output is gone: nothing to say, and nobody to say it to.
    BrokenPipe,
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Input(Box::new(diagnostic))
    }
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match &cli.command {
        Command::Plan(arguments) => plan::run(arguments),
        Command::Candidates(arguments) => candidates::run(arguments),
        Command::Limits(arguments) => limits::run(arguments),
        Command::Validate(arguments) => validate::run(arguments),
        Command::Budget(arguments) => budget::run(arguments),
        Command::Whatif(arguments) => whatif::run(arguments),
        Command::Check(arguments) => check::run(arguments),
        Command::Catalog(arguments) => catalog::run(arguments),
        Command::Model(arguments) => model::run(arguments),
        Command::Schema(arguments) => schema::run(arguments),
        Command::Init(arguments) => init::run(arguments),
        Command::Completions { shell } => completions::run(*shell),
        Command::Man => completions::man(),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(Failure::BrokenPipe) => ExitCode::from(DONE),
        Err(Failure::Input(diagnostic)) => {
            anstream::eprintln!("{}", diagnostic.render(true));
            ExitCode::from(BAD_INPUT)
        }
    }
}
