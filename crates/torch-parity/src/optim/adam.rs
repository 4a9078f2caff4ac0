use std::sync::OnceLock;

use tch::{Tensor, no_grad};

use super::elementwise::{self, AdamStep, Plain};
use super::optimizer::{OptimizerOf, Rule};
use super::setting::{Settings, Taking};
use super::{
    check_betas, check_lr, check_shapes, check_value, copied, prepare_sqrt, refuse_other_forms,
    refused,
};
use crate::Result;
use crate::native::{add, add_number_, addcdiv_, addcmul_, div_, lerp_, mul_};
use crate::serialization::NamedTensors;

/// The arguments of `torch.optim.Adam` and `torch.optim.AdamW`, under their names there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamConfig {
    /// Learning rate.
    pub lr: f64,
    /// Decay of the running averages of the gradient and of its square.
    pub betas: (f64, f64),
    /// Added to the denominator.
    pub eps: f64,
    /// Weight decay: an L2 penalty in Adam, a shrinking of the weights in AdamW.
    pub weight_decay: f64,
    /// Whether to divide by the largest second moment so far (Reddi et al. 2018).
    pub amsgrad: bool,
    /// Whether to go up instead of down.
    pub maximize: bool,
    /// In Python: whether to take all parameters at once. On a CPU the bits are the same.
    pub foreach: Option<bool>,
    /// `true` is refused: it is for steps that a GPU records.
    pub capturable: bool,
    /// `true` is refused: a step is not recorded by autograd here.
    pub differentiable: bool,
    /// `true` is refused: Python's kernel in one piece rounds otherwise.
    pub fused: Option<bool>,
    /// Whether the weight decay is AdamW's (Loshchilov and Hutter 2019).
    pub decoupled_weight_decay: bool,
}

impl AdamConfig {
    /// `torch.optim.Adam(params, lr)`.
    pub fn adam(lr: f64) -> Self {
        Self {
            lr,
            betas: (0.9, 0.999),
            eps: 1e-8,
            weight_decay: 0.,
            amsgrad: false,
            maximize: false,
            foreach: None,
            capturable: false,
            differentiable: false,
            fused: None,
            decoupled_weight_decay: false,
        }
    }

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

/// What Adam keeps for one parameter: tensors with the shape, dtype and device of the parameter.
#[derive(Debug)]
pub struct AdamState {
    /// How many steps this parameter has taken: in Python, too, a float32.
    step: f32,
    /// m, the running average of the gradient.
    exp_avg: Tensor,
    /// v, the running average of its square.
    exp_avg_sq: Tensor,
    /// The largest v so far; `None` without `amsgrad`.
    max_exp_avg_sq: Option<Tensor>,
    /// Room for what [`elementwise_adam`] computes in between; made when it is first needed.
    denom: Option<Tensor>,
}

const STEP: &str = "step";
const EXP_AVG: &str = "exp_avg";
const EXP_AVG_SQ: &str = "exp_avg_sq";
const MAX_EXP_AVG_SQ: &str = "max_exp_avg_sq";

impl AdamState {
    fn new(param: &Tensor, amsgrad: bool) -> Result<Self> {
        Ok(Self {
            step: 0.,
            exp_avg: param.f_zeros_like()?,
            exp_avg_sq: param.f_zeros_like()?,
            max_exp_avg_sq: amsgrad.then(|| param.f_zeros_like()).transpose()?,
            denom: None,
        })
    }
}

impl Rule for AdamConfig {
    type State = AdamState;

    fn check(&self) -> Result<()> {
        check_lr(self.lr)?;
        check_value("epsilon", self.eps)?;
        check_betas(self.betas)?;
        check_value("weight_decay", self.weight_decay)?;
        self.refuse_other_forms()
    }

