//! Which column of a price list is which, by its heading.

use super::table::Field;
use crate::names;

/// Columns that a price list may have, in any order.
pub(super) const COLUMNS: [&str; 7] =
    ["device", "price_usd", "min_quantity", "lead_time_days", "supplier", "as_of", "order_multiple"];

/// A column that means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    Device,
    Price,
    MinQuantity,
    LeadTime,
    Supplier,
    AsOf,
    Multiple,
    /// In which currency the prices of the row are.
    Currency,
}

impl Column {
    pub(super) const COUNT: usize = 8;

    /// Its own name.
    pub(super) fn name(self) -> &'static str {
        COLUMNS.get(self as usize).copied().unwrap_or("currency")
    }
}

/// Other headings, without spaces and marks, in the order of [`COLUMNS`]. A price has its name in English alone: what a list in
/// another language counts in is seldom dollars.
const SYNONYMS: [(&str, Column); 52] = [
    ("artikel", Column::Device),
    ("artikelnummer", Column::Device),
    ("artikelnr", Column::Device),
    ("gerät", Column::Device),
    ("référence", Column::Device),
    ("referencia", Column::Device),
    ("mindestmenge", Column::MinQuantity),
    ("abmenge", Column::MinQuantity),
    ("lieferzeit", Column::LeadTime),
    ("lieferzeittage", Column::LeadTime),
    ("lieferzeitwochen", Column::LeadTime),
    ("lieferant", Column::Supplier),
    ("fournisseur", Column::Supplier),
    ("proveedor", Column::Supplier),
    ("datum", Column::AsOf),
    ("währung", Column::Currency),
    ("deviceid", Column::Device),
    ("partnumber", Column::Device),
    ("partno", Column::Device),
    ("mpn", Column::Device),
    ("sku", Column::Device),
    ("article", Column::Device),
    ("item", Column::Device),
    ("unitpriceusd", Column::Price),
    ("unitprice", Column::Price),
    ("price", Column::Price),
    ("priceperunit", Column::Price),
    ("unitcost", Column::Price),
    ("unitcostusd", Column::Price),
    ("minqty", Column::MinQuantity),
    ("moq", Column::MinQuantity),
    ("minimumquantity", Column::MinQuantity),
    ("minimumorderquantity", Column::MinQuantity),
    ("quantity", Column::MinQuantity),
    ("qty", Column::MinQuantity),
    ("fromquantity", Column::MinQuantity),
    ("leadtime", Column::LeadTime),
    ("leaddays", Column::LeadTime),
    ("leadtimeweeks", Column::LeadTime),
    ("leadtimeinweeks", Column::LeadTime),
    ("leadtimeindays", Column::LeadTime),
    ("deliverytime", Column::LeadTime),
    ("vendor", Column::Supplier),
    ("seller", Column::Supplier),
    ("distributor", Column::Supplier),
    ("pricedate", Column::AsOf),
    ("quotedate", Column::AsOf),
    ("date", Column::AsOf),
    ("packsize", Column::Multiple),
    ("packquantity", Column::Multiple),
    ("spq", Column::Multiple),
    ("currency", Column::Currency),
];

const ALL: [Column; 7] = [
    Column::Device,
    Column::Price,
    Column::MinQuantity,
    Column::LeadTime,
    Column::Supplier,
    Column::AsOf,
    Column::Multiple,
];

/// A heading as headings are compared: `Unit price (USD)` is `unitpriceusd`.
fn plain(heading: &str) -> String {
    names::folded(heading).chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Whether a heading counts in weeks.
pub(super) fn in_weeks(heading: &str) -> bool {
    let plain = plain(heading);
    plain.ends_with("weeks") || plain.ends_with("wochen")
}

/// The column that a heading names, and whether by its own name.
pub(super) fn column_of(heading: &str) -> Option<(Column, bool)> {
    let plain = plain(heading);
    let own = ALL.into_iter().find(|c| self::plain(c.name()) == plain);
    own.map(|c| (c, true)).or_else(|| SYNONYMS.iter().find(|(n, _)| *n == plain).map(|(_, c)| (*c, false)))
}

/// Whether these fields name both columns that every price list has.
pub(super) fn is_header(fields: &[Field]) -> bool {
    let named = |wanted: Column| {
        fields.iter().any(|f| matches!(f, Field::Text(text) if column_of(text).is_some_and(|(c, _)| c == wanted)))
    };
    named(Column::Device) && named(Column::Price)
}
