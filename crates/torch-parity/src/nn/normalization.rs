//! `torch.nn.LayerNorm`, `GroupNorm`, `RMSNorm` and `LocalResponseNorm`.
//!
//! The first two agree with `tch::nn` except that it lacks `bias`; it also lacks the other two
//! layers.
//!
//! Source: `torch/nn/modules/normalization.py`.

use std::borrow::Borrow;

use tch::Tensor;
use tch::nn::{Init, Path};

use super::functional::f_local_response_norm;
use super::{arguments, batchnorm, modules, new_parameter, or_panic, refuse};
use crate::Result;

arguments! {
    /// The arguments of `nn.LayerNorm`, in tch's spelling.
    #[derive(Clone, Copy, Debug)]
    pub struct LayerNormConfig {
        /// If true, cuDNN may be used on a GPU.
        cudnn_enabled: bool = true,
        /// Added to the variance for numerical stability.
        eps: f64 = 1e-5,
        /// If true, adds a weight and a bias.
        elementwise_affine: bool = true,
        /// The initial weight.
        ws_init: Init = Init::Const(1.),
        /// The initial bias.
        bs_init: Init = Init::Const(0.),
        /// If true, an affine layer has a bias.
        bias: bool = true,
    }
}

/// `nn.LayerNorm`.
#[derive(Debug)]
pub struct LayerNorm {
    config: LayerNormConfig,
    /// The weight, of the normalized shape.
    pub ws: Option<Tensor>,
    /// The bias, of the normalized shape.
    pub bs: Option<Tensor>,
    /// The last dimensions of the input, over which the layer normalizes.
    pub normalized_shape: Vec<i64>,
}

/// `nn.LayerNorm(normalized_shape)` for inputs `(…, *normalized_shape)`.
///
/// Adds `weight` and `bias`, each of the normalized shape. Draws nothing.
///
/// # Panics
/// If [`f_layer_norm`] returns an error.
#[track_caller]
pub fn layer_norm<'a, T: Borrow<Path<'a>>>(
    vs: T,
    normalized_shape: Vec<i64>,
    config: LayerNormConfig,
) -> LayerNorm {
    or_panic(f_layer_norm(vs, normalized_shape, config))
}

/// As [`layer_norm`], but returns an error instead of panicking.
///
/// # Errors
/// If a size in the shape is negative or the path has a layer already.
pub fn f_layer_norm<'a, T: Borrow<Path<'a>>>(
    vs: T,
    normalized_shape: Vec<i64>,
    config: LayerNormConfig,
) -> Result<LayerNorm> {
    let affine = config.elementwise_affine;
    let (ws, bs) = weight_and_bias(
        vs.borrow(),
        &normalized_shape,
        affine.then_some(config.ws_init),
        (affine && config.bias).then_some(config.bs_init),
    )?;
    Ok(LayerNorm {
        config,
        ws,
        bs,
        normalized_shape,
    })
}

type WeightAndBias = (Option<Tensor>, Option<Tensor>);

fn weight_and_bias(
    vs: &Path,
    size: &[i64],
    ws_init: Option<Init>,
    bs_init: Option<Init>,
) -> Result<WeightAndBias> {
    let parameter = |name, init: Option<Init>| {
        init.map(|init| new_parameter(vs, name, size, init))
            .transpose()
    };
    Ok((parameter("weight", ws_init)?, parameter("bias", bs_init)?))
}

impl LayerNorm {
    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input's last dimensions are not the normalized shape.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        Ok(xs.f_layer_norm(
            &self.normalized_shape[..],
            self.ws.as_ref(),
            self.bs.as_ref(),
            self.config.eps,
            self.config.cudnn_enabled,
        )?)
    }
}

arguments! {
    /// The arguments of `nn.GroupNorm`, in tch's spelling.
    #[derive(Clone, Copy, Debug)]
    pub struct GroupNormConfig {
        /// If true, cuDNN may be used on a GPU.
        cudnn_enabled: bool = true,
        /// Added to the variance for numerical stability.
        eps: f64 = 1e-5,
        /// If true, adds a weight and a bias.
        affine: bool = true,
        /// The initial weight.
        ws_init: Init = Init::Const(1.),
        /// The initial bias.
        bs_init: Init = Init::Const(0.),
        /// If true, an affine layer has a bias.
        bias: bool = true,
    }
}

/// `nn.GroupNorm`.
#[derive(Debug)]
pub struct GroupNorm {
    config: GroupNormConfig,
    /// The weight `(num_channels,)`.
    pub ws: Option<Tensor>,
    /// The bias `(num_channels,)`.
    pub bs: Option<Tensor>,
    /// The number of groups into which the channels are divided.
    pub num_groups: i64,
    /// The number of channels.
    pub num_channels: i64,
}

