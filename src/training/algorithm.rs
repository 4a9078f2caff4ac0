use std::fmt;
use std::str::FromStr;

use tch::nn::VarStore;

use crate::torch::optim::{
    Adadelta, AdadeltaConfig, Adagrad, AdagradConfig, Adam, AdamConfig, Adamax, AdamaxConfig,
    NAdam, NAdamConfig, Optimizer, RAdam, RAdamConfig, RmsProp, RmsPropConfig, Sgd, SgdConfig,
};
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
    /// torch.optim.RMSprop
    Rmsprop,
    /// torch.optim.Adagrad
    Adagrad,
    /// torch.optim.Adadelta
    Adadelta,
    /// torch.optim.Adamax
    Adamax,
    /// torch.optim.NAdam
    #[value(name = "nadam")]
    NAdam,
    /// torch.optim.RAdam
    #[value(name = "radam")]
    RAdam,
}

/// An optimizer's arguments besides the learning rate; `None` keeps the algorithm's default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Arguments {
    /// `weight_decay`
    pub weight_decay: Option<f64>,
    /// `momentum`, for SGD and RMSprop only.
    pub momentum: Option<f64>,
}

impl Algorithm {
    /// The optimizer for all trainable variables of `vs`, with learning rate `lr`.
    ///
    /// # Errors
    /// If `lr` is negative, or if `vs` has no trainable variable.
    pub fn build(self, vs: &VarStore, lr: f64) -> Result<Box<dyn Optimizer>> {
        self.build_with(vs, lr, Arguments::default())
    }

    /// As [`Algorithm::build`], with arguments other than the defaults.
    ///
    /// # Errors
    /// As [`Algorithm::build`]; also if an argument is out of range or not supported by the
    /// algorithm.
    pub fn build_with(
        self,
        vs: &VarStore,
        lr: f64,
        arguments: Arguments,
    ) -> Result<Box<dyn Optimizer>> {
        // Builds the optimizer `$class` from the defaults `$config` and the given arguments.
        macro_rules! build {
            ($class:ident, $config:expr) => {{
                let mut config = $config;
                if let Some(weight_decay) = arguments.weight_decay {
                    config.weight_decay = weight_decay;
                }
                Box::new($class::new(vs, config)?)
            }};
        }
        let takes_momentum = matches!(self, Self::Sgd | Self::Momentum | Self::Rmsprop);
        if arguments.momentum.is_some() && !takes_momentum {
            return Err(Error::Argument(format!("{self} does not support momentum")));
        }
        let momentum = |default: f64| arguments.momentum.unwrap_or(default);
        let sgd = |default: f64| SgdConfig {
            momentum: momentum(default),
            ..SgdConfig::new(lr)
        };
        let rms_prop = RmsPropConfig {
            momentum: momentum(0.),
            ..RmsPropConfig::new(lr)
        };
        Ok(match self {
            Self::Sgd => build!(Sgd, sgd(0.)),
            Self::Momentum => build!(Sgd, sgd(0.9)),
            Self::Adam => build!(Adam, AdamConfig::adam(lr)),
            Self::Adamw => build!(Adam, AdamConfig::adamw(lr)),
            Self::Rmsprop => build!(RmsProp, rms_prop),
            Self::Adagrad => build!(Adagrad, AdagradConfig::new(lr)),
            Self::Adadelta => build!(Adadelta, AdadeltaConfig::new(lr)),
            Self::Adamax => build!(Adamax, AdamaxConfig::new(lr)),
            Self::NAdam => build!(NAdam, NAdamConfig::new(lr)),
            Self::RAdam => build!(RAdam, RAdamConfig::new(lr)),
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
            Algorithm::Rmsprop => "rmsprop",
            Algorithm::Adagrad => "adagrad",
            Algorithm::Adadelta => "adadelta",
            Algorithm::Adamax => "adamax",
            Algorithm::NAdam => "nadam",
            Algorithm::RAdam => "radam",
        })
    }
}
