//! Vision and speech models: measurements first, roofline second.

pub mod effects;
pub mod law;
pub mod order;
pub mod parts;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use self::effects::{DeviceKnown, Effects, Knowledge, NetworkKnown, Shared, Subject};
use self::law::{Law, Rates};
use self::order::{Estimate, Families, Size, in_order};
use self::parts::parts;
use super::{Basis, NetworkSpeed, NoEstimate};
use crate::domain::{Backend, Network, PowerMode, Precision};
use crate::memory::Case;
use crate::units::{InferencesPerSecond, Range, Seconds, Share};

/// The fitted constants of vision and speech models, written by `examples/calibrate_vision`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Constants {
    /// The chip of each device by what computes on it: `npu`, `gpu`, `cpu`.
    pub chips: BTreeMap<Unit, BTreeMap<String, Chip>>,
    /// Engines that obey one law.
    pub groups: BTreeMap<Group, Fit>,
    /// Chip, engine and format that were seen to fall back to the CPU, joined by spaces.
    pub on_cpu: BTreeSet<String>,
    /// How far left-out measurements lie from their estimates, over all groups.
    pub spread: Spread,
    /// Confidence and the part of `spread` that it takes, ascending.
    pub shape: Vec<(f64, f64)>,
    /// Layer outputs per operation by kind of network, for networks whose outputs nobody counted.
    pub activations_per_operation: BTreeMap<String, f64>,
    /// The families of the catalog's networks, whose estimates keep an order among each other.
    #[serde(skip)]
    pub families: Families,
}

/// The law and the effects of one group of engines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fit {
    /// The roofline.
    pub law: Law,
    /// What deviates from it.
    pub effects: Effects,
    /// Spread of this group where its measurements tell; the common one otherwise.
    #[serde(default)]
    pub spread: Spread,
}

/// Natural logarithms of the factor up and down within which nine of ten left-out measurements lie. What is not known of
/// the device and what is not known of the network add up as independent errors do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Spread {
    /// Beside what the network adds.
    pub device: BTreeMap<DeviceKnown, f64>,
    /// On devices that were measured.
    pub network: BTreeMap<NetworkKnown, f64>,
}

/// The chip that computes on a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chip {
    /// Its name in the measurements.
    pub id: String,
    /// Chips of like design.
    pub generation: String,
    /// Its matrix units take 32-bit inputs at a reduced precision (TF32).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reduced_single: bool,
}

/// What computes on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum Unit {
    Cpu,
    Gpu,
    Npu,
}

impl Unit {
    /// What a backend computes on.
    #[must_use]
    pub const fn of(backend: Backend) -> Self {
        match backend {
            Backend::Cpu => Self::Cpu,
            Backend::Npu => Self::Npu,
            Backend::Cuda | Backend::Metal | Backend::Vulkan | Backend::Rocm | Backend::Sycl | Backend::Opencl => {
                Self::Gpu
            }
        }
    }
}

/// Engines and units that obey one law.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Hailo accelerators: dataflow on the chip, contexts switched when a network does not fit.
    Hailo,
    /// Rockchip NPUs.
    Rockchip,
    /// Qualcomm Hexagon.
    Hexagon,
    /// Any other NPU: what the three above have in common.
    Npu,
    /// Graph engines on NVIDIA GPUs, and on other GPUs for want of measurements.
    Cuda,
    /// CPUs.
    Cpu,
    /// whisper.cpp on NVIDIA GPUs, and on others for want of measurements.
    WhisperCuda,
    /// whisper.cpp on Apple GPUs.
    WhisperMetal,
}

