//! Options within an assortment: when only certain SKUs may be bought, and so many of each.

use super::{Combination, Options, Walk};
use crate::solve::assortment::Within;
use crate::solve::watch::{Stopped, Watch};

impl Options<'_> {
    /// The cheapest option within an assortment and its least cost; nothing when none costs at most the limit.
    pub(in crate::solve) fn first_within(
        &mut self,
        within: &Within,
        limit: Option<i128>,
        watch: &mut Watch,
    ) -> Result<Option<(usize, i128)>, Stopped> {
        let most = limit.map_or(self.most, |limit| limit.min(self.most));
        let mut from = self.base - 1;
        let mut upto = self.values.as_ref().filter(|_| !self.unit.running()).map_or(self.base, |values| values.least);
        while from < most {
            let step = self.order.first().and_then(|&kind| self.least(kind)).unwrap_or(1).max(1);
            upto = (upto + ((upto - self.base) / 5).max(step)).min(most);
            let band = self.band(from, upto, within, watch)?;
            for (floor, kinds) in band {
                if let Some(index) = self.look(floor, kinds, watch)? {
                    return Ok(Some((index, floor)));
                }
            }
            from = upto;
        }
        Ok(None)
    }

    /// Every option within an assortment that costs at most the limit.
    pub(in crate::solve) fn all_within(
        &mut self,
        within: &Within,
        limit: Option<i128>,
        watch: &mut Watch,
    ) -> Result<Vec<u32>, Stopped> {
        let most = limit.map_or(self.most, |limit| limit.min(self.most));
        let mut all = Vec::new();
        for (floor, kinds) in self.band(self.base - 1, most, within, watch)? {
            all.extend(self.look(floor, kinds, watch)?.map(|index| index as u32));
        }
        Ok(all)
    }

    /// The combinations of a range of costs within an assortment, cheapest first.
    fn band(
        &self,
        from: i128,
        upto: i128,
        within: &Within,
        watch: &mut Watch,
    ) -> Result<Vec<(i128, Combination)>, Stopped> {
        let mut band = Vec::new();
        self.walk(0, self.base, &mut Walk::new(from, upto, Some(within)), &mut band, watch)?;
        band.sort_unstable();
        Ok(band)
    }

    /// The place of a combination in the list, if it can host everything and is wanted.
    fn look(&mut self, floor: i128, kinds: Combination, watch: &mut Watch) -> Result<Option<usize>, Stopped> {
        if let Some(&known) = self.seen.get(&kinds) {
            return Ok(known);
        }
        let listed = self.found.len();
        let known = self.consider(floor, kinds.clone(), watch)?.then_some(listed);
        self.seen.insert(kinds, known);
        Ok(known)
    }
}
