//! Invalid input ends in an error of one line, with exit code 1 (2 for wrong usage).

use std::fs;
use std::path::Path;

use testing::{example, python, refusal, run, stdout};

const NETWORK: &str = "digit_classifier";

fn refuse_weights(path: &Path) -> String {
    refusal(example(NETWORK).arg("--weights").arg(path))
}

#[test]
fn weights_that_do_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    stdout(python("tests/python/save_bad_weights.py").arg(folder.path()));
    let expected = [
        ("missing", "missing key \"fc2.bias\""),
        ("extra", "unexpected key \"fc3.bias\""),
        (
            "shape",
            "\"fc2.weight\" has shape [10, 64], expected [10, 128]",
        ),
        ("broadcast", "\"fc2.bias\" has shape [1], expected [10]"),
    ];
    for (name, message) in expected {
        for extension in ["safetensors", "pt"] {
            let path = folder.path().join(format!("{name}.{extension}"));
            let line = refuse_weights(&path);
            assert!(line.contains(message), "{line}");
            assert!(line.contains(path.to_str().unwrap()), "{line}");
        }
    }
}

#[test]
fn pt_files_that_hold_something_else() {
    let folder = tempfile::tempdir().unwrap();
    stdout(python("tests/python/save_bad_weights.py").arg(folder.path()));
    for (name, expected) in [
        ("list", "its 4 keys are numbers (0, ...), expected names"),
        ("tensor", "expected a dict of tensors"),
        ("number", "expected a dict of tensors"),
        ("with_epoch", "unexpected key \"epoch\""),
        ("archive", "missing key \"fc1.bias\""),
    ] {
        let line = refuse_weights(&folder.path().join(format!("{name}.pt")));
        assert!(line.contains(expected), "{name}: {line}");
    }
}

/// What is taken from a file is said on stderr, and the results are those of the plain file.
#[test]
fn weights_in_other_files_are_found_with_a_note() {
    let folder = tempfile::tempdir().unwrap();
    stdout(python("tests/python/save_bad_weights.py").arg(folder.path()));
    let run_with = |file: &str, more: &[&str]| {
        let path = folder.path().join(file);
        let output = run(example(NETWORK).arg("--weights").arg(&path).args(more));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        let start = format!("note: {}: ", path.display());
        (output.stdout, stderr.replace(&start, ""))
    };
    let (good, no_note) = run_with("good.pt", &[]);
    assert_eq!(no_note, "");
    let (checkpoint, note) = run_with("checkpoint.pt", &["--weights-key", "model"]);
    assert_eq!(note, "took the weights under \"model\"\n");
    let (model, _) = run_with("model.pt", &[]);
    assert!(good == checkpoint && good == model);
    let (double, note) = run_with("float64.safetensors", &[]);
    let converted = "\"fc1.bias\" and 3 more converted from torch.float64 to torch.float32\n";
    assert_eq!(note, converted);
    assert!(double == good);
    let (half, _) = run_with("float16.pt", &[]);
    assert!(half != good);
    let more = ["--weights-partial", "--rename", "^fc2=fc9"];
    let (_, note) = run_with("missing.pt", &more);
    assert_eq!(
        note,
        "missing key \"fc2.weight\", unexpected key \"fc9.weight\"\nmissing key \
         \"fc2.bias\"\nloaded 2 of 4 parameters and buffers\n"
    );
}

#[test]
fn files_cut_short_at_any_byte() {
    let folder = tempfile::tempdir().unwrap();
    stdout(python("tests/python/save_bad_weights.py").arg(folder.path()));
    for good in ["good.safetensors", "good.pt"] {
        let bytes = fs::read(folder.path().join(good)).unwrap();
        let cut = folder.path().join(format!("cut-{good}"));
        let lengths = [0, 1, 7, 8, 9, 100, bytes.len() / 2, bytes.len() - 1];
        for length in lengths {
            fs::write(&cut, &bytes[..length]).unwrap();
            refuse_weights(&cut);
        }
    }
    // A header that announces 2^40 bytes.
    let greedy = folder.path().join("greedy.safetensors");
    fs::write(&greedy, (1u64 << 40).to_le_bytes()).unwrap();
    refuse_weights(&greedy);
}

#[test]
fn weights_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    refuse_weights(&folder.path().join("missing.safetensors"));
    refuse_weights(&folder.path().join("missing.pt"));
    let line = refuse_weights(&folder.path().join("weights.ckpt"));
    assert!(line.contains("No such file or directory"), "{line}");
    let directory = folder.path().join("directory.safetensors");
    fs::create_dir(&directory).unwrap();
    refuse_weights(&directory);
}

#[test]
fn missing_cuda_devices() {
    // No machine has a thousand GPUs; most have none.
    let mut missing = vec!["cuda:1000"];
    if !tch::Cuda::is_available() {
        missing.extend(["cuda", "cuda:3"]);
    }
    for device in missing {
        let line = refusal(example(NETWORK).args(["--device", device]));
        assert!(line.contains("CUDA"), "{line}");
    }
}

#[test]
fn output_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "kept").unwrap();
    for output in [
        folder.path().join("no/such/folder.safetensors"),
        file.join("x"),
        folder.path().into(),
    ] {
        let line = refusal(example(NETWORK).arg("trace").arg("--output").arg(&output));
        assert!(line.contains("cannot write"), "{line}");
    }
    refusal(example(NETWORK).args(["trace", "--output", "/dev/full"]));
    assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
}

#[test]
fn a_failed_run_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("trace.safetensors");
    let missing = folder.path().join("missing.safetensors");
    fs::write(&output, "kept").unwrap();
    refusal(
        example(NETWORK)
            .args(["trace", "--output"])
            .arg(&output)
            .arg("--weights")
            .arg(missing),
    );
    assert_eq!(fs::read_to_string(&output).unwrap(), "kept");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn wrong_usage() {
    let cases: [&[&str]; 14] = [
        &["--weights-partial"],
        &["--weights=x", "--rename=[=x"],
        &["--seed", "1.5"],
        &["--seed", "one"],
        &["--seed", "18446744073709551616"],
        &["--device", "tpu"],
        &["--device", "cuda:x"],
        &["--threads", "0"],
        &["--no-such-option"],
        &["no-such-command"],
        &["trace"],
        &["trace", "--output=x", "--steps=0"],
        &["trace", "--output=x", "--batch-size=0"],
        &["trace", "--output=x", "--optimizer=lion"],
    ];
    for args in cases {
        let output = run(example(NETWORK).args(args));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.starts_with("error: "), "{args:?}: {stderr}");
    }
}

#[test]
fn options_may_precede_or_follow_a_subcommand() {
    let folder = tempfile::tempdir().unwrap();
    let trace = |args: &[&str], name: &str| {
        let path = folder.path().join(name);
        stdout(example(NETWORK).args(args).arg("--output").arg(&path));
        final_layer::torch::serialization::read_safetensors(&path).unwrap()
    };
    let before = trace(&["--seed=3", "trace", "--steps=1"], "before.safetensors");
    let after = trace(&["trace", "--steps=1", "--seed=3"], "after.safetensors");
    assert_eq!(before, after);
}
