//! The errors of `train --resume`, each with the expected and the found value.

use std::fs;
use std::path::Path;

use final_layer::checkpoint::{Checkpoint, seal};
use final_layer::torch::serialization::{
    Metadata, NamedTensors, OutputFile, read_safetensors_and_metadata,
};
use tch::Tensor;

use crate::resume::Run;
use testing::{example, refusal, root, stdout};

/// A checkpoint of two epochs of `digit_classifier`.
fn checkpoint() -> Run {
    let run = Run::new("digit_classifier", &["--epochs=2", "--threads=1"]);
    run.finish();
    run
}

fn refuse_resuming(checkpoint: &Path, network: &str, args: &[&str]) -> String {
    let before = fs::read(checkpoint).unwrap();
    let mut command = example(network);
    let line = refusal(
        command
            .args(["train", "--resume"])
            .arg(checkpoint)
            .args(args),
    );
    assert_eq!(
        fs::read(checkpoint).unwrap(),
        before,
        "a refusal writes nothing"
    );
    assert!(line.contains(checkpoint.to_str().unwrap()), "{line}");
    line
}

#[test]
fn other_settings_are_refused() {
    let run = checkpoint();
    let cases = [
        ("--epochs=1", "--epochs 1, but 2 in the checkpoint"),
        (
            "--batch-size=32",
            "--batch-size 32, but 64 in the checkpoint",
        ),
        (
            "--optimizer=sgd",
            "--optimizer sgd, but adam in the checkpoint",
        ),
        ("--lr=0.1", "--lr 0.1, but 0.001 in the checkpoint"),
        ("--seed=1", "--seed 1, but 0 in the checkpoint"),
        ("--threads=2", "--threads 2, but 1 in the checkpoint"),
        (
            "--device=cuda",
            "--device cuda:0, but cpu in the checkpoint",
        ),
    ];
    for (option, message) in cases {
        let line = refuse_resuming(&run.checkpoint(), run.network, &[option]);
        assert!(line.contains(message), "{line}");
    }
    let all: Vec<&str> = cases.iter().map(|(option, _)| *option).collect();
    let line = refuse_resuming(&run.checkpoint(), run.network, &all);
    for (_, message) in cases {
        assert!(line.contains(message), "{line}");
    }
    // The same settings, given explicitly.
    let mut command = run.command();
    stdout(command.args([
        "--batch-size=64",
        "--optimizer=adam",
        "--lr=1e-3",
        "--seed=0",
    ]));
}

#[test]
fn another_network_or_other_data_are_refused() {
    let run = checkpoint();
    let line = refuse_resuming(&run.checkpoint(), "house_price_predictor", &[]);
    let expected = "expected a checkpoint of house_price_predictor, found one of digit_classifier";
    assert!(line.contains(expected), "{line}");

    let run = Run::new("house_price_predictor", &["--epochs=1", "--threads=1"]);
    run.finish();
    // One house fewer.
    let houses = fs::read_to_string(root("data/sample/houses.csv")).unwrap();
    let data = run.path("houses.csv");
    let fewer: Vec<&str> = houses.lines().take(houses.lines().count() - 2).collect();
    fs::write(&data, fewer.join("\n")).unwrap();
    let line = refuse_resuming(
        &run.checkpoint(),
        run.network,
        &["--data", data.to_str().unwrap()],
    );
    assert!(line.contains("expected the training data of"), "{line}");
}

#[test]
fn a_checkpoint_is_not_overwritten_by_a_new_run() {
    let run = checkpoint();
    let before = fs::read(run.checkpoint()).unwrap();
    let mut command = example(run.network);
    let line = refusal(
        command
            .args(["train", "--checkpoint"])
            .arg(run.checkpoint()),
    );
    assert!(
        line.contains("a checkpoint exists already; resume it with --resume"),
        "{line}"
    );
    assert_eq!(fs::read(run.checkpoint()).unwrap(), before);
}

#[test]
fn a_checkpoint_cut_short_is_refused() {
    // A prime number, so that cuts fall on every place within a number.
    cut_short(97);
}

