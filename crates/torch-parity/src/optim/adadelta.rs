use tch::Tensor;

use super::arguments::{arguments, non_negative, share};
use super::optimizer_of::OptimizerOf;
use super::rule::{Rule, real, with_decay};
use super::state::State;
use crate::Result;
use crate::native::{add_, add_number_, addcmul_, clone, mul_};

arguments! {
    "Adadelta" => AdadeltaConfig::new(lr => non_negative) {
        /// The decay rate of the running averages of the squared gradient and the squared step.
        rho: f64 = 0.9 => share,
        /// Added under both roots.
        eps: f64 = 1e-6 => non_negative,
        /// Weight decay as an L2 penalty.
        weight_decay: f64 = 0. => non_negative,
        /// Must be false: capturing a step in a CUDA graph is not supported.
        capturable: bool = false,
    }
}

/// `torch.optim.Adadelta`. Python's default learning rate is 1.
pub type Adadelta = OptimizerOf<AdadeltaConfig>;

const SQUARE_AVG: &str = "square_avg";
const ACC_DELTA: &str = "acc_delta";

impl Rule for AdadeltaConfig {
    const TENSORS: &'static [&'static str] = &[SQUARE_AVG, ACC_DELTA];

    fn single_tensor(&self, param: &mut Tensor, grad: &Tensor, state: &mut State) -> Result<()> {
        let &Self {
            lr,
            rho,
            eps,
            weight_decay,
            ..
        } = self;
        state.next_step();
        let grad = with_decay(grad, param, weight_decay)?;

        let is_complex = param.is_complex();
        let mut square_avg = real(is_complex, state.tensor(SQUARE_AVG)?)?;
        let mut acc_delta = real(is_complex, state.tensor(ACC_DELTA)?)?;
        let grad = real(is_complex, &grad)?;

        // square_avg.mul_(rho).addcmul_(grad, grad, value=1 - rho)
        mul_(&mut square_avg, rho)?;
        addcmul_(&mut square_avg, &grad, &grad, 1. - rho)?;
        let std = root_of_sum(&square_avg, eps)?; // square_avg.add(eps).sqrt_()
        let mut delta = root_of_sum(&acc_delta, eps)?; // acc_delta.add(eps).sqrt_()
        let mut delta = delta.f_div_(&std)?.f_mul_(&grad)?; // delta.div_(std).mul_(grad)
        // acc_delta.mul_(rho).addcmul_(delta, delta, value=1 - rho)
        mul_(&mut acc_delta, rho)?;
        addcmul_(&mut acc_delta, &delta, &delta, 1. - rho)?;

        if is_complex {
            delta = delta.f_view_as_complex()?; // torch.view_as_complex(delta)
        }
        Ok(add_(param, &delta, -lr)?) // param.add_(delta, alpha=-lr)
    }
}

/// `tensor.add(number).sqrt_()`
fn root_of_sum(tensor: &Tensor, number: f64) -> Result<Tensor> {
    let mut sum = clone(tensor)?;
    add_number_(&mut sum, number)?;
    Ok(sum.f_sqrt_()?)
}
