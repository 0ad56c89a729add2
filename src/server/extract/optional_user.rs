use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::request::auth_state::{self, Unauthenticated};
use crate::request::caller;
use crate::types::error::AuthError;
use crate::types::user::UserInfo;

/// Extracts the user if there is one; `None` for a missing, invalid or unverifiable credential, and on excluded paths,
/// and for [services](crate::service).
///
/// Rejects only requests that passed no [`AuthLayer`](crate::AuthLayer), with 500: the service is misconfigured.
/// The layer rejects unauthenticated requests before they get here, unless
/// [`AuthLayer::allow_anonymous`](crate::AuthLayer::allow_anonymous) is set.
///
/// ```
/// use aigc_auth::OptionalUser;
///
/// async fn greet(OptionalUser(user): OptionalUser) -> String {
///     user.map_or("hello, guest".into(), |user| format!("hello, {}", user.username()))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct OptionalUser(pub Option<UserInfo>);

impl<S: Send + Sync> FromRequestParts<S> for OptionalUser {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthError> {
        Ok(Self(match auth_state::optional(&parts.extensions)? {
            Ok(user) => {
                caller::check(parts, user)?;
                Some(user.clone())
            }
            Err(Unauthenticated::Rejected(error)) => {
                tracing::debug!(%error, "treated as anonymous");
                None
            }
            Err(Unauthenticated::Excluded | Unauthenticated::Service(_)) => None,
        }))
    }
}
