//! `torch.nn.MultiheadAttention`: names, initial values, and Python's execution paths.
//!
//! `tch::nn` has no such layer.
//!
//! The last bits of an output depend on the path. If the weights are requested, which is the
//! default, Python multiplies, applies softmax and multiplies again; otherwise it calls libtorch's
//! `scaled_dot_product_attention`; and in evaluation without gradients, for self-attention and
//! under some further conditions, it calls one fused function. This layer takes the same path as
//! Python in each case, except that nested tensors as inputs and autocast are not supported.
//! Without the fused path, the outputs of the rows in `tests/rows/attention.json` that take it
//! differ from Python's in the last bits.
//!
//! Source: `MultiheadAttention` in `torch/nn/modules/activation.py`,
//! `multi_head_attention_forward` in `torch/nn/functional.py`.

mod forward;
mod fused;
mod masks;
mod projection;

use std::borrow::Borrow;

use tch::nn::{Init, Linear, Path};
use tch::{Tensor, no_grad};

pub(super) use masks::{canonical_mask, merge_masks};

use super::init::{bias_uniform, f_xavier_normal_, f_xavier_uniform_};
use super::linear::LinearConfig;
use super::{arguments, new_parameter, or_panic};
use crate::{Error, Result};

arguments! {
    /// The arguments of `nn.MultiheadAttention` with Python's defaults.
    #[derive(Clone, Copy, Debug)]
    pub struct MultiheadAttentionConfig {
        /// The probability with which dropout zeroes an attention weight in training.
        dropout: f64 = 0.,
        /// If true, the projections have biases.
        bias: bool = true,
        /// If true, appends a learnt step to the keys and to the values.
        add_bias_kv: bool = false,
        /// If true, appends a step of zeros to the keys and to the values.
        add_zero_attn: bool = false,
        /// The number of features of a key; `embed_dim` if `None`.
        kdim: Option<i64> = None,
        /// The number of features of a value; `embed_dim` if `None`.
        vdim: Option<i64> = None,
        /// If true, inputs and outputs are `(N, L, E)` instead of `(L, N, E)`.
        batch_first: bool = false,
    }
}

/// The arguments of `MultiheadAttention.forward` besides query, key and value, with Python's
/// defaults.
///
/// A mask is either `bool`, true where attention is not allowed, or of a floating-point dtype and
/// added to the scores.
#[derive(Clone, Copy, Debug)]
pub struct AttentionOptions<'a> {
    /// A mask of the keys that are padding, `(N, S)`, or `(S,)` if unbatched.
    pub key_padding_mask: Option<&'a Tensor>,
    /// If true, returns the attention weights; the path without them is faster.
    pub need_weights: bool,
    /// A mask of the keys for each query, `(L, S)` or `(N · num_heads, L, S)`.
    pub attn_mask: Option<&'a Tensor>,
    /// If true, the returned weights are averaged over the heads.
    pub average_attn_weights: bool,
    /// A hint that `attn_mask`, which is then required, is the causal mask.
    pub is_causal: bool,
}

impl Default for AttentionOptions<'_> {
    fn default() -> Self {
        Self {
            key_padding_mask: None,
            need_weights: true,
            attn_mask: None,
            average_attn_weights: true,
            is_causal: false,
        }
    }
}

/// A multi-head attention, created by [`multihead_attention`].
#[derive(Debug)]
pub struct MultiheadAttention {
    config: MultiheadAttentionConfig,
    embed_dim: i64,
    num_heads: i64,
    in_proj: InProjection,
    /// `(3 · embed_dim,)`.
    in_proj_bias: Option<Tensor>,
    /// The learnt steps appended to the keys and to the values, `(1, 1, embed_dim)` each.
    bias_kv: Option<(Tensor, Tensor)>,
    out_proj: Linear,
}

/// The weights of the input projections.
#[derive(Debug)]
enum InProjection {
    /// Packed in one tensor, `(3 · embed_dim, embed_dim)`.
    Packed(Tensor),
    /// `(embed_dim, embed_dim)`, `(embed_dim, kdim)`, `(embed_dim, vdim)`.
    Separate([Tensor; 3]),
}

/// `nn.MultiheadAttention(embed_dim, num_heads)`: queries `(L, N, E)`, keys `(S, N, kdim)` and
/// values `(S, N, vdim)` to `(L, N, E)`, with E = `embed_dim`.
///
/// Adds, in Python's order, `in_proj_weight` `(3E, E)` or, if `kdim` or `vdim` is not E,
/// `q_proj_weight` `(E, E)`, `k_proj_weight` `(E, kdim)` and `v_proj_weight` `(E, vdim)`, all
/// Xavier uniform; `in_proj_bias` `(3E,)`, zeros; `bias_k` and `bias_v` `(1, 1, E)`, Xavier normal;
/// `out_proj.weight` `(E, E)`, drawn like a linear layer's, and `out_proj.bias` `(E,)`, zeros.
/// `out_proj` is drawn first, including a bias that is then replaced by zeros.
///
/// # Panics
/// If [`f_multihead_attention`] returns an error.
#[track_caller]
pub fn multihead_attention<'a, T: Borrow<Path<'a>>>(
    vs: T,
    embed_dim: i64,
    num_heads: i64,
    config: MultiheadAttentionConfig,
) -> MultiheadAttention {
    or_panic(f_multihead_attention(vs, embed_dim, num_heads, config))
}