impl Group {
    /// The group of an engine on a device, and whether the group was measured on this kind of unit at all.
    #[must_use]
    pub fn of(engine: &str, backend: Backend, generation: Option<&str>) -> (Self, bool) {
        let whisper = engine == "whisper.cpp";
        match (backend, engine) {
            (Backend::Cpu, _) => (Self::Cpu, !whisper),
            (Backend::Metal, _) if whisper => (Self::WhisperMetal, true),
            _ if whisper => (Self::WhisperCuda, backend == Backend::Cuda),
            (Backend::Cuda, _) => (Self::Cuda, true),
            (Backend::Npu, "hailort") => (Self::Hailo, true),
            (Backend::Npu, "rknn") => (Self::Rockchip, true),
            (Backend::Npu, _) if generation.is_some_and(|g| g.starts_with("hexagon")) => (Self::Hexagon, true),
            (Backend::Npu, _) => (Self::Npu, false),
            _ => (Self::Cuda, false),
        }
    }
}

impl Constants {
    /// The chip that a device computes on.
    #[must_use]
    pub fn chip(&self, unit: Unit, device: &str) -> Option<&Chip> {
        self.chips.get(&unit)?.get(device)
    }

    /// What computes in a format, and the chip: the CPU where the engine was seen to fall back to it.
    fn computes(&self, case: &Case<'_>, format: &str) -> (Backend, Option<&Chip>) {
        let backend = case.runtime.backend;
        let chip = self.chip(Unit::of(backend), &case.device.id);
        let falls_back = chip.is_some_and(|chip| {
            let build = Subject {
                chip: &chip.id,
                engine: engine_name(&case.runtime.engine_id),
                format: Precision::of_format(format).format_name(format),
                ..Subject::default()
            };
            let mut key = String::new();
            build.key(Shared::ChipBuild, &mut key) && self.on_cpu.contains(&key)
        });
        if falls_back { (Backend::Cpu, self.chip(Unit::Cpu, &case.device.id)) } else { (backend, chip) }
    }

    /// Elements of all layer outputs of a part, estimated from its operations when nobody counted them.
    #[must_use]
    pub fn activations(&self, part: &parts::Part, kind: &str) -> f64 {
        let per_operation = || {
            let all = &self.activations_per_operation;
            all.get(kind).copied().unwrap_or_else(|| all.values().copied().fold(0.0, f64::max))
        };
        part.activations.unwrap_or_else(|| part.operations * per_operation())
    }

    /// Logarithm of the factor between the median and either bound of the range that nine of ten measurements stay in.
    #[must_use]
    pub fn half_width(&self, fit: &Fit, knowledge: Knowledge) -> f64 {
        let device =
            fit.spread.device.get(&knowledge.device).or_else(|| at_least(&self.spread.device, knowledge.device));
        let network =
            fit.spread.network.get(&knowledge.network).or_else(|| at_least(&self.spread.network, knowledge.network));
        device.copied().unwrap_or(UNTESTED).hypot(network.copied().unwrap_or(UNTESTED))
    }
}

/// The spread of a level, or of the next one that knows less.
fn at_least<K: Ord + Copy>(spread: &BTreeMap<K, f64>, level: K) -> Option<&f64> {
    spread.range(level..).next().map(|(_, s)| s)
}

/// A factor of four either way: what stands where no measurement can tell.
const UNTESTED: f64 = 1.4;

/// Linear between the points, constant outside.
fn interpolate(points: &[(f64, f64)], x: f64) -> f64 {
    let after = points.partition_point(|&(p, _)| p < x);
    match (after.checked_sub(1).and_then(|i| points.get(i)), points.get(after)) {
        (Some(&(x0, y0)), Some(&(x1, y1))) => y0 + (y1 - y0) * (x - x0) / (x1 - x0),
        (Some(&(_, y)), None) | (None, Some(&(_, y))) => y,
        (None, None) => 1.0,
    }
}

/// The formats that keep an order, the fastest first, with the names that engines have for them.
const ORDERED: [&[&str]; 3] = [&["int8", "w8a8"], &["f16"], &["f32"]];

/// How much faster 16 bits are than 32 at least where the chip has a unit for them: the least that was measured is 1.55
/// (YOLO11n with TensorRT on an Orin Nano).
const HALF_OVER_SINGLE: f64 = 1.5;

