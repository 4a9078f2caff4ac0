//! No file is lost or overwritten unless requested, and write errors are detected before the
//! training.

#![cfg(unix)]

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use final_layer::torch::serialization::read_safetensors;
use tempfile::TempDir;

use testing::{example, refusal, root, run, stdout};

const HOUSES: &str = "house_price_predictor";
const NOBODY: u32 = 65534;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Too many epochs to finish: errors must be detected before.
const LONG: u32 = 1_000_000;

/// Training for this many epochs in `folder`, with paths relative to it.
fn train_for(epochs: u32, folder: &Path, args: &[&str]) -> Command {
    let mut command = example(HOUSES);
    command.args(["train", "--threads=1", &format!("--epochs={epochs}")]);
    command.args(args).current_dir(folder);
    command
}

fn train(folder: &Path, args: &[&str]) -> Command {
    train_for(1, folder, args)
}

/// Training that is refused before its first step, with the reason; it leaves no new file in the
/// folder.
fn refuse(folder: &Path, args: &[&str], reason: &str) {
    let before = names(folder);
    let line = refusal(&mut train_for(LONG, folder, args));
    assert!(line.contains(reason), "{line}");
    assert_eq!(names(folder), before);
}

fn names(folder: &Path) -> Vec<OsString> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

/// Reports a skipped case on stderr, as the output of `println!` is shown only on failure.
fn skipped(reason: &str) {
    let _ = writeln!(io::stderr(), "skipped: {reason}");
}

/// Returns true if a command that needs a privilege or a kind of file system works here.
fn can(program: &str, args: &[&str], path: &Path) -> bool {
    let mut command = Command::new(program);
    command.args(args).arg(path).stderr(Stdio::null());
    let done = command.status().is_ok_and(|status| status.success());
    if !done {
        skipped(&format!("{program} {args:?} cannot be had here"));
    }
    done
}

#[test]
fn a_folder_is_refused_as_an_output_file() {
    let folder = folder();
    let reason = "cannot write w.safetensors/: expected a file, found a folder";
    refuse(folder.path(), &["--output=w.safetensors/"], reason);
    let line = refusal(example(HOUSES).args(["trace", "--output=/tmp/no/"]));
    assert!(
        line.contains("cannot write /tmp/no/: expected a file, found a folder"),
        "{line}"
    );
}

#[test]
fn a_replaced_file_keeps_its_mode_and_owner() {
    let folder = folder();
    let [weights, checkpoint] =
        ["w", "c"].map(|name| folder.path().join(format!("{name}.safetensors")));
    let args = ["--output=w.safetensors", "--checkpoint=c.safetensors"];
    stdout(&mut train(folder.path(), &args));
    let is_root = fs::metadata(&weights).unwrap().uid() == 0;
    let owner = if is_root {
        NOBODY
    } else {
        fs::metadata(&weights).unwrap().uid()
    };
    for file in [&weights, &checkpoint] {
        fs::set_permissions(file, PermissionsExt::from_mode(0o640)).unwrap();
        std::os::unix::fs::chown(file, Some(owner), None).unwrap();
    }
    let before = fs::read(&checkpoint).unwrap();
    let mut again = example(HOUSES);
    again
        .args(["train", "--epochs=2", "--resume"])
        .arg(&checkpoint);
    stdout(again.arg("--output").arg(&weights));
    assert_ne!(fs::read(&checkpoint).unwrap(), before);
    for file in [&weights, &checkpoint] {
        let about = fs::metadata(file).unwrap();
        assert_eq!((about.mode() & 0o7777, about.uid()), (0o640, owner));
        read_safetensors(file).unwrap();
    }
}

#[test]
fn a_read_only_file_is_not_replaced() {
    let folder = folder();
    let weights = folder.path().join("w.safetensors");
    fs::write(&weights, "kept").unwrap();
    fs::set_permissions(&weights, PermissionsExt::from_mode(0o444)).unwrap();
    refuse(
        folder.path(),
        &["--output=w.safetensors"],
        "the existing file is read-only",
    );
    assert_eq!(fs::read(&weights).unwrap(), b"kept");
}

