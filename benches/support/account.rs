//! What the kernel keeps of a thread and of this process. Linux only.

/// Nanoseconds that a thread has run; `account` is its `schedstat` in `/proc`.
pub(crate) fn spent(account: &str) -> f64 {
    // The kernel brings the account of a thread that runs up to date at a tick, or when it gives way.
    std::thread::yield_now();
    let account = std::fs::read_to_string(account).expect("the thread runs");
    account.split(' ').next().and_then(|spent| spent.parse().ok()).expect("a number")
}

/// The file of the calling thread that [`spent`] reads.
pub(crate) fn account() -> String {
    format!("/proc/{}/schedstat", std::fs::read_link("/proc/thread-self").expect("Linux").display())
}
