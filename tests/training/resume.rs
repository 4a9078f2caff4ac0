//! Training that is stopped, killed or fails resumes from its checkpoint as if nothing had
//! happened.

use std::collections::HashSet;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use final_layer::torch::serialization::{Metadata, NamedTensors, OutputFile, read_safetensors};
use tch::{Device, Kind, Tensor};
use tempfile::TempDir;

use crate::train::{few_digits, few_words};
use testing::{example, run, same_bits, stdout};

/// The kills of a series: a few in `cargo test`, fifty in `scripts/check`.
const FEW: usize = 5;
const MANY: usize = 50;

/// The time after which a process counts as hanging. No test waits that long otherwise.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// A folder in which a network is trained.
pub struct Run {
    folder: TempDir,
    pub network: &'static str,
    args: Vec<String>,
}

impl Run {
    pub fn new(network: &'static str, args: &[&str]) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            network,
            args: args.iter().map(ToString::to_string).collect(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn checkpoint(&self) -> PathBuf {
        self.path("checkpoint.safetensors")
    }

    /// Trains from the start or, if there is a checkpoint, from there.
    pub fn command(&self) -> Command {
        let mut command = example(self.network);
        command
            .arg("train")
            .args(&self.args)
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

    /// Trains to the end without another interruption.
    pub fn finish(&self) -> NamedTensors {
        stdout(&mut self.command());
        self.weights()
    }

    /// The weights written by a finished training run.
    fn weights(&self) -> NamedTensors {
        read_safetensors(&self.path("weights.safetensors")).unwrap()
    }

    /// The modification time of the checkpoint.
    fn written(&self) -> Option<SystemTime> {
        let about = fs::metadata(self.checkpoint()).ok()?;
        about.modified().ok()
    }

    /// Unfinished files of a checkpoint.
    fn partial_checkpoints(&self) -> HashSet<String> {
        let is_partial = |name: &String| name.starts_with(".partial-checkpoint");
        self.files().into_iter().filter(is_partial).collect()
    }

    /// The names of the files in the folder.
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
pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

fn random_below(bound: u64) -> u64 {
    RandomState::new().build_hasher().finish() % bound
}

/// Waits until `is_there` is true while `child` runs. Returns false if `child` ended first.
fn comes_before_the_end(child: &mut Child, is_there: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while !is_there() {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(start.elapsed() < PATIENCE, "it hangs");
        sleep(Duration::from_micros(100));
    }
    true
}

/// Waits until `is_there` is true, which must happen before `child` ends.
pub fn wait_until(child: &mut Child, is_there: impl Fn() -> bool) {
    let came = comes_before_the_end(child, is_there);
    assert!(came, "it ended too early");
}

/// Epochs of about a millisecond, each with a checkpoint.
const HOUSES: &[&str] = &[
    "--epochs=2000",
    "--threads=1",
    "--batch-size=500",
    "--lr=0.01",
];
/// A network that draws numbers between two batches.
const DROPOUT: &[&str] = &["--epochs=300", "--threads=1", "--batch-size=500"];

#[test]
fn a_few_kills_change_no_bit() {
    kill("house_price_predictor", HOUSES, FEW);
}

#[test]
#[ignore = "a minute or more: cargo test --test training -- --ignored kills"]
fn fifty_kills_change_no_bit() {
    kill("house_price_predictor", HOUSES, MANY);
}

#[test]
#[ignore = "a minute or more: cargo test --test training -- --ignored kills"]
fn fifty_kills_change_no_bit_without_a_plan() {
    kill(
        "house_price_predictor",
        &[HOUSES, &["--plan=off"]].concat(),
        MANY,
    );
}

#[test]
#[ignore = "a minute or more: cargo test --test training -- --ignored kills"]
fn fifty_kills_change_no_bit_of_a_network_with_dropout() {
    kill("dropout_classifier", DROPOUT, MANY);
}

/// The statistics and the batch count of batch norm, the averages of Adadelta, and the scheduler
/// resume where they were; an autoencoder draws its noise for the held-back samples once.
#[test]
#[ignore = "a minute or more: cargo test --test training -- --ignored kills"]
fn ten_kills_change_no_bit_of_networks_with_other_layers() {
    let (digits, words) = (few_digits(20, 10), few_words(30));
    for (network, data, epochs) in [
        ("convolutional_classifier", &digits, "--epochs=30"),
        ("recurrent_classifier", &digits, "--epochs=100"),
        ("variational_autoencoder", &digits, "--epochs=100"),
        ("character_model", &words, "--epochs=100"),
    ] {
        let args = [
            &format!("--data={}", data.path().display()),
            epochs,
            "--threads=1",
            "--batch-size=10",
            "--optimizer=adadelta",
            "--lr=1",
            "--scheduler=step:step_size=1,gamma=0.99",
        ];
        kill(network, &args, 10);
    }
}

/// Kills training at random moments, resumes it each time, and compares the result with
/// uninterrupted training. If training ends before it is killed, the result is compared and another
/// run starts, so its speed does not matter.
fn kill(network: &'static str, args: &[&str], kills: usize) {
    let expected = Run::new(network, args).finish();
    let mut run = Run::new(network, args);
    let (mut done, mut left_behind, mut finished) = (0, 0, 0);
    while done < kills || left_behind == 0 {
        assert!(done < 20 * kills, "no kill hit the writing of a checkpoint");
        if !killed_at(&run, done) {
            assert_finished(&run, &expected);
            finished += 1;
            run = Run::new(network, args);
            continue;
        }
        done += 1;
        left_behind += usize::from(!run.partial_checkpoints().is_empty());
        if run.checkpoint().exists() {
            read_safetensors(&run.checkpoint()).expect("a whole checkpoint after every kill");
        }
    }
    run.finish();
    assert_finished(&run, &expected);
    println!(
        "{network}: {done} kills, {left_behind} of them while a checkpoint was written, in {} \
         trainings",
        finished + 1
    );
}

/// Starts training and kills it: one kill in five while the process starts or reads, one while it
/// writes, the others while it trains. Returns false if training had ended before.
fn killed_at(run: &Run, number: usize) -> bool {
    let (written, partial) = (run.written(), run.partial_checkpoints());
    let mut child = run.start();
    let writes = || !run.partial_checkpoints().is_subset(&partial);
    match number % 5 {
        0 => sleep(Duration::from_millis(random_below(100))),
        4 => drop(comes_before_the_end(&mut child, writes)),
        _ => {
            comes_before_the_end(&mut child, || run.written() != written);
            sleep(Duration::from_millis(random_below(100)));
        }
    }
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    // A killed process has no exit code.
    let ended = output.status.code();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(ended, None | Some(0)), "{stderr}");
    ended.is_none()
}

/// Checks that training has ended with these weights and left no other file.
fn assert_finished(run: &Run, weights: &NamedTensors) {
    assert_same(&run.weights(), weights);
    let expected = ["checkpoint.safetensors", "weights.safetensors"].map(String::from);
    assert_eq!(run.files(), HashSet::from(expected));
}

#[test]
fn an_interrupt_loses_nothing() {
    // Few epochs of many batches, so that most interrupts arrive in the middle of one.
    const ARGS: &[&str] = &[
        "--epochs=10",
        "--threads=1",
        "--batch-size=1",
        "--optimizer=momentum",
    ];
    const NETWORK: &str = "digit_classifier";
    const REQUESTS: [(&str, i32); 4] = [("INT", 130), ("TERM", 143), ("HUP", 129), ("INT", 130)];
    let expected = Run::new(NETWORK, ARGS).finish();
    let mut run = Run::new(NETWORK, ARGS);
    let (mut done, mut in_the_midst) = (0, 0);
    while done < REQUESTS.len() || in_the_midst == 0 {
        assert!(done < 100, "no signal hit the midst of an epoch");
        let (name, code) = REQUESTS[done % REQUESTS.len()];
        let mut child = run.start();
        // From here on it listens for signals.
        let has_begun = |name: &String| name.starts_with(".partial-weights");
        if comes_before_the_end(&mut child, || run.files().iter().any(has_begun)) {
            sleep(Duration::from_millis(random_below(300)));
            signal(&child, name);
        }
        let output = child.wait_with_output().unwrap();
        if output.status.success() {
            // It ended before the signal arrived: another run starts.
            assert_finished(&run, &expected);
            run = Run::new(NETWORK, ARGS);
            continue;
        }
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        let is_note = |line: &&str| line.starts_with("note: stopped after batch ");
        let note = stderr.lines().find(is_note);
        assert!(
            note.is_some_and(|note| note.contains("; resume with --resume ")),
            "{stderr}"
        );
        let checkpoint = read_safetensors(&run.checkpoint()).unwrap();
        in_the_midst += usize::from(checkpoint["losses"].numel() > 0);
        // Even the unfinished file of the weights is gone.
        assert_eq!(run.files().len(), 1);
        done += 1;
    }
    run.finish();
    assert_finished(&run, &expected);
}

/// Two signals at once, repeatedly: the process saves or ends, and never crashes.
#[test]
fn a_second_interrupt_ends_the_process_at_once() {
    let run = Run::new(
        "digit_classifier",
        &["--epochs=1000000", "--batch-size=1000"],
    );
    let mut unsaved = 0;
    for _ in 0..5 {
        let mut child = run.start();
        let has_begun = |name: &String| name.starts_with(".partial-weights");
        wait_until(&mut child, || run.files().iter().any(has_begun));
        sleep(Duration::from_millis(random_below(100)));
        signal(&child, "INT");
        signal(&child, "INT");
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(130), "{stderr}");
        unsaved += usize::from(stderr.is_empty());
        if run.checkpoint().exists() {
            read_safetensors(&run.checkpoint()).expect("a whole checkpoint");
        }
        // Leftovers of an immediate end must not count as a sign of life of the next run.
        for name in run.files().iter().filter(|name| has_begun(name)) {
            fs::remove_file(run.path(name)).unwrap();
        }
    }
    println!("{unsaved} of 20 ended at once");
}

#[test]
fn more_epochs_resume_where_fewer_ended() {
    const NETWORK: &str = "digit_classifier";
    let long = Run::new(NETWORK, &["--epochs=4", "--threads=1"]).finish();

    let raised = Run::new(NETWORK, &["--epochs=2", "--threads=1"]);
    raised.finish();
    // All other settings, the data and the path of the checkpoint come from the checkpoint.
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

#[test]
fn a_loss_that_is_not_finite_stops_training_and_keeps_the_last_checkpoint() {
    // Increasing steps: finite for some epochs.
    let args = &[
        "--epochs=100",
        "--threads=1",
        "--optimizer=momentum",
        "--lr=2",
    ];
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

/// A step with a finite loss and a gradient that is not finite.
#[test]
fn weights_that_are_not_finite_are_not_saved() {
    let run = Run::new(
        "house_price_predictor",
        &["--epochs=1", "--batch-size=10000"],
    );
    let full = |size: &[i64], value: f64| Tensor::full(size, value, (Kind::Float, Device::Cpu));
    let weights = NamedTensors::from([
        ("fc1.weight".to_owned(), full(&[64, 10], 0.)),
        ("fc1.bias".to_owned(), full(&[64], 1e-20)),
        ("fc2.weight".to_owned(), full(&[1, 64], 1e30)),
        ("fc2.bias".to_owned(), full(&[1], 0.)),
    ]);
    let path = run.path("start.safetensors");
    let file = OutputFile::create(&path).unwrap();
    file.write_safetensors(&weights, Metadata::new()).unwrap();
    let refused = run_to_the_end(run.command().arg("--weights").arg(path));
    let expected = "training stopped after batch 1 of epoch 1: fc1.bias is not finite";
    assert!(refused.contains(expected), "{refused}");
    assert_eq!(run.files(), HashSet::from(["start.safetensors".to_owned()]));
}

fn run_to_the_end(command: &mut Command) -> String {
    let output = run(command);
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

/// A limit of 4 KiB for files, less than a checkpoint, acts like a full disk.
#[test]
fn a_write_that_fails_leaves_the_old_files() {
    let mut run = Run::new("house_price_predictor", &["--epochs=2", "--threads=1"]);
    run.finish();
    run.args = vec!["--epochs=3".to_owned()];
    let files = ["checkpoint.safetensors", "weights.safetensors"].map(|name| run.path(name));
    let before = files.clone().map(|file| fs::read(file).unwrap());
    let train = run.command();
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -f 8; exec \"$@\"", "sh"]);
    shell.arg(train.get_program()).args(train.get_args());
    let refused = run_to_the_end(shell.current_dir(&run.folder));
    assert!(
        refused.contains("checkpoint.safetensors: File too large"),
        "{refused}"
    );
    assert_eq!(files.map(|file| fs::read(file).unwrap()), before);
    assert_eq!(run.files().len(), 2, "no unfinished file stays");
}
