//! Reads `catalogs/measurements/throughput.csv` in the words of the catalogs.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use edgemem::catalog::Catalog;
use edgemem::domain::{
    Availability, Compute, Device, DeviceClass, KvPair, MemoryKind, Model, PowerMode, Provenance, Runtime,
};
use edgemem::memory::{Case, Demand, Weights};
use edgemem::speed::calibration::{Measured, Observation};
use edgemem::units::{Bytes, BytesPerSecond, OpsPerSecond, TokensPerSecond};
use serde::Deserialize;

/// Tokens that a run generates when its source does not say: llama-bench's default.
const GENERATED: u64 = 128;

/// A row of the table; its columns `source_date` and `note` are for readers.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Row {
    /// Number of the row.
    pub(crate) id: String,
    /// Id of the device in the catalogs or among the reference devices.
    pub(crate) device: String,
    /// Power mode; the default one when empty.
    pub(crate) mode: Option<String>,
    /// Id of the runtime.
    pub(crate) runtime: String,
    /// Id of the model.
    pub(crate) model: String,
    /// Id of the weight format.
    pub(crate) format: String,
    /// Tokens of the prompt.
    pub(crate) prompt: Option<u64>,
    /// Tokens generated.
    pub(crate) generated: Option<u64>,
    /// Tokens in the cache before the run.
    pub(crate) depth: Option<u64>,
    /// The tokens are generated after the prompt; otherwise from an empty cache or from `depth`.
    pub(crate) after_prompt: bool,
    /// Concurrent sequences.
    pub(crate) streams: u32,
    /// Tokens generated per second over all streams.
    pub(crate) decode_tok_s: Option<f64>,
    /// Prompt tokens per second.
    pub(crate) prefill_tok_s: Option<f64>,
    /// Where it was published.
    pub(crate) source: String,
}

impl Row {
    /// Tokens in the cache before the first generated one.
    pub(crate) fn before(&self) -> u64 {
        match self.depth {
            Some(depth) if depth > 0 => depth,
            _ if self.after_prompt => self.prompt.unwrap_or(0),
            _ => 0,
        }
    }

    /// Who measured: the source without the file and version.
    pub(crate) fn measurer(&self) -> String {
        match self.source.strip_prefix("github:") {
            Some(rest) => rest.split([':', ' ']).next().unwrap_or(rest).to_owned(),
            None => self.source.clone(),
        }
    }
}

/// A device that is not for sale in the catalogs but was measured: it helps to tell what its class can do.
/// The column `source` is for readers.
#[derive(Debug, Clone, Deserialize)]
struct ReferenceRow {
    id: String,
    name: String,
    vendor: String,
    silicon: String,
    memory: MemoryKind,
    bandwidth_gb_s: f64,
    fp16_tflops: f64,
}

/// The table with everything that its rows refer to.
pub(crate) struct Table {
    /// All rows in file order.
    pub(crate) rows: Vec<Row>,
    reference: BTreeMap<String, Device>,
}

/// The measurements of one case.
pub(crate) struct Cell<'a> {
    /// What was measured.
    pub(crate) measured: Measured,
    /// The median rate, over all streams.
    pub(crate) rate: TokensPerSecond,
    /// The row in the middle.
    pub(crate) row: &'a Row,
}

/// A row resolved to facts.
pub(crate) struct Resolved<'a> {
    /// The device.
    pub(crate) device: &'a Device,
    /// Its mode.
    pub(crate) mode: &'a PowerMode,
    /// The runtime.
    pub(crate) runtime: &'a Runtime,
    /// The model.
    pub(crate) model: Model,
    /// The weight format.
    pub(crate) format: &'a edgemem::domain::Format,
    /// Its weights.
    pub(crate) weights: Weights,
}

impl Resolved<'_> {
    /// The question that a measurement answers.
    pub(crate) fn case(&self, measured: Measured) -> Case<'_> {
        let (context, prompt, streams) = match measured {
            Measured::Decode { streams, depth } => (depth, depth / 2, streams),
            Measured::Prefill { prompt } => (prompt, prompt, 1),
        };
        Case {
            device: self.device,
            runtime: self.runtime,
            model: &self.model,
            format: self.format,
            weights: &self.weights,
            kv: KvPair::F16,
            flash_attention: true,
            demand: Demand { context, prompt, streams, ..Demand::default() },
        }
    }
}

impl Table {
    /// Reads the table and the reference devices from the folder of measurements.
    pub(crate) fn read(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let rows = csv::Reader::from_path(folder.join("throughput.csv"))?.deserialize().collect::<Result<_, _>>()?;
        let mut reference = BTreeMap::new();
        for row in csv::Reader::from_path(folder.join("reference_devices.csv"))?.deserialize() {
            let row: ReferenceRow = row?;
            reference.insert(row.id.clone(), reference_device(row));
        }
        Ok(Self { rows, reference })
    }

