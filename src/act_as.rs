//! Whether one user may act as another.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderMap, HeaderName};

use crate::audit::{self, ActAsAttempt, AuditSink, Sink};
use crate::directory::{Directory, UserDirectory};
use crate::error::{AuthError, ErrorKind};
use crate::user::{AccessKeyKind, UserId, UserInfo};

/// Names the user that an admin acts as.
const X_ACT_AS_USER_ID: HeaderName = HeaderName::from_static("x-act-as-user-id");

/// Longer ids are nobody's.
const MAX_ID_LEN: usize = 256;

/// A request waits no longer for the directory, nor for the sink.
const DEADLINE: Duration = Duration::from_secs(5);

/// Who may act as whom through [`ActAsUser`](crate::ActAsUser), given to [`AuthLayer::act_as`](crate::AuthLayer::act_as).
///
/// By default, admins may act as any user that the layer's verifier knows, but not as another admin. `AuthClient` knows
/// the users of the auth center; a verifier that knows none lets any id pass, so give it a
/// [`directory`](ActAsPolicy::directory).
///
/// ```
/// use aigc_auth::{ActAsPolicy, AuthLayer, BearerToken, UserDirectory, Verify};
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
    read_only: bool,
    limit: Option<Arc<Limit>>,
    sink: Option<Sink>,
}

type Limit = dyn Fn(&ActAsAttempt) -> bool + Send + Sync;

impl ActAsPolicy {
    /// The default policy.
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks the users to act as up here. An unknown one is answered 404, and a directory that does not answer within
    /// 5 s, or fails, 503. Defaults to the layer's verifier, if that is a directory as `AuthClient` is.
    pub fn directory(mut self, directory: impl UserDirectory) -> Self {
        self.directory = Some(Directory::new(directory));
        self
    }

    /// Takes ids as they are given, and asks nobody whether there is such a user, or whether he is an admin.
    pub fn insecure_any_target(mut self) -> Self {
        self.any_target = true;
        self
    }

    /// Lets admins act as other admins. Defaults to refusing that.
    pub fn allow_admin_targets(mut self) -> Self {
        self.admin_targets = true;
        self
    }

    /// Lets admins look and not touch: only safe methods (`GET`, `HEAD`, `OPTIONS`, `TRACE`). Defaults to all methods.
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Lets only those through whom this function accepts, after all other rules.
    pub fn only_if(mut self, accepts: impl Fn(&ActAsAttempt) -> bool + Send + Sync + 'static) -> Self {
        self.limit = Some(Arc::new(accepts));
        self
    }

    /// Has every attempt recorded here as well, before the handler runs, granted ones and refused ones. What cannot be
    /// recorded is refused. Defaults to the log alone (target `aigc_auth::audit`).
    pub fn audit(mut self, sink: impl AuditSink) -> Self {
        self.sink = Some(Sink::new(sink));
        self
    }

    /// The verdict on an attempt, recorded. `directory` is asked where the policy has none of its own.
    ///
    /// `target` is what the header says, and the attempt is yet without it.
    pub(crate) async fn judge(
        &self,
        mut attempt: ActAsAttempt,
        target: Result<UserId, AuthError>,
        directory: Option<&Directory>,
    ) -> Result<Target, AuthError> {
        attempt.target_id = target.as_ref().ok().cloned();
        let directory = self.directory.as_ref().or(directory).filter(|_| !self.any_target);
        let verdict = match target {
            Ok(id) => self.check(&mut attempt, id, directory).await,
            Err(error) => Err(error),
        };
        attempt.refusal = verdict.as_ref().err().cloned();
        if let Some(sink) = &self.sink
            && let Err(error) = recorded(sink, &attempt).await
        {
            attempt.refusal.get_or_insert(error);
        }
        audit::log(&attempt);
        match attempt.refusal {
            None => verdict,
            Some(refusal) => Err(refusal),
        }
    }

