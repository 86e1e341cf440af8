//! GGUF files: a model from the header alone, split files put together.

mod header;
mod spec;

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

pub use header::{Header, HeaderError, TensorInfo, Value};

use crate::diag::Diagnostic;
use crate::domain::{Body, FeedForward, Model, Provenance, StoredTensor, StoredWeights, Task};
use crate::units::Bytes;

/// Bytes read at a time.
const CHUNK: usize = 1 << 17;
/// Most parts that a split file may have.
const MAX_PARTS: u64 = 1 << 10;

/// Reads a model from a GGUF file, and from its other parts where it is split.
///
/// # Errors
/// What is wrong with the file, and which part is missing.
pub fn read(path: &Path) -> Result<Model, Diagnostic> {
    let first = open(path)?;
    let mut short = short_by(path, &first.0, first.1);
    let mut headers = vec![first.0];
    let parts = headers[0].int("split.count").unwrap_or(1);
    if parts > 1 {
        let number = headers[0].int("split.no").unwrap_or(0);
        for part in part_paths(path, number, parts)? {
            let (header, length) = open(&part)?;
            short = short.or_else(|| short_by(&part, &header, length));
            headers.push(header);
        }
        headers.sort_by_key(|h| h.int("split.no").unwrap_or(0));
    }
    let mut model = model(&headers).map_err(|e| Diagnostic::error(e).in_file(&path.display().to_string()))?;
    model.id = path.display().to_string();
    model.assumptions.extend(short);
    Ok(model)
}

fn open(path: &Path) -> Result<(Header, u64), Diagnostic> {
    let name = path.display().to_string();
    let refuse = |e: String| Diagnostic::error(e).in_file(&name);
    let file = File::open(path).map_err(|e| refuse(format!("cannot be opened: {e}")))?;
    let length = file.metadata().map_err(|e| refuse(format!("cannot be read: {e}")))?.len();
    let header =
        Header::read(BufReader::with_capacity(CHUNK, file)).map_err(|e| refuse(format!("no GGUF header: {e}")))?;
    Ok((header, length))
}

fn short_by(path: &Path, header: &Header, length: u64) -> Option<String> {
    let whole = header.file_bytes();
    (length < whole).then(|| {
        format!(
            "{} holds {} of {}: the sizes are those that the header states",
            path.display(),
            Bytes(length),
            Bytes(whole)
        )
    })
}

/// The other parts of a split file: `NAME-00001-of-00003.gguf`.
fn part_paths(path: &Path, number: u64, parts: u64) -> Result<Vec<PathBuf>, Diagnostic> {
    let refuse = |e: String| Diagnostic::error(e).in_file(&path.display().to_string());
    if parts > MAX_PARTS || number >= parts {
        return Err(refuse(format!("part {} of {parts} is not a part of a split file", number.saturating_add(1))));
    }
    let tail = |part: u64| format!("-{part:05}-of-{parts:05}.gguf");
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let Some(stem) = name.strip_suffix(&tail(number + 1)) else {
        return Err(refuse(format!("is part {} of {parts} and must be named `NAME{}`", number + 1, tail(number + 1))));
    };
    let others = (0..parts).filter(|&part| part != number);
    others
        .map(|part| {
            let other = path.with_file_name(format!("{stem}{}", tail(part + 1)));
            if other.exists() { Ok(other) } else { Err(refuse(format!("its part `{}` is missing", other.display()))) }
        })
        .collect()
}

/// A model from the headers of all parts of a file, the first part first.
///
/// # Errors
/// A sentence saying what the headers lack.
pub fn model(headers: &[Header]) -> Result<Model, String> {
    let first = headers.first().ok_or("there is no header")?;
    let tensors: Vec<&TensorInfo> = headers.iter().flat_map(|h| &h.tensors).collect();
    sound(headers, &tensors)?;
    let mut facts = spec::Facts::new(first, &tensors)?;
    let spec = facts.spec()?;
    let mut assumptions = std::mem::take(&mut facts.assumptions);
    let architecture = spec.expand().map_err(|e| e.to_string())?;
    let count = |t: &&TensorInfo| t.dims.iter().try_fold(1u64, |n, &d| n.checked_mul(d));
    let counts = |keep: &dyn Fn(&str) -> bool| {
        let kept = tensors.iter().filter(|t| keep(&t.name)).map(|t| count(t).unwrap_or(u64::MAX));
        kept.fold(0, u64::saturating_add)
    };
    let parameters = counts(&|name| !name.starts_with("rope_f"));
    let experts = counts(&|name| name.contains("_exps."));
    let idle = architecture.layers.iter().find_map(|layer| match layer.ffn {
        FeedForward::Moe(moe) if moe.experts > 0 => {
            let idle = u128::from(moe.experts.saturating_sub(moe.used)) * u128::from(experts) / u128::from(moe.experts);
            u64::try_from(idle).ok()
        }
        _ => None,
    });
    let stored = stored(headers, &tensors, &mut assumptions);
    let text = |key: &str| first.text(key).map(str::to_owned);
    let encoder = matches!(architecture.spec.family.as_str(), "bert" | "nomic-bert" | "nomic-bert-moe" | "modern-bert");
    Ok(Model {
        id: text("general.name").unwrap_or_default(),
        aliases: Vec::new(),
        task: if encoder { Task::Embedding } else { Task::Language },
        parameters,
        active_parameters: parameters.saturating_sub(idle.unwrap_or(0)),
        body: Body::Language(Box::new(architecture)),
        stored: Some(stored),
        native_format: None,
        trained_formats: Vec::new(),
        licence: text("general.license"),
        released: None,
        assumptions,
        provenance: Provenance::default(),
    })
}

