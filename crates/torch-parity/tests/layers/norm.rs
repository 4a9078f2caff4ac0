//! Layers of `batchnorm.py`, `instancenorm.py` and `normalization.py`.

use torch_parity::Result;
use torch_parity::nn::{self, Path};

use super::record::{Forward, module};
use super::table::Args;

pub fn build(vs: &Path, layer: &str, args: &Args) -> Option<Result<Forward>> {
    Some(match layer {
        "BatchNorm1d" => batch_norm(vs, args, nn::f_batch_norm1d),
        "BatchNorm2d" => batch_norm(vs, args, nn::f_batch_norm2d),
        "BatchNorm3d" => batch_norm(vs, args, nn::f_batch_norm3d),
        "InstanceNorm1d" => instance_norm(vs, args, nn::f_instance_norm1d),
        "InstanceNorm2d" => instance_norm(vs, args, nn::f_instance_norm2d),
        "InstanceNorm3d" => instance_norm(vs, args, nn::f_instance_norm3d),
        "LayerNorm" => {
            let mut config = nn::LayerNormConfig::default();
            args.set("eps", &mut config.eps);
            args.set("elementwise_affine", &mut config.elementwise_affine);
            args.set("bias", &mut config.bias);
            nn::f_layer_norm(vs, args.need("normalized_shape"), config).map(module)
        }
        "GroupNorm" => {
            let mut config = nn::GroupNormConfig::default();
            args.set("eps", &mut config.eps);
            args.set("affine", &mut config.affine);
            args.set("bias", &mut config.bias);
            let sizes = [args.need("num_groups"), args.need("num_channels")];
            nn::f_group_norm(vs, sizes[0], sizes[1], config).map(module)
        }
        "RMSNorm" => {
            let mut config = nn::RMSNormConfig::default();
            args.set("eps", &mut config.eps);
            args.set("elementwise_affine", &mut config.elementwise_affine);
            nn::f_rms_norm(vs, args.need("normalized_shape"), config).map(module)
        }
        "LocalResponseNorm" => {
            let mut layer = nn::LocalResponseNorm::new(args.need("size"));
            args.set("alpha", &mut layer.alpha);
            args.set("beta", &mut layer.beta);
            args.set("k", &mut layer.k);
            Ok(module(layer))
        }
        "functional.normalize" => {
            let (p, dim) = (args.get("p").unwrap_or(2.), args.get("dim").unwrap_or(1));
            let eps = args.get("eps").unwrap_or(1e-12);
            Ok(module(nn::func(move |xs| {
                nn::functional::normalize(xs, p, dim, eps)
            })))
        }
        _ => return None,
    })
}

fn batch_norm<'a>(
    vs: &'a Path<'a>,
    args: &Args,
    new: fn(&'a Path<'a>, i64, nn::BatchNormConfig) -> Result<nn::BatchNorm>,
) -> Result<Forward> {
    let mut config = nn::BatchNormConfig::default();
    args.set("eps", &mut config.eps);
    args.set("affine", &mut config.affine);
    args.set("bias", &mut config.bias);
    args.set("track_running_stats", &mut config.track_running_stats);
    match args.get::<Option<f64>>("momentum") {
        Some(Some(momentum)) => config.momentum = momentum,
        Some(None) => config.cumulative_average = true,
        None => {}
    }
    new(vs, args.need("num_features"), config).map(module)
}

fn instance_norm<'a>(
    vs: &'a Path<'a>,
    args: &Args,
    new: fn(&'a Path<'a>, i64, nn::InstanceNormConfig) -> Result<nn::InstanceNorm>,
) -> Result<Forward> {
    let mut config = nn::InstanceNormConfig::default();
    args.set("eps", &mut config.eps);
    args.set("momentum", &mut config.momentum);
    args.set("affine", &mut config.affine);
    args.set("bias", &mut config.bias);
    args.set("track_running_stats", &mut config.track_running_stats);
    new(vs, args.need("num_features"), config).map(module)
}
