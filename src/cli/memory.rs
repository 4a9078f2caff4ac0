//! Memory that was freed is kept for the next step.

/// Tells the C library to keep what libtorch frees instead of handing it back to the system.
///
/// A step frees every intermediate result and asks for the same again. By default glibc gives much of
/// it back, and the system clears each page of 4 KiB anew: of a step with convolutions that is a tenth
/// of the time and more. Buffers of more than 32 MiB, the most that glibc takes here, are handed back
/// as before, and so is what there is beyond 1 GiB.
///
/// To be called at the program's start. Does nothing where there is no glibc.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: mallopt takes numbers alone, refuses those that it does not know, and holds the
        // allocator's lock while it sets one.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20);
            libc::mallopt(libc::M_TRIM_THRESHOLD, 1 << 30);
        }
    }
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use std::hint::black_box;

    use super::*;

    /// How many pages this thread has been given so far.
    fn pages() -> u64 {
        let about = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let (_, after_name) = about.rsplit_once(')').unwrap();
        let minor_faults = after_name.split_whitespace().nth(7).unwrap();
        minor_faults.parse().unwrap()
    }

    /// By default the second buffer is new memory, as the first one was: 2,048 pages each.
    #[test]
    fn the_same_memory_comes_again() {
        keep_freed_memory();
        let fill = || drop(black_box(vec![1u8; 8 << 20]));
        fill();
        let before = pages();
        fill();
        let new = pages() - before;
        assert!(new < 500, "{new} new pages");
    }
}
