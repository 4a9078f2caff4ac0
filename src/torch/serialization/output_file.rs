//! Files that are written whole or not at all.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::safetensors::{Metadata, to_safetensors};
use super::{NamedTensors, folder_of, not_regular};
use crate::torch::error::{Error, Result};

/// A file that takes its place when it is complete, and leaves no trace when it is not.
///
/// Creating it finds out at once whether the place can be written. A process that is killed leaves
/// the unfinished file beside its place (`.partial-…`); the next that writes there takes it away.
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
    /// regular file.
    pub fn create(path: &Path) -> Result<Self> {
        let cannot = |error| Error::write(path, error);
        // A link keeps its place: what it points to is replaced.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match fs::metadata(&path) {
            Ok(there) if !there.is_file() => return Err(cannot(not_regular())),
            _ => {}
        }
        let prefix = partial_prefix(&path).map_err(cannot)?;
        let folder = folder_of(&path);
        remove_abandoned(folder, &prefix);
        let partial = new_file_in(folder, &prefix).map_err(cannot)?;
        Ok(Self { path, partial })
    }

    /// Writes `tensors` as `.safetensors`, as [`OutputFile::write`].
    ///
    /// # Errors
    /// If a dtype is none that `.safetensors` has, or as [`OutputFile::write`].
    pub fn write_safetensors(self, tensors: &NamedTensors, metadata: Metadata) -> Result<()> {
        self.write(&to_safetensors(tensors, metadata)?)
    }

    /// Writes `bytes` and moves the file into its place, durably: what was there before is either
    /// untouched or replaced.
    ///
    /// # Errors
    /// If the disk is full or the place cannot be written.
    pub fn write(mut self, bytes: &[u8]) -> Result<()> {
        let path = self.path;
        let write = || -> io::Result<()> {
            self.partial.write_all(bytes)?;
            self.partial.as_file().sync_all()?;
            self.partial.persist(&path)?;
            File::open(folder_of(&path))?.sync_all()
        };
        write().map_err(|error| Error::write(&path, error))
    }
}

/// Finds out, before the work is done, whether a file can be written at `path`.
///
/// # Errors
/// As [`OutputFile::create`].
pub fn check_writable(path: &Path) -> Result<()> {
    OutputFile::create(path).map(drop)
}

/// How the names of unfinished files for `path` begin.
fn partial_prefix(path: &Path) -> io::Result<OsString> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let mut prefix = OsString::from(".partial-");
    prefix.push(name);
    prefix.push("-");
    Ok(prefix)
}

/// A new file, locked for as long as this process has it open.
fn new_file_in(folder: &Path, prefix: &OsStr) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    // Temporary files are private; this one becomes an ordinary file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(folder)?;
    // Where a file system has no locks, no file counts as abandoned.
    let _ = file.as_file().try_lock();
    Ok(file)
}

/// Removes what killed processes left behind: unfinished files that nobody holds a lock on.
fn remove_abandoned(folder: &Path, prefix: &OsStr) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        if !name
            .as_encoded_bytes()
            .starts_with(prefix.as_encoded_bytes())
        {
            continue;
        }
        let path = entry.path();
        let is_abandoned = |file: File| file.try_lock().is_ok();
        if File::open(&path).is_ok_and(is_abandoned) {
            // If it cannot be removed, it is in nobody's way.
            let _ = fs::remove_file(path);
        }
    }
}
