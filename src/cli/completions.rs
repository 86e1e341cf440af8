//! `edgemem completions` and `edgemem man`: made from the arguments themselves.

use clap::CommandFactory as _;

use super::args::Cli;
use super::{DONE, Failure, output};
use crate::diag::Diagnostic;

/// Prints the completions of a shell.
pub(crate) fn run(shell: clap_complete::Shell) -> Result<u8, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "edgemem", &mut text);
    output::write(&text, None)?;
    Ok(DONE)
}

/// Prints the manual page: the command, then every subcommand.
pub(crate) fn man() -> Result<u8, Failure> {
    let mut text = Vec::new();
    let mut command = Cli::command();
    command.build();
    pages(&command, &mut text).map_err(|e| Diagnostic::error(format!("cannot write the manual page: {e}")))?;
    output::write(&text, None)?;
    Ok(DONE)
}

fn pages(command: &clap::Command, text: &mut Vec<u8>) -> std::io::Result<()> {
    clap_mangen::Man::new(command.clone()).render(text)?;
    for sub in command.get_subcommands().filter(|s| s.get_name() != "help") {
        pages(sub, text)?;
    }
    Ok(())
}
