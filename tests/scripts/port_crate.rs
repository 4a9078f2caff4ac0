//! `scripts/port.py --crate`: a separate crate, which builds and runs elsewhere.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::Command;

use testing::{python, python_code, refusal, root, run, stdout};

fn port(folder: &Path) -> Command {
    let mut command = python("scripts/port.py");
    command
        .current_dir(root(""))
        .arg("torch2tch/tests/classes/graph_convolution.py:GraphNetwork");
    command.arg("--crate").arg(folder);
    command
}

#[test]
fn a_folder_with_files_in_it_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    fs::write(&kept, "").unwrap();
    let line = refusal(&mut port(folder.path()));
    assert!(
        line.contains("expected an empty folder, or nothing"),
        "{line}"
    );
    let line = refusal(&mut port(&kept));
    assert!(line.contains("found a file"), "{line}");
    let line = refusal(&mut port(&folder.path().join("missing/crate")));
    assert!(line.contains("missing"), "{line}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
#[ignore = "compiles torch-sys at first, for minutes: cargo test -- --ignored a_crate_of_its_own"]
fn a_crate_of_its_own_builds_answers_and_is_tested() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("graph-network");
    stdout(&mut port(&folder));
    let cargo = |arguments: &[&str]| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(arguments)
            .current_dir(&folder)
            .env_remove("LIBTORCH");
        cargo.env(
            "CARGO_TARGET_DIR",
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("dependent/target"),
        );
        // The same setting as the crate in dependent.rs, so that torch-sys is compiled once for
        // both.
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "false");
        cargo
    };
    // The test with a tolerance, and the test of equality to the bit, since this machine made the
    // recording.
    stdout(&mut cargo(&["test", "--quiet", "--", "--include-ignored"]));
    stdout(&mut cargo(&["fmt", "--check"]));
    let answer = [
        "run",
        "--quiet",
        "--",
        "recorded/weights.safetensors",
        "recorded/input.safetensors",
    ];
    let answered = stdout(&mut cargo(&answer));
    let output = folder.join("recorded/output.safetensors");
    let script = "tests/python/print_recorded.py";
    assert_eq!(answered, python_code(script, &[output.as_os_str()]));

    // The test detects weights that give another answer.
    fs::copy(folder.join("recorded/input.safetensors"), &output).unwrap();
    assert!(!run(&mut cargo(&["test", "--quiet"])).status.success());
    // An invalid file is reported in one line.
    let line = refusal(&mut cargo(&[
        "run",
        "--quiet",
        "--",
        "Cargo.toml",
        "Cargo.toml",
    ]));
    assert!(line.contains("Cargo.toml"), "{line}");
}
