//! An axum service that verifies tokens (JWT) itself, and lets admins act as other users.
//!
//! `cargo run -p local_jwt` makes a key, publishes it as a key set on a port of its own and prints tokens to try.
//! With `JWKS_URL` it takes the keys from there instead, with `JWT_SECRET` the tokens that are signed by that secret
//! (HS256, 32 bytes or more). `JWT_AUDIENCE` is the `aud` that tokens must name, `authenticated` by default, and `BIND` the
//! address to listen on, `127.0.0.1:3000` by default.

use std::error::Error;
use std::net::SocketAddr;

use aigc_auth::impersonation::ActAsPolicy;
use aigc_auth::jwt::JwtVerifier;
use aigc_auth::{ActAsUser, AuthLayer, CurrentUser, OptionalUser, RequireAdmin, UserInfo};
use axum::routing::get;
use axum::{Json, Router};
use example_support::{Issuer, variable};
use serde_json::{Value, json};

async fn user(user: CurrentUser) -> Json<Value> {
    Json(profile(&user))
}

async fn admin(admin: RequireAdmin) -> Json<Value> {
    Json(profile(&admin))
}

fn profile(user: &UserInfo) -> Value {
    // Who has no role is a plain user.
    let role = user.roles().iter().next().unwrap_or("user");
    json!({ "user_id": user.id(), "role": role, "email": user.email() })
}

/// For an admin with `X-Act-As-User-Id`, that user's.
async fn user_id(who: ActAsUser) -> Json<Value> {
    Json(json!({ "user_id": who.user_id() }))
}

async fn maybe(OptionalUser(user): OptionalUser) -> Json<Value> {
    Json(json!({ "user_id": user.map(|user| user.id().clone()) }))
}

fn app(verifier: JwtVerifier) -> Router {
    // Nobody here knows which users there are: an admin may name any. A service with users of its own gives the policy a
    // directory of them.
    let auth = AuthLayer::new(verifier).act_as(ActAsPolicy::new().insecure_any_target());
    let protected = Router::new()
        .route("/user", get(user))
        .route("/admin", get(admin))
        .route("/user-id", get(user_id))
        .layer(auth.clone());
    // Here the handlers decide about unauthenticated requests.
    let open = Router::new().route("/maybe", get(maybe)).layer(auth.allow_anonymous());
    protected.merge(open)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    example_support::start_logging();

    let audience = variable("JWT_AUDIENCE").unwrap_or_else(|| "authenticated".to_owned());
    let (from, issuer) = match (variable("JWKS_URL"), variable("JWT_SECRET")) {
        (Some(_), Some(_)) => return Err("set JWKS_URL or JWT_SECRET, not both".into()),
        (Some(url), None) => (JwtVerifier::from_jwks(url), None),
        (None, Some(secret)) => (JwtVerifier::from_secret(secret), None),
        (None, None) => {
            let issuer = Issuer::new()?;
            let url = issuer.publish(|_| Router::new()).await? + Issuer::JWKS;
            println!("no JWKS_URL and no JWT_SECRET is set, so the issuer is in this process: {url}");
            (JwtVerifier::from_jwks(url), Some(issuer))
        }
    };
    let verifier = from.audience(&audience).build()?;
    if let Err(error) = verifier.fetch_keys().await {
        // Requests are answered 503 until the keys are there.
        tracing::warn!(%error, "starting without keys");
    }
    // From here on, signals are caught: before the address is printed, which others wait for.
    let shutdown = example_support::shutdown_signal();
    let (listener, address) = example_support::listen().await?;
    if let Some(issuer) = issuer {
        print_tokens(&issuer, address, &audience)?;
    }
    // With connect info, so that the audit log can name the client's address.
    let service = app(verifier).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(shutdown).await?;
    Ok(())
}

fn token(issuer: &Issuer, id: &str, role: Option<&str>, audience: &str) -> Result<String, Box<dyn Error>> {
    let email = format!("{id}@example.com");
    let mut claims = json!({ "sub": id, "email": email, "aud": audience, "exp": Issuer::now() + 3600 });
    if let Some(role) = role {
        claims["role"] = role.into();
    }
    Ok(issuer.sign("JWT", &claims)?)
}

fn print_tokens(issuer: &Issuer, address: SocketAddr, audience: &str) -> Result<(), Box<dyn Error>> {
    println!("tokens for an hour:");
    println!("  ALICE={}", token(issuer, "alice", None, audience)?);
    println!("  ROOT={}", token(issuer, "root", Some("admin"), audience)?);
    println!("with these set, try:");
    for line in [
        "curl -H \"Authorization: Bearer $ALICE\" {url}/user",
        "curl -i -H \"Authorization: Bearer $ALICE\" {url}/admin",
        "curl -H \"Authorization: Bearer $ROOT\" {url}/admin",
        "curl -H \"Authorization: Bearer $ROOT\" -H 'X-Act-As-User-Id: alice' {url}/user-id",
        "curl {url}/maybe",
    ] {
        println!("  {}", line.replace("{url}", &format!("http://{address}")));
    }
    Ok(())
}
