use std::fmt;
use std::str::FromStr;

use tch::nn::VarStore;

use crate::torch::optim::{Adam, AdamConfig, Optimizer, Sgd, SgdConfig};
use crate::torch::{Error, Result};

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

/// An optimizer's arguments beside the learning rate; `None` is the algorithm's default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Arguments {
    /// `weight_decay`
    pub weight_decay: Option<f64>,
    /// `momentum`, of SGD alone.
    pub momentum: Option<f64>,
}

impl Algorithm {
    /// The optimizer for all trainable variables of `vs`, with learning rate `lr`.
    ///
    /// # Errors
    /// If `lr` is negative, or if `vs` has no variable.
    pub fn build(self, vs: &VarStore, lr: f64) -> Result<Box<dyn Optimizer>> {
        self.build_with(vs, lr, Arguments::default())
    }

    /// As [`Algorithm::build`], with other arguments than the defaults.
    ///
    /// # Errors
    /// As [`Algorithm::build`]; if an argument is out of range, or is not the algorithm's.
    pub fn build_with(
        self,
        vs: &VarStore,
        lr: f64,
        arguments: Arguments,
    ) -> Result<Box<dyn Optimizer>> {
        let decay = |default: f64| arguments.weight_decay.unwrap_or(default);
        let sgd = |momentum: f64| {
            let default = SgdConfig::new(lr);
            let config = SgdConfig {
                momentum: arguments.momentum.unwrap_or(momentum),
                weight_decay: decay(default.weight_decay),
                ..default
            };
            Sgd::new(vs, config)
        };
        let adam = |default: AdamConfig| {
            if arguments.momentum.is_some() {
                return Err(Error::Argument(format!("{self} takes no momentum")));
            }
            let config = AdamConfig {
                weight_decay: decay(default.weight_decay),
                ..default
            };
            Adam::new(vs, config)
        };
        Ok(match self {
            Algorithm::Sgd => Box::new(sgd(0.)?),
            Algorithm::Momentum => Box::new(sgd(0.9)?),
            Algorithm::Adam => Box::new(adam(AdamConfig::adam(lr))?),
            Algorithm::Adamw => Box::new(adam(AdamConfig::adamw(lr))?),
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
