//! `torch.nn.Conv1d` to `ConvTranspose3d`: the initial values, the order in which they are drawn,
//! and padding by name.
//!
//! | | `tch::nn` | `torch.nn` |
//! | --- | --- | --- |
//! | weight | U(−√(6/fan), √(6/fan)) | U(−1/√fan, 1/√fan), with the fan-in of an output |
//! | bias | 0 | U(−1/√fan, 1/√fan) |
//! | drawn first | bias | weight |
//!
//! Source: `torch/nn/modules/conv.py`.

mod transpose;

use std::borrow::Borrow;

use tch::Tensor;
use tch::nn::{Init, PaddingMode, Path};

pub use transpose::*;

use super::init::{bias_init, kaiming_uniform};
use super::{modules, new_parameter, or_panic, refuse};
use crate::Result;

/// Padding given by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoPad {
    /// `padding="same"`: pads so that the output has the size of the input.
    Same,
    /// `padding="valid"`: no padding.
    Valid,
}

impl AutoPad {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Valid => "valid",
        }
    }
}

/// The arguments of `nn.Conv1d` to `nn.Conv3d`, in tch's spelling. `ND` is one number per
/// dimension, or one number for all.
#[derive(Clone, Copy, Debug)]
pub struct ConvConfigND<ND> {
    /// The distance between the positions of the kernel.
    pub stride: ND,
    /// The padding added on either side of the input.
    pub padding: ND,
    /// The distance between the elements of the kernel.
    pub dilation: ND,
    /// The number of groups into which the channels are divided; each group sees only its own
    /// inputs.
    pub groups: i64,
    /// If true, adds a bias.
    pub bias: bool,
    /// The initialization of the weight `(out, in / groups, kernel…)`.
    pub ws_init: Init,
    /// The initialization of the bias `(out,)`; the default means Python's, U(−1/√fan, 1/√fan).
    pub bs_init: Init,
    /// The contents of the padding.
    pub padding_mode: PaddingMode,
    /// Python's `padding="same"` or `"valid"`, in place of `padding`.
    pub auto_pad: Option<AutoPad>,
}

/// The arguments of a convolution with one number for all dimensions.
pub type ConvConfig = ConvConfigND<i64>;

impl Default for ConvConfig {
    fn default() -> Self {
        Self {
            stride: 1,
            padding: 0,
            dilation: 1,
            groups: 1,
            bias: true,
            ws_init: kaiming_uniform(5f64.sqrt()),
            bs_init: kaiming_uniform(5f64.sqrt()),
            padding_mode: PaddingMode::Zeros,
            auto_pad: None,
        }
    }
}

impl<const N: usize> Default for ConvConfigND<[i64; N]> {
    fn default() -> Self {
        same_for_all(ConvConfig::default())
    }
}

/// The default arguments, without bias.
pub fn no_bias() -> ConvConfig {
    ConvConfig {
        bias: false,
        ..Default::default()
    }
}

/// A convolution; `ND` is `[i64; 1]`, `[i64; 2]` or `[i64; 3]`.
#[derive(Debug)]
pub struct Conv<ND> {
    /// The weight `(out, in / groups, kernel…)`.
    pub ws: Tensor,
    /// The bias `(out,)`.
    pub bs: Option<Tensor>,
    /// The padding before and after, the last dimension first, unless it is zeros.
    reversed_padding: Vec<i64>,
    config: ConvConfigND<ND>,
}

/// `nn.Conv1d`.
pub type Conv1D = Conv<[i64; 1]>;
/// `nn.Conv2d`.
pub type Conv2D = Conv<[i64; 2]>;
/// `nn.Conv3d`.
pub type Conv3D = Conv<[i64; 3]>;

/// A convolution of as many dimensions as `ksizes` has numbers.
///
/// Adds `weight` `(out_dim, in_dim / groups, kernel…)` and `bias` `(out_dim,)`, drawing the weight
/// before the bias.
///
/// ```
/// use torch_parity::nn::{self, AutoPad, Module};
/// let vs = nn::VarStore::new(tch::Device::Cpu);
/// let config = nn::ConvConfigND { auto_pad: Some(AutoPad::Same), ..Default::default() };
/// let conv = nn::conv(vs.root() / "conv", 1, 4, [3, 5], config);
/// let pictures = tch::Tensor::zeros([2, 1, 28, 28], (tch::Kind::Float, tch::Device::Cpu));
/// assert_eq!(conv.forward(&pictures).size(), [2, 4, 28, 28]);
/// ```
///
/// # Panics
/// If [`f_conv`] returns an error.
#[track_caller]
pub fn conv<'a, const N: usize, T: Borrow<Path<'a>>>(
    vs: T,
    in_dim: i64,
    out_dim: i64,
    ksizes: [i64; N],
    config: ConvConfigND<[i64; N]>,
) -> Conv<[i64; N]> {
    or_panic(f_conv(vs, in_dim, out_dim, ksizes, config))
}

