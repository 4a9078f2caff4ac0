//! `scripts/port.py --crate`: a crate of its own, that builds and answers elsewhere.
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
        // As the crate in dependent.rs has it, which then has compiled torch-sys for both.
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "false");
        cargo
    };
    // The test by tolerance, and the one to the bit, as this is the machine of the recording.
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

    // Weights of another answer are seen by the test.
    fs::copy(folder.join("recorded/input.safetensors"), &output).unwrap();
    assert!(!run(&mut cargo(&["test", "--quiet"])).status.success());
    // A file that is none is told in a line.
    let line = refusal(&mut cargo(&[
        "run",
        "--quiet",
        "--",
        "Cargo.toml",
        "Cargo.toml",
    ]));
    assert!(line.contains("Cargo.toml"), "{line}");
}
