//! The units that a site class can be built from: combinations of SKUs that can host all its items, in the order of what
//! they cost at least.

mod within;

use std::collections::{HashMap, HashSet};

use super::assortment::Within;
use super::construct::Builder;
use super::keys::{Keys, TCO_CENT};
use super::pack::{Packed, Packer, Refiner};
use super::pattern;
use super::problem::{Objective, Problem};
use super::set::Set;
use super::unit::Unit;
use super::value::Values;
use super::watch::{Stopped, Watch};

/// A combination of SKUs as indices into [`Unit::kinds`], ascending, one entry per device.
pub(super) type Combination = Vec<u16>;

/// From so many items on working out their values pays.
const WORTH_VALUES: usize = 4;

/// A running objective, the machines that reach it and what each hosts.
type Cheapest = (i128, Vec<usize>, Vec<Set>);

/// A combination that can host everything.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    /// What is bought.
    pub(super) kinds: Combination,
    /// The least objective apart from the price, over the site class's count.
    pub(super) running: i128,
    /// A packing of that objective: machines and what each hosts.
    start: (Vec<usize>, Vec<Set>),
    /// The best packing, once it was asked for.
    pub(super) packed: Option<Packed>,
}

/// What a SKU costs at least, in the unit of the search (see [`scale`]).
#[derive(Debug, Clone)]
pub(super) struct Tariff {
    /// For a number of devices of this kind in one unit what all units of the site class cost at least; absent where so
    /// many can never be bought.
    pub(super) floor: Vec<Option<i128>>,
    /// One price for every quantity, and above zero.
    pub(super) flat: bool,
}

/// The unit in which costs are compared while the search runs: how many of these units make one cent (milliwatt).
pub(super) fn scale(problem: &Problem) -> i128 {
    match problem.objective {
        Objective::Capex => 1_000_000,
        Objective::Tco { .. } => TCO_CENT,
        Objective::Power => 1,
    }
}

/// The choices of one site class, listed from the cheapest up as far as was asked for.
#[derive(Debug)]
pub(super) struct Options<'u> {
    pub(super) unit: &'u Unit<'u>,
    packer: Packer<'u>,
    tariffs: &'u [Tariff],
    /// Whether combinations that contain a smaller feasible one are wanted although they cost more.
    supersets: bool,
    /// Kinds to buy, by least cost.
    order: Vec<u16>,
    /// What every combination costs whatever is bought.
    base: i128,
    /// Least running cost of a device by kind.
    running: Vec<i128>,
    /// Listed so far, by least cost.
    pub(super) found: Vec<(i128, Choice)>,
    /// Generated and not yet looked at, the cheapest last.
    pending: Vec<(i128, Combination)>,
    covered: HashSet<Combination>,
    /// What was listed before its turn.
    started: Option<Combination>,
    /// What was looked at within an assortment, with its place in `found` if it is listed.
    seen: HashMap<Combination, Option<usize>>,
    /// All combinations that cost no more than this have been generated.
    generated: i128,
    /// What hosting is worth, where working it out pays.
    values: Option<Values>,
    /// From each position of `order` on, the largest worth of a device and the largest worth per cost.
    reach: Vec<(i128, f64)>,
    /// From each position of `order` on, the least excess of a device, at most zero.
    dips: Vec<i128>,
    /// By kind, the least excess of its modes.
    excess: Vec<i128>,
    /// What no option may cost for the class if it is to be part of a plan that is still wanted, running costs included.
    ceiling: Option<i128>,
    most: i128,
    most_skus: usize,
}