    fn settings(&self) -> Settings {
        let &Self {
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            maximize,
            foreach,
            capturable,
            differentiable,
            fused,
            decoupled_weight_decay,
        } = self;
        let settings = [
            ("lr", lr.into()),
            ("betas", betas.into()),
            ("eps", eps.into()),
            ("weight_decay", weight_decay.into()),
            ("amsgrad", amsgrad.into()),
            ("maximize", maximize.into()),
            ("foreach", foreach.into()),
            ("capturable", capturable.into()),
            ("differentiable", differentiable.into()),
            ("fused", fused.into()),
            ("decoupled_weight_decay", decoupled_weight_decay.into()),
        ];
        settings
            .map(|(name, value)| (name.to_owned(), value))
            .into()
    }

    fn set_state(&self, saved: &mut Settings) {
        let missing = [
            ("amsgrad", false.into()),
            ("maximize", false.into()),
            ("foreach", None.into()),
            ("capturable", false.into()),
            ("differentiable", false.into()),
            ("decoupled_weight_decay", false.into()),
            ("fused", None.into()),
        ];
        for (name, value) in missing {
            saved.entry(name.to_owned()).or_insert(value);
        }
        // AdamW stays AdamW, whichever of the two it loads.
        if self.decoupled_weight_decay {
            saved.insert("decoupled_weight_decay".to_owned(), true.into());
        }
    }

    fn take(group: &mut Taking<'_>) -> Result<Self> {
        let taken = Self {
            lr: group.float("lr")?,
            betas: group.two_floats("betas")?,
            eps: group.float("eps")?,
            weight_decay: group.float("weight_decay")?,
            amsgrad: group.bool("amsgrad")?,
            maximize: group.bool("maximize")?,
            foreach: group.optional_bool("foreach")?,
            capturable: group.bool("capturable")?,
            differentiable: group.bool("differentiable")?,
            fused: group.optional_bool("fused")?,
            decoupled_weight_decay: group.bool("decoupled_weight_decay")?,
        };
        taken.refuse_other_forms()?;
        Ok(taken)
    }

    fn lr(&mut self) -> &mut f64 {
        &mut self.lr
    }

    fn momentum(&mut self) -> Option<&mut f64> {
        Some(&mut self.betas.0)
    }

    fn check_grad(&self, grad: &Tensor) -> Result<()> {
        match grad.is_sparse() {
            true => refused(
                "Adam does not support sparse gradients, please consider SparseAdam instead",
            ),
            false => Ok(()),
        }
    }

    fn update(
        &self,
        param: &mut Tensor,
        grad: &Tensor,
        state: &mut Option<AdamState>,
    ) -> Result<()> {
        let state = match state {
            Some(state) => state,
            None => state.insert(AdamState::new(param, self.amsgrad)?),
        };
        if self.has_elementwise_form()
            && elementwise_is_exact()
            && elementwise_adam(param, grad, state, self)?
        {
            return Ok(());
        }
        single_tensor_adam(param, grad, state, self)
    }

    fn save(state: &AdamState) -> NamedTensors {
        let AdamState {
            step,
            exp_avg,
            exp_avg_sq,
            max_exp_avg_sq,
            ..
        } = state;
        let mut saved = vec![
            (STEP, Tensor::from(*step)),
            (EXP_AVG, exp_avg.shallow_clone()),
            (EXP_AVG_SQ, exp_avg_sq.shallow_clone()),
        ];
        if let Some(max) = max_exp_avg_sq {
            saved.push((MAX_EXP_AVG_SQ, max.shallow_clone()));
        }
        let saved = saved.into_iter();
        saved
            .map(|(name, tensor)| (name.to_owned(), tensor))
            .collect()
    }

    fn expected(&self, param: &Tensor, _saved: &NamedTensors) -> Result<NamedTensors> {
        let mut expected = vec![EXP_AVG, EXP_AVG_SQ];
        if self.amsgrad {
            expected.push(MAX_EXP_AVG_SQ);
        }
        let expected = expected.into_iter();
        let expected = expected.map(|name| Ok((name.to_owned(), param.f_detach()?)));
        let mut expected: NamedTensors = expected.collect::<Result<_>>()?;
        expected.insert(STEP.to_owned(), Tensor::from(0f32));
        Ok(expected)
    }

