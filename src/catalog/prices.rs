//! Price lists: a purchasing department's figures in place of the catalog's, applied whole or not at all.

use std::collections::BTreeMap;

use super::Catalog;
use super::resolve::money;
use crate::diag::{Diagnostic, Position};
use crate::domain::PriceBreak;
use crate::units::Money;

/// Columns that a price list may have, in any order.
const COLUMNS: [&str; 7] =
    ["device", "price_usd", "min_quantity", "lead_time_days", "supplier", "as_of", "order_multiple"];

/// One row of a price list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    line: u32,
    device: String,
    price: Money,
    min_quantity: u64,
    lead_time_days: Option<u32>,
    as_of: Option<String>,
    order_multiple: Option<u64>,
}

/// Applies a price list in CSV to a catalog. The rows of a device replace all its prices; of several rows that apply to a
/// quantity the cheapest counts; what the device needs besides is added as before. The lead time of a device is the longest
/// of its rows, since which of them will be bought is not known yet; so is the number of pieces that are sold together,
/// which must be the same in all rows that name one.
///
/// # Errors
/// Everything that is wrong with the list in one diagnostic at the first such line; the catalog is then unchanged.
pub fn apply(catalog: &mut Catalog, file: &str, text: &str) -> Result<(), Diagnostic> {
    let rows = parse(file, text)?;
    let mut by_device: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    let mut unknown = Vec::new();
    for row in &rows {
        match catalog.device(&row.device) {
            Ok((device, _)) => by_device.entry(device.id.clone()).or_default().push(row),
            Err(error) => unknown.push((row, error)),
        }
    }
    if let Some((row, error)) = unknown.first() {
        let mut error = at(error.clone(), file, text, row.line);
        for (row, other) in unknown.iter().skip(1).take(9) {
            error = error.hint(format!("line {}: {}", row.line, other.one_line()));
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
            let message = format!("`order_multiple` of `{}` is {other} here and {first} before", row.device);
            return Err(at(Diagnostic::error(message), file, text, row.line).hint("no price of the list was used"));
        }
    }
    for device in catalog.devices_mut() {
        let Some(rows) = by_device.get(&device.id) else { continue };
        let accessories: Option<Money> = device.accessories.iter().map(|a| a.price).sum();
        device.prices = accessories.map(|extra| breaks(rows, extra)).unwrap_or_default();
        device.price_date = rows.iter().filter_map(|r| r.as_of.clone()).min();
        device.order_multiple = rows.iter().find_map(|r| r.order_multiple).unwrap_or(1);
        device.lead_time_days = rows.iter().filter_map(|r| r.lead_time_days).max().or(device.lead_time_days);
        // The buyer's own price is a fact; that of an assumed accessory stays what it was.
        let accessory_doubt = device.accessories.iter().any(|a| !a.provenance.unverified.is_empty());
        if !accessory_doubt {
            device.provenance.unverified.retain(|f| f != "price");
        }
        device.provenance.sources.insert("price".to_owned(), file.to_owned());
        device.provenance.sources.remove("price_kind");
    }
    catalog.note_prices(text);
    Ok(())
}

/// The price of one by quantity: at every quantity the cheapest of the rows that apply.
fn breaks(rows: &[&Row], extra: Money) -> Vec<PriceBreak> {
    let mut sorted: Vec<_> = rows.iter().map(|r| (r.min_quantity, r.price)).collect();
    sorted.sort_unstable();
    let mut breaks: Vec<PriceBreak> = Vec::new();
    for (min_quantity, price) in sorted {
        let price = price + extra;
        if breaks.last().is_none_or(|b| price < b.price) {
            match breaks.last_mut() {
                Some(last) if last.min_quantity == min_quantity => last.price = price,
                _ => breaks.push(PriceBreak { min_quantity, price }),
            }
        }
    }
    breaks
}

fn at(error: Diagnostic, file: &str, text: &str, line: u32) -> Diagnostic {
    error.in_file(file).at(Position { line, column: 1 }).with_source(text)
}

