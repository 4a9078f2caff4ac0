//! The parts of Python's `torch` in which `tch` differs, equal to the bit, under Python's names.
//!
//! Python and `tch` call the same libtorch, so most operations already agree. This module holds
//! those that do not, package by package as in Python: each file names the PyTorch source whose
//! order of operations or rules it follows. Take whatever already agrees (ReLU, softmax) from
//! `tch`.
//!
//! Nothing here depends on the rest of this crate. Without its default features the crate is this
//! module and the three networks, and depends on little more than `tch` and `safetensors`.
//!
//! Errors are of the type [`Error`], to match on, with a text of one line.

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
