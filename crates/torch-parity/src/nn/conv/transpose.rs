//! `torch.nn.ConvTranspose1d` to `ConvTranspose3d`.

use std::borrow::Borrow;

use tch::Tensor;
use tch::nn::{Init, Path};

use super::{check_groups, new_bias};
use crate::Result;
use crate::nn::init::kaiming_uniform;
use crate::nn::{modules, new_parameter, or_panic, refuse, spatial_size};

/// The arguments of `nn.ConvTranspose1d` to `nn.ConvTranspose3d`, in tch's spelling.
#[derive(Clone, Copy, Debug)]
pub struct ConvTransposeConfigND<ND> {
    /// The distance between the positions of the kernel in the output.
    pub stride: ND,
    /// The padding removed on either side of the output.
    pub padding: ND,
    /// The size added to one side of the output.
    pub output_padding: ND,
    /// The number of groups into which the channels are divided; each group sees only its own
    /// inputs.
    pub groups: i64,
    /// If true, adds a bias.
    pub bias: bool,
    /// The distance between the elements of the kernel.
    pub dilation: ND,
    /// The initialization of the weight `(in, out / groups, kernel…)`.
    pub ws_init: Init,
    /// The initialization of the bias `(out,)`; the default means Python's, U(−1/√fan, 1/√fan),
    /// where fan is out / groups times the kernel's size.
    pub bs_init: Init,
}

/// The arguments of a transposed convolution with one number for all dimensions.
pub type ConvTransposeConfig = ConvTransposeConfigND<i64>;

impl Default for ConvTransposeConfig {
    fn default() -> Self {
        Self {
            stride: 1,
            padding: 0,
            output_padding: 0,
            groups: 1,
            bias: true,
            dilation: 1,
            ws_init: kaiming_uniform(5f64.sqrt()),
            bs_init: kaiming_uniform(5f64.sqrt()),
        }
    }
}

impl<const N: usize> Default for ConvTransposeConfigND<[i64; N]> {
    fn default() -> Self {
        transpose_same_for_all(ConvTransposeConfig::default())
    }
}

/// A transposed convolution; `ND` is `[i64; 1]`, `[i64; 2]` or `[i64; 3]`.
#[derive(Debug)]
pub struct ConvTransposeND<ND> {
    /// The weight `(in, out / groups, kernel…)`.
    pub ws: Tensor,
    /// The bias `(out,)`.
    pub bs: Option<Tensor>,
    ksizes: ND,
    config: ConvTransposeConfigND<ND>,
}

/// `nn.ConvTranspose1d`.
pub type ConvTranspose1D = ConvTransposeND<[i64; 1]>;
/// `nn.ConvTranspose2d`.
pub type ConvTranspose2D = ConvTransposeND<[i64; 2]>;
/// `nn.ConvTranspose3d`.
pub type ConvTranspose3D = ConvTransposeND<[i64; 3]>;

/// A transposed convolution of as many dimensions as `ksizes` has numbers.
///
/// Adds `weight` `(in_dim, out_dim / groups, kernel…)` and `bias` `(out_dim,)`, drawing the weight
/// before the bias.
///
/// # Panics
/// If [`f_conv_transpose`] returns an error.
#[track_caller]
pub fn conv_transpose<'a, const N: usize, T: Borrow<Path<'a>>>(
    vs: T,
    in_dim: i64,
    out_dim: i64,
    ksizes: [i64; N],
    config: ConvTransposeConfigND<[i64; N]>,
) -> ConvTransposeND<[i64; N]> {
    or_panic(f_conv_transpose(vs, in_dim, out_dim, ksizes, config))
}

/// As [`conv_transpose`], but returns an error instead of panicking.
///
/// # Errors
/// If `groups` is not positive or does not divide both numbers of channels, or where
/// [`f_linear`](crate::nn::f_linear) refuses.
pub fn f_conv_transpose<'a, const N: usize, T: Borrow<Path<'a>>>(
    vs: T,
    in_dim: i64,
    out_dim: i64,
    ksizes: [i64; N],
    config: ConvTransposeConfigND<[i64; N]>,
) -> Result<ConvTransposeND<[i64; N]>> {
    let vs = vs.borrow();
    check_groups(in_dim, out_dim, config.groups)?;
    let mut size = vec![in_dim, out_dim / config.groups];
    size.extend(ksizes);
    let ws = new_parameter(vs, "weight", &size, config.ws_init)?;
    let bs = new_bias(vs, out_dim, config.bias, config.bs_init, &ws)?;
    Ok(ConvTransposeND {
        ws,
        bs,
        ksizes,
        config,
    })
}

