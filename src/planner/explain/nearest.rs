//! How near the nearest device comes to serving what cannot be served.

use super::ask::Asker;
use crate::candidates::{DeviceRefusal, Options, admitted};
use crate::planner::build::build;
use crate::planner::rejected::{Why, rejected};
use crate::scenario::Document;
use crate::units::Money;

/// The nearest miss of a scenario without a plan.
#[derive(Debug, Clone, PartialEq)]
pub enum Nearest {
    /// Of all devices this one misses its worst limit or target by the smallest factor.
    Device {
        /// Its id.
        device: String,
        /// Its price, when known.
        price: Option<Money>,
        /// The site class, when it is one of several.
        site: Option<String>,
        /// What it misses.
        why: Why,
    },
    /// No figure tells which device comes nearest, because this fact of so many devices is unknown.
    Unknown {
        /// The refusal of the first of them.
        refusal: DeviceRefusal,
        /// How many devices.
        devices: usize,
    },
}

/// The nearest miss of a scenario without a plan: the device whose worst miss, in its best configuration, is the smallest in
/// proportion. Devices that the whole scenario excludes are not looked at.
pub(super) fn miss(asker: &Asker<'_>, whole: &Document, doc: &Document) -> Option<Nearest> {
    let scenario = asker.resolve(doc).ok()?;
    let catalog = asker.catalog();
    let written = asker.resolve(whole).ok()?;
    let excluded = |device: &str, site: &str| {
        let device = catalog.device(device).ok().map(|(device, _)| device);
        let site = written.sites.iter().find(|s| s.name == site);
        device.zip(site).is_some_and(|(device, site)| !admitted(device, site))
    };
    let generated = asker.generate_for(&scenario, Options { judge_refused: true, ..Options::default() });
    let built = build(&scenario, catalog, &generated);
    let mut all = rejected(&scenario, catalog, &generated, &built);
    all.retain(|r| !excluded(&r.device, &r.site));
    let nearest = all.iter().filter(|r| r.miss.is_finite()).min_by(|a, b| a.miss.total_cmp(&b.miss));
    if let Some(found) = nearest {
        let site = (scenario.sites.len() > 1).then(|| found.site.clone());
        let why = found.worst.clone();
        return Some(Nearest::Device { device: found.device.clone(), price: found.price, site, why });
    }
    let lead = |r: &DeviceRefusal| matches!(r, DeviceRefusal::LeadTime { days: None, .. });
    let unknown: Vec<&DeviceRefusal> = all.iter().filter_map(|r| r.refusals().find(|r| lead(r))).collect();
    // Where no figure tells, no device is named: any would be arbitrary.
    unknown.first().map(|first| Nearest::Unknown { refusal: (*first).clone(), devices: unknown.len() })
}
