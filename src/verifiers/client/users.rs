//! Find and list users at the auth center.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::json;

use super::client::AuthClient;
use super::core::Core;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::{UserId, UserInfo};
use crate::upstream::api_client::{Call, CallError, Listing};
use crate::upstream::circuit_breaker::Subject;

/// The most users that one call may name or return.
const BATCH_SIZE: usize = 100;

/// How many chunks of one request are in flight at a time.
const CHUNKS_IN_FLIGHT: usize = 4;

/// The username of the placeholder that the auth center returns for an unknown id.
pub(super) const UNKNOWN_USER: &str = "未知用户";

/// The result of [`AuthClient::batch_users`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundUsers {
    /// The users, in the auth center's order within each chunk of names.
    pub users: Vec<UserInfo>,
    /// The names without a user.
    pub not_found: Vec<String>,
}

/// One page of [`AuthClient::list_users`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserPage {
    /// The users of this page.
    pub items: Vec<UserInfo>,
    /// The number of users on all pages.
    pub total: u64,
}

impl AuthClient {
    /// Finds users by their login names. More than 100 names are split into several calls, at most 4 in flight; the
    /// order of the chunks is kept.
    ///
    /// ```no_run
    /// # async fn example(client: aigc_auth::AuthClient) -> Result<(), aigc_auth::AuthError> {
    /// let found = client.batch_users(["zhangsan", "lisi"]).await?;
    /// println!("{} found, missing: {:?}", found.users.len(), found.not_found);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Rejected`](crate::error::ErrorKind::Rejected) or [`Unavailable`](crate::error::ErrorKind::Unavailable) if any of the calls
    /// fails.
    pub async fn batch_users<N: AsRef<str>>(
        &self,
        usernames: impl IntoIterator<Item = N>,
    ) -> Result<FoundUsers, AuthError> {
        let usernames: Vec<String> = usernames.into_iter().map(|name| name.as_ref().to_owned()).collect();
        let calls = usernames.chunks(BATCH_SIZE).map(|chunk| async move {
            let body = json!({ "usernames": chunk });
            let found: Listing<UserInfo> = self.inner.core.api.call(Call::new("/users/batch", &body)).await?;
            let users = found.items;
            let not_found = found.not_found.unwrap_or_else(|| {
                // Newer auth centers leave it to the caller to find out.
                let known: HashSet<&str> = users.iter().map(UserInfo::username).collect();
                chunk.iter().filter(|name| !known.contains(name.as_str())).cloned().collect()
            });
            Ok::<_, AuthError>(FoundUsers { users, not_found })
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

    /// Finds users by their ids: returns one entry for each id, in their order, `None` for an unknown id. More than 100
    /// ids are split into several calls, at most 4 in flight. `7` and `"7"` are different ids here: pass them as the auth
    /// center has them.
    ///
    /// ```no_run
    /// # async fn example(client: aigc_auth::AuthClient) -> Result<(), aigc_auth::AuthError> {
    /// for user in client.batch_users_by_ids([1, 2, 999]).await? {
    ///     println!("{}", user.map_or("unknown".into(), |user| user.username().to_owned()));
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Rejected`](crate::error::ErrorKind::Rejected) or [`Unavailable`](crate::error::ErrorKind::Unavailable) if any of the calls
    /// fails.
    pub async fn batch_users_by_ids(
        &self,
        ids: impl IntoIterator<Item = impl Into<UserId>>,
    ) -> Result<Vec<Option<UserInfo>>, AuthError> {
        let ids: Vec<UserId> = ids.into_iter().map(Into::into).collect();
        let calls: Vec<_> =
            ids.chunks(BATCH_SIZE).map(|chunk| self.inner.core.users_by_ids(chunk, None)).collect();
        let chunks: Result<Vec<Vec<_>>, _> =
            stream::iter(calls).buffered(CHUNKS_IN_FLIGHT).try_collect().await;
        let chunks = chunks.map_err(|failed| failed.error)?;
        Ok(chunks.into_iter().flatten().collect())
    }

    /// Lists one page of the active users of this app whose name contains the keyword (`None` lists all of them).
    ///
    /// Pages count from 1, and have at most 100 users. For all pages at once, see [`AuthClient::users`].
    ///
    /// # Errors
    /// [`Rejected`](crate::error::ErrorKind::Rejected) or [`Unavailable`](crate::error::ErrorKind::Unavailable).
    pub async fn list_users(
        &self,
        keyword: Option<&str>,
        page: u32,
        page_size: u32,
    ) -> Result<UserPage, AuthError> {
        let body = json!({ "keyword": keyword, "page": page, "pageSize": page_size });
        let page: Listing<UserInfo> = self.inner.core.api.call(Call::new("/users/list", &body)).await?;
        // Without it, nobody can tell whether there are more pages.
        let total = page.total.ok_or_else(|| {
            AuthError::new(ErrorKind::Unavailable)
                .of_call()
                .with_detail("POST /users/list: the answer has no `total`")
        })?;
        Ok(UserPage { items: page.items, total })
    }

    /// Streams the users of all pages of [`AuthClient::list_users`]. A page is fetched when the stream is polled for it.
    /// Ends at the first error.
    ///
    /// ```no_run
    /// # async fn example(client: aigc_auth::AuthClient) -> Result<(), aigc_auth::AuthError> {
    /// use futures_util::TryStreamExt;
    ///
    /// let mut users = client.users(None);
    /// while let Some(user) = users.try_next().await? {
    ///     println!("{} {}", user.id(), user.username());
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
                let found = client.list_users(keyword.as_deref(), page, BATCH_SIZE as u32).await?;
                let seen = seen + found.items.len() as u64;
                // An empty page ends the stream, too: the total may shrink meanwhile.
                let has_more = !found.items.is_empty() && seen < found.total;
                Ok(Some((
                    stream::iter(found.items.into_iter().map(Ok)),
                    has_more.then_some((page + 1, seen)),
                )))
            }
        });
        Users { stream: Box::pin(pages.try_flatten()) }
    }
}

impl Core {
    /// Finds users by at most 100 ids, for a caller or for the service itself.
    pub(super) async fn users_by_ids(
        &self,
        ids: &[UserId],
        subject: Option<Subject>,
    ) -> Result<Vec<Option<UserInfo>>, CallError> {
        // Auth centers before 1.1.54 read the one, later ones the other.
        let body = json!({ "userIds": ids, "user_ids": ids });
        let mut call = Call::new("/users/batch-by-ids", &body);
        if let Some(subject) = subject {
            call = call.about(subject);
        }
        let found: Listing<UserInfo> = self.api.lookup(call).await?;
        let known = found.items.into_iter().filter(|user| *user.username() != *UNKNOWN_USER);
        let known: HashMap<UserId, UserInfo> = known.map(|user| (user.id().clone(), user)).collect();
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
