use std::sync::OnceLock;

use tch::{Tensor, no_grad};

use super::elementwise::{self, Plain};
use super::optimizer::{OptimizerOf, Rule};
use super::setting::{Settings, Taking};
use super::{check_shapes, copied, invalid, refuse_other_forms, refused};
use crate::Result;
use crate::native::{add, add_, clone, mul_};
use crate::serialization::NamedTensors;

/// The arguments of `torch.optim.SGD`, under their names there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdConfig {
    /// Learning rate.
    pub lr: f64,
    /// How much of the last step's direction is kept.
    pub momentum: f64,
    /// How much of the gradient is held back from that direction.
    pub dampening: f64,
    /// An L2 penalty.
    pub weight_decay: f64,
    /// Whether to look ahead along the direction (Nesterov 1983).
    pub nesterov: bool,
    /// Whether to go up instead of down.
    pub maximize: bool,
    /// In Python: whether to take all parameters at once. On a CPU the bits are the same.
    pub foreach: Option<bool>,
    /// `true` is refused: a step is not recorded by autograd here.
    pub differentiable: bool,
    /// `true` is refused: Python's kernel in one piece rounds otherwise.
    pub fused: Option<bool>,
}

impl SgdConfig {
    /// `torch.optim.SGD(params, lr)`.
    pub fn new(lr: f64) -> Self {
        Self {
            lr,
            momentum: 0.,
            dampening: 0.,
            weight_decay: 0.,
            nesterov: false,
            maximize: false,
            foreach: None,
            differentiable: false,
            fused: None,
        }
    }
}

/// `torch.optim.SGD`.
pub type Sgd = OptimizerOf<SgdConfig>;

/// The direction of a parameter's last step, while there is momentum.
#[derive(Debug)]
pub struct SgdState {
    momentum_buffer: Tensor,
}

const MOMENTUM_BUFFER: &str = "momentum_buffer";

impl Rule for SgdConfig {
    type State = SgdState;

    fn check(&self) -> Result<()> {
        if self.lr < 0. {
            return invalid("Invalid learning rate", self.lr);
        }
        if self.momentum < 0. {
            return invalid("Invalid momentum value", self.momentum);
        }
        if self.weight_decay < 0. {
            return invalid("Invalid weight_decay value", self.weight_decay);
        }
        if self.nesterov && (self.momentum <= 0. || self.dampening != 0.) {
            return refused("Nesterov momentum requires a momentum and zero dampening");
        }
        refuse_other_forms(self.foreach, self.fused, self.differentiable, false)
    }

    fn settings(&self) -> Settings {
        let &Self {
            lr,
            momentum,
            dampening,
            weight_decay,
            nesterov,
            maximize,
            foreach,
            differentiable,
            fused,
        } = self;
        let settings = [
            ("lr", lr.into()),
            ("momentum", momentum.into()),
            ("dampening", dampening.into()),
            ("weight_decay", weight_decay.into()),
            ("nesterov", nesterov.into()),
            ("maximize", maximize.into()),
            ("foreach", foreach.into()),
            ("differentiable", differentiable.into()),
            ("fused", fused.into()),
        ];
        settings
            .map(|(name, value)| (name.to_owned(), value))
            .into()
    }

    fn set_state(&self, saved: &mut Settings) {
        let missing = [
            ("nesterov", false.into()),
            ("maximize", false.into()),
            ("foreach", None.into()),
            ("differentiable", false.into()),
            ("fused", false.into()),
        ];
        for (name, value) in missing {
            saved.entry(name.to_owned()).or_insert(value);
        }
    }

    fn take(group: &mut Taking<'_>) -> Result<Self> {
        let taken = Self {
            lr: group.float("lr")?,
            momentum: group.float("momentum")?,
            dampening: group.float("dampening")?,
            weight_decay: group.float("weight_decay")?,
            nesterov: group.bool("nesterov")?,
            maximize: group.bool("maximize")?,
            foreach: group.optional_bool("foreach")?,
            differentiable: group.bool("differentiable")?,
            fused: group.optional_bool("fused")?,
        };
        refuse_other_forms(taken.foreach, taken.fused, taken.differentiable, false)?;
        Ok(taken)
    }

    fn lr(&mut self) -> &mut f64 {
        &mut self.lr
    }

    fn momentum(&mut self) -> Option<&mut f64> {
        Some(&mut self.momentum)
    }

    fn check_grad(&self, _grad: &Tensor) -> Result<()> {
        Ok(())
    }

    fn update(
        &self,
        param: &mut Tensor,
        grad: &Tensor,
        state: &mut Option<SgdState>,
    ) -> Result<()> {
        if self.has_elementwise_form()
            && elementwise_is_exact()
            && elementwise_sgd(param, grad, state, self)?
        {
            return Ok(());
        }
        single_tensor_sgd(param, grad, state, self)
    }

    fn save(state: &SgdState) -> NamedTensors {
        let buffer = state.momentum_buffer.shallow_clone();
        NamedTensors::from([(MOMENTUM_BUFFER.to_owned(), buffer)])
    }

