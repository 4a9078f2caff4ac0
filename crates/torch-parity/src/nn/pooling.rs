//! The pooling layers of `torch.nn`, which `tch` has only as methods. `N` is the number of
//! dimensions besides those of batch and channels: 1 to 3.
//!
//! Source: `torch/nn/modules/pooling.py`.

use tch::Tensor;

use super::functional::{f_fractional_max_pool, f_lp_pool};
use super::{Sizes, modules, refuse};
use crate::Result;

/// `nn.MaxPool1d`, `nn.MaxPool2d` or `nn.MaxPool3d`: the maximum of each window.
///
/// ```
/// use torch_parity::nn::{MaxPool2d, Module};
/// let pool = MaxPool2d { ceil_mode: true, ..MaxPool2d::new(2) };
/// let pictures = tch::Tensor::zeros([1, 3, 7, 7], (tch::Kind::Float, tch::Device::Cpu));
/// assert_eq!(pool.forward(&pictures).size(), [1, 3, 4, 4]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MaxPool<const N: usize> {
    /// The size of a window.
    pub kernel_size: [i64; N],
    /// The distance between windows; their size if `None`.
    pub stride: Option<[i64; N]>,
    /// The width of the padding with −∞ on either side.
    pub padding: [i64; N],
    /// The distance between the elements of a window.
    pub dilation: [i64; N],
    /// If true, windows may extend beyond the edge.
    pub ceil_mode: bool,
}

/// `nn.MaxPool1d`.
pub type MaxPool1d = MaxPool<1>;
/// `nn.MaxPool2d`.
pub type MaxPool2d = MaxPool<2>;
/// `nn.MaxPool3d`.
pub type MaxPool3d = MaxPool<3>;

