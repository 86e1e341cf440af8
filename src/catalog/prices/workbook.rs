//! Price lists as workbooks (`.xlsx`).
//!
//! The list is the sheet called `prices`; without one it is the only visible sheet that has a row with the columns
//! `device` and `price_usd`. Rows above that row are titles. Of formulas the value counts that was saved with them.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read as _};

use calamine::{DataRef, Reader as _, SheetType, SheetVisible, Xlsx};

use super::table::{Field, Origin, Record, Table};
use super::{DEVICE, PRICE, columns, number_format};
use crate::diag::Diagnostic;

/// Larger files are no price lists.
const MAX_BYTES: usize = 16 << 20;
/// What they hold, unpacked: a few packed bytes can become gigabytes.
const MAX_UNPACKED: u64 = 128 << 20;
/// More cells than this are no price list either.
const MAX_CELLS: usize = 2_000_000;
/// Columns beyond these are notes.
const MAX_COLUMNS: usize = 64;
/// Rows in which the header is looked for.
const TITLES: usize = 50;

type Workbook<'a> = Xlsx<Cursor<&'a [u8]>>;

/// The cells of a sheet by row and column, both counted from 0.
type Cells = BTreeMap<u32, BTreeMap<u32, Field>>;

/// How large the parts of an archive are unpacked, together, by its own list of parts; nothing when it has none.
fn unpacked(bytes: &[u8]) -> Option<Result<u64, ()>> {
    let number = |at: usize, length: usize| {
        let field = bytes.get(at..at.checked_add(length)?)?;
        Some(field.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    };
    let end = bytes.windows(4).rposition(|window| window == b"PK\x05\x06")?;
    let list = || {
        let mut at = end.checked_sub(usize::try_from(number(end + 12, 4)?).ok()?)?;
        let mut sum = 0;
        while at < end {
            if bytes.get(at..at + 4)? != b"PK\x01\x02" {
                return None;
            }
            sum += number(at + 24, 4)?;
            let texts = number(at + 28, 2)? + number(at + 30, 2)? + number(at + 32, 2)?;
            at += 46 + texts as usize;
        }
        (at == end).then_some(sum)
    };
    Some(list().ok_or(()))
}

/// Unpacks every part once: what does not match its checksum is not what was saved.
fn sound(bytes: &[u8]) -> Result<(), String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
    let mut left = MAX_UNPACKED;
    for number in 0..archive.len() {
        let part = archive.by_index(number).map_err(|e| e.to_string())?;
        let name = String::from_utf8_lossy(part.name_raw()).into_owned();
        let unpacked = io::copy(&mut part.take(left + 1), &mut io::sink());
        let unpacked = unpacked.map_err(|e| format!("its part `{name}` is damaged: {e}"))?;
        left = left
            .checked_sub(unpacked)
            .ok_or_else(|| format!("it holds more than {} MiB unpacked", MAX_UNPACKED >> 20))?;
    }
    Ok(())
}

/// Reads the rows of a workbook.
///
/// # Errors
/// When it is no workbook, or no sheet or several may be meant.
pub(super) fn read(file: &str, bytes: &[u8]) -> Result<Table, Diagnostic> {
    let wrong = |message: String| Diagnostic::error(message).in_file(file);
    if bytes.len() > MAX_BYTES {
        return Err(wrong(format!("the workbook is larger than {} MiB", MAX_BYTES >> 20)));
    }
    match unpacked(bytes) {
        Some(Ok(size)) if size > MAX_UNPACKED => {
            return Err(wrong(format!("the workbook holds more than {} MiB unpacked", MAX_UNPACKED >> 20)));
        }
        Some(Err(())) => return Err(wrong("not an .xlsx workbook: its list of parts is damaged".to_owned())),
        Some(Ok(_)) | None => {}
    }
    if let Err(e) = sound(bytes) {
        return Err(wrong(format!("not an .xlsx workbook: {e}")));
    }
    let mut workbook: Workbook<'_> =
        Xlsx::new(Cursor::new(bytes)).map_err(|e| wrong(format!("not an .xlsx workbook: {e}")))?;
    let sheets: Vec<String> = workbook
        .sheets_metadata()
        .iter()
        .filter(|s| s.typ == SheetType::WorkSheet)
        .filter(|s| s.visible == SheetVisible::Visible || s.name.eq_ignore_ascii_case("prices"))
        .map(|s| s.name.clone())
        .collect();
    let called: Vec<&String> = sheets.iter().filter(|s| s.eq_ignore_ascii_case("prices")).collect();
    let asked: Vec<&String> = if called.is_empty() { sheets.iter().collect() } else { called };
    let mut lists = Vec::new();
    for name in asked {
        let cells = cells(&mut workbook, name).map_err(|e| wrong(format!("sheet `{name}` cannot be read: {e}")))?;
        if let Some(header) = header(&cells) {
            lists.push((name, header, cells));
        }
    }
    let columns = format!("a row with the columns `{DEVICE}` and `{PRICE}`");
    match lists.as_slice() {
        [] => Err(wrong(format!("no sheet of the workbook has {columns}"))),
        [(name, header, cells)] => Ok(table(file, name, *header, cells)),
        several => {
            let names: Vec<String> = several.iter().map(|(name, ..)| format!("`{name}`")).collect();
            Err(wrong(format!("several sheets have {columns}: {}", names.join(", ")))
                .hint("call the one that is meant `prices`"))
        }
    }
}

