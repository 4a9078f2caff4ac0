//! `torch.nn.functional` under Python's names.
//!
//! Arguments are in Python's order. As Rust has no default arguments, Python's defaults are given
//! in the documentation of each function.
//!
//! Source: `torch/nn/functional.py`.

mod activation;
mod attention;
mod avg_pool;
mod conv;
mod distance;
mod dropout;
mod embedding;
mod fold;
mod inplace;
mod interpolate;
mod linear;
mod loss;
mod max_pool;
mod normalization;
mod pooling;
mod vision;

pub use activation::*;
pub use attention::*;
pub use avg_pool::*;
pub use conv::*;
pub use distance::*;
pub use dropout::*;
pub use embedding::*;
pub use fold::*;
pub use inplace::*;
pub use interpolate::*;
pub use linear::*;
pub use loss::*;
pub use max_pool::*;
pub use normalization::*;
pub use pooling::*;
pub use vision::*;
