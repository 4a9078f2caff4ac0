//! One training at a time writes a checkpoint.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::torch::serialization::{folder_of, is_at, resolve};
use crate::torch::shown_path;

/// The right to write a checkpoint, until it is dropped.
///
/// It is a lock on an empty file beside the checkpoint, `.lock-<name>`. The system gives it back
/// when the process ends, however it ends. A process that is killed leaves the file behind, which
/// is in nobody's way: the next training takes it over, and removes it at its end.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    /// Locked for as long as it is open.
    _file: File,
}

impl Lock {
    /// Takes the lock for the checkpoint at `checkpoint`, which need not be there.
    ///
    /// # Errors
    /// If another training holds it, or if its file cannot be made.
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
                    bail!("{} is in use by another training", shown_path(checkpoint))
                }
                // Where a file system has no locks, there is none to hold.
                Err(TryLockError::Error(_)) => {}
            }
            // Its last holder may have removed it since it was opened: then it is nobody's.
            if is_at(&file, &path) {
                return Ok(Self { path, _file: file });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is still locked: whoever has opened it meanwhile sees that it is gone.
        let _ = fs::remove_file(&self.path);
    }
}

/// Refuses what is no file of ours, which would be removed in the end, or wait when it is opened.
fn check_own(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        there => {
            let there = there?;
            ensure!(
                there.is_file() && there.len() == 0,
                "{}: expected the empty file that trainings lock, found something else",
                shown_path(path)
            );
            Ok(())
        }
    }
}
