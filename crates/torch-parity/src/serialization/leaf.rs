//! Tensors in files that have not been read yet.

use std::cell::RefCell;
use std::io::Read;
use std::rc::Rc;

use flate2::read::DeflateDecoder;
use tch::{Device, Kind, TchError, Tensor, no_grad};

use super::source::Section;
use crate::one_line;

/// The most dimensions of a tensor; libtorch's own limit.
pub(super) const MOST_DIMENSIONS: usize = 64;

/// The most tensors of a file.
pub(super) const MOST_TENSORS: usize = 1 << 18;

/// The bytes that are read at a time.
const CHUNK: usize = 1 << 20;

/// A tensor in a file: a view of a storage. Offset and strides count elements.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub storage: Rc<Storage>,
    pub kind: Kind,
    pub offset: i64,
    pub size: Vec<i64>,
    pub stride: Vec<i64>,
    /// True if the elements are to be negated: a view such as `x.conj().imag`.
    pub is_negative: bool,
    /// True if the elements are to be conjugated.
    pub is_conjugate: bool,
}

/// A tensor within a value, where it takes little room.
pub(super) type Stored = Box<Leaf>;

/// The memory of one or more tensors. It is read on first use and kept as long as one of them is.
#[derive(Debug)]
pub(super) struct Storage {
    bytes: Bytes,
    /// Its size.
    pub length: u64,
    /// All bytes, uint8 `(length,)`.
    read: RefCell<Option<Tensor>>,
}

/// The place of a storage's bytes.
#[derive(Debug)]
pub(super) enum Bytes {
    File(Place),
    /// NumPy arrays within a pickle.
    Memory(Vec<u8>),
}

/// A part of a file that ends with the bytes of a storage.
#[derive(Debug)]
pub(super) struct Place {
    pub part: Section,
    pub is_deflated: bool,
    /// The number of bytes before those of the storage.
    pub skipped: u64,
    /// The CRC-32 of the whole part, if there is one.
    pub checksum: Option<u32>,
}

impl Storage {
    pub fn new(bytes: Bytes, length: u64) -> Rc<Self> {
        let read = RefCell::new(None);
        Rc::new(Self {
            bytes,
            length,
            read,
        })
    }

    /// All bytes as they are in a part of a file.
    pub fn plain(part: Section, checksum: Option<u32>) -> Rc<Self> {
        let length = part.length();
        let place = Place {
            part,
            is_deflated: false,
            skipped: 0,
            checksum,
        };
        Self::new(Bytes::File(place), length)
    }

    /// The bytes, uint8 `(length,)`.
    fn tensor(&self) -> Result<Tensor, String> {
        let mut read = self.read.borrow_mut();
        if let Some(tensor) = &*read {
            return Ok(tensor.shallow_clone());
        }
        let tensor = self.read()?;
        *read = Some(tensor.shallow_clone());
        Ok(tensor)
    }

    fn read(&self) -> Result<Tensor, String> {
        let length = i64::try_from(self.length).map_err(|_| "is too large".to_owned())?;
        let all = Tensor::f_empty([length], (Kind::Uint8, Device::Cpu));
        let all = all.map_err(|error| no_memory(self.length, error))?;
        let mut start = 0;
        self.each_chunk(true, |chunk| {
            let length = chunk.len() as i64;
            let copied = all.f_narrow(0, start, length).and_then(|mut place| {
                let chunk = Tensor::f_from_slice(chunk)?;
                place.f_copy_(&chunk)
            });
            start += length;
            copied.map_err(refused_by_libtorch)
        })?;
        Ok(all)
    }

