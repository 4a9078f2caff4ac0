//! `scripts/setup`: its effects, and one line that names the fault if something is missing.

use std::fs;

use crate::doctor::{PYTHON, Project, TORCH};
use crate::download::Served;
use testing::root;

/// Runs `scripts/setup` in a case that it must refuse; returns its last line.
fn refuse(project: &Project, args: &[&str], environment: &[(&str, &str)]) -> String {
    refuse_with(1, project, args, environment)
}

fn refuse_with(
    code: i32,
    project: &Project,
    args: &[&str],
    environment: &[(&str, &str)],
) -> String {
    let output = project.run("scripts/setup", args, environment);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    let line = stderr.lines().last().unwrap().to_owned();
    assert!(line.starts_with("setup: error: "), "{stderr}");
    line
}

/// Runs `scripts/setup` in a case that must succeed; returns its output.
fn set_up(project: &Project, args: &[&str]) -> String {
    let output = project.run("scripts/setup", args, &[]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    stderr
}

#[test]
fn says_what_is_missing() {
    let project = Project::sound();
    project.remove(".venv");
    let refuse = |environment: &[(&str, &str)]| refuse(&project, &[], environment);
    assert!(refuse(&[]).contains("no Python from 3.10"));
    assert!(refuse(&[("PYTHON", "/bin/false")]).contains("PYTHON=/bin/false is no Python"));
    assert!(refuse(&[("CXX", "missing-c++")]).contains("no C++ compiler missing-c++"));
    project.stub("bin/cc", "echo libgomp.so");
    assert!(refuse(&[]).contains("cc finds no libgomp"));
    project.remove("bin/cc");
    assert!(refuse(&[]).contains("no linker cc"));
    project.remove("bin/c++");
    assert!(refuse(&[]).contains("no C++ compiler c++"));
    project.remove("bin/cargo");
    assert!(refuse(&[]).contains("cargo is not on the PATH"));
    assert!(!project.path(".venv").exists());
}

#[test]
fn a_second_run_changes_nothing() {
    let project = Project::sound();
    let said = set_up(&project, &[]);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.starts_with("setup: ready: torch 2.13.0+cu130, .libtorch -> .venv/"),
        "{said}"
    );
    assert!(!project.path("calls").exists(), "{}", project.read("calls"));
}

#[test]
fn the_tools_of_the_checks_are_installed_on_request() {
    let project = Project::sound();
    set_up(&project, &["--dev"]);
    let calls = project.read("calls");
    let ends = |call: &str| call.ends_with("-r requirements-dev.txt");
    assert!(calls.lines().any(ends), "{calls}");
}

#[test]
fn another_torch_comes_with_its_tch() {
    for (torch, tch) in [("2.11.0", "0.24.0"), ("2.12.0", "0.24.0")] {
        let project = Project::sound();
        set_up(&project, &["--torch", torch]);
        let calls = project.read("calls");
        let [moved, installed, ..] = calls.lines().collect::<Vec<_>>()[..] else {
            panic!("{calls}");
        };
        assert_eq!(moved, format!("cargo update --quiet --precise {tch} tch"));
        assert!(installed.starts_with("python -m pip install"), "{calls}");
        assert_eq!(
            project.read(".venv/installed-requirements.txt"),
            format!("torch=={torch}\nnumpy==2.4.6\n")
        );
    }
}

#[test]
fn a_torch_installed_by_hand_is_replaced() {
    let project = Project::sound();
    let version = ".venv/lib/python3.11/site-packages/torch/version.py";
    project.write(version, "__version__ = '2.12.0+cpu'\n");
    set_up(&project, &[]);
    assert!(project.read("calls").contains("pip install"));
}

