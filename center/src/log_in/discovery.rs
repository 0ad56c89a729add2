//! Say where everything is (OpenID Connect Discovery 1.0, RFC 8414), and the keys.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use serde_json::{Value, json};

use super::door::Door;

/// Scopes that say which claims are wanted.
pub(super) const SCOPES: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// It is public: pages of any origin may read it.
const PUBLIC: [(HeaderName, &str); 1] = [(ACCESS_CONTROL_ALLOW_ORIGIN, "*")];

pub(super) async fn metadata(State(door): State<Door>) -> ([(HeaderName, &'static str); 1], Json<Value>) {
    let issuer = door.hub().log_ins().issuer();
    let at = |path: &str| format!("{issuer}/oauth/{path}");
    let metadata = json!({
        "issuer": issuer,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("token"),
        "userinfo_endpoint": at("userinfo"),
        "jwks_uri": at("jwks"),
        "end_session_endpoint": at("end-session"),
        "revocation_endpoint": at("revoke"),
        "scopes_supported": SCOPES,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login"],
        "authorization_response_iss_parameter_supported": true,
        "claims_supported": [
            "sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "sid", "azp", "user_id", "preferred_username", "name",
            "email", "roles", "permissions", "groups", "is_admin",
        ],
    });
    (PUBLIC, Json(metadata))
}

pub(super) async fn keys(State(door): State<Door>) -> ([(HeaderName, &'static str); 1], Json<Value>) {
    (PUBLIC, Json(json!({"keys": [door.hub().log_ins().signer().jwk()]})))
}
