//! `scripts/setup` where something is missing: one line that says what, and what to do.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::common::{root, run};

/// Runs a copy of `scripts/setup` in an empty project, with nothing on the PATH but `tools`.
fn refuse(tools: &[&str], environment: &[(&str, &str)]) -> String {
    let project = tempfile::tempdir().unwrap();
    let bin = project.path().join("bin");
    fs::create_dir(&bin).unwrap();
    fs::create_dir(project.path().join("scripts")).unwrap();
    let script = project.path().join("scripts/setup");
    fs::copy(root("scripts/setup"), &script).unwrap();
    for tool in ["sh", "dirname"].iter().chain(tools) {
        symlink(find(tool), bin.join(tool)).unwrap();
    }
    let output = run(Command::new(script)
        .env("PATH", &bin)
        .env_remove("CXX")
        .env_remove("PYTHON")
        .envs(environment.iter().copied()));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(!project.path().join(".venv").exists());
    stderr
}

/// Where a tool is; any file stands for one that is only looked for.
fn find(tool: &str) -> String {
    let folders = std::env::var("PATH").unwrap();
    let paths = folders.split(':').map(|folder| format!("{folder}/{tool}"));
    paths
        .into_iter()
        .find(|path| Path::new(path).exists())
        .unwrap_or_else(|| "/bin/sh".to_owned())
}

#[test]
fn says_what_is_missing() {
    assert!(refuse(&[], &[]).contains("cargo is not on the PATH"));
    assert!(refuse(&["cargo"], &[]).contains("no C++ compiler"));
    assert!(refuse(&["cargo", "c++"], &[]).contains("no Python from 3.10"));
    let python = [("PYTHON", "/bin/false")];
    assert!(refuse(&["cargo", "c++"], &python).contains("PYTHON=/bin/false is no Python"));
}
