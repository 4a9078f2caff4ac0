//! The bytes of a file, plain or gzip-compressed, without trusting the sizes that it announces.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, anyhow, bail};
use flate2::bufread::MultiGzDecoder;

use crate::torch::one_line;
use crate::torch::serialization::open_regular;

/// Deflate turns 2 bits into at most 258 bytes, so a file expands by at most this factor.
const MOST_EXPANSION: u64 = 1032;

/// A file, decompressed if it starts with the magic bytes of gzip.
pub(super) struct Source {
    reader: Box<dyn BufRead>,
    /// The most bytes that `reader` can yield.
    most: u64,
    pub(super) is_compressed: bool,
}

impl Source {
    /// Opens the file at `path`, whatever its name.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let (mut file, length) = open(path)?;
        let start = file.fill_buf().with_context(|| cannot_read(path))?;
        Ok(if start.starts_with(&[0x1f, 0x8b]) {
            Self {
                reader: Box::new(BufReader::new(MultiGzDecoder::new(file))),
                most: most_inflated(length),
                is_compressed: true,
            }
        } else {
            Self {
                reader: Box::new(file),
                most: length,
                is_compressed: false,
            }
        })
    }

    /// The most bytes that the file can contain, judging by its size.
    pub(super) fn most(&self) -> u64 {
        self.most
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.reader.consume(count);
    }
}

/// Opens a regular file and returns its size with it.
pub(super) fn open(path: &Path) -> Result<(BufReader<File>, u64)> {
    let (file, length) = open_regular(path)?;
    Ok((BufReader::new(file), length))
}

/// The most bytes to which `compressed` bytes of deflate can expand.
pub(super) fn most_inflated(compressed: u64) -> u64 {
    compressed.saturating_mul(MOST_EXPANSION)
}

/// Reads exactly `length` bytes, after which `reader` must end.
///
/// The buffer grows as data arrives, so that an announced length costs no memory. One more byte is
/// requested, which also makes a decompressor verify its checksum.
pub(super) fn read_exactly(reader: impl Read, length: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader
        .take(length.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(damaged)?;
    let found = bytes.len() as u64;
    if found > length {
        bail!("expected {length} bytes of data, found more");
    }
    if found < length {
        bail!("expected {length} bytes of data, found {found}");
    }
    Ok(bytes)
}

/// The path itself, or the only file in that folder whose name has one of `endings`.
pub(super) fn only_file(path: &Path, endings: &[&str]) -> Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).with_context(|| cannot_read(path))? {
        let entry = entry.with_context(|| cannot_read(path))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(entry.path());
        }
    }
    let Ok([only]) = <[PathBuf; 1]>::try_from(found.clone()) else {
        bail!(
            "{}: expected one file *{} in this folder, found {}",
            path.display(),
            endings.join(" or *"),
            found.len()
        );
    };
    Ok(only)
}

pub(super) fn damaged(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::OutOfMemory => anyhow!("not enough memory"),
        _ => anyhow!("damaged or cut short: {}", one_line(&error)),
    }
}

pub(super) fn cannot_read(path: &Path) -> String {
    format!("cannot read {}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An endless source.
    struct Zeros;

    impl Read for Zeros {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            buffer.fill(0);
            Ok(buffer.len())
        }
    }

    #[test]
    fn reading_stops_at_the_announced_length() {
        assert_eq!(read_exactly(&[1u8, 2][..], 2).unwrap(), [1, 2]);
        let message = |result: Result<Vec<u8>>| result.unwrap_err().to_string();
        assert_eq!(
            message(read_exactly(Zeros, 5)),
            "expected 5 bytes of data, found more"
        );
        assert_eq!(
            message(read_exactly(&[1u8, 2][..], 1 << 40)),
            "expected 1099511627776 bytes of data, found 2"
        );
        assert_eq!(
            message(read_exactly(&[1u8, 2][..], u64::MAX)),
            "expected 18446744073709551615 bytes of data, found 2"
        );
    }
}
