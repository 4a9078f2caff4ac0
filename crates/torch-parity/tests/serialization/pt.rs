//! `.pt` files are read as `torch.load` reads them, or refused; no code in them runs.

use std::path::Path;

use tempfile::TempDir;
use torch_parity::serialization::{LoadOptions, NamedTensors, read_safetensors, read_state_dict};
use torch_parity::{Result, one_line};

use testing::{python, same_bits, stdout};

fn read(path: &Path) -> Result<NamedTensors> {
    read_state_dict(path, &LoadOptions::default())
}

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
        let found = read(&path.with_extension("pt")).unwrap();
        assert!(found.keys().eq(expected.keys()), "{name}: {found:?}");
        for (key, expected) in &expected {
            assert!(same_bits(&found[key], expected), "{name}: {key:?}");
        }
    }
    // Tied weights occur once.
    let tied = read(&folder.path().join("tied.pt")).unwrap();
    assert_eq!(tied["a"].data_ptr(), tied["b"].data_ptr());
}

/// The error for the file of that name, from the file's name on.
fn refuse(folder: &Path, name: &str) -> String {
    let path = folder.join(format!("{name}.pt"));
    let line = one_line(&read(&path).unwrap_err());
    let start = format!("{}: ", path.display());
    line.strip_prefix(&start).expect(&line).to_owned()
}

#[test]
fn refused_with_one_line() {
    let folder = saved();
    let cases = [
        (
            "uint16",
            "\"w\" is a tensor of torch.uint16, which is not supported, expected",
        ),
        ("sparse", "\"w\" is a sparse tensor, expected a tensor"),
        ("entry", "\"_metadata\" is a dict, expected a tensor"),
        (
            "compressed",
            "found \"plain/byteorder\" compressed, but torch.save does not compress",
        ),
        ("big_endian", "found big-endian data"),
        (
            "short_storage",
            "\"0.weight\" is a tensor that has 6 elements of 4 bytes in its storage, but the file \
             has 4 bytes",
        ),
        (
            "no_storage",
            "\"0.weight\" is a tensor that has no data: found no \"plain/data/0\"",
        ),
        (
            "no_pickle",
            "found a zip archive that torch.save has not written",
        ),
        ("tuples", "found a tuple"),
        ("deep", "found a tuple"),
        (
            "number",
            "found a dict without tensors; \"w\" is an integer of 9 bytes",
        ),
        (
            "place_past_the_end",
            "has shape [2], stride [1] and offset 1 in a storage of 2 elements",
        ),
        (
            "place_far_stride",
            "has shape [2], stride [4611686018427387904] and offset 0 in",
        ),
        (
            "place_far_offset",
            "has shape [1], stride [1] and offset 4611686018427387904 in",
        ),
        ("place_before", "has shape [1], stride [1] and offset -1 in"),
        (
            "place_backwards",
            "has shape [2], stride [-1] and offset 1 in",
        ),
        (
            "place_overflow",
            "has shape [4611686018427387904, 4611686018427387904], stride",
        ),
        (
            "place_negative",
            "has shape [-1], stride [1] and offset 0 in",
        ),
        (
            "place_other_rank",
            "has shape [2, 1], stride [1] and offset 0 in",
        ),
        ("place_dimensions", "has more than 64 dimensions"),
    ];
    for (name, found) in cases {
        let line = refuse(folder.path(), name);
        assert!(
            line.contains(found) && !line.contains('\n'),
            "{name}: {line}"
        );
    }
    // The valid one of the hand-made files is accepted.
    read(&folder.path().join("place_inside.pt")).unwrap();
    assert!(!Path::new("ran").exists(), "code of a pickle ran");
}

#[test]
fn long_names_are_shortened() {
    let folder = saved();
    let line = refuse(folder.path(), "long_name");
    assert!(
        line.len() < 300 && line.contains(r#""w\n\u{1b}[31m777"#),
        "{line}"
    );
}
