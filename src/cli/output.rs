//! Writing answers: to stdout, or to files whole or not at all.

use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use super::Failure;
use super::args::{Form, Sink};
use crate::diag::Diagnostic;
use crate::report::Table;
use crate::visible;

/// Links to links end somewhere.
const MAX_LINKS: usize = 40;

/// Writes data to its place as it is.
pub(crate) fn write(text: &[u8], file: Option<&Path>) -> Result<(), Failure> {
    write_pieces(&[text], file)
}

/// Writes an answer for eyes, or as JSON, to its place: what would steer a terminal is shown.
pub(crate) fn show(text: &str, json: bool, file: Option<&Path>) -> Result<(), Failure> {
    write(clean(text, json).as_bytes(), file)
}

fn clean(text: &str, json: bool) -> Cow<'_, str> {
    if json { visible::shown_in_json(text) } else { visible::shown(text) }
}

/// Writes data that comes in pieces to its place.
pub(crate) fn write_pieces(pieces: &[impl AsRef<[u8]>], file: Option<&Path>) -> Result<(), Failure> {
    let all = |to: &mut dyn Write| {
        pieces.iter().try_for_each(|piece| to.write_all(piece.as_ref()))?;
        to.flush()
    };
    let Some(path) = file else { return to_stdout(all) };
    let staged = stage(path, all).map_err(|e| unwritable(path, &e))?;
    staged.put().map_err(|e| unwritable(path, &e).into())
}

/// Writes a file of data besides an answer: both or neither.
pub(crate) fn show_with(
    text: &str,
    json: bool,
    file: Option<&Path>,
    (other, beside): (&[u8], &Path),
) -> Result<(), Failure> {
    let beside_staged = stage(beside, |to| to.write_all(other)).map_err(|e| unwritable(beside, &e))?;
    match file {
        None => show(text, json, None)?,
        Some(path) => {
            let text = clean(text, json);
            let staged = stage(path, |to| to.write_all(text.as_bytes())).map_err(|e| unwritable(path, &e))?;
            staged.put().map_err(|e| unwritable(path, &e))?;
        }
    }
    beside_staged.put().map_err(|e| unwritable(beside, &e).into())
}

