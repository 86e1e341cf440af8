//! What a device can be bought at: prices by quantity, each from a supplier who needs so many days.

use std::cmp::Reverse;

use crate::units::Money;

/// The price of one piece from a quantity on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceBreak {
    /// Smallest quantity that gets this price.
    pub min_quantity: u64,
    /// Price of one, required accessories included.
    pub price: Money,
}

/// A price that somebody asks for a device, with what goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Smallest quantity that gets this price.
    pub min_quantity: u64,
    /// Price of one, required accessories included.
    pub price: Money,
    /// Days from order to delivery, where known.
    pub lead_time_days: Option<u32>,
    /// Who offers it, where named.
    pub supplier: Option<String>,
    /// Date of the price, where known.
    pub as_of: Option<String>,
}

impl Offer {
    /// Whether it arrives in time: an unknown lead time meets no limit.
    #[must_use]
    pub fn arrives_within(&self, days: Option<u32>) -> bool {
        days.is_none_or(|most| self.lead_time_days.is_some_and(|lead| lead <= most))
    }
}

/// The price of one by quantity, ascending: at every quantity the cheapest of the offers that arrive in time and whose
/// smallest quantity is reached. Empty when none arrives in time.
#[must_use]
pub fn price_breaks(offers: &[Offer], days: Option<u32>) -> Vec<PriceBreak> {
    let mut sorted: Vec<_> =
        offers.iter().filter(|o| o.arrives_within(days)).map(|o| (o.min_quantity, o.price)).collect();
    sorted.sort_unstable();
    let mut breaks: Vec<PriceBreak> = Vec::new();
    for (min_quantity, price) in sorted {
        if breaks.last().is_none_or(|b| price < b.price) {
            match breaks.last_mut() {
                Some(last) if last.min_quantity == min_quantity => last.price = price,
                _ => breaks.push(PriceBreak { min_quantity, price }),
            }
        }
    }
    breaks
}

/// The offer that is taken for a quantity: the cheapest of those that count, of equal ones the one that arrives first,
/// then the one that stands first.
#[must_use]
pub fn best_offer(offers: &[Offer], quantity: u64, days: Option<u32>) -> Option<&Offer> {
    let counts = offers.iter().filter(|o| o.min_quantity <= quantity && o.arrives_within(days));
    counts.min_by_key(|o| (o.price, o.lead_time_days.is_none(), o.lead_time_days, Reverse(o.min_quantity)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(min_quantity: u64, cents: u64, lead_time_days: Option<u32>) -> Offer {
        Offer { min_quantity, price: Money(cents), lead_time_days, supplier: None, as_of: None }
    }

    fn plain(offers: &[Offer], days: Option<u32>) -> Vec<(u64, u64)> {
        price_breaks(offers, days).iter().map(|b| (b.min_quantity, b.price.0)).collect()
    }

    #[test]
    fn the_cheapest_offer_that_applies_counts_at_every_quantity() {
        let offers = [(10, 90), (1, 100), (10, 95), (50, 97), (100, 80)].map(|(q, p)| offer(q, p, None));
        assert_eq!(plain(&offers, None), [(1, 100), (10, 90), (100, 80)]);
        assert_eq!(plain(&offers, Some(10_000)), [], "an unknown lead time meets no limit");
    }

    #[test]
    fn what_comes_too_late_is_put_aside_before_the_cheapest_is_taken() {
        let offers = [offer(1, 749, Some(30)), offer(1, 799, Some(5)), offer(50, 769, Some(8)), offer(50, 700, None)];
        assert_eq!(plain(&offers, Some(10)), [(1, 799), (50, 769)]);
        assert_eq!(plain(&offers, Some(7)), [(1, 799)]);
        assert_eq!(plain(&offers, None), [(1, 749), (50, 700)]);
        assert_eq!(best_offer(&offers, 60, Some(10)), Some(&offers[2]));
        assert_eq!(best_offer(&offers, 49, Some(10)), Some(&offers[1]));
        assert_eq!(best_offer(&offers, 60, Some(4)), None);
    }
}
