//! The cases of axum 0.8: this crate and most of its peers.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aigc_auth::jwt::{JwtVerifier, JwtVerifierBuilder};
use aigc_auth::stats::StatsCollector;
use aigc_auth::{AuthClient, AuthLayer, CurrentUser, UserInfo};
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use axum_jwt_auth::{Decoder, LocalDecoder};
use axum_keycloak_auth::instance::{KeycloakAuthInstance, KeycloakConfig};
use axum_keycloak_auth::layer::KeycloakAuthLayer;
use axum_login::{AuthManagerLayerBuilder, AuthSession, AuthUser, AuthnBackend, login_required};
use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE, SET_COOKIE};
use jsonwebtoken_10::{DecodingKey, Validation};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::{Layer, ServiceExt};
#[allow(deprecated, reason = "see `fixed`")]
use tower_http::auth::require_authorization;
use tower_http::validate_request::ValidateRequestHeaderLayer;
use tower_oauth2_resource_server::server::OAuth2ResourceServer;
use tower_oauth2_resource_server::tenant::TenantConfiguration;
use tower_oauth2_resource_server::validation::ClaimsValidationSpec;
use tower_sessions::{MemoryStore, SessionManagerLayer};

use crate::material::{AUDIENCE, Claims, ISSUER, Material, SECRET};
use crate::queue::Queue;
use crate::request::{headers, sends};
use crate::table::{BARE, OURS, OURS_AROUND, OURS_STATS, OURS_STATS_APART, OURS_STATS_AROUND, Place};
use crate::worker::Cases;

/// Longer than all of this takes.
const LONG: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) struct Axum08;

pub(crate) enum App {
    Served(Router, HeaderMap),
    Around(Box<dyn FnMut() + Send>),
}

impl Cases for Axum08 {
    type App = App;

    async fn app(name: &str, material: Material, place: Place) -> App {
        match name {
            "tower-http-around" => around(fixed(&material), &material),
            OURS_AROUND => around(AuthLayer::new(client(&material)), &material),
            OURS_STATS_AROUND => {
                around(AuthLayer::new(client(&material)).with_stats(Queue::new()), &material)
            }
            "axum-login" => sessions().await,
            _ => {
                let token = match name {
                    name if name.ends_with("-es256") => &material.es256,
                    name if name.ends_with("-rs256") => &material.rs256,
                    _ => &material.hs256,
                };
                let headers = headers(Some(token));
                App::Served(router(name, &material, place).await, headers)
            }
        }
    }

    fn send(app: App) -> Box<dyn FnMut()> {
        match app {
            App::Served(router, headers) => Box::new(sends::<_, Body, _>(router, headers, 200)),
            App::Around(send) => send,
        }
    }

    fn credential(app: &App) -> String {
        let App::Served(_, headers) = app else { panic!("only routers are served") };
        let held = [AUTHORIZATION, COOKIE].into_iter().find_map(|name| Some((headers.get(&name)?, name)));
        let (value, name) = held.expect("a credential");
        format!("{name}: {}", value.to_str().expect("text"))
    }

    async fn listen(app: App, listener: TcpListener) {
        let App::Served(router, _) = app else { panic!("only routers are served") };
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, service).await.expect("served");
    }
}

fn around<L>(layer: L, material: &Material) -> App
where
    L: Layer<Router>,
    L::Service: tower::Service<Request, Response = Response, Error = Infallible> + Send + 'static,
{
    App::Around(Box::new(sends::<_, Body, _>(layer.layer(bare()), headers(Some(&material.hs256)), 200)))
}

fn bare() -> Router {
    Router::new().route("/me", get(|| async { "ok" }))
}

async fn router(name: &str, material: &Material, place: Place) -> Router {
    match name {
        BARE => bare(),
        "from-fn" => bare().layer(from_fn(pass)),
        "tower-http" => bare().layer(fixed(material)),
        "axum-jwt-auth-hs256" => extracted(DecodingKey::from_secret(SECRET.as_bytes()), "HS256"),
        "axum-jwt-auth-es256" => {
            extracted(DecodingKey::from_ec_pem(material.es256_pem.as_bytes()).expect("a key"), "ES256")
        }
        "tower-oauth2-hs256" => {
            resource_server(&material.hs256_jwks, jsonwebtoken_11::Algorithm::HS256).await
        }
        "tower-oauth2-rs256" => {
            resource_server(&material.rs256_jwks, jsonwebtoken_11::Algorithm::RS256).await
        }
        "axum-keycloak-auth-rs256" => keycloak(material.rs256_jwks.clone()).await,
        "ours-jwt-hs256" => local(JwtVerifier::from_secret(SECRET).cache_ttl(Duration::ZERO)),
        "ours-jwt-es256" => {
            local(JwtVerifier::from_public_key(&material.es256_pem).cache_ttl(Duration::ZERO))
        }
        "ours-jwt-rs256" => {
            local(JwtVerifier::from_public_key(&material.rs256_pem).cache_ttl(Duration::ZERO))
        }
        "ours-jwt-cached" => local(JwtVerifier::from_secret(SECRET).cache_ttl(LONG)),
        OURS => bare().layer(AuthLayer::new(client(material))),
        "ours-user" => {
            let route = get(|_: CurrentUser| async { "ok" });
            Router::new().route("/me", route).layer(AuthLayer::new(client(material)))
        }
        OURS_STATS => {
            let client = client(material);
            let auth = AuthLayer::new(client.clone());
            bare().layer(match place {
                Place::Process => auth.with_stats(Queue::new()),
                _ => auth.with_stats(StatsCollector::start(&client)),
            })
        }
        OURS_STATS_APART => {
            let client = client(material);
            let stats = collector_elsewhere(&client);
            bare().layer(AuthLayer::new(client).with_stats(stats))
        }
        _ => panic!("no such case: {name}"),
    }
}

