//! `torch.nn.InstanceNorm1d` to `InstanceNorm3d`, which `tch` lacks.
//!
//! Source: `torch/nn/modules/instancenorm.py`.

use std::borrow::Borrow;

use tch::Tensor;
use tch::nn::{Init, Path};

use super::batchnorm::{Norm, Running};
use super::{arguments, modules_t, or_panic, refuse};
use crate::Result;

arguments! {
    /// The arguments of `nn.InstanceNorm1d` to `nn.InstanceNorm3d`.
    #[derive(Clone, Copy, Debug)]
    pub struct InstanceNormConfig {
        /// Added to the variance for numerical stability.
        eps: f64 = 1e-5,
        /// The weight of a batch's statistics in the update of the running statistics; 0 if `None`.
        momentum: Option<f64> = Some(0.1),
        /// If true, adds a weight of ones and a bias of zeros, each `(C,)`.
        affine: bool = false,
        /// If true, keeps running statistics, which evaluation uses in place of the instance's.
        track_running_stats: bool = false,
        /// If true, an affine layer has a bias.
        bias: bool = true,
    }
}

/// `nn.InstanceNorm1d`, `nn.InstanceNorm2d` or `nn.InstanceNorm3d`.
#[derive(Debug)]
pub struct InstanceNorm {
    config: InstanceNormConfig,
    /// The weight `(C,)` of an affine layer.
    pub ws: Option<Tensor>,
    /// The bias `(C,)` of an affine layer.
    pub bs: Option<Tensor>,
    /// The running mean `(C,)`, if it is tracked.
    pub running_mean: Option<Tensor>,
    /// The running variance `(C,)`, if it is tracked.
    pub running_var: Option<Tensor>,
    num_features: i64,
    nd: usize,
}

fn f_instance_norm(
    vs: &Path,
    nd: usize,
    num_features: i64,
    config: InstanceNormConfig,
) -> Result<InstanceNorm> {
    let ws_init = config.affine.then_some(Init::Const(1.));
    let bs_init = (config.affine && config.bias).then_some(Init::Const(0.));
    let track = config.track_running_stats;
    let norm = Norm::new(vs, num_features, ws_init, bs_init, track)?;
    let (running_mean, running_var) = match norm.running {
        Some(Running { mean, var, .. }) => (Some(mean), Some(var)),
        None => (None, None),
    };
    Ok(InstanceNorm {
        config,
        ws: norm.ws,
        bs: norm.bs,
        running_mean,
        running_var,
        num_features,
        nd,
    })
}

macro_rules! instance_norms {
    ($($(#[$doc:meta])* $name:ident, $fallible:ident, $nd:literal;)+) => {$(
        $(#[$doc])*
        ///
        /// An affine layer adds `weight` and `bias`, each `(num_features,)`. A layer that tracks
        /// statistics adds the buffers of a batch norm; `num_batches_tracked` stays 0, as in
        /// Python.
        ///
        /// # Panics
        #[doc = concat!("If [`", stringify!($fallible), "`] returns an error.")]
        #[track_caller]
        pub fn $name<'a, T: Borrow<Path<'a>>>(
            vs: T,
            num_features: i64,
            config: InstanceNormConfig,
        ) -> InstanceNorm {
            or_panic($fallible(vs, num_features, config))
        }

        #[doc = concat!("As [`", stringify!($name), "`], but returns an error instead of panicking.")]
        ///
        /// # Errors
        /// If `num_features` is negative or the path has a layer already.
        pub fn $fallible<'a, T: Borrow<Path<'a>>>(
            vs: T,
            num_features: i64,
            config: InstanceNormConfig,
        ) -> Result<InstanceNorm> {
            f_instance_norm(vs.borrow(), $nd, num_features, config)
        }
    )+};
}

instance_norms! {
    /// `nn.InstanceNorm1d(num_features)` for inputs `(N, C, L)` or `(C, L)`.
    instance_norm1d, f_instance_norm1d, 1;
    /// `nn.InstanceNorm2d(num_features)` for inputs `(N, C, H, W)` or `(C, H, W)`.
    instance_norm2d, f_instance_norm2d, 2;
    /// `nn.InstanceNorm3d(num_features)` for inputs `(N, C, D, H, W)` or `(C, D, H, W)`.
    instance_norm3d, f_instance_norm3d, 3;
}

impl InstanceNorm {
    /// As `forward_t`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input has another number of dimensions or, for an affine layer, of channels, or if
    /// there is only one value per channel.
    pub fn f_forward_t(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
        let (size, unbatched) = (xs.size(), self.nd + 1);
        let n = size.len();
        if n != unbatched && n != unbatched + 1 {
            let batched = unbatched + 1;
            return refuse(format!(
                "expected {unbatched}D or {batched}D input (got {n}D input)"
            ));
        }
        let (dim, channels) = (n - unbatched, size[n - unbatched]);
        if self.config.affine && channels != self.num_features {
            return refuse(format!(
                "expected input's size at dim={dim} to match num_features ({}), but got: \
                 {channels}.",
                self.num_features
            ));
        }
        if n == unbatched {
            let output = self.normalize(&xs.f_unsqueeze(0)?, train)?;
            return Ok(output.f_squeeze_dim(0)?);
        }
        self.normalize(xs, train)
    }

    fn normalize(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
        let use_input_stats = train || !self.config.track_running_stats;
        if use_input_stats {
            check_spatial(&xs.size())?;
        }
        Ok(xs.f_instance_norm(
            self.ws.as_ref(),
            self.bs.as_ref(),
            self.running_mean.as_ref(),
            self.running_var.as_ref(),
            use_input_stats,
            self.config.momentum.unwrap_or(0.),
            self.config.eps,
            true,
        )?)
    }
}

modules_t!(InstanceNorm);

/// Returns an error if there is only one value, which has no variance.
pub(super) fn check_spatial(size: &[i64]) -> Result<()> {
    if size[2..].iter().product::<i64>() != 1 {
        return Ok(());
    }
    refuse(format!(
        "Expected more than 1 spatial element when training, got input size torch.Size({size:?})"
    ))
}
