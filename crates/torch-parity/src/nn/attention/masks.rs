//! Masks: their kinds, and how two are combined.

use tch::{Kind, Tensor};

use crate::{Error, Result};

/// Returns true if there is an additive (floating-point) mask.
pub(super) fn is_float(mask: Option<&Tensor>) -> bool {
    mask.is_some_and(Tensor::is_floating_point)
}

/// `_canonical_mask`: an additive mask, with −∞ where a `bool` mask is true.
///
/// `kind` is the dtype to which the mask is added; `name` is its name in messages.
pub(in crate::nn) fn canonical_mask(
    mask: Option<&Tensor>,
    name: &str,
    kind: Kind,
) -> Result<Option<Tensor>> {
    let Some(mask) = mask else { return Ok(None) };
    if mask.is_floating_point() {
        return Ok(Some(mask.shallow_clone()));
    }
    if mask.f_kind()? != Kind::Bool {
        return Err(Error::Tensor(format!(
            "only bool and floating types of {name} are supported"
        )));
    }
    let mut canonical = Tensor::f_zeros(mask.size(), (kind, mask.device()))?;
    Ok(Some(canonical.f_masked_fill_(mask, f64::NEG_INFINITY)?))
}

/// `merge_masks`: the two masks combined for the fused functions, and the kind: 1 for a padding
/// mask `(N, L)`, 2 for a mask `(N, num_heads, L, L)`.
///
/// `size` is that of the query, `(N, L, E)`.
pub(in crate::nn) fn merge_masks(
    attn_mask: Option<&Tensor>,
    key_padding_mask: Option<&Tensor>,
    size: &[i64],
    num_heads: i64,
) -> Result<(Option<Tensor>, Option<i64>)> {
    let (batch, length) = (size[0], size[1]);
    let padding = key_padding_mask.map(Tensor::shallow_clone);
    let Some(mask) = attn_mask else {
        return Ok(match padding {
            Some(padding) => (Some(padding), Some(1)),
            None => (None, None),
        });
    };
    let mask = match mask.dim() {
        3 => mask.f_view([batch, -1, length, length])?,
        _ => {
            let mask = mask.f_view([1, 1, length, length])?;
            mask.f_expand([batch, num_heads, -1, -1], false)?
        }
    };
    let merged = match padding {
        Some(padding) => {
            let padding = padding.f_view([batch, 1, 1, length])?;
            mask.f_add(&padding.f_expand([-1, num_heads, -1, -1], false)?)?
        }
        None => mask,
    };
    Ok((Some(merged), Some(2)))
}

/// `_mha_shape_check`: returns true if the query has a batch dimension.
pub(super) fn is_batched(
    [query, key, value]: [&Tensor; 3],
    key_padding_mask: Option<&Tensor>,
    attn_mask: Option<&Tensor>,
    num_heads: i64,
) -> Result<bool> {
    let refuse = |text: String| Err(Error::Tensor(text));
    let (is_batched, word) = match query.dim() {
        3 => (true, "batched (3-D)"),
        2 => (false, "unbatched (2-D)"),
        dim => {
            return refuse(format!(
                "query should be unbatched 2D or batched 3D tensor but received {dim}-D query \
                 tensor"
            ));
        }
    };
    let expected = query.dim();
    if key.dim() != expected || value.dim() != expected {
        return refuse(format!(
            "For {word} `query`, expected `key` and `value` to be {expected}-D but found {}-D and \
             {}-D tensors respectively",
            key.dim(),
            value.dim()
        ));
    }
    let expected = query.dim() - 1;
    if let Some(dim) = key_padding_mask.map(Tensor::dim)
        && dim != expected
    {
        return refuse(format!(
            "For {word} `query`, expected `key_padding_mask` to be `None` or {expected}-D but \
             found {dim}-D tensor instead"
        ));
    }
    let Some(mask) = attn_mask else {
        return Ok(is_batched);
    };
    match (mask.dim(), is_batched) {
        (2, _) | (3, true) => Ok(is_batched),
        (3, false) => {
            let (found, rows, columns) = (mask.size(), query.size()[0], key.size()[0]);
            if found != [num_heads, rows, columns] {
                return refuse(format!(
                    "Expected `attn_mask` shape to be ({num_heads}, {rows}, {columns}) but got \
                     torch.Size({found:?})"
                ));
            }
            Ok(is_batched)
        }
        (dim, _) => refuse(format!(
            "For {word} `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found {dim}-D \
             tensor instead"
        )),
    }
}

/// Combines both masks for scores `(N · num_heads, L, S)`; the padding mask is `(N, S)`.
pub(super) fn with_padding(
    mask: Option<Tensor>,
    padding: Option<Tensor>,
    [batch, num_heads, steps]: [i64; 3],
) -> Result<Option<Tensor>> {
    let Some(padding) = padding else {
        return Ok(mask);
    };
    for (dim, expected) in [batch, steps].into_iter().enumerate() {
        let found = padding.size()[dim];
        if found != expected {
            return Err(Error::Tensor(format!(
                "Expected key_padded_mask.shape[{dim}] to be {expected}, but got {found}"
            )));
        }
    }
    let padding = padding
        .f_view([batch, 1, 1, steps])?
        .f_expand([-1, num_heads, -1, -1], false)?
        .f_reshape([batch * num_heads, 1, steps])?;
    match mask {
        Some(mask) => Ok(Some(mask.f_add(&padding)?)),
        None => Ok(Some(padding)),
    }
}

/// A three-dimensional mask, checked against the sizes of the scores.
pub(super) fn checked_mask(mask: &Tensor, rows: i64, length: i64, steps: i64) -> Result<Tensor> {
    let found = mask.size();
    match found.len() {
        2 if found != [length, steps] => Err(Error::Tensor(format!(
            "The shape of the 2D attn_mask is torch.Size({found:?}), but should be ({length}, \
             {steps})."
        ))),
        2 => Ok(mask.f_unsqueeze(0)?),
        _ if found != [rows, length, steps] => Err(Error::Tensor(format!(
            "The shape of the 3D attn_mask is torch.Size({found:?}), but should be ({rows}, \
             {length}, {steps})."
        ))),
        _ => Ok(mask.shallow_clone()),
    }
}

/// The mask extended by one key to which every query may attend.
pub(super) fn one_more(mask: Option<Tensor>) -> Result<Option<Tensor>> {
    Ok(mask
        .map(|mask| mask.f_pad([0, 1], "constant", None))
        .transpose()?)
}
