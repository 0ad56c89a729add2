use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::Deserialize;

/// The name of a user, a group or a service: of the path, else `?name=`. Browsers and libraries take `..` and `%2e%2e` in a path
/// for the folder above, and so a user of that name is reached by the query alone.
#[derive(Debug, Deserialize)]
pub(super) struct Name {
    pub(super) name: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = QueryRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, QueryRejection> {
        if let Ok(Path(name)) = Path::<String>::from_request_parts(parts, state).await {
            return Ok(Self { name });
        }
        Query::from_request_parts(parts, state).await.map(|Query(name)| name)
    }
}
