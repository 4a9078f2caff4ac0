//! `scripts/doctor` on a sound project and on broken ones: one fault each, with its remedy.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use testing::{root, run, write_executable};

/// A project for the scripts to examine. The scripts are the real ones; the tools, the Python and
/// the executable that they start are stubs that answer as sound ones do.
pub struct Project {
    folder: TempDir,
}

pub const TORCH: &str = ".venv/lib/python3.11/site-packages/torch";
const EXECUTABLE: &str = "target/debug/examples/doctor";

/// The tools of the system that the scripts use.
const TOOLS: [&str; 20] = [
    "sh", "awk", "cat", "cut", "df", "dirname", "env", "getconf", "grep", "ln", "ls", "mv",
    "readlink", "rm", "sed", "timeout", "tr", "uname", "wc", "cp",
];

const SCRIPTS: [&str; 6] = [
    "scripts/doctor",
    "scripts/setup",
    "scripts/environment/torch.sh",
    "scripts/environment/packages.sh",
    "scripts/environment/packages.py",
    "scripts/environment/cpu_index.py",
];

pub const PYTHON: &str = r#"
case "$*" in
*"import torch"*) printf 'vectors AVX2\nthreads 2\ngpus 0\ncuda 13.0\n' ;;
*find_spec*) echo .venv/lib/python3.11/site-packages/torch ;;
*packages.py* | *"pip --version"*) ;;
*pip*) echo "python $*" >>calls ;;
*) echo 3.11.7 ;;
esac"#;

const LDD: &str = r#"
lib=$(cd .libtorch/lib 2>/dev/null && pwd)
echo "	libtorch_cpu.so => $lib/libtorch_cpu.so (0x0001)"
echo "	libgomp.so.1 => /usr/lib/libgomp.so.1 (0x0002)""#;

