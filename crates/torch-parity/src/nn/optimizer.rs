//! The optimizers of [`torch::optim`](crate::optim) in the spelling of `tch::nn`.
//!
//! Differences from `tch` besides the bits: `build` returns this crate's [`Error`](crate::Error),
//! `zero_grad` sets gradients to `None` instead of zeroing them, as Python does, and a variable
//! with two names is updated once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tch::Tensor;
use tch::nn::{VarStore, Variables};

use super::or_panic;
use super::utils::{clip_grad_norm_, clip_grad_value_};
use crate::Result;
use crate::native::tensor_id;
use crate::optim::{self, AdamConfig, ParamGroup, RmsPropConfig, Setting, SgdConfig};

/// The configuration from which an optimizer is built.
pub trait OptimizerConfig: Sized {
    /// The optimizer for groups of parameters.
    ///
    /// # Errors
    /// With Python's message, if an argument is out of range.
    fn build_for(self, groups: Vec<ParamGroup>, lr: f64) -> Result<Box<dyn optim::Optimizer>>;

    /// The optimizer for the variables of `vs`, in the parameter groups set by
    /// [`Path::set_group`](tch::nn::Path::set_group). Variables that are added to `vs` later are
    /// included before the next step.
    ///
    /// # Errors
    /// With Python's message, if an argument is out of range.
    fn build(self, vs: &VarStore, lr: f64) -> Result<Optimizer> {
        let mut optimizer = Optimizer {
            optimizer: self.build_for(vec![ParamGroup::default()], lr)?,
            variables: vs.variables_.clone(),
            taken: 0,
            seen: HashSet::new(),
        };
        optimizer.add_missing_variables()?;
        Ok(optimizer)
    }
}

/// `torch.optim.SGD` in `tch`'s spelling.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sgd {
    /// The momentum factor.
    pub momentum: f64,
    /// The dampening of the momentum.
    pub dampening: f64,
    /// Weight decay, an L2 penalty.
    pub wd: f64,
    /// If true, uses Nesterov momentum.
    pub nesterov: bool,
}

/// An [`Sgd`] with these settings.
pub fn sgd(momentum: f64, dampening: f64, wd: f64, nesterov: bool) -> Sgd {
    Sgd {
        momentum,
        dampening,
        wd,
        nesterov,
    }
}

impl OptimizerConfig for Sgd {
    fn build_for(self, groups: Vec<ParamGroup>, lr: f64) -> Result<Box<dyn optim::Optimizer>> {
        let config = SgdConfig {
            momentum: self.momentum,
            dampening: self.dampening,
            weight_decay: self.wd,
            nesterov: self.nesterov,
            ..SgdConfig::new(lr)
        };
        Ok(Box::new(optim::Sgd::new(groups, config)?))
    }
}

/// Defines Adam and AdamW, which have the same settings in `tch`'s spelling but different classes
/// in Python.
macro_rules! adam {
    ($name:ident, $function:ident, $config:path, $python:literal) => {
        #[doc = concat!("`torch.optim.", $python, "` in `tch`'s spelling.")]
        #[derive(Clone, Copy, Debug)]
        pub struct $name {
            /// The decay rate of the running average of the gradient.
            pub beta1: f64,
            /// The decay rate of the running average of its square.
            pub beta2: f64,
            /// Weight decay.
            pub wd: f64,
            /// Added to the denominator.
            pub eps: f64,
            /// If true, divides by the maximum of the second moments so far.
            pub amsgrad: bool,
        }

        impl Default for $name {
            fn default() -> Self {
                let python = $config(0.);
                $function(python.betas.0, python.betas.1, python.weight_decay)
            }
        }

        #[doc = concat!("[`", stringify!($name), "`] with these settings.")]
        pub fn $function(beta1: f64, beta2: f64, wd: f64) -> $name {
            let AdamConfig { eps, amsgrad, .. } = $config(0.);
            $name {
                beta1,
                beta2,
                wd,
                eps,
                amsgrad,
            }
        }

        impl $name {
            /// Sets `beta1`.
            pub fn beta1(self, beta1: f64) -> Self {
                Self { beta1, ..self }
            }

            /// Sets `beta2`.
            pub fn beta2(self, beta2: f64) -> Self {
                Self { beta2, ..self }
            }

            /// Sets the weight decay.
            pub fn wd(self, wd: f64) -> Self {
                Self { wd, ..self }
            }

            /// Sets `eps`.
            pub fn eps(self, eps: f64) -> Self {
                Self { eps, ..self }
            }

            /// Turns `amsgrad` on or off.
            pub fn amsgrad(self, amsgrad: bool) -> Self {
                Self { amsgrad, ..self }
            }
        }

        impl OptimizerConfig for $name {
            fn build_for(
                self,
                groups: Vec<ParamGroup>,
                lr: f64,
            ) -> Result<Box<dyn optim::Optimizer>> {
                let config = AdamConfig {
                    betas: (self.beta1, self.beta2),
                    eps: self.eps,
                    weight_decay: self.wd,
                    amsgrad: self.amsgrad,
                    ..$config(lr)
                };
                Ok(Box::new(optim::Adam::new(groups, config)?))
            }
        }
    };
}