#[test]
#[ignore = "takes long: cargo test -- --ignored at_length"]
fn a_checkpoint_cut_short_is_refused_at_length() {
    cut_short(1);
}

/// Cuts a checkpoint at every `step`-th byte.
fn cut_short(step: usize) {
    let run = Run::new("house_price_predictor", &["--epochs=1", "--threads=1"]);
    run.finish();
    let whole = fs::read(run.checkpoint()).unwrap();
    let cut = run.path("cut.safetensors");
    for length in (0..whole.len()).step_by(step) {
        fs::write(&cut, &whole[..length]).unwrap();
        let error = Checkpoint::read(&cut).expect_err("a part passes for the whole");
        assert!(error.to_string().contains("cut.safetensors"), "{error:#}");
    }
    for length in [0, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
        fs::write(&cut, &whole[..length]).unwrap();
        refuse_resuming(&cut, run.network, &[]);
    }
    // Weights instead of a checkpoint.
    let line = refuse_resuming(&run.path("weights.safetensors"), run.network, &[]);
    assert!(line.contains("expected a checkpoint"), "{line}");
}

#[test]
fn a_checkpoint_with_parts_of_another_is_refused() {
    let run = Run::new("house_price_predictor", &["--epochs=1", "--threads=1"]);
    run.finish();
    let (good, metadata) = read_safetensors_and_metadata(&run.checkpoint()).unwrap();
    let bad = run.path("bad.safetensors");
    let refuse = |change: &dyn Fn(&mut NamedTensors, &mut Metadata)| {
        let (mut tensors, mut metadata) = (NamedTensors::new(), metadata.clone());
        tensors.extend(
            good.iter()
                .map(|(name, tensor)| (name.clone(), tensor.copy())),
        );
        change(&mut tensors, &mut metadata);
        // The fault must be found although the checksum is right.
        seal(&tensors, &mut metadata).unwrap();
        let file = OutputFile::create(&bad).unwrap();
        file.write_safetensors(&tensors, metadata).unwrap();
        refuse_resuming(&bad, run.network, &[])
    };
    let scalar = || Tensor::from(1f32);

    let line = refuse(&|tensors, _| drop(tensors.remove("losses")));
    assert!(line.contains("found no tensor \"losses\""), "{line}");
    let line = refuse(&|tensors, _| drop(tensors.insert("losses".into(), scalar())));
    assert!(line.contains("found \"losses\" of"), "{line}");
    let line = refuse(&|tensors, _| drop(tensors.insert("more".into(), scalar())));
    assert!(
        line.contains("found an unexpected tensor \"more\""),
        "{line}"
    );
    // As before generator states were stored.
    let line = refuse(&|tensors, _| drop(tensors.remove("rng_state")));
    assert!(line.contains("found no tensor \"rng_state\""), "{line}");
    let line = refuse(&|tensors, _| drop(tensors.remove("model.fc1.bias")));
    assert!(line.contains("missing key \"fc1.bias\""), "{line}");
    let line = refuse(&|tensors, _| {
        drop(tensors.insert("optimizer.0.step".into(), good["losses"].copy()))
    });
    assert!(
        line.contains("the optimizer state: \"0.step\" has shape [0], expected []"),
        "{line}"
    );
    let line = refuse(&|_, metadata| drop(metadata.insert("position".into(), "9".into())));
    assert!(
        line.contains("expected at most 1 finished epochs"),
        "{line}"
    );
    for name in [
        "position", "network", "seed", "lr", "epochs", "threads", "data", "torch",
    ] {
        let line = refuse(&|_, metadata| drop(metadata.remove(name)));
        assert!(
            line.contains(&format!("found no metadata \"{name}\"")),
            "{line}"
        );
    }
    for name in [
        "position",
        "seed",
        "lr",
        "epochs",
        "threads",
        "device",
        "optimizer",
    ] {
        let line = refuse(&|_, metadata| drop(metadata.insert(name.into(), "-0.5x".into())));
        assert!(
            line.contains(&format!("found \"-0.5x\" as \"{name}\"")),
            "{line}"
        );
    }
}
