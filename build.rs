//! Lets executables find libtorch, tells the code which libtorch it is, and compiles the C++ of
//! `src/torch/native` against it.
//!
//! torch-sys hands the folder of libtorch's libraries on to its direct dependents, as
//! `DEP_TCH_LIBTORCH_LIB`.

use std::path::{Path, PathBuf};
use std::{env, fs};

const NATIVE: [&str; 2] = ["src/torch/native.cpp", "src/torch/native/out.cpp"];
const NATIVE_HEADER: &str = "src/torch/native/common.h";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    // Absent where torch-sys builds documentation only.
    let Ok(lib) = env::var("DEP_TCH_LIBTORCH_LIB") else {
        println!("cargo::rustc-env=FINAL_LAYER_TORCH_VERSION=unknown");
        println!("cargo::rustc-env=FINAL_LAYER_TORCH_LIB=unknown");
        return;
    };
    let root = Path::new(&lib).parent().unwrap_or(Path::new(""));
    let version = torch_version(root).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=FINAL_LAYER_TORCH_VERSION={version}");
    println!("cargo::rustc-env=FINAL_LAYER_TORCH_LIB={lib}");
    // A dependent's build script has it as DEP_FINAL_LAYER_LIBTORCH_LIB.
    println!("cargo::metadata=LIBTORCH_LIB={lib}");
    #[cfg(unix)]
    find_libtorch(&lib);
    compile_native(root);
}

/// Lets executables find libtorch without `LD_LIBRARY_PATH`: those of this package wherever they
/// are started, those of its dependents under `cargo run` and `cargo test`.
#[cfg(unix)]
fn find_libtorch(lib: &str) {
    // The rpath. Cargo gives it to this package's executables alone; a dependent's build script
    // has to say it again.
    println!("cargo::rustc-link-arg=-Wl,-rpath,{lib}");
    // What cargo starts, a dependent's executables too, looks for libraries in the search paths of
    // all build scripts, as far as these lie in the target folder. A link does.
    let link = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("libtorch");
    let _ = fs::remove_file(&link);
    match std::os::unix::fs::symlink(lib, &link) {
        Ok(()) => println!("cargo::rustc-link-search=native={}", link.display()),
        Err(error) => println!("cargo::warning=cannot link {}: {error}", link.display()),
    }
}

/// Compiles our C++ with what torch-sys compiles its own with. It takes about 4 s of processor time. For documentation it is not needed, as nothing is linked.
fn compile_native(root: &Path) {
    for file in NATIVE.iter().chain([&NATIVE_HEADER]) {
        println!("cargo::rerun-if-changed={file}");
    }
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
        .files(NATIVE)
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
