//! `torch.nn.AdaptiveLogSoftmaxWithLoss`, which `tch` lacks.
//!
//! Source: `torch/nn/modules/adaptive.py`.

use std::borrow::Borrow;

use tch::nn::{Linear, Path};
use tch::{Kind, Tensor};

use super::{LinearConfig, arguments, f_linear, or_panic, refuse};
use crate::Result;

arguments! {
    /// The arguments of `nn.AdaptiveLogSoftmaxWithLoss`.
    #[derive(Clone, Copy, Debug)]
    pub struct AdaptiveLogSoftmaxWithLossConfig {
        /// The factor by which each cluster's projection is smaller than the one before.
        div_value: f64 = 4.,
        /// If true, the head has a bias.
        head_bias: bool = false,
    }
}

/// `nn.AdaptiveLogSoftmaxWithLoss`: an approximate softmax over many classes, sorted by frequency.
#[derive(Debug)]
pub struct AdaptiveLogSoftmaxWithLoss {
    /// The logits of the frequent classes and of each cluster.
    pub head: Linear,
    /// The projection of each cluster, and the logits of its classes.
    pub tail: Vec<[Linear; 2]>,
    /// The ends of the clusters, with the number of classes as the last.
    cutoffs: Vec<i64>,
}

/// `nn.AdaptiveLogSoftmaxWithLoss(in_features, n_classes, cutoffs)`.
///
/// Adds `head.weight` `(cutoffs[0] + clusters, in_features)`, `head.bias` with `head_bias`, and for
/// the i-th cluster `tail.i.0.weight` and `tail.i.1.weight`, each drawn like a linear layer's.
///
/// # Panics
/// If [`f_adaptive_log_softmax_with_loss`] returns an error.
#[track_caller]
pub fn adaptive_log_softmax_with_loss<'a, T: Borrow<Path<'a>>>(
    vs: T,
    in_features: i64,
    n_classes: i64,
    cutoffs: &[i64],
    config: AdaptiveLogSoftmaxWithLossConfig,
) -> AdaptiveLogSoftmaxWithLoss {
    or_panic(f_adaptive_log_softmax_with_loss(
        vs,
        in_features,
        n_classes,
        cutoffs,
        config,
    ))
}

/// As [`adaptive_log_softmax_with_loss`], but returns an error instead of panicking.
///
/// # Errors
/// If the cutoffs are not increasing and between 1 and `n_classes` − 1, or where
/// [`f_linear`] refuses.
pub fn f_adaptive_log_softmax_with_loss<'a, T: Borrow<Path<'a>>>(
    vs: T,
    in_features: i64,
    n_classes: i64,
    cutoffs: &[i64],
    config: AdaptiveLogSoftmaxWithLossConfig,
) -> Result<AdaptiveLogSoftmaxWithLoss> {
    let vs = vs.borrow();
    let increasing = cutoffs.windows(2).all(|pair| pair[0] < pair[1]);
    match (cutoffs.first(), cutoffs.last()) {
        (None, _) | (_, None) => {
            return refuse("cutoffs should be a sequence of length larger than 0");
        }
        (Some(&first), Some(&last)) if increasing && first > 0 && last < n_classes => {}
        _ => {
            return refuse(
                "cutoffs should be a sequence of unique, positive integers sorted in an \
                 increasing order, where each value is between 1 and n_classes-1",
            );
        }
    }
    let cutoffs = [cutoffs, &[n_classes]].concat();
    let config_of = |bias| LinearConfig {
        bias,
        ..Default::default()
    };
    let clusters = cutoffs.len() as i64 - 1;
    let head_size = cutoffs[0] + clusters;
    let head = f_linear(
        vs / "head",
        in_features,
        head_size,
        config_of(config.head_bias),
    )?;
    let mut tail = Vec::new();
    for (i, ends) in cutoffs.windows(2).enumerate() {
        let vs = vs / "tail" / i;
        // Python's in_features // div_value ** (i + 1), of floating-point numbers.
        let (features, divisor) = (in_features as f64, config.div_value.powf(i as f64 + 1.));
        let hidden = ((features - features % divisor) / divisor).round() as i64;
        let projection = f_linear(&vs / 0, in_features, hidden, config_of(false))?;
        let logits = f_linear(&vs / 1, hidden, ends[1] - ends[0], config_of(false))?;
        tail.push([projection, logits]);
    }
    Ok(AdaptiveLogSoftmaxWithLoss {
        head,
        tail,
        cutoffs,
    })
}

impl AdaptiveLogSoftmaxWithLoss {
    /// The log-probability of each target, `(N,)`, and the loss, their negated mean, for inputs
    /// `(N, in_features)` and targets `(N,)`, int64; or both without N.
    ///
    /// # Errors
    /// If the shapes do not match, or a target is out of range.
    pub fn f_forward(&self, input: &Tensor, target: &Tensor) -> Result<(Tensor, Tensor)> {
        let size = input.size();
        match (target.dim(), size.len()) {
            (1, _) if size.first() != target.size().first() => {
                return refuse(
                    "Input and target should have the same size in the batch dimension.",
                );
            }
            (1, 2) | (0, 1) => {}
            (n @ 0..=1, _) => {
                return refuse(format!(
                    "{n}D target tensor expects {}D input tensors, but found inputs with size \
                     torch.Size({size:?})",
                    n + 1
                ));
            }
            _ => return refuse("0D or 1D target tensor expected, multi-target not supported"),
        }
        if target.dim() == 1 {
            return self.batch(input, target);
        }
        let (output, loss) = self.batch(&input.f_unsqueeze(0)?, &target.f_unsqueeze(0)?)?;
        Ok((output.f_squeeze_dim(0)?, loss))
    }

