//! Whose data a request is about: which organisation and team it names, and whether the user is a member.

mod again;
mod header;
pub(crate) mod policy;
pub(crate) mod requested;
mod resolve;
mod trace;

pub use policy::TenantPolicy;
pub(crate) use resolve::{optional, required};
