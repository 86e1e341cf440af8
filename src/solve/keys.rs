//! The order among plans: what is minimised, and what decides between plans of equal objective.

use std::iter::Sum;
use std::ops::{Add, AddAssign};

use super::problem::{Candidate, Configuration, Host, Objective, Problem};
use crate::units::{Milliwatts, Money, PPM, Share};

/// One cent in the unit in which plans with energy costs are compared: millionths of a dollar per kilowatt-hour times
/// milliwatts times millionths of load times thousandths of an hour are 1e-21 dollars.
pub(super) const TCO_CENT: i128 = 10_000_000_000_000_000_000;

/// What a device of unknown draw counts in the order by power: more than any sum of known ones, so that it ranks last.
const UNKNOWN_POWER: i128 = 1 << 80;

/// The additive part of the order among plans: smaller is better, the first difference decides.
///
/// All parts are sums over devices and workload copies, so the keys of a plan are the sum of the keys of its parts, and
/// the least sum of independent parts is the sum of the least: every bound of the search rests on that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Keys {
    /// The objective: cents (capex), 1e-19 cents (tco, unrounded) or milliwatts (power).
    pub objective: i128,
    /// Purchase price in cents, spares included.
    pub capex: i128,
    /// Quality loss over workload copies times count, in millionths.
    pub quality: i128,
    /// Reasons to doubt that candidates suffice, over workload copies times count.
    pub doubts: i128,
    /// Draw at full load times count, in milliwatts; a device of unknown draw counts 2^80.
    pub power: i128,
    /// Changed settings of machines times count.
    pub changed: i128,
    /// Logarithmic time of a token or an inference, over workload copies times count.
    pub slowness: i128,
    /// Required minus capacity over devices and pools times count, in bytes: the negative of the free memory.
    pub taken: i128,
}

impl Keys {
    /// Better than every plan.
    pub(super) const LEAST: Self = Self {
        objective: i128::MIN,
        capex: i128::MIN,
        quality: i128::MIN,
        doubts: i128::MIN,
        power: i128::MIN,
        changed: i128::MIN,
        slowness: i128::MIN,
        taken: i128::MIN,
    };

    /// The keys of money alone.
    pub(super) fn of_capex(problem: &Problem, cents: i128) -> Self {
        let objective = match problem.objective {
            Objective::Capex => cents,
            Objective::Tco { .. } => cents * TCO_CENT,
            Objective::Power => 0,
        };
        Self { objective, capex: cents, ..Self::default() }
    }

    /// What a device adds by being there, its load and its memory aside, in `count` units.
    pub(super) fn of_host(problem: &Problem, host: &Host, count: u64) -> Self {
        let count = i128::from(count);
        let power = host.power.map_or(UNKNOWN_POWER, |power| i128::from(power.0));
        let objective = match problem.objective {
            Objective::Capex => 0,
            Objective::Tco { .. } => i128::from(idle(host)) * i128::from(PPM) * energy_price(problem),
            Objective::Power => power,
        };
        let changed = i128::from(host.changed);
        Self { objective: objective * count, power: power * count, changed: changed * count, ..Self::default() }
    }

    /// What one workload adds by its load on a device, in `count` units.
    pub(super) fn of_load(problem: &Problem, host: &Host, load: u64, count: u64) -> Self {
        let above_idle = i128::from(host.power.map_or(0, |power| power.0) - idle(host));
        let objective = above_idle * i128::from(load) * energy_price(problem);
        Self { objective: objective * i128::from(count), ..Self::default() }
    }

    /// What workloads add by the demerits of their candidates, in `count` units.
    pub(super) fn of_demerits(demerits: Demerits, count: u64) -> Self {
        let count = i128::from(count);
        Self {
            quality: i128::from(demerits.quality) * count,
            doubts: i128::from(demerits.doubts) * count,
            slowness: i128::from(demerits.slowness) * count,
            ..Self::default()
        }
    }

    /// The printed objective: whole cents (rounded half up) or milliwatts.
    #[must_use]
    pub fn value(&self, objective: Objective) -> u64 {
        let whole = match objective {
            Objective::Capex | Objective::Power => self.objective,
            Objective::Tco { .. } => (self.objective + TCO_CENT / 2).div_euclid(TCO_CENT),
        };
        u64::try_from(whole.max(0)).unwrap_or(u64::MAX)
    }

    /// The purchase price.
    #[must_use]
    pub fn money(&self) -> Money {
        Money(u64::try_from(self.capex.max(0)).unwrap_or(u64::MAX))
    }
}

/// What a device draws on average, in milliwatts: at rest, and at full load for the share of its time that is taken. Without a
/// figure for the rest it is taken to draw all of it always.
#[must_use]
pub fn mean_draw(power: Milliwatts, idle: Option<Milliwatts>, load: Share) -> f64 {
    let rest = idle.map_or(power.0, |idle| idle.0.min(power.0));
    rest as f64 + (power.0 - rest) as f64 * load.as_f64()
}

/// Draw at rest in milliwatts; a device without an idle figure, or with one above its full draw, always draws all.
fn idle(host: &Host) -> u64 {
    let full = host.power.map_or(0, |power| power.0);
    host.idle.map_or(full, |idle| idle.0.min(full))
}

/// Price of a milliwatt over the horizon in 1e-13 cents per millionth of load; nothing unless energy is paid for.
fn energy_price(problem: &Problem) -> i128 {
    match problem.objective {
        Objective::Tco { microusd_per_kwh, millihours } => i128::from(microusd_per_kwh) * i128::from(millihours),
        Objective::Capex | Objective::Power => 0,
    }
}

/// What candidates count in the order among plans by themselves, on whatever device: smaller is better, in this order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Demerits {
    /// Quality loss in millionths.
    pub(super) quality: u64,
    /// Reasons to doubt that it suffices.
    pub(super) doubts: u64,
    /// Logarithmic time of a token or an inference.
    pub(super) slowness: u64,
}

impl Demerits {
    pub(super) fn of(candidate: &Candidate) -> Self {
        Self { quality: candidate.quality_loss.0, doubts: candidate.doubts.into(), slowness: candidate.slowness.into() }
    }

    /// No worse in any respect.
    pub(super) fn no_worse_than(&self, other: &Self) -> bool {
        self.quality <= other.quality && self.doubts <= other.doubts && self.slowness <= other.slowness
    }
}

impl Add for Demerits {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            quality: self.quality.saturating_add(other.quality),
            doubts: self.doubts.saturating_add(other.doubts),
            slowness: self.slowness.saturating_add(other.slowness),
        }
    }
}

impl AddAssign for Demerits {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Add for Keys {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            objective: self.objective.saturating_add(other.objective),
            capex: self.capex.saturating_add(other.capex),
            quality: self.quality.saturating_add(other.quality),
            doubts: self.doubts.saturating_add(other.doubts),
            power: self.power.saturating_add(other.power),
            changed: self.changed.saturating_add(other.changed),
            slowness: self.slowness.saturating_add(other.slowness),
            taken: self.taken.saturating_add(other.taken),
        }
    }
}

impl AddAssign for Keys {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Keys {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), Add::add)
    }
}

/// The whole order among plans: two plans of equal rank are the same devices in the same modes with the same
/// configurations.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// The sums that decide first.
    pub keys: Keys,
    /// For each site class its device ids in ascending order, and their modes in the same order.
    pub devices: Vec<(Vec<String>, Vec<String>)>,
    /// For each site class and workload the configurations of its copies in ascending order.
    pub configurations: Vec<Vec<Vec<Configuration>>>,
}
