//! One checkpoint belongs to one training run and contains exactly what that run wrote.

use std::fs;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use final_layer::torch::serialization::read_safetensors;

use crate::resume::{PATIENCE, Run, wait_until};
use testing::damage::Random;
use testing::{example, refusal, same_bits, stdout};

const NETWORK: &str = "house_price_predictor";

#[test]
fn only_one_of_twenty_simultaneous_runs_trains() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("c.safetensors");
    let start = || {
        let mut command = example(NETWORK);
        // Longer than twenty processes need to start; it is ended below.
        command.args(["train", "--epochs=1000000", "--threads=1", "--checkpoint"]);
        command
            .arg(&checkpoint)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let mut running: Vec<Child> = (0..20).map(|_| start()).collect();
    let mut refused = 0;
    let begin = Instant::now();
    while running.len() > 1 {
        assert!(begin.elapsed() < PATIENCE, "it hangs");
        running = running
            .into_iter()
            .filter_map(|mut child| {
                if child.try_wait().unwrap().is_none() {
                    return Some(child);
                }
                let output = child.wait_with_output().unwrap();
                let stderr = String::from_utf8(output.stderr).unwrap();
                assert_eq!(output.status.code(), Some(1), "{stderr}");
                let expected = "error: {} is in use by another training run\n";
                let expected = expected.replace("{}", checkpoint.to_str().unwrap());
                assert_eq!(stderr, expected);
                refused += 1;
                None
            })
            .collect();
        sleep(Duration::from_millis(10));
    }
    assert_eq!(refused, 19);
    let mut one = running.pop().unwrap();
    wait_until(&mut one, || checkpoint.exists());

    // It is also in use for a run that would resume it, under any of its names.
    #[cfg(unix)]
    {
        let link = folder.path().join("link.safetensors");
        std::os::unix::fs::symlink(&checkpoint, &link).unwrap();
        let line = refusal(example(NETWORK).args(["train", "--resume"]).arg(&link));
        assert!(
            line.ends_with("link.safetensors is in use by another training run"),
            "{line}"
        );
    }
    // Once killed, it leaves a lock file that is not locked.
    one.kill().unwrap();
    one.wait().unwrap();
    let mut next = example(NETWORK);
    next.args(["train", "--dry-run", "--resume"]);
    stdout(next.arg(&checkpoint));
}

/// Training runs that write different weights to one path do not remove each other's unfinished
/// files.
#[test]
fn concurrent_runs_can_write_to_one_path() {
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("w.safetensors");
    let start = || {
        let mut command = example(NETWORK);
        command.args(["train", "--epochs=1", "--threads=1", "--output"]);
        command
            .arg(&weights)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let running: Vec<Child> = (0..20).map(|_| start()).collect();
    for child in running {
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn a_file_that_is_not_a_lock_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let theirs = folder.path().join(".lock-c.safetensors");
    fs::write(&theirs, "notes").unwrap();
    let mut command = example(NETWORK);
    command.args(["train", "--epochs=1", "--checkpoint=c.safetensors"]);
    let line = refusal(command.current_dir(&folder));
    assert!(
        line.contains(".lock-c.safetensors: expected an empty lock file"),
        "{line}"
    );
    assert_eq!(fs::read(&theirs).unwrap(), b"notes");
}

#[test]
fn no_checkpoint_with_a_flipped_bit_is_resumed() {
    flip_bits(20);
}

#[test]
#[ignore = "takes long: cargo test -- --ignored at_length"]
fn no_checkpoint_with_a_flipped_bit_is_resumed_at_length() {
    flip_bits(200);
}

/// Of this many files with one changed bit at a random place, none is resumed with other weights.
fn flip_bits(count: usize) {
    let run = Run::new(NETWORK, &["--epochs=1", "--threads=1"]);
    run.finish();
    let good = fs::read(run.checkpoint()).unwrap();
    let (flipped, weights) = (
        run.path("flipped.safetensors"),
        run.path("again.safetensors"),
    );
    let go_on = || {
        let mut command = example(NETWORK);
        command
            .args(["train", "--epochs=2", "--resume"])
            .arg(&flipped);
        command.arg("--output").arg(&weights);
        command
    };
    fs::write(&flipped, &good).unwrap();
    stdout(&mut go_on());
    let expected = read_safetensors(&weights).unwrap();

    let mut random = Random::default();
    let (mut refused, mut same) = (0, 0);
    for _ in 0..count {
        let bit = random.below(good.len() * 8);
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&flipped, &bytes).unwrap();
        fs::remove_file(&weights).unwrap();
        let output = go_on().output().unwrap();
        if output.status.success() {
            let found = read_safetensors(&weights).unwrap();
            let is_same = |(name, tensor)| same_bits(tensor, &found[name as &String]);
            assert!(expected.iter().all(is_same), "bit {bit} gave other weights");
            same += 1;
            continue;
        }
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "bit {bit}: {stderr}");
        let errors: Vec<_> = stderr
            .lines()
            .filter(|line| !line.starts_with("note: "))
            .collect();
        assert!(
            matches!(errors[..], [line] if line.contains("flipped.safetensors")),
            "{stderr}"
        );
        refused += 1;
        fs::write(&weights, "").unwrap();
    }
    println!("{refused} of {count} refused, {same} of the same weights");
}
