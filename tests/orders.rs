//! What is ordered: smallest quantities, price breaks and pieces that are sold together.

use std::sync::Arc;

use edgemem::candidates::{self, Options};
use edgemem::catalog::{Catalog, prices};
use edgemem::planner::{self, OrderLine};
use edgemem::report;
use edgemem::scenario::{self, Document, Scenario};
use edgemem::solve::{SearchLimits, Status};
use edgemem::units::Money;

const KIT: &str = "jetson-orin-nano-super-devkit";

fn scenario(catalog: &Catalog) -> Scenario {
    let text = format!(
        "scenario: order\ncount: 7\nfleet: {{ spares: 10% }}\nallow: {{ devices: [{KIT}] }}\nworkloads:\n  \
         - {{ name: talk, model: qwen3-0.6b, context: 2048, weights: q8_0 }}\n"
    );
    let document = Document::parse("order.yaml", &text).unwrap();
    scenario::resolve(&document, catalog, &|name| catalog.model(name).map(Arc::new)).unwrap_or_else(|e| panic!("{e}"))
}

/// What seven units with a spare are ordered at by a price list of these rows, if they can be.
fn ordered(header: &str, rows: &[&str]) -> Option<OrderLine> {
    let mut catalog = Catalog::shipped().unwrap();
    let rows: Vec<String> = rows.iter().map(|row| format!("{KIT},{row}")).collect();
    prices::apply(&mut catalog, "prices.csv", format!("device,{header}\n{}\n", rows.join("\n"))).unwrap();
    let scenario = scenario(&catalog);
    let plan = planner::plan(&scenario, &catalog, 0, &SearchLimits::default(), &mut |_| {});
    assert_eq!(plan.status == Status::Infeasible, plan.order.is_empty());
    let total = plan.order.first().map(|line| line.total.usd());
    assert_eq!(plan.value, total, "capex is what the order comes to");
    plan.order.into_iter().next()
}

#[test]
fn pieces_that_are_sold_together_are_all_paid_and_count_for_the_break() {
    let line = ordered("price_usd,min_quantity,order_multiple", &["400,1,5", "350,10,"]).unwrap();
    assert_eq!((line.quantity, line.spares, line.extra), (7, 1, 2));
    assert_eq!((line.unit_price, line.total), (Money(35_000), Money(350_000)));
    let line = ordered("price_usd,min_quantity,order_multiple", &["400,1,4", "350,10,"]).unwrap();
    assert_eq!((line.extra, line.unit_price, line.total), (0, Money(40_000), Money(320_000)));
    let line = ordered("price_usd,min_quantity,order_multiple", &["400,1,100"]).unwrap();
    assert_eq!((line.extra, line.total), (92, Money(4_000_000)));
}

#[test]
fn nobody_buys_more_than_needed_to_reach_a_quantity() {
    assert_eq!(ordered("price_usd,min_quantity", &["400,8"]).unwrap().total, Money(320_000));
    assert_eq!(ordered("price_usd,min_quantity", &["400,9"]), None);
    // Nine are too many to buy for a break, but what comes in tens comes in tens.
    let line = ordered("price_usd,min_quantity,order_multiple", &["400,9,10"]).unwrap();
    assert_eq!((line.extra, line.total), (2, Money(400_000)));
}

#[test]
fn a_multiple_is_a_whole_number_and_one_for_each_device() {
    let mut catalog = Catalog::shipped().unwrap();
    for (rows, line) in [(format!("{KIT},400,0\n"), 2), (format!("{KIT},400,2\n{KIT},350,3\n"), 3)] {
        let text = format!("device,price_usd,order_multiple\n{rows}");
        let error = prices::apply(&mut catalog, "prices.csv", &text).unwrap_err();
        assert_eq!(error.position().map(|p| p.line), Some(line), "{error}");
    }
}

#[test]
fn the_table_of_candidates_names_multiples_where_there_are_any() {
    let mut catalog = Catalog::shipped().unwrap();
    let columns = |catalog: &Catalog| {
        let scenario = scenario(catalog);
        let generated = candidates::generate(&scenario, catalog, Options::default());
        report::candidates(&scenario, &generated).csv().lines().next().unwrap().to_owned()
    };
    assert!(!columns(&catalog).contains("order_multiple"));
    prices::apply(&mut catalog, "p.csv", format!("device,price_usd,order_multiple\n{KIT},400,6\n")).unwrap();
    assert!(columns(&catalog).ends_with(",order_multiple"));
}
