//! `budget --cases`: many budgets from a table, a row in and a row (or one per pool) out.

mod write;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use csv::StringRecord;
use rayon::prelude::*;

use super::files::{Bounded, Models};
use super::{BAD_INPUT, DONE, Failure, output};
use crate::catalog::Catalog;
use crate::diag::{Diagnostic, Position};
use crate::domain::{Device, Format, ImageSize, InputSize, KvPair, KvType, Model, PowerMode, Runtime, image_tokens};
use crate::hashing::QuickMap;
use crate::memory::{Demand, Weights};
use crate::names::{is_slip, nearest};
use crate::planner::budget::{self, Question};
use crate::scenario::{DEFAULT_INPUT_TOKENS, FlashChoice};
use crate::units::{Bytes, PPM, Share};
use write::write_row;

/// The columns of the answer, after those of the question.
const ANSWER: [&str; 31] = [
    "pool",
    "weights_bytes",
    "kv_cache_bytes",
    "state_bytes",
    "prompt_cache_bytes",
    "checkpoint_bytes",
    "compute_bytes",
    "output_bytes",
    "activation_bytes",
    "framework_bytes",
    "os_bytes",
    "steady_bytes",
    "required_bytes",
    "capacity_bytes",
    "fits",
    "decode_tok_s",
    "decode_tok_s_low",
    "decode_tok_s_high",
    "prefill_tok_s",
    "prefill_tok_s_low",
    "prefill_tok_s_high",
    "ttft_s",
    "ttft_s_low",
    "ttft_s_high",
    "inferences_s",
    "inferences_s_low",
    "inferences_s_high",
    "latency_s",
    "latency_s_low",
    "latency_s_high",
    "error",
];

/// The columns of a question that mean something; others are carried through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Column {
    Model,
    Device,
    Mode,
    Setting,
    Runtime,
    Weights,
    KvK,
    KvV,
    FlashAttention,
    Context,
    TotalContext,
    Streams,
    KvUnified,
    Batch,
    MicroBatch,
    Outputs,
    SwaFull,
    Prompt,
    Images,
    ImagePx,
    ImageTokens,
    InputPx,
    Headroom,
    PromptCache,
    Checkpoints,
}

const COLUMNS: [(&str, Column); 25] = [
    ("model", Column::Model),
    ("device", Column::Device),
    ("mode", Column::Mode),
    ("setting", Column::Setting),
    ("runtime", Column::Runtime),
    ("weights", Column::Weights),
    ("kv_k", Column::KvK),
    ("kv_v", Column::KvV),
    ("flash_attention", Column::FlashAttention),
    ("context", Column::Context),
    ("total_context", Column::TotalContext),
    ("streams", Column::Streams),
    ("kv_unified", Column::KvUnified),
    ("batch", Column::Batch),
    ("micro_batch", Column::MicroBatch),
    ("outputs", Column::Outputs),
    ("swa_full", Column::SwaFull),
    ("prompt", Column::Prompt),
    ("images", Column::Images),
    ("image_px", Column::ImagePx),
    ("image_tokens", Column::ImageTokens),
    ("input_px", Column::InputPx),
    ("headroom", Column::Headroom),
    ("prompt_cache_mib", Column::PromptCache),
    ("checkpoints", Column::Checkpoints),
];

/// Rows that are worked out at once: enough to keep all cores busy, few enough to stay small in memory.
const CHUNK: usize = 16_384;

/// Where each known column stands in the table.
struct Layout([Option<usize>; COLUMNS.len()]);

impl Layout {
    fn of(header: &StringRecord, file: &str) -> Result<Self, Diagnostic> {
        let mut at = [None; COLUMNS.len()];
        for (i, name) in header.iter().enumerate() {
            if header.iter().take(i).any(|other| other == name) {
                return Err(Diagnostic::error(format!("column `{name}` is there twice")).in_file(file));
            }
            if ANSWER.contains(&name) {
                return Err(
                    Diagnostic::error(format!("column `{name}` is one of the answer's own: rename it")).in_file(file)
                );
            }
            if let Some((_, column)) = COLUMNS.iter().find(|(n, _)| *n == name) {
                at[*column as usize] = Some(i);
            }
        }
        Ok(Self(at))
    }