#[test]
fn wrong_usage_is_told_from_what_fails() {
    let project = Project::sound();
    let cases: [(&[&str], &str); 9] = [
        (&["--torch", "2.10.0"], "expected 2.11.0, 2.12.0 or 2.13.0"),
        (&["--torch="], "expected 2.11.0, 2.12.0 or 2.13.0"),
        (&["--torch"], "expected a version after it"),
        (&["--torch", "2.12.0", "--torch=2.12.0"], "found twice"),
        (&["--cpu", "--cuda"], "found --cpu and --cuda"),
        (&["--cuda", "--cpu"], "found --cuda and --cpu"),
        (&["--cpu", "--cpu"], "found --cpu and --cpu"),
        (&["--trch", "2.12.0"], "found --trch"),
        (&["--cpu", "--torch=2.12.0", "more"], "found more"),
    ];
    for (args, expected) in cases {
        let line = refuse_with(2, &project, args, &[]);
        assert!(line.contains(expected), "{line}");
    }
    assert!(!project.path("calls").exists());
}

#[test]
fn a_failed_installation_is_reported() {
    let project = Project::sound();

    project.stub("bin/df", "echo head; echo 'disk 100 100 3145728 99% /'");
    let line = refuse(&project, &["--torch", "2.12.0"], &[]);
    assert!(
        line.contains("3 GB free on this disk; torch needs 6"),
        "{line}"
    );

    project.stub("bin/df", "echo head; echo 'disk 100 100 99999999 1% /'");
    project.stub(
        ".venv/bin/python",
        "case \"$*\" in *\"pip install\"*) exit 1 ;; *packages.py*) ;; *) echo 3.11.7 ;; esac",
    );
    let line = refuse(&project, &["--torch", "2.12.0"], &[]);
    assert!(line.contains("pip cannot install torch"), "{line}");
    let installed = project.read(".venv/installed-requirements.txt");
    assert!(installed.starts_with("torch==2.13.0"), "{installed}");

    project.stub("bin/cargo", "exit 101");
    let line = refuse(&project, &["--torch=2.12.0"], &[]);
    assert!(line.contains("cargo cannot move to tch 0.24.0"), "{line}");
}

#[test]
fn a_libtorch_of_ones_own_has_to_be_one() {
    let project = Project::sound();
    let line = refuse(&project, &[], &[("LIBTORCH", "/nowhere")]);
    assert!(
        line.contains("LIBTORCH=/nowhere has no lib/libtorch_cpu"),
        "{line}"
    );
    project.libtorch("other", "2.11.0+cpu");
    let line = refuse(&project, &[], &[("LIBTORCH", "other")]);
    assert!(
        line.contains("LIBTORCH=other is libtorch 2.11.0, not 2.13.0"),
        "{line}"
    );
    project.libtorch("other", "2.13.0+cpu");
    let output = project.run("scripts/setup", &[], &[("LIBTORCH", "other")]);
    assert!(output.status.success(), "{output:?}");
}

/// A server of package indexes, and its address.
struct Indexes {
    _served: Served,
    address: String,
}

impl Indexes {
    fn start() -> Self {
        let mut served = Served::start("tests/python/serve_index.py", &[]);
        let address = format!("http://127.0.0.1:{}", served.line());
        Self {
            _served: served,
            address,
        }
    }

    fn index(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }
}

/// An index without a server.
const REFUSES: &str = "http://127.0.0.1:9/cpu";

/// The Python that runs the tests, without its packages.
fn real_python() -> String {
    let python = fs::canonicalize(root(".venv/bin/python")).unwrap();
    python.to_str().unwrap().to_owned()
}

/// A project whose .venv has only Python; it records what it installs and from which index.
fn without_torch() -> Project {
    let project = Project::sound();
    project.remove(TORCH);
    project.remove(".venv/installed-requirements.txt");
    // As many seconds as the test says, where scripts/setup says three.
    let ask = format!(
        "case \"$*\" in *cpu_index.py*) echo asks >>calls; exec {} \"$1\" \"$2\" \"$3\" $PATIENCE ;; esac",
        real_python()
    );
    project.stub(".venv/bin/python", &format!("{ask}\n{PYTHON}"));
    project
}

#[cfg(target_os = "linux")]
mod build {
    use super::*;

    /// Runs `scripts/setup` with an index of CPU builds; returns its output.
    fn set_up_from(project: &Project, args: &[&str], index: &str) -> String {
        // On a busy machine, an index on this one may take longer than three seconds to answer.
        set_up_within("60", project, args, index)
    }

