//! What the targets share: a file with the bytes that the fuzzer came up with.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use tempfile::TempDir;

/// Writes `bytes` to a file of that name, the same each time, and hands on its path.
pub fn with_file(name: &str, bytes: &[u8], read: impl FnOnce(&Path)) {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().unwrap());
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    read(&path);
}
