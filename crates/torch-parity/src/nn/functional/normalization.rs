//! `torch.nn.functional.batch_norm` and related functions, `normalize` and `local_response_norm`.
//!
//! `tch`'s `batch_norm` and `instance_norm` take weight and bias before the running statistics. All
//! have the same type, so arguments in Python's order compile there, too.

use tch::Tensor;

use crate::Result;
use crate::nn::batchnorm::check_norm;
use crate::nn::instancenorm::check_spatial;
use crate::nn::normalization::check_groups;
use crate::nn::{functions, refuse};

functions! {
    /// `F.batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False,
    /// momentum=0.1, eps=1e-5)` for inputs `(N, C, …)`; the other tensors are `(C,)`. In training
    /// it uses the statistics of the batch and updates the running ones in place; in evaluation it
    /// uses the running ones.
    fn batch_norm / f_batch_norm(
        input: &Tensor, running_mean: Option<&Tensor>, running_var: Option<&Tensor>,
        weight: Option<&Tensor>, bias: Option<&Tensor>, training: bool, momentum: f64, eps: f64,
    ) -> Tensor {
        let size = input.size();
        check_channels(&size)?;
        check_norm(&size, training, eps)?;
        Ok(input.f_batch_norm(
            weight, bias, running_mean, running_var, training, momentum, eps, true,
        )?)
    }

    /// `F.instance_norm(input, running_mean=None, running_var=None, weight=None, bias=None,
    /// use_input_stats=True, momentum=0.1, eps=1e-5)` for inputs `(N, C, …)`; the other tensors are
    /// `(C,)`.
    fn instance_norm / f_instance_norm(
        input: &Tensor, running_mean: Option<&Tensor>, running_var: Option<&Tensor>,
        weight: Option<&Tensor>, bias: Option<&Tensor>, use_input_stats: bool, momentum: f64,
        eps: f64,
    ) -> Tensor {
        let size = input.size();
        check_channels(&size)?;
        if use_input_stats {
            check_spatial(&size)?;
        }
        Ok(input.f_instance_norm(
            weight, bias, running_mean, running_var, use_input_stats, momentum, eps, true,
        )?)
    }

    /// `F.layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5)` over the last
    /// dimensions, of shape `normalized_shape`; `weight` and `bias` have that shape.
    fn layer_norm / f_layer_norm(
        input: &Tensor, normalized_shape: &[i64], weight: Option<&Tensor>, bias: Option<&Tensor>,
        eps: f64,
    ) -> Tensor {
        Ok(input.f_layer_norm(normalized_shape, weight, bias, eps, true)?)
    }

    /// `F.rms_norm(input, normalized_shape, weight=None, eps=None)`: x divided by the root of the
    /// mean of x², over the last dimensions, of shape `normalized_shape`. The default `eps` is the
    /// dtype's machine epsilon.
    fn rms_norm / f_rms_norm(
        input: &Tensor, normalized_shape: &[i64], weight: Option<&Tensor>, eps: Option<f64>,
    ) -> Tensor {
        Ok(input.f_rms_norm(normalized_shape, weight, eps)?)
    }

    /// `F.group_norm(input, num_groups, weight=None, bias=None, eps=1e-5)` for inputs `(N, C, …)`;
    /// `weight` and `bias` are `(C,)`.
    fn group_norm / f_group_norm(
        input: &Tensor, num_groups: i64, weight: Option<&Tensor>, bias: Option<&Tensor>, eps: f64,
    ) -> Tensor {
        if num_groups <= 0 {
            return refuse(format!(
                "Expected num groups to be greater than 0, got {num_groups}"
            ));
        }
        check_groups(&input.size(), num_groups)?;
        Ok(input.f_group_norm(num_groups, weight, bias, eps, true)?)
    }

    /// `F.normalize(input, p=2.0, dim=1, eps=1e-12)`: x / max(‖x‖ₚ, `eps`) along `dim`.
    fn normalize / f_normalize(input: &Tensor, p: f64, dim: i64, eps: f64) -> Tensor {
        let n = input.dim().max(1) as i64;
        if !(-n..n).contains(&dim) {
            // tch panics with the error of a function that takes a number.
            return refuse(format!(
                "Dimension out of range (expected to be in range of [{}, {}], but got {dim})",
                -n, n - 1
            ));
        }
        let norm = input.f_norm_scalaropt_dim(p, dim, true)?;
        let denom = norm.f_clamp_min(eps)?.f_expand_as(input)?;
        Ok(input.f_div(&denom)?)
    }

    /// `F.local_response_norm(input, size, alpha=1e-4, beta=0.75, k=1.0)` for inputs `(N, C, …)`: x
    /// divided by (`k` + `alpha` · the mean of x² over the `size` nearest channels)^`beta`.
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

/// Returns an error for an input without channels, which Python does not check.
fn check_channels(size: &[i64]) -> Result<()> {
    match size.len() {
        n @ 0..2 => refuse(format!("expected at least 2D input (got {n}D input)")),
        _ => Ok(()),
    }
}