#[test]
fn an_immutable_file_is_refused_at_the_start() {
    let folder = folder();
    let weights = folder.path().join("w.safetensors");
    fs::write(&weights, "kept").unwrap();
    if can("chattr", &["+i"], &weights) {
        let reason = "cannot write w.safetensors: Operation not permitted";
        let refused = std::panic::catch_unwind(|| {
            refuse(folder.path(), &["--output=w.safetensors"], reason);
        });
        // Otherwise the folder could not be removed.
        assert!(can("chattr", &["-i"], &weights));
        refused.unwrap();
    }
}

#[test]
fn another_users_file_in_a_sticky_folder_is_refused_at_the_start() {
    let folder = folder();
    let weights = folder.path().join("w.safetensors");
    fs::write(&weights, "kept").unwrap();
    fs::set_permissions(&weights, PermissionsExt::from_mode(0o666)).unwrap();
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o1777)).unwrap();
    let mut as_nobody = Command::new("setpriv");
    as_nobody.args(["--reuid=65534", "--clear-groups"]);
    let probe = run(Command::new("setpriv").args(["--reuid=65534", "--clear-groups", "true"]));
    if !probe.status.success() {
        skipped("only root can become another user");
        return;
    }
    let long = train_for(LONG, folder.path(), &["--output=w.safetensors"]);
    as_nobody.arg(long.get_program()).args(long.get_args());
    let line = refusal(as_nobody.current_dir(folder.path()));
    assert!(line.contains("cannot write w.safetensors: "), "{line}");
    assert!(
        line.contains("another owner") || line.contains("denied"),
        "{line}"
    );
    assert_eq!(fs::read(&weights).unwrap(), b"kept");
}

#[cfg(target_os = "linux")]
#[test]
fn a_mounted_file_is_refused_at_the_start() {
    let folder = folder();
    fs::write(folder.path().join("w.safetensors"), "kept").unwrap();
    let mount = "mount --bind w.safetensors w.safetensors";
    let unshared = |script: &str| {
        let mut shell = Command::new("unshare");
        shell
            .args(["--mount", "sh", "-c", script, "sh"])
            .current_dir(folder.path());
        shell
    };
    if !unshared(mount)
        .output()
        .is_ok_and(|output| output.status.success())
    {
        skipped("nothing can be mounted here");
        return;
    }
    let long = train_for(LONG, folder.path(), &["--output=w.safetensors"]);
    let mut shell = unshared(&format!("{mount} && exec \"$@\""));
    let line = refusal(shell.arg(long.get_program()).args(long.get_args()));
    assert!(
        line.contains("the existing file is a mount point"),
        "{line}"
    );
}

