//! `torch.nn.Transformer` and its parts.
//!
//! `tch::nn` has none of these layers.
//!
//! In evaluation without gradients, Python's encoder takes other paths, with other last bits: with
//! `batch_first` a layer is one fused function, and a stack of layers first removes the padding
//! from the batch, in a nested tensor. Both are implemented here under the same conditions. Without
//! the fused function, the outputs of the rows in `tests/rows/transformer.json` differ from
//! Python's in the last bits; without the nested tensor, padding steps keep values where Python
//! gives zeros.
//!
//! Not supported: `custom_encoder` and `custom_decoder` (call the parts one after the other
//! instead), nested tensors as inputs, and autocast.
//!
//! Source: `torch/nn/modules/transformer.py`.

mod decoder;
mod encoder;
mod encoder_layer;
mod layer;

use std::borrow::Borrow;

use tch::nn::{Path, VarStore};
use tch::{Device, Kind, Tensor};

pub use decoder::{
    DecoderMasks, TransformerDecoder, TransformerDecoderLayer, f_transformer_decoder,
    f_transformer_decoder_layer, transformer_decoder, transformer_decoder_layer,
};
pub use encoder::{
    TransformerEncoder, TransformerEncoderConfig, f_transformer_encoder, transformer_encoder,
};
pub use encoder_layer::{
    EncoderMasks, TransformerEncoderLayer, f_transformer_encoder_layer, transformer_encoder_layer,
};
pub use layer::{Activation, TransformerLayerConfig};

use super::init::f_xavier_uniform_;
use super::normalization::LayerNormConfig;
use super::{arguments, or_panic};
use crate::{Error, Result};

arguments! {
    /// The arguments of `nn.Transformer` with Python's defaults.
    #[derive(Clone, Copy, Debug)]
    pub struct TransformerConfig {
        /// The number of features of a step.
        d_model: i64 = 512,
        /// The number of attention heads.
        nhead: i64 = 8,
        /// The number of encoder layers.
        num_encoder_layers: i64 = 6,
        /// The number of decoder layers.
        num_decoder_layers: i64 = 6,
        /// The arguments of the layers.
        layer: TransformerLayerConfig = TransformerLayerConfig::default(),
    }
}

/// An encoder and a decoder that attends to its output, created by [`transformer`].
#[derive(Debug)]
pub struct Transformer {
    encoder: TransformerEncoder,
    decoder: TransformerDecoder,
    config: TransformerConfig,
}

/// `nn.Transformer()`: sources `(S, N, E)` and targets `(T, N, E)` to `(T, N, E)`, or with
/// `batch_first` `(N, S, E)` and `(N, T, E)` to `(N, T, E)`; E = `d_model`.
///
/// Adds `encoder.layers.<i>.…`, `encoder.norm.…`, `decoder.layers.<i>.…`, `decoder.norm.…`. As in
/// Python, one layer of each kind is drawn and copied; then every parameter with more than one
/// dimension is drawn again, Xavier uniform, in the order of these names.
///
/// # Panics
/// If [`f_transformer`] returns an error.
#[track_caller]
pub fn transformer<'a, T: Borrow<Path<'a>>>(vs: T, config: TransformerConfig) -> Transformer {
    or_panic(f_transformer(vs, config))
}

/// As [`transformer`], but returns an error instead of panicking.
///
/// # Errors
/// See [`f_transformer_encoder_layer`].
pub fn f_transformer<'a, T: Borrow<Path<'a>>>(
    vs: T,
    config: TransformerConfig,
) -> Result<Transformer> {
    let vs = vs.borrow();
    let TransformerConfig {
        d_model,
        nhead,
        layer,
        ..
    } = config;
    let norm = Some(LayerNormConfig {
        eps: layer.layer_norm_eps,
        bias: layer.bias,
        ..Default::default()
    });
    let drawn = scratch(vs);
    let first = f_transformer_encoder_layer(drawn.root(), d_model, nhead, layer)?;
    let encoder_config = TransformerEncoderConfig {
        norm,
        ..Default::default()
    };
    let layers = config.num_encoder_layers;
    let encoder = f_transformer_encoder(vs / "encoder", &first, layers, encoder_config)?;
    let drawn = scratch(vs);
    let first = f_transformer_decoder_layer(drawn.root(), d_model, nhead, layer)?;
    let layers = config.num_decoder_layers;
    let decoder = f_transformer_decoder(vs / "decoder", &first, layers, norm)?;
    let parameters = encoder.parameters().into_iter().chain(decoder.parameters());
    for parameter in parameters.filter(|parameter| parameter.dim() > 1) {
        f_xavier_uniform_(&mut parameter.shallow_clone(), 1.)?;
    }
    Ok(Transformer {
        encoder,
        decoder,
        config,
    })
}

