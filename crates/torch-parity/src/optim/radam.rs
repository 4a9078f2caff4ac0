use tch::Tensor;

use super::arguments::{arguments, decays, non_negative};
use super::optimizer_of::OptimizerOf;
use super::rule::{Rule, decay, real, update_moments};
use super::state::State;
use crate::Result;
use crate::native::{add_, add_number_, clone, div_, mul_};

arguments! {
    "RAdam" => RAdamConfig::new(lr => non_negative) {
        /// Added to the denominator.
        eps: f64 = 1e-8 => non_negative,
        /// The decay rates of the running averages of the gradient and of its square.
        betas: (f64, f64) = (0.9, 0.999) => decays,
        /// Weight decay: an L2 penalty, unless it is decoupled.
        weight_decay: f64 = 0. => non_negative,
        /// If true, decouples the weight decay as in AdamW (Loshchilov and Hutter 2019).
        decoupled_weight_decay: bool = false,
        /// Must be false: capturing a step in a CUDA graph is not supported.
        capturable: bool = false,
    }
}

/// `torch.optim.RAdam`.
pub type RAdam = OptimizerOf<RAdamConfig>;

const EXP_AVG: &str = "exp_avg";
const EXP_AVG_SQ: &str = "exp_avg_sq";

impl Rule for RAdamConfig {
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
            decoupled_weight_decay,
            ..
        } = self;
        let is_complex = param.is_complex();
        let mut param = real(is_complex, param)?;
        let grad = real(is_complex, grad)?;
        let mut exp_avg = real(is_complex, state.tensor(EXP_AVG)?)?;
        let mut exp_avg_sq = real(is_complex, state.tensor(EXP_AVG_SQ)?)?;

        let step = state.next_step();

        let decoupled = decoupled_weight_decay;
        let grad = decay(&mut param, &grad, lr, weight_decay, decoupled)?;

        update_moments(&mut exp_avg, &mut exp_avg_sq, &grad, self.betas)?;

        let bias_correction1 = 1. - beta1.powf(step); // 1 - beta1 ** step
        let bias_correction2 = 1. - beta2.powf(step); // 1 - beta2 ** step

        // bias_corrected_exp_avg * lr, where bias_corrected_exp_avg = exp_avg / bias_correction1
        let mut update = clone(&exp_avg)?;
        div_(&mut update, bias_correction1)?;
        mul_(&mut update, lr)?;

        // The maximum and the current length of the approximated simple moving average.
        let rho_inf = 2. / (1. - beta2) - 1.;
        let rho_t = rho_inf - 2. * step * beta2.powf(step) / bias_correction2;

        if rho_t > 5. {
            // The rectification of the variance.
            let rect = ((rho_t - 4.) * (rho_t - 2.) * rho_inf
                / ((rho_inf - 4.) * (rho_inf - 2.) * rho_t))
                .powf(0.5);
            // (bias_correction2**0.5) / exp_avg_sq.sqrt().add_(eps): number / tensor is
            // tensor.reciprocal() * number.
            let mut root = exp_avg_sq.f_sqrt()?;
            add_number_(&mut root, eps)?;
            let mut adaptive_lr = root.f_reciprocal_()?;
            mul_(&mut adaptive_lr, bias_correction2.powf(0.5))?;
            update = update.f_mul_(&adaptive_lr)?;
            mul_(&mut update, rect)?;
        }
        Ok(add_(&mut param, &update, -1.)?) // param.add_(…, alpha=-1.0)
    }
}
