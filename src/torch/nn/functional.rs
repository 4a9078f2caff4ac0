//! `torch.nn.functional`: the functions whose method in `tch` leaves arguments at their defaults or
//! takes them otherwise.
//!
//! Arguments stand in Python's order. Nothing has a default, as Rust has none; Python's is said in
//! each function's text.
//!
//! Source: `torch/nn/functional.py`.

use tch::{Device, Kind, Scalar, Tensor, no_grad};

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
        let norm = input.f_norm_scalaropt_dim(p, dim, true)?;
        let denom = norm.f_clamp_min(eps)?.f_expand_as(input)?;
        Ok(input.f_div(&denom)?)
    }

    /// `F.dropout1d(input, p=0.5, training=True)`: zeros whole channels of `(N, C, L)` or `(C, L)`.
    fn dropout1d / f_dropout1d(input: &Tensor, p: f64, training: bool) -> Tensor {
        check_probability(p)?;
        let dim = input.dim();
        if dim != 2 && dim != 3 {
            return refuse(format!(
                "dropout1d: Expected 2D or 3D input, but received a {dim}D input"
            ));
        }
        feature_dropout(input, p, training, 3)
    }

    /// `F.dropout2d(input, p=0.5, training=True)`: zeros whole channels of `(N, C, H, W)`. Three
    /// dimensions are `(N, C, L)` here, as in Python.
    fn dropout2d / f_dropout2d(input: &Tensor, p: f64, training: bool) -> Tensor {
        check_probability(p)?;
        Ok(input.f_feature_dropout(p, training)?)
    }

    /// `F.dropout3d(input, p=0.5, training=True)`: zeros whole channels of `(N, C, D, H, W)` or
    /// `(C, D, H, W)`.
    fn dropout3d / f_dropout3d(input: &Tensor, p: f64, training: bool) -> Tensor {
        check_probability(p)?;
        feature_dropout(input, p, training, 5)
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

    /// `F.embedding(input, weight, padding_idx=None, max_norm=None, norm_type=2.0,
    /// scale_grad_by_freq=False, sparse=False)`: the rows of `weight` `(N, D)` that `input`, of any
    /// shape, names. With `max_norm` these rows are first shortened in place, without gradient.
    /// A negative `padding_idx` counts from the end.
    fn embedding / f_embedding(
        input: &Tensor, weight: &Tensor, padding_idx: Option<i64>, max_norm: Option<f64>,
        norm_type: f64, scale_grad_by_freq: bool, sparse: bool,
    ) -> Tensor {
        let rows = weight.size().first().copied().unwrap_or(0);
        let padding_idx = match padding_idx {
            Some(index) => row_index(index, rows)?,
            None => -1,
        };
        if let Some(max_norm) = max_norm {
            renorm(weight, &input.f_contiguous()?, max_norm, norm_type)?;
        }
        let output = Tensor::f_embedding(weight, input, padding_idx, scale_grad_by_freq, sparse)?;
        Ok(output)
    }
}

/// `p` as Python's dropouts take it.
pub(super) fn check_probability(p: f64) -> Result<()> {
    if (0. ..=1.).contains(&p) {
        return Ok(());
    }
    refuse(format!(
        "dropout probability has to be between 0 and 1, but got {p:?}"
    ))
}

/// Feature dropout of an input that may lack the first of `batched` dimensions.
fn feature_dropout(input: &Tensor, p: f64, training: bool, batched: usize) -> Result<Tensor> {
    if input.dim() == batched {
        return Ok(input.f_feature_dropout(p, training)?);
    }
    let output = input.f_unsqueeze(0)?.f_feature_dropout(p, training)?;
    Ok(output.f_squeeze_dim(0)?)
}

/// A row of `rows`, counted from the end if it is negative.
pub(super) fn row_index(index: i64, rows: i64) -> Result<i64> {
    if index >= rows && index != 0 || index < -rows {
        return refuse("Padding_idx must be within num_embeddings");
    }
    Ok(if index < 0 { rows + index } else { index })
}

/// Shortens the rows that `indices` names to `max_norm`, in place.
pub(super) fn renorm(
    weight: &Tensor,
    indices: &Tensor,
    max_norm: f64,
    norm_type: f64,
) -> Result<()> {
    let _ = no_grad(|| {
        weight
            .detach()
            .f_embedding_renorm_(indices, max_norm, norm_type)
    })?;
    Ok(())
}

/// How [`interpolate`] finds values between those that are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InterpolateMode {
    /// `"nearest"`: the nearest value, by OpenCV's rule.
    #[default]
    Nearest,
    /// `"nearest-exact"`: the nearest value, by the rule of scikit-image and PIL.
    NearestExact,
    /// `"linear"`, of `(N, C, L)`.
    Linear,
    /// `"bilinear"`, of `(N, C, H, W)`.
    Bilinear,
    /// `"bicubic"`, of `(N, C, H, W)`.
    Bicubic,
    /// `"trilinear"`, of `(N, C, D, H, W)`.
    Trilinear,
    /// `"area"`: adaptive average pooling.
    Area,
}

