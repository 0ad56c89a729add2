use axum::Router;
use axum::extract::Request;
use axum::response::IntoResponse;
use axum::routing::post;
use http::StatusCode;

use crate::request::{auth_state, context};
use crate::types::credential::Credential;
use crate::types::error::{AuthError, ErrorKind};
use crate::verifiers::jwt::JwtVerifier;

/// Returns a router with `POST /revoke`, which revokes the token that it is called with, and its session: a log-out.
///
/// Merge it before [`AuthLayer`](crate::AuthLayer), so that the token is verified as those of all routes. While acting as
/// another user, a caller revokes their own token.
///
/// ```
/// use aigc_auth::jwt::JwtVerifier;
/// use aigc_auth::{AuthLayer, revocation};
/// use axum::{Router, routing::get};
///
/// fn app(verifier: JwtVerifier) -> Router {
///     Router::new()
///         .route("/", get(|| async { "hello" }))
///         .merge(revocation::revoke_router(verifier.clone()))
///         .layer(AuthLayer::new(verifier))
/// }
/// ```
///
/// | request | response |
/// |---|---|
/// | valid token with `jti`, `sid` or both | 204; the token is rejected from then on |
/// | … with neither | 400 |
/// | … and the list cannot be written, so that others may still accept the token | 503 with `Retry-After` |
/// | no valid token, revoked ones included | 401 |
/// | valid token of another verifier, where several share the layer; access key | 403 |
pub fn revoke_router<S: Clone + Send + Sync + 'static>(verifier: JwtVerifier) -> Router<S> {
    let revoke = move |request: Request| {
        let verifier = verifier.clone();
        async move {
            match revoke(&verifier, request).await {
                Ok(()) => StatusCode::NO_CONTENT.into_response(),
                Err(error) => error.into_response(),
            }
        }
    };
    Router::new().route("/revoke", post(revoke))
}

async fn revoke(verifier: &JwtVerifier, request: Request) -> Result<(), AuthError> {
    auth_state::required(request.extensions())?;
    drop(request);
    match context::credential() {
        Some(Credential::Bearer(token)) if !verifier.is_own(&token) => Err(AuthError::new(ErrorKind::Denied)
            .with_detail(
                "the token is another verifier's and cannot be revoked here: log out where it was issued",
            )),
        Some(Credential::Bearer(token)) => verifier.revoke(token.as_str()).await,
        Some(Credential::AccessKey(_)) => Err(AuthError::new(ErrorKind::Denied)
            .with_detail("an access key cannot be revoked here: revoke it at the auth center")),
        None => Err(AuthError::new(ErrorKind::Misconfigured)
            .with_detail("the request's context has no credential: `AuthLayer` belongs around this router")),
    }
}
