use axum::Router;
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use super::signer::ServiceSigner;

impl ServiceSigner {
    /// Returns a router with `GET /.well-known/jwks.json`: the public keys (RFC 7517), for all who verify this service's tokens.
    ///
    /// Merge it after [`AuthLayer`](crate::AuthLayer), or exclude the path: verifiers fetch it without a credential.
    pub fn jwks_router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let signer = self.clone();
        let answer = move || {
            let cache = format!("public, max-age={}", signer.max_age());
            let keys = signer.jwks().to_string();
            async move { ([(CACHE_CONTROL, cache), (CONTENT_TYPE, "application/json".to_owned())], keys) }
        };
        Router::new().route("/.well-known/jwks.json", get(answer))
    }
}
