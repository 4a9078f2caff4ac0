//! PyTorch models in Rust, on [`tch`]: the same seed gives the same bits as Python.
//!
//! ```
//! use final_layer::torch::{nn, nn::Module};
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
//! | module | contents |
//! | --- | --- |
//! | [`torch`] | the crate `torch-parity`: Python's `torch` wherever `tch` differs |
//! | [`networks`] | three networks, the Rust on the left and the Python on the right |
//! | [`guide`] | from PyTorch to `tch`, with measured traps |
//! | [`tasks`], [`data`], [`training`], [`evaluation`], [`checkpoint`], [`metrics`], [`calibration`] | training on real data that survives `kill -9`, and the quality of its results |
//! | [`plan`] | sequential networks, run without autograd and with its bits |
//! | [`trace`], [`cli`] | the recording that is compared with Python; the command line of the examples |
//!
//! A crate that needs only Python's `torch` depends on `torch-parity`. The feature
//! `download-libtorch` fetches a libtorch for the CPU; `doc-only` builds documentation without one.
//!
//! `LIBTORCH=<folder with lib/ and include/> cargo run` needs no other set-up in a dependent crate.
//! An executable that is started directly finds libtorch if the crate's `build.rs` prints
//! `cargo::rustc-link-arg=-Wl,-rpath,` and the variable `DEP_FINAL_LAYER_LIBTORCH_LIB`.

#![warn(missing_docs)]

pub mod calibration;
pub mod checkpoint;
pub mod cli;
pub mod data;
pub mod evaluation;
pub mod guide;
mod kernels;
pub mod metrics;
pub mod networks;
pub mod plan;
pub mod tasks;
pub mod trace;
pub mod training;

pub use torch_parity as torch;
