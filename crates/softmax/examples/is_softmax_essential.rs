use std::process::ExitCode;

fn main() -> ExitCode {
    softmax::experiment::main()
}
