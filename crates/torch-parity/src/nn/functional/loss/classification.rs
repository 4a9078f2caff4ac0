//! Losses for classification and for sequences of classes.

use tch::{Kind, Tensor};

use super::{Reduction, shown_size};
use crate::nn::functional::f_linear;
use crate::nn::{functions, refuse};
use crate::{Result, native};

functions! {
    /// `F.cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean",
    /// label_smoothing=0.0)` for logits `(N, C)`, `(N, C, …)` or `(C,)`. The target holds either
    /// classes, `Int64` in the same shape without C, or probabilities in the input's shape and
    /// dtype. `weight` `(C,)` has the weight of each class. The mean is weighted by the weights of
    /// the target classes, or is over N for probabilities. Samples of the class `ignore_index` are
    /// ignored.
    fn cross_entropy / f_cross_entropy(
        input: &Tensor, target: &Tensor, weight: Option<&Tensor>, ignore_index: i64,
        reduction: Reduction, label_smoothing: f64,
    ) -> Tensor {
        let reduction = reduction.known()?;
        Ok(input.f_cross_entropy_loss(target, weight, reduction, ignore_index, label_smoothing)?)
    }

    /// `F.linear_cross_entropy(input, linear_weight, target, linear_bias=None, weight=None,
    /// reduction="mean", ignore_index=-100, label_smoothing=0.0)`: the [`cross_entropy`] of the
    /// logits of a linear layer with weight `(C, in)`, for inputs `(N, in)` or `(in,)`. Inputs with
    /// more dimensions and Python's `options`, which save memory on a GPU, are not supported.
    fn linear_cross_entropy / f_linear_cross_entropy(
        input: &Tensor, linear_weight: &Tensor, target: &Tensor, linear_bias: Option<&Tensor>,
        weight: Option<&Tensor>, reduction: Reduction, ignore_index: i64, label_smoothing: f64,
    ) -> Tensor {
        let (n, of_weight) = (input.dim(), linear_weight.dim());
        if n != 1 && n != 2 {
            return refuse(format!("expected input with dimensionality 1 or 2, got {n}"));
        }
        if of_weight != 2 {
            return refuse(format!("expected linear_weight with dimensionality 2, got {of_weight}"));
        }
        let logits = f_linear(input, linear_weight, linear_bias)?;
        f_cross_entropy(&logits, target, weight, ignore_index, reduction, label_smoothing)
    }

    /// `F.nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean")` for
    /// log-probabilities `(N, C)`, `(N, C, …)` or `(C,)` and `Int64` classes in the same shape
    /// without C. The mean is weighted by the weights `(C,)` of the target classes.
    fn nll_loss / f_nll_loss(
        input: &Tensor, target: &Tensor, weight: Option<&Tensor>, ignore_index: i64,
        reduction: Reduction,
    ) -> Tensor {
        Ok(input.f_nll_loss_nd(target, weight, reduction.known()?, ignore_index)?)
    }

    /// `F.binary_cross_entropy(input, target, weight=None, reduction="mean")` for probabilities and
    /// targets of one shape. Each loss is multiplied by `weight`, which does not change the divisor
    /// of the mean.
    fn binary_cross_entropy / f_binary_cross_entropy(
        input: &Tensor, target: &Tensor, weight: Option<&Tensor>, reduction: Reduction,
    ) -> Tensor {
        let reduction = reduction.known()?;
        if target.size() != input.size() {
            return refuse(format!(
                "Using a target size ({}) that is different to the input size ({}) is deprecated. \
                 Please ensure they have the same size.", shown_size(target), shown_size(input)
            ));
        }
        let weight = match weight {
            Some(weight) => Tensor::f_broadcast_tensors(&[target, weight])?.pop(),
            None => None,
        };
        Ok(input.f_binary_cross_entropy(target, weight, reduction)?)
    }

    /// `F.binary_cross_entropy_with_logits(input, target, weight=None, reduction="mean",
    /// pos_weight=None)` for logits and targets of one shape. Each loss is multiplied by `weight`,
    /// and the losses of positive targets also by `pos_weight`.
    fn binary_cross_entropy_with_logits / f_binary_cross_entropy_with_logits(
        input: &Tensor, target: &Tensor, weight: Option<&Tensor>, reduction: Reduction,
        pos_weight: Option<&Tensor>,
    ) -> Tensor {
        let reduction = reduction.known()?;
        if target.size() != input.size() {
            return refuse(format!(
                "Target size ({}) must be the same as input size ({})",
                shown_size(target), shown_size(input)
            ));
        }
        Ok(input.f_binary_cross_entropy_with_logits(target, weight, pos_weight, reduction)?)
    }

    /// `F.soft_margin_loss(input, target, reduction="mean")`: ln(1 + e^(−y·x)), y = ±1.
    fn soft_margin_loss / f_soft_margin_loss(
        input: &Tensor, target: &Tensor, reduction: Reduction,
    ) -> Tensor {
        Ok(input.f_soft_margin_loss(target, reduction.known()?)?)
    }

    /// `F.multi_margin_loss(input, target, p=1, margin=1.0, weight=None, reduction="mean")`: Σᵢ
    /// max(0, `margin` − x_y + xᵢ)ᵖ / C over the other classes, for `(N, C)` and classes `(N,)`;
    /// `p` is 1 or 2, and `weight` `(C,)` has the weight of each class.
    fn multi_margin_loss / f_multi_margin_loss(
        input: &Tensor, target: &Tensor, p: i64, margin: f64, weight: Option<&Tensor>,
        reduction: Reduction,
    ) -> Tensor {
        let reduction = reduction.known()?.to_int();
        if p != 1 && p != 2 {
            return refuse("only p == 1 and p == 2 supported");
        }
        if weight.is_some_and(|weight| weight.dim() != 1) {
            return refuse("weight must be one-dimensional");
        }
        Ok(native::multi_margin_loss(input, target, p as f64, margin, weight, reduction)?)
    }

    /// `F.multilabel_margin_loss(input, target, reduction="mean")` for `(N, C)` and classes `(N,
    /// C)`: each row lists the true classes up to the first −1.
    fn multilabel_margin_loss / f_multilabel_margin_loss(
        input: &Tensor, target: &Tensor, reduction: Reduction,
    ) -> Tensor {
        Ok(input.f_multilabel_margin_loss(target, reduction.known()?)?)
    }

    /// `F.multilabel_soft_margin_loss(input, target, weight=None, reduction="mean")` for logits and
    /// targets of 0 or 1 for each class in the last dimension, over which the mean is taken before
    /// `reduction`.
    fn multilabel_soft_margin_loss / f_multilabel_soft_margin_loss(
        input: &Tensor, target: &Tensor, weight: Option<&Tensor>, reduction: Reduction,
    ) -> Tensor {
        let Some(&classes) = input.size().last() else {
            return refuse("multilabel_soft_margin_loss: expected classes (got 0D input)");
        };
        let yes = target.f_mul(&input.f_log_sigmoid()?)?;
        // As a tensor: with a number, tch would panic if libtorch refuses it, as for a target of
        // dtype Bool.
        let no = Tensor::from(1i64).f_sub(target)?.f_mul(&input.f_neg()?.f_log_sigmoid()?)?;
        let mut loss = yes.f_add(&no)?.f_neg()?;
        if let Some(weight) = weight {
            loss = loss.f_mul(weight)?;
        }
        let last = input.dim() as i64 - 1;
        let loss = loss.f_sum_dim_intlist(last, false, None::<Kind>)?.f_div_scalar(classes)?;
        reduction.of(loss)
    }

    /// `F.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=0, reduction="mean",
    /// zero_infinity=False)`: the connectionist temporal classification loss for log-probabilities
    /// `(T, N, C)` or `(T, C)`. The targets are rows `(N, S)` or concatenated; the lengths `(N,)`
    /// are integers. For the mean, each loss is divided by the length of its target.
    ///
    /// Python does not check that the targets are below C: with `[[5]]` and three classes, it reads
    /// out of bounds. Here that is an error.
    fn ctc_loss / f_ctc_loss(
        log_probs: &Tensor, targets: &Tensor, input_lengths: &Tensor, target_lengths: &Tensor,
        blank: i64, reduction: Reduction, zero_infinity: bool,
    ) -> Tensor {
        let reduction = reduction.known()?;
        check_ctc(log_probs, targets, [input_lengths, target_lengths])?;
        Ok(Tensor::f_ctc_loss_tensor(
            log_probs, targets, input_lengths, target_lengths, blank, reduction, zero_infinity,
        )?)
    }
}

