//! The proof, and tests that it can fail.

use std::ffi::OsStr;
use std::path::Path;

use final_layer::networks::DigitClassification;
use final_layer::networks::DigitClassifier;
use final_layer::tasks::{Model, Network};
use final_layer::torch::Result;
use final_layer::torch::optim::{Optimizer, ParamGroup, Setting, StateDict};
use final_layer::torch::serialization::{Metadata, NamedTensors, OutputFile, read_safetensors};
use final_layer::trace;
use final_layer::training::Algorithm;
use tch::nn::{self, Module, OptimizerConfig};
use tch::{Device, Kind, Tensor, no_grad};

use testing::{
    compare_traces, example, examples, lock_generator, python, refusal, root, run, stdout,
    torch2tch,
};

/// Compares two traces; returns the exit code and the output.
fn compare(left: &Path, right: &Path) -> (i32, String) {
    let ran = compare_traces(left, right);
    (ran.code, ran.stdout)
}

fn write(tensors: &NamedTensors, path: &Path) {
    let file = OutputFile::create(path).unwrap();
    file.write_safetensors(tensors, Metadata::new()).unwrap();
}

/// Compares live traces of Python and Rust in a short setting; returns the output.
fn compare_live(args: &[&str]) -> String {
    let examples = examples();
    let mut all = vec![
        OsStr::new("compare"),
        "--examples".as_ref(),
        examples.as_ref(),
    ];
    all.extend(args.iter().map(OsStr::new));
    let ran = torch2tch(&all);
    assert_eq!(ran.code, 0, "{args:?}: {}", ran.stderr);
    ran.stdout
}

#[test]
fn three_networks_and_four_optimizers_equal_python() {
    let mut command = python("scripts/compare.py");
    let text = stdout(command.arg("--examples").arg(examples()).arg("--steps=20"));
    assert!(
        text.ends_with("248 tensors, all equal to the bit\n"),
        "{text}"
    );
    assert!(!text.contains("note:"), "the settings differ: {text}");
}