/// Writes a file that must not be there yet, whole or not at all; false when something is there.
pub(crate) fn create(text: &[u8], path: &Path) -> Result<bool, Failure> {
    let staged = stage(path, |to| to.write_all(text)).map_err(|e| unwritable(path, &e))?;
    let put = match &staged {
        Staged::Written => Ok(()),
        // A second name fails when the first is taken, where renaming would replace what is there.
        Staged::Beside { temporary, target } => fs::hard_link(temporary, target).or_else(|e| {
            if e.kind() == io::ErrorKind::AlreadyExists {
                return Err(e);
            }
            // Not every file system has second names.
            let mut file = OpenOptions::new().write(true).create_new(true).open(target)?;
            let written = file.write_all(text).and_then(|()| file.sync_all());
            if written.is_err() {
                let _ = fs::remove_file(target);
            }
            written
        }),
    };
    match put {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(unwritable(path, &e).into()),
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::error(format!("cannot write {}: {error}", path.display()))
}

fn to_stdout(all: impl Fn(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    to_stream(io::stdout().lock(), all)
}

fn to_stream(mut to: impl Write, all: impl Fn(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    match all(&mut to) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Err(Failure::BrokenPipe),
        Err(e) => Err(Diagnostic::error(format!("cannot write the output: {e}")).into()),
    }
}

/// A file that is written but does not stand in its place yet.
enum Staged {
    /// It went straight to what is no regular file.
    Written,
    /// It stands beside its place under another name.
    Beside { temporary: PathBuf, target: PathBuf },
}

impl Staged {
    /// Puts it in its place.
    fn put(&self) -> io::Result<()> {
        match self {
            Self::Written => Ok(()),
            Self::Beside { temporary, target } => fs::rename(temporary, target),
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Self::Beside { temporary, .. } = self {
            // After `put` there is nothing of this name any more.
            let _ = fs::remove_file(temporary);
        }
    }
}

/// Writes beside the target, so that a failure leaves what was there. What exists and is no regular file (a device, a pipe)
/// is opened and written to, and is afterwards what it was.
fn stage(path: &Path, all: impl Fn(&mut dyn Write) -> io::Result<()>) -> io::Result<Staged> {
    if let Some(stream) = stream(path) {
        match stream {
            Stream::Out => all(&mut io::stdout().lock())?,
            Stream::Err => all(&mut io::stderr().lock())?,
            Stream::Other => all(&mut OpenOptions::new().append(true).open(path)?)?,
        }
        return Ok(Staged::Written);
    }
    let old = match fs::metadata(path) {
        Ok(old) if old.is_dir() => return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")),
        Ok(old) if !old.is_file() => {
            let mut to = OpenOptions::new().write(true).open(path)?;
            all(&mut to)?;
            to.flush()?;
            return Ok(Staged::Written);
        }
        Ok(old) => Some(old),
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => return Err(e),
    };
    let target = follow(path)?;
    target.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let (mut file, temporary) = beside(&target)?;
    let staged = Staged::Beside { temporary, target };
    if let Some(old) = old {
        file.set_permissions(old.permissions())?;
    }
    all(&mut file)?;
    // Some file systems tell that they are full only now.
    file.sync_all()?;
    Ok(staged)
}

enum Stream {
    Out,
    Err,
    Other,
}

/// The stream of this process that a path names, by itself or through links: `/dev/stdout`, `/dev/fd/3`.
fn stream(path: &Path) -> Option<Stream> {
    let named = |path: &Path| {
        let (folder, name) = (path.parent()?, path.file_name()?.to_str()?);
        let number = match (folder.to_str()?, name) {
            ("/dev", "stdout") => "1",
            ("/dev", "stderr") => "2",
            ("/dev/fd" | "/proc/self/fd", number) => number,
            _ => return None,
        };
        Some(match number {
            "1" => Stream::Out,
            "2" => Stream::Err,
            _ => Stream::Other,
        })
    };
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        if let Some(stream) = named(&path) {
            return Some(stream);
        }
        path = linked(&path)?;
    }
    None
}

/// What a link leads to; nothing when it is none.
fn linked(path: &Path) -> Option<PathBuf> {
    let to = fs::read_link(path).ok()?;
    // A relative link starts where the link stands.
    Some(path.parent().map_or_else(|| to.clone(), |folder| folder.join(&to)))
}

/// Where a path leads to, links followed, also one that leads to nothing yet.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match linked(&path) {
            Some(to) => path = to,
            None => return Ok(path),
        }
    }
    Err(io::Error::other("too many links"))
}

/// A new file beside another, under a name that nobody can foretell.
fn beside(target: &Path) -> io::Result<(File, PathBuf)> {
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for _ in 0..8 {
        // The standard library's maps draw their keys from the system's random numbers.
        let number = RandomState::new().build_hasher().finish();
        let path = target.with_file_name(format!(".edgemem-{number:016x}.part"));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => last = e,
            Err(e) => return Err(e),
        }
    }
    Err(last)
}

/// Prints help, with colours where stdout shows them.
pub(crate) fn help(text: &str) -> Result<(), Failure> {
    to_stream(anstream::stdout().lock(), |to| {
        to.write_all(text.as_bytes())?;
        to.flush()
    })
}

/// Says something on stderr. Whoever closed it, or filled the disk behind it, changes nothing about the answer.
pub(crate) fn say(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Says what the program has to say beside its answer.
pub(crate) fn note(text: &str) {
    say(&format!("edgemem: {}", visible::shown(text)));
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
    show(&text, sink.format == Form::Json, sink.output.as_deref())
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
