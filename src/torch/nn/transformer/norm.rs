//! Layer normalization, as far as the layers here need it.

use tch::Tensor;
use tch::nn::{Init, Path};

use crate::torch::Result;
use crate::torch::nn::new_parameter;

/// The arguments of `nn.LayerNorm` with Python's defaults.
#[derive(Clone, Copy, Debug)]
pub struct LayerNormConfig {
    /// What is added to the variance.
    pub eps: f64,
    /// Whether there is a bias.
    pub bias: bool,
}

impl Default for LayerNormConfig {
    fn default() -> Self {
        Self {
            eps: 1e-5,
            bias: true,
        }
    }
}

#[derive(Debug)]
pub(super) struct Norm {
    pub weight: Tensor,
    pub bias: Option<Tensor>,
    pub eps: f64,
}

impl Norm {
    pub fn new(vs: &Path, size: i64, config: LayerNormConfig) -> Result<Self> {
        Ok(Self {
            weight: new_parameter(vs, "weight", &[size], Init::Const(1.))?,
            bias: match config.bias {
                true => Some(new_parameter(vs, "bias", &[size], Init::Const(0.))?),
                false => None,
            },
            eps: config.eps,
        })
    }

    pub fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let (weight, bias) = (Some(&self.weight), self.bias.as_ref());
        Ok(input.f_layer_norm(self.weight.size(), weight, bias, self.eps, true)?)
    }

    pub fn parameters(&self) -> Vec<&Tensor> {
        let mut all = vec![&self.weight];
        all.extend(&self.bias);
        all
    }
}