    /// Reads the bytes. The buffer grows as they arrive.
    pub fn bytes(&self) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        self.each_chunk(true, |chunk| {
            let reserved = bytes.try_reserve(chunk.len());
            reserved.map_err(|_| "not enough memory".to_owned())?;
            bytes.extend(chunk);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// Returns an error if the bytes cannot be read or do not have their CRC-32. Bytes without one
    /// are not read.
    pub fn verify(&self) -> Result<(), String> {
        let has_checksum = match &self.bytes {
            Bytes::File(place) => place.checksum.is_some(),
            Bytes::Memory(_) => false,
        };
        match has_checksum && self.read.borrow().is_none() {
            true => self.each_chunk(false, |_| Ok(())),
            false => Ok(()),
        }
    }

    /// Passes all bytes on, a piece at a time, and checks their CRC-32. Those that are kept are
    /// counted.
    fn each_chunk(
        &self,
        is_kept: bool,
        mut pass: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        let place = match &self.bytes {
            Bytes::Memory(bytes) => return pass(bytes),
            Bytes::File(place) => place,
        };
        if is_kept && !place.part.count(place.part.length()) {
            return Err("is in a file whose tensors are larger than it".to_owned());
        }
        let part = place.part.clone();
        let mut reader: Box<dyn Read> = match place.is_deflated {
            true => Box::new(DeflateDecoder::new(part)),
            false => Box::new(part),
        };
        let mut hasher = crc32fast::Hasher::new();
        let mut header = vec![0; place.skipped as usize];
        reader
            .read_exact(&mut header)
            .map_err(|error| cannot_read(&error))?;
        hasher.update(&header);
        let mut left = self.length;
        let mut chunk = vec![0; CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
        while left > 0 {
            let length = chunk.len().min(usize::try_from(left).unwrap_or(CHUNK));
            let chunk = &mut chunk[..length];
            reader
                .read_exact(chunk)
                .map_err(|error| cannot_read(&error))?;
            hasher.update(chunk);
            pass(chunk)?;
            left -= length as u64;
        }
        let found = hasher.finalize();
        match place.checksum.filter(|&expected| expected != found) {
            None => Ok(()),
            Some(expected) => Err(format!(
                "is damaged: its bytes have the CRC-32 {found:08x}, expected {expected:08x}"
            )),
        }
    }
}

impl Leaf {
    /// All elements of a storage, in C order.
    pub fn contiguous(storage: Rc<Storage>, kind: Kind, size: Vec<i64>) -> Result<Self, String> {
        let leaf = Self {
            storage,
            kind,
            offset: 0,
            stride: strides(&size).ok_or_else(|| impossible(&size))?,
            size,
            is_negative: false,
            is_conjugate: false,
        };
        leaf.check()?;
        Ok(leaf)
    }

    /// The number of elements of the storage.
    fn elements(&self) -> i64 {
        let each = self.kind.elt_size_in_bytes() as u64;
        i64::try_from(self.storage.length / each).unwrap_or(i64::MAX)
    }

    /// Returns an error unless every element lies in the storage.
    pub fn check(&self) -> Result<(), String> {
        if self.size.len() > MOST_DIMENSIONS {
            return Err(format!("has more than {MOST_DIMENSIONS} dimensions"));
        }
        let dimensions = || self.size.iter().zip(&self.stride);
        let is_shape = self.size.len() == self.stride.len()
            && dimensions().all(|(&size, &stride)| size >= 0 && stride >= 0);
        let count = self.size.iter().try_fold(1i64, |n, &m| n.checked_mul(m));
        let last = dimensions().try_fold(self.offset, |sum, (&size, &stride)| {
            sum.checked_add(size.saturating_sub(1).checked_mul(stride)?)
        });
        // libtorch computes products that ignore dimensions of size 0.
        let is_product = strides(&self.size).is_some();
        let elements = self.elements();
        let is_inside = match (count, last) {
            (Some(0), _) => is_product && (0..=elements).contains(&self.offset),
            (Some(_), Some(last)) => self.offset >= 0 && last < elements,
            _ => false,
        };
        match is_shape && is_inside {
            true => Ok(()),
            false => Err(format!(
                "has shape {:?}, stride {:?} and offset {} in a storage of {elements} elements",
                self.size, self.stride, self.offset
            )),
        }
    }

    /// Reads the tensor onto the CPU. Tensors of one storage share their memory.
    pub fn read(&self) -> Result<Tensor, String> {
        self.check()?;
        let bytes = self.storage.tensor()?;
        let view = || {
            let each = self.kind.elt_size_in_bytes() as i64;
            let whole = bytes.f_narrow(0, 0, self.elements() * each)?;
            let typed = whole.f_view_dtype(self.kind)?;
            typed.f_as_strided(&self.size, &self.stride, self.offset)
        };
        let tensor = no_grad(view).map_err(refused_by_libtorch)?;
        // Unlike a view, what follows has memory of its own; an expanded tensor may be large.
        let is_copied = self.is_negative || self.is_conjugate;
        if is_copied && tensor.numel() as i64 > self.elements() {
            return Err("is larger than its storage".to_owned());
        }
        let change = || -> Result<Tensor, TchError> {
            let mut tensor = tensor;
            if self.is_conjugate {
                tensor = tensor.f_conj()?.f_resolve_conj()?;
            }
            if self.is_negative {
                tensor = tensor.f_neg()?;
            }
            Ok(tensor)
        };
        no_grad(change).map_err(refused_by_libtorch)
    }
}

pub(super) fn too_many() -> String {
    format!("found more than {MOST_TENSORS} tensors")
}

/// The strides of a tensor in C order; `None` if there can be no such tensor.
pub(super) fn strides(size: &[i64]) -> Option<Vec<i64>> {
    let mut next = 1i64;
    let mut strides = Vec::with_capacity(size.len());
    for &size in size.iter().rev() {
        strides.push(next);
        next = next.checked_mul(size.max(1))?;
    }
    strides.reverse();
    Some(strides)
}

pub(super) fn impossible(size: &[impl std::fmt::Debug]) -> String {
    let found = crate::shown(&format!("{size:?}"));
    format!("expected a shape that a tensor can have, found {found}")
}

fn refused_by_libtorch(error: TchError) -> String {
    format!("is refused by libtorch: {}", one_line(&error))
}

fn no_memory(length: u64, _: TchError) -> String {
    format!("needs {length} bytes, for which there is not enough memory")
}

fn cannot_read(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "cannot be read: the file is cut short".to_owned(),
        std::io::ErrorKind::OutOfMemory => "needs more memory than there is".to_owned(),
        _ => format!("cannot be read: {}", one_line(error)),
    }
}
