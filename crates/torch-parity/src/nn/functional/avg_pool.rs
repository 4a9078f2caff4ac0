//! The average and power pooling functions of `torch.nn.functional`.

use tch::Tensor;

use crate::Result;
use crate::nn::functions;
use crate::nn::{AdaptiveAvgPool, AvgPool, LPPool, OutputSizes, Sizes};

/// Defines the functions of each number of dimensions.
macro_rules! avg_pools {
    ($($n:literal $lp:ident / $f_lp:ident, $adaptive:ident / $f_adaptive:ident;)+) => {$(
        functions! {
            #[doc = concat!(
                "`F.", stringify!($lp), "(input, norm_type, kernel_size, stride=None, ",
                "ceil_mode=False)`: (Σ xᵖ)^(1/p) over each window, for inputs `(N, C, …)` or ",
                "`(C, …)`."
            )]
            fn $lp / $f_lp(
                input: &Tensor, norm_type: f64, kernel_size: impl Sizes<$n>,
                stride: Option<[i64; $n]>, ceil_mode: bool,
            ) -> Tensor {
                let kernel_size = kernel_size.sizes();
                LPPool { norm_type, kernel_size, stride, ceil_mode }.f_forward(input)
            }

            #[doc = concat!(
                "`F.", stringify!($adaptive), "(input, output_size)`: the mean of each window, ",
                "with windows chosen so that the output has a given size."
            )]
            fn $adaptive / $f_adaptive(
                input: &Tensor, output_size: impl OutputSizes<$n>,
            ) -> Tensor {
                AdaptiveAvgPool { output_size: output_size.output_sizes() }.f_forward(input)
            }
        }
    )+};
}

avg_pools! {
    1 lp_pool1d / f_lp_pool1d, adaptive_avg_pool1d / f_adaptive_avg_pool1d;
    2 lp_pool2d / f_lp_pool2d, adaptive_avg_pool2d / f_adaptive_avg_pool2d;
    3 lp_pool3d / f_lp_pool3d, adaptive_avg_pool3d / f_adaptive_avg_pool3d;
}

functions! {
    /// `F.avg_pool1d(input, kernel_size, stride=None, padding=0, ceil_mode=False,
    /// count_include_pad=True)`: the mean of each window, for inputs `(N, C, L)` or `(C, L)`.
    fn avg_pool1d / f_avg_pool1d(
        input: &Tensor, kernel_size: impl Sizes<1>, stride: Option<[i64; 1]>,
        padding: impl Sizes<1>, ceil_mode: bool, count_include_pad: bool,
    ) -> Tensor {
        let (kernel_size, padding) = (kernel_size.sizes(), padding.sizes());
        let divisor_override = None;
        AvgPool { kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override }
            .f_forward(input)
    }

    /// `F.avg_pool2d(input, kernel_size, stride=None, padding=0, ceil_mode=False,
    /// count_include_pad=True, divisor_override=None)`: the mean of each window, for inputs `(N, C,
    /// H, W)` or `(C, H, W)`.
    fn avg_pool2d / f_avg_pool2d(
        input: &Tensor, kernel_size: impl Sizes<2>, stride: Option<[i64; 2]>,
        padding: impl Sizes<2>, ceil_mode: bool, count_include_pad: bool,
        divisor_override: Option<i64>,
    ) -> Tensor {
        let (kernel_size, padding) = (kernel_size.sizes(), padding.sizes());
        AvgPool { kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override }
            .f_forward(input)
    }

    /// `F.avg_pool3d(input, kernel_size, stride=None, padding=0, ceil_mode=False,
    /// count_include_pad=True, divisor_override=None)`: the mean of each window, for inputs `(N, C,
    /// D, H, W)` or `(C, D, H, W)`.
    fn avg_pool3d / f_avg_pool3d(
        input: &Tensor, kernel_size: impl Sizes<3>, stride: Option<[i64; 3]>,
        padding: impl Sizes<3>, ceil_mode: bool, count_include_pad: bool,
        divisor_override: Option<i64>,
    ) -> Tensor {
        let (kernel_size, padding) = (kernel_size.sizes(), padding.sizes());
        AvgPool { kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override }
            .f_forward(input)
    }
}
