//! For your tests: an auth center in the process, and ready-made users.
//!
//! [`AuthCenter`] speaks the auth center's protocol on a local port, keeps what a test puts into it, tells
//! what it was asked, and fails on demand in every way of [`Fault`]. [`user`] makes a user without any
//! server. A held `Clock` makes a client's minutes pass at once.

use crate::user::{UserInfo, UserInfoBuilder};

mod center;
mod deliver;
mod endpoints;
mod fault;
mod journal;
mod key;
mod people;
mod plan;
mod registry;
mod server;
mod signed_in;
mod state;
#[cfg(test)]
mod tests;
mod timestamp;

pub use center::{AuthCenter, AuthCenterBuilder};
pub use fault::Fault;
pub use journal::RecordedRequest;
pub use key::TestKey;
pub use signed_in::{SignedIn, SignedInLayer, signed_in};

#[cfg(feature = "client")]
pub use crate::clock::Clock;

/// Starts a user of this name; its id is made from the name.
///
/// The id is a number from 1 to 1,000,000,000, the same for a name in every run and every version of this
/// crate; set another with [`UserInfoBuilder::id`].
///
/// ```
/// use aigc_auth::testing;
///
/// let alice = testing::user("alice").permissions(["report:read"]).build();
/// assert!(alice.has_permission("report:read"));
/// assert_eq!(alice.id, testing::user("alice").build().id);
/// ```
pub fn user(username: impl Into<Box<str>>) -> UserInfoBuilder {
    let username = username.into();
    UserInfo::builder(id_of(&username), username)
}

/// FNV-1a, because the hashers of the standard library may change with its version.
fn id_of(username: &str) -> i64 {
    let hash = username.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    i64::try_from(hash % 1_000_000_000 + 1).unwrap_or(1)
}
