//! Decide whether one user may act as another.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::ports::audit::{self, ActAsAttempt, ActAsTenant, AuditError, AuditSink, Sink};
use crate::ports::observer::{ActAs, Event, Watch};
use crate::ports::user_directory::{Directory, UserDirectory};
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::{AccessKeyKind, UserId, UserInfo};

/// Longest time that a request waits for the directory, and for the sink.
const DEADLINE: Duration = Duration::from_secs(5);

/// Whether a policy of this process refuses the header elsewhere: extractors look here first, for it costs less than the look
/// into the context.
static IS_REFUSED_SOMEWHERE: AtomicBool = AtomicBool::new(false);

pub(crate) fn is_refused_somewhere() -> bool {
    IS_REFUSED_SOMEWHERE.load(Ordering::Relaxed)
}

/// The policy of [`ActAsUser`](crate::ActAsUser): who may act as which user. Passed to
/// [`AuthLayer::act_as`](crate::AuthLayer::act_as).
///
/// By default, admins may act as any user that the layer's verifier can find, but not as another admin. `AuthClient`
/// finds the users of the auth center. With a verifier that has none, and no [`directory`](ActAsPolicy::directory) in the
/// policy, impersonation is a configuration error: 500.
///
/// ```
/// use aigc_auth::credential::BearerToken;
/// use aigc_auth::impersonation::{ActAsPolicy, UserDirectory};
/// use aigc_auth::{AuthLayer, Verify};
///
/// # fn layer(verifier: impl Verify<BearerToken>, users: impl UserDirectory) -> AuthLayer {
/// AuthLayer::tokens_only(verifier).act_as(
///     ActAsPolicy::new()
///         .directory(users)
///         .read_only()
///         .only_if(|attempt| attempt.actor.has_role("support")),
/// )
/// # }
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct ActAsPolicy {
    directory: Option<Directory>,
    any_target: bool,
    admin_targets: bool,
    unflagged_targets: bool,
    read_only: bool,
    tokens_only: bool,
    refuses_elsewhere: bool,
    condition: Option<Arc<Condition>>,
    sink: Option<Sink>,
}

type Condition = dyn Fn(&ActAsAttempt) -> bool + Send + Sync;

impl ActAsPolicy {
    /// Creates the default policy.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the directory of the users to act as. An unknown user is answered 404; a directory that fails, or does not
    /// answer within 5 s, 503. Defaults to the layer's verifier, if that is a directory as `AuthClient` is.
    pub fn directory(mut self, directory: impl UserDirectory) -> Self {
        self.directory = Some(Directory::new(directory));
        self
    }

    /// Accepts any id without checking that the user exists, or is no admin. Defaults to checking.
    pub fn insecure_any_target(mut self) -> Self {
        self.any_target = true;
        self
    }

    /// Allows admins to act as other admins. Defaults to refusing that.
    pub fn allow_admin_targets(mut self) -> Self {
        self.admin_targets = true;
        self
    }

    /// Takes a target whose admin flag the directory does not state ([`UserInfo::admin_flag`]) for no admin. Defaults to
    /// taking them for an admin.
    pub fn allow_unflagged_targets(mut self) -> Self {
        self.unflagged_targets = true;
        self
    }

    /// Allows only safe methods (`GET`, `HEAD`, `OPTIONS`, `TRACE`) while acting as another user. Defaults to all methods.
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Allows only users with a token to act as others. Defaults to allowing the access keys of admins and global access
    /// keys as well; access keys of apps never may.
    pub fn tokens_only(mut self) -> Self {
        self.tokens_only = true;
        self
    }

    /// Rejects requests for another user with 400 where the handler does not look for one: by the extractors of the user that
    /// are no [`ActAsUser`](crate::ActAsUser). Defaults to ignoring the header there.
    ///
    /// An admin who sends the header to `DELETE /account`, whose handler takes `CurrentUser`, then deletes nothing, in place
    /// of their own account. A handler that takes `ActAsUser` and another extractor has to take `ActAsUser` first, or to have
    /// it as a layer, `from_extractor::<ActAsUser>()`. The header with the admin's own id is no request for another user.
    /// Handlers without an extractor, and [`GuardLayer`](crate::layer::GuardLayer), do not look at it.
    pub fn refuse_elsewhere(mut self) -> Self {
        self.refuses_elsewhere = true;
        IS_REFUSED_SOMEWHERE.store(true, Ordering::Relaxed);
        self
    }

    pub(crate) fn refuses_elsewhere(&self) -> bool {
        self.refuses_elsewhere
    }

    /// Adds a condition, which is checked after all other rules. Defaults to none.
    pub fn only_if(mut self, accepts: impl Fn(&ActAsAttempt) -> bool + Send + Sync + 'static) -> Self {
        self.condition = Some(Arc::new(accepts));
        self
    }

    /// Sets the sink that records every attempt, granted or refused, before the handler runs, and the organisation and team of
    /// a granted one before anything gets them. What cannot be recorded is refused. Defaults to the log alone (target
    /// `aigc_auth::audit`).
    pub fn audit(mut self, sink: impl AuditSink) -> Self {
        self.sink = Some(Sink::new(sink));
        self
    }

