//! Lets the executable find libtorch when it is started directly.

fn main() {
    println!(
        "cargo::rustc-link-arg=-Wl,-rpath,{}",
        std::env::var("DEP_FINAL_LAYER_LIBTORCH_LIB").unwrap()
    );
}
