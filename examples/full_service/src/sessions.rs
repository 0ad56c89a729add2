//! Tokens of an issuer that are verified here, and end before they expire: the caller logs out, or the issuer logs a user out.

use std::error::Error;
use std::time::Duration;

use aigc_auth::error::BuildError;
use aigc_auth::jwt::{JwtVerifier, JwtVerifierBuilder};
use aigc_auth::revocation::{self, BackChannelLogout, MemoryRevocations, RedisRevocations};
use aigc_auth::{AuthLayer, CurrentUser, documented_routes};
use axum::Json;
use example_support::variable;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;

use crate::documents::{self, layered};
use crate::issuer;

/// This service's name at the issuer: the audience of access tokens, and of log-out tokens.
pub(crate) const AUDIENCE: &str = "full-service";

/// Verifies the tokens.
pub(crate) struct Sessions {
    verifier: JwtVerifier,
    /// The URL of the issuer, if it is one in this process.
    pub(crate) embedded: Option<String>,
}

impl Sessions {
    /// Takes the tokens of `ISSUER`, or of an issuer in this process if the auth center is one. `None` without either.
    pub(crate) async fn connect(is_embedded: bool) -> Result<Option<Self>, Box<dyn Error>> {
        let (issuer, embedded) = match variable("ISSUER") {
            Some(url) => (url, None),
            None if is_embedded => {
                let url = issuer::serve().await?;
                (url.clone(), Some(url))
            }
            None => return Ok(None),
        };
        let keys = JwtVerifier::from_issuer(issuer).audience(AUDIENCE);
        let verifier = with_list(keys).await?.build()?;
        Ok(Some(Self { verifier, embedded }))
    }

    pub(crate) fn router(self) -> Result<OpenApiRouter, BuildError> {
        let logout = BackChannelLogout::new(self.verifier.clone(), AUDIENCE)?;
        // POST /revoke: ends the token that it is called with, and its session.
        let revoke = revocation::revoke_router(self.verifier.clone());
        let routes = documents::routes().routes(documented_routes!(session)).merge(revoke.into());
        Ok(layered(routes, AuthLayer::tokens_only(self.verifier))
            // POST /backchannel-logout: after the layer, for it has no other credential than the log-out token.
            .merge(logout.router().into()))
    }
}

/// Adds the list of what is revoked: of this process, or with `AIGC_AUTH_REDIS_URL` of all that use that Redis.
async fn with_list(keys: JwtVerifierBuilder) -> Result<JwtVerifierBuilder, BuildError> {
    let Some(url) = variable("AIGC_AUTH_REDIS_URL") else {
        return Ok(keys.revocations(MemoryRevocations::new()));
    };
    let list = RedisRevocations::connect(url)?;
    // Before it listens: until then the list knows nothing.
    if !list.synchronized(Duration::from_secs(5)).await {
        tracing::warn!("starting without the list of revocations");
    }
    Ok(keys.revocations(list))
}

#[utoipa::path(get, path = "/session", responses((status = 200, description = "The session.", body = Value)))]
async fn session(user: CurrentUser) -> Json<Value> {
    let left = user.valid_until().and_then(|end| end.duration_since(std::time::SystemTime::now()).ok());
    Json(json!({ "user": user.id(), "minutes_left": left.map(|left| left.as_secs() / 60) }))
}
