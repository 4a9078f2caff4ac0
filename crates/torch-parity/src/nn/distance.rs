//! `torch.nn.CosineSimilarity` and `PairwiseDistance`, which `tch` has only as methods.
//!
//! Source: `torch/nn/modules/distance.py`.

use tch::Tensor;

use super::functional::{f_cosine_similarity, f_pairwise_distance};
use super::{arguments, or_panic};
use crate::Result;

arguments! {
    /// `nn.CosineSimilarity(dim=1, eps=1e-8)`: the cosine of the angle between vectors along `dim`.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct CosineSimilarity {
        /// The dimension of the vectors.
        dim: i64 = 1,
        /// The lower bound of a vector's length.
        eps: f64 = 1e-8,
    }
}

impl CosineSimilarity {
    /// The similarity of two tensors of one shape.
    ///
    /// # Panics
    /// If `f_forward` returns an error.
    #[track_caller]
    pub fn forward(&self, x1: &Tensor, x2: &Tensor) -> Tensor {
        or_panic(self.f_forward(x1, x2))
    }

    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the tensors have unsupported shapes or dtypes.
    pub fn f_forward(&self, x1: &Tensor, x2: &Tensor) -> Result<Tensor> {
        f_cosine_similarity(x1, x2, self.dim, self.eps)
    }
}

arguments! {
    /// `nn.PairwiseDistance(p=2.0, eps=1e-6, keepdim=False)`: ‖x₁ − x₂ + `eps`‖ₚ along the last
    /// dimension.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct PairwiseDistance {
        /// The exponent of the norm.
        p: f64 = 2.,
        /// Added to the differences for numerical stability.
        eps: f64 = 1e-6,
        /// If true, keeps the last dimension, with size 1.
        keepdim: bool = false,
    }
}

impl PairwiseDistance {
    /// The distance of two tensors of one shape.
    ///
    /// # Panics
    /// If `f_forward` returns an error.
    #[track_caller]
    pub fn forward(&self, x1: &Tensor, x2: &Tensor) -> Tensor {
        or_panic(self.f_forward(x1, x2))
    }

    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the tensors have unsupported shapes or dtypes.
    pub fn f_forward(&self, x1: &Tensor, x2: &Tensor) -> Result<Tensor> {
        f_pairwise_distance(x1, x2, self.p, self.eps, self.keepdim)
    }
}
