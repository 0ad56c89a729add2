//! Revoke tokens, sessions and users.

use std::time::SystemTime;

use futures_util::future::join_all;

use super::revocation::{RevocationCheck, in_time};
use super::verdict::Verdict;
use super::verifier::JwtVerifier;
use crate::types::credential::BearerToken;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::revocation::Revocation;
use crate::types::user::UserId;
use crate::util::clock::Clock;

/// Revocation needs a list: [`revocations`](super::JwtVerifierBuilder::revocations).
impl JwtVerifier {
    /// Revokes a valid token, and the session that it belongs to, as a log-out does: by its `jti` until it expires, and by its
    /// `sid` until every token of the session has, by this token's lifetime.
    ///
    /// # Errors
    /// As [`user_info`](Self::user_info) if the token is not valid, [`InvalidRequest`](ErrorKind::InvalidRequest) if it has
    /// neither `jti` nor `sid`; [`Unavailable`](ErrorKind::Unavailable) if the list could not be written: it is then in force
    /// here, and perhaps not for others. [`Misconfigured`](ErrorKind::Misconfigured) without a list.
    pub async fn revoke(&self, token: &str) -> Result<(), AuthError> {
        let check = self.revocation_check()?;
        let user = self.user_info(token).await?;
        let ids = user.revocation().map(|mark| &mark.ids);
        let (jti, sid) = (ids.and_then(|ids| ids.jti()), ids.and_then(|ids| ids.sid()));
        let now = self.inner.clock.today();
        let end = user.valid_until().unwrap_or(now + check.max_token_lifetime);
        let lifetime = ids.and_then(|ids| end.duration_since(ids.issued_at()?).ok());
        // Another token of the session may have been issued just now.
        let end_of_session = end.max(now + lifetime.unwrap_or(check.max_token_lifetime));
        let revocations: Vec<_> = [
            jti.map(|jti| (Revocation::token(jti), end)),
            sid.map(|sid| (Revocation::session(sid), end_of_session)),
        ]
        .into_iter()
        .flatten()
        .collect();
        if revocations.is_empty() {
            return Err(AuthError::new(ErrorKind::InvalidRequest).with_detail(
                "the token cannot be revoked: it has neither `jti` nor `sid`; `revoke_user` ends all of its user's",
            ));
        }
        let writes = revocations.iter().map(|(revocation, end)| self.write(revocation, *end));
        join_all(writes).await.into_iter().collect()
    }

    /// Revokes all tokens of a session (`sid`) until this time, by which they have expired.
    ///
    /// # Errors
    /// As [`revoke`](Self::revoke), of the list.
    pub async fn revoke_session(&self, sid: &str, until: SystemTime) -> Result<(), AuthError> {
        self.write(&Revocation::session(sid), until).await
    }

    /// Revokes all tokens of a user that were issued before an instant, and those that do not say when they were issued: by the
    /// user's id, or by the `sub` of their tokens. Kept for [`max_token_lifetime`](super::JwtVerifierBuilder::max_token_lifetime).
    ///
    /// `iat` is in whole seconds mostly: a token of the second in which `before` is counts as issued before.
    ///
    /// # Errors
    /// As [`revoke`](Self::revoke), of the list.
    pub async fn revoke_user(&self, id: impl Into<UserId>, before: SystemTime) -> Result<(), AuthError> {
        let lifetime = self.revocation_check()?.max_token_lifetime;
        let latest = before.max(self.inner.clock.today());
        let until = latest.checked_add(lifetime).unwrap_or(latest);
        self.write(&Revocation::user(id, before), until).await
    }

    /// Whether a token is of one of the issuers, and so one that could be revoked here.
    pub(crate) fn is_own(&self, token: &BearerToken) -> bool {
        !matches!(self.verify_own(token), Verdict::NotOwn)
    }

    /// The time by which tokens expire.
    pub(crate) fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Applies a log-out that the issuer tells of.
    pub(crate) async fn log_out(&self, revocation: &Revocation) -> Result<(), AuthError> {
        let until = self.inner.clock.today() + self.revocation_check()?.max_token_lifetime;
        self.write(revocation, until).await
    }

    async fn write(&self, revocation: &Revocation, until: SystemTime) -> Result<(), AuthError> {
        let list = &self.revocation_check()?.list;
        // Until when tokens are accepted.
        let leeway = self.inner.sources.iter().map(|source| source.validation.leeway).max();
        let until = until.checked_add(leeway.unwrap_or_default()).unwrap_or(until);
        in_time(list.revoke(revocation, until)).await.map_err(|error| {
            tracing::warn!(%error, "cannot write a revocation");
            AuthError::new(ErrorKind::Unavailable)
                .with_detail(format!("the revocation is not in force everywhere: {error}"))
        })
    }

    pub(super) fn revocation_check(&self) -> Result<&RevocationCheck, AuthError> {
        self.inner.revocation.as_ref().ok_or_else(|| {
            AuthError::new(ErrorKind::Misconfigured)
                .with_detail("the verifier has no list of revocations: set `revocations` of its builder")
        })
    }
}