    fn load(param: &Tensor, saved: &NamedTensors) -> Result<AdamState> {
        let max = saved.get(MAX_EXP_AVG_SQ);
        Ok(AdamState {
            step: f32::try_from(&saved[STEP])?,
            exp_avg: copied(&saved[EXP_AVG], param)?,
            exp_avg_sq: copied(&saved[EXP_AVG_SQ], param)?,
            max_exp_avg_sq: max.map(|max| copied(max, param)).transpose()?,
            denom: None,
        })
    }
}

impl AdamConfig {
    fn refuse_other_forms(&self) -> Result<()> {
        refuse_other_forms(
            self.foreach,
            self.fused,
            self.differentiable,
            self.capturable,
        )
    }

    /// Whether [`elementwise_adam`] has all that these settings ask for. From a weight of 1/2 on,
    /// `lerp` takes another formula.
    fn has_elementwise_form(&self) -> bool {
        let lerp_weight = (1. - self.betas.0) as f32;
        !self.amsgrad
            && !self.maximize
            && (self.weight_decay == 0. || self.decoupled_weight_decay)
            && lerp_weight < 0.5
    }
}

/// One parameter's update, line by line as `_single_tensor_adam`.
fn single_tensor_adam(
    param: &mut Tensor,
    grad: &Tensor,
    state: &mut AdamState,
    config: &AdamConfig,
) -> Result<()> {
    let &AdamConfig {
        lr,
        betas: (beta1, beta2),
        eps,
        weight_decay,
        maximize,
        decoupled_weight_decay,
        ..
    } = config;
    check_shapes(param, &[grad, &state.exp_avg, &state.exp_avg_sq])?;
    // grad = grads[i] if not maximize else -grads[i]
    let mut grad = if maximize {
        grad.f_neg()?
    } else {
        grad.shallow_clone()
    };

    state.step += 1.; // step_t += 1

    if weight_decay != 0. {
        if decoupled_weight_decay {
            mul_(param, 1. - lr * weight_decay)?; // param.mul_(1 - lr * weight_decay)
        } else {
            grad = add(&grad, param, weight_decay)?; // grad.add(param, alpha=weight_decay)
        }
    }

    // if torch.is_complex(param): view_as_real of each
    let real = |tensor: &Tensor| -> Result<Tensor> {
        Ok(match param.is_complex() {
            true => tensor.f_view_as_real()?,
            false => tensor.shallow_clone(),
        })
    };
    let grad = real(&grad)?;
    let mut exp_avg = real(&state.exp_avg)?;
    let mut exp_avg_sq = real(&state.exp_avg_sq)?;
    let max_exp_avg_sq = state.max_exp_avg_sq.as_ref().map(&real).transpose()?;
    let mut param = real(param)?;

    lerp_(&mut exp_avg, &grad, 1. - beta1)?; // exp_avg.lerp_(grad, 1 - beta1)
    // exp_avg_sq.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
    mul_(&mut exp_avg_sq, beta2)?;
    addcmul_(&mut exp_avg_sq, &grad, &grad, 1. - beta2)?;

    let (step_size, bias_correction2_sqrt) = corrections(state.step, config);

    let exp_avg_sq = match max_exp_avg_sq {
        // torch.maximum(max_exp_avg_sqs[i], exp_avg_sq, out=max_exp_avg_sqs[i])
        Some(max) => max.f_maximum_out(&max, &exp_avg_sq)?,
        None => exp_avg_sq,
    };
    // denom = (exp_avg_sq.sqrt() / bias_correction2_sqrt).add_(eps)
    prepare_sqrt();
    let mut denom = exp_avg_sq.f_sqrt()?;
    div_(&mut denom, bias_correction2_sqrt)?;
    add_number_(&mut denom, eps)?;
    addcdiv_(&mut param, &exp_avg, &denom, -step_size)?; // param.addcdiv_(exp_avg, denom, value=-step_size)
    Ok(())
}

/// The step size and the square root of the second bias correction, at step `step`.
fn corrections(step: f32, config: &AdamConfig) -> (f64, f64) {
    let (beta1, beta2) = config.betas;
    let bias_correction1 = 1. - beta1.powf(f64::from(step)); // 1 - beta1 ** step
    let bias_correction2 = 1. - beta2.powf(f64::from(step)); // 1 - beta2 ** step
    let step_size = config.lr / bias_correction1;
    let bias_correction2_sqrt = bias_correction2.powf(0.5); // bias_correction2 ** 0.5
    (step_size, bias_correction2_sqrt)
}

/// [`single_tensor_adam`] in fewer passes, where the tensors are made for it; else returns false.
fn elementwise_adam(
    param: &Tensor,
    grad: &Tensor,
    state: &mut AdamState,
    config: &AdamConfig,
) -> Result<bool> {
    let AdamState {
        step,
        exp_avg,
        exp_avg_sq,
        denom,
        ..
    } = state;
    let denom = match denom {
        Some(denom) => denom,
        None => denom.insert(exp_avg_sq.f_empty_like()?),
    };
    let Some(plain) = Plain::of([param, grad, exp_avg, exp_avg_sq, denom]) else {
        return Ok(false);
    };
    let next = *step + 1.; // step_t += 1
    let (step_size, bias_correction2_sqrt) = corrections(next, config);
    plain.adam(&AdamStep {
        decay: 1. - config.lr * config.weight_decay,
        betas: config.betas,
        bias_correction2_sqrt,
        eps: config.eps,
        step_size,
    })?;
    *step = next;
    Ok(true)
}

/// Whether [`elementwise_adam`] gives the bits of [`single_tensor_adam`] on this processor.
fn elementwise_is_exact() -> bool {
    static EXACT: OnceLock<bool> = OnceLock::new();
    *EXACT.get_or_init(|| {
        let configs = [AdamConfig::adam(1e-3), AdamConfig::adamw(0.02)];
        no_grad(|| configs.iter().all(agrees))
    })
}

fn agrees(config: &AdamConfig) -> bool {
    let new_state = || AdamState::new(&elementwise::numbers(0), false);
    let (Ok(mut one), Ok(mut other)) = (new_state(), new_state()) else {
        return false;
    };
    let params_agree = elementwise::same_bits(
        |param, grad| single_tensor_adam(param, grad, &mut one, config),
        |param, grad| elementwise_adam(param, grad, &mut other, config).map(drop),
    );
    params_agree
        && elementwise::equal(&one.exp_avg, &other.exp_avg)
        && elementwise::equal(&one.exp_avg_sq, &other.exp_avg_sq)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fifty steps, on as many elements as leave a rest in vectors of any length. The form that is in
    /// use depends on the processor, its bits do not.
    #[test]
    fn the_form_in_use_gives_the_bits_of_the_tensor_form() {
        println!("elementwise: {}", elementwise_is_exact());
        let other = AdamConfig {
            betas: (0.6, 0.5),
            eps: 1e-3,
            ..AdamConfig::adamw(0.3)
        };
        for config in [AdamConfig::adam(1e-3), AdamConfig::adamw(0.02), other] {
            assert!(config.has_elementwise_form());
            no_grad(|| {
                let [mut one, mut two] = [0, 1].map(|_| {
                    let columns = elementwise::numbers(1).narrow(0, 0, 33);
                    elementwise::numbers(0).view([1021, 1]) * columns
                });
                let mut ones = None;
                let mut twos = AdamState::new(&two, false).unwrap();
                for step in 0..50 {
                    let grad = one.tanh() * elementwise::numbers(step).view([1021, 1]);
                    config.update(&mut one, &grad, &mut ones).unwrap();
                    single_tensor_adam(&mut two, &grad, &mut twos, &config).unwrap();
                    assert!(elementwise::equal(&one, &two), "{config:?}, step {step}");
                }
                assert!(!elementwise::equal(&one, &one.zeros_like()));
            });
        }
    }

    /// Settings that the fast form does not have.
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
