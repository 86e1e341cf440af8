//! A price list as rows of fields, whatever file it came from, each with the place to name when it is wrong.

use crate::diag::{Diagnostic, Position};

/// A field as it stands in the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Field {
    /// Text, or a date in one form, `2026-11-01`. Empty when nothing stands there.
    Text(String),
    /// A number, and what it is shown in when that is not known to be plain numbers or dollars.
    Number(f64, Option<String>),
    /// Something that is neither, and what it is.
    Unusable(String),
}

impl Field {
    /// What it says in words; nothing when it is empty.
    pub(super) fn words(&self) -> Option<String> {
        match self {
            Self::Text(text) if text.is_empty() => None,
            Self::Text(text) | Self::Unusable(text) => Some(text.clone()),
            Self::Number(number, _) => Some(number.to_string()),
        }
    }
}

/// A row by its number in the file, counted from 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    pub(super) row: u32,
    pub(super) fields: Vec<Field>,
}

/// The kind of file: it decides how a place is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// A text, of which lines can be shown, and what parts its fields.
    Text(String, char),
    /// A sheet of a workbook, with the column in which each field stands, counted from 0.
    Sheet(String, Vec<u32>),
}

/// A price list as it stands in a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    pub(super) file: String,
    pub(super) origin: Origin,
    pub(super) header: Record,
    pub(super) records: Vec<Record>,
}

impl Table {
    /// An error about a field, or about a whole row.
    pub(super) fn error(&self, row: u32, field: Option<usize>, message: &str) -> Diagnostic {
        match &self.origin {
            Origin::Text(text, delimiter) => {
                let line = text.lines().nth(row.saturating_sub(1) as usize).unwrap_or_default();
                let column = field.map_or(1, |field| column(line, *delimiter, field));
                Diagnostic::error(message).in_file(&self.file).at(Position { line: row, column }).with_source(text)
            }
            Origin::Sheet(..) => {
                Diagnostic::error(format!("{}: {message}", self.place(row, field))).in_file(&self.file)
            }
        }
    }

    /// A place in words: `line 7`, or ``sheet `Prices`, cell B7``.
    pub(super) fn place(&self, row: u32, field: Option<usize>) -> String {
        match (&self.origin, field) {
            (Origin::Text(..), _) => format!("line {row}"),
            (Origin::Sheet(name, columns), Some(field)) => match columns.get(field) {
                Some(column) => format!("sheet `{name}`, cell {}{row}", letters(*column)),
                None => format!("sheet `{name}`, row {row}"),
            },
            (Origin::Sheet(name, _), None) => format!("sheet `{name}`, row {row}"),
        }
    }

    /// Everything that the list says, in one form: the same list gives the same text from any kind of file.
    pub(super) fn content(&self) -> String {
        let mut text = String::new();
        for record in std::iter::once(&self.header).chain(&self.records) {
            for field in &record.fields {
                match field {
                    Field::Text(field) => text.push_str(field),
                    Field::Number(number, _) => text.push_str(&number.to_string()),
                    Field::Unusable(_) => {}
                }
                text.push('\u{1f}');
            }
            text.push('\n');
        }
        text
    }
}

/// The character of a line, counted from 1, at which a field begins; 1 when the field stands on another line.
fn column(line: &str, delimiter: char, field: usize) -> u32 {
    let (mut quoted, mut before, mut start) = (false, 0, 0);
    for (i, c) in line.chars().enumerate() {
        if c == '"' {
            quoted = !quoted;
        } else if c == delimiter && !quoted && before < field {
            before += 1;
            start = i + 1;
        }
    }
    if before == field { start as u32 + 1 } else { 1 }
}

/// A column as spreadsheets call it: `A`, `B`, ..., `Z`, `AA`.
fn letters(mut column: u32) -> String {
    let mut name = Vec::new();
    loop {
        name.push(b'A' + (column % 26) as u8);
        if column < 26 {
            break;
        }
        column = column / 26 - 1;
    }
    name.iter().rev().map(|&b| char::from(b)).collect()
}

#[cfg(test)]
mod tests {
    use super::{column, letters};

    #[test]
    fn a_field_is_found_in_its_line() {
        let line = "\"a, b\",2,x";
        assert_eq!([0, 1, 2, 3].map(|field| column(line, ',', field)), [1, 8, 10, 1]);
    }

    #[test]
    fn columns_are_called_as_in_a_spreadsheet() {
        assert_eq!([0, 1, 25, 26, 51, 52, 701, 702].map(letters), ["A", "B", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
    }
}
