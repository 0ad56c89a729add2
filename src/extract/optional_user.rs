use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::error::AuthError;
use crate::identity::{self, NoUser};
use crate::user::UserInfo;

/// The user if there is one; `None` for a missing, bad or unverifiable credential, and on excluded paths.
///
/// Never refuses a request, unless no layer saw it at all: that is a mistake in the service, and answered 500.
/// Only requests that the layer lets through get here: see
/// [`AuthLayer::allow_anonymous`](crate::AuthLayer::allow_anonymous).
///
/// ```
/// use aigc_auth::OptionalUser;
///
/// async fn greet(OptionalUser(user): OptionalUser) -> String {
///     user.map_or("hello, stranger".into(), |user| format!("hello, {}", user.username))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct OptionalUser(pub Option<UserInfo>);

impl<S: Send + Sync> FromRequestParts<S> for OptionalUser {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthError> {
        Ok(Self(match identity::optional(&parts.extensions)? {
            Ok(user) => Some(user.clone()),
            Err(NoUser::Refused(error)) => {
                tracing::debug!(%error, "taken as anonymous");
                None
            }
            Err(NoUser::Excluded) => None,
        }))
    }
}
