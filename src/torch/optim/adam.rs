use tch::nn::VarStore;
use tch::{Tensor, no_grad};

use super::elementwise::{self, AdamStep};
use super::{Optimizer, add_alpha};
use crate::torch::Result;
use crate::torch::serialization::NamedTensors;
use crate::torch::serialization::check_state_dict;

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
    /// Whether the update element by element gives the bits of the tensor form, on this processor.
    elementwise: bool,
    params: Vec<Tensor>,
    state: Vec<AdamState>,
}

/// What Adam keeps for one parameter: tensors with the shape, dtype and device of the parameter.
#[derive(Debug)]
struct AdamState {
    /// How many steps this parameter has taken: in Python, too, a float32.
    step: f32,
    /// m, the running average of the gradient.
    exp_avg: Tensor,
    /// v, the running average of its square.
    exp_avg_sq: Tensor,
    /// The largest v so far; `None` without `amsgrad`.
    max_exp_avg_sq: Option<Tensor>,
    /// Room for what [`elementwise_adam`] computes in between.
    denom: Tensor,
}

impl AdamState {
    fn new(param: &Tensor, amsgrad: bool) -> Self {
        Self {
            step: 0.,
            exp_avg: param.zeros_like(),
            exp_avg_sq: param.zeros_like(),
            max_exp_avg_sq: amsgrad.then(|| param.zeros_like()),
            denom: param.zeros_like(),
        }
    }

    /// The tensors under Python's names, `step` among them.
    fn named(&self) -> Vec<(&'static str, Tensor)> {
        let mut named = vec![
            ("step", Tensor::from(self.step)),
            ("exp_avg", self.exp_avg.shallow_clone()),
            ("exp_avg_sq", self.exp_avg_sq.shallow_clone()),
        ];
        if let Some(max) = &self.max_exp_avg_sq {
            named.push(("max_exp_avg_sq", max.shallow_clone()));
        }
        named
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
            elementwise: no_grad(|| elementwise_is_exact(&config)),
            config,
        }
    }
}

/// Whether [`elementwise_adam`] gives the bits of [`single_tensor_adam`].
fn elementwise_is_exact(config: &AdamConfig) -> bool {
    if config.amsgrad || (config.weight_decay != 0. && !config.decoupled_weight_decay) {
        return false;
    }
    let new_state = || AdamState::new(&elementwise::numbers(0), config.amsgrad);
    let (mut one, mut other) = (new_state(), new_state());
    let params_agree = elementwise::same_bits(
        |param, grad| {
            one.step += 1.;
            single_tensor_adam(param, grad.shallow_clone(), &mut one, config);
        },
        |param, grad| {
            other.step += 1.;
            elementwise_adam(param, grad, &mut other, config);
        },
    );
    params_agree
        && elementwise::equal(&one.exp_avg, &other.exp_avg)
        && elementwise::equal(&one.exp_avg_sq, &other.exp_avg_sq)
}

impl Optimizer for Adam {
    fn zero_grad(&mut self) {
        super::zero_grad(&mut self.params);
    }

    fn step(&mut self) {
        no_grad(|| {
            for (param, state) in self.params.iter_mut().zip(&mut self.state) {
                let mut grad = param.grad();
                if !grad.defined() {
                    continue;
                }
                state.step += 1.; // step_t += 1
                let done =
                    self.elementwise && elementwise_adam(param, &mut grad, state, &self.config);
                if !done {
                    single_tensor_adam(param, grad, state, &self.config);
                }
            }
        });
    }

    fn state_dict(&self) -> NamedTensors {
        let mut dict = NamedTensors::new();
        for (i, state) in self.state.iter().enumerate() {
            let named = state.named().into_iter();
            dict.extend(named.map(|(name, tensor)| (format!("{i}.{name}"), tensor)));
        }
        dict
    }

    fn load_state_dict(&mut self, dict: &NamedTensors) -> Result<()> {
        check_state_dict(&self.state_dict(), dict)?;
        for (i, state) in self.state.iter_mut().enumerate() {
            state.step = f32::try_from(&dict[&format!("{i}.step")])?;
            // The first is the step, a copy.
            for (name, mut tensor) in state.named().into_iter().skip(1) {
                tensor.f_copy_(&dict[&format!("{i}.{name}")])?;
            }
        }
        Ok(())
    }
}

/// One parameter's update, line by line as `_single_tensor_adam`. `tch` drops the argument
/// `value` of `addcmul_` and `addcdiv_`; the kernels multiply it into the first factor before
/// anything else, so multiplying beforehand gives the same bits (on a CPU; of a GPU see
/// [`super`]).
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

    let (step_size, bias_correction2_sqrt) = corrections(state.step, config);

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

/// The step size and the square root of the second bias correction, at step `step`.
fn corrections(step: f32, config: &AdamConfig) -> (f64, f64) {
    let (beta1, beta2) = config.betas;
    let bias_correction1 = 1. - beta1.powf(f64::from(step)); // 1 - beta1 ** step
    let bias_correction2 = 1. - beta2.powf(f64::from(step)); // 1 - beta2 ** step
    let step_size = config.lr / bias_correction1;
    let bias_correction2_sqrt = bias_correction2.powf(0.5); // bias_correction2 ** 0.5
    (step_size, bias_correction2_sqrt)
}

/// [`single_tensor_adam`] in fewer passes, where the tensors are made for it; else returns false.
fn elementwise_adam(
    param: &mut Tensor,
    grad: &mut Tensor,
    state: &mut AdamState,
    config: &AdamConfig,
) -> bool {
    let (step_size, bias_correction2_sqrt) = corrections(state.step, config);
    let step = AdamStep {
        decay: 1. - config.lr * config.weight_decay,
        betas: config.betas,
        bias_correction2_sqrt,
        eps: config.eps,
        step_size,
    };
    let AdamState {
        exp_avg,
        exp_avg_sq,
        denom,
        ..
    } = state;
    elementwise::adam(param, grad, [exp_avg, exp_avg_sq, denom], &step)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Fifty steps of either form, on as many elements as leave a rest in vectors of any length.
    #[test]
    fn both_forms_give_the_same_bits() {
        for config in [AdamConfig::adam(1e-3), AdamConfig::adamw(0.02)] {
            let mut optimizers = [true, false].map(|elementwise| {
                let vs = VarStore::new(tch::Device::Cpu);
                let start = elementwise::numbers(0).view([1021, 1])
                    * elementwise::numbers(1).narrow(0, 0, 33);
                let _ = vs.root().var_copy("w", &start);
                let mut adam = Adam::new(&vs, config);
                #[cfg(target_arch = "x86_64")]
                if is_x86_feature_detected!("fma") {
                    assert!(adam.elementwise, "the fast form is not in use");
                }
                adam.elementwise &= elementwise;
                (vs, adam)
            });
            for step in 0..50 {
                for (vs, adam) in &mut optimizers {
                    let w = &vs.variables()["w"];
                    let noise = elementwise::numbers(step).view([1021, 1]);
                    adam.zero_grad();
                    (w.tanh() * noise).sum(tch::Kind::Float).backward();
                    adam.step();
                }
            }
            let [one, other] = optimizers.map(|(vs, _)| vs.variables()["w"].detach());
            assert!(elementwise::equal(&one, &other));
            assert!(!elementwise::equal(&one, &one.zeros_like()));
        }
    }
}
