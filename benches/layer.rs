//! What the layer adds to one warm request in the process, next to what others add: `cargo bench -p aigc-auth-benches --bench layer`.

#[path = "support/budget.rs"]
mod budget;
#[cfg(feature = "jwt")]
#[path = "support/local.rs"]
mod local;
#[path = "support/profile.rs"]
mod profile;
#[path = "support/queue.rs"]
mod queue;
#[path = "support/request.rs"]
mod request;
mod support;
#[cfg(feature = "jwt")]
#[path = "support/token.rs"]
mod token;

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use aigc_auth::cluster::{BusError, BusListener, Cluster, InvalidationBus};
use aigc_auth::impersonation::ActAsPolicy;
use aigc_auth::invalidate::Invalidation;
use aigc_auth::layer::CredentialSource;
use aigc_auth::observer::{Event, Observer};
use aigc_auth::tenant::{CachedMemberships, CurrentTenant, Membership, Memberships, OrgId, TenantPolicy};
use aigc_auth::{
    ActAsUser, AuthClient, AuthError, AuthLayer, CurrentUser, RequirePermission, UserId, UserInfo,
    permissions,
};
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use queue::Queue;
use request::{headers, ready, sends};
use support::{Case, measure};
use tower::{Layer, Service};
use tower_http::validate_request::ValidateRequestHeaderLayer;

permissions! {
    Last = "permission:199";
}

/// As long as a usual JWT.
fn token() -> String {
    format!("{}.{}.{}", "h".repeat(36), "p".repeat(310), "s".repeat(43))
}

fn user() -> UserInfo {
    UserInfo::builder(7, "alice")
        .roles(["editor"])
        .permissions((0..200).map(|n| format!("permission:{n}")))
        .build()
}

fn client() -> AuthClient {
    let client = AuthClient::builder("app", "secret", "http://127.0.0.1:9").build().expect("a client");
    client.cache_user(&token(), user());
    client
}

/// As little as an observer can do.
struct Counts(AtomicU64);

