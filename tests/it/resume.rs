//! Training that is stopped, killed or fails goes on from its checkpoint as if nothing had happened.

use std::collections::HashSet;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use final_layer::checkpoint::Checkpoint;
use final_layer::storage::{
    Metadata, NamedTensors, OutputFile, read_safetensors, read_safetensors_and_metadata,
};
use tch::Tensor;
use tempfile::TempDir;

use crate::common::{example, refusal, root, run, same_bits, stdout};

const KILLS: usize = 50;

/// A folder in which a network is trained.
struct Run {
    folder: TempDir,
    network: &'static str,
    args: &'static [&'static str],
}

impl Run {
    fn new(network: &'static str, args: &'static [&'static str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            folder,
            network,
            args,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn checkpoint(&self) -> PathBuf {
        self.path("checkpoint.safetensors")
    }

    /// Training from the start or, where there is a checkpoint, from there.
    fn command(&self) -> Command {
        let mut command = example(self.network);
        command
            .arg("train")
            .args(self.args)
            .current_dir(&self.folder);
        if self.checkpoint().exists() {
            command.arg("--resume");
        } else {
            command.arg("--checkpoint");
        }
        command.arg(self.checkpoint());
        command.args(["--output", "weights.safetensors"]);
        command
    }

    fn start(&self) -> Child {
        let mut command = self.command();
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Trains to the end, without another stop.
    fn finish(&self) -> NamedTensors {
        stdout(&mut self.command());
        read_safetensors(&self.path("weights.safetensors")).unwrap()
    }

    /// What lies in the folder.
    fn files(&self) -> HashSet<String> {
        let entries = fs::read_dir(&self.folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

fn assert_same(a: &NamedTensors, b: &NamedTensors) {
    assert!(a.keys().eq(b.keys()));
    for (name, tensor) in a {
        assert!(same_bits(tensor, &b[name]), "{name} differs");
    }
}

/// Sends a signal by name, as from a shell.
fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

fn random_below(bound: u64) -> u64 {
    RandomState::new().build_hasher().finish() % bound
}

#[test]
fn fifty_kills_change_no_bit() {
    // Epochs of a few milliseconds, each with a checkpoint: many kills hit the writing of a file.
    const ARGS: &[&str] = &[
        "--epochs=2000",
        "--threads=1",
        "--batch-size=500",
        "--lr=0.01",
    ];
    let uninterrupted = Run::new("house_price_predictor", ARGS).finish();

    let killed = Run::new("house_price_predictor", ARGS);
    let mut kills = 0;
    let mut left_behind = 0;
    while kills < KILLS {
        let mut child = killed.start();
        sleep(Duration::from_millis(100 + random_below(300)));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        // A run that was faster than its killer would make the rest of the test worthless.
        assert!(!status.success(), "training ended before kill {kills}");
        kills += 1;
        left_behind += usize::from(
            killed
                .files()
                .iter()
                .any(|name| name.starts_with(".partial")),
        );
        if killed.checkpoint().exists() {
            read_safetensors(&killed.checkpoint()).expect("a whole checkpoint after every kill");
        }
    }
    assert_same(&killed.finish(), &uninterrupted);
    let expected = ["checkpoint.safetensors", "weights.safetensors"].map(String::from);
    assert_eq!(killed.files(), HashSet::from(expected));
    println!("{kills} kills, {left_behind} of them left an unfinished file, the last run none");
}

#[test]
fn an_interrupt_loses_nothing() {
    // One epoch of many batches: whatever is saved is saved in its midst.
    const ARGS: &[&str] = &[
        "--epochs=1",
        "--threads=1",
        "--batch-size=1",
        "--optimizer=momentum",
    ];
    let uninterrupted = Run::new("binary_classifier", ARGS).finish();

    let interrupted = Run::new("binary_classifier", ARGS);
    let mut stops = 0;
    for name in ["INT", "TERM", "INT", "HUP", "INT"] {
        let child = interrupted.start();
        sleep(Duration::from_millis(200 + random_below(200)));
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        match output.status.code() {
            Some(130) => {
                assert!(stderr.starts_with("note: stopped after batch "), "{stderr}");
                assert!(
                    stderr.contains(" of epoch 1; go on with --resume "),
                    "{stderr}"
                );
                let tensors = read_safetensors(&interrupted.checkpoint()).unwrap();
                assert!(tensors["losses"].numel() > 0);
                stops += 1;
            }
            // Before it listened to signals, or at the end.
            other => assert!(other != Some(1), "{stderr}"),
        }
    }
    assert!(stops > 0, "no signal hit the training");
    assert_same(&interrupted.finish(), &uninterrupted);
}

#[test]
fn more_epochs_go_on_where_fewer_ended() {
    const NETWORK: &str = "digit_classifier";
    let long = Run::new(NETWORK, &["--epochs=4", "--threads=1"]).finish();

    let raised = Run::new(NETWORK, &["--epochs=2", "--threads=1"]);
    raised.finish();
    // All other settings, the data and the place of the checkpoint are the checkpoint's own.
    let mut command = example(NETWORK);
    command
        .args(["train", "--epochs=4", "--resume"])
        .arg(raised.checkpoint());
    let text = stdout(
        command
            .arg("--output")
            .arg(raised.path("weights.safetensors")),
    );
    assert!(text.starts_with("epoch 3/4: "), "{text}");
    assert_same(
        &read_safetensors(&raised.path("weights.safetensors")).unwrap(),
        &long,
    );
}

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
    // The same settings, spelt out.
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
        line.contains("there is a checkpoint already; go on from it with --resume"),
        "{line}"
    );
    assert_eq!(fs::read(run.checkpoint()).unwrap(), before);
}

#[test]
fn a_checkpoint_cut_short_at_any_byte_is_refused() {
    let run = Run::new("house_price_predictor", &["--epochs=1", "--threads=1"]);
    run.finish();
    let whole = fs::read(run.checkpoint()).unwrap();
    let cut = run.path("cut.safetensors");
    for length in 0..whole.len() {
        fs::write(&cut, &whole[..length]).unwrap();
        let error = Checkpoint::read(&cut).expect_err("a part passes for the whole");
        assert!(error.to_string().contains("cut.safetensors"), "{error:#}");
    }
    for length in [0, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
        fs::write(&cut, &whole[..length]).unwrap();
        refuse_resuming(&cut, run.network, &[]);
    }
    // Weights, which are no checkpoint.
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
    let line = refuse(&|tensors, _| drop(tensors.remove("model.fc1.bias")));
    assert!(line.contains("missing key \"fc1.bias\""), "{line}");
    let line = refuse(&|tensors, _| {
        drop(tensors.insert("optimizer.0.step".into(), good["losses"].copy()))
    });
    assert!(
        line.contains("the optimizer's state: \"0.step\" has shape [0], expected []"),
        "{line}"
    );
    let line = refuse(&|_, metadata| drop(metadata.insert("position".into(), "9".into())));
    assert!(line.contains("expected at most 1 epochs"), "{line}");
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

#[test]
fn a_loss_that_is_not_finite_stops_training_and_keeps_the_last_checkpoint() {
    // Steps that grow a little with each: finite for some epochs.
    let args = &["--epochs=100", "--threads=1", "--optimizer=sgd", "--lr=0.7"];
    let run = Run::new("house_price_predictor", args);
    let output = fs::read(run.path("weights.safetensors")).ok();
    let refused = run_to_the_end(&mut run.command());
    assert!(
        refused.contains("error: training stopped at step "),
        "{refused}"
    );
    assert!(refused.contains(": the loss is "), "{refused}");
    let checkpoint = read_safetensors(&run.checkpoint()).unwrap();
    for (name, tensor) in &checkpoint {
        assert!(bool::try_from(tensor.isfinite().all()).unwrap(), "{name}");
    }
    assert_eq!(output, None);
    assert_eq!(
        run.files(),
        HashSet::from(["checkpoint.safetensors".to_owned()])
    );
}

fn run_to_the_end(command: &mut Command) -> String {
    let output = run(command);
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

/// A file may not grow beyond 4 KiB here, less than a checkpoint, as on a disk that is full.
#[test]
fn a_write_that_fails_leaves_the_old_files() {
    let run = Run::new("house_price_predictor", &["--epochs=2", "--threads=1"]);
    run.finish();
    let files = ["checkpoint.safetensors", "weights.safetensors"].map(|name| run.path(name));
    let before = files.clone().map(|file| fs::read(file).unwrap());
    let train = run.command();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "sh"]);
    shell
        .arg(train.get_program())
        .args(train.get_args())
        .arg("--epochs=3");
    let refused = run_to_the_end(shell.current_dir(&run.folder));
    assert!(
        refused.contains("checkpoint.safetensors: File too large"),
        "{refused}"
    );
    assert_eq!(files.map(|file| fs::read(file).unwrap()), before);
    assert_eq!(run.files().len(), 2, "no unfinished file stays");
}