functions! {
    /// `F.interpolate(input, size=None, scale_factor=None, mode="nearest", align_corners=None,
    /// recompute_scale_factor=None, antialias=False)` of `(N, C, …)`. One number of a list stands
    /// for all dimensions.
    fn interpolate / f_interpolate(
        input: &Tensor, size: Option<&[i64]>, scale_factor: Option<&[f64]>, mode: InterpolateMode,
        align_corners: Option<bool>, recompute_scale_factor: bool, antialias: bool,
    ) -> Tensor {
        use InterpolateMode::{Area, Bicubic, Bilinear, Linear, Nearest, NearestExact, Trilinear};
        if matches!(mode, Nearest | NearestExact | Area) && align_corners.is_some() {
            return refuse(
                "align_corners option can only be set with the interpolating modes: linear | \
                 bilinear | bicubic | trilinear",
            );
        }
        let corners = align_corners.unwrap_or(false);
        let shape = input.size();
        let spatial = shape.get(2..).unwrap_or_default();
        // For a size the kernels compute the scale, from scales they take it as it is.
        let recompute = recompute_scale_factor || mode == Area;
        let (size, scales) = match (size, scale_factor) {
            (Some(_), Some(_)) => {
                return refuse("only one of size or scale_factor should be defined");
            }
            (None, None) => return refuse("either size or scale_factor should be defined"),
            (Some(_), None) if recompute_scale_factor => {
                return refuse("recompute_scale_factor is not meaningful with an explicit size.");
            }
            (Some(size), None) => (for_each(size, spatial, "output size")?, None),
            (None, Some(scales)) => {
                let scales = for_each(scales, spatial, "scale_factor")?;
                let pairs = spatial.iter().zip(&scales);
                let size = pairs.map(|(&size, scale)| (size as f64 * scale) as i64).collect();
                (size, (!recompute).then_some(scales))
            }
        };
        let scale = |i: usize| scales.as_ref().map(|scales| scales[i]);
        let size = &size[..];
        if antialias && !(matches!(mode, Bilinear | Bicubic) && spatial.len() == 2) {
            return refuse(
                "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D \
                 tensor as input",
            );
        }
        let output = match (mode, spatial.len()) {
            (Nearest, 1) => input.f_upsample_nearest1d(size, scale(0)),
            (Nearest, 2) => input.f_upsample_nearest2d(size, scale(0), scale(1)),
            (Nearest, 3) => input.f_upsample_nearest3d(size, scale(0), scale(1), scale(2)),
            (NearestExact, 1) => input.f_internal_upsample_nearest_exact1d(size, scale(0)),
            (NearestExact, 2) => {
                input.f_internal_upsample_nearest_exact2d(size, scale(0), scale(1))
            }
            (NearestExact, 3) => {
                input.f_internal_upsample_nearest_exact3d(size, scale(0), scale(1), scale(2))
            }
            (Area, 1) => input.f_adaptive_avg_pool1d(size),
            (Area, 2) => input.f_adaptive_avg_pool2d(size),
            (Area, 3) => input.f_adaptive_avg_pool3d(size),
            (Linear, 1) => input.f_upsample_linear1d(size, corners, scale(0)),
            (Bilinear, 2) if antialias => {
                input.f_internal_upsample_bilinear2d_aa(size, corners, scale(0), scale(1))
            }
            (Bilinear, 2) => input.f_upsample_bilinear2d(size, corners, scale(0), scale(1)),
            (Bicubic, 2) if antialias => {
                input.f_internal_upsample_bicubic2d_aa(size, corners, scale(0), scale(1))
            }
            (Bicubic, 2) => input.f_upsample_bicubic2d(size, corners, scale(0), scale(1)),
            (Trilinear, 3) => {
                input.f_upsample_trilinear3d(size, corners, scale(0), scale(1), scale(2))
            }
            (mode, _) => {
                return refuse(format!("Got {}D input, which mode {mode:?} does not take", shape.len()));
            }
        };
        Ok(output?)
    }
}

/// One value for each dimension of `spatial`.
fn for_each<T: Copy>(values: &[T], spatial: &[i64], what: &str) -> Result<Vec<T>> {
    match values {
        [one] => Ok(vec![*one; spatial.len()]),
        values if values.len() == spatial.len() => Ok(values.to_vec()),
        values => refuse(format!(
            "Input and output must have the same number of spatial dimensions, but got input with \
             spatial dimensions of {spatial:?} and {} numbers as {what}",
            values.len()
        )),
    }
}

