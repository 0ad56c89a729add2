use std::fmt;
use std::sync::Arc;

use super::answer::Requirements;
use super::endpoint::Endpoint;
use crate::ports::observer::{Observer, Watch};
use crate::ports::verify::Verify;
use crate::types::credential::{AccessKey, BearerToken};
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::UserInfo;
use crate::util::clock::Clock;

/// Verifies tokens at the introspection endpoint of the authorization server that issued them (RFC 7662). Cheap to clone.
///
/// - `active: false` is an [`InvalidCredential`](ErrorKind::InvalidCredential).
/// - Of an active token, `exp`, `nbf`, `aud`, `iss` and `token_type` are checked where the answer has them, and refresh, ID and
///   key-bound tokens are rejected.
/// - [`ClaimsMapping`](crate::claims::ClaimsMapping) makes a user of the answer: `sub`, `username`, roles, and permissions from `scope`.
/// - Whatever is no such answer is [`Unavailable`](ErrorKind::Unavailable): no connection, no answer within 5 s, another
///   status than 200, over 1 MiB, a redirect, HTML, an `active` that is no boolean, a member twice.
///
/// ```
/// use aigc_auth::AuthLayer;
/// use aigc_auth::cached::Cached;
/// use aigc_auth::introspection::Introspection;
///
/// let secret = std::env::var("CLIENT_SECRET").unwrap_or("s3cret".into());
/// let introspection = Introspection::builder("https://login.example.com/oauth2/introspect", "my-service", secret)
///     .audience("https://api.example.com")
///     .build()?;
/// // Asked once for each token in 300 s.
/// let layer = AuthLayer::new(Cached::new(introspection));
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
#[derive(Clone)]
pub struct Introspection {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) endpoint: Endpoint,
    pub(super) requirements: Requirements,
    pub(super) clock: Clock,
    pub(super) watch: Watch,
}

impl Introspection {
    pub(super) fn of(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }
}

impl Verify<BearerToken> for Introspection {
    async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
        let Inner { endpoint, requirements, clock, watch } = &*self.inner;
        let body = endpoint.ask(&token, watch).await?;
        requirements.user_of(&body, clock.today())
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.inner.watch.observer()
    }
}

/// Rejects all access keys, so that `AuthLayer::new(verifier)` works without a verifier for them.
/// [`with_access_keys`](crate::AuthLayer::with_access_keys) replaces it.
impl Verify<AccessKey> for Introspection {
    fn try_verify(&self, _: &AccessKey) -> Option<Result<UserInfo, AuthError>> {
        Some(Err(AuthError::new(ErrorKind::InvalidCredential)
            .with_detail("this service does not accept access keys")))
    }

    async fn verify(&self, _: AccessKey) -> Result<UserInfo, AuthError> {
        Err(AuthError::new(ErrorKind::InvalidCredential)
            .with_detail("this service does not accept access keys"))
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.inner.watch.observer()
    }
}

impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspection")
            .field("endpoint", &self.inner.endpoint)
            .field("requirements", &self.inner.requirements)
            .finish_non_exhaustive()
    }
}
