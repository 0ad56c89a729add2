//! Tokens that are revoked before they expire.

// Log-outs that the issuer tells of.
mod back_channel;
// Lists that cannot be asked, hang, or have to be asked.
mod lists;
// Callers who log out.
mod log_out;
// A list in Redis: pushes, outages, other services.
#[cfg(unix)]
mod redis_list;
// Log-out tokens that come again.
mod replays;
// What this folder's tests share.
mod support;
// Which tokens a revocation ends.
mod tokens;
