//! `torch.nn.TransformerDecoderLayer` and `torch.nn.TransformerDecoder`.

use std::borrow::Borrow;

use tch::Tensor;
use tch::nn::Path;

use super::layer::{
    FeedForward, Masks, Parts, Start, TransformerLayerConfig, attend, copy_parameters,
    norm_parameters,
};
use super::{is_causal, no_layers};
use crate::Result;
use crate::nn::attention::MultiheadAttention;
use crate::nn::normalization::{LayerNorm, LayerNormConfig, f_layer_norm};
use crate::nn::or_panic;

/// The masks of a decoder or of one of its layers; by default no masks.
///
/// A mask is either `bool`, true where attention is not allowed, or of a floating-point dtype and
/// added to the scores.
#[derive(Clone, Copy, Debug, Default)]
pub struct DecoderMasks<'a> {
    /// A mask of the steps for each step, `(T, T)` or `(N · nhead, T, T)`.
    pub tgt_mask: Option<&'a Tensor>,
    /// A mask of the memory's steps for each step, `(T, S)` or `(N · nhead, T, S)`.
    pub memory_mask: Option<&'a Tensor>,
    /// A mask of the steps that are padding, `(N, T)`, or `(T,)` if unbatched.
    pub tgt_key_padding_mask: Option<&'a Tensor>,
    /// A mask of the memory's steps that are padding, `(N, S)`, or `(S,)` if unbatched.
    pub memory_key_padding_mask: Option<&'a Tensor>,
    /// A hint that `tgt_mask` is the causal mask. `None`, Python's default for a decoder, lets the
    /// decoder detect it; for a layer it means false, which is Python's default there.
    pub tgt_is_causal: Option<bool>,
    /// A hint that `memory_mask` is the causal mask.
    pub memory_is_causal: bool,
}

/// One layer of a decoder, created by [`transformer_decoder_layer`].
#[derive(Debug)]
pub struct TransformerDecoderLayer {
    self_attn: MultiheadAttention,
    multihead_attn: MultiheadAttention,
    feedforward: FeedForward,
    norm1: LayerNorm,
    norm2: LayerNorm,
    norm3: LayerNorm,
    parts: Parts,
}

/// `nn.TransformerDecoderLayer(d_model, nhead)`: targets `(T, N, E)` and a memory `(S, N, E)` to
/// `(T, N, E)`, or with `batch_first` `(N, T, E)` and `(N, S, E)` to `(N, T, E)`; E = `d_model`.
///
/// Adds `self_attn.…` and `multihead_attn.…` as
/// [`multihead_attention`](crate::nn::multihead_attention) does, `linear1.…` and `linear2.…`
/// as linear layers, `norm1.…`, `norm2.…` and `norm3.…`.
///
/// # Panics
/// If [`f_transformer_decoder_layer`] returns an error.
#[track_caller]
pub fn transformer_decoder_layer<'a, T: Borrow<Path<'a>>>(
    vs: T,
    d_model: i64,
    nhead: i64,
    config: TransformerLayerConfig,
) -> TransformerDecoderLayer {
    or_panic(f_transformer_decoder_layer(vs, d_model, nhead, config))
}

/// As [`transformer_decoder_layer`], but returns an error instead of panicking.
///
/// # Errors
/// See [`f_transformer_encoder_layer`](super::f_transformer_encoder_layer).
pub fn f_transformer_decoder_layer<'a, T: Borrow<Path<'a>>>(
    vs: T,
    d_model: i64,
    nhead: i64,
    config: TransformerLayerConfig,
) -> Result<TransformerDecoderLayer> {
    let parts = Parts {
        d_model,
        nhead,
        config,
    };
    TransformerDecoderLayer::new(vs.borrow(), parts, Start::Drawn)
}

impl TransformerDecoderLayer {
    fn new(vs: &Path, parts: Parts, start: Start) -> Result<Self> {
        Ok(Self {
            self_attn: parts.attention(&(vs / "self_attn"), start)?,
            multihead_attn: parts.attention(&(vs / "multihead_attn"), start)?,
            feedforward: parts.feedforward(vs, start)?,
            norm1: parts.norm(&(vs / "norm1"))?,
            norm2: parts.norm(&(vs / "norm2"))?,
            norm3: parts.norm(&(vs / "norm3"))?,
            parts,
        })
    }

    fn copy(&self, vs: &Path) -> Result<Self> {
        let copy = Self::new(vs, self.parts, Start::Zeros)?;
        copy_parameters(&self.parameters(), &copy.parameters())?;
        Ok(copy)
    }

    /// The parameters in Python's order.
    fn parameters(&self) -> Vec<&Tensor> {
        let mut all = self.self_attn.parameters();
        all.extend(self.multihead_attn.parameters());
        all.extend(self.feedforward.parameters());
        for norm in [&self.norm1, &self.norm2, &self.norm3] {
            all.extend(norm_parameters(norm));
        }
        all
    }

    /// The output `(T, N, E)`. The shapes are those of [`transformer_decoder_layer`]; unbatched
    /// inputs are `(T, E)` and `(S, E)`.
    ///
    /// # Panics
    /// If [`f_forward_t`](Self::f_forward_t) returns an error.
    #[track_caller]
    pub fn forward_t(
        &self,
        tgt: &Tensor,
        memory: &Tensor,
        masks: DecoderMasks,
        train: bool,
    ) -> Tensor {
        or_panic(self.f_forward_t(tgt, memory, masks, train))
    }

