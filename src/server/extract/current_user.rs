use std::ops::Deref;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use crate::request::auth_state::{self, Unauthenticated};
use crate::request::caller;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::UserInfo;

/// Extracts the verified user of the request; rejects unauthenticated requests.
///
/// `Option<CurrentUser>` is `None` only for requests without a credential: an invalid or unverifiable one is still
/// rejected. [`OptionalUser`](crate::OptionalUser) is `None` for those, too.
///
/// ```
/// use aigc_auth::{CurrentUser, UserInfo};
/// use axum::Json;
///
/// async fn me(CurrentUser(user): CurrentUser) -> Json<UserInfo> {
///     Json(user)
/// }
///
/// async fn greet(user: Option<CurrentUser>) -> String {
///     user.map_or("hello, guest".into(), |user| format!("hello, {}", user.username()))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct CurrentUser(pub UserInfo);

impl CurrentUser {
    /// Returns the user.
    pub fn into_inner(self) -> UserInfo {
        self.0
    }
}

impl Deref for CurrentUser {
    type Target = UserInfo;

    fn deref(&self) -> &UserInfo {
        &self.0
    }
}

impl From<UserInfo> for CurrentUser {
    fn from(user: UserInfo) -> Self {
        Self(user)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CurrentUser {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthError> {
        Ok(Self(caller::required(parts)?.clone()))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for CurrentUser {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, AuthError> {
        match auth_state::optional(&parts.extensions)? {
            Err(Unauthenticated::Rejected(error)) if error.kind() == ErrorKind::MissingCredential => Ok(None),
            _ => Ok(Some(Self(caller::required(parts)?.clone()))),
        }
    }
}
