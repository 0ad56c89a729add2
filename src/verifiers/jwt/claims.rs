use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::request::auth_state::{self, Unauthenticated};
use crate::request::caller;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::UserInfo;

/// Extracts the claims of the request's token, deserialized into a `T` of your own.
///
/// [`JwtVerifier`](super::JwtVerifier) verified them. Rejects unauthenticated requests as
/// [`CurrentUser`](crate::CurrentUser) does. Rejects with 403 access keys, which have no claims, and tokens whose claims
/// do not deserialize into a `T`; with 500 users that another verifier authenticated. `Option<Claims<T>>` is `None` if
/// the request has no credential, and for access keys.
///
/// ```
/// use aigc_auth::jwt::Claims;
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Session {
///     session_id: String,
/// }
///
/// async fn session(Claims(session): Claims<Session>) -> String {
///     session.session_id
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Claims<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Claims<T> {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthError> {
        deserialize(caller::required(parts)?).map(Self)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> OptionalFromRequestParts<S> for Claims<T> {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, AuthError> {
        match auth_state::optional(&parts.extensions)? {
            Err(Unauthenticated::Rejected(error)) if error.kind() == ErrorKind::MissingCredential => Ok(None),
            Ok(user) if user.access_key().is_some() => Ok(None),
            _ => deserialize(caller::required(parts)?).map(|claims| Some(Self(claims))),
        }
    }
}

pub(super) fn deserialize<T: DeserializeOwned>(user: &UserInfo) -> Result<T, AuthError> {
    let denied = AuthError::new(ErrorKind::Denied);
    let Some(claims) = user.claims() else {
        return Err(if user.access_key().is_some() {
            denied.with_detail("`Claims` needs the claims of a token, and access keys have none")
        } else {
            AuthError::new(ErrorKind::Misconfigured)
                .with_detail("`Claims` needs a `JwtVerifier`, but another verifier authenticated the user")
        });
    };
    serde_json::from_str(claims).map_err(|error| {
        // Not the error itself: its text may contain values of the claims.
        let (line, column) = (error.line(), error.column());
        let target = std::any::type_name::<T>();
        denied
            .with_detail(format!("cannot deserialize claims into `{target}` (line {line}, column {column})"))
    })
}
