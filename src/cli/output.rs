//! Writing answers: to stdout, or to a file whole or not at all.

use std::fs;
use std::io::{self, IsTerminal as _, Write};
use std::path::Path;

use super::Failure;
use super::args::{Form, Sink};
use crate::diag::Diagnostic;
use crate::report::Table;

/// Writes an answer to its place.
pub(crate) fn write(text: &[u8], file: Option<&Path>) -> Result<(), Failure> {
    write_pieces(&[text], file)
}

/// Writes an answer that comes in pieces to its place.
pub(crate) fn write_pieces(pieces: &[impl AsRef<[u8]>], file: Option<&Path>) -> Result<(), Failure> {
    let all = |to: &mut dyn Write| {
        pieces.iter().try_for_each(|piece| to.write_all(piece.as_ref()))?;
        to.flush()
    };
    match file {
        None => match all(&mut io::stdout().lock()) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Err(Failure::BrokenPipe),
            Err(e) => Err(Diagnostic::error(format!("cannot write the output: {e}")).into()),
        },
        Some(path) => {
            write_file(path, all).map_err(|e| Diagnostic::error(format!("cannot write {}: {e}", path.display())).into())
        }
    }
}

/// Writes beside the target first, so that a failure leaves what was there.
fn write_file(path: &Path, all: impl Fn(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut temporary = name.to_owned();
    temporary.push(format!(".{}.part", std::process::id()));
    let temporary = path.with_file_name(temporary);
    let written =
        fs::File::create(&temporary).and_then(|mut to| all(&mut to)).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The error that is reported is the first one; a leftover part file must not hide it.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Writes a table of records in the form that was asked for.
pub(crate) fn table(table: &Table, sink: &Sink) -> Result<(), Failure> {
    let text = match sink.format {
        Form::Csv => table.csv(),
        Form::Markdown => table.markdown(),
        Form::Table => table.text(width(sink.output.as_deref())),
        Form::Json => {
            let mut text = serde_json::to_string_pretty(&table.json())
                .map_err(|e| Diagnostic::error(format!("cannot write JSON: {e}")))?;
            text.push('\n');
            text
        }
    };
    write(text.as_bytes(), sink.output.as_deref())
}

/// Characters in a line, for an answer that goes to stdout or to a file: what the shell says in `COLUMNS`, else 100 on a
/// terminal and no limit elsewhere: what other programs read is not wrapped. The terminal itself is never asked, so that the
/// same command gives the same text on any of them.
pub(crate) fn width(file: Option<&Path>) -> Option<u16> {
    let asked = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).filter(|w| (40..=400).contains(w));
    asked.or_else(|| (file.is_none() && io::stdout().is_terminal()).then_some(TERMINAL))
}

/// The width of a line on a terminal whose width the shell does not say.
const TERMINAL: u16 = 100;

/// Characters in a line of progress.
pub(crate) fn progress_width() -> usize {
    usize::from(width(None).unwrap_or(TERMINAL))
}
