//! Lets executables find libtorch, and compiles `src/kernels.cpp` against it. torch-parity reports
//! where libtorch is.

use std::env;

const KERNELS: &str = "src/kernels.cpp";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={KERNELS}");
    // Not set if torch-sys only builds documentation.
    let Ok(lib) = env::var("DEP_TORCH_PARITY_LIBTORCH_LIB") else {
        return;
    };
    // For the build scripts of dependents, as DEP_FINAL_LAYER_LIBTORCH_LIB.
    println!("cargo::metadata=LIBTORCH_LIB={lib}");
    #[cfg(unix)]
    println!("cargo::rustc-link-arg=-Wl,-rpath,{lib}");
    if env::var_os("CARGO_FEATURE_DOC_ONLY").is_none() {
        compile_kernels();
    }
}

/// Compiles our C++ with the settings of torch-parity, in about 2 s of processor time.
fn compile_kernels() {
    let of_torch =
        |name| env::var(format!("DEP_TORCH_PARITY_{name}")).expect("torch-parity sets it");
    let msvc = env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("msvc");
    cc::Build::new()
        .cpp(true)
        .warnings(false)
        .debug(false)
        .opt_level(2)
        .include(of_torch("LIBTORCH_INCLUDE"))
        .include(of_torch("INCLUDE"))
        .flag(if msvc { "/std:c++17" } else { "-std=c++17" })
        .flag_if_supported("-Wno-c++20-extensions")
        .define(
            "_GLIBCXX_USE_CXX11_ABI",
            Some(of_torch("LIBTORCH_CXX11_ABI").as_str()),
        )
        .file(KERNELS)
        .compile("final_layer_kernels");
}
