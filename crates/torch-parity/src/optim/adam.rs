use std::sync::OnceLock;

use tch::Tensor;

use super::arguments::{arguments, decays, non_negative};
use super::elementwise::{self, AdamStep, Plain};
use super::optimizer_of::OptimizerOf;
use super::refused;
use super::rule::{Rule, decay, real, update_moments};
use super::setting::Settings;
use super::state::{STEP, State};
use crate::Result;
use crate::native::{add_number_, addcdiv_, div_};

arguments! {
    "Adam" => AdamConfig::adam(lr => non_negative) {
        /// Added to the denominator.
        eps: f64 = 1e-8 => non_negative,
        /// The decay rates of the running averages of the gradient and of its square.
        betas: (f64, f64) = (0.9, 0.999) => decays,
        /// Weight decay: an L2 penalty in Adam, decoupled from the gradient in AdamW.
        weight_decay: f64 = 0. => non_negative,
        /// If true, divides by the maximum of the second moments so far (Reddi et al. 2018).
        amsgrad: bool = false,
        /// Must be false: capturing a step in a CUDA graph is not supported.
        capturable: bool = false,
        /// `Some(true)` is not supported: Python's fused kernel rounds differently.
        fused: Option<bool> = None,
        /// If true, decouples the weight decay as in AdamW (Loshchilov and Hutter 2019).
        decoupled_weight_decay: bool = false,
    }
}

impl AdamConfig {
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
pub type Adam = OptimizerOf<AdamConfig>;

/// m, the running average of the gradient.
const EXP_AVG: &str = "exp_avg";
/// v, the running average of its square.
const EXP_AVG_SQ: &str = "exp_avg_sq";
/// The maximum of v so far.
const MAX_EXP_AVG_SQ: &str = "max_exp_avg_sq";

impl Rule for AdamConfig {
    const TENSORS: &'static [&'static str] = &[EXP_AVG, EXP_AVG_SQ, MAX_EXP_AVG_SQ];

    fn set_state(&self, saved: &mut Settings) {
        // An AdamW remains AdamW even if it loads the state of an Adam.
        if self.decoupled_weight_decay {
            saved.insert("decoupled_weight_decay".to_owned(), true.into());
        }
    }

    fn keeps(&self, name: &str) -> bool {
        name != MAX_EXP_AVG_SQ || self.amsgrad
    }

    fn momentum(&mut self) -> Option<&mut f64> {
        Some(&mut self.betas.0)
    }

    fn check_sparse(&self) -> Result<()> {
        refused("Adam does not support sparse gradients, please consider SparseAdam instead")
    }

    fn elementwise_is_exact() -> bool {
        static EXACT: OnceLock<bool> = OnceLock::new();
        *EXACT.get_or_init(|| elementwise::agrees(&[Self::adam(1e-3), Self::adamw(0.02)]))
    }

    fn elementwise(&self, param: &Tensor, grad: &Tensor, state: &mut State) -> Result<bool> {
        if !self.has_elementwise_form() {
            return Ok(false);
        }
        state.prepare_scratch(EXP_AVG_SQ)?;
        let (exp_avg, exp_avg_sq) = (state.tensor(EXP_AVG)?, state.tensor(EXP_AVG_SQ)?);
        let tensors = |denom| Plain::of([param, grad, exp_avg, exp_avg_sq, denom]);
        let Some(plain) = state.scratch.as_ref().and_then(tensors) else {
            return Ok(false);
        };
        let next = state.number(STEP) + 1.; // step_t += 1
        let (step_size, bias_correction2_sqrt) = self.corrections(next);
        plain.adam(&AdamStep {
            decay: 1. - self.lr * self.weight_decay,
            betas: self.betas,
            bias_correction2_sqrt,
            eps: self.eps,
            step_size,
        })?;
        state.next_step();
        Ok(true)
    }

    fn single_tensor(&self, param: &mut Tensor, grad: &Tensor, state: &mut State) -> Result<()> {
        let step = state.next_step(); // step_t += 1

        let decoupled = self.decoupled_weight_decay;
        let grad = decay(param, grad, self.lr, self.weight_decay, decoupled)?;

        let is_complex = param.is_complex();
        let grad = real(is_complex, &grad)?;
        let mut exp_avg = real(is_complex, state.tensor(EXP_AVG)?)?;
        let mut exp_avg_sq = real(is_complex, state.tensor(EXP_AVG_SQ)?)?;
        let mut param = real(is_complex, param)?;

        update_moments(&mut exp_avg, &mut exp_avg_sq, &grad, self.betas)?;

        let (step_size, bias_correction2_sqrt) = self.corrections(step);

        if self.amsgrad {
            // torch.maximum(max_exp_avg_sqs[i], exp_avg_sq, out=max_exp_avg_sqs[i])
            let max = real(is_complex, state.tensor(MAX_EXP_AVG_SQ)?)?;
            exp_avg_sq = max.f_maximum_out(&max, &exp_avg_sq)?;
        }
        // denom = (exp_avg_sq.sqrt() / bias_correction2_sqrt).add_(eps)
        let mut denom = exp_avg_sq.f_sqrt()?;
        div_(&mut denom, bias_correction2_sqrt)?;
        add_number_(&mut denom, self.eps)?;
        // param.addcdiv_(exp_avg, denom, value=-step_size)
        Ok(addcdiv_(&mut param, &exp_avg, &denom, -step_size)?)
    }
}

impl AdamConfig {
    /// Returns true if [`Rule::elementwise`] supports these arguments. For a weight of 1/2 or more,
    /// `lerp` uses another formula.
    fn has_elementwise_form(&self) -> bool {
        let lerp_weight = (1. - self.betas.0) as f32;
        !self.amsgrad
            && !self.maximize
            && (self.weight_decay == 0. || self.decoupled_weight_decay)
            && lerp_weight < 0.5
    }

    /// The step size and the square root of the second bias correction, at step `step`.
    fn corrections(&self, step: f64) -> (f64, f64) {
        let (beta1, beta2) = self.betas;
        let bias_correction1 = 1. - beta1.powf(step); // 1 - beta1 ** step
        let bias_correction2 = 1. - beta2.powf(step); // 1 - beta2 ** step
        let step_size = self.lr / bias_correction1;
        let bias_correction2_sqrt = bias_correction2.powf(0.5); // bias_correction2 ** 0.5
        (step_size, bias_correction2_sqrt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_in_use_gives_the_bits_of_the_tensor_form() {
        let other = AdamConfig {
            betas: (0.6, 0.5),
            eps: 1e-3,
            ..AdamConfig::adamw(0.3)
        };
        elementwise::check_fifty_steps(&[AdamConfig::adam(1e-3), AdamConfig::adamw(0.02), other]);
    }

    /// Settings that the fast form does not support.
    #[test]
    fn other_settings_take_the_tensor_form() {
        let plain = AdamConfig::adam(1e-3);
        let others = [
            AdamConfig {
                betas: (0.5, 0.9),
                ..plain
            },
            AdamConfig {
                weight_decay: 0.1,
                ..plain
            },
            AdamConfig {
                amsgrad: true,
                ..plain
            },
            AdamConfig {
                maximize: true,
                ..plain
            },
        ];
        assert!(others.iter().all(|config| !config.has_elementwise_form()));
    }
}
