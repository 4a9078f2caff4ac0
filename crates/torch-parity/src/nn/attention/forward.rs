//! The forward pass of an attention, on the paths with and without attention weights.

use tch::{TchError, Tensor};

use super::masks::{canonical_mask, checked_mask, is_batched, is_float, one_more, with_padding};
use super::projection::Sameness;
use super::{AttentionOptions, InProjection, MultiheadAttention};
use crate::nn::or_panic;
use crate::{Error, Result};

impl MultiheadAttention {
    /// The output, `(L, N, E)`, and the attention weights if the options request them: `(N, L, S)`,
    /// or `(N, num_heads, L, S)` if they are not averaged.
    ///
    /// The shapes are those of [`multihead_attention`](super::multihead_attention); the inputs may
    /// also be unbatched, `(L, E)`, `(S, kdim)` and `(S, vdim)`, and then all shapes lack N. As in
    /// Python, inputs that are the same tensor share matrix products. Self-attention is
    /// `forward_t(&x, &x, &x, …)`.
    ///
    /// # Panics
    /// If [`f_forward_t`](Self::f_forward_t) returns an error.
    #[track_caller]
    pub fn forward_t(
        &self,
        query: &Tensor,
        key: &Tensor,
        value: &Tensor,
        options: AttentionOptions,
        train: bool,
    ) -> (Tensor, Option<Tensor>) {
        or_panic(self.f_forward_t(query, key, value, options, train))
    }

    /// As [`forward_t`](Self::forward_t), but returns an error instead of panicking.
    ///
    /// # Errors
    /// With Python's message, if shapes or dtypes do not match, or if `is_causal` is given without
    /// `attn_mask`.
    pub fn f_forward_t(
        &self,
        query: &Tensor,
        key: &Tensor,
        value: &Tensor,
        options: AttentionOptions,
        train: bool,
    ) -> Result<(Tensor, Option<Tensor>)> {
        let same = Sameness::of(query, key, value);
        let kind = query.f_kind()?;
        let padding = canonical_mask(options.key_padding_mask, "key_padding_mask", kind)?;
        let mask = canonical_mask(options.attn_mask, "attn_mask", kind)?;
        let floats = is_float(options.attn_mask) || is_float(options.key_padding_mask);
        if !floats
            && same == Sameness::All
            && !train
            && let Some(parameters) = self.fused_parameters(query)
        {
            return self.fused(query, parameters, mask, padding, options);
        }

        let masks = (padding.as_ref(), mask.as_ref());
        let inputs = [query, key, value];
        let is_batched = is_batched(inputs, masks.0, masks.1, self.num_heads)?;
        // From here on `(L, N, E)`. For unbatched inputs Python adds the batch dimension to each,
        // so that inputs that were one tensor no longer are.
        let (inputs, same) = match (is_batched, self.config.batch_first) {
            (true, true) => (try_each(inputs, |x| x.f_transpose(1, 0))?, same),
            (true, false) => (inputs.map(Tensor::shallow_clone), same),
            (false, _) => (try_each(inputs, |x| x.f_unsqueeze(1))?, Sameness::None),
        };
        let padding = match (padding, is_batched) {
            (Some(padding), false) => Some(padding.f_unsqueeze(0)?),
            (padding, _) => padding,
        };
        let (output, weights) = self.attend(&inputs, same, padding, mask, options, train)?;
        match (is_batched, self.config.batch_first) {
            (true, true) => Ok((output.f_transpose(1, 0)?, weights)),
            (true, false) => Ok((output, weights)),
            (false, _) => {
                let weights = weights
                    .map(|weights| weights.f_squeeze_dim(0))
                    .transpose()?;
                Ok((output.f_squeeze_dim(1)?, weights))
            }
        }
    }

    /// `multi_head_attention_forward`, for inputs `(L, N, E)`.
    fn attend(
        &self,
        [query, key, value]: &[Tensor; 3],
        same: Sameness,
        mut padding: Option<Tensor>,
        mut mask: Option<Tensor>,
        options: AttentionOptions,
        train: bool,
    ) -> Result<(Tensor, Option<Tensor>)> {
        if options.is_causal && mask.is_none() {
            return Err(Error::Argument(
                "Need attn_mask if specifying the is_causal hint. You may use the Transformer \
                 module method `generate_square_subsequent_mask` to create this mask."
                    .into(),
            ));
        }
        // If nothing else is masked, the hint replaces the mask.
        let is_causal = options.is_causal && padding.is_none() && !options.need_weights;
        if is_causal {
            mask = None;
        }
        self.check_sizes(query, key, value)?;
        let size = query.size();
        let (length, batch) = (size[0], size[1]);
        let [query, mut key, mut value] = self.project([query, key, value], same)?;
        if let Some(given) = &mask {
            let rows = batch * self.num_heads;
            mask = Some(checked_mask(given, rows, length, key.size()[0])?);
        }
        if let Some((bias_k, bias_v)) = &self.bias_kv {
            key = Tensor::f_cat(&[key, bias_k.f_repeat([1, batch, 1])?], 0)?;
            value = Tensor::f_cat(&[value, bias_v.f_repeat([1, batch, 1])?], 0)?;
            (mask, padding) = (one_more(mask)?, one_more(padding)?);
        }
        let rows = batch * self.num_heads;
        let head = self.embed_dim / self.num_heads;
        let by_head = |tensor: &Tensor| -> Result<Tensor> {
            let view = tensor.f_view([tensor.size()[0], rows, head])?;
            Ok(view.f_transpose(0, 1)?)
        };
        let query = by_head(&query)?;
        let (mut key, mut value) = (by_head(&key)?, by_head(&value)?);
        if self.config.add_zero_attn {
            let zeros = Tensor::f_zeros([rows, 1, head], (key.kind(), key.device()))?;
            key = Tensor::f_cat(&[&key, &zeros], 1)?;
            value = Tensor::f_cat(&[&value, &zeros], 1)?;
            (mask, padding) = (one_more(mask)?, one_more(padding)?);
        }
        let steps = key.size()[1];
        let mask = with_padding(mask, padding, [batch, self.num_heads, steps])?;
        let inputs = [&query, &key, &value];
        match options.need_weights {
            true => self.with_weights(inputs, mask, batch, options.average_attn_weights, train),
            false => {
                let output = self.without_weights(inputs, mask, batch, is_causal, train)?;
                Ok((output, None))
            }
        }
    }

