//! Builders with values that are wrong, and have a secret in them.

use aigc_auth::AuthClient;
use aigc_auth::cached::Cached;
use aigc_auth::cluster::{PostgresBus, RedisCluster};
use aigc_auth::introspection::Introspection;
use aigc_auth::jwt::JwtVerifier;
use aigc_auth::outbound::OutboundClient;
use aigc_auth::revocation::RedisRevocations;
use aigc_auth::service::{ServiceKey, ServiceSigner};
use aigc_auth::user_sync::SqlStore;
use aigc_auth::webhook::{RedisReplays, Sender, Subscription, WebhookConfig};

use crate::canary::flight::Flight;

pub(super) async fn story(flight: &Flight) {
    let secret = flight.secret("app secret");
    let password = flight.secret("URL password");
    let query = flight.secret("URL query");
    // As they are pasted: with a password, a typing error, in the wrong field.
    let urls = [
        format!("http://me:{password}@127.0.0.1:1/{query}?token={query}#{query}"),
        format!("https://me:{password}@[::1/?{query}"),
        format!("{password}:{query}"),
        format!("htp://me:{password}@127.0.0.1:1"),
        format!("//me:{password}@127.0.0.1:70000000/{query}"),
        format!("https://{password} {query}"),
        format!("http://me:{password}@/?{query}"),
        password.clone(),
    ];
    let app = AuthClient::builder("canary-app", &*secret, "http://127.0.0.1:1").build().unwrap();
    for url in &urls {
        let builder = AuthClient::builder("canary-app", &*secret, &**url);
        flight.show(&builder);
        flight.outcome(builder.build());
        let builder = JwtVerifier::from_jwks(&**url).insecure_plain_http();
        flight.show(&builder);
        flight.outcome(builder.build());
        flight.outcome(JwtVerifier::from_issuer(&**url).insecure_plain_http().build());
        let client_secret = flight.secret("client secret");
        let builder = Introspection::builder(&**url, "canary", client_secret).insecure_plain_http();
        flight.show(&builder);
        flight.outcome(builder.insecure_any_audience().build());
        let builder = Sender::builder(&**url, flight.secret("webhook secret"));
        flight.show(&builder);
        flight.outcome(builder.build());
        let builder = Subscription::builder(&app, &**url, flight.secret("webhook secret"));
        flight.show(&builder);
        flight.outcome(builder.start());
        // Its host is shown, by which one of several is found.
        if url.contains('@') {
            let builder = OutboundClient::builder(&app).trust_origin(&**url);
            flight.show(&builder);
            flight.outcome(builder.build());
        }
    }
    let database = flight.secret("database password");
    let redis = flight.secret("Redis password");
    for scheme in ["redis", "rediss", "redis+unix", "redis-sentinel", "unix", "http", ""] {
        for rest in [
            "me:PASSWORD@127.0.0.1:9/0",
            "me:PASSWORD@[::1/0",
            "PASSWORD",
            "/x?user=me&pass=PASSWORD",
            "a b/PASSWORD",
        ] {
            let url = format!("{scheme}://{rest}").replace("PASSWORD", &redis);
            let builder = RedisCluster::builder(&*url).app("canary-app", &*secret);
            flight.show(&builder);
            if let Some(cluster) = flight.outcome(builder.build()) {
                flight.show(cluster.cluster());
                flight.show(
                    &AuthClient::builder("canary-app", &*secret, "http://127.0.0.1:1")
                        .cluster(cluster.clone()),
                );
                flight.show(&Cached::builder(()).cluster(cluster).build());
            }
            let builder = RedisRevocations::builder(&*url);
            flight.show(&builder);
            flight.outcome(builder.build());
            flight.outcome(RedisReplays::connect(&url, "canary"));
        }
    }
    for scheme in ["postgres", "mysql", "sqlite", "oracle", ""] {
        for rest in [
            "me:PASSWORD@127.0.0.1:1/x",
            "me:PASSWORD@[::1/x",
            "PASSWORD",
            "127.0.0.1:1/x?password=PASSWORD&sslmode=PASSWORD",
        ] {
            let url = format!("{scheme}://{rest}").replace("PASSWORD", &database);
            flight.outcome(PostgresBus::connect(&url));
            let builder = SqlStore::builder("users").key("id").columns(["id", "username"]);
            flight.show(&builder);
            flight.outcome(builder.timeout(std::time::Duration::from_millis(200)).connect(&url).await);
        }
    }
    wrong_secrets(flight, &app);
}

/// Secrets that are none: too short, with spaces around them, of the wrong kind.
fn wrong_secrets(flight: &Flight, app: &AuthClient) {
    let word = flight.secret("wrong value");
    for wrong in [
        format!(" {word} "),
        format!("{word}\n"),
        format!("{word}\0"),
        format!("whsec_{word}*"),
        format!("-----BEGIN PRIVATE KEY-----\n{word}\n-----END PRIVATE KEY-----\n"),
        format!("-----BEGIN {word}-----\n{word}\n"),
        word.chars().take(9).collect(),
        format!("密{word}"),
    ] {
        let builder = AuthClient::builder("canary-app", &*wrong, "http://127.0.0.1:1");
        flight.show(&builder);
        flight.outcome(builder.build());
        // As the id, it would be shown on purpose where it is valid.
        flight.outcome(AuthClient::builder(format!("{wrong}\n"), "a secret", "http://127.0.0.1:1").build());
        flight.outcome(WebhookConfig::new(&*wrong));
        flight.outcome(WebhookConfig::new("0123456789abcdef").unwrap().also_accept(&*wrong));
        let sender = Sender::builder("http://127.0.0.1:1", &*wrong).also_sign_with(&*wrong);
        flight.show(&sender);
        flight.outcome(sender.build());
        flight.outcome(Subscription::builder(app, "http://127.0.0.1:1", &*wrong).start());
        for builder in [JwtVerifier::from_secret(&wrong), JwtVerifier::from_public_key(&wrong)] {
            flight.show(&builder);
            flight.outcome(builder.build());
        }
        flight.outcome(
            Introspection::builder("http://127.0.0.1:1", "canary", &*wrong).insecure_any_audience().build(),
        );
        if let Some(key) = flight.outcome(ServiceKey::from_pem(&wrong)) {
            flight.outcome(ServiceSigner::builder("canary", key).build());
        }
        flight.outcome(aigc_auth::credential::Credential::new(&format!("a {wrong}")));
        flight.outcome(wrong.parse::<aigc_auth::invalidate::CredentialTag>());
    }
}
