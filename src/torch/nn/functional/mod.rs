//! `torch.nn.functional`: the functions whose method in `tch` leaves arguments at their defaults or
//! takes them otherwise.
//!
//! Arguments stand in Python's order. Nothing has a default, as Rust has none; Python's is said in
//! each function's text.
//!
//! Source: `torch/nn/functional.py`.

mod dropout;
mod embedding;
mod interpolate;
mod pooling;

use tch::{Kind, Tensor};

pub use dropout::*;
pub use embedding::*;
pub use interpolate::*;
pub use pooling::*;

use super::{functions, refuse};
use crate::torch::{Result, native};

functions! {
    /// `F.leaky_relu(input, negative_slope=0.01)`: x where x > 0, else `negative_slope` · x.
    fn leaky_relu / f_leaky_relu(input: &Tensor, negative_slope: f64) -> Tensor {
        Ok(native::leaky_relu(input, negative_slope)?)
    }

    /// `F.elu(input, alpha=1.0)`: x where x > 0, else `alpha` · (eˣ − 1).
    fn elu / f_elu(input: &Tensor, alpha: f64) -> Tensor {
        Ok(native::elu(input, alpha)?)
    }

    /// `F.celu(input, alpha=1.0)`: max(0, x) + min(0, `alpha` · (e^(x / `alpha`) − 1)).
    fn celu / f_celu(input: &Tensor, alpha: f64) -> Tensor {
        Ok(native::celu(input, alpha)?)
    }

    /// `F.softplus(input, beta=1.0, threshold=20.0)`: ln(1 + e^(`beta` · x)) / `beta`, and x where
    /// `beta` · x > `threshold`.
    fn softplus / f_softplus(input: &Tensor, beta: f64, threshold: f64) -> Tensor {
        Ok(native::softplus(input, beta, threshold)?)
    }

    /// `F.hardtanh(input, min_val=-1.0, max_val=1.0)`: x, held between the two.
    fn hardtanh / f_hardtanh(input: &Tensor, min_val: f64, max_val: f64) -> Tensor {
        if min_val > max_val {
            return refuse("min_val cannot be greater than max_val");
        }
        Ok(native::hardtanh(input, min_val, max_val)?)
    }

    /// `F.hardshrink(input, lambd=0.5)`: 0 where |x| ≤ `lambd`, else x.
    fn hardshrink / f_hardshrink(input: &Tensor, lambd: f64) -> Tensor {
        Ok(native::hardshrink(input, lambd)?)
    }

    /// `F.softshrink(input, lambd=0.5)`: 0 where |x| ≤ `lambd`, else x nearer to 0 by `lambd`.
    fn softshrink / f_softshrink(input: &Tensor, lambd: f64) -> Tensor {
        Ok(native::softshrink(input, lambd)?)
    }

    /// `F.rrelu(input, lower=1/8, upper=1/3, training=False)`: a leaky ReLU whose slope is drawn
    /// from U(`lower`, `upper`) for each element in training, and is their mean in evaluation.
    fn rrelu / f_rrelu(input: &Tensor, lower: f64, upper: f64, training: bool) -> Tensor {
        Ok(native::rrelu(input, lower, upper, training)?)
    }

    /// `F.softmin(input, dim)`.
    fn softmin / f_softmin(input: &Tensor, dim: i64) -> Tensor {
        Ok(input.f_neg()?.f_softmax(dim, None::<Kind>)?)
    }

    /// `F.tanhshrink(input)`: x − tanh(x).
    fn tanhshrink / f_tanhshrink(input: &Tensor) -> Tensor {
        Ok(input.f_sub(&input.f_tanh()?)?)
    }

    /// `F.softsign(input)`: x / (1 + |x|).
    fn softsign / f_softsign(input: &Tensor) -> Tensor {
        Ok(input.f_div(&(input.f_abs()?.f_add_scalar(1)?))?)
    }

    /// `F.normalize(input, p=2.0, dim=1, eps=1e-12)`: x / max(‖x‖ₚ, `eps`) along `dim`.
    fn normalize / f_normalize(input: &Tensor, p: f64, dim: i64, eps: f64) -> Tensor {
        let n = input.dim().max(1) as i64;
        if !(-n..n).contains(&dim) {
            // tch would panic: what it does with the error of a function that takes a number.
            return refuse(format!(
                "Dimension out of range (expected to be in range of [{}, {}], but got {dim})",
                -n, n - 1
            ));
        }
        let norm = input.f_norm_scalaropt_dim(p, dim, true)?;
        let denom = norm.f_clamp_min(eps)?.f_expand_as(input)?;
        Ok(input.f_div(&denom)?)
    }

    /// `F.local_response_norm(input, size, alpha=1e-4, beta=0.75, k=1.0)` of `(N, C, …)`: x over
    /// (`k` + `alpha` · the mean of x² over `size` channels around it)^`beta`.
    fn local_response_norm / f_local_response_norm(
        input: &Tensor, size: i64, alpha: f64, beta: f64, k: f64,
    ) -> Tensor {
        let sizes = input.size();
        if sizes.len() < 3 {
            return refuse(format!(
                "Expected 3D or higher dimensionality input (got {} dimensions)", sizes.len()
            ));
        }
        if input.numel() == 0 {
            return Ok(input.shallow_clone());
        }
        let square = input.f_mul(input)?;
        let (before, after) = (size / 2, (size - 1) / 2);
        let mean = if sizes.len() == 3 {
            let padded = square.f_unsqueeze(1)?.f_pad([0, 0, before, after], "constant", None)?;
            padded.f_avg_pool2d([size, 1], [1], [0], false, true, None)?.f_squeeze_dim(1)?
        } else {
            let square = square.f_view([sizes[0], 1, sizes[1], sizes[2], -1])?;
            let padded = square.f_pad([0, 0, 0, 0, before, after], "constant", None)?;
            let pooled = padded.f_avg_pool3d([size, 1, 1], [1], [0], false, true, None)?;
            pooled.f_squeeze_dim(1)?.f_view(&sizes[..])?
        };
        let divisor = mean.f_mul_scalar(alpha)?.f_add_scalar(k)?.f_pow_tensor_scalar(beta)?;
        Ok(input.f_div(&divisor)?)
    }
}