    /// What to say of columns that mean nothing and are called nearly as one that would and is absent: their values are
    /// carried through, and defaults answer.
    fn slips(&self, header: &StringRecord) -> Vec<String> {
        let absent: Vec<&str> =
            COLUMNS.iter().filter(|(_, c)| self.0[*c as usize].is_none()).map(|(name, _)| *name).collect();
        let unknown = header.iter().filter(|name| COLUMNS.iter().all(|(known, _)| known != name));
        unknown
            .filter_map(|name| {
                let near = nearest(name, absent.iter().copied()).filter(|near| is_slip(name, near))?;
                Some(format!("column `{name}` means nothing and is only carried through: is `{near}` meant?"))
            })
            .collect()
    }

    /// The text of a column, absent when empty.
    fn text<'r>(&self, row: &'r StringRecord, column: Column) -> Option<&'r str> {
        let text = row.get(self.0[column as usize]?)?;
        // Fast path: most fields need no trimming, and Unicode `trim` is slow.
        let bare = matches!(text.as_bytes(), [first, .., last] | [first @ last] if first.is_ascii_graphic() && last.is_ascii_graphic());
        let text = if bare { text } else { text.trim() };
        (!text.is_empty()).then_some(text)
    }
}

/// Everything that rows share and that is worked out once: models, their weights by format, what names mean together.
struct Shared<'a> {
    catalog: &'a Catalog,
    models: QuickMap<String, Result<Arc<Model>, String>>,
    /// By the addresses of model and format; `models` and the catalog keep both where they are.
    weights: RwLock<QuickMap<(usize, usize), Known>>,
    /// Weights of a model in any format, from which those in another are worked out faster.
    any_weights: RwLock<QuickMap<usize, Known>>,
    devices: QuickMap<&'a str, (&'a Device, &'a [String])>,
    places: RwLock<QuickMap<String, Place<'a>>>,
}

type Known = Result<Weights, String>;

/// What the names of a device, a mode, a runtime and a format mean together for one kind of model.
#[derive(Clone, Copy)]
struct Place<'a> {
    device: &'a Device,
    mode: &'a PowerMode,
    runtime: &'a Runtime,
    format: &'a Format,
}

/// A row's names looked up.
struct Looked<'a> {
    model: Arc<Model>,
    weights: Weights,
    place: Place<'a>,
}

impl<'a> Shared<'a> {
    fn new(catalog: &'a Catalog) -> Self {
        let mut devices: QuickMap<&str, (&Device, &[String])> = QuickMap::default();
        for device in catalog.devices() {
            devices.insert(&device.id, (device, &[]));
            for alias in &device.aliases {
                devices.entry(&alias.id).or_insert((device, &alias.modes));
            }
        }
        Self {
            catalog,
            models: QuickMap::default(),
            weights: RwLock::default(),
            any_weights: RwLock::default(),
            devices,
            places: RwLock::default(),
        }
    }

