use crate::types::user::{UserId, UserInfo, UserInfoBuilder};

/// Starts a user with this username; the id is derived from the username.
///
/// The id is a number from 1 to 1,000,000,000, the same for a username in every run and every version of this crate; set
/// another with [`UserInfoBuilder::id`].
///
/// ```
/// use aigc_auth::testing;
///
/// let alice = testing::user("alice").permissions(["report:read"]).build();
/// assert!(alice.has_permission("report:read"));
/// assert_eq!(*alice.id(), testing::user_id("alice"));
/// ```
pub fn user(username: impl Into<Box<str>>) -> UserInfoBuilder {
    let username = username.into();
    UserInfo::builder(id_of(&username), username)
}

/// Returns the id that [`user`] gives to this username.
pub fn user_id(username: &str) -> UserId {
    id_of(username).into()
}

/// Derives an id by FNV-1a, because the hashers of the standard library may change between versions.
fn id_of(username: &str) -> i64 {
    let hash = username.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    i64::try_from(hash % 1_000_000_000 + 1).unwrap_or(1)
}
