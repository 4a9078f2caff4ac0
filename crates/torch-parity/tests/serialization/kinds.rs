//! Weights in the kinds of file that people have: loaded with Python's bits, or refused in a line.

use std::fs;
use std::path::Path;

use tch::{Device, Kind, Tensor, no_grad};
use tempfile::TempDir;
use testing::{lock_generator, python, same_bits, stdout};
use torch_parity::nn::{self, VarStore};
use torch_parity::one_line;
use torch_parity::serialization::{
    LoadOptions, NamedTensors, Report, load, load_state_dict, load_state_dict_with,
    read_safetensors, read_state_dict, state_dict,
};

/// A folder with the files that the script saves.
fn saved() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let script = "crates/torch-parity/tests/python/kinds_of_weights.py";
    stdout(python(script).arg(folder.path()));
    folder
}

/// The network of the script, with other weights.
fn network() -> VarStore {
    let _generator = lock_generator();
    let vs = VarStore::new(Device::Cpu);
    let _ = nn::linear(vs.root() / "fc1", 4, 3, Default::default());
    let _ = nn::batch_norm1d(vs.root() / "bn", 3, Default::default());
    let _ = nn::linear(vs.root() / "fc2", 3, 2, Default::default());
    vs
}

fn copies(vs: &VarStore) -> NamedTensors {
    let dict = state_dict(vs).into_iter();
    dict.map(|(name, tensor)| (name, tensor.detach().copy()))
        .collect()
}

fn same(a: &NamedTensors, b: &NamedTensors) -> bool {
    a.keys().eq(b.keys()) && a.iter().all(|(name, tensor)| same_bits(tensor, &b[name]))
}

