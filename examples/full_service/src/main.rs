//! An axum service that is protected by an auth center, with most of what the crate does.
//!
//! `cargo run -p full_service` starts it with an auth center of its own and prints `curl` lines to try. With
//! `AIGC_AUTH_APP_ID`, `AIGC_AUTH_APP_SECRET` and `AIGC_AUTH_BASE_URL` set, in the environment or in `.env`, it talks to
//! that one instead. `BIND` is the address to listen on, `127.0.0.1:3000` by default. With `AIGC_AUTH_WEBHOOK_SECRET` set,
//! it takes the auth center's events at `/webhook/auth`; with `AIGC_AUTH_WEBHOOK_URL` as well, it subscribes that URL to
//! them as long as it runs. `AIGC_AUTH_STATS=off` turns the usage records off.

use std::error::Error;
use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

use aigc_auth::outbound::OutboundClient;
use aigc_auth::permission::AnyOf;
use aigc_auth::stats::StatsCollector;
use aigc_auth::tenant::{
    CachedMemberships, CurrentTenant, Membership, Memberships, NoMembership, OrgId, RequireOrg, TenantPolicy,
};
use aigc_auth::testing::{self, AuthCenter, TestKey};
use aigc_auth::webhook::{self, HandlerError, Subscription, UserEvent, WebhookConfig};
use aigc_auth::{
    ActAsUser, AuthClient, AuthError, AuthLayer, CurrentUser, OptionalUser, RequireAdmin, RequirePermission,
    UserId, UserInfo, context, org_actions, permissions,
};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tower_http::catch_panic::CatchPanicLayer;

permissions! {
    /// Read reports.
    pub ReadReports = "report:read";
    pub WriteArticle = "article:write";
    pub EditArticle = "article:edit";
}

org_actions! {
    pub enum OrgRole { Owner = "owner", Member = "member" }

    pub RenameOrg = "RENAME_ORG": Owner;
    pub ViewOrg = "VIEW_ORG": Owner, Member;
}

async fn me(user: CurrentUser) -> Json<UserInfo> {
    Json(user.into_inner())
}

async fn maybe(OptionalUser(user): OptionalUser) -> Json<Value> {
    Json(json!({ "user": user }))
}

async fn reports(user: RequirePermission<ReadReports>) -> String {
    format!("reports for {}\n", user.username())
}

async fn editor(user: RequirePermission<AnyOf<(WriteArticle, EditArticle)>>) -> String {
    format!("{} may edit\n", user.username())
}

async fn admin(user: RequireAdmin) -> String {
    format!("{} is an admin\n", user.username())
}

/// For an admin with `X-Act-As-User-Id`, that user.
async fn act_as(who: ActAsUser) -> Json<Value> {
    Json(json!({ "actor": who.actor().id(), "subject": who.user_id() }))
}

/// Of alice and bob, `acme`: she owns it, and he is a member, in its team `design`.
struct Organisations {
    alice: UserId,
    bob: UserId,
}

impl Memberships for Organisations {
    async fn find_membership(&self, user: &UserId, org: Option<&OrgId>) -> Result<Membership, AuthError> {
        if org.is_some_and(|org| *org != *"acme") {
            return Err(NoMembership::NotAMember.into());
        }
        let membership = Membership::builder(user.clone(), "acme");
        match user {
            user if *user == self.alice => Ok(membership.roles(["owner"]).build()),
            user if *user == self.bob => Ok(membership.roles(["member"]).team("design", ["member"]).build()),
            _ => Err(NoMembership::NotAMember.into()),
        }
    }
}

/// Whose data the request is about.
async fn tenant(tenant: CurrentTenant) -> Json<Value> {
    Json(
        json!({ "user": tenant.user_id(), "org": tenant.org_id(), "team": tenant.team_id(), "roles": tenant.org_roles() }),
    )
}

async fn rename(tenant: RequireOrg<RenameOrg>) -> String {
    format!("{} has a new name\n", tenant.org_id())
}

/// What members may do, for the docs.
async fn org_actions() -> Json<Value> {
    Json(json!(OrgRole::actions()))
}