/// The first row in which both columns stand that every price list has.
fn header(cells: &Cells) -> Option<u32> {
    let is_header = |row: &BTreeMap<u32, Field>| columns::is_header(&row.values().cloned().collect::<Vec<_>>());
    cells.iter().take(TITLES).find(|(_, row)| is_header(row)).map(|(row, _)| *row)
}

/// The table below a header. Columns without a name are notes, and so are rows that have nothing in any other.
fn table(file: &str, sheet: &str, header: u32, cells: &Cells) -> Table {
    let named = |field: &Field| *field != Field::Text(String::new());
    let columns: Vec<u32> = cells
        .get(&header)
        .into_iter()
        .flat_map(|row| row.iter().filter(|(_, f)| named(f)).map(|(c, _)| *c).take(MAX_COLUMNS))
        .collect();
    let record = |(row, cells): (&u32, &BTreeMap<u32, Field>)| Record {
        row: row + 1,
        fields: columns.iter().map(|c| cells.get(c).cloned().unwrap_or(Field::Text(String::new()))).collect(),
    };
    let mut records = cells.range(header..).map(record);
    let header = records.next().unwrap_or(Record { row: header + 1, fields: Vec::new() });
    let records = records.filter(|r| r.fields.iter().any(named)).collect();
    let origin = Origin::Sheet(sheet.to_owned(), columns.clone());
    Table { file: file.to_owned(), origin, header, records }
}

/// The cells that hold something. They are read one by one: a lone cell at the far end of a sheet would make the table
/// in between as large as the sheet.
fn cells(workbook: &mut Workbook<'_>, sheet: &str) -> Result<Cells, String> {
    let mut cells = Cells::new();
    let mut count = 0;
    let mut reader = workbook.worksheet_cells_reader(sheet).map_err(|e| e.to_string())?;
    let formats: Vec<Option<String>> = reader
        .styles()
        .iter()
        .map(|s| s.number_format.as_ref().and_then(|f| number_format::other_than_dollars(&f.format_code)))
        .collect();
    while let Some((cell, style)) = reader.next_cell_with_style_id().map_err(|e| e.to_string())? {
        let field = match (field(cell.get_value()), formats.get(style)) {
            (Field::Number(number, _), Some(unit)) => Field::Number(number, unit.clone()),
            (field, _) => field,
        };
        let (row, column) = cell.get_position();
        if field != Field::Text(String::new()) {
            count += 1;
            if count > MAX_CELLS {
                return Err(format!("more than {MAX_CELLS} cells"));
            }
            cells.entry(row).or_default().insert(column, field);
        }
    }
    drop(reader);
    let mut reader = workbook.worksheet_cells_reader(sheet).map_err(|e| e.to_string())?;
    while let Some(cell) = reader.next_cell_with_formula_metadata().map_err(|e| e.to_string())? {
        let (row, column) = cell.pos;
        if cell.formula.is_some() && !cells.get(&row).is_some_and(|r| r.contains_key(&column)) {
            let why = "a formula without a value (open the file in a spreadsheet program and save it)";
            cells.entry(row).or_default().insert(column, Field::Unusable(why.to_owned()));
        }
    }
    Ok(cells)
}

fn field(value: &DataRef<'_>) -> Field {
    match value {
        DataRef::Empty => Field::Text(String::new()),
        DataRef::Int(i) => Field::Number(*i as f64, None),
        DataRef::Float(f) => Field::Number(*f, None),
        DataRef::String(text) => Field::Text(text.trim().to_owned()),
        DataRef::SharedString(text) => Field::Text(text.trim().to_owned()),
        DataRef::Bool(b) => Field::Unusable(format!("the truth value {b}")),
        DataRef::DateTime(date) if date.is_datetime() => {
            let (year, month, day, ..) = date.to_ymd_hms_milli();
            Field::Text(format!("{year:04}-{month:02}-{day:02}"))
        }
        DataRef::DateTimeIso(text) => Field::Text(text.split('T').next().unwrap_or_default().to_owned()),
        DataRef::DateTime(_) | DataRef::DurationIso(_) => Field::Unusable("a time".to_owned()),
        DataRef::Error(e) => Field::Unusable(format!("the error {e}")),
    }
}
