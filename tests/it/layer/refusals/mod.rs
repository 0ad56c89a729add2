//! The answers of refused requests.

// The default answer, and that every refusal below a layer is its.
mod answers;
// Problem details, log-in pages, parameters of the challenge, what is told of a permission.
mod forms;
// What gRPC clients get.
mod grpc;
// Responders of a service's own.
mod responder;

use aigc_auth::layer::GuardLayer;
use aigc_auth::{AuthError, AuthLayer, CurrentUser, RequireAdmin, RequirePermission, permissions};
use axum::Router;
use axum::middleware::from_extractor;
use axum::routing::any;

use crate::layer::headers::me;

permissions! {
    pub(super) ReadReports = "report:read";
    pub(super) Purge = "report:purge";
}

/// The refusals of a layer, of extractors and of guards, by route.
pub(super) fn refusing(layer: AuthLayer) -> Router {
    Router::new()
        .route("/me", any(me))
        .route("/reports", any(|_: RequirePermission<ReadReports>| async { "reports" }))
        .route("/purge", any(|_: RequirePermission<Purge>| async { "purged" }))
        .route("/admin", any(|_: RequireAdmin| async { "admin" }))
        .merge(guarded())
        .layer(layer)
}

fn guarded() -> Router {
    Router::new()
        .route("/guarded", any(|| async { "guarded" }))
        .route_layer(GuardLayer::permission("report:purge"))
        .merge(
            Router::new()
                .route("/extracted", any(|| async { "extracted" }))
                .route_layer(from_extractor::<RequirePermission<Purge>>()),
        )
        .route(
            "/by-hand",
            any(|user: CurrentUser| async move {
                user.require("report:purge")?;
                Ok::<_, AuthError>("by hand")
            }),
        )
}
