//! PyTorch networks in Rust, on [`tch`]: the same seed gives the same bits as Python.
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
//! | module | what is there | feature |
//! | --- | --- | --- |
//! | [`torch`] | what Python's `torch` does and `tch` does otherwise; `.pt` files with `pt` | always there |
//! | [`networks`] | three networks, Rust on the left and the Python that it mirrors on the right | always there |
//! | `tasks`, `data`, `training`, `evaluation`, `checkpoint`, `metrics` … | training on real data that survives `kill -9` | `cli` |
//! | `trace` | what is recorded to be compared with Python | `cli` |
//! | `cli` | the command line of the examples | `cli` |
//! | [`guide`] | from PyTorch to `tch`, with measured traps | always there |
//!
//! `cli` and `pt` are on by default. A crate that wants [`torch`] alone says
//! `default-features = false`.

#![warn(missing_docs)]

#[cfg(feature = "cli")]
pub mod calibration;
#[cfg(feature = "cli")]
pub mod checkpoint;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod comparison;
#[cfg(feature = "cli")]
pub mod data;
#[cfg(feature = "cli")]
pub mod evaluation;
pub mod guide;
#[cfg(feature = "cli")]
pub mod metrics;
pub mod networks;
#[cfg(feature = "cli")]
pub mod tasks;
pub mod torch;
#[cfg(feature = "cli")]
pub mod trace;
#[cfg(feature = "cli")]
pub mod training;
