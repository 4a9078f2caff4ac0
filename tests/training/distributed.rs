//! Training in several processes, compared with this crate's in one.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use final_layer::networks::{DigitClassifier, HousePricePredictor};
use final_layer::tasks::{Dataset, Model, Network, Objective};
use final_layer::torch::random::manual_seed;
use final_layer::torch::serialization::{NamedTensors, read_safetensors};
use final_layer::torch::utils::data::{DataLoader, DataLoaderConfig};
use final_layer::training::Algorithm;
use tch::{Device, Tensor};

use crate::train::{SAMPLE_DATA, sample_data};
use testing::{NETWORKS, example, on_one_thread, python, refusal, root, run, same_bits, stdout};

const EPOCHS: usize = 3;

/// `scripts/train_distributed.py` on the sample data, in this many processes with one thread each.
fn train(network: &str, processes: usize, output: &Path) -> Command {
    let data = NETWORKS.iter().position(|known| *known == network).unwrap();
    let mut command = python("scripts/train_distributed.py");
    command
        .args([network, "--threads=1", "--batch-size=50"])
        .args([
            format!("--processes={processes}"),
            format!("--epochs={EPOCHS}"),
        ])
        .arg("--data")
        .arg(sample_data(SAMPLE_DATA[data]))
        .arg("--output")
        .arg(output);
    command
}

/// Runs a command that trains and writes its weights to `path`; returns them.
fn weights_of(mut command: Command, path: &Path) -> NamedTensors {
    stdout(&mut command);
    read_safetensors(path).unwrap()
}

/// The same training by this crate's executable, in one process.
fn train_here(network: &str, output: &Path) -> Command {
    let mut command = example(network);
    command
        .args(["train", "--threads=1", "--batch-size=50"])
        .arg(format!("--epochs={EPOCHS}"))
        .arg("--output")
        .arg(output);
    command
}

fn assert_same(left: &NamedTensors, right: &NamedTensors, what: &str) {
    assert!(left.keys().eq(right.keys()), "{what}");
    for (name, tensor) in left {
        assert!(same_bits(tensor, &right[name]), "{what}: {name} differs");
    }
}

#[test]
fn one_process_gives_the_bits_of_train() {
    train_in_one_process(&["house_price_predictor"]);
}

#[test]
#[ignore = "takes long: cargo test -- --ignored at_length"]
fn one_process_gives_the_bits_of_train_at_length() {
    train_in_one_process(&NETWORKS);
}

fn train_in_one_process(networks: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let [python, rust] = ["python", "rust"].map(|name| folder.path().join(name));
    let [python, rust] = [python, rust].map(|path| path.with_extension("safetensors"));
    for &network in networks {
        let theirs = weights_of(train(network, 1, &python), &python);
        let ours = weights_of(train_here(network, &rust), &rust);
        assert_same(&theirs, &ours, network);
    }
}

#[test]
fn two_processes_give_the_bits_of_two_halves_of_each_batch() {
    check_halves::<HousePricePredictor>();
}

#[test]
#[ignore = "takes long: cargo test -- --ignored at_length"]
fn two_processes_give_the_bits_of_two_halves_of_each_batch_at_length() {
    check_halves::<DigitClassifier>();
}

/// Compares two processes with this crate's own code in one: each batch is split in two, and the
/// mean of the halves' gradients updates the weights.
fn check_halves<N: Network<Task: Dataset>>() {
    let folder = tempfile::tempdir().unwrap();
    let [path, whole] =
        ["two", "one"].map(|name| folder.path().join(name).with_extension("safetensors"));
    let theirs = weights_of(train(N::NAME, 2, &path), &path);
    let ours = on_one_thread(train_by_halves::<N>);
    assert_same(&theirs, &ours, N::NAME);

    // The weights can be loaded here, and have the same metrics.
    let mut evaluate = example(N::NAME);
    stdout(evaluate.args(["evaluate", "--weights"]).arg(&path));

    // The gradient of the whole batch is another sum of the same numbers, rounded differently.
    let one = weights_of(train_here(N::NAME, &whole), &whole);
    let distance = |name: &String| {
        let difference: Tensor = &theirs[name] - &one[name];
        difference.abs().max().double_value(&[])
    };
    let largest = one.keys().map(distance).fold(0., f64::max);
    println!(
        "{}: one process is up to {largest:.1e} away from two",
        N::NAME
    );
    assert!(largest > 0., "{}", N::NAME);
}

