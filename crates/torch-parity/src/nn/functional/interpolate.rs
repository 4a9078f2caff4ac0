//! `torch.nn.functional.interpolate`.

use tch::Tensor;

use crate::Result;
use crate::nn::{functions, refuse};

/// The interpolation between existing values, for [`interpolate`].
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
    /// recompute_scale_factor=None, antialias=False)` for inputs `(N, C, …)`. A list of one number
    /// applies to all dimensions.
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
        // Given a size, the kernels compute the scale; given scales, they use them directly.
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