    /// The same with so many seconds for the index to begin its answer.
    fn set_up_within(seconds: &str, project: &Project, args: &[&str], index: &str) -> String {
        let environment = [
            ("FINAL_LAYER_CPU_INDEX", index),
            ("no_proxy", "127.0.0.1"),
            ("PATIENCE", seconds),
        ];
        let output = project.run("scripts/setup", args, &environment);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        stderr
    }

    fn asks_and_takes_cpu(project: &Project) -> (bool, bool) {
        let calls = project.read("calls");
        assert!(calls.contains("pip install"), "{calls}");
        (
            calls.contains("asks\n"),
            calls.contains("torch==2.13.0+cpu"),
        )
    }

    #[test]
    fn with_a_driver_it_is_the_usual_one() {
        let drivers: [fn(&Project); 2] = [
            |project| project.write("proc/driver/nvidia/version", ""),
            |project| project.stub("bin/nvidia-smi", "echo 'GPU 0: NVIDIA H100'"),
        ];
        for driver in drivers {
            let project = without_torch();
            driver(&project);
            let said = set_up_from(&project, &[], REFUSES);
            assert!(said.contains("as there is an NVIDIA driver"), "{said}");
            assert_eq!(asks_and_takes_cpu(&project), (false, false));
        }
    }

    #[test]
    fn without_a_driver_it_is_the_one_without_cuda() {
        let indexes = Indexes::start();
        for no_gpu in ["exit 9", "echo 'No devices found'"] {
            let project = without_torch();
            project.stub("bin/nvidia-smi", no_gpu);
            let said = set_up_from(&project, &[], &indexes.index("cpu"));
            assert!(said.contains("as no NVIDIA driver is found"), "{said}");
            assert_eq!(asks_and_takes_cpu(&project), (true, true));
            let calls = project.read("calls");
            let index = format!("--index-url {}", indexes.index("cpu"));
            assert_eq!(calls.matches(&index).count(), 1, "{calls}");
        }
    }

    #[test]
    fn without_an_index_it_is_the_usual_one() {
        let indexes = Indexes::start();
        let cases = [
            (REFUSES.to_owned(), "Connection refused"),
            (indexes.index("error"), "answers 503"),
            (indexes.index("none"), "answers 404"),
            (indexes.index("old"), "has no torch 2.13.0+cpu"),
            (
                "http://no-such-host.invalid/cpu".to_owned(),
                "does not answer",
            ),
            ("no address".to_owned(), "unknown url type"),
        ];
        for (index, why) in cases {
            let project = without_torch();
            let said = set_up_from(&project, &[], &index);
            let line = said.lines().find(|line| line.contains(&index)).unwrap();
            assert!(line.contains("no NVIDIA driver is found: "), "{said}");
            assert!(line.contains(why), "{said}");
            assert_eq!(asks_and_takes_cpu(&project), (true, false));
        }
    }

    #[test]
    #[ignore = "takes long: cargo test -- --ignored at_length"]
    fn an_index_that_hangs_is_left_alone_at_length() {
        let indexes = Indexes::start();
        for (name, seconds, why) in [
            ("hang", "3", "does not answer within 3 s"),
            ("half", "60", "does not end its answer within 10 s"),
        ] {
            let project = without_torch();
            let said = set_up_within(seconds, &project, &[], &indexes.index(name));
            assert!(said.contains(why), "{said}");
            assert_eq!(asks_and_takes_cpu(&project), (true, false));
        }
    }

    #[test]
    fn the_requested_build_is_taken() {
        let indexes = Indexes::start();
        let project = without_torch();
        project.write("proc/driver/nvidia/version", "");
        set_up_from(&project, &["--cpu"], &indexes.index("cpu"));
        assert_eq!(asks_and_takes_cpu(&project), (true, true));

        let project = without_torch();
        set_up_from(&project, &["--cuda"], &indexes.index("cpu"));
        assert_eq!(asks_and_takes_cpu(&project), (false, false));

        for (index, why) in [
            (REFUSES, "refused"),
            (&indexes.index("old"), "has no torch"),
        ] {
            let project = Project::sound();
            let ask = format!(
                "case \"$*\" in *cpu_index.py*) exec {} \"$@\" ;; esac",
                real_python()
            );
            project.stub(".venv/bin/python", &format!("{ask}\n{PYTHON}"));
            let environment = [("FINAL_LAYER_CPU_INDEX", index), ("no_proxy", "127.0.0.1")];
            let output = project.run("scripts/setup", &["--cpu"], &environment);
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{stderr}");
            assert_eq!(stderr.lines().count(), 1, "{stderr}");
            assert!(stderr.starts_with("setup: error: --cpu: "), "{stderr}");
            assert!(stderr.contains(why), "{stderr}");
            // The previous installation is unchanged.
            assert_eq!(set_up_from(&project, &[], REFUSES).lines().count(), 1);
        }
    }

