//! Calls that find users.

use std::collections::HashMap;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::Deserialize;
use serde_json::json;

use super::{AuthClient, Core};
use crate::error::AuthError;
use crate::transport::Call;
use crate::user::{UserId, UserInfo};

/// Most users that one call may name or return.
const BATCH: usize = 100;

/// Chunks of one request that are under way at a time.
const CHUNKS_IN_FLIGHT: usize = 4;

/// The placeholder's name that the auth center answers an unknown id with.
const UNKNOWN_USER: &str = "未知用户";

/// What [`AuthClient::batch_users`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct FoundUsers {
    /// The users, in the auth center's order, chunk after chunk of the names.
    pub users: Vec<UserInfo>,
    /// The names that nobody has.
    #[serde(default)]
    pub not_found: Vec<String>,
}

/// One page of [`AuthClient::list_users`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct UserPage {
    /// The users of this page.
    pub items: Vec<UserInfo>,
    /// How many there are on all pages.
    pub total: u64,
}

impl AuthClient {
    /// The users of these log-in names. More than 100 names go out in several calls, at most 4 at a time; the order of
    /// the chunks is kept.
    ///
    /// ```no_run
    /// # async fn example(client: aigc_auth::AuthClient) -> Result<(), aigc_auth::AuthError> {
    /// let found = client.batch_users(["zhangsan", "lisi"]).await?;
    /// println!("{} found, missing: {:?}", found.users.len(), found.not_found);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Rejected`](crate::ErrorKind::Rejected) or [`Unavailable`](crate::ErrorKind::Unavailable) if any of the calls
    /// fails.
    pub async fn batch_users<N: AsRef<str>>(
        &self,
        usernames: impl IntoIterator<Item = N>,
    ) -> Result<FoundUsers, AuthError> {
        let usernames: Vec<String> = usernames.into_iter().map(|name| name.as_ref().to_owned()).collect();
        let calls = usernames.chunks(BATCH).map(|chunk| async move {
            let body = json!({ "usernames": chunk });
            self.inner.core.transport.call::<_, FoundUsers>(Call::new("/users/batch", &body)).await
        });
        let calls: Vec<_> = calls.collect();
        stream::iter(calls)
            .buffered(CHUNKS_IN_FLIGHT)
            .try_fold(FoundUsers::default(), |mut all, found| {
                all.users.extend(found.users);
                all.not_found.extend(found.not_found);
                std::future::ready(Ok(all))
            })
            .await
    }

    /// The users of these ids: one for each, in their order, `None` for an id that nobody has. More than 100 ids go out
    /// in several calls, at most 4 at a time. `7` and `"7"` are different ids here: give them as the auth center has
    /// them.
    ///
    /// ```no_run
    /// # async fn example(client: aigc_auth::AuthClient) -> Result<(), aigc_auth::AuthError> {
    /// for user in client.batch_users_by_ids([1, 2, 999]).await? {
    ///     println!("{}", user.map_or("nobody".into(), |user| user.username.to_string()));
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Rejected`](crate::ErrorKind::Rejected) or [`Unavailable`](crate::ErrorKind::Unavailable) if any of the calls
    /// fails.
    pub async fn batch_users_by_ids(
        &self,
        ids: impl IntoIterator<Item = impl Into<UserId>>,
    ) -> Result<Vec<Option<UserInfo>>, AuthError> {
        let ids: Vec<UserId> = ids.into_iter().map(Into::into).collect();
        let calls: Vec<_> = ids.chunks(BATCH).map(|chunk| self.inner.core.users_by_ids(chunk)).collect();
        let chunks: Vec<Vec<_>> = stream::iter(calls).buffered(CHUNKS_IN_FLIGHT).try_collect().await?;
        Ok(chunks.into_iter().flatten().collect())
    }

    /// One page of the active users of this app, found by a part of their names (`None` for all of them).
    ///
    /// Pages count from 1, and hold at most 100 users. For all pages at once, see [`AuthClient::users`].
    ///
    /// # Errors
    /// [`Rejected`](crate::ErrorKind::Rejected) or [`Unavailable`](crate::ErrorKind::Unavailable).
    pub async fn list_users(
        &self,
        keyword: Option<&str>,
        page: u32,
        page_size: u32,
    ) -> Result<UserPage, AuthError> {
        let body = json!({ "keyword": keyword, "page": page, "pageSize": page_size });
        self.inner.core.transport.call(Call::new("/users/list", &body)).await
    }

    /// The users of all pages of [`AuthClient::list_users`], a page at a time, as they are asked for. Ends at the first
    /// error.
    ///
    /// ```no_run
    /// # async fn example(client: aigc_auth::AuthClient) -> Result<(), aigc_auth::AuthError> {
    /// use futures_util::TryStreamExt;
    ///
    /// let mut users = client.users(None);
    /// while let Some(user) = users.try_next().await? {
    ///     println!("{} {}", user.id, user.username);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn users(&self, keyword: Option<&str>) -> Users {
        let (client, keyword) = (self.clone(), keyword.map(str::to_owned));
        let first = Some((1, 0));
        let pages = stream::try_unfold(first, move |next| {
            let (client, keyword) = (client.clone(), keyword.clone());
            async move {
                let Some((page, seen)) = next else { return Ok::<_, AuthError>(None) };
                let found = client.list_users(keyword.as_deref(), page, BATCH as u32).await?;
                let seen = seen + found.items.len() as u64;
                // An empty page ends it too, lest a total that shrinks meanwhile keep us asking.
                let more = !found.items.is_empty() && seen < found.total;
                Ok(Some((stream::iter(found.items.into_iter().map(Ok)), more.then_some((page + 1, seen)))))
            }
        });
        Users { stream: Box::pin(pages.try_flatten()) }
    }
}

impl Core {
    /// At most 100 ids.
    pub(super) async fn users_by_ids(&self, ids: &[UserId]) -> Result<Vec<Option<UserInfo>>, AuthError> {
        #[derive(Deserialize)]
        struct Data {
            users: Vec<UserInfo>,
        }

        let body = json!({ "userIds": ids });
        let data: Data = self.transport.call(Call::new("/users/batch-by-ids", &body)).await?;
        let known = data.users.into_iter().filter(|user| *user.username != *UNKNOWN_USER);
        let known: HashMap<UserId, UserInfo> = known.map(|user| (user.id.clone(), user)).collect();
        Ok(ids.iter().map(|id| known.get(id).cloned()).collect())
    }
}

/// The stream of [`AuthClient::users`].
#[must_use]
pub struct Users {
    stream: Pin<Box<dyn Stream<Item = Result<UserInfo, AuthError>> + Send>>,
}

impl Stream for Users {
    type Item = Result<UserInfo, AuthError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.stream.as_mut().poll_next(cx)
    }
}

impl std::fmt::Debug for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Users").finish_non_exhaustive()
    }
}
