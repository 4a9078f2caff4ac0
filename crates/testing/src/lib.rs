//! Helpers shared by the tests of this workspace: paths, and running programs.

pub mod damage;
pub mod files;
mod python_server;

pub use python_server::Ran;

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tch::{Kind, Tensor};

pub const NETWORKS: [&str; 3] = [
    "digit_classifier",
    "house_price_predictor",
    "binary_classifier",
];

/// A path in the project.
pub fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("this crate lies in crates/")
        .join(path)
}

/// The folder of the examples of the package under test, built from the current sources.
///
/// Plain `cargo test` has built them; `cargo test --test NAME` has not.
pub fn examples() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build_examples).clone()
}

/// Builds the examples with the profile and in the folder of the running test; takes a third of a
/// second if they are up to date.
fn build_examples() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    let folder = test.ancestors().nth(2).expect("target/<profile>/deps");
    let target = folder.parent().expect("target/<profile>");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(root(""))
        .args(["build", "--quiet", "--examples", "--target-dir"])
        .arg(target);
    if folder.ends_with("release") {
        command.arg("--release");
    }
    let status = command.status().expect("cargo runs, as it runs this test");
    assert!(
        status.success(),
        "cargo build --examples fails; it says why above"
    );
    folder.join("examples")
}

/// A command that runs an example.
pub fn example(name: &str) -> Command {
    Command::new(examples().join(name))
}

/// The folder of libtorch that cargo uses for builds and runs; its libraries are in `lib/`.
pub fn libtorch() -> PathBuf {
    std::env::var_os("LIBTORCH")
        .expect(".cargo/config.toml sets it")
        .into()
}

/// A command that runs a module of the package torch2tch with the Python installed by `scripts/setup`:
/// `python_module("torch2tch.reference.train")`.
pub fn python_module(module: &str) -> Command {
    let mut command = python_itself();
    command.args(["-m", module]);
    command
}

/// A command that runs a script of the project with the Python installed by `scripts/setup`.
pub fn python(script: &str) -> Command {
    let mut command = python_itself();
    command.arg(root(script));
    command
}

fn python_itself() -> Command {
    let python = root(".venv/bin/python");
    assert!(
        python.exists(),
        "there is no .venv yet: run scripts/setup first"
    );
    Command::new(python)
}

pub fn run(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"))
}

/// Runs a command that must succeed; returns its stdout.
pub fn stdout(command: &mut Command) -> String {
    let output = run(command);
    assert!(
        output.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8 on stdout")
}

/// Runs a command that must fail with exit code 1 and one line on stderr besides notes; returns
/// that line.
pub fn refusal(command: &mut Command) -> String {
    let output = run(command);
    let stderr = String::from_utf8(output.stderr).expect("UTF-8 on stderr");
    assert_eq!(output.status.code(), Some(1), "{command:?}: {stderr}");
    let lines = stderr.lines().filter(|line| !line.starts_with("note: "));
    let [line] = lines.collect::<Vec<_>>()[..] else {
        panic!("not one line: {stderr}");
    };
    assert!(line.starts_with("error: "), "{stderr}");
    assert!(output.stdout.is_empty(), "a refusal prints no result");
    line.to_owned()
}

/// Runs a script of Python code with arguments, in a process that has imported torch already;
/// returns its exit code and what it printed.
pub fn python_ran(script: &str, args: &[&OsStr]) -> Ran {
    python_server::run(script, args)
}

/// Runs the program behind `scripts/compare.py` and its kin, such as `compare --train FOLDER`.
pub fn torch2tch(args: &[&OsStr]) -> Ran {
    python_ran("torch2tch/bin/torch2tch", args)
}

/// Runs `scripts/compare_traces.py` on two files; returns its exit code and what it printed.
pub fn compare_traces(left: &Path, right: &Path) -> Ran {
    torch2tch(&["compare-traces".as_ref(), left.as_ref(), right.as_ref()])
}

/// Runs a script of Python code with arguments; returns its stdout.
pub fn python_code(script: &str, args: &[&OsStr]) -> String {
    let ran = python_ran(script, args);
    assert_eq!(ran.code, 0, "{script} {args:?} failed: {}", ran.stderr);
    ran.stdout
}

/// Returns true if two tensors have the same shape, dtype and bits: 0.0 and -0.0 differ.
pub fn same_bits(a: &Tensor, b: &Tensor) -> bool {
    let bits = |tensor: &Tensor| match tensor.kind() {
        Kind::Float => tensor.view_dtype(Kind::Int),
        Kind::Double => tensor.view_dtype(Kind::Int64),
        _ => tensor.shallow_clone(),
    };
    a.kind() == b.kind() && a.size() == b.size() && bits(a).equal(&bits(b))
}

/// Locks the global random generator, which only one test may use at a time.
pub fn lock_generator() -> MutexGuard<'static, ()> {
    static GENERATOR: Mutex<()> = Mutex::new(());
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `run` on one thread, with exclusive use of the global random generator.
pub fn on_one_thread<R>(run: impl FnOnce() -> R) -> R {
    on_threads(1, run)
}

/// Runs `run` on `count` threads, with exclusive use of the global random generator.
pub fn on_threads<R>(count: i32, run: impl FnOnce() -> R) -> R {
    let _generator = lock_generator();
    let threads = tch::get_num_threads();
    tch::set_num_threads(count);
    let result = run();
    tch::set_num_threads(threads);
    result
}

/// Writes an executable file from another process. If this process had the file open for writing
/// while it starts another process, that process would keep it open for a moment, and the file
/// would be "busy".
pub fn write_executable(path: &Path, content: &[u8]) {
    let mut writer = Command::new("sh")
        .args(["-c", "cat >\"$0\" && chmod 755 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    writer.stdin.take().unwrap().write_all(content).unwrap();
    assert!(writer.wait().unwrap().success(), "cannot write {path:?}");
}

/// Returns true if a measured cell of a table agrees, except for the values of numbers after
/// `≈`.
pub fn agree(told: &str, measured: &str) -> bool {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let (told, measured) = (words(told), words(measured));
    let alike = |(a, b): (&String, &String)| a == b || is_about(a) && is_about(b);
    told.len() == measured.len() && told.iter().zip(&measured).all(alike)
}

/// Returns true for a word such as `≈3e-8,`.
fn is_about(word: &str) -> bool {
    let number = word.strip_prefix('≈').unwrap_or_default();
    let number = number.trim_end_matches([',', ';']).parse();
    number.is_ok_and(f64::is_finite)
}
