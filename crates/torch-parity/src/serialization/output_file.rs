//! Atomic writes: a file is written completely or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, PersistError};

use super::bytes::WriteError;
use super::file_kind::FileKind;
use super::place::{resolve, take_after};
use super::safetensors::{self, Metadata};
use super::{NamedTensors, folder_of, not_regular, partial};
use crate::error::{Error, Result, one_line, shown_path};

/// A file that appears under its name only when complete.
///
/// Creating one checks at once that the file can be written. It replaces an existing file and keeps
/// that file's mode and owner; a symbolic link is followed. A process that is killed leaves its
/// unfinished file (`.partial-…`) in the same folder; the next process that writes to the same path
/// removes it.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    partial: NamedTempFile,
}

impl OutputFile {
    /// Opens a temporary file beside `path`.
    ///
    /// # Errors
    /// If the folder is missing or cannot be written to, if `path` is something other than a
    /// regular file, or if the existing file cannot be replaced because it is read-only, immutable,
    /// a mount point, or has an owner that a new file cannot be given.
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

    /// As [`OutputFile::create`], where an existing file has to be of the same kind, or empty.
    ///
    /// # Errors
    /// If it is of another kind; otherwise as [`OutputFile::create`].
    pub fn replacing(path: &Path, kind: FileKind) -> Result<Self> {
        // Of what is no regular file nothing is read: it is refused first.
        let file = Self::create(path)?;
        kind.check(path)
            .map_err(|error| Error::write(path, error))?;
        Ok(file)
    }

    /// Writes `tensors` as `.safetensors`, one after the other; see [`OutputFile::write`].
    ///
    /// # Errors
    /// If `.safetensors` does not support a dtype or memory is short; otherwise as
    /// [`OutputFile::write`].
    pub fn write_safetensors(self, tensors: &NamedTensors, metadata: Metadata) -> Result<()> {
        self.write_with(|file| safetensors::write(tensors, metadata, file))
    }

    /// Writes `bytes` and moves the file to its path, durably: an existing file is either unchanged
    /// or replaced.
    ///
    /// # Errors
    /// If the disk is full or the file cannot be written. If the file was written but cannot be
    /// moved to its path, it is kept beside it, and the error names it.
    pub fn write(self, bytes: &[u8]) -> Result<()> {
        self.write_with(|file| Ok(file.write_all(bytes)?))
    }

    pub(super) fn write_with(
        mut self,
        contents: impl FnOnce(&mut File) -> Result<(), WriteError>,
    ) -> Result<()> {
        let path = self.path;
        let write = || -> Result<(), WriteError> {
            // Not through the temporary file itself, which would put its own path in the error.
            contents(self.partial.as_file_mut())?;
            self.partial.as_file().sync_all()?;
            take_place(self.partial, &path)?;
            File::open(folder_of(&path))?.sync_all()?;
            Ok(())
        };
        write().map_err(|error| match error {
            WriteError::File(error) => Error::write(&path, error),
            // Without the file's name, the message would be unclear.
            WriteError::Tensor(error) => Error::file(&path, one_line(&error)),
        })
    }
}

/// Moves a finished file to `place` or, if that fails, keeps it beside.
fn take_place(finished: NamedTempFile, place: &Path) -> io::Result<()> {
    // The file at `place` may have changed during the work.
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
        // A folder that does not allow renaming may still allow a hard link.
        Err(PersistError { file, .. }) if fs::hard_link(file.path(), &beside).is_ok() => beside,
        Err(PersistError { file, .. }) => file.keep()?.1,
    };
    let kept = shown_path(&kept);
    let problem = format!("{error}; the new contents are kept in {kept}");
    Err(io::Error::new(error.kind(), problem))
}

/// Checks, before the work is done, that a file can be written at `path`.
///
/// # Errors
/// See [`OutputFile::create`].
pub fn check_writable(path: &Path) -> Result<()> {
    OutputFile::create(path).map(drop)
}
