//! `torch.nn.functional`: the functions whose methods in `tch` lack arguments or take them in
//! another form.
//!
//! Arguments are in Python's order. As Rust has no default arguments, Python's defaults are given
//! in the documentation of each function.
//!
//! Source: `torch/nn/functional.py`.

mod activation;
mod attention;
mod distance;
mod dropout;
mod embedding;
mod fold;
mod interpolate;
mod linear;
mod loss;
mod normalization;
mod pooling;
mod vision;

pub use activation::*;
pub use attention::*;
pub use distance::*;
pub use dropout::*;
pub use embedding::*;
pub use fold::*;
pub use interpolate::*;
pub use linear::*;
pub use loss::*;
pub use normalization::*;
pub use pooling::*;
pub use vision::*;
