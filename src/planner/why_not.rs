//! Why a device is not in the plan: every constraint that it misses and by how much, and the price at which it would win.

use super::build::build;
use super::explain::{Asker, Verdict};
use super::plan::Plan;
use super::rejected::{Why, rejected};
use super::sensitivity::edge;
use crate::candidates::screen;
use crate::catalog::{Catalog, prices};
use crate::domain::{Device, Offer};
use crate::scenario::{Document, FindModel, Path, Scenario};
use crate::solve::SearchLimits;
use crate::units::Money;
use crate::yaml::{Node, Value};

/// A price that nobody would ask: what is chosen at it is chosen at any price.
const ANY_PRICE: i64 = 1_000_000_000;

/// A constraint that a device misses.
#[derive(Debug, Clone, PartialEq)]
pub struct Miss {
    /// The site class that it concerns, when it is one of several.
    pub site: Option<String>,
    /// What is missed, and by how much.
    pub why: Why,
}

/// Why a device is not in the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct WhyNot {
    /// Device id.
    pub device: String,
    /// Whether the plan has it after all.
    pub chosen: bool,
    /// Its price, where known.
    pub price: Option<Money>,
    /// Every constraint that it misses, and by how much.
    pub misses: Vec<Miss>,
    /// The objective of the best plan with this device alone, when there is one.
    pub alone: Option<f64>,
    /// The part of its price that goes to what it needs besides.
    pub accessories: Money,
    /// The highest price of one, accessories included, at which it would be chosen; absent when none is low enough.
    pub wins_at: Option<Money>,
}

/// Says why a device is not in a plan.
///
/// # Errors
/// When no device has this id or alias.
pub fn why_not(
    doc: &Document,
    scenario: &Scenario,
    catalog: &Catalog,
    find_model: &FindModel<'_>,
    plan: &Plan<'_>,
    id: &str,
    limits: &SearchLimits<'_>,
) -> Result<WhyNot, crate::diag::Diagnostic> {
    let device = catalog.device(id)?.0;
    let mut misses = Vec::new();
    let several = scenario.sites.len() > 1;
    for site in &scenario.sites {
        let name = several.then(|| site.name.clone());
        let refusals = screen(device, site, scenario.objective).into_iter();
        misses.extend(refusals.map(|refusal| Miss { site: name.clone(), why: Why::Device(refusal) }));
    }
    let asker = Asker::new(catalog, find_model, limits).deciding_ties(limits);
    let only = only(doc, &device.id);
    let bare = only.as_ref().and_then(|d| unlimited(d, scenario));
    if let Some(bare) = bare.and_then(|d| asker.resolve(&d).ok()) {
        let generated = asker.generate(&bare);
        for outcome in generated.outcomes.iter().filter(|o| !o.usable) {
            if let Some(refusal) = outcome.nearest.clone() {
                let site = &bare.sites[outcome.site];
                let name = site.workloads[outcome.workload].name.clone();
                misses.push(Miss { site: several.then(|| site.name.clone()), why: Why::Workload { name, refusal } });
            }
        }
        if misses.is_empty() {
            let built = build(&bare, catalog, &generated);
            let rejected = rejected(&bare, catalog, &generated, &built).into_iter();
            misses.extend(rejected.map(|r| Miss { site: several.then_some(r.site), why: r.why }));
        }
    }
    misses.dedup();
    let alone = only.map(|d| asker.ask(&d)).and_then(Verdict::found).map(|f| f.objective);
    let wins_at = wins_at(doc, catalog, find_model, device, limits);
    Ok(WhyNot {
        device: device.id.clone(),
        chosen: plan.sites.iter().any(|s| s.devices.iter().any(|d| d.device.id == device.id)),
        price: device.prices.first().map(|b| b.price),
        accessories: device.accessories_price(),
        misses,
        alone,
        wins_at,
    })
}

/// The scenario with this device alone.
fn only(doc: &Document, device: &str) -> Option<Document> {
    let list = Node { at: None, value: Value::List(vec![Node { at: None, value: Value::Text(device.to_owned()) }]) };
    doc.with(&Path(vec!["allow".to_owned(), "devices".to_owned()]), list).ok()
}

/// The scenario without limits and lists other than that of the devices, so that what the workloads miss shows.
fn unlimited(doc: &Document, scenario: &Scenario) -> Option<Document> {
    let null = || Node { at: None, value: Value::Null };
    let yes = Node { at: None, value: Value::Bool(true) };
    let mut bases = vec![Path(Vec::new())];
    let top = Path(vec!["sites".to_owned()]);
    if doc.get(&top).is_some() {
        bases.extend(scenario.sites.iter().map(|s| top.join(&s.name)));
    }
    let mut bare = doc.clone();
    for (i, base) in bases.iter().enumerate() {
        for key in ["price_usd", "power_w", "lead_time_days"] {
            bare = bare.with(&base.join("limits").join(key), null()).ok()?;
        }
        for key in ["classes", "vendors", "exclude", "operating_temp_c"] {
            bare = bare.with(&base.join("allow").join(key), null()).ok()?;
        }
        if i > 0 {
            bare = bare.with(&base.join("allow").join("devices"), null()).ok()?;
        }
        bare = bare.with(&base.join("allow").join("unverified"), yes.clone()).ok()?;
    }
    Some(bare)
}

/// The highest price of one, with what it needs besides, at which the device would be chosen, all else being equal.
fn wins_at(
    doc: &Document,
    catalog: &Catalog,
    find_model: &FindModel<'_>,
    device: &Device,
    limits: &SearchLimits<'_>,
) -> Option<Money> {
    // At the price of a cent no limit keeps the device from being considered, and a price that is asked is known.
    let mut cheap = catalog.clone();
    for other in cheap.devices_mut().filter(|d| d.id == device.id) {
        let asked = Offer {
            min_quantity: 1,
            price: Money(1),
            lead_time_days: other.soonest().or(other.lead_time_days),
            supplier: None,
            as_of: None,
        };
        prices::quote(other, vec![asked], "asked");
    }
    let asker = Asker::new(&cheap, find_model, limits).deciding_ties(limits);
    let mut scenario = asker.resolve(doc).ok()?;
    let price_limits: Vec<_> = scenario.sites.iter_mut().map(|site| site.limits.price.take()).collect();
    let generated = asker.generate(&scenario);
    let mut problem = build(&scenario, &cheap, &generated).problem;
    for (site, limit) in problem.sites.iter_mut().zip(price_limits) {
        site.price_limit = limit;
    }
    problem.skus.iter().find(|s| s.id == device.id)?;
    let wins = |cents: i64| {
        let mut priced = problem.clone();
        for sku in priced.skus.iter_mut().filter(|s| s.id == device.id) {
            sku.prices = vec![(1, Money(cents.unsigned_abs()))];
        }
        let verdict = asker.solve(&scenario, &priced);
        matches!(verdict, Verdict::Found(f) if f.units.iter().any(|u| u.devices.iter().any(|(d, _)| *d == device.id)))
    };
    let least = device.accessories_price().0 as i64 + 1;
    if !wins(least) {
        return None;
    }
    let highest = edge(least, ANY_PRICE, &wins).map_or(ANY_PRICE, |(inside, _)| inside);
    (!asker.was_cut()).then_some(Money(highest.unsigned_abs()))
}
