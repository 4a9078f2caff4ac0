//! `torch.nn.Upsample`, which `tch` does not have.
//!
//! `nn.UpsamplingNearest2d` and `nn.UpsamplingBilinear2d`, deprecated in Python, are `Upsample` in
//! mode `Nearest`, and in mode `Bilinear` with `align_corners: Some(true)`.
//!
//! Source: `torch/nn/modules/upsampling.py`.

use tch::Tensor;

use super::functional::{InterpolateMode, f_interpolate};
use super::modules;
use crate::Result;

/// `nn.Upsample(size=None, scale_factor=None, mode="nearest", align_corners=None,
/// recompute_scale_factor=None)` of `(N, C, …)`.
///
/// ```
/// use torch_parity::nn::{Module, Upsample};
/// let upsample = Upsample { scale_factor: Some(vec![2.]), ..Default::default() };
/// let pictures = tch::Tensor::zeros([1, 3, 7, 7], (tch::Kind::Float, tch::Device::Cpu));
/// assert_eq!(upsample.forward(&pictures).size(), [1, 3, 14, 14]);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Upsample {
    /// The size of the output; one number stands for all dimensions.
    pub size: Option<Vec<i64>>,
    /// How many times as large the output is; one number stands for all dimensions.
    pub scale_factor: Option<Vec<f64>>,
    /// How values between those that are there are found.
    pub mode: InterpolateMode,
    /// Whether the outermost values lie on each other; `None` where the mode does not ask for it.
    pub align_corners: Option<bool>,
    /// Whether the scale is computed from the rounded size.
    pub recompute_scale_factor: bool,
}

impl Upsample {
    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If there is not exactly one of `size` and `scale_factor`, or the input does not fit the mode.
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

modules!(Upsample);
