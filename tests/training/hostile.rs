//! Malicious files and devices end in one line that names them, with exit code 1.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use final_layer::torch::serialization::{Metadata, OutputFile, read_safetensors};

use crate::train::{SAMPLE_DATA, sample_data};
use testing::{example, refusal, run, stdout};

const NETWORK: &str = "house_price_predictor";

fn refuse_weights(path: &Path, header: &str) -> String {
    let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat();
    fs::write(path, bytes).unwrap();
    let line = refusal(example(NETWORK).arg("--weights").arg(path));
    assert!(line.len() < 1000, "{} bytes", line.len());
    let start = format!("error: {}: ", path.display());
    line.strip_prefix(&start).expect(&line).to_owned()
}

#[test]
fn safetensors_of_odd_shapes_and_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let tensor = |name: &str, shape: &str| {
        format!(r#"{{"{name}":{{"dtype":"F32","shape":[{shape}],"data_offsets":[0,0]}}}}"#)
    };
    for shape in [
        "0, 9223372036854775808",
        "0, 4611686018427387904, 4",
        "0, 18446744073709551615",
    ] {
        let line = refuse_weights(&path, &tensor("w", shape));
        let expected =
            format!("tensor \"w\": expected a shape that a tensor can have, found \"[{shape}]\"");
        assert_eq!(line, expected);
    }
    let line = refuse_weights(&path, &tensor("w", "4294967296, 4294967296"));
    assert!(line.starts_with("tensor \"w\": expected a shape"), "{line}");
    let many = vec!["0"; 100_000].join(", ");
    let line = refuse_weights(&path, &tensor("w", &many));
    assert_eq!(line, "tensor \"w\": has more than 64 dimensions");
    let name = format!("w\\n\\u001b[31m{}", "7".repeat(1 << 20));
    let line = refuse_weights(&path, &tensor(&name, "0, 9223372036854775808"));
    assert!(line.starts_with(r#"tensor "w\n\u{1b}[31m777"#), "{line}");
    assert!(line.contains("7\"…: expected a shape"), "{line}");
    let wrong = tensor(&name, "1");
    refuse_weights(&path, &wrong);
}

#[test]
fn weights_that_are_not_finite_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let mut train = example(NETWORK);
    stdout(train.args(["train", "--epochs=1", "--output"]).arg(&path));
    for number in [f64::NAN, f64::INFINITY] {
        let mut weights = read_safetensors(&path).unwrap();
        let name = weights.keys().nth(1).unwrap().clone();
        let _ = weights.get_mut(&name).unwrap().fill_(number);
        let file = OutputFile::create(&path).unwrap();
        file.write_safetensors(&weights, Metadata::new()).unwrap();
        let data = sample_data(SAMPLE_DATA[1]);
        for args in [
            vec!["evaluate".as_ref()],
            vec!["predict".as_ref(), data.as_os_str()],
        ] {
            let line = refusal(example(NETWORK).args(args).arg("--weights").arg(&path));
            assert_eq!(
                line,
                format!(
                    "error: the network's outputs are not finite; its parameter {name} is not finite"
                )
            );
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let mut train = example(NETWORK);
    stdout(train.args(["train", "--epochs=1", "--output"]).arg(&path));
    let data = sample_data(SAMPLE_DATA[1]);
    for args in [
        vec![],
        vec!["evaluate".as_ref()],
        vec!["evaluate".as_ref(), "--json".as_ref()],
        vec!["predict".as_ref(), data.as_os_str()],
    ] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = example(NETWORK);
        command.args(&args).arg("--weights").arg(&path);
        let output = run(command.stdout(Stdio::from(full)));
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        let lines = stderr.lines().filter(|line| !line.starts_with("note: "));
        assert_eq!(
            lines.collect::<Vec<_>>(),
            ["error: cannot write to stdout: No space left on device (os error 28)"]
        );
    }
}
