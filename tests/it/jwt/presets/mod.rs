//! Presets of well-known issuers.

// What `docs/issuers.md` says of them.
pub(crate) mod guide;
// What they give out.
pub(crate) mod rows;
// Whether all of that is understood.
mod understood;
