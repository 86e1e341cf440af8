//! Safetensors files: the header of each file, and the index of a model that is split over several.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::hf_config::json;
use crate::diag::Diagnostic;
use crate::domain::{StoredTensor, StoredWeights};
use crate::units::Bytes;

/// The format's own limit on the length of a header (safetensors 0.4: 100 MB).
pub const MAX_HEADER: u64 = 100_000_000;
/// More files than the largest published model has.
const MAX_FILES: usize = 4096;
/// Dimensions of a tensor at most.
const MAX_DIMS: usize = 16;

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The tensors in file order.
    pub tensors: Vec<StoredTensor>,
    /// Bytes of their data.
    pub data: Bytes,
}

impl Header {
    /// What is wrong with a file of so many bytes whose header of `header` bytes says this; nothing when all data are there.
    #[must_use]
    pub fn misfit(&self, header: u64, file_bytes: u64, name: &str) -> Option<String> {
        let whole = header.saturating_add(8).saturating_add(self.data.0);
        (file_bytes != whole).then(|| {
            let (held, whole) = (Bytes(file_bytes), Bytes(whole));
            format!("{name} holds {held} where its header tells of {whole}: the sizes are those that the header states")
        })
    }
}

/// The length of the header from the first eight bytes of a file.
///
/// # Errors
/// When it is longer than the format allows or than the file.
pub fn header_length(first: [u8; 8], file_bytes: u64, name: &str) -> Result<u64, Diagnostic> {
    let length = u64::from_le_bytes(first);
    if length > MAX_HEADER || length > file_bytes.saturating_sub(8) {
        let message = format!("not a safetensors file: the header claims {length} bytes, the file has {file_bytes}");
        return Err(Diagnostic::error(message).in_file(name));
    }
    Ok(length)
}

/// Reads the JSON of a header.
///
/// # Errors
/// Invalid JSON, tensors that stand twice, that overlap, or whose size does not follow from type and shape.
pub fn parse_header(text: &[u8], name: &str) -> Result<Header, Diagnostic> {
    let fail = |message: String| Diagnostic::error(message).in_file(name);
    let text = std::str::from_utf8(text).map_err(|_| fail("the header is not UTF-8 text".to_owned()))?;
    let Entries(entries) =
        serde_json::from_str(text.trim_end()).map_err(|e| fail(format!("the header cannot be read: {e}")))?;
    let mut tensors = Vec::with_capacity(entries.len());
    let mut spans = Vec::with_capacity(entries.len());
    for (tensor, entry) in entries {
        let bits = element_bits(&entry.dtype)
            .ok_or_else(|| fail(format!("tensor `{tensor}` has the unknown type `{}`", entry.dtype)))?;
        let [begin, end] = entry.data_offsets;
        let elements = entry.shape.iter().try_fold(1u64, |product, &dim| product.checked_mul(dim));
        let bytes = elements.and_then(|n| n.checked_mul(bits)).filter(|n| n % 8 == 0).map(|n| n / 8);
        if entry.shape.len() > MAX_DIMS || bytes.is_none() || end.checked_sub(begin) != bytes {
            return Err(fail(format!(
                "tensor `{tensor}` of type {} and shape {:?} cannot take bytes {begin} to {end}",
                entry.dtype, entry.shape
            )));
        }
        spans.push((begin, end, tensors.len()));
        tensors.push(StoredTensor {
            name: tensor,
            // The contiguous dimension first, as everywhere in this crate.
            dims: entry.shape.into_iter().rev().collect(),
            element: entry.dtype,
            bytes: Bytes(end - begin),
        });
    }
    spans.sort_unstable();
    let mut at = 0;
    for &(begin, end, index) in &spans {
        if begin != at {
            let how = if begin < at { "overlaps the one before" } else { "leaves a hole before it" };
            let name: &str = tensors.get(index).map_or("", |t| &t.name);
            return Err(fail(format!("tensor `{name}` {how}")));
        }
        at = end;
    }
    let mut order: Vec<usize> = spans.into_iter().map(|(_, _, index)| index).collect();
    let mut slots: Vec<Option<StoredTensor>> = tensors.into_iter().map(Some).collect();
    let tensors = order.drain(..).filter_map(|i| slots.get_mut(i).and_then(Option::take)).collect();
    Ok(Header { tensors, data: Bytes(at) })
}

