use tch::Tensor;

use super::arguments::{arguments, decays, non_negative};
use super::optimizer_of::OptimizerOf;
use super::rule::{Rule, decay, real, update_moments};
use super::state::{STEP, State};
use crate::Result;
use crate::native::{add_number_, addcdiv_, clone, div_};

arguments! {
    "NAdam" => NAdamConfig::new(lr => non_negative) {
        /// Added to the denominator.
        eps: f64 = 1e-8 => non_negative,
        /// The decay rates of the running averages of the gradient and of its square.
        betas: (f64, f64) = (0.9, 0.999) => decays,
        /// Weight decay: an L2 penalty, unless it is decoupled.
        weight_decay: f64 = 0. => non_negative,
        /// The rate at which the momentum approaches its final value.
        momentum_decay: f64 = 4e-3 => non_negative,
        /// If true, decouples the weight decay as in AdamW (Loshchilov and Hutter 2019).
        decoupled_weight_decay: bool = false,
        /// Must be false: capturing a step in a CUDA graph is not supported.
        capturable: bool = false,
    }
}

/// `torch.optim.NAdam`.
pub type NAdam = OptimizerOf<NAdamConfig>;

const MU_PRODUCT: &str = "mu_product";
const EXP_AVG: &str = "exp_avg";
const EXP_AVG_SQ: &str = "exp_avg_sq";

impl Rule for NAdamConfig {
    const NUMBERS: &'static [(&'static str, f32)] = &[(STEP, 0.), (MU_PRODUCT, 1.)];
    const TENSORS: &'static [&'static str] = &[EXP_AVG, EXP_AVG_SQ];
    const FOREACH_IS_EQUAL: bool = false;

    fn momentum(&mut self) -> Option<&mut f64> {
        Some(&mut self.betas.0)
    }

    fn single_tensor(&self, param: &mut Tensor, grad: &Tensor, state: &mut State) -> Result<()> {
        let &Self {
            lr,
            betas: (beta1, beta2),
            eps,
            weight_decay,
            momentum_decay,
            decoupled_weight_decay,
            ..
        } = self;
        let is_complex = param.is_complex();
        let mut param = real(is_complex, param)?;
        let grad = real(is_complex, grad)?;
        let mut exp_avg = real(is_complex, state.tensor(EXP_AVG)?)?;
        let mut exp_avg_sq = real(is_complex, state.tensor(EXP_AVG_SQ)?)?;

        let step = state.next_step();
        let bias_correction2 = 1. - beta2.powf(step); // 1 - beta2 ** step

        let decoupled = decoupled_weight_decay;
        let grad = decay(&mut param, &grad, lr, weight_decay, decoupled)?;

        // beta1 * (1.0 - 0.5 * (0.96 ** (step * momentum_decay))), and the same for the next step
        let mu_at = |step: f64| beta1 * (1. - 0.5 * 0.96f64.powf(step * momentum_decay));
        let (mu, mu_next) = (mu_at(step), mu_at(step + 1.));
        let mu_product = state.change(MU_PRODUCT, |product| product * mu as f32); // mu_product *= mu

        update_moments(&mut exp_avg, &mut exp_avg_sq, &grad, self.betas)?;
        // denom = exp_avg_sq.div(bias_correction2).sqrt(), then denom.add_(eps)
        let mut denom = clone(&exp_avg_sq)?;
        div_(&mut denom, bias_correction2)?;
        let mut denom = denom.f_sqrt_()?;
        add_number_(&mut denom, eps)?;

        let mu_product_next = mu_product * mu_next;
        // param.addcdiv_(grad, denom, value=(-lr * (1.0 - mu) / (1.0 - mu_product)))
        addcdiv_(
            &mut param,
            &grad,
            &denom,
            -lr * (1. - mu) / (1. - mu_product),
        )?;
        // param.addcdiv_(exp_avg, denom, value=(-lr * mu_next) / (1.0 - mu_product_next))
        let value = (-lr * mu_next) / (1. - mu_product_next);
        Ok(addcdiv_(&mut param, &exp_avg, &denom, value)?)
    }
}
