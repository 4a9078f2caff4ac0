use tch::Tensor;

use super::arguments::{arguments, decays, non_negative};
use super::optimizer_of::OptimizerOf;
use super::rule::{Rule, real, with_decay};
use super::state::State;
use crate::Result;
use crate::native::{add_number_, addcdiv_, lerp_, mul_};

arguments! {
    "Adamax" => AdamaxConfig::new(lr => non_negative) {
        /// Added to the magnitude of the gradient.
        eps: f64 = 1e-8 => non_negative,
        /// The decay rates of the running average of the gradient and of its largest magnitude.
        betas: (f64, f64) = (0.9, 0.999) => decays,
        /// Weight decay as an L2 penalty.
        weight_decay: f64 = 0. => non_negative,
        /// Must be false: capturing a step in a CUDA graph is not supported.
        capturable: bool = false,
    }
}

/// `torch.optim.Adamax`.
pub type Adamax = OptimizerOf<AdamaxConfig>;

const EXP_AVG: &str = "exp_avg";
const EXP_INF: &str = "exp_inf";

impl Rule for AdamaxConfig {
    const TENSORS: &'static [&'static str] = &[EXP_AVG, EXP_INF];

    fn momentum(&mut self) -> Option<&mut f64> {
        Some(&mut self.betas.0)
    }

    fn single_tensor(&self, param: &mut Tensor, grad: &Tensor, state: &mut State) -> Result<()> {
        let &Self {
            lr,
            betas: (beta1, beta2),
            eps,
            weight_decay,
            ..
        } = self;
        let step = state.next_step();
        let grad = with_decay(grad, param, weight_decay)?;

        let is_complex = param.is_complex();
        let mut param = real(is_complex, param)?;
        let grad = real(is_complex, &grad)?;
        let mut exp_avg = real(is_complex, state.tensor(EXP_AVG)?)?;
        let mut exp_inf = real(is_complex, state.tensor(EXP_INF)?)?;

        lerp_(&mut exp_avg, &grad, 1. - beta1)?; // exp_avg.lerp_(grad, 1 - beta1)
        // torch.maximum(exp_inf.mul_(beta2), grad.abs().add_(eps), out=exp_inf)
        mul_(&mut exp_inf, beta2)?;
        let mut norm = grad.f_abs()?;
        add_number_(&mut norm, eps)?;
        let _ = exp_inf.f_maximum_out(&exp_inf, &norm)?;

        let bias_correction = 1. - beta1.powf(step); // 1 - beta1 ** step
        let clr = lr / bias_correction;
        Ok(addcdiv_(&mut param, &exp_avg, &exp_inf, -clr)?) // param.addcdiv_(exp_avg, exp_inf, value=-clr)
    }
}