    /// Neither a driver nor its absence nor an index is a reason to replace a sound installation.
    #[test]
    fn a_sound_venv_keeps_its_own() {
        for version in ["2.13.0+cpu", "2.13.0+cu130"] {
            for driver in [false, true] {
                let project = Project::sound();
                project.libtorch(TORCH, version);
                if driver {
                    project.write("proc/driver/nvidia/version", "");
                }
                let said = set_up_from(&project, &[], REFUSES);
                assert_eq!(said.lines().count(), 1, "{said}");
                assert!(said.contains(&format!("torch {version}, ")), "{said}");
                assert!(!project.path("calls").exists());
            }
        }
    }

    /// Another version of the same build.
    #[test]
    fn another_version_keeps_the_build() {
        let project = Project::sound();
        project.libtorch(TORCH, "2.13.0+cpu");
        set_up_from(&project, &["--torch", "2.12.0"], REFUSES);
        let calls = project.read("calls");
        assert!(calls.contains("torch==2.12.0+cpu"), "{calls}");
    }

    #[test]
    fn uv_takes_the_same() {
        let indexes = Indexes::start();
        let project = without_torch();
        project.stub("bin/uv", "echo \"uv $*\" >>calls");
        set_up_from(&project, &[], &indexes.index("cpu"));
        let calls = project.read("calls");
        let index = format!("--index {} torch==2.13.0+cpu", indexes.index("cpu"));
        assert!(calls.contains(&index), "{calls}");
        assert!(calls.contains(" -r .venv/requirements.txt"), "{calls}");
        assert!(!calls.contains("pip install --quiet --disable"), "{calls}");
    }
}

/// With the real pip, from indexes on this machine.
struct Installed<'a> {
    project: Project,
    environment: Vec<(&'a str, String)>,
}

impl Installed<'_> {
    fn new(indexes: &Indexes) -> Self {
        let environment = vec![
            ("PYTHON", real_python()),
            ("PIP_INDEX_URL", indexes.index("simple")),
            ("FINAL_LAYER_CPU_INDEX", indexes.index("cpu")),
            ("PIP_RETRIES", "0".to_owned()),
            ("no_proxy", "127.0.0.1".to_owned()),
        ];
        let project = Project::sound();
        project.remove(".venv");
        Self {
            project,
            environment,
        }
    }

    fn environment(&self) -> Vec<(&str, &str)> {
        let pairs = self.environment.iter();
        pairs.map(|(name, value)| (*name, value.as_str())).collect()
    }

    fn set_up(&self, args: &[&str]) -> String {
        let output = self.project.run("scripts/setup", args, &self.environment());
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        stderr
    }

    /// The folder with the packages.
    fn packages(&self) -> std::path::PathBuf {
        self.project
            .path(".libtorch")
            .canonicalize()
            .unwrap()
            .join("..")
    }

    fn torch(&self) -> String {
        self.project.read(".libtorch/version.py")
    }

    fn requirements(&self) -> String {
        self.project.read(".venv/installed-requirements.txt")
    }
}

const CPU: &str = "__version__ = '2.13.0+cpu'\n";
const CUDA: &str = "__version__ = '2.13.0+cu130'\n";

