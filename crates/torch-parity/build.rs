//! Lets executables find libtorch, reports its version, and compiles `src/native.cpp` against it.
//!
//! torch-sys passes the folder of libtorch's libraries to its direct dependents, as
//! `DEP_TCH_LIBTORCH_LIB`. This crate passes everything that is needed to compile C++ against the
//! same libtorch and `src/native.h` to its own direct dependents, as `DEP_TORCH_PARITY_…`:
//!
//! | variable | value |
//! | --- | --- |
//! | `LIBTORCH_LIB` | the folder of the shared libraries, for an rpath |
//! | `LIBTORCH_INCLUDE` | the folder of the headers |
//! | `LIBTORCH_CXX11_ABI` | the value of `_GLIBCXX_USE_CXX11_ABI` |
//! | `INCLUDE` | the folder of `native.h` |

use std::path::{Path, PathBuf};
use std::{env, fs};

const NATIVE: [&str; 2] = ["src/native.cpp", "src/native.h"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    // Not set if torch-sys only builds documentation.
    let Ok(lib) = env::var("DEP_TCH_LIBTORCH_LIB") else {
        println!("cargo::rustc-env=TORCH_PARITY_LIBTORCH_VERSION=unknown");
        return;
    };
    let root = Path::new(&lib).parent().unwrap_or(Path::new(""));
    let version = torch_version(root).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=TORCH_PARITY_LIBTORCH_VERSION={version}");
    println!("cargo::metadata=LIBTORCH_LIB={lib}");
    #[cfg(unix)]
    find_libtorch(&lib);
    compile_native(root);
}

/// Lets executables find libtorch without `LD_LIBRARY_PATH`: this package's tests however they are
/// started, and the executables of dependents under `cargo run` and `cargo test`.
#[cfg(unix)]
fn find_libtorch(lib: &str) {
    // Cargo applies the rpath only to this package's executables; a dependent's build script must
    // repeat it.
    println!("cargo::rustc-link-arg=-Wl,-rpath,{lib}");
    // Executables that cargo starts, also a dependent's, search the library paths of all build
    // scripts that lie in the target folder. A symbolic link there is enough.
    let link = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("libtorch");
    let _ = fs::remove_file(&link);
    match std::os::unix::fs::symlink(lib, &link) {
        Ok(()) => println!("cargo::rustc-link-search=native={}", link.display()),
        Err(error) => println!("cargo::warning=cannot link {}: {error}", link.display()),
    }
}

/// Compiles our C++ with the settings of torch-sys, in about 2 s of processor time. Skipped for
/// documentation, where nothing is linked.
fn compile_native(root: &Path) {
    for file in NATIVE {
        println!("cargo::rerun-if-changed={file}");
    }
    for name in [
        "LIBTORCH_USE_PYTORCH",
        "LIBTORCH_INCLUDE",
        "LIBTORCH_CXX11_ABI",
    ] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    // With Python's libtorch, torch-sys ignores headers and ABI set elsewhere.
    let from_python = env::var_os("LIBTORCH_USE_PYTORCH").is_some();
    let setting = |name| env::var(name).ok().filter(|_| !from_python);
    let headers = setting("LIBTORCH_INCLUDE").map_or_else(|| root.to_owned(), PathBuf::from);
    let headers = headers.join("include");
    let abi = setting("LIBTORCH_CXX11_ABI").unwrap_or_else(|| "1".to_owned());
    let native = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("src");
    println!("cargo::metadata=LIBTORCH_INCLUDE={}", headers.display());
    println!("cargo::metadata=LIBTORCH_CXX11_ABI={abi}");
    println!("cargo::metadata=INCLUDE={}", native.display());
    if env::var_os("CARGO_FEATURE_DOC_ONLY").is_some() {
        return;
    }
    let msvc = env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("msvc");
    cc::Build::new()
        .cpp(true)
        .warnings(false)
        // Debug information would double the time; at -O0 the calls during training would be slow.
        .debug(false)
        .opt_level(2)
        .include(headers)
        .flag(if msvc { "/std:c++17" } else { "-std=c++17" })
        .flag_if_supported("-Wno-c++20-extensions")
        .define("_GLIBCXX_USE_CXX11_ABI", Some(abi.as_str()))
        .file(NATIVE[0])
        .compile("torch_parity_native");
}

/// The version as in `torch.__version__`, from the file in the Python package (`version.py`) or in
/// the libtorch archive (`build-version`).
fn torch_version(root: &Path) -> Option<String> {
    if let Some(text) = read_and_watch(&root.join("version.py")) {
        let line = text.lines().find(|line| line.starts_with("__version__"))?;
        return line.split('\'').nth(1).map(str::to_owned);
    }
    let text = read_and_watch(&root.join("build-version"))?;
    Some(text.trim().to_owned())
}

/// The text of a file, if it exists. A missing file must not be watched: cargo counts it as
/// changed, and every command would compile this crate again.
fn read_and_watch(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    println!("cargo::rerun-if-changed={}", path.display());
    Some(text)
}