impl Project {
    pub fn sound() -> Self {
        let project = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(project.path("scripts/environment")).unwrap();
        for script in SCRIPTS {
            let text = fs::read_to_string(root(script)).unwrap();
            // The scripts look for an NVIDIA driver in the project, so that this machine's does not
            // matter.
            let text = text.replace(" /proc/driver/", " proc/driver/");
            write_executable(&project.path(script), text.as_bytes());
        }
        for tool in TOOLS {
            project.link(find(tool), &format!("bin/{tool}"));
        }
        project.stub("bin/cargo", r#"echo "cargo $*" >>calls; echo cargo 1.95.0"#);
        project.stub("bin/rustc", "echo 'rustc 1.95.0 (stub)'");
        project.stub(
            "bin/c++",
            "[ $1 = --version ] && echo 'c++ 12' || cat >calls",
        );
        project.stub("bin/cc", "echo /usr/lib/libgomp.so");
        project.stub("bin/ldd", LDD);
        project.stub(".venv/bin/python", PYTHON);
        project.stub(
            EXECUTABLE,
            r"printf 'version 2.13.0+cu130\nthreads 2\ngpus 0, none\n'",
        );
        project.write("Cargo.toml", "rust-version = \"1.89\"\n");
        project.lock("0.26.0");
        project.write("requirements.txt", "torch==2.13.0\nnumpy==2.4.6\n");
        project.write(
            ".venv/installed-requirements.txt",
            "torch==2.13.0\nnumpy==2.4.6\n",
        );
        project.write(".venv/installed-packages.txt", "");
        project.write(".venv/pyvenv.cfg", "");
        project.libtorch(TORCH, "2.13.0+cu130");
        project.link(TORCH, ".libtorch");
        project
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Replaces a program by a shell script.
    pub fn stub(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Does not write through a link to the system's own tool.
        if path.is_symlink() {
            self.remove(name);
        }
        write_executable(&path, format!("#!/bin/sh\n{text}\n").as_bytes());
    }

    pub fn remove(&self, name: &str) {
        let path = self.path(name);
        if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }

    fn link(&self, target: impl Into<PathBuf>, name: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target.into(), path).unwrap();
    }

    fn lock(&self, version: &str) {
        let package = |name| format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n");
        let text = [package("tch"), package("torch-sys")].concat();
        self.write("Cargo.lock", &text);
    }

    /// The files that identify a libtorch.
    pub fn libtorch(&self, folder: &str, version: &str) {
        let text = format!("__version__ = '{version}'\n");
        self.write(&format!("{folder}/version.py"), &text);
        self.write(&format!("{folder}/lib/libtorch_cpu.so"), "");
        let header = "include/torch/csrc/api/include/torch/torch.h";
        self.write(&format!("{folder}/{header}"), "");
    }

    /// Runs one of the scripts, with only the project's tools on the PATH.
    pub fn run(&self, script: &str, args: &[&str], environment: &[(&str, &str)]) -> Output {
        let mut command = Command::new(self.path(script));
        command
            .args(args)
            .env_clear()
            .env("PATH", self.path("bin"))
            .envs(environment.iter().copied())
            .current_dir(self.folder.path());
        run(&mut command)
    }
}

/// The path of a tool.
fn find(tool: &str) -> PathBuf {
    let folders = std::env::var("PATH").unwrap();
    let mut paths = std::env::split_paths(&folders).map(|folder| folder.join(tool));
    paths.find(|path| path.exists()).unwrap_or_default()
}

type Break = fn(&Project);

/// Breaks a sound project; expects exactly this fault and this remedy.
fn check(break_it: Break, environment: &[(&str, &str)], fault: &str, mend: &str) {
    let project = Project::sound();
    break_it(&project);
    let output = project.run("scripts/doctor", &[], environment);
    assert!(output.stderr.is_empty(), "{fault}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{fault}: {text}");
    assert!(text.contains(&format!("FAULT       {fault}")), "{text}");
    assert!(text.contains(&format!("mend: {mend}")), "{text}");
    assert!(text.ends_with("\n1 fault\n"), "{fault}: {text}");
}

const NONE: &[(&str, &str)] = &[];

#[test]
fn this_project_is_sound() {
    let output = run(&mut Command::new(root("scripts/doctor")));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.ends_with("\nall is sound\n"), "{text}");
    let version = final_layer::torch::LIBTORCH_VERSION
        .split('+')
        .next()
        .unwrap();
    for line in [
        format!("torch       {version} in .venv"),
        format!("libtorch    {version} in /"),
        // Listed if ldd exists.
        if cfg!(target_os = "linux") {
            "libtorch_cpu.so from /".to_owned()
        } else {
            String::new()
        },
        "vector instructions: ".to_owned(),
    ] {
        assert!(text.contains(&line), "{line}: {text}");
    }
}

#[test]
fn a_sound_project_has_no_fault() {
    let project = Project::sound();
    let sound = |environment| {
        let output = project.run("scripts/doctor", &[], environment);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert!(!text.contains("FAULT"), "{text}");
        text
    };
    assert!(sound(NONE).contains("threads     Python 2, Rust 2\n"));
    project.libtorch("elsewhere", "2.13.0");
    project.stub(
        "bin/ldd",
        "echo \"\tlibtorch_cpu.so => $PWD/elsewhere/lib/libtorch_cpu.so (0x1)\"",
    );
    let text = sound(&[("LIBTORCH", "elsewhere")]);
    assert!(text.contains("libtorch    2.13.0 in /"), "{text}");
    // A separate libtorch need not state its version.
    project.write("elsewhere/version.py", "");
    project.stub(EXECUTABLE, "echo version unknown");
    let text = sound(&[("LIBTORCH", "elsewhere")]);
    assert!(text.contains("libtorch    not known in /"), "{text}");
    // Not built yet, as after scripts/setup.
    project.remove("target");
    assert!(sound(&[("LIBTORCH", "elsewhere")]).contains("none yet"));
}

