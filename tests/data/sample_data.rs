//! The files of `data/sample` are the output of `scripts/generate/sample_data.py`.

use std::fs;
use std::path::Path;
use std::process::Command;

use final_layer::data::mnist;

use testing::{python, refusal, root, stdout};

const FILES: [&str; 7] = [
    "digits/train-images-idx3-ubyte.gz",
    "digits/train-labels-idx1-ubyte.gz",
    "digits/t10k-images-idx3-ubyte.gz",
    "digits/t10k-labels-idx1-ubyte.gz",
    "odd_or_even.npz",
    "houses.csv",
    "tales.txt",
];

fn check(folder: &Path) -> Command {
    let mut command = python("scripts/generate/sample_data.py");
    command.args(["--check", "--output"]).arg(folder);
    command
}

#[test]
fn committed_files_are_the_output_of_the_script() {
    stdout(&mut check(&root("data/sample")));
    let size = |name| fs::metadata(root("data/sample").join(name)).unwrap().len();
    let sizes: u64 = FILES.into_iter().map(size).sum();
    assert!(sizes < 500_000, "{sizes} bytes are much for a repository");
}

/// The check detects a change in any file, and a missing file.
#[test]
fn changed_and_missing_files_are_detected() {
    let folder = tempfile::tempdir().unwrap();
    stdout(
        python("scripts/generate/sample_data.py")
            .arg("--output")
            .arg(folder.path()),
    );
    let paths = FILES.map(|name| folder.path().join(name));
    fs::remove_file(&paths[0]).unwrap();
    for path in &paths[1..] {
        let mut content = fs::read(path).unwrap();
        let middle = content.len() / 2;
        content[middle] ^= 1;
        fs::write(path, content).unwrap();
    }
    let line = refusal(&mut check(folder.path()));
    for path in &paths {
        assert!(line.contains(path.to_str().unwrap()), "{line}");
    }
}

#[test]
fn digits_can_be_read() {
    let digits = mnist::read(&root("data/sample/digits")).unwrap();
    for (samples, count) in [(digits.train, 1545), (digits.test, 252)] {
        assert_eq!(samples.features.size(), [count, 784]);
        assert_eq!(samples.targets.size(), [count]);
        assert_eq!(f64::try_from(samples.features.max()).unwrap(), 255.);
        // Ink is bright on black, as in MNIST, so most pixels are black.
        let median = samples.features.flatten(0, 1).median();
        assert_eq!(f64::try_from(median).unwrap(), 0.);
        assert_eq!(f64::try_from(samples.targets.max()).unwrap(), 9.);
    }
}
