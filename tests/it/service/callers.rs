//! What a service's request is told, and what is told of it.

use std::sync::{Arc, Mutex};

use aigc_auth::outbound::OutboundClient;
use aigc_auth::service::{CurrentService, RequireService, ServiceIdentity, WithServices};
use aigc_auth::usage::{ApiRecord, Record, Served};
use aigc_auth::{AuthError, AuthLayer, CurrentUser, context, testing};
use axum::Router;
use axum::routing::get;
use serde_json::Value;

use crate::outbound::support::Host;
use crate::service::support::{
    AUDIENCE, Read, alice, app, ask, claims, frontend, routes, services, sign, users,
};
use crate::stats::support::Rig;
use crate::support::{client, get_as, serve};

fn layer() -> AuthLayer {
    AuthLayer::new(WithServices::new(users().build().unwrap(), services()))
}

#[tokio::test]
async fn extractors_take_users_services_or_either() {
    let app = app(layer());
    let (read, all) = (frontend("orders:read"), frontend("orders:read  orders:purge"));
    let none = frontend("");
    for (path, token, expected) in [
        ("/user", &alice(), Ok("alice")),
        ("/user", &read, Err(403)),
        ("/admin", &read, Err(403)),
        ("/option", &alice(), Ok("true")),
        ("/option", &read, Err(403)),
        ("/maybe", &alice(), Ok("true")),
        ("/maybe", &read, Ok("false")),
        ("/service", &read, Ok("frontend")),
        ("/service", &none, Ok("frontend")),
        ("/service", &alice(), Err(403)),
        ("/read", &read, Ok("frontend")),
        ("/read", &none, Err(403)),
        // Alice has the permission, and is no service.
        ("/read", &alice(), Err(403)),
        ("/scoped", &read, Err(403)),
        ("/scoped", &all, Ok("frontend")),
    ] {
        let (status, body) = ask(&app, path, token).await;
        let said = if status == 200 { Ok(body.as_str()) } else { Err(status) };
        assert_eq!(said, expected, "{path}");
    }
    let array = sign(&{
        let mut claims = claims("service:frontend", AUDIENCE, "");
        claims["scp"] = serde_json::json!(["orders:read", 7, "orders:write"]);
        claims
    });
    assert_eq!(ask(&app, "/scoped", &array).await.0, 200);
}

#[tokio::test]
async fn context_has_a_service_or_a_user() {
    let app = app(layer());
    for (token, service, user) in [(frontend("a"), Some("frontend"), None), (alice(), None, Some("alice"))] {
        let (_, body) = ask(&app, "/context", &token).await;
        let said: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((said["service"].as_str(), said["user"].as_str()), (service, user), "{said}");
        assert_eq!((&said["actor"], &said["ends"]), (&said["user"], &true.into()), "{said}");
        assert_eq!(said["shown"], service.is_some(), "Debug of the context: {said}");
    }
}

