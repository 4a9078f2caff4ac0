//! `--device`: libtorch_cuda is loaded only if a GPU is requested.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use final_layer::torch::LIBTORCH_VERSION;
use testing::{example, examples, python, refusal, root, run, stdout, write_executable};

const CUDA: &str = "libtorch_cuda.so";

/// The folder with the libraries of the libtorch with which the tests were built.
fn libtorch() -> PathBuf {
    testing::libtorch().join("lib")
}

fn has_cuda() -> bool {
    libtorch().join(CUDA).exists()
}

/// Returns true if the dynamic loader was asked for libtorch_cuda, according to its own log.
fn asks_for_cuda(command: &mut Command) -> bool {
    let output = run(command.env("LD_DEBUG", "files"));
    let record = String::from_utf8_lossy(&output.stderr);
    assert!(record.contains("file=libtorch_cpu.so"), "{record}");
    record.contains(&format!("{CUDA} [0];"))
}

#[test]
fn cuda_is_loaded_when_and_only_when_asked_for() {
    let network = || example("digit_classifier");
    assert!(!asks_for_cuda(&mut network()));
    assert!(!asks_for_cuda(network().args(["--device", "cpu"])));
    assert!(asks_for_cuda(network().args(["--device", "cuda"])));
    assert!(asks_for_cuda(network().args(["--device", "cuda:1"])));
}

/// The library is found beside the rest of libtorch and loaded, in every command before libtorch
/// itself has looked for it; then no GPU is visible.
#[test]
fn cuda_without_a_gpu() {
    let commands: [&[&str]; 5] = [
        &[],
        &["trace", "--output=trace.safetensors"],
        &["train", "--epochs=1"],
        &["evaluate", "--weights=none.safetensors"],
        &["predict", "--weights=none.safetensors", "none.png"],
    ];
    let folder = tempfile::tempdir().unwrap();
    for command in commands {
        let line = refusal(
            example("digit_classifier")
                .args(command)
                .args(["--device", "cuda"])
                .env("CUDA_VISIBLE_DEVICES", "")
                .current_dir(&folder),
        );
        if has_cuda() {
            let expected = "--device cuda:0: libtorch has CUDA but sees no GPU (";
            assert!(line.contains(expected), "{command:?}: {line}");
            // libtorch's message if the library was not loaded in time.
            assert!(!line.contains("ATen_cuda"), "{command:?}: {line}");
            assert!(line.contains("check that nvidia-smi lists one"), "{line}");
        } else {
            assert!(line.contains("this libtorch has no CUDA"), "{line}");
        }
    }
}

/// A GPU with too high a number, whether or not there are GPUs.
#[test]
fn cuda_of_a_number_too_high() {
    let line = refusal(example("digit_classifier").args(["--device", "cuda:1000"]));
    assert!(line.contains("CUDA"), "{line}");
}

#[test]
fn libtorch_without_cuda() {
    let folder = tempfile::tempdir().unwrap();
    let line = refusal(&mut on_libtorch_with(folder.path(), |_| ()));
    let missing = folder.path().join("torch/lib").join(CUDA);
    let expected = format!(
        "--device cuda:0: this libtorch has no CUDA ({} is missing)",
        missing.display()
    );
    assert!(line.contains(&expected), "{line}");
    assert!(line.contains("use a PyTorch built with CUDA"), "{line}");
}

#[test]
fn libtorch_whose_cuda_does_not_load() {
    let folder = tempfile::tempdir().unwrap();
    let line = refusal(&mut on_libtorch_with(folder.path(), |cuda| {
        fs::write(cuda, "no library").unwrap();
    }));
    assert!(line.contains("libtorch_cuda.so does not load ("), "{line}");
    assert!(line.contains("file too short"), "{line}");
    assert!(
        line.contains("install the packages that torch depends on"),
        "{line}"
    );
}

