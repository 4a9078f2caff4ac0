//! Files that are written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, PersistError};

use super::place::{resolve, take_after};
use super::safetensors::{Metadata, to_safetensors};
use super::{NamedTensors, folder_of, not_regular, partial};
use crate::error::{Error, Result, shown_path};

/// A file that takes its place when it is complete, and leaves no trace when it is not.
///
/// Creating it finds out at once whether the place can be written. It replaces the file that is
/// there and has that file's mode and owner; where a link is there, it takes the place that the
/// link leads to. A process that is killed leaves the unfinished file beside its place
/// (`.partial-…`); the next that writes there takes it away.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    partial: NamedTempFile,
}

impl OutputFile {
    /// Opens a temporary file beside `path`.
    ///
    /// # Errors
    /// If the folder is missing or cannot be written to, or if `path` is something else than a
    /// regular file, or a file that cannot be replaced: one that is read-only or immutable, has an
    /// owner whom a new file could not have, or is mounted there.
    pub fn create(path: &Path) -> Result<Self> {
        let create = || -> io::Result<Self> {
            if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
                return Err(not_regular());
            }
            let path = resolve(path)?;
            partial::remove_abandoned(&path);
            let partial = partial::create(&path)?;
            take_after(partial.as_file(), &path)?;
            Ok(Self { path, partial })
        };
        create().map_err(|error| Error::write(path, error))
    }

    /// Writes `tensors` as `.safetensors`, as [`OutputFile::write`].
    ///
    /// # Errors
    /// If a dtype is none that `.safetensors` has or if memory is short, or as
    /// [`OutputFile::write`].
    pub fn write_safetensors(self, tensors: &NamedTensors, metadata: Metadata) -> Result<()> {
        let bytes = to_safetensors(tensors, metadata).map_err(|error| match error {
            // Without the file it would be a riddle.
            Error::OutOfMemory(_) => Error::file(&self.path, error.to_string()),
            error => error,
        })?;
        self.write(&bytes)
    }

    /// Writes `bytes` and moves the file into its place, durably: what was there before is either
    /// untouched or replaced.
    ///
    /// # Errors
    /// If the disk is full or the place cannot be written. If all is written and only the place
    /// cannot be taken, the file is kept beside it, and the error says where.
    pub fn write(mut self, bytes: &[u8]) -> Result<()> {
        let path = self.path;
        let write = || -> io::Result<()> {
            // Not through the temporary file itself, which would name its own path in an error.
            self.partial.as_file_mut().write_all(bytes)?;
            self.partial.as_file().sync_all()?;
            take_place(self.partial, &path)?;
            File::open(folder_of(&path))?.sync_all()
        };
        write().map_err(|error| Error::write(&path, error))
    }
}

/// Moves a finished file to `place` or, where that cannot be done, keeps it beside.
fn take_place(finished: NamedTempFile, place: &Path) -> io::Result<()> {
    // What came there while the work was done counts as well.
    let (error, finished) = match take_after(finished.as_file(), place) {
        Ok(()) => match finished.persist(place) {
            Ok(_) => return Ok(()),
            Err(PersistError { error, file }) => (error, file),
        },
        Err(error) => (error, finished),
    };
    let beside = partial::beside(place);
    let kept = match finished.persist_noclobber(&beside) {
        Ok(_) => beside,
        // A folder in which nothing may be renamed may still take another name for the file.
        Err(PersistError { file, .. }) if fs::hard_link(file.path(), &beside).is_ok() => beside,
        Err(PersistError { file, .. }) => file.keep()?.1,
    };
    let kept = shown_path(&kept);
    let problem = format!("{error}; what was to be written is kept in {kept}");
    Err(io::Error::new(error.kind(), problem))
}

/// Finds out, before the work is done, whether a file can be written at `path`.
///
/// # Errors
/// As [`OutputFile::create`].
pub fn check_writable(path: &Path) -> Result<()> {
    OutputFile::create(path).map(drop)
}
