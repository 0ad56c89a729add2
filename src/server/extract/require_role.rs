use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::holds_user::{holds_user, made_of_user};
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
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// // Called as a function, in a test:
/// let alice = aigc_auth::UserInfo::builder(7, "alice").roles(["editor"]).build();
/// assert_eq!(drafts(alice.try_into().unwrap()).await, "drafts of alice");
/// # }
/// ```
///
/// The role is a type, and not a literal: `RequireRole<"editor">` is what stable Rust has no way to write, and the compiler says
/// "constant provided when a type was expected" (E0747). For roles known only at run time, see
/// [`GuardLayer::role`](crate::layer::GuardLayer::role).
// The bound stands on the struct for the sake of its error message: see `RequirePermission`.
pub struct RequireRole<R: Role> {
    user: UserInfo,
    role: PhantomData<fn() -> R>,
}

holds_user!(RequireRole<R: Role>);
made_of_user!(RequireRole<R: Role> { role }: |user| user.has_role(R::CODE), format!("role {}", R::CODE));

impl<R: Role> Clone for RequireRole<R> {
    fn clone(&self) -> Self {
        Self { user: self.user.clone(), role: PhantomData }
    }
}

impl<R: Role, S: Send + Sync> FromRequestParts<S> for RequireRole<R> {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthError> {
        Self::accept(caller::required(parts)?.clone())
    }
}
