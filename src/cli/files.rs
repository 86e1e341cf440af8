//! Reading what the user names: scenarios, catalogs, models.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::Facts;
use super::output;
use crate::catalog::{Catalog, check, prices};
use crate::diag::{Diagnostic, Position};
use crate::domain::Model;
use crate::scenario::{self, Document, Scenario};

/// Scenarios, catalogs and price lists are smaller than this.
const MAX_FILE: u64 = 16 << 20;
/// So are saved plans and logs than this.
const MAX_LONG: u64 = 64 << 20;

/// What a file holds, but never more than one byte above `most`: a device or a pipe may have no end.
fn bytes(path: &Path, most: u64) -> Result<Vec<u8>, Diagnostic> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
        .map_err(|e| Diagnostic::error(format!("cannot read {}: {e}", path.display())))?;
    if bytes.len() as u64 > most {
        return Err(Diagnostic::error(format!("{} is larger than {} MiB", path.display(), most >> 20)));
    }
    Ok(bytes)
}

/// A text file, without the mark that some editors put before a text.
pub(crate) fn text(path: &Path) -> Result<String, Diagnostic> {
    utf8(path, MAX_FILE)
}

/// The same of a file that programs write.
pub(crate) fn long_text(path: &Path) -> Result<String, Diagnostic> {
    utf8(path, MAX_LONG)
}

fn utf8(path: &Path, most: u64) -> Result<String, Diagnostic> {
    let bytes = bytes(path, most)?;
    let text = String::from_utf8(bytes).map_err(|e| {
        let good = String::from_utf8_lossy(&e.as_bytes()[..e.utf8_error().valid_up_to()]);
        let line = good.matches('\n').count() as u32 + 1;
        let column = good.rsplit('\n').next().unwrap_or_default().chars().count() as u32 + 1;
        Diagnostic::error("the file is not UTF-8 text")
            .in_file(&path.display().to_string())
            .at(Position { line, column })
            .with_source(&String::from_utf8_lossy(e.as_bytes()))
            .hint("save it as UTF-8")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Reads a log; invalid UTF-8 (from interrupted runs) is replaced.
pub(crate) fn lossy_text(path: &Path) -> Result<String, Diagnostic> {
    Ok(String::from_utf8_lossy(&bytes(path, MAX_LONG)?).into_owned())
}

/// A table that must have an end, as must each of its lines: a device or a pipe may have none.
pub(crate) struct Bounded<R> {
    table: R,
    left: u64,
    line: u64,
}

impl<R> Bounded<R> {
    /// Bytes of the longest table.
    const TABLE: u64 = 1 << 30;
    /// Bytes of the longest line.
    const LINE: u64 = 1 << 20;

    pub(crate) fn new(table: R) -> Self {
        Self { table, left: Self::TABLE, line: 0 }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.table.read(buffer)?;
        let too_large = |what: String| Err(io::Error::new(io::ErrorKind::InvalidData, what));
        self.left = match self.left.checked_sub(read as u64) {
            Some(left) => left,
            None => return too_large(format!("it is larger than {} MiB", Self::TABLE >> 20)),
        };
        let new = &buffer[..read];
        self.line = match new.iter().rposition(|b| *b == b'\n') {
            Some(end) => (read - end - 1) as u64,
            None => self.line + read as u64,
        };
        if self.line > Self::LINE {
            return too_large(format!("a line is longer than {} MiB", Self::LINE >> 20));
        }
        Ok(read)
    }
}

/// The shipped catalogs with the user's files laid over them.
///
/// # Errors
/// What is wrong with them, impossible entries of the user's files included.
pub(crate) fn catalog(facts: &Facts) -> Result<Catalog, Diagnostic> {
    let catalog = unchecked_catalog(facts)?;
    if !facts.catalog.is_empty() {
        check::overlays(&catalog)?;
    }
    Ok(catalog)
}

/// The same with whatever the files say.
pub(crate) fn unchecked_catalog(facts: &Facts) -> Result<Catalog, Diagnostic> {
    let mut overlays = Vec::new();
    for path in &facts.catalog {
        for file in yaml_files(path)? {
            overlays.push((file.display().to_string(), text(&file)?));
        }
    }
    let mut catalog = Catalog::with_overlays(&overlays)?;
    if let Some(path) = &facts.prices {
        let unused = prices::apply(&mut catalog, &path.display().to_string(), bytes(path, MAX_FILE)?)?;
        for what in unused {
            output::note(&format!("{}: {what}", path.display()));
        }
    }
    Ok(catalog)
}

fn yaml_files(path: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let unreadable = |e| Diagnostic::error(format!("cannot read the catalog folder {}: {e}", path.display()));
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(Diagnostic::error(format!("no .yaml file in the catalog folder {}", path.display())));
    }
    files.sort();
    Ok(files)
}

/// Finds models by id, alias or path, each once.
pub(crate) struct Models<'a> {
    catalog: &'a Catalog,
    /// Paths are relative to this folder.
    base: PathBuf,
    found: RefCell<BTreeMap<String, Arc<Model>>>,
}

impl<'a> Models<'a> {
    /// Paths are taken relative to the document's folder.
    pub(crate) fn beside(catalog: &'a Catalog, document: &Document) -> Self {
        Self::new(catalog, Path::new(&document.file).parent().unwrap_or(Path::new("")))
    }

    /// Paths are taken relative to `base`.
    pub(crate) fn new(catalog: &'a Catalog, base: &Path) -> Self {
        Self { catalog, base: base.to_owned(), found: RefCell::default() }
    }

    /// The model of this name: a path when it looks like one, else a catalog id or alias.
    pub(crate) fn find(&self, name: &str) -> Result<Arc<Model>, Diagnostic> {
        if let Some(model) = self.found.borrow().get(name) {
            return Ok(Arc::clone(model));
        }
        let model = Arc::new(if is_path(name) {
            crate::readers::read_model(&self.base.join(name))?
        } else {
            self.catalog.model(name)?
        });
        self.found.borrow_mut().insert(name.to_owned(), Arc::clone(&model));
        Ok(model)
    }
}

/// Catalog ids hold one slash at most and no file ending.
fn is_path(name: &str) -> bool {
    let file = Path::new(name);
    name.starts_with('.')
        || file.is_absolute()
        || file.extension().is_some_and(|e| ["gguf", "json", "safetensors"].iter().any(|k| e.eq_ignore_ascii_case(k)))
}

/// A scenario as written.
pub(crate) fn document(path: &Path) -> Result<Document, Diagnostic> {
    Document::parse(&path.display().to_string(), &text(path)?)
}

/// A scenario resolved against its catalogs.
pub(crate) struct Inputs {
    pub(crate) document: Document,
    pub(crate) catalog: Catalog,
    pub(crate) scenario: Scenario,
}

impl Inputs {
    /// Reads and resolves a scenario and the facts that go with it.
    pub(crate) fn read(path: &Path, facts: &Facts) -> Result<Self, Diagnostic> {
        let document = document(path)?;
        let catalog = catalog(facts)?;
        let scenario = resolve(&document, &catalog)?;
        Ok(Self { document, catalog, scenario })
    }
}

/// Resolves a document; model files are relative to the scenario's folder.
pub(crate) fn resolve(document: &Document, catalog: &Catalog) -> Result<Scenario, Diagnostic> {
    let models = Models::beside(catalog, document);
    scenario::resolve_or_tell_all(document, catalog, &|name| models.find(name))
}