fn parse(file: &str, text: &str) -> Result<Vec<Row>, Diagnostic> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let broken = |e: &csv::Error| {
        let error = Diagnostic::error(format!("not a price list: {e}"));
        match e.position() {
            Some(p) => at(error, file, text, p.line() as u32),
            None => error.in_file(file),
        }
    };
    let header = reader.headers().map_err(|e| broken(&e))?.clone();
    let mut places = [None; COLUMNS.len()];
    for (i, name) in header.iter().enumerate() {
        let Some(column) = COLUMNS.iter().position(|c| *c == name) else {
            return Err(at(Diagnostic::error(format!("unknown column `{name}`")), file, text, 1)
                .did_you_mean(name, COLUMNS)
                .hint(format!("columns are {}", COLUMNS.join(", "))));
        };
        if places[column].replace(i).is_some() {
            return Err(at(Diagnostic::error(format!("column `{name}` stands twice")), file, text, 1));
        }
    }
    if places[0].is_none() || places[1].is_none() {
        return Err(at(Diagnostic::error("a price list needs the columns `device` and `price_usd`"), file, text, 1));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| broken(&e))?;
        let line = record.position().map_or(0, |p| p.line() as u32);
        let field = |column: usize| places[column].and_then(|i| record.get(i)).filter(|f| !f.is_empty());
        let wrong = |column: usize, expected: &str| {
            let found = field(column).unwrap_or("nothing");
            let message = format!("`{}` is `{found}`: {expected} is expected", COLUMNS[column]);
            at(Diagnostic::error(message), file, text, line)
        };
        let device = field(0).ok_or_else(|| wrong(0, "a device id"))?.to_owned();
        let price = field(1)
            .filter(|f| f.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
            .and_then(|f| f.parse::<f64>().ok())
            .and_then(|usd| money(usd).ok())
            .filter(|p| *p > Money::ZERO)
            .ok_or_else(|| {
                wrong(1, "a price in dollars, with a point for the cents and no currency sign or thousands separator")
            })?;
        let min_quantity = match field(2) {
            None => 1,
            Some(f) => f
                .parse()
                .ok()
                .filter(|q| (1..=10_000_000).contains(q))
                .ok_or_else(|| wrong(2, "a whole number from 1"))?,
        };
        let lead_time_days = match field(3) {
            None => None,
            Some(f) => Some(f.parse().ok().filter(|d| *d <= 10_000).ok_or_else(|| wrong(3, "a whole number of days"))?),
        };
        let as_of =
            field(5).map(|d| if is_date(d) { Ok(d.to_owned()) } else { Err(wrong(5, "a date such as 2026-11-01")) });
        let order_multiple = match field(6) {
            None => None,
            Some(f) => {
                let whole = f.parse().ok().filter(|n| (1..=1_000_000).contains(n));
                Some(whole.ok_or_else(|| wrong(6, "a whole number of pieces from 1"))?)
            }
        };
        let as_of = as_of.transpose()?;
        rows.push(Row { line, device, price, min_quantity, lead_time_days, as_of, order_multiple });
    }
    if rows.is_empty() {
        return Err(Diagnostic::error("the price list has no rows").in_file(file));
    }
    Ok(rows)
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
        [year, month, day] => number(year, 4, 9999) && number(month, 2, 12) && number(day, 2, 31),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(min_quantity: u64, cents: u64) -> Row {
        let device = "d".to_owned();
        let (lead_time_days, as_of, order_multiple) = (None, None, None);
        Row { line: 2, device, price: Money(cents), min_quantity, lead_time_days, as_of, order_multiple }
    }

    #[test]
    fn the_cheapest_row_that_applies_counts_at_every_quantity() {
        let rows = [row(10, 90), row(1, 100), row(10, 95), row(50, 97), row(100, 80)];
        let found = breaks(&rows.iter().collect::<Vec<_>>(), Money(5));
        let plain: Vec<_> = found.iter().map(|b| (b.min_quantity, b.price.0)).collect();
        assert_eq!(plain, [(1, 105), (10, 95), (100, 85)]);
    }

    #[test]
    fn ambiguous_prices_are_refused_at_their_line() {
        for bad in ["$399", "1,299.00", "399 USD", "-5", "0", "nan", "3e2", "12.345"] {
            let text = format!("device,price_usd\na,10\nb,\"{bad}\"\n");
            let error = parse("p.csv", &text).unwrap_err();
            assert_eq!(error.position().map(|p| p.line), Some(3), "{bad}");
        }
    }
}