    fn expected(&self, param: &Tensor, _saved: &NamedTensors) -> Result<NamedTensors> {
        Ok(NamedTensors::from([(
            MOMENTUM_BUFFER.to_owned(),
            param.f_detach()?,
        )]))
    }

    fn load(param: &Tensor, saved: &NamedTensors) -> Result<SgdState> {
        let momentum_buffer = copied(&saved[MOMENTUM_BUFFER], param)?;
        Ok(SgdState { momentum_buffer })
    }
}

impl SgdConfig {
    /// Whether [`elementwise_sgd`] has all that these settings ask for.
    fn has_elementwise_form(&self) -> bool {
        self.weight_decay == 0. && !self.nesterov && !self.maximize
    }
}

/// One parameter's update, line by line as `_single_tensor_sgd`.
fn single_tensor_sgd(
    param: &mut Tensor,
    grad: &Tensor,
    state: &mut Option<SgdState>,
    config: &SgdConfig,
) -> Result<()> {
    let &SgdConfig {
        lr,
        momentum,
        dampening,
        weight_decay,
        nesterov,
        maximize,
        ..
    } = config;
    match state {
        Some(state) => check_shapes(param, &[grad, &state.momentum_buffer])?,
        None => check_shapes(param, &[grad])?,
    }
    // grad = grads[i] if not maximize else -grads[i]
    let mut grad = if maximize {
        grad.f_neg()?
    } else {
        grad.shallow_clone()
    };
    if weight_decay != 0. {
        grad = add(&grad, param, weight_decay)?; // grad.add(param, alpha=weight_decay)
    }
    if momentum != 0. {
        let buf = match state {
            None => {
                let momentum_buffer = clone(&grad.f_detach()?)?; // grad.detach().clone()
                &state.insert(SgdState { momentum_buffer }).momentum_buffer
            }
            Some(SgdState {
                momentum_buffer: buf,
            }) => {
                // buf.mul_(momentum).add_(grad, alpha=1 - dampening)
                mul_(buf, momentum)?;
                add_(buf, &grad, 1. - dampening)?;
                &*buf
            }
        };
        grad = if nesterov {
            add(&grad, buf, momentum)? // grad.add(buf, alpha=momentum)
        } else {
            buf.shallow_clone()
        };
    }
    Ok(add_(param, &grad, -lr)?) // param.add_(grad, alpha=-lr)
}

/// [`single_tensor_sgd`] in one pass, where the tensors are made for it; else returns false.
fn elementwise_sgd(
    param: &Tensor,
    grad: &Tensor,
    state: &mut Option<SgdState>,
    config: &SgdConfig,
) -> Result<bool> {
    let &SgdConfig {
        lr,
        momentum,
        dampening,
        ..
    } = config;
    if let Some(SgdState {
        momentum_buffer: buf,
    }) = state.as_ref().filter(|_| momentum != 0.)
    {
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
        let momentum_buffer = clone(&grad.f_detach()?)?; // grad.detach().clone()
        *state = Some(SgdState { momentum_buffer });
    }
    plain.sgd(lr)?;
    Ok(true)
}

/// Whether [`elementwise_sgd`] gives the bits of [`single_tensor_sgd`] on this processor.
fn elementwise_is_exact() -> bool {
    static EXACT: OnceLock<bool> = OnceLock::new();
    *EXACT.get_or_init(|| {
        let plain = SgdConfig::new(0.1);
        let dampened = SgdConfig {
            momentum: 0.9,
            dampening: 0.1,
            ..plain
        };
        no_grad(|| [plain, dampened].iter().all(agrees))
    })
}

fn agrees(config: &SgdConfig) -> bool {
    let (mut one, mut other) = (None, None);
    let params_agree = elementwise::same_bits(
        |param, grad| single_tensor_sgd(param, grad, &mut one, config),
        |param, grad| elementwise_sgd(param, grad, &mut other, config).map(drop),
    );
    let buffers_agree = match (&one, &other) {
        (Some(one), Some(other)) => {
            elementwise::equal(&one.momentum_buffer, &other.momentum_buffer)
        }
        (one, other) => one.is_none() && other.is_none(),
    };
    params_agree && buffers_agree
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As of Adam.
    #[test]
    fn the_form_in_use_gives_the_bits_of_the_tensor_form() {
        println!("elementwise: {}", elementwise_is_exact());
        let plain = SgdConfig::new(0.1);
        let momentum = SgdConfig {
            momentum: 0.9,
            ..plain
        };
        let dampened = SgdConfig {
            dampening: 0.3,
            ..momentum
        };
        for config in [plain, momentum, dampened] {
            assert!(config.has_elementwise_form());
            no_grad(|| {
                let [mut one, mut two] = [0, 1].map(|_| elementwise::numbers(0));
                let (mut ones, mut twos) = (None, None);
                for step in 0..50 {
                    let grad = elementwise::numbers(step);
                    config.update(&mut one, &grad, &mut ones).unwrap();
                    single_tensor_sgd(&mut two, &grad, &mut twos, &config).unwrap();
                    assert!(elementwise::equal(&one, &two), "{config:?}, step {step}");
                }
            });
        }
    }
}
