//! The path of a file to be written: resolves links and checks whether an existing file can be
//! replaced. Everything that can be checked is checked before the work whose result is to be kept.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::folder_of;

/// As many as Linux follows.
const MOST_LINKS: usize = 40;

/// The path of the file that `path` leads to, with all links resolved. Its folder must exist; the
/// file need not: a dangling link resolves to the file that it names.
///
/// # Errors
/// If the folder is missing, if the links form a cycle, or if `path` names a folder.
pub fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if names_folder(&path) {
            let problem = "expected a file, found a folder";
            return Err(io::Error::other(problem));
        }
        match fs::read_link(&path) {
            Ok(target) => path = folder_of(&path).join(target),
            Err(_) => {
                let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
                return Ok(folder_of(&path).canonicalize()?.join(name));
            }
        }
    }
    Err(io::Error::other("its symbolic links form a cycle"))
}

/// Returns true if the path ends as only that of a folder can, which [`Path`] ignores.
fn names_folder(path: &Path) -> bool {
    let text = path.as_os_str().as_encoded_bytes();
    text.ends_with(b"/") || text.ends_with(b"/.")
}

/// Returns true if both paths lead to the same file, also through symbolic or hard links.
pub fn is_same_file(a: &Path, b: &Path) -> bool {
    match (fs::metadata(a), fs::metadata(b)) {
        (Ok(a), Ok(b)) if cfg!(unix) => is_one(&a, &b),
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
        _ => matches!((resolve(a), resolve(b)), (Ok(a), Ok(b)) if a == b),
    }
}

/// Returns true if the open `file` is still the one at `path`.
pub fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => is_one(&open, &named),
        _ => false,
    }
}

#[cfg(unix)]
fn is_one(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// On systems without inode numbers, files are compared by their resolved paths instead.
#[cfg(not(unix))]
fn is_one(_: &Metadata, _: &Metadata) -> bool {
    true
}

/// Prepares `new` to replace the file at `place`, if there is one, by giving it that file's mode
/// and owner.
///
/// # Errors
/// If that file may not be written or replaced, or if `new` cannot be given its owner.
pub(super) fn take_after(new: &File, place: &Path) -> io::Result<()> {
    let old = match fs::symlink_metadata(place) {
        Ok(old) => old,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if old.permissions().readonly() {
        return Err(io::Error::other("the existing file is read-only"));
    }
    // Opening fails for an immutable file and on a read-only file system. Nothing is written.
    OpenOptions::new().write(true).open(place)?;
    if is_mount_point(place) {
        let problem = "the existing file is a mount point and cannot be replaced";
        return Err(io::Error::other(problem));
    }
    take_owner(new, &old)?;
    new.set_permissions(old.permissions())
}

#[cfg(unix)]
fn take_owner(new: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let about = new.metadata()?;
    if (about.uid(), about.gid()) == (old.uid(), old.gid()) {
        return Ok(());
    }
    fchown(new, Some(old.uid()), Some(old.gid())).map_err(|_| {
        io::Error::other("the existing file has another owner, which a new file cannot be given")
    })
}

#[cfg(not(unix))]
fn take_owner(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Returns true if a file is mounted at `path`, as containers do with single files.
#[cfg(target_os = "linux")]
fn is_mount_point(path: &Path) -> bool {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
    let about = statx(
        CWD,
        path,
        AtFlags::SYMLINK_NOFOLLOW,
        StatxFlags::BASIC_STATS,
    );
    // On kernels that do not report mount points, the final rename fails instead.
    about.is_ok_and(|about| about.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

#[cfg(not(target_os = "linux"))]
fn is_mount_point(_: &Path) -> bool {
    false
}
