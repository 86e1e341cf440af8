//! Hosts with several cards, and accelerators that need a host: what is placed where, and what it costs and draws.

use std::sync::Arc;

use edgemem::catalog::Catalog;
use edgemem::planner::{self, Plan, PlannedDevice};
use edgemem::scenario::{self, Document};
use edgemem::solve::{SearchLimits, Status};

/// A host with so many cards of 8 GiB each, and an accelerator on a board that it needs.
fn catalog(cards: u32) -> Result<Catalog, edgemem::diag::Diagnostic> {
    let text = format!(
        "devices:
  - id: two-cards
    name: Host with cards
    vendor: Example
    class: workstation
    silicon: nvidia-ampere
    availability: offered
    memory: {{ kind: discrete, type: GDDR6, installed_mib: 8192, visible_mib: 8192, cards: {cards}, host_visible_mib: 32000 }}
    os_image: ubuntu-server
    bandwidth_gb_s: 360
    compute: {{ fp16_tflops: 50, int8_tops: 100 }}
    full_w: 400
    idle_w: 60
    prices: [{{ usd: 1500, kind: list, as_of: \"2026-11-01\", source: example }}]
    runtimes: [llama.cpp-cuda]
  - id: stick
    name: Accelerator on a board
    vendor: Example
    class: accelerator
    silicon: rk3588
    availability: offered
    memory: {{ kind: unified, type: of the host, installed_mib: 8192, visible_mib: 7800 }}
    os_image: ubuntu-server
    bandwidth_gb_s: 30
    compute: {{ fp16_tflops: 1, int8_tops: 6 }}
    full_w: 5
    idle_w: 1
    prices: [{{ usd: 70, kind: list, as_of: \"2026-11-01\", source: example }}]
    accessories:
      - {{ what: host board, usd: 80, as_of: \"2026-11-01\", source: example, full_w: 10, idle_w: 3 }}
      - {{ what: power supply, usd: 10.50, as_of: \"2026-11-01\", source: example }}
    runtimes: [llama.cpp-cpu]
"
    );
    Catalog::with_overlays(&[("cards.yaml".to_owned(), text)])
}

fn plan<'a>(catalog: &'a Catalog, rest: &str, workloads: &[&str]) -> Plan<'a> {
    let list: String = workloads.iter().map(|w| format!("  - {{ {w} }}\n")).collect();
    let text = format!("scenario: cards\n{rest}\nworkloads:\n{list}");
    let document = Document::parse("cards.yaml", &text).unwrap();
    let find = |name: &str| catalog.model(name).map(Arc::new);
    let scenario = scenario::resolve(&document, catalog, &find).unwrap_or_else(|e| panic!("{e}"));
    planner::plan(&scenario, catalog, 0, &SearchLimits::default(), &mut |_| {})
}

fn the_one<'p, 'a>(plan: &'p Plan<'a>) -> &'p PlannedDevice<'a> {
    assert_eq!(plan.status, Status::Optimal, "{:?}", plan.rejected);
    &plan.sites[0].devices[0]
}

const FIVE_GIB: &str = "model: Llama-3.1-8B-Instruct, context: 2048, weights: q4_k_m, runtimes: llama.cpp";

#[test]
fn each_workload_is_wholly_on_one_card_and_each_card_must_hold_its_own() {
    let catalog = catalog(2).unwrap();
    let cards = "allow: { devices: [two-cards] }";
    let (a, b) = (format!("name: a, {FIVE_GIB}"), format!("name: b, {FIVE_GIB}"));
    let found = plan(&catalog, cards, &[&a, &b]);
    let device = the_one(&found);
    let names: Vec<&str> = device.pools.iter().map(|pool| pool.name).collect();
    assert_eq!(names, ["vram-0", "vram-1", "host"]);
    let mut on: Vec<usize> = device.workloads.iter().map(|w| w.candidate.card).collect();
    on.sort_unstable();
    assert_eq!(on, [0, 1], "neither card could hold both");
    for planned in &device.workloads {
        let command = planned.launch.as_ref().unwrap().start.line();
        assert!(command.starts_with(&format!("CUDA_VISIBLE_DEVICES={} ", planned.candidate.card)), "{command}");
    }
    for pool in &device.pools {
        assert!(pool.required <= pool.capacity && pool.steady > pool.os, "{}", pool.name);
        let used = device.workloads.iter().map(|w| {
            let own = w.candidate.device.pools.iter().find(|p| p.name.id() == pool.name).unwrap();
            w.candidate.used(own.name).total()
        });
        assert_eq!(pool.steady, pool.os + used.sum());
    }
    // A third finds no card with room, although both together have more left than it takes.
    let c = format!("name: c, {FIVE_GIB}");
    assert_eq!(plan(&catalog, cards, &[&a, &b, &c]).status, Status::Infeasible);
    // What one card cannot hold is not spread over two.
    let large = "name: large, model: Llama-3.1-8B-Instruct, context: 2048, weights: q8_0, runtimes: llama.cpp";
    assert_eq!(plan(&catalog, cards, &[large]).status, Status::Infeasible);
}

#[test]
fn one_card_more_holds_one_workload_more() {
    for (cards, most) in [(1, 1), (2, 2), (3, 3)] {
        let catalog = catalog(cards).unwrap();
        for count in 1..=4 {
            let workloads: Vec<String> = (0..count).map(|n| format!("name: w{n}, {FIVE_GIB}")).collect();
            let workloads: Vec<&str> = workloads.iter().map(String::as_str).collect();
            let found = plan(&catalog, "allow: { devices: [two-cards] }", &workloads);
            assert_eq!(found.status == Status::Optimal, count <= most, "{count} on {cards} cards");
        }
    }
    assert!(catalog(0).is_err() && catalog(4).is_err());
}

#[test]
fn an_accelerator_is_bought_powered_and_filled_with_its_host() {
    let catalog = catalog(1).unwrap();
    let small = "name: talk, model: qwen3-0.6b, context: 1024, weights: q8_0";
    let found = plan(&catalog, "allow: { devices: [stick] }", &[small]);
    let device = the_one(&found);
    assert_eq!(device.unit_price.usd(), 160.50);
    assert_eq!(found.value, Some(160.50));
    assert_eq!(device.mode.power.map(|p| p.watts()), Some(15.0));
    assert_eq!(device.mode.idle.map(|p| p.watts()), Some(4.0));
    // Its memory is the board's, with the board's system in it.
    assert_eq!((device.pools.len(), device.pools[0].capacity.0), (1, 7800 << 20));
    assert!(device.pools[0].os.0 > 0);
    let within = |limits: &str| plan(&catalog, &format!("allow: {{ devices: [stick] }}\n{limits}"), &[small]).status;
    assert_eq!(within("limits: { price_usd: 160.50, power_w: 15 }"), Status::Optimal);
    assert_eq!(within("limits: { price_usd: 160.49 }"), Status::Infeasible);
    assert_eq!(within("limits: { power_w: 14.999 }"), Status::Infeasible);
}
