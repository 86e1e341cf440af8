//! The scenario file: what must run, within which limits, on which devices.
//!
//! Two steps: [`Document`] is the file as written, a tree with positions that can be edited by path; [`resolve`] turns it
//! into a [`Scenario`], in which every name is looked up, every default filled in and every contradiction refused.

mod amounts;
mod document;
mod mend;
mod reader;
mod resolve;
mod schema;
mod workload;

pub use amounts::MOST;
pub use document::{Document, Path, PathError};
pub use resolve::{FindModel, resolve, resolve_or_tell_all};
pub use schema::scenario_schema;

use std::sync::Arc;

use crate::domain::{DeviceClass, ImageSize, KvPair, Model};
use crate::units::{Bytes, Micros, Milliwatts, Money, Share};

/// The name of the site class of a scenario that names none.
pub const DEFAULT_SITE: &str = "unit";

/// Everything that a plan must satisfy.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Name.
    pub name: String,
    /// In a sentence.
    pub description: Option<String>,
    /// What is minimised.
    pub objective: ObjectiveKind,
    /// Added to steady memory.
    pub headroom: Share,
    /// How sure the unfavourable bounds are.
    pub confidence: Share,
    /// Most load on one device.
    pub max_load: Share,
    /// For energy costs.
    pub horizon: Horizon,
    /// Over all site classes.
    pub fleet: Fleet,
    /// Site classes in file order, each with the tighter of its own and the scenario's limits.
    pub sites: Vec<Site>,
}

/// What a plan minimises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectiveKind {
    /// Purchase price.
    Capex,
    /// Purchase price and energy over the horizon.
    Tco,
    /// Draw at full load.
    Power,
}

impl ObjectiveKind {
    /// The word in scenarios and outputs.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Capex => "capex",
            Self::Tco => "tco",
            Self::Power => "power",
        }
    }
}

/// How long and how often the units run, and what energy costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Horizon {
    /// Years, in thousandths.
    pub milliyears: u64,
    /// Operating hours per day, in thousandths.
    pub millihours_per_day: u64,
    /// Price of a kilowatt-hour in millionths of a dollar.
    pub microusd_per_kwh: u64,
}

/// Limits on one unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Most it may cost.
    pub price: Option<Money>,
    /// Most it may draw at full load.
    pub power: Option<Milliwatts>,
    /// Most devices [default: 1].
    pub devices: Option<u32>,
    /// Most days from order to delivery.
    pub lead_time_days: Option<u32>,
    /// The memory settings of machines stay as from the factory.
    pub factory_settings: bool,
}

impl Limits {
    /// The tighter of both, limit by limit.
    #[must_use]
    pub fn tighter(self, other: Self) -> Self {
        fn least<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
            match (a, b) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            }
        }
        Self {
            price: least(self.price, other.price),
            power: least(self.power, other.power),
            devices: least(self.devices, other.devices),
            lead_time_days: least(self.lead_time_days, other.lead_time_days),
            factory_settings: self.factory_settings || other.factory_settings,
        }
    }
}

/// A device that a scenario names, with the modes that the name stands for (empty: all).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedDevice {
    /// Catalog id.
    pub id: String,
    /// Modes, when an alias restricts them.
    pub modes: Vec<String>,
}

/// Which devices and runtimes may be considered at all. An absent list allows everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allow {
    /// Kinds of product.
    pub classes: Option<Vec<DeviceClass>>,
    /// Parts of vendors' names, lower case.
    pub vendors: Option<Vec<String>>,
    /// Only these.
    pub devices: Option<Vec<NamedDevice>>,
    /// Not these.
    pub exclude: Vec<NamedDevice>,
    /// Runtime ids as written.
    pub runtimes: Option<Vec<String>>,
    /// The ambient range that the device's own must cover.
    pub operating_temp_c: Option<(i32, i32)>,
    /// Facts marked unverified may be used.
    pub unverified: bool,
}

/// What holds over all site classes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fleet {
    /// Most different SKUs.
    pub max_skus: Option<u32>,
    /// More units of every device bought.
    pub spares: Share,
}

/// A named kind of unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// Name.
    pub name: String,
    /// Units.
    pub count: u64,
    /// Limits, the tighter of the site's and the scenario's.
    pub limits: Limits,
    /// The scenario's list; a device must pass it and the site's own.
    pub allow: Vec<Allow>,
    /// 1: every workload still runs when any one device of the unit fails.
    pub redundancy: u32,
    /// What must run.
    pub workloads: Vec<Workload>,
}

impl Site {
    /// Most devices in one unit.
    #[must_use]
    pub fn max_devices(&self) -> u32 {
        self.limits.devices.unwrap_or(1)
    }

    /// Whether facts marked unverified may be used: every list that speaks must say so.
    #[must_use]
    pub fn allows_unverified(&self) -> bool {
        self.allow.iter().any(|a| a.unverified)
    }
}

/// Flash attention as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlashChoice {
    /// Where the runtime has it.
    Auto,
    /// Required.
    On,
    /// Forbidden.
    Off,
}

