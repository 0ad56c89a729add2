use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use super::config::SyncConfig;
use super::engine::{Engine, Outcome};
use super::error::{SyncError, SyncErrorKind};
use super::password::Way;
use super::push::{Push, PushOptions};
use super::store::LegacyStore;
use crate::client::AuthClient;
use crate::clock::Clock;
use crate::error::BuildError;
use crate::flights::{Flights, NoAnswer};
use crate::throttle::Throttle;
use crate::user::{AccessKeyKind, UserInfo};

/// Log-ins that are worked off at a time.
const LOGINS_AT_WORK: usize = 8;

/// Keeps a legacy system's users and the auth center's in step. Cheap to clone; when the last clone is dropped, what it
/// does in the background ends.
///
/// ```
/// use aigc_auth::sync::{LegacyStore, SyncConfig, UserSync};
/// use aigc_auth::{AuthClient, AuthLayer};
///
/// # fn app(client: AuthClient, store: impl LegacyStore) -> Result<AuthLayer, aigc_auth::BuildError> {
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
    logins: Flights<String, ()>,
    at_work: Arc<Semaphore>,
    initial: Flights<(), ()>,
    warnings: Throttle,
}

impl UserSync {
    /// Keeps this store in step.
    ///
    /// # Errors
    /// If no mapping names the unique field.
    pub fn new(client: AuthClient, store: impl LegacyStore, config: SyncConfig) -> Result<Self, BuildError> {
        let max_logins = config.max_logins;
        let engine = Arc::new(Engine::new(client, Arc::new(store), config)?);
        Ok(Self {
            inner: Arc::new(Inner {
                engine,
                logins: Flights::new(max_logins),
                at_work: Arc::new(Semaphore::new(LOGINS_AT_WORK)),
                initial: Flights::new(1),
                warnings: Throttle::new(Clock::default(), Duration::from_secs(10)),
            }),
        })
    }

