//! Price lists as text: CSV with commas, semicolons or tabs, as spreadsheets write it.

use super::table::{Field, Origin, Record, Table};
use crate::diag::{Diagnostic, Position};

/// Reads the rows of a text.
///
/// # Errors
/// When it is no UTF-8 or no table.
pub(super) fn read(file: &str, bytes: &[u8]) -> Result<Table, Diagnostic> {
    let text = std::str::from_utf8(bytes).map_err(|_| {
        Diagnostic::error("a price list must be UTF-8 text (.csv) or an .xlsx workbook")
            .in_file(file)
            .hint("save it as `CSV UTF-8` or as .xlsx")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // No column's name holds any of the three, so that the header alone tells which one parts the fields.
    let header = text.lines().next().unwrap_or_default();
    let delimiter = [b',', b';', b'\t'].into_iter().find(|d| header.as_bytes().contains(d)).unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .delimiter(delimiter)
        .has_headers(false)
        .from_reader(text.as_bytes());
    let mut records = Vec::new();
    let mut width = None;
    for record in reader.records() {
        let record = record.map_err(|e| {
            let error = Diagnostic::error(format!("not a price list: {e}")).in_file(file);
            match e.position() {
                Some(p) => error.at(Position { line: p.line() as u32, column: 1 }).with_source(text),
                None => error,
            }
        })?;
        width.get_or_insert(record.len());
        records.push(Record {
            row: record.position().map_or(0, |p| p.line() as u32),
            fields: record.iter().map(|f| Field::Text(f.to_owned())).collect(),
        });
    }
    let mut records = records.into_iter();
    let header = records.next().unwrap_or(Record { row: 1, fields: Vec::new() });
    Ok(Table {
        file: file.to_owned(),
        origin: Origin::Text(text.to_owned(), char::from(delimiter)),
        header,
        records: records.collect(),
    })
}
