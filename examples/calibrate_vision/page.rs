//! `docs/accuracy-vision.md`: what the estimates are worth, from measurements that they were not allowed to see.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use edgemem::speed::vision::{Constants, Group};

use super::evaluate::{Miss, Withheld};
use super::stats::median;

const INTRODUCTION: &str = "# How good the vision and speech estimates are

Written by `cargo run --release --example calibrate_vision` from `catalogs/measurements/vision.csv` (which names the source \
of every row); a test fails when the code does worse than this page says.

## How an estimate is made

    time = ( overhead x (reference rate / rate)^k  +  operations / (efficiency x rate)  +  bytes / (share x data rate) )
           x exp( sum of effects )

The first line is a roofline with constants per group of engines and precision (`src/speed/vision/law.rs`). Effects \
(`src/speed/vision/effects.rs`) are what measurements with something in common deviate from it together: the chip, its \
generation, the network, its family and kind, the build (engine and format), and pairs of these. They are the mean of a \
Gaussian process that is drawn to zero where nothing was measured: a network that was measured on the device is answered \
with its measurement, one that was measured elsewhere with the roofline corrected by what is known of both. One speech \
inference is the encoder once and 100 runs of the decoder. Of several builds that a question cannot tell apart (with and \
without flash attention, PyTorch and TorchScript) the fastest counts.

The range is the median times and over `exp(w)`, where `w` adds in squares what left-out measurements of that kind of \
device and that kind of network were missed by, at the confidence asked for.

## What the figures say

Every figure below is about measurements that the estimate was not allowed to see: each heading says what was withheld \
before the effects (and for devices, networks and families the law too) were fitted again. *Median error* and *mean \
error* are of the time of one inference (one run of encoder or decoder for speech), *inside* is the share of \
measurements inside the 90 % range, *promised too much* the share that is slower than the range's slow end, *width* the \
median of slow end over fast end. The *naive* rule divides the operations by the device's peak rate.

";

struct Line {
    name: String,
    count: usize,
    devices: usize,
    networks: usize,
    median: f64,
    mean: f64,
    inside: f64,
    too_much: f64,
    width: f64,
    naive: Option<f64>,
}

fn line(name: String, misses: &[&Miss<'_>], constants: &Constants) -> Line {
    // The error of the estimate in per cent of the measured time.
    let error = |m: &Miss<'_>| ((-m.miss).exp() - 1.0).abs();
    let half_width =
        |m: &Miss<'_>| constants.groups.get(&m.group).map_or(f64::NAN, |fit| constants.half_width(fit, m.knowledge));
    let count = misses.len() as f64;
    let share = |f: &dyn Fn(&Miss<'_>) -> bool| misses.iter().filter(|m| f(m)).count() as f64 / count;
    let mut naive: Vec<f64> = misses
        .iter()
        .filter_map(|m| {
            let o = m.observation;
            Some((o.part.operations / o.rates?.compute / o.seconds - 1.0).abs())
        })
        .filter(|_| !misses.iter().any(|m| m.group == Group::Cpu))
        .collect();
    Line {
        name,
        count: misses.len(),
        devices: misses.iter().map(|m| &m.observation.chip).collect::<BTreeSet<_>>().len(),
        networks: misses.iter().map(|m| &m.observation.network).collect::<BTreeSet<_>>().len(),
        median: median(&mut misses.iter().map(|m| error(m)).collect::<Vec<_>>()),
        mean: misses.iter().map(|m| error(m)).sum::<f64>() / count,
        inside: share(&|m| m.miss.abs() <= half_width(m)),
        too_much: share(&|m| m.miss > half_width(m)),
        width: median(&mut misses.iter().map(|m| (2.0 * half_width(m)).exp()).collect::<Vec<_>>()),
        naive: (!naive.is_empty()).then(|| median(&mut naive)),
    }
}

fn table(out: &mut String, lines: &[Line]) {
    out.push_str(
        "| | cases | devices | networks | median error | mean error | inside | promised too much | width | naive |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for l in lines {
        let percent = |x: f64| format!("{:.0} %", x * 100.0);
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {:.1} | {} |",
            l.name,
            l.count,
            l.devices,
            l.networks,
            percent(l.median),
            percent(l.mean),
            percent(l.inside),
            percent(l.too_much),
            l.width,
            l.naive.map_or_else(String::new, percent),
        );
    }
    out.push('\n');
}

/// What readers call a group.
const fn group_name(group: Group) -> &'static str {
    match group {
        Group::Hailo => "Hailo, HailoRT",
        Group::Rockchip => "Rockchip NPU, RKNN",
        Group::Hexagon => "Qualcomm Hexagon; QNN, LiteRT, ONNX Runtime",
        Group::Npu => "other NPUs",
        Group::Cuda => "NVIDIA GPU; TensorRT, ONNX Runtime, PyTorch",
        Group::Cpu => "CPU",
        Group::WhisperCuda => "whisper.cpp on NVIDIA GPUs",
        Group::WhisperMetal => "whisper.cpp on Apple GPUs",
    }
}

pub(crate) fn write(path: &Path, misses: &[Miss<'_>], constants: &Constants) -> Result<(), String> {
    let mut out = INTRODUCTION.to_owned();
    for withheld in Withheld::ALL {
        let of_scheme: Vec<&Miss<'_>> = misses.iter().filter(|m| m.withheld == withheld).collect();
        if of_scheme.is_empty() {
            continue;
        }
        let _ = write!(out, "## Withheld: {}\n\n", withheld.name());
        let mut lines = Vec::new();
        for &group in constants.groups.keys() {
            let own: Vec<&Miss<'_>> = of_scheme.iter().copied().filter(|m| m.group == group).collect();
            if !own.is_empty() {
                lines.push(line(group_name(group).to_owned(), &own, constants));
            }
        }
        lines.push(line("all".to_owned(), &of_scheme, constants));
        table(&mut out, &lines);
    }
    out.push_str("## The worst\n\nWith the network withheld on the device that is asked about:\n\n");
    out.push_str("| device | network | engine | format | measured ms | estimated ms |\n|---|---|---|---|---:|---:|\n");
    let mut worst: Vec<&Miss<'_>> = misses.iter().filter(|m| m.withheld == Withheld::NetworkOnDevice).collect();
    worst.sort_by(|a, b| b.miss.abs().total_cmp(&a.miss.abs()));
    for m in worst.iter().take(15) {
        let o = m.observation;
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {:.2} | {:.2} |",
            o.chip,
            o.network,
            o.engine,
            o.format,
            o.seconds * 1e3,
            o.seconds * 1e3 * (-m.miss).exp(),
        );
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    std::fs::write(path, out).map_err(|e| format!("{}: {e}", path.display()))
}
