//! Calls to other services by way of `reqwest-middleware`, among other middlewares.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aigc_auth::context::InContext;
use aigc_auth::{ApiRecord, Record, Served};
use http::{Extensions, Method, Version};
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, Error, Middleware, Next, Result};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::outbound_support::{ALL, Host, alice, outbound};

#[derive(Clone, Default)]
struct Records(Arc<Mutex<Vec<ApiRecord>>>);

impl Records {
    /// The status and error of each.
    fn endings(&self) -> Vec<(Value, Value)> {
        let records = std::mem::take(&mut *self.0.lock().unwrap());
        let ending = |record: ApiRecord| {
            let record = serde_json::to_value(record).unwrap();
            (record["status_code"].clone(), record["error_message"].clone())
        };
        records.into_iter().map(ending).collect()
    }
}

impl Record for Records {
    fn record(&self, served: Box<dyn Served>) {
        self.0.lock().unwrap().push(served.into_record());
    }
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
async fn each_try_is_carried_and_recorded() {
    let (host, records) = (Host::http().await, Records::default());
    let outbound = outbound(&[&host], |builder| builder.stats(records.clone()));
    let client = ClientBuilder::new(outbound.http_client()).with(Retry).with(outbound.middleware()).build();
    let call = client.post(host.at("/go?status=503")).body("text").send();
    assert_eq!(call.in_context(alice()).await.unwrap().status(), 503);
    let heard = host.heard();
    assert_eq!(heard.len(), 3);
    for heard in heard {
        assert_eq!((heard.told(), &*heard.body), (ALL.map(str::to_owned).into(), &b"text"[..]));
    }
    assert_eq!(records.endings(), vec![(json!(503), Value::Null); 3]);

    // Retries below are one call.
    let client = ClientBuilder::new(outbound.http_client()).with(outbound.middleware()).with(Retry).build();
    client.get(host.at("/go?status=503")).send().in_context(alice()).await.unwrap();
    assert_eq!((host.heard().len(), records.endings().len()), (3, 1));
}

#[tokio::test]
async fn secrets_are_marked_as_such_for_those_that_come_after() {
    let (host, records, refuse) = (Host::http().await, Records::default(), Refuse::default());
    let outbound = outbound(&[&host], |builder| builder.stats(records.clone()));
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
    assert_eq!(records.endings(), [(json!(500), json!(text))]);
    assert!(host.heard().is_empty());
}

#[tokio::test]
async fn a_call_without_a_timeout_gets_the_clients() {
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
async fn a_request_that_was_built_elsewhere_stays_as_it_is() {
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
