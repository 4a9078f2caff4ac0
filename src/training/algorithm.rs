use std::fmt;
use std::str::FromStr;

use tch::nn::VarStore;

use crate::torch::Result;
use crate::torch::optim::{Adam, AdamConfig, Optimizer, Sgd, SgdConfig};

/// The optimizers that the command line offers, each with PyTorch's defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Algorithm {
    /// torch.optim.SGD
    Sgd,
    /// torch.optim.SGD with momentum 0.9
    Momentum,
    /// torch.optim.Adam
    Adam,
    /// torch.optim.AdamW (weight decay 0.01)
    Adamw,
}

impl Algorithm {
    /// The optimizer for all trainable variables of `vs`, with learning rate `lr`.
    ///
    /// # Errors
    /// If `lr` is negative, or if `vs` has no variable.
    pub fn build(self, vs: &VarStore, lr: f64) -> Result<Box<dyn Optimizer>> {
        let momentum = SgdConfig {
            momentum: 0.9,
            ..SgdConfig::new(lr)
        };
        Ok(match self {
            Algorithm::Sgd => Box::new(Sgd::new(vs, SgdConfig::new(lr))?),
            Algorithm::Momentum => Box::new(Sgd::new(vs, momentum)?),
            Algorithm::Adam => Box::new(Adam::new(vs, AdamConfig::adam(lr))?),
            Algorithm::Adamw => Box::new(Adam::new(vs, AdamConfig::adamw(lr))?),
        })
    }
}

impl FromStr for Algorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        clap::ValueEnum::from_str(text, false)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Algorithm::Sgd => "sgd",
            Algorithm::Momentum => "momentum",
            Algorithm::Adam => "adam",
            Algorithm::Adamw => "adamw",
        })
    }
}