    fn look_up(&self, row: &StringRecord, layout: &Layout, key: &mut String) -> Result<Looked<'a>, String> {
        let name = layout.text(row, Column::Model).ok_or("`model` is empty")?;
        let model = match self.models.get(name) {
            Some(Ok(model)) => model,
            Some(Err(e)) => return Err(e.clone()),
            None => return Err(format!("unknown model `{name}`")),
        };
        let place = self.place(row, layout, model, key)?;
        let weights = self.weights(model, place.format)?;
        Ok(Looked { model: Arc::clone(model), weights, place })
    }

    /// What the names of a row mean; the same names mean the same in every row with the same model. `key` is overwritten.
    fn place(&self, row: &StringRecord, layout: &Layout, model: &Model, key: &mut String) -> Result<Place<'a>, String> {
        const NAMES: [Column; 5] = [Column::Device, Column::Mode, Column::Setting, Column::Runtime, Column::Weights];
        // A weight file says itself which format it is in.
        let alike = model.stored.is_none();
        if alike {
            key.clear();
            key.push_str(&model.id);
            for column in NAMES {
                key.push('\n');
                key.push_str(layout.text(row, column).unwrap_or(""));
            }
            if let Some(&known) = self.places.read().unwrap_or_else(PoisonError::into_inner).get(key.as_str()) {
                return Ok(known);
            }
        }
        let device_id = layout.text(row, Column::Device).ok_or("`device` is empty")?;
        let (device, modes) = match self.devices.get(device_id) {
            Some(&found) => found,
            None => self.catalog.device(device_id).map_err(|e| e.one_line())?,
        };
        let mode = budget::mode_of(device, layout.text(row, Column::Mode), modes)?;
        let mode = budget::setting_of(device, mode, layout.text(row, Column::Setting))?;
        let weights = layout.text(row, Column::Weights);
        let runtime = budget::runtime_on(self.catalog, device, model, layout.text(row, Column::Runtime), weights)?;
        let format = budget::format_of(self.catalog, device, runtime, model, weights)?;
        let place = Place { device, mode, runtime, format };
        if alike {
            self.places.write().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), place);
        }
        Ok(place)
    }

    /// The weights of a model in a format, worked out unless they are known.
    fn weights(&self, model: &Arc<Model>, format: &'a Format) -> Known {
        let number = Arc::as_ptr(model) as usize;
        let key = (number, std::ptr::from_ref(format) as usize);
        if let Some(known) = self.weights.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return known.clone();
        }
        let other = self.any_weights.read().unwrap_or_else(PoisonError::into_inner).get(&number).cloned();
        let weights = match &other {
            Some(Ok(other)) => other.also(model, format),
            _ => Weights::of(model, format),
        }
        .map_err(|e| e.to_string());
        if other.is_none() {
            self.any_weights.write().unwrap_or_else(PoisonError::into_inner).insert(number, weights.clone());
        }
        self.weights.write().unwrap_or_else(PoisonError::into_inner).insert(key, weights.clone());
        weights
    }

    /// Reads the models that rows need and that are not known yet.
    fn prepare(&mut self, rows: &[StringRecord], layout: &Layout, models: &Models<'_>) {
        for row in rows {
            if let Some(name) = layout.text(row, Column::Model)
                && !self.models.contains_key(name)
            {
                self.models.insert(name.to_owned(), models.find(name).map_err(|e| e.one_line()));
            }
        }
    }

    fn question(
        &self,
        row: &StringRecord,
        layout: &Layout,
        defaults: Defaults,
        key: &mut String,
    ) -> Result<Question<'a>, String> {
        let Looked { model, weights, place } = self.look_up(row, layout, key)?;
        let model = match layout.text(row, Column::InputPx) {
            Some(text) => Arc::new(at_input(&model, text)?),
            None => model,
        };
        let demand = demand(row, layout, &model)?;
        let cache = |column| match layout.text(row, column) {
            Some(id) => KvType::from_id(id).ok_or_else(|| {
                Diagnostic::error(format!("unknown cache type `{id}`"))
                    .did_you_mean(id, KvType::ALL.map(KvType::id))
                    .one_line()
            }),
            None => Ok(KvType::F16),
        };
        let flash_attention = match layout.text(row, Column::FlashAttention) {
            None | Some("auto") => FlashChoice::Auto,
            Some("on" | "true") => FlashChoice::On,
            Some("off" | "false") => FlashChoice::Off,
            Some(other) => return Err(format!("`flash_attention` is `{other}`: auto, on or off is expected")),
        };
        let headroom = match layout.text(row, Column::Headroom) {
            Some(text) => share(text)?,
            None => defaults.headroom,
        };
        Ok(Question {
            weights,
            model,
            device: place.device,
            mode: place.mode,
            runtime: place.runtime,
            format: place.format,
            kv: KvPair { k: cache(Column::KvK)?, v: cache(Column::KvV)? },
            flash_attention,
            demand,
            headroom,
            confidence: defaults.confidence,
        })
    }
}

