//! Find users by id at the auth center.

use super::client::AuthClient;
use super::core::Lookup;
use crate::ports::user_directory::UserDirectory;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::{UserId, UserInfo};

/// Finds users by `/users/batch-by-ids`. Caches users for 30 s, and unknown ids for the negative TTL (5 s by default).
/// [`AuthClient::invalidate_user`] applies here, too. Users who are not active, such as disabled ones, count as unknown.
impl UserDirectory for AuthClient {
    async fn find_user(&self, id: &UserId) -> Result<Option<UserInfo>, AuthError> {
        match self.lookup(Lookup::UserId(id.clone())).await {
            Ok(user) => Ok(Some(user)),
            Err(error) if error.kind() == ErrorKind::UnknownUser => Ok(None),
            Err(error) => Err(error),
        }
    }
}
