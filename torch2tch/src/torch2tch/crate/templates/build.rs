//! Lets the executable find libtorch when it is started directly.

fn main() {
    println!(
        "cargo::rustc-link-arg=-Wl,-rpath,{}",
        std::env::var("DEP_TORCH_PARITY_LIBTORCH_LIB").unwrap()
    );
}
