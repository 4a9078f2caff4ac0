//! Reading of one input per line.

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::STDIN;

/// The most bytes of a line: longer than any path, and long enough for a text.
const MOST_BYTES: usize = 1 << 16;

/// Calls `each` with the file name in each non-blank line of `input`, as soon as it is read.
///
/// # Errors
/// If the input cannot be read; and the errors of `each`, with the line.
pub(crate) fn for_each_path(
    input: impl BufRead,
    mut each: impl FnMut(&Path) -> Result<()>,
) -> Result<()> {
    for_each_line(input, "a file name", |name, line| {
        let path = to_path(name).and_then(|path| each(&path));
        path.with_context(|| format!("{STDIN}:{line}"))
    })
}

/// Calls `each` with each non-blank line of `input`, without its line ending, and the line's
/// number, as soon as it is read. `what` describes the expected content in errors.
///
/// # Errors
/// If the input cannot be read or a line is too long, with its number; and the errors of `each`.
pub(super) fn for_each_line(
    mut input: impl BufRead,
    what: &str,
    mut each: impl FnMut(&[u8], u64) -> Result<()>,
) -> Result<()> {
    let mut bytes = Vec::new();
    for line in 1u64.. {
        let place = || format!("{STDIN}:{line}");
        bytes.clear();
        let read = input.by_ref().take(MOST_BYTES as u64 + 1);
        let count = { read }.read_until(b'\n', &mut bytes).with_context(place)?;
        if count == 0 {
            break;
        }
        let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        ensure!(
            text.len() <= MOST_BYTES,
            "{}: expected {what}, found a line of more than {MOST_BYTES} bytes",
            place()
        );
        if !text.is_empty() {
            each(text, line)?;
        }
    }
    Ok(())
}

/// A path, from any bytes.
#[cfg(unix)]
fn to_path(name: &[u8]) -> Result<PathBuf> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    Ok(OsStr::from_bytes(name).into())
}

/// A path, from UTF-8.
#[cfg(not(unix))]
fn to_path(name: &[u8]) -> Result<PathBuf> {
    let name = str::from_utf8(name).context("expected a file name in UTF-8")?;
    Ok(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_name() {
        let mut found = Vec::new();
        let text = &b"a b.png\r\n\n \xff.png\nlast"[..];
        for_each_path(text, |path| {
            found.push(path.as_os_str().as_encoded_bytes().to_vec());
            Ok(())
        })
        .unwrap();
        assert_eq!(found, [&b"a b.png"[..], b" \xff.png", b"last"]);
        let long = format!("a\n{}", "x".repeat(MOST_BYTES + 1));
        let error = for_each_path(long.as_bytes(), |_| Ok(())).unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "-:2: expected a file name, found a line of more than 65536 bytes"
        );
    }
}
