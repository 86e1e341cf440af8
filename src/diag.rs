//! Errors that a person can act on: what, where (file, line, caret), what was expected, the nearest valid name.

use std::borrow::Cow;
use std::fmt;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::visible::{cut, shown, shown_in_place};

/// Characters of the longest message, and of the longest line of a file, that is shown.
const LONGEST: usize = 1000;

/// A place in a text file, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Character in the line.
    pub column: u32,
}

/// One thing that is wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    message: Box<str>,
    file: Option<String>,
    at: Option<Position>,
    source: Option<Box<str>>,
    hints: Vec<String>,
    in_itself: bool,
    /// What else is wrong with the same input.
    others: Vec<Diagnostic>,
}

impl Diagnostic {
    /// An error with this message: one sentence without a period.
    #[must_use]
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            message: message.into().into_boxed_str(),
            file: None,
            at: None,
            source: None,
            hints: Vec::new(),
            in_itself: false,
            others: Vec::new(),
        }
    }

    /// What is wrong with a JSON text, at its place.
    #[must_use]
    pub fn json(what: &str, error: &serde_json::Error, text: &str, file: &str) -> Self {
        let mut message = error.to_string();
        // The place in words: the caret says it better.
        if let Some(cut) = message.rfind(" at line ") {
            message.truncate(cut);
        }
        let at = Position {
            line: u32::try_from(error.line()).unwrap_or(u32::MAX).max(1),
            column: u32::try_from(error.column()).unwrap_or(u32::MAX).max(1),
        };
        Self::error(format!("{what}: {message}")).in_file(file).at(at).with_source(text)
    }

    /// The file that it is about.
    #[must_use]
    pub fn in_file(mut self, file: &str) -> Self {
        self.file = Some(file.to_owned());
        self
    }

    /// The place in the file.
    #[must_use]
    pub fn at(mut self, position: Position) -> Self {
        self.at = Some(position);
        self
    }

    /// The file's text, from which the line is shown.
    #[must_use]
    pub fn with_source(mut self, text: &str) -> Self {
        self.source = Some(text.into());
        self
    }

    /// What would help.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The nearest valid names as a hint, when any is near enough.
    #[must_use]
    pub fn did_you_mean<'a>(self, wanted: &str, valid: impl IntoIterator<Item = &'a str>) -> Self {
        self.suggest(&crate::names::suggestions(wanted, valid))
    }

    /// Names that may have been meant, as a hint; nothing when there are none.
    #[must_use]
    pub fn suggest(self, names: &[&str]) -> Self {
        match names {
            [] => self,
            [one] => self.hint(format!("did you mean `{one}`?")),
            several => {
                let quoted: Vec<String> = several.iter().map(|name| format!("`{name}`")).collect();
                self.hint(format!("did you mean one of {}?", quoted.join(", ")))
            }
        }
    }

    /// As an error that holds whatever else the file says: it is told even where something nearby was wrong already.
    #[must_use]
    pub fn in_itself(mut self) -> Self {
        self.in_itself = true;
        self
    }

    /// Whether it holds whatever else the file says.
    #[must_use]
    pub const fn is_in_itself(&self) -> bool {
        self.in_itself
    }

    /// The file that it is about, if it is about one.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// Several errors as one, in the order of their places.
    #[must_use]
    pub fn together(mut errors: Vec<Self>) -> Option<Self> {
        errors.sort_by_key(|e| e.at);
        let mut errors = errors.into_iter();
        let mut first = errors.next()?;
        first.others.extend(errors);
        Some(first)
    }

    /// The message alone.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The place in the file, if it has one.
    #[must_use]
    pub const fn position(&self) -> Option<Position> {
        self.at
    }

    /// Everything on one line, for a cell of a table: place, message, hints.
    #[must_use]
    pub fn one_line(&self) -> String {
        let mut text = match (&self.file, self.at) {
            (Some(file), Some(at)) => format!("{file}:{}:{}: {}", at.line, at.column, self.message),
            (Some(file), None) => format!("{file}: {}", self.message),
            (None, _) => self.message.to_string(),
        };
        if let Cow::Owned(cut) = cut(&text, LONGEST) {
            text = cut;
        }
        for hint in &self.hints {
            text.push_str("; ");
            text.push_str(hint);
        }
        text
    }

    /// The line of a text that it is about.
    fn line_of<'s>(&self, source: &'s str) -> &'s str {
        let line = self.at.map_or(1, |at| at.line).saturating_sub(1);
        source.lines().nth(line as usize).unwrap_or_default()
    }

    /// The text for a terminal, with colour if asked: all errors, one below the other.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let all = std::iter::once(self).chain(&self.others);
        all.map(|error| error.render_one(colour)).collect::<Vec<_>>().join("\n\n")
    }

    fn render_one(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        // Whatever comes from outside is cleaned before the renderer adds its colours.
        let clean = |text: &str| shown(&cut(text, LONGEST)).into_owned();
        let (message, hints): (_, Vec<_>) = (clean(&self.message), self.hints.iter().map(|h| clean(h)).collect());
        let hints: Vec<_> = hints.iter().map(|h| Level::HELP.message(h.as_str())).collect();
        let title = Level::ERROR.primary_title(message.as_str());
        let file = self.file.as_deref().map(shown);
        let source = self.source.as_deref().filter(|source| self.line_of(source).len() <= LONGEST).map(shown_in_place);
        let group = match (&file, self.at, &source) {
            (Some(file), Some(at), Some(source)) => {
                let span = byte_span(source, at);
                title.element(
                    Snippet::source(source.as_ref()).path(file.as_ref()).annotation(AnnotationKind::Primary.span(span)),
                )
            }
            (Some(file), at, _) => {
                let place = at.map_or_else(|| file.to_string(), |p| format!("{file}:{}:{}", p.line, p.column));
                let report = [title.element(Level::NOTE.message(format!("in {place}"))).elements(hints)];
                return renderer.render(&report);
            }
            _ => title.elements(std::iter::empty::<annotate_snippets::Message<'_>>()),
        };
        renderer.render(&[group.elements(hints)])
    }
}

/// The bytes from a position to the end of the word that begins there.
fn byte_span(source: &str, at: Position) -> std::ops::Range<usize> {
    let line_start = source
        .split_inclusive('\n')
        .take(at.line.saturating_sub(1) as usize)
        .map(str::len)
        .sum::<usize>()
        .min(source.len());
    let line = source[line_start..].lines().next().unwrap_or("");
    let start = line.char_indices().nth(at.column.saturating_sub(1) as usize).map_or(line.len(), |(i, _)| i);
    let word = line[start..].find([',', ']', '}', '#', ':']).unwrap_or(line.len() - start);
    let word = line[start..start + word].trim_end().len();
    line_start + start..line_start + start + word.max(1).min(line.len().saturating_sub(start).max(1))
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostic {}
