//! The header of a GGUF file, versions 2 and 3: metadata and the list of tensors.
//!
//! Read as a stream: what is not needed is passed over, so the size of the file does not matter, and every count and length
//! is capped before anything is reserved for it.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

use crate::memory::tensors::Element;

/// More than any published file has; enough for models of thousands of tensors.
const MAX_TENSORS: u64 = 1 << 17;
const MAX_ENTRIES: u64 = 1 << 16;
const MAX_KEY: u64 = 1 << 10;
const MAX_NAME: u64 = 1 << 10;
/// Longest string that is kept; longer ones (chat templates) are passed over.
const KEPT_STRING: u64 = 1 << 12;
/// Longest string that is believed.
const MAX_STRING: u64 = 1 << 28;
/// Longest array of numbers that is kept: one per block.
const KEPT_ARRAY: u64 = 1 << 13;
/// Longest array that is believed.
const MAX_ARRAY: u64 = 1 << 28;
const MAX_DIMS: u32 = 4;
const MAX_ALIGNMENT: u64 = 1 << 16;

/// A value of the metadata, as far as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A whole number; booleans are 0 and 1.
    Int(i128),
    /// A floating point number.
    Float(f64),
    /// A text.
    Text(String),
    /// An array of whole numbers or booleans.
    Ints(Vec<i128>),
    /// Anything else, of so many elements.
    Other {
        /// Elements of the array; 1 for a long text.
        len: u64,
    },
}

/// One tensor of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Name.
    pub name: String,
    /// Dimensions, the contiguous one first.
    pub dims: Vec<u64>,
    /// Element type.
    pub element: Element,
    /// Bytes without padding.
    pub bytes: u64,
    /// Where it begins, counted from the end of the header.
    pub offset: u64,
}

/// The header of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// 2 or 3.
    pub version: u32,
    /// Metadata by key.
    pub metadata: BTreeMap<String, Value>,
    /// All tensors.
    pub tensors: Vec<TensorInfo>,
    /// Tensors begin at multiples of this.
    pub alignment: u64,
    /// Bytes from the start of the file to the first tensor.
    pub data_start: u64,
}

/// What is wrong with a header.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The file does not begin like a GGUF file.
    #[error("the file does not begin with `GGUF`")]
    Magic,
    /// A version without meaning here.
    #[error("GGUF version {0} is not supported, only 2 and 3 are")]
    Version(u32),
    /// The file is written for machines of the other byte order.
    #[error("the file is in big-endian byte order")]
    BigEndian,
    /// A count or a length that no real file has.
    #[error("{what} is {value}, at most {max} is believable")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// The value in the file.
        value: u64,
        /// The cap.
        max: u64,
    },
    /// A type number without meaning.
    #[error("{what} {number} is unknown")]
    Unknown {
        /// Kind of number.
        what: &'static str,
        /// The number.
        number: u32,
    },
    /// A tensor whose dimensions contradict its type.
    #[error("tensor `{0}`: {1}")]
    Tensor(String, &'static str),
    /// A text that is not UTF-8.
    #[error("a name in the header is not UTF-8")]
    Text,
    /// Two entries or tensors of the same name.
    #[error("`{0}` appears twice")]
    Twice(String),
    /// The file ends too early, or cannot be read.
    #[error("the header ends too early")]
    Io(#[from] io::Error),
}

impl Header {
    /// Reads a header.
    ///
    /// # Errors
    /// [`HeaderError`] for anything that is no GGUF header, or one that no real file has.
    pub fn read(input: impl BufRead) -> Result<Self, HeaderError> {
        let mut input = Input { input, position: 0 };
        if &input.bytes::<4>()? != b"GGUF" {
            return Err(HeaderError::Magic);
        }
        let version = input.u32()?;
        if !(2..=3).contains(&version) {
            return Err(if version.swap_bytes() <= 3 { HeaderError::BigEndian } else { HeaderError::Version(version) });
        }
        let tensors = capped("the number of tensors", input.u64()?, MAX_TENSORS)?;
        let entries = capped("the number of metadata entries", input.u64()?, MAX_ENTRIES)?;
        let mut metadata = BTreeMap::new();
        for _ in 0..entries {
            let key = input.text("the length of a key", MAX_KEY)?;
            let value = input.value()?;
            if metadata.insert(key.clone(), value).is_some() {
                return Err(HeaderError::Twice(key));
            }
        }
        let alignment = match metadata.get("general.alignment") {
            Some(&Value::Int(n)) => u64::try_from(n).unwrap_or(0),
            _ => 32,
        };
        if !alignment.is_power_of_two() || alignment > MAX_ALIGNMENT {
            return Err(HeaderError::TooMuch { what: "the alignment", value: alignment, max: MAX_ALIGNMENT });
        }
        let tensors = (0..tensors).map(|_| input.tensor()).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { version, metadata, tensors, alignment, data_start: input.position.next_multiple_of(alignment) })
    }

    /// The text of a key.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.metadata.get(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The whole number of a key.
    #[must_use]
    pub fn int(&self, key: &str) -> Option<u64> {
        match self.metadata.get(key) {
            Some(&Value::Int(n)) => u64::try_from(n).ok(),
            _ => None,
        }
    }

    /// Bytes of the file, if it is complete.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        let end = self.tensors.iter().map(|t| t.offset.saturating_add(t.bytes)).max().unwrap_or(0);
        self.data_start.saturating_add(end)
    }
}