impl<'u> Options<'u> {
    pub(super) fn new(unit: &'u Unit<'u>, tariffs: &'u [Tariff], supersets: bool, patterns_from: usize) -> Self {
        let least_running =
            |kind: &super::unit::Kind| kind.modes.iter().map(|&m| unit.machines[m].base.objective).min().unwrap_or(0);
        let running: Vec<i128> = unit.kinds.iter().map(least_running).collect();
        let scaled = if unit.problem.objective == Objective::Capex { 0 } else { 1 };
        let energy = |number: usize| {
            let choices = unit.machines.iter().flat_map(|machine| {
                machine.lean[number].iter().map(|choice| machine.per_load * i128::from(choice.load))
            });
            choices.min().unwrap_or(0) * unit.items[number].copies as i128
        };
        let base: i128 = (0..unit.items.len()).map(energy).sum::<i128>() * scaled;
        let mut options = Self {
            unit,
            packer: Packer::new(unit),
            tariffs,
            supersets: supersets || unit.problem.objective != Objective::Capex,
            order: Vec::new(),
            base,
            running,
            found: Vec::new(),
            pending: Vec::new(),
            covered: HashSet::new(),
            started: None,
            seen: HashMap::new(),
            generated: base - 1,
            values: None,
            reach: Vec::new(),
            dips: Vec::new(),
            excess: Vec::new(),
            ceiling: None,
            most: base,
            most_skus: unit.problem.max_skus.map_or(usize::MAX, |most| most as usize),
        };
        let mut order: Vec<(i128, u16)> =
            (0..unit.kinds.len() as u16).filter_map(|kind| Some((options.least(kind)?, kind))).collect();
        order.sort_unstable();
        // Where nothing can host an item there is nothing to look for.
        let able = unit.kinds.iter().fold(Set::EMPTY, |set, kind| set.union(kind.able));
        if unit.items.iter().enumerate().any(|(number, item)| item.copies > 0 && !able.contains(number)) {
            order.clear();
        }
        options.order = order.into_iter().map(|(_, kind)| kind).collect();
        let dearest = |&kind: &u16| (1..=unit.slots).filter_map(|count| options.cost(kind, count)).max();
        let most = options.order.iter().filter_map(dearest).max().unwrap_or(0);
        options.most = base + most.saturating_mul(unit.slots as i128);
        if unit.slots > 1 && unit.items.len() >= WORTH_VALUES.min(patterns_from) {
            options.value();
        }
        options
    }

    /// Works out what hosting is worth, as a bound for whole and partial combinations.
    fn value(&mut self) {
        let values = Values::new(self.unit, &self.prices());
        self.bound_by(values);
    }

    /// Takes these values as bounds.
    fn bound_by(&mut self, values: Values) {
        let excess = |kind: &super::unit::Kind| kind.modes.iter().map(|&mode| values.excess[mode]).min().unwrap_or(0);
        self.excess = self.unit.kinds.iter().map(excess).collect();
        self.dips = vec![0; self.order.len() + 1];
        for (position, &kind) in self.order.iter().enumerate().rev() {
            self.dips[position] = self.dips[position + 1].min(self.excess[usize::from(kind)]);
        }
        let mut reach = (0, 0.0_f64);
        self.reach = vec![reach; self.order.len() + 1];
        for (position, &kind) in self.order.iter().enumerate().rev() {
            let worth = values.kinds[usize::from(kind)];
            let price = self.price(kind).unwrap_or(0);
            reach.0 = worth.max(reach.0);
            reach.1 = if price > 0 { (worth as f64 / price as f64 * (1.0 + 1e-9)).max(reach.1) } else { f64::INFINITY };
            self.reach[position] = reach;
        }
        // With running costs the least cost of a combination knows nothing of where the load will be: it may lie below.
        if !self.unit.running() {
            self.generated = self.generated.max((values.least - 1).min(self.most));
        }
        self.values = Some(values);
    }

    /// What one device of a kind costs at least, however many are bought.
    fn price(&self, kind: u16) -> Option<i128> {
        (1..=self.unit.slots).filter_map(|count| Some(self.cost(kind, count)?.div_euclid(count as i128))).min()
    }

    /// What one device of each kind costs at least, running costs aside.
    fn prices(&self) -> Vec<Option<i128>> {
        let price = |kind: usize| Some(self.price(kind as u16)? - self.running[kind]);
        (0..self.unit.kinds.len()).map(price).collect()
    }

    /// Whether devices of this worth, with so much to spend from a position of `order` on, can host everything.
    fn worthy(&self, worth: i128, spare: i128, position: usize, left: usize) -> bool {
        let Some(values) = self.values.as_ref().filter(|_| !self.unit.running()) else { return true };
        let (most, density) = self.reach[position];
        let by_money = if spare <= 0 { 0.0 } else { spare as f64 * density };
        worth as f64 + by_money.min(most as f64 * left as f64) * (1.0 + 1e-9) + 1.0 >= values.need as f64
    }

