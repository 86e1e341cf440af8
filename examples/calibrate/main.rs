//! Fits the constants of the speed models to the measurements that the project keeps, and writes them to
//! `catalogs/calibration/`:
//!
//! ```sh
//! cargo run --release --example calibrate
//! ```
//!
//! The same tables give the same files to the byte, on any machine.

use std::error::Error;
use std::fs;
use std::path::Path;

use edgemem::catalog::Catalog;
use edgemem::speed::calibration::Calibrator;

#[path = "../shared/measurements.rs"]
mod measurements;

const HEAD: &str = "\
# Written by `cargo run --release --example calibrate` from catalogs/measurements/; do not edit.
# Laws: shares of peak bandwidth and compute, microseconds per layer. Deviations: natural logarithms of factors on the rate.
# Spread: scatter of measurements that the fit had not seen.
";

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("catalogs");
    let catalog = Catalog::shipped().map_err(|e| format!("{e:?}"))?;
    let table = measurements::Table::read(&root.join("measurements"))?;
    let calibrator = Calibrator::new(table.observations(&catalog)?);
    let constants = calibrator.constants();
    let file = root.join("calibration").join("language.yaml");
    fs::create_dir_all(root.join("calibration"))?;
    fs::write(&file, format!("{HEAD}{}", serde_saphyr::to_string(&constants)?))?;
    eprintln!("{} observations, written to {}", calibrator.observations().len(), file.display());
    Ok(())
}
