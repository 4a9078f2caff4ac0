//! Memory that was freed is kept for the next step.

/// Tells the C library to keep what libtorch frees instead of handing it back to the system.
///
/// A step frees every intermediate result and asks for the same again. By default glibc gives large
/// buffers back at once, and the system clears each page of 4 KiB anew: of a step with convolutions
/// that is a tenth and more of the time. Buffers of more than 32 MiB, the most that glibc takes here,
/// are handed back as before, and so is what there is beyond 1 GiB.
///
/// To be called once, before other threads are started. Does nothing where there is no glibc.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: mallopt takes numbers alone and refuses what it does not know. It must not run
        // beside another call of its own; both are here, one after the other, at the program's
        // start.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20);
            libc::mallopt(libc::M_TRIM_THRESHOLD, 1 << 30);
        }
    }
}
