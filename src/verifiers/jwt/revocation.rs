//! Look up whether a verified token was revoked.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use super::error::{Reason, Rejection, invalid_token};
use super::revocation_settings::RevocationSettings;
use crate::ports::revocations::{DynRevocations, RevocationError};
use crate::types::claims::type_of;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::revocation::{RevocationFailure, RevocationMark, RevocationStatus, TokenIds};
use crate::types::user::UserInfo;
use crate::util::clock::Clock;
use crate::util::log_throttle::LogThrottle;

/// How long a list may take, whatever it is. One over Redis takes 50 ms at most.
pub(super) const TIMEOUT: Duration = Duration::from_secs(1);

pub(super) struct RevocationCheck {
    pub(super) list: Arc<dyn DynRevocations>,
    failure: RevocationFailure,
    session_claims: Vec<String>,
    pub(super) max_token_lifetime: Duration,
    outages: LogThrottle,
    long_lives: LogThrottle,
}

/// The rejection of a token that is on the list.
pub(super) fn revoked() -> Rejection {
    invalid_token(Reason::Revoked, "the token has been revoked")
}

impl RevocationCheck {
    const PAUSE: Duration = Duration::from_secs(10);

    /// `None` without a list.
    pub(super) fn new(settings: &RevocationSettings, clock: &Clock) -> Option<Self> {
        let throttle = || LogThrottle::new(clock.clone(), Self::PAUSE);
        Some(Self {
            list: settings.list.clone()?,
            failure: settings.failure,
            session_claims: settings.session_claims.clone(),
            max_token_lifetime: settings.max_token_lifetime,
            outages: throttle(),
            long_lives: throttle(),
        })
    }

    /// Returns what is known of the token of a verified user.
    pub(super) fn status(&self, user: &UserInfo) -> RevocationStatus {
        // No user is verified without.
        let Some(mark) = user.revocation() else { return RevocationStatus::Unknown };
        // Before the look: what is added after it has another version.
        let version = self.list.version();
        if mark.is_checked(version) {
            return RevocationStatus::Valid;
        }
        let status = self.list.status(&mark.ids);
        if status == RevocationStatus::Valid {
            mark.set_checked(version);
        }
        status
    }

    /// Asks the list.
    pub(super) async fn ask(&self, user: UserInfo) -> Result<UserInfo, Rejection> {
        let asked = match user.revocation() {
            Some(mark) => in_time(self.list.is_revoked(&mark.ids)).await,
            None => Err("the token was verified without its ids".into()),
        };
        match (asked, self.failure) {
            (Ok(false), _) => Ok(user),
            (Ok(true), _) => Err(revoked()),
            (Err(error), failure) => {
                if self.outages.is_due() {
                    tracing::warn!(%error, ?failure, "cannot ask whether tokens have been revoked");
                }
                match failure {
                    RevocationFailure::Open => Ok(user),
                    RevocationFailure::Closed => Err(AuthError::new(ErrorKind::Unavailable)
                        .with_detail("cannot ask whether the token has been revoked")
                        .into()),
                }
            }
        }
    }

    /// Notes what a token may be revoked by.
    pub(super) fn mark(&self, claims: &Map<String, Value>, user: &mut UserInfo) -> Result<(), Rejection> {
        let mut ids = TokenIds::new(user.id().clone());
        if let Some(jti) = id(claims, "jti")? {
            ids = ids.with_jti(jti);
        }
        for name in &self.session_claims {
            if let Some(sid) = id(claims, name)? {
                ids = ids.with_sid(sid);
                break;
            }
        }
        // Where the user's id is another claim, this one may be anything.
        if let Ok(Some(subject)) = id(claims, "sub") {
            ids = ids.with_subject(subject);
        }
        let issued_at = claims.get("iat").and_then(Value::as_f64);
        if let Some(seconds) = issued_at {
            ids = ids.issued_at_seconds(seconds);
        }
        self.warn_of_long_life(ids.issued_at(), user.valid_until());
        user.set_revocation(RevocationMark::new(ids));
        Ok(())
    }

    fn warn_of_long_life(&self, issued_at: Option<SystemTime>, end: Option<SystemTime>) {
        let lifetime = issued_at.zip(end).and_then(|(start, end)| end.duration_since(start).ok());
        let Some(lifetime) = lifetime.filter(|lifetime| *lifetime > self.max_token_lifetime) else { return };
        if self.long_lives.is_due() {
            tracing::warn!(
                ?lifetime,
                max_token_lifetime = ?self.max_token_lifetime,
                "tokens live longer than a revocation of their user is kept: set `max_token_lifetime`"
            );
        }
    }
}

/// Reads an id as other services write it into the list: a text, or an integer in digits. `None` if it is absent, null or empty.
///
/// What else it is could be written in more than one way, so that a revocation might miss it.
pub(super) fn id(claims: &Map<String, Value>, name: &str) -> Result<Option<String>, Rejection> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(id)) => Ok(Some(id.clone()).filter(|id| !id.is_empty())),
        Some(Value::Number(id)) if !id.is_f64() => Ok(Some(id.to_string())),
        Some(other) => Err(invalid_token(
            Reason::Malformed,
            format!(
                "malformed `{name}` claim: expected a string or an integer to revoke by, found {}",
                if other.is_f64() { "a fraction" } else { type_of(other) }
            ),
        )),
    }
}

pub(super) async fn in_time<T>(
    asking: impl Future<Output = Result<T, RevocationError>>,
) -> Result<T, RevocationError> {
    tokio::time::timeout(TIMEOUT, asking)
        .await
        .unwrap_or_else(|_| Err("the list of revocations did not answer within 1 s".into()))
}
