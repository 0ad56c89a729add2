//! Audit impersonation: every attempt is recorded before the handler runs.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use http::Method;

use crate::types::error::AuthError;
use crate::types::user::{UserId, UserInfo};
use crate::util::boxed::BoxFuture;

/// An attempt of a user to act as another, granted or refused.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ActAsAttempt {
    /// The verified user who made the request.
    pub actor: UserInfo,
    /// The id of the user to act as; `None` if the header could not be read.
    pub target_id: Option<UserId>,
    /// The user to act as, if a directory found one.
    pub target: Option<UserInfo>,
    /// The request's method.
    pub method: Method,
    /// The raw path of the request, without its query.
    pub path: String,
    /// The client's address, if known.
    pub client_ip: Option<IpAddr>,
    /// The request's trace id, if it has one.
    pub trace_id: Option<String>,
    /// The reason of a refusal; `None` if the attempt was granted, or is not decided yet.
    pub refusal: Option<AuthError>,
}

/// The error of an [`AuditSink`], for the log.
pub type AuditError = Box<dyn Error + Send + Sync>;

/// Records attempts to act as another user, for example in an append-only table.
///
/// ```
/// use aigc_auth::impersonation::{ActAsAttempt, AuditError, AuditSink};
/// use tokio::{fs::OpenOptions, io::AsyncWriteExt};
///
/// struct AuditFile(std::path::PathBuf);
///
/// impl AuditSink for AuditFile {
///     async fn record(&self, attempt: &ActAsAttempt) -> Result<(), AuditError> {
///         let verdict = if attempt.refusal.is_some() { "refused" } else { "granted" };
///         let line = format!("{verdict} {} -> {:?} {}\n", attempt.actor.id(), attempt.target_id, attempt.path);
///         let mut file = OpenOptions::new().create(true).append(true).open(&self.0).await?;
///         file.write_all(line.as_bytes()).await?;
///         Ok(file.sync_data().await?)
///     }
/// }
/// ```
pub trait AuditSink: Send + Sync + 'static {
    /// Records an attempt. The request waits for it, at most 5 s.
    ///
    /// # Errors
    /// Any. An attempt that cannot be recorded is refused with 503.
    fn record(&self, attempt: &ActAsAttempt) -> impl Future<Output = Result<(), AuditError>> + Send;
}

#[derive(Clone)]
pub(crate) struct Sink(Arc<dyn DynAuditSink>);

trait DynAuditSink: Send + Sync {
    fn record<'a>(&'a self, attempt: &'a ActAsAttempt) -> BoxFuture<'a, Result<(), AuditError>>;
}

impl<S: AuditSink> DynAuditSink for S {
    fn record<'a>(&'a self, attempt: &'a ActAsAttempt) -> BoxFuture<'a, Result<(), AuditError>> {
        Box::pin(AuditSink::record(self, attempt))
    }
}

impl Sink {
    pub(crate) fn new(sink: impl AuditSink) -> Self {
        Self(Arc::new(sink))
    }

    pub(crate) async fn record(&self, attempt: &ActAsAttempt) -> Result<(), AuditError> {
        self.0.record(attempt).await
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").finish_non_exhaustive()
    }
}

/// Logs an attempt under the target `aigc_auth::audit`.
pub(crate) fn log(attempt: &ActAsAttempt) {
    let ActAsAttempt { actor, target_id, method, path, client_ip, trace_id, refusal, .. } = attempt;
    // Ids as strings, which a log quotes: the target id comes from a header and might look like further fields.
    let (actor_id, target_id) = (actor.id().to_string(), target_id.as_ref().map(UserId::to_string));
    let (target_id, actor_email, trace_id) = (target_id.as_deref(), actor.email(), trace_id.as_deref());
    let client_ip = client_ip.map(tracing::field::display);
    match refusal {
        None => tracing::info!(
            target: "aigc_auth::audit",
            actor_id, actor_email, target_id, %method, path, client_ip, trace_id,
            "acting as another user"
        ),
        Some(refusal) => tracing::warn!(
            target: "aigc_auth::audit",
            actor_id, actor_email, target_id, %method, path, client_ip, trace_id, %refusal,
            "acting as another user was refused"
        ),
    }
}
