//! Refusals as data: what binds and by how much. Their words stand in `report::refusals`.

use crate::domain::{Device, DeviceClass, PoolName, PowerMode, Runtime, SoftwareNeeds, Task, VersionRange};
use crate::memory::Unsupported;
use crate::speed::NoEstimate;
use crate::units::{Bytes, Micros, Milliwatts, Money, Share};

/// A rate or latency that a target names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Missed {
    /// Decoded tokens per second of each stream.
    Decode {
        /// The target.
        wanted: f64,
        /// The unfavourable bound.
        reached: f64,
    },
    /// Inferences per second.
    Inferences {
        /// The target of each stream.
        wanted: f64,
        /// The unfavourable bound of all streams together.
        reached: f64,
        /// Streams.
        streams: u32,
    },
    /// Seconds of work per second of audio.
    RealtimeFactor {
        /// The target of each stream.
        wanted: f64,
        /// The unfavourable bound of each stream when all are busy.
        reached: f64,
        /// Streams.
        streams: u32,
    },
    /// Time to the first token.
    Ttft {
        /// The target.
        wanted: Micros,
        /// The unfavourable bound.
        reached: Micros,
    },
    /// Time of one inference.
    Latency {
        /// The target.
        wanted: Micros,
        /// The unfavourable bound.
        reached: Micros,
    },
}

impl Missed {
    /// By what factor the target is missed, above 1.
    #[must_use]
    pub fn factor(&self) -> f64 {
        match *self {
            Self::Decode { wanted, reached } => wanted / reached.max(1e-12),
            Self::Inferences { wanted, reached, streams } => wanted * f64::from(streams) / reached.max(1e-12),
            Self::RealtimeFactor { wanted, reached, .. } => reached / wanted.max(1e-12),
            Self::Ttft { wanted, reached } | Self::Latency { wanted, reached } => {
                reached.seconds() / wanted.seconds().max(1e-12)
            }
        }
    }
}

/// A weight format in which a workload is not considered on a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The runtime's id as the scenario would name it.
    pub runtime: String,
    /// Format id.
    pub format: String,
    /// Why.
    pub why: WhyLeftOut,
}

/// Why a weight format is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyLeftOut {
    /// Nobody published what it costs this kind of model on this engine in quality: it is used where the scenario names
    /// it in `weights` and writes no `max_quality_loss`.
    LossUnknown {
        /// The scenario names it, and its written limit leaves it out all the same.
        named: bool,
    },
    /// It costs more quality than the limit: a larger `max_quality_loss` admits it.
    LossAbove {
        /// What it costs.
        loss: Share,
        /// At most, written or by default.
        limit: Share,
    },
    /// The engine does not load it.
    NotLoaded,
    /// The engine loads it, but does not run it on this chip.
    NotOnChip,
}

impl WhyLeftOut {
    /// Whether a line in the scenario would admit the format.
    #[must_use]
    pub const fn can_be_admitted(self) -> bool {
        matches!(self, Self::LossUnknown { .. } | Self::LossAbove { .. })
    }
}

/// Why there is no configuration of a workload on a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoConfiguration {
    /// None of the device's runtimes runs this kind of model.
    Task(Task),
    /// Runtimes of the device run it, and the scenario's lists leave out each of them.
    RuntimesLeftOut(Vec<String>),
    /// No format is left on any runtime.
    Formats(Vec<LeftOut>),
    /// These runtimes have neither the cache types nor the flash attention that were asked for.
    Options(Vec<String>),
}

/// A mode and an engine that no version of a piece of software suits both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// The software.
    pub software: String,
    /// The mode, and what it works with.
    pub mode: (String, VersionRange),
    /// The runtime, and what it works with.
    pub runtime: (String, VersionRange),
}

impl Clash {
    /// Whether a mode of a device and a runtime exclude each other.
    #[must_use]
    pub fn between(device: &Device, mode: &PowerMode, runtime: &Runtime) -> Option<Self> {
        if runtime.needs.is_empty() {
            return None;
        }
        let engine = runtime.needs_on(&device.silicon);
        let software = mode.needs.and(&engine).err()?;
        let range = |needs: &SoftwareNeeds| needs.0.get(&software).copied().unwrap_or_default();
        Some(Self {
            mode: (mode.power_id().to_owned(), range(&mode.needs)),
            runtime: (runtime.id.clone(), range(&engine)),
            software,
        })
    }
}

/// Why a candidate may not be used, even alone on the device.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// The engine cannot run it.
    Unsupported(Unsupported),
    /// No configuration exists.
    NoConfiguration(NoConfiguration),
    /// The weight format is left out: nothing was worked out in it.
    Format(LeftOut),
    /// Mode and engine need different versions of the software below them.
    Software(Clash),
    /// The device holds all workloads without this memory setting: it need not be changed.
    SettingNotNeeded,
    /// A pool is too small for it alone.
    Memory {
        /// Which pool.
        pool: PoolName,
        /// Needed, headroom included.
        required: Bytes,
        /// There.
        capacity: Bytes,
        /// Needed only until the model is loaded: no headroom is in it.
        while_loading: bool,
    },
    /// A target needs a rate that nobody knows.
    NoEstimate(NoEstimate),
    /// A target is missed.
    Target(Missed),
    /// The target takes more of the device's time than one device may be loaded.
    Load {
        /// Taken.
        load: Share,
        /// Allowed.
        max: Share,
    },
    /// The device itself is refused.
    Device(DeviceRefusal),
}

