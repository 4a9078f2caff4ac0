//! Lets executables find libtorch, says which libtorch it is, and compiles `src/native.cpp`
//! against it.
//!
//! torch-sys hands the folder of libtorch's libraries on to its direct dependents, as
//! `DEP_TCH_LIBTORCH_LIB`. This crate's own direct dependents have what they need to compile C++
//! against the same libtorch, and with `src/native.h`, as `DEP_TORCH_PARITY_…`:
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
    // Absent where torch-sys builds documentation only.
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

/// Lets executables find libtorch without `LD_LIBRARY_PATH`: the tests of this package wherever they
/// are started, the executables of its dependents under `cargo run` and `cargo test`.
#[cfg(unix)]
fn find_libtorch(lib: &str) {
    // Cargo gives the rpath to this package's executables alone; a dependent's build script has to
    // repeat it.
    println!("cargo::rustc-link-arg=-Wl,-rpath,{lib}");
    // An executable that cargo starts, a dependent's too, finds libraries in the search paths of all
    // build scripts, as far as these lie in the target folder. A link does.
    let link = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("libtorch");
    let _ = fs::remove_file(&link);
    match std::os::unix::fs::symlink(lib, &link) {
        Ok(()) => println!("cargo::rustc-link-search=native={}", link.display()),
        Err(error) => println!("cargo::warning=cannot link {}: {error}", link.display()),
    }
}

/// Compiles our C++ with the settings that torch-sys compiles its own with, in about 2 s of
/// processor time. Documentation does not need it, as nothing is linked.
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
    // If Python is asked for libtorch, torch-sys takes no headers and no ABI from elsewhere.
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
        // Debug information would double the time; at -O0 the calls in training would be slow.
        .debug(false)
        .opt_level(2)
        .include(headers)
        .flag(if msvc { "/std:c++17" } else { "-std=c++17" })
        .flag_if_supported("-Wno-c++20-extensions")
        .define("_GLIBCXX_USE_CXX11_ABI", Some(abi.as_str()))
        .file(NATIVE[0])
        .compile("torch_parity_native");
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
