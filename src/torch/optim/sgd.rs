use tch::nn::VarStore;
use tch::{Tensor, no_grad};

use super::{Optimizer, add_alpha, add_alpha_, elementwise};
use crate::torch::Result;
use crate::torch::serialization::NamedTensors;
use crate::torch::serialization::check_state_dict;

/// The arguments of `torch.optim.SGD`, under their names there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdConfig {
    /// Learning rate.
    pub lr: f64,
    /// How much of the last step's direction is kept.
    pub momentum: f64,
    /// How much of the gradient is held back from that direction.
    pub dampening: f64,
    /// An L2 penalty.
    pub weight_decay: f64,
    /// Whether to look ahead along the direction (Nesterov 1983).
    pub nesterov: bool,
}

impl SgdConfig {
    /// `torch.optim.SGD(params, lr)`.
    pub fn new(lr: f64) -> Self {
        Self {
            lr,
            momentum: 0.,
            dampening: 0.,
            weight_decay: 0.,
            nesterov: false,
        }
    }
}

/// `torch.optim.SGD`.
#[derive(Debug)]
pub struct Sgd {
    config: SgdConfig,
    /// Whether the update element by element gives the bits of the tensor form, on this processor.
    elementwise: bool,
    params: Vec<Tensor>,
    /// The direction of each parameter's last step; none before the first.
    momentum_buffers: Vec<Option<Tensor>>,
}

impl Sgd {
    /// An optimizer for all trainable variables of `vs`, which have to be on their device by now.
    pub fn new(vs: &VarStore, config: SgdConfig) -> Self {
        let params = vs.trainable_variables();
        Self {
            momentum_buffers: params.iter().map(|_| None).collect(),
            params,
            elementwise: no_grad(|| elementwise_is_exact(&config)),
            config,
        }
    }
}

/// Whether [`elementwise_sgd`] gives the bits of [`single_tensor_sgd`].
fn elementwise_is_exact(config: &SgdConfig) -> bool {
    if config.weight_decay != 0. || config.nesterov {
        return false;
    }
    let (mut one, mut other) = (None, None);
    let params_agree = elementwise::same_bits(
        |param, grad| single_tensor_sgd(param, grad.shallow_clone(), &mut one, config),
        |param, grad| {
            elementwise_sgd(param, grad, &mut other, config);
        },
    );
    let buffers_agree = match (&one, &other) {
        (Some(one), Some(other)) => elementwise::equal(one, other),
        (one, other) => one.is_none() && other.is_none(),
    };
    params_agree && buffers_agree
}

impl Optimizer for Sgd {
    fn zero_grad(&mut self) {
        super::zero_grad(&mut self.params);
    }

    fn step(&mut self) {
        no_grad(|| {
            for (param, buffer) in self.params.iter_mut().zip(&mut self.momentum_buffers) {
                let mut grad = param.grad();
                if !grad.defined() {
                    continue;
                }
                let done =
                    self.elementwise && elementwise_sgd(param, &mut grad, buffer, &self.config);
                if !done {
                    single_tensor_sgd(param, grad, buffer, &self.config);
                }
            }
        });
    }

    fn state_dict(&self) -> NamedTensors {
        let buffers = self.momentum_buffers.iter().enumerate();
        buffers
            .filter_map(|(i, buffer)| Some((key(i), buffer.as_ref()?.shallow_clone())))
            .collect()
    }

    fn load_state_dict(&mut self, state: &NamedTensors) -> Result<()> {
        let mut expected = NamedTensors::new();
        if self.config.momentum != 0. && !state.is_empty() {
            let params = self.params.iter().enumerate();
            expected.extend(params.map(|(i, param)| (key(i), param.detach())));
        }
        check_state_dict(&expected, state)?;
        for (i, (param, buffer)) in self
            .params
            .iter()
            .zip(&mut self.momentum_buffers)
            .enumerate()
        {
            *buffer = state.get(&key(i)).map(|loaded| {
                let mut copy = param.detach().empty_like();
                copy.copy_(loaded);
                copy
            });
        }
        Ok(())
    }
}

fn key(i: usize) -> String {
    format!("{i}.momentum_buffer")
}

/// One parameter's update, line by line as `_single_tensor_sgd`.
fn single_tensor_sgd(
    param: &mut Tensor,
    grad: Tensor,
    momentum_buffer: &mut Option<Tensor>,
    config: &SgdConfig,
) {
    let &SgdConfig {
        lr,
        momentum,
        dampening,
        weight_decay,
        nesterov,
    } = config;
    let mut grad = grad;
    if weight_decay != 0. {
        grad = add_alpha(&grad, param, weight_decay); // grad.add(param, alpha=weight_decay)
    }
    if momentum != 0. {
        let buf = match momentum_buffer.take() {
            None => grad.copy(), // torch.clone(grad).detach()
            Some(mut buf) => {
                // buf.mul_(momentum).add_(grad, alpha=1 - dampening)
                buf *= momentum;
                add_alpha_(&mut buf, &grad, 1. - dampening);
                buf
            }
        };
        grad = if nesterov {
            add_alpha(&grad, &buf, momentum) // grad.add(buf, alpha=momentum)
        } else {
            buf.shallow_clone()
        };
        *momentum_buffer = Some(buf);
    }
    add_alpha_(param, &grad, -lr); // param.add_(grad, alpha=-lr)
}

/// [`single_tensor_sgd`] in one pass, where the tensors are made for it; else returns false.
fn elementwise_sgd(
    param: &mut Tensor,
    grad: &mut Tensor,
    momentum_buffer: &mut Option<Tensor>,
    config: &SgdConfig,
) -> bool {
    let &SgdConfig {
        lr,
        momentum,
        dampening,
        ..
    } = config;
    if momentum == 0. {
        return elementwise::sgd(param, grad, lr);
    }
    match momentum_buffer {
        Some(buffer) => elementwise::momentum(param, grad, buffer, [lr, momentum, dampening]),
        None => {
            let done = elementwise::sgd(param, grad, lr);
            *momentum_buffer = done.then(|| grad.copy()); // torch.clone(grad).detach()
            done
        }
    }
}