impl Refusal {
    /// Bytes short, when memory is what binds.
    #[must_use]
    pub fn short(&self) -> Option<Bytes> {
        match self {
            Self::Memory { required, capacity, .. } => Some(required.saturating_sub(*capacity)),
            _ => None,
        }
    }

    /// By what factor a limit is missed, above 1; infinite where no figure tells.
    #[must_use]
    pub fn factor(&self) -> f64 {
        match self {
            Self::Target(missed) => missed.factor(),
            Self::Load { load, max } => load.as_f64() / max.as_f64().max(1e-9),
            Self::Memory { required, capacity, .. } => required.0 as f64 / capacity.0.max(1) as f64,
            Self::Device(refusal) => refusal.factor(),
            Self::NoEstimate(_)
            | Self::Unsupported(_)
            | Self::NoConfiguration(_)
            | Self::Format(_)
            | Self::Software(_)
            | Self::SettingNotNeeded => f64::INFINITY,
        }
    }

    /// Among refusals without a figure: how much a reader learns from one, most first.
    #[must_use]
    pub const fn rank(&self) -> u8 {
        match self {
            Self::Target(_) | Self::Load { .. } | Self::Memory { .. } => 0,
            Self::NoEstimate(_) => 1,
            Self::Unsupported(_) | Self::Software(_) | Self::SettingNotNeeded => 2,
            Self::Format(_) | Self::NoConfiguration(_) => 3,
            Self::Device(_) => 4,
        }
    }
}

/// Why a device may not be used at all.
#[derive(Debug, Clone, PartialEq)]
pub enum DeviceRefusal {
    /// Devices of this kind are not allowed.
    Class(DeviceClass),
    /// Devices of this maker are not allowed.
    Vendor(String),
    /// It is not among the devices that are allowed.
    NotListed,
    /// It is excluded, or each of its modes is.
    Excluded,
    /// Nobody gives a price.
    NoPrice,
    /// Nobody gives the price of something that it needs.
    NoAccessoryPrice(String),
    /// Facts that count are marked unverified.
    Unverified(Vec<UnverifiedFact>),
    /// Withdrawn, cancelled or sold used only, and not named.
    NamedOnly,
    /// The ambient range is unknown, not verified, or does not cover the one asked.
    Temperature {
        /// The device's, where anybody states one.
        range: Option<(i32, i32)>,
        /// Whether a source confirms it, or the scenario does not ask.
        confirmed: bool,
        /// Asked.
        wanted: (i32, i32),
    },
    /// The lead time is unknown or too long.
    LeadTime {
        /// Days, where known.
        days: Option<u32>,
        /// At most.
        max: u32,
    },
    /// The draw is unknown and counts.
    NoPower,
    /// Costs more than a unit may.
    Price {
        /// The least that one costs at any quantity.
        price: Money,
        /// At most.
        limit: Money,
    },
    /// Draws more than a unit may.
    Power {
        /// In this mode, or in the most frugal one.
        power: Milliwatts,
        /// At most.
        limit: Milliwatts,
    },
}

/// A fact of a device that no source confirms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnverifiedFact {
    /// A field of the device, as catalogs name it.
    Field(&'static str),
    /// The price of something that it needs.
    AccessoryPrice(String),
}

impl DeviceRefusal {
    /// Whether the scenario does not admit the device at all: such devices are no candidates.
    #[must_use]
    pub const fn is_exclusion(&self) -> bool {
        matches!(self, Self::Class(_) | Self::Vendor(_) | Self::NotListed | Self::Excluded)
    }

    /// By what factor a limit is missed, above 1; infinite where no figure tells.
    #[must_use]
    pub fn factor(&self) -> f64 {
        match self {
            Self::Price { price, limit } => price.0 as f64 / limit.0.max(1) as f64,
            Self::Power { power, limit } => power.0 as f64 / limit.0.max(1) as f64,
            Self::LeadTime { days: Some(days), max } => f64::from(*days) / f64::from((*max).max(1)),
            // A range too narrow by a tenth of what is asked is missed by a tenth.
            Self::Temperature { range: Some((low, high)), confirmed: true, wanted: (least, most) } => {
                let short =
                    (f64::from(*low) - f64::from(*least)).max(0.0) + (f64::from(*most) - f64::from(*high)).max(0.0);
                1.0 + short / (f64::from(*most) - f64::from(*least)).max(1.0)
            }
            _ => f64::INFINITY,
        }
    }

    /// The switch in the scenario that would admit the device, when there is one.
    #[must_use]
    pub const fn switch(&self) -> Option<&'static str> {
        match self {
            Self::Unverified(_) | Self::Temperature { range: Some(_), confirmed: false, .. } => {
                Some("allow.unverified: true")
            }
            Self::NamedOnly => Some("allow.devices naming it"),
            Self::NoPrice => Some("--prices with a row for it"),
            Self::NoAccessoryPrice(_) => Some("a --catalog file that prices what it needs besides"),
            Self::LeadTime { days: None, .. } => Some("--prices with a column lead_time_days"),
            _ => None,
        }
    }
}
