//! `torch.nn.functional.embedding`, `embedding_bag` and `one_hot`.

use tch::{Tensor, no_grad};

use crate::Result;
use crate::nn::{functions, refuse};

functions! {
    /// `F.embedding(input, weight, padding_idx=None, max_norm=None, norm_type=2.0,
    /// scale_grad_by_freq=False, sparse=False)`: the rows of `weight` `(N, D)` at the indices
    /// `input`, of any shape. With `max_norm`, these rows are first renormalized in place, without
    /// gradient. A negative `padding_idx` counts from the end.
    fn embedding / f_embedding(
        input: &Tensor, weight: &Tensor, padding_idx: Option<i64>, max_norm: Option<f64>,
        norm_type: f64, scale_grad_by_freq: bool, sparse: bool,
    ) -> Tensor {
        let rows = weight.size().first().copied().unwrap_or(0);
        let padding_idx = match padding_idx {
            Some(index) => row_index(index, rows)?,
            None => -1,
        };
        if let Some(max_norm) = max_norm {
            renorm(weight, &input.f_contiguous()?, max_norm, norm_type)?;
        }
        let output = Tensor::f_embedding(weight, input, padding_idx, scale_grad_by_freq, sparse)?;
        Ok(output)
    }
}

/// The reduction over the rows of a bag, in [`embedding_bag`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmbeddingBagMode {
    /// `"sum"`.
    Sum = 0,
    /// `"mean"`.
    #[default]
    Mean = 1,
    /// `"max"`.
    Max = 2,
}

functions! {
    /// `F.embedding_bag(input, weight, offsets=None, max_norm=None, norm_type=2.0,
    /// scale_grad_by_freq=False, mode="mean", sparse=False, per_sample_weights=None,
    /// include_last_offset=False, padding_idx=None)`: `(B, D)` from bags of rows of `weight` `(N,
    /// D)`. The bags are the rows of an `input` `(B, L)`, or begin at `offsets` `(B,)` in an input
    /// `(L,)`.
    fn embedding_bag / f_embedding_bag(
        input: &Tensor, weight: &Tensor, offsets: Option<&Tensor>, max_norm: Option<f64>,
        norm_type: f64, scale_grad_by_freq: bool, mode: EmbeddingBagMode, sparse: bool,
        per_sample_weights: Option<&Tensor>, include_last_offset: bool, padding_idx: Option<i64>,
    ) -> Tensor {
        if let Some(weights) = per_sample_weights.filter(|weights| weights.size() != input.size()) {
            return refuse(format!(
                "embedding_bag: If per_sample_weights ({:?}) is not None, then it must have the \
                 same shape as the input ({:?})", weights.size(), input.size()
            ));
        }
        let (indices, begins, include_last_offset) = match (&input.size()[..], offsets) {
            ([_, _], Some(_)) => return refuse("if input is 2D, then offsets has to be None"),
            ([bags, length], None) => {
                // Not a range with step `length`, as that may be 0.
                let begins = Tensor::f_arange(*bags, (input.kind(), input.device()))?;
                (input.f_reshape(-1)?, begins.f_mul_scalar(*length)?, false)
            }
            ([_], None) => return refuse("offsets has to be a 1D Tensor but got None"),
            ([_], Some(offsets)) if offsets.dim() != 1 => {
                return refuse("offsets has to be a 1D Tensor");
            }
            ([_], Some(offsets)) => {
                (input.shallow_clone(), offsets.shallow_clone(), include_last_offset)
            }
            (size, _) => return refuse(format!(
                "input has to be 1D or 2D Tensor, but got Tensor of dimension {}", size.len()
            )),
        };
        if mode == EmbeddingBagMode::Max && scale_grad_by_freq {
            return refuse("max mode does not support scaling the gradient by the frequency");
        }
        if mode == EmbeddingBagMode::Max && sparse {
            return refuse("max mode does not support sparse weights");
        }
        if let Some(max_norm) = max_norm {
            renorm(weight, &indices, max_norm, norm_type)?;
        }
        if per_sample_weights.is_some() && mode != EmbeddingBagMode::Sum {
            return refuse("embedding_bag: per_sample_weights is only supported for mode='sum'");
        }
        let weights = per_sample_weights.map(|weights| weights.f_reshape(-1)).transpose()?;
        let (output, ..) = Tensor::f_embedding_bag_padding_idx(
            weight, &indices, &begins, scale_grad_by_freq, mode as i64, sparse, weights,
            include_last_offset, padding_idx,
        )?;
        Ok(output)
    }
}

functions! {
    /// `F.one_hot(tensor, num_classes=-1)` of `Int64` classes, in a new last dimension; −1 infers
    /// the number of classes from the largest.
    fn one_hot / f_one_hot(tensor: &Tensor, num_classes: i64) -> Tensor {
        Ok(tensor.f_one_hot(num_classes)?)
    }
}

/// The index of a row, counted from the end if negative.
pub(in crate::nn) fn row_index(index: i64, rows: i64) -> Result<i64> {
    if index >= rows && index != 0 || index < -rows {
        return refuse("Padding_idx must be within num_embeddings");
    }
    Ok(if index < 0 { rows + index } else { index })
}

/// Renormalizes the rows at `indices` to at most `max_norm`, in place.
fn renorm(weight: &Tensor, indices: &Tensor, max_norm: f64, norm_type: f64) -> Result<()> {
    let _ = no_grad(|| {
        weight
            .detach()
            .f_embedding_renorm_(indices, max_norm, norm_type)
    })?;
    Ok(())
}
