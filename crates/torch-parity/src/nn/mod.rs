//! `torch.nn` in the spelling of `tch::nn`: the same functions and arguments, with Python's initial
//! values, defaults and order of draws.
//!
//! A program written for `tch::nn` moves over by one line: `use torch_parity::nn;` in place
//! of `use tch::nn;`. What agrees with Python as it stands is tch's own and re-exported here; what
//! does not is written anew; what `tch` has and nobody has yet held against Python is not here, so
//! that the compiler names it.
//!
//! # How a layer is made
//!
//! A layer with parameters or buffers is made by a function of a path, as in `tch`: `conv2d(vs /
//! "conv1", 1, 32, 3, Default::default())`. A layer without any is a struct with Python's name and
//! arguments: `Dropout::new(0.25)`, `MaxPool2d { ceil_mode: true, ..MaxPool2d::new(2) }`. Whether
//! it trains or evaluates (`model.train()`, `model.eval()`) is said in
//! [`forward_t`](ModuleT::forward_t).
//!
//! What Python refuses is refused, in one line: as an error by the functions that begin with `f_`,
//! by a panic in the others and in `forward`, which have no place for an error.
//!
//! # Names
//!
//! The path is the name in the state dict. Python's `Sequential` and `ModuleList` number what is in
//! them, and so does a path divided by a number:
//!
//! ```
//! use torch_parity::nn::{self, Dropout, ReLU};
//!
//! // self.main = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 2))
//! let vs = nn::VarStore::new(tch::Device::Cpu);
//! let main = vs.root() / "main";
//! let network = nn::seq_t()
//!     .add(nn::linear(&main / 0, 4, 8, Default::default()))
//!     .add(ReLU)
//!     .add(Dropout::new(0.1))
//!     .add(nn::linear(&main / 3, 8, 2, Default::default()));
//!
//! let mut names: Vec<String> = vs.variables().into_keys().collect();
//! names.sort();
//! assert_eq!(names, ["main.0.bias", "main.0.weight", "main.3.bias", "main.3.weight"]);
//! # assert_eq!(network.len(), 4);
//!
//! // self.layers = nn.ModuleList([nn.Linear(8, 8) for _ in range(3)])
//! let layers = vs.root() / "layers";
//! let layer = |i| nn::linear(&layers / i, 8, 8, Default::default());
//! let layers: Vec<nn::Linear> = (0..3).map(layer).collect();
//! # assert!(vs.variables().contains_key("layers.2.weight") && layers.len() == 3);
//! ```
//!
//! # Dtypes and devices
//!
//! Layers are made with the dtype of the variable store: `vs.set_kind(Kind::Double)` on an empty
//! one is Python's `dtype=torch.float64`. To convert a network that is there, as `model.double()`
//! does, call `vs.double()` (or `float`, `half`, `bfloat16`), which leaves integer buffers such as
//! `num_batches_tracked` as they are; `vs.set_kind` would convert those, too. `vs.set_device` moves
//! everything and converts nothing.

mod activation;
mod attention;
mod batchnorm;
mod conv;
mod dropout;
mod flatten;
mod fold;
mod instancenorm;
mod linear;
mod loss;
mod normalization;
mod optimizer;
mod padding;
mod parameters;
mod pixelshuffle;
mod pooling;
mod rnn;
mod sparse;
mod transformer;
mod upsampling;

pub mod functional;
pub mod init;
pub mod utils;

use tch::Tensor;
pub use tch::nn::{
    Func, FuncT, Id, Init, Linear, Module, ModuleT, PaddingMode, Path, Sequential, SequentialT,
    VarStore, func, func_t, seq, seq_t,
};

pub use activation::*;
pub use attention::*;
pub use batchnorm::*;
pub use conv::*;
pub use dropout::*;
pub use flatten::*;
pub use fold::*;
pub use instancenorm::*;
pub use linear::*;
pub use loss::*;
pub use normalization::*;
pub use optimizer::{
    Adam, AdamW, Optimizer, OptimizerConfig, RmsProp, Sgd, adam, adamw, rms_prop, sgd,
};
pub use padding::*;
pub use parameters::parameters;
pub use pixelshuffle::*;
pub use pooling::*;
pub use rnn::*;
pub use sparse::*;
pub use transformer::*;
pub use upsampling::*;

use super::native::is_grad_enabled;
use super::{Error, Result, one_line};