/// Rates and latencies that each stream of a workload must reach at the unfavourable bound.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Targets {
    /// Decoded tokens per second of each stream.
    pub decode_tok_s: Option<f64>,
    /// Longest time to the first token.
    pub ttft: Option<Micros>,
    /// Inferences per second of each stream.
    pub inferences_s: Option<f64>,
    /// Speech: seconds of work per second of each stream's audio, at most.
    pub realtime_factor: Option<f64>,
    /// Longest time of one inference.
    pub latency: Option<Micros>,
}

impl Targets {
    /// The rate that each stream must reach, when one is asked for.
    #[must_use]
    pub fn rate(&self) -> Option<RateTarget> {
        self.decode_tok_s
            .map(RateTarget::Decode)
            .or(self.inferences_s.map(RateTarget::Inferences))
            .or(self.realtime_factor.map(RateTarget::RealtimeFactor))
    }

    /// Whether anything is asked for.
    #[must_use]
    pub fn any(&self) -> bool {
        self.rate().is_some() || self.ttft.is_some() || self.latency.is_some()
    }
}

/// A window of speech, in seconds: one inference of a speech recogniser.
pub const SPEECH_WINDOW_S: f64 = 30.0;

/// A rate that each stream must reach, as the scenario states it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RateTarget {
    /// Decoded tokens per second.
    Decode(f64),
    /// Inferences per second.
    Inferences(f64),
    /// Seconds of work per second of audio, at most.
    RealtimeFactor(f64),
}

impl RateTarget {
    /// Tokens or inferences per second of one stream. Work of 0.5 s per second of audio means that a window of 30 s may take
    /// 15 s.
    #[must_use]
    pub fn per_second(self) -> f64 {
        match self {
            Self::Decode(rate) | Self::Inferences(rate) => rate,
            Self::RealtimeFactor(factor) => 1.0 / (SPEECH_WINDOW_S * factor),
        }
    }
}

/// What was assumed of a workload because the scenario is silent on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assumed {
    /// Tokens of one input of an embedding model.
    InputTokens(u64),
    /// Tokens of a query and a passage together, for a reranker.
    PairTokens(u64),
    /// Size of an image, and the tokens that it becomes.
    ImageSize(ImageSize, u64),
    /// The rate of a network that looks at images is that of the network alone.
    NetworkAlone,
}

/// Tokens of one input of a text encoder when the scenario is silent: chunks of 256 to 512 tokens are what encoders are fed
/// for retrieval, and 512 is the longest input of BERT and the models made from it.
pub const DEFAULT_INPUT_TOKENS: u64 = 512;

/// One model that must run.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Name, unique in its site class.
    pub name: String,
    /// The model as the scenario names it.
    pub model_name: String,
    /// The model.
    pub model: Arc<Model>,
    /// Tokens per stream.
    pub context: u64,
    /// What is served at the same time: sequences of a language model, cameras of a detector, microphones. Each of them must
    /// reach the targets.
    pub streams: u32,
    /// Tokens of the prompt, images included; of a text encoder those of one input (of a reranker: query and passage
    /// together).
    pub prompt: u64,
    /// Images in the prompt.
    pub images: u32,
    /// Tokens that each image becomes, where there are images.
    pub image_tokens: Option<u64>,
    /// What must be reached.
    pub targets: Targets,
    /// Share of time at the target rate.
    pub duty: Share,
    /// Formats named; absent for every format within the default quality loss.
    pub weights: Option<Vec<String>>,
    /// The quality loss that is written.
    pub max_quality_loss: Option<Share>,
    /// Cache types to choose from.
    pub kv_cache: Vec<KvPair>,
    /// Whether the scenario writes them; an engine that has no cache in 16-bit floats keeps its own type where it doesn't.
    pub kv_cache_written: bool,
    /// Runtime ids named; absent for every runtime.
    pub runtimes: Option<Vec<String>>,
    /// Flash attention.
    pub flash_attention: FlashChoice,
    /// Micro-batches to choose from.
    pub micro_batch: Vec<u32>,
    /// Most tokens handed over at once; absent for the engine's own number.
    pub batch: Option<u32>,
    /// Rows of logits asked for at once; absent for what the engine's server asks for.
    pub outputs: Option<u64>,
    /// Most that the server keeps of finished prompts.
    pub prompt_cache: Bytes,
    /// Copies on different devices.
    pub replicas: u32,
    /// Name of the process that it shares.
    pub process: Option<String>,
    /// Indices of workloads that must be on the same devices; symmetric.
    pub together_with: Vec<usize>,
    /// Indices of workloads that must be on other devices; symmetric.
    pub apart_from: Vec<usize>,
    /// What the scenario is silent on.
    pub assumed: Vec<Assumed>,
}

impl Workload {
    /// Formats may cost this much quality: what is written, else 5 % unless formats are named.
    #[must_use]
    pub fn quality_limit(&self) -> Option<Share> {
        self.max_quality_loss.or(if self.weights.is_some() { None } else { Some(Share(50_000)) })
    }
}
