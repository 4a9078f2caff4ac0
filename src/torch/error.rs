use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};

use tch::TchError;

use super::native::NativeError;

/// What can go wrong in this crate's `torch`. Each is one line; causes are behind
/// [`source`](StdError::source).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be opened or read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file cannot be written. What was there before is untouched.
    #[error("cannot write {}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file's contents are not what was expected.
    #[error("{}: {problem}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What was expected and what was found.
        problem: String,
    },
    /// A state dict has not exactly the keys, shapes and dtypes of what it is loaded into.
    #[error("{}", problems(.0))]
    StateDict(Vec<String>),
    /// Contents of a file that do not fit what they are loaded into.
    #[error("{}", path.display())]
    Loading {
        /// Which file.
        path: PathBuf,
        /// What does not fit.
        source: Box<Error>,
    },
    /// A tensor whose dtype, layout or shape an operation does not take.
    #[error("{0}")]
    Tensor(String),
    /// An argument outside of what Python accepts, in the words of its `ValueError` or
    /// `RuntimeError`.
    #[error("{0}")]
    Argument(String),
    /// A device that this machine, or this libtorch, does not have.
    #[error("--device {device}: {reason}")]
    Device {
        /// The device as Python spells it.
        device: String,
        /// Why it cannot be had, and what mends it.
        reason: String,
    },
    /// What libtorch itself refuses: its message, without the C++ backtrace behind it.
    #[error("{}", folded(.0))]
    Libtorch(#[from] TchError),
    /// The same, from what this crate calls by itself.
    #[error(transparent)]
    Native(#[from] NativeError),
}

/// A result whose error is [`Error`] where no other is named.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::Read { path, source }
    }

    pub(crate) fn write(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::Write { path, source }
    }

    pub(crate) fn file(path: &Path, problem: impl Into<String>) -> Self {
        Self::File {
            path: path.to_owned(),
            problem: problem.into(),
        }
    }

    /// The same, with the file that what does not fit came from.
    pub(crate) fn loading(self, path: &Path) -> Self {
        Self::Loading {
            path: path.to_owned(),
            source: Box::new(self),
        }
    }
}

/// An error and its causes in one line, whatever they have in it.
pub fn one_line(error: &(dyn StdError + 'static)) -> String {
    let mut line = String::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        next = cause.source();
        let text = folded(cause);
        // Some errors repeat their cause in their own words.
        if line.is_empty() {
            line = text;
        } else if !line.ends_with(&text) {
            line += ": ";
            line += &text;
        }
    }
    line
}

/// The text of an error on one line, without the C++ backtrace that libtorch puts behind it.
fn folded(error: &dyn StdError) -> String {
    let text = error.to_string();
    let message = text.split("Exception raised from").next();
    let words = message.unwrap_or_default().split_whitespace();
    words.collect::<Vec<_>>().join(" ")
}

/// The first few of them; more mean another network altogether.
fn problems(all: &[String]) -> String {
    const MOST: usize = 4;
    let mut shown = all[..all.len().min(MOST)].join("; ");
    if all.len() > MOST {
        shown += &format!("; and {} more", all.len() - MOST);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "no\n such file");
        let error = Error::read(Path::new("a.pt"), missing());
        assert_eq!(one_line(&error), "cannot read a.pt: no such file");
        let error = Error::Tensor("odd: x".into()).loading(Path::new("b.pt"));
        assert_eq!(one_line(&error), "b.pt: odd: x");
        let error = Error::Tensor("x".into()).loading(Path::new("x"));
        assert_eq!(one_line(&error), "x");
    }

    #[test]
    fn libtorchs_backtrace_is_left_out() {
        let a = tch::Tensor::from_slice(&[1f32, 2., 3.]);
        let error = Error::from(a.f_view([2, 2]).unwrap_err());
        let line = one_line(&error);
        assert!(
            line.ends_with("'[2, 2]' is invalid for input of size 3"),
            "{line}"
        );
    }
}
