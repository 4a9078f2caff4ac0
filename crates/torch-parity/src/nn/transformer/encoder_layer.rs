//! `torch.nn.TransformerEncoderLayer`.

use std::borrow::Borrow;

use tch::Tensor;
use tch::nn::{ModuleT, Path};

use super::layer::{
    Activation, FeedForward, Masks, Parts, Start, TransformerLayerConfig, attend, copy_parameters,
    norm_parameters,
};
use crate::Result;
use crate::nn::attention::{MultiheadAttention, canonical_mask, merge_masks};
use crate::nn::normalization::LayerNorm;
use crate::nn::{or_panic, wants_gradient};

/// The masks of an encoder or of one of its layers; by default no masks.
///
/// A mask is either `bool`, true where attention is not allowed, or of a floating-point dtype and
/// added to the scores.
#[derive(Clone, Copy, Debug, Default)]
pub struct EncoderMasks<'a> {
    /// A mask of the steps for each step, `(S, S)` or `(N · nhead, S, S)`.
    pub src_mask: Option<&'a Tensor>,
    /// A mask of the steps that are padding, `(N, S)`, or `(S,)` if unbatched.
    pub src_key_padding_mask: Option<&'a Tensor>,
    /// A hint that `src_mask` is the causal mask. `None`, Python's default for an encoder, lets the
    /// encoder detect it; for a layer it means false, which is Python's default there.
    pub is_causal: Option<bool>,
}

/// One layer of an encoder, created by [`transformer_encoder_layer`].
#[derive(Debug)]
pub struct TransformerEncoderLayer {
    self_attn: MultiheadAttention,
    feedforward: FeedForward,
    norm1: LayerNorm,
    norm2: LayerNorm,
    pub(super) parts: Parts,
}

/// `nn.TransformerEncoderLayer(d_model, nhead)`: `(S, N, E)` to `(S, N, E)`, or with `batch_first`
/// `(N, S, E)` to `(N, S, E)`; E = `d_model`.
///
/// Adds `self_attn.…` as [`multihead_attention`](crate::nn::multihead_attention) does,
/// `linear1.…` and `linear2.…` as linear layers, `norm1.…` and `norm2.…`.
///
/// # Panics
/// If [`f_transformer_encoder_layer`] returns an error.
#[track_caller]
pub fn transformer_encoder_layer<'a, T: Borrow<Path<'a>>>(
    vs: T,
    d_model: i64,
    nhead: i64,
    config: TransformerLayerConfig,
) -> TransformerEncoderLayer {
    or_panic(f_transformer_encoder_layer(vs, d_model, nhead, config))
}

/// As [`transformer_encoder_layer`], but returns an error instead of panicking.
///
/// # Errors
/// With Python's message, if `d_model` or `nhead` is not positive, the first is not a multiple of
/// the second, or `dropout` is not in [0, 1]; if `dim_feedforward` is negative, if there is not
/// enough memory, or if the path has a layer already.
pub fn f_transformer_encoder_layer<'a, T: Borrow<Path<'a>>>(
    vs: T,
    d_model: i64,
    nhead: i64,
    config: TransformerLayerConfig,
) -> Result<TransformerEncoderLayer> {
    let parts = Parts {
        d_model,
        nhead,
        config,
    };
    TransformerEncoderLayer::new(vs.borrow(), parts, Start::Drawn)
}

impl TransformerEncoderLayer {
    fn new(vs: &Path, parts: Parts, start: Start) -> Result<Self> {
        Ok(Self {
            self_attn: parts.attention(&(vs / "self_attn"), start)?,
            feedforward: parts.feedforward(vs, start)?,
            norm1: parts.norm(&(vs / "norm1"))?,
            norm2: parts.norm(&(vs / "norm2"))?,
            parts,
        })
    }

    pub(super) fn copy(&self, vs: &Path) -> Result<Self> {
        let copy = Self::new(vs, self.parts, Start::Zeros)?;
        copy_parameters(&self.parameters(), &copy.parameters())?;
        Ok(copy)
    }

    /// The parameters in Python's order.
    pub(super) fn parameters(&self) -> Vec<&Tensor> {
        let mut all = self.self_attn.parameters();
        all.extend(self.feedforward.parameters());
        all.extend(norm_parameters(&self.norm1));
        all.extend(norm_parameters(&self.norm2));
        all
    }

