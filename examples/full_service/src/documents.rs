//! The service in OpenAPI: `/openapi.json`, and a page at `/docs` on which it can be tried.

use aigc_auth::AuthLayer;
use axum::Router;
use utoipa::Modify;
use utoipa::openapi::{Info, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Routes to be documented, none yet.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> OpenApiRouter<S> {
    let info = Info::new("full_service", env!("CARGO_PKG_VERSION"));
    OpenApiRouter::with_openapi(OpenApiBuilder::new().info(info).build())
}

/// Puts the layer around the routes, and into their document what it does.
pub(crate) fn layered(mut routes: OpenApiRouter, auth: AuthLayer) -> OpenApiRouter {
    auth.modify(routes.get_openapi_mut());
    routes.layer(auth)
}

/// Serves the document and the page to everybody; the page is Swagger's, and in the binary.
pub(crate) fn router(api: OpenApi) -> Router {
    let config = Config::default().try_it_out_enabled(true);
    SwaggerUi::new("/docs").url("/openapi.json", api).config(config).into()
}
