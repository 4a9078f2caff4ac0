//! `scripts/setup`: what it changes, and where something is missing, one line that says what.

use crate::doctor::Project;
use crate::download::Served;
use testing::root;

/// Runs `scripts/setup` where it has to refuse; returns its last line.
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

/// Runs `scripts/setup` where it has to succeed; returns what it said.
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
        said.starts_with("setup: ready: .libtorch -> .venv/"),
        "{said}"
    );
    assert!(!project.path("calls").exists(), "{}", project.read("calls"));
}

#[test]
fn another_torch_takes_its_tch_along() {
    for (torch, tch) in [("2.11.0", "0.24.0"), ("2.12.0", "0.24.0")] {
        let project = Project::sound();
        set_up(&project, &["--torch", torch]);
        let calls = project.read("calls");
        let [moved, installed] = calls.lines().collect::<Vec<_>>()[..] else {
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
    let cases: [(&[&str], &str); 5] = [
        (&["--torch", "2.10.0"], "expected 2.11.0, 2.12.0 or 2.13.0"),
        (&["--torch="], "expected 2.11.0, 2.12.0 or 2.13.0"),
        (&["--torch"], "expected a version after it"),
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
fn what_cannot_be_installed_is_refused() {
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
        "case \"$*\" in *pip*) exit 1 ;; *) echo 3.11.7 ;; esac",
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

/// With the real pip, from an index on this machine: torch without CUDA and back.
#[test]
fn a_torch_without_cuda_comes_from_an_index_of_its_own() {
    let mut server = Served::start("tests/python/serve_index.py", &[]);
    let port = server.line();
    let index = |name: &str| format!("http://127.0.0.1:{port}/{name}");
    let python = std::fs::canonicalize(root(".venv/bin/python")).unwrap();
    let (simple, cpu) = (index("simple"), index("cpu"));
    let environment = [
        ("PYTHON", python.to_str().unwrap()),
        ("PIP_INDEX_URL", &simple),
        ("FINAL_LAYER_CPU_INDEX", &cpu),
        ("PIP_RETRIES", "0"),
        ("no_proxy", "127.0.0.1"),
    ];
    let project = Project::sound();
    project.remove(".venv");
    let run = |args: &[&str]| {
        let output = project.run("scripts/setup", args, &environment);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        stderr
    };
    let torch = || project.read(".libtorch/version.py");

    let said = run(&["--cpu"]);
    assert!(
        said.contains("torch 2.13.0+cpu and more into .venv (about 1 GB"),
        "{said}"
    );
    assert_eq!(torch(), "__version__ = '2.13.0+cpu'\n");
    let installed = || project.read(".venv/installed-requirements.txt");
    assert_eq!(installed(), "torch==2.13.0+cpu\nnumpy==2.4.6\n");
    // What torch needs comes from the other index.
    let packages = project.path(".libtorch").join("..");
    for name in ["filelock.py", "numpy-2.4.6.dist-info"] {
        assert!(packages.join(name).exists(), "{name} is missing");
    }
    assert_eq!(
        run(&["--cpu"]).lines().count(),
        1,
        "a second run changes something"
    );
    assert!(!project.path("calls").exists());

    // Plain setup goes back; what was linked without CUDA is compiled again.
    run(&[]);
    assert_eq!(torch(), "__version__ = '2.13.0+cu130'\n");
    assert_eq!(installed(), "torch==2.13.0\nnumpy==2.4.6\n");
    let calls = "cargo clean --quiet --package torch-sys\n\
                 cargo clean --quiet --release --package torch-sys\n";
    assert_eq!(project.read("calls"), calls);

    drop(server);
    let line = refuse(&project, &["--cpu"], &environment);
    assert!(
        line.contains("pip cannot install torch; check network"),
        "{line}"
    );
    assert!(!project.path(".venv/installed-requirements.txt").exists());
}