    /// Gives a user who was just verified his row, if he has none: for
    /// [`AuthLayer::on_verified`](crate::AuthLayer::on_verified), which calls it once per fresh verification.
    ///
    /// Off the request's path, unless [`SyncConfig::await_login`] is set; however often it is called for a user meanwhile,
    /// it is done once. A failure is logged and refuses nobody. Access keys of apps and global ones are nobody's.
    pub fn on_login(&self, user: UserInfo) -> impl Future<Output = ()> + Send + 'static + use<> {
        let sync = self.clone();
        async move { sync.log_in(user).await }
    }

    async fn log_in(&self, user: UserInfo) {
        let engine = &self.inner.engine;
        if let Err(error) = engine.check(Way::ToLegacy) {
            return tracing::debug!(user_id = %user.id, %error, "a log-in is left alone");
        }
        if matches!(user.access_key(), Some(AccessKeyKind::App | AccessKeyKind::Global)) {
            return;
        }
        let task = || {
            let (engine, user, at_work) = (engine.clone(), user.clone(), self.inner.at_work.clone());
            async move {
                let _place = at_work.acquire().await;
                logged_in(&engine, &user).await;
            }
        };
        let key = user.id.to_string();
        let started = if engine.config.await_login {
            self.inner.logins.join(key, task).await
        } else {
            self.inner.logins.start(key, task).map(drop)
        };
        if started == Err(NoAnswer::Full) && self.inner.warnings.is_due() {
            tracing::warn!("too many log-ins wait for the legacy system; some are left to the next time");
        }
    }

    /// Does what an event of the auth center asks for. Returns the answer to it.
    ///
    /// `user.created`, `user.updated` and `user.login` create the user, or change the row of one who exists if `data` has
    /// `updatedFields` and they are not empty; the password of one who exists stays as it is. `user.deleted` removes him.
    /// `user.init_sync_auth` starts to [push all users](Self::push_all) to the auth center, in the background. Others are
    /// ignored. For a direction that is off, nothing is done, and the answer says so.
    ///
    /// ```
    /// # #[cfg(feature = "webhook")] {
    /// use aigc_auth::sync::UserSync;
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
    /// If the user cannot be mapped, has no password, or the legacy system fails. Answered 500, it comes again.
    pub async fn handle_event(
        &self,
        event: &str,
        data: Option<&Map<String, Value>>,
    ) -> Result<Value, SyncError> {
        let engine = &self.inner.engine;
        let nothing = Map::new();
        let data = data.unwrap_or(&nothing);
        let done = match event {
            "user.created" | "user.updated" | "user.login" => {
                engine.upsert(data, is_update(data)).await.map(said)
            }
            "user.deleted" => engine.remove(data).await.map(said),
            "user.init_sync_auth" => engine.check(Way::ToAuth).map(|()| self.start_initial_push()),
            _ => Ok(json!({ "success": true, "message": "Event ignored" })),
        };
        match done {
            Err(error) if error.kind() == SyncErrorKind::Off => {
                tracing::info!(event, %error, "an event of the auth center is left alone");
                Ok(json!({ "success": false, "message": error.to_string() }))
            }
            done => done,
        }
    }

    fn start_initial_push(&self) -> Value {
        if let Err(error) = self.inner.engine.has_passwords() {
            return json!({ "success": false, "message": error.to_string() });
        }
        let push = Push::new(self.inner.engine.clone(), PushOptions::new());
        let mut is_new = false;
        let started = self.inner.initial.start((), || {
            is_new = true;
            async move {
                match push.finish().await {
                    Ok(summary) => tracing::info!(?summary, "all users were pushed to the auth center"),
                    Err(error) => tracing::error!(%error, "not all users were pushed to the auth center"),
                }
            }
        });
        match started {
            Ok(_) if is_new => json!({ "success": true, "message": "Initial sync started" }),
            Ok(_) => json!({ "success": true, "message": "Initial sync is under way already" }),
            Err(_) => json!({ "success": false, "message": "Initial sync could not be started" }),
        }
    }

    /// Pushes all users of the legacy system to the auth center, which creates those it does not know. A stream of what
    /// happens: nothing is sent unless it is polled, and when it is dropped, no more.
    ///
    /// ```no_run
    /// # async fn example(sync: aigc_auth::sync::UserSync) -> Result<(), aigc_auth::sync::SyncError> {
    /// use aigc_auth::sync::{PushEvent, PushOptions};
    /// use futures_util::TryStreamExt;
    ///
    /// let mut push = sync.push_all(PushOptions::new().checkpoint("/var/lib/my-app/push.json").resume());
    /// while let Some(event) = push.try_next().await? {
    ///     match event {
    ///         PushEvent::Progress(summary) => println!("{} done", summary.total),
    ///         PushEvent::Failed(failure) => println!("{failure}"),
    ///         _ => {}
    ///     }
    /// }
    /// // Or all at once: sync.push_all(PushOptions::new()).finish().await?
    /// # Ok(()) }
    /// ```
    pub fn push_all(&self, options: PushOptions) -> Push {
        Push::new(self.inner.engine.clone(), options)
    }

    /// About how many users the legacy system has, if it can tell.
    ///
    /// # Errors
    /// If it fails.
    pub async fn count(&self) -> Result<Option<u64>, SyncError> {
        let failed =
            |error| SyncError::new(SyncErrorKind::Store, "the legacy system failed").with_source(error);
        self.inner.engine.store.count().await.map_err(failed)
    }

    /// Waits until what log-ins have begun is done, and ends what is not by the deadline: to be called when no more
    /// requests come. Returns how many were left undone. An initial push that an event has begun ends at once.
    pub async fn shutdown(&self, deadline: Duration) -> usize {
        self.inner.initial.abort();
        let _ = tokio::time::timeout(deadline, self.inner.logins.landed()).await;
        self.inner.logins.abort()
    }
}

async fn logged_in(engine: &Engine, user: &UserInfo) {
    // An access key's user comes without most of his fields.
    let update = engine.config.update_on_login && user.access_key().is_none();
    let Ok(Value::Object(fields)) = serde_json::to_value(user) else { return };
    match engine.upsert(&fields, update).await {
        Ok(outcome) => tracing::debug!(user_id = %user.id, ?outcome, "log-in"),
        Err(error) => tracing::warn!(user_id = %user.id, %error, "a log-in did not reach the legacy system"),
    }
}

/// An existing user is changed only where the event says what has changed.
fn is_update(data: &Map<String, Value>) -> bool {
    data.get("updatedFields").and_then(Value::as_array).is_some_and(|fields| !fields.is_empty())
}

fn said(outcome: Outcome) -> Value {
    let message = match outcome {
        Outcome::Created => "User created",
        Outcome::Updated => "User updated",
        Outcome::Unchanged => "User unchanged",
        Outcome::Removed => "User removed",
        Outcome::Unknown => "There is no such user",
    };
    json!({ "success": true, "message": message, "created": outcome == Outcome::Created })
}

impl fmt::Debug for UserSync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserSync").field("config", &self.inner.engine.config).finish_non_exhaustive()
    }
}