adam!(Adam, adam, AdamConfig::adam, "Adam");
adam!(AdamW, adamw, AdamConfig::adamw, "AdamW");

/// `torch.optim.RMSprop` in `tch`'s spelling.
#[derive(Clone, Copy, Debug)]
pub struct RmsProp {
    /// The decay rate of the running averages.
    pub alpha: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// Weight decay, an L2 penalty.
    pub wd: f64,
    /// The momentum factor.
    pub momentum: f64,
    /// If true, divides by an estimate of the gradient's standard deviation.
    pub centered: bool,
}

impl Default for RmsProp {
    fn default() -> Self {
        let python = RmsPropConfig::new(0.);
        rms_prop(
            python.alpha,
            python.eps,
            python.weight_decay,
            python.momentum,
            python.centered,
        )
    }
}

/// An [`RmsProp`] with these settings.
pub fn rms_prop(alpha: f64, eps: f64, wd: f64, momentum: f64, centered: bool) -> RmsProp {
    RmsProp {
        alpha,
        eps,
        wd,
        momentum,
        centered,
    }
}

impl OptimizerConfig for RmsProp {
    fn build_for(self, groups: Vec<ParamGroup>, lr: f64) -> Result<Box<dyn optim::Optimizer>> {
        let config = RmsPropConfig {
            alpha: self.alpha,
            eps: self.eps,
            weight_decay: self.wd,
            momentum: self.momentum,
            centered: self.centered,
            ..RmsPropConfig::new(lr)
        };
        Ok(Box::new(optim::RmsProp::new(groups, config)?))
    }
}

/// An optimizer for the variables of a `VarStore`, in `tch`'s spelling.
///
/// As in `tch`, its methods panic on errors; those of [`optim::Optimizer`], available through
/// [`Optimizer::as_optim`], return them.
#[derive(Debug)]
pub struct Optimizer {
    optimizer: Box<dyn optim::Optimizer>,
    variables: Arc<Mutex<Variables>>,
    /// The number of the store's trainable variables seen so far.
    taken: usize,
    /// The identities of the optimizer's tensors.
    seen: HashSet<usize>,
}

impl Optimizer {
    /// The underlying optimizer, with its state dict, parameter groups and errors.
    pub fn as_optim(&mut self) -> &mut dyn optim::Optimizer {
        self.optimizer.as_mut()
    }

    /// Adds the variables created in the store since, to the groups with their numbers.
    fn add_missing_variables(&mut self) -> Result<()> {
        let variables = self.variables.clone();
        let variables = variables.lock().unwrap_or_else(PoisonError::into_inner);
        for variable in &variables.trainable_variables[self.taken..] {
            while self.optimizer.group_count() <= variable.group {
                self.optimizer.add_param_group(ParamGroup::default())?;
            }
            if !self.seen.contains(&tensor_id(&variable.tensor)) {
                let params = vec![variable.tensor.shallow_clone()];
                self.optimizer.add_params(variable.group, params)?;
                self.seen.insert(tensor_id(&variable.tensor));
            }
            self.taken += 1;
        }
        Ok(())
    }

