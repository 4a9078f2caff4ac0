//! `torch.nn.Unfold` and `Fold`, which `tch` has as methods under the names `im2col` and `col2im`.
//!
//! Source: `torch/nn/modules/fold.py`.

use tch::Tensor;

use super::{Sizes, modules};
use crate::Result;

/// `nn.Unfold(kernel_size)`: the windows of `(N, C, H, W)` as columns `(N, C · kernel, L)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfold {
    /// The size of a window.
    pub kernel_size: [i64; 2],
    /// How far apart the elements of a window are.
    pub dilation: [i64; 2],
    /// How many zeros are added on either side.
    pub padding: [i64; 2],
    /// How far apart the windows are.
    pub stride: [i64; 2],
}

impl Unfold {
    /// With Python's defaults for the rest.
    pub fn new(kernel_size: impl Sizes<2>) -> Self {
        Self {
            kernel_size: kernel_size.sizes(),
            dilation: [1; 2],
            padding: [0; 2],
            stride: [1; 2],
        }
    }

    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input does not fit.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        Ok(xs.f_im2col(self.kernel_size, self.dilation, self.padding, self.stride)?)
    }
}

/// `nn.Fold(output_size, kernel_size)`: the sums of columns `(N, C · kernel, L)` where windows
/// overlap, `(N, C, *output_size)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fold {
    /// The size of the output.
    pub output_size: [i64; 2],
    /// The size of a window.
    pub kernel_size: [i64; 2],
    /// How far apart the elements of a window are.
    pub dilation: [i64; 2],
    /// How many zeros were added on either side.
    pub padding: [i64; 2],
    /// How far apart the windows are.
    pub stride: [i64; 2],
}

impl Fold {
    /// With Python's defaults for the rest.
    pub fn new(output_size: impl Sizes<2>, kernel_size: impl Sizes<2>) -> Self {
        Self {
            output_size: output_size.sizes(),
            kernel_size: kernel_size.sizes(),
            dilation: [1; 2],
            padding: [0; 2],
            stride: [1; 2],
        }
    }

    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input does not fit.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        Ok(xs.f_col2im(
            self.output_size,
            self.kernel_size,
            self.dilation,
            self.padding,
            self.stride,
        )?)
    }
}

modules!(Unfold, Fold);
