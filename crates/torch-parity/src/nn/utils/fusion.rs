//! Layers with the batch norm behind them folded into their parameters, for evaluation.
//!
//! Source: `torch/nn/utils/fusion.py`.

use tch::Tensor;
use tch::nn::Linear;

use crate::Result;
use crate::nn::{BatchNorm, Weighted, functions, refuse};

functions! {
    /// `fuse_conv_bn_weights(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, transpose=False)`:
    /// the weight and bias of a convolution that includes the batch norm behind it, as new leaves.
    fn fuse_conv_bn_weights / f_fuse_conv_bn_weights(
        conv_w: &Tensor, conv_b: Option<&Tensor>, bn_rm: &Tensor, bn_rv: &Tensor, bn_eps: f64,
        bn_w: Option<&Tensor>, bn_b: Option<&Tensor>, transpose: bool,
    ) -> (Tensor, Tensor) {
        let conv_b = or_zeros(conv_b, bn_rm)?;
        let bn_w = match bn_w {
            Some(weight) => weight.shallow_clone(),
            None => bn_rm.f_ones_like()?,
        };
        let bn_b = or_zeros(bn_b, bn_rm)?;
        let rsqrt = bn_rv.f_add_scalar(bn_eps)?.f_rsqrt()?;
        let mut shape = vec![1; conv_w.dim()];
        shape[usize::from(transpose)] = -1;
        let weight = conv_w.f_mul(&bn_w.f_mul(&rsqrt)?.f_reshape(&shape[..])?)?;
        let bias = conv_b.f_sub(bn_rm)?.f_mul(&rsqrt)?.f_mul(&bn_w)?.f_add(&bn_b)?;
        Ok((leaf(&weight, conv_w)?, leaf(&bias, &conv_b)?))
    }

    /// `fuse_linear_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)`: the weight
    /// and bias of a linear layer that includes the batch norm behind it, as new leaves.
    fn fuse_linear_bn_weights / f_fuse_linear_bn_weights(
        linear_w: &Tensor, linear_b: Option<&Tensor>, bn_rm: &Tensor, bn_rv: &Tensor, bn_eps: f64,
        bn_w: &Tensor, bn_b: &Tensor,
    ) -> (Tensor, Tensor) {
        let linear_b = or_zeros(linear_b, bn_rm)?;
        let scale = bn_w.f_mul(&bn_rv.f_add_scalar(bn_eps)?.f_rsqrt()?)?;
        let weight = linear_w.f_mul(&scale.f_unsqueeze(-1)?)?;
        let bias = linear_b.f_sub(bn_rm)?.f_mul(&scale)?.f_add(bn_b)?;
        Ok((leaf(&weight, linear_w)?, leaf(&bias, &linear_b)?))
    }

    /// `fuse_linear_bn_eval(linear, bn)`: a new linear layer that includes the batch norm behind
    /// it, in evaluation.
    fn fuse_linear_bn_eval / f_fuse_linear_bn_eval(linear: &Linear, bn: &BatchNorm) -> Linear {
        check_running(bn)?;
        let (outputs, features) = (linear.ws.size()[0], bn.running_mean.size()[0]);
        if outputs != features && features != 1 {
            return refuse(format!(
                "To fuse, linear.out_features == bn.num_features or bn.num_features == 1, got \
                 linear.out_features={outputs} and bn.num_features={features}"
            ));
        }
        let (Some(weight), Some(bias)) = (&bn.ws, &bn.bs) else {
            return refuse("expected a batch norm with weight and bias");
        };
        let (mean, var) = (&bn.running_mean, &bn.running_var);
        let bs = linear.bs.as_ref();
        let (ws, bs) =
            f_fuse_linear_bn_weights(&linear.ws, bs, mean, var, bn.eps(), weight, bias)?;
        Ok(Linear { ws, bs: Some(bs) })
    }
}

/// `fuse_conv_bn_eval(conv, bn, transpose=False)`: a new convolution that includes the batch norm
/// behind it, in evaluation. `transpose` has to be true for a transposed convolution.
///
/// # Errors
/// If the batch norm has no running statistics, or another number of channels.
pub fn f_fuse_conv_bn_eval<L: Weighted>(conv: &L, bn: &BatchNorm, transpose: bool) -> Result<L> {
    check_running(bn)?;
    let (weight, bias) = f_fuse_conv_bn_weights(
        conv.weight(),
        conv.bias(),
        &bn.running_mean,
        &bn.running_var,
        bn.eps(),
        bn.ws.as_ref(),
        bn.bs.as_ref(),
        transpose,
    )?;
    Ok(conv.with_parameters(weight, Some(bias)))
}

/// [`f_fuse_conv_bn_eval`] with a panic in place of its error.
///
/// # Panics
/// If [`f_fuse_conv_bn_eval`] returns an error.
#[track_caller]
pub fn fuse_conv_bn_eval<L: Weighted>(conv: &L, bn: &BatchNorm, transpose: bool) -> L {
    crate::nn::or_panic(f_fuse_conv_bn_eval(conv, bn, transpose))
}

fn check_running(bn: &BatchNorm) -> Result<()> {
    if bn.running_mean.defined() && bn.running_var.defined() {
        return Ok(());
    }
    refuse("bn.running_mean and bn.running_var must not be None")
}

fn or_zeros(tensor: Option<&Tensor>, like: &Tensor) -> Result<Tensor> {
    match tensor {
        Some(tensor) => Ok(tensor.shallow_clone()),
        None => Ok(like.f_zeros_like()?),
    }
}

/// A parameter of these values, which needs a gradient if `like` does.
fn leaf(values: &Tensor, like: &Tensor) -> Result<Tensor> {
    Ok(values
        .f_detach()?
        .f_set_requires_grad(like.requires_grad())?)
}
