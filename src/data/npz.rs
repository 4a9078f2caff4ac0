//! Arrays of integers in NumPy's `.npz`.

use std::path::Path;

use anyhow::{Result, anyhow, ensure};

use crate::torch::serialization::npy::Header;
use crate::torch::serialization::npz::Npz;
use crate::torch::shown;

/// An open `.npz` file.
pub(super) struct Archive(Npz);

impl Archive {
    pub(super) fn open(path: &Path) -> Result<Self> {
        Ok(Self(Npz::open(path)?))
    }

    /// The names of the arrays, in the order of the archive.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.names()
    }

    /// The header of the array of that name. Its elements are not read.
    pub(super) fn header(&self, name: &str) -> Result<Header> {
        let header = self.0.header(name);
        let header = header.map_err(|problem| anyhow!("{name}: {problem}"))?;
        ensure!(
            !header.is_fortran,
            "{name}: expected C order, found Fortran order: save numpy.ascontiguousarray of it"
        );
        Ok(header)
    }

    /// Returns an error unless there are as many bytes as the elements need.
    pub(super) fn check(&self, name: &str, header: &Header) -> Result<()> {
        let checked = self.0.check(name, header);
        checked.map_err(|problem| anyhow!("{name}: {problem}"))
    }

    /// Reads the array with that header.
    pub(super) fn array(&self, name: &str, header: Header) -> Result<Array> {
        let elements = self.0.elements(name, &header);
        let elements = elements.map_err(|problem| anyhow!("{name}: {problem}"))?;
        Ok(Array { header, elements })
    }
}

/// An array in C order.
pub(super) struct Array {
    pub(super) header: Header,
    /// The bytes of all elements.
    pub(super) elements: Vec<u8>,
}

impl Array {
    /// The elements, if they are integers of any size and byte order.
    pub(super) fn integers(&self) -> Option<impl Iterator<Item = i128>> {
        let [
            order @ (b'<' | b'>' | b'|'),
            kind @ (b'i' | b'u'),
            size @ (b'1' | b'2' | b'4' | b'8'),
        ] = *self.header.dtype.as_bytes()
        else {
            return None;
        };
        let size = usize::from(size - b'0');
        Some(self.elements.chunks(size).map(move |bytes| {
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
        }))
    }
}

/// The dtype and the shape of an array.
pub(super) fn description(header: &Header) -> String {
    let dtype = match header.dtype.len() {
        0..=20 => header.dtype.clone(),
        _ => shown(&header.dtype),
    };
    format!("{dtype} of shape {}", shortened(&header.shape_text()))
}

/// The start of a long text.
fn shortened(text: &str) -> String {
    const MOST: usize = 100;
    match text.char_indices().nth(MOST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
