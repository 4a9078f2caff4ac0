//! Lets the executables find libtorch as the project's do.

fn main() {
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    let libtorch = std::env::var("LIBTORCH").expect("scripts/fuzz sets LIBTORCH");
    println!("cargo::rustc-link-arg=-Wl,-rpath,{libtorch}/lib");
}