fn demand(row: &StringRecord, layout: &Layout, model: &Model) -> Result<Demand, String> {
    let whole = |column: Column, name: &str, default: u64, min: u64, max: u64| match layout.text(row, column) {
        None => Ok(default),
        Some(text) => text
            .parse::<u64>()
            .ok()
            .filter(|n| (min..=max).contains(n))
            .ok_or_else(|| format!("`{name}` is `{text}`: a whole number from {min} to {max} is expected")),
    };
    let flag = |column: Column, name: &str| match layout.text(row, column) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(other) => Err(format!("`{name}` is `{other}`: true or false is expected")),
    };
    const MANY: u64 = 1 << 28;
    let streams = whole(Column::Streams, "streams", 1, 1, 65_536)?;
    let Some(architecture) = model.language() else {
        // A network looks at one input at a time: a context has no meaning for it, whatever the table says.
        return Ok(Demand { context: 0, prompt: 0, streams: streams as u32, ..Demand::default() });
    };
    let max_context = architecture.spec.max_context;
    let given = layout.text(row, Column::Context).is_some();
    let total = layout
        .text(row, Column::TotalContext)
        .is_some()
        .then(|| whole(Column::TotalContext, "total_context", 0, 1, MANY))
        .transpose()?;
    if given && total.is_some() {
        return Err("give either `context` or `total_context`".to_owned());
    }
    // The room for one input of a text encoder is as large as the input.
    let encoder = model.task.is_encoder();
    let usual = if encoder { whole(Column::Prompt, "prompt", DEFAULT_INPUT_TOKENS, 1, MANY)? } else { 4096 };
    let fallback = total.map_or_else(|| max_context.map_or(usual, |m| m.min(usual)), |t| (t / streams).max(1));
    let context = whole(Column::Context, "context", fallback, 1, MANY)?;
    if let Some(max) = max_context
        && given
        && context > max
    {
        return Err(format!("`context` {context} is above the {max} tokens that the model was made for"));
    }
    let outputs = layout
        .text(row, Column::Outputs)
        .is_some()
        .then(|| whole(Column::Outputs, "outputs", 1, 1, MANY))
        .transpose()?;
    let micro_batch = whole(Column::MicroBatch, "micro_batch", 512, 1, 1 << 20)? as u32;
    let checkpoints = u64::from(Demand::CHECKPOINTS);
    let images = whole(Column::Images, "images", 0, 0, 100_000)? as u32;
    let image_tokens = match layout.text(row, Column::ImageTokens) {
        Some(_) => Some(whole(Column::ImageTokens, "image_tokens", 1, 1, MANY)?),
        None => {
            let size = layout.text(row, Column::ImagePx).map_or(Ok(ImageSize::DEFAULT), image_size)?;
            architecture.spec.vision.filter(|_| images > 0).and_then(|tower| image_tokens(model, &tower, size))
        }
    };
    let of_images = u64::from(images).saturating_mul(image_tokens.unwrap_or(0));
    Ok(Demand {
        context,
        total_context: total,
        streams: streams as u32,
        prompt: whole(
            Column::Prompt,
            "prompt",
            if encoder { DEFAULT_INPUT_TOKENS.min(context) } else { (context / 2).max(1) },
            1,
            MANY,
        )?
        .saturating_add(of_images),
        images,
        image_tokens,
        batch: whole(Column::Batch, "batch", Demand::batch_for(micro_batch).into(), 1, 1 << 20)? as u32,
        micro_batch,
        outputs,
        kv_unified: flag(Column::KvUnified, "kv_unified")?,
        swa_full: flag(Column::SwaFull, "swa_full")?,
        prompt_cache: Bytes::mib(whole(Column::PromptCache, "prompt_cache_mib", 0, 0, 1 << 24)?),
        checkpoints: whole(Column::Checkpoints, "checkpoints", checkpoints, 0, 4096)? as u32,
    })
}

/// A network at another input than its published one.
fn at_input(model: &Model, text: &str) -> Result<Model, String> {
    let side = text.parse().ok().filter(|side| (1..=16_384).contains(side));
    let side = side.ok_or_else(|| format!("`input_px` is `{text}`: a whole number from 1 to 16384 is expected"))?;
    model.at_input(side).map_err(|why| match why {
        InputSize::NoImage => format!("`input_px` has no meaning for a {} model", model.task.id()),
        InputSize::Unknown => "the input for which the model's operations were counted is unknown".to_owned(),
        InputSize::Stride(stride) => format!("`input_px` {side} is no multiple of {stride}"),
    })
}

/// A size as text: `1024x768`, or one side of a square.
fn image_size(text: &str) -> Result<ImageSize, String> {
    let side = |text: &str| text.trim().parse::<u32>().ok().filter(|side| (1..=ImageSize::LONGEST).contains(side));
    let (width, height) = text.split_once(['x', 'X', '×']).unwrap_or((text, text));
    match (side(width), side(height)) {
        (Some(width), Some(height)) => Ok(ImageSize { width, height }),
        _ => Err(format!("`image_px` is `{text}`: width x height in pixels such as 1024x768 is expected")),
    }
}

/// A share as text: `25%` or `0.25`.
pub(crate) fn share(text: &str) -> Result<Share, String> {
    let value = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|p| p / 100.0),
        None => text.parse::<f64>(),
    };
    let expected = || format!("`{text}` is not a share: 25% or 0.25 is expected");
    let ppm = value.map_err(|_| expected())? * PPM as f64;
    if !(0.0..=10.0 * PPM as f64).contains(&ppm) || (ppm - ppm.round()).abs() > 1e-3 {
        return Err(expected());
    }
    Ok(Share(ppm.round() as u64))
}

/// What holds for rows that do not say otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Defaults {
    /// Added to steady memory.
    pub headroom: Share,
    /// How sure the unfavourable bounds are.
    pub confidence: Share,
}

