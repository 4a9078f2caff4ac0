//! The files that `train` reads and writes, none of which may be another.

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
    /// Where the trained weights go
    #[arg(long, value_name = "FILE.safetensors", value_parser = safetensors())]
    pub output: Option<PathBuf>,
    /// Where all that is needed to go on is kept, after each epoch and on Ctrl-C, SIGTERM or SIGHUP
    /// [default: the file of --resume]
    #[arg(long, value_name = "FILE.safetensors")]
    checkpoint: Option<PathBuf>,
    /// Go on from this checkpoint, under its settings; only --epochs may be raised
    #[arg(long, value_name = "FILE.safetensors")]
    pub resume: Option<PathBuf>,
    /// Record losses, weights, optimizer and outputs after each epoch, to be compared
    #[arg(long, value_name = "FILE.safetensors")]
    pub trace: Option<PathBuf>,
}

/// A path under which weights can be loaded again.
fn safetensors() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| {
        match path.extension() == Some(OsStr::new("safetensors")) {
            true => Ok(path),
            false => Err("expected a name that ends in .safetensors"),
        }
    })
}

impl Files {
    /// Where checkpoints go.
    pub fn checkpoint(&self) -> Option<&Path> {
        self.checkpoint.as_deref().or(self.resume.as_deref())
    }

    /// Whether neither the trained weights nor a checkpoint with them has a place.
    pub fn keeps_nothing(&self) -> bool {
        self.output.is_none() && self.checkpoint().is_none()
    }

    /// Refuses files that would overwrite each other or what is read, `data` among it.
    pub fn refuse_clashes(&self, common: &Common, data: Option<&Path>) {
        if self.resume.is_some() && common.weights.is_some() {
            let message = "--weights and --resume: the checkpoint has weights of its own";
            usage_error(ErrorKind::ArgumentConflict, message);
        }
        // Its file is the checkpoint that is written, where no other is named.
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
            ("--weights", common.weights.as_deref()),
            ("--data", data),
        ];
        refuse_overwriting(&written, &read);
    }

    /// Refuses to overwrite a checkpoint that is not gone on from. Its lock has to be held.
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
            "{0}: there is a checkpoint already; go on from it with --resume {0}, or move it away",
            shown_path(path)
        );
        Ok(())
    }
}
