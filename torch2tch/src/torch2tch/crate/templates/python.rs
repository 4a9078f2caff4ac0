//! Rust's outputs compared with Python's, which are recorded in `recorded/`.

use std::path::PathBuf;

use torch_parity::serialization::{NamedTensors, load_state_dict, read_safetensors};
use $crate::{$class, answer};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

fn recorded(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("recorded")
        .join(name)
}

/// Rust's and Python's outputs for the same input and the same weights.
fn answers() -> (NamedTensors, NamedTensors) {
    let vs = VarStore::new(Device::Cpu);
    let network = $class::new(&vs.root());
    load_state_dict(&vs, &recorded("weights.safetensors")).unwrap();
    let inputs = read_safetensors(&recorded("input.safetensors")).unwrap();
    let python = read_safetensors(&recorded("output.safetensors")).unwrap();
    let rust = answer(&network, &inputs).unwrap();
    assert!(rust.keys().eq(python.keys()));
    (rust, python)
}

/// For any machine, since another processor may add in another order. The tolerances are those of
/// `torch.testing.assert_close` for float32.
#[test]
fn outputs_equal_python_up_to_rounding() {
    let (rust, python) = answers();
    for (name, expected) in python {
        let found = &rust[&name];
        assert_eq!(
            (found.size(), found.kind()),
            (expected.size(), expected.kind()),
            "{name}"
        );
        let (found, expected) = (found.to_kind(Kind::Double), expected.to_kind(Kind::Double));
        assert!(found.allclose(&expected, 1.3e-6, 1e-5, true), "{name}");
    }
}

/// For the machine of the recording, with the same libtorch and one thread.
#[test]
#[ignore = "equal to the bit only on the machine of the recording"]
fn outputs_equal_python_to_the_bit() {
    tch::set_num_threads(1);
    let (rust, python) = answers();
    let bits = |tensor: &Tensor| tensor.reshape([-1]).view_dtype(Kind::Uint8);
    for (name, expected) in python {
        assert!(bits(&rust[&name]).equal(&bits(&expected)), "{name}");
    }
}
