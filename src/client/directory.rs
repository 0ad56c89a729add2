//! Who has this id: asked of the auth center, and kept for a little while.

use std::time::Duration;

use super::lookup::{Fetched, Question};
use super::{AuthClient, Core};
use crate::directory::UserDirectory;
use crate::error::{AuthError, ErrorKind};
use crate::user::{UserId, UserInfo};

/// Shorter than credentials are believed: an admin wants to see what he has just changed.
const LIFETIME: Duration = Duration::from_secs(30);

/// Asks `/users/batch-by-ids`; keeps users for 30 s and unknown ids for 5 s. [`AuthClient::invalidate_user`] forgets a
/// user here, too. Who is not active, such as a disabled user, counts as unknown.
impl UserDirectory for AuthClient {
    async fn find_user(&self, id: &UserId) -> Result<Option<UserInfo>, AuthError> {
        match self.look_up(Question::Id(id.clone())).await {
            Ok(user) => Ok(Some(user)),
            Err(error) if error.kind() == ErrorKind::UnknownUser => Ok(None),
            Err(error) => Err(error),
        }
    }
}

pub(super) async fn fetch(core: &Core, id: &UserId) -> Result<Fetched, AuthError> {
    let mut found = core.users_by_ids(std::slice::from_ref(id)).await.map_err(unavailable)?;
    let found = found.pop().flatten().filter(is_active);
    let mut user = found.ok_or_else(|| AuthError::new(ErrorKind::UnknownUser))?;
    core.cache.share_lists(&mut user);
    Ok(Fetched { user, limit: Some(core.cache.clock().today() + LIFETIME) })
}

/// He could not log in himself.
fn is_active(user: &UserInfo) -> bool {
    user.status.as_deref().is_none_or(|status| status.eq_ignore_ascii_case("active"))
}

/// A refusal of the call says nothing of the user.
fn unavailable(error: AuthError) -> AuthError {
    match error.kind() {
        ErrorKind::Unavailable => error,
        _ => AuthError::new(ErrorKind::Unavailable)
            .with_detail("the auth center refused to look an id up")
            .with_source(error),
    }
}

/// `7` and `"7"` are different ids.
pub(super) fn bytes(id: &UserId) -> Vec<u8> {
    match id {
        UserId::Int(id) => format!("i{id}").into(),
        UserId::Str(id) => format!("s{id}").into(),
    }
}
