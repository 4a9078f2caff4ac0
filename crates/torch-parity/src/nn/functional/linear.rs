//! `torch.nn.functional.linear` and `bilinear`.

use tch::Tensor;

use crate::Result;
use crate::nn::functions;

functions! {
    /// `F.linear(input, weight, bias=None)`: x · `weight`ᵀ + `bias`, for `(…, in)`, `(out, in)` and
    /// `(out,)`.
    fn linear / f_linear(input: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
        Ok(input.f_linear(weight, bias)?)
    }

    /// `F.bilinear(input1, input2, weight, bias=None)`: x₁ · `weight` · x₂ + `bias`, for `(…,
    /// in1)`, `(…, in2)`, `(out, in1, in2)` and `(out,)`.
    fn bilinear / f_bilinear(
        input1: &Tensor, input2: &Tensor, weight: &Tensor, bias: Option<&Tensor>,
    ) -> Tensor {
        Ok(Tensor::f_bilinear(input1, input2, weight, bias)?)
    }
}