/// As [`conv`], but returns an error instead of panicking.
///
/// # Errors
/// If `groups` is not positive or does not divide both numbers of channels; if `"same"` comes with
/// a stride, or together with `padding`; or where [`f_linear`](crate::nn::f_linear) refuses.
pub fn f_conv<'a, const N: usize, T: Borrow<Path<'a>>>(
    vs: T,
    in_dim: i64,
    out_dim: i64,
    ksizes: [i64; N],
    config: ConvConfigND<[i64; N]>,
) -> Result<Conv<[i64; N]>> {
    let vs = vs.borrow();
    check_groups(in_dim, out_dim, config.groups)?;
    if config.auto_pad.is_some() && config.padding != [0; N] {
        return refuse("padding is given by name and by numbers");
    }
    if config.auto_pad == Some(AutoPad::Same) && config.stride != [1; N] {
        return refuse("padding='same' is not supported for strided convolutions");
    }
    let mut size = vec![out_dim, in_dim / config.groups];
    size.extend(ksizes);
    let ws = new_parameter(vs, "weight", &size, config.ws_init)?;
    let bs = new_bias(vs, out_dim, config.bias, config.bs_init, &ws)?;
    let reversed_padding = (0..N).rev().flat_map(|i| match config.auto_pad {
        None => [config.padding[i]; 2],
        Some(AutoPad::Valid) => [0; 2],
        Some(AutoPad::Same) => {
            let total = config.dilation[i] * (ksizes[i] - 1);
            [total / 2, total - total / 2]
        }
    });
    Ok(Conv {
        ws,
        bs,
        reversed_padding: reversed_padding.collect(),
        config,
    })
}

fn check_groups(in_channels: i64, out_channels: i64, groups: i64) -> Result<()> {
    if groups <= 0 {
        return refuse("groups must be a positive integer");
    }
    if in_channels % groups != 0 {
        return refuse("in_channels must be divisible by groups");
    }
    if out_channels % groups != 0 {
        return refuse("out_channels must be divisible by groups");
    }
    Ok(())
}

fn new_bias(
    vs: &Path,
    channels: i64,
    bias: bool,
    init: Init,
    weight: &Tensor,
) -> Result<Option<Tensor>> {
    if !bias {
        return Ok(None);
    }
    let init = bias_init(init, weight);
    new_parameter(vs, "bias", &[channels], init).map(Some)
}

/// Expands one number to all dimensions.
fn same_for_all<const N: usize>(config: ConvConfig) -> ConvConfigND<[i64; N]> {
    ConvConfigND {
        stride: [config.stride; N],
        padding: [config.padding; N],
        dilation: [config.dilation; N],
        groups: config.groups,
        bias: config.bias,
        ws_init: config.ws_init,
        bs_init: config.bs_init,
        padding_mode: config.padding_mode,
        auto_pad: config.auto_pad,
    }
}

/// `nn.Conv1d(i, o, k)`: `(N, i, L)` or `(i, L)` to `(N, o, L′)` or `(o, L′)`. See [`conv`].
///
/// # Panics
/// If [`f_conv`] returns an error.
#[track_caller]
pub fn conv1d<'a, T: Borrow<Path<'a>>>(vs: T, i: i64, o: i64, k: i64, c: ConvConfig) -> Conv1D {
    conv(vs, i, o, [k], same_for_all(c))
}

/// `nn.Conv2d(i, o, k)`: `(N, i, H, W)` or `(i, H, W)` to `(N, o, H′, W′)` or `(o, H′, W′)`. See
/// [`conv`].
///
/// # Panics
/// If [`f_conv`] returns an error.
#[track_caller]
pub fn conv2d<'a, T: Borrow<Path<'a>>>(vs: T, i: i64, o: i64, k: i64, c: ConvConfig) -> Conv2D {
    conv(vs, i, o, [k; 2], same_for_all(c))
}

/// `nn.Conv3d(i, o, k)`: `(N, i, D, H, W)` or `(i, D, H, W)` to `(N, o, D′, H′, W′)` or
/// `(o, D′, H′, W′)`. See [`conv`].
///
/// # Panics
/// If [`f_conv`] returns an error.
#[track_caller]
pub fn conv3d<'a, T: Borrow<Path<'a>>>(vs: T, i: i64, o: i64, k: i64, c: ConvConfig) -> Conv3D {
    conv(vs, i, o, [k; 3], same_for_all(c))
}

impl<const N: usize> Conv<[i64; N]> {
    /// The same convolution with other parameters.
    pub(super) fn with(&self, ws: Tensor, bs: Option<Tensor>) -> Self {
        Self {
            ws,
            bs,
            reversed_padding: self.reversed_padding.clone(),
            config: self.config,
        }
    }

    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input has an unsupported shape or dtype.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        let config = &self.config;
        let (ws, bs) = (&self.ws, self.bs.as_ref());
        let (stride, dilation, groups) = (config.stride, config.dilation, config.groups);
        let named = |xs: &Tensor, padding: &str| match N {
            1 => xs.f_conv1d_padding(ws, bs, stride, padding, dilation, groups),
            2 => xs.f_conv2d_padding(ws, bs, stride, padding, dilation, groups),
            _ => xs.f_conv3d_padding(ws, bs, stride, padding, dilation, groups),
        };
        let numbers = |xs: &Tensor, padding: [i64; N]| match N {
            1 => xs.f_conv1d(ws, bs, stride, padding, dilation, groups),
            2 => xs.f_conv2d(ws, bs, stride, padding, dilation, groups),
            _ => xs.f_conv3d(ws, bs, stride, padding, dilation, groups),
        };
        let output = match (config.padding_mode, config.auto_pad) {
            (PaddingMode::Zeros, Some(padding)) => named(xs, padding.name()),
            (PaddingMode::Zeros, None) => numbers(xs, config.padding),
            (mode, _) => numbers(&mode.f_pad(xs, &self.reversed_padding)?, [0; N]),
        };
        Ok(output?)
    }
}

modules!(Conv1D, Conv2D, Conv3D);
