//! The measurement tables, joined with the catalogs.

use std::collections::BTreeMap;
use std::path::Path;

use edgemem::catalog::Catalog;
use edgemem::domain::{Backend, Network, PowerMode, Precision};
use edgemem::speed::vision::effects::{Shared, Subject};
use edgemem::speed::vision::law::Rates;
use edgemem::speed::vision::parts::{Part, parts};
use edgemem::speed::vision::{Chip, Group, Unit, part_name};

/// One build of one network (or part) on one chip: the best of all its measurements.
#[derive(Debug, Clone)]
pub(crate) struct Observation {
    pub group: Group,
    pub chip: String,
    pub generation: String,
    /// What the chip offers; absent when no source says.
    pub rates: Option<Rates>,
    pub network: String,
    pub family: String,
    pub kind: String,
    pub engine: String,
    pub format: String,
    pub precision: Precision,
    pub part: Part,
    pub activations: f64,
    pub weight_bytes: f64,
    /// The network is in the catalog, so the law has its figures; otherwise it compares chips and nothing else.
    pub known: bool,
    /// The shortest of the measured times, in seconds.
    pub seconds: f64,
    /// Times of runs that differ in nothing that the question tells apart (commits, days).
    pub repeats: Vec<f64>,
}

impl Observation {
    pub(crate) fn subject(&self) -> Subject<'_> {
        Subject {
            chip: &self.chip,
            generation: &self.generation,
            network: &self.network,
            family: &self.family,
            kind: &self.kind,
            engine: &self.engine,
            format: &self.format,
        }
    }
}

/// Everything that the calibration starts from.
pub(crate) struct Data {
    pub observations: Vec<Observation>,
    pub chips: BTreeMap<Unit, BTreeMap<String, Chip>>,
    pub on_cpu: Vec<String>,
    pub activations_per_operation: BTreeMap<String, f64>,
}

type Row = BTreeMap<String, String>;

fn table(path: &Path) -> Result<Vec<Row>, String> {
    let say = |e: csv::Error| format!("{}: {e}", path.display());
    let mut reader = csv::Reader::from_path(path).map_err(say)?;
    reader.deserialize().map(|row| row.map_err(say)).collect()
}

fn text<'a>(row: &'a Row, column: &str) -> Result<&'a str, String> {
    row.get(column).map(String::as_str).ok_or_else(|| format!("no column `{column}`"))
}

fn number(row: &Row, column: &str) -> Result<Option<f64>, String> {
    match text(row, column)? {
        "" => Ok(None),
        value => value.parse().map(Some).map_err(|_| format!("`{value}` in `{column}` is no number")),
    }
}

/// What is known of a chip.
struct ChipRow {
    generation: String,
    reduced_single: bool,
    mode: Option<PowerMode>,
}

fn unit(name: &str) -> Result<Unit, String> {
    match name {
        "cpu" => Ok(Unit::Cpu),
        "gpu" => Ok(Unit::Gpu),
        "npu" => Ok(Unit::Npu),
        _ => Err(format!("unknown unit `{name}`")),
    }
}

/// The mode in which a chip was measured: of its first device in the catalog, or of figures in the table.
fn measured_mode(row: &Row, catalog: &Catalog) -> Result<Option<PowerMode>, String> {
    let devices = text(row, "devices")?;
    let tera = |v: Option<f64>| v.map(|v| edgemem::units::OpsPerSecond(v * 1e12));
    if devices.is_empty() {
        let mode = PowerMode {
            id: "default".to_owned(),
            default: true,
            power: None,
            idle: None,
            bandwidth: number(row, "bandwidth_gb_s")?.map(|v| edgemem::units::BytesPerSecond(v * 1e9)),
            compute: edgemem::domain::Compute {
                fp16: tera(number(row, "fp16_tflops")?),
                int8: tera(number(row, "int8_tops")?),
                ..edgemem::domain::Compute::default()
            },
            cpu: None,
            note: None,
            nvpmodel: None,
            needs: edgemem::domain::SoftwareNeeds::default(),
            setting: None,
        };
        return Ok(Some(mode));
    }
    let name = text(row, "mode")?;
    for id in devices.split(';') {
        if let Ok((device, _)) = catalog.device(id) {
            let mode = device.modes.iter().find(|m| m.id.eq_ignore_ascii_case(name)).or_else(|| device.default_mode());
            return Ok(mode.cloned());
        }
    }
    Ok(None)
}

