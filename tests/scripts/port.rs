//! `scripts/port.py`: its output, and its errors.

use std::fs;

use testing::{NETWORKS, python, root, run, stdout};

/// The porter's output for the three networks equals the files that are compiled.
#[test]
fn writes_the_networks_of_the_article() {
    for network in NETWORKS {
        let path = format!("torch2tch/src/torch2tch/reference/{network}.py");
        let source = fs::read_to_string(root(&path)).unwrap();
        let class = source.split_once("\nclass ").unwrap().1;
        let class = class.split_once('(').unwrap().0;
        let mut command = python("tests/python/port_here.py");
        command.arg(format!("{path}:{class}"));
        let written = stdout(command.current_dir(root("")));
        let expected = fs::read_to_string(root(&format!("src/networks/{network}.rs"))).unwrap();
        assert_eq!(written, expected, "{network}");
    }
}

/// Every unsupported place is named with its line, and no other.
#[test]
fn names_what_it_refuses() {
    const FILE: &str = "torch2tch/tests/classes/refused.py";
    let mut command = python("tests/python/port_refusals.py");
    let refused = stdout(command.arg(FILE).current_dir(root("")));

    let mut class = "";
    let mut expected = Vec::new();
    let source = fs::read_to_string(root(FILE)).unwrap();
    for (i, line) in source.lines().enumerate() {
        if let Some(name) = line.strip_prefix("class ") {
            class = name.split('(').next().unwrap();
        }
        if let Some((_, reason)) = line.split_once("# refused: ") {
            let reason = reason.split("  # noqa").next().unwrap();
            expected.push(format!("{class} {} {reason}", i + 1));
        }
    }
    assert!(expected.len() >= 30);
    assert_eq!(refused.lines().collect::<Vec<_>>(), expected);
}

/// A refused class writes nothing, and an existing file is left unchanged.
#[test]
fn a_refusal_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("port.rs");
    fs::write(&output, "kept").unwrap();
    let mut command = python("scripts/port.py");
    command
        .arg("torch2tch/tests/classes/refused.py:Prints")
        .arg("--output")
        .arg(&output);
    let result = run(command.current_dir(root("")));
    assert_eq!(result.status.code(), Some(1));
    let message = String::from_utf8(result.stderr).unwrap();
    assert!(
        message.starts_with("torch2tch/tests/classes/refused.py:"),
        "{message}"
    );
    assert_eq!(message.lines().count(), 1, "{message}");
    assert_eq!(fs::read_to_string(output).unwrap(), "kept");
}

#[test]
fn wrong_usage_is_one_line() {
    for (target, expected) in [
        (
            "torch2tch/tests/classes/refused.py:Nobody",
            "there is no class Nobody",
        ),
        (
            "torch2tch/tests/classes/nowhere.py:Net",
            "No such file or directory",
        ),
        (
            "torch2tch/tests/classes/refused.py",
            "expected FILE.py:CLASS",
        ),
        ("Cargo.toml:Net", "Cargo.toml:"),
    ] {
        let mut command = python("scripts/port.py");
        let result = run(command.arg(target).current_dir(root("")));
        let message = String::from_utf8(result.stderr).unwrap();
        assert_eq!(result.status.code(), Some(2), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(
            message.starts_with("error: ") && message.contains(expected),
            "{message}"
        );
    }
}

/// The guide contains the table that the porter uses.
#[test]
fn the_guide_has_the_table_of_spellings() {
    const TABLE: &str = "src/guide/spellings.md";
    let told = fs::read_to_string(root(TABLE)).unwrap();
    let found = stdout(&mut python("scripts/generate/spellings_table.py"));
    let differs = told.lines().zip(found.lines()).find(|(a, b)| a != b);
    assert!(
        told == found,
        "run scripts/generate/spellings_table.py >{TABLE}; it differs first in {differs:?}"
    );
    assert!(found.contains("| `F.relu(input)`, `torch.relu(input)`, `x.relu()` | `x.relu()` |"));
}
