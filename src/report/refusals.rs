//! The words of refusals: one formatter for the list of rejected devices, `--why-not`, `candidates --all` and explanations.

use std::fmt;

use crate::candidates::{Clash, DeviceRefusal, LeftOut, Missed, NoConfiguration, Refusal, UnverifiedFact, WhyLeftOut};
use crate::domain::VersionRange;
use crate::figures::{self, amount, usd};
use crate::planner::explain::Nearest;
use crate::planner::{Joint, Why};
use crate::units::{Milliwatts, Money, product, significant};

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
                    "first token after {} at the unfavourable bound, {} s wanted",
                    figures::time_at_most(*reached),
                    wanted.seconds()
                )
            }
            Self::Latency { wanted, reached } => {
                write!(
                    f,
                    "takes {} at the unfavourable bound, {} s wanted",
                    figures::time_at_most(*reached),
                    wanted.seconds()
                )
            }
        }
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

impl fmt::Display for NoConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(task) => write!(f, "no runtime of the device runs {} models", task.id()),
            Self::RuntimesLeftOut(runtimes) => {
                write!(f, "runs on {} only, which `runtimes` leaves out", runtimes.join(", "))
            }
            Self::Options(runtimes) => {
                write!(f, "{} has none of the cache types and flash attention asked for", runtimes.join(", "))
            }
            // What a line in the scenario would admit is the cheapest change: it is told alone.
            Self::Formats(all) => {
                let told: Vec<String> =
                    all.iter().filter(|l| l.why.can_be_admitted()).map(ToString::to_string).collect();
                let told = if told.is_empty() { all.iter().map(ToString::to_string).collect() } else { told };
                write!(f, "no format may be used: {}", told.join("; "))
            }
        }
    }
}

/// The name of a piece of software, as its maker writes it.
pub(super) fn software_name(id: &str) -> &str {
    match id {
        "jetpack" => "JetPack",
        "macos" => "macOS",
        "linux" => "Linux",
        "rocm" => "ROCm",
        other => other,
    }
}

/// `JetPack 6.2 or later`, `JetPack before 6.2`.
pub(super) fn versions(software: &str, range: VersionRange) -> String {
    let name = software_name(software);
    match (range.since, range.below) {
        (Some(since), Some(below)) => format!("{name} {since} or later, before {below}"),
        (Some(since), None) => format!("{name} {since} or later"),
        (None, Some(below)) => format!("{name} before {below}"),
        (None, None) => format!("any {name}"),
    }
}

impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |range: VersionRange| versions(&self.software, range);
        let ((mode, wanted), (runtime, needed)) = (&self.mode, &self.runtime);
        write!(f, "mode {mode} needs {}, {runtime} needs {}", of(*wanted), of(*needed))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(why) => why.fmt(f),
            Self::NoConfiguration(why) => why.fmt(f),
            Self::Format(why) => why.fmt(f),
            Self::Software(clash) => clash.fmt(f),
            Self::SettingNotNeeded => f.write_str("the device holds everything without this setting"),
            Self::Memory { pool, required, capacity, while_loading: true } => {
                write!(f, "needs {required} of {pool} memory while it is loaded, {capacity} there")
            }
            Self::Memory { pool, required, capacity, while_loading: false } => write!(
                f,
                "needs {required} with headroom in {pool} memory, {capacity} there: {} short",
                required.saturating_sub(*capacity)
            ),
            Self::NoEstimate(why) => write!(f, "no speed estimate: {why}"),
            Self::Target(missed) => missed.fmt(f),
            Self::Load { load, max } => {
                write!(f, "its target takes {load} of the device's time, at most {max} allowed")
            }
            Self::Device(refusal) => refusal.fmt(f),
        }
    }
}

impl fmt::Display for UnverifiedFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => f.write_str(name),
            Self::AccessoryPrice(what) => write!(f, "price of its {what}"),
        }
    }
}

impl fmt::Display for DeviceRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Class(class) => write!(f, "its class {} is not allowed", class.id()),
            Self::Vendor(vendor) => write!(f, "devices of {vendor} are not allowed"),
            Self::NotListed => f.write_str("it is not among the devices allowed"),
            Self::Excluded => f.write_str("it is excluded"),
            Self::NoPrice => f.write_str("its price is unknown"),
            Self::NoAccessoryPrice(what) => write!(f, "the price of its {what} is unknown"),
            Self::Unverified(facts) => {
                let facts: Vec<String> = facts.iter().map(ToString::to_string).collect();
                write!(f, "unverified: {}", facts.join(", "))
            }
            Self::NamedOnly => f.write_str("not sold new: offered only when named in allow.devices"),
            Self::Temperature { range: Some((low, high)), confirmed, wanted } => {
                let doubt = if *confirmed { "" } else { ", which no source confirms" };
                write!(f, "made for {low} to {high} °C{doubt}, {} to {} °C wanted", wanted.0, wanted.1)
            }
            Self::Temperature { range: None, .. } => f.write_str("its operating temperature is unknown"),
            Self::LeadTime { days: Some(days), max } => {
                write!(f, "takes {days} days to arrive, at most {max} wanted: {} too many", days.saturating_sub(*max))
            }
            Self::LeadTime { days: None, .. } => f.write_str("its lead time is unknown"),
            Self::NoPower => f.write_str("its power draw is unknown"),
            Self::Price { price, limit } => {
                let over = Money(price.0.saturating_sub(limit.0));
                write!(f, "costs {}, at most {} allowed: {} too much", usd(*price), amount(*limit), amount(over))
            }
            Self::Power { power, limit } => write!(
                f,
                "draws {} at full load, at most {} allowed: {} too much",
                figures::power(*power),
                figures::power(*limit),
                figures::power(Milliwatts(power.0.saturating_sub(limit.0)))
            ),
        }
    }
}

impl fmt::Display for Joint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latency { workload, over } => {
                write!(f, "`{workload}` answers too late beside the others: their load is at least {over} too high")
            }
            Self::Load { over, .. } => write!(f, "the workloads that fit load it at least {over} too much"),
            Self::Memory { pool, short, .. } => {
                write!(f, "all workloads together are at least {short} short of {pool} memory")
            }
            Self::AtOnce => f.write_str("memory, load and latency cannot be had at once"),
            Self::Apart(a, b) => write!(f, "`{a}` and `{b}` may not share a device"),
            Self::Copies { workload, copies } => write!(f, "`{workload}` needs {copies} devices"),
            Self::Price { price, over } => write!(f, "costs {}, {} too much", usd(*price), usd(*over)),
            Self::Power { over, .. } => write!(f, "draws {} too much", figures::power(*over)),
            Self::NoCandidate(workload) => write!(f, "`{workload}` cannot run on it in this mode"),
            Self::PowerUnknown => f.write_str("its power draw is unknown"),
            Self::Unavailable => f.write_str("it cannot be bought in these quantities"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(refusal) => refusal.fmt(f),
            Self::Workload { name, refusal } => write!(f, "`{name}`: {refusal}"),
            Self::Together(joint) => joint.fmt(f),
        }
    }
}

impl fmt::Display for Nearest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device { device, price, site, why } => {
                f.write_str(device)?;
                if let Some(price) = price {
                    write!(f, " ({})", usd(*price))?;
                }
                if let Some(site) = site {
                    write!(f, " for `{site}`")?;
                }
                write!(f, " comes nearest: {why}")
            }
            Self::Unknown { refusal, devices } => {
                write!(f, "{refusal}: so it is with each of {devices} devices")?;
                refusal.switch().map_or(Ok(()), |switch| write!(f, "; give it with {switch}"))
            }
        }
    }
}