#[tokio::test]
async fn inner_layers_decide_and_excluded_paths_keep_the_service() {
    let inner = AuthLayer::new(users().build().unwrap());
    // Above it, services are let in; the inner one verifies users.
    let nested = routes().layer(inner).layer(AuthLayer::tokens_only(services()));
    assert_eq!(ask(&nested, "/service", &frontend("a")).await.0, 401);
    let anonymous = AuthLayer::new(users().build().unwrap()).allow_anonymous();
    let nested = routes().layer(anonymous).layer(AuthLayer::tokens_only(services()));
    assert_eq!(ask(&nested, "/service", &frontend("a")).await.0, 401, "the inner layer has rejected it");

    let excluding =
        AuthLayer::new(users().build().unwrap()).exclude_path("/service").exclude_path("/context");
    let nested = routes().layer(excluding).layer(AuthLayer::tokens_only(services()));
    assert_eq!(ask(&nested, "/service", &frontend("a")).await, (200, "frontend".into()));
    assert!(ask(&nested, "/context", &frontend("a")).await.1.contains(r#""service":"frontend""#));

    // A user inside is none of the service outside.
    let inner = AuthLayer::tokens_only(users().build().unwrap());
    let nested = routes().layer(inner).layer(testing::signed_in(ServiceIdentity::new("frontend")));
    assert_eq!(ask(&nested, "/user", &alice()).await, (200, "alice".into()));
    assert_eq!(ask(&nested, "/service", &alice()).await.0, 403);
}

#[tokio::test]
async fn handlers_are_tested_with_services_made_by_hand() {
    let service = ServiceIdentity::new("frontend").with_scopes(["orders:read"]);
    let app = routes().layer(testing::signed_in(service));
    assert_eq!(ask(&app, "/read", "any").await, (200, "frontend".into()));
    assert_eq!(ask(&app, "/user", "any").await.0, 403);
    assert_eq!(ask(&app, "/maybe", "any").await, (200, "false".into()));
}

#[tokio::test]
async fn hooks_see_users_alone() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sees = seen.clone();
    let layer = layer().on_verified(move |user| {
        sees.lock().unwrap().push(user.id().to_string());
        async {}
    });
    let app = app(layer);
    for token in [frontend("a"), alice(), frontend("b")] {
        assert_eq!(ask(&app, "/maybe", &token).await.0, 200);
    }
    assert_eq!(*seen.lock().unwrap(), ["alice"]);
}

/// Whether the caller was verified, and what is reported.
type Recorded = (bool, Value);

#[derive(Clone, Default)]
struct Records(Arc<Mutex<Vec<Recorded>>>);

impl Record for Records {
    fn record(&self, served: Box<dyn Served>) {
        let is_verified = served.is_verified();
        let record = serde_json::to_value(served.into_record()).unwrap();
        self.0.lock().unwrap().push((is_verified, record));
    }
}

#[tokio::test]
async fn usage_records_name_the_service() {
    let records = Records::default();
    let app = app(layer().with_stats(records.clone()));
    for token in [frontend("a"), alice()] {
        ask(&app, "/maybe", &token).await;
    }
    let recorded = records.0.lock().unwrap();
    let named: Vec<_> = recorded
        .iter()
        .map(|(is_verified, record)| {
            (*is_verified, record["request_params"]["headers"]["x-service-name"].as_str())
        })
        .collect();
    assert_eq!(named, [(true, Some("frontend")), (true, None)]);
}

/// Its token is for this service, and the auth center has nobody to bill.
#[tokio::test]
async fn auth_center_gets_no_records_of_services() {
    let (rig, host) = (Rig::new().await, Host::http().await);
    let outbound = OutboundClient::builder(&client(&rig.center)).build().unwrap();
    let called = host.at("/");
    let there = called.clone();
    let handler = || async move {
        outbound.get(there).send().await.unwrap();
        context::stats().unwrap().record(ApiRecord::new("POST", "/own"));
    };
    let users = WithServices::new(client(&rig.center), services());
    let layer = AuthLayer::new(users).with_stats(rig.stats.clone());
    let app = serve(Router::new().route("/", get(handler)).layer(layer)).await;
    let all = vec!["/", "/own", &*called];
    for (token, expected) in [(frontend("a"), vec![]), ("alice-token".to_owned(), all)] {
        assert_eq!(get_as(app.address, &token, "/").await.status, 200);
        let sent = rig.sent().await;
        let mut paths: Vec<_> = sent.iter().map(|(_, record)| record["api_path"].as_str().unwrap()).collect();
        paths.sort_unstable();
        assert_eq!(paths, expected, "{token}");
        assert!(sent.iter().all(|(credential, _)| credential == "alice-token"), "{sent:?}");
    }
}

#[tokio::test]
async fn refusals_say_who_called_and_what_is_missing() {
    let why =
        |error: Option<AuthError>| async move { error.map(|error| error.to_string()).unwrap_or_default() };
    let app = Router::new()
        .route("/user", get(move |user: Result<CurrentUser, AuthError>| why(user.err())))
        .route("/service", get(move |service: Result<CurrentService, AuthError>| why(service.err())))
        .route("/read", get(move |service: Result<RequireService<Read>, AuthError>| why(service.err())));
    let app = app.layer(layer());
    let forged = sign(&claims("service:a\nb", AUDIENCE, ""));
    for (path, token, expected) in [
        ("/user", frontend("a"), r#"the caller is the service "frontend": take `CurrentService`"#),
        ("/user", forged, r#"the caller is the service "a\nb""#),
        ("/service", alice(), "the caller is a user: take `CurrentUser`"),
        ("/read", frontend("a"), r#"(needs orders:read): the service "frontend" has not this scope"#),
        ("/read", alice(), "the caller is a user"),
    ] {
        let (status, said) = ask(&app, path, &token).await;
        assert!(status == 200 && said.contains(expected), "{path}: {said}");
    }
}
