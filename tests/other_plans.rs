//! Plans beside the plan: each is what planning the restricted scenario gives.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use edgemem::catalog::Catalog;
use edgemem::planner::{self, Alternative, Compare, Plan, Restriction, Wanted};
use edgemem::scenario::{self, Document, Scenario};
use edgemem::solve::{SearchLimits, Status};
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