#[test]
#[ignore = "takes long: cargo test -- --ignored at_length"]
fn another_build_is_installed_and_the_old_one_comes_back_if_it_cannot_be_at_length() {
    let indexes = Indexes::start();
    let mut installed = Installed::new(&indexes);
    let said = installed.set_up(&[]);
    assert!(
        said.contains("torch 2.13.0+cpu and more into .venv (about 1 GB"),
        "{said}"
    );
    assert_eq!(installed.torch(), CPU);
    assert_eq!(
        installed.requirements(),
        "torch==2.13.0+cpu\nnumpy==2.4.6\n"
    );
    // The dependencies of torch come from the other index.
    for name in ["filelock.py", "numpy-2.4.6.dist-info"] {
        let path = installed.packages().join(name);
        assert!(path.exists(), "{name} is missing");
    }
    assert_eq!(installed.set_up(&["--cpu"]).lines().count(), 1);

    installed.environment[1].1 = REFUSES.to_owned();
    let output = installed
        .project
        .run("scripts/setup", &["--cuda"], &installed.environment());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("setup: error: pip cannot install torch"),
        "{stderr}"
    );
    assert!(
        stderr.ends_with("setup: the .venv that was there before is back\n"),
        "{stderr}"
    );
    assert_eq!(installed.torch(), CPU);
    assert_eq!(installed.set_up(&[]).lines().count(), 1);
    // As left by a killed run.
    let old = installed.project.path(".venv.old");
    fs::rename(installed.project.path(".venv"), &old).unwrap();
    fs::create_dir(installed.project.path(".venv")).unwrap();
    installed.set_up(&[]);
    assert_eq!(installed.torch(), CPU);

    installed.environment[1].1 = indexes.index("simple");
    installed.project.write("calls", "");
    installed.set_up(&["--cuda"]);
    assert_eq!(installed.torch(), CUDA);
    assert_eq!(installed.requirements(), "torch==2.13.0\nnumpy==2.4.6\n");
    // Everything linked with the other build is compiled again.
    let calls = "cargo clean --quiet --package torch-sys\n\
                 cargo clean --quiet --release --package torch-sys\n";
    assert_eq!(installed.project.read("calls"), calls);
    assert!(!old.exists());
    assert_eq!(installed.set_up(&[]).lines().count(), 1);
}

type Damage = fn(&Installed);

#[test]
#[ignore = "takes long: cargo test -- --ignored at_length"]
fn only_broken_packages_are_reinstalled_at_length() {
    let indexes = Indexes::start();
    let installed = Installed::new(&indexes);
    installed.set_up(&["--cuda"]);
    let damages: [(&str, Damage); 8] = [
        ("installing torch", |at| {
            fs::remove_file(at.packages().join("torch/lib/libtorch_cpu.so")).unwrap();
        }),
        ("installing torch", |at| {
            fs::write(at.packages().join("torch/version.py"), "").unwrap();
        }),
        ("installing torch", |at| {
            fs::remove_file(at.packages().join("torch-2.13.0.dist-info/RECORD")).unwrap();
        }),
        ("installing torch", |at| {
            fs::remove_dir_all(at.packages().join("torch")).unwrap();
        }),
        ("missing or cut off: filelock==3.0", |at| {
            fs::write(at.packages().join("filelock.py"), "").unwrap();
        }),
        ("missing or cut off: filelock==3.0", |at| {
            fs::remove_dir_all(at.packages().join("filelock-3.0.dist-info")).unwrap();
            fs::remove_file(at.packages().join("filelock.py")).unwrap();
        }),
        ("ready", |at| {
            fs::remove_dir_all(at.packages().join("pip")).unwrap();
        }),
        ("repairing .venv", |at| {
            at.project.remove(".venv/pyvenv.cfg");
            fs::remove_file(at.project.path(".venv/bin/python")).unwrap();
        }),
    ];
    for (expected, damage) in damages {
        let mark = installed.packages().join("a-file-of-the-users-own");
        fs::write(&mark, "").unwrap();
        damage(&installed);
        let said = installed.set_up(&[]);
        assert!(said.contains(expected), "{expected}: {said}");
        assert!(mark.exists(), "{expected}: .venv was made anew");
        assert_eq!(installed.torch(), CUDA, "{expected}");
        let filelock = fs::read_to_string(installed.packages().join("filelock.py"));
        assert_eq!(filelock.unwrap(), "whole = True\n", "{expected}");
        assert!(
            installed
                .packages()
                .join("torch/lib/libtorch_cpu.so")
                .exists()
        );
        assert_eq!(installed.set_up(&[]).lines().count(), 1, "{expected}");
    }
}
