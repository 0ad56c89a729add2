use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::request::tenant;
use crate::types::error::AuthError;
use crate::types::tenant::check::{check_org, check_team};
use crate::types::tenant::{OrgAction, TeamAction, Tenant};

/// Declares an extractor of the tenant that requires an action.
macro_rules! require_action {
    ($(#[$doc:meta])* $name:ident<$action:ident>: $check:ident) => {
        $(#[$doc])*
        // The bound stands on the struct for the sake of its error message: see `RequirePermission`.
        pub struct $name<A: $action> {
            tenant: Tenant,
            action: PhantomData<fn() -> A>,
        }

        impl<A: $action> $name<A> {
            /// Returns the tenant.
            pub fn into_inner(self) -> Tenant {
                self.tenant
            }
        }

        impl<A: $action> Deref for $name<A> {
            type Target = Tenant;

            fn deref(&self) -> &Tenant {
                &self.tenant
            }
        }

        impl<A: $action> Clone for $name<A> {
            fn clone(&self) -> Self {
                Self { tenant: self.tenant.clone(), action: PhantomData }
            }
        }

        impl<A: $action> fmt::Debug for $name<A> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.tenant).finish()
            }
        }

        /// Accepts a tenant as the extractor does, to call a handler as a function.
        impl<A: $action> TryFrom<Tenant> for $name<A> {
            type Error = AuthError;

            fn try_from(tenant: Tenant) -> Result<Self, AuthError> {
                $check::<A>(&tenant)?;
                Ok(Self { tenant, action: PhantomData })
            }
        }

        impl<A: $action, S: Send + Sync> FromRequestParts<S> for $name<A> {
            type Rejection = AuthError;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthError> {
                tenant::required(parts).await?.try_into()
            }
        }
    };
}

require_action! {
    /// Extracts the tenant as [`CurrentTenant`](crate::tenant::CurrentTenant) does, and rejects users with 403 whose roles in the
    /// organisation do not hold the action `A`.
    ///
    /// Declare actions with [`org_actions!`](crate::org_actions), and combine them with
    /// [`AllOf`](crate::permission::AllOf) and [`AnyOf`](crate::permission::AnyOf). As an argument it guards a handler, as a
    /// layer a whole router:
    ///
    /// ```
    /// use aigc_auth::org_actions;
    /// use aigc_auth::tenant::RequireOrg;
    /// use axum::{Router, middleware::from_extractor, routing::{get, post}};
    ///
    /// org_actions! {
    ///     pub enum OrgRole { Owner = "owner", Member = "member" }
    ///     pub RenameOrg = "RENAME_ORG": Owner;
    ///     pub ViewOrg = "VIEW_ORG": Owner, Member;
    /// }
    ///
    /// async fn rename(tenant: RequireOrg<RenameOrg>) -> String {
    ///     format!("{} has a new name", tenant.org_id())
    /// }
    ///
    /// let app: Router = Router::new()
    ///     .route("/org", get(|| async { "…" }))
    ///     .route_layer(from_extractor::<RequireOrg<ViewOrg>>())
    ///     .route("/org/name", post(rename));
    /// ```
    RequireOrg<OrgAction>: check_org
}

require_action! {
    /// Extracts the tenant as [`CurrentTenant`](crate::tenant::CurrentTenant) does, and rejects users with 403 whose roles in the
    /// team do not hold the action `A`; requests that name no team with 400.
    ///
    /// Declare actions with [`team_actions!`](crate::team_actions), and combine them as those of
    /// [`RequireOrg`](crate::tenant::RequireOrg).
    RequireTeam<TeamAction>: check_team
}
