//! The choice as plain data: nothing here knows of models, runtimes or files. All figures are integers, and a plan is judged
//! on exactly these integers.

use crate::units::{Bytes, Micros, Milliwatts, Money, Share};

/// What the plan minimises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objective {
    /// Purchase price over all units, spares included.
    Capex,
    /// Purchase price plus energy over the horizon.
    Tco {
        /// Price of one kilowatt-hour in millionths of a dollar.
        microusd_per_kwh: u64,
        /// Operating hours over the whole horizon, in thousandths of an hour.
        millihours: u64,
    },
    /// Draw of all units at full load.
    Power,
}

/// A thing that is bought, with its prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sku {
    /// Device id.
    pub id: String,
    /// `(from this quantity on, price of one)`, ascending; accessories included; never empty.
    pub prices: Vec<(u64, Money)>,
    /// Pieces that are sold together, at least 1.
    pub multiple: u64,
}

impl Sku {
    /// What must be ordered for so many pieces: rounded up to what is sold together.
    #[must_use]
    pub fn ordered(&self, pieces: u64) -> u64 {
        let multiple = self.multiple.max(1);
        pieces.div_ceil(multiple).saturating_mul(multiple)
    }

    /// The price of one when `quantity` are ordered; absent when that few cannot be bought.
    #[must_use]
    pub fn price_at(&self, quantity: u64) -> Option<Money> {
        self.prices.iter().rev().find(|(from, _)| *from <= quantity).map(|&(_, price)| price)
    }
}

/// What can be taken and what is taken of a pool before any workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolRoom {
    /// Name, for the output (`unified`, `vram`, `host`).
    pub name: &'static str,
    /// Total.
    pub capacity: Bytes,
    /// In use before any inference process.
    pub os: Bytes,
}

/// A device in one power mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Index into [`Problem::skus`].
    pub sku: usize,
    /// Mode id.
    pub mode: String,
    /// Draw at full load.
    pub power: Option<Milliwatts>,
    /// Draw at rest.
    pub idle: Option<Milliwatts>,
    /// Settings of the machine that differ from the factory's, the more the further: of equals the fewest are preferred.
    pub changed: u32,
    /// One pool or two; every candidate of this host has as many entries.
    pub pools: Vec<PoolRoom>,
}

/// One workload in one configuration on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Unique over the problem; the number in the candidate table.
    pub number: u32,
    /// Index into [`Problem::hosts`].
    pub host: usize,
    /// Weights, cache and activations by pool.
    pub memory: Vec<Bytes>,
    /// Framework by pool: counted once per process.
    pub framework: Vec<Bytes>,
    /// Share of the device's time.
    pub load: Share,
    /// Latency when alone and its target, when the workload has one.
    pub latency: Option<(Micros, Micros)>,
    /// Perplexity increase over f16.
    pub quality_loss: Share,
    /// Reasons to doubt that it suffices: its speed is calculated and not measured, its target is barely reached.
    pub doubts: u32,
    /// Time of a token or an inference on a logarithmic scale, so that sums compare how many times faster or slower the
    /// workloads are, whatever each of them counts in.
    pub slowness: u32,
    /// What breaks the last ties: (runtime, weights, kv_k, kv_v, flash_attention, micro_batch) in comparable form.
    pub configuration: Configuration,
}

/// The part of a configuration that breaks ties, in the order in which it does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Configuration {
    /// Runtime id.
    pub runtime: String,
    /// Weight format id.
    pub weights: String,
    /// Key cache type.
    pub kv_k: String,
    /// Value cache type.
    pub kv_v: String,
    /// Flash attention (absent where it has no meaning).
    pub flash_attention: Option<bool>,
    /// Micro-batch (absent where it has no meaning).
    pub micro_batch: Option<u32>,
}

/// A workload of a site class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// Name.
    pub name: String,
    /// Copies, each on a different device of the unit.
    pub copies: u32,
    /// Workloads with the same number share one process: same device, same runtime (`process: NAME`).
    pub process: Option<u32>,
    /// Indices (in the site class) of workloads that no device may host beside this one; symmetric.
    pub apart: Vec<usize>,
    /// Indices of workloads that are hosted by exactly the same devices; symmetric.
    pub together: Vec<usize>,
    /// What is allowed, in the order of the candidate table; may hold candidates that others beat.
    pub candidates: Vec<Candidate>,
}

/// A named kind of unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Name.
    pub name: String,
    /// Units of this kind.
    pub count: u64,
    /// Most devices in one unit.
    pub max_devices: u32,
    /// Most that one unit may cost, spares excluded.
    pub price_limit: Option<Money>,
    /// Most that one unit may draw at full load.
    pub power_limit: Option<Milliwatts>,
    /// What must run in every unit.
    pub workloads: Vec<Workload>,
}

/// The whole choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is minimised.
    pub objective: Objective,
    /// Added to steady memory.
    pub headroom: Share,
    /// Most load on one device.
    pub max_load: Share,
    /// More units of every device bought.
    pub spares: Share,
    /// Most different SKUs over all site classes.
    pub max_skus: Option<u32>,
    /// What can be bought.
    pub skus: Vec<Sku>,
    /// The SKUs in their modes.
    pub hosts: Vec<Host>,
    /// The site classes in file order.
    pub sites: Vec<Site>,
}

/// A workload's copy on a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosted {
    /// Index of the workload in its site class.
    pub workload: usize,
    /// Index into the workload's candidates.
    pub candidate: usize,
}

/// One device of a unit with what it hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Index into [`Problem::hosts`].
    pub host: usize,
    /// What it hosts, in workload order.
    pub hosted: Vec<Hosted>,
}

/// The devices of one unit of each site class, in canonical order (device id, mode, hosted workloads).
pub type Assignment = Vec<Vec<Placed>>;

/// Steady memory with headroom: `ceil(steady x (1 + headroom))`.
#[must_use]
pub fn required(steady: Bytes, headroom: Share) -> Bytes {
    let whole = u128::from(Share::ONE.0);
    let scaled = u128::from(steady.0) * (whole + u128::from(headroom.0));
    Bytes::saturating(scaled.div_ceil(whole))
}
