//! "Is softmax essential for neural networks?", asked of networks that are trained here.
//!
//! | module | program |
//! | --- | --- |
//! | [`experiment`] | `cargo run --example is_softmax_essential`: the article's claims, each measured |
//! | [`page`] | `cargo run --example playground`: one HTML page to play with |

pub mod experiment;
pub mod page;

use std::path::{Path, PathBuf};

/// A file or folder of the project.
fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}
