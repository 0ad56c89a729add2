//! Document the routes of utoipa-axum.

use axum::routing::MethodRouter;
use utoipa::openapi::path::Paths;
use utoipa::openapi::{OpenApi, RefOr, Schema};

use super::operation::describe;
use super::operations;
use crate::types::requirement::Requirement;

/// What `routes!` of utoipa-axum returns: its `UtoipaMethodRouter`.
pub type Routes<S, E> = (Vec<(String, RefOr<Schema>)>, Paths, MethodRouter<S, E>);

/// Takes handlers as `utoipa_axum::routes!` does, and documents what their arguments require.
///
/// Each handler's operation gets the permissions, roles and groups as the scopes of its `security`, a line of description that
/// names them, and the headers that its extractors read. All of it comes from the handler's signature: another extractor is
/// another document. How callers send credentials and what refusals look like is added by the [`AuthLayer`](crate::AuthLayer).
/// Your crate needs `utoipa`, `utoipa-axum` and `axum` as dependencies.
///
/// ```
/// # use aigc_auth::credential::BearerToken;
/// use aigc_auth::{AuthLayer, RequirePermission, Verify, documented_routes, permissions};
/// use axum::Router;
/// use utoipa::Modify;
/// use utoipa::openapi::OpenApi;
/// use utoipa_axum::router::OpenApiRouter;
///
/// permissions! {
///     /// Read reports.
///     pub ReadReports = "report:read";
/// }
///
/// #[utoipa::path(get, path = "/reports", responses((status = 200, description = "The reports.", body = String)))]
/// async fn reports(_: RequirePermission<ReadReports>) -> String {
///     "…".to_owned()
/// }
///
/// fn app(verifier: impl Verify<BearerToken>) -> (Router, OpenApi) {
///     let auth = AuthLayer::tokens_only(verifier);
///     let (router, mut api) = OpenApiRouter::new().routes(documented_routes!(reports)).split_for_parts();
///     auth.modify(&mut api);
///     (router.layer(auth), api)
/// }
/// # struct Nobody;
/// # impl Verify<BearerToken> for Nobody {
/// #     async fn verify(&self, _: BearerToken) -> Result<aigc_auth::UserInfo, aigc_auth::AuthError> {
/// #         Err(aigc_auth::AuthError::new(aigc_auth::error::ErrorKind::InvalidCredential))
/// #     }
/// # }
/// # let operation = serde_json::to_value(app(Nobody).1).unwrap()["paths"]["/reports"]["get"].clone();
/// # assert_eq!(operation["security"], serde_json::json!([{"bearer": ["report:read"]}]));
/// # assert!(operation["description"].as_str().unwrap().contains("`report:read`: Read reports."), "{operation}");
/// # assert_eq!(operation["responses"]["403"]["$ref"], "#/components/responses/Denied");
/// ```
#[macro_export]
macro_rules! documented_routes {
    ($($first:ident)::+ $(, $($next:ident)::+)* $(,)?) => {{
        let routes = $crate::openapi::documented(
            ::utoipa_axum::routes!($($first)::+),
            &$crate::requirement_of!($($first)::+),
        );
        $(let routes = $crate::openapi::merged(
            routes,
            $crate::openapi::documented(
                ::utoipa_axum::routes!($($next)::+),
                &$crate::requirement_of!($($next)::+),
            ),
        );)*
        routes
    }};
}

/// Documents what a handler requires.
#[doc(hidden)]
pub fn documented<S, E>(
    (schemas, mut paths, router): Routes<S, E>,
    requirement: &Requirement,
) -> Routes<S, E> {
    operations::of_paths(&mut paths).for_each(|(_, operation)| describe(operation, requirement));
    (schemas, paths, router)
}

/// Joins the routes of several handlers.
#[doc(hidden)]
pub fn merged<S, E>((mut schemas, mut paths, router): Routes<S, E>, other: Routes<S, E>) -> Routes<S, E>
where
    S: Clone + Send + Sync + 'static,
    E: 'static,
{
    schemas.extend(other.0);
    paths.merge(other.1);
    (schemas, paths, router.merge(other.2))
}

/// Documents what a guard around a whole router requires, in all operations of its document, besides what they have.
///
/// ```
/// use aigc_auth::permission::{Admin, Requires};
/// use aigc_auth::{RequirePermission, openapi};
/// use axum::middleware::from_extractor;
/// use utoipa_axum::router::OpenApiRouter;
///
/// fn guarded(routes: OpenApiRouter) -> OpenApiRouter {
///     let mut routes = routes.route_layer(from_extractor::<RequirePermission<Admin>>());
///     openapi::require(routes.get_openapi_mut(), &RequirePermission::<Admin>::requirement());
///     routes
/// }
/// ```
pub fn require(api: &mut OpenApi, requirement: &Requirement) {
    operations::of_document(api).for_each(|(_, operation)| describe(operation, requirement));
}
