//! The pooling layers of `torch.nn`, which `tch` has only as methods. `N` is the number of
//! dimensions besides those of batch and channels: 1 to 3.
//!
//! Source: `torch/nn/modules/pooling.py`.

use tch::Tensor;

use super::functional::{f_fractional_max_pool, f_lp_pool};
use super::{Sizes, modules, refuse, spatial_size};
use crate::Result;

/// Defines the type names of a layer for each number of dimensions.
macro_rules! dimensions {
    ($name:ident [$($alias:ident = $n:literal),+]) => {$(
        #[doc = concat!("`nn.", stringify!($alias), "`.")]
        pub type $alias = $name<$n>;
    )+};
}

/// Defines layers with sliding windows: the required arguments, then the size and the distance of
/// the windows, which all layers have, then the arguments with a default.
macro_rules! windows {
    ($(#[$attribute:meta])*
    $name:ident($($(#[$argument_doc:meta])* $argument:ident: $argument_type:ty,)?)
    [$($alias:ident = $n:literal),+]
    { $($(#[$doc:meta])* $field:ident: $type:ty = $default:expr,)* }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name<const N: usize> {
            $($(#[$argument_doc])* pub $argument: $argument_type,)?
            /// The size of a window.
            pub kernel_size: [i64; N],
            /// The distance between windows; their size if `None`.
            pub stride: Option<[i64; N]>,
            $($(#[$doc])* pub $field: $type,)*
        }

        dimensions!($name [$($alias = $n),+]);

        impl<const N: usize> $name<N> {
            /// Creates the layer with Python's defaults for the other arguments.
            pub fn new($($argument: $argument_type,)? kernel_size: impl Sizes<N>) -> Self {
                Self {
                    $($argument,)?
                    kernel_size: kernel_size.sizes(),
                    stride: None,
                    $($field: $default,)*
                }
            }
        }
    };
}

/// The output size of an adaptive pooling: one number for all dimensions, or one for each, where
/// `None` keeps the input's size.
pub trait OutputSizes<const N: usize> {
    /// The sizes, in the order of the dimensions.
    fn output_sizes(self) -> [Option<i64>; N];
}

impl<const N: usize> OutputSizes<N> for i64 {
    fn output_sizes(self) -> [Option<i64>; N] {
        [Some(self); N]
    }
}

impl<const N: usize> OutputSizes<N> for [i64; N] {
    fn output_sizes(self) -> [Option<i64>; N] {
        self.map(Some)
    }
}

impl<const N: usize> OutputSizes<N> for [Option<i64>; N] {
    fn output_sizes(self) -> [Option<i64>; N] {
        self
    }
}

/// Defines adaptive layers, whose windows are chosen so that the output has a given size.
macro_rules! adaptive {
    ($(#[$attribute:meta])* $name:ident [$($alias:ident = $n:literal),+]) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name<const N: usize> {
            /// The size of the output; `None` keeps the input's size.
            pub output_size: [Option<i64>; N],
        }

        dimensions!($name [$($alias = $n),+]);

        impl<const N: usize> $name<N> {
            /// Creates the layer for an output of this size.
            pub fn new(output_size: impl OutputSizes<N>) -> Self {
                Self { output_size: output_size.output_sizes() }
            }
        }
    };
}

windows! {
    /// `nn.MaxPool1d`, `nn.MaxPool2d` or `nn.MaxPool3d`: the maximum of each window.
    ///
    /// ```
    /// use torch_parity::nn::{MaxPool2d, Module};
    /// let pool = MaxPool2d { ceil_mode: true, ..MaxPool2d::new(2) };
    /// let pictures = tch::Tensor::zeros([1, 3, 7, 7], (tch::Kind::Float, tch::Device::Cpu));
    /// assert_eq!(pool.forward(&pictures).size(), [1, 3, 4, 4]);
    /// ```
    MaxPool() [MaxPool1d = 1, MaxPool2d = 2, MaxPool3d = 3] {
        /// The width of the padding with −∞ on either side.
        padding: [i64; N] = [0; N],
        /// The distance between the elements of a window.
        dilation: [i64; N] = [1; N],
        /// If true, windows may extend beyond the edge.
        ceil_mode: bool = false,
    }
}

impl<const N: usize> MaxPool<N> {
    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input has an unsupported shape or dtype.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        let &Self {
            kernel_size: kernel,
            padding,
            dilation,
            ceil_mode,
            ..
        } = self;
        let stride = self.stride.unwrap_or(kernel);
        Ok(match N {
            1 => xs.f_max_pool1d(kernel, stride, padding, dilation, ceil_mode),
            2 => xs.f_max_pool2d(kernel, stride, padding, dilation, ceil_mode),
            _ => xs.f_max_pool3d(kernel, stride, padding, dilation, ceil_mode),
        }?)
    }

    /// The output, and the indices of the maxima, int64, for `MaxUnpool` (Python's
    /// `return_indices=True`).
    ///
    /// # Errors
    /// If the input has an unsupported shape or dtype.
    pub fn f_forward_with_indices(&self, xs: &Tensor) -> Result<(Tensor, Tensor)> {
        let &Self {
            kernel_size: kernel,
            padding,
            dilation,
            ceil_mode,
            ..
        } = self;
        let stride = self.stride.unwrap_or(kernel);
        Ok(match N {
            1 => xs.f_max_pool1d_with_indices(kernel, stride, padding, dilation, ceil_mode),
            2 => xs.f_max_pool2d_with_indices(kernel, stride, padding, dilation, ceil_mode),
            _ => xs.f_max_pool3d_with_indices(kernel, stride, padding, dilation, ceil_mode),
        }?)
    }
}

windows! {
    /// `nn.MaxUnpool1d`, `nn.MaxUnpool2d` or `nn.MaxUnpool3d`: puts the maxima of `MaxPool` back in
    /// their places and fills the rest with zeros.
    MaxUnpool() [MaxUnpool1d = 1, MaxUnpool2d = 2, MaxUnpool3d = 3] {
        /// The width of the padding that was added on either side.
        padding: [i64; N] = [0; N],
    }
}

impl<const N: usize> MaxUnpool<N> {
    /// `forward(input, indices, output_size=None)`.
    ///
    /// # Errors
    /// If the shapes of the tensors do not match, or `output_size` differs from the default size by
    /// a stride or more.
    pub fn f_forward(
        &self,
        xs: &Tensor,
        indices: &Tensor,
        output_size: Option<[i64; N]>,
    ) -> Result<Tensor> {
        let stride = self.stride.unwrap_or(self.kernel_size);
        let spatial = spatial_size::<N>(xs)?;
        let usual: [i64; N] = std::array::from_fn(|i| {
            (spatial[i] - 1) * stride[i] + self.kernel_size[i] - 2 * self.padding[i]
        });
        let output_size = output_size.unwrap_or(usual);
        let near = |i: usize| (output_size[i] - usual[i]).abs() < stride[i];
        if output_size != usual && !(0..N).all(near) {
            return refuse(format!(
                "invalid output_size {output_size:?}: each has to be less than the stride \
                 {stride:?} from {usual:?}"
            ));
        }
        Ok(match N {
            1 => {
                let (xs, indices) = (xs.f_unsqueeze(-1)?, indices.f_unsqueeze(-1)?);
                let output = xs.f_max_unpool2d(&indices, [output_size[0], 1])?;
                output.f_squeeze_dim(-1)?
            }
            2 => xs.f_max_unpool2d(indices, output_size)?,
            _ => xs.f_max_unpool3d(indices, output_size, stride, self.padding)?,
        })
    }
}

windows! {
    /// `nn.AvgPool1d`, `nn.AvgPool2d` or `nn.AvgPool3d`: the mean of each window.
    AvgPool() [AvgPool1d = 1, AvgPool2d = 2, AvgPool3d = 3] {
        /// The number of zeros added on either side.
        padding: [i64; N] = [0; N],
        /// If true, windows may extend beyond the edge.
        ceil_mode: bool = false,
        /// If true, the mean includes the padding.
        count_include_pad: bool = true,
        /// The divisor, in place of the number of elements. Python's `AvgPool1d` lacks this
        /// argument, so it is refused here as well.
        divisor_override: Option<i64> = None,
    }
}

impl<const N: usize> AvgPool<N> {
    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input has an unsupported shape or dtype.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        let &Self {
            kernel_size: kernel,
            padding,
            ceil_mode: ceil,
            count_include_pad: count,
            divisor_override: divisor,
            ..
        } = self;
        let stride = self.stride.unwrap_or(kernel);
        if N == 1 && divisor.is_some() {
            return refuse("AvgPool1d has no argument divisor_override");
        }
        Ok(match N {
            1 => xs.f_avg_pool1d(kernel, stride, padding, ceil, count),
            2 => xs.f_avg_pool2d(kernel, stride, padding, ceil, count, divisor),
            _ => xs.f_avg_pool3d(kernel, stride, padding, ceil, count, divisor),
        }?)
    }
}

windows! {
    /// `nn.LPPool1d`, `nn.LPPool2d` or `nn.LPPool3d`: (Σ xᵖ)^(1/p) over each window.
    LPPool(
        /// p.
        norm_type: f64,
    ) [LPPool1d = 1, LPPool2d = 2, LPPool3d = 3] {
        /// If true, windows may extend beyond the edge.
        ceil_mode: bool = false,
    }
}

impl<const N: usize> LPPool<N> {
    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input has an unsupported shape or dtype.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        let stride = self.stride.unwrap_or(self.kernel_size);
        f_lp_pool(
            xs,
            self.norm_type,
            &self.kernel_size,
            &stride,
            self.ceil_mode,
        )
    }
}

/// The output size of an adaptive pooling, where `None` keeps the input's size.
fn output_size<const N: usize>(xs: &Tensor, wanted: [Option<i64>; N]) -> Result<[i64; N]> {
    let size = xs.size();
    if size.len() < N {
        return refuse(format!(
            "expected at least {N} dimensions, got {}",
            size.len()
        ));
    }
    let spatial = &size[size.len() - N..];
    Ok(std::array::from_fn(|i| wanted[i].unwrap_or(spatial[i])))
}

adaptive! {
    /// `nn.AdaptiveAvgPool1d`, `nn.AdaptiveAvgPool2d` or `nn.AdaptiveAvgPool3d`: the mean of each
    /// window, with windows chosen so that the output has a given size.
    AdaptiveAvgPool [AdaptiveAvgPool1d = 1, AdaptiveAvgPool2d = 2, AdaptiveAvgPool3d = 3]
}

impl<const N: usize> AdaptiveAvgPool<N> {
    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input has an unsupported shape or dtype.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        let size = output_size(xs, self.output_size)?;
        Ok(match N {
            1 => xs.f_adaptive_avg_pool1d(size),
            2 => xs.f_adaptive_avg_pool2d(size),
            _ => xs.f_adaptive_avg_pool3d(size),
        }?)
    }
}

adaptive! {
    /// `nn.AdaptiveMaxPool1d`, `nn.AdaptiveMaxPool2d` or `nn.AdaptiveMaxPool3d`: the maximum of
    /// each window, with windows chosen so that the output has a given size.
    AdaptiveMaxPool [AdaptiveMaxPool1d = 1, AdaptiveMaxPool2d = 2, AdaptiveMaxPool3d = 3]
}

impl<const N: usize> AdaptiveMaxPool<N> {
    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input has an unsupported shape or dtype.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        Ok(self.f_forward_with_indices(xs)?.0)
    }

    /// The output, and the indices of the maxima, int64 (Python's `return_indices=True`).
    ///
    /// # Errors
    /// If the input has an unsupported shape or dtype.
    pub fn f_forward_with_indices(&self, xs: &Tensor) -> Result<(Tensor, Tensor)> {
        let size = output_size(xs, self.output_size)?;
        Ok(match N {
            1 => xs.f_adaptive_max_pool1d(size),
            2 => xs.f_adaptive_max_pool2d(size),
            _ => xs.f_adaptive_max_pool3d(size),
        }?)
    }
}

/// The output size of a [`FractionalMaxPool`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FractionalSize<const N: usize> {
    /// `output_size`: the size itself.
    Size([i64; N]),
    /// `output_ratio`: the ratio to the input's size, between 0 and 1.
    Ratio([f64; N]),
}

impl<const N: usize> FractionalSize<N> {
    /// The output size for an input `(…, *spatial)`.
    pub(super) fn of(self, xs: &Tensor) -> Result<[i64; N]> {
        match self {
            Self::Size(size) => Ok(size),
            Self::Ratio(ratio) => {
                let size = output_size(xs, [None; N])?;
                Ok(std::array::from_fn(|i| (size[i] as f64 * ratio[i]) as i64))
            }
        }
    }
}

/// `nn.FractionalMaxPool2d` or `nn.FractionalMaxPool3d`: the maximum of each window, with window
/// positions that are drawn at random, also in evaluation.
#[derive(Clone, Copy, Debug)]
pub struct FractionalMaxPool<const N: usize> {
    /// The size of a window.
    pub kernel_size: [i64; N],
    /// The size of the output.
    pub output: FractionalSize<N>,
}

dimensions!(FractionalMaxPool [FractionalMaxPool2d = 2, FractionalMaxPool3d = 3]);

impl<const N: usize> FractionalMaxPool<N> {
    /// Creates the layer with this window size and output size.
    ///
    /// # Errors
    /// If a ratio is not between 0 and 1.
    pub fn f_new(kernel_size: impl Sizes<N>, output: FractionalSize<N>) -> Result<Self> {
        match output {
            FractionalSize::Ratio(ratio) if !ratio.iter().all(|r| 0. < *r && *r < 1.) => {
                let ratio = ratio.map(|r| format!("{r:?}")).join(", ");
                refuse(format!(
                    "output_ratio must be between 0 and 1 (got ({ratio}))"
                ))
            }
            _ => Ok(Self {
                kernel_size: kernel_size.sizes(),
                output,
            }),
        }
    }

    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input has an unsupported shape or dtype.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        f_fractional_max_pool(xs, &self.kernel_size, &self.output.of(xs)?)
    }
}

modules!(
    N: MaxPool,
    AvgPool,
    LPPool,
    AdaptiveAvgPool,
    AdaptiveMaxPool,
    FractionalMaxPool,
);