pub(super) fn speed(
    case: &Case<'_>,
    mode: &PowerMode,
    confidence: Share,
    constants: &Constants,
) -> Result<NetworkSpeed, NoEstimate> {
    let network = case.model.network().ok_or(NoEstimate::Unable("it is not a vision or speech model"))?;
    let bytes = case.weights.total.0 as f64 / case.model.parameters.max(1) as f64;
    let place = ORDERED.iter().position(|names| names.contains(&case.format.id.as_str()));
    let asked = place.map_or(Build { format: &case.format.id, place: 0, bytes }, Build::ordered);
    let asker = Asker { case, mode, confidence, constants };
    let (estimate, basis) = asker.estimate(&case.model.id, case.model.parameters, network, &asked)?;
    // Only what computes on the same unit keeps the order, and only what the engine runs says anything.
    let same_unit =
        |build: &Build<'_>| constants.computes(case, build.format) == constants.computes(case, asked.format);
    let runs = |names: &[&str]| {
        names.iter().any(|name| case.runtime.formats.iter().any(|f| f == name))
            && names.iter().all(|name| case.runtime.exception_to(case.device, case.model, name).is_none())
    };
    let others = (0..ORDERED.len()).filter(|&p| place.is_some_and(|own| own != p) && runs(ORDERED[p]));
    let builds: Vec<Build<'_>> =
        others.map(Build::ordered).filter(same_unit).chain(std::iter::once(asked.clone())).collect();
    let family = network.family.as_deref().unwrap_or_default();
    let relatives = constants.families.members(family, case.model.task).iter().filter(|m| m.id != case.model.id);
    let mut all = vec![estimate];
    for build in &builds {
        let mut add = |id: &str, parameters, network: &Network| {
            all.extend(asker.estimate(id, parameters, network, build).ok().map(|(estimate, _)| estimate));
        };
        if build.place != asked.place {
            add(&case.model.id, case.model.parameters, network);
        }
        for member in relatives.clone() {
            add(&member.id, member.parameters, &member.network);
        }
    }
    // Compared in the arithmetic that 16 bits would take.
    let ratio = asker.half_over_single();
    for estimate in all.iter_mut().filter(|e| usize::from(e.format) == SINGLE) {
        estimate.times = estimate.times.map(|t| t / ratio);
    }
    let back = if asked.place == SINGLE && place.is_some() { ratio } else { 1.0 };
    let [median, low, high] = in_order(&all, 0).map(|t| Seconds(t * back));
    let latency = Range { median, low, high };
    Ok(NetworkSpeed { inferences: latency.map(|t| InferencesPerSecond(1.0 / t.0)).swapped(), latency, basis })
}

/// Place of 32 bits among the ordered formats.
const SINGLE: usize = 2;

/// A format with what tells it apart for the law.
#[derive(Debug, Clone, PartialEq)]
struct Build<'a> {
    format: &'a str,
    place: usize,
    /// Bytes per weight.
    bytes: f64,
}

impl Build<'_> {
    fn ordered(place: usize) -> Self {
        Self { format: ORDERED[place][0], place, bytes: [1.0, 2.0, 4.0][place] }
    }
}

/// A question about one engine on one device in one mode.
struct Asker<'q, 'a> {
    case: &'q Case<'a>,
    mode: &'q PowerMode,
    confidence: Share,
    constants: &'q Constants,
}

impl Asker<'_, '_> {
    fn precision(&self, format: &str, backend: Backend) -> Precision {
        computed_in(engine_name(&self.case.runtime.engine_id), backend, Precision::of_format(format))
    }

    /// By what 32 bits are slower at least: 1 where the chip has no unit for 16, or the engine computes in 16 anyway.
    fn half_over_single(&self) -> f64 {
        let (backend, chip) = self.constants.computes(self.case, "f32");
        let rate = |precision| Rates::of(self.mode, backend, precision, chip.is_some_and(|c| c.reduced_single));
        let single = self.precision("f32", backend);
        match (rate(Precision::Half), rate(single)) {
            (Some(half), Some(single)) if half.compute >= HALF_OVER_SINGLE * single.compute => HALF_OVER_SINGLE,
            _ => 1.0,
        }
    }

