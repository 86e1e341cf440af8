//! What the estimates would have missed by, had they not known what they are asked for.

use std::collections::{BTreeMap, BTreeSet};

use edgemem::speed::vision::effects::{DeviceKnown, Knowledge, NetworkKnown, Shared};
use edgemem::speed::vision::{Group, Spread};

use super::data::Observation;
use super::fit::{Process, Variation};
use super::stats::quantile;

/// What was withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Withheld {
    Build,
    NetworkOnDevice,
    Network,
    Family,
    Kind,
    Device,
    Generation,
    Everything,
}

impl Withheld {
    pub(crate) const ALL: [Self; 8] = [
        Self::Build,
        Self::NetworkOnDevice,
        Self::Network,
        Self::Family,
        Self::Kind,
        Self::Device,
        Self::Generation,
        Self::Everything,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Build => "the measurement itself",
            Self::NetworkOnDevice => "the network on the device",
            Self::Network => "the network on all devices",
            Self::Family => "the network's whole family",
            Self::Kind => "all networks of the kind",
            Self::Device => "the device",
            Self::Generation => "the device and its relatives",
            Self::Everything => "all devices of the vendor",
        }
    }
}

/// One withheld measurement.
#[derive(Debug, Clone)]
pub(crate) struct Miss<'a> {
    pub withheld: Withheld,
    pub group: Group,
    pub knowledge: Knowledge,
    /// Logarithm of measured over predicted time.
    pub miss: f64,
    pub observation: &'a Observation,
}

fn block_key(o: &Observation, withheld: Withheld) -> String {
    match withheld {
        Withheld::Build => format!("{} {} {} {}", o.chip, o.network, o.engine, o.format),
        Withheld::NetworkOnDevice => format!("{} {}", o.chip, o.network),
        Withheld::Network => o.network.clone(),
        Withheld::Family => o.family.clone(),
        Withheld::Kind => o.kind.clone(),
        Withheld::Device => o.chip.clone(),
        Withheld::Generation => o.generation.clone(),
        Withheld::Everything => format!("{:?}", o.group),
    }
}

/// What remains known of an observation when a block is gone.
struct Seen(BTreeMap<(Shared, String), BTreeMap<String, usize>>);

impl Seen {
    fn new(rows: &[&Observation], withheld: Withheld) -> Self {
        let mut counts: BTreeMap<(Shared, String), BTreeMap<String, usize>> = BTreeMap::new();
        let mut key = String::new();
        for o in rows {
            for shared in Shared::ALL {
                if o.subject().key(shared, &mut key) {
                    let blocks = counts.entry((shared, key.clone())).or_default();
                    *blocks.entry(block_key(o, withheld)).or_insert(0) += 1;
                }
            }
        }
        Self(counts)
    }

    fn knowledge(&self, o: &Observation, withheld: Withheld) -> Knowledge {
        let block = block_key(o, withheld);
        let mut key = String::new();
        Knowledge::of(|shared| {
            o.subject().key(shared, &mut key)
                && self.0.get(&(shared, key.clone())).is_some_and(|blocks| blocks.keys().any(|b| *b != block))
        })
    }
}

/// All schemes on one group.
pub(crate) fn misses<'a>(group: Group, process: &Process<'a>, variation: &Variation) -> Vec<Miss<'a>> {
    let mut out = in_place(group, process, Withheld::Build);
    out.extend(in_place(group, process, Withheld::NetworkOnDevice));
    for withheld in [Withheld::Network, Withheld::Family, Withheld::Kind, Withheld::Device, Withheld::Generation] {
        refit(group, &process.rows, variation, withheld, &mut out);
    }
    out
}

/// Leaves each block out of the effects, the law as it is: blocks so small that they do not move it.
pub(crate) fn in_place<'a>(group: Group, process: &Process<'a>, withheld: Withheld) -> Vec<Miss<'a>> {
    let seen = Seen::new(&process.rows, withheld);
    let left_out = process.left_out(|o| block_key(o, withheld));
    let known = process.rows.iter().zip(left_out).filter(|(o, miss)| o.known && miss.is_finite());
    known
        .map(|(o, miss)| Miss { withheld, group, knowledge: seen.knowledge(o, withheld), miss, observation: o })
        .collect()
}

/// Leaves each block out in turn and fits everything anew.
pub(crate) fn refit<'a>(
    group: Group,
    rows: &[&'a Observation],
    variation: &Variation,
    withheld: Withheld,
    out: &mut Vec<Miss<'a>>,
) {
    let seen = Seen::new(rows, withheld);
    // Devices without known rates are never asked for: the catalog has none such.
    let by_device = matches!(withheld, Withheld::Device | Withheld::Generation | Withheld::Everything);
    let asked = |o: &Observation| o.known && (!by_device || o.rates.is_some());
    let blocks: BTreeSet<String> = rows.iter().filter(|o| asked(o)).map(|o| block_key(o, withheld)).collect();
    for block in blocks {
        let (inside, outside): (Vec<&Observation>, Vec<&Observation>) =
            rows.iter().copied().partition(|o| block_key(o, withheld) == block);
        // A law needs figures to stand on: networks with known work, and devices with known rates to tell of others.
        if !outside.iter().any(|o| asked(o)) {
            continue;
        }
        let process = Process::new(group, &outside, variation);
        let fit = process.fit();
        for o in inside.into_iter().filter(|o| asked(o) && fit.law.precisions.contains_key(&o.precision)) {
            let mut knowledge = seen.knowledge(o, withheld);
            if withheld == Withheld::Everything {
                knowledge.device = DeviceKnown::Nothing;
            }
            out.push(Miss { withheld, group: o.group, knowledge, miss: process.miss(&fit, o), observation: o });
        }
    }
}

