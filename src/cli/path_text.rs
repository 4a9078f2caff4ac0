//! Paths as text in a checkpoint's metadata, without loss.
//!
//! A path in UTF-8 is written as it is, any other as `hex:` and its bytes in hexadecimal digits.
//! Recorded paths are absolute, so none of them starts with `hex:` itself.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

const MARK: &str = "hex:";

/// The path as text.
pub(super) fn to_text(path: &Path) -> String {
    match path.to_str() {
        Some(text) => text.to_owned(),
        None => {
            let bytes = path.as_os_str().as_encoded_bytes();
            let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
            format!("{MARK}{}", digits.collect::<String>())
        }
    }
}

/// The path written as this text, if it is valid.
pub(super) fn from_text(text: &str) -> Option<PathBuf> {
    let Some(digits) = text.strip_prefix(MARK) else {
        return Some(text.into());
    };
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = pairs.map(byte).collect();
    from_bytes(bytes?).map(PathBuf::from)
}

#[cfg(unix)]
fn from_bytes(bytes: Vec<u8>) -> Option<OsString> {
    use std::os::unix::ffi::OsStringExt;
    Some(OsString::from_vec(bytes))
}

#[cfg(not(unix))]
fn from_bytes(bytes: Vec<u8>) -> Option<OsString> {
    String::from_utf8(bytes).ok().map(OsString::from)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn every_path_round_trips() {
        for bytes in [
            &b"/data/houses.csv"[..],
            b"/h\xff.csv",
            "/träume".as_bytes(),
        ] {
            let path = PathBuf::from(from_bytes(bytes.to_vec()).unwrap());
            assert_eq!(from_text(&to_text(&path)).unwrap(), path);
        }
        assert_eq!(to_text(Path::new("/data")), "/data");
        assert_eq!(from_text("hex:zz"), None);
    }
}
