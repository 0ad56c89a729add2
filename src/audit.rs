//! Who acted as whom: written down before it happens.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use http::Method;

use crate::error::AuthError;
use crate::user::{UserId, UserInfo};

/// An attempt of a user to act as another, granted or refused.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ActAsAttempt {
    /// Who is really asking.
    pub actor: UserInfo,
    /// Whom he wants to act as; `None` where the header could not be read.
    pub target_id: Option<UserId>,
    /// That user, where a directory knows him.
    pub target: Option<UserInfo>,
    /// The request's method.
    pub method: Method,
    /// The request's path as it was sent, without its query.
    pub path: String,
    /// The client's address, if known.
    pub client_ip: Option<IpAddr>,
    /// The request's trace id, if it has one.
    pub trace_id: Option<String>,
    /// Why it was refused; `None` if it was granted, or is still to be decided.
    pub refusal: Option<AuthError>,
}

/// Why an [`AuditSink`] failed: any error, for the log.
pub type AuditError = Box<dyn Error + Send + Sync>;

/// Keeps record of who acted as whom, such as a table that nobody may delete from.
///
/// ```
/// use aigc_auth::{ActAsAttempt, AuditError, AuditSink};
/// use tokio::{fs::OpenOptions, io::AsyncWriteExt};
///
/// struct AuditFile(std::path::PathBuf);
///
/// impl AuditSink for AuditFile {
///     async fn record(&self, attempt: &ActAsAttempt) -> Result<(), AuditError> {
///         let verdict = if attempt.refusal.is_some() { "refused" } else { "granted" };
///         let line = format!("{verdict} {} -> {:?} {}\n", attempt.actor.id, attempt.target_id, attempt.path);
///         let mut file = OpenOptions::new().create(true).append(true).open(&self.0).await?;
///         file.write_all(line.as_bytes()).await?;
///         Ok(file.sync_data().await?)
///     }
/// }
/// ```
pub trait AuditSink: Send + Sync + 'static {
    /// Keeps an attempt. The request waits for it, at most 5 s.
    ///
    /// # Errors
    /// Any; what cannot be recorded is refused, with 503.
    fn record(&self, attempt: &ActAsAttempt) -> impl Future<Output = Result<(), AuditError>> + Send;
}

#[derive(Clone)]
pub(crate) struct Sink(Arc<dyn Erased>);

type Recording<'a> = Pin<Box<dyn Future<Output = Result<(), AuditError>> + Send + 'a>>;

trait Erased: Send + Sync {
    fn record<'a>(&'a self, attempt: &'a ActAsAttempt) -> Recording<'a>;
}

impl<S: AuditSink> Erased for S {
    fn record<'a>(&'a self, attempt: &'a ActAsAttempt) -> Recording<'a> {
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

/// Tells the log, under the target `aigc_auth::audit`.
pub(crate) fn log(attempt: &ActAsAttempt) {
    let ActAsAttempt { actor, target_id, method, path, client_ip, trace_id, refusal, .. } = attempt;
    // Ids as texts, which a log quotes: a target is what the header says, and might look like further fields.
    let (actor_id, target_id) = (actor.id.to_string(), target_id.as_ref().map(UserId::to_string));
    let (target_id, actor_email, trace_id) =
        (target_id.as_deref(), actor.email.as_deref(), trace_id.as_deref());
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
