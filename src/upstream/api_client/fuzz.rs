//! What the fuzz targets reach that is not public: both ways to read an answer, and headers of answers.

use std::time::Duration;

use http::HeaderValue;
use http::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

use super::data::{Listing, ReadData, UserOfCredential};
use super::decode::decode_tree;
use super::failure;
use crate::types::user::UserInfo;

/// Reads the user of an answer, and when their credential ends, in one pass. `None` where that is left to the tree.
pub fn user_at_once(body: &[u8]) -> Option<(UserInfo, Option<Value>)> {
    UserOfCredential::read_at_once(body).map(user_and_end)
}

/// Reads the same from the answer's tree.
pub fn user_of_tree(body: &[u8]) -> Option<(UserInfo, Option<Value>)> {
    decode_tree::<UserOfCredential>(body).ok()?.ok().map(user_and_end)
}

/// Reads a listing of users.
pub fn users(data: &[u8]) -> Option<Vec<UserInfo>> {
    let data = serde_json::from_slice(data).ok()?;
    Listing::<UserInfo>::read(data).ok().map(|listing| listing.items)
}

/// Reads a `Retry-After` of the auth center.
pub fn retry_after(value: &HeaderValue) -> Option<Duration> {
    failure::retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value.clone())]))
}

fn user_and_end(read: UserOfCredential) -> (UserInfo, Option<Value>) {
    (read.user, read.expires_at.filter(|end| !end.is_null()))
}