/// A torch without CUDA is a valid choice, not a fault.
#[test]
fn the_build_without_cuda_is_sound() {
    let project = Project::sound();
    project.libtorch(TORCH, "2.13.0+cpu");
    project.stub(
        ".venv/bin/python",
        &PYTHON.replace("cuda 13.0", "cuda none"),
    );
    let output = project.run("scripts/doctor", &[], NONE);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    if cfg!(target_os = "linux") {
        assert!(text.contains("2.13.0 in .venv, without CUDA\n"), "{text}");
    }
}

#[test]
fn arguments_are_refused() {
    let output = Project::sound().run("scripts/doctor", &["--verbose"], NONE);
    assert_eq!(output.status.code(), Some(2));
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        line,
        "doctor: error: expected no arguments, found --verbose\n"
    );
}

/// A program that hangs is one fault; everything else is still examined.
#[cfg(target_os = "linux")]
#[test]
fn a_program_that_hangs() {
    let timeout = find("timeout");
    let timeout = timeout.display();
    let hanging: [(&str, &str); 4] = [
        ("bin/cargo", "cargo does not answer within 10 s"),
        ("bin/cc", "cc does not answer within 10 s"),
        (".venv/bin/python", ".venv/bin/python does not answer"),
        (EXECUTABLE, "target/debug/examples/doctor does not answer"),
    ];
    for (program, fault) in hanging {
        let project = Project::sound();
        project.stub(program, "exec sleep 1000");
        project.link(find("sleep"), "bin/sleep");
        // A tenth of a second instead of the real limit of ten seconds.
        project.stub(
            "bin/timeout",
            &format!("shift 3; exec {timeout} 0.1 \"$@\""),
        );
        let output = project.run("scripts/doctor", &[], NONE);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(&format!("FAULT       {fault}")), "{text}");
        assert!(text.contains("\ndisk "), "{text}");
    }
}

#[test]
fn missing_tools() {
    check(
        |p| p.remove("bin/cargo"),
        NONE,
        "cargo and rustc",
        "install Rust",
    );
    check(
        |p| p.stub("bin/rustc", "echo rustc 1.70.0"),
        NONE,
        "rustc 1.70.0 is older than 1.89",
        "rustup update",
    );
    check(
        |p| p.remove("bin/c++"),
        NONE,
        "there is no C++ compiler c++",
        "install one",
    );
    check(
        |_| (),
        &[("CXX", "no-such-compiler")],
        "there is no C++ compiler no-such-compiler",
        "install one",
    );
    check(
        |p| p.stub("bin/c++", "exit 1"),
        NONE,
        "c++ compiles no C++17",
        "install a newer one",
    );
    check(
        |p| p.remove("bin/cc"),
        NONE,
        "there is no linker cc",
        "install a C",
    );
    check(
        |p| p.stub("bin/cc", "echo libgomp.so"),
        NONE,
        "cc finds no libgomp",
        "install GCC",
    );
}

