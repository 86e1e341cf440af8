//! By what a measurement may speak for a question: the same device, the same silicon, the same engine, the same model.
//!
//! Every constant has a name made of words joined by `|`. The words are hashed as they stand, without building the text,
//! because an estimate looks up some twenty names and must cost about a microsecond.

use super::law::Figures;
use crate::domain::{Backend, Device, Engine, FeedForward, Format, MemoryKind, Mixer, Model, PowerMode, Runtime};

/// What executes, as far as efficiency is alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Processor {
    /// The cores of the CPU.
    Cpu,
    /// A graphics processor on the CPU's memory.
    UnifiedGpu,
    /// A graphics processor with memory of its own.
    DiscreteGpu,
    /// A neural processor.
    Npu,
}

impl Processor {
    /// What executes when `runtime` runs on a device with this kind of memory.
    #[must_use]
    pub const fn of(memory: MemoryKind, backend: Backend) -> Self {
        match (backend, memory) {
            (Backend::Cpu, _) => Self::Cpu,
            (Backend::Npu, _) => Self::Npu,
            (_, MemoryKind::Unified) => Self::UnifiedGpu,
            (_, MemoryKind::Discrete) => Self::DiscreteGpu,
        }
    }

    const fn id(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::UnifiedGpu => "unified-gpu",
            Self::DiscreteGpu => "discrete-gpu",
            Self::Npu => "npu",
        }
    }
}

/// Formats whose kernels are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormatClass {
    /// 16 and 32 bits: no dequantisation.
    Plain,
    /// 8 bits, integers or floats.
    Eight,
    /// 4-bit floats with hardware support (NVFP4).
    Float4,
    /// MXFP4, as in gpt-oss files.
    Mx4,
    /// 4-bit integers of GPU and NPU engines.
    Int4,
    /// GGUF types of 5 and 6 bits.
    Gguf6,
    /// GGUF types of 4 bits.
    Gguf4,
    /// GGUF types of 3 bits and fewer.
    Gguf3,
}

impl FormatClass {
    /// The class of a format, by its name and its bits per weight.
    #[must_use]
    pub fn of(format: &Format) -> Self {
        let id = format.id.as_str();
        let Some(bits) = nominal_bits(format) else { return Self::Gguf4 };
        let gguf = matches!(format.kind, crate::domain::FormatKind::Gguf(_));
        match bits {
            _ if id.contains("nvfp4") => Self::Float4,
            _ if id.contains("mxfp4") => Self::Mx4,
            b if b > 12.0 => Self::Plain,
            b if b > 7.0 => Self::Eight,
            b if !gguf && b < 7.0 => Self::Int4,
            b if b > 5.0 => Self::Gguf6,
            b if b > 4.0 => Self::Gguf4,
            _ => Self::Gguf3,
        }
    }

    /// The class of bit widths in which a buyer compares: `3-bit`, `4-bit`, `5-6-bit`, `8-bit`, `16-bit`.
    #[must_use]
    pub const fn bits(self) -> &'static str {
        match self {
            Self::Plain => "16-bit",
            Self::Eight => "8-bit",
            Self::Gguf6 => "5-6-bit",
            Self::Float4 | Self::Mx4 | Self::Int4 | Self::Gguf4 => "4-bit",
            Self::Gguf3 => "3-bit",
        }
    }

    const fn id(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Eight => "eight",
            Self::Float4 => "float4",
            Self::Mx4 => "mx4",
            Self::Int4 => "int4",
            Self::Gguf6 => "gguf6",
            Self::Gguf4 => "gguf4",
            Self::Gguf3 => "gguf3",
        }
    }
}

/// Bits per weight that name a format's class; the digit after the letters of a GGUF type.
fn nominal_bits(format: &Format) -> Option<f64> {
    match format.kind {
        crate::domain::FormatKind::Uniform { bits, .. } => Some(bits),
        crate::domain::FormatKind::Gguf(_) => {
            let id = format.id.trim_start_matches("ud-");
            let digits: String =
                id.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
            digits.parse::<u32>().ok().map(|d| f64::from(d) + 0.5)
        }
    }
}

/// A device's silicon with the figures that set it apart from its kin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chip<'a> {
    silicon: &'a str,
    /// Bandwidth in MB/s and reference compute in Gops/s, of the mode with most of both; 0 when unknown.
    bandwidth: u64,
    compute: u64,
}

/// Everything about a question that decides which measurements speak for it.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    processor: Processor,
    chip: Chip<'a>,
    /// The engine; everything built on llama.cpp counts as one.
    engine: &'a str,
    runtime: &'a str,
    model: &'a str,
    family: &'a str,
    format: &'a str,
    format_class: FormatClass,
    experts: bool,
    recurrent: bool,
}

