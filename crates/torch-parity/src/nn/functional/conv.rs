//! The convolutions of `torch.nn.functional`.

use tch::Tensor;

use crate::Result;
use crate::nn::{AutoPad, Sizes, functions};

/// The padding of a convolution of `N` dimensions: numbers, or Python's `"same"` or `"valid"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConvPadding<const N: usize> {
    /// The padding added on either side of each dimension.
    Sizes([i64; N]),
    /// The padding by name.
    Auto(AutoPad),
}

impl<const N: usize> From<i64> for ConvPadding<N> {
    fn from(size: i64) -> Self {
        Self::Sizes([size; N])
    }
}

impl<const N: usize> From<[i64; N]> for ConvPadding<N> {
    fn from(sizes: [i64; N]) -> Self {
        Self::Sizes(sizes)
    }
}

impl<const N: usize> From<AutoPad> for ConvPadding<N> {
    fn from(name: AutoPad) -> Self {
        Self::Auto(name)
    }
}

/// Defines a convolution and its transpose.
macro_rules! convolutions {
    ($($n:literal [$sizes:literal] $name:ident / $fallible:ident, $named:ident,
       $transpose:ident / $fallible_transpose:ident;)+) => {$(
        functions! {
            #[doc = concat!(
                "`F.", stringify!($name), "(input, weight, bias=None, stride=1, padding=0, ",
                "dilation=1, groups=1)`: `(N, in, ", $sizes, ")`, or without N, with `weight` ",
                "`(out, in / groups, *kernel)` and `bias` `(out,)`. `padding` is a number, one ",
                "for each dimension, or an [`AutoPad`]."
            )]
            fn $name / $fallible(
                input: &Tensor, weight: &Tensor, bias: Option<&Tensor>, stride: impl Sizes<$n>,
                padding: impl Into<ConvPadding<$n>>, dilation: impl Sizes<$n>, groups: i64,
            ) -> Tensor {
                let (stride, dilation) = (stride.sizes(), dilation.sizes());
                let output = match padding.into() {
                    ConvPadding::Sizes(padding) => {
                        input.$fallible(weight, bias, stride, padding, dilation, groups)
                    }
                    ConvPadding::Auto(name) => {
                        input.$named(weight, bias, stride, name.name(), dilation, groups)
                    }
                };
                Ok(output?)
            }

            #[doc = concat!(
                "`F.", stringify!($transpose), "(input, weight, bias=None, stride=1, padding=0, ",
                "output_padding=0, groups=1, dilation=1)`: `(N, in, ", $sizes, ")`, or without N, ",
                "with `weight` `(in, out / groups, *kernel)` and `bias` `(out,)`."
            )]
            fn $transpose / $fallible_transpose(
                input: &Tensor, weight: &Tensor, bias: Option<&Tensor>, stride: impl Sizes<$n>,
                padding: impl Sizes<$n>, output_padding: impl Sizes<$n>, groups: i64,
                dilation: impl Sizes<$n>,
            ) -> Tensor {
                let (stride, padding) = (stride.sizes(), padding.sizes());
                let (output_padding, dilation) = (output_padding.sizes(), dilation.sizes());
                Ok(input.$fallible_transpose(
                    weight, bias, stride, padding, output_padding, groups, dilation,
                )?)
            }
        }
    )+};
}

convolutions! {
    1 ["L"] conv1d / f_conv1d, f_conv1d_padding, conv_transpose1d / f_conv_transpose1d;
    2 ["H, W"] conv2d / f_conv2d, f_conv2d_padding, conv_transpose2d / f_conv_transpose2d;
    3 ["D, H, W"] conv3d / f_conv3d, f_conv3d_padding, conv_transpose3d / f_conv_transpose3d;
}

functions! {
    /// `F.conv_tbc(input, weight, bias, pad=0)`: a convolution over time for `(T, N, in)`, with
    /// `weight` `(kernel, in, out)` and `bias` `(out,)`.
    fn conv_tbc / f_conv_tbc(input: &Tensor, weight: &Tensor, bias: &Tensor, pad: i64) -> Tensor {
        Ok(input.f_conv_tbc(weight, bias, pad)?)
    }
}