/// Several headers as the weights of one model.
///
/// # Errors
/// When a tensor stands in two files, or the sizes overflow.
pub fn weights(headers: Vec<Header>, name: &str) -> Result<StoredWeights, Diagnostic> {
    let mut seen = BTreeSet::new();
    let mut bytes = 0u64;
    let mut tensors = Vec::new();
    for header in headers {
        bytes = bytes
            .checked_add(header.data.0)
            .ok_or_else(|| Diagnostic::error("the files hold more bytes than can be counted").in_file(name))?;
        for tensor in header.tensors {
            if !seen.insert(tensor.name.clone()) {
                return Err(Diagnostic::error(format!("tensor `{}` is defined twice", tensor.name)).in_file(name));
            }
            tensors.push(tensor);
        }
    }
    if tensors.is_empty() {
        return Err(Diagnostic::error("the file has no tensors").in_file(name));
    }
    Ok(StoredWeights { format: format_of(&tensors), tensors, bytes: Bytes(bytes) })
}

/// The catalog's name for the type that takes most of the bytes.
fn format_of(tensors: &[StoredTensor]) -> String {
    let mut by_type: BTreeMap<&str, u128> = BTreeMap::new();
    for tensor in tensors {
        *by_type.entry(&tensor.element).or_default() += u128::from(tensor.bytes.0);
    }
    let most = by_type.into_iter().max_by_key(|&(_, bytes)| bytes).map_or("", |(element, _)| element);
    match most {
        "F32" => "f32",
        "F16" => "f16",
        "BF16" => "bf16",
        "F8_E4M3" | "F8_E5M2" | "F8_E8M0" => "fp8",
        "I8" => "int8",
        // Packed integers of four bits.
        "U8" | "I32" | "U32" | "F4" => "int4",
        other => return other.to_lowercase(),
    }
    .to_owned()
}

/// Elements of the tensors that hold numbers as they are: everything but packed integers.
#[must_use]
pub fn elements(weights: &StoredWeights) -> Option<u64> {
    let packed = |element: &str| matches!(element, "U8" | "I8" | "I16" | "U16" | "I32" | "U32" | "F4" | "F8_E8M0");
    if weights.tensors.iter().any(|t| packed(&t.element) && t.bytes.0 > 64) {
        return None;
    }
    weights
        .tensors
        .iter()
        .filter(|t| !matches!(t.element.as_str(), "I64" | "U64" | "BOOL"))
        .map(|t| t.dims.iter().try_fold(1u64, |n, &d| n.checked_mul(d)))
        .try_fold(0u64, |sum, n| sum.checked_add(n?))
}

/// Names of the files that an index lists, in order.
///
/// # Errors
/// Invalid JSON, no list, or a name that points out of the folder.
pub fn parse_index(text: &str, name: &str) -> Result<Vec<String>, Diagnostic> {
    let fail = |message: &str| Diagnostic::error(message).in_file(name);
    let map = json::parse(text, name)?;
    let Some(serde_json::Value::Object(weights)) = map.get("weight_map") else {
        return Err(fail("no index of safetensors files: `weight_map` is missing"));
    };
    let mut files = BTreeSet::new();
    for file in weights.values() {
        let Some(file) = file.as_str() else { return Err(fail("`weight_map` holds something else than file names")) };
        let plain = !file.is_empty() && !file.contains(['/', '\\', ':', '\0']) && file != ".." && file != ".";
        if !plain {
            return Err(fail("`weight_map` names a file outside its folder"));
        }
        files.insert(file.to_owned());
    }
    if files.len() > MAX_FILES {
        return Err(fail("`weight_map` names more files than any model has"));
    }
    Ok(files.into_iter().collect())
}

fn element_bits(dtype: &str) -> Option<u64> {
    Some(match dtype {
        "F4" => 4,
        "F6_E2M3" | "F6_E3M2" => 6,
        "BOOL" | "U8" | "I8" | "F8_E4M3" | "F8_E5M2" | "F8_E8M0" | "F8_E4M3FNUZ" | "F8_E5M2FNUZ" => 8,
        "F16" | "BF16" | "I16" | "U16" => 16,
        "F32" | "I32" | "U32" => 32,
        "F64" | "I64" | "U64" | "C64" => 64,
        _ => return None,
    })
}

/// The entries of a header; a name that is defined twice is refused, which a plain map would hide.
struct Entries(Vec<(String, Entry)>);

#[derive(serde::Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tensors by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
        let mut entries = Vec::new();
        let mut seen = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if !seen.insert(name.clone()) {
                return Err(de::Error::custom(format!("`{name}` is defined twice")));
            }
            if name == "__metadata__" {
                map.next_value::<IgnoredAny>()?;
            } else {
                entries.push((name, map.next_value()?));
            }
        }
        Ok(Entries(entries))
    }
}
