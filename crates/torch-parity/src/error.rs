use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};

use tch::TchError;

use super::random::RandomError;
use super::utils::data::DataError;

/// The errors of this module. Each is one line; its cause is available through
/// [`source`](StdError::source).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be opened or read.
    #[error("cannot read {}", shown_path(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file cannot be written. An existing file is left unchanged.
    #[error("cannot write {}", shown_path(path))]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file's contents are not as expected.
    #[error("{}: {problem}", shown_path(path))]
    File {
        /// The file.
        path: PathBuf,
        /// The expected and the found contents.
        problem: String,
    },
    /// The keys, shapes or dtypes of a state dict differ from those of the module it is loaded
    /// into.
    #[error("{}", problems(.0))]
    StateDict(Vec<String>),
    /// The contents of a file do not fit the object they are loaded into.
    #[error("{}", shown_path(path))]
    Loading {
        /// The file.
        path: PathBuf,
        /// The mismatch.
        source: Box<Error>,
    },
    /// An operation does not support a tensor's dtype, layout or shape.
    #[error("{0}")]
    Tensor(String),
    /// An argument that Python refuses, too, with the text of its `ValueError` or `RuntimeError`.
    #[error("{0}")]
    Argument(String),
    /// A device that this machine or this libtorch does not have.
    #[error("device {device}: {reason}")]
    Device {
        /// The device as Python spells it.
        device: String,
        /// The reason and what to do.
        reason: String,
    },
    /// An error of a random generator.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// An error of a data loader.
    #[error(transparent)]
    Data(#[from] DataError),
    /// An error of libtorch: its message, without the C++ backtrace.
    #[error("{}", folded(.0))]
    Libtorch(#[from] TchError),
}

/// A result with [`Error`] as its default error type.
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

    /// Adds the path of the file that is being loaded.
    pub(crate) fn loading(self, path: &Path) -> Self {
        Self::Loading {
            path: path.to_owned(),
            source: Box::new(self),
        }
    }
}

/// An error and its causes on one line, with control characters escaped.
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

/// The text of an error as Python shows it: on one line, without tch's prefix and without the C++
/// backtrace.
fn folded(error: &dyn StdError) -> String {
    let text = error.to_string();
    fold(text.strip_prefix("Internal torch error: ").unwrap_or(&text))
}

/// A message on one line, without the C++ backtrace at its end and without the C++ condition that
/// precedes the message of a failed check.
pub fn fold(text: &str) -> String {
    let end = ["Exception raised from", "frame #0:"].map(|start| text.find(start));
    let end = end.into_iter().flatten().min().unwrap_or(text.len());
    let words = text[..end].split_whitespace();
    let line = words.collect::<Vec<_>>().join(" ");
    let condition = line.find("[enforce fail at ").and_then(|start| {
        let length = line[start..].find(". ")? + 2;
        Some(start..start + length)
    });
    match condition {
        Some(range) => printable(&(line[..range.start].to_owned() + &line[range.end..])),
        None => printable(&line),
    }
}

/// A path for a message: on one line, with control characters escaped, and shortened if it is too
/// long to read. Bytes that are not UTF-8 appear as `\xff`.
pub fn shown_path(path: &Path) -> String {
    /// Longer than any path in normal use.
    const MOST: usize = 600;
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        text += &printable(chunk.valid());
        for byte in chunk.invalid() {
            text += &format!("\\x{byte:02x}");
        }
    }
    let length = text.chars().count();
    if length <= MOST {
        return text;
    }
    let start: String = text.chars().take(MOST / 2).collect();
    let end: String = text.chars().skip(length - MOST / 2).collect();
    format!("{start}…{end}")
}

/// Text from a file for a message: quoted, on one line, and shortened to 100 characters.
pub fn shown(text: &str) -> String {
    const MOST: usize = 100;
    match text.char_indices().nth(MOST) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}

/// The text with control characters and characters that change the direction of writing escaped.
fn printable(text: &str) -> String {
    let is_harmless = |c: char| {
        let is_direction = matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}');
        let is_isolate = matches!(c, '\u{2066}'..='\u{2069}');
        let is_line_end = matches!(c, '\u{2028}' | '\u{2029}');
        !(c.is_control() || is_direction || is_isolate || is_line_end)
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match is_harmless(c) {
            true => shown.push(c),
            false => shown.extend(c.escape_debug()),
        }
    }
    shown
}

/// The first four problems; if there are more, the file is of another network altogether.
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
    fn a_cause_is_reported_once() {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "no\n such file");
        let error = Error::read(Path::new("a.pt"), missing());
        assert_eq!(one_line(&error), "cannot read a.pt: no such file");
        let error = Error::Tensor("odd: x".into()).loading(Path::new("b.pt"));
        assert_eq!(one_line(&error), "b.pt: odd: x");
        let error = Error::Tensor("x".into()).loading(Path::new("x"));
        assert_eq!(one_line(&error), "x");
    }

    #[test]
    fn a_failed_check_is_reported_without_its_cpp_condition() {
        let text = "Internal torch error: [enforce fail at alloc_cpu.cpp:127] err == 0. \
                    DefaultCPUAllocator: can't allocate memory\nframe #0: c10::f + 0x1";
        let expected = "Internal torch error: DefaultCPUAllocator: can't allocate memory";
        assert_eq!(fold(text), expected);
    }

    #[test]
    fn control_characters_in_paths_are_escaped() {
        let shown = |text: &str| shown_path(Path::new(text));
        assert_eq!(shown("a\nb\u{1b}[31m"), "a\\nb\\u{1b}[31m");
        assert_eq!(shown("träume\u{202e}gpj"), "träume\\u{202e}gpj");
        let long = shown(&format!("start{}end", "9".repeat(1 << 20)));
        assert!(long.starts_with("start9") && long.ends_with("9end"));
        assert_eq!(long.chars().count(), 601);
        let error = Error::file(Path::new("a\nb"), "\u{7}x\ny");
        assert_eq!(one_line(&error), "a\\nb: \\u{7}x y");
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_not_utf8_is_shown_whole() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(OsStr::from_bytes(b"h\xff\xfeuser.csv"));
        assert_eq!(shown_path(path), "h\\xff\\xfeuser.csv");
    }

    #[test]
    fn libtorchs_backtrace_is_left_out() {
        let a = tch::Tensor::from_slice(&[1f32, 2., 3.]);
        let error = Error::from(a.f_view([2, 2]).unwrap_err());
        let line = one_line(&error);
        assert_eq!(line, "shape '[2, 2]' is invalid for input of size 3");
    }
}