/// How the rows of a bag become one, in [`embedding_bag`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmbeddingBagMode {
    /// `"sum"`.
    Sum = 0,
    /// `"mean"`.
    #[default]
    Mean = 1,
    /// `"max"`.
    Max = 2,
}

functions! {
    /// `F.embedding_bag(input, weight, offsets=None, max_norm=None, norm_type=2.0,
    /// scale_grad_by_freq=False, mode="mean", sparse=False, per_sample_weights=None,
    /// include_last_offset=False, padding_idx=None)`: `(B, D)` from bags of rows of `weight`
    /// `(N, D)`. The bags are the rows of an `input` `(B, L)`, or begin at `offsets` `(B,)` in one
    /// `(L,)`.
    fn embedding_bag / f_embedding_bag(
        input: &Tensor, weight: &Tensor, offsets: Option<&Tensor>, max_norm: Option<f64>,
        norm_type: f64, scale_grad_by_freq: bool, mode: EmbeddingBagMode, sparse: bool,
        per_sample_weights: Option<&Tensor>, include_last_offset: bool, padding_idx: Option<i64>,
    ) -> Tensor {
        if let Some(weights) = per_sample_weights.filter(|weights| weights.size() != input.size()) {
            return refuse(format!(
                "embedding_bag: If per_sample_weights ({:?}) is not None, then it must have the \
                 same shape as the input ({:?})", weights.size(), input.size()
            ));
        }
        let (indices, begins, include_last_offset) = match (&input.size()[..], offsets) {
            ([_, _], Some(_)) => return refuse("if input is 2D, then offsets has to be None"),
            ([bags, length], None) => {
                // Not a range with a step of `length`, which may be 0.
                let begins = Tensor::f_arange(*bags, (input.kind(), input.device()))?;
                (input.f_reshape(-1)?, begins.f_mul_scalar(*length)?, false)
            }
            ([_], None) => return refuse("offsets has to be a 1D Tensor but got None"),
            ([_], Some(offsets)) if offsets.dim() != 1 => {
                return refuse("offsets has to be a 1D Tensor");
            }
            ([_], Some(offsets)) => {
                (input.shallow_clone(), offsets.shallow_clone(), include_last_offset)
            }
            (size, _) => return refuse(format!(
                "input has to be 1D or 2D Tensor, but got Tensor of dimension {}", size.len()
            )),
        };
        if mode == EmbeddingBagMode::Max && scale_grad_by_freq {
            return refuse("max mode does not support scaling the gradient by the frequency");
        }
        if mode == EmbeddingBagMode::Max && sparse {
            return refuse("max mode does not support sparse weights");
        }
        if let Some(max_norm) = max_norm {
            renorm(weight, &indices, max_norm, norm_type)?;
        }
        if per_sample_weights.is_some() && mode != EmbeddingBagMode::Sum {
            return refuse("embedding_bag: per_sample_weights is only supported for mode='sum'");
        }
        let weights = per_sample_weights.map(|weights| weights.f_reshape(-1)).transpose()?;
        let (output, ..) = Tensor::f_embedding_bag_padding_idx(
            weight, &indices, &begins, scale_grad_by_freq, mode as i64, sparse, weights,
            include_last_offset, padding_idx,
        )?;
        Ok(output)
    }

    /// `F.lp_pool1d`, `F.lp_pool2d` and `F.lp_pool3d(input, norm_type, kernel_size, stride=None,
    /// ceil_mode=False)`, as `kernel_size` has one, two or three numbers: (Σ xᵖ)^(1/p) over each
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

/// The pooling functions of as many dimensions.
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
    /// `F.fractional_max_pool2d` and `F.fractional_max_pool3d(input, kernel_size, output_size)` of
    /// `(N, C, …)` or `(C, …)`, drawing where the windows lie.
    fn fractional_max_pool / f_fractional_max_pool(
        input: &Tensor, kernel_size: &[i64], output_size: &[i64],
    ) -> Tensor {
        let n = kernel_size.len();
        let size = input.size();
        if (n != 2 && n != 3) || size.len() < n + 1 {
            return refuse(format!("expected {}D or {}D input, got {}D", n + 1, n + 2, size.len()));
        }
        let batch = if size.len() == n + 1 { 1 } else { size[0] };
        let draws = [batch, size[size.len() - n - 1], n as i64];
        let samples = Tensor::f_rand(draws, (input.kind(), Device::Cpu))?;
        let samples = samples.f_to(input.device())?;
        let (output, _) = if n == 2 {
            input.f_fractional_max_pool2d(kernel_size, output_size, &samples)?
        } else {
            input.f_fractional_max_pool3d(kernel_size, output_size, &samples)?
        };
        Ok(output)
    }
}
