//! The `edgemem` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    edgemem::cli::main()
}
