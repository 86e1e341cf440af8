//! Fits the constants of the vision and speech speed model to `catalogs/measurements/vision*.csv` and writes them to
//! `catalogs/calibration/vision.yaml`, and what they are worth to `docs/accuracy-vision.md`.
//!
//! ```text
//! cargo run --release --example calibrate_vision
//! ```

mod data;
mod evaluate;
mod fit;
mod page;
mod stats;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

use edgemem::catalog::Catalog;
use edgemem::speed::vision::effects::Shared;
use edgemem::speed::vision::order::Families;
use edgemem::speed::vision::parts::parts;
use edgemem::speed::vision::{Constants, Fit, Group, Spread, part_name};

use data::Observation;
use evaluate::{Miss, Withheld};
use fit::Process;

const HEADER: &str = "# Written by `cargo run --release --example calibrate_vision` from catalogs/measurements/vision*.csv. \
Do not edit.\n";

fn main() -> ExitCode {
    match run(Path::new(env!("CARGO_MANIFEST_DIR"))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("calibrate_vision: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(root: &Path) -> Result<(), String> {
    let catalog = Catalog::shipped().map_err(|e| e.to_string())?;
    let data = data::read(&root.join("catalogs/measurements"), &catalog)?;
    let groups = by_group(&data.observations);

    // Every third row of the large group says as much about how much effects vary, at a twentieth of the time.
    let thinned: Vec<Process<'_>> = groups
        .iter()
        .filter(|(group, _)| **group != Group::Npu)
        .map(|(group, rows)| {
            let step = if rows.len() > 400 { 3 } else { 1 };
            let some: Vec<&Observation> = rows.iter().copied().step_by(step).collect();
            Process::new(*group, &some, &fit::prior_variation())
        })
        .collect();
    let variation = fit::most_likely_variation(&thinned);
    drop(thinned);

    let mut fits: BTreeMap<Group, Fit> = BTreeMap::new();
    let mut misses: Vec<Miss<'_>> = Vec::new();
    for (&group, rows) in &groups {
        let process = Process::new(group, rows, &variation);
        eprintln!("{group:?}: {} observations, {:?}", rows.len(), process.law);
        fits.insert(group, process.fit());
        if group == Group::Npu {
            evaluate::refit(group, rows, &variation, Withheld::Everything, &mut misses);
        } else {
            misses.extend(evaluate::misses(group, &process, &variation));
        }
    }

    let repeats: BTreeMap<Group, Vec<f64>> =
        groups.iter().map(|(&g, rows)| (g, rows.iter().flat_map(|o| scatter(&o.repeats)).collect())).collect();
    let (common, mut of_groups) = evaluate::spreads(&misses, &repeats);
    for (group, fit) in &mut fits {
        fit.spread = of_groups.remove(group).unwrap_or_default();
    }
    let mut constants = Constants {
        groups: fits,
        spread: common,
        shape: Vec::new(),
        on_cpu: data.on_cpu.into_iter().collect(),
        activations_per_operation: data.activations_per_operation,
        chips: data.chips,
        families: Families::default(),
    };
    let mut relative: Vec<f64> = misses
        .iter()
        .filter_map(|m| Some(m.miss.abs() / constants.half_width(constants.groups.get(&m.group)?, m.knowledge)))
        .collect();
    constants.shape = evaluate::shape(&mut relative);
    page::write(&root.join("docs/accuracy-vision.md"), &misses, &constants)?;
    prune(&mut constants, &network_names(&catalog));
    round(&mut constants);
    let yaml = edgemem::yaml::to_string(&constants)?;
    let path = root.join("catalogs/calibration/vision.yaml");
    std::fs::write(&path, format!("{HEADER}{yaml}")).map_err(|e| format!("{}: {e}", path.display()))
}

fn by_group(observations: &[Observation]) -> BTreeMap<Group, Vec<&Observation>> {
    let mut groups: BTreeMap<Group, Vec<&Observation>> = BTreeMap::new();
    for o in observations {
        groups.entry(o.group).or_default().push(o);
        // What all NPUs have in common is learned from those whose rate is known.
        if matches!(o.group, Group::Hailo | Group::Rockchip | Group::Hexagon) && o.known && o.rates.is_some() {
            groups.entry(Group::Npu).or_default().push(o);
        }
    }
    groups
}

/// Logarithmic distances of repeated measurements from their middle.
fn scatter(times: &[f64]) -> Vec<f64> {
    if times.len() < 2 {
        return Vec::new();
    }
    let middle = stats::median(&mut times.iter().map(|t| t.ln()).collect::<Vec<_>>());
    times.iter().map(|t| (t.ln() - middle).abs()).collect()
}

/// Drops effects that no question can meet: of chips that no device in the catalog has, of networks that are not in it.
fn prune(constants: &mut Constants, networks: &BTreeSet<String>) {
    let chips = constants.chips.values().flat_map(BTreeMap::values);
    let (ids, generations): (BTreeSet<&str>, BTreeSet<&str>) =
        chips.map(|c| (c.id.as_str(), c.generation.as_str())).unzip();
    for (group, fit) in &mut constants.groups {
        // NPUs without measurements have neither chip nor engine in common with those that were measured.
        let borrowed = *group == Group::Npu;
        let mut written = fit.effects.written().clone();
        for (shared, values) in &mut written {
            values.retain(|key, _| {
                let mut words = key.split(' ');
                let first = words.next().unwrap_or_default();
                let second = words.next().unwrap_or_default();
                match shared {
                    Shared::Kind | Shared::Family => true,
                    Shared::Network => networks.contains(first),
                    _ if borrowed => false,
                    Shared::Build | Shared::KindBuild => true,
                    Shared::NetworkBuild => networks.contains(first),
                    Shared::Chip | Shared::ChipBuild => ids.contains(first),
                    Shared::Generation
                    | Shared::GenerationBuild
                    | Shared::GenerationKind
                    | Shared::GenerationFamily => generations.contains(first),
                    Shared::GenerationNetwork => generations.contains(first) && networks.contains(second),
                    Shared::ChipNetwork | Shared::ChipNetworkBuild => ids.contains(first) && networks.contains(second),
                }
            });
        }
        written.retain(|_, values| !values.is_empty());
        fit.effects = written.into();
    }
    constants.on_cpu.retain(|key| ids.contains(key.split(' ').next().unwrap_or_default()));
}

/// The names that questions about the catalog's networks use.
fn network_names(catalog: &Catalog) -> BTreeSet<String> {
    catalog
        .model_entries()
        .filter_map(|m| Some((m, m.network.as_ref()?)))
        .flat_map(|(m, n)| parts(n, m.parameters).into_iter().map(|p| part_name(&m.id, p.name)))
        .collect()
}

/// Four digits are more than any measurement has; keeps the file readable and its differences small.
fn round(constants: &mut Constants) {
    let four = |x: &mut f64| *x = (*x * 1e4).round() / 1e4;
    let four_digits = |spread: &mut Spread| {
        spread.device.values_mut().chain(spread.network.values_mut()).for_each(four);
    };
    for fit in constants.groups.values_mut() {
        let mut written = fit.effects.written().clone();
        written.values_mut().flat_map(BTreeMap::values_mut).for_each(four);
        fit.effects = written.into();
        four_digits(&mut fit.spread);
        let significant = |x: &mut f64| *x = format!("{x:.4e}").parse().unwrap_or(*x);
        for c in fit.law.precisions.values_mut() {
            significant(&mut c.overhead.0);
            significant(&mut c.efficiency);
        }
        significant(&mut fit.law.data_share);
        significant(&mut fit.law.reference);
        significant(&mut fit.law.overhead_exponent);
    }
    four_digits(&mut constants.spread);
    constants.shape.iter_mut().for_each(|(_, v)| four(v));
    constants.activations_per_operation.values_mut().for_each(|x| *x = format!("{x:.4e}").parse().unwrap_or(*x));
}
