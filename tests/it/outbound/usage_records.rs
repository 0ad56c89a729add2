//! Usage records of calls to other services.

use aigc_auth::context::{InContext, RequestContext};
use aigc_auth::credential::Credential;
use aigc_auth::outbound::{OutboundClient, OutboundClientBuilder};
use aigc_auth::{ActAsUser, CurrentUser, UserInfo, testing};
use axum::Router;
use axum::extract::RawQuery;
use axum::routing::get;
use reqwest_middleware::ClientBuilder;
use serde_json::{Value, json};

use crate::outbound::support::{Host, Hostile};
use crate::stats::support::{Rig, ending};
use crate::support::{self, serve, until};

fn outbound(
    rig: &Rig,
    host: &Host,
    configure: impl FnOnce(OutboundClientBuilder) -> OutboundClientBuilder,
) -> OutboundClient {
    let builder = OutboundClient::builder(&support::client(&rig.center)).trust_origin(&host.url);
    configure(builder).build().unwrap()
}

/// Alice's job, whose calls are not those of a request.
fn job() -> RequestContext {
    let alice = UserInfo::builder(7, "alice").build();
    let credential = Credential::new("alice-token").unwrap();
    RequestContext::builder().user(alice).credential(credential).trace_id("hunter-trace").build()
}

/// A record without the time it took, which it has.
fn timeless(mut record: Value) -> Value {
    let time = record["response_time"].take();
    assert!(time.as_f64().is_some_and(|time| time > 0.0 && time < 60.0), "{record}");
    record
}

#[tokio::test]
async fn record_has_documented_fields() {
    let (rig, host, hostile) = (Rig::new().await, Host::http().await, Hostile::http().await);
    let outbound = outbound(&rig, &host, |builder| builder.with_stats(rig.stats.clone()));
    let middleware = ClientBuilder::new(outbound.http_client()).with(outbound.middleware()).build();
    for (url, place) in [
        (host.at("/cost?page=1&token=hunter&page=2#part"), host.at("/cost")),
        (hostile.at("/cost?page=1&page=2&token=masked"), hostile.at("/cost")),
    ] {
        for by_middleware in [false, true] {
            let trusted = place.starts_with(&host.url);
            if by_middleware {
                let request = middleware.post(&url).header("x-match-cost", "99").body("hunter");
                let request = if trusted { request } else { middleware.post(&url) };
                request.send().in_context(job()).await.unwrap();
            } else {
                let request = outbound.post(&url).header("x-match-cost", "99").body("hunter");
                let request = if trusted { request } else { outbound.post(&url) };
                request.send().in_context(job()).await.unwrap();
            }
            let mut sent = rig.sent().await;
            assert_eq!(sent.len(), 1, "{place}");
            let (credential, record) = sent.remove(0);
            assert_eq!(credential, "alice-token");
            // Those of the answer, and no other headers of it; of an untrusted host none, which could change the bill.
            let prices = trusted.then(|| json!({"x-match-cost": "0.5", "x-match-rule": "chat"}));
            let expected = json!({
                "api_path": place, "api_method": "POST", "status_code": 200, "response_time": null,
                "error_message": null,
                "request_params": {
                    "headers": {"X-Match-Username": "alice"},
                    "query_params": {"page": ["1", "2"], "token": "***"},
                    "view_params": {}, "request_body": null, "form_params": {},
                },
                "response_headers": prices,
            });
            assert_eq!(timeless(record), expected, "by the middleware: {by_middleware}");
        }
    }
}

#[tokio::test]
async fn failure_record_contains_no_secret() {
    let (rig, host) = (Rig::new().await, Host::http().await);
    let outbound = outbound(&rig, &host, |builder| builder.with_stats(rig.stats.clone()).max_redirects(2));
    let middleware = ClientBuilder::new(outbound.http_client()).with(outbound.middleware()).build();
    let brief = std::time::Duration::from_millis(50);
    let place = |path: &str| host.at(path);
    for (url, path, status, error) in [
        (host.at("/go?status=503"), place("/go"), 503, None),
        (host.at("/go?status=404"), place("/go"), 404, None),
        (
            "http://127.0.0.1:1/x?token=hunter".to_owned(),
            "http://127.0.0.1:1/x".to_owned(),
            500,
            Some("cannot connect"),
        ),
        (host.at("/never?token=hunter"), place("/never"), 500, Some("no answer in time")),
    ] {
        for by_middleware in [false, true] {
            if by_middleware {
                let _ = middleware.get(&url).timeout(brief).send().in_context(job()).await;
            } else {
                let _ = outbound.get(&url).timeout(brief).send().in_context(job()).await;
            }
            let record = rig.one().await;
            assert_eq!(record["api_path"], *path);
            let expected = error.map(|error| format!("{path}: {error}"));
            assert_eq!(ending(&record), (status, expected.as_deref()), "{url} {by_middleware}");
            assert!(!record.to_string().contains("hunter"), "{record}");
        }
    }
    // What never became a request is no call.
    outbound.get("hunter").send().in_context(job()).await.unwrap_err();
    assert_eq!(rig.records().await, [""; 0]);
}

