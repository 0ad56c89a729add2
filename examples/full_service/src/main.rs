//! An axum service that is protected by an auth center, with most of what the crate does.
//!
//! `cargo run -p full_service` starts it with an auth center of its own and prints `curl` lines to try. With
//! `AIGC_AUTH_APP_ID`, `AIGC_AUTH_APP_SECRET` and `AIGC_AUTH_BASE_URL` set, in the environment or in `.env`, it talks to
//! that one instead. `BIND` is the address to listen on, `127.0.0.1:3000` by default. With `AIGC_AUTH_WEBHOOK_SECRET` set,
//! it takes the auth center's events at `/webhook/auth`; with `AIGC_AUTH_WEBHOOK_URL` as well, it subscribes that URL to
//! them as long as it runs. `AIGC_AUTH_STATS=off` turns the usage records off.
//!
//! `/session`, `/revoke` and `/backchannel-logout` are for users of `ISSUER` (OpenID Connect), whose tokens name the audience
//! `full-service`; with an auth center of its own, an issuer is in the process as well. What is revoked is remembered by the
//! process. `SERVICE_KEY`, a private key in PEM, signs its calls to other services, in place of one that it makes.
//!
//! `/openapi.json` says what callers need and how they are refused, and `/docs` is a page to try it on.
//!
//! Who has an address in a private network is taken for a proxy, whose `X-Forwarded-For` counts; with `TRUSTED_PROXIES`, such as
//! `10.1.2.3/32`, who has one of those.
//!
//! With `AIGC_AUTH_REDIS_URL` it is one of several replicas: what one is told to invalidate, all invalidate; an event is handled by
//! one of them; and what is revoked is remembered by that Redis.

mod curl;
mod documents;
mod handlers;
mod issuer;
mod metrics;
mod replicas;
mod services;
mod sessions;
mod tenants;

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use aigc_auth::cluster::RedisCluster;
use aigc_auth::layer::TrustedProxies;
use aigc_auth::outbound::OutboundClient;
use aigc_auth::service::ServiceSigner;
use aigc_auth::stats::StatsCollector;
use aigc_auth::tenant::{CachedMemberships, TenantPolicy};
use aigc_auth::testing::{self, AuthCenter, TestKey};
use aigc_auth::webhook::{self, Subscription, WebhookConfig};
use aigc_auth::{AuthClient, AuthLayer, documented_routes};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use example_support::variable;
use tower_http::catch_panic::CatchPanicLayer;

use crate::curl::{print_banner, print_sessions, print_signed_curl};
use crate::documents::layered;
use crate::handlers::{Relay, boom, moved, on_event, slow};
use crate::metrics::Metrics;
use crate::services::AsService;
use crate::sessions::Sessions;
use crate::tenants::Organisations;

/// What `main` has started.
struct Parts {
    client: AuthClient,
    trusted: TrustedProxies,
    metrics: Metrics,
    address: SocketAddr,
    signer: ServiceSigner,
    sessions: Option<Sessions>,
    webhooks: Option<WebhookConfig>,
    stats: Option<StatsCollector>,
    cluster: Option<RedisCluster>,
}

