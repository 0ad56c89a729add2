//! Fetch a user by id.

use std::time::Duration;

use super::core::Core;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::{UserId, UserInfo};
use crate::upstream::api_client::CallError;
use crate::upstream::circuit_breaker::Subject;
use crate::upstream::lookups::Fetched;

/// Shorter than the TTL of credentials: admins expect to see what they have just changed.
const TTL: Duration = Duration::from_secs(30);

pub(super) async fn fetch(core: &Core, id: &UserId, subject: Subject) -> Result<Fetched, CallError> {
    let found = core.users_by_ids(std::slice::from_ref(id), Some(subject)).await;
    let mut found = found.map_err(|failed| CallError { error: unavailable(failed.error), ..failed })?;
    let found = found.pop().flatten().filter(is_active);
    let mut user = found.ok_or_else(|| AuthError::new(ErrorKind::UnknownUser))?;
    core.cache.intern_lists(&mut user);
    Ok(Fetched { value: user, limit: Some(core.cache.clock().today() + TTL) })
}

/// Returns whether the user could log in.
fn is_active(user: &UserInfo) -> bool {
    user.status().is_none_or(|status| status.eq_ignore_ascii_case("active"))
}

/// Converts a rejection of the call, which says nothing about the user, to `Unavailable`.
fn unavailable(error: AuthError) -> AuthError {
    match error.kind() {
        ErrorKind::Unavailable => error,
        _ => AuthError::new(ErrorKind::Unavailable)
            .with_detail("the auth center rejected the lookup of a user id")
            .with_source(error),
    }
}