/// How many measurements of a group weigh as much as all other groups together.
const WEIGHT_OF_COMMON: f64 = 20.0;

/// Half-widths that nine of ten misses stay within, by level; they never shrink when less is known.
fn levels<K: Ord + Copy>(mut by_level: BTreeMap<K, Vec<f64>>, floor: f64) -> BTreeMap<K, (f64, f64)> {
    let mut widest = floor;
    let mut out = BTreeMap::new();
    for (level, values) in &mut by_level {
        widest = quantile(values, 0.9).max(widest);
        out.insert(*level, (values.len() as f64, widest));
    }
    out
}

/// Half-widths by level of some groups, the widths of groups averaged as squares with at most this weight each.
fn combined<K: Ord + Copy>(groups: &[BTreeMap<K, (f64, f64)>]) -> BTreeMap<K, f64> {
    let mut sums: BTreeMap<K, (f64, f64)> = BTreeMap::new();
    for (&level, &(count, width)) in groups.iter().flatten() {
        let sum = sums.entry(level).or_default();
        let weight = count.min(2.0 * WEIGHT_OF_COMMON);
        *sum = (sum.0 + weight, sum.1 + weight * width * width);
    }
    let mut widest: f64 = 0.0;
    let mut out = BTreeMap::new();
    for (level, (weight, squares)) in sums {
        widest = widest.max((squares / weight).sqrt());
        out.insert(level, widest);
    }
    out
}

/// A group's own widths drawn towards the common ones where few measurements tell.
fn drawn<K: Ord + Copy>(own: &BTreeMap<K, (f64, f64)>, common: &BTreeMap<K, f64>) -> BTreeMap<K, f64> {
    let mut widest: f64 = 0.0;
    let mut out = BTreeMap::new();
    for (level, &(count, width)) in own {
        let all = common.get(level).copied().unwrap_or(width);
        let square = (count * width * width + WEIGHT_OF_COMMON * all * all) / (count + WEIGHT_OF_COMMON);
        widest = widest.max(square.sqrt());
        out.insert(*level, widest);
    }
    out
}

/// The common spread and that of each group. `repeats` are scatters of repeated measurements by group.
pub(crate) fn spreads(misses: &[Miss<'_>], repeats: &BTreeMap<Group, Vec<f64>>) -> (Spread, BTreeMap<Group, Spread>) {
    let groups: BTreeSet<Group> = misses.iter().map(|m| m.group).collect();
    let network_of = |group: Group| {
        let mut by_level: BTreeMap<NetworkKnown, Vec<f64>> = BTreeMap::new();
        if let Some(scatter) = repeats.get(&group).filter(|r| !r.is_empty()) {
            by_level.insert(NetworkKnown::Measured, scatter.clone());
        }
        for m in misses.iter().filter(|m| m.group == group && m.knowledge.device == DeviceKnown::Chip) {
            by_level.entry(m.knowledge.network).or_default().push(m.miss.abs());
        }
        levels(by_level, 0.0)
    };
    let networks: BTreeMap<Group, _> = groups.iter().map(|&g| (g, network_of(g))).collect();
    // The law of CPUs rests on bandwidth alone: what it misses by says nothing about accelerators.
    let told = |group: &Group| *group != Group::Cpu;
    let common_network =
        combined(&networks.iter().filter(|(g, _)| told(g)).map(|(_, n)| n.clone()).collect::<Vec<_>>());
    let network: BTreeMap<Group, _> = networks.iter().map(|(&g, own)| (g, drawn(own, &common_network))).collect();

    // What the device adds to what the network explains already.
    let device_of = |group: Group| {
        let mut by_level: BTreeMap<DeviceKnown, Vec<f64>> = BTreeMap::new();
        let mut explained: BTreeMap<DeviceKnown, Vec<f64>> = BTreeMap::new();
        for m in misses.iter().filter(|m| m.group == group && m.knowledge.device != DeviceKnown::Chip) {
            by_level.entry(m.knowledge.device).or_default().push(m.miss.abs());
            let width = network.get(&group).and_then(|n| n.get(&m.knowledge.network).copied());
            explained.entry(m.knowledge.device).or_default().extend(width);
        }
        let mut own = levels(by_level, 0.0);
        for (level, (_, width)) in &mut own {
            let of_network = explained.get_mut(level).map_or(0.0, |e| quantile(e, 0.5));
            *width = (*width * *width - of_network * of_network).max(0.0).sqrt();
        }
        own
    };
    let devices: BTreeMap<Group, _> = groups.iter().map(|&g| (g, device_of(g))).collect();
    let common_device = combined(&devices.iter().filter(|(g, _)| told(g)).map(|(_, d)| d.clone()).collect::<Vec<_>>());
    let with_chip = |mut device: BTreeMap<DeviceKnown, f64>| {
        device.insert(DeviceKnown::Chip, 0.0);
        device
    };
    let each = groups
        .iter()
        .map(|g| {
            let mut device = drawn(&devices[g], &common_device);
            device.remove(&DeviceKnown::Nothing);
            (*g, Spread { device: with_chip(device), network: network[g].clone() })
        })
        .collect();
    (Spread { device: with_chip(common_device), network: common_network }, each)
}

/// The confidences that scenarios ask for, and the part of the nine-in-ten width that each takes.
pub(crate) fn shape(relative: &mut [f64]) -> Vec<(f64, f64)> {
    [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99].into_iter().map(|c| (c, quantile(relative, c))).collect()
}
