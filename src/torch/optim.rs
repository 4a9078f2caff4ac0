//! `torch.optim`: SGD, Adam and AdamW with Python's defaults and Python's bits.
//!
//! SGD is `tch`'s, whose C++ performs the same operations in the same order. Adam and AdamW are
//! written out from tensor operations, because C++ orders them otherwise and parts from Python at
//! the second step:
//!
//! | | C++ (`tch`) | Python |
//! | --- | --- | --- |
//! | first moment | `m.mul_(β₁).add_(g, 1 − β₁)` | `m.lerp_(g, 1 − β₁)` |
//! | second bias correction | `sqrt(1 − β₂ᵗ)` | `(1 − β₂ᵗ) ** 0.5` |
//!
//! Source: `_single_tensor_adam` in `torch/optim/adam.py`, `torch/csrc/api/src/optim/adam.cpp`.

use std::fmt;

use anyhow::Result;
use tch::nn::{OptimizerConfig, VarStore};
use tch::{Tensor, no_grad};

/// What a training step asks of an optimizer, as in Python.
pub trait Optimizer {
    /// Forgets the gradients of the last step.
    fn zero_grad(&mut self);
    /// Moves every parameter that has a gradient.
    fn step(&mut self);
}

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
    /// The optimizer for all parameters of `vs`, with learning rate `lr`.
    pub fn build(self, vs: &VarStore, lr: f64) -> Result<Box<dyn Optimizer>> {
        let sgd = |momentum| tch::nn::sgd(momentum, 0., 0., false).build(vs, lr);
        Ok(match self {
            Algorithm::Sgd => Box::new(sgd(0.)?),
            Algorithm::Momentum => Box::new(sgd(0.9)?),
            Algorithm::Adam => Box::new(Adam::new(vs, AdamConfig::adam(lr))),
            Algorithm::Adamw => Box::new(Adam::new(vs, AdamConfig::adamw(lr))),
        })
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

/// `torch.optim.SGD`, in all its variants (momentum, dampening, Nesterov, weight decay).
impl Optimizer for tch::nn::Optimizer {
    fn zero_grad(&mut self) {
        tch::nn::Optimizer::zero_grad(self);
    }

    fn step(&mut self) {
        tch::nn::Optimizer::step(self);
    }
}

/// The arguments of `torch.optim.Adam` and `torch.optim.AdamW`, under their names there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamConfig {
    /// Learning rate.
    pub lr: f64,
    /// Decay of the running averages of the gradient and of its square.
    pub betas: (f64, f64),
    /// Added to the denominator.
    pub eps: f64,
    /// Weight decay: an L2 penalty in Adam, a shrinking of the weights in AdamW.
    pub weight_decay: f64,
    /// Whether to divide by the largest second moment so far (Reddi et al. 2018).
    pub amsgrad: bool,
    /// Whether the weight decay is AdamW's (Loshchilov and Hutter 2019).
    pub decoupled_weight_decay: bool,
}

impl AdamConfig {
    /// `torch.optim.Adam(params, lr)`.
    pub fn adam(lr: f64) -> Self {
        Self {
            lr,
            betas: (0.9, 0.999),
            eps: 1e-8,
            weight_decay: 0.,
            amsgrad: false,
            decoupled_weight_decay: false,
        }
    }

    /// `torch.optim.AdamW(params, lr)`.
    pub fn adamw(lr: f64) -> Self {
        Self {
            weight_decay: 0.01,
            decoupled_weight_decay: true,
            ..Self::adam(lr)
        }
    }
}

/// `torch.optim.Adam`, and with [`AdamConfig::decoupled_weight_decay`] `torch.optim.AdamW`.
#[derive(Debug)]
pub struct Adam {
    config: AdamConfig,
    params: Vec<Tensor>,
    state: Vec<AdamState>,
}

/// What Adam keeps for one parameter: an entry of `optimizer.state_dict()["state"]`.
///
/// The tensors have the shape, dtype and device of the parameter.
#[derive(Debug)]
pub struct AdamState {
    /// How many steps this parameter has taken.
    pub step: i64,
    /// m, the running average of the gradient.
    pub exp_avg: Tensor,
    /// v, the running average of its square.
    pub exp_avg_sq: Tensor,
    /// The largest v so far; `None` without `amsgrad`.
    pub max_exp_avg_sq: Option<Tensor>,
}

