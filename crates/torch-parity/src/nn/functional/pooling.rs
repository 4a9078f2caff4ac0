//! The pooling functions of `torch.nn.functional` that consist of several operations.

use tch::{Device, Scalar, Tensor};

use crate::Result;
use crate::nn::{functions, refuse};

functions! {
    /// `F.lp_pool1d`, `F.lp_pool2d` and `F.lp_pool3d(input, norm_type, kernel_size, stride=None,
    /// ceil_mode=False)`, for a `kernel_size` of one, two or three numbers: (Σ xᵖ)^(1/p) over each
    /// window.
    fn lp_pool / f_lp_pool(
        input: &Tensor, norm_type: f64, kernel_size: &[i64], stride: &[i64], ceil_mode: bool,
    ) -> Tensor {
        let pool = match kernel_size.len() {
            1 => Pool::One,
            2 => Pool::Two,
            3 => Pool::Three,
            n => return refuse(format!("kernel_size has one to three numbers, not {n}")),
        };
        if norm_type == f64::INFINITY {
            return pool.max(&input.f_abs()?, kernel_size, stride, ceil_mode);
        }
        if norm_type == f64::NEG_INFINITY {
            let highest = pool.max(&input.f_abs()?.f_neg()?, kernel_size, stride, ceil_mode)?;
            return Ok(highest.f_neg()?);
        }
        let mean = pool.mean(&input.f_pow_tensor_scalar(norm_type)?, kernel_size, stride, ceil_mode)?;
        let positive = mean.f_sign()?.f_mul(&mean.f_abs()?.f_relu()?)?;
        let sum = positive.f_mul_scalar(kernel_size.iter().product::<i64>())?;
        Ok(sum.f_pow_tensor_scalar(Scalar::from(1. / norm_type))?)
    }
}

/// The pooling functions for each number of dimensions.
enum Pool {
    One,
    Two,
    Three,
}

impl Pool {
    fn max(&self, x: &Tensor, kernel: &[i64], stride: &[i64], ceil_mode: bool) -> Result<Tensor> {
        Ok(match self {
            Self::One => x.f_max_pool1d(kernel, stride, 0, 1, ceil_mode),
            Self::Two => x.f_max_pool2d(kernel, stride, 0, 1, ceil_mode),
            Self::Three => x.f_max_pool3d(kernel, stride, 0, 1, ceil_mode),
        }?)
    }

    fn mean(&self, x: &Tensor, kernel: &[i64], stride: &[i64], ceil_mode: bool) -> Result<Tensor> {
        Ok(match self {
            Self::One => x.f_avg_pool1d(kernel, stride, 0, ceil_mode, true),
            Self::Two => x.f_avg_pool2d(kernel, stride, 0, ceil_mode, true, None),
            Self::Three => x.f_avg_pool3d(kernel, stride, 0, ceil_mode, true, None),
        }?)
    }
}

functions! {
    /// `F.fractional_max_pool2d` and `F.fractional_max_pool3d(input, kernel_size, output_size)` for
    /// inputs `(N, C, …)` or `(C, …)`, with random window positions.
    fn fractional_max_pool / f_fractional_max_pool(
        input: &Tensor, kernel_size: &[i64], output_size: &[i64],
    ) -> Tensor {
        Ok(f_fractional_max_pool_with_indices(input, kernel_size, output_size, None)?.0)
    }
}

/// [`fractional_max_pool`] with the indices of the maxima, and with window positions from `samples`
/// if given.
pub(super) fn f_fractional_max_pool_with_indices(
    input: &Tensor,
    kernel_size: &[i64],
    output_size: &[i64],
    samples: Option<&Tensor>,
) -> Result<(Tensor, Tensor)> {
    let n = kernel_size.len();
    let size = input.size();
    if (n != 2 && n != 3) || size.len() < n + 1 {
        let found = size.len();
        return refuse(format!(
            "expected {}D or {}D input, got {found}D",
            n + 1,
            n + 2
        ));
    }
    let samples = match samples {
        Some(samples) => samples.shallow_clone(),
        None => {
            let batch = if size.len() == n + 1 { 1 } else { size[0] };
            let draws = [batch, size[size.len() - n - 1], n as i64];
            let samples = Tensor::f_rand(draws, (input.kind(), Device::Cpu))?;
            samples.f_to(input.device())?
        }
    };
    Ok(match n {
        2 => input.f_fractional_max_pool2d(kernel_size, output_size, &samples)?,
        _ => input.f_fractional_max_pool3d(kernel_size, output_size, &samples)?,
    })
}