/// Calls another service in the user's name: here it is this one.
async fn relay(outbound: OutboundClient, url: String) -> Result<(StatusCode, Json<Value>), StatusCode> {
    let failed = |error: &dyn Display| {
        tracing::warn!(%error, "the other service did not answer");
        StatusCode::BAD_GATEWAY
    };
    let answer = outbound.get(url).send().await.map_err(|error| failed(&error))?;
    let status = answer.status();
    Ok((status, Json(answer.json().await.map_err(|error| failed(&error))?)))
}

/// Reads the request's context two calls deep, without an argument for it.
async fn request_context() -> Json<Value> {
    async fn two_calls_deep() -> Value {
        json!({
            "user_id": context::current_user_id(),
            "username": context::current_username(),
            "client_ip": context::client_ip(),
            "user_agent": context::user_agent(),
            "trace_id": context::trace_id(),
            "request_id": context::request_id(),
        })
    }
    async fn one_call_deep() -> Value {
        two_calls_deep().await
    }
    Json(one_call_deep().await)
}

/// The auth center makes billing rules from these headers.
async fn chat(user: CurrentUser) -> impl IntoResponse {
    let billing = [
        (HeaderName::from_static("x-match-dynamic"), "1"),
        (HeaderName::from_static("x-match-cost"), "0.0035"),
        (HeaderName::from_static("x-match-path"), "/chat"),
        (HeaderName::from_static("x-match-rule"), "chat"),
    ];
    (billing, Json(json!({ "reply": format!("hello, {}", user.username()) })))
}

async fn moved() -> impl IntoResponse {
    (StatusCode::FOUND, [(header::LOCATION, "/me")])
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(300)).await;
    "at last\n"
}

async fn boom() -> &'static str {
    panic!("a bug in a handler hurts one request")
}

/// The cached user has been invalidated already.
async fn on_event(event: UserEvent) -> Result<Value, HandlerError> {
    let username = event.user().and_then(|user| user.username());
    tracing::info!(event = event.name(), username, updated = ?event.updated_fields(), "the auth center reports");
    Ok(json!({ "success": true }))
}

fn app(
    client: AuthClient,
    outbound: OutboundClient,
    address: SocketAddr,
    webhooks: Option<WebhookConfig>,
    stats: Option<StatsCollector>,
) -> Router {
    let me_there = format!("http://{address}/me");
    let [alice, bob] = ["alice", "bob"].map(|name| testing::user(name).build().id().clone());
    let memberships = CachedMemberships::new(Organisations { alice, bob });
    let mut auth = AuthLayer::new(client.clone())
        .exclude_path("/health")
        .exclude_prefix("/public")
        .tenants(TenantPolicy::new(memberships.clone()));
    if let Some(stats) = stats {
        auth = auth.with_stats(stats);
    }
    let protected = Router::new()
        .route("/health", get(|| async { "ok\n" }))
        .route("/public/hello", get(|| async { "hello, world\n" }))
        .route("/me", get(me))
        .route("/reports", get(reports))
        .route("/editor", get(editor))
        .route("/admin", get(admin))
        .route("/act-as", get(act_as))
        .route("/org", get(tenant))
        .route("/org/name", post(rename))
        .route("/public/org-actions", get(org_actions))
        .route("/context", get(request_context))
        .route("/relay", get(move || relay(outbound, me_there)))
        .route("/chat", post(chat))
        .route("/moved", get(moved))
        .route("/slow", get(slow))
        .route("/boom", get(boom))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(auth.clone());
    // Here the handlers decide about unauthenticated requests.
    let open = Router::new().route("/maybe", get(maybe)).layer(auth.allow_anonymous());
    let mut app = protected.merge(open);
    if let Some(webhooks) = webhooks {
        app = app.merge(webhook::router(webhooks.invalidate(client).invalidate(memberships), on_event));
    }
    app.layer(CatchPanicLayer::new())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    example_support::start_logging();

    let (client, center) = example_support::connect(add_users).await?;
    // From here on, signals are caught: before the address is printed, which others wait for.
    let shutdown = example_support::shutdown_signal();
    let (listener, address) = example_support::listen().await?;
    if center.is_some() {
        print_banner(address);
    }
    let webhooks = WebhookConfig::from_env();
    match &webhooks {
        Ok(_) => print_signed_curl(address),
        Err(error) => println!("without /webhook/auth, for {error}"),
    }
    let subscription = webhooks.as_ref().ok().and_then(|_| Subscription::from_env(&client).ok());
    let stats = has_stats().then(|| StatsCollector::start(&client));
    // Only this service itself receives the app's secret and the user's token.
    let outbound = OutboundClient::builder(&client).trust_origin(format!("http://{address}")).build()?;
    // With connect info, so that the client's address is known.
    let service = app(client, outbound, address, webhooks.ok(), stats.clone())
        .into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(shutdown).await?;
    if let Some(subscription) = subscription
        && let Err(error) = subscription.shutdown(Duration::from_secs(2)).await
    {
        tracing::warn!(%error, "still subscribed to events");
    }
    if let Some(stats) = stats {
        let counts = stats.shutdown(Duration::from_secs(5)).await;
        println!(
            "usage records: {} delivered, {} lost",
            counts.delivered,
            counts.recorded - counts.delivered
        );
    }
    println!("drained, good-bye");
    Ok(())
}

