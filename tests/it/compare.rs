//! The proof, and that it can fail.

use std::path::Path;

use final_layer::networks::DigitClassifier;
use final_layer::tasks::{DigitClassification, Model, Network};
use final_layer::torch::optim::Optimizer;
use final_layer::torch::serialization::{Metadata, NamedTensors, OutputFile, read_safetensors};
use final_layer::trace;
use final_layer::training::Algorithm;
use tch::nn::{self, Module, OptimizerConfig};
use tch::{Device, Kind, Tensor};

use crate::common::{example, examples, lock_generator, python, run, stdout};

/// Compares two traces; returns the exit code and what was printed.
fn compare(left: &Path, right: &Path) -> (Option<i32>, String) {
    let output = run(python("scripts/compare_traces.py").args([left, right]));
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), text)
}

fn write(tensors: &NamedTensors, path: &Path) {
    let file = OutputFile::create(path).unwrap();
    file.write_safetensors(tensors, Metadata::new()).unwrap();
}

/// The traces of Python and Rust, live, in a short setting.
fn compare_live(args: &[&str]) -> String {
    stdout(
        python("scripts/compare.py")
            .arg("--examples")
            .arg(examples())
            .args(args),
    )
}

#[test]
fn three_networks_and_four_optimizers_equal_python() {
    let text = compare_live(&["--steps", "20"]);
    assert!(
        text.ends_with("248 tensors, all equal to the bit\n"),
        "{text}"
    );
    assert!(!text.contains("note:"), "the settings differ: {text}");
}

#[test]
fn other_batch_sizes_threads_and_seeds_equal_python() {
    for (batch_size, threads, seed) in [("1", "1", "1"), ("37", "2", "2"), ("1024", "2", "-3")] {
        let text = compare_live(&[
            "digit_classifier",
            "--steps=10",
            "--optimizer=adam",
            &format!("--batch-size={batch_size}"),
            &format!("--threads={threads}"),
            &format!("--seed={seed}"),
        ]);
        assert!(
            text.ends_with("22 tensors, all equal to the bit\n"),
            "{text}"
        );
    }
}

type Change = fn(&mut NamedTensors);

/// A change to a trace has to make the comparison fail and name the tensor.
#[test]
fn comparison_sees_every_kind_of_difference() {
    let folder = tempfile::tempdir().unwrap();
    let original = folder.path().join("original.safetensors");
    let changed = folder.path().join("changed.safetensors");
    stdout(
        example("digit_classifier")
            .args(["trace", "--steps=2", "--output"])
            .arg(&original),
    );

    let cases: [(&str, &str, Change); 9] = [
        (
            "flipped last bit",
            "1 of 100352 elements differ, by up to 1 ulp",
            |trace| {
                flip_last_bit(trace.get_mut("step2.fc1.weight").unwrap());
            },
        ),
        ("missing key", "only in", |trace| {
            trace.remove("grad.fc2.bias");
        }),
        ("extra key", "only in", |trace| {
            trace.insert("grad.fc3.bias".into(), Tensor::from(1f32));
        }),
        ("wrong shape", "shape (10,) in", |trace| {
            let bias = trace.get_mut("init.fc2.bias").unwrap();
            *bias = bias.reshape([1, 10]);
        }),
        ("wrong dtype", "float32 in", |trace| {
            let bias = trace.get_mut("init.fc2.bias").unwrap();
            *bias = bias.to_kind(Kind::Double);
        }),
        ("NaN", "by up to NaN ulp", |trace| {
            let _ = trace.get_mut("losses").unwrap().get(1).fill_(f64::NAN);
        }),
        ("infinity", "1 of 2 elements differ", |trace| {
            let _ = trace.get_mut("losses").unwrap().get(1).fill_(f64::INFINITY);
        }),
        ("sign of zero", "by up to 1 ulp, 0", |trace| {
            let _ = trace.get_mut("input").unwrap().get(0).get(0).fill_(-0.0);
        }),
        ("another class", "elements differ", |trace| {
            *trace.get_mut("predicted").unwrap() += 1;
        }),
    ];
    for (what, expected, change) in cases {
        let mut trace = read_safetensors(&original).unwrap();
        if what == "sign of zero" {
            let _ = trace.get_mut("input").unwrap().get(0).get(0).fill_(0.0);
        }
        write(&trace, &original);
        change(&mut trace);
        write(&trace, &changed);
        let (code, text) = compare(&original, &changed);
        assert_eq!(code, Some(1), "{what} went unseen: {text}");
        assert!(text.contains(expected), "{what}: {text}");
        assert!(text.contains("1 of 2"), "{what}: {text}");
    }
}

