use std::process::ExitCode;

fn main() -> ExitCode {
    softmax::page::main()
}
