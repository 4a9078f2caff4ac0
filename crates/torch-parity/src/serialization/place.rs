//! The place of a file that is to be written: where it is, and whether what is there can be
//! replaced. All that can be known is found out before the work that is to be kept is done.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::folder_of;

/// As many as Linux follows.
const MOST_LINKS: usize = 40;

/// The path of the file that `path` leads to, without any link in it. The file itself, unlike its
/// folder, need not be there: a link that leads nowhere leads to the file that is to come.
///
/// # Errors
/// If the folder is missing, if the links lead in a circle, or if `path` names a folder.
pub fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if names_folder(&path) {
            let problem = "expected the name of a file, found that of a folder";
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
    Err(io::Error::other("its links lead in a circle"))
}

/// Whether the path ends as only a folder's can. [`Path`] itself overlooks it.
fn names_folder(path: &Path) -> bool {
    let text = path.as_os_str().as_encoded_bytes();
    text.ends_with(b"/") || text.ends_with(b"/.")
}

/// Whether both paths lead to one file: through links, hard ones too, and however they are spelt.
pub fn is_same_file(a: &Path, b: &Path) -> bool {
    match (fs::metadata(a), fs::metadata(b)) {
        (Ok(a), Ok(b)) if cfg!(unix) => is_one(&a, &b),
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
        _ => matches!((resolve(a), resolve(b)), (Ok(a), Ok(b)) if a == b),
    }
}

/// Whether `file`, which is open, still has its name.
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

/// Where files have no numbers, a name is taken for its file.
#[cfg(not(unix))]
fn is_one(_: &Metadata, _: &Metadata) -> bool {
    true
}

/// Makes `new` a file that can replace the one at `place`, if there is one: with its mode and its
/// owner.
///
/// # Errors
/// If that file may not be written or replaced, or if `new` cannot have its owner.
pub(super) fn take_after(new: &File, place: &Path) -> io::Result<()> {
    let old = match fs::symlink_metadata(place) {
        Ok(old) => old,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if old.permissions().readonly() {
        return Err(io::Error::other("the file that is there is read-only"));
    }
    // A file that is immutable, or of a read-only file system, says so now. Nothing is written.
    OpenOptions::new().write(true).open(place)?;
    if is_mount_point(place) {
        let problem = "something is mounted there, and cannot be replaced";
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
        io::Error::other("the file that is there has another owner, whom a new one could not have")
    })
}

#[cfg(not(unix))]
fn take_owner(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Whether a file is mounted here, as containers do with single files.
#[cfg(target_os = "linux")]
fn is_mount_point(path: &Path) -> bool {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
    let about = statx(
        CWD,
        path,
        AtFlags::SYMLINK_NOFOLLOW,
        StatxFlags::BASIC_STATS,
    );
    // A kernel that does not know says no, and then the last rename fails.
    about.is_ok_and(|about| about.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

#[cfg(not(target_os = "linux"))]
fn is_mount_point(_: &Path) -> bool {
    false
}
