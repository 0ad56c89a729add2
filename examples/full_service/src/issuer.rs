//! An issuer in this process, as a Keycloak would be: who logs in gets a token, and who logs out there is logged out here.

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use example_support::Issuer;
use serde_json::{Value, json};

use crate::sessions::AUDIENCE;

#[derive(Clone)]
struct Embedded {
    issuer: Arc<Issuer>,
    url: String,
}

/// Serves it on a port of its own, as long as the process runs. Returns its URL.
pub(crate) async fn serve() -> Result<String, Box<dyn Error>> {
    let issuer = Arc::new(Issuer::new()?);
    let routes = |url: &str| {
        let embedded = Embedded { issuer: issuer.clone(), url: url.to_owned() };
        Router::new()
            .route("/log-in/{user}", post(log_in))
            .route("/log-out/{user}", post(log_out))
            .with_state(embedded)
    };
    Ok(issuer.publish(routes).await?)
}

/// Answers an access token, in a session of its own.
async fn log_in(State(issuer): State<Embedded>, Path(user): Path<String>) -> Result<String, StatusCode> {
    issuer.sign("JWT", &user, 3600, json!({ "sid": fresh_id()? }))
}

/// Answers the log-out token that an issuer posts to each of its clients. This one leaves that to the caller.
async fn log_out(State(issuer): State<Embedded>, Path(user): Path<String>) -> Result<String, StatusCode> {
    let event = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    issuer.sign("logout+jwt", &user, 120, json!({ "events": event }))
}

impl Embedded {
    fn sign(&self, kind: &str, user: &str, lifetime: u64, mut claims: Value) -> Result<String, StatusCode> {
        let now = Issuer::now();
        claims["iss"] = self.url.as_str().into();
        claims["sub"] = user.into();
        claims["aud"] = AUDIENCE.into();
        claims["iat"] = now.into();
        claims["exp"] = (now + lifetime).into();
        claims["jti"] = fresh_id()?.into();
        self.issuer.sign(kind, &claims).map_err(no_randomness)
    }
}

fn fresh_id() -> Result<String, StatusCode> {
    Issuer::fresh_id().map_err(no_randomness)
}

fn no_randomness(_: impl Error) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}