    /// Who may not act as others learns nothing of them.
    async fn check(
        &self,
        attempt: &mut ActAsAttempt,
        id: UserId,
        directory: Option<&Directory>,
    ) -> Result<Target, AuthError> {
        if !attempt.actor.is_admin {
            return Err(AuthError::missing_permission("the admin flag"));
        }
        if attempt.actor.access_key() == Some(AccessKeyKind::App) {
            return Err(denied("the access key of an app acts as nobody"));
        }
        if self.read_only && !attempt.method.is_safe() {
            return Err(denied("acting as another user is read-only here"));
        }
        if let Some(directory) = directory {
            attempt.target = Some(found(directory, &id).await?);
        }
        if attempt.target.as_ref().is_some_and(|target| target.is_admin) && !self.admin_targets {
            return Err(denied("admins do not act as other admins here"));
        }
        if self.limit.as_ref().is_some_and(|accepts| !accepts(attempt)) {
            return Err(denied("the service's own rule refuses it"));
        }
        Ok(Target { id, user: attempt.target.clone() })
    }
}

impl fmt::Debug for ActAsPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActAsPolicy")
            .field("directory", &self.directory)
            .field("any_target", &self.any_target)
            .field("admin_targets", &self.admin_targets)
            .field("read_only", &self.read_only)
            .field("sink", &self.sink)
            .finish_non_exhaustive()
    }
}

/// Whom somebody acts as.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) id: UserId,
    pub(crate) user: Option<UserInfo>,
}

async fn found(directory: &Directory, id: &UserId) -> Result<UserInfo, AuthError> {
    let unavailable = || AuthError::new(ErrorKind::Unavailable);
    match tokio::time::timeout(DEADLINE, directory.find_user(id)).await {
        Ok(Ok(Some(user))) if user.id == *id => Ok(user),
        // Such as a table that compares without case: the handler would be told of two ids.
        Ok(Ok(Some(_))) => {
            Err(AuthError::new(ErrorKind::UnknownUser).with_detail("the directory knows him by another id"))
        }
        Ok(Ok(None)) => Err(AuthError::new(ErrorKind::UnknownUser)),
        Ok(Err(error)) if error.kind() == ErrorKind::Unavailable => Err(error),
        Ok(Err(error)) => Err(unavailable().with_detail("the directory of users failed").with_source(error)),
        Err(_) => Err(unavailable().with_detail("the directory of users did not answer in time")),
    }
}

async fn recorded(sink: &Sink, attempt: &ActAsAttempt) -> Result<(), AuthError> {
    let what = match tokio::time::timeout(DEADLINE, sink.record(attempt)).await {
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

fn denied(detail: &'static str) -> AuthError {
    AuthError::new(ErrorKind::Denied).with_detail(detail)
}

/// Whom the request wants to act as: `None` for nobody else, an error where that cannot be read.
///
/// An id is of the same kind as the caller's own: who is a number asks for numbers.
pub(crate) fn wanted(headers: &HeaderMap, actor: &UserInfo) -> Option<Result<UserId, AuthError>> {
    let mut values = headers.get_all(X_ACT_AS_USER_ID).iter();
    let value = values.next()?;
    let refuse = |why: &'static str| Some(Err(AuthError::new(ErrorKind::InvalidRequest).with_detail(why)));
    if values.next().is_some() {
        // Which of them a proxy before us looked at cannot be known.
        return refuse("more than one X-Act-As-User-Id header");
    }
    let Ok(id) = std::str::from_utf8(value.as_bytes()) else {
        return refuse("the X-Act-As-User-Id header is not UTF-8");
    };
    let id = id.trim();
    if id.is_empty() {
        return None;
    }
    if id.len() > MAX_ID_LEN || id.chars().any(char::is_control) {
        return refuse("the X-Act-As-User-Id header is over 256 bytes long, or has control characters");
    }
    // `+7`, `07` and `-0` are not how an id is written.
    let number = id.parse::<i64>().ok().filter(|number| number.to_string() == id);
    Some(Ok(match (number, &actor.id) {
        (Some(number), UserId::Int(_)) => UserId::Int(number),
        _ => UserId::from(id),
    }))
}
