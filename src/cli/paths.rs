//! No command writes onto what it reads, or two of its files onto one.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use clap::error::ErrorKind;

use super::common::usage_error;
use crate::torch::serialization::is_same_file;

/// A path and the option that gives it, where it is given.
pub type Given<'a> = (&'static str, Option<&'a Path>);

/// Ends the process, as wrong usage, where a path that is written leads to the same file as
/// another or as one that is read, in whatever way: links and spelling make no difference. Of a
/// folder that is read, every file in it counts but `.safetensors`, which no reader of data takes.
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

/// Whether `path` leads to a file in `folder`, if that is one, that a reader of data may take.
fn is_read_in(path: &Path, folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files = entries.map(|entry| entry.path());
    let may_be_data =
        |file: &Path| file.extension() != Some(OsStr::new("safetensors")) && file.is_file();
    files.any(|file| may_be_data(&file) && is_same_file(path, &file))
}
