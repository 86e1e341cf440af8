//! What a device's own logs say: llama.cpp, tegrastats, nvidia-smi, `/proc`.
//!
//! Pure functions of text. A log is data from outside: lines that are not understood are passed over, numbers that are
//! absurd are not believed.

use crate::units::{Bytes, MIB};

/// A part of memory that a log can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Weights.
    Weights,
    /// Key-value cache.
    KvCache,
    /// Recurrent state.
    State,
    /// Compute buffer.
    Compute,
    /// Output buffer.
    Output,
    /// The whole process at its peak.
    Process,
    /// Everything in use on the device at its peak.
    InUse,
    /// In use before the workload started.
    Before,
}

impl Part {
    /// The key in JSON and the word in tables.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Weights => "weights",
            Self::KvCache => "kv_cache",
            Self::State => "state",
            Self::Compute => "compute",
            Self::Output => "output",
            Self::Process => "process",
            Self::InUse => "in_use",
            Self::Before => "before",
        }
    }
}

/// One buffer or reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// What it is part of.
    pub part: Part,
    /// The log's own name for it (`CPU_Mapped`, `CUDA0`, `RAM`, `VmHWM`).
    pub buffer: String,
    /// The figure in MiB as the log prints it.
    pub mib: f64,
}

impl Reading {
    /// In bytes, as exact as the log prints it.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        Bytes((self.mib * MIB as f64).round() as u64)
    }
}

/// Everything that a log says about memory and speed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    /// What kinds of line were recognised (`llama.cpp`, `tegrastats`, ...).
    pub sources: Vec<&'static str>,
    /// Buffers and readings; for llama.cpp those of the last context in the log.
    pub readings: Vec<Reading>,
    /// Buffers of contexts that llama.cpp made before the last one: shown, not compared.
    pub earlier: Vec<Reading>,
    /// Total memory that the log reports, in MiB.
    pub total_mib: Option<f64>,
    /// Decoded tokens per second of one stream.
    pub decode_tok_s: Option<f64>,
    /// Prompt tokens per second.
    pub prefill_tok_s: Option<f64>,
    /// Settings that llama.cpp prints (`n_ctx`, `n_seq_max`, `n_ubatch`, `flash_attn`).
    pub settings: Vec<(String, String)>,
    /// llama.cpp wrote this log, but without sizes: its default verbosity prints none.
    pub too_quiet: bool,
}

impl Observed {
    /// The sum of the readings of a part; absent when the log does not show it.
    #[must_use]
    pub fn sum(&self, part: Part) -> Option<Bytes> {
        let mib: f64 = self.readings.iter().filter(|r| r.part == part).map(|r| r.mib).sum();
        self.readings.iter().any(|r| r.part == part).then(|| Bytes((mib * MIB as f64).round() as u64))
    }

    fn source(&mut self, name: &'static str) {
        if !self.sources.contains(&name) {
            self.sources.push(name);
        }
    }

    /// Keeps the largest of repeated readings of one name.
    fn peak(&mut self, part: Part, buffer: &str, mib: f64) {
        match self.readings.iter_mut().find(|r| r.part == part && r.buffer == buffer) {
            Some(reading) => reading.mib = reading.mib.max(mib),
            None => self.readings.push(Reading { part, buffer: buffer.to_owned(), mib }),
        }
    }
}

/// Largest figure that is believed, in MiB: a pebibyte.
const MAX_MIB: f64 = 1e9;

/// Reads a log of any of the known kinds, mixed ones too.
#[must_use]
pub fn parse(text: &str) -> Observed {
    let mut observed = Observed::default();
    let mut llama = false;
    for line in text.lines() {
        llama |= line.contains("llama_") || line.contains("llama backend");
        if !llama_buffer(&mut observed, line)
            && !llama_setting(&mut observed, line)
            && !llama_speed(&mut observed, line)
            && !tegrastats(&mut observed, line)
            && !proc_status(&mut observed, line)
        {
            nvidia_smi(&mut observed, line);
        }
    }
    let sized = observed.readings.iter().any(|r| matches!(r.part, Part::Weights | Part::Compute));
    observed.too_quiet = llama && !sized;
    // Passes that only measure print sizes of zero beside the real ones.
    observed.readings.retain(|r| r.mib > 0.0);
    observed
}