impl<'a> Subject<'a> {
    /// What the question is about; nothing for models without a language body.
    #[must_use]
    pub fn of(device: &'a Device, runtime: &'a Runtime, model: &'a Model, format: &'a Format) -> Option<Self> {
        let architecture = model.language()?;
        Some(Self {
            processor: Processor::of(device.memory_kind, runtime.backend),
            chip: Chip::of(device),
            engine: if runtime.engine == Engine::LlamaCpp { "llama.cpp" } else { &runtime.engine_id },
            runtime: &runtime.id,
            model: &model.id,
            family: &architecture.spec.family,
            format: &format.id,
            format_class: FormatClass::of(format),
            experts: architecture.layers.iter().any(|l| matches!(l.ffn, FeedForward::Moe(_))),
            recurrent: architecture
                .layers
                .iter()
                .any(|l| matches!(l.mixer, Mixer::Ssm(_) | Mixer::GatedDelta(_) | Mixer::Parallel(..))),
        })
    }

    /// The figures that the laws use, in this mode. `inferred` is the bandwidth that measurements imply for this chip; it
    /// stands in where the catalog knows none.
    #[must_use]
    pub fn figures(&self, mode: &PowerMode, inferred: impl Fn() -> Option<f64>) -> Option<Figures> {
        let bandwidth = mode.bandwidth.map(|b| b.0).filter(|&b| b > 0.0).or_else(inferred)?;
        let known = match self.processor {
            // The rates in the catalog are those of the accelerator.
            Processor::Cpu => None,
            Processor::Npu => {
                mode.compute.fp16.or_else(|| mode.compute.int8.map(|o| crate::units::OpsPerSecond(o.0 / 2.0)))
            }
            Processor::UnifiedGpu | Processor::DiscreteGpu => mode.compute.fp16.or(mode.compute.fp32),
        };
        let compute = known.map(|o| o.0).filter(|&o| o > 0.0).unwrap_or(bandwidth * OPS_PER_BYTE);
        Some(Figures { bandwidth, compute })
    }
}

/// Reference compute per byte of bandwidth where no rate is known: its share is fitted, so only the order matters.
const OPS_PER_BYTE: f64 = 10.0;

impl<'a> Chip<'a> {
    fn of(device: &'a Device) -> Self {
        let top =
            |figure: &dyn Fn(&PowerMode) -> Option<f64>| device.modes.iter().filter_map(figure).fold(0.0, f64::max);
        Self {
            silicon: &device.silicon,
            bandwidth: (top(&|m| m.bandwidth.map(|b| b.0)) / 1e6).round() as u64,
            compute: (top(&|m| m.compute.fp16.map(|o| o.0)) / 1e9).round() as u64,
        }
    }

    fn text(&self) -> String {
        format!("{} {} MB/s {} Gop/s", self.silicon, self.bandwidth, self.compute)
    }

    fn hash(&self, state: u64) -> u64 {
        let state = fnv(fnv(state, self.silicon.as_bytes()), b" ");
        let state = fnv(digits(state, self.bandwidth), b" MB/s ");
        fnv(digits(state, self.compute), b" Gop/s")
    }
}

/// Silicon of one maker and kind: what stands before the generation in the silicon's name (`apple-m4`, `nvidia-ada`,
/// `rk3588`).
fn kin(silicon: &str) -> &str {
    if silicon == "strix-halo" {
        return "amd";
    }
    let maker = silicon.split('-').next().unwrap_or(silicon);
    maker.trim_end_matches(|c: char| c.is_ascii_digit())
}