#[tokio::test]
async fn redirect_chain_is_one_record() {
    let (rig, host, hostile) = (Rig::new().await, Host::http().await, Hostile::http().await);
    let outbound = outbound(&rig, &host, |builder| builder.with_stats(rig.stats.clone()).max_redirects(2));
    for (url, end) in [
        (host.go(302, &host.at("/cost")), (200, None)),
        (host.go(307, &hostile.go(307, &host.at("/end"))), (200, None)),
        (host.go(307, &host.go(307, &host.go(307, "/"))), (500, Some("more than 2 redirects"))),
    ] {
        let _ = outbound.get(&url).send().in_context(job()).await;
        let record = rig.one().await;
        assert_eq!(record["api_path"], host.at("/go"), "by where it was sent");
        let error = end.1.map(|error| format!("{}: {error}", host.at("/go")));
        assert_eq!(ending(&record), (end.0, error.as_deref()));
    }
}

#[tokio::test]
async fn cancelled_call_is_recorded_as_499() {
    let (rig, host) = (Rig::new().await, Host::http().await);
    let outbound = outbound(&rig, &host, |builder| builder.with_stats(rig.stats.clone()));
    let middleware = ClientBuilder::new(outbound.http_client()).with(outbound.middleware()).build();
    for by_middleware in [false, true] {
        let (outbound, middleware, url) = (outbound.clone(), middleware.clone(), host.at("/never"));
        let call = async move {
            if by_middleware {
                middleware.get(url).send().await.is_ok()
            } else {
                outbound.get(url).send().await.is_ok()
            }
        };
        let call = tokio::spawn(call.in_context(job()));
        until("the call arrives", || host.has_heard()).await;
        host.heard();
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        let (credential, record) = rig.sent().await.remove(0);
        assert_eq!((ending(&record), &*credential), ((499, Some("the call was cancelled")), "alice-token"));
    }
    // One that was never begun is none.
    drop(outbound.get(host.at("/")).send().in_context(job()));
    assert_eq!(rig.records().await, [""; 0]);
}

#[tokio::test]
async fn layer_or_builder_selects_recorder() {
    let (rig, own, host) = (Rig::new().await, Rig::new().await, Host::http().await);
    let of_the_layer = outbound(&rig, &host, |builder| builder);
    let of_its_own = outbound(&rig, &host, |builder| builder.with_stats(own.stats.clone()));
    let route = |outbound: OutboundClient, url: String| {
        get(move |RawQuery(_): RawQuery, user: Option<CurrentUser>| async move {
            outbound.get(url).send().await.unwrap();
            user.is_some().to_string()
        })
    };
    let routes = || {
        Router::new()
            .route("/layer", route(of_the_layer.clone(), host.at("/")))
            .route("/own", route(of_its_own.clone(), host.at("/")))
            .route("/act-as", {
                let (outbound, url) = (of_the_layer.clone(), host.at("/"));
                get(|_: ActAsUser| async move { outbound.get(url).send().await.unwrap().status().to_string() })
            })
    };
    let recorded = serve(routes().layer(rig.auth())).await;
    let unrecorded = serve(routes().layer(support::auth(&rig.center))).await;
    let id = testing::user("alice").build().id().to_string();
    for (app, path, act_as, who, by_layer, by_own) in [
        (&recorded, "/layer", None, "alice", vec!["alice"], vec![]),
        (&recorded, "/own", None, "alice", vec![], vec!["alice"]),
        (&unrecorded, "/layer", None, "alice", vec![], vec![]),
        (&unrecorded, "/own", None, "alice", vec![], vec!["alice"]),
        (&recorded, "/act-as", Some(&*id), "root", vec!["root"], vec![]),
    ] {
        let authorization = format!("Bearer {who}-token");
        let mut headers = vec![("authorization", &*authorization)];
        headers.extend(act_as.map(|id| ("x-act-as-user-id", id)));
        assert_eq!(support::get(app.address, path, &headers).await.status, 200);
        let calls = |sent: Vec<(String, Value)>| -> Vec<String> {
            let calls = sent.into_iter().filter(|(_, record)| record["api_path"] == host.at("/"));
            calls
                .map(|(credential, record)| {
                    let name = record["request_params"]["headers"]["X-Match-Username"].as_str().unwrap();
                    assert_eq!(credential, format!("{name}-token"), "billed to the credential's user");
                    name.to_owned()
                })
                .collect()
        };
        assert_eq!(calls(rig.sent().await), by_layer, "{path}");
        assert_eq!(calls(own.sent().await), by_own, "{path}");
    }
    // Outside a request there is no user to bill, unless a job sets one.
    of_the_layer.get(host.at("/")).send().in_context(job()).await.unwrap();
    of_its_own.get(host.at("/")).send().await.unwrap();
    assert_eq!((rig.records().await.len(), own.records().await.len()), (0, 0));
    of_its_own.get(host.at("/")).send().in_context(job()).await.unwrap();
    assert_eq!(own.one().await["api_path"], host.at("/"));
}

#[tokio::test]
async fn job_is_billed_to_the_default_credential() {
    let (rig, host) = (Rig::new().await, Host::http().await);
    let access_key = Credential::new("ak_alice").unwrap();
    let outbound =
        outbound(&rig, &host, |builder| builder.with_stats(rig.stats.clone()).default_credential(access_key));
    outbound.get(host.at("/")).send().await.unwrap();
    outbound.get(host.at("/")).send().in_context(job()).await.unwrap();
    let mut credentials: Vec<_> = rig.sent().await.into_iter().map(|(credential, _)| credential).collect();
    // Each credential has its batch, in whatever order.
    credentials.sort();
    assert_eq!(credentials, ["ak_alice", "alice-token"]);
}
