//! The service: everything that this crate has, switched on, in a process of its own.

use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use aigc_auth::cluster::RedisCluster;
use aigc_auth::impersonation::ActAsPolicy;
use aigc_auth::jwt::JwtVerifier;
use aigc_auth::metrics::{MetricsObserver, SECONDS_BUCKETS};
use aigc_auth::outbound::OutboundClient;
use aigc_auth::registry::{Registration, RegistrationState};
use aigc_auth::revocation::{self, RedisRevocations};
use aigc_auth::stats::{Spool, StatsCollector};
use aigc_auth::tenant::{CachedMemberships, CurrentTenant, MemberTable, SqlMemberships, TenantPolicy};
use aigc_auth::user_sync::{OnDelete, PasswordHash, PasswordPolicy, SqlStore, SyncConfig, UserSync};
use aigc_auth::webhook::{self, EventUser, Subscription, UserEvent, WebhookConfig};
use aigc_auth::{AuthClient, AuthLayer, testing};
use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

use super::handlers::{act_as, download, relay, slow, socket, who};

/// In which its [`Settings`] are, as JSON.
pub(super) const SERVICE: &str = "AIGC_AUTH_TEST_SOAK_SERVICE";
pub(super) const SECRET: &str = "the secret of the soak's webhooks";
/// For how long a user is cached: so short that a run sees many expire.
pub(super) const CACHE_TTL: Duration = Duration::from_secs(10);
/// The same of who is rejected.
pub(super) const NEGATIVE_TTL: Duration = Duration::from_secs(1);
pub(super) const DEGRADED_TTL: Duration = Duration::from_secs(3);
/// Of a call to the auth center.
pub(super) const TIMEOUT: Duration = Duration::from_secs(1);
/// Of connections to the database, in each of two pools.
pub(super) const CONNECTIONS: u32 = 2;
/// More than the known users, and filled at start, so that it does not grow later.
const CACHE_CAPACITY: usize = 1_000;

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) app_id: String,
    pub(super) app_secret: String,
    pub(super) base_url: String,
    pub(super) redis: String,
    pub(super) database: String,
    pub(super) key_set: String,
    pub(super) directory: String,
}

/// What runs, as long as the service does.
struct Parts {
    client: AuthClient,
    cluster: RedisCluster,
    stats: StatsCollector,
    sync: UserSync,
    registration: Registration,
    subscription: Subscription,
}

#[test]
fn child_is_the_service() {
    let Ok(settings) = std::env::var(SERVICE) else { return };
    let settings: Settings = serde_json::from_str(&settings).unwrap();
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        // Threads for files end soon after their work, so that they can be seen to end.
        .thread_keep_alive(Duration::from_secs(1))
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run(settings)).unwrap();
}

async fn run(settings: Settings) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (app, parts) = start(&settings, address).await?;
    println!("listening on {address}");
    let (stop, stopped) = watch::channel(None);
    // Ends with its input: as it is told, or as its parent does.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        stop.send_replace(Some(Instant::now()));
    });
    let mut told = stopped.clone();
    let end = async move { drop(told.wait_for(Option::is_some).await) };
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(end).await?;
    let drained = Instant::now();
    let Parts { stats, sync, registration, subscription, .. } = parts;
    let in_time = Duration::from_secs(5);
    let unsubscribed = subscription.shutdown(in_time).await.is_ok();
    let unregistered = registration.shutdown(in_time).await.is_ok();
    let undone = sync.shutdown(in_time).await;
    let counts = stats.shutdown(in_time).await;
    let ended = json!({
        "recorded": counts.recorded, "delivered": counts.delivered, "spooled": counts.spooled,
        "dead_lettered": counts.dead_lettered, "dropped": counts.dropped, "undone": undone,
        "unsubscribed": unsubscribed, "unregistered": unregistered,
        "drain_ms": stopped.borrow().map(|told| drained.duration_since(told).as_millis()),
        "shutdown_ms": drained.elapsed().as_millis(),
    });
    println!("ended {ended}");
    Ok(())
}

