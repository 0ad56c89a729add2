use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use super::apply::Source;
use super::config::SyncConfig;
use super::direction::Direction;
use super::engine::{Engine, News, Outcome};
use super::error::{SyncError, SyncErrorKind};
use super::push::{Push, PushOptions};
use super::snapshot::UserSyncSnapshot;
use super::store::LegacyStore;
use crate::types::error::BuildError;
use crate::types::spelling;
use crate::types::user::{AccessKeyKind, UserInfo};
use crate::util::clock::Clock;
use crate::util::log_throttle::LogThrottle;
use crate::util::single_flight::{FlightError, SingleFlight};
use crate::verifiers::client::AuthClient;

/// Logins that are written to the legacy system at a time; further ones are queued.
const MAX_CONCURRENT_LOGINS: usize = 8;

/// Synchronizes a legacy system's users with the auth center's. Cheap to clone; when the last clone is dropped, its tasks in
/// the background are aborted.
///
/// ```
/// use aigc_auth::user_sync::{LegacyStore, SyncConfig, UserSync};
/// use aigc_auth::{AuthClient, AuthLayer};
///
/// # fn app(client: AuthClient, store: impl LegacyStore) -> Result<AuthLayer, aigc_auth::error::BuildError> {
/// let sync = UserSync::new(client.clone(), store, SyncConfig::from_env()?)?;
/// let layer = AuthLayer::new(client).on_verified(move |user| sync.on_login(user));
/// # Ok(layer) }
/// ```
#[derive(Clone)]
pub struct UserSync {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Arc<Engine>,
    /// By user id.
    logins: SingleFlight<String, ()>,
    login_permits: Arc<Semaphore>,
    initial_push: SingleFlight<(), ()>,
    warnings: LogThrottle,
}

impl UserSync {
    /// Synchronizes the users of this store.
    ///
    /// # Errors
    /// If no mapping names the [unique field](SyncConfig::unique_field) or [that which links](SyncConfig::link_by), or two
    /// mappings of one direction write the same column or field.
    pub fn new(client: AuthClient, store: impl LegacyStore, config: SyncConfig) -> Result<Self, BuildError> {
        let max_logins = config.max_logins;
        let engine = Arc::new(Engine::new(client, Arc::new(store), config)?);
        Ok(Self {
            inner: Arc::new(Inner {
                engine,
                logins: SingleFlight::new(max_logins),
                login_permits: Arc::new(Semaphore::new(MAX_CONCURRENT_LOGINS)),
                initial_push: SingleFlight::new(1),
                warnings: LogThrottle::new(Clock::default(), Duration::from_secs(10)),
            }),
        })
    }