    /// Options that cost the class more than this, running costs included, are not wanted any more.
    pub(super) fn only_upto(&mut self, ceiling: i128) {
        self.ceiling = Some(self.ceiling.map_or(ceiling, |known| known.min(ceiling)));
    }

    /// Whether devices with so much excess, and so many more from a position of `order` on, cost more than is wanted.
    fn too_dear(&self, excess: i128, position: usize, left: usize) -> bool {
        match (self.ceiling, &self.values) {
            (Some(ceiling), Some(values)) if self.unit.running() => {
                values.need + excess + self.dips[position] * left as i128 > ceiling
            }
            _ => false,
        }
    }

    /// Looks for a good unit, as a start for large classes; what it finds is listed.
    pub(super) fn construct(&mut self, watch: &mut Watch) -> Result<(), Stopped> {
        let Some(values) = &self.values else { return Ok(()) };
        let prices = self.prices();
        let mut built = Builder::new(self.unit, &prices, values).build(watch)?;
        let mut stopped = false;
        if self.unit.items.len() >= watch.patterns_from() {
            let told = pattern::tell(self.unit, &prices, values, built.as_deref(), watch);
            if let Some(told) = told {
                built = told.unit.or(built);
                stopped = told.stopped;
                if told.values.least > values.least {
                    self.bound_by(told.values);
                }
            }
        }
        let Some(devices) = built else { return if stopped { Err(Stopped) } else { Ok(()) } };
        let bins: Vec<usize> = devices.iter().map(|device| device.machine).collect();
        let sets: Vec<Set> = devices.iter().map(pattern::set).collect();
        let kind = |bin: &usize| self.unit.kinds.iter().position(|kind| kind.modes.contains(bin)).unwrap_or(0) as u16;
        let mut kinds: Combination = bins.iter().map(kind).collect();
        kinds.sort_unstable();
        let distinct = kinds.chunk_by(|a, b| a == b).count();
        let prices = kinds.iter().map(|&kind| self.unit.cheapest(self.unit.kinds[usize::from(kind)].sku).unwrap_or(0));
        let price: u64 = prices.sum();
        let dear = self.unit.site.price_limit.is_some_and(|limit| price > limit.0);
        let Some(floor) = self.floor(&kinds).filter(|_| distinct <= self.most_skus && !dear) else { return Ok(()) };
        // The same devices may do better packed otherwise, and every device must be able to host something.
        let found = match self.unit.running() {
            true => self.cheapest(&kinds, watch)?,
            false => Some((0, bins, sets)),
        };
        if let Some((running, bins, sets)) = found {
            self.started = Some(kinds.clone());
            self.found.push((floor, Choice { kinds, running, start: (bins, sets), packed: None }));
        }
        if stopped { Err(Stopped) } else { Ok(()) }
    }

    /// The least cost of a combination.
    fn floor(&self, kinds: &[u16]) -> Option<i128> {
        let runs = kinds.chunk_by(|a, b| a == b);
        runs.map(|run| self.cost(run[0], run.len())).try_fold(self.base, |sum, cost| Some(sum + cost?))
    }