/// Whether the lists of tensors are those of files that hold a model.
fn sound(headers: &[Header], tensors: &[&TensorInfo]) -> Result<(), String> {
    if tensors.is_empty() {
        return Err("the file has no tensors: it holds a vocabulary, or its parts are missing".to_owned());
    }
    let mut names = std::collections::BTreeSet::new();
    if let Some(twice) = tensors.iter().find(|t| !names.insert(t.name.as_str())) {
        return Err(format!("tensor `{}` is defined twice", twice.name));
    }
    for header in headers {
        // Each tensor begins where the one before it, padded, ends: llama.cpp loads nothing else (gguf.cpp).
        let mut spans: Vec<_> = header.tensors.iter().map(|t| (t.offset, t.bytes, &t.name)).collect();
        spans.sort_unstable();
        let mut end = 0u64;
        for (offset, bytes, name) in spans {
            if offset != end {
                let how = if offset < end { "overlaps the one before" } else { "leaves a hole before it" };
                return Err(format!("tensor `{name}` begins at {offset}: it {how}, which ends at {end}"));
            }
            end = offset.saturating_add(bytes).checked_next_multiple_of(header.alignment).unwrap_or(u64::MAX);
        }
    }
    Ok(())
}

fn stored(headers: &[Header], tensors: &[&TensorInfo], assumptions: &mut Vec<String>) -> StoredWeights {
    let stated = headers.iter().find_map(|h| h.int("general.file_type")).and_then(file_type);
    let format = stated.map_or_else(
        || {
            let format = commonest(tensors);
            assumptions
                .push(format!("no known file type is stated: taken as `{format}`, the type of most of its bytes"));
            format
        },
        str::to_owned,
    );
    let padded =
        |h: &Header| h.tensors.iter().fold(0u64, |sum, t| sum.saturating_add(t.bytes.next_multiple_of(h.alignment)));
    StoredWeights {
        format,
        bytes: headers.iter().map(|h| Bytes(padded(h))).sum(),
        tensors: tensors
            .iter()
            .map(|t| StoredTensor {
                name: t.name.clone(),
                dims: t.dims.clone(),
                element: t.element.name().to_owned(),
                bytes: Bytes(t.bytes),
            })
            .collect(),
    }
}

/// The id of a file type's number (`llama_ftype` in `llama.h`); the bit that marks a guess is ignored.
fn file_type(number: u64) -> Option<&'static str> {
    const GUESSED: u64 = 1024;
    Some(match number & !GUESSED {
        0 => "f32",
        1 => "f16",
        2 => "q4_0",
        3 => "q4_1",
        7 => "q8_0",
        8 => "q5_0",
        9 => "q5_1",
        10 => "q2_k",
        11 => "q3_k_s",
        12 => "q3_k_m",
        13 => "q3_k_l",
        14 => "q4_k_s",
        15 => "q4_k_m",
        16 => "q5_k_s",
        17 => "q5_k_m",
        18 => "q6_k",
        19 => "iq2_xxs",
        20 => "iq2_xs",
        21 => "q2_k_s",
        22 => "iq3_xs",
        23 => "iq3_xxs",
        24 => "iq1_s",
        25 => "iq4_nl",
        26 => "iq3_s",
        27 => "iq3_m",
        28 => "iq2_s",
        29 => "iq2_m",
        30 => "iq4_xs",
        31 => "iq1_m",
        32 => "bf16",
        36 => "tq1_0",
        37 => "tq2_0",
        38 => "mxfp4",
        _ => return None,
    })
}

/// The mix that most bytes look like.
fn commonest(tensors: &[&TensorInfo]) -> String {
    let mut bytes: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
    for tensor in tensors {
        let sum = bytes.entry(tensor.element.name()).or_default();
        *sum = sum.saturating_add(tensor.bytes);
    }
    let most = bytes.into_iter().max_by_key(|&(_, n)| n).map_or("F16", |(name, _)| name);
    match most {
        "Q4_K" | "Q5_K" | "Q3_K" => format!("{}_m", most.to_ascii_lowercase()),
        other => other.to_ascii_lowercase(),
    }
}