/// As [`multihead_attention`], but returns an error instead of panicking.
///
/// # Errors
/// With Python's message, if `embed_dim` or `num_heads` is not positive or the first is not a
/// multiple of the second; if `kdim` or `vdim` is negative, if there is not enough memory, or if
/// the path has a layer already.
pub fn f_multihead_attention<'a, T: Borrow<Path<'a>>>(
    vs: T,
    embed_dim: i64,
    num_heads: i64,
    config: MultiheadAttentionConfig,
) -> Result<MultiheadAttention> {
    if embed_dim <= 0 || num_heads <= 0 {
        return Err(Error::Argument(format!(
            "embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and \
             num_heads={num_heads} instead"
        )));
    }
    if embed_dim % num_heads != 0 {
        return Err(Error::Argument(
            "embed_dim must be divisible by num_heads".into(),
        ));
    }
    let attention = MultiheadAttention::zeros(vs.borrow(), embed_dim, num_heads, config)?;
    attention.reset_parameters()?;
    Ok(attention)
}

impl MultiheadAttention {
    /// Creates all parameters in Python's order, which differs from the order in which they are
    /// drawn.
    pub(super) fn zeros(
        vs: &Path,
        embed_dim: i64,
        num_heads: i64,
        config: MultiheadAttentionConfig,
    ) -> Result<Self> {
        let new =
            |vs: &Path, name: &str, size: &[i64]| new_parameter(vs, name, size, Init::Const(0.));
        let three = embed_dim.saturating_mul(3);
        let kdim = config.kdim.unwrap_or(embed_dim);
        let vdim = config.vdim.unwrap_or(embed_dim);
        let in_proj = if kdim == embed_dim && vdim == embed_dim {
            InProjection::Packed(new(vs, "in_proj_weight", &[three, embed_dim])?)
        } else {
            InProjection::Separate([
                new(vs, "q_proj_weight", &[embed_dim, embed_dim])?,
                new(vs, "k_proj_weight", &[embed_dim, kdim])?,
                new(vs, "v_proj_weight", &[embed_dim, vdim])?,
            ])
        };
        let in_proj_bias = match config.bias {
            true => Some(new(vs, "in_proj_bias", &[three])?),
            false => None,
        };
        let bias_kv = match config.add_bias_kv {
            true => Some((
                new(vs, "bias_k", &[1, 1, embed_dim])?,
                new(vs, "bias_v", &[1, 1, embed_dim])?,
            )),
            false => None,
        };
        let out = vs / "out_proj";
        let out_proj = Linear {
            ws: new(&out, "weight", &[embed_dim, embed_dim])?,
            bs: match config.bias {
                true => Some(new(&out, "bias", &[embed_dim])?),
                false => None,
            },
        };
        Ok(Self {
            config,
            embed_dim,
            num_heads,
            in_proj,
            in_proj_bias,
            bias_kv,
            out_proj,
        })
    }

    /// Draws as Python does: `out_proj` as a linear layer, then `_reset_parameters`.
    fn reset_parameters(&self) -> Result<()> {
        let LinearConfig { ws_init, .. } = LinearConfig::default();
        let draw = |tensor: &Tensor, init: Init| no_grad(|| init.set(&mut tensor.shallow_clone()));
        draw(&self.out_proj.ws, ws_init);
        if let Some(bias) = &self.out_proj.bs {
            draw(bias, bias_uniform(self.embed_dim));
            draw(bias, Init::Const(0.));
        }
        let xavier_uniform = |tensor: &Tensor| f_xavier_uniform_(&mut tensor.shallow_clone(), 1.);
        match &self.in_proj {
            InProjection::Packed(weight) => xavier_uniform(weight)?,
            InProjection::Separate(weights) => weights.iter().try_for_each(xavier_uniform)?,
        }
        if let Some((k, v)) = &self.bias_kv {
            f_xavier_normal_(&mut k.shallow_clone(), 1.)?;
            f_xavier_normal_(&mut v.shallow_clone(), 1.)?;
        }
        Ok(())
    }

    pub(super) fn dropout(&self) -> f64 {
        self.config.dropout
    }

    /// All parameters, in Python's order.
    pub(super) fn parameters(&self) -> Vec<&Tensor> {
        let mut all: Vec<&Tensor> = match &self.in_proj {
            InProjection::Packed(weight) => vec![weight],
            InProjection::Separate(weights) => weights.iter().collect(),
        };
        all.extend(&self.in_proj_bias);
        all.extend(self.bias_kv.iter().flat_map(|(k, v)| [k, v]));
        all.push(&self.out_proj.ws);
        all.extend(&self.out_proj.bs);
        all
    }
}