#[test]
fn broken_python() {
    check(
        |p| p.remove(".venv"),
        NONE,
        "there is no .venv",
        "scripts/setup",
    );
    check(
        |p| p.remove(".venv/bin/python"),
        NONE,
        ".venv/bin/python does not run",
        "scripts/setup",
    );
    check(
        |p| p.stub(".venv/bin/python", "echo 3.9.2"),
        NONE,
        ".venv has Python 3.9.2; expected 3.10 to 3.14",
        "PYTHON=/path/to/python3 scripts/setup",
    );
    check(
        |p| p.write("requirements.txt", "torch==2.13.0\nnumpy==3.0.0\n"),
        NONE,
        "the packages in .venv are not those of requirements.txt",
        "scripts/setup",
    );
    check(
        |p| p.remove(".venv/installed-requirements.txt"),
        NONE,
        "the packages in .venv are not those of requirements.txt",
        "scripts/setup",
    );
    check(
        |p| {
            p.stub(
                ".venv/bin/python",
                &PYTHON.replace(
                    "*packages.py* | *\"pip --version\"*)",
                    "*packages.py*) echo numpy==2.4.6; echo torch==2.13.0",
                ),
            );
        },
        NONE,
        "in .venv packages are missing or cut off: numpy==2.4.6 torch==2.13.0",
        "scripts/setup",
    );
    let torch_that_does_not_load = r#"case "$*" in
        *"import torch"*) echo "ImportError: libcudart.so.13"; exit 1 ;;
        *packages.py*) ;;
        *) echo 3.11.7 ;; esac"#;
    let project = Project::sound();
    project.stub(".venv/bin/python", torch_that_does_not_load);
    let output = project.run("scripts/doctor", &[], NONE);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("torch does not load: ImportError: libcudart.so.13"),
        "{text}"
    );
}

#[test]
fn mismatched_versions() {
    check(
        |p| p.remove(TORCH),
        NONE,
        "there is no torch in .venv",
        "scripts/setup",
    );
    check(
        |p| p.libtorch(TORCH, "2.12.0"),
        NONE,
        "torch 2.12.0 is in .venv, but tch 0.26.0 goes with 2.13.0",
        "scripts/setup",
    );
    check(
        |p| p.lock("0.24.0"),
        NONE,
        "torch 2.13.0 is in .venv, but tch 0.24.0 goes with 2.11.0 or 2.12.0",
        "scripts/setup",
    );
    check(
        |p| {
            let lock = p.read("Cargo.lock").replacen("0.26.0", "0.24.0", 1);
            p.libtorch(TORCH, "2.12.0");
            p.stub(EXECUTABLE, "echo version 2.12.0");
            p.write("Cargo.lock", &lock);
        },
        NONE,
        "Cargo.lock has tch 0.24.0 and torch-sys 0.26.0",
        "scripts/setup",
    );
}

#[test]
fn no_lock_file() {
    check(
        |p| p.remove("Cargo.lock"),
        NONE,
        "there is no Cargo.lock that names tch",
        "git checkout Cargo.lock",
    );
}

#[test]
fn missing_or_other_libtorch() {
    check(
        |p| p.remove(".libtorch"),
        NONE,
        ".libtorch is not there",
        "scripts/setup",
    );
    check(
        |p| {
            p.remove(".libtorch");
            p.link("gone/torch", ".libtorch");
        },
        NONE,
        ".libtorch points at gone/torch, which is not there",
        "scripts/setup",
    );
    check(
        |p| {
            p.libtorch("other", "2.13.0");
            p.remove(".libtorch");
            p.link("other", ".libtorch");
        },
        NONE,
        ".libtorch is /",
        "scripts/setup",
    );
    check(
        |p| p.remove(&format!("{TORCH}/lib")),
        NONE,
        ".libtorch has no lib/libtorch_cpu",
        "scripts/setup",
    );
    check(
        |p| p.remove(&format!("{TORCH}/include")),
        NONE,
        ".libtorch has no headers in include/",
        "scripts/setup",
    );
    let environment = &[("LIBTORCH", "other")];
    let mend = "unset LIBTORCH";
    check(|_| (), environment, "LIBTORCH=other is not there", mend);
    check(
        |p| p.write("other/build-version", "2.13.0+cpu"),
        environment,
        "LIBTORCH=other has no lib/libtorch_cpu",
        mend,
    );
    check(
        |p| {
            p.libtorch("other", "");
            p.remove("other/version.py");
            p.write("other/build-version", "2.11.0+cpu\n");
            p.remove("target");
        },
        environment,
        "LIBTORCH=other is libtorch 2.11.0, but tch 0.26.0 goes with 2.13.0",
        mend,
    );
    check(
        |_| (),
        &[("LIBTORCH_USE_PYTORCH", "1")],
        "LIBTORCH_USE_PYTORCH is set",
        "unset LIBTORCH_USE_PYTORCH",
    );
}

