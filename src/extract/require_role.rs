use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::holds_user;
use crate::error::AuthError;
use crate::identity;
use crate::permission::Role;
use crate::user::UserInfo;

/// The verified user, who has the role `R`; refuses others with 403. Declare roles with [`roles!`](crate::roles).
///
/// ```
/// use aigc_auth::{RequireRole, roles};
///
/// roles! {
///     pub Editor = "editor";
/// }
///
/// async fn drafts(editor: RequireRole<Editor>) -> String {
///     format!("drafts of {}", editor.username)
/// }
/// ```
pub struct RequireRole<R> {
    user: UserInfo,
    role: PhantomData<fn() -> R>,
}

holds_user!(RequireRole<R>);

impl<R> Clone for RequireRole<R> {
    fn clone(&self) -> Self {
        Self { user: self.user.clone(), role: PhantomData }
    }
}

impl<R: Role, S: Send + Sync> FromRequestParts<S> for RequireRole<R> {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthError> {
        let user = identity::required(&parts.extensions)?;
        if user.has_role(R::CODE) {
            Ok(Self { user: user.clone(), role: PhantomData })
        } else {
            Err(AuthError::missing_permission(format!("role {}", R::CODE)))
        }
    }
}
