//! The settings of a builder that are about revocation.

use std::sync::Arc;
use std::time::Duration;

use super::builder::JwtVerifierBuilder;
use crate::ports::revocations::Revocations;
use crate::types::revocation::RevocationFailure;
use crate::upstream::lookups::MAX_DURATION;

/// Revocation before a token's end: see [`revocation`](crate::revocation). These are settings of the whole verifier, not of a
/// source of keys that is added to it.
impl JwtVerifierBuilder {
    /// Rejects the tokens on this list. Defaults to none: a token is valid until it expires.
    ///
    /// A token whose `jti` or session is neither a text nor an integer is then rejected as well: it could not be revoked.
    ///
    /// ```
    /// use aigc_auth::jwt::JwtVerifier;
    /// use aigc_auth::revocation::{MemoryRevocations, RevocationFailure};
    ///
    /// let verifier = JwtVerifier::from_secret("a secret of at least 32 characters")
    ///     .revocations(MemoryRevocations::new())
    ///     .revocation_failure(RevocationFailure::Closed)
    ///     .build()?;
    /// # Ok::<(), aigc_auth::error::BuildError>(())
    /// ```
    pub fn revocations(mut self, list: impl Revocations) -> Self {
        self.revocation.list = Some(Arc::new(list));
        self
    }

    /// Sets what happens to a token while the list cannot be asked. Defaults to [`RevocationFailure::Open`].
    pub fn revocation_failure(mut self, failure: RevocationFailure) -> Self {
        self.revocation.failure = failure;
        self
    }

    /// Sets the claims that may have the session's id, of which the first one that a token has counts. Defaults to `sid`;
    /// Supabase has `session_id`.
    pub fn session_claims(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.revocation.session_claims = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets how long tokens are valid at most, which is how long a revocation of a user or of a session is kept. Defaults to 24 h.
    /// A token that lives longer is valid again when the revocation has ended; the log warns of such tokens.
    pub fn max_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.revocation.max_token_lifetime = lifetime.min(MAX_DURATION);
        self
    }
}
