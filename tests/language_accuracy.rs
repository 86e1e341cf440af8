//! Is the speed of language models as right as `docs/accuracy.md` claims, and are the shipped constants those of the shipped
//! measurements?

use std::fs;
use std::path::{Path, PathBuf};

use edgemem::catalog::Catalog;
use edgemem::speed::Basis;
use edgemem::speed::calibration::{Calibrator, Fold, Measured, Target};

#[path = "../examples/shared/figures.rs"]
mod figures;
#[path = "../examples/shared/measurements.rs"]
mod measurements;

use figures::{Answer, Figures};
use measurements::Table;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn table() -> Table {
    Table::read(&root().join("catalogs").join("measurements")).expect("the measurements can be read")
}

fn catalog() -> Catalog {
    Catalog::shipped().expect("the shipped catalogs load")
}

/// Median error, mean error, share inside, share over-promised that the page claims, in per cent.
fn claim(name: &str) -> [f64; 4] {
    let page = fs::read_to_string(root().join("docs").join("accuracy.md")).expect("the page");
    let line = page.lines().find(|l| l.starts_with(&format!("| {name} |"))).expect("the claim");
    let cells: Vec<f64> = line.split('|').skip(2).filter_map(|c| c.trim().strip_suffix(" %")?.parse().ok()).collect();
    cells.try_into().expect("four figures")
}

/// A catalog entry that is corrected between two calibrations may move a figure by this many points.
const SLACK: f64 = 1.0;

fn holds(name: &str, answers: &[Answer]) {
    let [median, mean, inside, over] = claim(name);
    let f = Figures::of(answers);
    let mut worst: Vec<&Answer> = answers.iter().collect();
    worst.sort_by(|a, b| b.error().total_cmp(&a.error()));
    worst.truncate(5);
    let report = format!("{name}, {} cases, width {:.2}: {f:?}, worst {worst:?}", f.rows, f.width);
    assert!(100.0 * f.median <= median + SLACK, "{report}");
    assert!(100.0 * f.mean <= mean + SLACK, "{report}");
    assert!(100.0 * f.inside >= inside - SLACK, "{report}");
    assert!(100.0 * f.over <= over + SLACK, "{report}");
}

/// Answers of the shipped constants to all measurements of one kind; they were fitted to these.
fn shipped(table: &Table, catalog: &Catalog, target: Target) -> Vec<Answer> {
    let of_target = |measured| match measured {
        Measured::Decode { streams, .. } => target == if streams > 1 { Target::Batch } else { Target::Decode },
        Measured::Prefill { .. } => target == Target::Prefill,
    };
    let facts = table.facts(catalog);
    let asked = facts.iter().enumerate().filter(|(_, (cell, _))| of_target(cell.measured));
    asked.map(|(i, facts)| Answer::given(i, facts, catalog.calibration()).expect("an estimate")).collect()
}

#[test]
fn devices_that_nobody_measured_are_estimated_as_well_as_claimed() {
    let catalog = catalog();
    let calibrator = Calibrator::new(table().observations(&catalog).expect("every row resolves"));
    let constants = &catalog.calibration().language;
    holds("decode new device", &Answer::of(&calibrator, Target::Decode, Fold::Chip, constants));
}

#[test]
fn shipped_constants_know_every_measurement() {
    let (table, catalog) = (table(), catalog());
    for target in [Target::Decode, Target::Batch, Target::Prefill] {
        let answers = shipped(&table, &catalog, target);
        for answer in &answers {
            // Cells measured with several streams only are known by their device.
            let enough = if target == Target::Batch { Basis::Device } else { Basis::Measured };
            let (class, basis, cell) = (&answer.class, answer.basis, answer.observation);
            assert!(basis <= enough, "cell {cell}, {class}, rests on {basis:?}: run the example calibrate");
        }
    }
}

#[test]
fn shipped_constants_answer_their_own_measurements_better_than_unseen_ones() {
    let (table, catalog) = (table(), catalog());
    for (target, name) in [(Target::Decode, "decode new model"), (Target::Prefill, "prefill new model")] {
        holds(name, &shipped(&table, &catalog, target));
    }
}

#[test]
fn the_table_names_only_what_the_catalogs_know() {
    let (table, catalog) = (table(), catalog());
    for row in &table.rows {
        if let Err(e) = table.resolve(row, &catalog) {
            panic!("{}: {e}", row.id);
        }
    }
}
