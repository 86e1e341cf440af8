//! Price lists: a purchasing department's figures in place of the catalog's, applied whole or not at all.

mod table;
mod text;
mod workbook;

use std::collections::BTreeMap;

use super::Catalog;
use super::resolve::money;
use crate::diag::Diagnostic;
use crate::domain::{Device, Offer, price_breaks};
use crate::names;
use crate::units::Money;
use table::{Field, Record, Table};

/// Columns that a price list may have, in any order.
const COLUMNS: [&str; 7] =
    ["device", "price_usd", "min_quantity", "lead_time_days", "supplier", "as_of", "order_multiple"];
const DEVICE: &str = COLUMNS[0];
const PRICE: &str = COLUMNS[1];
const MULTIPLE: &str = COLUMNS[6];

/// The index of the column that a heading names: `Price USD` is `price_usd`.
fn column_of(heading: &str) -> Option<usize> {
    COLUMNS.iter().position(|c| names::folded(c) == names::folded(heading))
}

/// One row of a price list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    /// Its number in the file.
    number: u32,
    device: String,
    price: Money,
    min_quantity: u64,
    lead_time_days: Option<u32>,
    supplier: Option<String>,
    as_of: Option<String>,
    order_multiple: Option<u64>,
}

/// Applies a price list (CSV text or an `.xlsx` workbook) to a catalog. The rows of a device are its offers in place of the
/// catalog's: of those that arrive in time the cheapest for the quantity counts. What the device needs besides is added as
/// before. A row without a lead time meets no limit on it; where no row of a device names one, that of the catalog holds.
/// The number of pieces that are sold together must be the same in all rows that name one.
///
/// # Errors
/// Everything that is wrong with the list in one diagnostic at the first such row; the catalog is then unchanged.
pub fn apply(catalog: &mut Catalog, file: &str, bytes: impl AsRef<[u8]>) -> Result<(), Diagnostic> {
    let table = read(file, bytes.as_ref())?;
    let rows = rows(&table).map_err(|e| e.hint("no price of the list was used"))?;
    let mut by_device: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    let mut unknown = Vec::new();
    for row in &rows {
        match catalog.device(&row.device) {
            Ok((device, _)) => by_device.entry(device.id.clone()).or_default().push(row),
            Err(error) => unknown.push((row, error)),
        }
    }
    if let Some((row, first)) = unknown.first() {
        let device = place_of(&table, DEVICE);
        let mut error = table.error(row.number, device, &first.one_line());
        for (row, other) in unknown.iter().skip(1).take(9) {
            error = error.hint(format!("{}: {}", table.place(row.number, device), other.one_line()));
        }
        if unknown.len() > 10 {
            error = error.hint(format!("and {} more unknown devices", unknown.len() - 10));
        }
        return Err(error.hint("no price of the list was used"));
    }
    for rows in by_device.values() {
        let mut named = rows.iter().filter_map(|row| Some((row, row.order_multiple?)));
        if let Some((_, first)) = named.next()
            && let Some((row, other)) = named.find(|(_, multiple)| *multiple != first)
        {
            let message = format!("`{MULTIPLE}` of `{}` is {other} here and {first} before", row.device);
            let error = table.error(row.number, place_of(&table, MULTIPLE), &message);
            return Err(error.hint("no price of the list was used"));
        }
    }
    for device in catalog.devices_mut() {
        let Some(rows) = by_device.get(&device.id) else { continue };
        device.price_date = rows.iter().filter_map(|r| r.as_of.clone()).min();
        device.order_multiple = rows.iter().find_map(|r| r.order_multiple).unwrap_or(1);
        let own = device.lead_time_days.filter(|_| rows.iter().all(|r| r.lead_time_days.is_none()));
        let offer = |row: &&Row| Offer {
            min_quantity: row.min_quantity,
            price: row.price,
            lead_time_days: row.lead_time_days.or(own),
            supplier: row.supplier.clone(),
            as_of: row.as_of.clone(),
        };
        quote(device, rows.iter().map(offer).collect(), file);
    }
    catalog.note_prices(&table.content());
    Ok(())
}

/// Gives a device the offers that `source` makes for it alone; what it needs besides is added.
pub(crate) fn quote(device: &mut Device, offers: Vec<Offer>, source: &str) {
    device.lead_time_days = offers.iter().filter_map(|o| o.lead_time_days).max();
    let accessories: Option<Money> = device.accessories.iter().map(|a| a.price).sum();
    let with = |extra: Money| offers.into_iter().map(|o| Offer { price: o.price + extra, ..o }).collect();
    device.offers = accessories.map(with).unwrap_or_default();
    device.prices = price_breaks(&device.offers, None);
    // The buyer's own price is a fact; that of an assumed accessory stays what it was.
    let accessory_doubt = device.accessories.iter().any(|a| !a.provenance.unverified.is_empty());
    if !accessory_doubt {
        device.provenance.unverified.retain(|f| f != "price");
    }
    device.provenance.sources.insert("price".to_owned(), source.to_owned());
    device.provenance.sources.remove("price_kind");
}