/// A temporary store for a layer that is only drawn to be copied.
fn scratch(vs: &Path) -> VarStore {
    let mut scratch = VarStore::new(vs.device());
    scratch.set_kind(vs.kind());
    scratch
}

impl Transformer {
    /// The decoder's output for `tgt`, `(T, N, E)`, attending to the encoder's output for `src`,
    /// `(S, N, E)`. The shapes are those of [`transformer`]; unbatched inputs are `(S, E)` and `(T,
    /// E)`.
    ///
    /// # Panics
    /// If [`f_forward_t`](Self::f_forward_t) returns an error.
    #[track_caller]
    pub fn forward_t(
        &self,
        src: &Tensor,
        tgt: &Tensor,
        src_masks: EncoderMasks,
        tgt_masks: DecoderMasks,
        train: bool,
    ) -> Tensor {
        or_panic(self.f_forward_t(src, tgt, src_masks, tgt_masks, train))
    }

    /// As [`forward_t`](Self::forward_t), but returns an error instead of panicking.
    ///
    /// # Errors
    /// With Python's message, if shapes or dtypes do not match.
    pub fn f_forward_t(
        &self,
        src: &Tensor,
        tgt: &Tensor,
        src_masks: EncoderMasks,
        tgt_masks: DecoderMasks,
        train: bool,
    ) -> Result<Tensor> {
        self.check_sizes(&src.size(), &tgt.size())?;
        let memory = self.encoder.f_forward_masked_t(src, src_masks, train)?;
        self.decoder.f_forward_t(tgt, &memory, tgt_masks, train)
    }

    fn check_sizes(&self, src: &[i64], tgt: &[i64]) -> Result<()> {
        let batch = if self.config.layer.batch_first { 0 } else { 1 };
        if src.len() == 3 && Some(&src[batch]) != tgt.get(batch) {
            return Err(Error::Tensor(
                "the batch number of src and tgt must be equal".into(),
            ));
        }
        let d_model = Some(&self.config.d_model);
        if src.last() != d_model || tgt.last() != d_model {
            return Err(Error::Tensor(
                "the feature number of src and tgt must be equal to d_model".into(),
            ));
        }
        Ok(())
    }

    /// The causal mask `(sz, sz)`: −∞ above the diagonal and 0 elsewhere, so that no step sees
    /// later ones.
    ///
    /// # Panics
    /// If `sz` is negative or there is not enough memory.
    #[track_caller]
    pub fn generate_square_subsequent_mask(sz: i64, options: (Kind, Device)) -> Tensor {
        or_panic(causal_mask(sz, options))
    }
}

fn causal_mask(sz: i64, options: (Kind, Device)) -> Result<Tensor> {
    Ok(Tensor::f_full([sz, sz], f64::NEG_INFINITY, options)?.f_triu(1)?)
}

/// `_detect_is_causal_mask`: the hint or, if `None`, true if `mask` is the causal mask for `input`.
fn is_causal(
    hint: Option<bool>,
    mask: Option<&Tensor>,
    input: &Tensor,
    batch_first: bool,
) -> Result<bool> {
    let (None, Some(mask)) = (hint, mask) else {
        return Ok(hint.unwrap_or(false));
    };
    let size = input.size();
    let dim = if batch_first && size.len() == 3 { 1 } else { 0 };
    let Some(&steps) = size.get(dim) else {
        return Ok(false);
    };
    if mask.size() != [steps, steps] {
        return Ok(false);
    }
    Ok(mask.f_equal(&causal_mask(steps, (mask.f_kind()?, mask.device()))?)?)
}

/// Python's error for a stack without layers.
fn no_layers() -> Error {
    Error::Argument("index 0 is out of range".into())
}