/// A number for each of `N` dimensions; one number stands for all of them, as in Python.
///
/// ```
/// use torch_parity::nn::MaxPool2d;
/// assert_eq!(MaxPool2d::new(2).kernel_size, [2, 2]);
/// assert_eq!(MaxPool2d::new([2, 3]).kernel_size, [2, 3]);
/// ```
pub trait Sizes<const N: usize> {
    /// The numbers, in the order of the dimensions.
    fn sizes(self) -> [i64; N];
}

impl<const N: usize> Sizes<N> for i64 {
    fn sizes(self) -> [i64; N] {
        [self; N]
    }
}

impl<const N: usize> Sizes<N> for [i64; N] {
    fn sizes(self) -> [i64; N] {
        self
    }
}

/// Adds a parameter to `vs`, drawn by `init`; one without elements is drawn without a draw.
///
/// # Errors
/// If `vs` has one of that name, which `tch` would rename, or if it cannot be made.
fn new_parameter(vs: &Path, name: &str, size: &[i64], init: Init) -> Result<Tensor> {
    check_new(vs, name)?;
    let init = match size.contains(&0) {
        true => Init::Const(0.),
        false => init,
    };
    Ok(vs.f_var(name, size, init)?)
}

/// Whether a gradient could flow into one of them.
fn wants_gradient(tensors: &[&Tensor]) -> bool {
    is_grad_enabled() && tensors.iter().any(|tensor| tensor.requires_grad())
}

/// Adds a buffer to `vs`: a variable without gradient, which the state dict has.
///
/// # Errors
/// If `vs` has one of that name, which `tch` would rename.
fn new_buffer(vs: &Path, name: &str, tensor: Tensor) -> Result<Tensor> {
    check_new(vs, name)?;
    Ok(vs.add(name, tensor, false))
}

fn check_new(vs: &Path, name: &str) -> Result<()> {
    if vs.get(name).is_none() {
        return Ok(());
    }
    let place = vs.path(name);
    Err(Error::Argument(format!(
        "there is a parameter \"{place}\" already; give each layer a path of its own, such as \
         vs / \"fc1\""
    )))
}

/// What Python refuses.
fn refuse<T>(why: impl Into<String>) -> Result<T> {
    Err(Error::Argument(why.into()))
}

/// What a function of `tch`'s spelling does with an error, for which it has no place.
#[track_caller]
fn or_panic<T>(result: Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{}", one_line(&error)))
}

/// Makes types that have `f_forward` modules of `tch`; behind `N:` types of `N` dimensions.
macro_rules! modules {
    (N: $($name:ident),+ $(,)?) => {$(
        impl<const N: usize> tch::nn::Module for $name<N> {
            #[track_caller]
            fn forward(&self, xs: &tch::Tensor) -> tch::Tensor {
                $crate::nn::or_panic(self.f_forward(xs))
            }
        }
    )+};
    ($($type:ty),+ $(,)?) => {$(
        impl tch::nn::Module for $type {
            #[track_caller]
            fn forward(&self, xs: &tch::Tensor) -> tch::Tensor {
                $crate::nn::or_panic(self.f_forward(xs))
            }
        }
    )+};
}

/// Makes types that have `f_forward_t` modules of `tch` that train otherwise than they evaluate.
macro_rules! modules_t {
    ($($type:ty),+ $(,)?) => {$(
        impl tch::nn::ModuleT for $type {
            #[track_caller]
            fn forward_t(&self, xs: &tch::Tensor, train: bool) -> tch::Tensor {
                $crate::nn::or_panic(self.f_forward_t(xs, train))
            }
        }
    )+};
}

/// Functions in two forms: one whose name begins with `f_` and that gives an error, and one that
/// panics with the error's line.
macro_rules! functions {
    ($($(#[$doc:meta])*
    fn $name:ident / $fallible:ident($($arg:ident: $type:ty),* $(,)?) -> $output:ty $body:block)+) => {$(
        $(#[$doc])*
        ///
        /// # Panics
        #[doc = concat!("If [`", stringify!($fallible), "`] returns an error.")]
        #[track_caller]
        #[allow(clippy::too_many_arguments)]
        pub fn $name($($arg: $type),*) -> $output {
            $crate::nn::or_panic($fallible($($arg),*))
        }

        #[doc = concat!("As [`", stringify!($name), "`], but returns an error instead of panicking.")]
        ///
        /// # Errors
        /// If an argument is one that Python refuses, or the tensor does not fit.
        #[allow(clippy::too_many_arguments)]
        pub fn $fallible($($arg: $type),*) -> Result<$output> $body
    )+};
}

use {functions, modules, modules_t};