    /// Creates a row for a user who was just verified and has none. For
    /// [`AuthLayer::on_verified`](crate::AuthLayer::on_verified), which calls it once per fresh verification.
    ///
    /// The row is created in the background, unless [`SyncConfig::await_login`] is set, and once for all concurrent calls of
    /// a user. Where an event of the user came within the last hour, or the row is marked as removed, the auth center is asked
    /// before the row changes: the login may be older. A failure is logged, and rejects no request. Access keys of apps and global ones are ignored, since they
    /// belong to no user.
    pub fn on_login(&self, user: UserInfo) -> impl Future<Output = ()> + Send + 'static + use<> {
        let sync = self.clone();
        async move { sync.log_in(user).await }
    }

    async fn log_in(&self, user: UserInfo) {
        let engine = &self.inner.engine;
        if let Err(error) = engine.check_direction(Direction::ToLegacy) {
            return tracing::debug!(user_id = %user.id(), %error, "the login is ignored");
        }
        if matches!(user.access_key(), Some(AccessKeyKind::App | AccessKeyKind::Global)) {
            return;
        }
        let task = || {
            let (engine, user, permits) = (engine.clone(), user.clone(), self.inner.login_permits.clone());
            async move {
                let _permit = permits.acquire().await;
                sync_login(&engine, &user).await;
            }
        };
        let key = user.id().to_string();
        let started = if engine.config.await_login {
            self.inner.logins.join(key, task).await
        } else {
            self.inner.logins.start(key, || Ok(task())).map(drop)
        };
        if started == Err(FlightError::AtCapacity) && self.inner.warnings.is_due() {
            tracing::warn!(
                "too many logins wait for the legacy system; some are dropped until the next verification"
            );
        }
    }

    /// Applies an event of the auth center. Returns the answer to the event.
    ///
    /// - `user.created`, `user.updated` and `user.login` create the user if there is no row. An existing row is updated if
    ///   `data` has a non-empty `updatedFields`; its password stays unchanged. If the user was removed by a flag, the first and
    ///   the last bring them back.
    /// - `user.deleted` removes the user.
    /// - Events may be late, or come in another order than the changes: before a row changes, the auth center is asked for the
    ///   user, and what it says is written, unless [`SyncConfig::trust_event_order`] is set. No row is created for a user whom
    ///   it does not have, and none removed of one whom it has.
    /// - `user.init_sync_auth` starts to [push all users](Self::push_all) to the auth center, in the background.
    /// - Other events are ignored, and so are those of a direction that is off: the answer says so.
    ///
    /// ```
    /// # #[cfg(feature = "webhook")] {
    /// use aigc_auth::user_sync::UserSync;
    /// use aigc_auth::webhook::{self, EventUser, UserEvent, WebhookConfig};
    /// use axum::Router;
    ///
    /// fn webhooks(config: WebhookConfig, sync: UserSync) -> Router {
    ///     webhook::router(config, move |event: UserEvent| {
    ///         let sync = sync.clone();
    ///         async move { sync.handle_event(event.name(), event.user().map(EventUser::raw)).await }
    ///     })
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the user cannot be mapped, has no password, or the legacy system or the auth center fails. Answer it with 500, so
    /// that the auth center sends the event again.
    pub async fn handle_event(
        &self,
        event: &str,
        data: Option<&Map<String, Value>>,
    ) -> Result<Value, SyncError> {
        let engine = &self.inner.engine;
        let data = &data.map(spelling::with_both).unwrap_or_default();
        let answer = match event {
            "user.created" | "user.updated" | "user.login" => {
                let news = match event {
                    "user.created" => News::Created,
                    "user.login" => News::LoggedIn,
                    _ => News::Updated,
                };
                engine.told(engine.upsert(data, news, Source::Event, is_update(data)).await).map(answer_to)
            }
            "user.deleted" => engine.told(engine.remove(data).await).map(answer_to),
            "user.init_sync_auth" => {
                engine.check_direction(Direction::ToAuth).map(|()| self.start_initial_push())
            }
            _ => Ok(json!({ "success": true, "message": "Event ignored" })),
        };
        match answer {
            Err(error) if error.kind() == SyncErrorKind::Off => {
                tracing::info!(event, %error, "the event is ignored");
                Ok(json!({ "success": false, "message": error.to_string() }))
            }
            answer => answer,
        }
    }

    fn start_initial_push(&self) -> Value {
        if let Err(error) = self.inner.engine.password_policy() {
            return json!({ "success": false, "message": error.to_string() });
        }
        let push = Push::new(self.inner.engine.clone(), PushOptions::new());
        let mut is_new = false;
        let started = self.inner.initial_push.start((), || {
            is_new = true;
            Ok(async move {
                match push.finish().await {
                    Ok(summary) => tracing::info!(?summary, "all users were pushed to the auth center"),
                    Err(error) => tracing::error!(%error, "not all users were pushed to the auth center"),
                }
            })
        });
        match started {
            Ok(_) if is_new => json!({ "success": true, "message": "Initial sync started" }),
            Ok(_) => json!({ "success": true, "message": "Initial sync is under way already" }),
            Err(_) => json!({ "success": false, "message": "Initial sync could not be started" }),
        }
    }

    /// Pushes all users of the legacy system to the auth center, which creates the missing ones. Returns a stream of events,
    /// which must be polled: nothing is sent before, or after it is dropped.
    ///
    /// ```no_run
    /// # async fn example(sync: aigc_auth::user_sync::UserSync) -> Result<(), aigc_auth::user_sync::SyncError> {
    /// use aigc_auth::user_sync::{PushEvent, PushOptions};
    /// use futures_util::TryStreamExt;
    ///
    /// let mut push = sync.push_all(PushOptions::new().checkpoint("/var/lib/my-app/push.json").resume());
    /// while let Some(event) = push.try_next().await? {
    ///     match event {
    ///         PushEvent::Progress(summary) => println!("{} users", summary.total),
    ///         PushEvent::Failed(failure) => println!("{failure}"),
    ///         _ => {}
    ///     }
    /// }
    /// // Without events: sync.push_all(PushOptions::new()).finish().await?
    /// # Ok(()) }
    /// ```
    pub fn push_all(&self, options: PushOptions) -> Push {
        Push::new(self.inner.engine.clone(), options)
    }

    /// Returns the approximate number of users of the legacy system, or `None` if the store does not count them.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn count(&self) -> Result<Option<u64>, SyncError> {
        let failed =
            |error| SyncError::new(SyncErrorKind::Store, "the legacy system failed").with_source(error);
        self.inner.engine.store.count().await.map_err(failed)
    }

    /// Returns what is under way.
    pub fn snapshot(&self) -> UserSyncSnapshot {
        let Inner { logins, initial_push, .. } = &*self.inner;
        UserSyncSnapshot { logins: logins.len(), is_pushing: initial_push.contains(&()) }
    }

    /// Waits for logins that are still in the background, and aborts them after the timeout. Call it after the server has
    /// drained. Returns how many were aborted. An initial push that was started by an event is aborted at once.
    pub async fn shutdown(&self, timeout: Duration) -> usize {
        self.inner.initial_push.abort();
        let _ = tokio::time::timeout(timeout, self.inner.logins.landed()).await;
        self.inner.logins.abort()
    }
}

