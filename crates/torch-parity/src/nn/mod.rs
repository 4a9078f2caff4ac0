//! `torch.nn` in the spelling of `tch::nn`: the same functions and arguments, with Python's initial
//! values, defaults and order of draws.
//!
//! To move a program from `tch::nn`, change one line: `use torch_parity::nn;` in place of `use
//! tch::nn;`. Items that already agree with Python are tch's own, re-exported here; items that do
//! not are written anew; items of `tch` that are not verified are not re-exported, so using one is
//! a compile error.
//!
//! # Creating layers
//!
//! A layer with parameters or buffers is created by a function that takes a path, as in `tch`:
//! `conv2d(vs / "conv1", 1, 32, 3, Default::default())`. A layer without any is a struct with
//! Python's name and arguments: `Dropout::new(0.25)`, `MaxPool2d { ceil_mode: true,
//! ..MaxPool2d::new(2) }`. Training or evaluation mode (`model.train()`, `model.eval()`) is an
//! argument of [`forward_t`](ModuleT::forward_t).
//!
//! Whatever Python refuses is refused here, too, with a message of one line. Functions that begin
//! with `f_` return it as an error; the others, and `forward`, panic with it.
//!
//! # Names
//!
//! The path is the name in the state dict. Python's `Sequential` and `ModuleList` number their
//! elements, and so does a path divided by a number:
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
//! Layers are created in the dtype of the variable store: `vs.set_kind(Kind::Double)` on an empty
//! store is Python's `dtype=torch.float64`. To convert an existing network, as `model.double()`
//! does, call `vs.double()` (or `float`, `half`, `bfloat16`), which leaves integer buffers such as
//! `num_batches_tracked` unchanged; `vs.set_kind` would convert those, too. `vs.set_device` moves
//! everything and converts nothing.

mod activation;
mod adaptive;
mod attention;
mod batchnorm;
mod conv;
mod distance;
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
mod weighted;

pub mod functional;
pub mod init;
pub mod utils;

use tch::Tensor;
pub use tch::nn::{
    Func, FuncT, Id, Init, Linear, Module, ModuleT, PaddingMode, Path, Sequential, SequentialT,
    VarStore, func, func_t, seq, seq_t,
};

pub use activation::*;
pub use adaptive::*;
pub use attention::*;
pub use batchnorm::*;
pub use conv::*;
pub use distance::*;
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
pub use weighted::Weighted;

use super::native::is_grad_enabled;
use super::{Error, Result, one_line};

/// One number for each of `N` dimensions; a single number applies to all, as in Python.
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

/// The size of `xs` `(N, C, …)` or `(C, …)` in the `N` dimensions after those of batch and
/// channels.
///
/// # Errors
/// If `xs` has another number of dimensions.
fn spatial_size<const N: usize>(xs: &Tensor) -> Result<[i64; N]> {
    let (size, one, two) = (xs.size(), N + 1, N + 2);
    if size.len() != one && size.len() != two {
        let found = size.len();
        return refuse(format!("expected {one}D or {two}D input, got {found}D"));
    }
    Ok(std::array::from_fn(|i| size[size.len() - N + i]))
}

/// Adds a parameter to `vs`, initialized by `init`; a parameter without elements draws nothing.
///
/// # Errors
/// If `vs` has a parameter of that name, which `tch` would rename, or if it cannot be allocated.
fn new_parameter(vs: &Path, name: &str, size: &[i64], init: Init) -> Result<Tensor> {
    check_new(vs, name)?;
    let init = match size.contains(&0) {
        true => Init::Const(0.),
        false => init,
    };
    Ok(vs.f_var(name, size, init)?)
}

/// Returns true if a gradient can flow into one of the tensors.
fn wants_gradient(tensors: &[&Tensor]) -> bool {
    is_grad_enabled() && tensors.iter().any(|tensor| tensor.requires_grad())
}

/// Adds a buffer to `vs`: a variable without gradient that is part of the state dict.
///
/// # Errors
/// If `vs` has a variable of that name, which `tch` would rename.
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

/// Returns the error for an argument that Python refuses.
fn refuse<T>(why: impl Into<String>) -> Result<T> {
    Err(Error::Argument(why.into()))
}

/// Panics with an error, for functions in `tch`'s spelling, which cannot return one.
#[track_caller]
fn or_panic<T>(result: Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{}", one_line(&error)))
}

/// Defines the arguments of a layer, each with its default.
macro_rules! arguments {
    ($(#[$attribute:meta])* pub struct $name:ident {
        $($(#[$doc:meta])* $field:ident: $type:ty = $default:expr,)*
    }) => {
        $(#[$attribute])*
        pub struct $name {
            $($(#[$doc])* pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }
    };
}

/// Implements tch's `Module` for types with `f_forward`; after `N:`, for types with `N` dimensions.
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

/// Implements tch's `ModuleT` for types with `f_forward_t`, which differ between training and
/// evaluation.
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

/// Defines a function twice: with a name that begins with `f_`, returning an error, and without,
/// panicking with the error's message.
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
        /// If Python refuses an argument, or a tensor has an unsupported shape or dtype.
        #[allow(clippy::too_many_arguments)]
        pub fn $fallible($($arg: $type),*) -> Result<$output> $body
    )+};
}

use {arguments, functions, modules, modules_t};
