use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::holds_user::{holds_user, made_of_user};
use crate::request::caller;
use crate::types::error::AuthError;
use crate::types::permission::{self, Admin, Permission};
use crate::types::user::UserInfo;

/// Extracts the verified user, and rejects users without the permission `P` with 403.
///
/// Declare `P` with [`permissions!`](crate::permissions), and combine permissions with
/// [`AllOf`](crate::permission::AllOf) and [`AnyOf`](crate::permission::AnyOf). As an argument it guards a handler, as a
/// layer a whole router:
///
/// ```
/// use aigc_auth::permission::AnyOf;
/// use aigc_auth::{RequirePermission, permissions};
/// use axum::{Router, middleware::from_extractor, routing::get};
///
/// permissions! {
///     pub Read = "report:read";
///     pub Purge = "report:purge";
///     pub Admin = "admin:access";
/// }
///
/// async fn reports(_: RequirePermission<Read>) -> &'static str {
///     "…"
/// }
///
/// let app: Router = Router::new()
///     .route("/purge", get(|| async { "gone" }))
///     .route_layer(from_extractor::<RequirePermission<AnyOf<(Purge, Admin)>>>())
///     .route("/reports", get(reports));
/// ```
///
/// The code is a type, and not a literal: `RequirePermission<"report:read">` is what stable Rust has no way to write, and the compiler
/// says "constant provided when a type was expected" (E0747).
///
/// A user is made one, to call a handler as a function, by `RequirePermission::try_from(user)`, which checks them as well.
// The bound stands on the struct, too: a wrong type is then reported where it is named, and not as a function that is
// no `Handler`.
pub struct RequirePermission<P: Permission> {
    user: UserInfo,
    permission: PhantomData<fn() -> P>,
}

holds_user!(RequirePermission<P: Permission>);
made_of_user!(RequirePermission<P: Permission> { permission }: |user| P::is_granted(&user), permission::description::<P>());

/// Extracts the verified user, and rejects users who are not admins with 403.
pub type RequireAdmin = RequirePermission<Admin>;

impl<P: Permission> Clone for RequirePermission<P> {
    fn clone(&self) -> Self {
        Self { user: self.user.clone(), permission: PhantomData }
    }
}

impl<P: Permission, S: Send + Sync> FromRequestParts<S> for RequirePermission<P> {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthError> {
        Self::accept(caller::required(parts)?.clone())
    }
}
