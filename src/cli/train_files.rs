//! The files that `train` reads and writes, all of which must differ.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Result, ensure};
use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::error::ErrorKind;

use super::common::{Common, usage_error};
use super::paths::refuse_overwriting;
use crate::torch::serialization::is_same_file;
use crate::torch::shown_path;

#[derive(Debug, clap::Args)]
pub(super) struct Files {
    /// Write the trained weights to this file
    #[arg(long, value_name = "FILE.safetensors", value_parser = safetensors())]
    pub output: Option<PathBuf>,
    /// Save everything needed to resume to this file, after each epoch and on Ctrl-C, SIGTERM or
    /// SIGHUP [default: the file of --resume]
    #[arg(long, value_name = "FILE.safetensors")]
    checkpoint: Option<PathBuf>,
    /// Resume from this checkpoint with its settings; only --epochs may be raised
    #[arg(long, value_name = "FILE.safetensors")]
    pub resume: Option<PathBuf>,
    /// Record losses, weights, optimizer and outputs after each epoch, for comparison
    #[arg(long, value_name = "FILE.safetensors")]
    pub trace: Option<PathBuf>,
}

/// A path from which weights can be loaded again.
fn safetensors() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| {
        match path.extension() == Some(OsStr::new("safetensors")) {
            true => Ok(path),
            false => Err("expected a name that ends in .safetensors"),
        }
    })
}

impl Files {
    /// The file for checkpoints.
    pub fn checkpoint(&self) -> Option<&Path> {
        self.checkpoint.as_deref().or(self.resume.as_deref())
    }

    /// Returns true if neither the trained weights nor a checkpoint is saved.
    pub fn keeps_nothing(&self) -> bool {
        self.output.is_none() && self.checkpoint().is_none()
    }

    /// Refuses files that would overwrite each other or a file that is read, including `data`.
    pub fn refuse_clashes(&self, common: &Common, data: Option<&Path>) {
        if self.resume.is_some() && common.from.weights.is_some() {
            let message = "--weights and --resume: a checkpoint includes its weights";
            usage_error(ErrorKind::ArgumentConflict, message);
        }
        // If no other file is named, the checkpoint that is resumed is also the one that is
        // written.
        let (checkpoint, resume) = (self.checkpoint.as_deref(), self.resume.as_deref());
        let (kept, gone_on_from) = match (checkpoint, resume) {
            (Some(checkpoint), Some(resume)) if is_same_file(checkpoint, resume) => {
                (("--checkpoint", Some(checkpoint)), None)
            }
            (Some(checkpoint), resume) => (("--checkpoint", Some(checkpoint)), resume),
            (None, resume) => (("--resume", resume), None),
        };
        let written = [
            ("--output", self.output.as_deref()),
            ("--trace", self.trace.as_deref()),
            kept,
        ];
        let read = [
            ("--resume", gone_on_from),
            ("--weights", common.from.weights.as_deref()),
            ("--data", data),
        ];
        refuse_overwriting(&written, &read);
    }

    /// Refuses to overwrite a checkpoint that is not resumed. The lock must be held.
    pub fn refuse_other_checkpoint(&self) -> Result<()> {
        let Some(path) = &self.checkpoint else {
            return Ok(());
        };
        let is_resumed = |resumed: &PathBuf| is_same_file(path, resumed);
        let is_there = !matches!(
            fs::symlink_metadata(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound
        );
        ensure!(
            !is_there || self.resume.as_ref().is_some_and(is_resumed),
            "{0}: a checkpoint exists already; resume it with --resume {0}, or move it away",
            shown_path(path)
        );
        Ok(())
    }
}