#[test]
fn executables_that_do_not_fit() {
    check(
        |p| p.stub(EXECUTABLE, "echo version 2.12.0"),
        NONE,
        "target/debug/examples/doctor was built with libtorch 2.12.0",
        "cargo build --examples",
    );
    check(
        |p| p.stub(EXECUTABLE, "echo cannot start >&2; exit 127"),
        NONE,
        "target/debug/examples/doctor does not run: cannot start",
        "cargo build --examples",
    );
    for (library, mend) in [
        ("libtorch_cpu.so", "cargo build --examples"),
        (
            "libgomp.so.1",
            "install it (Debian: apt-get install libgomp1)",
        ),
        ("libz.so.1", "install the package that has it"),
    ] {
        let project = Project::sound();
        project.stub("bin/ldd", &format!("echo '\t{library} => not found'"));
        let output = project.run("scripts/doctor", &[], NONE);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(
            text.contains(&format!("does not find {library}\n")),
            "{text}"
        );
        assert!(text.contains(mend), "{text}");
    }
    let elsewhere: Break = |p| {
        p.libtorch("other", "2.13.0");
        p.stub(
            "bin/ldd",
            "echo \"\tlibtorch_cpu.so => $PWD/other/lib/libtorch_cpu.so (0x1)\"",
        );
    };
    let fault = "target/debug/examples/doctor loads libtorch from /";
    check(elsewhere, NONE, fault, "cargo build --examples");
    let path = &[("LD_LIBRARY_PATH", "other/lib")];
    check(elsewhere, path, fault, "unset LD_LIBRARY_PATH");
}

#[test]
fn a_gpu_that_is_not_seen() {
    let driver = "echo 'GPU 0: NVIDIA H100'";
    let project = Project::sound();
    let gpus = |python: u8, rust: u8, cuda: &str, environment| {
        project.stub("bin/nvidia-smi", driver);
        project.stub(
            EXECUTABLE,
            &format!("printf 'version 2.13.0\\nthreads 2\\ngpus {rust}\\n'"),
        );
        let answer = format!("printf 'vectors A\\nthreads 2\\ngpus {python}\\ncuda {cuda}\\n'");
        let real = "printf 'vectors AVX2\\nthreads 2\\ngpus 0\\ncuda 13.0\\n'";
        project.stub(".venv/bin/python", &PYTHON.replace(real, &answer));
        let output = project.run("scripts/doctor", &[], environment);
        String::from_utf8(output.stdout).unwrap()
    };
    let text = gpus(1, 1, "13.0", NONE);
    assert!(
        text.contains("gpus        driver 1, Python 1, Rust 1\n"),
        "{text}"
    );
    assert!(text.ends_with("all is sound\n"), "{text}");
    let text = gpus(0, 0, "13.0", NONE);
    assert!(text.contains("FAULT       Python sees no GPU"), "{text}");
    let text = gpus(0, 0, "none", NONE);
    assert!(text.contains("scripts/setup --cuda"), "{text}");
    assert!(text.ends_with("all is sound\n"), "{text}");
    let text = gpus(1, 0, "13.0", NONE);
    assert!(
        text.contains("FAULT       Python sees 1 GPUs, Rust 0"),
        "{text}"
    );
    let text = gpus(0, 0, "13.0", &[("CUDA_VISIBLE_DEVICES", "")]);
    assert!(text.contains("CUDA_VISIBLE_DEVICES= hides it"), "{text}");
    assert!(text.ends_with("all is sound\n"), "{text}");
}

#[test]
fn a_full_disk() {
    check(
        |p| p.stub("bin/df", "echo head; echo 'disk 100 100 1000 99% /'"),
        NONE,
        "0 GB free on this disk; 1 are needed",
        "make room",
    );
}
