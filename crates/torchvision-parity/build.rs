//! Lets this package's tests find libtorch without `LD_LIBRARY_PATH`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Not set where there is only documentation to build.
    if let Ok(lib) = std::env::var("DEP_TORCH_PARITY_LIBTORCH_LIB") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{lib}");
    }
}
