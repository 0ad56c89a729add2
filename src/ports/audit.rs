//! Audit impersonation: every attempt is recorded before the handler runs, and so is the tenant before anything gets it.

use std::error::Error;
use std::fmt;
use std::future::{Future, ready};
use std::net::IpAddr;
use std::sync::Arc;

use http::Method;

use crate::types::error::AuthError;
use crate::types::tenant::{OrgId, TeamId, Tenant};
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
    /// The organisation that the request names in its header. Nobody has looked it up yet: see [`ActAsTenant`]. `None` without
    /// the header, if it cannot be read, and where the layer has no [`tenants`](crate::AuthLayer::tenants).
    pub requested_org: Option<OrgId>,
    /// The team that the request names, likewise.
    pub requested_team: Option<TeamId>,
    /// The reason of a refusal; `None` if the attempt was granted, or is not decided yet.
    pub refusal: Option<AuthError>,
}

/// The organisation and team in which a user acts as another, or why they may not: what became of an attempt that was granted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ActAsTenant {
    /// The attempt, as it was recorded.
    pub attempt: Arc<ActAsAttempt>,
    /// The organisation and team, and the target's roles there; `None` if they were refused.
    pub tenant: Option<Tenant>,
    /// The reason of a refusal, such as that the target is no member; `None` if the tenant was granted, or is not decided yet.
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

    /// Records the organisation and team of a granted attempt, or their refusal: once they are looked up, which a handler that
    /// asks for no tenant never causes, and before anything gets them. The request waits for it, at most 5 s. Defaults to
    /// nothing; the log has them anyway.
    ///
    /// # Errors
    /// Any. A tenant that cannot be recorded is refused with 503.
    fn record_tenant(&self, event: &ActAsTenant) -> impl Future<Output = Result<(), AuditError>> + Send {
        let _ = event;
        ready(Ok(()))
    }
}

#[derive(Clone)]
pub(crate) struct Sink(Arc<dyn DynAuditSink>);

trait DynAuditSink: Send + Sync {
    fn record<'a>(&'a self, attempt: &'a ActAsAttempt) -> BoxFuture<'a, Result<(), AuditError>>;
    fn record_tenant<'a>(&'a self, event: &'a ActAsTenant) -> BoxFuture<'a, Result<(), AuditError>>;
}

impl<S: AuditSink> DynAuditSink for S {
    fn record<'a>(&'a self, attempt: &'a ActAsAttempt) -> BoxFuture<'a, Result<(), AuditError>> {
        Box::pin(AuditSink::record(self, attempt))
    }

    fn record_tenant<'a>(&'a self, event: &'a ActAsTenant) -> BoxFuture<'a, Result<(), AuditError>> {
        Box::pin(AuditSink::record_tenant(self, event))
    }
}

impl Sink {
    pub(crate) fn new(sink: impl AuditSink) -> Self {
        Self(Arc::new(sink))
    }

    pub(crate) async fn record(&self, attempt: &ActAsAttempt) -> Result<(), AuditError> {
        self.0.record(attempt).await
    }

    pub(crate) async fn record_tenant(&self, event: &ActAsTenant) -> Result<(), AuditError> {
        self.0.record_tenant(event).await
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
    let requested_org_id = attempt.requested_org.as_ref().map(OrgId::as_str);
    let requested_team_id = attempt.requested_team.as_ref().map(TeamId::as_str);
    let client_ip = client_ip.map(tracing::field::display);
    match refusal {
        None => tracing::info!(
            target: "aigc_auth::audit",
            actor_id, actor_email, target_id, requested_org_id, requested_team_id, %method, path, client_ip, trace_id,
            "acting as another user"
        ),
        Some(refusal) => tracing::warn!(
            target: "aigc_auth::audit",
            actor_id, actor_email, target_id, requested_org_id, requested_team_id, %method, path, client_ip, trace_id,
            %refusal,
            "acting as another user was refused"
        ),
    }
}

/// Logs what became of a granted attempt, likewise.
pub(crate) fn log_tenant(event: &ActAsTenant) {
    let ActAsTenant { attempt, tenant, refusal } = event;
    let ActAsAttempt { actor, target_id, method, path, client_ip, trace_id, .. } = &**attempt;
    let (actor_id, target_id) = (actor.id().to_string(), target_id.as_ref().map(UserId::to_string));
    let (target_id, actor_email, trace_id) = (target_id.as_deref(), actor.email(), trace_id.as_deref());
    let client_ip = client_ip.map(tracing::field::display);
    match refusal {
        None => {
            let org_id = tenant.as_ref().map(|tenant| tenant.org_id().as_str());
            let team_id = tenant.as_ref().and_then(Tenant::team_id).map(TeamId::as_str);
            tracing::info!(
                target: "aigc_auth::audit",
                actor_id, actor_email, target_id, org_id, team_id, %method, path, client_ip, trace_id,
                "acting as another user in their organisation"
            );
        }
        Some(refusal) => {
            let requested_org_id = attempt.requested_org.as_ref().map(OrgId::as_str);
            let requested_team_id = attempt.requested_team.as_ref().map(TeamId::as_str);
            tracing::warn!(
                target: "aigc_auth::audit",
                actor_id, actor_email, target_id, requested_org_id, requested_team_id, %method, path, client_ip,
                trace_id, %refusal,
                "acting as another user in their organisation was refused"
            );
        }
    }
}
