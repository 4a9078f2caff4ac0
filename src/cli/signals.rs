//! The signals that request the end of training, and the one sent when a file grows too large.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::Result;
#[cfg(unix)]
use signal_hook::consts::SIGHUP;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Sent by a person, a terminal that closes, or a system that shuts down.
const REQUESTS: &[i32] = &[
    SIGINT,
    SIGTERM,
    #[cfg(unix)]
    SIGHUP,
];

/// The signal, if any, by which the process was asked to end.
#[derive(Debug)]
pub(super) struct Interrupts {
    has_come: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Interrupts {
    /// Starts listening. A second signal ends the process at once. A signal that the process was
    /// started to ignore, as by `nohup`, stays ignored.
    pub fn listen() -> Result<Self> {
        let has_come = Arc::new(AtomicBool::new(false));
        let came = Arc::new(AtomicUsize::new(0));
        for &signal in REQUESTS.iter().filter(|&&signal| !is_ignored(signal)) {
            // In this order: the first handler checks whether the others have seen a signal before.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&has_come))?;
            flag::register_usize(signal, Arc::clone(&came), signal as usize)?;
            flag::register(signal, Arc::clone(&has_come))?;
        }
        let signal = came;
        Ok(Self { has_come, signal })
    }

    /// Returns true if a signal has arrived.
    pub fn has_come(&self) -> bool {
        self.has_come.load(Ordering::SeqCst)
    }

    /// The exit code of a process that the signal ended: 128 + its number.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(128 + self.signal.load(Ordering::SeqCst) as u8)
    }
}

/// Turns a file's growth beyond the process's limit into an error of the write, which would
/// otherwise end the process.
pub(super) fn survive_large_files() {
    #[cfg(unix)]
    // The arrival of the signal does not matter, since the write reports the error. If registering
    // fails, the default action stays in force.
    let _ = flag::register(libc::SIGXFSZ, Arc::default());
}

#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    // SAFETY: zeros are a valid `sigaction`, a struct of integers, flags and an optional function.
    // Without a new action (null), the call changes nothing; it writes the present action into the
    // struct behind the other pointer, which is valid and of the right type.
    let action = unsafe {
        let mut action = std::mem::zeroed::<libc::sigaction>();
        match libc::sigaction(signal, std::ptr::null(), &mut action) {
            0 => action,
            _ => return false,
        }
    };
    action.sa_sigaction == libc::SIG_IGN
}

#[cfg(not(unix))]
fn is_ignored(_: i32) -> bool {
    false
}
