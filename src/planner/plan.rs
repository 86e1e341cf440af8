//! The plan: the devices of one unit of each site class, what runs on them, what to order.

use std::collections::BTreeMap;
use std::time::Instant;

use super::build::{Built, build};
use super::compare::{Compare, Comparisons, compare};
use super::costs::{Energy, Market, purchase};
use super::launch::{self, Launch};
use super::rejected::{Rejected, rejected};
use crate::candidates::{self, Candidate, Generated, Options, Speed, unverified_facts};
use crate::catalog::Catalog;
use crate::domain::{Device, PowerMode, SoftwareNeeds, best_offer};
use crate::figures::usd;
use crate::scenario::{Assumed, ObjectiveKind, Scenario, Site, Workload};
use crate::solve::{self, Assignment, Outcome, Placed, Progress, SearchLimits, Status, required};
use crate::units::{Bytes, Micros, Money, Share};

/// A pool of a planned device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedPool {
    /// Name.
    pub name: &'static str,
    /// Total.
    pub capacity: Bytes,
    /// In use before any inference process.
    pub os: Bytes,
    /// In use in steady state.
    pub steady: Bytes,
    /// With headroom.
    pub required: Bytes,
}

impl PlannedPool {
    /// Left after headroom.
    #[must_use]
    pub fn free(&self) -> Bytes {
        self.capacity.saturating_sub(self.required)
    }
}

/// A workload on its device.
#[derive(Debug, Clone)]
pub struct PlannedWorkload<'a> {
    /// As the scenario asks for it.
    pub workload: Workload,
    /// The chosen candidate.
    pub candidate: Candidate<'a>,
    /// Latency at the unfavourable bound while the others take their share, when it has a target.
    pub latency: Option<Micros>,
    /// What starts it; absent for engines of which no command is known.
    pub launch: Option<Launch>,
}

/// A device of a unit.
#[derive(Debug, Clone)]
pub struct PlannedDevice<'a> {
    /// Which.
    pub device: &'a Device,
    /// In which mode.
    pub mode: &'a PowerMode,
    /// The price paid for one at the quantity that the plan buys.
    pub unit_price: Money,
    /// Share of its time that is taken.
    pub load: Share,
    /// Memory.
    pub pools: Vec<PlannedPool>,
    /// What runs on it, in scenario order.
    pub workloads: Vec<PlannedWorkload<'a>>,
    /// The versions of firmware and system software that its mode and its runtimes work with.
    pub needs: SoftwareNeeds,
}

/// One unit of a site class.
#[derive(Debug, Clone)]
pub struct PlannedSite<'a> {
    /// Name.
    pub name: String,
    /// Units.
    pub count: u64,
    /// Devices of one unit.
    pub devices: Vec<PlannedDevice<'a>>,
}

/// What to order of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLine {
    /// Device id.
    pub device: String,
    /// Pieces that the units need.
    pub quantity: u64,
    /// Pieces on the shelf.
    pub spares: u64,
    /// Pieces more, because only so many are sold together.
    pub extra: u64,
    /// Price of one at this quantity.
    pub unit_price: Money,
    /// Price of all.
    pub total: Money,
    /// Who offers it at that price, where named.
    pub supplier: Option<String>,
    /// Days from order to delivery, where known.
    pub lead_time_days: Option<u32>,
    /// Date of the price, where known.
    pub price_date: Option<String>,
}

/// Another plan in a few words.
#[derive(Debug, Clone)]
pub struct Alternative {
    /// Its objective: dollars or watts.
    pub objective: f64,
    /// Whether it is proven that none is better among those that it was chosen from.
    pub proven: bool,
    /// Devices and modes of one unit of each site class.
    pub sites: Vec<(String, Vec<(String, String)>)>,
}

/// Something that the plan rests on and that a buyer should know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assumption {
    /// The device that it is about.
    pub device: String,
    /// What.
    pub text: String,
}

/// Something that was assumed of a workload because the scenario is silent on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadAssumption {
    /// Site class, where there are several.
    pub site: Option<String>,
    /// Name.
    pub workload: String,
    /// What.
    pub what: Assumed,
}

/// What was assumed of the workloads of a scenario, in file order.
fn assumed(scenario: &Scenario) -> Vec<WorkloadAssumption> {
    let several = scenario.sites.len() > 1;
    let of = |site: &Site| {
        let name = several.then(|| site.name.clone());
        let each = move |w: &Workload| {
            let (name, workload) = (name.clone(), w.name.clone());
            w.assumed.clone().into_iter().map(move |what| WorkloadAssumption {
                site: name.clone(),
                workload: workload.clone(),
                what,
            })
        };
        site.workloads.iter().flat_map(each).collect::<Vec<_>>()
    };
    scenario.sites.iter().flat_map(of).collect()
}