fn train_by_halves<N: Network<Task: Dataset>>() -> NamedTensors {
    let data = N::Task::read(&sample_data(N::Task::SAMPLE_DATA.unwrap()));
    let data = data.unwrap().train;
    manual_seed(0);
    let model = Model::<N>::new(Device::Cpu);
    let mut optimizer = Algorithm::Adam.build(&model.vs, 1e-3).unwrap();
    let loader = DataLoader::new(data.len(), DataLoaderConfig::shuffled(50)).unwrap();
    for batch in (0..EPOCHS).flat_map(|_| loader.iter()) {
        let batch = batch.unwrap();
        let samples = batch.size()[0];
        let mut mean: Vec<Tensor> = Vec::new();
        for half in [
            batch.narrow(0, 0, samples / 2),
            batch.narrow(0, samples / 2, samples - samples / 2),
        ] {
            let (features, target) = data.batch(&half);
            optimizer.zero_grad(true).unwrap();
            let input = N::Task::to_input(&features);
            let loss = N::Task::loss(&model.network.call(&input, true), &target);
            // Halves of an odd batch are weighted by their number of samples.
            (loss.unwrap() * (half.size()[0] as f64 * 2. / samples as f64)).backward();
            let gradients = model.vs.trainable_variables().into_iter();
            let halved = gradients.map(|parameter| parameter.grad() / 2.);
            mean = match mean.is_empty() {
                true => halved.collect(),
                false => mean.iter().zip(halved).map(|(a, b)| a + b).collect(),
            };
        }
        for (parameter, gradient) in model.vs.trainable_variables().iter().zip(&mean) {
            parameter.grad().copy_(gradient);
        }
        optimizer.step().unwrap();
    }
    model
        .vs
        .variables()
        .into_iter()
        .map(|(name, tensor)| (name, tensor.detach().copy()))
        .collect()
}

/// Three processes, batches of four, and one sample in the last batch: two processes have no sample
/// of it.
#[test]
#[ignore = "takes long: cargo test -- --ignored at_length"]
fn a_process_without_samples_adds_nothing_at_length() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let data = folder.path().join("houses.csv");
    let text = fs::read_to_string(sample_data("houses.csv")).unwrap();
    // The header and 11 houses: 9 for training, 2 for testing.
    let lines: Vec<&str> = text.lines().take(12).collect();
    fs::write(&data, lines.join("\n")).unwrap();
    let args = ["--threads=1", "--epochs=2", "--batch-size=4", "--data"];
    let mut several = python("scripts/train_distributed.py");
    several.args(["house_price_predictor", "--processes=3"]);
    several.args(args).arg(&data).arg("--output").arg(&path);
    let text = stdout(&mut several);
    let mut here = example("house_price_predictor");
    let expected = stdout(here.arg("train").args(args).arg(&data));
    // The losses are printed with six digits on both sides.
    for (line, expected) in text.lines().zip(expected.lines()) {
        let loss = |line: &str| line.split(';').next().unwrap().to_owned();
        assert_eq!(loss(line), loss(expected));
    }
    assert!(path.exists());
}

#[test]
fn a_killed_process_ends_training_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let mut training = train("digit_classifier", 2, &path)
        .arg("--epochs=100000")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(training.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("epoch 1/"));
    let rank = rank_one(&training);
    let killed = Command::new("kill").args(["-KILL", &rank]).status();
    assert!(killed.unwrap().success());
    drop(lines);
    let output = training.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(
        stderr,
        format!(
            "error: rank 1 (process {rank}) was killed by SIGKILL; training has ended, no weights \
             were written\n"
        )
    );
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

/// The id of the second training process.
fn rank_one(launcher: &Child) -> String {
    let children = format!("/proc/{0}/task/{0}/children", launcher.id());
    let children = fs::read_to_string(children).unwrap();
    let is_rank_one = |pid: &&str| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|v| v == b"RANK=1")
    };
    children
        .split_whitespace()
        .find(is_rank_one)
        .expect("a child of rank 1")
        .to_owned()
}

#[test]
fn a_refusal_is_one_line_of_one_process() {
    refuse(1);
}

#[test]
#[ignore = "takes long: cargo test -- --ignored at_length"]
fn refusals_are_one_line_of_one_process_at_length() {
    refuse(5);
}

fn refuse(count: usize) {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("weights.safetensors");
    let cases: [(&[&str], &str); 5] = [
        (&["--data=/nowhere"], "error: /nowhere: No such file"),
        (&["--data=README.md"], "error: README.md: expected a column"),
        (&["--weights=README.md"], "error: README.md: "),
        (&["--output=/nowhere/x.safetensors"], "no folder /nowhere"),
        (&["--device=cuda"], "each process needs one"),
    ];
    for (args, expected) in cases.into_iter().take(count) {
        if args == ["--device=cuda"] && tch::Cuda::device_count() > 1 {
            continue;
        }
        let mut command = train("house_price_predictor", 2, &output);
        let line = refusal(command.args(args).current_dir(root("")));
        assert!(line.contains(expected), "{line}");
    }
    assert!(!output.exists());
}

#[test]
fn wrong_usage() {
    let path = PathBuf::from("weights.safetensors");
    let cases: [(&[&str], &str); 5] = [
        (&["--processes=0"], "expected a number from 1"),
        (&["--processes=51"], "no samples for 51 processes"),
        (&["--output=weights.pt"], ".safetensors"),
        (&["--threads=1000000"], "at most 1024 threads"),
        (&["--optimizer=lion"], "invalid choice"),
    ];
    for (args, expected) in cases {
        let output = run(train("digit_classifier", 2, &path).args(args));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(
            stderr.lines().last().unwrap().contains(expected),
            "{stderr}"
        );
    }
}
