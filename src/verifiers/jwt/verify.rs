//! The port of verifiers.

use std::sync::Arc;

use super::verdict::Verdict;
use super::verifier::{JwtVerifier, PENDING};
use crate::ports::observer::Observer;
use crate::ports::verify::Verify;
use crate::types::credential::{AccessKey, BearerToken};
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::UserInfo;

impl Verify<BearerToken> for JwtVerifier {
    /// Verifies the token at once if its key is cached: that takes less time than handing it to another task.
    fn try_verify(&self, token: &BearerToken) -> Option<Result<UserInfo, AuthError>> {
        match self.inner.verify(token.as_bytes(), &PENDING) {
            Verdict::Done(verified) => Some(verified),
            Verdict::Pending | Verdict::Unchecked(_) | Verdict::NotOwn => None,
        }
    }

    async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
        self.verify_token(&token).await
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.inner.watch.observer()
    }
}

/// Rejects all access keys, so that `AuthLayer::new(verifier)` works without a verifier for them.
/// [`with_access_keys`](crate::AuthLayer::with_access_keys) replaces it.
impl Verify<AccessKey> for JwtVerifier {
    async fn verify(&self, _: AccessKey) -> Result<UserInfo, AuthError> {
        Err(AuthError::new(ErrorKind::InvalidCredential)
            .with_detail("this service does not accept access keys"))
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.inner.watch.observer()
    }
}
