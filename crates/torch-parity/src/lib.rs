//! Python's `torch` on [`tch`], equal to the bit, under Python's names, wherever `tch` differs.
//!
//! ```
//! use torch_parity::{nn, nn::Module};
//! use tch::{Device, Kind, Tensor, no_grad};
//!
//! tch::manual_seed(0); //                                  torch.manual_seed(0)
//! let vs = nn::VarStore::new(Device::Cpu);
//! let fc = nn::linear(vs.root() / "fc", 10, 1, Default::default()); // fc = nn.Linear(10, 1)
//! let x = Tensor::ones([1, 10], (Kind::Float, Device::Cpu)); //     x = torch.ones(1, 10)
//! let y = no_grad(|| fc.forward(&x)); //                            y = fc(x)
//! assert_eq!(y.size(), [1, 1]);
//! ```
//!
//! Python and `tch` call the same libtorch, so most operations already agree. This crate holds
//! those that do not, package by package as in Python: each file names the PyTorch source whose
//! order of operations or rules it follows. Take whatever already agrees (ReLU, softmax) from
//! `tch`.
//!
//! Errors are of the type [`Error`], to match on, with a text of one line.
//!
//! `LIBTORCH=<folder with lib/ and include/> cargo run` needs no other set-up in a dependent crate.
//! An executable that is started directly finds libtorch if the crate's `build.rs` prints
//! `cargo::rustc-link-arg=-Wl,-rpath,` and the variable `DEP_TORCH_PARITY_LIBTORCH_LIB`. The
//! feature `download-libtorch` fetches a libtorch for the CPU; `doc-only` builds documentation
//! without one.

#![warn(missing_docs)]

pub mod device;
mod error;
pub mod native;
pub mod nn;
pub mod optim;
pub mod print;
pub mod random;
pub mod serialization;
pub mod utils;

pub use error::{Error, Result, fold, one_line, shown, shown_path};

/// The version of the libtorch that this crate was built with, as `torch.__version__` has it, or
/// `unknown`.
pub const LIBTORCH_VERSION: &str = env!("TORCH_PARITY_LIBTORCH_VERSION");
