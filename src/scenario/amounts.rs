//! Whether what a scenario could come to at worst can be counted to the cent.

use super::document::{Document, Path};
use super::{DEFAULT_SITE, Horizon, ObjectiveKind, Scenario, Site};
use crate::catalog::Catalog;
use crate::diag::{Diagnostic, Position};
use crate::domain::Device;
use crate::figures;
use crate::units::{Money, PPM};

/// The most that all units of a scenario may come to: 2^53 cents, up to which every whole number of cents is a number of its
/// own in JSON, and far below where the sums of the search end.
pub const MOST: Money = Money(1 << 53);

/// Days of a year.
const DAYS_OF_YEAR: u128 = 365;

/// What all units of a site class may come to.
struct Worst {
    cents: u128,
    dearest: Money,
    devices: u128,
}

/// Refuses a scenario whose units could come to more than [`MOST`]: every device the dearest of those that are named or not
/// excluded, as many in a unit as may host something, with spares, whole packs, and energy where it is minimised.
///
/// # Errors
/// The amount that is possible and the most that is counted, at the site class that adds most.
pub(super) fn check(doc: &Document, scenario: &Scenario, catalog: &Catalog) -> Result<(), Diagnostic> {
    let worst: Vec<Worst> = scenario.sites.iter().map(|site| worst(scenario, site, catalog)).collect();
    let cents = worst.iter().fold(0_u128, |sum, w| sum.saturating_add(w.cents));
    if cents <= u128::from(MOST.0) {
        return Ok(());
    }
    let Some((site, of)) = scenario.sites.iter().zip(&worst).max_by_key(|(_, w)| w.cents) else { return Ok(()) };
    let (most, found) = (figures::usd(MOST), figures::usd_of_cents(i128::try_from(cents).unwrap_or(i128::MAX)));
    let class = if site.name == DEFAULT_SITE { String::new() } else { format!(" of `{}`", site.name) };
    let why = format!(
        "{} units{class} of up to {} at up to {} each",
        figures::count(site.count),
        if of.devices == 1 { "one device".to_owned() } else { format!("{} devices", of.devices) },
        figures::usd(of.dearest)
    );
    Err(doc
        .error(place(doc, site), format!("all units together may come to {found}: at most {most} is counted"))
        .hint(format!("{why}: ask for fewer units, or set `limits.price_usd`")))
}

fn worst(scenario: &Scenario, site: &Site, catalog: &Catalog) -> Worst {
    let devices: Vec<&Device> = catalog.devices().filter(|d| left(site, d)).collect();
    let price = |d: &&Device| {
        let offers = d.offers.iter().map(|o| o.price).chain(d.prices.iter().map(|b| b.price));
        offers.max().unwrap_or(Money::ZERO)
    };
    let dearest = devices.iter().map(price).max().unwrap_or(Money::ZERO);
    let pack = devices.iter().map(|d| u128::from(price(d).0) * u128::from(d.order_multiple)).max().unwrap_or(0);
    // A device that hosts nothing is in no plan.
    let copies = site.workloads.iter().map(|w| u128::from(w.replicas.max(1 + site.redundancy))).sum::<u128>();
    let in_unit = copies.min(u128::from(site.max_devices()));
    let count = u128::from(site.count);
    let limit = site.limits.price.map_or(u128::MAX, |limit| u128::from(limit.0));
    let unit = (u128::from(dearest.0) * in_unit).min(limit);
    let spares = u128::from(PPM) + u128::from(scenario.fleet.spares.0);
    // One more piece of each kind where spares are no whole number, and what is left of a pack.
    let rounded = in_unit * (pack + u128::from(dearest.0));
    let purchase = (count * unit * spares).div_ceil(u128::from(PPM)) + rounded;
    let draw = devices.iter().flat_map(|d| &d.modes).filter_map(|m| m.power).max().map_or(0, |p| u128::from(p.0));
    let energy = match scenario.objective {
        ObjectiveKind::Tco => energy(scenario.horizon, draw).saturating_mul(count * in_unit),
        ObjectiveKind::Capex | ObjectiveKind::Power => 0,
    };
    Worst { cents: purchase.saturating_add(energy), dearest, devices: in_unit }
}

/// What so many milliwatts cost over the horizon, in cents: milliwatts x thousandths of an hour are 1e-9 kWh, and millionths
/// of a dollar per kilowatt-hour 1e-4 cents.
fn energy(horizon: Horizon, milliwatts: u128) -> u128 {
    let hours = u128::from(horizon.milliyears) * DAYS_OF_YEAR * u128::from(horizon.millihours_per_day) / 1000;
    (milliwatts * hours).saturating_mul(u128::from(horizon.microusd_per_kwh)).div_ceil(10_u128.pow(13))
}

/// Whether the names in a site's lists leave a device; what else excludes devices makes the amount only smaller.
fn left(site: &Site, device: &Device) -> bool {
    site.allow.iter().all(|allow| {
        allow.classes.as_ref().is_none_or(|classes| classes.contains(&device.class))
            && allow.devices.as_ref().is_none_or(|named| named.iter().any(|n| n.id == device.id))
            && !allow.exclude.iter().any(|n| n.id == device.id && n.modes.is_empty())
    })
}

/// Where the number of units of a site class stands, or the class itself.
fn place(doc: &Document, site: &Site) -> Option<Position> {
    let top = Path(Vec::new());
    let class = top.join("sites").join(&site.name);
    let found = [class.join("count"), class, top.join("count")].iter().find_map(|path| doc.get(path));
    found.unwrap_or(&doc.root).at
}
