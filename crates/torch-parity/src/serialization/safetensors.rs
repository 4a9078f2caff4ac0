//! `safetensors.torch`: named tensors in one `.safetensors` file, fully checked when read.
//!
//! The file is the length of its header (8 bytes), the header (JSON: dtype, shape and place of
//! each tensor, and text metadata) and the tensors' bytes, without a gap. Source:
//! <https://huggingface.co/docs/safetensors>.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io::Write;
use std::path::Path;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value as Json;
use tch::Kind;

use super::NamedTensors;
use super::bytes::{self, WriteError};
use super::leaf::{Leaf, MOST_TENSORS, Storage, Stored, impossible, strides, too_many};
use super::source::Section;
use super::value::{Dict, Key, Value};
use crate::print::dtype_name;
use crate::{Error, Result, one_line, shown};

/// The most bytes of a header, as in the crate safetensors.
const MOST_HEADER: u64 = 100_000_000;

/// The text metadata in the header of a `.safetensors` file.
pub type Metadata = HashMap<String, String>;

/// Reads every tensor of a `.safetensors` file, onto the CPU.
///
/// # Errors
/// If the file cannot be read, is not a complete `.safetensors` file, or has a dtype that libtorch
/// does not support.
pub fn read_safetensors(path: &Path) -> Result<NamedTensors> {
    Ok(read_safetensors_and_metadata(path)?.0)
}

/// As [`read_safetensors`], together with the metadata in the header.
///
/// # Errors
/// See [`read_safetensors`].
pub fn read_safetensors_and_metadata(path: &Path) -> Result<(NamedTensors, Metadata)> {
    let file = Section::open(path)?;
    let refused = |problem: String| Error::file(path, problem);
    let (dict, metadata) = read(&file).map_err(refused)?;
    let tensors = dict.entries.into_iter().map(|(key, value)| {
        let name = shown_key(&key);
        let tensor = match value {
            Value::Tensor(leaf) => leaf.read(),
            other => Err(format!("is {}", other.kind())),
        };
        let tensor = tensor.map_err(|problem| refused(format!("tensor {name} {problem}")))?;
        match key {
            Key::Text(name) => Ok((name, tensor)),
            _ => Err(refused("expected names".to_owned())),
        }
    });
    Ok((tensors.collect::<Result<_>>()?, metadata))
}

/// The metadata in the header of a `.safetensors` file. No tensor is read.
///
/// # Errors
/// If the file cannot be read, or has no such header.
pub fn read_metadata(path: &Path) -> Result<Metadata> {
    let file = Section::open(path)?;
    let header = read_header(&file);
    let (header, _) = header.map_err(|problem| Error::file(path, problem))?;
    Ok(header.metadata)
}

fn shown_key(key: &Key) -> String {
    key.to_string()
}

/// The header of a file and its length; or a phrase that says what is wrong with it.
fn read_header(file: &Section) -> Result<(Header, u64), String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {}", one_line(&error));
    let start = file.head(8).map_err(unreadable)?;
    let length = start.try_into().map_err(|_| odd("it is cut short"))?;
    let length = u64::from_le_bytes(length);
    if length > MOST_HEADER {
        return Err(odd(&format!("it announces a header of {length} bytes")));
    }
    let header = file
        .part(8, length)
        .ok_or_else(|| odd("its header is cut short"))?;
    // The first bytes of another kind of file announce a header of any length.
    if length > 0 && header.head(1).map_err(unreadable)? != b"{" {
        return Err(odd("expected a header in JSON"));
    }
    let header = header.head(length).map_err(unreadable)?;
    let mut reader = serde_json::Deserializer::from_slice(&header);
    let header = reader.deserialize_map(Header::default());
    let header = header.and_then(|header| reader.end().map(|()| header));
    Ok((header.map_err(|error| odd(&one_line(&error)))?, length))
}

fn odd(problem: &str) -> String {
    format!("not a .safetensors file: {problem}")
}

/// The tensors of a file by name, and its metadata; or a phrase that says what is wrong with it.
pub(super) fn read(file: &Section) -> Result<(Dict<Stored>, Metadata), String> {
    let (mut header, length) = read_header(file)?;
    header.tensors.sort_by_key(|(_, about)| about.place);
    let data = file
        .rest(8 + length)
        .ok_or_else(|| odd("it is cut short"))?;
    let mut next = 0;
    let mut dict = Dict::default();
    for (name, about) in header.tensors {
        let (start, end) = about.place;
        if start != next || end < start {
            let name = shown(&name);
            return Err(odd(&format!(
                "tensor {name} does not start where the last one ends"
            )));
        }
        next = end;
        let part = data.part(start, end - start);
        let part = part.ok_or_else(|| odd(&format!("tensor {} is cut short", shown(&name))))?;
        let value = about
            .tensor(part)
            .map_err(|what| format!("tensor {}: {what}", shown(&name)))?;
        dict.entries.push((Key::Text(name), value));
    }
    match next == data.length() {
        true => Ok((dict, header.metadata)),
        false => Err(odd(&format!(
            "{} bytes follow the last tensor",
            data.length() - next
        ))),
    }
}

/// The entry of a tensor.
#[derive(Debug)]
struct About {
    dtype: String,
    shape: Vec<u64>,
    place: (u64, u64),
}

