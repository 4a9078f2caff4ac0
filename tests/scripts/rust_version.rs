//! `scripts/checks/rust_version.py` refuses a dependency that needs a newer Rust than promised.

use std::fs;
use std::path::Path;
use std::process::Command;

use testing::{python, refusal, run};

/// A package that promises one version and depends on one that needs another.
fn check(folder: &Path, promised: &str, needed: &str) -> Command {
    let package = |path: &Path, name: &str, version: &str, rest: &str| {
        fs::create_dir_all(path.join("src")).unwrap();
        fs::write(path.join("src/lib.rs"), "").unwrap();
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"1.2.3\"\nedition = \"2021\"\n\
             rust-version = \"{version}\"\n"
        );
        fs::write(path.join("Cargo.toml"), manifest + rest).unwrap();
    };
    package(&folder.join("needed"), "needed", needed, "");
    let dependency = "[dependencies]\nneeded.path = \"needed\"\n";
    package(folder, "promised", promised, dependency);
    let mut command = python("scripts/checks/rust_version.py");
    command.arg(folder);
    command
}

#[test]
fn a_dependency_that_needs_a_newer_rust_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let line = refusal(&mut check(folder.path(), "1.90", "1.100.1"));
    assert!(
        line.ends_with("Cargo.toml promises Rust 1.90, but needed 1.2.3 needs 1.100.1"),
        "{line}"
    );
}

/// Rust 1.1000 does not exist, which the script reports.
#[test]
fn a_skipped_compilation_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&mut check(folder.path(), "1.1000", "1.90"));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(77), "{text}");
    assert!(text.contains("of 1 dependencies 1 state"), "{text}");
    assert!(text.contains("not compiled with Rust 1.1000"), "{text}");
}
