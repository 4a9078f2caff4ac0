//! $class, ported from $python: Rust on the left, the mirrored Python on the right.

mod $module;

#[allow(unused_imports)] // Needed by the call below, depending on the class.
use torch_parity::nn::{GRUState, LSTMState, Module, ModuleT};
use torch_parity::serialization::NamedTensors;
use tch::{Tensor, no_grad};

pub use $module::$class;

/// The network's output in evaluation mode, without gradients. The inputs have the names of
/// `forward`'s arguments: $inputs. The outputs are named $outputs.
///
/// # Errors
/// If an input is missing.
pub fn answer(network: &$class, inputs: &NamedTensors) -> Result<NamedTensors, String> {
    let tensor = |name: &str| -> Result<&Tensor, String> {
        let missing = || format!("expected a tensor {name}, found no such tensor");
        inputs.get(name).ok_or_else(missing)
    };
    $reads
    let output = no_grad(|| $call);
    $convert
    Ok(NamedTensors::from([$named]))
}
