//! `torch.nn.TransformerEncoderLayer` and `torch.nn.TransformerEncoder`.

use std::borrow::Borrow;

use tch::nn::{ModuleT, Path};
use tch::{Kind, Tensor};

use super::layer::{
    Activation, FeedForward, Masks, Parts, Start, TransformerLayerConfig, attend, copy_parameters,
};
use super::norm::{LayerNormConfig, Norm};
use super::{is_causal, no_layers};
use crate::torch::nn::attention::{MultiheadAttention, canonical_mask, merge_masks};
use crate::torch::nn::{or_panic, wants_gradient};
use crate::torch::{Error, Result};

/// The masks of an encoder or of one of its layers; by default none.
///
/// A mask is `bool`, true where nobody may look, or of a floating-point dtype, to be added.
#[derive(Clone, Copy, Debug, Default)]
pub struct EncoderMasks<'a> {
    /// Which step may look at which, `(S, S)` or `(N · nhead, S, S)`.
    pub src_mask: Option<&'a Tensor>,
    /// Which steps are padding, `(N, S)`, or `(S,)` for one sample.
    pub src_key_padding_mask: Option<&'a Tensor>,
    /// A hint whether `src_mask` is the causal one. `None`, Python's default for an encoder, has it
    /// found out there; for a layer it is as good as false, which is Python's default there.
    pub is_causal: Option<bool>,
}

/// One layer of an encoder, as [`transformer_encoder_layer`] makes it.
#[derive(Debug)]
pub struct TransformerEncoderLayer {
    self_attn: MultiheadAttention,
    feedforward: FeedForward,
    norm1: Norm,
    norm2: Norm,
    parts: Parts,
}

/// `nn.TransformerEncoderLayer(d_model, nhead)`: `(S, N, E)` to `(S, N, E)`, with `batch_first`
/// `(N, S, E)` to `(N, S, E)`, E = `d_model`.
///
/// Adds `self_attn.…` as [`multihead_attention`](crate::torch::nn::multihead_attention) does,
/// `linear1.…` and `linear2.…` as linear layers, `norm1.…` and `norm2.…`.
///
/// # Panics
/// Where [`f_transformer_encoder_layer`] refuses.
#[track_caller]
pub fn transformer_encoder_layer<'a, T: Borrow<Path<'a>>>(
    vs: T,
    d_model: i64,
    nhead: i64,
    config: TransformerLayerConfig,
) -> TransformerEncoderLayer {
    or_panic(f_transformer_encoder_layer(vs, d_model, nhead, config))
}

