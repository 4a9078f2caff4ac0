//! Lets the executable find libtorch where it is started by itself.

fn main() {
    println!(
        "cargo::rustc-link-arg=-Wl,-rpath,{}",
        std::env::var("DEP_TORCH_PARITY_LIBTORCH_LIB").unwrap()
    );
}
