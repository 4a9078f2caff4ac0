use tch::Tensor;

use super::optimizer::OptimizerOf;
use super::single_tensor::{STEP, SingleTensor, State, arguments, real, with_decay};
use super::{check_betas, check_lr, check_value};
use crate::Result;
use crate::native::{add_number_, addcdiv_, addcmul_, clone, div_, lerp_, mul_};

arguments! {
    "NAdam" => NAdamConfig {
        /// Decay of the running averages of the gradient and of its square.
        betas: (f64, f64) = (0.9, 0.999),
        /// Added to the denominator.
        eps: f64 = 1e-8,
        /// Weight decay: an L2 penalty, or a shrinking of the weights where it is decoupled.
        weight_decay: f64 = 0.,
        /// How fast the momentum comes near its final value.
        momentum_decay: f64 = 4e-3,
        /// Whether the weight decay is AdamW's (Loshchilov and Hutter 2019).
        decoupled_weight_decay: bool = false,
        /// `true` is refused: it is for steps that a GPU records.
        capturable: bool = false,
    }
}

/// `torch.optim.NAdam`.
pub type NAdam = OptimizerOf<NAdamConfig>;

const MU_PRODUCT: &str = "mu_product";
const EXP_AVG: &str = "exp_avg";
const EXP_AVG_SQ: &str = "exp_avg_sq";

impl SingleTensor for NAdamConfig {
    const NUMBERS: &'static [(&'static str, f32)] = &[(STEP, 0.), (MU_PRODUCT, 1.)];
    const TENSORS: &'static [&'static str] = &[EXP_AVG, EXP_AVG_SQ];
    const ADDED: &'static [&'static str] = &["decoupled_weight_decay"];
    const FOREACH_IS_EQUAL: bool = false;

    fn check_ranges(&self) -> Result<()> {
        check_lr(self.lr)?;
        check_value("epsilon", self.eps)?;
        check_betas(self.betas)?;
        check_value("weight_decay", self.weight_decay)?;
        check_value("momentum_decay", self.momentum_decay)
    }

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
        let mut grad = real(is_complex, grad)?;
        let mut exp_avg = real(is_complex, &state.tensor(EXP_AVG)?)?;
        let mut exp_avg_sq = real(is_complex, &state.tensor(EXP_AVG_SQ)?)?;

        let step = state.next_step();
        let bias_correction2 = 1. - beta2.powf(step); // 1 - beta2 ** step

        if weight_decay != 0. && decoupled_weight_decay {
            mul_(&mut param, 1. - lr * weight_decay)?; // param.mul_(1 - lr * weight_decay)
        } else {
            grad = with_decay(&grad, &param, weight_decay)?;
        }

        // beta1 * (1.0 - 0.5 * (0.96 ** (step * momentum_decay))), and of the next step
        let mu_at = |step: f64| beta1 * (1. - 0.5 * 0.96f64.powf(step * momentum_decay));
        let (mu, mu_next) = (mu_at(step), mu_at(step + 1.));
        let mu_product = state.multiply(MU_PRODUCT, mu); // mu_product *= mu

        lerp_(&mut exp_avg, &grad, 1. - beta1)?; // exp_avg.lerp_(grad, 1 - beta1)
        // exp_avg_sq.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        mul_(&mut exp_avg_sq, beta2)?;
        addcmul_(&mut exp_avg_sq, &grad, &grad, 1. - beta2)?;
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