#[test]
fn nan_equals_nan_in_the_same_place_alone() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a", "b", "c"].map(|name| folder.path().join(format!("{name}.safetensors")));
    for (path, values) in paths.iter().zip([
        [f32::NAN, 1.],
        [f32::from_bits(0xffc0_1234), 1.],
        [1., f32::NAN],
    ]) {
        let tensor = Tensor::from_slice(&values);
        write(&NamedTensors::from([("output".into(), tensor)]), path);
    }
    assert_eq!(compare(&paths[0], &paths[1]).0, Some(0));
    assert_eq!(compare(&paths[0], &paths[2]).0, Some(1));
}

#[test]
fn nothing_and_unreadable_files_are_no_proof() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.safetensors");
    write(&NamedTensors::new(), &empty);
    assert_eq!(compare(&empty, &empty).0, Some(1));

    let broken = folder.path().join("broken.safetensors");
    std::fs::write(&broken, b"no trace").unwrap();
    assert_eq!(compare(&broken, &broken).0, Some(1));
}

/// The document's classifier on `tch`'s own layers.
#[derive(Debug)]
struct TchClassifier {
    fc1: nn::Linear,
    fc2: nn::Linear,
}

impl Module for TchClassifier {
    fn forward(&self, x: &Tensor) -> Tensor {
        x.apply(&self.fc1).relu().apply(&self.fc2)
    }
}

impl Network for TchClassifier {
    type Task = DigitClassification;
    const NAME: &'static str = DigitClassifier::NAME;
    const ABOUT: &'static str = "tch's own nn::linear";

    fn new(vs: &nn::Path) -> Self {
        Self {
            fc1: nn::linear(vs / "fc1", 784, 128, Default::default()),
            fc2: nn::linear(vs / "fc2", 128, 10, Default::default()),
        }
    }
}

/// An optimizer of `tch`.
struct TchOptimizer(nn::Optimizer);

impl Optimizer for TchOptimizer {
    fn zero_grad(&mut self) {
        self.0.zero_grad();
    }

    fn step(&mut self) {
        self.0.step();
    }

    fn state_dict(&self) -> NamedTensors {
        unreachable!("the trace asks for no state")
    }

    fn load_state_dict(&mut self, _: &NamedTensors) -> final_layer::torch::Result<()> {
        unreachable!("the trace loads no state")
    }
}

/// Records three steps in this process with the given optimizer, compares with Python's Adam and
/// returns what the comparison printed.
fn compare_control<N: Network>(
    optimizer: fn(&nn::VarStore) -> Box<dyn Optimizer>,
) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let python_trace = folder.path().join("python.safetensors");
    let control = folder.path().join("control.safetensors");
    stdout(
        python("scripts/reference/record_trace.py")
            .args([
                "digit_classifier",
                "--optimizer=adam",
                "--steps=3",
                "--output",
            ])
            .arg(&python_trace),
    );
    {
        let _generator = lock_generator();
        tch::manual_seed(0);
        let model = Model::<N>::new(Device::Cpu);
        let mut optimizer = optimizer(&model.vs);
        let trace = trace::record(&model, optimizer.as_mut(), 64, 3).unwrap();
        write(&trace, &control);
    }
    compare(&python_trace, &control)
}

#[test]
fn the_same_control_with_our_own_parts_passes() {
    let (code, text) = compare_control::<DigitClassifier>(|vs| Algorithm::Adam.build(vs, 1e-3));
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn comparison_sees_the_linear_of_tch() {
    let (code, text) = compare_control::<TchClassifier>(|vs| Algorithm::Adam.build(vs, 1e-3));
    assert_eq!(code, Some(1), "{text}");
    // The input is drawn after the weights, of which tch draws as many: equal. The weights not.
    assert!(text.contains("the first: init.fc1.bias"), "{text}");
}

#[test]
fn comparison_sees_the_adam_of_tch() {
    let (code, text) = compare_control::<DigitClassifier>(|vs| {
        Box::new(TchOptimizer(nn::Adam::default().build(vs, 1e-3).unwrap()))
    });
    assert_eq!(code, Some(1), "{text}");
    // C++ and Python agree in the first step and part in the second: the loss of the third may show
    // it, the weights do.
    let first = ["losses", "step3.fc1.bias"].map(|name| format!("the first: {name}"));
    assert!(first.iter().any(|first| text.contains(first)), "{text}");
    let weight = text.lines().find(|line| line.contains("step3.fc1.weight"));
    assert!(weight.unwrap().contains("elements differ"), "{text}");
}

fn flip_last_bit(tensor: &mut Tensor) {
    let size = tensor.size();
    let mut values = Vec::<f32>::try_from(tensor.reshape([-1])).unwrap();
    values[0] = f32::from_bits(values[0].to_bits() ^ 1);
    *tensor = Tensor::from_slice(&values).reshape(size);
}
