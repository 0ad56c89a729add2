use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::holds_user::{holds_user, made_of_user};
use crate::request::caller;
use crate::types::error::AuthError;
use crate::types::permission::Group;
use crate::types::user::UserInfo;

/// Extracts the verified user, and rejects users outside the group `G` with 403. Declare groups with
/// [`groups!`](crate::groups).
///
/// Access keys, also a member's own, and users of auth centers before 1.1.54 are in no group.
///
/// ```
/// use aigc_auth::{RequireGroup, groups};
///
/// groups! {
///     pub Operations = "ops";
/// }
///
/// async fn machines(operator: RequireGroup<Operations>) -> String {
///     format!("machines of {}", operator.username())
/// }
/// ```
// The bound stands on the struct for the sake of its error message: see `RequirePermission`.
pub struct RequireGroup<G: Group> {
    user: UserInfo,
    group: PhantomData<fn() -> G>,
}

holds_user!(RequireGroup<G: Group>);
made_of_user!(RequireGroup<G: Group> { group }: |user| user.has_group(G::CODE), format!("group {}", G::CODE));

impl<G: Group> Clone for RequireGroup<G> {
    fn clone(&self) -> Self {
        Self { user: self.user.clone(), group: PhantomData }
    }
}

impl<G: Group, S: Send + Sync> FromRequestParts<S> for RequireGroup<G> {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthError> {
        Self::accept(caller::required(parts)?.clone())
    }
}