impl AdamState {
    fn new(param: &Tensor, amsgrad: bool) -> Self {
        Self {
            step: 0,
            exp_avg: param.zeros_like(),
            exp_avg_sq: param.zeros_like(),
            max_exp_avg_sq: amsgrad.then(|| param.zeros_like()),
        }
    }
}

impl Adam {
    /// An optimizer for all trainable variables of `vs`, which have to be on their device by now.
    pub fn new(vs: &VarStore, config: AdamConfig) -> Self {
        let params = vs.trainable_variables();
        prepare_sqrt();
        let new_state = |param| no_grad(|| AdamState::new(param, config.amsgrad));
        Self {
            state: params.iter().map(new_state).collect(),
            params,
            config,
        }
    }

    /// The state of each parameter, in the order in which the network made them.
    pub fn state(&self) -> &[AdamState] {
        &self.state
    }
}

impl Optimizer for Adam {
    // Python drops the gradients instead, so that the next backward pass stores -0.0 where
    // 0.0 + -0.0 makes 0.0 here. No update can tell the two zeros apart.
    fn zero_grad(&mut self) {
        for param in &mut self.params {
            param.zero_grad();
        }
    }

    fn step(&mut self) {
        no_grad(|| {
            for (param, state) in self.params.iter_mut().zip(&mut self.state) {
                let grad = param.grad();
                if grad.defined() {
                    single_tensor_adam(param, grad, state, &self.config);
                }
            }
        });
    }
}

/// One parameter's update, line by line as `_single_tensor_adam`. `tch` drops the argument
/// `value` of `addcmul_` and `addcdiv_`; the kernels multiply it into the first factor before
/// anything else, so multiplying beforehand gives the same bits (on a CPU).
fn single_tensor_adam(
    param: &mut Tensor,
    grad: Tensor,
    state: &mut AdamState,
    config: &AdamConfig,
) {
    let &AdamConfig {
        lr,
        betas: (beta1, beta2),
        eps,
        weight_decay,
        ..
    } = config;
    let mut grad = grad;
    state.step += 1; // step_t += 1

    if weight_decay != 0. {
        if config.decoupled_weight_decay {
            *param *= 1. - lr * weight_decay; // param.mul_(1 - lr * weight_decay)
        } else {
            grad = add_alpha(&grad, param, weight_decay); // grad.add(param, alpha=weight_decay)
        }
    }

    // exp_avg.lerp_(grad, 1 - beta1)
    let _ = state.exp_avg.lerp_(&grad, 1. - beta1);
    // exp_avg_sq.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
    state.exp_avg_sq *= beta2;
    let _ = state.exp_avg_sq.addcmul_(&(&grad * (1. - beta2)), &grad);

    let bias_correction1 = 1. - beta1.powf(state.step as f64); // 1 - beta1 ** step
    let bias_correction2 = 1. - beta2.powf(state.step as f64); // 1 - beta2 ** step
    let step_size = lr / bias_correction1;
    let bias_correction2_sqrt = bias_correction2.powf(0.5); // bias_correction2 ** 0.5

    let exp_avg_sq = match &mut state.max_exp_avg_sq {
        Some(max) => {
            *max = max.maximum(&state.exp_avg_sq); // torch.maximum(max, exp_avg_sq, out=max)
            &*max
        }
        None => &state.exp_avg_sq,
    };
    // denom = (exp_avg_sq.sqrt() / bias_correction2_sqrt).add_(eps)
    let denom = exp_avg_sq.sqrt() / bias_correction2_sqrt + eps;
    // param.addcdiv_(exp_avg, denom, value=-step_size)
    let _ = param.addcdiv_(&(&state.exp_avg * -step_size), &denom);
}

/// Takes one square root on one thread, before two threads take the first ones of the process.
///
/// Without this, in about 1 of 60 fresh processes, one thread's share of the first Adam step came
/// out 3e-4 off (relative), from equal gradients. The square root is the one operation of the step
/// that libtorch leaves to a mathematics library (MKL), so its set-up by two threads at once is the
/// likely cause. Python calls the same library, and its reference here does the same.
fn prepare_sqrt() {
    let _ = Tensor::from(1f32).sqrt();
}

/// `a.add(b, alpha=alpha)`. The kernel rounds a + α·b once; `tch` has no `alpha`, and `a + b * α`
/// would round twice. `addcmul` rounds once as well, and here its product is α·b.
fn add_alpha(a: &Tensor, b: &Tensor, alpha: f64) -> Tensor {
    a.addcmul(b, &Tensor::full_like(b, alpha))
}
