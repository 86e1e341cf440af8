//! Measures how wrong the speed estimates are on measurements that their fit had not seen, and writes `docs/accuracy.md`:
//!
//! ```sh
//! cargo run --release --example accuracy
//! ```

use std::error::Error;
use std::fs;
use std::path::Path;

use edgemem::catalog::Catalog;
use edgemem::speed::calibration::{Calibrator, Fold, Target};
use edgemem::speed::language::Constants;

mod decisions;
#[path = "../shared/figures.rs"]
mod figures;
#[path = "../shared/measurements.rs"]
mod measurements;
mod page;
mod strangers;

use figures::Answer;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let catalog = Catalog::shipped().map_err(|e| format!("{e:?}"))?;
    let table = measurements::Table::read(&root.join("catalogs").join("measurements"))?;
    let observations = table.observations(&catalog)?;
    let calibrator = Calibrator::new(observations.clone());
    // From the file, not from what this program was built with: the page is then right without building it again.
    let file = root.join("catalogs").join("calibration").join("language.yaml");
    let constants: Constants = serde_saphyr::from_str(&fs::read_to_string(file)?)?;
    let answers = |target, fold| Answer::of(&calibrator, target, fold, &constants);
    let page = page::Page {
        new_model: answers(Target::Decode, Fold::ChipModel),
        new_device: answers(Target::Decode, Fold::Chip),
        new_source: answers(Target::Decode, Fold::Source),
        known: answers(Target::Decode, Fold::Single),
        batch: answers(Target::Batch, Fold::ChipModel),
        prefill_new_model: answers(Target::Prefill, Fold::ChipModel),
        prefill_new_device: answers(Target::Prefill, Fold::Chip),
        strangers: strangers::draws(&catalog, &table.facts(&catalog), &observations),
        calibrator: &calibrator,
        catalog: &catalog,
    };
    let file = root.join("docs").join("accuracy.md");
    fs::write(&file, page.text())?;
    eprintln!("written to {}", file.display());
    Ok(())
}