#[test]
fn loaded_with_the_bits_of_python() {
    let folder = saved();
    let read = |name: &str| read_safetensors(&folder.path().join("expected").join(name)).unwrap();
    let mut found = 0;
    let mut failures = Vec::new();
    for entry in fs::read_dir(folder.path().join("good")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let own = format!("{name}.safetensors");
        let expected = match folder.path().join("expected").join(&own).exists() {
            true => read(&own),
            false => read("default.safetensors"),
        };
        let vs = network();
        assert!(!same(&copies(&vs), &expected), "this is no test");
        match load_state_dict(&vs, &path) {
            Err(error) => failures.push(one_line(&error)),
            Ok(report) if !same(&copies(&vs), &expected) => {
                failures.push(format!("{name}: other bits, {report:?}"));
            }
            Ok(_) => found += 1,
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    println!("{found} kinds of file");
    assert!(found > 60, "only {found} files");
}

const KINDS: &str = "expected weights: a .safetensors file, or what torch.save, TorchScript, \
                     torch.export.save or numpy.savez has written; found ";

#[test]
fn refused_in_one_line() {
    let folder = saved();
    let bad = folder.path().join("bad");
    let dict = "expected a dict of tensors, as torch.save(model.state_dict(), ...) writes; found ";
    let kinds = |found: &str| format!("{KINDS}{found}");
    let no_safetensors = |found: &str| format!("not a .safetensors file: {found}");
    let cases = [
        ("list.pt", "its 9 keys are numbers (0, ...), expected names; missing key".to_owned()),
        ("numbers.pt", "its 9 keys are numbers (0, ...), expected names; missing key".to_owned()),
        (
            "transposed.pt",
            "\"fc1.weight\" has shape [4, 3], expected [3, 4]; \"fc2.weight\" has".to_owned(),
        ),
        ("extra.pt", "unexpected key \"step\"".to_owned()),
        ("extra_text.pt", "unexpected key \"note\"".to_owned()),
        ("missing.pt", "missing key \"fc2.bias\"".to_owned()),
        (
            "renamed.pt",
            "missing key \"fc1.weight\", unexpected key \"fc_1.weight\"; missing key \"fc1.bias\", \
             unexpected key \"fc_1.bias\""
                .to_owned(),
        ),
        ("no_count.pt", "missing key \"bn.num_batches_tracked\"".to_owned()),
        ("sparse.pt", "\"fc1.weight\" is a sparse tensor, expected a tensor".to_owned()),
        ("complex.pt", "\"bn.bias\" is torch.complex64, expected torch.float32".to_owned()),
        ("quantized.pt", "\"fc1.weight\" is a quantized tensor".to_owned()),
        ("meta.pt", "\"fc1.weight\" is a tensor without data, on the meta device".to_owned()),
        ("uint16.pt", "\"fc1.weight\" is a tensor of torch.uint16, which is not".to_owned()),
        (
            "two.pt",
            "several state dicts fit; choose one by its key: \"model\" (9 tensors), \"ema\" (9 \
             tensors)"
                .to_owned(),
        ),
        ("none.pt", format!("{dict}a dict without tensors; \"epoch\" is a number")),
        ("tensor.pt", format!("{dict}a tensor")),
        ("array.npy", format!("{dict}a tensor")),
        ("big_endian.npz", "\"fc1.bias\" is a NumPy array of dtype \">f4\"".to_owned()),
        ("objects.npz", "\"fc1.bias\" is a NumPy array of dtype \"|O\"".to_owned()),
        ("tensors.pkl", "\"bn.bias\" is a tensor that pickle wrote, not torch.save".to_owned()),
        ("empty.pt", kinds("an empty file: it was not written or downloaded completely")),
        ("page.pt", kinds("an HTML page: ")),
        ("error.pt", kinds("an XML document: ")),
        ("pointer.safetensors", kinds("a Git LFS pointer in place of the file: run git lfs pull")),
        ("keras.h5", kinds("an HDF5 file, as Keras writes")),
        ("llama.gguf", kinds("a GGUF file, as llama.cpp reads")),
        ("text.pt", kinds("none of these")),
        ("json.json", kinds("JSON that is no index of such files")),
        ("gzip.pt.gz", kinds("a file compressed by gzip: decompress it first")),
        ("tar.pt", kinds("a tar archive: unpack it first")),
        ("cut.pt", kinds("no complete zip archive: its directory, which stands at the end")),
        ("prepended.pt", kinds("no complete zip archive: ")),
        ("damaged.pt", "\"fc1.weight\" is damaged: its bytes have the CRC-32 ".to_owned()),
        ("twice.pt", kinds("a zip archive with two entries \"plain/data.pkl\"")),
        ("key_twice.pt", kinds("the key \"a\" twice")),
        (
            "itself.pt",
            kinds("a pickle that expands to a multiple of its size"),
        ),
        ("laughs.pt", kinds("a pickle that expands to a multiple of its size")),
        ("evil.pt", format!("{dict}a dict without tensors; \"a\" is an object of class")),
        ("key_twice.safetensors", no_safetensors("found the key \"a\" twice")),
        ("long_dtype.safetensors",
            "missing key \"bn.bias\"; unexpected key \"a\"; ".to_owned(),
        ),
        (
            "overlap.safetensors",
            no_safetensors("tensor \"b\" does not start where the last one ends"),
        ),
        (
            "gap.safetensors",
            no_safetensors("tensor \"a\" does not start where the last one ends"),
        ),
        ("more.safetensors", no_safetensors("4 bytes follow the last tensor")),
        ("cut.safetensors", no_safetensors("tensor \"a\" is cut short")),
        (
            "other_length.safetensors",
            "tensor \"a\": 4 bytes do not match the shape [2]".to_owned(),
        ),
        ("many.safetensors", no_safetensors("found more than 262144 tensors")),
        ("away.json", "expected the name of a file, found \"../good/plain.safeten".to_owned()),
        ("index_twice.json", kinds("the key \"a\" twice")),
        ("no_weights", "expected a file with weights, found a folder without model.saf".to_owned()),
    ];
    let mut failures = Vec::new();
    let vs = network();
    let before = copies(&vs);
    for (name, expected) in &cases {
        let path = bad.join(name);
        let line = match load_state_dict(&vs, &path) {
            Ok(report) => format!("loaded: {report:?}"),
            Err(error) => one_line(&error),
        };
        let start = format!("{}: {expected}", path.display());
        if !line.starts_with(&start) || line.contains('\n') || line.len() > start.len() + 500 {
            failures.push(line);
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(same(&copies(&vs), &before), "something was loaded");
    assert!(
        !Path::new("ran").exists() && !bad.join("ran").exists(),
        "code of a pickle ran"
    );
    let error = read_safetensors(&bad.join("long_dtype.safetensors")).unwrap_err();
    let line = one_line(&error);
    assert!(
        line.contains("a tensor of dtype \"FFFF") && line.len() < 300,
        "{line}"
    );
    // Each file is named above, but for the folder whose file is missing.
    let files = fs::read_dir(&bad).unwrap().count();
    assert_eq!(files, cases.len() + 1);
    let error = load_state_dict(&vs, &bad.join("hub_missing")).unwrap_err();
    let line = one_line(&error);
    assert!(
        line.starts_with("cannot read ") && line.contains("lost.safetensors: No such"),
        "{line}"
    );
}

fn load_with(path: &Path, options: &LoadOptions) -> (VarStore, Result<Report, String>) {
    let vs = network();
    let report = load_state_dict_with(&vs, path, options);
    (vs, report.map_err(|error| one_line(&error)))
}

#[test]
fn chosen_renamed_and_in_part() {
    let folder = saved();
    let (good, bad) = (folder.path().join("good"), folder.path().join("bad"));
    let expected = read_safetensors(&folder.path().join("expected/default.safetensors")).unwrap();
    let with_key = |key: &str| LoadOptions {
        key: Some(key.to_owned()),
        ..LoadOptions::default()
    };
    let (vs, report) = load_with(&bad.join("two.pt"), &with_key("ema"));
    assert_eq!(report.unwrap().notes, ["took the weights under \"ema\""]);
    assert!(same(&copies(&vs), &expected));
    let (_, report) = load_with(&bad.join("two.pt"), &with_key("best"));
    let line = report.unwrap_err();
    let end = "no tensors under the key \"best\"; there are some in \"model\" (9 tensors), \"ema\" \
               (9 tensors)";
    assert!(line.ends_with(end), "{line}");
    let (_, report) = load_with(&good.join("deeper.pt"), &with_key("a.b.c"));
    assert_eq!(report.unwrap().loaded.len(), 9);

    let rename = |changes: &[&str]| LoadOptions {
        renames: changes
            .iter()
            .map(|change| change.parse().unwrap())
            .collect(),
        ..LoadOptions::default()
    };
    let (vs, report) = load_with(&bad.join("renamed.pt"), &rename(&["^fc_([0-9])=fc$1"]));
    assert!(report.unwrap().is_exact() && same(&copies(&vs), &expected));
    let (_, report) = load_with(&bad.join("renamed.pt"), &rename(&["weight|bias=x"]));
    let line = report.unwrap_err();
    assert!(line.contains("are both renamed"), "{line}");
    let both = rename(&["^fc_=fc", "^fc1=fc1"]);
    assert!(load_with(&bad.join("renamed.pt"), &both).1.is_ok());

    let partial = LoadOptions {
        is_partial: true,
        ..LoadOptions::default()
    };
    let (vs, report) = load_with(&bad.join("transposed.pt"), &partial);
    let report = report.unwrap();
    assert_eq!(report.loaded.len(), 7);
    assert_eq!(report.mismatched.len(), 2);
    let loaded = copies(&vs);
    assert!(same_bits(&loaded["fc1.bias"], &expected["fc1.bias"]));
    assert!(!same_bits(&loaded["fc1.weight"], &expected["fc1.weight"]));
    let (_, report) = load_with(&bad.join("renamed.pt"), &partial);
    let report = report.unwrap();
    assert_eq!((report.missing.len(), report.unexpected.len()), (2, 2));
    let (_, report) = load_with(&bad.join("numbers.pt"), &partial);
    assert!(report.unwrap_err().contains("nothing can be loaded"));
}

#[test]
fn values_and_state_dicts_without_a_network() {
    let folder = saved();
    let good = folder.path().join("good");
    let expected = read_safetensors(&folder.path().join("expected/default.safetensors")).unwrap();
    for name in ["plain.pt", "checkpoint.pt", "imagenet.pt", "everything.pt"] {
        let tensors = read_state_dict(&good.join(name), &LoadOptions::default()).unwrap();
        assert!(same(&tensors, &expected), "{name}");
    }
    let numpy = load(&good.join("numpy.pt")).unwrap();
    let stats = numpy.get("stats").unwrap().named_tensors().unwrap();
    assert_eq!(stats["a"], Tensor::from_slice(&[0f64, 1., 2.]));
    assert_eq!(stats["f"].size(), [2, 3]);
    assert!(matches!(
        numpy.get("best"),
        Some(torch_parity::serialization::Value::Float(0.5))
    ));
    // Tied weights share their memory.
    let views = read_state_dict(&good.join("views.pt"), &LoadOptions::default()).unwrap();
    let [weight, bias] = ["fc1.weight", "fc1.bias"].map(|name| views[name].data_ptr() as usize);
    assert_eq!(bias - weight, 12 * 4);
    let expected = &expected["fc1.weight"];
    assert_eq!(expected.kind(), Kind::Float);
    no_grad(|| assert!(same_bits(&views["fc1.weight"], expected)));
}

/// A pipe is opened without waiting for a writer.
#[cfg(unix)]
#[test]
fn a_pipe_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["pipe.pt", "pipe.safetensors"] {
        let path = folder.path().join(name);
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let line = one_line(&load_state_dict(&network(), &path).unwrap_err());
        assert_eq!(
            line,
            format!("cannot read {}: not a regular file", path.display())
        );
    }
}
