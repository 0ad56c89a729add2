//! Calls to other services by way of `reqwest-middleware`, among other middlewares.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aigc_auth::context::InContext;
use http::{Extensions, Method, Version};
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, Error, Middleware, Next, Result};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::outbound::support::{ALL, Host, Records, alice, outbound};

/// The status and error of each record since the last time.
fn endings(records: &Records) -> Vec<(Value, Value)> {
    let ending = |record: Value| (record["status_code"].clone(), record["error_message"].clone());
    records.take().into_iter().map(ending).collect()
}

/// Tries three times.
struct Retry;

#[async_trait::async_trait]
impl Middleware for Retry {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        for _ in 0..2 {
            let answer = next.clone().run(request.try_clone().unwrap(), extensions).await?;
            if !answer.status().is_server_error() {
                return Ok(answer);
            }
        }
        next.run(request, extensions).await
    }
}

/// Sees what would be sent, and sends nothing.
#[derive(Clone, Default)]
struct Refuse(Arc<Mutex<Vec<Request>>>);

#[async_trait::async_trait]
impl Middleware for Refuse {
    async fn handle(&self, request: Request, _: &mut Extensions, _: Next<'_>) -> Result<Response> {
        self.0.lock().unwrap().push(request);
        Err(Error::middleware(std::io::Error::other("refused, with hunter2")))
    }
}

#[tokio::test]
async fn each_retry_is_propagated_and_recorded() {
    let (host, records) = (Host::http().await, Records::default());
    let outbound = outbound(&[&host], |builder| builder.with_stats(records.clone()));
    let client = ClientBuilder::new(outbound.http_client()).with(Retry).with(outbound.middleware()).build();
    let call = client.post(host.at("/go?status=503")).body("text").send();
    assert_eq!(call.in_context(alice()).await.unwrap().status(), 503);
    let heard = host.heard();
    assert_eq!(heard.len(), 3);
    for heard in heard {
        assert_eq!((heard.context_headers(), &*heard.body), (ALL.map(str::to_owned).into(), &b"text"[..]));
    }
    assert_eq!(endings(&records), vec![(json!(503), Value::Null); 3]);

    // Retries below are one call.
    let client = ClientBuilder::new(outbound.http_client()).with(outbound.middleware()).with(Retry).build();
    client.get(host.at("/go?status=503")).send().in_context(alice()).await.unwrap();
    assert_eq!((host.heard().len(), endings(&records).len()), (3, 1));
}

/// Waits for longer than an answer may pause before it tries once more.
struct PatientRetry;

impl PatientRetry {
    const IDLE_TIMEOUT: Duration = Duration::from_millis(300);
}

#[async_trait::async_trait]
impl Middleware for PatientRetry {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        next.clone().run(request.try_clone().unwrap(), extensions).await?;
        tokio::time::sleep(Self::IDLE_TIMEOUT * 2).await;
        next.run(request, extensions).await
    }
}

#[tokio::test]
async fn each_retry_has_an_idle_timeout_of_its_own_below_a_middleware_that_retries() {
    let host = Host::http().await;
    let outbound = outbound(&[&host], |builder| builder.idle_timeout(PatientRetry::IDLE_TIMEOUT));
    let http = || ClientBuilder::new(outbound.http_client());
    let client = http().with(PatientRetry).with(outbound.middleware()).build();
    assert_eq!(client.get(host.at("/go?status=503")).send().await.unwrap().status(), 503);
    // Before it, the pause counts as that of one answer.
    let client = http().with(outbound.middleware()).with(PatientRetry).build();
    let error = client.get(host.at("/go?status=503")).send().await.unwrap_err();
    assert!(error.to_string().ends_with("no answer in time"), "{error:?}");
}

#[tokio::test]
async fn secret_headers_are_marked_sensitive() {
    let (host, records, refuse) = (Host::http().await, Records::default(), Refuse::default());
    let outbound = outbound(&[&host], |builder| builder.with_stats(records.clone()));
    let client =
        ClientBuilder::new(outbound.http_client()).with(outbound.middleware()).with(refuse.clone()).build();
    client.get(host.at("/x?token=hunter")).send().in_context(alice()).await.unwrap_err();
    let request = refuse.0.lock().unwrap().remove(0);
    let shown = format!("{:?}", request.headers());
    for (name, secret) in [("authorization", "hunter-token"), ("x-app-secret", "hunter-secret")] {
        assert!(request.headers()[name].is_sensitive(), "{name}");
        assert!(!shown.contains(secret), "{shown}");
    }
    // What another middleware says may be anything.
    let text = format!("{}: no answer", host.at("/x"));
    assert_eq!(endings(&records), [(json!(500), json!(text))]);
    assert!(host.heard().is_empty());
}

#[tokio::test]
async fn client_timeout_applies_unless_request_sets_one() {
    let host = Host::http().await;
    let (brief, patience) = (Duration::from_millis(50), Duration::from_secs(30));
    let outbound = outbound(&[&host], |builder| builder.timeout(brief));
    let client = ClientBuilder::new(outbound.http_client()).with(outbound.middleware()).build();
    let Err(Error::Reqwest(error)) = timeout(patience, client.get(host.at("/never")).send()).await.unwrap()
    else {
        panic!("no error of reqwest's");
    };
    assert!(error.is_timeout());

    let refuse = Refuse::default();
    let client = ClientBuilder::new(outbound.http_client()).with(outbound.middleware()).with(refuse.clone());
    let _ = client.build().get(host.at("/")).timeout(patience).send().await;
    assert_eq!(refuse.0.lock().unwrap()[0].timeout(), Some(&patience), "a call's own goes before it");
}

#[tokio::test]
async fn executed_request_is_sent_unchanged() {
    let host = Host::http().await;
    let outbound = outbound(&[&host], |builder| builder);
    let mut request = Request::new(Method::PUT, host.go(307, "/end").parse().unwrap());
    *request.version_mut() = Version::HTTP_10;
    *request.body_mut() = Some("text".into());
    request.headers_mut().insert("x-own", "own".parse().unwrap());
    outbound.execute(request).await.unwrap();
    let heard = host.heard();
    assert_eq!(heard.len(), 2);
    for heard in heard {
        assert_eq!(
            (heard.version, &heard.method, &*heard.body),
            (Version::HTTP_10, &Method::PUT, &b"text"[..])
        );
        assert_eq!(heard.header("x-own"), Some("own"));
    }
}