#[test]
fn a_finished_file_whose_place_is_gone_is_kept_beside() {
    let folder = folder();
    // A line for each epoch, more than a pipe holds: training ends only after they are read below.
    let mut command = train_for(2000, folder.path(), &["--output=w.safetensors"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Training has started, and its output path was checked before.
    let mut line = String::new();
    let stdout_of_child = child.stdout.as_mut().unwrap();
    BufReader::new(stdout_of_child)
        .read_line(&mut line)
        .unwrap();
    assert!(line.starts_with("epoch 1/"), "{line}");
    fs::create_dir(folder.path().join("w.safetensors")).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let line = stderr
        .lines()
        .find(|line| line.starts_with("error: "))
        .unwrap();
    let (_, kept) = line
        .split_once("; the new contents are kept in ")
        .expect(line);
    read_safetensors(Path::new(kept)).unwrap();
    assert_eq!(names(folder.path()).len(), 2);
    // The next run does not take it for the leftover of a killed run.
    fs::remove_dir(folder.path().join("w.safetensors")).unwrap();
    stdout(&mut train(folder.path(), &["--output=w.safetensors"]));
    assert!(Path::new(kept).exists());
}

#[test]
fn a_link_that_leads_nowhere_is_written_through() {
    let folder = folder();
    fs::create_dir(folder.path().join("real")).unwrap();
    let link = folder.path().join("w.safetensors");
    symlink("real/target.safetensors", &link).unwrap();
    stdout(&mut train(folder.path(), &["--output=w.safetensors"]));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    read_safetensors(&folder.path().join("real/target.safetensors")).unwrap();

    symlink(
        "circle.safetensors",
        folder.path().join("circle.safetensors"),
    )
    .unwrap();
    refuse(folder.path(), &["--output=circle.safetensors"], "circle");
}

#[test]
fn only_files_of_our_own_making_are_cleared_away() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let theirs = [
        ".partial-w.safetensors-notes",
        ".partial-w.safetensors-abcdef",
    ];
    for name in theirs {
        fs::write(path(name), "kept").unwrap();
    }
    assert!(
        run(Command::new("mkfifo").arg(path(".partial-w.safetensors-xyzxyz")))
            .status
            .success()
    );
    stdout(&mut train(folder.path(), &["--output=w.safetensors"]));
    assert_eq!(names(folder.path()).len(), 4);
    for name in theirs {
        assert_eq!(fs::read(path(name)).unwrap(), b"kept");
    }
}

/// A command with its own files that must be refused as wrong usage; `file` stays unchanged.
fn refuse_overwriting(folder: &Path, args: &[&str], file: &str) {
    let before = fs::read(folder.join(file)).unwrap();
    let output = run(example(HOUSES).args(args).current_dir(folder));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
    assert!(stderr.starts_with("error: --"), "{args:?}: {stderr}");
    assert_eq!(fs::read(folder.join(file)).unwrap(), before, "{args:?}");
}

#[test]
fn files_that_are_read_are_not_overwritten() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    fs::copy(root("data/sample/houses.csv"), path("h.csv")).unwrap();
    fs::hard_link(path("h.csv"), path("hard.csv")).unwrap();
    symlink("h.csv", path("soft.csv")).unwrap();
    let args = [
        "--data=h.csv",
        "--checkpoint=c.safetensors",
        "--output=w.safetensors",
    ];
    stdout(&mut train(folder.path(), &args));
    for trace in ["h.csv", "./h.csv", "hard.csv", "soft.csv"] {
        let trace = format!("--trace={trace}");
        let refuse = |args: &[&str]| {
            refuse_overwriting(folder.path(), &[&["train", &trace], args].concat(), "h.csv");
        };
        refuse(&["--data=h.csv"]);
        // The data recorded in the checkpoint.
        refuse(&["--resume=c.safetensors", "--epochs=2"]);
    }
    // A folder that contains the data.
    fs::create_dir_all(path("data")).unwrap();
    fs::hard_link(path("h.csv"), path("data/AmesHousing.csv")).unwrap();
    refuse_overwriting(
        folder.path(),
        &["train", "--data=data", "--trace=hard.csv"],
        "h.csv",
    );

    fs::hard_link(path("w.safetensors"), path("w2.safetensors")).unwrap();
    for output in ["w.safetensors", "w2.safetensors"] {
        let output = format!("--output={output}");
        let args = ["trace", "--steps=1", "--weights=w.safetensors", &output];
        refuse_overwriting(folder.path(), &args, "w.safetensors");
        let args = ["train", "--weights=w.safetensors", &output];
        refuse_overwriting(folder.path(), &args, "w.safetensors");
    }
    let args = [
        "train",
        "--weights=w.safetensors",
        "--checkpoint=w2.safetensors",
    ];
    refuse_overwriting(folder.path(), &args, "w.safetensors");

    // The default data count as well, here through a link.
    let sample = root("data/sample/houses.csv");
    let before = fs::read(&sample).unwrap();
    symlink(&sample, path("sample.csv")).unwrap();
    refuse_overwriting(
        folder.path(),
        &["train", "--epochs=1", "--trace=sample.csv"],
        "sample.csv",
    );
    assert_eq!(fs::read(&sample).unwrap(), before);
}

/// A command with its own files that must be refused because `file` is of another kind; `file`
/// stays unchanged.
fn refuse_replacing(command: &mut Command, folder: &Path, file: &str, kind: &str) {
    let before = fs::read(folder.join(file)).unwrap();
    let line = refusal(command.current_dir(folder));
    assert!(
        line.contains(&format!("the existing file is {kind}")),
        "{line}"
    );
    assert_eq!(fs::read(folder.join(file)).unwrap(), before, "{line}");
}

