//! `torch.optim`: SGD, Adam, AdamW, RMSprop, Adagrad, Adadelta, Adamax, NAdam and RAdam with
//! Python's arguments, defaults and bits.
//!
//! They are implemented with tensor operations, each line beside the Python line that it mirrors.
//! SGD, Adam and AdamW use fewer passes over memory where a check finds the same bits
//! (`elementwise.rs`). Only the learning rate is required: `RmsPropConfig::new(0.01)` is
//! `torch.optim.RMSprop(params, lr=0.01)`. Python's default rate is 0.01 in RMSprop and Adagrad, 1
//! in Adadelta, 0.002 in Adamax and NAdam, and 0.001 in the others.
//!
//! `tch` has some of them, too, from C++. But its Adam uses another order of operations and differs
//! from Python from the second step on, and none of its optimizers exposes its state, without which
//! training cannot be resumed:
//!
//! | | C++ (`tch`) | Python |
//! | --- | --- | --- |
//! | first moment | `m.mul_(β₁).add_(g, 1 − β₁)` | `m.lerp_(g, 1 − β₁)` |
//! | second bias correction | `sqrt(1 − β₂ᵗ)` | `(1 − β₂ᵗ) ** 0.5` |
//!
//! ```
//! use torch_parity::nn::VarStore;
//! use torch_parity::optim::{Adam, AdamConfig, Optimizer, ParamGroup};
//! use tch::{Device, Kind};
//!
//! let vs = VarStore::new(Device::Cpu);
//! let w = vs.root().ones("w", &[3]);
//! let b = vs.root().ones("b", &[3]);
//! // Adam([{"params": [w]}, {"params": [b], "lr": 0.01}], lr=0.1)
//! let groups = [
//!     ParamGroup::new(vec![w.shallow_clone()]),
//!     ParamGroup::new(vec![b.shallow_clone()]).with("lr", 0.01),
//! ];
//! let mut optimizer = Adam::new(groups, AdamConfig::adam(0.1))?;
//! optimizer.zero_grad(true)?;
//! (&w + &b).sum(Kind::Float).backward();
//! optimizer.step()?;
//! assert_eq!(optimizer.lr(1), 0.01);
//! # Ok::<(), torch_parity::Error>(())
//! ```
//!
//! # On a GPU
//!
//! Statements about bits refer to CPUs. On a GPU nothing has been measured yet;
//! `scripts/checks/gpu_parity.py` measures it. The operations are those of Python's
//! `foreach=False`, with the same factors, so libtorch's kernels should agree there, too. By
//! default, Python updates all parameters on a GPU at once (`foreach`), and then differs from its
//! own `foreach=False`: the latter multiplies √v by the reciprocal of `bias_correction2_sqrt`
//! (`BinaryDivTrueKernel.cu`), while `foreach` divides (`ForeachFunctors.cuh`).
//!
//! On a CPU, Python by default updates one parameter after another. `foreach=True` gives the same
//! bits there, except for NAdam and RAdam, which compute the denominator differently; for these it
//! is not supported.
//!
//! Source: `torch/optim/optimizer.py`, the file in `torch/optim/` named like the optimizer
//! (`_single_tensor_…`), `torch/csrc/api/src/optim/adam.cpp`.

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod arguments;
mod elementwise;
pub mod lr_scheduler;
mod nadam;
mod optimizer;
mod optimizer_of;
mod param_group;
mod radam;
mod rmsprop;
mod rule;
mod setting;
mod sgd;
mod state;
mod state_dict;
mod value;

pub use adadelta::{Adadelta, AdadeltaConfig};
pub use adagrad::{Adagrad, AdagradConfig};
pub use adam::{Adam, AdamConfig};
pub use adamax::{Adamax, AdamaxConfig};
pub use arguments::Arguments;
pub use nadam::{NAdam, NAdamConfig};
pub use optimizer::Optimizer;
pub use optimizer_of::OptimizerOf;
pub use param_group::{ParamGroup, ParamGroups};
pub use radam::{RAdam, RAdamConfig};
pub use rmsprop::{RmsProp, RmsPropConfig};
pub use rule::Rule;
pub use setting::{Setting, Settings, Typed};
pub use sgd::{Sgd, SgdConfig};
pub use state::State;
pub use state_dict::{SavedGroup, StateDict};
pub use value::{settings_from_value, settings_to_value};

use crate::{Error, Result};

fn refused<T>(text: impl Into<String>) -> Result<T> {
    Err(Error::Argument(text.into()))
}