/// Returns an error if `ctc_loss` would read out of the bounds of its tensors.
fn check_ctc(log_probs: &Tensor, targets: &Tensor, lengths: [&Tensor; 2]) -> Result<()> {
    let (n, of_targets) = (log_probs.dim(), targets.dim());
    if n != 2 && n != 3 {
        return refuse(format!("expected log_probs of 2 or 3 dimensions, got {n}"));
    }
    if of_targets != 1 && of_targets != 2 {
        return refuse(format!(
            "expected targets of 1 or 2 dimensions, got {of_targets}"
        ));
    }
    for whole in [targets, lengths[0], lengths[1]] {
        if !matches!(whole.kind(), Kind::Int64 | Kind::Int) {
            let kind = whole.kind();
            return refuse(format!(
                "targets and lengths must be Int64 or Int, got {kind:?}"
            ));
        }
    }
    for (lengths, name) in lengths.into_iter().zip(["input_lengths", "target_lengths"]) {
        if lengths.numel() > 0 && lengths.f_min()?.f_int64_value(&[])? < 0 {
            return refuse(format!("{name} must not be negative"));
        }
    }
    let classes = log_probs.size()[n - 1];
    let read = read_by_ctc(targets, lengths[1], n == 2)?;
    if read.numel() > 0 {
        let [least, most] = [read.f_min()?, read.f_max()?];
        let [least, most] = [least.f_int64_value(&[])?, most.f_int64_value(&[])?];
        if least < 0 || most >= classes {
            let last = classes - 1;
            return refuse(format!(
                "Expected targets from 0 to {last}, got {least} to {most}"
            ));
        }
    }
    Ok(())
}

/// The targets that are used: those before the end of each row, or all if they are concatenated. As
/// in Python, values beyond the end are not checked.
fn read_by_ctc(targets: &Tensor, lengths: &Tensor, one: bool) -> Result<Tensor> {
    if targets.dim() == 1 && !one {
        return Ok(targets.shallow_clone());
    }
    let rows = if targets.dim() == 1 {
        targets.f_unsqueeze(0)?
    } else {
        targets.shallow_clone()
    };
    let places = Tensor::f_arange(rows.size()[1], (Kind::Int64, targets.device()))?;
    let ends = lengths.f_to(targets.device())?.f_reshape([-1, 1])?;
    Ok(rows.f_masked_select(&places.f_lt_tensor(&ends)?)?)
}