    /// What every choice costs at least, listed or not.
    pub(super) fn lowest(&self) -> Option<i128> {
        let listed = self.found.iter().map(|(floor, _)| *floor).min();
        let known = match (listed, self.reached()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        known.map(|known| known.max(self.values.as_ref().map_or(known, |values| values.least)))
    }

    /// What so many devices of a kind cost at least, over all units of the class.
    fn cost(&self, kind: u16, count: usize) -> Option<i128> {
        let price = self.tariffs[usize::from(kind)].floor.get(count).copied().flatten()?;
        Some(price + self.running[usize::from(kind)] * count as i128)
    }

    fn least(&self, kind: u16) -> Option<i128> {
        (1..=self.unit.slots).filter_map(|count| self.cost(kind, count)).min()
    }

    /// Lists choices until there is one more; false when there are no more.
    pub(super) fn next(&mut self, watch: &mut Watch) -> Result<bool, Stopped> {
        while let Some((floor, kinds)) = self.take(None, watch)? {
            if self.consider(floor, kinds, watch)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Lists every choice that costs no more than this.
    pub(super) fn complete(&mut self, upto: i128, watch: &mut Watch) -> Result<(), Stopped> {
        while let Some((floor, kinds)) = self.take(Some(upto), watch)? {
            self.consider(floor, kinds, watch)?;
        }
        Ok(())
    }

    /// What is not listed yet costs at least this; nothing when all is listed.
    pub(super) fn reached(&self) -> Option<i128> {
        let reached = match self.pending.last() {
            Some((floor, _)) => Some(*floor),
            None => (self.generated < self.most).then_some(self.generated + 1),
        };
        reached.map(|reached| reached.max(self.values.as_ref().map_or(reached, |values| values.least)))
    }

    /// The next combination in order of cost, up to a limit.
    fn take(&mut self, upto: Option<i128>, watch: &mut Watch) -> Result<Option<(i128, Combination)>, Stopped> {
        loop {
            match self.pending.last() {
                Some((floor, _)) if upto.is_some_and(|upto| *floor > upto) => return Ok(None),
                Some(_) => return Ok(self.pending.pop()),
                None if self.generated >= self.most || upto.is_some_and(|upto| self.generated >= upto) => {
                    return Ok(None);
                }
                None => {
                    let step = self.order.first().and_then(|&kind| self.least(kind)).unwrap_or(1).max(1);
                    let grown = self.generated + ((self.generated - self.base) / 4).max(step);
                    self.generate(upto.unwrap_or(grown).min(self.most), watch)?;
                }
            }
        }
    }

    /// Generates all combinations that cost more than before and no more than this.
    fn generate(&mut self, upto: i128, watch: &mut Watch) -> Result<(), Stopped> {
        let mut band = Vec::new();
        let mut walk = Walk::new(self.generated, upto, None);
        self.walk(0, self.base, &mut walk, &mut band, watch)?;
        band.sort_unstable_by(|a, b| b.cmp(a));
        self.pending = band;
        self.generated = walk.upto;
        Ok(())
    }

    fn walk(
        &self,
        from: usize,
        cost: i128,
        walk: &mut Walk<'_>,
        band: &mut Vec<(i128, Combination)>,
        watch: &mut Watch,
    ) -> Result<(), Stopped> {
        watch.step(1)?;
        let left = self.unit.slots - walk.kinds.len();
        let full = walk.within.is_none() && walk.distinct >= self.most_skus;
        if left == 0 || full || !self.worthy(walk.worth, walk.upto - cost, from, left) {
            return Ok(());
        }
        if self.too_dear(walk.excess, from, left) {
            return Ok(());
        }
        for (position, &kind) in self.order.iter().enumerate().skip(from) {
            if self.least(kind).is_none_or(|least| cost + least > walk.upto) {
                break;
            }
            if !self.worthy(walk.worth, walk.upto - cost, position, left) {
                break;
            }
            let fresh = match walk.within {
                Some(within) => {
                    let sku = self.unit.kinds[usize::from(kind)].sku;
                    if !within.allowed[sku] || !within.required[sku] && walk.distinct >= within.free {
                        continue;
                    }
                    usize::from(!within.required[sku])
                }
                None => 1,
            };
            let facts = &self.unit.kinds[usize::from(kind)];
            let worth = self.values.as_ref().map_or(0, |values| values.kinds[usize::from(kind)]);
            let price = self.unit.cheapest(facts.sku).unwrap_or(0);
            let power = facts.modes.iter().map(|&m| self.unit.machines[m].power).min().unwrap_or(0);
            let excess = self.excess.get(usize::from(kind)).copied().unwrap_or(0);
            let before = (walk.price, walk.power, walk.kinds.len(), walk.worth, walk.excess);
            for count in 1..=left {
                walk.kinds.push(kind);
                walk.price += price;
                walk.power += power;
                walk.worth += worth;
                walk.excess += excess;
                if self.unit.site.price_limit.is_some_and(|limit| walk.price > limit.0)
                    || self.unit.site.power_limit.is_some_and(|limit| walk.power > limit.0)
                {
                    break;
                }
                let Some(more) = self.cost(kind, count) else { continue };
                let sum = cost + more;
                if sum <= walk.upto {
                    let enough = self.worthy(walk.worth, 0, self.order.len(), 0)
                        && !self.too_dear(walk.excess, self.order.len(), 0);
                    if sum > walk.from && enough && self.plausible(&walk.kinds) {
                        let mut kinds = walk.kinds.clone();
                        kinds.sort_unstable();
                        band.push((sum, kinds));
                        walk.shorten(band);
                    }
                    walk.distinct += fresh;
                    self.walk(position + 1, sum, walk, band, watch)?;
                    walk.distinct -= fresh;
                }
            }
            (walk.price, walk.power, walk.worth, walk.excess) = (before.0, before.1, before.3, before.4);
            walk.kinds.truncate(before.2);
        }
        Ok(())
    }

    /// A quick necessary condition: every item has as many devices that could host it as it has copies.
    fn plausible(&self, kinds: &[u16]) -> bool {
        let able =
            |number: usize| kinds.iter().filter(|&&k| self.unit.kinds[usize::from(k)].able.contains(number)).count();
        self.unit.items.iter().enumerate().all(|(number, item)| able(number) >= item.copies)
    }

    /// Lists a combination if it can host everything.
    fn consider(&mut self, floor: i128, kinds: Combination, watch: &mut Watch) -> Result<bool, Stopped> {
        watch.step(1)?;
        if self.started.as_ref() == Some(&kinds) {
            self.covered.insert(kinds);
            return Ok(true);
        }
        if !self.supersets && self.is_covered(&kinds) {
            self.covered.insert(kinds);
            return Ok(false);
        }
        let Some((running, bins, sets)) = self.cheapest(&kinds, watch)? else { return Ok(false) };
        if !self.supersets {
            self.covered.insert(kinds.clone());
        }
        self.found.push((floor, Choice { kinds, running, start: (bins, sets), packed: None }));
        Ok(true)
    }

    /// Whether the combination without one device of a flat price is enough: then it always costs less.
    fn is_covered(&self, kinds: &[u16]) -> bool {
        (0..kinds.len()).any(|position| {
            let mut fewer = kinds.to_vec();
            let kind = fewer.remove(position);
            self.tariffs[usize::from(kind)].flat && self.covered.contains(&fewer)
        })
    }

    /// The least running objective of a combination, over all modes.
    fn cheapest(&mut self, kinds: &[u16], watch: &mut Watch) -> Result<Option<Cheapest>, Stopped> {
        let capex = self.unit.problem.objective == Objective::Capex;
        let mut best: Option<Cheapest> = None;
        for bins in self.machines(kinds, capex) {
            let base: i128 = bins.iter().map(|&bin| self.unit.machines[bin].base.objective).sum();
            let below = best.as_ref().map(|(objective, _, _)| *objective);
            let excess = || bins.iter().map(|&bin| self.values.as_ref().map_or(0, |values| values.excess[bin])).sum();
            if below.is_some_and(|below| base >= below) || self.too_dear(excess(), self.order.len(), 0) {
                continue;
            }
            if let Some((objective, sets)) = self.packer.fit(&bins, !capex, below, watch)? {
                best = Some((objective, bins, sets));
                if capex {
                    break;
                }
            }
        }
        Ok(best)
    }

    /// Every combination of modes within the power limit, least running cost first.
    fn machines(&self, kinds: &[u16], strong: bool) -> Vec<Vec<usize>> {
        let unit = self.unit;
        let mut all: Vec<Vec<usize>> = vec![Vec::new()];
        for run in kinds.chunk_by(|a, b| a == b) {
            let kind = &unit.kinds[usize::from(run[0])];
            let modes = if strong { &kind.strong } else { &kind.modes };
            let picks = with_repetition(modes, run.len());
            all = all.iter().flat_map(|bins| picks.iter().map(move |pick| [bins.as_slice(), pick].concat())).collect();
        }
        let power = |bins: &[usize]| bins.iter().fold(0_u64, |sum, &bin| sum.saturating_add(unit.machines[bin].power));
        all.retain(|bins| unit.site.power_limit.is_none_or(|limit| power(bins) <= limit.0));
        all.sort_by_key(|bins| bins.iter().map(|&bin| unit.machines[bin].base.objective).sum::<i128>());
        all
    }

    /// Works out the best packing of a listed choice; false when steps ran out before it was proven.
    pub(super) fn refine(&mut self, index: usize, watch: &mut Watch) -> Result<bool, Stopped> {
        let choice = &self.found[index].1;
        if choice.packed.is_some() {
            return Ok(true);
        }
        let mut refiner = Refiner::new(self.unit);
        refiner.start(&choice.start.0, &choice.start.1);
        let mut whole = true;
        for bins in self.machines(&choice.kinds, false) {
            let keys: Keys = bins.iter().map(|&bin| self.unit.machines[bin].base).sum();
            if refiner.best.as_ref().is_some_and(|best| keys.objective > best.keys.objective) {
                continue;
            }
            match refiner.refine(&self.packer, &bins, watch) {
                Ok(()) if refiner.proven => {}
                Ok(()) | Err(Stopped) => {
                    whole = false;
                    break;
                }
            }
        }
        self.found[index].1.packed = refiner.best;
        Ok(whole)
    }
}

impl Options<'_> {
    /// A bound of all keys but the objective of a listed choice.
    pub(super) fn least_keys(&self, index: usize) -> Keys {
        let unit = self.unit;
        let kinds = &self.found[index].1.kinds;
        let machines = |kind: u16| unit.kinds[usize::from(kind)].modes.iter().map(|&m| &unit.machines[m]);
        let mut keys = Keys::default();
        for &kind in kinds {
            keys.power += machines(kind).map(|machine| machine.base.power).min().unwrap_or(0);
            keys.taken += machines(kind).map(|machine| machine.base.taken).min().unwrap_or(0);
        }
        for (number, item) in unit.items.iter().enumerate() {
            let added = || {
                let all = kinds.iter().flat_map(|&kind| machines(kind));
                all.flat_map(|machine| machine.choices[number].iter().map(|c| unit.least_added(machine, c)))
            };
            let least = |of: fn(&Keys) -> i128| added().map(|keys| of(&keys)).min().unwrap_or(0) * item.copies as i128;
            keys.quality += least(|k| k.quality);
            keys.doubts += least(|k| k.doubts);
            keys.slowness += least(|k| k.slowness);
            keys.taken += least(|k| k.taken);
        }
        keys
    }
}

/// Combinations that are kept at once, some hundred bytes each.
const BAND: usize = 500_000;

/// Where a walk over combinations is.
struct Walk<'w> {
    within: Option<&'w Within>,
    from: i128,
    upto: i128,
    kinds: Vec<u16>,
    distinct: usize,
    price: u64,
    power: u64,
    worth: i128,
    excess: i128,
    /// Combinations from which on the walk ends at a lower cost.
    most: usize,
}

impl<'w> Walk<'w> {
    fn new(from: i128, upto: i128, within: Option<&'w Within>) -> Self {
        let most = if within.is_some() { usize::MAX } else { BAND };
        Self { within, from, upto, kinds: Vec::new(), distinct: 0, price: 0, power: 0, worth: 0, excess: 0, most }
    }

    /// Ends at a lower cost when too much was found to keep; what costs more comes with the next walk. What costs the
    /// same stays together.
    fn shorten(&mut self, band: &mut Vec<(i128, Combination)>) {
        if band.len() < self.most {
            return;
        }
        let middle = band.len() / 2;
        self.upto = band.select_nth_unstable(middle).1.0;
        band.retain(|(sum, _)| *sum <= self.upto);
        band.shrink_to(self.most);
        self.most = BAND.max(2 * band.len());
    }
}

/// All ways to take so many of these, order aside.
fn with_repetition(from: &[usize], count: usize) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..count {
        let mut next = Vec::new();
        for start in &all {
            let first = start.last().and_then(|last| from.iter().position(|f| f == last)).unwrap_or(0);
            next.extend(from[first..].iter().map(|&mode| [start.as_slice(), &[mode]].concat()));
        }
        all = next;
    }
    all
}