    /// The estimate of a network in a format by itself.
    fn estimate(
        &self,
        id: &str,
        parameters: u64,
        network: &Network,
        build: &Build<'_>,
    ) -> Result<(Estimate, Basis), NoEstimate> {
        let Self { case, constants, .. } = *self;
        let engine = engine_name(&case.runtime.engine_id);
        let (backend, chip) = constants.computes(case, build.format);
        let (group, measured_here) = Group::of(engine, backend, chip.map(|c| c.generation.as_str()));
        let fit = constants.groups.get(&group).ok_or(NoEstimate::Unknown("the speed of this engine"))?;
        let precision = self.precision(build.format, backend);
        let rates = Rates::of(self.mode, backend, precision, chip.is_some_and(|c| c.reduced_single))
            .ok_or(NoEstimate::Unknown("the arithmetic rate of the device"))?;
        let mut time = 0.0;
        let mut half_width: f64 = 0.0;
        let mut basis = Basis::Measured;
        let graphs = parts(network, parameters);
        if graphs.is_empty() {
            return Err(NoEstimate::Unknown("the operations of one inference"));
        }
        for part in &graphs {
            let name = part_name(id, part.name);
            let family = network.family.as_deref().map(|f| part_name(f, part.name)).unwrap_or_default();
            let kind = network.kind.as_deref().unwrap_or("");
            let subject = Subject {
                chip: chip.map_or("", |c| &c.id),
                generation: chip.map_or(case.device.silicon.as_str(), |c| &c.generation),
                network: &name,
                family: &family,
                kind: if part.name.is_empty() { kind } else { part.name },
                engine,
                format: precision.format_name(build.format),
            };
            let (effect, knowledge) = fit.effects.on(&subject);
            let device = if measured_here { knowledge.device } else { DeviceKnown::Nothing };
            let knowledge = Knowledge { device, ..knowledge };
            let roofline = fit
                .law
                .time(part, constants.activations(part, kind), build.bytes, precision, rates)
                .ok_or(NoEstimate::Unknown("the speed of this engine in this format"))?;
            time += f64::from(part.runs) * roofline.0 * effect.exp();
            half_width = half_width.max(constants.half_width(fit, knowledge));
            basis = basis.max(basis_of(knowledge));
        }
        let factor = (half_width * interpolate(&constants.shape, self.confidence.as_f64())).exp();
        let estimate = Estimate {
            size: Size::of(network, parameters),
            format: build.place as u8,
            measured: basis == Basis::Measured,
            times: [time, time / factor, time * factor],
        };
        Ok((estimate, basis))
    }
}

/// What an engine computes in: OpenVINO's GPU plugin runs 32-bit networks in 16 bits unless told otherwise
/// (`INFERENCE_PRECISION_HINT`).
fn computed_in(engine: &str, backend: Backend, asked: Precision) -> Precision {
    let halves = engine == "openvino" && !matches!(backend, Backend::Cpu | Backend::Npu);
    if halves && asked == Precision::Single { Precision::Half } else { asked }
}

/// The engine's name in the measurements: what a vendor ships under two names counts as one.
fn engine_name(engine_id: &str) -> &str {
    if engine_id == "hailo-genai" { "hailort" } else { engine_id }
}

/// The name of a part in the measurements: the network's id alone when it has one part.
#[must_use]
pub fn part_name(network: &str, part: &str) -> String {
    if part.is_empty() { network.to_owned() } else { format!("{network}/{part}") }
}

const fn basis_of(knowledge: Knowledge) -> Basis {
    match (knowledge.device, knowledge.network) {
        (DeviceKnown::Chip, NetworkKnown::Measured) => Basis::Measured,
        (DeviceKnown::Chip, _) => Basis::Device,
        (DeviceKnown::Generation | DeviceKnown::Group, _) => Basis::Class,
        (DeviceKnown::Nothing, _) => Basis::Roofline,
    }
}
