//! The input projections of query, key and value.

use tch::{TchError, Tensor};

use super::{InProjection, MultiheadAttention};
use crate::Result;
use crate::native::tensor_id;

/// The identity relations between query, key and value, by Python's `is`.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Sameness {
    All,
    KeyAndValue,
    None,
}

impl Sameness {
    pub fn of(query: &Tensor, key: &Tensor, value: &Tensor) -> Self {
        let [query, key, value] = [query, key, value].map(tensor_id);
        match (query == key, key == value) {
            (true, true) => Self::All,
            (false, true) => Self::KeyAndValue,
            _ => Self::None,
        }
    }
}

impl MultiheadAttention {
    /// `_in_projection_packed` and `_in_projection`: as few products as the inputs allow, each with
    /// the same memory layout as Python's.
    pub(super) fn project(
        &self,
        [query, key, value]: [&Tensor; 3],
        same: Sameness,
    ) -> Result<[Tensor; 3]> {
        let size = self.embed_dim;
        let bias = self.in_proj_bias.as_ref();
        let weight = match &self.in_proj {
            InProjection::Packed(weight) => weight,
            InProjection::Separate(weights) => {
                let biases = parts(bias, &[size; 3])?;
                return separate([query, key, value], &weights.each_ref(), &biases);
            }
        };
        match same {
            Sameness::All => {
                let all = apart(&query.f_linear(weight, bias)?, 3)?;
                Ok([
                    all.f_select(0, 0)?,
                    all.f_select(0, 1)?,
                    all.f_select(0, 2)?,
                ])
            }
            Sameness::KeyAndValue => {
                let sizes = [size, 2 * size];
                let weights = weight.f_split_with_sizes(sizes, 0)?;
                let biases = parts(bias, &sizes)?;
                let query = query.f_linear(&weights[0], biases[0].as_ref())?;
                let both = apart(&key.f_linear(&weights[1], biases[1].as_ref())?, 2)?;
                Ok([query, both.f_select(0, 0)?, both.f_select(0, 1)?])
            }
            Sameness::None => {
                let weights = weight.f_split_with_sizes([size; 3], 0)?;
                let weights = [&weights[0], &weights[1], &weights[2]];
                separate([query, key, value], &weights, &parts(bias, &[size; 3])?)
            }
        }
    }
}

fn separate(
    [query, key, value]: [&Tensor; 3],
    weights: &[&Tensor; 3],
    biases: &[Option<Tensor>],
) -> Result<[Tensor; 3]> {
    Ok([
        query.f_linear(weights[0], biases[0].as_ref())?,
        key.f_linear(weights[1], biases[1].as_ref())?,
        value.f_linear(weights[2], biases[2].as_ref())?,
    ])
}

/// The bias, if any, split into parts of these sizes.
fn parts(bias: Option<&Tensor>, sizes: &[i64]) -> Result<Vec<Option<Tensor>>, TchError> {
    match bias {
        Some(bias) => {
            let parts = bias.f_split_with_sizes(sizes, 0)?;
            Ok(parts.into_iter().map(Some).collect())
        }
        None => Ok(sizes.iter().map(|_| None).collect()),
    }
}

/// Splits `(…, n · E)` into n contiguous pieces, `(n, …, E)`.
fn apart(product: &Tensor, n: i64) -> Result<Tensor> {
    let size = product.size()[product.dim() - 1] / n;
    let pieces = product.f_unflatten(-1, [n, size])?.f_unsqueeze(0)?;
    let pieces = pieces.f_transpose(0, -2)?.f_squeeze_dim(-2)?;
    Ok(pieces.f_contiguous()?)
}