    /// The output `(S, N, E)`. The shapes are those of [`transformer_encoder_layer`]; an unbatched
    /// input is `(S, E)`.
    ///
    /// # Panics
    /// If [`f_forward_masked_t`](Self::f_forward_masked_t) returns an error.
    #[track_caller]
    pub fn forward_masked_t(&self, src: &Tensor, masks: EncoderMasks, train: bool) -> Tensor {
        or_panic(self.f_forward_masked_t(src, masks, train))
    }

    /// As [`forward_masked_t`](Self::forward_masked_t), but returns an error instead of panicking.
    ///
    /// # Errors
    /// With Python's message, if shapes or dtypes do not match, or if `is_causal` is given without
    /// a mask.
    pub fn f_forward_masked_t(
        &self,
        src: &Tensor,
        masks: EncoderMasks,
        train: bool,
    ) -> Result<Tensor> {
        let kind = src.f_kind()?;
        let padding = masks.src_key_padding_mask;
        let padding = canonical_mask(padding, "src_key_padding_mask", kind)?;
        let mask = canonical_mask(masks.src_mask, "src_mask", kind)?;
        let (mask, padding) = (mask.as_ref(), padding.as_ref());
        if src.dim() == 3
            && !train
            && !wants_gradient(&[src])
            && let Some(parameters) = self.fused_parameters()
        {
            let nhead = self.parts.nhead;
            let masks = merge_masks(mask, padding, &src.size(), nhead)?;
            return self.fused(src, parameters, masks);
        }
        let masks = Masks {
            attn: mask,
            key_padding: padding,
            is_causal: masks.is_causal.unwrap_or(false),
        };
        let attended = |x: &Tensor| attend(&self.self_attn, x, x, masks, train);
        if self.parts.config.norm_first {
            let x = src.f_add(&attended(&self.norm1.f_forward(src)?)?)?;
            let fed = self
                .feedforward
                .forward_t(&self.norm2.f_forward(&x)?, train)?;
            return Ok(x.f_add(&fed)?);
        }
        let x = self.norm1.f_forward(&src.f_add(&attended(src)?)?)?;
        let fed = self.feedforward.forward_t(&x, train)?;
        self.norm2.f_forward(&x.f_add(&fed)?)
    }

    /// Returns true if Python has a fused function for this layer, given an input that the function
    /// supports.
    pub(super) fn is_fusable(&self) -> bool {
        let Parts { nhead, config, .. } = &self.parts;
        config.batch_first
            && config.bias
            && !matches!(config.activation, Activation::Custom(_))
            && nhead % 2 == 0
    }

    /// The parameters of that function, if none of them requires a gradient.
    pub(super) fn fused_parameters(&self) -> Option<[&Tensor; 12]> {
        let parameters = self.parameters();
        match self.is_fusable() && !wants_gradient(&parameters) {
            // A layer with all its biases has these twelve.
            true => parameters.try_into().ok(),
            false => None,
        }
    }

    /// The layer as one fused function of libtorch's, for `(N, S, E)` or a nested tensor, with the
    /// mask and its kind.
    pub(super) fn fused(
        &self,
        src: &Tensor,
        [
            in_weight,
            in_bias,
            out_weight,
            out_bias,
            weight1,
            bias1,
            weight2,
            bias2,
            norm_weight1,
            norm_bias1,
            norm_weight2,
            norm_bias2,
        ]: [&Tensor; 12],
        (mask, mask_type): (Option<Tensor>, Option<i64>),
    ) -> Result<Tensor> {
        let Parts {
            d_model,
            nhead,
            config,
        } = &self.parts;
        Ok(Tensor::f_internal_transformer_encoder_layer_fwd(
            src,
            *d_model,
            *nhead,
            in_weight,
            in_bias,
            out_weight,
            out_bias,
            matches!(config.activation, Activation::Gelu),
            config.norm_first,
            config.layer_norm_eps,
            norm_weight1,
            norm_bias1,
            norm_weight2,
            norm_bias2,
            weight1,
            bias1,
            weight2,
            bias2,
            mask,
            mask_type,
        )?)
    }
}

/// The forward pass without masks.
impl ModuleT for TransformerEncoderLayer {
    #[track_caller]
    fn forward_t(&self, src: &Tensor, train: bool) -> Tensor {
        self.forward_masked_t(src, EncoderMasks::default(), train)
    }
}
