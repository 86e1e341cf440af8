//! What a saved answer says that is not the answer to its own scenario: somebody changed one of them.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::{Saved, SavedDevice, SavedLine, SavedSite, SavedWorkload};
use crate::figures::{dollars, in_cents};
use crate::scenario::{ObjectiveKind, Scenario, Site};
use crate::units::{PPM, Share};

/// A place in which a saved answer and its scenario do not go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// The scenario has no such site class.
    UnknownSite {
        /// Its name.
        site: String,
    },
    /// A site class is answered twice.
    SiteTwice {
        /// Its name.
        site: String,
    },
    /// A device of which the plan has no facts: it was not made with it.
    UnknownDevice {
        /// Name of the site class.
        site: String,
        /// Id.
        device: String,
    },
    /// A device that hosts nothing.
    Idle {
        /// Name of the site class.
        site: String,
        /// Id.
        device: String,
    },
    /// A value of the answer is not what the scenario asks for.
    Asked(Difference),
    /// A figure of the order or of the sums is not what follows from the rest of the answer.
    Follows(Difference),
}

/// A value as it stands and as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Whose value: a site class, a workload, a device; empty for the plan's own.
    pub of: String,
    /// Name of the value in JSON.
    pub key: &'static str,
    /// What stands in the answer.
    pub saved: String,
    /// What should.
    pub right: String,
}

impl Difference {
    /// Nothing where both are the same.
    fn between<T: PartialEq + Display>(of: &str, key: &'static str, saved: T, right: T) -> Option<Self> {
        let told = |value: &T| value.to_string();
        (saved != right).then(|| Self { of: of.to_owned(), key, saved: told(&saved), right: told(&right) })
    }

    /// The same of dollars, to the cent.
    fn of_money(of: &str, key: &'static str, saved: f64, right: i128) -> Option<Self> {
        let right_dollars = right as f64 / 100.0;
        (in_cents(saved) != in_cents(right_dollars)).then(|| Self {
            of: of.to_owned(),
            key,
            saved: dollars(saved),
            right: dollars(right_dollars),
        })
    }
}

/// Everything in which a saved answer is not the answer to its saved scenario, before any facts are looked at.
pub(super) fn edits(saved: &Saved, scenario: &Scenario) -> Vec<Edit> {
    let mut found = Vec::new();
    if let Some(objective) = &saved.objective
        && let Some(kind) = &objective.kind
    {
        let difference = Difference::between("", "objective.kind", kind.as_str(), scenario.objective.id());
        found.extend(difference.map(Edit::Asked));
    }
    if let Some(headroom) = saved.headroom {
        let difference = Difference::between("", "headroom", Share::rounded_up(headroom), scenario.headroom);
        found.extend(difference.map(Edit::Asked));
    }
    for (i, old) in saved.sites.iter().enumerate() {
        if saved.sites[..i].iter().any(|other| other.name == old.name) {
            found.push(Edit::SiteTwice { site: old.name.clone() });
            continue;
        }
        match scenario.sites.iter().find(|s| s.name == old.name) {
            None => found.push(Edit::UnknownSite { site: old.name.clone() }),
            Some(site) => of_site(saved, old, site, &mut found),
        }
    }
    of_order(saved, scenario, &mut found);
    found
}

fn of_site(saved: &Saved, old: &SavedSite, site: &Site, found: &mut Vec<Edit>) {
    if let Some(count) = old.count {
        found.extend(Difference::between(&site.name, "count", count, site.count).map(Edit::Asked));
    }
    for device in &old.devices {
        let (site, id) = (site.name.clone(), device.device.clone());
        if saved.inputs.as_ref().is_some_and(|i| i.facts.iter().all(|f| f.device != id)) {
            found.push(Edit::UnknownDevice { site, device: id });
        } else if device.workloads.is_empty() {
            found.push(Edit::Idle { site, device: id });
        }
    }
    for workload in old.devices.iter().flat_map(|d: &SavedDevice| &d.workloads) {
        of_workload(workload, site, found);
    }
}

