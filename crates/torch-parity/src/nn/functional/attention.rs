//! `torch.nn.functional.scaled_dot_product_attention`.

use tch::Tensor;

use crate::Result;
use crate::nn::functions;

functions! {
    /// `F.scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0.0,
    /// is_causal=False, scale=None, enable_gqa=False)`: softmax(`query` · `key`ᵀ · `scale`) ·
    /// `value`, for `(…, L, E)`, `(…, S, E)` and `(…, S, Ev)`. A `Bool` mask is true where
    /// attention is allowed; any other mask is added. The default `scale` is 1/√E. Dropout is
    /// applied if `dropout_p` is not 0, also in evaluation.
    fn scaled_dot_product_attention / f_scaled_dot_product_attention(
        query: &Tensor, key: &Tensor, value: &Tensor, attn_mask: Option<&Tensor>, dropout_p: f64,
        is_causal: bool, scale: Option<f64>, enable_gqa: bool,
    ) -> Tensor {
        Ok(Tensor::f_scaled_dot_product_attention(
            query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa,
        )?)
    }
}
