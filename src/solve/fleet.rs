//! Chooses one option for each site class: branch and bound over what the classes share, the price breaks, the spares and
//! the number of SKUs.
//!
//! In a node every SKU has a range of quantities and every class a list of options. With the lowest price of each range
//! the classes are independent, so the sum of their best options is a bound; where the plan made of them costs more than
//! that or breaks a rule, the reason says on what to branch.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::judge::ordered;
use super::keys::Keys;
use super::options::{Options, scale};
use super::problem::{Objective, Problem};
use super::rates::{CENT, Rates, money, rate};
use super::watch::{Stopped, Watch};

/// An option of each class: indices into [`Options::found`].
pub(super) type Tuple = Vec<usize>;

/// Costs in the unit of the search and what decides between equal ones; capex in it is in millionths of a cent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sum {
    pub(super) cost: i128,
    tail: Keys,
}

/// What a search over tuples found.
#[derive(Debug, Clone)]
pub(super) struct Best {
    pub(super) tuple: Tuple,
    pub(super) sum: Sum,
}

/// One option as the search sees it.
pub(super) struct Offer {
    /// Quantity of each SKU over the units of the class.
    pub(super) needs: Vec<(usize, u64)>,
    /// Running cost, and the rest of the keys or a bound of them.
    pub(super) sum: Sum,
    /// Device ids and modes, for ties.
    names: (Vec<String>, Vec<String>),
    /// Whether the keys are those of the best packing.
    exact: bool,
}

/// A part of the choice.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) allowed: Vec<Rc<Vec<u32>>>,
    /// By SKU, least and most pieces in use.
    pub(super) range: BTreeMap<usize, (u64, u64)>,
    required: Vec<usize>,
    bound: Sum,
    /// The class to branch on when quantities leave no other choice.
    torn: Option<usize>,
}

/// The search over tuples.
pub(super) struct Fleet<'f, 'u> {
    pub(super) problem: &'f Problem,
    pub(super) options: &'f mut [Options<'u>],
    pub(super) offers: Vec<Vec<Offer>>,
    forbidden: &'f [Vec<Vec<u16>>],
    /// Whether ties are to be decided; otherwise the first tuple of the least cost is taken.
    ties: bool,
    pub(super) best: Option<Best>,
    /// Tuples that cost more are not wanted.
    pub(super) cut: Option<i128>,
    /// False when steps ran out before ties were decided.
    pub(super) proven: bool,
    /// What open nodes cost at least.
    pub(super) open: Option<i128>,
}