fn of_workload(old: &SavedWorkload, site: &Site, found: &mut Vec<Edit>) {
    // One that the scenario has not cannot be placed and is told there.
    let Some(asked) = site.workloads.iter().find(|w| w.name == old.name) else { return };
    if let Some(model) = &old.model {
        found.extend(Difference::between(&old.name, "model", model.as_str(), &asked.model.id).map(Edit::Asked));
    }
    if let Some(streams) = old.streams {
        found.extend(Difference::between(&old.name, "streams", streams, u64::from(asked.streams)).map(Edit::Asked));
        // Plans with streams tell the context of every language model, and of no other.
        let told = |context: Option<u64>| context.map_or_else(|| "null".to_owned(), |tokens| tokens.to_string());
        let right = asked.model.task.is_language().then_some(asked.context);
        found.extend(Difference::between(&old.name, "context", told(old.context), told(right)).map(Edit::Asked));
    }
}

/// Whether the order is what the units need, and the sums are those of the order.
fn of_order(saved: &Saved, scenario: &Scenario, found: &mut Vec<Edit>) {
    let Some(order) = &saved.order else { return };
    let mut lines: BTreeMap<&str, Vec<&SavedLine>> = BTreeMap::new();
    for line in order {
        lines.entry(&line.device).or_default().push(line);
    }
    let mut needed: BTreeMap<&str, u128> = BTreeMap::new();
    for site in &saved.sites {
        for device in &site.devices {
            *needed.entry(&device.device).or_default() += u128::from(site.count.unwrap_or(1));
        }
    }
    let mut note = |difference: Option<Difference>| found.extend(difference.map(Edit::Follows));
    let devices: std::collections::BTreeSet<&str> = lines.keys().chain(needed.keys()).copied().collect();
    for device in devices {
        let of_device = lines.get(device).map_or(&[][..], Vec::as_slice);
        let ordered: u128 = of_device.iter().map(|l| u128::from(l.quantity)).sum();
        note(Difference::between(device, "quantity", ordered, needed.get(device).copied().unwrap_or(0)));
        for line in of_device {
            of_line(saved, scenario, line, &mut note);
        }
    }
    let sum: i128 = order.iter().map(|line| in_cents(line.total)).sum();
    if let Some(purchase) = saved.purchase_usd {
        note(Difference::of_money("", "purchase_usd", purchase, sum));
    }
    if let Some(objective) = saved.objective.as_ref().filter(|_| scenario.objective == ObjectiveKind::Capex) {
        note(Difference::of_money("", "objective.value", objective.value, sum));
    }
}

fn of_line(saved: &Saved, scenario: &Scenario, line: &SavedLine, note: &mut impl FnMut(Option<Difference>)) {
    let device = &line.device;
    let spares = (u128::from(line.quantity) * u128::from(scenario.fleet.spares.0)).div_ceil(u128::from(PPM));
    note(Difference::between(device, "spares", u128::from(line.spares), spares));
    let pieces = u128::from(line.quantity) + u128::from(line.spares);
    if let Some(multiple) = saved.sold_together(device) {
        let extra = pieces.next_multiple_of(u128::from(multiple.max(1))) - pieces;
        note(Difference::between(device, "extra", u128::from(line.extra), extra));
    }
    let pieces = i128::try_from(pieces + u128::from(line.extra)).unwrap_or(i128::MAX);
    note(Difference::of_money(device, "total", line.total, in_cents(line.unit_price).saturating_mul(pieces)));
    let mut paid = saved.sites.iter().flat_map(|s| &s.devices).filter(|d| d.device == *device).map(|d| d.unit_price);
    // Several orders of one device may have a price each: one of them is that of the units.
    if let Some(first) = paid.next()
        && in_cents(first) != in_cents(line.unit_price)
        && paid.all(|price| in_cents(price) != in_cents(line.unit_price))
    {
        note(Difference::of_money(device, "unit_price", line.unit_price, in_cents(first)));
    }
}
