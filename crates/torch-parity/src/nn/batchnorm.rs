//! `torch.nn.BatchNorm1d` to `BatchNorm3d`: the initial weight, the count of batches, and the
//! arguments that `tch` lacks.
//!
//! | | `tch::nn` | `torch.nn` |
//! | --- | --- | --- |
//! | weight | U(0, 1), drawn | 1 |
//! | `num_batches_tracked` | missing in the state dict | int64 `()` |
//!
//! Source: `torch/nn/modules/batchnorm.py`.

use std::borrow::Borrow;

use tch::nn::{Init, Path};
use tch::{Kind, Tensor, no_grad};

use super::{arguments, modules_t, new_buffer, new_parameter, or_panic, refuse};
use crate::Result;

arguments! {
    /// The arguments of `nn.BatchNorm1d` to `nn.BatchNorm3d`, in tch's spelling.
    #[derive(Clone, Copy, Debug)]
    pub struct BatchNormConfig {
        /// If true, cuDNN may be used on a GPU.
        cudnn_enabled: bool = true,
        /// Added to the variance for numerical stability.
        eps: f64 = 1e-5,
        /// The weight of a batch's statistics in the update of the running statistics.
        momentum: f64 = 0.1,
        /// If true, adds a weight and a bias.
        affine: bool = true,
        /// The initial weight `(C,)`.
        ws_init: Init = Init::Const(1.),
        /// The initial bias `(C,)`.
        bs_init: Init = Init::Const(0.),
        /// Python's `momentum=None`: the running statistics are the mean over all batches so far,
        /// and `momentum` is ignored.
        cumulative_average: bool = false,
        /// If true, keeps running statistics, which evaluation uses in place of the batch's.
        track_running_stats: bool = true,
        /// If true, an affine layer has a bias.
        bias: bool = true,
    }
}

/// `nn.BatchNorm1d`, `nn.BatchNorm2d` or `nn.BatchNorm3d`.
#[derive(Debug)]
pub struct BatchNorm {
    config: BatchNormConfig,
    /// The running mean `(C,)`; an undefined tensor without `track_running_stats`.
    pub running_mean: Tensor,
    /// The running variance `(C,)`; an undefined tensor without `track_running_stats`.
    pub running_var: Tensor,
    /// The number of batches seen in training, int64 `()`; `None` without `track_running_stats`.
    pub num_batches_tracked: Option<Tensor>,
    /// The weight `(C,)`.
    pub ws: Option<Tensor>,
    /// The bias `(C,)`.
    pub bs: Option<Tensor>,
    /// The number of dimensions besides those of batch and channels.
    pub nd: usize,
}

/// The parameters and buffers of batch norm and instance norm layers.
pub(super) struct Norm {
    pub ws: Option<Tensor>,
    pub bs: Option<Tensor>,
    pub running: Option<Running>,
}

/// The running statistics.
pub(super) struct Running {
    pub mean: Tensor,
    pub var: Tensor,
    pub num_batches_tracked: Tensor,
}

impl Norm {
    pub fn new(
        vs: &Path,
        channels: i64,
        ws_init: Option<Init>,
        bs_init: Option<Init>,
        track: bool,
    ) -> Result<Self> {
        let parameter = |name, init: Option<Init>| {
            let parameter = init.map(|init| new_parameter(vs, name, &[channels], init));
            parameter.transpose()
        };
        let ws = parameter("weight", ws_init)?;
        let bs = parameter("bias", bs_init)?;
        let options = (vs.kind(), vs.device());
        let running = || -> Result<Running> {
            let mean = Tensor::f_zeros(channels, options)?;
            let var = Tensor::f_ones(channels, options)?;
            let count = Tensor::f_zeros([0; 0], (Kind::Int64, vs.device()))?;
            Ok(Running {
                mean: new_buffer(vs, "running_mean", mean)?,
                var: new_buffer(vs, "running_var", var)?,
                num_batches_tracked: new_buffer(vs, "num_batches_tracked", count)?,
            })
        };
        let running = track.then(running).transpose()?;
        Ok(Self { ws, bs, running })
    }
}

fn f_batch_norm(vs: &Path, nd: usize, out_dim: i64, config: BatchNormConfig) -> Result<BatchNorm> {
    let ws_init = config.affine.then_some(config.ws_init);
    let bs_init = (config.affine && config.bias).then_some(config.bs_init);
    let norm = Norm::new(vs, out_dim, ws_init, bs_init, config.track_running_stats)?;
    let (running_mean, running_var, num_batches_tracked) = match norm.running {
        Some(running) => (running.mean, running.var, Some(running.num_batches_tracked)),
        None => (Tensor::new(), Tensor::new(), None),
    };
    Ok(BatchNorm {
        config,
        running_mean,
        running_var,
        num_batches_tracked,
        ws: norm.ws,
        bs: norm.bs,
        nd,
    })
}

