//! `torch.load` for files written by `torch.save(model.state_dict(), "model.pt")`.
//!
//! The file is an uncompressed zip archive: `data.pkl`, a pickle that describes the tensors, and
//! one file for each storage with its elements. Tensors that share a storage, such as tied weights,
//! share it here too. No more memory is used than the file has bytes.
//!
//! Source: `_save` and `_load` in `torch/serialization.py`.

mod pickle;

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use tch::{Kind, TchError, Tensor};
use zip::{CompressionMethod, ZipArchive};

use super::NamedTensors;
use crate::{Error, Result, one_line, shown};
use pickle::{Storage, View};

/// The most bytes of the pickle: 256 for each of the most tensors that a state dict may have.
const MOST_PICKLE: u64 = 1 << 24;

/// The first bytes of a file in the format before archives: a pickled number.
const BEFORE_ARCHIVES: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";

/// Reads every tensor of a `.pt` file onto the CPU. No code in its pickle is run.
///
/// As in the saved state dict, tensors may be non-contiguous views and may share memory. A
/// `Parameter` is read as a plain tensor.
///
/// # Errors
/// If the file cannot be read or does not hold a dict of tensors by name; if it has the format
/// before PyTorch 1.6, is big-endian, compressed or damaged; or if a dtype is not bool, an integer
/// of up to 64 bits, float16, bfloat16, float32 or float64.
pub fn read_pt(path: &Path) -> Result<NamedTensors> {
    let unreadable = |source| Error::read(path, source);
    let file = File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if !about.is_file() {
        let message = "not a regular file";
        return Err(unreadable(io::Error::other(message)));
    }
    let mut file = BufReader::new(file);
    let mut start = Vec::new();
    let first = (&mut file).take(BEFORE_ARCHIVES.len() as u64);
    let read = { first }
        .read_to_end(&mut start)
        .and_then(|_| file.rewind());
    read.map_err(unreadable)?;
    let tensors = if start == BEFORE_ARCHIVES {
        Err(conversion(path))
    } else {
        read_archive(file, about.len())
    };
    tensors.map_err(|found| {
        let expected = "expected a dict of tensors, as torch.save(model.state_dict(), ...) writes";
        Error::file(path, format!("{expected}; {found}"))
    })
}

/// The command that converts a file of the old format to an archive.
fn conversion(path: &Path) -> String {
    let quoted = format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    format!(
        "found the format before PyTorch 1.6; convert it: python -c 'import sys, torch; \
         torch.save(torch.load(sys.argv[1], weights_only=True), sys.argv[1])' {quoted}"
    )
}

/// The tensors in an archive of `length` bytes, or a phrase that says what was found instead.
fn read_archive(file: impl Read + Seek, length: u64) -> Result<NamedTensors, String> {
    let no_archive = |error| format!("found no complete zip archive: {}", one_line(&error));
    let zip = ZipArchive::new(file).map_err(no_archive)?;
    let mut archive = Archive::new(zip, length)?;
    if archive.has("byteorder") && archive.read("byteorder", 6)? != b"little" {
        return Err("found big-endian data".to_owned());
    }
    let pickle = archive.read("data.pkl", MOST_PICKLE)?;
    let views = pickle::read_state_dict(&pickle)?;
    let mut storages = HashMap::new();
    let mut tensors = NamedTensors::new();
    for (name, view) in views {
        let tensor = read_tensor(&mut archive, &mut storages, &view);
        let tensor = tensor.map_err(|what| format!("{} {what}", shown(name)))?;
        tensors.insert(name.to_owned(), tensor);
    }
    Ok(tensors)
}

/// The archive. In total, no more bytes are read than the file has.
struct Archive<R: Read + Seek> {
    zip: ZipArchive<R>,
    /// The archive's top folder, which contains everything.
    folder: String,
    /// The bytes of the file that have not been read yet.
    unread: u64,
    /// The bytes that may still be copied; initially the size of the file.
    uncopied: u64,
}

impl<R: Read + Seek> Archive<R> {
    fn new(zip: ZipArchive<R>, length: u64) -> Result<Self, String> {
        const PICKLE: &[u8] = b"/data.pkl";
        let names = zip.file_names_raw();
        let folders: Vec<&[u8]> = names.filter_map(|name| name.strip_suffix(PICKLE)).collect();
        let [folder] = folders[..] else {
            return Err("found an archive without exactly one data.pkl".to_owned());
        };
        let folder = String::from_utf8_lossy(folder).into_owned();
        Ok(Self {
            zip,
            folder,
            unread: length,
            uncopied: length,
        })
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(&self.path(name)).is_some()
    }

