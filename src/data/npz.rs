//! Arrays in NumPy's `.npz`: a zip archive with one `.npy` file for each array.
//!
//! A `.npy` file is a magic number, a version, the length of its header, the header (a Python
//! dictionary of `descr`, `fortran_order` and `shape`) and the elements. Source:
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use py_literal::Value;
use zip::{CompressionMethod, ZipArchive};

use crate::torch::{one_line, shown};

use super::bytes::{most_inflated, open, read_exactly};

/// By default, NumPy does not read longer headers either.
const MOST_HEADER: usize = 10_000;

/// An open `.npz` file.
pub(super) struct Archive {
    zip: ZipArchive<BufReader<File>>,
    /// The size of the file.
    length: u64,
}

impl Archive {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let (file, length) = open(path)?;
        let zip = ZipArchive::new(file).map_err(|error| {
            let path = path.display();
            anyhow!("{path}: not a complete .npz file: {}", one_line(&error))
        })?;
        Ok(Self { zip, length })
    }

    /// The names of the arrays, in the order of the archive.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        let names = self.zip.file_names_raw().map(String::from_utf8_lossy);
        names.map(|name| name.strip_suffix(".npy").unwrap_or(&name).to_owned())
    }

    /// Reads the array of that name, of at most `most` bytes plus its header.
    pub(super) fn array(&mut self, name: &str, most: u64) -> Result<Array> {
        let bytes = self.read(&format!("{name}.npy"), most + MOST_HEADER as u64);
        let array = bytes.and_then(parse);
        array.with_context(|| name.to_owned())
    }

    /// The bytes of a file in the archive, at most `limit` of them, with a verified checksum.
    fn read(&mut self, name: &str, limit: u64) -> Result<Vec<u8>> {
        let unreadable = |error| anyhow!("cannot be read: {}", one_line(&error));
        let entry = self.zip.by_name(name).map_err(unreadable)?;
        let compressed = entry.compressed_size().min(self.length);
        let most = match entry.compression() {
            CompressionMethod::Stored => compressed,
            _ => most_inflated(compressed),
        };
        let length = entry.size();
        if length > most {
            bail!("the archive announces {length} bytes, but can hold at most {most}");
        }
        ensure!(
            length <= limit,
            "expected at most {limit} bytes, found {length}"
        );
        read_exactly(entry, length)
    }
}

/// An array in C order.
#[derive(Debug, PartialEq)]
pub(super) struct Array {
    /// The type of an element, such as `<i8` for little-endian int64.
    pub(super) dtype: String,
    pub(super) shape: Vec<u64>,
    /// The bytes of all elements.
    pub(super) elements: Vec<u8>,
}

impl Array {
    /// The elements, if they are integers of any size and byte order.
    ///
    /// # Errors
    /// If shape and bytes do not match.
    pub(super) fn integers(&self) -> Result<Option<impl Iterator<Item = i128>>> {
        let [
            order @ (b'<' | b'>' | b'|'),
            kind @ (b'i' | b'u'),
            size @ (b'1' | b'2' | b'4' | b'8'),
        ] = *self.dtype.as_bytes()
        else {
            return Ok(None);
        };
        let size = usize::from(size - b'0');
        self.check_length(size as u64)?;
        Ok(Some(self.elements.chunks(size).map(move |bytes| {
            let place = |index| {
                if order == b'>' {
                    size - 1 - index
                } else {
                    index
                }
            };
            let negative = kind == b'i' && bytes[place(size - 1)] >= 0x80;
            let mut wide = [if negative { 0xff } else { 0 }; 16];
            for (index, byte) in wide[..size].iter_mut().enumerate() {
                *byte = bytes[place(index)];
            }
            i128::from_le_bytes(wide)
        })))
    }

    /// Returns an error unless there are as many bytes as elements of `size` bytes need.
    pub(super) fn check_length(&self, size: u64) -> Result<()> {
        let needed = self.shape.iter().try_fold(size, |n, &m| n.checked_mul(m));
        let found = self.elements.len() as u64;
        ensure!(
            needed == Some(found),
            "its shape {} does not match {found} bytes of data",
            self.shape_text()
        );
        Ok(())
    }

    /// The shape as Python prints it.
    pub(super) fn shape_text(&self) -> String {
        match self.shape[..] {
            [only] => format!("({only},)"),
            _ => {
                let numbers: Vec<String> = self.shape.iter().map(u64::to_string).collect();
                format!("({})", numbers.join(", "))
            }
        }
    }
}

/// Splits a `.npy` file into header and elements.
fn parse(mut bytes: Vec<u8>) -> Result<Array> {
    let (start, header) = find_header(&bytes).context("expected a .npy file of version 1 to 3")?;
    let (dtype, shape) = parse_header(header)?;
    bytes.drain(..start + header.len());
    Ok(Array {
        dtype,
        shape,
        elements: bytes,
    })
}

/// The position of the header, and its text.
fn find_header(bytes: &[u8]) -> Option<(usize, &str)> {
    let (start, length): (usize, usize) = match *bytes.strip_prefix(b"\x93NUMPY")? {
        [1, 0, a, b, ..] => (10, usize::from(u16::from_le_bytes([a, b]))),
        [2 | 3, 0, a, b, c, d, ..] => (12, u32::from_le_bytes([a, b, c, d]) as usize),
        _ => return None,
    };
    let text = bytes.get(start..start.checked_add(length)?)?;
    Some((start, str::from_utf8(text).ok()?))
}

/// The dtype and the shape in a header.
fn parse_header(header: &str) -> Result<(String, Vec<u64>)> {
    let odd = || format!("expected the header of an array, found {}", shown(header));
    ensure!(header.len() <= MOST_HEADER, odd());
    // One dictionary and one tuple, as the parser's time doubles with each level of nesting.
    ensure!(header.matches(['(', '[', '{']).count() <= 2, odd());
    let value = header.trim().parse();
    let Ok(Value::Dict(entries)) = value else {
        bail!(odd());
    };
    let find = |name: &str| {
        let has_name = |(key, _): &&(Value, Value)| key.as_string().is_some_and(|key| key == name);
        entries.iter().find(has_name).map(|(_, value)| value)
    };
    let (
        Some(Value::String(dtype)),
        Some(Value::Boolean(is_fortran_order)),
        Some(Value::Tuple(shape)),
    ) = (find("descr"), find("fortran_order"), find("shape"))
    else {
        bail!(odd());
    };
    ensure!(
        !is_fortran_order,
        "expected C order, found Fortran order: save numpy.ascontiguousarray of it"
    );
    let number = |value: &Value| value.as_integer().and_then(|n| u64::try_from(n).ok());
    let shape = shape.iter().map(number).collect::<Option<_>>();
    Ok((dtype.clone(), shape.with_context(odd)?))
}
