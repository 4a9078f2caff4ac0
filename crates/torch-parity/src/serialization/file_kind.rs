//! Kinds of files, told by their first bytes: one is not written over a file of another.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// A kind of file that a program writes.
#[derive(Clone, Copy, Debug)]
pub struct FileKind {
    /// For an error: `a .safetensors file`.
    pub name: &'static str,
    /// Returns true for the first bytes of such a file, at most [`FileKind::HEAD`] of them.
    pub is_head: fn(&[u8]) -> bool,
}

impl FileKind {
    /// As many bytes are looked at.
    pub const HEAD: u64 = 4096;

    /// The kind of [`super::read_safetensors`].
    pub const SAFETENSORS: Self = Self {
        name: "a .safetensors file",
        // The length of the header, which is JSON.
        is_head: |head| head.get(8) == Some(&b'{') && head[5..8] == [0; 3],
    };

    /// Refuses a file at `path` that is there, is not empty and is of another kind.
    pub(super) fn check(self, path: &Path) -> io::Result<()> {
        let mut head = Vec::new();
        match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file?.take(Self::HEAD).read_to_end(&mut head)?,
        };
        if head.is_empty() || (self.is_head)(&head) {
            return Ok(());
        }
        let problem = format!(
            "the existing file is not {}; name another, or move it away",
            self.name
        );
        Err(io::Error::other(problem))
    }
}
