//! `.pt` files are read as `torch.load` reads them, or refused; no code in them runs.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use torch_parity::serialization::read_pt;
use torch_parity::serialization::read_safetensors;

use testing::{example, python, refusal, root, run, same_bits, stdout};

/// A folder with the files that the script saves, and without side effects of any file.
fn saved() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    stdout(python("crates/torch-parity/tests/python/save_pt.py").arg(folder.path()));
    folder
}

#[test]
fn read_as_python_reads_them() {
    let folder = saved();
    for name in [
        "plain",
        "parameters",
        "protocol3",
        "negated",
        "views",
        "tied",
        "expanded",
        "scalar",
        "dtypes",
        "many",
        "odd_names",
    ] {
        let path = folder.path().join(name);
        let expected = read_safetensors(&path.with_extension("safetensors")).unwrap();
        let found = read_pt(&path.with_extension("pt")).unwrap();
        assert!(found.keys().eq(expected.keys()), "{name}: {found:?}");
        for (key, expected) in &expected {
            assert!(same_bits(&found[key], expected), "{name}: {key:?}");
        }
    }
    // Tied weights occur once.
    let tied = read_pt(&folder.path().join("tied.pt")).unwrap();
    assert_eq!(tied["a"].data_ptr(), tied["b"].data_ptr());
}

/// The error for the file of that name, from the file's name on.
fn refuse(folder: &Path, name: &str) -> String {
    let path = folder.join(format!("{name}.pt"));
    let mut command = example("digit_classifier");
    command.current_dir(folder).arg("--weights");
    let line = refusal(command.arg(&path));
    let start = format!("error: {}: ", path.display());
    line.strip_prefix(&start).expect(&line).to_owned()
}

#[test]
fn refused_with_one_line() {
    let folder = saved();
    let cases = [
        (
            "complex",
            "found \"torch.ComplexFloatStorage\", which is not supported",
        ),
        (
            "conjugated",
            "found \"torch.ComplexFloatStorage\", which is not supported",
        ),
        (
            "uint16",
            "found \"torch._utils._rebuild_tensor_v3\", which is not supported",
        ),
        (
            "sparse",
            "found \"torch._utils._rebuild_sparse_tensor\", which is not supported",
        ),
        ("entry", "\"_metadata\" is a dict; save that one alone"),
        ("nested", "\"model\" is a dict; save that one alone"),
        (
            "model",
            "found \"torch.nn.modules.container.Sequential\", which is not supported",
        ),
        ("evil", "found \"__builtin__.exec\", which is not supported"),
        (
            "compressed",
            "found \"byteorder\" compressed, but torch.save does not compress",
        ),
        ("big_endian", "found big-endian data"),
        (
            "short_storage",
            "\"0.weight\" has 6 elements of 4 bytes in its storage, but the file has 4 bytes",
        ),
        (
            "no_storage",
            "\"0.weight\" cannot read \"data/0\" of the archive: ",
        ),
        ("no_pickle", "found an archive without exactly one data.pkl"),
        ("tuples", "found more than 8192 values in one group"),
        ("deep", "found something else"),
        ("number", "found a number over 64 bits"),
        (
            "place_past_the_end",
            "\"w0\" has shape [2], stride [1] and offset 1 in a storage of 2 elements",
        ),
        (
            "place_far_stride",
            "\"w0\" has shape [2], stride [4611686018427387904] and offset 0 in",
        ),
        (
            "place_far_offset",
            "\"w0\" has shape [1], stride [1] and offset 4611686018427387904 in",
        ),
        (
            "place_before",
            "\"w0\" has shape [1], stride [1] and offset -1 in",
        ),
        (
            "place_backwards",
            "\"w0\" has shape [2], stride [-1] and offset 1 in",
        ),
        (
            "place_overflow",
            "\"w0\" has shape [4611686018427387904, 4611686018427387904], stride",
        ),
        (
            "place_negative",
            "\"w0\" has shape [-1], stride [1] and offset 0 in",
        ),
        (
            "place_other_rank",
            "\"w0\" has shape [2, 1], stride [1] and offset 0 in",
        ),
        ("place_dimensions", "\"w0\" has more than 8 dimensions"),
    ];
    for (name, found) in cases {
        let line = refuse(folder.path(), name);
        let start = "expected a dict of tensors, as torch.save(model.state_dict(), ...) writes; ";
        assert!(
            line.starts_with(&format!("{start}{found}")),
            "{name}: {line}"
        );
    }
    // The valid one of the hand-made files is accepted.
    read_pt(&folder.path().join("place_inside.pt")).unwrap();
    assert!(!folder.path().join("ran").exists(), "code of a pickle ran");
}

#[test]
fn long_names_are_shortened() {
    let folder = saved();
    let line = refuse(folder.path(), "long_name");
    assert!(
        line.len() < 300 && line.contains(r#""w\n\u{1b}[31m777"#),
        "{line}"
    );
    assert!(line.ends_with("7\"… is not a tensor"), "{line}");
}

#[test]
fn the_old_format_is_reported_with_the_command_that_converts_it() {
    let folder = saved();
    let path = folder.path().join("it's old.pt");
    fs::rename(folder.path().join("old.pt"), &path).unwrap();
    let line = refuse(folder.path(), "it's old");
    let command = line.split_once("convert it: ").expect(&line).1;
    let converted = run(Command::new("/bin/sh")
        .args(["-c", command])
        .env("PATH", root(".venv/bin")));
    assert!(converted.status.success(), "{converted:?}");
    assert_eq!(read_pt(&path).unwrap()["w"].size(), [2]);
}
