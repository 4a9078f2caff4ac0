//! Memory reuse between steps.

/// Configures the C library to keep the memory that libtorch frees instead of returning it to the
/// system.
///
/// A step frees every intermediate result and allocates the same sizes again. By default glibc
/// returns much of it, and the system clears each page of 4 KiB anew: for a step with convolutions,
/// this is a tenth of the time or more. Buffers of more than 32 MiB, the most that glibc can keep,
/// are returned as before, as is everything beyond 1 GiB.
///
/// Call this when the program starts. It is a no-op without glibc.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: mallopt takes only numbers, refuses those that it does not know, and holds the
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

    /// The number of pages that this thread has been given so far.
    fn pages() -> u64 {
        let about = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let (_, after_name) = about.rsplit_once(')').unwrap();
        let minor_faults = after_name.split_whitespace().nth(7).unwrap();
        minor_faults.parse().unwrap()
    }

    /// By default the second buffer is new memory, as the first one was: 2,048 pages each.
    #[test]
    fn freed_memory_is_reused() {
        keep_freed_memory();
        let fill = || drop(black_box(vec![1u8; 8 << 20]));
        fill();
        let before = pages();
        fill();
        let new = pages() - before;
        assert!(new < 500, "{new} new pages");
    }
}