async fn sync_login(engine: &Engine, user: &UserInfo) {
    // The user of an access key comes without most of their fields.
    let update = engine.config.update_on_login && user.access_key().is_none();
    let Ok(Value::Object(fields)) = serde_json::to_value(user) else { return };
    let synced = engine.upsert(&spelling::with_both(&fields), News::LoggedIn, Source::Login, update).await;
    match engine.told(synced) {
        Ok(Outcome::Created) => tracing::info!(user_id = %user.id(), "a user who logged in was created"),
        Ok(outcome) => tracing::debug!(user_id = %user.id(), ?outcome, "the login was synchronized"),
        Err(error) => {
            tracing::warn!(user_id = %user.id(), %error, "the login could not be synchronized to the legacy system");
        }
    }
}

/// Whether the event updates an existing user: only if it names the fields that have changed.
fn is_update(data: &Map<String, Value>) -> bool {
    data.get("updatedFields").and_then(Value::as_array).is_some_and(|fields| !fields.is_empty())
}

fn answer_to(outcome: Outcome) -> Value {
    let message = match outcome {
        Outcome::Created => "User created",
        Outcome::Updated => "User updated",
        Outcome::Linked => "User linked",
        Outcome::Restored => "User restored",
        Outcome::Unchanged => "User unchanged",
        Outcome::Removed => "User removed",
        Outcome::NotFound => "There is no such user",
        Outcome::Absent => "There is no such user at the auth center",
        Outcome::Present => "The user is at the auth center",
    };
    json!({ "success": true, "message": message, "created": outcome == Outcome::Created })
}

impl fmt::Debug for UserSync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserSync").field("config", &self.inner.engine.config).finish_non_exhaustive()
    }
}