/// The answer to a scenario.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    /// Scenario name.
    pub scenario: String,
    /// What was minimised.
    pub objective: ObjectiveKind,
    /// Added to steady memory.
    pub headroom: Share,
    /// How sure the unfavourable bounds are.
    pub confidence: Share,
    /// What is proven.
    pub status: Status,
    /// The objective: dollars or watts; absent when infeasible.
    pub value: Option<f64>,
    /// No plan has a smaller one.
    pub bound: Option<f64>,
    /// What the pieces of the order cost together.
    pub purchase: Money,
    /// What its energy comes to, where that is part of the objective.
    pub energy: Option<Energy>,
    /// The devices that it was chosen from.
    pub market: Market,
    /// The units; empty when infeasible.
    pub sites: Vec<PlannedSite<'a>>,
    /// What to order.
    pub order: Vec<OrderLine>,
    /// Next best plans with other devices.
    pub alternatives: Vec<Alternative>,
    /// The best plans under restrictions.
    pub comparisons: Comparisons,
    /// Devices that could not be used, cheapest first.
    pub rejected: Vec<Rejected>,
    /// What the plan rests on.
    pub assumptions: Vec<Assumption>,
    /// What was assumed of the workloads.
    pub assumed: Vec<WorkloadAssumption>,
    /// Candidates worked out.
    pub considered: u32,
    /// Hash of the catalogs.
    pub catalog_sha256: String,
    /// Date of the oldest price that the plan uses.
    pub oldest_price: Option<String>,
}

impl Plan<'_> {
    /// How far the objective may be above the best one, as a share of it: nothing when it is proven the best.
    #[must_use]
    pub fn gap(&self) -> Option<f64> {
        let (value, bound) = self.value.zip(self.bound)?;
        Some(if value > bound { (value - bound) / value } else { 0.0 })
    }
}

/// What to work out beside the plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// How many next best plans with other devices.
    pub alternatives: usize,
    /// How much of the plans under restrictions.
    pub compare: Compare,
}

/// Plans a scenario.
///
/// `alternatives` next best plans are worked out too.
pub fn plan<'a>(
    scenario: &Scenario,
    catalog: &'a Catalog,
    alternatives: usize,
    limits: &SearchLimits<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Plan<'a> {
    plan_with(scenario, catalog, Wanted { alternatives, ..Wanted::default() }, limits, progress)
}

/// Plans a scenario with what else is wanted. The limits hold for everything together: what there is no time for is left
/// out.
pub fn plan_with<'a>(
    scenario: &Scenario,
    catalog: &'a Catalog,
    wanted: Wanted,
    limits: &SearchLimits<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Plan<'a> {
    let start = Instant::now();
    let generated = candidates::generate(scenario, catalog, Options::default());
    let built = build(scenario, catalog, &generated);
    let outcome = solve::solve(&built.problem, limits, progress);
    let left = limits.after(start.elapsed());
    let next = match outcome.assignment.as_ref().filter(|_| wanted.alternatives > 0 && !left.spent()) {
        Some(plan) => solve::alternatives(&built.problem, plan, wanted.alternatives, &left, progress),
        None => Vec::new(),
    };
    let view = View { scenario, catalog, generated: &generated, built: &built };
    let comparisons = compare(&view, &outcome, wanted.compare, &limits.after(start.elapsed()), progress);
    let sites = outcome.assignment.as_ref().map(|a| view.sites(a)).unwrap_or_default();
    let order = outcome.assignment.as_ref().map(|a| view.order(a)).unwrap_or_default();
    let used: Vec<&Device> = sites.iter().flat_map(|s| s.devices.iter().map(|d| d.device)).collect();
    let rejected = rejected(scenario, catalog, &generated, &built);
    let purchase = purchase(&order);
    let energy = outcome
        .value
        .filter(|_| scenario.objective == ObjectiveKind::Tco)
        .map(|value| Energy::of(scenario.horizon, &sites, purchase, Money(value)));
    Plan {
        purchase,
        energy,
        market: Market::of(catalog, &generated),
        scenario: scenario.name.clone(),
        objective: scenario.objective,
        headroom: scenario.headroom,
        confidence: scenario.confidence,
        status: outcome.status,
        value: outcome.value.map(|v| in_unit(scenario.objective, v)),
        bound: outcome.value.map(|_| in_unit(scenario.objective, outcome.bound)),
        alternatives: next.iter().filter_map(|o| view.alternative(o)).collect(),
        comparisons,
        assumptions: view.assumptions(&used, &sites),
        assumed: assumed(scenario),
        oldest_price: used.iter().filter_map(|d| d.price_date.clone()).min(),
        sites,
        order,
        rejected,
        considered: generated.considered,
        catalog_sha256: catalog.sha256().to_owned(),
    }
}