/// Reads the rows of a file: a workbook is told by its first bytes, whatever it is called.
fn read(file: &str, bytes: &[u8]) -> Result<Table, Diagnostic> {
    if bytes.starts_with(b"PK") {
        workbook::read(file, bytes)
    } else if bytes.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]) {
        Err(Diagnostic::error("an old .xls workbook, or one with a password")
            .in_file(file)
            .hint("save it as .xlsx or .csv"))
    } else {
        text::read(file, bytes)
    }
}

/// Where a column stands in a list.
fn place_of(table: &Table, column: &str) -> Option<usize> {
    let heading = |f: &Field| matches!(f, Field::Text(text) if column_of(text).is_some_and(|c| COLUMNS[c] == column));
    table.header.fields.iter().position(heading)
}

/// The rows of a list, each field understood.
fn rows(table: &Table) -> Result<Vec<Row>, Diagnostic> {
    let header = table.header.row;
    let mut places = [None; COLUMNS.len()];
    for (i, heading) in table.header.fields.iter().enumerate() {
        let name = match heading {
            Field::Text(text) => text.as_str(),
            Field::Unusable(what) => what.as_str(),
        };
        let Some(column) = column_of(name) else {
            return Err(table
                .error(header, Some(i), &format!("unknown column `{name}`"))
                .did_you_mean(name, COLUMNS)
                .hint(format!("columns are {}", COLUMNS.join(", "))));
        };
        if places[column].replace(i).is_some() {
            return Err(table.error(header, Some(i), &format!("column `{name}` stands twice")));
        }
    }
    if places[0].is_none() || places[1].is_none() {
        let message = format!("a price list needs the columns `{DEVICE}` and `{PRICE}`");
        return Err(table.error(header, None, &message));
    }
    let rows =
        table.records.iter().map(|record| Fields { table, record, places }.row()).collect::<Result<Vec<_>, _>>()?;
    if rows.is_empty() {
        return Err(Diagnostic::error("the price list has no rows").in_file(&table.file));
    }
    contradictions(table, &rows)?;
    Ok(rows)
}

/// One row of a list with the places of the columns.
struct Fields<'t> {
    table: &'t Table,
    record: &'t Record,
    places: [Option<usize>; COLUMNS.len()],
}

impl Fields<'_> {
    /// The text of a field; nothing when it is empty.
    fn get(&self, column: usize) -> Option<&Field> {
        let field = self.places[column].and_then(|i| self.record.fields.get(i))?;
        (*field != Field::Text(String::new())).then_some(field)
    }

    fn wrong(&self, column: usize, expected: &str) -> Diagnostic {
        let found = match self.get(column) {
            None => "is empty".to_owned(),
            Some(Field::Text(text)) => format!("is `{text}`"),
            Some(Field::Unusable(what)) => format!("is {what}"),
        };
        let message = format!("`{}` {found}: {expected} is expected", COLUMNS[column]);
        self.table.error(self.record.row, self.places[column], &message)
    }

    /// A field as `parse` understands it; nothing when it is empty.
    fn parsed<T>(
        &self,
        column: usize,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Diagnostic> {
        match self.get(column) {
            None => Ok(None),
            Some(Field::Text(text)) => parse(text).map(Some).ok_or_else(|| self.wrong(column, expected)),
            Some(Field::Unusable(_)) => Err(self.wrong(column, expected)),
        }
    }

    fn row(&self) -> Result<Row, Diagnostic> {
        let id = "a device id";
        let device = self.parsed(0, id, |t| Some(t.to_owned()))?.ok_or_else(|| self.wrong(0, id))?;
        let dollars = "a price in dollars, with a point for the cents and no currency sign or thousands separator";
        let price = self.parsed(1, dollars, price)?.ok_or_else(|| self.wrong(1, dollars))?;
        let quantity = |t: &str| t.parse().ok().filter(|q| (1..=10_000_000).contains(q));
        let pieces = |t: &str| t.parse().ok().filter(|n| (1..=1_000_000).contains(n));
        let days = |t: &str| t.parse().ok().filter(|d| *d <= 10_000);
        Ok(Row {
            number: self.record.row,
            device,
            price,
            min_quantity: self.parsed(2, "a whole number from 1", quantity)?.unwrap_or(1),
            lead_time_days: self.parsed(3, "a whole number of days", days)?,
            supplier: self.parsed(4, "a name", |t| Some(t.to_owned()))?,
            as_of: self.parsed(5, "a date such as 2026-11-01", |t| is_date(t).then(|| t.to_owned()))?,
            order_multiple: self.parsed(6, "a whole number of pieces from 1", pieces)?,
        })
    }
}