    fn batch(&self, input: &Tensor, target: &Tensor) -> Result<(Tensor, Tensor)> {
        let batch = target.size()[0];
        let mut used = 0;
        let mut output = input.f_new_zeros([batch], (input.kind(), input.device()))?;
        let mut gathered = target.f_empty_like()?;
        let starts = [&[0], &self.cutoffs[..]].concat();
        for (i, ends) in starts.windows(2).enumerate() {
            let mask = target
                .f_ge(ends[0])?
                .f_logical_and(&target.f_lt(ends[1])?)?;
            let rows = mask.f_nonzero()?.f_squeeze()?;
            if rows.numel() == 0 {
                continue;
            }
            used += rows.numel() as i64;
            let own = target.f_masked_select(&mask)?;
            if i == 0 {
                let _ = gathered.f_index_copy_(0, &rows, &own)?;
                continue;
            }
            let own = own.f_sub_scalar(ends[0])?.f_unsqueeze(1)?;
            let cluster = self.cluster(i - 1, &input.f_index_select(0, &rows)?)?;
            let _ = gathered.f_index_fill_(0, &rows, self.cutoffs[0] + i as i64 - 1)?;
            let local = cluster.f_gather(1, &own, false)?.f_squeeze_dim(1)?;
            let _ = output.f_index_copy_(0, &rows, &local)?;
        }
        if used != batch {
            let (low, high) = (target.min().int64_value(&[]), target.max().int64_value(&[]));
            return refuse(format!(
                "Target values should be in [0, {}], but values in range [{low}, {high}] were \
                 found.",
                self.n_classes() - 1
            ));
        }
        let head = self.head_logits(input)?.f_log_softmax(1, None::<Kind>)?;
        let of_head = head
            .f_gather(1, &gathered.f_unsqueeze(1)?, false)?
            .f_squeeze()?;
        let output = output.f_add_(&of_head)?;
        let loss = output.f_neg()?.f_mean(None::<Kind>)?;
        Ok((output, loss))
    }

    fn n_classes(&self) -> i64 {
        self.cutoffs[self.cutoffs.len() - 1]
    }

    fn head_logits(&self, input: &Tensor) -> Result<Tensor> {
        Ok(input.f_linear(&self.head.ws, self.head.bs.as_ref())?)
    }

    /// The log-probabilities of a cluster's classes within it.
    fn cluster(&self, i: usize, input: &Tensor) -> Result<Tensor> {
        let [projection, logits] = &self.tail[i];
        let hidden = input.f_linear(&projection.ws, None::<&Tensor>)?;
        let logits = hidden.f_linear(&logits.ws, None::<&Tensor>)?;
        Ok(logits.f_log_softmax(1, None::<Kind>)?)
    }

    /// `log_prob(input)`: the log-probability of each class, `(N, n_classes)`, for `(N,
    /// in_features)`.
    ///
    /// # Errors
    /// If the input has an unsupported shape or dtype.
    pub fn f_log_prob(&self, input: &Tensor) -> Result<Tensor> {
        self.full(input, &self.head_logits(input)?)
    }

    fn full(&self, input: &Tensor, head: &Tensor) -> Result<Tensor> {
        let size = [head.size()[0], self.n_classes()];
        let out = input.f_new_empty(size, (input.kind(), input.device()))?;
        let head = head.f_log_softmax(1, None::<Kind>)?;
        let short = self.cutoffs[0];
        out.f_narrow(1, 0, short)?
            .f_copy_(&head.f_narrow(1, 0, short)?)?;
        for (i, ends) in self.cutoffs.windows(2).enumerate() {
            let of_cluster = head.f_select(1, short + i as i64)?.f_unsqueeze(1)?;
            let probabilities = self.cluster(i, input)?.f_add(&of_cluster)?;
            out.f_narrow(1, ends[0], ends[1] - ends[0])?
                .f_copy_(&probabilities)?;
        }
        Ok(out)
    }

    /// `predict(input)`: the most probable class, int64 `(N,)`, for `(N, in_features)`.
    ///
    /// # Errors
    /// If the input has an unsupported shape or dtype.
    pub fn f_predict(&self, input: &Tensor) -> Result<Tensor> {
        let head = self.head_logits(input)?;
        let mut output = head.f_argmax(1, false)?;
        let rows = output
            .f_ge(self.cutoffs[0])?
            .f_nonzero()?
            .f_squeeze_dim(1)?;
        if rows.numel() > 0 {
            let (input, head) = (
                input.f_index_select(0, &rows)?,
                head.f_index_select(0, &rows)?,
            );
            let classes = self.full(&input, &head)?.f_argmax(1, false)?;
            let _ = output.f_index_copy_(0, &rows, &classes)?;
        }
        Ok(output)
    }
}
