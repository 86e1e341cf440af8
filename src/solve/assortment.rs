//! The search when only so many different SKUs may be bought: branch on the SKUs, and list the options of a class only
//! within those that are left.

use super::fleet::{Fleet, Tuple};
use super::options::Options;
use super::problem::Problem;
use super::watch::{Stopped, Watch};

/// Which SKUs an option may use.
#[derive(Debug, Clone)]
pub(super) struct Within {
    /// By SKU, whether it may be used at all.
    pub(super) allowed: Vec<bool>,
    /// By SKU, whether it is bought anyway.
    pub(super) required: Vec<bool>,
    /// SKUs that may be used beside the required ones.
    pub(super) free: usize,
}

/// The search over assortments.
pub(super) struct Assortments<'a, 'u> {
    pub(super) problem: &'a Problem,
    pub(super) options: &'a mut [Options<'u>],
    /// The best plan so far.
    pub(super) best: Option<(Tuple, i128)>,
    /// What open parts of the search cost at least.
    pub(super) open: Vec<i128>,
}

impl Assortments<'_, '_> {
    /// Searches every assortment of at most so many SKUs; all options of all plans of the least cost end up listed.
    pub(super) fn search(&mut self, most: usize, watch: &mut Watch) -> Result<(), Stopped> {
        let count = self.problem.skus.len();
        let mut stack =
            vec![(i128::MIN, Within { allowed: vec![true; count], required: vec![false; count], free: most })];
        while let Some((bound, within)) = stack.pop() {
            self.open = stack.iter().map(|(bound, _)| *bound).chain([bound]).collect();
            if self.best.as_ref().is_some_and(|(_, best)| bound > *best) {
                continue;
            }
            let children = self.node(within, watch)?;
            stack.extend(children);
        }
        self.open.clear();
        Ok(())
    }

    fn node(&mut self, within: Within, watch: &mut Watch) -> Result<Vec<(i128, Within)>, Stopped> {
        let limit = self.best.as_ref().map(|(_, best)| *best);
        let (mut picks, mut sum) = (Vec::new(), 0_i128);
        for site in self.options.iter_mut() {
            let Some((index, floor)) = site.first_within(&within, limit.map(|limit| limit - sum), watch)? else {
                return Ok(Vec::new());
            };
            picks.push((index, floor));
            sum += floor;
        }
        if limit.is_some_and(|limit| sum > limit) {
            return Ok(Vec::new());
        }
        // How much is bought of each SKU that is not settled yet.
        let mut weights = vec![0_u64; self.problem.skus.len()];
        for (site, (index, _)) in self.options.iter().zip(&picks) {
            for &kind in &site.found[*index].1.kinds {
                weights[site.unit.kinds[usize::from(kind)].sku] += site.unit.site.count;
            }
        }
        let fresh: Vec<usize> = (0..weights.len()).filter(|&sku| weights[sku] > 0 && !within.required[sku]).collect();
        let next = fresh.iter().copied().max_by_key(|&sku| (weights[sku], std::cmp::Reverse(sku)));
        if let Some(sku) = next.filter(|_| fresh.len() > within.free) {
            return Ok(branches(within, sku, sum));
        }
        // The plan made of the picks is allowed: what it costs more than the bound is all that can still be won.
        let lists: Vec<Vec<u32>> = picks.iter().map(|(index, _)| vec![*index as u32]).collect();
        self.choose(lists, watch)?;
        let Some(best) = self.best.as_ref().map(|(_, best)| *best) else {
            // Its quantities cannot be bought or cost too much: everything within these SKUs has to be looked at.
            return match next {
                Some(sku) => Ok(branches(within, sku, sum)),
                None => self.exhaust(&within, &picks, None, watch),
            };
        };
        match next {
            Some(sku) if (best - sum) * 50 > sum => Ok(branches(within, sku, sum)),
            _ => self.exhaust(&within, &picks, Some(best - sum), watch),
        }
    }

    /// Lists everything within these SKUs that can be part of a plan no dearer than the best, and chooses.
    fn exhaust(
        &mut self,
        within: &Within,
        picks: &[(usize, i128)],
        slack: Option<i128>,
        watch: &mut Watch,
    ) -> Result<Vec<(i128, Within)>, Stopped> {
        let mut lists = Vec::new();
        for (site, (_, floor)) in self.options.iter_mut().zip(picks) {
            lists.push(site.all_within(within, slack.map(|slack| floor + slack.max(0)), watch)?);
        }
        self.choose(lists, watch)?;
        Ok(Vec::new())
    }

    fn choose(&mut self, lists: Vec<Vec<u32>>, watch: &mut Watch) -> Result<(), Stopped> {
        let mut fleet = Fleet::new(self.problem, self.options, &[], false);
        fleet.cut = self.best.as_ref().map(|(_, best)| *best);
        let result = fleet.search_lists(lists, watch);
        if let Some(best) = fleet.best.take()
            && self.best.as_ref().is_none_or(|(_, cost)| best.sum.cost < *cost)
        {
            watch.best = Some(super::search::value(self.problem, best.sum.cost));
            self.best = Some((best.tuple, best.sum.cost));
        }
        result
    }
}

/// Without a SKU, and with it; the latter is searched first.
fn branches(within: Within, sku: usize, bound: i128) -> Vec<(i128, Within)> {
    let mut without = within.clone();
    without.allowed[sku] = false;
    let mut with = within;
    with.required[sku] = true;
    with.free -= 1;
    vec![(bound, without), (bound, with)]
}
