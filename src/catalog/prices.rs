//! Price lists: a purchasing department's figures in place of the catalog's, applied whole or not at all.

mod amount;
mod columns;
mod number_format;
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
use amount::Amount;
use columns::{COLUMNS, Column, column_of};
use table::{Field, Record, Table};

const DEVICE: &str = COLUMNS[0];
const PRICE: &str = COLUMNS[1];
const MULTIPLE: &str = COLUMNS[6];
/// What rows of sums are called, without spaces and marks.
const SUMS: [&str; 15] = [
    "total",
    "totals",
    "subtotal",
    "grandtotal",
    "sum",
    "summe",
    "gesamt",
    "gesamtsumme",
    "zwischensumme",
    "totale",
    "somme",
    "soustotal",
    "suma",
    "totaal",
    "netto",
];

/// Unknown devices that are named; more are counted.
const NAMED: usize = 10;

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
/// Returned is what of the list was not used, in words: columns that mean nothing, rows without a device, prices on request.
///
/// # Errors
/// Everything that is wrong with the list in one diagnostic at the first such row; the catalog is then unchanged.
pub fn apply(catalog: &mut Catalog, file: &str, bytes: impl AsRef<[u8]>) -> Result<Vec<String>, Diagnostic> {
    let table = read(file, bytes.as_ref())?;
    let (rows, unused) = rows(&table).map_err(|e| e.hint("no price of the list was used"))?;
    let mut by_device: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    let mut unknown = Vec::new();
    for row in &rows {
        match catalog.known_device(&row.device) {
            Some(device) => by_device.entry(device.id.clone()).or_default().push(row),
            None => unknown.push(row),
        }
    }
    // The nearest names are looked for where they are shown alone.
    let why = |row: &Row| catalog.device(&row.device).err().map_or_else(String::new, |e| e.one_line());
    if let Some(first) = unknown.first() {
        let device = place_of(&table, Column::Device);
        let mut error = table.error(first.number, device, &why(first));
        for row in unknown.iter().take(NAMED).skip(1) {
            error = error.hint(format!("{}: {}", table.place(row.number, device), why(row)));
        }
        if unknown.len() > NAMED {
            error = error.hint(format!("and {} more unknown devices", unknown.len() - NAMED));
        }
        return Err(error.hint("no price of the list was used"));
    }
    for rows in by_device.values() {
        let mut named = rows.iter().filter_map(|row| Some((row, row.order_multiple?)));
        if let Some((_, first)) = named.next()
            && let Some((row, other)) = named.find(|(_, multiple)| *multiple != first)
        {
            let message = format!("`{MULTIPLE}` of `{}` is {other} here and {first} before", row.device);
            let error = table.error(row.number, place_of(&table, Column::Multiple), &message);
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
    Ok(unused)
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

/// Where the columns stand in a list: of several headings for one that which names it as it is called.
fn places(table: &Table) -> Result<[Option<usize>; Column::COUNT], Diagnostic> {
    let mut found: [Option<(usize, bool)>; Column::COUNT] = [None; Column::COUNT];
    for (i, heading) in table.header.fields.iter().enumerate() {
        let Field::Text(name) = heading else { continue };
        let Some((column, own)) = column_of(name) else {
            // A slip of the keyboard must not make a column disappear.
            if let Some(near) = names::nearest(name, COLUMNS) {
                let message = format!("unknown column `{name}`");
                return Err(table
                    .error(table.header.row, Some(i), &message)
                    .hint(format!("did you mean `{near}`?"))
                    .hint(format!("columns are {}", COLUMNS.join(", "))));
            }
            continue;
        };
        let place = &mut found[column as usize];
        match *place {
            // A part number beside the device is a note; two headings for anything else leave a choice.
            Some((_, known)) if known != own && column == Column::Device => {
                if own {
                    *place = Some((i, own));
                }
            }
            Some(_) => {
                let message = format!("column `{name}` is defined twice, as `{}`", column.name());
                return Err(table.error(table.header.row, Some(i), &message));
            }
            None => *place = Some((i, own)),
        }
    }
    Ok(found.map(|place| place.map(|(i, _)| i)))
}

/// Where a column stands in a list.
fn place_of(table: &Table, column: Column) -> Option<usize> {
    places(table).ok().and_then(|places| places[column as usize])
}

/// The rows of a list, each field understood, and what of the list is not used.
fn rows(table: &Table) -> Result<(Vec<Row>, Vec<String>), Diagnostic> {
    let places = places(table)?;
    let header = &table.header;
    if places[Column::Device as usize].is_none() || places[Column::Price as usize].is_none() {
        let message = format!("a price list needs the columns `{DEVICE}` and `{PRICE}`");
        return Err(table.error(header.row, None, &message).did_you_mean(
            PRICE,
            header.fields.iter().filter_map(|f| match f {
                Field::Text(text) => Some(text.as_str()),
                _ => None,
            }),
        ));
    }
    let (mut rows, mut without, mut on_request) = (Vec::new(), Vec::new(), Vec::new());
    for record in &table.records {
        let fields = Fields { table, record, places };
        if fields.has_no_device() {
            if record.fields.iter().any(|f| f.words().is_some()) {
                without.push(record.row);
            }
            continue;
        }
        match fields.row()? {
            Some(row) => rows.push(row),
            None => on_request.push(record.row),
        }
    }
    if rows.is_empty() {
        return Err(Diagnostic::error("the price list has no rows").in_file(&table.file));
    }
    contradictions(table, &rows)?;
    let ignored = header.fields.iter().enumerate().filter(|(i, _)| !places.contains(&Some(*i)));
    let ignored: Vec<String> = ignored.filter_map(|(_, f)| f.words()).collect();
    let lines = |rows: &[u32]| rows.iter().map(|row| table.place(*row, None)).collect::<Vec<_>>();
    let unused =
        [("columns ignored", ignored), ("without a device", lines(&without)), ("on request", lines(&on_request))];
    Ok((rows, unused.into_iter().filter(|(_, all)| !all.is_empty()).map(|(what, all)| listed(what, &all)).collect()))
}

/// `on request: line 3, line 4 and 20 more`.
fn listed(what: &str, all: &[String]) -> String {
    let more = if all.len() > NAMED { format!(" and {} more", all.len() - NAMED) } else { String::new() };
    format!("{what}: {}{more}", all.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", "))
}

/// One row of a list with the places of the columns.
struct Fields<'t> {
    table: &'t Table,
    record: &'t Record,
    places: [Option<usize>; Column::COUNT],
}

impl Fields<'_> {
    /// The text of a field; nothing when it is empty.
    fn get(&self, column: Column) -> Option<&Field> {
        let field = self.places[column as usize].and_then(|i| self.record.fields.get(i))?;
        (*field != Field::Text(String::new())).then_some(field)
    }

    /// Whether it is a note, a sum or blank.
    fn has_no_device(&self) -> bool {
        match self.get(Column::Device) {
            None => true,
            Some(Field::Text(text)) => {
                let sum = names::folded(text.trim_end_matches(':'));
                SUMS.contains(&sum.as_str())
            }
            Some(_) => false,
        }
    }

    fn wrong(&self, column: Column, expected: &str) -> Diagnostic {
        let found = match self.get(column) {
            None => "is empty".to_owned(),
            Some(Field::Text(text)) => format!("is `{text}`"),
            Some(Field::Number(number, None)) => format!("is `{number}`"),
            Some(Field::Number(_, Some(unit))) => format!("is a number that is shown in `{unit}`"),
            Some(Field::Unusable(what)) => format!("is {what}"),
        };
        let message = format!("`{}` {found}: {expected}", column.name());
        self.table.error(self.record.row, self.places[column as usize], &message)
    }

    /// A field as `parse` understands it; nothing when it is empty.
    fn parsed<T>(
        &self,
        column: Column,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Diagnostic> {
        match self.get(column) {
            None => Ok(None),
            Some(Field::Text(text)) => parse(text).map(Some).ok_or_else(|| self.wrong(column, expected)),
            Some(Field::Number(number, _)) => {
                parse(&number.to_string()).map(Some).ok_or_else(|| self.wrong(column, expected))
            }
            Some(Field::Unusable(_)) => Err(self.wrong(column, expected)),
        }
    }

    fn amount(&self) -> Result<Amount, Diagnostic> {
        let expected = "a price in dollars such as 1299.50 is expected";
        match self.get(Column::Price) {
            Some(Field::Text(text)) => amount::read(text).map_err(|expected| self.wrong(Column::Price, &expected)),
            Some(Field::Number(usd, None)) => {
                let price = money(*usd).ok().filter(|p| *p > Money::ZERO);
                price.map(Amount::Of).ok_or_else(|| self.wrong(Column::Price, expected))
            }
            _ => Err(self.wrong(Column::Price, expected)),
        }
    }

    /// The row; nothing when its price is on request.
    fn row(&self) -> Result<Option<Row>, Diagnostic> {
        let (fields, columns) = (&self.record.fields, self.table.header.fields.len());
        // A comma too many shifts everything after it.
        if fields.len() != columns {
            let message = format!("{} fields, where the header has {columns}", fields.len());
            return Err(self.table.error(self.record.row, None, &message));
        }
        if let Some(currency) = self.get(Column::Currency).and_then(Field::words)
            && !["usd", "us$", "$", "us-$"].contains(&currency.to_lowercase().as_str())
        {
            return Err(self.wrong(Column::Currency, "prices in USD are expected"));
        }
        let name = "a device id is expected";
        let device = self.parsed(Column::Device, name, |t| Some(t.to_owned()))?;
        let device = device.ok_or_else(|| self.wrong(Column::Device, name))?;
        let amount = self.amount()?;
        let heading = self.places[Column::LeadTime as usize].and_then(|i| self.table.header.fields.get(i));
        let weeks = matches!(heading, Some(Field::Text(text)) if columns::in_weeks(text));
        let quantity =
            self.parsed(Column::MinQuantity, "a whole number from 1 is expected", |t| amount::whole(t, 10_000_000))?;
        let lead = "a number of days, or of weeks with the word, is expected";
        let row = Row {
            number: self.record.row,
            device,
            price: Money::ZERO,
            min_quantity: quantity.unwrap_or(1),
            lead_time_days: self.parsed(Column::LeadTime, lead, |t| amount::days(t, weeks))?,
            supplier: self.parsed(Column::Supplier, "a name is expected", |t| Some(t.to_owned()))?,
            as_of: self.parsed(Column::AsOf, "a date such as 2026-11-01 is expected", amount::date)?,
            order_multiple: self.parsed(Column::Multiple, "a whole number of pieces from 1 is expected", |t| {
                amount::whole(t, 1_000_000)
            })?,
        };
        Ok(match amount {
            Amount::Of(price) => Some(Row { price, ..row }),
            Amount::OnRequest => None,
        })
    }
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
                return Err(table.error(row.number, place_of(table, Column::Price), &message));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether a date is `2026`, `2026-11` or `2026-11-01` and exists.
pub(crate) fn is_date(text: &str) -> bool {
    amount::date(text).as_deref() == Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Row>, Diagnostic> {
        rows(&read("p.csv", text.as_bytes())?).map(|(rows, _)| rows)
    }

    #[test]
    fn ambiguous_prices_are_refused_at_their_line() {
        for bad in ["1.299", "€399", "399 EUR", "-5", "0", "nan", "3e2", "12.3456"] {
            let text = format!("device,price_usd\na,10\nb,\"{bad}\"\n");
            let error = parse(&text).unwrap_err();
            assert_eq!(error.position().map(|p| p.line), Some(3), "{bad}");
        }
    }

    #[test]
    fn columns_stand_in_any_order_and_semicolons_or_tabs_part_them_too() {
        for text in [
            "price_usd,device,min_quantity\n10.50,a,5\n",
            "\u{feff}Price USD;Device;Min Quantity\r\n10,50;a;5\r\n",
            "price-usd\tdevice\tmin quantity\n\n10.5\ta\t5\n",
            "MOQ;SKU;Unit price (USD)\n5;a;$10.50\n",
        ] {
            let rows = parse(text).unwrap();
            assert_eq!((rows[0].device.as_str(), rows[0].price, rows[0].min_quantity), ("a", Money(1050), 5), "{text}");
        }
        assert!(parse("device,prise_usd\na,10\n").unwrap_err().one_line().contains("did you mean `price_usd`?"));
        assert!(parse("device,price_usd,Device\na,10,b\n").is_err());
        assert!(parse("device,price_usd,price\na,10,11\n").is_err());
        // A thousand's comma without quotes makes a field too many.
        assert!(parse("device,price_usd,notes\na,1,299.00,x\n").is_err());
        assert!(parse("device,price_usd,currency\na,10,EUR\n").is_err());
    }

    #[test]
    fn what_is_not_used_is_told() {
        let text = "Quote 4711\n\nSKU;device;unit price;notes;lead time\nX-1;a;799,00;good;2-3 weeks\nX-2;b;on \
                    request;;\n;;;;\n;;1.399,00;sum;\nTotal;Total;2.198,00;;\n";
        let (rows, unused) = rows(&read("p.csv", text.as_bytes()).unwrap()).unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].price, rows[0].lead_time_days), (Money(79_900), Some(21)));
        assert_eq!(unused, ["columns ignored: SKU, notes", "without a device: line 7, line 8", "on request: line 5"]);
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(super::rows(&read("p.csv", &[&[0xff, 0xfe][..], &wide].concat()).unwrap()).unwrap().0, rows);
        let latin = [&b"device,price_usd,supplier\na,10,M\xfcller\n"[..]].concat();
        let named = super::rows(&read("p.csv", &latin).unwrap()).unwrap().0;
        assert_eq!(named[0].supplier.as_deref(), Some("Müller"));
    }

    #[test]
    fn a_supplier_has_one_price_for_one_quantity() {
        let head = "device,price_usd,min_quantity,supplier\n";
        assert!(parse(&format!("{head}a,10,1,north\na,10,1,north\na,9,1,south\na,9,10,north\n")).is_ok());
        let error = parse(&format!("{head}a,10,1,north\na,9,5,north\na,11,1,north\n")).unwrap_err();
        assert_eq!(error.position().map(|p| p.line), Some(4));
        assert!(error.message().contains("line 2"), "{error}");
    }
}
