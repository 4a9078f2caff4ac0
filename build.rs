//! Lets the executables find libtorch by themselves, tells the code which libtorch it is, and
//! compiles the one C++ file, `src/torch/native.cpp`, against it.
//!
//! torch-sys hands the folder of libtorch's libraries on to its direct dependents as
//! `DEP_TCH_LIBTORCH_LIB`. Written into each executable as its rpath, it makes `LD_LIBRARY_PATH`
//! unnecessary.

use std::path::{Path, PathBuf};
use std::{env, fs};

const NATIVE: &str = "src/torch/native.cpp";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    // Absent where torch-sys builds documentation only.
    let Ok(lib) = env::var("DEP_TCH_LIBTORCH_LIB") else {
        println!("cargo::rustc-env=FINAL_LAYER_TORCH_VERSION=unknown");
        println!("cargo::rustc-env=FINAL_LAYER_TORCH_LIB=unknown");
        return;
    };
    if env::var("CARGO_CFG_TARGET_FAMILY").as_deref() == Ok("unix") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{lib}");
    }
    let root = Path::new(&lib).parent().unwrap_or(Path::new(""));
    let version = torch_version(root).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=FINAL_LAYER_TORCH_VERSION={version}");
    println!("cargo::rustc-env=FINAL_LAYER_TORCH_LIB={lib}");
    compile_native(root);
}

/// Compiles `src/torch/native.cpp` with what torch-sys compiles its own C++ with. It takes about
/// 2 s of processor time. For documentation it is not needed, as nothing is linked.
fn compile_native(root: &Path) {
    println!("cargo::rerun-if-changed={NATIVE}");
    for name in [
        "LIBTORCH_USE_PYTORCH",
        "LIBTORCH_INCLUDE",
        "LIBTORCH_CXX11_ABI",
    ] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    if env::var_os("CARGO_FEATURE_DOC_ONLY").is_some() {
        return;
    }
    // Where Python is asked for libtorch, torch-sys takes no headers and no ABI from elsewhere.
    let from_python = env::var_os("LIBTORCH_USE_PYTORCH").is_some();
    let setting = |name| env::var(name).ok().filter(|_| !from_python);
    let headers = setting("LIBTORCH_INCLUDE").map_or_else(|| root.to_owned(), PathBuf::from);
    let abi = setting("LIBTORCH_CXX11_ABI").unwrap_or_else(|| "1".to_owned());
    let msvc = env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("msvc");
    cc::Build::new()
        .cpp(true)
        .warnings(false)
        // Debug information would double the time; at -O0 the calls in training would be slow.
        .debug(false)
        .opt_level(2)
        .include(headers.join("include"))
        .flag(if msvc { "/std:c++17" } else { "-std=c++17" })
        .flag_if_supported("-Wno-c++20-extensions")
        .define("_GLIBCXX_USE_CXX11_ABI", Some(abi.as_str()))
        .file(NATIVE)
        .compile("final_layer_native");
}

/// The version as `torch.__version__` has it, from the file that the Python package
/// (`version.py`) or the libtorch archive (`build-version`) carries.
fn torch_version(root: &Path) -> Option<String> {
    if let Some(text) = read_and_watch(&root.join("version.py")) {
        let line = text.lines().find(|line| line.starts_with("__version__"))?;
        return line.split('\'').nth(1).map(str::to_owned);
    }
    let text = read_and_watch(&root.join("build-version"))?;
    Some(text.trim().to_owned())
}

/// The text of a file, if it is there. A missing file must not be watched: to cargo it has always
/// changed, and every command would compile this crate again.
fn read_and_watch(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    println!("cargo::rerun-if-changed={}", path.display());
    Some(text)
}
