//! Test services against an auth center in the test's process, or with ready-made users.
//!
//! [`AuthCenter`] speaks the auth center's protocol on a local port, holds the users and credentials of a test, records the
//! requests it receives, fails on demand in every way of [`Fault`], and is as old as its [`Dialect`]. [`user`] makes a user without any server, and
//! [`signed_in`] authenticates requests as one. With a held `Clock`, the TTLs of a client pass at once.

mod accounts;
mod builder;
mod call;
mod center;
mod deliver;
mod dialect;
mod dispatcher;
mod endpoints;
mod fault;
mod fault_plan;
mod groups;
mod registry;
mod rejection;
mod request_log;
mod response;
mod server;
mod signed_in;
mod state;
mod test_key;
#[cfg(test)]
mod tests;
mod timestamp;
mod users;

pub use builder::AuthCenterBuilder;
pub use center::AuthCenter;
pub use dialect::Dialect;
pub use fault::Fault;
pub use request_log::RecordedRequest;
pub use signed_in::{SignedIn, SignedInLayer, signed_in};
pub use test_key::TestKey;
pub use users::user;

#[cfg(feature = "client")]
pub use crate::util::clock::Clock;
