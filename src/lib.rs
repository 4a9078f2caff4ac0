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
//! | [`torch`] | what Python's `torch` does and `tch` does otherwise; reads `.pt` with `pt` | |
//! | [`networks`] | three networks, Rust on the left and the Python that it mirrors on the right | |
//! | [`guide`] | from PyTorch to `tch`, with measured traps | |
//! | `tasks`, `data`, `training`, `evaluation`, `checkpoint`, `metrics`, `calibration` | training on real data that survives `kill -9`, and what its results are worth | `cli` |
//! | `plan` | networks that are chains of layers, run without autograd and with its bits | `cli` |
//! | `trace`, `cli` | what is recorded to be compared with Python; the command line of the examples | `cli` |
//!
//! `cli` and `pt` are on by default; with `default-features = false` a crate has [`torch`] and the
//! networks, on `tch`, `safetensors` and a few small crates. `download-libtorch` fetches a libtorch
//! for the CPU, `doc-only` builds documentation where there is none.
//!
//! `LIBTORCH=<folder with lib/ and include/> cargo run` needs no other set-up in a dependent crate.
//! An executable that is started by itself finds libtorch if the crate's `build.rs` prints
//! `cargo::rustc-link-arg=-Wl,-rpath,` and the variable `DEP_FINAL_LAYER_LIBTORCH_LIB`.

#![warn(missing_docs)]

#[cfg(feature = "cli")]
pub mod calibration;
#[cfg(feature = "cli")]
pub mod checkpoint;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod data;
#[cfg(feature = "cli")]
pub mod evaluation;
// It also speaks of what is there with `cli` alone; with it, every link is checked.
#[cfg_attr(not(feature = "cli"), allow(rustdoc::broken_intra_doc_links))]
pub mod guide;
#[cfg(feature = "cli")]
pub mod metrics;
pub mod networks;
#[cfg(feature = "cli")]
pub mod plan;
#[cfg(feature = "cli")]
pub mod tasks;
pub mod torch;
#[cfg(feature = "cli")]
pub mod trace;
#[cfg(feature = "cli")]
pub mod training;
