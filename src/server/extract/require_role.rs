use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::holds_user::holds_user;
use crate::request::caller;
use crate::types::error::AuthError;
use crate::types::permission::Role;
use crate::types::user::UserInfo;

/// Extracts the verified user, and rejects users without the role `R` with 403. Declare roles with
/// [`roles!`](crate::roles).
///
/// ```
/// use aigc_auth::{RequireRole, roles};
///
/// roles! {
///     pub Editor = "editor";
/// }
///
/// async fn drafts(editor: RequireRole<Editor>) -> String {
///     format!("drafts of {}", editor.username())
/// }
/// ```
// The bound stands on the struct for the sake of its error message: see `RequirePermission`.
pub struct RequireRole<R: Role> {
    user: UserInfo,
    role: PhantomData<fn() -> R>,
}

holds_user!(RequireRole<R: Role>);

impl<R: Role> Clone for RequireRole<R> {
    fn clone(&self) -> Self {
        Self { user: self.user.clone(), role: PhantomData }
    }
}

impl<R: Role, S: Send + Sync> FromRequestParts<S> for RequireRole<R> {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthError> {
        let user = caller::required(parts)?;
        if user.has_role(R::CODE) {
            Ok(Self { user: user.clone(), role: PhantomData })
        } else {
            Err(AuthError::missing_permission(format!("role {}", R::CODE)))
        }
    }
}
