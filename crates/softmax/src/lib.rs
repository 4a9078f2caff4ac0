//! The question "Is softmax essential for neural networks?", answered with networks trained here.
//!
//! | module | program |
//! | --- | --- |
//! | [`experiment`] | `cargo run --example is_softmax_essential`: the article's claims, each measured |
//! | [`page`] | `cargo run --example playground`: an interactive HTML page |

pub mod experiment;
pub mod page;

use std::path::{Path, PathBuf};

/// A file or folder of the project.
fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

/// Returns true if the first bytes of a file have this text.
fn has(head: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(head).contains(text)
}