/// Expands one number to all dimensions.
fn transpose_same_for_all<const N: usize>(
    config: ConvTransposeConfig,
) -> ConvTransposeConfigND<[i64; N]> {
    ConvTransposeConfigND {
        stride: [config.stride; N],
        padding: [config.padding; N],
        output_padding: [config.output_padding; N],
        groups: config.groups,
        bias: config.bias,
        dilation: [config.dilation; N],
        ws_init: config.ws_init,
        bs_init: config.bs_init,
    }
}

/// `nn.ConvTranspose1d(i, o, k)`. See [`conv_transpose`].
///
/// # Panics
/// If [`f_conv_transpose`] returns an error.
#[track_caller]
pub fn conv_transpose1d<'a, T: Borrow<Path<'a>>>(
    vs: T,
    i: i64,
    o: i64,
    k: i64,
    c: ConvTransposeConfig,
) -> ConvTranspose1D {
    conv_transpose(vs, i, o, [k], transpose_same_for_all(c))
}

/// `nn.ConvTranspose2d(i, o, k)`. See [`conv_transpose`].
///
/// # Panics
/// If [`f_conv_transpose`] returns an error.
#[track_caller]
pub fn conv_transpose2d<'a, T: Borrow<Path<'a>>>(
    vs: T,
    i: i64,
    o: i64,
    k: i64,
    c: ConvTransposeConfig,
) -> ConvTranspose2D {
    conv_transpose(vs, i, o, [k; 2], transpose_same_for_all(c))
}

/// `nn.ConvTranspose3d(i, o, k)`. See [`conv_transpose`].
///
/// # Panics
/// If [`f_conv_transpose`] returns an error.
#[track_caller]
pub fn conv_transpose3d<'a, T: Borrow<Path<'a>>>(
    vs: T,
    i: i64,
    o: i64,
    k: i64,
    c: ConvTransposeConfig,
) -> ConvTranspose3D {
    conv_transpose(vs, i, o, [k; 3], transpose_same_for_all(c))
}

impl<const N: usize> ConvTransposeND<[i64; N]> {
    /// The same transposed convolution with other parameters.
    pub(in crate::nn) fn with(&self, ws: Tensor, bs: Option<Tensor>) -> Self {
        Self {
            ws,
            bs,
            ksizes: self.ksizes,
            config: self.config,
        }
    }

    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input has an unsupported shape or dtype.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        self.convolve(xs, self.config.output_padding)
    }

    /// `forward(input, output_size)`: adds to one side of the output so that it has this size.
    ///
    /// # Errors
    /// If the input has an unsupported shape or dtype, or the size is out of range.
    pub fn f_forward_to_size(&self, xs: &Tensor, output_size: [i64; N]) -> Result<Tensor> {
        let spatial = spatial_size::<N>(xs)?;
        let config = &self.config;
        let smallest: [i64; N] = std::array::from_fn(|i| {
            (spatial[i] - 1) * config.stride[i] - 2 * config.padding[i]
                + config.dilation[i] * (self.ksizes[i] - 1)
                + 1
        });
        let largest: [i64; N] = std::array::from_fn(|i| smallest[i] + config.stride[i] - 1);
        let fits = |i: usize| (smallest[i]..=largest[i]).contains(&output_size[i]);
        if !(0..N).all(fits) {
            return refuse(format!(
                "requested an output size of {output_size:?}, but valid sizes range from \
                 {smallest:?} to {largest:?} (for an input of {spatial:?})"
            ));
        }
        self.convolve(xs, std::array::from_fn(|i| output_size[i] - smallest[i]))
    }

    fn convolve(&self, xs: &Tensor, output_padding: [i64; N]) -> Result<Tensor> {
        let (ws, bs) = (&self.ws, self.bs.as_ref());
        let &ConvTransposeConfigND {
            stride,
            padding,
            groups,
            dilation,
            ..
        } = &self.config;
        let output = match N {
            1 => xs.f_conv_transpose1d(ws, bs, stride, padding, output_padding, groups, dilation),
            2 => xs.f_conv_transpose2d(ws, bs, stride, padding, output_padding, groups, dilation),
            _ => xs.f_conv_transpose3d(ws, bs, stride, padding, output_padding, groups, dilation),
        };
        Ok(output?)
    }
}

modules!(ConvTranspose1D, ConvTranspose2D, ConvTranspose3D);