/// Reads both tables.
pub(crate) fn read(folder: &Path, catalog: &Catalog) -> Result<Data, String> {
    let mut known: BTreeMap<(Unit, String), ChipRow> = BTreeMap::new();
    let mut chips: BTreeMap<Unit, BTreeMap<String, Chip>> = BTreeMap::new();
    for row in table(&folder.join("vision_chips.csv"))? {
        let (unit, id, generation) = (unit(text(&row, "unit")?)?, text(&row, "chip")?, text(&row, "generation")?);
        let reduced_single = text(&row, "reduced_single")? == "true";
        for device in text(&row, "devices")?.split(';').filter(|d| !d.is_empty()) {
            let chip = Chip { id: id.to_owned(), generation: generation.to_owned(), reduced_single };
            chips.entry(unit).or_default().insert(device.to_owned(), chip);
        }
        let mode = measured_mode(&row, catalog)?;
        known.insert((unit, id.to_owned()), ChipRow { generation: generation.to_owned(), reduced_single, mode });
    }

    let mut cells: BTreeMap<String, Observation> = BTreeMap::new();
    let mut notes: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
    let mut on_cpu: Vec<String> = Vec::new();
    for row in table(&folder.join("vision.csv"))? {
        let (observation, fell_back) = observation(&row, catalog, &known)?;
        let Some(observation) = observation else { continue };
        let mut key = String::new();
        if fell_back && observation.subject().key(Shared::ChipBuild, &mut key) && !on_cpu.contains(&key) {
            on_cpu.push(key.clone());
        }
        observation.subject().key(Shared::ChipNetworkBuild, &mut key);
        // Commits of one engine are runs of the same question; another kernel (flash attention) is another build.
        let note = text(&row, "note")?.split("commit").next().unwrap_or_default().to_owned();
        notes.entry((key.clone(), note)).or_default().push(observation.seconds);
        let cell = cells.entry(key).or_insert_with(|| observation.clone());
        cell.seconds = cell.seconds.min(observation.seconds);
    }
    for ((key, _), times) in notes {
        if let Some(cell) = cells.get_mut(&key).filter(|c| c.repeats.len() < times.len()) {
            cell.repeats = times;
        }
    }
    on_cpu.sort();
    Ok(Data {
        observations: cells.into_values().collect(),
        chips,
        on_cpu,
        activations_per_operation: activations_per_operation(catalog)?,
    })
}

/// One row, and whether an accelerator's engine ran it on the CPU.
fn observation(
    row: &Row,
    catalog: &Catalog,
    chips: &BTreeMap<(Unit, String), ChipRow>,
) -> Result<(Option<Observation>, bool), String> {
    let (chip, engine, format) = (text(row, "chip")?, text(row, "runtime")?, text(row, "precision")?);
    let ran_on = unit(text(row, "ran_on")?)?;
    let usual = [Unit::Npu, Unit::Gpu].into_iter().find(|&u| chips.contains_key(&(u, chip.to_owned())));
    let fell_back = usual.is_some_and(|u| u != ran_on);
    let Some(found) = chips.get(&(ran_on, chip.to_owned())) else { return Ok((None, false)) };
    let backend = match (ran_on, found.generation.as_str()) {
        (Unit::Cpu, _) => Backend::Cpu,
        (Unit::Npu, _) => Backend::Npu,
        (Unit::Gpu, generation) if generation.starts_with("apple") => Backend::Metal,
        (Unit::Gpu, _) => Backend::Cuda,
    };
    let value = number(row, "value")?.filter(|v| *v > 0.0).ok_or("a row without value")?;
    let seconds = match text(row, "unit")? {
        "fps" => 1.0 / value,
        "ms" => value / 1000.0,
        other => return Err(format!("unknown unit `{other}`")),
    };
    let precision = Precision::of_format(format);
    let (name, input, part) = (text(row, "model")?, number(row, "input")?, text(row, "part")?);
    let model = catalog.model(name).ok();
    let shape = model.as_ref().and_then(|m| Some((m, m.network()?)));
    let graph = shape
        .and_then(|(m, n)| parts(n, m.parameters).into_iter().find(|p| p.name == part).map(|p| scaled(p, n, input)));
    let mut network = shape.map_or(name, |(m, _)| &m.id).to_owned();
    if let Some(input) = input {
        network = format!("{network}@{input}");
    }
    let kind = shape.and_then(|(_, n)| n.kind.clone()).unwrap_or_default();
    let part = graph.unwrap_or(NOMINAL);
    let observation = Observation {
        group: Group::of(engine, backend, Some(&found.generation)).0,
        chip: chip.to_owned(),
        generation: found.generation.clone(),
        rates: found.mode.as_ref().and_then(|m| Rates::of(m, backend, precision, found.reduced_single)),
        network: part_name(&network, part.name),
        family: shape.and_then(|(_, n)| Some(part_name(n.family.as_deref()?, part.name))).unwrap_or_default(),
        kind: if part.name.is_empty() { kind } else { part.name.to_owned() },
        engine: engine.to_owned(),
        format: format.to_owned(),
        precision,
        part,
        activations: part.activations.unwrap_or(0.0),
        weight_bytes: bytes_per_weight(format),
        known: graph.is_some(),
        seconds,
        repeats: Vec::new(),
    };
    Ok((Some(observation), fell_back))
}

/// A middling detector: stands for networks whose figures are not in the catalog.
const NOMINAL: Part = Part { name: "", runs: 1, operations: 10e9, activations: Some(15e6), weights: 5e6, layers: 1 };

/// Work and layer outputs of a convolutional network grow with the area of its input.
fn scaled(part: Part, network: &Network, input: Option<f64>) -> Part {
    let area = match (input, network.input) {
        (Some(side), Some([w, h, _])) => side * side / (f64::from(w) * f64::from(h)),
        _ => 1.0,
    };
    Part { operations: part.operations * area, activations: part.activations.map(|a| a * area), ..part }
}

fn bytes_per_weight(format: &str) -> f64 {
    match format {
        "f32" => 4.0,
        "f16" => 2.0,
        "q8_0" => 34.0 / 32.0,
        _ => 1.0,
    }
}

/// The middle of layer outputs per operation over the catalog's networks of each kind.
fn activations_per_operation(catalog: &Catalog) -> Result<BTreeMap<String, f64>, String> {
    let mut by_kind: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for entry in catalog.model_entries() {
        let Some(network) = &entry.network else { continue };
        if let (Some(ops), Some(activations), Some(kind)) = (network.giga_ops, network.activations_m, &network.kind) {
            by_kind.entry(kind.clone()).or_default().push(activations / ops / 1e3);
        }
    }
    Ok(by_kind.into_iter().map(|(kind, mut v)| (kind, super::stats::median(&mut v))).collect())
}
