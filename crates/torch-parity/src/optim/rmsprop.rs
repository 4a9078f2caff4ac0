use tch::Tensor;

use super::arguments::{arguments, non_negative};
use super::optimizer_of::OptimizerOf;
use super::rule::{Rule, real, with_decay};
use super::setting::Settings;
use super::state::State;
use crate::Result;
use crate::native::{add_, add_number_, addcdiv_, addcmul_, clone, lerp_, mul_};

arguments! {
    "RMSprop" => RmsPropConfig::new(lr => non_negative) {
        /// Added to the denominator.
        eps: f64 = 1e-8 => non_negative,
        /// The momentum factor.
        momentum: f64 = 0. => non_negative,
        /// Weight decay as an L2 penalty.
        weight_decay: f64 = 0. => non_negative,
        /// The decay rate of the running averages of the gradient and of its square.
        alpha: f64 = 0.99 => non_negative,
        /// If true, divides by an estimate of the gradient's standard deviation.
        centered: bool = false,
        /// Must be false: capturing a step in a CUDA graph is not supported.
        capturable: bool = false,
    }
}

/// `torch.optim.RMSprop`.
pub type RmsProp = OptimizerOf<RmsPropConfig>;

const SQUARE_AVG: &str = "square_avg";
const MOMENTUM_BUFFER: &str = "momentum_buffer";
const GRAD_AVG: &str = "grad_avg";

impl Rule for RmsPropConfig {
    const TENSORS: &'static [&'static str] = &[SQUARE_AVG, MOMENTUM_BUFFER, GRAD_AVG];

    fn set_state(&self, saved: &mut Settings) {
        saved.entry("momentum".to_owned()).or_insert(0f64.into());
    }

    fn keeps(&self, name: &str) -> bool {
        match name {
            MOMENTUM_BUFFER => self.momentum > 0.,
            GRAD_AVG => self.centered,
            _ => true,
        }
    }

    fn momentum(&mut self) -> Option<&mut f64> {
        Some(&mut self.momentum)
    }

    fn single_tensor(&self, param: &mut Tensor, grad: &Tensor, state: &mut State) -> Result<()> {
        let &Self {
            lr,
            alpha,
            eps,
            weight_decay,
            momentum,
            centered,
            ..
        } = self;
        state.next_step();
        let grad = with_decay(grad, param, weight_decay)?;

        let is_complex = param.is_complex();
        let mut param = real(is_complex, param)?;
        let grad = real(is_complex, &grad)?;
        let mut square_avg = real(is_complex, state.tensor(SQUARE_AVG)?)?;

        // square_avg.mul_(alpha).addcmul_(grad, grad, value=1 - alpha)
        mul_(&mut square_avg, alpha)?;
        addcmul_(&mut square_avg, &grad, &grad, 1. - alpha)?;

        let mut avg = if centered {
            let mut grad_avg = real(is_complex, state.tensor(GRAD_AVG)?)?;
            lerp_(&mut grad_avg, &grad, 1. - alpha)?; // grad_avg.lerp_(grad, 1 - alpha)
            // square_avg.addcmul(grad_avg, grad_avg, value=-1).sqrt_()
            let mut avg = clone(&square_avg)?;
            addcmul_(&mut avg, &grad_avg, &grad_avg, -1.)?;
            avg.f_sqrt_()?
        } else {
            square_avg.f_sqrt()?
        };
        add_number_(&mut avg, eps)?; // avg.add_(eps)

        if momentum > 0. {
            let mut buf = real(is_complex, state.tensor(MOMENTUM_BUFFER)?)?;
            // buf.mul_(momentum).addcdiv_(grad, avg)
            mul_(&mut buf, momentum)?;
            addcdiv_(&mut buf, &grad, &avg, 1.)?;
            add_(&mut param, &buf, -lr)?; // param.add_(buf, alpha=-lr)
        } else {
            addcdiv_(&mut param, &grad, &avg, -lr)?; // param.addcdiv_(grad, avg, value=-lr)
        }
        Ok(())
    }
}
