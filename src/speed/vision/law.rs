//! The roofline under every estimate: a fixed cost, arithmetic at a share of the peak, data at a share of the bandwidth.
//!
//! ```text
//! time = overhead x (reference rate / rate)^k  +  operations / (efficiency x rate)  +  bytes / (share x data rate)
//! ```
//!
//! Its constants are fitted per group of engines and precision by `examples/calibrate_vision`; what single devices and
//! networks deviate from it is told by [`super::effects`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::parts::Part;
use crate::domain::{Backend, PowerMode, Precision};
use crate::units::Seconds;

/// What the chip offers to a graph.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Operations per second at the precision asked for.
    pub compute: f64,
    /// Bytes per second of memory; absent when unknown or when there is no memory beside the chip.
    pub bandwidth: Option<f64>,
}

/// Share of the half-precision rate that matrix units reach in single precision where they have a reduced format for it
/// (TF32 on NVIDIA since Ampere: NVIDIA's data sheets give half of the FP16 rate).
const REDUCED_SINGLE: f64 = 0.5;

/// Single-precision operations of one core in one cycle: two multiply-adds on four elements each (Cortex-A76, A78).
const OPERATIONS_PER_CYCLE: f64 = 16.0;

/// Where the catalog does not say how many cores there are, bandwidth stands for the size of the machine: four Cortex-A76 at
/// 2.4 GHz (153.6 GFLOPS) on 17.1 GB/s, the CPU with most measurements.
const CPU_OPERATIONS_PER_BYTE: f64 = 9.0;

impl Rates {
    /// The rates of a device in a mode. `reduced_single` says whether its matrix units take 32-bit inputs.
    ///
    /// Absent when the catalog has no rate from which this one follows.
    #[must_use]
    pub fn of(mode: &PowerMode, backend: Backend, precision: Precision, reduced_single: bool) -> Option<Self> {
        let bandwidth = mode.bandwidth.map(|b| b.0).filter(|&b| b > 0.0);
        let [half, single, eight] =
            [mode.compute.fp16, mode.compute.fp32, mode.compute.int8.or(mode.compute.fp8)].map(|r| r.map(|r| r.0));
        let compute = match (backend, precision) {
            (Backend::Cpu, _) => {
                let of_cores = |(cores, mhz)| f64::from(cores) * f64::from(mhz) * 1e6 * OPERATIONS_PER_CYCLE;
                mode.cpu.map(of_cores).or_else(|| bandwidth.map(|b| b * CPU_OPERATIONS_PER_BYTE))
            }
            (_, Precision::Eight) => eight.or_else(|| half.map(|h| 2.0 * h)).or(single),
            (Backend::Npu, Precision::Half | Precision::Mixed) => eight.map(|e| e / 2.0).or(half),
            (_, Precision::Half | Precision::Mixed) => half.or(single),
            (_, Precision::Single) if reduced_single => half.map(|h| h * REDUCED_SINGLE).or(single),
            (_, Precision::Single) => single.or_else(|| half.map(|h| h / 2.0)),
        }?;
        (compute > 0.0).then_some(Self { compute, bandwidth })
    }
}

/// Where layer outputs and weights stream from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    /// Memory: its bandwidth counts.
    #[default]
    Memory,
    /// Memory on the chip, which grows with its arithmetic.
    Chip,
}

/// The constants of one precision.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constants {
    /// Fixed time of a graph, or of a layer where the law says so, at the reference rate.
    pub overhead: Seconds,
    /// Share of the peak rate that arithmetic reaches.
    pub efficiency: f64,
}

/// The roofline of one group of engines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Law {
    /// By precision.
    pub precisions: BTreeMap<Precision, Constants>,
    /// Rate at which the overheads hold, in operations per second.
    pub reference: f64,
    /// How fast overheads shrink with the rate: 0 not at all, 1 in proportion.
    pub overhead_exponent: f64,
    /// Whether the overhead is paid per layer.
    #[serde(default)]
    pub per_layer: bool,
    /// Where data stream from.
    pub stream: Stream,
    /// Share of the bandwidth that data reach, or bytes per operation of the chip's rate.
    pub data_share: f64,
}

impl Law {
    /// The constants of a precision, or of the nearest one that was measured: rates already tell precisions apart.
    fn constants(&self, precision: Precision) -> Option<&Constants> {
        let distance = |p: Precision| (p as i32 - precision as i32).abs();
        self.precisions.iter().min_by_key(|&(&p, _)| (distance(p), p)).map(|(_, c)| c)
    }

    /// Time of one run of a part, `activations` elements written and `weight_bytes` bytes read per weight; absent when the
    /// law has no constants at all.
    #[must_use]
    pub fn time(
        &self,
        part: &Part,
        activations: f64,
        weight_bytes: f64,
        precision: Precision,
        rates: Rates,
    ) -> Option<Seconds> {
        let constants = self.constants(precision)?;
        let steps = if self.per_layer { f64::from(part.layers) } else { 1.0 };
        let overhead = constants.overhead.0 * steps * (self.reference / rates.compute).powf(self.overhead_exponent);
        let arithmetic = part.operations / (constants.efficiency * rates.compute);
        let bytes = activations * precision.activation_bytes() + part.weights * weight_bytes;
        let data_rate = match self.stream {
            Stream::Memory => rates.bandwidth,
            Stream::Chip => Some(rates.compute),
        };
        let data = data_rate.map_or(0.0, |rate| bytes / (self.data_share * rate));
        Some(Seconds(overhead + arithmetic + data))
    }
}
