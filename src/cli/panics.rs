//! A panic ends as an error does: in one line that says where.
//!
//! Most of `tch`'s methods panic where libtorch refuses, with C++'s backtrace in the message; a
//! network's code that calls them with a wrong shape, or without the memory that they need, panics
//! too. The line names the place in the network's file. `RUST_BACKTRACE=1` shows all that there is.

use std::backtrace::Backtrace;
use std::env;
use std::panic::{self, AssertUnwindSafe, Location, PanicHookInfo};

use super::common::say;
use crate::torch::fold;

/// Runs `work`; where it panics, the panic is told in one line on stderr, and there is no result.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    let shows_all = env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if shows_all {
            default(panic);
        }
        say(format_args!("error: {}", line(panic)));
    }));
    // Nothing of what the work leaves behind is looked at again.
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

/// What the panic says, without the Rust and the C++ that `tch` wraps it in.
fn message(text: &str) -> String {
    const UNWRAPPED: &str = "called `Result::unwrap()` on an `Err` value: ";
    let Some(error) = text.strip_prefix(UNWRAPPED) else {
        return fold(text);
    };
    let Some(quoted) = error.strip_prefix("Torch(\"") else {
        return fold(error);
    };
    // As `Debug` writes text.
    let text = quoted.strip_suffix("\")").unwrap_or(quoted);
    let text = text.replace("\\n", "\n").replace("\\t", "\t");
    let line = fold(&text.replace("\\\"", "\"").replace("\\'", "'"));
    match line.as_str() {
        "std::bad_alloc" => format!("not enough memory ({line})"),
        _ => line,
    }
}

/// The file and line that the panic comes from: its own or, where that is a library's, those of
/// the innermost call from a network's code.
fn origin(place: &Location, message: &str) -> Option<String> {
    if !is_librarys(place.file()) {
        return Some(format!("{}:{}", place.file(), place.line()));
    }
    // Where memory is short, to find out from where it is asked for needs more of it.
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

/// The first `file:line` of a backtrace in a file that `is_meant`.
fn caller(trace: &str, is_meant: impl Fn(&str) -> bool) -> Option<String> {
    let places = trace.lines().filter_map(|line| {
        let (place, _column) = line.trim_start().strip_prefix("at ")?.rsplit_once(':')?;
        let (file, line) = place.rsplit_once(':')?;
        Some((file.strip_prefix("./").unwrap_or(file), line))
    });
    let (file, line) = places.into_iter().find(|(file, _)| is_meant(file))?;
    Some(format!("{file}:{line}"))
}

/// Whether a file is the standard library's or a dependency's.
fn is_librarys(file: &str) -> bool {
    file.starts_with("/rustc/") || file.contains("/.cargo/") || file.contains("/registry/src/")
}

/// Whether a file is one of this crate's own that stand under the networks, or this very file.
fn is_torchs(file: &str) -> bool {
    ["crates/torch-parity/src/", "src/cli/panics.rs"]
        .iter()
        .any(|part| file.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libtorchs_words_are_unwrapped() {
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
    fn the_caller_is_the_innermost_of_the_right_files() {
        let trace = "   0: tch::f\n             at /home/me/.cargo/registry/src/x/tch/src/a.rs:1:2\n   \
                     1: own::linear\n             at ./crates/torch-parity/src/nn/linear.rs:3:4\n   2: \
                     own::forward\n             at ./src/networks/mine.rs:56:7\n   3: main\n";
        let own = caller(trace, |file| !is_librarys(file) && !is_torchs(file));
        assert_eq!(own.unwrap(), "src/networks/mine.rs:56");
        assert_eq!(caller(trace, |file| file.contains("nowhere")), None);
    }
}
