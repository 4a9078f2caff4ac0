//! Weights saved by Python give Python's output here, and weights saved here can be loaded there.

use std::path::Path;

use final_layer::networks::{BinaryClassifier, DigitClassifier, HousePricePredictor};
use final_layer::tasks::{Model, Network};
use final_layer::torch::serialization::OutputFile;
use final_layer::torch::serialization::save_state_dict;
use tch::Device;

use testing::{NETWORKS, example, lock_generator, python, run, stdout};

#[test]
fn weights_saved_by_python_print_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for network in NETWORKS {
        stdout(
            python("tests/python/save_weights.py")
                .arg(network)
                .arg(folder.path()),
        );
        let demonstrate = |file: &str| {
            let path = folder.path().join(file);
            stdout(example(network).args(["--seed=5", "--weights"]).arg(path))
        };
        let python = stdout(
            testing::python_module("torch2tch.reference.demonstrate")
                .args([network, "--seed=5", "--weights"])
                .arg(folder.path().join("weights.safetensors")),
        );
        assert_ne!(
            python,
            stdout(example(network).arg("--seed=5")),
            "{network} ignores them"
        );
        for file in ["weights.safetensors", "weights.pt", "strided.pt"] {
            assert_eq!(demonstrate(file), python, "{network} {file}");
        }
    }
}

/// Saves new weights from Rust and loads them in Python with `strict=True`.
fn python_loads<N: Network>(folder: &Path) {
    let path = folder.join("weights.safetensors");
    let model = {
        let _generator = lock_generator();
        tch::manual_seed(7);
        Model::<N>::new(Device::Cpu)
    };
    save_state_dict(&model.vs, OutputFile::create(&path).unwrap()).unwrap();
    let python = |weights: &[&std::ffi::OsStr]| {
        let mut command = testing::python_module("torch2tch.reference.demonstrate");
        stdout(command.args([N::NAME, "--seed=7"]).args(weights))
    };
    // Loading weights of the default seed changes nothing; loading those of another seed changes
    // everything.
    assert_eq!(python(&["--weights".as_ref(), path.as_ref()]), python(&[]));
}

#[test]
fn python_loads_weights_saved_here() {
    let folder = tempfile::tempdir().unwrap();
    python_loads::<DigitClassifier>(folder.path());
    python_loads::<HousePricePredictor>(folder.path());
    python_loads::<BinaryClassifier>(folder.path());
}

#[test]
fn trace_starts_from_weights() {
    let folder = tempfile::tempdir().unwrap();
    let network = "house_price_predictor";
    stdout(
        python("tests/python/save_weights.py")
            .arg(network)
            .arg(folder.path()),
    );
    let weights = folder.path().join("weights.pt");
    let traces = ["python", "rust"].map(|side| folder.path().join(format!("{side}.safetensors")));
    let args = ["--optimizer=adamw", "--steps=5", "--weights"];
    let python_trace = testing::python_module("torch2tch.reference.record_trace")
        .arg(network)
        .args(args)
        .arg(&weights)
        .arg("--output")
        .arg(&traces[0])
        .status();
    assert!(python_trace.unwrap().success());
    stdout(
        example(network)
            .arg("trace")
            .args(args)
            .arg(&weights)
            .arg("--output")
            .arg(&traces[1]),
    );
    let compared = run(python("scripts/compare_traces.py").args(&traces));
    assert!(
        compared.status.success(),
        "{}",
        String::from_utf8_lossy(&compared.stdout)
    );
}
