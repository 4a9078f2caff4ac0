//! `torch.nn.Upsample`, which `tch` lacks, and its two forms with a fixed mode.
//!
//! Source: `torch/nn/modules/upsampling.py`.

use tch::Tensor;

use super::functional::{InterpolateMode, f_interpolate};
use super::modules;
use crate::Result;

/// `nn.Upsample(size=None, scale_factor=None, mode="nearest", align_corners=None,
/// recompute_scale_factor=None)` for inputs `(N, C, …)`.
///
/// ```
/// use torch_parity::nn::{Module, Upsample};
/// let upsample = Upsample { scale_factor: Some(vec![2.]), ..Default::default() };
/// let pictures = tch::Tensor::zeros([1, 3, 7, 7], (tch::Kind::Float, tch::Device::Cpu));
/// assert_eq!(upsample.forward(&pictures).size(), [1, 3, 14, 14]);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Upsample {
    /// The size of the output; a single number applies to all dimensions.
    pub size: Option<Vec<i64>>,
    /// The ratio of output size to input size; a single number applies to all dimensions.
    pub scale_factor: Option<Vec<f64>>,
    /// The interpolation between existing values.
    pub mode: InterpolateMode,
    /// If true, the corner values of input and output coincide; `None` for modes without this
    /// argument.
    pub align_corners: Option<bool>,
    /// If true, the scale is computed from the rounded size.
    pub recompute_scale_factor: bool,
}

impl Upsample {
    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If not exactly one of `size` and `scale_factor` is given, or the input does not match the
    /// mode.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        f_interpolate(
            xs,
            self.size.as_deref(),
            self.scale_factor.as_deref(),
            self.mode,
            self.align_corners,
            self.recompute_scale_factor,
            false,
        )
    }
}

/// `nn.UpsamplingNearest2d(size=None, scale_factor=None)`: [`Upsample`] with mode `Nearest`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpsamplingNearest2d {
    /// The size of the output; a single number applies to both dimensions.
    pub size: Option<Vec<i64>>,
    /// The ratio of output size to input size; a single number applies to both dimensions.
    pub scale_factor: Option<Vec<f64>>,
}

impl UpsamplingNearest2d {
    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// See [`Upsample::f_forward`].
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        let (size, scale_factor) = (self.size.as_deref(), self.scale_factor.as_deref());
        let mode = InterpolateMode::Nearest;
        f_interpolate(xs, size, scale_factor, mode, None, false, false)
    }
}

/// `nn.UpsamplingBilinear2d(size=None, scale_factor=None)`: [`Upsample`] with mode `Bilinear` and
/// aligned corners.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpsamplingBilinear2d {
    /// The size of the output; a single number applies to both dimensions.
    pub size: Option<Vec<i64>>,
    /// The ratio of output size to input size; a single number applies to both dimensions.
    pub scale_factor: Option<Vec<f64>>,
}

impl UpsamplingBilinear2d {
    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// See [`Upsample::f_forward`].
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        let (size, scale_factor) = (self.size.as_deref(), self.scale_factor.as_deref());
        let mode = InterpolateMode::Bilinear;
        f_interpolate(xs, size, scale_factor, mode, Some(true), false, false)
    }
}

modules!(Upsample, UpsamplingNearest2d, UpsamplingBilinear2d);
