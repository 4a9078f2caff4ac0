//! Unfinished files: `.partial-<name>-<number>`, in the folder of the file to be written.
//!
//! The writing process holds a lock on its file. A file with such a name and no lock was left
//! behind by a process that was killed.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use super::folder_of;
use super::place::is_at;

/// The most attempts to create a file: between creation and locking, another process may take the
/// file for an abandoned one and remove it.
const MOST_TRIES: usize = 100;

/// Creates a file beside `place`. It is locked while this process has it open, and removed unless
/// it is moved to its final path.
pub(super) fn create(place: &Path) -> io::Result<NamedTempFile> {
    let prefix = prefix(place)?;
    for _ in 0..MOST_TRIES {
        let mut name = prefix.clone();
        name.push(Number::random().to_string());
        let path = folder_of(place).join(name);
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        let partial = NamedTempFile::from_parts(file, TempPath::try_from_path(path)?);
        let is_locked = match partial.as_file().try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            // On file systems without locks, no file counts as abandoned.
            Err(TryLockError::Error(_)) => true,
        };
        if is_locked && is_at(partial.as_file(), partial.path()) {
            return Ok(partial);
        }
    }
    Err(io::Error::other(
        "other processes keep removing the new file",
    ))
}

/// Removes the unfinished files of killed processes for `place`.
pub(super) fn remove_abandoned(place: &Path) {
    let Ok(prefix) = prefix(place) else { return };
    let entries = fs::read_dir(folder_of(place)).into_iter().flatten();
    for entry in entries.flatten() {
        let is_own = is_own(&entry.file_name(), &prefix);
        // The target of a link or pipe with such a name is not ours, and opening a pipe would
        // block.
        if is_own && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            remove_unlocked(&entry.path());
        }
    }
}

fn remove_unlocked(path: &Path) {
    let is_abandoned = |file: File| file.try_lock().is_ok();
    if File::open(path).is_ok_and(is_abandoned) {
        // A file that cannot be removed does no harm.
        let _ = fs::remove_file(path);
    }
}

/// A path for a finished file that cannot be moved to `place`: beside it, under a name that later
/// processes do not take for an unfinished file.
pub(super) fn beside(place: &Path) -> PathBuf {
    let mut name = place.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{}", Number::random()));
    let mut beside = folder_of(place).join(name).into_os_string();
    if let Some(extension) = place.extension() {
        beside.push(".");
        beside.push(extension);
    }
    beside.into()
}

/// The prefix of the names of unfinished files for `place`.
fn prefix(place: &Path) -> io::Result<OsString> {
    let name = place.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let mut prefix = OsString::from(".partial-");
    prefix.push(name);
    prefix.push("-");
    Ok(prefix)
}

fn is_own(name: &OsStr, prefix: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    let number = name.strip_prefix(prefix.as_encoded_bytes());
    number.is_some_and(Number::is_one)
}

/// A random number of 16 hexadecimal digits, the last eight of which are computed from the first,
/// so that no other program's file has such a name by chance.
struct Number(u32);

impl Number {
    fn random() -> Self {
        Self(RandomState::new().build_hasher().finish() as u32)
    }

    fn is_one(text: &[u8]) -> bool {
        let start = str::from_utf8(text).ok().and_then(|text| text.get(..8));
        let number = start.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        number.is_some_and(|number| Self(number).to_string().as_bytes() == text)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let check = self.0.wrapping_mul(0x9e37_79b1) ^ 0x5eed_f11e;
        write!(f, "{:08x}{check:08x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_names_are_recognised() {
        let prefix = prefix(Path::new("folder/w.safetensors")).unwrap();
        for _ in 0..1000 {
            let number = Number::random().to_string();
            let name = format!(".partial-w.safetensors-{number}");
            assert!(is_own(name.as_ref(), &prefix), "{name}");
            let mut other = name.clone().into_bytes();
            *other.last_mut().unwrap() ^= 1;
            let other = String::from_utf8(other).unwrap();
            assert!(!is_own(other.as_ref(), &prefix), "{other}");
        }
        for name in ["notes", "", "0123456789abcdef", "abcdef", "+1234567"] {
            let name = format!(".partial-w.safetensors-{name}");
            assert!(!is_own(name.as_ref(), &prefix), "{name}");
        }
    }

    #[test]
    fn a_finished_file_keeps_its_kind() {
        let name = beside(Path::new("folder/w.safetensors"));
        assert_eq!(name.parent(), Some(Path::new("folder")));
        assert_eq!(name.extension().unwrap(), "safetensors");
        assert!(beside(Path::new("w")).extension().is_none());
    }
}
