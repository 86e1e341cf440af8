//! A bound for choices whose quantities must lie in ranges: what lies outside is paid for.
//!
//! In a node of the fleet search the best options of the classes may need more of a SKU, or fewer, than the node allows.
//! For any surcharge m on each piece, every plan within the range pays at least the sum of the classes' least costs with
//! the surcharge, less m times the end of the range that it pushes towards: above zero the most, below zero the least.

use super::fleet::{Fleet, Node, Tuple};
use super::problem::Objective;
use super::rates::{Rates, money};

/// Rounds of the search for good surcharges.
const ROUNDS: u64 = 24;

/// What surcharges showed.
pub(super) struct Guided {
    /// No plan of the node costs less.
    pub(super) bound: i128,
    /// Plans met on the way whose quantities are in their ranges.
    pub(super) tuples: Vec<Tuple>,
    /// The class whose options change most between too few and too many pieces.
    pub(super) torn: Option<usize>,
    pub(super) rounds: u64,
}

/// The nearest misses on either side of the ranges: by how much, and the plan.
type Sides = [Option<(u128, Tuple)>; 2];

impl Fleet<'_, '_> {
    /// Improves the bound of a node whose best options do not keep its ranges; nothing when they do.
    pub(super) fn guided(
        &self,
        node: &Node,
        rates: &Rates,
        tuple: &Tuple,
        bound: i128,
        limit: Option<i128>,
    ) -> Option<Guided> {
        if self.problem.objective == Objective::Power {
            return None;
        }
        let outside = |tuple: &Tuple| -> Vec<(usize, i128)> {
            let quantities = self.quantities(tuple);
            let gap = |(&sku, &(least, most)): (&usize, &(u64, u64))| {
                let quantity = quantities.get(&sku).copied().unwrap_or(0);
                let gap = match quantity {
                    q if q < least => i128::from(q) - i128::from(least),
                    q if q > most => i128::from(q) - i128::from(most),
                    _ => 0,
                };
                (gap != 0).then_some((sku, gap))
            };
            node.range.iter().filter_map(gap).collect()
        };
        let mut gaps = outside(tuple);
        if gaps.is_empty() {
            return None;
        }
        // The SKU that is furthest from its range decides which class is looked at closer.
        let &(first, gap) = gaps.iter().max_by_key(|(_, gap)| gap.unsigned_abs())?;
        let mut sides: Sides = [None, None];
        sides[usize::from(gap > 0)] = Some((gap.unsigned_abs(), tuple.clone()));
        let (least, most) = node.range.get(&first).copied().unwrap_or((0, u64::MAX));
        let end = if gap < 0 { least } else { most };
        let mut surcharge = vec![0_i128; self.problem.skus.len()];
        let mut guided = Guided { bound, tuples: Vec::new(), torn: None, rounds: 0 };
        let (mut now, mut pace) = (bound, 1.0);
        while guided.rounds < ROUNDS {
            guided.rounds += 1;
            // Towards the plan to beat, or a little up.
            let unit = money(self.problem, 1).max(1) as f64;
            let goal = limit.map_or(0.0, |limit| (limit - now) as f64).max(now as f64 * 0.002) / unit;
            let norm: f64 = gaps.iter().map(|(_, gap)| (*gap as f64) * (*gap as f64)).sum();
            for &(sku, gap) in &gaps {
                surcharge[sku] += (pace * goal * gap as f64 / norm.max(1.0)) as i128;
            }
            let Some((sum, tuple)) = self.surcharged(node, rates, &surcharge) else { break };
            let mut ends = 0_i128;
            for (&sku, &(least, most)) in &node.range {
                let end = if surcharge[sku] < 0 { least } else { most };
                ends += surcharge[sku] * i128::from(end);
            }
            now = sum - money(self.problem, ends);
            if now > guided.bound {
                guided.bound = now;
            } else {
                pace *= 0.7;
            }
            if limit.is_some_and(|limit| guided.bound > limit) {
                break;
            }
            let pieces = self.quantities(&tuple).get(&first).copied().unwrap_or(0);
            let (gap, side) = (pieces.abs_diff(end), usize::from(pieces > end || pieces == end && gap < 0));
            if sides[side].as_ref().is_none_or(|(known, _)| u128::from(gap) < *known) {
                sides[side] = Some((u128::from(gap), tuple.clone()));
            }
            gaps = outside(&tuple);
            if gaps.is_empty() {
                // Within all ranges: surcharges that are not needed go down again.
                let quantities = self.quantities(&tuple);
                for (&sku, &(least, most)) in &node.range {
                    let end = if surcharge[sku] < 0 { least } else { most };
                    let quantity = quantities.get(&sku).copied().unwrap_or(0);
                    if surcharge[sku] != 0 && quantity != end {
                        gaps.push((sku, i128::from(quantity) - i128::from(end)));
                    }
                }
                guided.tuples.push(tuple);
                if gaps.is_empty() {
                    break;
                }
            }
        }
        guided.torn = self.torn(&sides, first);
        Some(guided)
    }

    /// The class that takes another number of pieces on either side, the one with the largest difference.
    fn torn(&self, sides: &Sides, sku: usize) -> Option<usize> {
        let [Some((_, few)), Some((_, many))] = sides else { return None };
        let needs = |site: usize, index: usize| {
            let needs = &self.offers[site][index].needs;
            needs.iter().find(|(other, _)| *other == sku).map_or(0, |&(_, quantity)| quantity)
        };
        let apart = |site: &usize| needs(*site, few[*site]).abs_diff(needs(*site, many[*site]));
        let site = (0..few.len()).max_by_key(|site| (apart(site), std::cmp::Reverse(*site)))?;
        (apart(&site) > 0).then_some(site)
    }

    /// The least cost of the classes with surcharges on each piece, and the options that reach it.
    fn surcharged(&self, node: &Node, rates: &Rates, surcharge: &[i128]) -> Option<(i128, Tuple)> {
        let (mut total, mut tuple) = (0_i128, Vec::new());
        for (site, (offers, allowed)) in self.offers.iter().zip(&node.allowed).enumerate() {
            let facts = self.options[site].unit.site;
            let mut best: Option<(i128, usize)> = None;
            for &index in allowed.iter() {
                let offer = &offers[index as usize];
                let (mut paid, mut price) = (0_i128, 0_u64);
                for &(sku, quantity) in &offer.needs {
                    let rate = rates[sku]?;
                    paid += (rate.per_piece + surcharge[sku]) * i128::from(quantity);
                    price = price.saturating_add(rate.lowest.saturating_mul(quantity / facts.count.max(1)));
                }
                if facts.price_limit.is_some_and(|limit| price > limit.0) {
                    continue;
                }
                let cost = offer.sum.cost + money(self.problem, paid);
                if best.is_none_or(|(least, _)| cost < least) {
                    best = Some((cost, index as usize));
                }
            }
            let (cost, index) = best?;
            total += cost;
            tuple.push(index);
        }
        Some((total, tuple))
    }
}