    /// The facts that a row refers to.
    pub(crate) fn resolve<'a>(&'a self, row: &Row, catalog: &'a Catalog) -> Result<Resolved<'a>, Box<dyn Error>> {
        let wrong = |e: edgemem::diag::Diagnostic| format!("{}: {}", row.id, e.message());
        let (device, modes): (&Device, &[String]) = match self.reference.get(&row.device) {
            Some(device) => (device, &[]),
            None => catalog.device(&row.device).map_err(wrong)?,
        };
        let mode = match row.mode.as_deref().or(modes.first().map(String::as_str)) {
            Some(id) => device.modes.iter().find(|m| m.id == id),
            None => device.default_mode(),
        };
        let mode = mode.ok_or_else(|| format!("{}: {} has no mode {:?}", row.id, device.id, row.mode))?;
        let runtime =
            catalog.runtime_by_id(&row.runtime).ok_or_else(|| format!("{}: no runtime {}", row.id, row.runtime))?;
        let model = catalog.model(&row.model).map_err(wrong)?;
        let format = catalog.format(&row.format).map_err(wrong)?;
        let weights = Weights::of(&model, format)?;
        Ok(Resolved { device, mode, runtime, model, format, weights })
    }

    /// The measurements, rows of the same case merged into their median rate, so that a device that is measured daily does
    /// not outvote the others.
    pub(crate) fn cells(&self) -> Vec<Cell<'_>> {
        type Key<'a> = (&'a str, Option<&'a str>, &'a str, &'a str, &'a str, Measured);
        let mut cells: BTreeMap<Key<'_>, Vec<(f64, &Row)>> = BTreeMap::new();
        for row in &self.rows {
            let mut add = |measured, rate: Option<f64>| {
                if let Some(rate) = rate {
                    let key: Key<'_> =
                        (&row.device, row.mode.as_deref(), &row.runtime, &row.model, &row.format, measured);
                    cells.entry(key).or_default().push((rate, row));
                }
            };
            let depth = row.before() + row.generated.unwrap_or(GENERATED) / 2;
            add(Measured::Decode { streams: row.streams, depth }, row.decode_tok_s);
            if let (Some(prompt), 1) = (row.prompt, row.streams) {
                add(Measured::Prefill { prompt }, row.prefill_tok_s);
            }
        }
        cells
            .into_iter()
            .map(|((.., measured), mut rates)| {
                rates.sort_by(|a, b| a.0.total_cmp(&b.0));
                let n = rates.len();
                let rate = TokensPerSecond((rates[(n - 1) / 2].0 + rates[n / 2].0) / 2.0);
                Cell { measured, rate, row: rates[n / 2].1 }
            })
            .collect()
    }

    /// The measurements with what they refer to; rows that refer to what the catalogs lack are named on stderr.
    pub(crate) fn facts<'a>(&'a self, catalog: &'a Catalog) -> Vec<(Cell<'a>, Resolved<'a>)> {
        let resolved = self.cells().into_iter().filter_map(|cell| match self.resolve(cell.row, catalog) {
            Ok(facts) => Some((cell, facts)),
            Err(e) => {
                eprintln!("left out: {e}");
                None
            }
        });
        resolved.collect()
    }

    /// The measurements in the terms of the fit, in the order of [`Self::facts`].
    pub(crate) fn observations(&self, catalog: &Catalog) -> Result<Vec<Observation>, Box<dyn Error>> {
        let observation = |(cell, facts): &(Cell<'_>, Resolved<'_>)| {
            let case = facts.case(cell.measured);
            Observation::of(&case, facts.mode, &cell.row.measurer(), cell.measured, cell.rate)
        };
        Ok(self.facts(catalog).iter().map(observation).collect::<Result<_, _>>()?)
    }
}

fn reference_device(row: ReferenceRow) -> Device {
    let mode = PowerMode {
        id: "default".to_owned(),
        default: true,
        power: None,
        idle: None,
        bandwidth: Some(BytesPerSecond(row.bandwidth_gb_s * 1e9)),
        compute: Compute { fp16: Some(OpsPerSecond(row.fp16_tflops * 1e12)), ..Compute::default() },
        cpu: None,
        note: None,
        nvpmodel: None,
        needs: edgemem::domain::SoftwareNeeds::default(),
        setting: None,
    };
    Device {
        id: row.id,
        name: row.name,
        vendor: row.vendor,
        class: DeviceClass::DesktopGpu,
        aliases: Vec::new(),
        order_multiple: 1,
        availability: Availability::NamedOnly,
        memory_kind: row.memory,
        memory_type: String::new(),
        installed: Bytes::ZERO,
        pools: Vec::new(),
        modes: vec![mode],
        offers: Vec::new(),
        prices: Vec::new(),
        price_date: None,
        accessories: Vec::new(),
        operating_temp_c: None,
        lead_time_days: None,
        runtimes: Vec::new(),
        silicon: row.silicon,
        provenance: Provenance::default(),
    }
}
