//! Lets the executables find libtorch by themselves, and tells the code which libtorch it is.
//!
//! torch-sys hands the folder of libtorch's libraries on to its direct dependents as
//! `DEP_TCH_LIBTORCH_LIB`. Written into each executable as its rpath, it makes `LD_LIBRARY_PATH`
//! unnecessary.

use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    // Absent where torch-sys builds documentation only.
    let Ok(lib) = env::var("DEP_TCH_LIBTORCH_LIB") else {
        println!("cargo::rustc-env=FINAL_LAYER_TORCH_VERSION=unknown");
        return;
    };
    if env::var("CARGO_CFG_TARGET_FAMILY").as_deref() == Ok("unix") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{lib}");
    }
    let root = Path::new(&lib).parent().unwrap_or(Path::new(""));
    let version = torch_version(root).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=FINAL_LAYER_TORCH_VERSION={version}");
}

/// The version as `torch.__version__` has it, from the file that the Python package
/// (`version.py`) or the libtorch archive (`build-version`) carries.
fn torch_version(root: &Path) -> Option<String> {
    for name in ["version.py", "build-version"] {
        println!("cargo::rerun-if-changed={}", root.join(name).display());
    }
    if let Ok(text) = fs::read_to_string(root.join("version.py")) {
        let line = text.lines().find(|line| line.starts_with("__version__"))?;
        return line.split('\'').nth(1).map(str::to_owned);
    }
    let text = fs::read_to_string(root.join("build-version")).ok()?;
    Some(text.trim().to_owned())
}
