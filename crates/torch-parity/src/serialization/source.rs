//! Files that are read piece by piece: nothing is asked for that the file does not have.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;

use crate::{Error, Result};

/// Opens a regular file, which other files are not waited for: opening a pipe does not block.
///
/// # Errors
/// If there is nothing at `path`, or something other than a regular file.
pub fn open_regular(path: &Path) -> Result<(File, u64)> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(libc::O_NONBLOCK);
    }
    let open = || {
        let file = options.open(path)?;
        let about = file.metadata()?;
        match about.is_file() {
            true => Ok((file, about.len())),
            false => Err(super::not_regular()),
        }
    };
    open().map_err(|error| Error::read(path, error))
}

/// A part of a file: the whole of it, or an entry of an archive.
#[derive(Clone, Debug)]
pub(super) struct Section {
    file: Rc<Shared>,
    start: u64,
    length: u64,
    /// The position of the next byte to be read, from `start` on.
    position: u64,
}

#[derive(Debug)]
struct Shared {
    file: File,
    /// The bytes of tensors that may still be read; initially the size of the file. Parts of a
    /// file may overlap and so add up to more.
    unread: Cell<u64>,
}

impl Section {
    /// The whole file.
    ///
    /// # Errors
    /// See [`open_regular`].
    pub fn open(path: &Path) -> Result<Self> {
        let (file, length) = open_regular(path)?;
        let unread = Cell::new(length);
        let file = Rc::new(Shared { file, unread });
        Ok(Self {
            file,
            start: 0,
            length,
            position: 0,
        })
    }

    /// A part of this part, from its beginning on; `None` if it does not lie within.
    pub fn part(&self, start: u64, length: u64) -> Option<Self> {
        let end = start.checked_add(length)?;
        (end <= self.length).then(|| Self {
            file: Rc::clone(&self.file),
            start: self.start + start,
            length,
            position: 0,
        })
    }

    /// Everything from `start` on.
    pub fn rest(&self, start: u64) -> Option<Self> {
        self.part(start, self.length.checked_sub(start)?)
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    /// The first bytes, at most `most`.
    pub fn head(&self, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut part = self.clone();
        part.position = 0;
        part.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Counts `length` bytes as read for a tensor; false if the file does not have so many.
    pub fn count(&self, length: u64) -> bool {
        let left = self.file.unread.get().checked_sub(length);
        self.file.unread.set(left.unwrap_or(0));
        left.is_some()
    }
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.position);
        let most = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut file = &self.file.file;
        file.seek(SeekFrom::Start(self.start + self.position))?;
        let count = file.read(&mut buffer[..most])?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Section {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        let outside = || io::Error::from(io::ErrorKind::InvalidInput);
        self.position = place
            .filter(|&place| place <= i64::MAX as u64)
            .ok_or_else(outside)?;
        Ok(self.position)
    }
}
