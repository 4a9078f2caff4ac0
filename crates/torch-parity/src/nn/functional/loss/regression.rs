//! Losses for regression and for distributions.

use std::f64::consts::PI;

use tch::{Tensor, no_grad};

use super::Reduction;
use crate::nn::{functions, refuse};
use crate::{Result, native};

functions! {
    /// `F.mse_loss(input, target, reduction="mean", weight=None)`: (x − y)². With a `weight` of the
    /// input's shape, the mean is weighted. Different shapes are broadcast, for which Python prints
    /// a warning.
    fn mse_loss / f_mse_loss(
        input: &Tensor, target: &Tensor, reduction: Reduction, weight: Option<&Tensor>,
    ) -> Tensor {
        let [x, y] = broadcast(input, target)?;
        let Some(weight) = weight else {
            return Ok(x.f_mse_loss(&y, reduction.known()?)?);
        };
        check_weight(input, weight)?;
        reduction.of_weighted(&x.f_sub(&y)?.f_pow_tensor_scalar(2)?, weight)
    }

    /// `F.l1_loss(input, target, reduction="mean", weight=None)`: |x − y|. With a `weight` of the
    /// input's shape, the mean is weighted. Different shapes are broadcast, for which Python prints
    /// a warning.
    fn l1_loss / f_l1_loss(
        input: &Tensor, target: &Tensor, reduction: Reduction, weight: Option<&Tensor>,
    ) -> Tensor {
        let [x, y] = broadcast(input, target)?;
        let Some(weight) = weight else {
            return Ok(x.f_l1_loss(&y, reduction.known()?)?);
        };
        check_weight(input, weight)?;
        reduction.of_weighted(&x.f_sub(&y)?.f_abs()?, weight)
    }

    /// `F.smooth_l1_loss(input, target, reduction="mean", beta=1.0)`: (x − y)² / 2`beta` where |x −
    /// y| < `beta`, else |x − y| − `beta`/2.
    fn smooth_l1_loss / f_smooth_l1_loss(
        input: &Tensor, target: &Tensor, reduction: Reduction, beta: f64,
    ) -> Tensor {
        let [x, y] = broadcast(input, target)?;
        let reduction = reduction.known()?;
        Ok(match beta {
            0. => x.f_l1_loss(&y, reduction),
            beta => x.f_smooth_l1_loss(&y, reduction, beta),
        }?)
    }

    /// `F.huber_loss(input, target, reduction="mean", delta=1.0, weight=None)`: (x − y)² / 2 where
    /// x − y| < `delta`, else `delta` · (|x − y| − `delta`/2). Each loss is multiplied by `weight`,
    /// of the input's shape; as in Python, this does not change the divisor of the mean.
    fn huber_loss / f_huber_loss(
        input: &Tensor, target: &Tensor, reduction: Reduction, delta: f64, weight: Option<&Tensor>,
    ) -> Tensor {
        let [x, y] = broadcast(input, target)?;
        let Some(weight) = weight else {
            return Ok(x.f_huber_loss(&y, reduction.known()?, delta)?);
        };
        check_weight(input, weight)?;
        let losses = x.f_huber_loss(&y, tch::Reduction::None, delta)?;
        reduction.of(losses.f_mul(weight)?)
    }

    /// `F.kl_div(input, target, reduction="mean", log_target=False)`: `target` · (ln(`target`) −
    /// `input`) for log-probabilities `input` and probabilities `target`, or log-probabilities with
    /// `log_target`. [`Reduction::BatchMean`] gives the divergence; `Mean` also divides by the
    /// number of classes.
    fn kl_div / f_kl_div(
        input: &Tensor, target: &Tensor, reduction: Reduction, log_target: bool,
    ) -> Tensor {
        if reduction != Reduction::BatchMean {
            return Ok(input.f_kl_div(target, reduction.known()?, log_target)?);
        }
        let sum = input.f_kl_div(target, tch::Reduction::Sum, log_target)?;
        Ok(match input.size().first() {
            Some(&batch) => sum.f_div_scalar(batch)?,
            None => sum,
        })
    }

    /// `F.poisson_nll_loss(input, target, log_input=True, full=False, eps=1e-8, reduction="mean")`:
    /// eˣ − y·x, or x − y · ln(x + `eps`) without `log_input`; with `full` Stirling's approximation
    /// of ln(y!) is added where y > 1.
    fn poisson_nll_loss / f_poisson_nll_loss(
        input: &Tensor, target: &Tensor, log_input: bool, full: bool, eps: f64,
        reduction: Reduction,
    ) -> Tensor {
        Ok(input.f_poisson_nll_loss(target, log_input, full, eps, reduction.known()?)?)
    }

    /// `F.gaussian_nll_loss(input, target, var, full=False, eps=1e-6, reduction="mean")`: (ln(v) +
    /// (x − y)² / v) / 2, with v = max(`var`, `eps`); with `full`, ln(2π) / 2 is added. `var` has
    /// the input's shape, or one number for each row, with or without a last dimension of 1. (For a
    /// single number in Python, use `input.full_like(number)`.)
    fn gaussian_nll_loss / f_gaussian_nll_loss(
        input: &Tensor, target: &Tensor, var: &Tensor, full: bool, eps: f64, reduction: Reduction,
    ) -> Tensor {
        if var.f_lt_tensor(&Tensor::from(0i64))?.f_any()?.f_int64_value(&[])? != 0 {
            return refuse("var has negative entry/entries");
        }
        let (size, of_var) = (input.size(), var.size());
        let var = if of_var == size {
            native::clone(var)?
        } else if size.split_last().is_some_and(|(_, rows)| rows == of_var) {
            native::clone(&var.f_unsqueeze(-1)?)?
        } else if is_one_for_many(&size, &of_var) {
            native::clone(var)?
        } else {
            return refuse("var is of incorrect size");
        };
        // Hidden from autograd: the gradient is the one without the lower bound.
        let _ = no_grad(|| var.shallow_clone().f_clamp_min_tensor_(&Tensor::from(eps)))?;
        let square = input.f_sub(target)?.f_pow_tensor_scalar(2)?;
        let mut loss = var.f_log()?.f_add(&square.f_div(&var)?)?.f_mul_scalar(0.5)?;
        if full {
            loss = loss.f_add_scalar_(0.5 * (2. * PI).ln())?;
        }
        reduction.of(loss)
    }
}

fn broadcast(input: &Tensor, target: &Tensor) -> Result<[Tensor; 2]> {
    let both = Tensor::f_broadcast_tensors(&[input, target])?;
    Ok(both.try_into().expect("as many come out"))
}

fn check_weight(input: &Tensor, weight: &Tensor) -> Result<()> {
    if weight.size() == input.size() {
        return Ok(());
    }
    refuse("Weights and input must have the same size.")
}

/// Returns true if the sizes are equal except for one that is 1 in `of_var`. Python requires that
/// the sizes of `of_var` that differ sum to 1.
fn is_one_for_many(size: &[i64], of_var: &[i64]) -> bool {
    let pairs = || size.iter().zip(of_var).filter(|(x, y)| x != y);
    size.len() == of_var.len() && pairs().map(|(_, y)| y).sum::<i64>() == 1
}
