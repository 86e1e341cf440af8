//! What would change the choice, checked by planning afresh: at the last value of each range the devices are the same, one
//! step outside they are not; what the next dollar buys comes to what is said; a device wins at the price that is named
//! and not at a cent more.

mod common;

use std::sync::Arc;

use common::Random;
use edgemem::catalog::{Catalog, prices};
use edgemem::diag::Diagnostic;
use edgemem::domain::Model;
use edgemem::planner::explain::Asker;
use edgemem::planner::sensitivity::{Stable, gains, sensitivity};
use edgemem::planner::why_not::why_not;
use edgemem::planner::{Plan, plan};
use edgemem::scenario::{Document, Path, resolve};
use edgemem::solve::{SearchLimits, Status};
use edgemem::units::Money;
use edgemem::yaml::parse_value;

const BOARDS: &str = include_str!("fixtures/explain/boards.yaml");

fn boards() -> Catalog {
    let mut catalog = Catalog::with_overlays(&[("boards.yaml".to_owned(), BOARDS.to_owned())]).unwrap();
    catalog.retain_devices(|d| d.vendor == "Testboards");
    catalog
}

fn random_scenario(r: &mut Random) -> String {
    let mut text = String::from("scenario: random\n");
    text += &format!("objective: {}\n", r.pick(&["capex", "capex", "capex", "tco", "power"]));
    if r.chance(50) {
        text += &format!("headroom: {}\n", r.pick(&["20%", "0.3"]));
    }
    text += "limits:\n";
    text += &format!("  price_usd: {}\n", r.pick(&["800", "1500.50", "4000"]));
    if r.chance(40) {
        text += &format!("  power_w: {}\n", r.pick(&["60", "45.5"]));
    }
    if r.chance(40) {
        text += "  devices: 2\n";
    }
    if r.chance(30) {
        text += "count: 20\nfleet: { spares: 5% }\n";
    }
    text += "workloads:\n";
    for i in 0..r.range(1, 2) {
        let model =
            r.pick(&["Qwen/Qwen2.5-0.5B-Instruct", "meta-llama/Llama-3.2-3B-Instruct", "Qwen/Qwen2.5-7B-Instruct"]);
        text += &format!("  - name: talk-{i}\n    model: {model}\n    context: {}\n", r.pick(&[2048, 4096]));
        if r.chance(80) {
            text += &format!("    targets: {{ decode_tok_s: {}, ttft_s: 20 }}\n", r.pick(&["2", "4.5", "8"]));
        }
        if r.chance(50) {
            text += "    duty: 0.3\n";
        }
    }
    text
}

/// A scenario over a catalog, with its models read once.
struct Bench<'c> {
    catalog: &'c Catalog,
    doc: Document,
    models: std::cell::RefCell<std::collections::BTreeMap<String, Arc<Model>>>,
}

impl<'c> Bench<'c> {
    fn new(catalog: &'c Catalog, text: &str) -> Self {
        Self { catalog, doc: Document::parse("s.yaml", text).unwrap(), models: Default::default() }
    }

    fn find(&self, name: &str) -> Result<Arc<Model>, Diagnostic> {
        if let Some(known) = self.models.borrow().get(name) {
            return Ok(Arc::clone(known));
        }
        let model = Arc::new(self.catalog.model(name)?);
        self.models.borrow_mut().insert(name.to_owned(), Arc::clone(&model));
        Ok(model)
    }

    fn plan<'a>(&self, doc: &Document, catalog: &'a Catalog) -> Option<Plan<'a>> {
        let scenario = resolve(doc, catalog, &|name| self.find(name)).ok()?;
        Some(plan(&scenario, catalog, 0, &SearchLimits::default(), &mut |_| {}))
    }

    fn with(&self, path: &str, value: &str) -> Document {
        let path: Path = path.parse().unwrap();
        self.doc.with(&path, parse_value(value).unwrap()).unwrap()
    }

    /// The catalog with another price for one device, accessories included; nothing when it has several.
    fn priced(&self, device: &str, price: &str) -> Option<Catalog> {
        let known = self.catalog.device(device).unwrap().0;
        if known.prices.len() > 1 {
            return None;
        }
        let cents: u64 = price.replace('.', "").parse().unwrap();
        let own = Money(cents - known.accessories_price().0);
        let mut catalog = self.catalog.clone();
        prices::apply(&mut catalog, "p.csv", format!("device,price_usd\n{device},{own}\n")).unwrap();
        Some(catalog)
    }
}

/// The devices of each unit; empty without a plan.
fn devices(plan: Option<&Plan<'_>>) -> Vec<Vec<String>> {
    let units = plan.into_iter().flat_map(|p| &p.sites);
    units.map(|s| s.devices.iter().map(|d| d.device.id.clone()).collect()).collect()
}

fn check_range(bench: &Bench<'_>, range: &Stable, chosen: &[Vec<String>]) -> usize {
    let mut ends = 0;
    for (inside, beyond) in [(&range.low, &range.below), (&range.high, &range.above)] {
        let (Some(inside), Some(beyond)) = (inside, beyond) else {
            assert!(inside.is_none() && beyond.is_none(), "{range:?}");
            continue;
        };
        let at = |value: &str| match range.what.strip_prefix("price of ") {
            Some(device) => {
                let catalog = bench.priced(device, value)?;
                let plan = bench.plan(&bench.doc, &catalog);
                Some((devices(plan.as_ref()), plan.and_then(|p| p.value)))
            }
            None => {
                let plan = bench.plan(&bench.with(&range.what, value), bench.catalog);
                Some((devices(plan.as_ref()), plan.and_then(|p| p.value)))
            }
        };
        let (Some(within), Some(outside)) = (at(inside), at(&beyond.at)) else { continue };
        ends += 1;
        let text = &bench.doc.text;
        assert_eq!(within.0, chosen, "{} = {inside} changes the choice\n{text}", range.what);
        assert_ne!(outside.0, chosen, "{} = {} does not change the choice\n{text}", range.what, beyond.at);
        assert_eq!(outside.1, beyond.objective, "{} = {}\n{text}", range.what, beyond.at);
    }
    ends
}

