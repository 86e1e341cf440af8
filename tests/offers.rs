//! Several offers of one device: those that come too late are put aside first, then the cheapest for the quantity is taken,
//! and the order says whose it is.

use edgemem::catalog::{Catalog, prices};
use edgemem::planner::{Plan, plan};
use edgemem::scenario::{Document, resolve};
use edgemem::solve::SearchLimits;
use serde_json::Value;

const HEAD: &str = "device,price_usd,supplier,lead_time_days,min_quantity,as_of\n";
const SOUTH: &str = "mac-mini-m4-16gb,799.00,south,5,1,2026-11-02\n";
const SOUTH_50: &str = "mac-mini-m4-16gb,769.00,south,8,50,2026-11-03\n";
const NORTH: &str = "mac-mini-m4-16gb,749.00,north,30,1,2026-11-01\n";
const EAST: &str = "mac-mini-m4-16gb,700.00,east,,1,\n";

fn with_plan(scenario: &str, rows: &[&str], look: impl FnOnce(&Plan<'_>)) {
    let mut catalog = Catalog::shipped().unwrap();
    prices::apply(&mut catalog, "offers.csv", format!("{HEAD}{}", rows.concat())).unwrap();
    let document = Document::parse("s.yaml", scenario).unwrap();
    let scenario = resolve(&document, &catalog, &|name| catalog.model(name).map(std::sync::Arc::new)).unwrap();
    look(&plan(&scenario, &catalog, 0, &SearchLimits::default(), &mut |_| {}));
}

fn kiosks(count: u64, limits: &str) -> String {
    format!(
        "scenario: kiosks\ncount: {count}\nlimits: {{ {limits} }}\nallow: {{ devices: [mac-mini-m4-16gb] }}\nworkloads:\n  \
         - {{ name: talk, model: Qwen3-4B, targets: {{ decode_tok_s: 8 }} }}\n"
    )
}

/// (quantity, price of one in cents, supplier, days)
type Line = (u64, u64, String, Option<u32>);

fn lines(plan: &Plan<'_>) -> Vec<Line> {
    let supplier = |s: &Option<String>| s.clone().unwrap_or_default();
    plan.order.iter().map(|l| (l.quantity, l.unit_price.0, supplier(&l.supplier), l.lead_time_days)).collect()
}

fn line(quantity: u64, cents: u64, supplier: &str, days: u32) -> Line {
    (quantity, cents, supplier.to_owned(), Some(days))
}

#[test]
fn the_cheapest_offer_that_arrives_in_time_and_whose_quantity_is_reached_is_taken() {
    for (count, limits, wanted) in [
        (60, "lead_time_days: 10", Some(line(60, 76_900, "south", 8))),
        (49, "lead_time_days: 10", Some(line(49, 79_900, "south", 5))),
        (60, "lead_time_days: 7", Some(line(60, 79_900, "south", 5))),
        (60, "lead_time_days: 30", Some(line(60, 74_900, "north", 30))),
        (60, "lead_time_days: 4", None),
    ] {
        // In any order of the rows.
        for rows in [[SOUTH, SOUTH_50, NORTH, EAST], [EAST, NORTH, SOUTH_50, SOUTH], [NORTH, SOUTH, EAST, SOUTH_50]] {
            with_plan(&kiosks(count, limits), &rows, |plan| {
                assert_eq!(lines(plan), wanted.iter().cloned().collect::<Vec<_>>(), "{count} with {limits}");
                let total: u64 = plan.order.iter().map(|l| l.total.0).sum();
                assert_eq!(total, wanted.as_ref().map_or(0, |w| w.0 * w.1));
            });
        }
    }
    with_plan(&kiosks(60, "price_usd: 3000"), &[SOUTH, SOUTH_50, NORTH, EAST], |plan| {
        assert_eq!(
            lines(plan),
            [(60, 70_000, "east".to_owned(), None)],
            "without a limit an unknown lead time will do"
        );
    });
    // An offer that comes too late for the limit on a unit's price does not make the device affordable.
    with_plan(&kiosks(1, "lead_time_days: 10, price_usd: 780"), &[SOUTH, NORTH], |plan| {
        assert!(plan.order.is_empty(), "{:?}", plan.order);
    });
}

#[test]
fn site_classes_that_wait_differently_share_an_order_only_where_that_is_cheaper() {
    let fleet = |near: u64, far: u64| {
        format!(
            "scenario: fleet\nallow: {{ devices: [mac-mini-m4-16gb] }}\nsites:\n  - name: near\n    count: {near}\n    limits: \
             {{ lead_time_days: 10 }}\n    workloads: [{{ name: talk, model: Qwen3-4B, targets: {{ decode_tok_s: 8 }} }}]\n  \
             - name: far\n    count: {far}\n    workloads: [{{ name: talk, model: Qwen3-4B, targets: {{ decode_tok_s: 8 }} \
             }}]\n"
        )
    };
    // 30 in time at 799 and 30 later at 749 are 46,440; all 60 from the break that is in time 60 x 769 = 46,140.
    with_plan(&fleet(30, 30), &[SOUTH, SOUTH_50, NORTH], |plan| {
        assert_eq!(lines(plan), [line(60, 76_900, "south", 8)]);
    });
    // Below the break each site class takes what is cheapest for it: 10 x 799 + 30 x 749 in place of 40 x 799.
    with_plan(&fleet(10, 30), &[SOUTH, SOUTH_50, NORTH], |plan| {
        assert_eq!(lines(plan), [line(10, 79_900, "south", 5), line(30, 74_900, "north", 30)]);
        let prices: Vec<_> = plan.sites.iter().flat_map(|s| s.devices.iter().map(|d| d.unit_price.0)).collect();
        assert_eq!(prices, [79_900, 74_900]);
    });
    // Where the same offers count for both there is one order, and the break counts both.
    with_plan(&fleet(30, 30), &[SOUTH, SOUTH_50], |plan| assert_eq!(lines(plan), [line(60, 76_900, "south", 8)]));
}

#[test]
fn the_order_names_supplier_lead_time_and_date_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("s.yaml"), kiosks(60, "lead_time_days: 10")).unwrap();
    std::fs::write(folder.path().join("p.csv"), format!("{HEAD}{NORTH}{SOUTH}{SOUTH_50}")).unwrap();
    let run = |format: &str| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_edgemem"))
            .current_dir(folder.path())
            .args(["plan", "s.yaml", "--prices", "p.csv", "--format", format])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let json: Value = serde_json::from_str(&run("json")).unwrap();
    let order = &json["order"][0];
    assert_eq!((&order["supplier"], &order["lead_time_days"]), (&Value::from("south"), &Value::from(8)));
    assert_eq!((&order["price_date"], &order["unit_price"]), (&Value::from("2026-11-03"), &Value::from(769.0)));
    for format in ["table", "markdown", "html"] {
        let text = run(format);
        for part in ["south", "2026-11-03", "46140.00"] {
            assert!(text.replace(',', "").contains(part), "no {part} in {format}:\n{text}");
        }
    }
}
