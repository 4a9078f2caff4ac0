//! What Python's `torch` does and `tch` does otherwise, bit for bit, under Python's names.
//!
//! Both fronts call the same libtorch, so most operations agree as they stand. This module holds
//! the places where they do not, package by package as in Python: each file names the PyTorch
//! source whose order of operations or rules it follows. What already agrees (the losses, ReLU,
//! softmax) is taken from `tch`.
//!
//! Nothing here knows of the rest of this crate. Without its default features the crate is this
//! module and the three networks, and needs little more than `tch` and `safetensors`.
//!
//! What cannot be done is an [`Error`], a type to be matched, whose text is one line.

pub mod device;
mod error;
pub(crate) mod native;
pub mod nn;
pub mod optim;
pub mod print;
pub mod random;
pub mod serialization;
pub mod utils;

#[cfg(feature = "cli")]
pub(crate) use error::fold;
pub use error::{Error, Result, one_line, shown, shown_path};
