//! Checks that no command overwrites what it reads, or writes two of its files to one path.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use clap::error::ErrorKind;

use super::common::usage_error;
use crate::torch::serialization::is_same_file;

/// An option and its path, if given.
pub type Given<'a> = (&'static str, Option<&'a Path>);

/// Ends the process with a usage error if a path to be written leads to the same file as another
/// one, or as one that is read; links and spelling make no difference. In a folder that is read,
/// every file counts except `.safetensors`, which no reader of data uses.
pub fn refuse_overwriting(written: &[Given], read: &[Given]) {
    for (i, &(option, path)) in written.iter().enumerate() {
        let Some(path) = path else { continue };
        for &(other_option, other) in written[i + 1..].iter().chain(read) {
            let Some(other) = other else { continue };
            if is_same_file(path, other) {
                clash(&format!("{option} and {other_option} are one file"));
            }
            if is_read_in(path, other) {
                clash(&format!("{option} is one of the files in {other_option}"));
            }
        }
    }
}

fn clash(message: &str) -> ! {
    usage_error(ErrorKind::ArgumentConflict, message)
}

/// Returns true if `path` leads to a file in `folder`, if that is one, that a reader of data may
/// use.
fn is_read_in(path: &Path, folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files = entries.map(|entry| entry.path());
    let may_be_data =
        |file: &Path| file.extension() != Some(OsStr::new("safetensors")) && file.is_file();
    files.any(|file| may_be_data(&file) && is_same_file(path, &file))
}
