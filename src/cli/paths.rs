//! Checks that no command overwrites what it reads, or writes two of its files to one path.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use anyhow::{Result, bail};
use clap::error::ErrorKind;

use super::common::usage_error;
use crate::checkpoint::is_checkpoint;
use crate::torch::serialization::{FileKind, Metadata, OutputFile, is_same_file, read_metadata};
use crate::torch::shown_path;

/// An option and its path, if given.
pub type Given<'a> = (&'static str, Option<&'a Path>);

/// Ends the process with a usage error if a path to be written leads to the same file as another
/// one, or as one that is read; links and spelling make no difference. In a folder that is read,
/// every file counts except `.safetensors`, which no reader of data uses.
pub fn refuse_overwriting(written: &[Given], read: &[Given]) {
    for (i, &(option, path)) in written.iter().enumerate() {
        let Some(path) = path else { continue };
        if is_work_file(path) {
            clash(&format!(
                "{option}: names that begin with .lock- or .partial- are those of unfinished work"
            ));
        }
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

/// Returns true for the names that locks and unfinished files have.
fn is_work_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.starts_with(b".lock-") || name.starts_with(b".partial-")
}

fn clash(message: &str) -> ! {
    usage_error(ErrorKind::ArgumentConflict, message)
}

/// The file of trained weights: it replaces weights, and neither a checkpoint nor a trace.
pub fn weights_file(path: &Path) -> Result<OutputFile> {
    replacing(path, |metadata| match metadata {
        metadata if is_checkpoint(metadata) => Some("a checkpoint"),
        metadata if metadata.contains_key(NETWORK) => Some("a trace"),
        _ => None,
    })
}

/// The file of a trace: it replaces a trace alone.
pub fn trace_file(path: &Path) -> Result<OutputFile> {
    replacing(path, |metadata| match metadata {
        metadata if is_checkpoint(metadata) => Some("a checkpoint"),
        metadata if metadata.contains_key(NETWORK) => None,
        _ => Some("no trace"),
    })
}

/// The metadata that checkpoints and traces have, and weights have not.
const NETWORK: &str = "network";

/// A `.safetensors` file. `other` names what may not be replaced by it.
fn replacing(path: &Path, other: impl Fn(&Metadata) -> Option<&'static str>) -> Result<OutputFile> {
    let file = OutputFile::replacing(path, FileKind::SAFETENSORS)?;
    let is_there = fs::metadata(path).is_ok_and(|there| there.len() > 0);
    // A header that cannot be read is that of a damaged file of ours as well.
    if let Some(what) = is_there
        .then(|| read_metadata(path).ok())
        .flatten()
        .and_then(|metadata| other(&metadata))
    {
        bail!(
            "cannot write {}: the existing file is {what}; name another, or move it away",
            shown_path(path)
        );
    }
    Ok(file)
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
