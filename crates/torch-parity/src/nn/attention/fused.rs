//! The path through one fused function of libtorch's.

use tch::Tensor;

use super::masks::merge_masks;
use super::{AttentionOptions, InProjection, MultiheadAttention};
use crate::Result;
use crate::nn::wants_gradient;

impl MultiheadAttention {
    /// The parameters of Python's fused function, weight and bias of both projections, if it
    /// supports self-attention over `query` in evaluation; otherwise `None`.
    pub(super) fn fused_parameters(&self, query: &Tensor) -> Option<[&Tensor; 4]> {
        let InProjection::Packed(weight) = &self.in_proj else {
            return None;
        };
        let (in_bias, out_bias) = (self.in_proj_bias.as_ref()?, self.out_proj.bs.as_ref()?);
        let parameters = [weight, in_bias, &self.out_proj.ws, out_bias];
        let is_fused = query.dim() == 3
            && query.kind() == weight.kind()
            && query.kind() == in_bias.kind()
            && self.num_heads % 2 == 0
            && self.config.batch_first
            && self.bias_kv.is_none()
            && !self.config.add_zero_attn
            && !wants_gradient(&parameters)
            && !wants_gradient(&[query]);
        is_fused.then_some(parameters)
    }

    /// Self-attention over `query`, `(N, L, E)`, with additive masks.
    pub(super) fn fused(
        &self,
        query: &Tensor,
        [weight, in_bias, out_weight, out_bias]: [&Tensor; 4],
        mask: Option<Tensor>,
        padding: Option<Tensor>,
        options: AttentionOptions,
    ) -> Result<(Tensor, Option<Tensor>)> {
        let size = query.size();
        let (mask, mask_type) =
            merge_masks(mask.as_ref(), padding.as_ref(), &size, self.num_heads)?;
        let (output, weights) = Tensor::f_internal_native_multi_head_attention(
            query,
            query,
            query,
            self.embed_dim,
            self.num_heads,
            weight,
            in_bias,
            out_weight,
            out_bias,
            mask,
            options.need_weights,
            options.average_attn_weights,
            mask_type,
        )?;
        Ok((output, options.need_weights.then_some(weights)))
    }
}
