//! List the groups of the auth center.

use serde_json::json;

use super::client::AuthClient;
use crate::types::error::AuthError;
use crate::types::user::UserGroup;
use crate::upstream::api_client::{Call, Listing};

impl AuthClient {
    /// Lists all groups that the auth center has. Since SDK 1.1.54.
    ///
    /// ```no_run
    /// # async fn example(client: aigc_auth::AuthClient) -> Result<(), aigc_auth::AuthError> {
    /// for group in client.list_groups().await? {
    ///     println!("{:?}: {}", group.code(), group.description().unwrap_or_default());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Rejected`](crate::error::ErrorKind::Rejected) or [`Unavailable`](crate::error::ErrorKind::Unavailable).
    pub async fn list_groups(&self) -> Result<Vec<UserGroup>, AuthError> {
        let body = json!({});
        let groups: Listing<UserGroup> = self.inner.core.api.call(Call::new("/groups/list", &body)).await?;
        Ok(groups.items)
    }
}