/// A collector whose tasks run on a thread of their own.
fn collector_elsewhere(client: &AuthClient) -> StatsCollector {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let stats = {
        let _inside = runtime.enter();
        StatsCollector::start(client)
    };
    // As long as the process.
    std::mem::forget(runtime);
    stats
}

async fn pass(request: Request, next: Next) -> Response {
    next.run(request).await
}

#[allow(deprecated)] // tower-http thinks little of fixed tokens; it is the least that a check can cost.
fn fixed(material: &Material) -> ValidateRequestHeaderLayer<require_authorization::Bearer<Body>> {
    ValidateRequestHeaderLayer::bearer(&material.hs256)
}

/// Knows the token, and a user with 200 permissions.
fn client(material: &Material) -> AuthClient {
    let client = AuthClient::builder("app", "secret", &material.center).cache_ttl(LONG);
    let client = client.build().expect("a client");
    let permissions = (0..200).map(|n| format!("permission:{n}"));
    let user = UserInfo::builder(7, "alice").roles(["editor"]).permissions(permissions).build();
    client.cache_user(&material.hs256, user);
    client
}

fn local(verifier: JwtVerifierBuilder) -> Router {
    bare().layer(AuthLayer::new(verifier.issuer(ISSUER).audience(AUDIENCE).build().expect("a key")))
}

fn extracted(key: DecodingKey, algorithm: &str) -> Router {
    let mut validation = Validation::new(algorithm.parse().expect("an algorithm"));
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    let decoder = LocalDecoder::new(vec![key], validation).expect("a decoder");
    let decoder: Decoder<Claims> = Arc::new(decoder);
    Router::new().route("/me", get(|_: axum_jwt_auth::Claims<Claims>| async { "ok" })).with_state(decoder)
}

async fn resource_server(jwks: &Value, algorithm: jsonwebtoken_11::Algorithm) -> Router {
    let audiences = vec![AUDIENCE.to_owned()];
    let tenant = TenantConfiguration::static_builder(jwks.to_string())
        .allowed_algorithms(&[algorithm])
        .claims_validation(ClaimsValidationSpec::recommended(ISSUER, &audiences))
        .build()
        .expect("a key set");
    let server =
        OAuth2ResourceServer::<Claims>::builder().add_tenant(tenant).build().await.expect("a server");
    bare().layer(server.into_layer())
}

/// As Keycloak would be found: by discovery, at a server that is here for it.
async fn keycloak(jwks: Value) -> Router {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let keys = format!("{url}/keys");
    let discovery = json!({
        "issuer": ISSUER, "authorization_endpoint": keys, "token_endpoint": keys, "jwks_uri": keys,
        "end_session_endpoint": keys, "response_types_supported": ["code"],
        "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"],
    });
    let app = Router::new()
        .route("/realms/peers/.well-known/openid-configuration", get(|| async { Json(discovery) }))
        .route("/keys", get(|| async { Json(jwks) }));
    tokio::spawn(async move { axum::serve(listener, app).await });
    let config =
        KeycloakConfig::builder().server(url.parse().expect("a URL")).realm("peers".to_owned()).build();
    let instance = KeycloakAuthInstance::new(config);
    let mut tries = 0;
    while !instance.is_operational().await {
        tries += 1;
        assert!(tries < 3_000, "axum-keycloak-auth finds no keys");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let layer = KeycloakAuthLayer::<String>::builder()
        .instance(instance)
        .expected_audiences(vec![AUDIENCE.to_owned()])
        .build();
    bare().layer(layer)
}

#[derive(Clone, Debug)]
struct Alice;

impl AuthUser for Alice {
    type Id = i64;

    fn id(&self) -> i64 {
        7
    }

    fn session_auth_hash(&self) -> &[u8] {
        b"a hash of a password"
    }
}

#[derive(Clone)]
struct Users(Arc<BTreeMap<i64, Alice>>);

impl AuthnBackend for Users {
    type User = Alice;
    type Credentials = i64;
    type Error = Infallible;

    async fn authenticate(&self, id: i64) -> Result<Option<Alice>, Infallible> {
        Ok(self.0.get(&id).cloned())
    }

    async fn get_user(&self, id: &i64) -> Result<Option<Alice>, Infallible> {
        Ok(self.0.get(id).cloned())
    }
}

/// Logs in, and comes again with the cookie.
async fn sessions() -> App {
    let users = Users(Arc::new(BTreeMap::from([(7, Alice)])));
    let auth = AuthManagerLayerBuilder::new(users, SessionManagerLayer::new(MemoryStore::default())).build();
    let log_in =
        get(|mut session: AuthSession<Users>| async move { session.login(&Alice).await.expect("kept") });
    let entrance = Router::new().route("/login", log_in).layer(auth.clone());
    let request = Request::builder().uri("/login").body(Body::empty()).expect("a request");
    let answer = entrance.oneshot(request).await.unwrap_or_else(|never| match never {});
    let cookie = answer.headers().get(SET_COOKIE).expect("a session").to_str().expect("text");
    let cookie = cookie.split(';').next().expect("a pair").to_owned();
    let mut headers = headers(None);
    headers.insert(COOKIE, cookie.parse().expect("a header"));
    App::Served(bare().route_layer(login_required!(Users)).layer(auth), headers)
}
