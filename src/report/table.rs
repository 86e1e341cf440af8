//! Records with named columns, as CSV, JSON, Markdown or a human-readable table.

use std::borrow::Cow;
use std::fmt::Write as _;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Width, presets};
use serde_json::{Map, Value};

use crate::figures;
use crate::units::{Bytes, Milliwatts, Money, Share};

/// On which side a column lines up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The key in JSON and CSV and the title elsewhere.
    pub name: &'static str,
    /// Alignment in human-readable forms.
    pub align: Align,
}

/// One value of a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Unknown or without meaning here.
    Empty,
    /// Words.
    Text(String),
    /// Words that stand for themselves, joined by `;`: a table for people puts spaces between them.
    List(String),
    /// A number, with the decimals that it is to be printed with.
    Number(String),
    /// A number that people read in another form: exactly, and as they read it.
    Figure(String, String),
    /// Yes or no.
    Bool(bool),
}

impl Cell {
    /// A whole number.
    #[must_use]
    pub fn whole(n: u64) -> Self {
        Self::Number(n.to_string())
    }

    /// A number with so many decimals.
    #[must_use]
    pub fn fixed(n: f64, decimals: usize) -> Self {
        if n.is_finite() { Self::Number(format!("{n:.decimals$}")) } else { Self::Empty }
    }

    /// An amount of money: `1107.11` for programs, `1,107.11` for people.
    #[must_use]
    pub fn money(money: Money) -> Self {
        Self::Figure(money.to_string(), figures::amount(money))
    }

    /// Dollars given as a number.
    #[must_use]
    pub fn dollars(dollars: f64) -> Self {
        if dollars.is_finite() { Self::Figure(format!("{dollars:.2}"), figures::dollars(dollars)) } else { Self::Empty }
    }

    /// A share of one whole: `0.617685`, `62 %`.
    #[must_use]
    pub fn share(share: Share) -> Self {
        Self::Figure(format!("{:.6}", share.as_f64()), figures::percent(share))
    }

    /// A rate with so many decimals for programs, three digits for people.
    #[must_use]
    pub fn rate(rate: f64, decimals: usize) -> Self {
        if rate.is_finite() { Self::Figure(format!("{rate:.decimals$}"), figures::rate(rate)) } else { Self::Empty }
    }

    /// A time in seconds with six decimals for programs: `0.004200`, `4.2 ms`.
    #[must_use]
    pub fn seconds(seconds: f64) -> Self {
        if seconds.is_finite() { Self::Figure(format!("{seconds:.6}"), figures::time(seconds)) } else { Self::Empty }
    }

    /// Memory in bytes: `3350757494`, `3.12 GiB`.
    #[must_use]
    pub fn bytes(bytes: Bytes) -> Self {
        Self::Figure(bytes.0.to_string(), bytes.to_string())
    }

    /// Power in watts: `62.500`, `62.5`.
    #[must_use]
    pub fn watts(power: Milliwatts) -> Self {
        Self::Figure(power.to_string(), figures::watts(power.watts()))
    }

    /// Words.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A list of words.
    #[must_use]
    pub fn list<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> Self {
        let words: Vec<T> = words.into_iter().collect();
        Self::List(words.iter().map(T::as_ref).collect::<Vec<_>>().join(";"))
    }

    /// The value, or an empty cell.
    #[must_use]
    pub fn or_empty<T>(value: Option<T>, cell: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Empty, cell)
    }

    /// The cell as text.
    #[must_use]
    pub fn plain(&self) -> &str {
        match self {
            Self::Empty => "",
            Self::Text(text) | Self::List(text) | Self::Number(text) | Self::Figure(text, _) => text,
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
        }
    }

    /// The cell as people read it.
    #[must_use]
    pub fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Figure(_, shown) => Cow::Borrowed(shown),
            Self::List(words) => Cow::Owned(words.replace(';', ", ")),
            other => Cow::Borrowed(other.plain()),
        }
    }

    /// The cell in a file that spreadsheets open.
    fn guarded(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) | Self::List(text) => no_formula(text),
            other => Cow::Borrowed(other.plain()),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Empty => Value::Null,
            Self::Text(text) | Self::List(text) => Value::String(text.clone()),
            Self::Number(number) | Self::Figure(number, _) => {
                serde_json::from_str(number).unwrap_or_else(|_| Value::String(number.clone()))
            }
            Self::Bool(b) => Value::Bool(*b),
        }
    }
}

/// A text as a field of a CSV file that a spreadsheet takes for text: what it would work out as a formula gets an apostrophe
/// before it.
#[must_use]
pub fn no_formula(text: &str) -> Cow<'_, str> {
    // The last four are the full-width forms of the first.
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}') => {
            Cow::Owned(format!("'{text}"))
        }
        _ => Cow::Borrowed(text),
    }
}

