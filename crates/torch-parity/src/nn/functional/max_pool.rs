//! The max pooling functions of `torch.nn.functional`, and the unpooling ones.
//!
//! Two functions stand for each of Python's: one for `return_indices=False`, and one for `True`,
//! whose name Python has as well, `…_with_indices`. It also returns the indices, int64.

use tch::Tensor;

use super::f_fractional_max_pool_with_indices;
use crate::Result;
use crate::nn::{AdaptiveMaxPool, FractionalSize, MaxPool, MaxUnpool, OutputSizes, Sizes};
use crate::nn::{functions, refuse};

/// Defines the functions of each number of dimensions.
macro_rules! max_pools {
    ($($n:literal
       $pool:ident / $f_pool:ident, $indices:ident / $f_indices:ident,
       $unpool:ident / $f_unpool:ident,
       $adaptive:ident / $f_adaptive:ident,
       $adaptive_indices:ident / $f_adaptive_indices:ident;)+) => {$(
        functions! {
            #[doc = concat!(
                "`F.", stringify!($pool), "(input, kernel_size, stride=None, padding=0, ",
                "dilation=1, ceil_mode=False)`: the maximum of each window, for inputs `(N, C, …)` ",
                "or `(C, …)`. Without a `stride`, windows do not overlap."
            )]
            fn $pool / $f_pool(
                input: &Tensor, kernel_size: impl Sizes<$n>, stride: Option<[i64; $n]>,
                padding: impl Sizes<$n>, dilation: impl Sizes<$n>, ceil_mode: bool,
            ) -> Tensor {
                let (kernel_size, padding) = (kernel_size.sizes(), padding.sizes());
                let dilation = dilation.sizes();
                MaxPool { kernel_size, stride, padding, dilation, ceil_mode }.f_forward(input)
            }

            #[doc = concat!("[`", stringify!($pool), "`] with the indices of the maxima.")]
            fn $indices / $f_indices(
                input: &Tensor, kernel_size: impl Sizes<$n>, stride: Option<[i64; $n]>,
                padding: impl Sizes<$n>, dilation: impl Sizes<$n>, ceil_mode: bool,
            ) -> (Tensor, Tensor) {
                let (kernel_size, padding) = (kernel_size.sizes(), padding.sizes());
                let dilation = dilation.sizes();
                MaxPool { kernel_size, stride, padding, dilation, ceil_mode }
                    .f_forward_with_indices(input)
            }

            #[doc = concat!(
                "`F.", stringify!($unpool), "(input, indices, kernel_size, stride=None, ",
                "padding=0, output_size=None)`: puts maxima back in their places and fills the ",
                "rest with zeros."
            )]
            fn $unpool / $f_unpool(
                input: &Tensor, indices: &Tensor, kernel_size: impl Sizes<$n>,
                stride: Option<[i64; $n]>, padding: impl Sizes<$n>,
                output_size: Option<[i64; $n]>,
            ) -> Tensor {
                let (kernel_size, padding) = (kernel_size.sizes(), padding.sizes());
                MaxUnpool { kernel_size, stride, padding }.f_forward(input, indices, output_size)
            }

            #[doc = concat!(
                "`F.", stringify!($adaptive), "(input, output_size)`: the maximum of each window, ",
                "with windows chosen so that the output has a given size."
            )]
            fn $adaptive / $f_adaptive(
                input: &Tensor, output_size: impl OutputSizes<$n>,
            ) -> Tensor {
                AdaptiveMaxPool { output_size: output_size.output_sizes() }.f_forward(input)
            }

            #[doc = concat!("[`", stringify!($adaptive), "`] with the indices of the maxima.")]
            fn $adaptive_indices / $f_adaptive_indices(
                input: &Tensor, output_size: impl OutputSizes<$n>,
            ) -> (Tensor, Tensor) {
                AdaptiveMaxPool { output_size: output_size.output_sizes() }
                    .f_forward_with_indices(input)
            }
        }
    )+};
}

max_pools! {
    1 max_pool1d / f_max_pool1d, max_pool1d_with_indices / f_max_pool1d_with_indices,
      max_unpool1d / f_max_unpool1d, adaptive_max_pool1d / f_adaptive_max_pool1d,
      adaptive_max_pool1d_with_indices / f_adaptive_max_pool1d_with_indices;
    2 max_pool2d / f_max_pool2d, max_pool2d_with_indices / f_max_pool2d_with_indices,
      max_unpool2d / f_max_unpool2d, adaptive_max_pool2d / f_adaptive_max_pool2d,
      adaptive_max_pool2d_with_indices / f_adaptive_max_pool2d_with_indices;
    3 max_pool3d / f_max_pool3d, max_pool3d_with_indices / f_max_pool3d_with_indices,
      max_unpool3d / f_max_unpool3d, adaptive_max_pool3d / f_adaptive_max_pool3d,
      adaptive_max_pool3d_with_indices / f_adaptive_max_pool3d_with_indices;
}

/// Defines the fractional functions of each number of dimensions.
macro_rules! fractional_max_pools {
    ($($n:literal $pool:ident / $f_pool:ident, $indices:ident / $f_indices:ident;)+) => {$(
        functions! {
            #[doc = concat!(
                "`F.", stringify!($pool), "(input, kernel_size, output_size=None, ",
                "output_ratio=None, _random_samples=None)` for inputs `(N, C, …)` or `(C, …)`: ",
                "the maximum of each window, with window positions from `random_samples` ",
                "`(N, C, ", stringify!($n), ")` or, without these, drawn at random."
            )]
            fn $pool / $f_pool(
                input: &Tensor, kernel_size: impl Sizes<$n>, output_size: Option<[i64; $n]>,
                output_ratio: Option<[f64; $n]>, random_samples: Option<&Tensor>,
            ) -> Tensor {
                Ok($f_indices(input, kernel_size, output_size, output_ratio, random_samples)?.0)
            }

            #[doc = concat!("[`", stringify!($pool), "`] with the indices of the maxima.")]
            fn $indices / $f_indices(
                input: &Tensor, kernel_size: impl Sizes<$n>, output_size: Option<[i64; $n]>,
                output_ratio: Option<[f64; $n]>, random_samples: Option<&Tensor>,
            ) -> (Tensor, Tensor) {
                let size = match (output_size, output_ratio) {
                    (Some(size), _) => FractionalSize::Size(size),
                    (None, Some(ratio)) => FractionalSize::Ratio(ratio),
                    (None, None) => return refuse(concat!(
                        stringify!($pool),
                        " requires specifying either an output_size or an output_ratio"
                    )),
                };
                let size = size.of(input)?;
                f_fractional_max_pool_with_indices(
                    input, &kernel_size.sizes(), &size, random_samples,
                )
            }
        }
    )+};
}

fractional_max_pools! {
    2 fractional_max_pool2d / f_fractional_max_pool2d,
      fractional_max_pool2d_with_indices / f_fractional_max_pool2d_with_indices;
    3 fractional_max_pool3d / f_fractional_max_pool3d,
      fractional_max_pool3d_with_indices / f_fractional_max_pool3d_with_indices;
}
