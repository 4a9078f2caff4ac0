//! A program for `tch::nn` is moved by changing one `use` line, and then has Python's bits.

use tch::Tensor;
use torch_parity::serialization::{NamedTensors, read_safetensors};

use testing::{on_one_thread, python_code, same_bits};

mod moved {
    use torch_parity::nn::{self, Module, OptimizerConfig};
    include!("migration/program.rs");
}

mod before {
    use tch::nn::{self, Module, OptimizerConfig};
    include!("migration/program.rs");
}

type Program = fn() -> Vec<Tensor>;

fn equals_python(name: &str, program: Program, python: &NamedTensors) -> bool {
    let weights = on_one_thread(|| {
        tch::manual_seed(0);
        program()
    });
    assert_eq!(weights.len(), 4);
    let mut weights = weights.iter().enumerate();
    weights.all(|(i, weight)| same_bits(weight, &python[&format!("{name}.{i}")]))
}

#[test]
fn one_line_moves_a_program_of_tch_to_pythons_bits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weights.safetensors");
    python_code(
        "crates/torch-parity/tests/python/migration.py",
        &[file.as_os_str()],
    );
    let python = read_safetensors(&file).unwrap();
    let programs: [(&str, Program, Program); 4] = [
        ("adam", moved::adam, before::adam),
        ("sgd", moved::sgd, before::sgd),
        ("adamw", moved::adamw, before::adamw),
        ("rms_prop", moved::rms_prop, before::rms_prop),
    ];
    for (name, moved, before) in programs {
        assert!(equals_python(name, moved, &python), "{name} differs");
        assert!(
            !equals_python(name, before, &python),
            "{name}: tch is equal"
        );
    }
}
