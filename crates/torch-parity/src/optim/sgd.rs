use std::sync::OnceLock;

use tch::Tensor;

use super::arguments::{arguments, not_below_zero};
use super::elementwise::{self, Plain};
use super::optimizer_of::OptimizerOf;
use super::refused;
use super::rule::{Rule, with_decay};
use super::setting::Settings;
use super::state::State;
use crate::Result;
use crate::native::{add, add_, clone, mul_};

arguments! {
    "SGD" => SgdConfig::new(lr => not_below_zero) {
        /// The momentum factor.
        momentum: f64 = 0. => not_below_zero,
        /// The dampening of the momentum.
        dampening: f64 = 0.,
        /// Weight decay as an L2 penalty.
        weight_decay: f64 = 0. => not_below_zero,
        /// If true, uses Nesterov momentum (Nesterov 1983).
        nesterov: bool = false,
        /// `Some(true)` is not supported: Python's fused kernel rounds differently.
        fused: Option<bool> = None,
    }
}

/// `torch.optim.SGD`.
pub type Sgd = OptimizerOf<SgdConfig>;

/// The momentum buffer of a parameter, if there is momentum.
const MOMENTUM_BUFFER: &str = "momentum_buffer";

impl Rule for SgdConfig {
    const NUMBERS: &'static [(&'static str, f32)] = &[];
    const TENSORS: &'static [&'static str] = &[MOMENTUM_BUFFER];

    fn check_together(&self) -> Result<()> {
        match self.nesterov && (self.momentum <= 0. || self.dampening != 0.) {
            true => refused("Nesterov momentum requires a momentum and zero dampening"),
            false => Ok(()),
        }
    }

    fn set_state(&self, saved: &mut Settings) {
        saved.entry("fused".to_owned()).or_insert(false.into());
    }

    /// The first step creates the buffer from the gradient.
    fn keeps(&self, _name: &str) -> bool {
        false
    }

    fn momentum(&mut self) -> Option<&mut f64> {
        Some(&mut self.momentum)
    }

    fn check_sparse(&self) -> Result<()> {
        Ok(())
    }

    fn elementwise_is_exact() -> bool {
        static EXACT: OnceLock<bool> = OnceLock::new();
        *EXACT.get_or_init(|| {
            let plain = Self::new(0.1);
            let dampened = Self {
                momentum: 0.9,
                dampening: 0.1,
                ..plain
            };
            elementwise::agrees(&[plain, dampened])
        })
    }

    fn elementwise(&self, param: &Tensor, grad: &Tensor, state: &mut State) -> Result<bool> {
        if self.weight_decay != 0. || self.nesterov || self.maximize {
            return Ok(false);
        }
        let &Self {
            lr,
            momentum,
            dampening,
            ..
        } = self;
        if let Some(buf) = state.get(MOMENTUM_BUFFER).filter(|_| momentum != 0.) {
            let Some(plain) = Plain::of([param, grad, buf]) else {
                return Ok(false);
            };
            plain.momentum([lr, momentum, dampening])?;
            return Ok(true);
        }
        let Some(plain) = Plain::of([param, grad]) else {
            return Ok(false);
        };
        if momentum != 0. {
            state.insert(MOMENTUM_BUFFER, clone(&grad.f_detach()?)?); // grad.detach().clone()
        }
        plain.sgd(lr)?;
        Ok(true)
    }

    fn single_tensor(&self, param: &mut Tensor, grad: &Tensor, state: &mut State) -> Result<()> {
        let &Self {
            lr,
            momentum,
            dampening,
            weight_decay,
            nesterov,
            ..
        } = self;
        let mut grad = with_decay(grad, param, weight_decay)?;
        if momentum != 0. {
            let buf = match state.get(MOMENTUM_BUFFER) {
                None => {
                    let buf = clone(&grad.f_detach()?)?; // grad.detach().clone()
                    state.insert(MOMENTUM_BUFFER, buf.shallow_clone());
                    buf
                }
                Some(buf) => {
                    // buf.mul_(momentum).add_(grad, alpha=1 - dampening)
                    let mut buf = buf.shallow_clone();
                    mul_(&mut buf, momentum)?;
                    add_(&mut buf, &grad, 1. - dampening)?;
                    buf
                }
            };
            grad = match nesterov {
                true => add(&grad, &buf, momentum)?, // grad.add(buf, alpha=momentum)
                false => buf,
            };
        }
        Ok(add_(param, &grad, -lr)?) // param.add_(grad, alpha=-lr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_in_use_gives_the_bits_of_the_tensor_form() {
        let plain = SgdConfig::new(0.1);
        let momentum = SgdConfig {
            momentum: 0.9,
            ..plain
        };
        let dampened = SgdConfig {
            dampening: 0.3,
            ..momentum
        };
        elementwise::check_fifty_steps(&[plain, momentum, dampened]);
    }
}
