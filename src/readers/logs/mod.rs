//! What a device's own logs say: those of inference engines, of the system's tools, and of `/proc`.
//!
//! Pure functions of text. A log is data from outside: lines that are not understood are passed over, numbers that are
//! absurd are not believed. Colours are taken out first. One file for each program.

mod llama_cpp;
mod mlx;
mod ollama;
mod sglang;
mod system;
mod tensorrt_llm;
mod vllm;

use std::borrow::Cow;

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
    /// Cache and state together, where the program does not tell them apart.
    Context,
    /// Compute buffer.
    Compute,
    /// Output buffer.
    Output,
    /// Everything that the engine allocated, at its peak: weights, cache and buffers.
    Allocated,
    /// The whole process at its peak.
    Process,
    /// Everything in use on the device at its peak, what was swapped out included.
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
            Self::Context => "context",
            Self::Compute => "compute",
            Self::Output => "output",
            Self::Allocated => "allocated",
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

/// A kind of log that is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// The program that writes it: what [`Observed::sources`] says.
    pub source: &'static str,
    /// The id of the engine whose memory it tells; absent for tools of the system.
    pub engine: Option<&'static str>,
    /// How to make it write sizes.
    pub how: &'static str,
    /// Part of a line that tells the kind.
    pub line: &'static str,
}

/// Every kind of log that is understood.
pub const FORMS: [Form; 12] = [
    llama_cpp::FORM,
    ollama::FORM,
    vllm::FORM,
    sglang::FORM,
    tensorrt_llm::FORM,
    mlx::FORM,
    system::TEGRASTATS,
    system::NVIDIA_SMI,
    system::PROC,
    system::FOOTPRINT,
    system::TIME,
    system::VMMAP,
];

/// Everything that a log says about memory and speed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    /// What kinds of line were recognised: the sources of [`FORMS`].
    pub sources: Vec<&'static str>,
    /// Buffers and readings; for llama.cpp those of the last context in the log.
    pub readings: Vec<Reading>,
    /// Buffers of contexts that llama.cpp made before the last one: shown, not compared.
    pub earlier: Vec<Reading>,
    /// Total memory that the log reports, in MiB.
    pub total_mib: Option<f64>,
    /// Most that was swapped out, in MiB: counted as in use.
    pub swapped_mib: f64,
    /// Decoded tokens per second of one stream.
    pub decode_tok_s: Option<f64>,
    /// Prompt tokens per second.
    pub prefill_tok_s: Option<f64>,
    /// Settings that llama.cpp prints (`n_ctx`, `n_seq_max`, `n_ubatch`, `flash_attn`).
    pub settings: Vec<(String, String)>,
    /// llama.cpp wrote this log, but without sizes.
    pub too_quiet: bool,
    /// The first line, counted from 1, of a known kind whose number cannot be.
    pub unbelievable: Option<usize>,
}

impl Observed {
    /// The sum of the readings of a part; absent when the log does not show it.
    #[must_use]
    pub fn sum(&self, part: Part) -> Option<Bytes> {
        let mib: f64 = self.readings.iter().filter(|r| r.part == part).map(|r| r.mib).sum();
        self.readings.iter().any(|r| r.part == part).then(|| Bytes((mib * MIB as f64).round() as u64))
    }

    /// Whether nothing was found that could be compared with an estimate.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.readings.is_empty() && self.decode_tok_s.is_none() && self.prefill_tok_s.is_none()
    }

    fn source(&mut self, form: Form) {
        if !self.sources.contains(&form.source) {
            self.sources.push(form.source);
        }
    }

    /// Keeps the largest of repeated readings of one name.
    fn peak(&mut self, part: Part, buffer: &str, mib: f64) {
        match self.readings.iter_mut().find(|r| r.part == part && r.buffer == buffer) {
            Some(reading) => reading.mib = reading.mib.max(mib),
            None => self.add(part, buffer, mib),
        }
    }

    fn add(&mut self, part: Part, buffer: &str, mib: f64) {
        if self.readings.len() < MAX_READINGS {
            self.readings.push(Reading { part, buffer: buffer.to_owned(), mib });
        }
    }
}

/// Largest figure that is believed, in MiB: a pebibyte.
const MAX_MIB: f64 = 1e9;

/// No program has as many buffers in all its contexts; more is no log.
const MAX_READINGS: usize = 10_000;