impl<'f, 'u> Fleet<'f, 'u> {
    pub(super) fn new(
        problem: &'f Problem,
        options: &'f mut [Options<'u>],
        forbidden: &'f [Vec<Vec<u16>>],
        ties: bool,
    ) -> Self {
        let offers = options
            .iter()
            .map(|site| (0..site.found.len()).map(|index| offer(problem, site, index, ties)).collect())
            .collect();
        Self { problem, options, offers, forbidden, ties, best: None, cut: None, proven: true, open: None }
    }

    /// Searches all tuples of the listed options.
    pub(super) fn search(&mut self, watch: &mut Watch) -> Result<(), Stopped> {
        let lists = self.offers.iter().map(|offers| (0..offers.len() as u32).collect()).collect();
        self.search_lists(lists, watch)
    }

    /// Searches all tuples of these options.
    pub(super) fn search_lists(&mut self, lists: Vec<Vec<u32>>, watch: &mut Watch) -> Result<(), Stopped> {
        let allowed = lists.into_iter().map(Rc::new).collect();
        let least = Sum { cost: i128::MIN, tail: Keys::LEAST };
        let mut stack = vec![Node { allowed, range: BTreeMap::new(), required: Vec::new(), bound: least, torn: None }];
        while let Some(node) = stack.pop() {
            if self.beaten(&node.bound) {
                continue;
            }
            let result = self.node(node, &mut stack, watch);
            self.open = stack.iter().map(|node| node.bound.cost).min();
            if !result? {
                self.proven = false;
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether nothing with this bound is wanted.
    fn beaten(&self, bound: &Sum) -> bool {
        let over = self.cut.is_some_and(|cut| bound.cost > cut);
        let beaten = self
            .best
            .as_ref()
            .is_some_and(|best| if self.ties { *bound > best.sum } else { bound.cost >= best.sum.cost });
        over || beaten
    }

    /// Works on a node and pushes its children; false when steps ran out.
    fn node(&mut self, mut node: Node, stack: &mut Vec<Node>, watch: &mut Watch) -> Result<bool, Stopped> {
        loop {
            let steps = node.allowed.iter().map(|allowed| allowed.len() as u64).sum::<u64>() / 8 + 1;
            if self.ties {
                if !watch.tie_step(steps)? {
                    return Ok(false);
                }
            } else {
                watch.step(steps)?;
            }
            if !self.propagate(&mut node) {
                return Ok(true);
            }
            let rates = self.rates(&node);
            let Some((tuple, bound)) = self.cheapest(&mut node, &rates) else { return Ok(true) };
            node.bound = bound;
            if self.beaten(&bound) {
                return Ok(true);
            }
            let limit = [self.cut, self.best.as_ref().map(|best| best.sum.cost)].into_iter().flatten().min();
            node.torn = None;
            if let Some(guided) = self.guided(&node, &rates, &tuple, bound.cost, limit) {
                watch.step(steps * guided.rounds)?;
                node.torn = guided.torn;
                let cost = self.rounded(Sum { cost: guided.bound, tail: Keys::default() }).cost;
                if cost > node.bound.cost {
                    node.bound = Sum { cost, tail: Keys::LEAST };
                    if self.beaten(&node.bound) {
                        return Ok(true);
                    }
                }
                for tuple in guided.tuples {
                    self.try_tuple(&tuple);
                }
            }
            if self.ties {
                let vague: Vec<usize> =
                    (0..tuple.len()).filter(|&site| !self.offers[site][tuple[site]].exact).collect();
                if !vague.is_empty() {
                    for site in vague {
                        self.proven &= self.options[site].refine(tuple[site], watch)?;
                        self.offers[site][tuple[site]] = offer(self.problem, &self.options[site], tuple[site], true);
                    }
                    continue;
                }
            }
            self.settle(node, &tuple, &rates, stack);
            return Ok(true);
        }
    }

    /// Judges the tuple of a node's best options and branches where it is not as good as its bound.
    fn settle(&mut self, node: Node, tuple: &Tuple, rates: &Rates, stack: &mut Vec<Node>) {
        let quantities = self.quantities(tuple);
        if let Some(most) = self.problem.max_skus
            && quantities.len() > most as usize
        {
            let weight = |sku: usize| quantities[&sku] as i128 * rates[sku].map_or(0, |rate| rate.per_piece);
            let free = quantities.keys().copied().filter(|sku| !node.required.contains(sku));
            if let Some(sku) = free.max_by_key(|&sku| (weight(sku), std::cmp::Reverse(sku))) {
                let mut without = node.clone();
                without.range.insert(sku, (0, 0));
                stack.push(without);
                let mut with = node;
                with.required.push(sku);
                stack.push(with);
            }
            return;
        }
        match self.exact(tuple, &quantities) {
            Err(sku) => self.split(node, tuple, sku, &quantities, stack),
            Ok(sum) => {
                if self.is_forbidden(tuple) {
                    self.partition(&node, tuple, stack);
                    return;
                }
                self.offer_best(tuple, sum);
                if sum.cost > node.bound.cost || self.ties && sum > node.bound {
                    let dearer = |&sku: &usize| {
                        let paid = self.paid(sku, quantities[&sku]).unwrap_or(i128::MAX);
                        paid - rates[sku].map_or(0, |rate| rate.per_piece) * i128::from(quantities[&sku])
                    };
                    if let Some(sku) =
                        quantities.keys().copied().max_by_key(|sku| (dearer(sku), std::cmp::Reverse(*sku)))
                    {
                        self.split(node, tuple, sku, &quantities, stack);
                    }
                }
            }
        }
    }

    /// Takes a tuple that breaks no rule, when any of the least cost will do.
    fn try_tuple(&mut self, tuple: &Tuple) {
        let quantities = self.quantities(tuple);
        let many = self.problem.max_skus.is_some_and(|most| quantities.len() > most as usize);
        if !self.ties
            && !many
            && !self.is_forbidden(tuple)
            && let Ok(sum) = self.exact(tuple, &quantities)
        {
            self.offer_best(tuple, sum);
        }
    }

    /// Takes a tuple if it comes before the best so far.
    fn offer_best(&mut self, tuple: &Tuple, sum: Sum) {
        if self.cut.is_some_and(|cut| sum.cost > cut) {
            return;
        }
        let better = match &self.best {
            None => true,
            Some(best) if !self.ties => sum.cost < best.sum.cost,
            Some(best) => {
                let names = |tuple: &Tuple| -> Vec<_> {
                    tuple.iter().zip(&self.offers).map(|(&index, offers)| &offers[index].names).collect()
                };
                sum < best.sum || sum == best.sum && names(tuple) < names(&best.tuple)
            }
        };
        if better {
            self.best = Some(Best { tuple: tuple.clone(), sum });
        }
    }

    /// Narrows ranges and lists until nothing changes; false when nothing is left.
    fn propagate(&self, node: &mut Node) -> bool {
        let room = |node: &Node| {
            self.problem.max_skus.map_or(usize::MAX, |most| (most as usize).saturating_sub(node.required.len()))
        };
        if self.problem.max_skus.is_some_and(|most| node.required.len() > most as usize) {
            return false;
        }
        loop {
            let free = room(node);
            let mut changed = false;
            for (offers, allowed) in self.offers.iter().zip(&mut node.allowed) {
                let fine = |index: &u32| {
                    let needs = &offers[*index as usize].needs;
                    let fresh = needs.iter().filter(|(sku, _)| !node.required.contains(sku)).count();
                    let within = |&(sku, quantity): &(usize, u64)| {
                        node.range.get(&sku).is_none_or(|&(_, most)| quantity <= most)
                    };
                    fresh <= free && needs.iter().all(within)
                };
                if !allowed.iter().all(fine) {
                    *allowed = Rc::new(allowed.iter().copied().filter(fine).collect());
                    changed = true;
                }
                if allowed.is_empty() {
                    return false;
                }
            }
            let mut possible: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
            for (offers, allowed) in self.offers.iter().zip(&node.allowed) {
                let mut here: BTreeMap<usize, (u64, u64, usize)> = BTreeMap::new();
                for &index in allowed.iter() {
                    for &(sku, quantity) in &offers[index as usize].needs {
                        let entry = here.entry(sku).or_insert((u64::MAX, 0, 0));
                        *entry = (entry.0.min(quantity), entry.1.max(quantity), entry.2 + 1);
                    }
                }
                for (sku, (least, most, times)) in here {
                    let entry = possible.entry(sku).or_default();
                    entry.0 += if times == allowed.len() { least } else { 0 };
                    entry.1 += most;
                }
            }
            for (sku, (least, most)) in &mut node.range {
                let (low, high) = possible.get(sku).copied().unwrap_or((0, 0));
                *least = low.max(*least);
                changed |= high.min(*most) < *most && high > 0;
                *most = high.min(*most);
                if least > most {
                    return false;
                }
            }
            for (sku, reach) in possible {
                if let std::collections::btree_map::Entry::Vacant(entry) = node.range.entry(sku) {
                    entry.insert(reach);
                }
            }
            // What cannot be bought in any quantity of its range is out.
            for (&sku, (least, most)) in &mut node.range {
                if *most > 0 && rate(self.problem, sku, (*least, *most)).is_none() {
                    if *least > 0 {
                        return false;
                    }
                    *most = 0;
                    changed = true;
                }
            }
            if !changed {
                return true;
            }
        }
    }

    fn rates(&self, node: &Node) -> Rates {
        let mut rates = vec![None; self.problem.skus.len()];
        for (&sku, &range) in node.range.iter().filter(|(_, range)| range.1 > 0) {
            rates[sku] = rate(self.problem, sku, range);
        }
        rates
    }

    /// The best option of each class at these rates, and the bound that they give.
    fn cheapest(&self, node: &mut Node, rates: &Rates) -> Option<(Tuple, Sum)> {
        let mut tuple = Vec::new();
        let mut total = Sum { cost: 0, tail: Keys::default() };
        for (site, (offers, allowed)) in self.offers.iter().zip(&node.allowed).enumerate() {
            let facts = self.options[site].unit.site;
            let mut best: Option<(usize, Sum)> = None;
            for &index in allowed.iter() {
                let offer = &offers[index as usize];
                let mut sum = offer.sum;
                let mut price = 0_u64;
                for (sku, quantity) in &offer.needs {
                    let rate = rates[*sku]?;
                    let paid = rate.per_piece * i128::from(*quantity);
                    sum.cost += money(self.problem, paid);
                    sum.tail.capex += paid;
                    price = price.saturating_add(rate.lowest.saturating_mul(quantity / facts.count.max(1)));
                }
                if facts.price_limit.is_some_and(|limit| price > limit.0) {
                    continue;
                }
                if !self.ties {
                    sum.tail = Keys::default();
                }
                let better = match &best {
                    None => true,
                    Some((other, known)) => {
                        sum < *known || sum == *known && self.ties && offer.names < offers[*other].names
                    }
                };
                if better {
                    best = Some((index as usize, sum));
                }
            }
            let (index, sum) = best?;
            tuple.push(index);
            total = Sum { cost: total.cost + sum.cost, tail: total.tail + sum.tail };
        }
        Some((tuple, self.rounded(total)))
    }

    /// Prices are whole cents: a bound between two of them is the next one, and then says nothing about ties.
    fn rounded(&self, mut sum: Sum) -> Sum {
        let cent = scale(self.problem);
        match self.problem.objective {
            Objective::Capex if sum.cost.rem_euclid(cent) != 0 => {
                Sum { cost: (sum.cost.div_euclid(cent) + 1) * cent, tail: Keys::LEAST }
            }
            Objective::Power if sum.tail.capex.rem_euclid(CENT) != 0 => {
                sum.tail = Keys { capex: (sum.tail.capex.div_euclid(CENT) + 1) * CENT, ..Keys::LEAST };
                sum.tail.objective = 0;
                sum
            }
            _ => sum,
        }
    }

    pub(super) fn quantities(&self, tuple: &Tuple) -> BTreeMap<usize, u64> {
        let mut all = BTreeMap::new();
        for (&index, offers) in tuple.iter().zip(&self.offers) {
            for &(sku, quantity) in &offers[index].needs {
                *all.entry(sku).or_insert(0_u64) += quantity;
            }
        }
        all
    }

    /// What so many pieces cost, spares included, in millionths of a cent.
    fn paid(&self, sku: usize, quantity: u64) -> Option<i128> {
        let pieces = ordered(self.problem, sku, quantity);
        let price = self.problem.skus[sku].price_at(pieces)?;
        Some(i128::from(price.0) * i128::from(pieces) * CENT)
    }

    /// The cost of a tuple, or the SKU that stands in its way.
    fn exact(&self, tuple: &Tuple, quantities: &BTreeMap<usize, u64>) -> Result<Sum, usize> {
        let mut sum = Sum { cost: 0, tail: Keys::default() };
        for (&sku, &quantity) in quantities {
            let paid = self.paid(sku, quantity).ok_or(sku)?;
            sum.cost += money(self.problem, paid);
            sum.tail.capex += paid;
        }
        for (site, &index) in tuple.iter().enumerate() {
            let offer = &self.offers[site][index];
            sum.cost += offer.sum.cost;
            sum.tail += offer.sum.tail;
            let facts = self.options[site].unit.site;
            let Some(limit) = facts.price_limit else { continue };
            let price_of = |sku: usize| {
                let quantity = quantities[&sku];
                let pieces = ordered(self.problem, sku, quantity);
                self.problem.skus[sku].price_at(pieces).map_or(u64::MAX, |price| price.0)
            };
            let per_unit =
                |&(sku, quantity): &(usize, u64)| price_of(sku).saturating_mul(quantity / facts.count.max(1));
            let price = offer.needs.iter().fold(0_u64, |sum, need| sum.saturating_add(per_unit(need)));
            if price > limit.0 {
                // The SKU that could be cheaper by most.
                let gain = |sku: usize| {
                    let lowest = self.problem.skus[sku].prices.iter().map(|(_, price)| price.0).min().unwrap_or(0);
                    price_of(sku) - lowest.min(price_of(sku))
                };
                let sku =
                    offer.needs.iter().map(|&(sku, _)| sku).max_by_key(|&sku| (gain(sku), std::cmp::Reverse(sku)));
                return Err(sku.unwrap_or(0));
            }
        }
        if !self.ties {
            sum.tail = Keys::default();
        }
        Ok(sum)
    }

    /// Splits a node on the quantity of a SKU, or, where its range already leaves the tuple out, on the options of a class.
    fn split(&self, node: Node, tuple: &Tuple, sku: usize, quantities: &BTreeMap<usize, u64>, stack: &mut Vec<Node>) {
        let quantity = quantities[&sku];
        let (least, most) = node.range.get(&sku).copied().unwrap_or((0, u64::MAX));
        if (least..=most).contains(&quantity) && least < most {
            // Within one price the rate is that price: first between prices.
            let next = self.next_price(sku, quantity, most).or_else(|| self.next_price(sku, least, quantity));
            let parts = if let Some(next) = next {
                [(least, next - 1), (next, most)]
            } else if quantity < most {
                [(least, quantity), (quantity + 1, most)]
            } else {
                [(least, quantity - 1), (quantity, most)]
            };
            for part in parts {
                let mut child = node.clone();
                child.range.insert(sku, part);
                stack.push(child);
            }
            return;
        }
        // The quantity is fixed or out of range: some class must take another number of this SKU, or another option.
        let needs = |site: usize, index: u32| {
            let needs = &self.offers[site][index as usize].needs;
            needs.iter().find(|(other, _)| *other == sku).map_or(0, |&(_, quantity)| quantity)
        };
        for site in node.torn.into_iter().chain(0..tuple.len()) {
            let now = needs(site, tuple[site] as u32);
            let (same, other): (Vec<u32>, Vec<u32>) = node.allowed[site].iter().partition(|&&i| needs(site, i) == now);
            if !other.is_empty() {
                for part in [other, same] {
                    let mut child = node.clone();
                    child.allowed[site] = Rc::new(part);
                    stack.push(child);
                }
                return;
            }
        }
        self.partition(&node, tuple, stack);
    }

    /// The least quantity above one, and at most another, from which the next price of a SKU holds.
    fn next_price(&self, sku: usize, quantity: u64, most: u64) -> Option<u64> {
        let bought = |quantity: u64| ordered(self.problem, sku, quantity);
        let from = self.problem.skus[sku].prices.iter().map(|(from, _)| *from).find(|from| *from > bought(quantity))?;
        if bought(most) < from {
            return None;
        }
        let (mut low, mut high) = (quantity, most);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if bought(middle) >= from { high = middle } else { low = middle }
        }
        Some(high)
    }

    /// Everything in a node but this tuple.
    fn partition(&self, node: &Node, tuple: &Tuple, stack: &mut Vec<Node>) {
        let mut fixed = node.clone();
        for (site, &index) in tuple.iter().enumerate() {
            let mut child = fixed.clone();
            let others: Vec<u32> = child.allowed[site].iter().copied().filter(|&i| i as usize != index).collect();
            if !others.is_empty() {
                child.allowed[site] = Rc::new(others);
                stack.push(child);
            }
            fixed.allowed[site] = Rc::new(vec![index as u32]);
        }
    }

    fn is_forbidden(&self, tuple: &Tuple) -> bool {
        let kinds = || tuple.iter().zip(self.options.iter()).map(|(&index, options)| &options.found[index].1.kinds);
        self.forbidden.iter().any(|forbidden| kinds().eq(forbidden.iter()))
    }
}

/// An option with its keys, or with a bound of them as long as its best packing is not known.
fn offer(problem: &Problem, options: &Options, index: usize, ties: bool) -> Offer {
    let choice = &options.found[index].1;
    let unit = options.unit;
    let mut needs: Vec<(usize, u64)> = Vec::new();
    for &kind in &choice.kinds {
        let sku = unit.kinds[usize::from(kind)].sku;
        match needs.iter_mut().find(|(other, _)| *other == sku) {
            Some((_, quantity)) => *quantity += unit.site.count,
            None => needs.push((sku, unit.site.count)),
        }
    }
    let cost = if problem.objective == Objective::Capex { 0 } else { choice.running };
    let mut tail = Keys::default();
    let mut names = (Vec::new(), Vec::new());
    if ties {
        names.0 = choice.kinds.iter().map(|&kind| problem.skus[unit.kinds[usize::from(kind)].sku].id.clone()).collect();
        names.0.sort();
        tail = match &choice.packed {
            Some(packed) => {
                names.1.clone_from(&packed.modes);
                Keys { objective: 0, ..packed.keys }
            }
            None => options.least_keys(index),
        };
    }
    Offer { needs, sum: Sum { cost, tail }, names, exact: choice.packed.is_some() }
}