/// `1299`, `1299.5`, `1299.50`: nothing that could mean something else in another country.
fn price(text: &str) -> Option<Money> {
    let digits = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let usd: f64 = text.parse().ok().filter(|_| digits)?;
    money(usd).ok().filter(|p| *p > Money::ZERO)
}

/// Refuses two prices of one supplier for the same thing: one of them must be a mistake.
fn contradictions(table: &Table, rows: &[Row]) -> Result<(), Diagnostic> {
    let mut known: BTreeMap<(&str, &str, u64, Option<u32>), &Row> = BTreeMap::new();
    for row in rows {
        let Some(supplier) = &row.supplier else { continue };
        match known.insert((&row.device, supplier, row.min_quantity, row.lead_time_days), row) {
            Some(other) if other.price != row.price => {
                let message = format!(
                    "{supplier} asks {} here and {} in {} for {} from {} on",
                    row.price,
                    other.price,
                    table.place(other.number, None),
                    row.device,
                    row.min_quantity
                );
                return Err(table.error(row.number, place_of(table, PRICE), &message));
            }
            _ => {}
        }
    }
    Ok(())
}

/// `2026`, `2026-11` or `2026-11-01`.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number = |part: &str, len: usize, max: u32| {
        part.len() == len && part.parse::<u32>().is_ok_and(|n| (1..=max).contains(&n))
    };
    match parts.as_slice() {
        [year] => number(year, 4, 9999),
        [year, month] => number(year, 4, 9999) && number(month, 2, 12),
        [year, month, day] => number(year, 4, 9999) && number(month, 2, 12) && number(day, 2, days_of(year, month)),
        _ => false,
    }
}

/// Days of a month.
fn days_of(year: &str, month: &str) -> u32 {
    let year: u32 = year.parse().unwrap_or(0);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        "02" => 28 + u32::from(leap),
        "04" | "06" | "09" | "11" => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Row>, Diagnostic> {
        rows(&read("p.csv", text.as_bytes())?)
    }

    #[test]
    fn ambiguous_prices_are_refused_at_their_line() {
        for bad in [
            "1.299,00", "1.299", "1 299", "399,00", "€399", "$399", "1,299.00", "399 USD", "-5", "0", "nan", "3e2",
            "12.345",
        ] {
            let text = format!("device,price_usd\na,10\nb,\"{bad}\"\n");
            let error = parse(&text).unwrap_err();
            assert_eq!(error.position().map(|p| p.line), Some(3), "{bad}");
        }
    }
    #[test]
    fn columns_stand_in_any_order_and_semicolons_or_tabs_part_them_too() {
        for text in [
            "price_usd,device,min_quantity\n10.50,a,5\n",
            "\u{feff}Price USD;Device;Min Quantity\r\n10.50;a;5\r\n",
            "price-usd\tdevice\tmin quantity\n\n10.5\ta\t5\n",
        ] {
            let rows = parse(text).unwrap();
            assert_eq!((rows[0].device.as_str(), rows[0].price, rows[0].min_quantity), ("a", Money(1050), 5), "{text}");
        }
        assert!(parse("device,price\na,10\n").unwrap_err().one_line().contains("did you mean `price_usd`?"));
        assert!(parse("device,price_usd,Device\na,10,b\n").is_err());
    }

    #[test]
    fn a_supplier_has_one_price_for_one_quantity() {
        let head = "device,price_usd,min_quantity,supplier\n";
        assert!(parse(&format!("{head}a,10,1,north\na,10,1,north\na,9,1,south\na,9,10,north\n")).is_ok());
        let error = parse(&format!("{head}a,10,1,north\na,9,5,north\na,11,1,north\n")).unwrap_err();
        assert_eq!(error.position().map(|p| p.line), Some(4));
        assert!(error.message().contains("line 2"), "{error}");
    }

    #[test]
    fn dates_must_exist() {
        for good in ["2026", "2026-11", "2026-11-30", "2024-02-29"] {
            assert!(is_date(good), "{good}");
        }
        for bad in ["2026-13", "2026-02-29", "2026-11-31", "26-11-01", "01.11.2026", "11/01/2026"] {
            assert!(!is_date(bad), "{bad}");
        }
    }
}
