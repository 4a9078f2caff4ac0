//! NumPy's `.npz`: a zip archive with one `.npy` file for each array.

use std::path::Path;
use std::rc::Rc;

use flate2::read::DeflateDecoder;

use super::leaf::{Bytes, Place, Storage};
use super::npy::Header;
use super::source::Section;
use super::zip::{Directory, Entry};
use crate::Error;

/// Deflate turns 2 bits into at most 258 bytes.
const MOST_EXPANSION: u64 = 1032;

/// The header of the array in an entry of an archive.
pub(super) fn header(entry: &Entry) -> Result<Header, String> {
    match entry.is_deflated {
        true => Header::read(DeflateDecoder::new(entry.part.clone())),
        false => Header::read(entry.part.clone()),
    }
}

/// The elements of the array in an entry of an archive.
pub(super) fn storage(entry: &Entry, header: &Header) -> Result<Rc<Storage>, String> {
    let most = match entry.is_deflated {
        true => entry.part.length().saturating_mul(MOST_EXPANSION),
        false => entry.part.length(),
    };
    let length = Some(entry.size).filter(|&size| size <= most);
    let length = length.and_then(|size| size.checked_sub(header.length));
    let place = Place {
        part: entry.part.clone(),
        is_deflated: entry.is_deflated,
        skipped: header.length,
        checksum: Some(entry.checksum),
    };
    let length = length.ok_or_else(|| {
        let found = entry.size;
        format!("the archive announces {found} bytes, but can hold at most {most}")
    })?;
    Ok(Storage::new(Bytes::File(place), length))
}

/// The arrays of an `.npz` file.
#[derive(Debug)]
pub struct Npz(Directory);

impl Npz {
    /// Opens a file.
    ///
    /// # Errors
    /// If it cannot be read or is no `.npz` file, if two arrays have one name, or if their bytes
    /// overlap.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = Section::open(path)?;
        let directory = Directory::read(&file);
        let no_npz = |found| Error::file(path, format!("expected an .npz file; {found}"));
        directory.map(Self).map_err(no_npz)
    }

    /// The names of the arrays, in the order of the archive.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.0.names.iter();
        names.map(|name| name.strip_suffix(".npy").unwrap_or(name))
    }

    fn entry(&self, name: &str) -> Result<&Entry, String> {
        let entry = self.0.entries.get(&format!("{name}.npy"));
        entry.ok_or_else(|| "it is missing".to_owned())
    }

    /// The header of the array of that name. Nothing else is read.
    ///
    /// # Errors
    /// A phrase that says what was expected and what was found.
    pub fn header(&self, name: &str) -> Result<Header, String> {
        header(self.entry(name)?)
    }

    /// The bytes of all elements of the array with that header, with a verified checksum.
    ///
    /// # Errors
    /// A phrase that says what was expected and what was found.
    pub fn elements(&self, name: &str, header: &Header) -> Result<Vec<u8>, String> {
        let storage = self.storage(name, header)?;
        let elements = storage.bytes();
        elements.map_err(|problem| format!("its data {problem}"))
    }

    /// Returns an error unless the archive has as many bytes as the elements need.
    ///
    /// # Errors
    /// A phrase that says what was expected and what was found.
    pub fn check(&self, name: &str, header: &Header) -> Result<(), String> {
        self.storage(name, header).map(drop)
    }

    fn storage(&self, name: &str, header: &Header) -> Result<Rc<Storage>, String> {
        let storage = storage(self.entry(name)?, header)?;
        match header.bytes() == Some(storage.length) {
            true => Ok(storage),
            false => {
                let (shape, found) = (header.shape_text(), storage.length);
                Err(format!(
                    "its shape {shape} does not match {found} bytes of data"
                ))
            }
        }
    }
}
