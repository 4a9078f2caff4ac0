//! `torch.save`: values with tensors as `.pt`, for `torch.load(path, weights_only=True)`.
//!
//! The file is a zip archive: `data.pkl`, a pickle of protocol 2 that describes the tensors, and
//! one file for each storage with its elements.
//!
//! Source: `_save` in `torch/serialization.py`, Python's `pickletools.py`.

use std::collections::HashMap;

use tch::{Kind, Tensor};

use super::OutputFile;
use super::bytes;
use super::leaf::strides;
use super::value::{Dict, Key, Value};
use super::zip_file::ZipFile;
use crate::print::dtype_name;
use crate::{Error, Result};

/// The most levels of nesting, as in the reader.
const MOST_DEPTH: usize = 100;

/// `torch.save(value, path)`: writes a value that `torch.load(path, weights_only=True)` reads. A
/// tensor that occurs more than once is written once; views of one storage are written each for
/// itself.
///
/// # Errors
/// If a value or dtype cannot be saved, or if the file cannot be written; an existing file is then
/// unchanged.
pub fn save(value: &Value, file: OutputFile) -> Result<()> {
    let mut pickle = Pickle::default();
    let written = pickle.whole(value);
    file.write_with(|file| {
        written?;
        let mut zip = ZipFile::new(file);
        zip.entry("data.pkl", |file| Ok(file.write_all(&pickle.bytes)?))?;
        zip.entry("byteorder", |file| Ok(file.write_all(b"little")?))?;
        for (key, tensor) in pickle.storages.iter().enumerate() {
            zip.entry(&format!("data/{key}"), |file| bytes::write(tensor, file))?;
        }
        zip.entry("version", |file| Ok(file.write_all(b"3\n")?))?;
        Ok(zip.finish()?)
    })
}

/// A pickle, and the storages that it names.
#[derive(Default)]
struct Pickle {
    bytes: Vec<u8>,
    storages: Vec<Tensor>,
    /// The number of a storage by the place and layout of its tensor.
    known: HashMap<(usize, Kind, Vec<i64>, Vec<i64>), usize>,
}

impl Pickle {
    fn whole(&mut self, value: &Value) -> Result<()> {
        self.bytes.extend(b"\x80\x02");
        self.value(value, 0)?;
        self.bytes.push(b'.');
        Ok(())
    }

    fn value(&mut self, value: &Value, depth: usize) -> Result<()> {
        let refused = |what: &str| Err(Error::Argument(format!("cannot save {what}")));
        if depth > MOST_DEPTH {
            return refused("a value that is nested too deeply");
        }
        match value {
            Value::None => self.bytes.push(b'N'),
            Value::Bool(value) => self.bytes.push(if *value { 0x88 } else { 0x89 }),
            Value::Int(value) => self.int(*value),
            Value::Float(value) => {
                self.bytes.push(b'G');
                self.bytes.extend(value.to_be_bytes());
            }
            Value::Text(text) => self.text(text)?,
            Value::List(values) => {
                self.bytes.extend(b"](");
                values
                    .iter()
                    .try_for_each(|value| self.value(value, depth + 1))?;
                self.bytes.push(b'e');
            }
            Value::Tuple(values) => {
                self.bytes.push(b'(');
                values
                    .iter()
                    .try_for_each(|value| self.value(value, depth + 1))?;
                self.bytes.push(b't');
            }
            Value::Dict(dict) => self.dict(dict, depth)?,
            Value::Tensor(tensor) => self.tensor(tensor)?,
            Value::Other(what) => return refused(what),
        }
        Ok(())
    }

    fn dict(&mut self, dict: &Dict, depth: usize) -> Result<()> {
        let has_versions = !dict.versions.is_empty();
        self.bytes.extend(match has_versions {
            true => &b"ccollections\nOrderedDict\n)R("[..],
            false => b"}(",
        });
        for (key, value) in &dict.entries {
            match key {
                Key::Int(number) => self.int(*number),
                Key::Text(text) => self.text(text)?,
                Key::Other(what) => {
                    return Err(Error::Argument(format!("cannot save the key {what}")));
                }
            }
            self.value(value, depth + 1)?;
        }
        self.bytes.push(b'u');
        if has_versions {
            // The attribute `_metadata` of a state dict.
            self.bytes.push(b'}');
            self.text("_metadata")?;
            self.bytes.extend(b"}(");
            for (module, version) in &dict.versions {
                self.text(module)?;
                self.bytes.push(b'}');
                self.text("version")?;
                self.int(*version);
                self.bytes.push(b's');
            }
            self.bytes.extend(b"usb");
        }
        Ok(())
    }

    fn int(&mut self, value: i64) {
        match i32::try_from(value) {
            Ok(value) => {
                self.bytes.push(b'J');
                self.bytes.extend(value.to_le_bytes());
            }
            Err(_) => {
                self.bytes.extend(b"\x8a\x08");
                self.bytes.extend(value.to_le_bytes());
            }
        }
    }

    fn text(&mut self, text: &str) -> Result<()> {
        let length = u32::try_from(text.len());
        let too_long = |_| Error::Argument("cannot save a text of 4 GiB".to_owned());
        self.bytes.push(b'X');
        self.bytes.extend(length.map_err(too_long)?.to_le_bytes());
        self.bytes.extend(text.as_bytes());
        Ok(())
    }

    fn tensor(&mut self, tensor: &Tensor) -> Result<()> {
        let kind = tensor.f_kind()?;
        let class = storage_class(kind).ok_or_else(|| {
            Error::Tensor(format!("cannot save a tensor of {}", dtype_name(kind)))
        })?;
        if !tensor.defined() || tensor.is_sparse() {
            return Err(Error::Tensor(
                "cannot save a tensor that is not dense".to_owned(),
            ));
        }
        let place = (
            tensor.data_ptr() as usize,
            kind,
            tensor.size(),
            tensor.stride(),
        );
        let is_empty = tensor.numel() == 0;
        let known = self.known.get(&place).copied().filter(|_| !is_empty);
        let key = known.unwrap_or_else(|| {
            self.storages.push(tensor.shallow_clone());
            let key = self.storages.len() - 1;
            self.known.insert(place, key);
            key
        });
        self.bytes.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        self.text("storage")?;
        self.bytes.extend(format!("ctorch\n{class}\n").as_bytes());
        self.text(&key.to_string())?;
        self.text("cpu")?;
        self.int(tensor.numel() as i64);
        self.bytes.extend(b"tQ");
        self.int(0);
        let size = tensor.size();
        let stride = strides(&size).unwrap_or_default();
        for sizes in [size, stride] {
            self.bytes.push(b'(');
            sizes.into_iter().for_each(|size| self.int(size));
            self.bytes.push(b't');
        }
        // Requires no gradient, and has no hooks.
        self.bytes.extend(b"\x89ccollections\nOrderedDict\n)RtR");
        Ok(())
    }
}

fn storage_class(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Bool => "BoolStorage",
        Kind::Uint8 => "ByteStorage",
        Kind::Int8 => "CharStorage",
        Kind::Int16 => "ShortStorage",
        Kind::Int => "IntStorage",
        Kind::Int64 => "LongStorage",
        Kind::Half => "HalfStorage",
        Kind::BFloat16 => "BFloat16Storage",
        Kind::Float => "FloatStorage",
        Kind::Double => "DoubleStorage",
        Kind::ComplexFloat => "ComplexFloatStorage",
        Kind::ComplexDouble => "ComplexDoubleStorage",
        _ => return None,
    })
}