fn app(parts: Parts) -> Result<Router, Box<dyn Error>> {
    let Parts { client, trusted, metrics, address, signer, sessions, webhooks, stats, cluster } = parts;
    // Only this service itself receives the app's secret and the user's token.
    let outbound = OutboundClient::builder(&client).trust_origin(format!("http://{address}")).build()?;
    let as_service = services::outbound(&client, &signer, address)?;
    let me_there = format!("http://{address}/me");
    let [alice, bob] = ["alice", "bob"].map(|name| testing::user(name).build().id().clone());
    let memberships = CachedMemberships::builder(Organisations { alice, bob });
    let memberships = match cluster {
        Some(cluster) => memberships.cluster(cluster).build(),
        None => memberships.build(),
    };
    let mut auth = AuthLayer::new(client.clone())
        .exclude_path("/health")
        .exclude_prefix("/public")
        .trusted_proxies(trusted)
        .tenants(TenantPolicy::new(memberships.clone()));
    let counted = stats.clone();
    if let Some(stats) = stats {
        auth = auth.with_stats(stats);
    }
    let protected = documents::routes()
        .routes(documented_routes!(handlers::health))
        .routes(documented_routes!(handlers::hello))
        .routes(documented_routes!(handlers::me))
        .routes(documented_routes!(handlers::reports))
        .routes(documented_routes!(handlers::editor))
        .routes(documented_routes!(handlers::admin))
        .routes(documented_routes!(handlers::act_as))
        .routes(documented_routes!(tenants::tenant))
        .routes(documented_routes!(tenants::rename))
        .routes(documented_routes!(tenants::org_actions))
        .routes(documented_routes!(handlers::request_context))
        .merge(
            documents::routes()
                .routes(documented_routes!(handlers::relay))
                .with_state(Relay { outbound, me_there }),
        )
        .merge(
            documents::routes()
                .routes(documented_routes!(services::top_up))
                .with_state(AsService { outbound: as_service, address }),
        )
        .routes(documented_routes!(handlers::chat))
        // Of no use to callers, and so in no document.
        .route("/moved", get(moved))
        .route("/slow", get(slow))
        .route("/boom", get(boom))
        .fallback(|| async { StatusCode::NOT_FOUND });
    let protected = layered(protected, auth.clone());
    // Here the handlers decide about unauthenticated requests.
    let open =
        layered(documents::routes().routes(documented_routes!(handlers::maybe)), auth.allow_anonymous());
    let mut app = protected.merge(open).merge(services::router(&client, &signer, address)?);
    app = app.merge(metrics.router(client.clone(), counted).into());
    if let Some(sessions) = sessions {
        app = app.merge(sessions.router()?);
    }
    if let Some(webhooks) = webhooks {
        let events = webhook::router(webhooks.invalidate(client).invalidate(memberships), on_event);
        app = app.merge(events.into());
    }
    let (app, api) = app.split_for_parts();
    Ok(app.merge(documents::router(api)).layer(CatchPanicLayer::new()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    example_support::start_logging();

    let trusted = trusted_proxies()?;
    let cluster = replicas::connect()?;
    let metrics = Metrics::install()?;
    let (client, center) = example_support::connect_with(add_users, |client| {
        let client = client.observer(metrics.observer.clone());
        match &cluster {
            Some(cluster) => client.cluster(cluster.clone()),
            None => client,
        }
    })
    .await?;
    replicas::hear_others(cluster.as_ref()).await;
    let sessions = Sessions::connect(center.is_some()).await?;
    let signer = services::signer()?;
    // From here on, signals are caught: before the address is printed, which others wait for.
    let shutdown = example_support::shutdown_signal();
    let (listener, address) = example_support::listen().await?;
    if center.is_some() {
        print_banner(address);
    }
    match &sessions {
        Some(Sessions { embedded: Some(issuer), .. }) => print_sessions(address, issuer),
        Some(_) => {}
        None => println!("without /session, /revoke and /backchannel-logout, for ISSUER is not set"),
    }
    let webhooks = WebhookConfig::from_env();
    match &webhooks {
        Ok(_) => print_signed_curl(address),
        Err(error) => println!("without /webhook/auth, for {error}"),
    }
    let subscription = webhooks.as_ref().ok().and_then(|_| Subscription::from_env(&client).ok());
    let stats = has_stats().then(|| StatsCollector::start(&client));
    let webhooks = match (webhooks.ok(), &cluster) {
        // Replicas handle an event once together.
        (Some(webhooks), Some(cluster)) => Some(webhooks.replay_memory(cluster.replays("full_service")?)),
        (webhooks, _) => webhooks,
    };
    let parts = Parts {
        client,
        trusted,
        metrics,
        address,
        signer,
        sessions,
        webhooks,
        stats: stats.clone(),
        cluster,
    };
    // With connect info, so that the client's address is known.
    let service = app(parts)?.into_make_service_with_connect_info::<SocketAddr>();
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

/// Those in private networks, unless `TRUSTED_PROXIES` names networks.
fn trusted_proxies() -> Result<TrustedProxies, String> {
    let Some(list) = variable("TRUSTED_PROXIES") else { return Ok(TrustedProxies::private()) };
    let nets: Result<Vec<_>, _> = list.split(',').map(|net| net.trim().parse()).collect();
    let expected =
        |_| format!("TRUSTED_PROXIES={list}: expected networks such as 10.1.2.0/24, separated by commas");
    Ok(TrustedProxies::only(nets.map_err(expected)?))
}

fn has_stats() -> bool {
    !std::env::var("AIGC_AUTH_STATS").is_ok_and(|stats| stats.eq_ignore_ascii_case("off"))
}
