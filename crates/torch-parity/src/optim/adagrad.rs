use tch::Tensor;

use super::arguments::{arguments, non_negative};
use super::optimizer_of::OptimizerOf;
use super::refused;
use super::rule::{Rule, real, with_decay};
use super::state::State;
use crate::Result;
use crate::native::{add_, add_number_, addcdiv_, addcmul_, fill_};

arguments! {
    "Adagrad" => AdagradConfig::new(lr => non_negative) {
        /// The decay of the learning rate with the number of steps.
        lr_decay: f64 = 0. => non_negative,
        /// Weight decay as an L2 penalty.
        weight_decay: f64 = 0. => non_negative,
        /// The initial value of the sums of squares. As in Python, a parameter group's own value is
        /// ignored in favour of the optimizer's.
        initial_accumulator_value: f64 = 0. => non_negative,
        /// Added to the denominator.
        eps: f64 = 1e-10 => non_negative,
        /// `Some(true)` is not supported: Python's fused kernel rounds differently.
        fused: Option<bool> = None,
    }
}

/// `torch.optim.Adagrad`. Its state exists before the first step.
pub type Adagrad = OptimizerOf<AdagradConfig>;

const SUM: &str = "sum";

impl Rule for AdagradConfig {
    const TENSORS: &'static [&'static str] = &[SUM];

    fn check_sparse(&self) -> Result<()> {
        match self.weight_decay != 0. {
            true => refused("weight_decay option is not compatible with sparse gradients"),
            false => Ok(()),
        }
    }

    fn initial(&self, param: &Tensor) -> Result<Option<State>> {
        let state = State::new(self, param)?;
        // torch.full_like(p, init_value); for a complex parameter both the real and the imaginary
        // part.
        let mut sum = real(param.is_complex(), state.tensor(SUM)?)?;
        fill_(&mut sum, self.initial_accumulator_value)?;
        Ok(Some(state))
    }

    fn single_tensor(&self, param: &mut Tensor, grad: &Tensor, state: &mut State) -> Result<()> {
        let &Self {
            lr,
            lr_decay,
            weight_decay,
            eps,
            ..
        } = self;
        let step = state.next_step();
        let grad = with_decay(grad, param, weight_decay)?;
        let mut state_sum = state.tensor(SUM)?.shallow_clone();

        let clr = lr / (1. + (step - 1.) * lr_decay); // lr / (1 + (step - 1) * lr_decay)

        if grad.is_sparse() {
            let grad = grad.f_coalesce()?; // grad.coalesce()
            let values = grad.f_internal_values()?; // grad._values()
            // state_sum.add_(_make_sparse(grad, grad_indices, grad_values.pow(2)))
            add_(
                &mut state_sum,
                &make_sparse(&grad, &values.f_square()?)?,
                1.,
            )?;
            // std_values = state_sum.sparse_mask(grad)._values().sqrt_().add_(eps)
            let std = state_sum.f_sparse_mask(&grad)?;
            let mut std_values = std.f_internal_values()?.f_sqrt_()?;
            add_number_(&mut std_values, eps)?;
            // param.add_(_make_sparse(grad, grad_indices, grad_values / std_values), alpha=-clr)
            let quotient = make_sparse(&grad, &values.f_div(&std_values)?)?;
            return Ok(add_(param, &quotient, -clr)?);
        }
        let is_complex = param.is_complex();
        let grad = real(is_complex, &grad)?;
        let mut state_sum = real(is_complex, &state_sum)?;
        let mut param = real(is_complex, param)?;
        addcmul_(&mut state_sum, &grad, &grad, 1.)?; // state_sum.addcmul_(grad, grad, value=1)
        let mut std = state_sum.f_sqrt()?; // state_sum.sqrt().add_(eps)
        add_number_(&mut std, eps)?;
        Ok(addcdiv_(&mut param, &grad, &std, -clr)?) // param.addcdiv_(grad, std, value=-clr)
    }
}

/// A sparse tensor with the indices of `grad`: `_make_sparse(grad, grad._indices(), values)`.
fn make_sparse(grad: &Tensor, values: &Tensor) -> Result<Tensor> {
    Ok(Tensor::f_sparse_coo_tensor_indices_size(
        &grad.f_internal_indices()?,
        values,
        grad.size(),
        (values.kind(), values.device()),
        false,
    )?)
}
