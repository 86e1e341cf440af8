//! Why the devices that a plan does not use were not usable: the binding constraint, and the number it misses by.

use std::collections::BTreeMap;

use crate::candidates::{DeviceRefusal, Generated, Refusal, WorkloadOnDevice};
use crate::catalog::Catalog;
use crate::scenario::Scenario;
use crate::solve::{self, Host, Problem};
use crate::units::{Bytes, Milliwatts, Money, PPM, Share};

use super::build::Built;

/// Why a device cannot be the unit of a site class.
#[derive(Debug, Clone, PartialEq)]
pub enum Why {
    /// What the device itself is refused for, whatever it should run.
    Device(DeviceRefusal),
    /// A workload cannot run on it even alone.
    Workload {
        /// Its name.
        name: String,
        /// What binds.
        refusal: Refusal,
    },
    /// Each workload could run on it, not all together.
    Together(Joint),
}

impl Why {
    /// Bytes short, when memory is what binds.
    #[must_use]
    pub fn short(&self) -> Option<Bytes> {
        match self {
            Self::Workload { refusal, .. } => refusal.short(),
            Self::Together(Joint::Memory { short, .. }) => Some(*short),
            _ => None,
        }
    }

    /// What would admit the device, when a switch would.
    #[must_use]
    pub fn switch(&self) -> Option<&'static str> {
        match self {
            Self::Device(refusal) => refusal.switch(),
            _ => None,
        }
    }
}

/// Why workloads that each fit alone do not make a unit together, in the mode that comes nearest.
#[derive(Debug, Clone, PartialEq)]
pub enum Joint {
    /// A latency target does not hold beside the load of the others.
    Latency {
        /// Whose.
        workload: String,
        /// By how much the load of the others is too high.
        over: Share,
    },
    /// The configurations that fit load it too much.
    Load {
        /// Above the limit.
        over: Share,
        /// The limit.
        max: Share,
    },
    /// They do not fit.
    Memory {
        /// Which memory.
        pool: &'static str,
        /// What is missing, headroom included.
        short: Bytes,
        /// What there is.
        capacity: Bytes,
    },
    /// Memory, load and latency cannot be had at once.
    AtOnce,
    /// Two workloads may not share a device.
    Apart(String, String),
    /// A workload needs several devices.
    Copies {
        /// Whose.
        workload: String,
        /// Devices it needs.
        copies: u32,
    },
    /// It costs too much.
    Price {
        /// Lowest price of one.
        price: Money,
        /// How much that is too much.
        over: Money,
    },
    /// It draws too much.
    Power {
        /// How much.
        over: Milliwatts,
        /// The limit.
        limit: Milliwatts,
    },
    /// A workload cannot run on it in this mode.
    NoCandidate(String),
    /// Its draw is unknown.
    PowerUnknown,
    /// It cannot be bought in these quantities.
    Unavailable,
}

impl Joint {
    /// By what factor a limit is missed, above 1; infinite where no figure tells.
    #[must_use]
    pub fn factor(&self) -> f64 {
        let beyond = |over: u64, limit: u64| 1.0 + over as f64 / limit.max(1) as f64;
        match self {
            Self::Latency { over, .. } => beyond(over.0, PPM),
            Self::Load { over, max } => beyond(over.0, max.0),
            Self::Memory { short, capacity, .. } => beyond(short.0, capacity.0),
            Self::Price { price, over } => price.0 as f64 / price.0.saturating_sub(over.0).max(1) as f64,
            Self::Power { over, limit } => beyond(over.0, limit.0),
            _ => f64::INFINITY,
        }
    }

    /// Among those without a figure: how much a reader learns, most first.
    const fn rank(&self) -> u8 {
        match self {
            Self::Latency { .. }
            | Self::Load { .. }
            | Self::Memory { .. }
            | Self::Price { .. }
            | Self::Power { .. } => 0,
            Self::AtOnce => 1,
            Self::Apart(..) => 2,
            Self::Copies { .. } => 3,
            Self::NoCandidate(_) => 4,
            Self::PowerUnknown => 5,
            Self::Unavailable => 6,
        }
    }

    fn of(refusal: &solve::Refusal, host: &Host, problem: &Problem, site: &solve::Site) -> Self {
        use solve::Refusal;
        let name = |w: usize| site.workloads[w].name.clone();
        match *refusal {
            Refusal::Latency { workload, over } => Self::Latency { workload: name(workload), over },
            Refusal::Load { over } => Self::Load { over, max: problem.max_load },
            Refusal::Memory { pool, short } => {
                Self::Memory { pool: host.pools[pool].name, short, capacity: host.pools[pool].capacity }
            }
            Refusal::Joint => Self::AtOnce,
            Refusal::Apart { workloads: (a, b) } => Self::Apart(name(a), name(b)),
            Refusal::Copies { workload, copies } => Self::Copies { workload: name(workload), copies },
            Refusal::Price { price, over } => Self::Price { price, over },
            Refusal::Power { over } => Self::Power { over, limit: site.power_limit.unwrap_or_default() },
            Refusal::NoCandidate { workload } => Self::NoCandidate(name(workload)),
            Refusal::PowerUnknown => Self::PowerUnknown,
            Refusal::Unavailable => Self::Unavailable,
        }
    }
}

