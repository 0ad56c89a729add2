//! What this process has in memory.

/// Resident bytes; 0 where the system does not tell.
pub(crate) fn resident() -> u64 {
    of("VmRSS:")
}

/// The most resident bytes since [`forget_peak`], or the start.
#[allow(dead_code, reason = "not of every bench")]
pub(crate) fn peak() -> u64 {
    of("VmHWM:")
}

/// Has [`peak`] begin anew.
#[allow(dead_code, reason = "not of every bench")]
pub(crate) fn forget_peak() {
    // `proc_pid_clear_refs(5)`. Where it is not allowed, the peak is that of the whole run.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn of(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}
