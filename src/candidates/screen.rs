//! Which devices may be considered at all for a site class, and why the others may not: every reason, in one place.

use super::refusal::{DeviceRefusal, UnverifiedFact};
use crate::domain::{Availability, Device, PowerMode, Verification};
use crate::scenario::{Allow, NamedDevice, ObjectiveKind, Site};

/// Facts that a plan rests on, by the names that catalogs mark.
const FACTS: [&str; 3] = ["price", "memory", "bandwidth_gb_s"];

/// Whether `allow` admits the device at all: classes, vendors, names. Devices outside are no candidates.
#[must_use]
pub(crate) fn admitted(device: &Device, site: &Site) -> bool {
    exclusions(device, site).is_empty()
}

/// Whether the names in `allow` leave this mode of an admitted device.
#[must_use]
pub(crate) fn mode_admitted(device: &Device, mode: &PowerMode, site: &Site) -> bool {
    let setting = mode.setting.is_none() || !site.limits.factory_settings;
    setting && site.allow.iter().all(|allow| mode_left(device, mode, allow))
}

fn mode_left(device: &Device, mode: &PowerMode, allow: &Allow) -> bool {
    // An alias stands for power modes, in whatever memory setting.
    let power = mode.power_id();
    let names = |n: &NamedDevice| n.id == device.id && (n.modes.is_empty() || n.modes.iter().any(|m| m == power));
    allow.devices.as_ref().is_none_or(|d| d.iter().any(names)) && !allow.exclude.iter().any(names)
}

/// Why the scenario's lists leave out a device; nothing when they admit it, in some of its modes at least.
fn exclusions(device: &Device, site: &Site) -> Vec<DeviceRefusal> {
    let mut found = Vec::new();
    for allow in &site.allow {
        if allow.classes.as_ref().is_some_and(|c| !c.contains(&device.class)) {
            found.push(DeviceRefusal::Class(device.class));
        }
        let vendor = device.vendor.to_lowercase();
        if allow.vendors.as_ref().is_some_and(|vendors| !vendors.iter().any(|v| vendor.contains(v))) {
            found.push(DeviceRefusal::Vendor(device.vendor.clone()));
        }
        if allow.devices.as_ref().is_some_and(|d| !d.iter().any(|n| n.id == device.id)) {
            found.push(DeviceRefusal::NotListed);
        } else if allow.exclude.iter().any(|n| n.id == device.id)
            && !device.modes.iter().any(|mode| mode_left(device, mode, allow))
        {
            found.push(DeviceRefusal::Excluded);
        }
    }
    found
}

/// Every reason why a device may not be used in this site class, the one to be told first in front: what the scenario's
/// lists leave out, what nobody knows or confirms, what breaks a limit in every mode.
#[must_use]
pub(crate) fn screen(device: &Device, site: &Site, objective: ObjectiveKind) -> Vec<DeviceRefusal> {
    let mut found = exclusions(device, site);
    let named = |allow: &Allow| allow.devices.as_ref().is_some_and(|d| d.iter().any(|n| n.id == device.id));
    if device.availability == Availability::NamedOnly && !site.allow.iter().any(named) {
        found.push(DeviceRefusal::NamedOnly);
    }
    if device.prices.is_empty() {
        let unpriced = device.accessories.iter().filter(|a| a.price.is_none());
        let of_accessories: Vec<_> = unpriced.map(|a| DeviceRefusal::NoAccessoryPrice(a.what.clone())).collect();
        if of_accessories.is_empty() {
            found.push(DeviceRefusal::NoPrice);
        }
        found.extend(of_accessories);
    }
    for wanted in site.allow.iter().filter_map(|a| a.operating_temp_c) {
        let confirmed =
            site.allows_unverified() || device.provenance.verification("operating_temp_c") == Verification::Verified;
        let range = device.operating_temp_c;
        if !confirmed || range.is_none_or(|(low, high)| low > wanted.0 || high < wanted.1) {
            found.push(DeviceRefusal::Temperature { range, confirmed, wanted });
        }
    }
    let prices = device.prices_within(site.limits.lead_time_days);
    if let Some(max) = site.limits.lead_time_days.filter(|_| !device.prices.is_empty() && prices.is_empty()) {
        found.push(DeviceRefusal::LeadTime { days: device.soonest(), max });
    }
    let counts_power = objective != ObjectiveKind::Capex || site.limits.power.is_some();
    if !site.allows_unverified() {
        let unverified = unverified_facts(device, objective, counts_power);
        if !unverified.is_empty() {
            found.push(DeviceRefusal::Unverified(unverified.iter().flat_map(|f| in_detail(device, f)).collect()));
        }
    }
    if counts_power {
        let known = device.modes.iter().filter(|m| mode_admitted(device, m, site)).filter_map(|m| m.power);
        match (known.min(), site.limits.power) {
            (None, _) if device.modes.iter().all(|m| m.power.is_none()) => found.push(DeviceRefusal::NoPower),
            (Some(power), Some(limit)) if power > limit => found.push(DeviceRefusal::Power { power, limit }),
            _ => {}
        }
    }
    if let (Some(price), Some(limit)) = (prices.iter().map(|b| b.price).min(), site.limits.price)
        && price > limit
    {
        found.push(DeviceRefusal::Price { price, limit });
    }
    found
}

/// Why a mode of a usable device may not be used, or nothing.
#[must_use]
pub(super) fn screen_mode(mode: &PowerMode, site: &Site, objective: ObjectiveKind) -> Option<DeviceRefusal> {
    match (mode.power, site.limits.power) {
        (Some(power), Some(limit)) if power > limit => Some(DeviceRefusal::Power { power, limit }),
        (None, Some(_)) => Some(DeviceRefusal::NoPower),
        (None, None) if objective != ObjectiveKind::Capex => Some(DeviceRefusal::NoPower),
        _ => None,
    }
}

/// The facts that a plan with this device would rest on and no source confirms.
#[must_use]
pub(crate) fn unverified_facts(device: &Device, objective: ObjectiveKind, counts_power: bool) -> Vec<&'static str> {
    FACTS
        .iter()
        .chain(counts_power.then_some(&"power"))
        .chain((objective == ObjectiveKind::Tco).then_some(&"idle_w"))
        .filter(|f| device.provenance.verification(f) == Verification::Unverified)
        .copied()
        .collect()
}

/// Whose price it is that is not confirmed: that of the device where no accessory's is to blame.
fn in_detail(device: &Device, fact: &'static str) -> Vec<UnverifiedFact> {
    let doubtful = device
        .accessories
        .iter()
        .filter(|a| fact == "price" && a.provenance.verification("price") == Verification::Unverified);
    let found: Vec<_> = doubtful.map(|a| UnverifiedFact::AccessoryPrice(a.what.clone())).collect();
    if found.is_empty() { vec![UnverifiedFact::Field(fact)] } else { found }
}
