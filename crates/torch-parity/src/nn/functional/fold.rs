//! `torch.nn.functional.unfold` and `fold`, which `tch` calls `im2col` and `col2im`.

use tch::Tensor;

use crate::Result;
use crate::nn::{Sizes, functions};

functions! {
    /// `F.unfold(input, kernel_size, dilation=1, padding=0, stride=1)`: the windows of `(N, C, H,
    /// W)` as columns `(N, C · kernel, L)`.
    fn unfold / f_unfold(
        input: &Tensor, kernel_size: impl Sizes<2>, dilation: impl Sizes<2>,
        padding: impl Sizes<2>, stride: impl Sizes<2>,
    ) -> Tensor {
        let (dilation, padding, stride) = (dilation.sizes(), padding.sizes(), stride.sizes());
        Ok(input.f_im2col(kernel_size.sizes(), dilation, padding, stride)?)
    }

    /// `F.fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1)`: sums columns
    /// `(N, C · kernel, L)` into `(N, C, *output_size)`, adding where windows overlap.
    fn fold / f_fold(
        input: &Tensor, output_size: impl Sizes<2>, kernel_size: impl Sizes<2>,
        dilation: impl Sizes<2>, padding: impl Sizes<2>, stride: impl Sizes<2>,
    ) -> Tensor {
        let (output_size, kernel_size) = (output_size.sizes(), kernel_size.sizes());
        let (dilation, padding, stride) = (dilation.sizes(), padding.sizes(), stride.sizes());
        Ok(input.f_col2im(output_size, kernel_size, dilation, padding, stride)?)
    }
}
