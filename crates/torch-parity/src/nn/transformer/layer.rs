//! The common parts of encoder and decoder layers.

use tch::nn::{Init, Linear, Path};
use tch::{Tensor, no_grad};

use crate::nn::arguments;
use crate::nn::attention::{
    AttentionOptions, MultiheadAttention, MultiheadAttentionConfig, f_multihead_attention,
};
use crate::nn::functional::check_probability;
use crate::nn::linear::{LinearConfig, f_linear};
use crate::nn::normalization::{LayerNorm, LayerNormConfig, f_layer_norm};
use crate::print::dtype_name;
use crate::{Error, Result};

/// The activation between the two linear layers of a Transformer layer.
#[derive(Clone, Copy, Debug, Default)]
pub enum Activation {
    /// max(0, x), `"relu"`.
    #[default]
    Relu,
    /// x · Φ(x), `"gelu"`.
    Gelu,
    /// Any other function; as in Python, an encoder then has no fused path.
    Custom(fn(&Tensor) -> Tensor),
}

arguments! {
    /// The arguments of `nn.TransformerEncoderLayer` and `nn.TransformerDecoderLayer` with Python's
    /// defaults.
    #[derive(Clone, Copy, Debug)]
    pub struct TransformerLayerConfig {
        /// The number of features between the two linear layers.
        dim_feedforward: i64 = 2048,
        /// The probability with which dropout zeroes an element in training.
        dropout: f64 = 0.1,
        /// The activation between the two linear layers.
        activation: Activation = Activation::Relu,
        /// Added to the variance in layer normalization.
        layer_norm_eps: f64 = 1e-5,
        /// If true, inputs and outputs are `(N, L, E)` instead of `(L, N, E)`.
        batch_first: bool = false,
        /// If true, normalizes before each block instead of after it.
        norm_first: bool = false,
        /// If true, linear layers, attentions and normalizations have biases.
        bias: bool = true,
    }
}

/// The initial values of a new layer's parameters.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Start {
    /// Drawn in Python's order.
    Drawn,
    /// Zeros, to be overwritten by copies from another layer.
    Zeros,
}

/// The arguments from which the parts of a layer are created.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    pub d_model: i64,
    pub nhead: i64,
    pub config: TransformerLayerConfig,
}

impl Parts {
    pub fn attention(&self, vs: &Path, start: Start) -> Result<MultiheadAttention> {
        let config = MultiheadAttentionConfig {
            dropout: self.config.dropout,
            bias: self.config.bias,
            batch_first: self.config.batch_first,
            ..Default::default()
        };
        match start {
            Start::Drawn => f_multihead_attention(vs, self.d_model, self.nhead, config),
            Start::Zeros => MultiheadAttention::zeros(vs, self.d_model, self.nhead, config),
        }
    }

    pub fn feedforward(&self, vs: &Path, start: Start) -> Result<FeedForward> {
        let mut config = LinearConfig {
            bias: self.config.bias,
            ..Default::default()
        };
        if start == Start::Zeros {
            config.ws_init = Init::Const(0.);
            config.bs_init = Some(Init::Const(0.));
        }
        let (size, inner) = (self.d_model, self.config.dim_feedforward);
        let linear1 = f_linear(vs / "linear1", size, inner, config)?;
        check_probability(self.config.dropout)?;
        Ok(FeedForward {
            linear1,
            linear2: f_linear(vs / "linear2", inner, size, config)?,
            activation: self.config.activation,
            dropout: self.config.dropout,
        })
    }

    pub fn norm(&self, vs: &Path) -> Result<LayerNorm> {
        let config = LayerNormConfig {
            eps: self.config.layer_norm_eps,
            bias: self.config.bias,
            ..Default::default()
        };
        f_layer_norm(vs, vec![self.d_model], config)
    }
}

/// The weight and the bias, if present.
pub(super) fn norm_parameters(norm: &LayerNorm) -> impl Iterator<Item = &Tensor> {
    norm.ws.iter().chain(&norm.bs)
}

/// Two linear layers.
#[derive(Debug)]
pub(super) struct FeedForward {
    pub linear1: Linear,
    pub linear2: Linear,
    activation: Activation,
    dropout: f64,
}

impl FeedForward {
    /// `_ff_block`.
    pub fn forward_t(&self, input: &Tensor, train: bool) -> Result<Tensor> {
        let inner = input.f_linear(&self.linear1.ws, self.linear1.bs.as_ref())?;
        let inner = match self.activation {
            Activation::Relu => inner.f_relu()?,
            Activation::Gelu => inner.f_gelu("none")?,
            Activation::Custom(function) => function(&inner),
        };
        let inner = inner.f_dropout(self.dropout, train)?;
        let output = inner.f_linear(&self.linear2.ws, self.linear2.bs.as_ref())?;
        Ok(output.f_dropout(self.dropout, train)?)
    }

    pub fn parameters(&self) -> Vec<&Tensor> {
        let mut all = Vec::new();
        for layer in [&self.linear1, &self.linear2] {
            all.push(&layer.ws);
            all.extend(&layer.bs);
        }
        all
    }
}

/// Masks for one attention.
#[derive(Clone, Copy, Default)]
pub(super) struct Masks<'a> {
    pub attn: Option<&'a Tensor>,
    pub key_padding: Option<&'a Tensor>,
    pub is_causal: bool,
}

/// `_sa_block` and `_mha_block`: attention over `memory`, without attention weights, then dropout.
/// For self-attention `query` and `memory` are the same reference.
pub(super) fn attend(
    attention: &MultiheadAttention,
    query: &Tensor,
    memory: &Tensor,
    masks: Masks,
    train: bool,
) -> Result<Tensor> {
    let options = AttentionOptions {
        attn_mask: masks.attn,
        key_padding_mask: masks.key_padding,
        is_causal: masks.is_causal,
        need_weights: false,
        ..Default::default()
    };
    let (output, _) = attention.f_forward_t(query, memory, memory, options, train)?;
    Ok(output.f_dropout(attention.dropout(), train)?)
}

/// Copies a layer's parameters, as `copy.deepcopy` does.
pub(super) fn copy_parameters(from: &[&Tensor], to: &[&Tensor]) -> Result<()> {
    for (from, to) in from.iter().zip(to) {
        if from.f_kind()? != to.f_kind()? {
            return Err(Error::Tensor(format!(
                "cannot copy a layer of dtype {} to a path of dtype {}",
                dtype_name(from.f_kind()?),
                dtype_name(to.f_kind()?)
            )));
        }
        no_grad(|| to.shallow_clone().f_copy_(from))?;
        let _ = to.f_set_requires_grad(from.requires_grad())?;
    }
    Ok(())
}
