//! Plans beside the plan: each is what planning the restricted scenario gives.

mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use common::Random;
use edgemem::catalog::Catalog;
use edgemem::planner::frontier::{Axis, FrontierPoint, frontier};
use edgemem::planner::{self, Alternative, Compare, Plan, Restriction, Wanted};
use edgemem::scenario::{self, Document, ObjectiveKind, Scenario};
use edgemem::solve::{SearchLimits, Status};
use edgemem::units::{Milliwatts, Share};
use edgemem::yaml;

fn shipped(name: &str) -> Document {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name);
    Document::parse(name, &fs::read_to_string(path).unwrap()).unwrap()
}

fn with(document: &Document, path: &str, value: &str) -> Document {
    document.with(&path.parse().unwrap(), yaml::parse_value(value).unwrap()).unwrap()
}

fn resolve(document: &Document, catalog: &Catalog) -> Scenario {
    scenario::resolve(document, catalog, &|name| catalog.model(name).map(Arc::new)).unwrap_or_else(|e| panic!("{e}"))
}

fn plan<'a>(document: &Document, catalog: &'a Catalog, compare: Compare) -> Plan<'a> {
    let wanted = Wanted { alternatives: 0, compare };
    planner::plan_with(&resolve(document, catalog), catalog, wanted, &SearchLimits::default(), &mut |_| {})
}

/// Devices and modes of each site class, devices of a unit in order.
fn devices(plan: &Plan<'_>) -> Vec<(String, Vec<(String, String)>)> {
    let unit = |site: &planner::PlannedSite<'_>| {
        let devices = site.devices.iter().map(|d| (d.device.id.clone(), d.mode.id.clone()));
        (site.name.clone(), devices.collect())
    };
    plan.sites.iter().map(unit).collect()
}

#[test]
fn each_comparison_is_the_plan_of_the_restricted_scenario() {
    let catalog = Catalog::shipped().unwrap();
    let (mut vendors, mut one, mut none) = (0, 0, 0);
    for name in ["robot-two-devices.yaml", "kiosk.yaml", "clinic.yaml", "redundancy.yaml", "low-duty.yaml"] {
        let document = with(&shipped(name), "allow.unverified", "true");
        let found = plan(&document, &catalog, Compare::Always);
        let several = found.sites.iter().any(|site| site.devices.len() > 1);
        assert_eq!(found.comparisons.skipped, 0, "{name}");
        for comparison in &found.comparisons.list {
            let restricted = match &comparison.restriction {
                Restriction::Vendor(vendor) => {
                    vendors += 1;
                    with(&document, "allow.vendors", &format!("[\"{vendor}\"]"))
                }
                Restriction::OneDevice => {
                    one += 1;
                    assert!(several, "{name}");
                    with(&document, "limits.devices", "1")
                }
            };
            let expected = plan(&restricted, &catalog, Compare::Never);
            assert_eq!(comparison.status, expected.status, "{name}, {:?}", comparison.restriction);
            assert_eq!(comparison.plan.as_ref().map(|p| p.objective), expected.value, "{name}");
            let same = |plan: &Alternative| plan.sites == devices(&expected);
            assert!(comparison.plan.as_ref().is_none_or(same), "{name}, {:?}", comparison.restriction);
            none += u32::from(comparison.status == Status::Infeasible);
            assert!(found.value <= expected.value || expected.value.is_none());
        }
    }
    assert!(vendors > 10 && one > 0 && none > 0, "{vendors} vendors, {one} with one device, {none} without a plan");
}

