//! Records with named columns, as CSV, JSON, Markdown or a table for eyes.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, ContentArrangement, presets};
use serde_json::{Map, Value};

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
    /// Alignment for eyes.
    pub align: Align,
}

/// One value of a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Unknown or without meaning here.
    Empty,
    /// Words.
    Text(String),
    /// A number, with the decimals that it is to be printed with.
    Number(String),
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

    /// Words.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
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
            Self::Text(text) | Self::Number(text) => text,
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Empty => Value::Null,
            Self::Text(text) => Value::String(text.clone()),
            Self::Number(number) => serde_json::from_str(number).unwrap_or_else(|_| Value::String(number.clone())),
            Self::Bool(b) => Value::Bool(*b),
        }
    }
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

    /// The columns of these names alone, in their order in the table: what eyes need of many.
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
            let _ = writer.write_record(row.iter().map(Cell::plain));
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
        let escape = |cell: &str| cell.replace('|', "\\|").replace('\n', " ");
        let names = self.columns.iter().map(|c| c.name).collect::<Vec<_>>().join(" | ");
        let rules = self.columns.iter().map(|c| if c.align == Align::Right { "---:" } else { "---" });
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {names} |\n|{}|", rules.collect::<Vec<_>>().join("|"));
        for row in &self.rows {
            let cells = row.iter().map(|c| escape(c.plain())).collect::<Vec<_>>().join(" | ");
            let _ = writeln!(text, "| {cells} |");
        }
        text
    }

    /// A table for eyes, at most `width` characters wide.
    #[must_use]
    pub fn text(&self, width: u16) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        table.set_header(self.columns.iter().map(|c| c.name));
        for row in &self.rows {
            table.add_row(row.iter().map(Cell::plain));
        }
        for (i, column) in self.columns.iter().enumerate() {
            if let (Align::Right, Some(c)) = (column.align, table.column_mut(i)) {
                c.set_cell_alignment(CellAlignment::Right);
            }
        }
        let mut text = table.lines().map(|l| l.trim_end().to_owned()).collect::<Vec<_>>().join("\n");
        text.push('\n');
        text
    }
}
