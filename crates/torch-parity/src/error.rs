use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};

use tch::TchError;

use super::random::RandomError;
use super::utils::data::DataError;

/// The errors of this crate. Each is one line; causes are behind
/// [`source`](StdError::source).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be opened or read.
    #[error("cannot read {}", shown_path(path))]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file cannot be written. What was there before is untouched.
    #[error("cannot write {}", shown_path(path))]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file's contents are not what was expected.
    #[error("{}: {problem}", shown_path(path))]
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
    #[error("{}", shown_path(path))]
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
    /// More memory than the system gives.
    #[error("not enough memory for {0} bytes")]
    OutOfMemory(usize),
    /// A device that this machine, or this libtorch, does not have.
    #[error("device {device}: {reason}")]
    Device {
        /// The device as Python spells it.
        device: String,
        /// Why it cannot be had, and what mends it.
        reason: String,
    },
    /// What a random generator refuses.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// What a loader of samples refuses.
    #[error(transparent)]
    Data(#[from] DataError),
    /// What libtorch itself refuses: its message, without the C++ backtrace behind it.
    #[error("{}", folded(.0))]
    Libtorch(#[from] TchError),
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

/// An error and its causes in one line, whatever they have in it: control characters are escaped.
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

/// The text of an error on one line, without what tch puts before libtorch's words and the C++
/// backtrace behind them: what Python says.
fn folded(error: &dyn StdError) -> String {
    let text = error.to_string();
    fold(text.strip_prefix("Internal torch error: ").unwrap_or(&text))
}

/// A message on one line, without the C++ backtrace that libtorch puts behind it, and without the
/// C++ condition that a failed check puts before it.
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

/// A path as part of a message: on one line, without a character that moves the cursor, and no
/// longer than a reader can take in. What is not UTF-8 appears as `\xff`.
pub fn shown_path(path: &Path) -> String {
    /// No folder that a person works in is deeper.
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

/// Text from a file as part of a message: quoted, on one line, and no longer than fits there.
pub fn shown(text: &str) -> String {
    const MOST: usize = 100;
    match text.char_indices().nth(MOST) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}

/// The text with what a terminal would obey, or would print in another place, escaped.
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
    fn a_failed_check_is_told_without_its_cpp() {
        let text = "Internal torch error: [enforce fail at alloc_cpu.cpp:127] err == 0. \
                    DefaultCPUAllocator: can't allocate memory\nframe #0: c10::f + 0x1";
        let expected = "Internal torch error: DefaultCPUAllocator: can't allocate memory";
        assert_eq!(fold(text), expected);
    }

    #[test]
    fn a_path_moves_no_cursor() {
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
