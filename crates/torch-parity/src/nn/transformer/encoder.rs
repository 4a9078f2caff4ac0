//! `torch.nn.TransformerEncoder`.

use std::borrow::Borrow;

use tch::nn::{ModuleT, Path};
use tch::{Device, Kind, Tensor};

use super::encoder_layer::{EncoderMasks, TransformerEncoderLayer};
use super::layer::norm_parameters;
use super::{is_causal, no_layers};
use crate::nn::attention::canonical_mask;
use crate::nn::normalization::{LayerNorm, LayerNormConfig, f_layer_norm};
use crate::nn::{arguments, or_panic, wants_gradient};
use crate::{Error, Result};

arguments! {
    /// The arguments of `nn.TransformerEncoder` with Python's defaults.
    #[derive(Clone, Copy, Debug)]
    pub struct TransformerEncoderConfig {
        /// The normalization after the last layer, Python's `norm=nn.LayerNorm(d_model)`.
        norm: Option<LayerNormConfig> = None,
        /// If true, evaluation removes padding from the batch, if the layers support it.
        enable_nested_tensor: bool = true,
        /// If true, first checks that all padding is at the end.
        mask_check: bool = true,
    }
}

/// Stacked layers, created by [`transformer_encoder`].
#[derive(Debug)]
pub struct TransformerEncoder {
    layers: Vec<TransformerEncoderLayer>,
    norm: Option<LayerNorm>,
    config: TransformerEncoderConfig,
}

/// `nn.TransformerEncoder(encoder_layer, num_layers)`: stacked copies of one layer, which start
/// with the same parameters.
///
/// Adds `layers.<i>.…` for each layer, and `norm.…`. As in Python, the given layer is not part of
/// the result. If it should not be part of any state dict, create it in a separate store:
///
/// ```
/// use torch_parity::nn;
/// let vs = nn::VarStore::new(tch::Device::Cpu);
/// let scratch = nn::VarStore::new(tch::Device::Cpu);
/// let layer = nn::transformer_encoder_layer(scratch.root(), 32, 4, Default::default());
/// let encoder = nn::transformer_encoder(vs.root() / "encoder", &layer, 2, Default::default());
/// assert!(vs.variables().contains_key("encoder.layers.1.norm2.weight"));
/// ```
///
/// # Panics
/// If [`f_transformer_encoder`] returns an error.
#[track_caller]
pub fn transformer_encoder<'a, T: Borrow<Path<'a>>>(
    vs: T,
    encoder_layer: &TransformerEncoderLayer,
    num_layers: i64,
    config: TransformerEncoderConfig,
) -> TransformerEncoder {
    or_panic(f_transformer_encoder(vs, encoder_layer, num_layers, config))
}

/// As [`transformer_encoder`], but returns an error instead of panicking.
///
/// # Errors
/// If the layer and `vs` have different dtypes, if there is not enough memory, or if the path has
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
        .map(|norm| f_layer_norm(vs / "norm", vec![size], norm));
    Ok(TransformerEncoder {
        layers,
        norm: norm.transpose()?,
        config,
    })
}

impl TransformerEncoder {
    /// The parameters in Python's order.
    pub(super) fn parameters(&self) -> Vec<&Tensor> {
        let layers = self.layers.iter().flat_map(|layer| layer.parameters());
        let norm = self.norm.iter().flat_map(norm_parameters);
        layers.chain(norm).collect()
    }

    /// The output `(S, N, E)`. The shapes are those of
    /// [`transformer_encoder_layer`](super::transformer_encoder_layer); an unbatched input is `(S,
    /// E)`.
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
    /// With Python's message, if shapes or dtypes do not match, if `is_causal` is given without a
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
            output = norm.f_forward(&output)?;
        }
        Ok(output)
    }

    /// The input without its padding, if Python takes that path; otherwise `None`.
    fn nested(&self, src: &Tensor, padding: &Tensor, unmasked: bool) -> Result<Option<Tensor>> {
        let first = &self.layers[0];
        let allowed = self.config.enable_nested_tensor
            && first.is_fusable()
            && !first.parts.config.norm_first;
        if !allowed {
            return Ok(None);
        }
        let valid = padding.f_logical_not()?;
        let lengths = lengths(src, &valid)?;
        let aligned = !self.config.mask_check || is_left_aligned(&valid, &lengths)?;
        let wanted = wants_gradient(&[src]) || first.fused_parameters().is_none();
        if !aligned || !unmasked || wanted {
            return Ok(None);
        }
        let features = lengths.f_full_like(src.size()[2])?;
        let sizes = Tensor::f_stack(&[lengths, features], 1)?;
        let sizes = sizes.f_to(Device::Cpu)?;
        Ok(Some(Tensor::f_internal_nested_from_padded(
            src, &sizes, false,
        )?))
    }

    /// Applies all layers to a nested tensor and restores `size`, with zeros as padding.
    fn through_nested(&self, mut nested: Tensor, size: &[i64]) -> Result<Tensor> {
        for layer in &self.layers {
            let parameters = layer.fused_parameters().ok_or_else(|| {
                Error::Tensor(
                    "MultiheadAttention does not support NestedTensor outside of its fast path. \
                     The fast path was not hit because grad is enabled and at least one of query \
                     or the input/output projection weights or biases requires_grad"
                        .into(),
                )
            })?;
            nested = layer.fused(&nested, parameters, (None, None))?;
        }
        Ok(nested.f_to_padded_tensor(0., size)?)
    }
}

/// The number of valid steps of each sample, `(N,)`.
fn lengths(src: &Tensor, valid: &Tensor) -> Result<Tensor> {
    if valid.dim() != 2 {
        return Err(Error::Tensor("Padding mask should be 2D".into()));
    }
    if valid.size() != src.size()[..2] {
        return Err(Error::Tensor("Mask size should match input size".into()));
    }
    Ok(valid.f_sum_dim_intlist([1].as_slice(), false, Kind::Int64)?)
}

/// Returns true if each sample's valid steps come first.
fn is_left_aligned(valid: &Tensor, lengths: &Tensor) -> Result<bool> {
    let steps = Tensor::f_arange(valid.size()[1], (Kind::Int64, valid.device()))?;
    let first_ones = steps
        .f_unsqueeze(0)?
        .f_lt_tensor(&lengths.f_unsqueeze(1)?)?;
    Ok(valid.f_equal(&first_ones)?)
}

/// The forward pass without masks.
impl ModuleT for TransformerEncoder {
    #[track_caller]
    fn forward_t(&self, src: &Tensor, train: bool) -> Tensor {
        self.forward_masked_t(src, EncoderMasks::default(), train)
    }
}