/// Cents to dollars, milliwatts to watts.
pub(super) fn in_unit(objective: ObjectiveKind, value: u64) -> f64 {
    match objective {
        ObjectiveKind::Capex | ObjectiveKind::Tco => value as f64 / 100.0,
        ObjectiveKind::Power => value as f64 / 1000.0,
    }
}

/// What an assignment is told from.
pub(super) struct View<'v, 'a> {
    pub(super) scenario: &'v Scenario,
    pub(super) catalog: &'a Catalog,
    pub(super) generated: &'v Generated<'a>,
    pub(super) built: &'v Built,
}

impl<'a> View<'_, 'a> {
    /// Pieces of each SKU that the units need.
    fn quantities(&self, assignment: &Assignment) -> BTreeMap<usize, u64> {
        let mut quantities = BTreeMap::new();
        for (site, unit) in self.built.problem.sites.iter().zip(assignment) {
            for placed in unit {
                *quantities.entry(self.built.problem.hosts[placed.host].sku).or_insert(0) += site.count;
            }
        }
        quantities
    }

    fn order(&self, assignment: &Assignment) -> Vec<OrderLine> {
        self.quantities(assignment)
            .into_iter()
            .map(|(sku, quantity)| {
                let problem = &self.built.problem;
                let (spares, pieces) = (solve::spares(problem, quantity), solve::ordered(problem, sku, quantity));
                let (device, days) = self.built.orders[sku];
                let offer = best_offer(&self.catalog.device_at(device).offers, pieces, days);
                let sku = &problem.skus[sku];
                let unit_price = sku.price_at(pieces).unwrap_or_default();
                OrderLine {
                    device: sku.id.clone(),
                    quantity,
                    spares,
                    extra: pieces.saturating_sub(quantity.saturating_add(spares)),
                    unit_price,
                    total: unit_price.times(pieces),
                    supplier: offer.and_then(|o| o.supplier.clone()),
                    lead_time_days: offer.and_then(|o| o.lead_time_days),
                    price_date: offer.and_then(|o| o.as_of.clone()),
                }
            })
            .collect()
    }

    pub(super) fn sites(&self, assignment: &Assignment) -> Vec<PlannedSite<'a>> {
        let quantities = self.quantities(assignment);
        self.built
            .problem
            .sites
            .iter()
            .zip(assignment)
            .enumerate()
            .map(|(s, (site, unit))| PlannedSite {
                name: site.name.clone(),
                count: site.count,
                devices: unit.iter().map(|placed| self.device(s, placed, &quantities)).collect(),
            })
            .collect()
    }

    fn device(&self, s: usize, placed: &Placed, quantities: &BTreeMap<usize, u64>) -> PlannedDevice<'a> {
        let host = &self.built.problem.hosts[placed.host];
        let site = &self.built.problem.sites[s];
        let quantity = quantities.get(&host.sku).copied().unwrap_or(0);
        let hosted: Vec<_> = placed
            .hosted
            .iter()
            .map(|h| (h.workload, &site.workloads[h.workload].candidates[h.candidate], h))
            .collect();
        let load = Share(hosted.iter().map(|(_, c, _)| c.load.0).sum());
        let pools = host
            .pools
            .iter()
            .enumerate()
            .map(|(p, room)| {
                let own: Bytes = hosted.iter().map(|(_, c, _)| c.memory[p]).sum();
                // A process that several workloads share has one framework: the largest of theirs.
                let mut shared: BTreeMap<u32, Bytes> = BTreeMap::new();
                let mut alone = Bytes::ZERO;
                for (w, c, _) in &hosted {
                    match site.workloads[*w].process {
                        Some(process) => {
                            let largest = shared.entry(process).or_default();
                            *largest = (*largest).max(c.framework[p]);
                        }
                        None => alone += c.framework[p],
                    }
                }
                let steady = room.os + own + alone + shared.into_values().sum();
                PlannedPool {
                    name: room.name,
                    capacity: room.capacity,
                    os: room.os,
                    steady,
                    required: required(steady, self.scenario.headroom),
                }
            })
            .collect();
        let mut workloads: Vec<_> = hosted
            .iter()
            .map(|(w, c, h)| {
                let candidate = self.generated.candidates[self.built.candidates[s][*w][h.candidate]].clone();
                let workload = self.scenario.sites[s].workloads[*w].clone();
                PlannedWorkload {
                    latency: c.latency.map(|(alone, _)| under_sharing(alone, Share(load.0 - c.load.0))),
                    launch: launch::launch(&launch::Configuration::of(&candidate, &workload)),
                    workload,
                    candidate,
                }
            })
            .collect();
        launch::tell_apart(
            workloads.iter_mut().filter_map(|planned: &mut PlannedWorkload<'_>| planned.launch.as_mut()),
        );
        let (device_index, mode_index) = self.built.hosts[placed.host];
        let (device, mode) = match workloads.first() {
            Some(w) => (w.candidate.device, w.candidate.mode),
            // A unit's device hosts something by the rules of the choice; the look-up keeps this total.
            None => {
                let device = self.catalog.device_at(device_index);
                (device, &device.modes[mode_index])
            }
        };
        // Candidates whose engine and mode exclude each other are refused, and engines never exclude one another.
        let needs = workloads.iter().fold(mode.needs.clone(), |all, planned| {
            all.and(&planned.candidate.runtime.needs_on(&device.silicon)).unwrap_or(all)
        });
        PlannedDevice {
            device,
            mode,
            needs,
            unit_price: self.built.problem.skus[host.sku]
                .price_at(solve::ordered(&self.built.problem, host.sku, quantity))
                .unwrap_or_default(),
            load,
            pools,
            workloads,
        }
    }

    pub(super) fn alternative(&self, outcome: &Outcome) -> Option<Alternative> {
        let assignment = outcome.assignment.as_ref()?;
        let problem = &self.built.problem;
        Some(Alternative {
            objective: in_unit(self.scenario.objective, outcome.value?),
            proven: outcome.status == Status::Optimal,
            sites: problem
                .sites
                .iter()
                .zip(assignment)
                .map(|(site, unit)| {
                    let devices = unit
                        .iter()
                        .map(|p| {
                            (problem.skus[problem.hosts[p.host].sku].id.clone(), problem.hosts[p.host].mode.clone())
                        })
                        .collect();
                    (site.name.clone(), devices)
                })
                .collect(),
        })
    }

    /// Accessories that were assumed, facts that no source confirms, estimates that replace a reading.
    fn assumptions(&self, used: &[&Device], sites: &[PlannedSite<'_>]) -> Vec<Assumption> {
        let mut found = Vec::new();
        let mut note = |device: &Device, text: String| found.push(Assumption { device: device.id.clone(), text });
        for device in used {
            for accessory in &device.accessories {
                let price = accessory.price.map_or_else(String::new, |p| format!(" at {}", usd(p)));
                let date = accessory.provenance.as_of.as_ref().map_or_else(String::new, |d| format!(" ({d})"));
                note(device, format!("the price includes a {}{price}{date}", accessory.what));
            }
            for fact in unverified_facts(device, ObjectiveKind::Tco, true) {
                note(device, format!("`{fact}` is not verified"));
            }
            if let Some(kind) = device.provenance.sources.get("price_kind") {
                note(device, format!("the price is a {kind} price"));
            }
        }
        // What a model's own file lacks or contradicts.
        for device in sites.iter().flat_map(|s| &s.devices) {
            for model in device.workloads.iter().map(|w| &w.workload.model).filter(|m| m.stored.is_some()) {
                for text in &model.assumptions {
                    note(device.device, format!("{}: {text}", model.id));
                }
            }
        }
        found.sort();
        found.dedup();
        found
    }
}

/// Latency while others take their share: alone / (1 - load of the others), rounded up.
fn under_sharing(alone: Micros, others: Share) -> Micros {
    let left = Share::ONE.0.saturating_sub(others.0);
    if left == 0 {
        return Micros(u64::MAX);
    }
    let scaled = u128::from(alone.0) * u128::from(Share::ONE.0);
    Micros(u64::try_from(scaled.div_ceil(u128::from(left))).unwrap_or(u64::MAX))
}

impl PlannedWorkload<'_> {
    /// The speed of the chosen candidate, when there is an estimate.
    #[must_use]
    pub const fn speed(&self) -> Option<&Speed> {
        self.candidate.speed.as_ref()
    }
}
