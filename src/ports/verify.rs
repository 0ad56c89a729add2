//! The port between the layer and the verifiers of credentials.

use std::future::Future;
use std::sync::Arc;

use crate::ports::observer::Observer;
use crate::ports::user_directory::Directory;
use crate::types::credential::{AccessKey, BearerToken, Credential};
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::UserInfo;
use crate::util::boxed::BoxFuture;

/// Verifies a credential and returns its user.
///
/// `C` is [`BearerToken`] or [`AccessKey`]. [`AuthLayer::new`](crate::AuthLayer::new) wants both;
/// [`AuthLayer::tokens_only`](crate::AuthLayer::tokens_only) the first.
///
/// Return [`InvalidCredential`](ErrorKind::InvalidCredential) and [`Denied`](ErrorKind::Denied) only on positive evidence,
/// and [`Unavailable`](ErrorKind::Unavailable) whenever the credential could not be verified either way.
///
/// ```
/// use aigc_auth::credential::BearerToken;
/// use aigc_auth::error::ErrorKind;
/// use aigc_auth::{AuthError, AuthLayer, UserInfo, Verify};
///
/// /// Accepts one fixed token.
/// struct Fixed(&'static str);
///
/// impl Verify<BearerToken> for Fixed {
///     async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
///         if token.as_str() == self.0 {
///             Ok(UserInfo::builder(1, "robot").build())
///         } else {
///             Err(AuthError::new(ErrorKind::InvalidCredential))
///         }
///     }
/// }
///
/// let layer = AuthLayer::tokens_only(Fixed("s3cret"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot verify `{C}`",
    label = "does not implement `Verify<{C}>`",
    note = "`AuthLayer::new` wants a verifier of both kinds of credential: implement `Verify<{C}>` for it too",
    note = "or take tokens only, `AuthLayer::tokens_only(verifier)`, and add `.with_access_keys(other)` if need be"
)]
pub trait Verify<C>: Send + Sync + 'static {
    /// Verifies a credential without waiting, from a cache; `None` if [`Verify::verify`] has to be awaited.
    ///
    /// Called on every request, before the credential's characters are checked: look it up, do not send it anywhere.
    /// Defaults to `None`.
    fn try_verify(&self, credential: &C) -> Option<Result<UserInfo, AuthError>> {
        let _ = credential;
        None
    }

    /// Verifies a credential. The layer drops the future after its `verify_timeout`.
    ///
    /// # Errors
    /// Any [`AuthError`]; the request is refused with it.
    fn verify(&self, credential: C) -> impl Future<Output = Result<UserInfo, AuthError>> + Send;

    /// The id that this service has at the auth center, for the request context. Defaults to none.
    fn app_id(&self) -> Option<Arc<str>> {
        None
    }

    /// The directory of the users that admins may act as. Defaults to none, and then impersonation is a configuration error
    /// unless the policy has one: a verifier that wraps another passes this on.
    fn directory(&self) -> Option<Directory> {
        None
    }

    /// Who is told what the layer does, unless [`AuthLayer::observer`](crate::AuthLayer::observer) says so. Defaults to nobody: a
    /// verifier that wraps another passes this on.
    fn observer(&self) -> Option<Arc<dyn Observer>> {
        None
    }
}

/// Passes on everything.
macro_rules! verify_by_reference {
    ($($reference:ty),+) => {$(
        impl<C: Send + 'static, V: Verify<C>> Verify<C> for $reference {
            fn try_verify(&self, credential: &C) -> Option<Result<UserInfo, AuthError>> {
                (**self).try_verify(credential)
            }

            fn verify(&self, credential: C) -> impl Future<Output = Result<UserInfo, AuthError>> + Send {
                (**self).verify(credential)
            }

            fn app_id(&self) -> Option<Arc<str>> {
                (**self).app_id()
            }

            fn directory(&self) -> Option<Directory> {
                (**self).directory()
            }

            fn observer(&self) -> Option<Arc<dyn Observer>> {
                (**self).observer()
            }
        }
    )+};
}

verify_by_reference!(Arc<V>, Box<V>, &'static V);

pub(crate) type Verifying = BoxFuture<'static, Result<UserInfo, AuthError>>;

/// `Verify` as a trait object, so that no type parameter reaches the layer's users.
trait DynVerify<C>: Send + Sync {
    fn try_verify(&self, credential: &C) -> Option<Result<UserInfo, AuthError>>;
    fn verify(self: Arc<Self>, credential: C) -> Verifying;
}

impl<C: Send + 'static, V: Verify<C>> DynVerify<C> for V {
    fn try_verify(&self, credential: &C) -> Option<Result<UserInfo, AuthError>> {
        Verify::try_verify(self, credential)
    }

    fn verify(self: Arc<Self>, credential: C) -> Verifying {
        Box::pin(async move { Verify::verify(&*self, credential).await })
    }
}

/// The verifiers of a layer, one for each kind of credential. The kind alone decides which one is used.
#[derive(Clone)]
pub(crate) struct Verifiers {
    tokens: Arc<dyn DynVerify<BearerToken>>,
    access_keys: Option<Arc<dyn DynVerify<AccessKey>>>,
}

impl Verifiers {
    pub(crate) fn tokens(verifier: impl Verify<BearerToken>) -> Self {
        Self { tokens: Arc::new(verifier), access_keys: None }
    }

    pub(crate) fn both(verifier: impl Verify<BearerToken> + Verify<AccessKey>) -> Self {
        let verifier = Arc::new(verifier);
        Self { tokens: verifier.clone(), access_keys: Some(verifier) }
    }

    pub(crate) fn with_access_keys(self, verifier: impl Verify<AccessKey>) -> Self {
        Self { access_keys: Some(Arc::new(verifier)), ..self }
    }

    pub(crate) fn try_verify(&self, credential: &Credential) -> Option<Result<UserInfo, AuthError>> {
        match (credential, &self.access_keys) {
            (Credential::Bearer(token), _) => self.tokens.try_verify(token),
            (Credential::AccessKey(key), Some(access_keys)) => access_keys.try_verify(key),
            (Credential::AccessKey(_), None) => Some(Err(not_accepted())),
        }
    }

    pub(crate) fn verify(&self, credential: Credential) -> Verifying {
        match (credential, &self.access_keys) {
            (Credential::Bearer(token), _) => self.tokens.clone().verify(token),
            (Credential::AccessKey(key), Some(access_keys)) => access_keys.clone().verify(key),
            (Credential::AccessKey(_), None) => Box::pin(std::future::ready(Err(not_accepted()))),
        }
    }
}

fn not_accepted() -> AuthError {
    AuthError::new(ErrorKind::InvalidCredential).with_detail("this service does not accept access keys")
}
