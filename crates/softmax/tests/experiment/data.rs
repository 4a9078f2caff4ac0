//! Data for which something cannot be measured, and refused arguments.

use std::fs;
use std::path::Path;

use super::EXPERIMENT;
use testing::files;
use testing::{example, refusal, run, stdout};

/// The four files of MNIST, with the same picture for every digit of a class and different pictures
/// for different classes.
fn mnist_apart(train: u32, test: u32) -> [(&'static str, Vec<u8>); 4] {
    let images = |count: u32| {
        let rows = (0..count).flat_map(|n| (0..28u32).map(move |row| row / 2 == n % 10));
        let pixels: Vec<u8> = rows.flat_map(|ink| [255 * u8::from(ink); 28]).collect();
        files::idx(&[0x803, count, 28, 28], &pixels)
    };
    [
        ("train-images-idx3-ubyte", images(train)),
        ("train-labels-idx1-ubyte", files::idx_labels(train)),
        ("t10k-images-idx3-ubyte", images(test)),
        ("t10k-labels-idx1-ubyte", files::idx_labels(test)),
    ]
}

/// Findings that need wrong answers are reported as not measured if there are none. The report
/// names the folder of the digits by its last component, and the houses separately.
#[test]
#[ignore = "takes long: cargo test -- --ignored at_length"]
fn data_without_a_mistake_at_length() {
    let folder = tempfile::tempdir().unwrap();
    let digits = folder.path().join("classes-apart");
    fs::create_dir(&digits).unwrap();
    for (name, bytes) in mnist_apart(600, 20) {
        fs::write(digits.join(name), bytes).unwrap();
    }
    let report = folder.path().join("report.html");
    let mut command = example(EXPERIMENT);
    let stdout = stdout(
        command
            .args(["--seeds", "2", "--data"])
            .arg(&digits)
            .arg("--output")
            .arg(&report),
    );
    let line = |claim: &str| {
        let line = stdout.lines().find(|line| line.starts_with(claim));
        line.unwrap_or_else(|| panic!("{stdout}"))
    };
    for (claim, measured) in [
        ("confidence ", "A network gave no wrong answer."),
        (
            "temperature ",
            "All validation pictures are answered right: no temperature is best.",
        ),
    ] {
        assert!(
            line(claim).ends_with(&format!("| not measured  | {measured}")),
            "{stdout}"
        );
    }
    assert!(!stdout.contains("NaN"), "{stdout}");

    let report = fs::read_to_string(&report).unwrap();
    assert!(
        report.contains("on the digits of <code>classes-apart</code> and on the made-up houses")
    );
    assert!(!report.contains(folder.path().to_str().unwrap()));
}

#[test]
fn invalid_arguments_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("report.html");
    let report = "<!DOCTYPE html><title>Is softmax essential?</title>";
    fs::write(&kept, report).unwrap();
    let refuse = |data: &Path| {
        let mut command = example(EXPERIMENT);
        refusal(command.arg("--data").arg(data).arg("--output").arg(&kept))
    };
    let missing = folder.path().join("missing");
    let few = folder.path().join("few");
    let even = folder.path().join("even");
    for data in [&few, &even] {
        fs::create_dir(data).unwrap();
        for (name, bytes) in files::mnist(5, 2) {
            fs::write(data.join(name), bytes).unwrap();
        }
    }
    for (name, bytes) in [
        ("train-images-idx3-ubyte", files::idx_images(100)),
        ("train-labels-idx1-ubyte", files::idx_labels(100)),
        ("t10k-images-idx3-ubyte", files::idx_images(1)),
        ("t10k-labels-idx1-ubyte", files::idx_labels(1)),
    ] {
        fs::write(even.join(name), bytes).unwrap();
    }
    for (data, message) in [
        (&missing, "cannot read"),
        (&few, "expected at least 100 training pictures, found 5"),
        (
            &even,
            "expected odd and even digits among the 1 test pictures",
        ),
    ] {
        let line = refuse(data);
        assert!(line.contains(message), "{line}");
        assert!(line.contains(data.to_str().unwrap()), "{line}");
    }
    // The existing report is unchanged, and no unfinished file is left beside it.
    assert_eq!(fs::read_to_string(&kept).unwrap(), report);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);

    // What is no report is not replaced by one.
    fs::write(&kept, "kept").unwrap();
    let line = refusal(example(EXPERIMENT).arg("--output").arg(&kept));
    assert!(
        line.contains("the existing file is not this report"),
        "{line}"
    );
    assert_eq!(fs::read_to_string(&kept).unwrap(), "kept");

    let line = refusal(example(EXPERIMENT).args(["--output", "/no/such/folder/report.html"]));
    assert!(line.contains("cannot write /no/such/folder"), "{line}");
}

#[test]
fn wrong_usage() {
    let cases: [&[&str]; 6] = [
        &["--seed=one"],
        &["--threads=0"],
        &["--seeds=1"],
        &["--data"],
        &["--no-such-option"],
        &["extra"],
    ];
    for args in cases {
        let output = run(example(EXPERIMENT).args(args));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.starts_with("error: "), "{args:?}: {stderr}");
    }
}