/// A word of a name.
#[derive(Debug, Clone, Copy)]
enum Word<'a> {
    Text(&'a str),
    Chip(Chip<'a>),
}

/// Most words in a name.
const WORDS: usize = 6;

/// The name of a constant, not yet spelt out.
#[derive(Debug, Clone, Copy)]
pub struct Name<'a> {
    words: [Word<'a>; WORDS],
    len: usize,
}

impl<'a> Name<'a> {
    fn new<const N: usize>(words: [Word<'a>; N]) -> Self {
        let mut all = [Word::Text(""); WORDS];
        all[..N].copy_from_slice(&words);
        Self { words: all, len: N }
    }

    /// The name as it stands in the calibration files.
    #[must_use]
    pub fn text(&self) -> String {
        let words = self.words[..self.len].iter().map(|word| match word {
            Word::Text(text) => (*text).to_owned(),
            Word::Chip(chip) => chip.text(),
        });
        itertools::join(words, "|")
    }

    /// The same number as [`hash`] gives for the text.
    #[must_use]
    pub fn hash(&self) -> u64 {
        let mut state = FNV_START;
        for (i, word) in self.words[..self.len].iter().enumerate() {
            if i > 0 {
                state = fnv(state, b"|");
            }
            state = match word {
                Word::Text(text) => fnv(state, text.as_bytes()),
                Word::Chip(chip) => chip.hash(state),
            };
        }
        state
    }
}

/// How a name speaks: which kind of deviation from the law it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each kind is explained by its name in `Subject::deviations`")]
pub enum Kind {
    Chip,
    ChipEngine,
    FormatEngine,
    FormatSilicon,
    Experts,
    Recurrent,
    Family,
    FamilySilicon,
    Model,
    ModelSilicon,
    Cell,
    CellFormat,
}

/// Number of kinds of deviation.
pub const KINDS: usize = 12;

impl<'a> Subject<'a> {
    /// Names of the decode laws that apply, the most general first; the last one that is known counts.
    #[must_use]
    pub fn decode_path(&self) -> [Name<'a>; 6] {
        use Word::Text;
        let (p, e, s, r) = (Text(self.processor.id()), Text(self.engine), Text(self.chip.silicon), Text(self.runtime));
        let k = Text(kin(self.chip.silicon));
        [
            Name::new([Text("all")]),
            Name::new([p]),
            Name::new([p, e]),
            Name::new([p, e, k]),
            Name::new([p, e, k, s]),
            Name::new([p, e, k, s, r]),
        ]
    }

    /// Names of the laws of prompts and of batches that apply, the most general first.
    #[must_use]
    pub fn prefill_path(&self) -> [Name<'a>; 7] {
        use Word::Text;
        let (p, e, s, r) = (Text(self.processor.id()), Text(self.engine), Text(self.chip.silicon), Text(self.runtime));
        let (f, k) = (Text(self.format_class.id()), Text(kin(self.chip.silicon)));
        [
            Name::new([Text("all")]),
            Name::new([p]),
            Name::new([p, e]),
            Name::new([p, e, f]),
            Name::new([p, e, f, k]),
            Name::new([p, e, f, k, s]),
            Name::new([p, e, f, k, s, r]),
        ]
    }

    /// Names of the measured deviations from the law, by kind; a kind that does not apply has none.
    #[must_use]
    pub fn deviations(&self) -> [(Kind, Option<Name<'a>>); KINDS] {
        use Word::Text;
        let (p, e, s, r) = (Text(self.processor.id()), Text(self.engine), Text(self.chip.silicon), Text(self.runtime));
        let (c, f, m, a) = (Word::Chip(self.chip), Text(self.format_class.id()), Text(self.model), Text(self.family));
        let routing = Text(if self.experts { "experts" } else { "dense" });
        let when = |applies: bool, name: Name<'a>| applies.then_some(name);
        [
            (Kind::Chip, Some(Name::new([Text("chip"), p, c]))),
            (Kind::ChipEngine, Some(self.device_name())),
            (Kind::FormatEngine, Some(Name::new([Text("format"), e, f, routing]))),
            (Kind::FormatSilicon, Some(Name::new([Text("format"), p, e, f, s]))),
            (Kind::Experts, when(self.experts, Name::new([Text("experts"), p, e, s]))),
            (Kind::Recurrent, when(self.recurrent, Name::new([Text("recurrent"), p, e, s]))),
            (Kind::Family, Some(Name::new([Text("family"), a]))),
            (Kind::FamilySilicon, Some(Name::new([Text("family"), p, e, a, s]))),
            (Kind::Model, Some(Name::new([Text("model"), m]))),
            (Kind::ModelSilicon, Some(Name::new([Text("model"), p, e, m, s]))),
            (Kind::Cell, Some(self.cell_name())),
            (Kind::CellFormat, Some(Name::new([Text("cell"), c, r, m, Text(self.format)]))),
        ]
    }

    /// The name that is known when the device was measured with this engine.
    #[must_use]
    pub fn device_name(&self) -> Name<'a> {
        let (p, e) = (Word::Text(self.processor.id()), Word::Text(self.engine));
        Name::new([Word::Text("chip"), p, Word::Chip(self.chip), e])
    }

    /// The name that is known when the model was measured on this device with this engine.
    #[must_use]
    pub fn cell_name(&self) -> Name<'a> {
        let (p, e, m) = (Word::Text(self.processor.id()), Word::Text(self.engine), Word::Text(self.model));
        Name::new([Word::Text("cell"), p, Word::Chip(self.chip), e, m])
    }

    /// The device's silicon, for constants that do not depend on the engine.
    #[must_use]
    pub fn chip_name(&self) -> Name<'a> {
        Name::new([Word::Chip(self.chip)])
    }
}

/// The number under which a name is looked up (FNV-1a, 64 bits).
#[must_use]
pub fn hash(text: &str) -> u64 {
    fnv(FNV_START, text.as_bytes())
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

fn fnv(state: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(state, |s, &b| (s ^ u64::from(b)).wrapping_mul(FNV_PRIME))
}

fn digits(state: u64, mut number: u64) -> u64 {
    let mut buffer = [0u8; 20];
    let mut at = buffer.len();
    loop {
        at -= 1;
        buffer[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return fnv(state, &buffer[at..]);
        }
    }
}