async fn start(settings: &Settings, address: SocketAddr) -> Result<(Router, Parts), Failure> {
    let Settings { name, app_id, app_secret, base_url, redis, database, key_set, directory } = settings;
    let directory = Path::new(directory);
    let prometheus = PrometheusBuilder::new().set_buckets(SECONDS_BUCKETS)?.install_recorder()?;
    let cluster = RedisCluster::builder(redis).degraded_ttl(DEGRADED_TTL).build()?;
    let client = AuthClient::builder(app_id, app_secret.as_str(), base_url)
        .cache_ttl(CACHE_TTL)
        .negative_ttl(NEGATIVE_TTL)
        .cache_capacity(CACHE_CAPACITY)
        .timeout(TIMEOUT)
        .observer(MetricsObserver::new())
        .cluster(cluster.clone())
        .build()?;
    for n in 0..2 * CACHE_CAPACITY {
        client.cache_user(&format!("filling-{n}"), testing::user(format!("filling-{n}")));
    }
    let spool = Spool::builder(directory.join("spool")).build(&client).await?;
    let stats = StatsCollector::builder().spool(spool).flush_interval(Duration::from_secs(1)).start(&client);

    let memberships = SqlMemberships::builder(
        MemberTable::new("members").user_column("user_id").of_column("org_id").role_column("role"),
    );
    let memberships = memberships.max_connections(CONNECTIONS).timeout(TIMEOUT).connect(database).await?;
    let memberships = CachedMemberships::builder(memberships)
        .cache_ttl(CACHE_TTL)
        .timeout(TIMEOUT)
        .cluster(cluster.clone())
        .build();
    let config = SyncConfig::new().password_policy(PasswordPolicy::locked());
    let store = SqlStore::builder("users")
        .columns(config.legacy_fields())
        .password_column("hashed_password")
        .hash(PasswordHash::bcrypt(4))
        .on_delete(OnDelete::set("is_active", false))
        .max_connections(CONNECTIONS)
        .timeout(2 * TIMEOUT)
        .connect(database)
        .await?;
    let sync = UserSync::new(client.clone(), store, config)?;

    let list = RedisRevocations::connect(redis)?;
    let verifier = JwtVerifier::from_jwks(key_set)
        .insecure_plain_http()
        .cache_capacity(1_000)
        .revocations(list)
        .build()?;
    let origin = format!("http://{address}");
    let outbound = OutboundClient::builder(&client).trust_origin(&origin).build()?;
    let registration = Registration::builder(name)
        .port(address.port())
        .ips([address.ip()])
        .heartbeat_interval(Duration::from_secs(2))
        .config_file(directory.join("config.json"))
        .start(&client)?;
    let subscription =
        Subscription::start(&client, format!("{origin}/webhook/auth"), ["user.updated"], SECRET)?;

    let logins = sync.clone();
    let auth = AuthLayer::new(client.clone())
        .with_stats(stats.clone())
        .tenants(TenantPolicy::new(memberships.clone()))
        .act_as(ActAsPolicy::new().read_only())
        .on_verified(move |user| logins.on_login(user));
    let sessions = Router::new()
        .route("/session", get(who))
        .merge(revocation::revoke_router(verifier.clone()))
        .layer(AuthLayer::tokens_only(verifier));
    let events = WebhookConfig::new(SECRET)?
        .invalidate(client.clone())
        .invalidate(memberships)
        .replay_window(Duration::from_secs(60))
        .replay_memory(cluster.replays("soak")?);
    let handled = sync.clone();
    let events = webhook::router(events, move |event: UserEvent| {
        let sync = handled.clone();
        async move { sync.handle_event(event.name(), event.user().map(EventUser::raw)).await }
    });
    let app = Router::new()
        .route("/me", get(who))
        .route("/act-as", get(act_as))
        .route("/org", get(|tenant: CurrentTenant| async move { tenant.org_id().to_string() }))
        .route("/relay", get(relay).with_state((outbound, format!("{origin}/me"))))
        .route("/slow", get(slow))
        .route("/download", get(download))
        .route("/socket", get(socket).with_state(client.clone()))
        .layer(auth)
        // For more strangers than records are kept of.
        .merge(Router::new().route("/flood", get(who)).layer(AuthLayer::new(client.clone())))
        .merge(sessions)
        .merge(events);
    let parts = Parts { client, cluster, stats, sync, registration, subscription };
    let vitals = vitals(&parts);
    let scraped = move || {
        // Without it, every duration that was measured stays in memory.
        prometheus.run_upkeep();
        std::future::ready(prometheus.render())
    };
    let app = app.route("/metrics", get(scraped)).route("/vitals", vitals);
    Ok((app, parts))
}

/// What the service says of itself.
fn vitals(parts: &Parts) -> axum::routing::MethodRouter {
    let (client, cluster, stats) = (parts.client.clone(), parts.cluster.clone(), parts.stats.clone());
    let (state, configs, sync) =
        (parts.registration.state_changes(), parts.registration.config_changes(), parts.sync.clone());
    get(move || {
        let (now, counts) = (client.snapshot(), stats.snapshot());
        let vitals = json!({
            "tasks": Handle::current().metrics().num_alive_tasks(),
            "cached": now.cached, "lookups": now.lookups, "in_flight": now.in_flight, "waiting": now.waiting,
            "pending": counts.pending, "dropped": counts.dropped, "logins": sync.snapshot().logins,
            "connected": cluster.is_connected(),
            "registered": *state.borrow() == RegistrationState::Online,
            "config": configs.borrow().value,
        });
        std::future::ready(vitals.to_string())
    })
}

/// The object that a service prints or answers.
pub(super) fn object(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