/// As [`transformer_encoder_layer`], with an error where it panics.
///
/// # Errors
/// In Python's words, if `d_model` or `nhead` is not positive, the first is not a multiple of the
/// second, or `dropout` is not in [0, 1]; if `dim_feedforward` is negative, if there is not enough
/// memory, or if the path has a layer already.
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

    fn copy(&self, vs: &Path) -> Result<Self> {
        let copy = Self::new(vs, self.parts, Start::Zeros)?;
        copy_parameters(&self.parameters(), &copy.parameters())?;
        Ok(copy)
    }

    /// In Python's order.
    fn parameters(&self) -> Vec<&Tensor> {
        let mut all = self.self_attn.parameters();
        all.extend(self.feedforward.parameters());
        all.extend(self.norm1.parameters());
        all.extend(self.norm2.parameters());
        all
    }

    /// The output `(S, N, E)`; the shapes are those of [`transformer_encoder_layer`], and one sample
    /// is `(S, E)`.
    ///
    /// # Panics
    /// Where [`f_forward_masked_t`](Self::f_forward_masked_t) refuses.
    #[track_caller]
    pub fn forward_masked_t(&self, src: &Tensor, masks: EncoderMasks, train: bool) -> Tensor {
        or_panic(self.f_forward_masked_t(src, masks, train))
    }

    /// As [`forward_masked_t`](Self::forward_masked_t), with an error where it panics.
    ///
    /// # Errors
    /// In Python's words, if shapes or dtypes do not go together, or if `is_causal` is given without
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
        if src.dim() == 3 && !train && self.is_fused() && !self.wants_gradient(src) {
            let nhead = self.parts.nhead;
            let (mask, mask_type) = merge_masks(mask, padding, &src.size(), nhead)?;
            return self.fused(src, mask, mask_type);
        }
        let masks = Masks {
            attn: mask,
            key_padding: padding,
            is_causal: masks.is_causal.unwrap_or(false),
        };
        let attended = |x: &Tensor| attend(&self.self_attn, x, x, masks, train);
        if self.parts.config.norm_first {
            let x = src.f_add(&attended(&self.norm1.forward(src)?)?)?;
            let fed = self
                .feedforward
                .forward_t(&self.norm2.forward(&x)?, train)?;
            return Ok(x.f_add(&fed)?);
        }
        let x = self.norm1.forward(&src.f_add(&attended(src)?)?)?;
        let fed = self.feedforward.forward_t(&x, train)?;
        self.norm2.forward(&x.f_add(&fed)?)
    }

    /// Whether Python has one function for all of this layer, given an input that it takes.
    fn is_fused(&self) -> bool {
        let Parts { nhead, config, .. } = &self.parts;
        config.batch_first
            && config.bias
            && !matches!(config.activation, Activation::Custom(_))
            && nhead % 2 == 0
    }

    fn wants_gradient(&self, src: &Tensor) -> bool {
        let mut tensors = self.parameters();
        tensors.push(src);
        wants_gradient(&tensors)
    }

    /// The layer in one function of libtorch's, for `(N, S, E)` or a nested tensor.
    fn fused(&self, src: &Tensor, mask: Option<Tensor>, mask_type: Option<i64>) -> Result<Tensor> {
        let parameters = self.parameters();
        let [
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
        ] = parameters[..]
        else {
            unreachable!("a fused layer has all its biases");
        };
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

/// Without masks.
impl ModuleT for TransformerEncoderLayer {
    #[track_caller]
    fn forward_t(&self, src: &Tensor, train: bool) -> Tensor {
        self.forward_masked_t(src, EncoderMasks::default(), train)
    }
}

/// The arguments of `nn.TransformerEncoder` with Python's defaults.
#[derive(Clone, Copy, Debug)]
pub struct TransformerEncoderConfig {
    /// The normalization behind the last layer, Python's `norm=nn.LayerNorm(d_model)`.
    pub norm: Option<LayerNormConfig>,
    /// Whether padding is squeezed out of the batch in evaluation, where the layers allow it.
    pub enable_nested_tensor: bool,
    /// Whether it is looked at first that all padding is behind the steps.
    pub mask_check: bool,
}

impl Default for TransformerEncoderConfig {
    fn default() -> Self {
        Self {
            norm: None,
            enable_nested_tensor: true,
            mask_check: true,
        }
    }
}

/// Layers on each other, as [`transformer_encoder`] makes them.
#[derive(Debug)]
pub struct TransformerEncoder {
    layers: Vec<TransformerEncoderLayer>,
    norm: Option<Norm>,
    config: TransformerEncoderConfig,
}

/// `nn.TransformerEncoder(encoder_layer, num_layers)`: copies of one layer on each other, which
/// start with the same parameters.
///
/// Adds `layers.<i>.…` for each layer, and `norm.…`. As in Python the layer itself is no part of
/// the result. Where no other path is to have it, it is made in a store of its own:
///
/// ```
/// use final_layer::torch::nn;
/// let vs = nn::VarStore::new(tch::Device::Cpu);
/// let scratch = nn::VarStore::new(tch::Device::Cpu);
/// let layer = nn::transformer_encoder_layer(scratch.root(), 32, 4, Default::default());
/// let encoder = nn::transformer_encoder(vs.root() / "encoder", &layer, 2, Default::default());
/// assert!(vs.variables().contains_key("encoder.layers.1.norm2.weight"));
/// ```
///
/// # Panics
/// Where [`f_transformer_encoder`] refuses.
#[track_caller]
pub fn transformer_encoder<'a, T: Borrow<Path<'a>>>(
    vs: T,
    encoder_layer: &TransformerEncoderLayer,
    num_layers: i64,
    config: TransformerEncoderConfig,
) -> TransformerEncoder {
    or_panic(f_transformer_encoder(vs, encoder_layer, num_layers, config))
}

/// As [`transformer_encoder`], with an error where it panics.
///
/// # Errors
/// If the layer has another dtype than `vs`, if there is not enough memory, or if the path has
/// layers already.
pub fn f_transformer_encoder<'a, T: Borrow<Path<'a>>>(
    vs: T,
    encoder_layer: &TransformerEncoderLayer,
    num_layers: i64,
    config: TransformerEncoderConfig,
) -> Result<TransformerEncoder> {
    let vs = vs.borrow();
    let layers = (0..num_layers).map(|i| encoder_layer.copy(&(vs / "layers" / i)));
    let layers = layers.collect::<Result<_>>()?;
    let size = encoder_layer.parts.d_model;
    let norm = config
        .norm
        .map(|norm| Norm::new(&(vs / "norm"), size, norm));
    Ok(TransformerEncoder {
        layers,
        norm: norm.transpose()?,
        config,
    })
}

impl TransformerEncoder {
    /// In Python's order.
    pub(super) fn parameters(&self) -> Vec<&Tensor> {
        let layers = self.layers.iter().flat_map(|layer| layer.parameters());
        let norm = self.norm.iter().flat_map(Norm::parameters);
        layers.chain(norm).collect()
    }

    /// The output `(S, N, E)`; the shapes are those of [`transformer_encoder_layer`], and one sample
    /// is `(S, E)`.
    ///
    /// # Panics
    /// Where [`f_forward_masked_t`](Self::f_forward_masked_t) refuses.
    #[track_caller]
    pub fn forward_masked_t(&self, src: &Tensor, masks: EncoderMasks, train: bool) -> Tensor {
        or_panic(self.f_forward_masked_t(src, masks, train))
    }

    /// As [`forward_masked_t`](Self::forward_masked_t), with an error where it panics.
    ///
    /// # Errors
    /// In Python's words, if shapes or dtypes do not go together, if `is_causal` is given without a
    /// mask, or if there is no layer.
    pub fn f_forward_masked_t(
        &self,
        src: &Tensor,
        masks: EncoderMasks,
        train: bool,
    ) -> Result<Tensor> {
        let kind = src.f_kind()?;
        let padding = masks.src_key_padding_mask;
        let padding = canonical_mask(padding, "src_key_padding_mask", kind)?;
        let mask = canonical_mask(masks.src_mask, "mask", kind)?;
        let first = self.layers.first().ok_or_else(no_layers)?;
        let nested = match &padding {
            Some(padding) if !train && src.dim() == 3 => {
                self.nested(src, padding, mask.is_none())?
            }
            _ => None,
        };
        let mut output = match nested {
            Some(nested) => self.through_nested(nested, &src.size())?,
            None => {
                let batch_first = first.parts.config.batch_first;
                let masks = EncoderMasks {
                    src_mask: mask.as_ref(),
                    src_key_padding_mask: padding.as_ref(),
                    is_causal: Some(is_causal(masks.is_causal, mask.as_ref(), src, batch_first)?),
                };
                let mut output = src.shallow_clone();
                for layer in &self.layers {
                    output = layer.f_forward_masked_t(&output, masks, train)?;
                }
                output
            }
        };
        if let Some(norm) = &self.norm {
            output = norm.forward(&output)?;
        }
        Ok(output)
    }

    /// The input without its padding, where Python takes that path.
    fn nested(&self, src: &Tensor, padding: &Tensor, unmasked: bool) -> Result<Option<Tensor>> {
        let first = &self.layers[0];
        let allowed =
            self.config.enable_nested_tensor && first.is_fused() && !first.parts.config.norm_first;
        if !allowed {
            return Ok(None);
        }
        let valid = padding.f_logical_not()?;
        let lengths = lengths(src, &valid)?;
        let aligned = !self.config.mask_check || is_left_aligned(&valid, &lengths)?;
        if !aligned || !unmasked || first.wants_gradient(src) {
            return Ok(None);
        }
        let features = lengths.f_full_like(src.size()[2])?;
        let sizes = Tensor::f_stack(&[lengths, features], 1)?;
        let sizes = sizes.f_to(tch::Device::Cpu)?;
        Ok(Some(Tensor::f_internal_nested_from_padded(
            src, &sizes, false,
        )?))
    }

    /// All layers on a nested tensor, and back to `size`, with zeros for padding.
    fn through_nested(&self, mut nested: Tensor, size: &[i64]) -> Result<Tensor> {
        for layer in &self.layers {
            if wants_gradient(&layer.parameters()) {
                return Err(Error::Tensor(
                    "MultiheadAttention does not support NestedTensor outside of its fast path. \
                     The fast path was not hit because grad is enabled and at least one of query \
                     or the input/output projection weights or biases requires_grad"
                        .into(),
                ));
            }
            nested = layer.fused(&nested, None, None)?;
        }
        Ok(nested.f_to_padded_tensor(0., size)?)
    }
}

/// How many steps of each sample are valid, `(N,)`.
fn lengths(src: &Tensor, valid: &Tensor) -> Result<Tensor> {
    if valid.dim() != 2 {
        return Err(Error::Tensor("Padding mask should be 2D".into()));
    }
    if valid.size() != src.size()[..2] {
        return Err(Error::Tensor("Mask size should match input size".into()));
    }
    Ok(valid.f_sum_dim_intlist([1].as_slice(), false, Kind::Int64)?)
}

/// Whether each sample's valid steps are its first ones.
fn is_left_aligned(valid: &Tensor, lengths: &Tensor) -> Result<bool> {
    let steps = Tensor::f_arange(valid.size()[1], (Kind::Int64, valid.device()))?;
    let first_ones = steps
        .f_unsqueeze(0)?
        .f_lt_tensor(&lengths.f_unsqueeze(1)?)?;
    Ok(valid.f_equal(&first_ones)?)
}

/// Without masks.
impl ModuleT for TransformerEncoder {
    #[track_caller]
    fn forward_t(&self, src: &Tensor, train: bool) -> Tensor {
        self.forward_masked_t(src, EncoderMasks::default(), train)
    }
}