    fn check_sizes(&self, query: &Tensor, key: &Tensor, value: &Tensor) -> Result<()> {
        let found = query.size()[2];
        if found != self.embed_dim {
            return Err(Error::Tensor(format!(
                "was expecting embedding dimension of {}, but got {found}",
                self.embed_dim
            )));
        }
        let (key, value) = (key.size(), value.size());
        match self.in_proj {
            InProjection::Packed(_) if key != value => Err(Error::Tensor(format!(
                "key shape torch.Size({key:?}) does not match value shape torch.Size({value:?})"
            ))),
            InProjection::Separate(_) if key[..2] != value[..2] => Err(Error::Tensor(format!(
                "key's sequence and batch dims torch.Size({:?}) do not match value's \
                 torch.Size({:?})",
                &key[..2],
                &value[..2]
            ))),
            _ => Ok(()),
        }
    }

    /// The path that computes the attention weights.
    fn with_weights(
        &self,
        [query, key, value]: [&Tensor; 3],
        mask: Option<Tensor>,
        batch: i64,
        average: bool,
        train: bool,
    ) -> Result<(Tensor, Option<Tensor>)> {
        let size = query.size();
        let (length, head, steps) = (size[1], size[2], key.size()[1]);
        let query = query.f_mul_scalar((1.0 / head as f64).sqrt())?;
        let key = key.f_transpose(-2, -1)?;
        let scores = match mask {
            Some(mask) => mask.f_baddbmm(&query, &key, 1, 1)?,
            None => query.f_bmm(&key)?,
        };
        let weights = scores.f_softmax(-1, None)?;
        let weights = match train && self.config.dropout > 0. {
            true => weights.f_dropout(self.config.dropout, true)?,
            false => weights,
        };
        let output = weights.f_bmm(value)?;
        let output = output.f_transpose(0, 1)?;
        let output = output.f_reshape([length * batch, self.embed_dim])?;
        let output = self.project_out(&output, length, batch)?;
        let weights = weights.f_view([batch, self.num_heads, length, steps])?;
        let weights = match average {
            true => weights.f_mean_dim(1, false, None)?,
            false => weights,
        };
        Ok((output, Some(weights)))
    }

    /// The path through libtorch's `scaled_dot_product_attention`.
    fn without_weights(
        &self,
        [query, key, value]: [&Tensor; 3],
        mask: Option<Tensor>,
        batch: i64,
        is_causal: bool,
        train: bool,
    ) -> Result<Tensor> {
        let size = query.size();
        let (length, head, steps) = (size[1], size[2], key.size()[1]);
        let mask = match mask {
            Some(mask) if mask.dim() == 3 && mask.size()[0] == 1 => Some(mask.f_unsqueeze(0)?),
            Some(mask) => Some(mask.f_view([batch, self.num_heads, -1, steps])?),
            None => None,
        };
        let view = |tensor: &Tensor, steps| tensor.f_view([batch, self.num_heads, steps, head]);
        let output = Tensor::f_scaled_dot_product_attention(
            &view(query, length)?,
            &view(key, steps)?,
            &view(value, steps)?,
            mask,
            if train { self.config.dropout } else { 0. },
            is_causal,
            None,
            false,
        )?;
        let output = output.f_permute([2, 0, 1, 3])?;
        let output = output.f_reshape([batch * length, self.embed_dim])?;
        self.project_out(&output, length, batch)
    }

    fn project_out(&self, output: &Tensor, length: i64, batch: i64) -> Result<Tensor> {
        let output = output.f_linear(&self.out_proj.ws, self.out_proj.bs.as_ref())?;
        Ok(output.f_view([length, batch, self.embed_dim])?)
    }
}

fn try_each(
    tensors: [&Tensor; 3],
    change: impl Fn(&Tensor) -> Result<Tensor, TchError>,
) -> Result<[Tensor; 3], TchError> {
    let [a, b, c] = tensors;
    Ok([change(a)?, change(b)?, change(c)?])
}