fn add_users(center: &AuthCenter) {
    center.add_user(
        testing::user("alice")
            .nickname("Alice")
            .email("alice@example.com")
            .roles(["editor"])
            .permissions(["report:read", "article:edit"]),
    );
    center.add_user(testing::user("bob"));
    center.add_user(testing::user("root").roles(["admin"]).admin(true));
    for name in ["alice", "bob", "root"] {
        center.add_token(format!("{name}-token"), name);
    }
    center.add_access_key("ak_alice", TestKey::user("alice").name("alice's laptop"));
}

fn has_stats() -> bool {
    !std::env::var("AIGC_AUTH_STATS").is_ok_and(|stats| stats.eq_ignore_ascii_case("off"))
}

fn print_banner(address: SocketAddr) {
    println!("no AIGC_AUTH_* is set, so the auth center is one in this process. Try:");
    for line in [
        "curl -i {url}/me",
        "curl -H 'Authorization: Bearer alice-token' {url}/me",
        "curl -H 'Authorization: Bearer alice-token' {url}/reports",
        "curl -i -H 'Authorization: Bearer bob-token' {url}/reports",
        "curl -H 'Authorization: Bearer root-token' {url}/admin",
        "curl -H 'Authorization: Bearer root-token' -H 'X-Act-As-User-Id: {alice}' {url}/act-as",
        "curl -H 'Authorization: Bearer bob-token' -H 'X-Team-Id: design' {url}/org",
        "curl -i -X POST -H 'Authorization: Bearer bob-token' {url}/org/name",
        "curl -H 'Authorization: Bearer alice-token' {url}/relay",
        "curl -H 'Authorization: Bearer ak_alice' -H 'X-Trace-ID: t-1' {url}/context",
        "curl {url}/maybe",
        "curl {url}/public/hello",
    ] {
        let line = line.replace("{alice}", &testing::user("alice").build().id().to_string());
        println!("  {}", line.replace("{url}", &format!("http://{address}")));
    }
}

/// Signs an event about alice as the auth center does. The secret itself is not printed.
fn print_signed_curl(address: SocketAddr) {
    let alice = testing::user("alice").build();
    let event = format!(
        r#"{{"event": "user.updated", "data": {{"id": {}, "updatedFields": ["email"]}}}}"#,
        alice.id()
    );
    let openssl = r#"openssl dgst -r -sha256 -hmac "$AIGC_AUTH_WEBHOOK_SECRET" | cut -c-64"#;
    println!("events are taken at /webhook/auth. With AIGC_AUTH_WEBHOOK_SECRET exported, try:");
    println!(
        "  curl -H \"X-Webhook-Signature: $(printf %s '{event}' | {openssl})\" -d '{event}' http://{address}/webhook/auth"
    );
}
