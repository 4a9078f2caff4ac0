use std::fmt;
use std::str::FromStr;

use tch::nn::VarStore;

use crate::torch::Result;
use crate::torch::optim::{
    AdadeltaConfig, AdagradConfig, AdamConfig, AdamaxConfig, NAdamConfig, Optimizer, OptimizerOf,
    RAdamConfig, RmsPropConfig, Rule, SgdConfig,
};

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
        let momentum = SgdConfig {
            momentum: 0.9,
            ..SgdConfig::new(lr)
        };
        match self {
            Self::Sgd => build(vs, SgdConfig::new(lr), arguments),
            Self::Momentum => build(vs, momentum, arguments),
            Self::Adam => build(vs, AdamConfig::adam(lr), arguments),
            Self::Adamw => build(vs, AdamConfig::adamw(lr), arguments),
            Self::Rmsprop => build(vs, RmsPropConfig::new(lr), arguments),
            Self::Adagrad => build(vs, AdagradConfig::new(lr), arguments),
            Self::Adadelta => build(vs, AdadeltaConfig::new(lr), arguments),
            Self::Adamax => build(vs, AdamaxConfig::new(lr), arguments),
            Self::NAdam => build(vs, NAdamConfig::new(lr), arguments),
            Self::RAdam => build(vs, RAdamConfig::new(lr), arguments),
        }
    }
}

/// Builds the optimizer from its defaults and the given arguments.
fn build<R: Rule + 'static>(
    vs: &VarStore,
    mut rule: R,
    arguments: Arguments,
) -> Result<Box<dyn Optimizer>> {
    let Arguments {
        weight_decay,
        momentum,
    } = arguments;
    for (name, value) in [("weight_decay", weight_decay), ("momentum", momentum)] {
        if let Some(value) = value {
            rule = rule.with(name, value)?;
        }
    }
    Ok(Box::new(OptimizerOf::new(vs, rule)?))
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
