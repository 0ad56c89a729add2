//! The outcome of authentication, in a request's extensions.
//!
//! One insert a request: the [`UserInfo`], or else the reason why there is none, such as that it is a service's.

use std::sync::LazyLock;

use http::Extensions;

use crate::types::error::{AuthError, ErrorKind};
use crate::types::service::ServiceIdentity;
use crate::types::user::UserInfo;

/// Why a request that a layer let through has no user.
#[derive(Clone)]
pub(crate) enum Unauthenticated {
    /// Its path is excluded: the credential was not verified.
    Excluded,
    /// Anonymous requests are let through; otherwise the request would have been refused with this error.
    Rejected(AuthError),
    /// It is a service's. Read only where there is no user: an inner layer may have verified one since.
    Service(ServiceIdentity),
}

impl Unauthenticated {
    /// The service that calls, if that is the reason.
    pub(crate) fn service(&self) -> Option<&ServiceIdentity> {
        match self {
            Self::Service(service) => Some(service),
            Self::Excluded | Self::Rejected(_) => None,
        }
    }
}

/// Empty extensions with capacity for ours and for the three that a router adds. New ones would have to grow at the
/// fourth: one more allocation, and all entries moved.
static ROOMY: LazyLock<Extensions> = LazyLock::new(|| {
    let mut extensions = Extensions::new();
    extensions.insert(0u8);
    extensions.insert(0u16);
    extensions.insert(0u32);
    extensions.insert(0u64);
    // The capacity stays, and a clone keeps it.
    extensions.remove::<u8>();
    extensions.remove::<u16>();
    extensions.remove::<u32>();
    extensions.remove::<u64>();
    extensions
});

/// Sets the outcome of the innermost layer.
pub(crate) fn set(extensions: &mut Extensions, identity: Result<UserInfo, Unauthenticated>) {
    if extensions.is_empty() {
        *extensions = ROOMY.clone();
    }
    match identity {
        Ok(user) => match ServiceIdentity::of(&user) {
            None => {
                extensions.insert(user);
            }
            Some(service) => {
                extensions.remove::<UserInfo>();
                extensions.insert(Unauthenticated::Service(service));
            }
        },
        // A service that an outer layer verified stays, as a user does.
        Err(Unauthenticated::Excluded)
            if matches!(extensions.get::<Unauthenticated>(), Some(Unauthenticated::Service(_))) => {}
        Err(no_user) => {
            // An outer layer may have verified a user by other rules. The inner layer decides, unless it skipped the
            // verification.
            if matches!(no_user, Unauthenticated::Rejected(_)) {
                extensions.remove::<UserInfo>();
            }
            extensions.insert(no_user);
        }
    }
}

/// Removes what layers have said, from a request that is made of another.
pub(crate) fn clear(extensions: &mut Extensions) {
    extensions.remove::<UserInfo>();
    extensions.remove::<Unauthenticated>();
}

/// The user, or the error of an extractor that requires one.
pub(crate) fn required(extensions: &Extensions) -> Result<&UserInfo, AuthError> {
    match (extensions.get::<UserInfo>(), extensions.get::<Unauthenticated>()) {
        (Some(user), _) => Ok(user),
        (None, Some(Unauthenticated::Rejected(error))) => Err(error.clone()),
        (None, Some(Unauthenticated::Service(service))) => Err(AuthError::new(ErrorKind::Denied).with_detail(format!(
            "the handler needs a user, and the caller is the service {:?}: take `CurrentService` for services",
            service.name()
        ))),
        (None, Some(Unauthenticated::Excluded)) => Err(AuthError::new(ErrorKind::Misconfigured).with_detail(
            "the handler needs a user, but its path is excluded from `AuthLayer`: remove the exclusion, or take \
             `OptionalUser`",
        )),
        (None, None) => Err(layer_missing()),
    }
}

/// The service, or the error of an extractor that requires one.
pub(crate) fn required_service(extensions: &Extensions) -> Result<&ServiceIdentity, AuthError> {
    match (extensions.get::<UserInfo>(), extensions.get::<Unauthenticated>()) {
        (Some(_), _) => Err(AuthError::new(ErrorKind::Denied).with_detail(
            "the handler needs a service, and the caller is a user: take `CurrentUser` for users",
        )),
        (None, Some(Unauthenticated::Service(service))) => Ok(service),
        (None, Some(Unauthenticated::Rejected(error))) => Err(error.clone()),
        (None, Some(Unauthenticated::Excluded)) => Err(AuthError::new(ErrorKind::Misconfigured).with_detail(
            "the handler needs a service, but its path is excluded from `AuthLayer`: remove the exclusion",
        )),
        (None, None) => Err(layer_missing()),
    }
}

/// Whom a layer has verified: a user, or a service in the form in which verifiers return one.
pub(crate) fn verified(extensions: &Extensions) -> Option<&UserInfo> {
    match (extensions.get::<UserInfo>(), extensions.get::<Unauthenticated>()) {
        (Some(user), _) => Some(user),
        (None, Some(Unauthenticated::Service(service))) => Some(service.as_verified()),
        _ => None,
    }
}

/// The user, or the reason why there is none.
pub(crate) fn optional(extensions: &Extensions) -> Result<Result<&UserInfo, &Unauthenticated>, AuthError> {
    match (extensions.get::<UserInfo>(), extensions.get::<Unauthenticated>()) {
        (Some(user), _) => Ok(Ok(user)),
        (None, Some(no_user)) => Ok(Err(no_user)),
        (None, None) => Err(layer_missing()),
    }
}

pub(crate) fn layer_missing() -> AuthError {
    AuthError::new(ErrorKind::Misconfigured).with_detail(
        "no `AuthLayer` saw this request: add `.layer(AuthLayer::new(..))` to the router after this route, fallback or \
         merge",
    )
}
