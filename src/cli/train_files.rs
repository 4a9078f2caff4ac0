//! The files that `train` reads and writes, none of which may be another.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::error::ErrorKind;

use super::common::{Common, usage_error};

#[derive(Debug, clap::Args)]
pub(super) struct Files {
    /// Where the trained weights go
    #[arg(long, value_name = "FILE.safetensors", value_parser = safetensors())]
    pub output: Option<PathBuf>,
    /// Where all that is needed to go on is kept, after each epoch and on Ctrl-C
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

    /// Refuses files that would overwrite each other, what is read, or a checkpoint that is not
    /// gone on from.
    pub fn refuse_clashes(&self, common: &Common, data: Option<&Path>) -> Result<()> {
        if self.resume.is_some() && common.weights.is_some() {
            let message = "--weights and --resume: the checkpoint has weights of its own";
            usage_error(ErrorKind::ArgumentConflict, message);
        }
        let written = [("--output", &self.output), ("--trace", &self.trace)];
        let others = [
            ("--trace", self.trace.as_deref()),
            ("--checkpoint", self.checkpoint.as_deref()),
            ("--resume", self.resume.as_deref()),
            ("--weights", common.weights.as_deref()),
            ("--data", data),
        ];
        for (option, file) in written {
            for (other_option, other) in others {
                if option != other_option && is_same(file.as_deref(), other) {
                    let message = format!("{option} and {other_option} are one file");
                    usage_error(ErrorKind::ArgumentConflict, &message);
                }
            }
        }
        if let Some(path) = &self.checkpoint {
            let is_resumed = is_same(Some(path), self.resume.as_deref());
            ensure!(
                is_resumed || !path.is_file(),
                "{0}: there is a checkpoint already; go on from it with --resume {0}, or move it \
                 away",
                path.display()
            );
        }
        Ok(())
    }
}

/// Whether both lead to one file, however they are spelt.
fn is_same(a: Option<&Path>, b: Option<&Path>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if resolved(a) == resolved(b))
}

/// The path without links; of a file that is not there yet, its folder's with its name.
fn resolved(path: &Path) -> PathBuf {
    let in_folder = || {
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        Some(folder.canonicalize().ok()?.join(path.file_name()?))
    };
    let there = path.canonicalize().ok();
    there.or_else(in_folder).unwrap_or_else(|| path.to_owned())
}
