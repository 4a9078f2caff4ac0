//! The distances of `torch.nn.functional`.

use tch::Tensor;

use crate::Result;
use crate::nn::functions;

functions! {
    /// `F.cosine_similarity(x1, x2, dim=1, eps=1e-8)`: the cosine of the angle between vectors
    /// along `dim`, with lengths of at least `eps`.
    fn cosine_similarity / f_cosine_similarity(
        x1: &Tensor, x2: &Tensor, dim: i64, eps: f64,
    ) -> Tensor {
        Ok(Tensor::f_cosine_similarity(x1, x2, dim, eps)?)
    }

    /// `F.pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False)`: ‖`x1` − `x2` + `eps`‖ₚ along
    /// the last dimension.
    fn pairwise_distance / f_pairwise_distance(
        x1: &Tensor, x2: &Tensor, p: f64, eps: f64, keepdim: bool,
    ) -> Tensor {
        Ok(Tensor::f_pairwise_distance(x1, x2, p, eps, keepdim)?)
    }

    /// `F.pdist(input, p=2.0)`: the distances ‖xᵢ − xⱼ‖ₚ of the rows of `(N, M)`, for i < j, `(N ·
    /// (N − 1) / 2,)`.
    fn pdist / f_pdist(input: &Tensor, p: f64) -> Tensor {
        Ok(input.f_pdist(p)?)
    }
}