#[test]
fn other_batch_sizes_threads_and_seeds_equal_python() {
    for (batch_size, threads, seed) in [("1", "1", "1"), ("37", "2", "-3")] {
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

/// Dropout, convolutions, and an LSTM with batch norm, whose buffers are compared and have no
/// gradient.
#[test]
fn networks_with_other_layers_equal_python() {
    compare_other_layers("--threads=1");
}

#[test]
#[ignore = "takes long: cargo test -- --ignored at_length"]
fn networks_with_other_layers_equal_python_at_length() {
    compare_other_layers("--threads=2");
}

fn compare_other_layers(threads: &str) {
    let networks = [
        ("clothing_classifier", 30),
        ("dropout_classifier", 22),
        ("convolutional_classifier", 38),
        ("recurrent_classifier", 55),
        ("variational_autoencoder", 46),
        ("character_model", 49),
    ];
    let total: i32 = networks.iter().map(|(_, tensors)| tensors).sum();
    let settings = [threads, "--steps=4", "--optimizer=adadelta", "--lr=1"];
    let text = compare_live(&[&networks.map(|(name, _)| name)[..], &settings].concat());
    let expected = format!("{total} tensors, all equal to the bit\n");
    assert!(text.ends_with(&expected), "{text}");
}

/// Batch norm that does not count its batches, and one that updates its statistics differently.
#[test]
fn comparison_sees_other_buffers() {
    let folder = tempfile::tempdir().unwrap();
    let original = folder.path().join("original.safetensors");
    let changed = folder.path().join("changed.safetensors");
    let mut trace = example("recurrent_classifier");
    trace.args(["trace", "--steps=2", "--output"]);
    stdout(trace.arg(&original));
    let buffers = |stage: &str| {
        ["num_batches_tracked", "running_mean", "running_var"]
            .map(|name| format!("{stage}.norm.{name}"))
    };
    for name in [buffers("init"), buffers("step1"), buffers("step2")].concat() {
        let mut trace = read_safetensors(&original).unwrap();
        let _ = no_grad(|| {
            trace
                .get_mut(&name)
                .unwrap()
                .view(-1)
                .get(0)
                .g_add_scalar_(1)
        });
        write(&trace, &changed);
        let (code, text) = compare(&original, &changed);
        assert_eq!(code, 1, "{name} went unseen: {text}");
        assert!(text.contains(&format!("the first: {name}")), "{text}");
    }
}

type Change = fn(&mut NamedTensors);

/// After a change to a trace, the comparison must fail and name the tensor.
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
        assert_eq!(code, 1, "{what} went unseen: {text}");
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
    assert_eq!(compare(&paths[0], &paths[1]).0, 0);
    assert_eq!(compare(&paths[0], &paths[2]).0, 1);
}

#[test]
fn empty_and_unreadable_files_prove_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.safetensors");
    write(&NamedTensors::new(), &empty);
    assert_eq!(compare(&empty, &empty).0, 1);

    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    write(
        &NamedTensors::from([("output".into(), Tensor::from(1f32))]),
        &empty,
    );
    let content = std::fs::read(&empty).unwrap();
    let cases = [
        (file("broken", b"no trace"), "header too large"),
        (file("nothing", b""), "header too small"),
        (
            file("cut", &content[..content.len() - 1]),
            "not fully covered",
        ),
        (folder.path().to_owned(), "found a folder"),
        (folder.path().join("missing"), "found nothing"),
        ("/dev/null".into(), "found no file"),
    ];
    for (path, expected) in cases {
        let line = refusal(python("scripts/compare_traces.py").args([&path, &path]));
        assert!(line.contains(path.to_str().unwrap()), "{line}");
        assert!(line.contains(expected), "{line}");
    }
    let usage = run(python("scripts/compare_traces.py").arg(&empty));
    assert_eq!(usage.status.code(), Some(2));
}

/// Rows are in the order in which the tensors are created, so that the first difference is closest
/// to the cause.
#[test]
fn rows_are_in_the_order_of_creation() {
    let text = compare_live(&["digit_classifier", "--steps=2", "--optimizer=sgd"]);
    let parameters = ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"];
    let of = |stage: &str| parameters.map(|name| format!("{stage}.{name}"));
    let between = [
        "input",
        "target",
        "output",
        "predicted",
        "softmax",
        "losses",
    ];
    let expected = [
        &of("init")[..],
        &between.map(str::to_owned),
        &of("grad"),
        &of("step1"),
        &of("step2"),
    ];
    assert_eq!(names(&text), expected.concat());

    let data = [
        "--train=data/sample/houses.csv",
        "--epochs=2",
        "--optimizer=adam",
    ];
    let mut command = python("scripts/compare.py");
    command.args(data).arg("--examples").arg(examples());
    let text = stdout(command.current_dir(root("")));
    let epoch = |number: usize| -> Vec<String> {
        let state = (0..4).flat_map(|i| {
            ["exp_avg", "exp_avg_sq", "step"].map(|name| format!("optimizer.{i}.{name}"))
        });
        let losses = ["losses", "loss"].map(str::to_owned).into_iter();
        losses
            .chain(parameters.map(str::to_owned))
            .chain(state)
            .chain(["output".to_owned()])
            .map(|name| format!("epoch{number}.{name}"))
            .collect()
    };
    let rows = names(&text);
    let tensors = rows.iter().filter(|name| !name.starts_with("metric."));
    assert!(tensors.eq(&[epoch(1), epoch(2)].concat()), "{text}");
}

/// The first word of each row.
fn names(text: &str) -> Vec<String> {
    let rows = text.lines().filter(|line| line.starts_with("  "));
    rows.map(|row| row.split_whitespace().next().unwrap().to_owned())
        .collect()
}

