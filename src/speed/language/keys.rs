//! By what a measurement may speak for a question: the same device, the same silicon, the same engine, the same model.
//!
//! Every constant has a name made of words joined by `|`. The words are hashed as they stand, without building the text,
//! because an estimate looks up some twenty names and must cost about a microsecond.

use super::law::Figures;
use crate::domain::{Backend, Device, Engine, Format, MemoryKind, Model, PowerMode, Runtime};

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
            _ if contains(id, b"nvfp4") => Self::Float4,
            _ if contains(id, b"mxfp4") => Self::Mx4,
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

/// Whether five letters stand in a name, found faster than by the search for any text.
fn contains(name: &str, letters: &[u8; 5]) -> bool {
    name.as_bytes().windows(5).any(|window| window == letters)
}

/// Bits per weight that name a format's class; the digit after the letters of a GGUF type.
fn nominal_bits(format: &Format) -> Option<f64> {
    match format.kind {
        crate::domain::FormatKind::Uniform { bits, .. } => Some(bits),
        crate::domain::FormatKind::Gguf(_) => {
            let bytes = format.id.as_bytes();
            let first = bytes.iter().position(u8::is_ascii_digit)?;
            let digits = bytes[first..].iter().take_while(|b| b.is_ascii_digit());
            Some(digits.fold(0.0, |number, digit| 10.0 * number + f64::from(digit - b'0')) + 0.5)
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
    executes: Processor,
    experts: bool,
    recurrent: bool,
    processor: Word<'a>,
    chip: Word<'a>,
    kin: Word<'a>,
    silicon: Word<'a>,
    engine: Word<'a>,
    runtime: Word<'a>,
    model: Word<'a>,
    family: Word<'a>,
    format: Word<'a>,
    format_class: Word<'a>,
    routing: Word<'a>,
}

/// First words of the names of deviations.
mod first {
    use super::Word;

    pub(super) const CHIP: Word<'static> = Word::text("chip");
    pub(super) const FORMAT: Word<'static> = Word::text("format");
    pub(super) const EXPERTS: Word<'static> = Word::text("experts");
    pub(super) const RECURRENT: Word<'static> = Word::text("recurrent");
    pub(super) const FAMILY: Word<'static> = Word::text("family");
    pub(super) const MODEL: Word<'static> = Word::text("model");
    pub(super) const CELL: Word<'static> = Word::text("cell");
}

/// The name of the most general law.
const ALL: Word<'static> = Word::text("all");

impl<'a> Subject<'a> {
    /// What the question is about; nothing for models without a language body.
    #[must_use]
    pub fn of(device: &'a Device, runtime: &'a Runtime, model: &'a Model, format: &'a Format) -> Option<Self> {
        let spec = &model.language()?.spec;
        let executes = Processor::of(device.memory_kind, runtime.backend);
        let experts = spec.moe.is_some();
        Some(Self {
            executes,
            experts,
            recurrent: spec.ssm.is_some() || spec.gated_delta.is_some(),
            processor: Word::text(executes.id()),
            chip: Word::chip(Chip::of(device)),
            kin: Word::text(kin(&device.silicon)),
            silicon: Word::text(&device.silicon),
            engine: Word::text(if runtime.engine == Engine::LlamaCpp { "llama.cpp" } else { &runtime.engine_id }),
            runtime: Word::text(&runtime.id),
            model: Word::text(&model.id),
            family: Word::text(&spec.family),
            format: Word::text(&format.id),
            format_class: Word::text(FormatClass::of(format).id()),
            routing: Word::text(if experts { "experts" } else { "dense" }),
        })
    }

    /// The figures that the laws use, in this mode. `inferred` is the bandwidth that measurements imply for this chip; it
    /// stands in where the catalog knows none.
    #[must_use]
    pub fn figures(&self, mode: &PowerMode, inferred: impl Fn() -> Option<f64>) -> Option<Figures> {
        let bandwidth = mode.bandwidth.map(|b| b.0).filter(|&b| b > 0.0).or_else(inferred)?;
        let known = match self.executes {
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

    /// The chip that [`Chip::text`] wrote.
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(' ');
        let chip = Self {
            silicon: parts.next()?,
            bandwidth: parts.next()?.parse().ok()?,
            compute: parts.nth(1)?.parse().ok()?,
        };
        (parts.next() == Some("Gop/s")).then_some(chip)
    }

    fn hash(&self) -> u64 {
        mix(mix(hash_word(self.silicon.as_bytes()), self.bandwidth), self.compute)
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

/// A word of a name, hashed once for all the names that it stands in.
#[derive(Debug, Clone, Copy)]
pub struct Word<'a> {
    kind: WordKind<'a>,
    hash: u64,
}

#[derive(Debug, Clone, Copy)]
enum WordKind<'a> {
    Text(&'a str),
    Chip(Chip<'a>),
}

impl<'a> Word<'a> {
    const fn text(text: &'a str) -> Self {
        Self { kind: WordKind::Text(text), hash: hash_word(text.as_bytes()) }
    }

    fn chip(chip: Chip<'a>) -> Self {
        Self { kind: WordKind::Chip(chip), hash: chip.hash() }
    }
}

/// The name made of these words as it stands in the calibration files.
#[must_use]
pub fn spelt(words: &[Word<'_>]) -> String {
    let words = words.iter().map(|word| match word.kind {
        WordKind::Text(text) => text.to_owned(),
        WordKind::Chip(chip) => chip.text(),
    });
    itertools::join(words, "|")
}

/// The number under which the name made of these words is looked up.
#[must_use]
pub fn hashed(words: &[Word<'_>]) -> u64 {
    words.iter().fold(0, |state, word| mix(state, word.hash))
}

/// The number under which a name as it stands in the calibration files is looked up.
#[must_use]
pub fn hash(name: &str) -> u64 {
    name.split('|').fold(0, |state, word| {
        mix(state, Chip::parse(word).map_or_else(|| hash_word(word.as_bytes()), |chip| chip.hash()))
    })
}

/// An odd number without structure (the golden ratio in 64 bits).
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

const fn mix(state: u64, word: u64) -> u64 {
    let x = (state.rotate_left(25) ^ word).wrapping_mul(FACTOR);
    x ^ (x >> 32)
}

/// Eight bytes at a time.
const fn hash_word(bytes: &[u8]) -> u64 {
    let (chunks, rest) = bytes.as_chunks::<8>();
    let (mut state, mut i) = (bytes.len() as u64, 0);
    while i < chunks.len() {
        state = mix(state, u64::from_le_bytes(chunks[i]));
        i += 1;
    }
    let (mut last, mut i) = ([0; 8], 0);
    while i < rest.len() {
        last[i] = rest[i];
        i += 1;
    }
    mix(state, u64::from_le_bytes(last))
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

/// Places in [`Subject::decode_path`] of the law of an engine on hardware of one maker, and on silicon of one kind.
pub const MAKER_DECODE: usize = 3;
#[expect(missing_docs, reason = "explained above")]
pub const SILICON_DECODE: usize = 4;

/// The same in [`Subject::prefill_path`].
pub const MAKER_PREFILL: usize = 4;
#[expect(missing_docs, reason = "explained above")]
pub const SILICON_PREFILL: usize = 5;

/// Number of kinds of deviation.
pub const KINDS: usize = 12;

impl<'a> Subject<'a> {
    /// Names of the decode laws that apply, the most general first; the last one that is known counts. `name` is [`spelt`]
    /// or [`hashed`], here and below.
    #[must_use]
    pub fn decode_path<T>(&self, name: impl Fn(&[Word<'a>]) -> T) -> [T; 6] {
        let &Self { processor: p, engine: e, kin: k, silicon: s, runtime: r, .. } = self;
        [name(&[ALL]), name(&[p]), name(&[p, e]), name(&[p, e, k]), name(&[p, e, k, s]), name(&[p, e, k, s, r])]
    }

    /// Names of the laws of prompts and of batches that apply, the most general first.
    #[must_use]
    pub fn prefill_path<T>(&self, name: impl Fn(&[Word<'a>]) -> T) -> [T; 7] {
        let &Self { processor: p, engine: e, kin: k, silicon: s, runtime: r, format_class: f, .. } = self;
        [
            name(&[ALL]),
            name(&[p]),
            name(&[p, e]),
            name(&[p, e, f]),
            name(&[p, e, f, k]),
            name(&[p, e, f, k, s]),
            name(&[p, e, f, k, s, r]),
        ]
    }

    /// Names of the measured deviations from the law, by kind; a kind that does not apply has none.
    #[must_use]
    pub fn deviations<T>(&self, name: impl Fn(&[Word<'a>]) -> T) -> [(Kind, Option<T>); KINDS] {
        let &Self { processor: p, engine: e, silicon: s, runtime: r, chip: c, format_class: f, .. } = self;
        let &Self { model: m, family: a, routing, format, .. } = self;
        let when = |applies: bool, words: &[Word<'a>]| applies.then(|| name(words));
        [
            (Kind::Chip, Some(name(&[first::CHIP, p, c]))),
            (Kind::ChipEngine, Some(self.device_name(&name))),
            (Kind::FormatEngine, Some(name(&[first::FORMAT, e, f, routing]))),
            (Kind::FormatSilicon, Some(name(&[first::FORMAT, p, e, f, s]))),
            (Kind::Experts, when(self.experts, &[first::EXPERTS, p, e, s])),
            (Kind::Recurrent, when(self.recurrent, &[first::RECURRENT, p, e, s])),
            (Kind::Family, Some(name(&[first::FAMILY, a]))),
            (Kind::FamilySilicon, Some(name(&[first::FAMILY, p, e, a, s]))),
            (Kind::Model, Some(name(&[first::MODEL, m]))),
            (Kind::ModelSilicon, Some(name(&[first::MODEL, p, e, m, s]))),
            (Kind::Cell, Some(self.cell_name(&name))),
            (Kind::CellFormat, Some(name(&[first::CELL, c, r, m, format]))),
        ]
    }

    /// The name that is known when the device was measured with this engine.
    #[must_use]
    pub fn device_name<T>(&self, name: impl Fn(&[Word<'a>]) -> T) -> T {
        name(&[first::CHIP, self.processor, self.chip, self.engine])
    }

    /// The name that is known when the model was measured on this device with this engine.
    #[must_use]
    pub fn cell_name<T>(&self, name: impl Fn(&[Word<'a>]) -> T) -> T {
        name(&[first::CELL, self.processor, self.chip, self.engine, self.model])
    }

    /// The device's silicon, for constants that do not depend on the engine.
    #[must_use]
    pub fn chip_name(&self) -> String {
        spelt(&[self.chip])
    }
}