/// What is carried from line to line.
#[derive(Default)]
struct Reader {
    observed: Observed,
    /// Whether llama.cpp wrote anything.
    llama: bool,
    /// The last table of llama.cpp's memory.
    breakdown: Vec<Reading>,
    /// What Ollama expected before it loaded.
    expected: Vec<Reading>,
    /// The process that macOS's `footprint` is telling about.
    process: String,
}

/// A kind of line that a reader may know.
enum Line {
    /// It is of another kind.
    Other,
    /// It was read, or says nothing of interest.
    Read,
    /// It is of this kind, but its number cannot be.
    Unbelievable,
}

impl From<bool> for Line {
    fn from(read: bool) -> Self {
        if read { Self::Read } else { Self::Other }
    }
}

/// Reads a log of any of the known kinds, mixed ones too.
#[must_use]
pub fn parse(text: &str) -> Observed {
    let mut reader = Reader::default();
    let kinds: [fn(&mut Reader, &str) -> Line; 8] = [
        llama_cpp::line,
        ollama::line,
        vllm::line,
        sglang::line,
        tensorrt_llm::line,
        mlx::line,
        system::tool,
        system::process,
    ];
    for (number, line) in text.lines().enumerate() {
        let line = without_colours(line);
        for kind in kinds {
            match kind(&mut reader, &line) {
                Line::Other => continue,
                Line::Read => {}
                Line::Unbelievable => {
                    reader.observed.unbelievable.get_or_insert(number + 1);
                }
            }
            break;
        }
    }
    finish(reader)
}

fn finish(reader: Reader) -> Observed {
    let Reader { mut observed, llama, breakdown, expected, .. } = reader;
    let sized = |o: &Observed| o.readings.iter().any(|r| matches!(r.part, Part::Weights | Part::Compute));
    // The same buffers stand in llama.cpp's table again, rounded; what Ollama expected is no measurement beside one.
    for instead in [breakdown, expected] {
        if !sized(&observed) {
            observed.readings.extend(instead);
        }
    }
    observed.too_quiet = llama && !sized(&observed);
    // Passes that only measure print sizes of zero beside the real ones.
    observed.readings.retain(|r| r.mib > 0.0);
    observed
}

/// The line without the sequences that colour it on a terminal: ESC, `[`, parameters, a letter.
fn without_colours(line: &str) -> Cow<'_, str> {
    if !line.contains('\u{1b}') {
        return Cow::Borrowed(line);
    }
    let mut plain = String::with_capacity(line.len());
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        if c != '\u{1b}' {
            plain.push(c);
        } else if rest.next() == Some('[') {
            // Ends with the first character of the range that ECMA-48 keeps for it.
            rest.by_ref().find(|c| ('\u{40}'..='\u{7e}').contains(c));
        }
    }
    Cow::Owned(plain)
}

/// A number of MiB that can be.
fn figure(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|n| n.is_finite() && (0.0..=MAX_MIB).contains(n))
}

/// `12.66 GiB`, `190MiB`, `512 KiB`, `4096 B` in MiB. `decimal` is the number of bytes of a program's `MB`: some say MB and
/// mean MiB.
fn size(text: &str, decimal: Decimal) -> Option<f64> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let unit: String = text[end..].trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    let step: f64 = match (unit.len(), decimal) {
        (3, _) | (2, Decimal::Binary) | (1, _) => 1024.0,
        _ => 1000.0,
    };
    let power = match unit.to_ascii_uppercase().as_str() {
        "B" | "BYTES" => 0,
        "KB" | "KIB" | "K" => 1,
        "MB" | "MIB" | "M" => 2,
        "GB" | "GIB" | "G" => 3,
        "TB" | "TIB" | "T" => 4,
        _ => return None,
    };
    let number = text[..end].parse::<f64>().ok()?;
    Some(number * step.powi(power) / MIB as f64).filter(|n| n.is_finite() && (0.0..=MAX_MIB).contains(n))
}

/// What a program means by kB, MB and GB.
#[derive(Clone, Copy)]
enum Decimal {
    /// Powers of 1000.
    Decimal,
    /// Powers of 1024, whatever the name.
    Binary,
}

/// What stands after a word, up to the end of the line.
fn after<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    line.split_once(word).map(|(_, rest)| rest)
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
