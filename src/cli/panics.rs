//! Panics, reported like errors: in one line that names the place.
//!
//! Most of `tch`'s methods panic if libtorch returns an error, with the C++ backtrace in the
//! message. So a network's code panics if it calls them with a wrong shape or without enough
//! memory. The line names the place in the network's file. `RUST_BACKTRACE=1` shows the full panic.

use std::backtrace::Backtrace;
use std::env;
use std::panic::{self, AssertUnwindSafe, Location, PanicHookInfo};

use super::common::say;
use crate::torch::fold;

/// Runs `work`. If it panics, prints the panic in one line on stderr and returns `None`.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    let shows_all = env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if shows_all {
            default(panic);
        }
        say(format_args!("error: {}", line(panic)));
    }));
    // State that the panic left inconsistent is not used again.
    panic::catch_unwind(AssertUnwindSafe(work)).ok()
}

fn line(panic: &PanicHookInfo) -> String {
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let message = message(text.unwrap_or("no message"));
    match panic.location().and_then(|place| origin(place, &message)) {
        Some(place) => format!("{place}: {message}"),
        None => message,
    }
}

/// The panic's message, without the Rust and C++ in which `tch` wraps it.
fn message(text: &str) -> String {
    const UNWRAPPED: &str = "called `Result::unwrap()` on an `Err` value: ";
    let Some(error) = text.strip_prefix(UNWRAPPED) else {
        return fold(text);
    };
    let Some(quoted) = error.strip_prefix("Torch(\"") else {
        return fold(error);
    };
    // Escaped, as `Debug` writes text.
    let text = quoted.strip_suffix("\")").unwrap_or(quoted);
    let text = text.replace("\\n", "\n").replace("\\t", "\t");
    let line = fold(&text.replace("\\\"", "\"").replace("\\'", "'"));
    match line.as_str() {
        "std::bad_alloc" => format!("not enough memory ({line})"),
        _ => line,
    }
}

/// The file and line of the panic: its own or, if that is in a library, that of the innermost call
/// from a network's code.
fn origin(place: &Location, message: &str) -> Option<String> {
    if !is_librarys(place.file()) {
        return Some(format!("{}:{}", place.file(), place.line()));
    }
    // If memory is short, taking a backtrace needs more of it.
    if ["allocate memory", "bad_alloc"]
        .iter()
        .any(|sign| message.contains(sign))
    {
        return None;
    }
    let trace = Backtrace::force_capture().to_string();
    let own = caller(&trace, |file| !is_librarys(file) && !is_torchs(file));
    own.or_else(|| caller(&trace, |file| !is_librarys(file)))
        .or_else(|| Some(format!("{}:{}", place.file(), place.line())))
}

/// The first `file:line` of a backtrace for which `is_meant` is true of the file.
fn caller(trace: &str, is_meant: impl Fn(&str) -> bool) -> Option<String> {
    let places = trace.lines().filter_map(|line| {
        let (place, _column) = line.trim_start().strip_prefix("at ")?.rsplit_once(':')?;
        let (file, line) = place.rsplit_once(':')?;
        Some((file.strip_prefix("./").unwrap_or(file), line))
    });
    let (file, line) = places.into_iter().find(|(file, _)| is_meant(file))?;
    Some(format!("{file}:{line}"))
}

/// Returns true if a file belongs to the standard library or a dependency.
fn is_librarys(file: &str) -> bool {
    file.starts_with("/rustc/") || file.contains("/.cargo/") || file.contains("/registry/src/")
}

/// Returns true if a file belongs to torch-parity or is this very file.
fn is_torchs(file: &str) -> bool {
    ["crates/torch-parity/src/", "src/cli/panics.rs"]
        .iter()
        .any(|part| file.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_libtorch_are_unwrapped() {
        let text = "called `Result::unwrap()` on an `Err` value: Torch(\"a \\\"b\\\" (1x2 and \
                    3x4)\\nException raised from addmm at x.cpp:1 (most recent call first):\\nf\")";
        assert_eq!(message(text), "a \"b\" (1x2 and 3x4)");
        assert_eq!(message("index out\nof bounds"), "index out of bounds");
        let text = "called `Result::unwrap()` on an `Err` value: NotFound";
        assert_eq!(message(text), "NotFound");
        let text = "called `Result::unwrap()` on an `Err` value: Torch(\"std::bad_alloc\")";
        assert_eq!(message(text), "not enough memory (std::bad_alloc)");
    }

    #[test]
    fn the_caller_is_the_innermost_call_from_a_network() {
        let trace = "   0: tch::f\n             at /home/me/.cargo/registry/src/x/tch/src/a.rs:1:2\n   \
                     1: own::linear\n             at ./crates/torch-parity/src/nn/linear.rs:3:4\n   2: \
                     own::forward\n             at ./src/networks/mine.rs:56:7\n   3: main\n";
        let own = caller(trace, |file| !is_librarys(file) && !is_torchs(file));
        assert_eq!(own.unwrap(), "src/networks/mine.rs:56");
        assert_eq!(caller(trace, |file| file.contains("nowhere")), None);
    }
}