/// A device that cannot host what a unit must run.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejected {
    /// Device id.
    pub device: String,
    /// Site class.
    pub site: String,
    /// Price of one, when known.
    pub price: Option<Money>,
    /// What binds first.
    pub why: Why,
    /// What else the device itself is refused for.
    pub besides: Vec<DeviceRefusal>,
    /// What its best configuration misses by most; as `why` where nobody asked what a refused device would do.
    pub worst: Why,
    /// By what factor that is missed, above 1; infinite where no figure tells.
    pub miss: f64,
}

impl Rejected {
    /// All that the device itself is refused for.
    pub fn refusals(&self) -> impl Iterator<Item = &DeviceRefusal> {
        let first = match &self.why {
            Why::Device(refusal) => Some(refusal),
            _ => None,
        };
        first.into_iter().chain(&self.besides)
    }
}

/// The devices that cannot host a whole unit alone, cheapest first, then those without a price.
///
/// Where a unit may hold several devices, a device that hosts at least one workload is not rejected.
#[must_use]
pub fn rejected(scenario: &Scenario, catalog: &Catalog, generated: &Generated<'_>, built: &Built) -> Vec<Rejected> {
    let devices: Vec<_> = catalog.devices().collect();
    let mut found = Vec::new();
    // Asked for once for each device of each site: with thousands of sites, looking through all of them takes too long.
    let mut refused = vec![BTreeMap::new(); scenario.sites.len()];
    for (site, device, refusals) in &generated.refused {
        refused[*site].insert(*device, refusals);
    }
    let mut hosted = vec![BTreeMap::new(); scenario.sites.len()];
    for outcome in &generated.outcomes {
        hosted[outcome.site].entry(outcome.device_index).or_insert_with(Vec::new).push(outcome);
    }
    for (s, site) in scenario.sites.iter().enumerate() {
        let mut note = |index: usize, why: Why, besides: Vec<DeviceRefusal>, (miss, worst): (f64, Why)| {
            let device = devices[index];
            found.push(Rejected {
                device: device.id.clone(),
                site: site.name.clone(),
                price: device.prices.first().map(|b| b.price),
                why,
                besides,
                worst,
                miss,
            });
        };
        let of_workload = |outcome: &WorkloadOnDevice| {
            let name = site.workloads[outcome.workload].name.clone();
            outcome.nearest.clone().map(|refusal| match refusal {
                Refusal::Device(refusal) => Why::Device(refusal),
                refusal => Why::Workload { name, refusal },
            })
        };
        for (&index, all) in &refused[s] {
            let Some((first, besides)) = all.split_first() else { continue };
            let asked = worst(hosted[s].get(&index).into_iter().flatten().copied());
            let asked = asked.and_then(|outcome| Some((outcome.miss, of_workload(outcome)?)));
            let alone = || (all.iter().map(DeviceRefusal::factor).fold(0.0, f64::max), Why::Device(first.clone()));
            note(index, Why::Device(first.clone()), besides.to_vec(), asked.unwrap_or_else(alone));
        }
        let refusals = solve::refusals(&built.problem, s);
        let several = site.max_devices() > 1;
        for (&index, outcomes) in hosted[s].iter().filter(|(index, _)| !refused[s].contains_key(index)) {
            let unusable: Vec<&WorkloadOnDevice> = outcomes.iter().copied().filter(|o| !o.usable).collect();
            if several && unusable.len() < outcomes.len() {
                continue;
            }
            if let Some(worst) = worst(unusable.into_iter()) {
                if let Some(why) = of_workload(worst) {
                    note(index, why.clone(), Vec::new(), (worst.miss, why));
                }
            } else if let Some(joint) = jointly(&refusals, &built.problem, built, s, index) {
                let miss = joint.factor();
                let why = Why::Together(joint);
                note(index, why.clone(), Vec::new(), (miss, why));
            }
        }
    }
    found.sort_by(|a, b| {
        (a.price.is_none(), a.price, &a.device, &a.site).cmp(&(b.price.is_none(), b.price, &b.device, &b.site))
    });
    found
}

/// The workload that a device misses by most.
fn worst<'o>(outcomes: impl Iterator<Item = &'o WorkloadOnDevice>) -> Option<&'o WorkloadOnDevice> {
    let rank = |o: &WorkloadOnDevice| o.nearest.as_ref().map_or(0, Refusal::rank);
    outcomes.max_by(|a, b| a.miss.total_cmp(&b.miss).then(rank(a).cmp(&rank(b))).then(b.workload.cmp(&a.workload)))
}

/// Why workloads that each fit alone do not make a unit together, in the mode that comes nearest.
fn jointly(
    refusals: &[Option<solve::Refusal>],
    problem: &Problem,
    built: &Built,
    site: usize,
    device: usize,
) -> Option<Joint> {
    let modes = built.hosts.iter().enumerate().filter(|(_, (d, _))| *d == device);
    let mut nearest: Option<Joint> = None;
    for (host, _) in modes {
        // A mode in which the device does make a unit: it is not rejected.
        let refusal = refusals[host].as_ref()?;
        let joint = Joint::of(refusal, &problem.hosts[host], problem, &problem.sites[site]);
        let nearer = nearest
            .as_ref()
            .is_none_or(|n| joint.factor().total_cmp(&n.factor()).then(joint.rank().cmp(&n.rank())).is_lt());
        if nearer {
            nearest = Some(joint);
        }
    }
    nearest
}
