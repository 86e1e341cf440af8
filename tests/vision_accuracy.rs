//! The vision and speech speed model against the measurements kept in the project, seen and unseen.

#![expect(clippy::unwrap_used, reason = "a test stops where its world is not as it should be")]

#[allow(dead_code, reason = "the calibration's own modules; the page's part of them is not needed here")]
#[path = "../examples/calibrate_vision/data.rs"]
mod data;
#[allow(dead_code, reason = "as above")]
#[path = "../examples/calibrate_vision/evaluate.rs"]
mod evaluate;
#[allow(dead_code, reason = "as above")]
#[path = "../examples/calibrate_vision/fit.rs"]
mod fit;
#[allow(dead_code, reason = "as above")]
#[path = "../examples/calibrate_vision/stats.rs"]
mod stats;

use std::collections::BTreeMap;
use std::path::Path;

use edgemem::catalog::Catalog;
use edgemem::speed::vision::Group;
use edgemem::speed::vision::effects::{DeviceKnown, NetworkKnown};

use data::{Data, Observation};
use evaluate::{Miss, Withheld};
use fit::Process;

fn read() -> (Catalog, Data) {
    let catalog = Catalog::shipped().unwrap();
    let data = data::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("catalogs/measurements"), &catalog).unwrap();
    (catalog, data)
}

/// Small enough to be fitted in a test; Hexagon's thousand rows are the calibration's business.
const TESTED: [(Group, &str); 5] = [
    (Group::Hailo, "Hailo, HailoRT"),
    (Group::Rockchip, "Rockchip NPU, RKNN"),
    (Group::Cuda, "NVIDIA GPU; TensorRT, ONNX Runtime, PyTorch"),
    (Group::WhisperCuda, "whisper.cpp on NVIDIA GPUs"),
    (Group::WhisperMetal, "whisper.cpp on Apple GPUs"),
];

/// A percentage from the page: the row of a group in the section on what was withheld.
fn claimed(page: &str, withheld: Withheld, group: &str, column: usize) -> f64 {
    let section = page.split("## ").find(|s| s.starts_with(&format!("Withheld: {}\n", withheld.name()))).unwrap();
    let row = section.lines().find(|l| l.starts_with(&format!("| {group} |"))).unwrap();
    let cell = row.split('|').nth(column + 1).unwrap().trim();
    cell.trim_end_matches(" %").parse::<f64>().unwrap() / 100.0
}

#[test]
fn unseen_measurements_are_met_as_well_as_the_page_says() {
    const MEDIAN_ERROR: usize = 4;
    const INSIDE: usize = 6;
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/accuracy-vision.md")).unwrap();
    let (catalog, data) = read();
    let constants = &catalog.calibration().vision;
    for (group, name) in TESTED {
        let rows: Vec<&Observation> = data.observations.iter().filter(|o| o.group == group).collect();
        let process = Process::new(group, &rows, &fit::prior_variation());
        let misses: Vec<Miss<'_>> = evaluate::in_place(group, &process, Withheld::NetworkOnDevice);
        let mut errors: Vec<f64> = misses.iter().map(|m| ((-m.miss).exp() - 1.0).abs()).collect();
        let inside = misses
            .iter()
            .filter(|m| m.miss.abs() <= constants.half_width(&constants.groups[&group], m.knowledge))
            .count() as f64
            / misses.len() as f64;
        // The page's fit knows how much effects vary; this one starts from the prior. That may cost a few points.
        let median = stats::median(&mut errors);
        assert!(median <= claimed(&page, Withheld::NetworkOnDevice, name, MEDIAN_ERROR) + 0.05, "{name}: {median}");
        assert!(inside >= claimed(&page, Withheld::NetworkOnDevice, name, INSIDE) - 0.1, "{name}: {inside}");
    }
}

#[test]
fn seen_measurements_lie_inside_the_range_and_near_the_median() {
    let (catalog, data) = read();
    let constants = &catalog.calibration().vision;
    let asked: Vec<&str> = constants.chips.values().flat_map(BTreeMap::values).map(|c| c.id.as_str()).collect();
    let mut errors = Vec::new();
    for o in
        data.observations.iter().filter(|o| o.known && asked.contains(&o.chip.as_str()) && !o.network.contains('@'))
    {
        let fit = &constants.groups[&o.group];
        let (effect, knowledge) = fit.effects.on(&o.subject());
        assert_eq!((knowledge.device, knowledge.network), (DeviceKnown::Chip, NetworkKnown::Measured), "{o:?}");
        let rates = o.rates.unwrap_or_else(|| panic!("no rates: {o:?}"));
        let time = fit.law.time(&o.part, o.activations, o.weight_bytes, o.precision, rates).unwrap().0 * effect.exp();
        let miss = (o.seconds / time).ln().abs();
        assert!(miss <= constants.half_width(fit, knowledge), "{} s for {o:?}", time);
        errors.push(miss);
    }
    assert!(errors.len() > 250, "{}", errors.len());
    assert!(stats::median(&mut errors) < 0.03);
}

#[test]
fn every_chip_of_the_calibration_belongs_to_devices_of_the_catalog() {
    let (catalog, data) = read();
    for (unit, devices) in &data.chips {
        for id in devices.keys() {
            assert!(catalog.device(id).is_ok(), "{unit:?} {id}");
        }
    }
    assert_eq!(data.chips, catalog.calibration().vision.chips, "the calibration is older than its tables");
}