impl Observer for Counts {
    fn observe(&self, event: &Event) {
        if let Event::Lookup(_) = event {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A client that tells of each hit.
fn observed() -> AuthClient {
    let client =
        AuthClient::builder("app", "secret", "http://127.0.0.1:9").observer(Counts(AtomicU64::new(0)));
    let client = client.build().expect("a client");
    client.cache_user(&token(), user());
    client
}

/// A bus over which nothing comes but proofs.
struct Quiet;

impl InvalidationBus for Quiet {
    async fn publish(&self, _: &Invalidation) -> Result<(), BusError> {
        Ok(())
    }

    async fn listen(&self, listener: &dyn BusListener) -> BusError {
        loop {
            listener.in_touch(Instant::now());
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// A client of a cluster that is in touch, and what runs it.
fn clustered() -> (AuthClient, tokio::runtime::Runtime) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build().expect("a runtime");
    let client = runtime.block_on(async {
        let cluster = Cluster::new(Quiet).expect("a cluster");
        let client = AuthClient::builder("app", "secret", "http://127.0.0.1:9").cluster(cluster.clone());
        let client = client.build().expect("a client");
        assert!(cluster.connected(Duration::from_secs(60)).await);
        client
    });
    client.cache_user(&token(), user());
    (client, runtime)
}

fn router() -> Router {
    Router::new().route("/me", get(|| async { "ok" }))
}

fn request_case<S, B>(name: &'static str, service: S, headers: HeaderMap, status: u16) -> Case
where
    S: Service<Request, Response = Response<B>, Error = Infallible> + 'static,
    B: 'static,
{
    Case::new(name, sends(service, headers, status))
}

fn extractor_case<E: FromRequestParts<()> + 'static>(name: &'static str) -> Case {
    let mut request = Request::new(Body::empty());
    request.extensions_mut().insert(user());
    let (mut parts, _) = request.into_parts();
    assert!(ready(E::from_request_parts(&mut parts, &())).is_ok(), "{name}");
    Case::new(name, move || {
        let extracted = ready(E::from_request_parts(black_box(&mut parts), &()));
        black_box(extracted.is_ok());
    })
}

/// What a proxy adds, and what traces of it have.
fn proxied(headers: &HeaderMap) -> HeaderMap {
    let mut proxied = headers.clone();
    for (name, value) in [
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "6f1d5f0a-5f0e-4f3c-9a53-6b1f0b8d2c11"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ] {
        proxied.insert(name, HeaderValue::from_static(value));
    }
    proxied
}

/// The same, of an admin who acts as another user.
fn acting(headers: &HeaderMap) -> HeaderMap {
    let mut acting = headers.clone();
    acting.insert("x-act-as-user-id", HeaderValue::from_static("12"));
    acting
}

/// tower-http's check of a fixed token, whose answer has what a rejection by `AuthLayer` has.
#[expect(clippy::result_large_err, reason = "what tower-http asks for")]
fn answering(
    token: &str,
) -> ValidateRequestHeaderLayer<impl FnMut(&mut Request) -> Result<(), Response> + Clone + use<>> {
    let expected = HeaderValue::from_str(&format!("Bearer {token}")).expect("a header");
    let body = r#"{"code":401,"message":"No bearer credential was sent: send `Authorization: Bearer <token>`","data":null}"#;
    ValidateRequestHeaderLayer::custom(move |request: &mut Request| {
        if request.headers().get(AUTHORIZATION) == Some(&expected) {
            return Ok(());
        }
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        Err(response)
    })
}

/// One organisation, with five teams.
struct Table;

impl Memberships for Table {
    async fn find_membership(&self, user: &UserId, _: Option<&OrgId>) -> Result<Membership, AuthError> {
        let teams = ["app", "design", "legal", "sales", "web"];
        let membership = Membership::builder(user.clone(), ORG).roles(["admin", "member"]);
        Ok(teams.into_iter().fold(membership, |membership, team| membership.team(team, ["member"])).build())
    }
}

fn naming_tenant(headers: &HeaderMap) -> HeaderMap {
    let mut naming = headers.clone();
    naming.insert("x-org-id", HeaderValue::from_static(ORG));
    naming.insert("x-team-id", HeaderValue::from_static("legal"));
    naming
}

const ORG: &str = "3f6c0b9e-9d5e-4c5e-8a55-0a2f7b1f9a10";

/// A policy whose memberships are cached, the default one and that of the organisation.
fn tenants(user: &UserId) -> TenantPolicy {
    // Longer than valgrind takes.
    let memberships = CachedMemberships::builder(Table).cache_ttl(Duration::from_secs(24 * 60 * 60)).build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for org in [None, Some(OrgId::from(ORG))] {
        let found = runtime.block_on(memberships.find_membership(user, org.as_ref()));
        assert!(found.is_ok());
    }
    TenantPolicy::new(memberships)
}

fn of_user(auth: AuthLayer) -> Router {
    Router::new().route("/me", get(|_: CurrentUser| async { "ok" })).layer(auth)
}

fn of_tenant(auth: AuthLayer, user: &UserId) -> Router {
    let route = get(|_: CurrentUser, _: CurrentTenant| async { "ok" });
    Router::new().route("/me", route).layer(auth.tenants(tenants(user)))
}

/// The same with a little more to do, of which the budget has to notice.
fn dearer(mut run: impl FnMut() + 'static) -> impl FnMut() + 'static {
    move || {
        run();
        for n in 0..75 {
            black_box(n);
        }
    }
}

#[derive(Clone)]
struct Nothing;

#[derive(Clone)]
struct NothingService<S>(S);

impl<S> Layer<S> for Nothing {
    type Service = NothingService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        NothingService(inner)
    }
}

impl<S: Service<Request>> Service<Request> for NothingService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> S::Future {
        self.0.call(request)
    }
}

async fn pass(request: Request, next: Next) -> Response {
    next.run(request).await
}

const BARE: &str = "bare router";
const WITH_USER: &str = "AuthLayer and CurrentUser";
const WITH_USER_AND_HEADERS: &str = "… with two headers more";
const WITH_TENANT: &str = "… and CurrentTenant, by default";
const WITH_HEADERS: &str = "… and CurrentTenant, by two headers";
const WITH_JWT: &str = "JwtVerifier and CurrentUser";
const WITH_JWT_AND_HEADERS: &str = "…, with two headers more";
const WITH_REVOCATION_AND_HEADERS: &str = "… revocation, CurrentTenant, by headers";
const BARE_PROXIED: &str = "bare router, behind a proxy";
const ACTING: &str = "… and ActAsUser, as another user";
const ACTING_AS_NOBODY: &str = "… and ActAsUser, without the header";
const WARM: &str = "AuthLayer warm, around";
const DEARER: &str = "… with a little more to do, around";
const SAME_ANSWER: &str = "tower-http refusal, same answer, around";
const SAME_ANSWER_AS_A_LAYER: &str = "tower-http refusal, same answer, as a layer";
const EXTRACTED: &str = "extension read and cloned by hand";

#[allow(deprecated)] // tower-http thinks little of fixed tokens; it is the least that a check can cost.
fn main() {
    let (token, client) = (token(), client());
    let (with, without) = (headers(Some(&token)), headers(None));
    let fixed = || ValidateRequestHeaderLayer::bearer(&token);
    let auth = || AuthLayer::new(client.clone());
    let (in_cluster, _runtime) = clustered();
    let recording = || auth().with_stats(Queue::new());
    let three = || {
        auth().credentials_from([
            CredentialSource::authorization(),
            CredentialSource::websocket_protocol(),
            CredentialSource::cookie("session"),
        ])
    };
    let all = || {
        auth().credentials_from([
            CredentialSource::authorization(),
            CredentialSource::websocket_protocol(),
            CredentialSource::cookie("session"),
            CredentialSource::header("x-token"),
            CredentialSource::query("token"),
        ])
    };
    let mut cookie = without.clone();
    let session = format!("theme=dark; session={token}");
    cookie.insert(COOKIE, HeaderValue::from_str(&session).expect("a header"));
    let naming = naming_tenant(&with);
    let of_acting = || {
        let admin = AuthClient::builder("app", "secret", "http://127.0.0.1:9").build().expect("a client");
        admin.cache_user(&token, UserInfo::builder(7, "alice").admin(true).build());
        let policy = ActAsPolicy::new().insecure_any_target();
        let route = get(|_: ActAsUser| async { "ok" });
        Router::new().route("/me", route).layer(AuthLayer::new(admin).act_as(policy))
    };
    #[cfg_attr(not(feature = "jwt"), allow(unused_mut))]
    let mut cases = vec![
        request_case(BARE, router(), with.clone(), 200),
        request_case("nothing, around", Nothing.layer(router()), with.clone(), 200),
        request_case("nothing, as a layer", router().layer(Nothing), with.clone(), 200),
        request_case("from_fn doing nothing", router().layer(from_fn(pass)), with.clone(), 200),
        request_case("tower-http fixed token, around", fixed().layer(router()), with.clone(), 200),
        request_case("tower-http fixed token, as a layer", router().layer(fixed()), with.clone(), 200),
        request_case(WARM, auth().layer(router()), with.clone(), 200),
        request_case("AuthLayer warm, as a layer", router().layer(auth()), with.clone(), 200),
        request_case("… in a cluster, around", AuthLayer::new(in_cluster).layer(router()), with.clone(), 200),
        request_case(
            "… with an observer, around",
            AuthLayer::new(observed()).layer(router()),
            with.clone(),
            200,
        ),
        request_case("… with stats, around", recording().layer(router()), with.clone(), 200),
        request_case("… with stats, as a layer", router().layer(recording()), with.clone(), 200),
        request_case("… of three sources, around", three().layer(router()), with.clone(), 200),
        request_case("… of three sources, as a layer", router().layer(three()), with.clone(), 200),
        request_case("… of all sources, around", all().layer(router()), with.clone(), 200),
        request_case("… by a cookie of three, around", three().layer(router()), cookie, 200),
        request_case(BARE_PROXIED, router(), proxied(&with), 200),
        request_case("… behind a proxy, around", auth().layer(router()), proxied(&with), 200),
        request_case(WITH_USER, of_user(auth()), with.clone(), 200),
        request_case(WITH_USER_AND_HEADERS, of_user(auth()), naming.clone(), 200),
        request_case(ACTING_AS_NOBODY, of_acting(), with.clone(), 200),
        request_case(ACTING, of_acting(), acting(&with), 200),
        request_case(WITH_TENANT, of_tenant(auth(), user().id()), with.clone(), 200),
        request_case(WITH_HEADERS, of_tenant(auth(), user().id()), naming, 200),
        request_case("tower-http refusal, around", fixed().layer(router()), without.clone(), 401),
        request_case(SAME_ANSWER, answering(&token).layer(router()), without.clone(), 401),
        request_case("AuthLayer refusal, around", auth().layer(router()), without.clone(), 401),
        request_case("tower-http refusal, as a layer", router().layer(fixed()), without.clone(), 401),
        request_case(SAME_ANSWER_AS_A_LAYER, router().layer(answering(&token)), without.clone(), 401),
        request_case("AuthLayer refusal, as a layer", router().layer(auth()), without, 401),
        extractor_case::<axum::Extension<UserInfo>>(EXTRACTED),
        extractor_case::<CurrentUser>("CurrentUser"),
        extractor_case::<RequirePermission<Last>>("RequirePermission, one of 200"),
        Case::new(DEARER, dearer(sends::<_, Body, _>(auth().layer(router()), with.clone(), 200))),
    ];
    #[cfg(feature = "jwt")]
    cases.extend(local::cases());
    let compared_with = |name: &str| match name {
        BARE | BARE_PROXIED | EXTRACTED => None,
        "… behind a proxy, around" => Some(BARE_PROXIED),
        ACTING | ACTING_AS_NOBODY => Some(WITH_USER),
        WITH_TENANT => Some(WITH_USER),
        WITH_HEADERS => Some(WITH_USER_AND_HEADERS),
        WITH_JWT_AND_HEADERS => Some(WITH_JWT),
        WITH_REVOCATION_AND_HEADERS => Some(WITH_JWT_AND_HEADERS),
        name if name.starts_with("… revocation") || name == "… a layer of users and services" => {
            Some(WITH_JWT)
        }
        "… with stats, as a layer" | "… of three sources, as a layer" => {
            Some("AuthLayer warm, as a layer")
        }
        DEARER => Some(BARE),
        name if name.starts_with('…') => Some(WARM),
        "AuthLayer refusal, around" => Some(SAME_ANSWER),
        "AuthLayer refusal, as a layer" => Some(SAME_ANSWER_AS_A_LAYER),
        "CurrentUser" | "RequirePermission, one of 200" => None,
        _ => Some(BARE),
    };
    if std::env::args().any(|argument| argument == "--budget") {
        // A refusal is the whole of its request.
        let base = |name: &str| compared_with(name).filter(|_| !name.contains("refusal"));
        return budget::check(include_str!("budget.txt"), base, BARE, (DEARER, WARM));
    }
    budget::check_itself();
    measure(cases, compared_with);
}