    /// Decides on an attempt and records it. `directory` is used if the policy has none of its own.
    ///
    /// `target` is the parsed header; the attempt does not have it yet.
    pub(crate) async fn authorize(
        &self,
        mut attempt: ActAsAttempt,
        target: Result<UserId, AuthError>,
        directory: Option<&Directory>,
        watch: &Watch,
    ) -> Result<Target, AuthError> {
        attempt.target_id = target.as_ref().ok().cloned();
        let directory = self.directory.as_ref().or(directory);
        let decision = match target {
            Ok(id) => self.check(&mut attempt, id, directory).await,
            Err(error) => Err(error),
        };
        attempt.refusal = decision.as_ref().err().cloned();
        if let Some(sink) = &self.sink
            && let Err(error) = recorded(sink.record(&attempt)).await
        {
            attempt.refusal.get_or_insert(error);
        }
        audit::log(&attempt);
        watch.tell(|| {
            let (actor, target) = (attempt.actor.id().clone(), attempt.target_id.clone());
            Event::ActAs(ActAs { actor, target, error: attempt.refusal.as_ref().map(AuthError::kind) })
        });
        match (decision, &attempt.refusal) {
            (Ok(id), None) => Ok(Target { id, user: attempt.target.clone(), attempt: Arc::new(attempt) }),
            (_, Some(refusal)) => Err(refusal.clone()),
            (Err(error), None) => Err(error),
        }
    }

    /// Records what became of a granted attempt. Returns its refusal, also where it could not be recorded.
    pub(crate) async fn record_tenant(&self, mut event: ActAsTenant) -> Result<(), AuthError> {
        if let Some(sink) = &self.sink
            && let Err(error) = recorded(sink.record_tenant(&event)).await
        {
            event.refusal.get_or_insert(error);
        }
        audit::log_tenant(&event);
        event.refusal.map_or(Ok(()), Err)
    }

    /// Checks the actor before the target, so that an actor without permission learns nothing of other users.
    async fn check(
        &self,
        attempt: &mut ActAsAttempt,
        id: UserId,
        directory: Option<&Directory>,
    ) -> Result<UserId, AuthError> {
        if !attempt.actor.is_admin() {
            return Err(AuthError::missing_permission("the admin flag"));
        }
        match attempt.actor.access_key() {
            Some(AccessKeyKind::App) => return Err(denied("the access key of an app cannot act as a user")),
            Some(_) if self.tokens_only => {
                return Err(denied("access keys do not act as users here (`ActAsPolicy::tokens_only`)"));
            }
            _ => {}
        }
        if self.read_only && !attempt.method.is_safe() {
            return Err(denied("acting as another user is read-only here"));
        }
        if !self.any_target {
            let directory = directory.ok_or_else(no_directory)?;
            attempt.target = Some(found(directory, &id).await?);
        }
        match attempt.target.as_ref().map(UserInfo::admin_flag) {
            Some(Some(true)) if !self.admin_targets => {
                return Err(denied("admins do not act as other admins here"));
            }
            Some(None) if !self.admin_targets && !self.unflagged_targets => {
                return Err(denied(
                    "the directory does not say whether the user to act as is an admin \
                     (`ActAsPolicy::allow_unflagged_targets`)",
                ));
            }
            _ => {}
        }
        if self.condition.as_ref().is_some_and(|accepts| !accepts(attempt)) {
            return Err(denied("the condition of `ActAsPolicy::only_if` is not met"));
        }
        Ok(id)
    }
}

impl fmt::Debug for ActAsPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActAsPolicy")
            .field("directory", &self.directory)
            .field("any_target", &self.any_target)
            .field("admin_targets", &self.admin_targets)
            .field("unflagged_targets", &self.unflagged_targets)
            .field("read_only", &self.read_only)
            .field("tokens_only", &self.tokens_only)
            .field("refuses_elsewhere", &self.refuses_elsewhere)
            .field("sink", &self.sink)
            .finish_non_exhaustive()
    }
}

/// The user that an admin acts as.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) id: UserId,
    pub(crate) user: Option<UserInfo>,
    /// As it was recorded.
    pub(crate) attempt: Arc<ActAsAttempt>,
}

async fn found(directory: &Directory, id: &UserId) -> Result<UserInfo, AuthError> {
    let unavailable = || AuthError::new(ErrorKind::Unavailable);
    match tokio::time::timeout(DEADLINE, directory.find_user(id)).await {
        Ok(Ok(Some(user))) if user.id() == id => Ok(user),
        // Such as a table that ignores case: the handler would see two ids.
        Ok(Ok(Some(_))) => {
            Err(AuthError::new(ErrorKind::UnknownUser).with_detail("directory returned a different user id"))
        }
        Ok(Ok(None)) => Err(AuthError::new(ErrorKind::UnknownUser)),
        Ok(Err(error)) if error.kind() == ErrorKind::Unavailable => Err(error),
        Ok(Err(error)) => Err(unavailable().with_detail("the user directory failed").with_source(error)),
        Err(_) => Err(unavailable().with_detail("the user directory did not answer within 5 s")),
    }
}

async fn recorded(recording: impl Future<Output = Result<(), AuditError>>) -> Result<(), AuthError> {
    let what = match tokio::time::timeout(DEADLINE, recording).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => {
            tracing::error!(error = &*error as &(dyn std::error::Error + 'static), "the audit sink failed");
            "the audit sink failed"
        }
        Err(_) => {
            tracing::error!("the audit sink took over 5 s");
            "the audit sink took over 5 s"
        }
    };
    Err(AuthError::new(ErrorKind::Unavailable).with_detail(what))
}

/// Nothing is granted by a verifier that has lost its directory, such as a wrapper that does not pass it on.
fn no_directory() -> AuthError {
    AuthError::new(ErrorKind::Misconfigured).with_detail(
        "no directory knows the user to act as: the layer's verifier has none. Pass on `Verify::directory` in a verifier \
         that wraps another, or set `ActAsPolicy::directory`; `ActAsPolicy::insecure_any_target` accepts any id",
    )
}

fn denied(detail: &'static str) -> AuthError {
    AuthError::new(ErrorKind::Denied).with_detail(detail)
}
