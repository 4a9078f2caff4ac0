//! $class, ported from $python: Rust on the left, the Python that it mirrors on the right.

mod $module;

#[allow(unused_imports)] // What the call below needs.
use torch_parity::nn::{GRUState, LSTMState, Module, ModuleT};
use torch_parity::serialization::NamedTensors;
use tch::{Tensor, no_grad};

pub use $module::$class;

/// The answer in evaluation, without gradients. The tensors that go in have the names of `forward`'s
/// arguments: $inputs. What comes out is called $outputs.
///
/// # Errors
/// If one of them is missing.
pub fn answer(network: &$class, inputs: &NamedTensors) -> Result<NamedTensors, String> {
    let tensor = |name: &str| -> Result<&Tensor, String> {
        let missing = || format!("expected a tensor {name}, found none of that name");
        inputs.get(name).ok_or_else(missing)
    };
    $reads
    let output = no_grad(|| $call);
    $convert
    Ok(NamedTensors::from([$named]))
}
