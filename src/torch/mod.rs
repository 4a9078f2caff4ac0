//! What Python's `torch` does and `tch` does otherwise, bit for bit, under Python's names.
//!
//! Both fronts call the same libtorch, so most operations agree as they stand. This module holds
//! the places where they do not: each file names the PyTorch source whose order of operations or
//! rules it follows. What already agrees (the losses, ReLU, softmax) is taken from `tch`.

pub mod data;
pub(crate) mod messages;
pub mod nn;
pub mod optim;
pub mod print;
pub mod pt;
pub mod random;
pub mod state_dict;