/// How many ends and gains were checked.
fn check(catalog: &Catalog, text: &str) -> (usize, usize) {
    let bench = Bench::new(catalog, text);
    let find = |name: &str| bench.find(name);
    let limits = SearchLimits::default();
    let asker = Asker::new(catalog, &find, &limits).deciding_ties(&limits);
    let scenario = resolve(&bench.doc, catalog, &find).unwrap();
    let chosen = plan(&scenario, catalog, 0, &limits, &mut |_| {});
    if chosen.status == Status::Infeasible {
        return (0, 0);
    }
    let names = devices(Some(&chosen));
    let ranges = sensitivity(&asker, &bench.doc, &scenario);
    let slacks: Vec<f64> = ranges.iter().map(|r| r.slack.unwrap_or(f64::INFINITY)).collect();
    assert!(slacks.is_sorted(), "the most sensitive first: {slacks:?}");
    let ends = ranges.iter().map(|range| check_range(&bench, range, &names)).sum();
    let found = gains(&asker, &bench.doc, &scenario, &chosen);
    assert!(found.is_sorted_by(|a, b| a.more <= b.more), "{found:?}");
    for gain in &found {
        let changed = gain.set.iter().fold(bench.doc.clone(), |d, (p, v)| d.with(p, v.clone()).unwrap());
        let better = bench.plan(&changed, catalog);
        assert_eq!(better.and_then(|p| p.value), Some(gain.objective), "{gain:?}\n{text}");
        assert_ne!(gain.now, gain.then, "{gain:?}\n{text}");
        assert!(gain.more > -0.005, "{gain:?}\n{text}");
    }
    (ends, found.len())
}

/// How many prices were checked.
fn check_why_not(catalog: &Catalog, text: &str, ids: &[&str]) -> usize {
    let bench = Bench::new(catalog, text);
    let find = |name: &str| bench.find(name);
    let limits = SearchLimits::default();
    let scenario = resolve(&bench.doc, catalog, &find).unwrap();
    let chosen = plan(&scenario, catalog, 0, &limits, &mut |_| {});
    let mut checked = 0;
    for id in ids {
        let why = why_not(&bench.doc, &scenario, catalog, &find, &chosen, id, &limits).unwrap();
        assert_eq!(why.chosen, devices(Some(&chosen)).iter().flatten().any(|d| d == id), "{why:?}");
        let has = |price: Money| {
            let cheaper = bench.priced(id, &price.to_string())?;
            Some(devices(bench.plan(&bench.doc, &cheaper).as_ref()).iter().flatten().any(|d| d == id))
        };
        match why.wins_at {
            Some(price) if price < Money(1_000_000_000) => {
                assert!(has(price).unwrap_or(true), "{why:?}\n{text}");
                assert!(!has(Money(price.0 + 1)).unwrap_or(false), "{why:?}\n{text}");
                checked += 1;
            }
            Some(_) => {}
            None => assert_ne!(has(Money(why.accessories.0 + 1)), Some(true), "{why:?}\n{text}"),
        }
        assert!(
            why.chosen || !why.misses.is_empty() || why.alone.is_some() || scenario.sites[0].max_devices() > 1,
            "{why:?}"
        );
    }
    checked
}

const IDS: [&str; 6] = ["board-alpha", "board-beta", "board-gamma", "board-delta", "board-epsilon", "board-zeta"];

fn run(seeds: std::ops::Range<u64>) -> (usize, usize, usize) {
    let catalog = boards();
    let mut sum = (0, 0, 0);
    for seed in seeds {
        let text = random_scenario(&mut Random::new(seed));
        let (ends, gains) = check(&catalog, &text);
        let prices = check_why_not(&catalog, &text, &IDS);
        sum = (sum.0 + ends, sum.1 + gains, sum.2 + prices);
    }
    sum
}

#[test]
fn ranges_are_exact_gains_and_winning_prices_hold() {
    let (ends, gains, prices) = run(0..8);
    assert!(ends > 20 && gains > 5 && prices > 10, "{ends} ends, {gains} gains, {prices} prices");
}

#[test]
fn they_hold_on_the_shipped_robot() {
    let catalog = Catalog::shipped().unwrap();
    let robot = include_str!("../scenarios/robot.yaml");
    let (ends, gains) = check(&catalog, robot);
    assert!(ends > 8 && gains > 3, "{ends} ends, {gains} gains");
    let ids = ["jetson-agx-orin-devkit-64gb", "jetson-orin-nano-super-devkit", "raspberry-pi-5-16gb", "coral-usb"];
    assert!(check_why_not(&catalog, robot, &ids) > 0);
}

#[test]
#[ignore = "some minutes: cargo test --release --test sensitivity -- --ignored"]
fn they_hold_at_length() {
    let (ends, gains, prices) = run(100..200);
    assert!(ends > 500 && gains > 100 && prices > 150, "{ends} ends, {gains} gains, {prices} prices");
    let mut catalog = Catalog::shipped().unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    for path in files.iter().filter(|p| p.extension().is_some_and(|e| e == "yaml")) {
        check(&catalog, &std::fs::read_to_string(path).unwrap());
    }
    let list = include_str!("../scenarios/fleet.prices.csv");
    prices::apply(&mut catalog, "fleet.prices.csv", list).unwrap();
    check(&catalog, include_str!("../scenarios/fleet.yaml"));
}