/// A text as part of a line of a Markdown document: it makes no markup, no link, no code, no cell and no line of its own.
#[must_use]
pub fn in_markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let next = characters.peek().copied();
        match c {
            '|' | '\\' | '`' | '*' => escaped.extend(['\\', c]),
            '<' => escaped.push_str("&lt;"),
            '&' if next.is_some_and(|n| n == '#' || n.is_ascii_alphabetic()) => escaped.push_str("&amp;"),
            // A bracket alone is a bracket; with an address or another bracket after it it ends the text of a link.
            ']' if matches!(next, Some('(' | '[' | ':')) => escaped.push_str("\\]"),
            '!' if next == Some('[') => escaped.push_str("\\!"),
            '\n' | '\r' => escaped.push(' '),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// A text as a block of code in a Markdown document, whatever fences stand in it.
#[must_use]
pub fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let text = text.trim_matches('\n');
    format!("{fence}\n{text}\n{fence}\n")
}

/// Records with named columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// What every record has.
    pub columns: Vec<Column>,
    /// The records: as many cells each as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table; a column whose name begins with `>` lines up on the right.
    #[must_use]
    pub fn new(columns: &[&'static str]) -> Self {
        let columns = columns
            .iter()
            .map(|name| match name.strip_prefix('>') {
                Some(name) => Column { name, align: Align::Right },
                None => Column { name, align: Align::Left },
            })
            .collect();
        Self { columns, rows: Vec::new() }
    }

    /// The columns of these names alone, in their order in the table: what people need of many.
    #[must_use]
    pub fn only(mut self, names: &[&str]) -> Self {
        let keep: Vec<bool> = self.columns.iter().map(|c| names.contains(&c.name)).collect();
        let filter =
            |row: Vec<Cell>| row.into_iter().zip(&keep).filter_map(|(cell, keep)| keep.then_some(cell)).collect();
        self.rows = self.rows.into_iter().map(filter).collect();
        self.columns.retain(|c| names.contains(&c.name));
        self
    }

    /// RFC 4180 with LF; booleans are true and false, unknown is empty.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
        // Writing to memory fails only for records of unequal length, which `rows` rules out.
        let _ = writer.write_record(self.columns.iter().map(|c| c.name));
        for row in &self.rows {
            let _ = writer.write_record(row.iter().map(|cell| cell.guarded().into_owned()));
        }
        writer.into_inner().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// A list of objects.
    #[must_use]
    pub fn json(&self) -> Value {
        let object = |row: &Vec<Cell>| {
            let entries = self.columns.iter().zip(row).map(|(c, cell)| (c.name.to_owned(), cell.json()));
            Value::Object(entries.collect::<Map<_, _>>())
        };
        Value::Array(self.rows.iter().map(object).collect())
    }

    /// A Markdown table.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let names = self.columns.iter().map(|c| c.name).collect::<Vec<_>>().join(" | ");
        let rules = self.columns.iter().map(|c| if c.align == Align::Right { "---:" } else { "---" });
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {names} |\n|{}|", rules.collect::<Vec<_>>().join("|"));
        for row in &self.rows {
            let cells = row.iter().map(|c| in_markdown(&c.shown())).collect::<Vec<_>>().join(" | ");
            let _ = writeln!(text, "| {cells} |");
        }
        text
    }

    /// A human-readable table, at most `width` characters wide where that breaks no word; without a width every row is one
    /// line.
    #[must_use]
    pub fn text(&self, width: Option<u16>) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING);
        match width {
            Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
            None => table.set_content_arrangement(ContentArrangement::Disabled),
        };
        table.set_header(self.columns.iter().map(|c| c.name));
        let rows: Vec<Vec<Cow<'_, str>>> = self.rows.iter().map(|row| row.iter().map(Cell::shown).collect()).collect();
        for row in &rows {
            table.add_row(row.iter().map(AsRef::as_ref));
        }
        for (i, column) in self.columns.iter().enumerate() {
            let Some(c) = table.column_mut(i) else { continue };
            if column.align == Align::Right {
                c.set_cell_alignment(CellAlignment::Right);
            }
            // Lines break between words, and titles not at all: an id that is broken cannot be copied, nor found.
            let cells = rows.iter().filter_map(|row| row.get(i)).map(AsRef::as_ref);
            let words = cells.flat_map(str::split_whitespace).chain([column.name]);
            let longest = words.map(|w| w.chars().count()).max();
            if let (Some(_), Some(Ok(longest))) = (width, longest.map(u16::try_from)) {
                let least = longest.saturating_add(c.padding_width());
                c.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
            }
        }
        let mut text = table.lines().map(|l| l.trim_end().to_owned()).collect::<Vec<_>>().join("\n");
        text.push('\n');
        text
    }
}
