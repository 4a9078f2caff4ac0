//! The lock that lets only one training run write a checkpoint.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::torch::serialization::{folder_of, is_at, resolve};
use crate::torch::shown_path;

/// The exclusive right to write a checkpoint, until it is dropped.
///
/// It is a lock on an empty file beside the checkpoint, `.lock-<name>`. The system releases it when
/// the process ends, however it ends. The file of a killed process does no harm: the next training
/// run takes it over and removes it at its end.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    /// Locked while it is open.
    _file: File,
}

impl Lock {
    /// Takes the lock for the checkpoint at `checkpoint`, which need not exist.
    ///
    /// # Errors
    /// If another training run holds it, or if its file cannot be created.
    pub fn take(checkpoint: &Path) -> Result<Self> {
        let cannot = || format!("cannot write {}", shown_path(checkpoint));
        let place = resolve(checkpoint).with_context(cannot)?;
        let mut name = std::ffi::OsString::from(".lock-");
        name.push(place.file_name().unwrap_or_default());
        let path = folder_of(&place).join(name);
        loop {
            check_own(&path).with_context(cannot)?;
            let mut options = OpenOptions::new();
            let file = options.write(true).create(true).truncate(false).open(&path);
            let file = file.with_context(cannot)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    bail!(
                        "{} is in use by another training run",
                        shown_path(checkpoint)
                    )
                }
                // File systems without locks: go on without one.
                Err(TryLockError::Error(_)) => {}
            }
            // The last holder may have removed the file since it was opened; then lock a new one.
            if is_at(&file, &path) {
                return Ok(Self { path, _file: file });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed before it is unlocked, so that a process that has opened it meanwhile sees that
        // it is gone.
        let _ = fs::remove_file(&self.path);
    }
}

/// Refuses a file that is not a lock file: it would be removed in the end, or opening it might
/// block.
fn check_own(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        there => {
            let there = there?;
            ensure!(
                there.is_file() && there.len() == 0,
                "{}: expected an empty lock file, found something else",
                shown_path(path)
            );
            Ok(())
        }
    }
}