/// The cost in cents of the cheapest plan for a demand on an axis, planned from the start.
fn cost_at(scenario: &Scenario, catalog: &Catalog, axis: Axis, at: u64) -> Option<u64> {
    let mut scenario = scenario.clone();
    if axis == Axis::Speed || scenario.objective == ObjectiveKind::Power {
        scenario.objective = ObjectiveKind::Capex;
    }
    for site in &mut scenario.sites {
        match axis {
            Axis::Power => {
                let cap = Milliwatts(at);
                site.limits.power = Some(site.limits.power.map_or(cap, |limit| limit.min(cap)));
            }
            Axis::Headroom => {}
            Axis::Speed => {
                for workload in &mut site.workloads {
                    let targets = &mut workload.targets;
                    let scaled = |rate: f64| format!("{:.9}", rate * at as f64 / 1000.0).parse().unwrap();
                    targets.decode_tok_s = targets.decode_tok_s.map(scaled);
                    targets.inferences_s = targets.inferences_s.map(scaled);
                    targets.realtime_factor = targets.realtime_factor.map(|factor| factor * 1000.0 / at as f64);
                }
            }
        }
    }
    if axis == Axis::Headroom {
        scenario.headroom = Share(at);
    }
    let plan = planner::plan(&scenario, catalog, 0, &SearchLimits::default(), &mut |_| {});
    assert!(matches!(plan.status, Status::Optimal | Status::Infeasible));
    plan.value.map(|value| (value * 100.0).round() as u64)
}

#[test]
fn a_frontier_is_what_planning_at_every_demand_gives() {
    let catalog = Catalog::shipped().unwrap();
    let mut r = Random::new(7);
    let mut points = 0;
    for (name, axis) in [
        ("fleet.yaml", Axis::Power),
        ("fleet.yaml", Axis::Headroom),
        ("drone.yaml", Axis::Speed),
        ("low-duty.yaml", Axis::Headroom),
        ("low-duty.yaml", Axis::Speed),
        ("robot-two-devices.yaml", Axis::Power),
    ] {
        let classes = with(&shipped(name), "allow.classes", "[sbc, devkit, mini-pc, desktop-gpu]");
        let scenario = resolve(&with(&classes, "allow.unverified", "true"), &catalog);
        let found = frontier(&scenario, &catalog, axis, &SearchLimits::default(), &mut |_| {}).unwrap();
        assert!(found.complete && !found.points.is_empty(), "{name}, {axis:?}");
        let cents = |point: &FrontierPoint| (point.plan.objective * 100.0).round() as u64;
        // Larger is harder, whatever the axis.
        let demand = |at: u64| if axis == Axis::Power { u64::MAX - at } else { at };
        for pair in found.points.windows(2) {
            assert!(cents(&pair[0]) < cents(&pair[1]) && demand(pair[0].at) < demand(pair[1].at), "{name}, {axis:?}");
        }
        for (number, point) in found.points.iter().enumerate() {
            assert_eq!(cost_at(&scenario, &catalog, axis, point.at), Some(cents(point)), "{name}, {axis:?}, {number}");
            let harder = if axis == Axis::Power { point.at - 1 } else { point.at + 1 };
            let next = found.points.get(number + 1).map(cents);
            if axis != Axis::Headroom || harder <= 10_000_000 {
                assert_eq!(cost_at(&scenario, &catalog, axis, harder), next, "{name}, {axis:?}, beyond {number}");
            }
        }
        for _ in 0..6 {
            let at = match axis {
                Axis::Power => r.range(1_000, 200_000),
                Axis::Headroom => r.range(0, 4_000_000),
                Axis::Speed => r.range(1, 6_000),
            };
            let serving = found.points.iter().find(|point| demand(point.at) >= demand(at)).map(cents);
            assert_eq!(cost_at(&scenario, &catalog, axis, at), serving, "{name}, {axis:?}, at {at}");
        }
        let asked = match axis {
            Axis::Power => found.points.first(),
            Axis::Headroom => found.points.iter().find(|point| point.at >= scenario.headroom.0),
            Axis::Speed => found.points.iter().find(|point| point.at >= 1000),
        };
        assert!(found.points.iter().all(|p| p.as_asked == asked.is_some_and(|asked| asked.at == p.at)));
        points += found.points.len();
    }
    assert!(points > 15, "{points} points in all are too few to mean anything");
}

#[test]
fn speed_is_no_axis_without_a_rate_to_multiply() {
    let catalog = Catalog::shipped().unwrap();
    let text = "scenario: s\nworkloads: [{ name: talk, model: qwen3-0.6b, context: 2048 }]\n";
    let scenario = resolve(&Document::parse("s.yaml", text).unwrap(), &catalog);
    assert!(frontier(&scenario, &catalog, Axis::Speed, &SearchLimits::default(), &mut |_| {}).is_none());
}
