//! Candidates: one workload in one configuration on one device in one mode, with its memory and speed worked out, and the
//! reason when it is refused.

mod configurations;
mod dominance;
mod generate;
mod memo;
mod refusal;
mod screen;
mod settings;
mod targets;

pub use configurations::{Choice, choices_on, left_out_on};
pub use generate::{Generated, Options, WorkloadOnDevice, generate, generate_with};
pub(crate) use generate::{case, estimate, memory_refusal};
pub use memo::Memo;
pub use refusal::{Clash, DeviceRefusal, LeftOut, Missed, NoConfiguration, Refusal, UnverifiedFact, WhyLeftOut};
pub(crate) use screen::{admitted, mode_admitted, screen, unverified_facts};
pub use targets::{Judged, judge_targets};

use crate::domain::{Device, Format, KvPair, Pool, PoolName, PowerMode, Runtime};
use crate::memory::{Footprint, PoolUse};
use crate::scenario::SPEECH_WINDOW_S;
use crate::speed::{Basis, LanguageSpeed, NetworkSpeed};
use crate::units::{Bytes, InferencesPerSecond, Micros, Range, Seconds, Share};

/// What a candidate can do, for the kind of model that it runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// A language model, or a text encoder.
    Language(LanguageSpeed),
    /// A vision or speech model.
    Network(NetworkSpeed),
}

impl Speed {
    /// What the estimate rests on.
    #[must_use]
    pub const fn basis(&self) -> Basis {
        match self {
            Self::Language(language) => language.basis,
            Self::Network(network) => network.basis,
        }
    }

    /// Inferences per second of all streams together; absent for models that decode. Networks and text encoders answer
    /// their streams one after the other, so that this is the rate of one stream alone. An inference of an encoder is one
    /// input (of a reranker: one pair of query and passage) from its first token to its vector or score.
    #[must_use]
    pub fn inferences(&self) -> Option<Range<InferencesPerSecond>> {
        match self {
            Self::Network(network) => Some(network.inferences),
            Self::Language(_) => self.latency().map(|time| time.map(|t| InferencesPerSecond(1.0 / t.0)).swapped()),
        }
    }

    /// Inferences per second that each stream gets when all are busy.
    #[must_use]
    pub fn inferences_of_each(&self, streams: u32) -> Option<Range<InferencesPerSecond>> {
        let streams = f64::from(streams.max(1));
        self.inferences().map(|all| all.map(|rate| InferencesPerSecond(rate.0 / streams)))
    }

    /// Seconds of work per second of audio of each stream when all are busy, where an inference is a window of speech.
    #[must_use]
    pub fn realtime_factor(&self, streams: u32) -> Option<Range<f64>> {
        self.inferences_of_each(streams).map(|each| each.map(|rate| 1.0 / (SPEECH_WINDOW_S * rate.0)).swapped())
    }

    /// Time of one inference; absent for models that decode.
    #[must_use]
    pub fn latency(&self) -> Option<Range<Seconds>> {
        match self {
            Self::Network(network) => Some(network.latency),
            Self::Language(language) => language.decode.is_none().then_some(language.ttft),
        }
    }
}

/// Steps of the scale of slowness in a factor of two.
const OCTAVE: u64 = 1024;
/// Slower than 2^63 ns, which is longer than anybody waits.
const SLOWEST: u32 = 64 * OCTAVE as u32;

/// A time in seconds on a logarithmic scale of 1024 steps for a factor of two from one nanosecond on, linear between the
/// powers of two: integers alone, so that every machine counts alike.
fn slowness_of(seconds: f64) -> u32 {
    let nanoseconds = (seconds * 1e9).round();
    if !nanoseconds.is_finite() || nanoseconds >= 9e18 {
        return SLOWEST;
    }
    let nanoseconds = (nanoseconds as u64).max(1);
    let octaves = u64::from(nanoseconds.ilog2());
    let within = ((u128::from(nanoseconds) * u128::from(OCTAVE)) >> octaves) as u64 - OCTAVE;
    (octaves * OCTAVE + within) as u32
}