#[test]
fn traces_of_two_networks_are_not_equal() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["one_network", "another"].map(|name| {
        let path = folder.path().join(name).with_extension("safetensors");
        let tensors = NamedTensors::from([("output".into(), Tensor::from(1f32))]);
        let facts = Metadata::from([("network".to_owned(), name.to_owned())]);
        let file = OutputFile::create(&path).unwrap();
        file.write_safetensors(&tensors, facts).unwrap();
        path
    });
    let (code, text) = compare(&paths[0], &paths[1]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("one_network in "), "{text}");
    assert!(
        text.contains("1 of 2 rows differ, the first: network"),
        "{text}"
    );
    assert_eq!(compare(&paths[0], &paths[0]).0, 0);
}

/// The article's classifier on `tch`'s own layers.
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
#[derive(Debug)]
struct TchOptimizer(nn::Optimizer);

impl Optimizer for TchOptimizer {
    fn zero_grad(&mut self, _set_to_none: bool) -> Result<()> {
        self.0.zero_grad();
        Ok(())
    }

    fn step(&mut self) -> Result<()> {
        self.0.step();
        Ok(())
    }

    // The trace needs no other method.

    fn group_count(&self) -> usize {
        unimplemented!()
    }

    fn params(&self, _: usize) -> &[Tensor] {
        unimplemented!()
    }

    fn lr(&self, _: usize) -> f64 {
        unimplemented!()
    }

    fn set_lr(&mut self, _: usize, _: f64) {
        unimplemented!()
    }

    fn momentum(&self, _: usize) -> Option<f64> {
        unimplemented!()
    }

    fn set_momentum(&mut self, _: usize, _: f64) {
        unimplemented!()
    }

    fn setting(&self, _: usize, _: &str) -> Option<Setting> {
        unimplemented!()
    }

    fn set_setting(&mut self, _: usize, _: &str, _: Setting) -> Result<()> {
        unimplemented!()
    }

    fn add_param_group(&mut self, _: ParamGroup) -> Result<()> {
        unimplemented!()
    }

    fn add_params(&mut self, _: usize, _: Vec<Tensor>) -> Result<()> {
        unimplemented!()
    }

    fn state_dict(&self) -> StateDict {
        unimplemented!()
    }

    fn load_state_dict(&mut self, _: &StateDict) -> Result<()> {
        unimplemented!()
    }
}

/// Records three steps in this process with the given optimizer, compares them with Python's Adam
/// and returns the output of the comparison.
fn compare_control<N: Network>(
    optimizer: fn(&nn::VarStore) -> Box<dyn Optimizer>,
) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let python_trace = folder.path().join("python.safetensors");
    let control = folder.path().join("control.safetensors");
    stdout(
        testing::python_module("torch2tch.reference.record_trace")
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
fn the_control_with_our_own_layers_passes() {
    let (code, text) =
        compare_control::<DigitClassifier>(|vs| Algorithm::Adam.build(vs, 1e-3).unwrap());
    assert_eq!(code, 0, "{text}");
}

#[test]
fn comparison_sees_the_linear_of_tch() {
    let (code, text) =
        compare_control::<TchClassifier>(|vs| Algorithm::Adam.build(vs, 1e-3).unwrap());
    assert_eq!(code, 1, "{text}");
    // The input is drawn after the weights, of which tch draws as many, so it is equal; the weights
    // are not.
    assert!(text.contains("the first: init.fc1.weight"), "{text}");
}

#[test]
fn comparison_sees_the_adam_of_tch() {
    let (code, text) = compare_control::<DigitClassifier>(|vs| {
        Box::new(TchOptimizer(nn::Adam::default().build(vs, 1e-3).unwrap()))
    });
    assert_eq!(code, 1, "{text}");
    // C++ and Python agree in the first step and differ in the second: the loss of the third may
    // show it, the weights do.
    let first = ["losses", "step3.fc1.weight"].map(|name| format!("the first: {name}"));
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