#[test]
fn a_file_of_another_kind_is_not_replaced() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    fs::copy(root("data/sample/houses.csv"), path("h.csv")).unwrap();
    let args = [
        "--data=h.csv",
        "--checkpoint=c.safetensors",
        "--output=w.safetensors",
        "--trace=t.safetensors",
    ];
    stdout(&mut train(folder.path(), &args));
    symlink("c.safetensors", path("link.safetensors")).unwrap();
    fs::write(path("notes.txt"), "kept").unwrap();
    for (option, file, kind) in [
        ("--output=c.safetensors", "c.safetensors", "a checkpoint"),
        ("--output=link.safetensors", "c.safetensors", "a checkpoint"),
        ("--trace=c.safetensors", "c.safetensors", "a checkpoint"),
        ("--output=t.safetensors", "t.safetensors", "a trace"),
        ("--trace=w.safetensors", "w.safetensors", "no trace"),
        ("--trace=notes.txt", "notes.txt", "not a .safetensors file"),
    ] {
        let mut command = train_for(LONG, folder.path(), &[option]);
        refuse_replacing(&mut command, folder.path(), file, kind);
    }
    for file in ["h.csv", "notes.txt", "w.safetensors"] {
        let mut command = example(HOUSES);
        command.args(["trace", "--steps=1", "--output", file]);
        let kind = if file == "w.safetensors" {
            "no trace"
        } else {
            "not a .safetensors file"
        };
        refuse_replacing(&mut command, folder.path(), file, kind);
    }
    // Files of the same kind are replaced, and empty ones.
    fs::write(path("empty.safetensors"), "").unwrap();
    for args in [
        ["--output=w.safetensors", "--trace=t.safetensors"],
        ["--output=empty.safetensors", "--trace=t.safetensors"],
    ] {
        stdout(&mut train(folder.path(), &args));
    }
}

#[test]
fn data_in_the_folders_of_a_folder_are_not_replaced() {
    let folder = folder();
    for data in ["raw", "MNIST/raw"] {
        fs::create_dir_all(folder.path().join(data)).unwrap();
        for entry in fs::read_dir(root("data/sample/digits")).unwrap() {
            let file = entry.unwrap().path();
            let name = file.file_name().unwrap();
            fs::copy(&file, folder.path().join(data).join(name)).unwrap();
        }
        for name in ["train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"] {
            let file = format!("{data}/{name}");
            let link = folder.path().join("link.safetensors");
            symlink(&file, &link).unwrap();
            for option in [
                format!("--trace={file}"),
                "--output=link.safetensors".to_owned(),
            ] {
                let mut command = example("digit_classifier");
                command.args(["train", "--epochs=1000000", "--data=.", &option]);
                refuse_replacing(
                    &mut command,
                    folder.path(),
                    &file,
                    "not a .safetensors file",
                );
            }
            fs::remove_file(link).unwrap();
        }
        fs::remove_dir_all(folder.path().join(data)).unwrap();
    }
}

#[test]
fn the_names_of_locks_and_unfinished_files_are_refused() {
    let folder = folder();
    for name in [
        ".lock-c.safetensors",
        ".partial-w.safetensors-abcdef.safetensors",
    ] {
        let output = format!("--output={name}");
        let args = ["train", "--epochs=1", "--checkpoint=c.safetensors", &output];
        let output = run(example(HOUSES).args(args).current_dir(folder.path()));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("names that begin with .lock-"), "{stderr}");
    }
    assert!(names(folder.path()).is_empty());
}

#[test]
fn unsaved_weights_are_reported_at_the_start() {
    let folder = folder();
    let note = "note: without --output or --checkpoint the trained weights are not saved";
    for (args, is_told) in [
        (&[][..], true),
        (&["--trace=t"], true),
        (&["--output=w.safetensors"], false),
        (&["--checkpoint=c.safetensors"], false),
        (&["--dry-run"], false),
    ] {
        let output = run(&mut train(folder.path(), args));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(stderr.contains(note), is_told, "{args:?}: {stderr}");
    }
}