impl<const N: usize> MaxPool<N> {
    /// Creates the layer with Python's defaults for the other arguments.
    pub fn new(kernel_size: impl Sizes<N>) -> Self {
        Self {
            kernel_size: kernel_size.sizes(),
            stride: None,
            padding: [0; N],
            dilation: [1; N],
            ceil_mode: false,
        }
    }

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

/// `nn.MaxUnpool1d`, `nn.MaxUnpool2d` or `nn.MaxUnpool3d`: puts the maxima of `MaxPool` back in
/// their places and fills the rest with zeros.
#[derive(Clone, Copy, Debug)]
pub struct MaxUnpool<const N: usize> {
    /// The size of a window.
    pub kernel_size: [i64; N],
    /// The distance between windows; their size if `None`.
    pub stride: Option<[i64; N]>,
    /// The width of the padding that was added on either side.
    pub padding: [i64; N],
}

/// `nn.MaxUnpool1d`.
pub type MaxUnpool1d = MaxUnpool<1>;
/// `nn.MaxUnpool2d`.
pub type MaxUnpool2d = MaxUnpool<2>;
/// `nn.MaxUnpool3d`.
pub type MaxUnpool3d = MaxUnpool<3>;

impl<const N: usize> MaxUnpool<N> {
    /// Creates the layer with Python's defaults for the other arguments.
    pub fn new(kernel_size: impl Sizes<N>) -> Self {
        Self {
            kernel_size: kernel_size.sizes(),
            stride: None,
            padding: [0; N],
        }
    }

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
        let size = xs.size();
        if size.len() != N + 1 && size.len() != N + 2 {
            let (one, two) = (N + 1, N + 2);
            return refuse(format!(
                "expected {one}D or {two}D input, got {}D",
                size.len()
            ));
        }
        let spatial = &size[size.len() - N..];
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

/// `nn.AvgPool1d`, `nn.AvgPool2d` or `nn.AvgPool3d`: the mean of each window.
#[derive(Clone, Copy, Debug)]
pub struct AvgPool<const N: usize> {
    /// The size of a window.
    pub kernel_size: [i64; N],
    /// The distance between windows; their size if `None`.
    pub stride: Option<[i64; N]>,
    /// The number of zeros added on either side.
    pub padding: [i64; N],
    /// If true, windows may extend beyond the edge.
    pub ceil_mode: bool,
    /// If true, the mean includes the padding.
    pub count_include_pad: bool,
    /// The divisor, in place of the number of elements. Python's `AvgPool1d` lacks this argument,
    /// so it is refused here as well.
    pub divisor_override: Option<i64>,
}

/// `nn.AvgPool1d`.
pub type AvgPool1d = AvgPool<1>;
/// `nn.AvgPool2d`.
pub type AvgPool2d = AvgPool<2>;
/// `nn.AvgPool3d`.
pub type AvgPool3d = AvgPool<3>;

impl<const N: usize> AvgPool<N> {
    /// Creates the layer with Python's defaults for the other arguments.
    pub fn new(kernel_size: impl Sizes<N>) -> Self {
        Self {
            kernel_size: kernel_size.sizes(),
            stride: None,
            padding: [0; N],
            ceil_mode: false,
            count_include_pad: true,
            divisor_override: None,
        }
    }

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

/// `nn.LPPool1d`, `nn.LPPool2d` or `nn.LPPool3d`: (Σ xᵖ)^(1/p) over each window.
#[derive(Clone, Copy, Debug)]
pub struct LPPool<const N: usize> {
    /// p.
    pub norm_type: f64,
    /// The size of a window.
    pub kernel_size: [i64; N],
    /// The distance between windows; their size if `None`.
    pub stride: Option<[i64; N]>,
    /// If true, windows may extend beyond the edge.
    pub ceil_mode: bool,
}

/// `nn.LPPool1d`.
pub type LPPool1d = LPPool<1>;
/// `nn.LPPool2d`.
pub type LPPool2d = LPPool<2>;
/// `nn.LPPool3d`.
pub type LPPool3d = LPPool<3>;

impl<const N: usize> LPPool<N> {
    /// Creates the layer with Python's defaults for the other arguments.
    pub fn new(norm_type: f64, kernel_size: impl Sizes<N>) -> Self {
        Self {
            norm_type,
            kernel_size: kernel_size.sizes(),
            stride: None,
            ceil_mode: false,
        }
    }

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

/// `nn.AdaptiveAvgPool1d`, `nn.AdaptiveAvgPool2d` or `nn.AdaptiveAvgPool3d`: the mean of each
/// window, with windows chosen so that the output has a given size.
#[derive(Clone, Copy, Debug)]
pub struct AdaptiveAvgPool<const N: usize> {
    /// The size of the output; `None` keeps the input's size.
    pub output_size: [Option<i64>; N],
}

/// `nn.AdaptiveAvgPool1d`.
pub type AdaptiveAvgPool1d = AdaptiveAvgPool<1>;
/// `nn.AdaptiveAvgPool2d`.
pub type AdaptiveAvgPool2d = AdaptiveAvgPool<2>;
/// `nn.AdaptiveAvgPool3d`.
pub type AdaptiveAvgPool3d = AdaptiveAvgPool<3>;

impl<const N: usize> AdaptiveAvgPool<N> {
    /// Creates the layer for an output of this size.
    pub fn new(output_size: impl Sizes<N>) -> Self {
        Self {
            output_size: output_size.sizes().map(Some),
        }
    }

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

/// `nn.AdaptiveMaxPool1d`, `nn.AdaptiveMaxPool2d` or `nn.AdaptiveMaxPool3d`: the maximum of each
/// window, with windows chosen so that the output has a given size.
#[derive(Clone, Copy, Debug)]
pub struct AdaptiveMaxPool<const N: usize> {
    /// The size of the output; `None` keeps the input's size.
    pub output_size: [Option<i64>; N],
}

/// `nn.AdaptiveMaxPool1d`.
pub type AdaptiveMaxPool1d = AdaptiveMaxPool<1>;
/// `nn.AdaptiveMaxPool2d`.
pub type AdaptiveMaxPool2d = AdaptiveMaxPool<2>;
/// `nn.AdaptiveMaxPool3d`.
pub type AdaptiveMaxPool3d = AdaptiveMaxPool<3>;

impl<const N: usize> AdaptiveMaxPool<N> {
    /// Creates the layer for an output of this size.
    pub fn new(output_size: impl Sizes<N>) -> Self {
        Self {
            output_size: output_size.sizes().map(Some),
        }
    }

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

/// `nn.FractionalMaxPool2d` or `nn.FractionalMaxPool3d`: the maximum of each window, with window
/// positions that are drawn at random, also in evaluation.
#[derive(Clone, Copy, Debug)]
pub struct FractionalMaxPool<const N: usize> {
    /// The size of a window.
    pub kernel_size: [i64; N],
    /// The size of the output.
    pub output: FractionalSize<N>,
}

/// `nn.FractionalMaxPool2d`.
pub type FractionalMaxPool2d = FractionalMaxPool<2>;
/// `nn.FractionalMaxPool3d`.
pub type FractionalMaxPool3d = FractionalMaxPool<3>;

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
        let size = match self.output {
            FractionalSize::Size(size) => size,
            FractionalSize::Ratio(ratio) => {
                let size = output_size(xs, [None; N])?;
                std::array::from_fn(|i| (size[i] as f64 * ratio[i]) as i64)
            }
        };
        f_fractional_max_pool(xs, &self.kernel_size, &size)
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