    /// Reads the file of that name, if it has at most `most` bytes.
    fn read(&mut self, name: &str, most: u64) -> Result<Vec<u8>, String> {
        let path = self.path(name);
        let name = shown(name);
        let cannot = |error: &(dyn StdError + 'static)| {
            format!("cannot read {name} of the archive: {}", one_line(error))
        };
        let entry = self.zip.by_name(&path).map_err(|error| cannot(&error))?;
        if entry.compression() != CompressionMethod::Stored {
            return Err(format!(
                "found {name} compressed, but torch.save does not compress"
            ));
        }
        let size = entry.size();
        if size > most {
            return Err(format!(
                "found {size} bytes of {name}, expected at most {most}"
            ));
        }
        // Entries may overlap and so add up to more than the file.
        let left = self.unread.checked_sub(size);
        self.unread = left.ok_or("found an archive whose entries are larger than the file")?;
        let mut bytes = Vec::new();
        // Reading one byte past the end makes the zip reader verify the checksum.
        let read = entry.take(size + 1).read_to_end(&mut bytes);
        read.map_err(|error| cannot(&error))?;
        if bytes.len() as u64 != size {
            return Err(cannot(&io::Error::other("cut short")));
        }
        Ok(bytes)
    }
}

/// A view of its storage; the storage is read on first use.
fn read_tensor<R: Read + Seek>(
    archive: &mut Archive<R>,
    storages: &mut HashMap<String, (Storage, Tensor)>,
    view: &View,
) -> Result<Tensor, String> {
    let storage = &view.storage;
    check_bounds(view)?;
    if !storages.contains_key(&storage.key) {
        let tensor = read_storage(archive, storage)?;
        storages.insert(storage.key.clone(), (storage.clone(), tensor));
    }
    let (known, elements) = &storages[&storage.key];
    if known != storage {
        return Err("shares its storage with a tensor of another dtype".to_owned());
    }
    let tensor = elements.f_as_strided(&view.size, &view.stride, view.offset);
    let tensor = tensor.map_err(refused_by_libtorch)?;
    if !view.is_negative {
        return Ok(tensor);
    }
    // Unlike a view, this tensor has memory of its own.
    let bytes = (tensor.numel() as u64).checked_mul(bytes_each(storage.kind));
    let left = bytes.and_then(|bytes| archive.uncopied.checked_sub(bytes));
    archive.uncopied = left.ok_or("is larger than the file")?;
    tensor.f_neg().map_err(refused_by_libtorch)
}

fn refused_by_libtorch(error: TchError) -> String {
    format!("is refused by libtorch: {}", one_line(&error))
}

fn bytes_each(kind: Kind) -> u64 {
    kind.elt_size_in_bytes() as u64
}

/// All elements of a storage, as a one-dimensional tensor.
fn read_storage<R: Read + Seek>(
    archive: &mut Archive<R>,
    storage: &Storage,
) -> Result<Tensor, String> {
    let name = format!("data/{}", storage.key);
    let bytes = archive.read(&name, u64::MAX)?;
    let each = bytes_each(storage.kind);
    let announced = u64::try_from(storage.length).ok();
    let announced = announced.and_then(|length| length.checked_mul(each));
    if announced != Some(bytes.len() as u64) {
        return Err(format!(
            "has {} elements of {each} bytes in its storage, but the file has {} bytes",
            storage.length,
            bytes.len()
        ));
    }
    let tensor = Tensor::f_from_data_size(&bytes, &[storage.length], storage.kind);
    tensor.map_err(refused_by_libtorch)
}

/// Returns an error unless every element lies in the storage.
fn check_bounds(view: &View) -> Result<(), String> {
    let dimensions = || view.size.iter().zip(&view.stride);
    let is_shape = view.size.len() == view.stride.len()
        && dimensions().all(|(&size, &stride)| size >= 0 && stride >= 0);
    let count = view.size.iter().try_fold(1i64, |n, &m| n.checked_mul(m));
    let last = dimensions().try_fold(view.offset, |sum, (&size, &stride)| {
        sum.checked_add(size.saturating_sub(1).checked_mul(stride)?)
    });
    let is_inside = match (count, last) {
        (Some(0), _) => (0..=view.storage.length).contains(&view.offset),
        (Some(_), Some(last)) => view.offset >= 0 && last < view.storage.length,
        _ => false,
    };
    if !is_shape || !is_inside {
        return Err(format!(
            "has shape {:?}, stride {:?} and offset {} in a storage of {} elements",
            view.size, view.stride, view.offset, view.storage.length
        ));
    }
    Ok(())
}