/// Any other libtorch_cuda.so is ignored, even if the system would find it first.
#[test]
fn cuda_is_that_of_the_loaded_libtorch() {
    let folder = tempfile::tempdir().unwrap();
    let decoy = folder.path().join(CUDA);
    fs::write(&decoy, "no library").unwrap();
    let output = run(example("digit_classifier")
        .args(["--device", "cuda"])
        .env("LD_LIBRARY_PATH", folder.path())
        .env("LD_DEBUG", "files,libs")
        .env("CUDA_VISIBLE_DEVICES", ""));
    let record = String::from_utf8(output.stderr).unwrap();
    let about_cuda: String = record
        .split_inclusive('\n')
        .filter(|line| line.contains(CUDA))
        .collect();
    let beside = libtorch().join(CUDA);
    assert!(
        about_cuda.contains(beside.to_str().unwrap()),
        "{about_cuda}"
    );
    assert!(
        !about_cuda.contains(decoy.to_str().unwrap()),
        "{about_cuda}"
    );
}

/// A command that runs an example on a GPU with this libtorch, but with the libtorch_cuda.so
/// created by `cuda`, if any.
fn on_libtorch_with(folder: &Path, cuda: impl Fn(&Path)) -> Command {
    // Python's package finds NVIDIA's libraries beside torch/.
    let lib = folder.join("torch/lib");
    fs::create_dir_all(&lib).unwrap();
    for entry in fs::read_dir(libtorch()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap() != CUDA {
            symlink(&path, lib.join(path.file_name().unwrap())).unwrap();
        }
    }
    let packages = fs::canonicalize(libtorch().join("../..")).unwrap();
    symlink(packages.join("nvidia"), folder.join("nvidia")).unwrap();
    cuda(&lib.join(CUDA));

    let mut command = Command::new(without_rpath(folder));
    command
        .args(["--device", "cuda"])
        .env("LD_LIBRARY_PATH", &lib);
    command
}

/// A copy of an example without a valid rpath, which therefore finds no library by it.
fn without_rpath(folder: &Path) -> PathBuf {
    let mut bytes = fs::read(examples().join("digit_classifier")).unwrap();
    let libtorch = libtorch();
    let rpath = libtorch.as_os_str().as_encoded_bytes();
    let mut places = 0;
    let mut i = 0;
    while let Some(found) = bytes[i..].iter().position(|&byte| byte == rpath[0]) {
        i += found;
        if bytes[i..].starts_with(rpath) {
            bytes[i..i + rpath.len()].fill(b'/');
            places += 1;
        }
        i += 1;
    }
    assert!(places > 0, "the example has no rpath");
    let copy = folder.join("digit_classifier");
    write_executable(&copy, &bytes);
    copy
}

#[test]
fn the_table_of_a_gpu_shows_what_differs() {
    let text =
        stdout(python("tests/python/gpu_table.py").env("PYTHONPATH", root("scripts/checks")));
    let expected = "
title
| network | optimizer | init | grad | step1 |
| --- | --- | --- | --- | --- |
| some_network | adam | equal | 1 of 1 differ | 2 of 3 differ, 27262975 ulp, 9 |
";
    assert_eq!(text, expected);
}

/// A folder as packed by scripts/checks/gpu_parity.py, but with the examples of this build.
fn bundle(version: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for scripts in ["scripts", "scripts/checks"] {
        fs::create_dir(folder.path().join(scripts)).unwrap();
        for entry in fs::read_dir(root(scripts)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "py") {
                let copy = folder.path().join(scripts).join(path.file_name().unwrap());
                fs::copy(&path, copy).unwrap();
            }
        }
    }
    fs::create_dir(folder.path().join("torch2tch")).unwrap();
    symlink(root("torch2tch/src"), folder.path().join("torch2tch/src")).unwrap();
    symlink(examples(), folder.path().join("examples")).unwrap();
    fs::write(folder.path().join("torch-version"), version).unwrap();
    folder
}

#[test]
fn comparing_there_is_refused_without_gpu_or_with_another_torch() {
    let version = LIBTORCH_VERSION.split('+').next().unwrap();
    let compare = |version| {
        let bundle = bundle(version);
        let mut command = Command::new(root(".venv/bin/python"));
        command
            .arg(bundle.path().join("scripts/checks/gpu_parity.py"))
            .arg("--here")
            .env("CUDA_VISIBLE_DEVICES", "");
        refusal(&mut command)
    };
    assert!(compare("1.0.0").contains("the executables need 1.0.0"));
    assert!(compare(version).contains("torch sees no GPU here"));
}