/// `nn.GroupNorm(num_groups, num_channels)` for inputs `(N, num_channels, …)`.
///
/// Adds `weight` and `bias`, each `(num_channels,)`. Draws nothing.
///
/// # Panics
/// If [`f_group_norm`] returns an error.
#[track_caller]
pub fn group_norm<'a, T: Borrow<Path<'a>>>(
    vs: T,
    num_groups: i64,
    num_channels: i64,
    config: GroupNormConfig,
) -> GroupNorm {
    or_panic(f_group_norm(vs, num_groups, num_channels, config))
}

/// As [`group_norm`], but returns an error instead of panicking.
///
/// # Errors
/// If the number of groups does not divide the number of channels, or the path has a layer already.
pub fn f_group_norm<'a, T: Borrow<Path<'a>>>(
    vs: T,
    num_groups: i64,
    num_channels: i64,
    config: GroupNormConfig,
) -> Result<GroupNorm> {
    if num_groups == 0 || num_channels % num_groups != 0 {
        return refuse(format!(
            "num_channels ({num_channels}) must be divisible by num_groups ({num_groups})"
        ));
    }
    let (ws, bs) = weight_and_bias(
        vs.borrow(),
        &[num_channels],
        config.affine.then_some(config.ws_init),
        (config.affine && config.bias).then_some(config.bs_init),
    )?;
    Ok(GroupNorm {
        config,
        ws,
        bs,
        num_groups,
        num_channels,
    })
}

impl GroupNorm {
    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input has fewer than two dimensions, another number of channels, or only one value
    /// per group.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        check_groups(&xs.size(), self.num_groups)?;
        Ok(xs.f_group_norm(
            self.num_groups,
            self.ws.as_ref(),
            self.bs.as_ref(),
            self.config.eps,
            self.config.cudnn_enabled,
        )?)
    }
}

/// Returns an error for inputs that `F.group_norm` refuses.
pub(super) fn check_groups(size: &[i64], num_groups: i64) -> Result<()> {
    if size.len() < 2 {
        let n = size.len();
        return refuse(format!(
            "Expected at least 2 dimensions for input tensor but received {n}"
        ));
    }
    let groups = [size[0] * size[1] / num_groups, num_groups];
    let groups = [&groups, &size[2..]].concat();
    batchnorm::check_values_per_channel(&groups, || format!("{groups:?}"))
}

arguments! {
    /// The arguments of `nn.RMSNorm`.
    #[derive(Clone, Copy, Debug)]
    pub struct RMSNormConfig {
        /// Added to the mean square; `None` is the dtype's machine epsilon.
        eps: Option<f64> = None,
        /// If true, adds a weight, initially ones.
        elementwise_affine: bool = true,
    }
}

/// `nn.RMSNorm`.
#[derive(Debug)]
pub struct RMSNorm {
    config: RMSNormConfig,
    /// The weight, of the normalized shape.
    pub ws: Option<Tensor>,
    /// The last dimensions of the input, over which the layer normalizes.
    pub normalized_shape: Vec<i64>,
}

/// `nn.RMSNorm(normalized_shape)` for inputs `(…, *normalized_shape)`.
///
/// Adds `weight`, of the normalized shape. Draws nothing.
///
/// # Panics
/// If [`f_rms_norm`] returns an error.
#[track_caller]
pub fn rms_norm<'a, T: Borrow<Path<'a>>>(
    vs: T,
    normalized_shape: Vec<i64>,
    config: RMSNormConfig,
) -> RMSNorm {
    or_panic(f_rms_norm(vs, normalized_shape, config))
}

/// As [`rms_norm`], but returns an error instead of panicking.
///
/// # Errors
/// If a size in the shape is negative or the path has a layer already.
pub fn f_rms_norm<'a, T: Borrow<Path<'a>>>(
    vs: T,
    normalized_shape: Vec<i64>,
    config: RMSNormConfig,
) -> Result<RMSNorm> {
    let init = config.elementwise_affine.then_some(Init::Const(1.));
    let (ws, _) = weight_and_bias(vs.borrow(), &normalized_shape, init, None)?;
    Ok(RMSNorm {
        config,
        ws,
        normalized_shape,
    })
}

impl RMSNorm {
    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input's last dimensions are not the normalized shape.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        let shape = &self.normalized_shape[..];
        Ok(xs.f_rms_norm(shape, self.ws.as_ref(), self.config.eps)?)
    }
}

/// `nn.LocalResponseNorm(size)` for inputs `(N, C, …)`.
#[derive(Clone, Copy, Debug)]
pub struct LocalResponseNorm {
    /// The number of channels in the window.
    pub size: i64,
    /// The factor of the mean square.
    pub alpha: f64,
    /// The exponent.
    pub beta: f64,
    /// Added before raising to the exponent.
    pub k: f64,
}

impl LocalResponseNorm {
    /// Creates the layer with Python's defaults for the other arguments.
    pub fn new(size: i64) -> Self {
        Self {
            size,
            alpha: 1e-4,
            beta: 0.75,
            k: 1.,
        }
    }

    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input has fewer than three dimensions.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        f_local_response_norm(xs, self.size, self.alpha, self.beta, self.k)
    }
}

modules!(LayerNorm, GroupNorm, RMSNorm, LocalResponseNorm);
