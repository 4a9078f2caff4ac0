//! A crate elsewhere that depends on this one, by path, by git and as a package: it builds, finds
//! libtorch and prints Python's bits.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use testing::{python_code, root, stdout};

const PROGRAM: &str = r#"
use torch_parity::{nn, nn::Module};
use tch::{Device, Kind, Tensor, no_grad};

fn main() {
    tch::manual_seed(0);
    let vs = nn::VarStore::new(Device::Cpu);
    let fc = nn::linear(vs.root() / "fc", 10, 1, Default::default());
    let x = Tensor::ones([1, 10], (Kind::Float, Device::Cpu));
    let y = no_grad(|| fc.forward(&x));
    println!("{:08x}", f32::try_from(y.squeeze()).unwrap().to_bits());
}
"#;

/// The build script in docs/as-a-dependency.md.
const BUILD_SCRIPT: &str = r#"fn main() {
    println!("cargo::rustc-link-arg=-Wl,-rpath,{}", std::env::var("DEP_TORCH_PARITY_LIBTORCH_LIB").unwrap());
}
"#;

#[test]
#[ignore = "compiles torch-sys at first, for minutes: cargo test -- --ignored a_crate_elsewhere"]
fn a_crate_elsewhere_finds_libtorch_and_has_pythons_bits() {
    let bits = python_code("crates/torch-parity/tests/python/linear_bits.py", &[]);
    for source in [
        by_path(&root("crates/torch-parity")),
        by_git(),
        by_package(),
    ] {
        let dependent = Dependent::new(&source);
        // The dependency alone is enough for executables started by cargo.
        assert_eq!(stdout(&mut dependent.cargo("run")), bits, "{source}");
        // A build script of one line is enough for executables started directly.
        dependent.write("build.rs", BUILD_SCRIPT);
        stdout(&mut dependent.cargo("build"));
        assert_eq!(stdout(&mut dependent.executable()), bits, "{source}");
    }
}

#[test]
fn the_documentation_has_this_build_script() {
    let page = fs::read_to_string(root("docs/as-a-dependency.md")).unwrap();
    assert!(page.contains(BUILD_SCRIPT));
}

/// A folder, as written in Cargo.toml.
fn by_path(folder: &Path) -> String {
    format!("path = {folder:?}")
}

/// A repository with the files of this checkout in their current state. The same files give the
/// same commit, which cargo need not compile again.
fn by_git() -> String {
    let repository = kept("repository.git");
    let _ = fs::remove_dir_all(&repository);
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        for when in ["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"] {
            git.env(when, "2000-01-01T00:00:00Z");
        }
        for who in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{who}_NAME"), "test");
            git.env(format!("GIT_{who}_EMAIL"), "test@localhost");
        }
        git.env("GIT_DIR", &repository);
        git.env("GIT_WORK_TREE", root("")).current_dir(root(""));
        stdout(git.args(args))
    };
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--no-verify", "--message=as it is"]);
    format!("git = \"file://{}\"", repository.display())
}

/// The unpacked contents of `cargo package`, which must include all sources of the library.
fn by_package() -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "package",
        "--package=torch-parity",
        "--quiet",
        "--no-verify",
        "--allow-dirty",
        "--target-dir",
    ]);
    stdout(cargo.arg(kept("target")).current_dir(root("")));
    let name = concat!("torch-parity-", env!("CARGO_PKG_VERSION"));
    let archive = kept("target/package").join(format!("{name}.crate"));
    let folder = kept("unpacked");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    // All files of a package have the same modification time, so cargo would not notice a change.
    let mut tar = Command::new("tar");
    stdout(tar.arg("-xmf").arg(archive).arg("-C").arg(&folder));
    by_path(&folder.join(name))
}

/// A path under target/ that is kept between test runs.
fn kept(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dependent");
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

/// A crate in a temporary folder, outside the scope of this project's .cargo/config.toml.
struct Dependent(TempDir);

impl Dependent {
    fn new(source: &str) -> Self {
        let dependent = Self(tempfile::tempdir().unwrap());
        fs::create_dir(dependent.0.path().join("src")).unwrap();
        dependent.write("src/main.rs", PROGRAM);
        let manifest = format!(
            "package = {{ name = \"dependent\", edition = \"2024\" }}\n\
             profile.dev.debug = false\n\
             [dependencies]\n\
             torch-parity = {{ {source} }}\n\
             tch = \"*\"\n"
        );
        dependent.write("Cargo.toml", &manifest);
        // The versions with which the project is tested; cargo drops those that are not needed.
        let locked = fs::read_to_string(root("Cargo.lock")).unwrap();
        dependent.write("Cargo.lock", &locked);
        dependent
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.0.path().join(path), text).unwrap();
    }

    fn cargo(&self, command: &str) -> Command {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args([command, "--quiet"]);
        // The same path as in a crate written by port.py: with another one, cargo would compile
        // torch-sys again.
        cargo.env("LIBTORCH", testing::libtorch().canonicalize().unwrap());
        cargo.env("CARGO_TARGET_DIR", kept("target"));
        cargo.env_remove("LD_LIBRARY_PATH");
        cargo.current_dir(&self.0);
        cargo
    }

    fn executable(&self) -> Command {
        let mut executable = Command::new(kept("target").join("debug/dependent"));
        executable.env_remove("LD_LIBRARY_PATH");
        executable
    }
}
