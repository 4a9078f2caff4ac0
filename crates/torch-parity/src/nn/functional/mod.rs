//! `torch.nn.functional`: the functions whose method in `tch` leaves arguments at their defaults or
//! takes them otherwise.
//!
//! Arguments stand in Python's order. Nothing has a default, as Rust has none; Python's is said in
//! each function's text.
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
