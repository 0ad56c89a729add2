use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::holds_user;
use crate::error::AuthError;
use crate::identity;
use crate::permission::{self, Admin, Permission};
use crate::user::UserInfo;

/// The verified user, who has the permission `P`; refuses others with 403.
///
/// `P` is declared with [`permissions!`](crate::permissions) or combined by [`All`](crate::All) and
/// [`Any`](crate::Any). It guards a handler as an argument, and a whole router as a layer:
///
/// ```
/// use aigc_auth::{Any, RequirePermission, permissions};
/// use axum::{Router, middleware::from_extractor, routing::get};
///
/// permissions! {
///     pub Read = "report:read";
///     pub Admin = "admin:access";
/// }
///
/// async fn reports(_: RequirePermission<Read>) -> &'static str {
///     "…"
/// }
///
/// let app: Router = Router::new()
///     .route("/purge", get(|| async { "gone" }))
///     .route_layer(from_extractor::<RequirePermission<Any<(Admin, Read)>>>())
///     .route("/reports", get(reports));
/// ```
// The bound stands here, too: a handler that names something else is told so where it does, and not that it is no
// `Handler`.
pub struct RequirePermission<P: Permission> {
    user: UserInfo,
    permission: PhantomData<fn() -> P>,
}

holds_user!(RequirePermission<P: Permission>);

/// The verified user, who is an admin; refuses others with 403.
pub type RequireAdmin = RequirePermission<Admin>;

impl<P: Permission> Clone for RequirePermission<P> {
    fn clone(&self) -> Self {
        Self { user: self.user.clone(), permission: PhantomData }
    }
}

impl<P: Permission, S: Send + Sync> FromRequestParts<S> for RequirePermission<P> {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthError> {
        let user = identity::required(&parts.extensions)?;
        if P::is_granted(user) {
            Ok(Self { user: user.clone(), permission: PhantomData })
        } else {
            Err(AuthError::missing_permission(permission::description::<P>()))
        }
    }
}
