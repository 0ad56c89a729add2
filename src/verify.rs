//! The port between the layer and whoever can tell who a caller is.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::credential::{AccessKey, BearerToken, Credential};
use crate::directory::Directory;
use crate::error::{AuthError, ErrorKind};
use crate::user::UserInfo;

/// Turns a credential into the user it stands for.
///
/// `C` is [`BearerToken`] or [`AccessKey`]. [`AuthLayer::new`](crate::AuthLayer::new) wants both;
/// [`AuthLayer::tokens_only`](crate::AuthLayer::tokens_only) the first.
///
/// Tell three answers apart: [`InvalidCredential`](ErrorKind::InvalidCredential) and [`Denied`](ErrorKind::Denied) only
/// on positive evidence, [`Unavailable`](ErrorKind::Unavailable) whenever it could not be told.
///
/// ```
/// use aigc_auth::{AuthError, AuthLayer, BearerToken, ErrorKind, UserInfo, Verify};
///
/// /// One token, known beforehand.
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
    /// What is already known of the credential, without waiting: `None` to be asked through [`Verify::verify`].
    ///
    /// Called on every request, before the credential's characters were checked: look it up, do not send it anywhere.
    /// Defaults to knowing nothing.
    fn known(&self, credential: &C) -> Option<Result<UserInfo, AuthError>> {
        let _ = credential;
        None
    }

    /// Finds out who it is. The layer gives up after its deadline and drops the future.
    ///
    /// # Errors
    /// Any [`AuthError`]; the request is refused with it.
    fn verify(&self, credential: C) -> impl Future<Output = Result<UserInfo, AuthError>> + Send;

    /// The id of the app that this service is at the auth center, for the request context.
    fn app_id(&self) -> Option<Arc<str>> {
        None
    }

    /// Who knows the users that admins may act as; `None`, the default, if nobody does.
    fn directory(&self) -> Option<Directory> {
        None
    }
}

impl<C: Send + 'static, V: Verify<C>> Verify<C> for Arc<V> {
    fn known(&self, credential: &C) -> Option<Result<UserInfo, AuthError>> {
        (**self).known(credential)
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
}

pub(crate) type Verifying = Pin<Box<dyn Future<Output = Result<UserInfo, AuthError>> + Send>>;

/// `Verify` without its type parameter, so that none reaches the layer's users.
trait Erased<C>: Send + Sync {
    fn known(&self, credential: &C) -> Option<Result<UserInfo, AuthError>>;
    fn verify(self: Arc<Self>, credential: C) -> Verifying;
}

impl<C: Send + 'static, V: Verify<C>> Erased<C> for V {
    fn known(&self, credential: &C) -> Option<Result<UserInfo, AuthError>> {
        Verify::known(self, credential)
    }

    fn verify(self: Arc<Self>, credential: C) -> Verifying {
        Box::pin(async move { Verify::verify(&*self, credential).await })
    }
}

/// The verifiers of a layer: the credential's kind says which one is asked, and no other ever is.
#[derive(Clone)]
pub(crate) struct Verifiers {
    tokens: Arc<dyn Erased<BearerToken>>,
    access_keys: Option<Arc<dyn Erased<AccessKey>>>,
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

    pub(crate) fn known(&self, credential: &Credential) -> Option<Result<UserInfo, AuthError>> {
        match (credential, &self.access_keys) {
            (Credential::Bearer(token), _) => self.tokens.known(token),
            (Credential::AccessKey(key), Some(access_keys)) => access_keys.known(key),
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
