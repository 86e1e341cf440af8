//! What a piece of a SKU costs at least when its quantity is only known to lie in a range.

use super::judge::{ordered, spares};
use super::problem::{Objective, Problem, Sku};
use crate::units::PPM;

/// Millionths of a cent in a cent.
pub(super) const CENT: i128 = 1_000_000;

/// Money in millionths of a cent in the unit of the search.
pub(super) fn money(problem: &Problem, paid: i128) -> i128 {
    match problem.objective {
        Objective::Capex => paid,
        Objective::Tco { .. } => paid * (super::keys::TCO_CENT / CENT),
        Objective::Power => 0,
    }
}

/// What a piece costs at least.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    /// Its share of everything paid, spares included, in millionths of a cent.
    pub(super) per_piece: i128,
    /// The lowest price of one in cents.
    pub(super) lowest: u64,
}

/// By SKU; absent where none can be bought.
pub(super) type Rates = Vec<Option<Rate>>;

/// The lowest rate of a SKU for a range of quantities; absent where none of them can be bought.
pub(super) fn rate(problem: &Problem, sku: usize, (least, most): (u64, u64)) -> Option<Rate> {
    let least = least.max(1);
    let facts = &problem.skus[sku];
    let bought = |quantity: u64| ordered(problem, sku, quantity);
    if least == most {
        let price = facts.price_at(bought(most))?.0;
        let paid = i128::from(price) * i128::from(bought(most)) * CENT;
        return Some(Rate { per_piece: paid.div_euclid(i128::from(most)), lowest: price });
    }
    let mut best: Option<Rate> = None;
    for (position, (from, price)) in facts.prices.iter().enumerate() {
        let until = facts.prices.get(position + 1).map(|(from, _)| *from);
        if bought(most) < *from || until.is_some_and(|until| bought(least) >= until) {
            continue;
        }
        // Of the quantities at this price those that round least up to whole spares.
        let (ceiling, step) = share_of_spares(problem, least, most);
        let spread = i128::from(price.0) * CENT * (i128::from(step) + i128::from(ceiling)) / i128::from(step);
        // However few are needed, what is ordered for the least of them is paid whole.
        let whole = i128::from(price.0) * CENT * i128::from(bought(least).max(*from)) / i128::from(most);
        let per_piece = spread.max(whole);
        best = Some(match best {
            None => Rate { per_piece, lowest: price.0 },
            Some(b) => Rate { per_piece: per_piece.min(b.per_piece), lowest: price.0.min(b.lowest) },
        });
    }
    best
}

/// The least share of spares over a range of quantities, as (spares, quantity).
fn share_of_spares(problem: &Problem, least: u64, most: u64) -> (u64, u64) {
    let share = problem.spares.0;
    if share == 0 {
        return (0, 1);
    }
    let (first, last) = (spares(problem, least), spares(problem, most));
    if last - first > 64 || last == 0 {
        return (share, PPM);
    }
    // So many spares are enough for at most so many pieces.
    let enough = |spares: u64| {
        let pieces = u128::from(spares) * u128::from(PPM) / u128::from(share);
        u64::try_from(pieces).unwrap_or(u64::MAX).min(most)
    };
    let ratios = (first..=last).map(|spares| (spares, enough(spares))).filter(|(_, pieces)| *pieces >= least);
    let best = ratios.min_by(|a, b| (u128::from(a.0) * u128::from(b.1)).cmp(&(u128::from(b.0) * u128::from(a.1))));
    best.unwrap_or((share, PPM))
}

/// Whether every piece more costs the same, and more than nothing.
pub(super) fn is_flat(sku: &Sku) -> bool {
    matches!(sku.prices.as_slice(), [(from, price)] if *from <= 1 && price.0 > 0) && sku.multiple <= 1
}

/// The lowest cost of so many pieces of a SKU in a site class, when the other classes may take up to so many.
pub(super) fn least_paid(problem: &Problem, sku: usize, quantity: u64, others: u64) -> Option<i128> {
    let rate = rate(problem, sku, (quantity, quantity.saturating_add(others)))?;
    Some(money(problem, rate.per_piece * i128::from(quantity)))
}