impl About {
    fn parse(json: &Json) -> Option<Self> {
        let list = |name| json.get(name).and_then(Json::as_array);
        let shape = list("shape")?.iter().map(Json::as_u64);
        let place = list("data_offsets")?.iter().map(Json::as_u64);
        let place = place.collect::<Option<Vec<u64>>>()?;
        Some(Self {
            dtype: json.get("dtype")?.as_str()?.to_owned(),
            shape: shape.collect::<Option<_>>()?,
            place: <[u64; 2]>::try_from(place).ok()?.into(),
        })
    }

    fn tensor(self, part: Section) -> Result<Value<Stored>, String> {
        let Some(kind) = to_kind(&self.dtype) else {
            return Ok(Value::Other(format!(
                "a tensor of dtype {}",
                shown(&self.dtype)
            )));
        };
        let shape = self.shape.iter().map(|&size| i64::try_from(size).ok());
        let shape = shape.collect::<Option<Vec<i64>>>();
        let Some(shape) = shape.filter(|shape| strides(shape).is_some()) else {
            return Err(impossible(&self.shape));
        };
        let each = kind.elt_size_in_bytes() as i64;
        let length = shape.iter().try_fold(each, |n, &m| n.checked_mul(m));
        if length.map(|length| length as u64) != Some(part.length()) {
            let (shape, found) = (shown(&format!("{shape:?}")), part.length());
            let shape = shape.trim_matches('"');
            return Err(format!("{found} bytes do not match the shape {shape}"));
        }
        let leaf = Leaf::contiguous(Storage::plain(part, None), kind, shape)?;
        Ok(Value::Tensor(Box::new(leaf)))
    }
}

/// The header of a file. Each name occurs once.
#[derive(Debug, Default)]
struct Header {
    metadata: Metadata,
    tensors: Vec<(String, About)>,
}

impl<'de> Visitor<'de> for Header {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        let mut has_metadata = false;
        while let Some(name) = map.next_key::<String>()? {
            if name == "__metadata__" {
                if has_metadata {
                    return Err(A::Error::custom("two entries __metadata__"));
                }
                has_metadata = true;
                self.metadata = map.next_value()?;
                continue;
            }
            let about = About::parse(&map.next_value()?);
            let odd = || A::Error::custom(format!("an invalid entry {}", shown(&name)));
            let about = about.ok_or_else(odd)?;
            if self.tensors.len() == MOST_TENSORS {
                return Err(A::Error::custom(too_many()));
            }
            self.tensors.push((name, about));
        }
        let mut names: Vec<&str> = self.tensors.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => {
                let name = shown(pair[0]);
                Err(A::Error::custom(format!("found the key {name} twice")))
            }
            None => Ok(self),
        }
    }
}

/// Writes a `.safetensors` file, a tensor at a time.
///
/// # Errors
/// If a dtype is not supported, or if writing fails.
pub(super) fn write(
    tensors: &NamedTensors,
    metadata: Metadata,
    file: &mut dyn Write,
) -> Result<(), WriteError> {
    let mut all = Vec::new();
    for (name, tensor) in tensors {
        let dtype = to_dtype(tensor.kind()).ok_or_else(|| {
            let dtype = dtype_name(tensor.kind());
            let problem = format!("{}: .safetensors has no {dtype}", shown(name));
            Error::Tensor(problem)
        })?;
        all.push((name, dtype, tensor));
    }
    // The largest elements first, so that all are aligned.
    all.sort_by_key(|(_, _, tensor)| std::cmp::Reverse(tensor.kind().elt_size_in_bytes()));
    let mut header = serde_json::Map::new();
    if !metadata.is_empty() {
        let sorted: BTreeMap<String, String> = metadata.into_iter().collect();
        header.insert("__metadata__".to_owned(), serde_json::json!(sorted));
    }
    let mut start = 0;
    for (name, dtype, tensor) in &all {
        let end = start + bytes::length(tensor);
        let about = serde_json::json!({
            "dtype": dtype,
            "shape": tensor.size(),
            "data_offsets": [start, end],
        });
        header.insert((*name).clone(), about);
        start = end;
    }
    let mut header = Json::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(&header)?;
    for (_, _, tensor) in all {
        bytes::write(tensor, file)?;
    }
    Ok(())
}

const DTYPES: [(&str, Kind); 13] = [
    ("BOOL", Kind::Bool),
    ("U8", Kind::Uint8),
    ("I8", Kind::Int8),
    ("I16", Kind::Int16),
    ("I32", Kind::Int),
    ("I64", Kind::Int64),
    ("F16", Kind::Half),
    ("BF16", Kind::BFloat16),
    ("F32", Kind::Float),
    ("F64", Kind::Double),
    ("C64", Kind::ComplexFloat),
    ("F8_E4M3", Kind::Float8e4m3fn),
    ("F8_E5M2", Kind::Float8e5m2),
];

fn to_kind(dtype: &str) -> Option<Kind> {
    let known = DTYPES.iter().find(|(known, _)| *known == dtype);
    known.map(|&(_, kind)| kind)
}

fn to_dtype(kind: Kind) -> Option<&'static str> {
    let known = DTYPES.iter().find(|(_, known)| *known == kind);
    known.map(|&(dtype, _)| dtype)
}