    /// Sets the gradients to `None`.
    #[track_caller]
    pub fn zero_grad(&mut self) {
        or_panic(self.add_missing_variables());
        or_panic(self.optimizer.zero_grad(true));
    }

    /// Updates every variable that has a gradient.
    #[track_caller]
    pub fn step(&mut self) {
        or_panic(self.add_missing_variables());
        or_panic(self.optimizer.step());
    }

    /// Sets the gradients to `None`, runs the backward pass of the loss, and updates the variables.
    #[track_caller]
    pub fn backward_step(&mut self, loss: &Tensor) {
        self.zero_grad();
        loss.backward();
        self.step();
    }

    /// As [`Optimizer::backward_step`], with gradients clipped to −`max` … `max` in between.
    #[track_caller]
    pub fn backward_step_clip(&mut self, loss: &Tensor, max: f64) {
        self.zero_grad();
        loss.backward();
        self.clip_grad_value(max);
        self.step();
    }

    /// As [`Optimizer::backward_step`], with the norm of all gradients clipped to `max` in between.
    #[track_caller]
    pub fn backward_step_clip_norm(&mut self, loss: &Tensor, max: f64) {
        self.zero_grad();
        loss.backward();
        self.clip_grad_norm(max);
        self.step();
    }

    /// `torch.nn.utils.clip_grad_value_`
    #[track_caller]
    pub fn clip_grad_value(&self, max: f64) {
        or_panic(clip_grad_value_(&self.params(), max));
    }

    /// `torch.nn.utils.clip_grad_norm_`
    #[track_caller]
    pub fn clip_grad_norm(&self, max: f64) {
        let _ = or_panic(clip_grad_norm_(&self.params(), max, 2., false));
    }

    /// The optimizer's tensors without duplicates.
    fn params(&self) -> Vec<Tensor> {
        let groups = (0..self.optimizer.group_count()).map(|group| self.optimizer.params(group));
        groups.flatten().map(Tensor::shallow_clone).collect()
    }

    /// The learning rate of the first group.
    pub fn lr(&self) -> f64 {
        self.optimizer.lr(0)
    }

    /// Sets the learning rate of every group.
    pub fn set_lr(&mut self, lr: f64) {
        for group in 0..self.optimizer.group_count() {
            self.set_lr_group(group, lr);
        }
    }

    /// Sets the learning rate of one group.
    pub fn set_lr_group(&mut self, group: usize, lr: f64) {
        self.optimizer.set_lr(group, lr);
    }

    /// Sets the momentum of every group; with Adam, `beta1`.
    pub fn set_momentum(&mut self, momentum: f64) {
        for group in 0..self.optimizer.group_count() {
            self.set_momentum_group(group, momentum);
        }
    }

    /// Sets the momentum of one group; with Adam, `beta1`.
    pub fn set_momentum_group(&mut self, group: usize, momentum: f64) {
        self.optimizer.set_momentum(group, momentum);
    }

    /// Sets the weight decay of every group.
    #[track_caller]
    pub fn set_weight_decay(&mut self, weight_decay: f64) {
        for group in 0..self.optimizer.group_count() {
            self.set_weight_decay_group(group, weight_decay);
        }
    }

    /// Sets the weight decay of one group.
    #[track_caller]
    pub fn set_weight_decay_group(&mut self, group: usize, weight_decay: f64) {
        let value = Setting::Float(weight_decay);
        or_panic(self.optimizer.set_setting(group, "weight_decay", value));
    }

    /// The trainable variables of the store; a variable with two names is listed twice, as in
    /// `tch`.
    pub fn trainable_variables(&self) -> Vec<Tensor> {
        let variables = self
            .variables
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let variables = variables.trainable_variables.iter();
        variables
            .map(|variable| variable.tensor.shallow_clone())
            .collect()
    }
}
