use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::{AuthError, ErrorKind};
use crate::identity::{self, NoUser};
use crate::user::UserInfo;

/// The claims of the request's token, read as a `T` of yours.
///
/// They were verified by a [`JwtVerifier`](super::JwtVerifier). Refuses as
/// [`CurrentUser`](crate::CurrentUser) does where there is no user; with 403 access keys, which have no claims, and
/// tokens whose claims are not a `T`; with 500 users of another verifier. `Option<Claims<T>>` is `None` when nothing was
/// sent, and for access keys.
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
        read(identity::required(&parts.extensions)?).map(Self)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> OptionalFromRequestParts<S> for Claims<T> {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, AuthError> {
        match identity::optional(&parts.extensions)? {
            Err(NoUser::Refused(error)) if error.kind() == ErrorKind::MissingCredential => Ok(None),
            Ok(user) if user.access_key().is_some() => Ok(None),
            _ => read(identity::required(&parts.extensions)?).map(|claims| Some(Self(claims))),
        }
    }
}

pub(super) fn read<T: DeserializeOwned>(user: &UserInfo) -> Result<T, AuthError> {
    let denied = AuthError::new(ErrorKind::Denied);
    let Some(claims) = user.claims() else {
        return Err(if user.access_key().is_some() {
            denied.with_detail("the handler needs the claims of a token, and access keys have none")
        } else {
            AuthError::new(ErrorKind::Misconfigured)
                .with_detail("`Claims` needs users of a `JwtVerifier`; another verifier found this one")
        });
    };
    serde_json::from_str(claims).map_err(|error| {
        // The error may show what stands there.
        let (line, column) = (error.line(), error.column());
        let what = std::any::type_name::<T>();
        denied.with_detail(format!("the claims of the token are no `{what}` (line {line}, column {column})"))
    })
}