macro_rules! batch_norms {
    ($($(#[$doc:meta])* $name:ident, $fallible:ident, $nd:literal;)+) => {$(
        $(#[$doc])*
        ///
        /// Adds `weight` and `bias`, and the buffers `running_mean`, `running_var`, each
        /// `(out_dim,)`, and `num_batches_tracked`. Draws nothing.
        ///
        /// # Panics
        #[doc = concat!("If [`", stringify!($fallible), "`] returns an error.")]
        #[track_caller]
        pub fn $name<'a, T: Borrow<Path<'a>>>(
            vs: T,
            out_dim: i64,
            config: BatchNormConfig,
        ) -> BatchNorm {
            or_panic($fallible(vs, out_dim, config))
        }

        #[doc = concat!("As [`", stringify!($name), "`], but returns an error instead of panicking.")]
        ///
        /// # Errors
        /// If `out_dim` is negative or the path has a layer already.
        pub fn $fallible<'a, T: Borrow<Path<'a>>>(
            vs: T,
            out_dim: i64,
            config: BatchNormConfig,
        ) -> Result<BatchNorm> {
            f_batch_norm(vs.borrow(), $nd, out_dim, config)
        }
    )+};
}

batch_norms! {
    /// `nn.BatchNorm1d(out_dim)` for inputs `(N, C)` or `(N, C, L)`.
    batch_norm1d, f_batch_norm1d, 1;
    /// `nn.BatchNorm2d(out_dim)` for inputs `(N, C, H, W)`.
    batch_norm2d, f_batch_norm2d, 2;
    /// `nn.BatchNorm3d(out_dim)` for inputs `(N, C, D, H, W)`.
    batch_norm3d, f_batch_norm3d, 3;
}

impl BatchNorm {
    /// The number that is added to the variance.
    pub(super) fn eps(&self) -> f64 {
        self.config.eps
    }

    /// As `forward_t`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input has another number of dimensions or channels or, in training, a single value
    /// per channel.
    pub fn f_forward_t(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
        let (size, config) = (xs.size(), &self.config);
        match (self.nd, size.len()) {
            (1, 2 | 3) | (2, 4) | (3, 5) => {}
            (1, n) => return refuse(format!("expected 2D or 3D input (got {n}D input)")),
            (nd, n) => return refuse(format!("expected {}D input (got {n}D input)", nd + 2)),
        }
        let mut momentum = config.momentum;
        if let Some(count) = self.num_batches_tracked.as_ref().filter(|_| train) {
            let _ = no_grad(|| count.shallow_clone().f_add_scalar_(1))?;
            if config.cumulative_average {
                momentum = 1. / count.int64_value(&[]) as f64;
            }
        } else if config.cumulative_average {
            momentum = 0.;
        }
        let batch_statistics = train || !self.running_mean.defined();
        check_norm(&size, batch_statistics, config.eps)?;
        Ok(xs.f_batch_norm(
            self.ws.as_ref(),
            self.bs.as_ref(),
            Some(&self.running_mean),
            Some(&self.running_var),
            batch_statistics,
            momentum,
            config.eps,
            config.cudnn_enabled,
        )?)
    }
}

modules_t!(BatchNorm);

/// Returns an error for inputs that `F.batch_norm` refuses.
pub(super) fn check_norm(size: &[i64], batch_statistics: bool, eps: f64) -> Result<()> {
    if batch_statistics {
        check_values_per_channel(size, || format!("torch.Size({size:?})"))?;
    }
    if batch_statistics && eps <= 0. {
        return refuse(format!(
            "batch_norm eps must be positive during training, but got {eps:?}"
        ));
    }
    if eps < 0. {
        return refuse(format!(
            "batch_norm eps must be non-negative, but got {eps:?}"
        ));
    }
    Ok(())
}

/// Returns an error if there is only one value per channel, which has no variance. `shown` formats
/// the size as Python does.
pub(super) fn check_values_per_channel(size: &[i64], shown: impl Fn() -> String) -> Result<()> {
    if size[0] * size[2..].iter().product::<i64>() != 1 {
        return Ok(());
    }
    refuse(format!(
        "Expected more than 1 value per channel when training, got input size {}",
        shown()
    ))
}

#[cfg(test)]
mod tests {
    use tch::Device;
    use tch::nn::{ModuleT, VarStore};

    use super::*;

    /// As after `model.double()` and `model.to(device)`. The documentation of `nn` describes
    /// `set_kind`.
    #[test]
    fn the_count_of_batches_stays_an_integer() {
        let mut vs = VarStore::new(Device::Cpu);
        let norm = batch_norm1d(vs.root() / "bn", 3, Default::default());
        let xs = Tensor::arange(6, (Kind::Float, Device::Cpu)).view([2, 3]);
        let _ = norm.forward_t(&xs, true);
        vs.double();
        let _ = norm.forward_t(&xs.to_kind(Kind::Double), true);
        vs.set_device(Device::Cpu);
        vs.float();
        let _ = norm.forward_t(&xs, false);
        let count = &vs.variables()["bn.num_batches_tracked"];
        assert_eq!((count.kind(), count.int64_value(&[])), (Kind::Int64, 2));
        assert_eq!(norm.running_mean.kind(), Kind::Float);
        assert_eq!(vs.trainable_variables().len(), 2);
        vs.set_kind(Kind::Double);
        assert_eq!(
            vs.variables()["bn.num_batches_tracked"].kind(),
            Kind::Double
        );
    }
}