/// `load_tensors:   CPU_Mapped model buffer size =   373.71 MiB` and its kin; the words before the colon changed with
/// llama.cpp's versions, those after it did not.
fn llama_buffer(observed: &mut Observed, line: &str) -> bool {
    const KINDS: [(&str, Part); 5] = [
        (" model buffer size =", Part::Weights),
        (" KV buffer size =", Part::KvCache),
        (" RS buffer size =", Part::State),
        (" compute buffer size =", Part::Compute),
        (" output buffer size =", Part::Output),
    ];
    let Some((kind, part, at)) = KINDS.iter().find_map(|(kind, part)| line.find(kind).map(|at| (*kind, *part, at)))
    else {
        return false;
    };
    let buffer = line[..at].split_whitespace().next_back().unwrap_or("");
    let Some(mib) = line[at + kind.len()..].trim().strip_suffix("MiB").and_then(|n| figure(n.trim())) else {
        return false;
    };
    observed.source("llama.cpp");
    observed.readings.push(Reading { part, buffer: buffer.to_owned(), mib });
    true
}

/// `llama_context: n_seq_max             = 4`: the first of them begins a new context, whose buffers replace the last one's.
fn llama_setting(observed: &mut Observed, line: &str) -> bool {
    let Some((_, rest)) = line.split_once("llama_context: ") else { return false };
    let Some((name, value)) = rest.split_once('=') else { return false };
    let (name, value) = (name.trim(), value.trim());
    if name == "n_seq_max" {
        let of_context = |r: &Reading| matches!(r.part, Part::KvCache | Part::State | Part::Compute | Part::Output);
        let (earlier, kept) = std::mem::take(&mut observed.readings).into_iter().partition(of_context);
        observed.readings = kept;
        observed.earlier.extend::<Vec<_>>(earlier);
        observed.settings.clear();
    }
    if matches!(name, "n_seq_max" | "n_ctx" | "n_batch" | "n_ubatch" | "flash_attn") {
        observed.settings.push((name.to_owned(), value.to_owned()));
    }
    true
}

/// `eval time =  467.08 ms /  10 runs  (  46.71 ms per token,  21.41 tokens per second)`.
fn llama_speed(observed: &mut Observed, line: &str) -> bool {
    let Some((before, after)) = line.split_once("eval time =") else { return false };
    let rate = after
        .rsplit_once(" tokens per second")
        .and_then(|(text, _)| text.split([',', ' ']).rfind(|t| !t.is_empty()))
        .and_then(figure);
    let Some(rate) = rate.filter(|r| *r > 0.0) else { return true };
    if before.trim_end().ends_with("prompt") {
        observed.prefill_tok_s = Some(rate);
    } else {
        observed.decode_tok_s = Some(rate);
    }
    true
}

/// `RAM 1488/7620MB (lfb 1x4MB) SWAP 0/3810MB ...`: MB are MiB here. The first reading is what was in use before.
fn tegrastats(observed: &mut Observed, line: &str) -> bool {
    let Some((_, rest)) = line.split_once("RAM ") else { return false };
    let Some((used, rest)) = rest.split_once('/') else { return false };
    let Some((total, _)) = rest.split_once("MB") else { return false };
    let (Some(used), Some(total)) = (figure(used.trim()), figure(total.trim())) else { return false };
    observed.source("tegrastats");
    record_use(observed, "RAM", used, total);
    true
}

/// `2026/11/01 10:00:00.000, 1234 MiB, 24564 MiB, ...` of `--query-gpu ... --format=csv`, or `|  1234MiB / 24564MiB |` of
/// the plain table. Of a query the first two sizes are taken for memory used and total, as `memory.used,memory.total`.
fn nvidia_smi(observed: &mut Observed, line: &str) -> bool {
    let sizes: Vec<f64> = line
        .split(['|', ',', '/'])
        .filter_map(|cell| cell.split_whitespace().collect::<String>().strip_suffix("MiB").and_then(figure))
        .collect();
    let plain = line.trim_start().starts_with('|') && line.contains("MiB /");
    let query = line.contains(',') && !line.contains('|');
    if sizes.len() < 2 || !(plain || query) {
        return false;
    }
    observed.source("nvidia-smi");
    let (used, total) = if sizes[0] <= sizes[1] { (sizes[0], sizes[1]) } else { (sizes[1], sizes[0]) };
    record_use(observed, "memory.used", used, total);
    true
}

/// `VmHWM:  123456 kB` (kB are KiB) of `/proc/PID/status`, and GNU time's `Maximum resident set size (kbytes): 123456`.
fn proc_status(observed: &mut Observed, line: &str) -> bool {
    let kib = |text: &str| figure(text.trim().trim_end_matches("kB").trim()).map(|k| k / 1024.0);
    for name in ["VmHWM", "VmRSS"] {
        if let Some(mib) = line.trim().strip_prefix(name).and_then(|r| r.trim_start().strip_prefix(':')).and_then(kib) {
            observed.source("/proc");
            observed.peak(Part::Process, "resident", mib);
            return true;
        }
    }
    if let Some((_, rest)) = line.split_once("Maximum resident set size (kbytes):")
        && let Some(mib) = kib(rest)
    {
        observed.source("/proc");
        observed.peak(Part::Process, "resident", mib);
        return true;
    }
    false
}