    /// As [`forward_t`](Self::forward_t), but returns an error instead of panicking.
    ///
    /// # Errors
    /// With Python's message, if shapes or dtypes do not match, or if a hint is given without its
    /// mask.
    pub fn f_forward_t(
        &self,
        tgt: &Tensor,
        memory: &Tensor,
        masks: DecoderMasks,
        train: bool,
    ) -> Result<Tensor> {
        let own = Masks {
            attn: masks.tgt_mask,
            key_padding: masks.tgt_key_padding_mask,
            is_causal: masks.tgt_is_causal.unwrap_or(false),
        };
        let memorys = Masks {
            attn: masks.memory_mask,
            key_padding: masks.memory_key_padding_mask,
            is_causal: masks.memory_is_causal,
        };
        let look_at_own = |x: &Tensor| attend(&self.self_attn, x, x, own, train);
        let look_at_memory = |x: &Tensor| attend(&self.multihead_attn, x, memory, memorys, train);
        let feed = |x: &Tensor| self.feedforward.forward_t(x, train);
        if self.parts.config.norm_first {
            let x = tgt.f_add(&look_at_own(&self.norm1.f_forward(tgt)?)?)?;
            let x = x.f_add(&look_at_memory(&self.norm2.f_forward(&x)?)?)?;
            return Ok(x.f_add(&feed(&self.norm3.f_forward(&x)?)?)?);
        }
        let x = self.norm1.f_forward(&tgt.f_add(&look_at_own(tgt)?)?)?;
        let x = self.norm2.f_forward(&x.f_add(&look_at_memory(&x)?)?)?;
        self.norm3.f_forward(&x.f_add(&feed(&x)?)?)
    }
}

/// Stacked layers, created by [`transformer_decoder`].
#[derive(Debug)]
pub struct TransformerDecoder {
    layers: Vec<TransformerDecoderLayer>,
    norm: Option<LayerNorm>,
}

/// `nn.TransformerDecoder(decoder_layer, num_layers, norm)`: stacked copies of one layer, which
/// start with the same parameters.
///
/// Adds `layers.<i>.…` for each layer, and `norm.…` if there is one. As in Python, the given layer
/// is not part of the result; see [`transformer_encoder`](crate::nn::transformer_encoder).
///
/// # Panics
/// If [`f_transformer_decoder`] returns an error.
#[track_caller]
pub fn transformer_decoder<'a, T: Borrow<Path<'a>>>(
    vs: T,
    decoder_layer: &TransformerDecoderLayer,
    num_layers: i64,
    norm: Option<LayerNormConfig>,
) -> TransformerDecoder {
    or_panic(f_transformer_decoder(vs, decoder_layer, num_layers, norm))
}

/// As [`transformer_decoder`], but returns an error instead of panicking.
///
/// # Errors
/// If the layer and `vs` have different dtypes, if there is not enough memory, or if the path has
/// layers already.
pub fn f_transformer_decoder<'a, T: Borrow<Path<'a>>>(
    vs: T,
    decoder_layer: &TransformerDecoderLayer,
    num_layers: i64,
    norm: Option<LayerNormConfig>,
) -> Result<TransformerDecoder> {
    let vs = vs.borrow();
    let layers = (0..num_layers).map(|i| decoder_layer.copy(&(vs / "layers" / i)));
    let layers = layers.collect::<Result<_>>()?;
    let size = decoder_layer.parts.d_model;
    let norm = norm.map(|norm| f_layer_norm(vs / "norm", vec![size], norm));
    Ok(TransformerDecoder {
        layers,
        norm: norm.transpose()?,
    })
}

impl TransformerDecoder {
    /// The parameters in Python's order.
    pub(super) fn parameters(&self) -> Vec<&Tensor> {
        let layers = self.layers.iter().flat_map(|layer| layer.parameters());
        let norm = self.norm.iter().flat_map(norm_parameters);
        layers.chain(norm).collect()
    }

    /// The output `(T, N, E)`. The shapes are those of [`transformer_decoder_layer`]; unbatched
    /// inputs are `(T, E)` and `(S, E)`.
    ///
    /// # Panics
    /// If [`f_forward_t`](Self::f_forward_t) returns an error.
    #[track_caller]
    pub fn forward_t(
        &self,
        tgt: &Tensor,
        memory: &Tensor,
        masks: DecoderMasks,
        train: bool,
    ) -> Tensor {
        or_panic(self.f_forward_t(tgt, memory, masks, train))
    }

    /// As [`forward_t`](Self::forward_t), but returns an error instead of panicking.
    ///
    /// # Errors
    /// With Python's message, if shapes or dtypes do not match, if a hint is given without its
    /// mask, or if there is no layer.
    pub fn f_forward_t(
        &self,
        tgt: &Tensor,
        memory: &Tensor,
        mut masks: DecoderMasks,
        train: bool,
    ) -> Result<Tensor> {
        let first = self.layers.first().ok_or_else(no_layers)?;
        let batch_first = first.parts.config.batch_first;
        let causal = is_causal(masks.tgt_is_causal, masks.tgt_mask, tgt, batch_first)?;
        masks.tgt_is_causal = Some(causal);
        let mut output = tgt.shallow_clone();
        for layer in &self.layers {
            output = layer.f_forward_t(&output, memory, masks, train)?;
        }
        match &self.norm {
            Some(norm) => norm.f_forward(&output),
            None => Ok(output),
        }
    }
}
