//! Which devices may be considered at all for a site class, and why the others may not.

use super::refusal::DeviceRefusal;
use crate::domain::{Availability, Device, PowerMode, Verification};
use crate::scenario::{Allow, ObjectiveKind, Site};

/// Facts that a plan rests on, by the names that catalogs mark.
const FACTS: [&str; 3] = ["price", "memory", "bandwidth_gb_s"];

/// Whether `allow` admits the device at all: classes, vendors, names. Devices outside never show up anywhere.
#[must_use]
pub(crate) fn admitted(device: &Device, site: &Site) -> bool {
    site.allow.iter().all(|allow| {
        allow.classes.as_ref().is_none_or(|c| c.contains(&device.class))
            && allow.vendors.as_ref().is_none_or(|vendors| {
                let vendor = device.vendor.to_lowercase();
                vendors.iter().any(|v| vendor.contains(v))
            })
            && allow.devices.as_ref().is_none_or(|d| d.iter().any(|n| n.id == device.id))
            && !allow.exclude.iter().any(|n| n.id == device.id && n.modes.is_empty())
    })
}

/// Whether the names in `allow` leave this mode of an admitted device.
#[must_use]
pub(crate) fn mode_admitted(device: &Device, mode: &PowerMode, site: &Site) -> bool {
    let names =
        |n: &crate::scenario::NamedDevice| n.id == device.id && (n.modes.is_empty() || n.modes.contains(&mode.id));
    site.allow
        .iter()
        .all(|allow| allow.devices.as_ref().is_none_or(|d| d.iter().any(names)) && !allow.exclude.iter().any(names))
}

/// Why an admitted device may not be used in this site class, or nothing.
#[must_use]
pub(super) fn screen(device: &Device, site: &Site, objective: ObjectiveKind) -> Option<DeviceRefusal> {
    let named = |allow: &Allow| allow.devices.as_ref().is_some_and(|d| d.iter().any(|n| n.id == device.id));
    if device.availability == Availability::NamedOnly && !site.allow.iter().any(named) {
        return Some(DeviceRefusal::NamedOnly);
    }
    if device.prices.is_empty() {
        let accessory = device.accessories.iter().find(|a| a.price.is_none());
        return Some(accessory.map_or(DeviceRefusal::NoPrice, |a| DeviceRefusal::NoAccessoryPrice(a.what.clone())));
    }
    let counts_power = objective != ObjectiveKind::Capex || site.limits.power.is_some();
    for wanted in site.allow.iter().filter_map(|a| a.operating_temp_c) {
        let verified =
            site.allows_unverified() || device.provenance.verification("operating_temp_c") == Verification::Verified;
        let range = device.operating_temp_c.filter(|_| verified);
        if range.is_none_or(|(low, high)| low > wanted.0 || high < wanted.1) {
            return Some(DeviceRefusal::Temperature { range, wanted });
        }
    }
    let prices = device.prices_within(site.limits.lead_time_days);
    if let Some(max) = site.limits.lead_time_days.filter(|_| prices.is_empty()) {
        return Some(DeviceRefusal::LeadTime { days: device.soonest(), max });
    }
    if !site.allows_unverified() {
        let unverified = unverified_facts(device, objective, counts_power);
        if !unverified.is_empty() {
            return Some(DeviceRefusal::Unverified(unverified));
        }
    }
    if counts_power && device.modes.iter().all(|m| m.power.is_none()) {
        return Some(DeviceRefusal::NoPower);
    }
    let least = prices.iter().map(|b| b.price).min().unwrap_or_default();
    match site.limits.price {
        Some(limit) if least > limit => Some(DeviceRefusal::Price { price: least, limit }),
        _ => None,
    }
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
pub(crate) fn unverified_facts(device: &Device, objective: ObjectiveKind, counts_power: bool) -> Vec<String> {
    FACTS
        .iter()
        .chain(counts_power.then_some(&"power"))
        .chain((objective == ObjectiveKind::Tco).then_some(&"idle_w"))
        .filter(|f| device.provenance.verification(f) == Verification::Unverified)
        .map(|f| (*f).to_owned())
        .collect()
}