/// Answers a table of questions from a file, in pieces to be written one after the other; the exit code is 1 when any row
/// could not be worked out.
pub(crate) fn run(path: &Path, catalog: &Catalog, defaults: Defaults) -> Result<(Vec<Vec<u8>>, u8), Failure> {
    let file = path.display().to_string();
    let table = File::open(path).map_err(|e| Diagnostic::error(format!("cannot read {file}: {e}")))?;
    let (pieces, whole) = answers(Bounded::new(table), &file, catalog, defaults)?;
    Ok((pieces, if whole { DONE } else { BAD_INPUT }))
}

/// The answers to a table of questions as pieces of one CSV, and whether every row could be worked out. `file` names the
/// table in errors; model files that it names are relative to the current folder.
///
/// # Errors
/// What is wrong with the table as a whole; a row that cannot be worked out has its reason in its column `error`.
pub fn answers(
    table: impl Read + Send,
    file: &str,
    catalog: &Catalog,
    defaults: Defaults,
) -> Result<(Vec<Vec<u8>>, bool), Diagnostic> {
    let bad = |e: &csv::Error| {
        let error = Diagnostic::error(format!("not a table: {e}")).in_file(file);
        match e.position() {
            Some(p) => error.at(Position { line: u32::try_from(p.line()).unwrap_or(u32::MAX), column: 1 }),
            None => error,
        }
    };
    let mut reader = csv::Reader::from_reader(table);
    let header = reader.headers().map_err(|e| bad(&e))?.clone();
    let layout = Layout::of(&header, file)?;
    if layout.0[Column::Model as usize].is_none() {
        return Err(Diagnostic::error("a table of budgets needs the column `model`")
            .in_file(file)
            .at(Position { line: 1, column: 1 })
            .did_you_mean("model", header.iter())
            .hint(format!("columns are {}", COLUMNS.map(|(name, _)| name).join(", "))));
    }
    for slip in layout.slips(&header) {
        output::note(&format!("{file}: {slip}"));
    }
    let models = Models::new(catalog, Path::new(""));
    let mut shared = Shared::new(catalog);
    let mut head = Vec::new();
    let mut line = csv::Writer::from_writer(&mut head);
    line.write_record(header.iter().chain(ANSWER)).map_err(|e| bad(&e))?;
    line.flush().map_err(|e| Diagnostic::error(e.to_string()))?;
    drop(line);
    let mut out = vec![head];
    let mut failed = false;
    let mut records = reader.into_records();
    let mut read = || records.by_ref().take(CHUNK).collect::<Result<Vec<StringRecord>, _>>().map_err(|e| bad(&e));
    let mut rows = read()?;
    while !rows.is_empty() {
        shared.prepare(&rows, &layout, &models);
        // The next rows are read while these are worked out.
        let (parts, next) = rayon::join(|| work_out(&rows, &shared, &layout, defaults), &mut read);
        for (text, ok) in parts {
            out.push(text);
            failed |= !ok;
        }
        rows = next?;
    }
    Ok((out, !failed))
}

/// The answers to these rows as text, and whether all of a part could be worked out.
fn work_out(rows: &[StringRecord], shared: &Shared<'_>, layout: &Layout, defaults: Defaults) -> Vec<(Vec<u8>, bool)> {
    rows.par_chunks(256)
        .map(|chunk| {
            let mut text = Vec::with_capacity(chunk.len() * 400);
            let mut key = String::new();
            let mut ok = true;
            for row in chunk {
                let answer =
                    shared.question(row, layout, defaults, &mut key).and_then(|q| budget::answer(&q, shared.catalog));
                ok &= answer.is_ok();
                write_row(&mut text, row, &answer);
            }
            (text, ok)
        })
        .collect()
}

/// One question, read like a row of a table.
pub(crate) struct Single<'a> {
    shared: Shared<'a>,
    layout: Layout,
    row: StringRecord,
}

impl<'a> Single<'a> {
    /// From names and values of the known columns.
    pub(crate) fn new(
        catalog: &'a Catalog,
        models: &Models<'_>,
        (names, values): &(StringRecord, StringRecord),
    ) -> Result<Self, String> {
        let layout = Layout::of(names, "the arguments").map_err(|e| e.one_line())?;
        let mut shared = Shared::new(catalog);
        shared.prepare(std::slice::from_ref(values), &layout, models);
        Ok(Self { shared, layout, row: values.clone() })
    }

    /// The question with every name looked up.
    pub(crate) fn question(&self, defaults: Defaults) -> Result<Question<'a>, String> {
        self.shared.question(&self.row, &self.layout, defaults, &mut String::new())
    }
}
