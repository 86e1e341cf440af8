//! What a plan costs to buy and to run, and how much of the market it was chosen from.

use std::collections::BTreeSet;

use super::plan::{OrderLine, PlannedDevice, PlannedSite};
use crate::candidates::Generated;
use crate::catalog::Catalog;
use crate::scenario::Horizon;
use crate::solve;
use crate::units::{Milliwatts, Money};

/// What the energy of a plan comes to over the horizon.
#[derive(Debug, Clone, PartialEq)]
pub struct Energy {
    /// For how long, how many hours a day, and what a kilowatt-hour costs.
    pub horizon: Horizon,
    /// Money over the whole horizon, in whole cents.
    pub total: Money,
    /// Kilowatt-hours of all units in a year of 365 days.
    pub kwh_per_year: f64,
    /// Devices whose draw at rest is unknown, with their full draw, which is counted in its place.
    pub full_at_rest: Vec<(String, Milliwatts)>,
}

impl Energy {
    /// The energy of a plan whose purchase and energy together come to `objective`.
    #[must_use]
    pub fn of(horizon: Horizon, sites: &[PlannedSite<'_>], purchase: Money, objective: Money) -> Self {
        let mut full_at_rest: Vec<(String, Milliwatts)> = Vec::new();
        for device in sites.iter().flat_map(|site| &site.devices) {
            if let (Some(power), None) = (device.mode.power, device.mode.idle) {
                full_at_rest.push((device.device.id.clone(), power));
            }
        }
        full_at_rest.sort();
        full_at_rest.dedup();
        let mut energy =
            Self { horizon, total: Money(objective.0.saturating_sub(purchase.0)), kwh_per_year: 0.0, full_at_rest };
        let of_site = |site: &PlannedSite<'_>| {
            site.count as f64 * site.devices.iter().filter_map(|d| energy.kwh_per_year_of(d)).sum::<f64>()
        };
        energy.kwh_per_year = sites.iter().map(of_site).sum();
        energy
    }

    /// Kilowatt-hours of one device in a year: what it draws on average over the hours that it runs. Absent where its draw
    /// is unknown.
    #[must_use]
    pub fn kwh_per_year_of(&self, device: &PlannedDevice<'_>) -> Option<f64> {
        let milliwatts = solve::mean_draw(device.mode.power?, device.mode.idle, device.load);
        Some(milliwatts / 1e6 * self.hours_per_year())
    }

    /// What so many kilowatt-hours cost, in dollars.
    #[must_use]
    pub fn usd(&self, kwh: f64) -> f64 {
        kwh * self.horizon.microusd_per_kwh as f64 / 1e6
    }

    /// The length of the horizon in years.
    #[must_use]
    pub fn years(&self) -> f64 {
        self.horizon.milliyears as f64 / 1000.0
    }

    fn hours_per_year(&self) -> f64 {
        365.0 * self.horizon.millihours_per_day as f64 / 1000.0
    }
}

/// What all pieces of an order cost together.
#[must_use]
pub(super) fn purchase(order: &[OrderLine]) -> Money {
    order.iter().map(|line| line.total).sum()
}

/// How many devices there are, and what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Market {
    /// Devices in the catalogs.
    pub known: usize,
    /// Devices that a plan could have been made of as far as limits and facts go: memory and speed of each were worked out.
    pub considered: usize,
    /// Devices that the scenario allows but that were skipped, since a fact of them is missing or not confirmed.
    pub missing: usize,
}

impl Market {
    /// The devices behind the candidates of a scenario.
    #[must_use]
    pub fn of(catalog: &Catalog, generated: &Generated<'_>) -> Self {
        let considered: BTreeSet<usize> = generated.outcomes.iter().map(|o| o.device_index).collect();
        let missing: BTreeSet<usize> = generated
            .refused
            .iter()
            .filter(|(_, _, r)| r.iter().any(|r| r.switch().is_some()))
            .map(|(_, index, _)| *index)
            .collect();
        Self {
            known: catalog.devices().count(),
            considered: considered.len(),
            missing: missing.difference(&considered).count(),
        }
    }
}
