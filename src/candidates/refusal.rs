//! Refusals as data: what binds and by how much. Prose is `Display` over them.

use std::fmt;

use crate::domain::PoolName;
use crate::units::{Bytes, Micros, Milliwatts, Money, Share, product, significant};

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

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode { wanted, reached } => {
                write!(f, "decodes {reached:.1} tok/s at the unfavourable bound, {wanted} wanted")
            }
            Self::Inferences { wanted, reached, streams } => write!(
                f,
                "runs {} inferences/s at the unfavourable bound, {} wanted",
                significant(*reached, 3),
                product(*streams, *wanted)
            ),
            Self::RealtimeFactor { wanted, reached, streams } => {
                let each = if *streams == 1 { String::new() } else { format!(" of each of {streams} streams") };
                write!(
                    f,
                    "takes {} s of work per second of audio{each} at the unfavourable bound, at most {wanted} wanted",
                    significant(*reached, 3)
                )
            }
            Self::Ttft { wanted, reached } => {
                write!(
                    f,
                    "first token after {:.2} s at the unfavourable bound, {} s wanted",
                    reached.seconds(),
                    wanted.seconds()
                )
            }
            Self::Latency { wanted, reached } => {
                write!(f, "takes {:.4} s at the unfavourable bound, {} s wanted", reached.seconds(), wanted.seconds())
            }
        }
    }
}

/// Why a candidate may not be used, even alone on the device.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// The engine cannot run it.
    Unsupported(String),
    /// A pool is too small for it alone.
    Memory {
        /// Which pool.
        pool: PoolName,
        /// Needed, headroom included.
        required: Bytes,
        /// There.
        capacity: Bytes,
    },
    /// A target needs a rate that nobody knows.
    NoEstimate(String),
    /// A target is missed.
    Target(Missed),
    /// The target takes more of the device's time than one device may be loaded.
    Load {
        /// Taken.
        load: Share,
        /// Allowed.
        max: Share,
    },
    /// The weight format is left out: nothing was worked out in it.
    Format(LeftOut),
    /// The device itself is refused.
    Device(DeviceRefusal),
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

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runtime, format, why } = self;
        match why {
            WhyLeftOut::LossUnknown { named: false } => write!(
                f,
                "{format} on {runtime} is left out: its loss of quality is unknown (`weights: [{format}]` admits it)"
            ),
            WhyLeftOut::LossUnknown { named: true } => write!(
                f,
                "{format} on {runtime} is left out: its loss of quality is unknown (without `max_quality_loss` it is \
                 admitted)"
            ),
            WhyLeftOut::LossAbove { loss, limit } => write!(
                f,
                "{format} on {runtime} is left out: it loses {loss} of quality, at most {limit} allowed \
                 (`max_quality_loss: {loss}` admits it)"
            ),
            WhyLeftOut::NotLoaded => write!(f, "{runtime} does not load {format}"),
            WhyLeftOut::NotOnChip => write!(f, "{runtime} does not run {format} on this chip"),
        }
    }
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

    /// Orders refusals by how near they are to being none: the nearest miss explains a device best.
    #[must_use]
    pub fn distance(&self) -> (u8, f64) {
        match self {
            Self::Target(missed) => (0, missed.factor()),
            Self::Load { load, max } => (1, load.as_f64() / max.as_f64().max(1e-9)),
            Self::Memory { required, capacity, .. } => (2, required.0 as f64 / capacity.0.max(1) as f64),
            Self::NoEstimate(_) => (3, 0.0),
            Self::Unsupported(_) => (4, 0.0),
            Self::Format(_) => (5, 0.0),
            Self::Device(_) => (6, 0.0),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(why) => f.write_str(why),
            Self::Memory { pool, required, capacity } => write!(
                f,
                "needs {required} with headroom in {pool} memory, {capacity} there: {} short",
                required.saturating_sub(*capacity)
            ),
            Self::NoEstimate(why) => write!(f, "no speed estimate: {why}"),
            Self::Target(missed) => missed.fmt(f),
            Self::Load { load, max } => {
                write!(f, "its target takes {load} of the device's time, at most {max} allowed")
            }
            Self::Format(left_out) => left_out.fmt(f),
            Self::Device(refusal) => refusal.fmt(f),
        }
    }
}

/// Why a device may not be used at all.
#[derive(Debug, Clone, PartialEq)]
pub enum DeviceRefusal {
    /// Nobody gives a price.
    NoPrice,
    /// Nobody gives the price of something that it needs.
    NoAccessoryPrice(String),
    /// Facts that count are marked unverified.
    Unverified(Vec<String>),
    /// Withdrawn, cancelled or sold used only, and not named.
    NamedOnly,
    /// The ambient range is unknown or does not cover the one asked.
    Temperature {
        /// The device's.
        range: Option<(i32, i32)>,
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
        /// In this mode.
        power: Milliwatts,
        /// At most.
        limit: Milliwatts,
    },
    /// None of its runtimes can run a workload, or is allowed to.
    NoRuntime(String),
    /// Its runtimes can run a workload, but in none of their formats.
    NoFormat {
        /// The workload's name.
        workload: String,
        /// Those formats.
        left_out: Vec<LeftOut>,
    },
}

impl DeviceRefusal {
    /// The switch in the scenario that would admit the device, when there is one.
    #[must_use]
    pub fn switch(&self) -> Option<&'static str> {
        match self {
            Self::Unverified(_) => Some("allow.unverified: true"),
            Self::NamedOnly => Some("allow.devices naming it"),
            Self::NoPrice => Some("--prices with a row for it"),
            Self::NoAccessoryPrice(_) => Some("a --catalog file that prices what it needs besides"),
            _ => None,
        }
    }
}

impl fmt::Display for DeviceRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPrice => f.write_str("its price is unknown"),
            Self::NoAccessoryPrice(what) => write!(f, "the price of its {what} is unknown"),
            Self::Unverified(facts) => write!(f, "unverified: {}", facts.join(", ")),
            Self::NamedOnly => f.write_str("not sold new: offered only when named"),
            Self::Temperature { range: Some((low, high)), wanted } => {
                write!(f, "made for {low} to {high} °C, {} to {} °C wanted", wanted.0, wanted.1)
            }
            Self::Temperature { range: None, .. } => f.write_str("its operating temperature is unknown"),
            Self::LeadTime { days: Some(days), max } => write!(f, "takes {days} days to arrive, at most {max} wanted"),
            Self::LeadTime { days: None, .. } => f.write_str("its lead time is unknown"),
            Self::NoPower => f.write_str("its power draw is unknown"),
            Self::Price { price, limit } => write!(f, "costs {price} USD, at most {limit} allowed"),
            Self::Power { power, limit } => {
                write!(f, "draws {} W at full load, at most {} W allowed", power.watts(), limit.watts())
            }
            Self::NoRuntime(workload) => write!(f, "no allowed runtime of it runs `{workload}`"),
            // What a line in the scenario would admit is the cheapest change: it is told alone.
            Self::NoFormat { workload, left_out } => {
                let admissible = left_out.iter().filter(|l| l.why.can_be_admitted());
                let told: Vec<String> = admissible.map(LeftOut::to_string).collect();
                let told = if told.is_empty() { left_out.iter().map(LeftOut::to_string).collect() } else { told };
                write!(f, "no format of `{workload}` may be used: {}", told.join("; "))
            }
        }
    }
}
