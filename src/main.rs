//! The `edgemem` command.

#![warn(clippy::unwrap_used, clippy::expect_used)]

use std::process::ExitCode;

fn main() -> ExitCode {
    edgemem::cli::main()
}
