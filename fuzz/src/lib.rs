//! The common part of the targets: a file with the fuzzer's bytes.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use tempfile::TempDir;

/// Writes `bytes` to a file of that name, always the same, and passes its path to `read`.
pub fn with_file(name: &str, bytes: &[u8], read: impl FnOnce(&Path)) {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().unwrap());
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    read(&path);
}