fn capped(what: &'static str, value: u64, max: u64) -> Result<u64, HeaderError> {
    if value > max { Err(HeaderError::TooMuch { what, value, max }) } else { Ok(value) }
}

/// Numbers of the types of metadata values.
mod kind {
    pub(super) const TEXT: u32 = 8;
    pub(super) const ARRAY: u32 = 9;
}

struct Input<R> {
    input: R,
    position: u64,
}

impl<R: BufRead> Input<R> {
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], HeaderError> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes)?;
        self.position += N as u64;
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32, HeaderError> {
        self.bytes().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, HeaderError> {
        self.bytes().map(u64::from_le_bytes)
    }

    fn skip(&mut self, bytes: u64) -> Result<(), HeaderError> {
        let passed = io::copy(&mut self.input.by_ref().take(bytes), &mut io::sink())?;
        self.position += passed;
        if passed < bytes { Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()) } else { Ok(()) }
    }

    /// A text of so many bytes. The buffer grows with what is really there, not with what the length claims.
    fn text_of(&mut self, bytes: u64) -> Result<String, HeaderError> {
        let mut text = Vec::new();
        let read = self.input.by_ref().take(bytes).read_to_end(&mut text)? as u64;
        self.position += read;
        if read < bytes {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        String::from_utf8(text).map_err(|_| HeaderError::Text)
    }

    fn text(&mut self, what: &'static str, max: u64) -> Result<String, HeaderError> {
        let length = self.u64()?;
        let length = capped(what, length, max)?;
        self.text_of(length)
    }

    fn value(&mut self) -> Result<Value, HeaderError> {
        match self.u32()? {
            kind::TEXT => {
                let length = self.u64()?;
                let length = capped("the length of a text", length, MAX_STRING)?;
                if length > KEPT_STRING {
                    self.skip(length)?;
                    return Ok(Value::Other { len: 1 });
                }
                // A text that is not UTF-8 is of no use, but no reason to refuse the file.
                let text = self.text_of(length);
                Ok(match text {
                    Ok(text) => Value::Text(text),
                    Err(HeaderError::Text) => Value::Other { len: 1 },
                    Err(e) => return Err(e),
                })
            }
            kind::ARRAY => self.array(),
            number => self.scalar(number),
        }
    }

    fn scalar(&mut self, number: u32) -> Result<Value, HeaderError> {
        Ok(match number {
            0 => Value::Int(self.bytes().map(u8::from_le_bytes)?.into()),
            1 => Value::Int(self.bytes().map(i8::from_le_bytes)?.into()),
            2 => Value::Int(self.bytes().map(u16::from_le_bytes)?.into()),
            3 => Value::Int(self.bytes().map(i16::from_le_bytes)?.into()),
            4 => Value::Int(self.u32()?.into()),
            5 => Value::Int(self.bytes().map(i32::from_le_bytes)?.into()),
            6 => Value::Float(self.bytes().map(f32::from_le_bytes)?.into()),
            7 => Value::Int((self.bytes::<1>()?[0] != 0).into()),
            10 => Value::Int(self.u64()?.into()),
            11 => Value::Int(self.bytes().map(i64::from_le_bytes)?.into()),
            12 => Value::Float(self.bytes().map(f64::from_le_bytes)?),
            _ => return Err(HeaderError::Unknown { what: "the type of a metadata value", number }),
        })
    }

    fn array(&mut self) -> Result<Value, HeaderError> {
        let number = self.u32()?;
        let len = self.u64()?;
        let len = capped("the length of an array", len, MAX_ARRAY)?;
        let width = match number {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            10..=12 => 8,
            kind::TEXT => {
                for _ in 0..len {
                    let length = self.u64()?;
                    self.skip(capped("the length of a text", length, MAX_STRING)?)?;
                }
                return Ok(Value::Other { len });
            }
            _ => return Err(HeaderError::Unknown { what: "the type of an array's elements", number }),
        };
        if len > KEPT_ARRAY || matches!(number, 6 | 12) {
            self.skip(len * width)?;
            return Ok(Value::Other { len });
        }
        let mut ints = Vec::new();
        for _ in 0..len {
            if let Value::Int(n) = self.scalar(number)? {
                ints.push(n);
            }
        }
        Ok(Value::Ints(ints))
    }

    fn tensor(&mut self) -> Result<TensorInfo, HeaderError> {
        let name = self.text("the length of a tensor's name", MAX_NAME)?;
        let rank = self.u32()?;
        if rank > MAX_DIMS {
            return Err(HeaderError::Tensor(name, "more than four dimensions"));
        }
        let dims = (0..rank).map(|_| self.u64()).collect::<Result<Vec<_>, _>>()?;
        let number = self.u32()?;
        let offset = self.u64()?;
        let Some(element) = Element::from_gguf(number) else {
            return Err(HeaderError::Unknown { what: "the element type of a tensor", number });
        };
        if !dims.first().copied().unwrap_or(1).is_multiple_of(element.block()) {
            return Err(HeaderError::Tensor(name, "its rows are no whole number of blocks"));
        }
        match u64::try_from(element.bytes(&dims)) {
            Ok(bytes) if bytes <= u64::MAX / 4 => Ok(TensorInfo { name, dims, element, bytes, offset }),
            _ => Err(HeaderError::Tensor(name, "its dimensions exceed what a file can hold")),
        }
    }
}