/// One workload in one configuration on one device in one mode.
#[derive(Debug, Clone)]
pub struct Candidate<'a> {
    /// Unique over all candidates of a scenario, the refused and the beaten ones included.
    pub number: u32,
    /// Index of the site class.
    pub site: usize,
    /// Index of the workload in its site class.
    pub workload: usize,
    /// Index of the device in the catalog.
    pub device_index: usize,
    /// Where.
    pub device: &'a Device,
    /// Index of the mode in the device.
    pub mode_index: usize,
    /// In which mode.
    pub mode: &'a PowerMode,
    /// The runtime's id as the scenario would name it: the engine's where its best backend on this device is meant.
    pub runtime_id: &'a str,
    /// With which engine and backend.
    pub runtime: &'a Runtime,
    /// In which format.
    pub format: &'a Format,
    /// Cache types; absent where there is no cache.
    pub kv: Option<KvPair>,
    /// Flash attention; absent where it has no meaning.
    pub flash_attention: Option<bool>,
    /// Micro-batch; absent where it has no meaning.
    pub micro_batch: Option<u32>,
    /// The card that it runs on, from 0, where a host holds several; 0 otherwise.
    pub card: usize,
    /// Memory of the workload, whatever the card; absent when the engine cannot run it.
    pub footprint: Option<Footprint>,
    /// Speed; absent when there is no estimate.
    pub speed: Option<Speed>,
    /// Share of the device's time that its target takes.
    pub load: Share,
    /// Latency when alone at the unfavourable bound and its target, when it has one.
    pub latency: Option<(Micros, Micros)>,
    /// A target is reached, but barely.
    pub barely: bool,
    /// Perplexity increase of weights and cache over f16.
    pub quality_loss: Share,
    /// Why it may not be used; absent when it may.
    pub refusal: Option<Refusal>,
    /// By what factor it misses the limit and target that it misses by most, above 1; infinite where no figure tells; 0
    /// where nothing is missed.
    pub miss: f64,
}

impl Candidate<'_> {
    /// Reasons to doubt that it suffices: its speed is unknown or calculated from the device's specification alone, and a
    /// target is barely reached.
    #[must_use]
    pub fn doubts(&self) -> u32 {
        let basis = self.speed.as_ref().map_or(Basis::Roofline, Speed::basis);
        u32::from(basis == Basis::Roofline) + u32::from(self.barely)
    }

    /// Time of a token of each stream or of an inference at the unfavourable bound, on a logarithmic scale.
    #[must_use]
    pub fn slowness(&self) -> u32 {
        let time = self.speed.as_ref().map(|speed| match speed {
            Speed::Language(LanguageSpeed { decode: Some(decode), .. }) => 1.0 / decode.low.0,
            Speed::Language(language) => language.ttft.high.0,
            Speed::Network(network) => 1.0 / network.inferences.low.0,
        });
        time.map_or(SLOWEST, slowness_of)
    }

    /// What it takes in a pool of its device.
    #[must_use]
    pub fn used(&self, pool: PoolName) -> PoolUse {
        self.footprint.as_ref().map(|footprint| footprint.pool_from(pool, self.card)).unwrap_or_default()
    }

    /// The memories of its device in its mode.
    #[must_use]
    pub fn pools(&self) -> &[Pool] {
        self.device.pools_in(self.mode)
    }

    /// Weights, cache and activations in each pool of the device, in the device's order.
    pub fn own(&self) -> impl Iterator<Item = Bytes> + '_ {
        self.device.pools.iter().map(|pool| self.used(pool.name).own())
    }

    /// Framework in each pool of the device, in the device's order.
    pub fn framework(&self) -> impl Iterator<Item = Bytes> + '_ {
        self.device.pools.iter().map(|pool| self.used(pool.name).framework)
    }
}
