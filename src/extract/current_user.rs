use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use super::holds_user;
use crate::error::{AuthError, ErrorKind};
use crate::identity::{self, NoUser};
use crate::user::UserInfo;

/// The verified user of the request; refuses requests without one.
///
/// `Option<CurrentUser>` is `None` only when nothing was sent: a bad or unverifiable credential still refuses.
/// [`OptionalUser`](crate::OptionalUser) takes those as `None` too.
///
/// ```
/// use aigc_auth::{CurrentUser, UserInfo};
/// use axum::Json;
///
/// async fn me(user: CurrentUser) -> Json<UserInfo> {
///     Json(user.into_inner())
/// }
///
/// async fn greet(user: Option<CurrentUser>) -> String {
///     user.map_or("hello, stranger".into(), |user| format!("hello, {}", user.username))
/// }
/// ```
#[derive(Clone)]
pub struct CurrentUser {
    user: UserInfo,
}

holds_user!(CurrentUser);

impl<S: Send + Sync> FromRequestParts<S> for CurrentUser {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthError> {
        Ok(Self { user: identity::required(&parts.extensions)?.clone() })
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for CurrentUser {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, AuthError> {
        match identity::optional(&parts.extensions)? {
            Err(NoUser::Refused(error)) if error.kind() == ErrorKind::MissingCredential => Ok(None),
            _ => Ok(Some(Self { user: identity::required(&parts.extensions)?.clone() })),
        }
    }
}