fn record_use(observed: &mut Observed, name: &str, used: f64, total: f64) {
    if !observed.readings.iter().any(|r| r.part == Part::Before) {
        observed.readings.push(Reading { part: Part::Before, buffer: name.to_owned(), mib: used });
    }
    observed.peak(Part::InUse, name, used);
    observed.total_mib = Some(total);
}

fn figure(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|n| n.is_finite() && (0.0..=MAX_MIB).contains(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mib(observed: &Observed, part: Part) -> f64 {
        observed.readings.iter().filter(|r| r.part == part).map(|r| r.mib).sum()
    }

    #[test]
    fn the_last_context_of_a_llama_log_counts_and_its_caches_add_up() {
        let log = "\
0.1 I load_tensors:   CPU_Mapped model buffer size =   373.71 MiB
0.1 I load_tensors:   CPU_REPACK model buffer size =    28.05 MiB
llama_context: n_seq_max             = 1
llama_context:        CPU  output buffer size =     0.58 MiB
llama_kv_cache:        CPU KV buffer size =    10.00 MiB
sched_reserve:        CPU compute buffer size =   200.00 MiB
llama_context: n_seq_max             = 4
llama_context: n_ctx                 = 4096
llama_context:        CPU  output buffer size =     2.32 MiB
llama_kv_cache:        CPU KV buffer size =    25.50 MiB
llama_kv_cache:        CPU KV buffer size =     4.50 MiB
llama_memory_recurrent:        CPU RS buffer size =    55.37 MiB
sched_reserve:        CPU compute buffer size =   300.25 MiB
common_perf_print: prompt eval time =    1330.69 ms /    11 tokens (  120.97 ms per token,     8.27 tokens per second)
common_perf_print:        eval time =     467.08 ms /     1 runs   (  467.08 ms per token,     2.14 tokens per second)
";
        let observed = parse(log);
        assert!((mib(&observed, Part::Weights) - 401.76).abs() < 1e-9);
        assert!((mib(&observed, Part::KvCache) - 30.0).abs() < 1e-9);
        assert!((mib(&observed, Part::State) - 55.37).abs() < 1e-9);
        assert!((mib(&observed, Part::Compute) - 300.25).abs() < 1e-9);
        assert!((mib(&observed, Part::Output) - 2.32).abs() < 1e-9);
        assert_eq!(observed.earlier.iter().map(|r| r.mib).collect::<Vec<_>>(), [0.58, 10.0, 200.0]);
        assert_eq!((observed.prefill_tok_s, observed.decode_tok_s), (Some(8.27), Some(2.14)));
        assert_eq!(observed.settings[0], ("n_seq_max".to_owned(), "4".to_owned()));
        assert!(!observed.too_quiet);
    }

    #[test]
    fn system_tools_give_peak_and_starting_point() {
        let tegra = "RAM 1488/7620MB (lfb 1x4MB) SWAP 0/3810MB\nRAM 5321/7620MB (lfb 1x4MB)\nRAM 4000/7620MB\n";
        let observed = parse(tegra);
        assert_eq!((mib(&observed, Part::Before), mib(&observed, Part::InUse)), (1488.0, 5321.0));
        let query = "timestamp, memory.used [MiB], memory.total [MiB]\n2026/11/01 10:00:00.000, 12 MiB, 24564 MiB\n2026/11/01 10:00:01.000, 9001 MiB, 24564 MiB\n";
        let observed = parse(query);
        assert_eq!((mib(&observed, Part::InUse), observed.total_mib), (9001.0, Some(24564.0)));
        let plain = "| 30%   45C    P2    60W / 450W |   9001MiB / 24564MiB |     97%      Default |\n";
        assert_eq!(mib(&parse(plain), Part::InUse), 9001.0);
        assert_eq!(mib(&parse("VmRSS:\t 1024 kB\nVmHWM:\t 2048 kB\n"), Part::Process), 2.0);
    }

    #[test]
    fn a_log_without_sizes_is_recognised() {
        assert!(parse("0.00 I llama_completion: llama backend init\n").too_quiet);
        assert!(!parse("nothing of interest\n").too_quiet);
    }
}
