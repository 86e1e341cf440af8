//! Price lists as text: CSV with commas, semicolons or tabs, as spreadsheets write it.

use super::columns;
use super::table::{Field, Origin, Record, Table};
use crate::diag::{Diagnostic, Position};

/// Rows in which the header is looked for: titles stand above it.
const TITLES: usize = 50;

/// Reads the rows of a text.
///
/// # Errors
/// When it is no text or no table.
pub(super) fn read(file: &str, bytes: &[u8]) -> Result<Table, Diagnostic> {
    let text = decoded(bytes).ok_or_else(|| {
        Diagnostic::error("a price list must be text (.csv) or an .xlsx workbook")
            .in_file(file)
            .hint("save it as `CSV UTF-8` or as .xlsx")
    })?;
    let mut tables = [b';', b'\t', b','].into_iter().map(|delimiter| split(file, &text, delimiter));
    // What parts the fields is told by the header: only the right one gives it both columns.
    let commas = match tables.find(|table| !table.as_ref().is_ok_and(|t| t.1.is_none())) {
        Some(table) => table?,
        None => split(file, &text, b',')?,
    };
    let (mut table, header) = commas;
    let mut records = std::mem::take(&mut table.records).into_iter().skip(header.unwrap_or(0));
    table.header = records.next().unwrap_or(Record { row: 1, fields: Vec::new() });
    table.records = records.collect();
    Ok(table)
}

/// All rows as records, and which of them is the header.
fn split(file: &str, text: &str, delimiter: u8) -> Result<(Table, Option<usize>), Diagnostic> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut records = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| {
            let error = Diagnostic::error(format!("not a price list: {e}")).in_file(file);
            match e.position() {
                Some(p) => error.at(Position { line: p.line() as u32, column: 1 }).with_source(text),
                None => error,
            }
        })?;
        records.push(Record {
            row: record.position().map_or(0, |p| p.line() as u32),
            fields: record.iter().map(|f| Field::Text(f.to_owned())).collect(),
        });
    }
    let header = records.iter().take(TITLES).position(|r| columns::is_header(&r.fields));
    let header_record = Record { row: 1, fields: Vec::new() };
    let origin = Origin::Text(text.to_owned(), char::from(delimiter));
    Ok((Table { file: file.to_owned(), origin, header: header_record, records }, header))
}

/// The text of UTF-8, of UTF-16 with its mark, or else of Latin-1 as Windows writes it.
fn decoded(bytes: &[u8]) -> Option<String> {
    let pairs = |bytes: &[u8], number: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| number([pair[0], pair[1]])).collect();
        String::from_utf16(&units).ok().filter(|_| bytes.len().is_multiple_of(2))
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => return pairs(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => return pairs(rest, u16::from_be_bytes),
        _ => {}
    }
    if bytes.contains(&0) {
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned()),
        Err(_) => {
            let windows = |byte: &u8| match byte {
                0x80 => '\u{20ac}',
                0x92 => '\u{2019}',
                byte => char::from(*byte),
            };
            Some(bytes.iter().map(windows).collect())
        }
    }
}
