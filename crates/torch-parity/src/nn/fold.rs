//! `torch.nn.Unfold` and `Fold`, which `tch` has only as methods, named `im2col` and `col2im`.
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
    /// The distance between the elements of a window.
    pub dilation: [i64; 2],
    /// The number of zeros added on either side.
    pub padding: [i64; 2],
    /// The distance between windows.
    pub stride: [i64; 2],
}

impl Unfold {
    /// Creates the layer with Python's defaults for the other arguments.
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
    /// If the input has an unsupported shape or dtype.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        Ok(xs.f_im2col(self.kernel_size, self.dilation, self.padding, self.stride)?)
    }
}

/// `nn.Fold(output_size, kernel_size)`: sums columns `(N, C · kernel, L)` into `(N, C,
/// *output_size)`, adding where windows overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fold {
    /// The size of the output.
    pub output_size: [i64; 2],
    /// The size of a window.
    pub kernel_size: [i64; 2],
    /// The distance between the elements of a window.
    pub dilation: [i64; 2],
    /// The number of zeros that were added on either side.
    pub padding: [i64; 2],
    /// The distance between windows.
    pub stride: [i64; 2],
}

impl Fold {
    /// Creates the layer with Python's defaults for the other arguments.
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
    /// If the input has an unsupported shape or dtype.
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
