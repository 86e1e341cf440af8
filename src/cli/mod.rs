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
use crate::visible;
use args::{Cli, Command};

/// Everything went well.
pub const DONE: u8 = 0;
/// Bad input or an I/O error.
pub const BAD_INPUT: u8 = 1;
/// Wrong usage.
pub const WRONG_USAGE: u8 = 2;
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
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => return parser_said(&said),
    };
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
    ended(result)
}

fn ended(result: Result<u8, Failure>) -> ExitCode {
    match result {
        Ok(code) => ExitCode::from(code),
        Err(Failure::BrokenPipe) => ExitCode::from(DONE),
        Err(Failure::Input(diagnostic)) => {
            output::say(&diagnostic.render(true));
            ExitCode::from(BAD_INPUT)
        }
    }
}

/// What the command-line parser has to say: help and version are answers, all else is wrong usage. It repeats arguments
/// without cleaning them.
fn parser_said(said: &clap::Error) -> ExitCode {
    let text = said.render();
    if said.use_stderr() {
        let plain = text.to_string();
        // Its colours cannot be told from those of an argument: they are sent only where no argument has any.
        let clean = visible::shown(&plain);
        let text = if clean == plain { text.ansi().to_string() } else { clean.into_owned() };
        output::say(text.trim_end());
        return ExitCode::from(u8::try_from(said.exit_code()).unwrap_or(WRONG_USAGE));
    }
    ended(output::help(&text.ansi().to_string()).map(|()| DONE))
}
