//! Answers that go on, such as server-sent events.

use std::time::{Duration, Instant};

use aigc_auth::outbound::{OutboundErrorKind, OutboundRequest};
use reqwest::Response;
use reqwest_middleware::ClientBuilder;
use rustls::RootCertStore;
use serde_json::json;

use crate::outbound::support::{Host, Records, outbound};
use crate::support::tls::http_client;

/// Longer than the whole of `/drip`.
const LONG: Duration = Duration::from_secs(20);
/// Shorter than the whole of `/drip`, which takes 500 ms.
const SHORT: Duration = Duration::from_millis(150);

const DRIPPED: &str = "drip drip drip drip drip drip drip drip drip drip ";

async fn body(request: OutboundRequest) -> Result<String, reqwest::Error> {
    request.send().await.unwrap().text().await
}

#[tokio::test]
async fn stream_goes_on_for_as_long_as_it_does_not_pause() {
    let host = Host::http().await;
    let plain = outbound(&[&host], |builder| builder.timeout(SHORT));
    let streams = outbound(&[&host], |builder| builder.idle_timeout(LONG));
    let both = outbound(&[&host], |builder| builder.idle_timeout(LONG).timeout(SHORT));
    let short = http_client(RootCertStore::empty()).timeout(SHORT).build().unwrap();
    let own = outbound(&[&host], |builder| builder.http_client(short.clone()));
    let own_streams = outbound(&[&host], |builder| builder.http_client(short.clone()).idle_timeout(LONG));
    for (what, request, is_whole) in [
        ("the client's timeout", plain.get(host.at("/drip")), false),
        ("an idle timeout takes its place", plain.get(host.at("/drip")).idle_timeout(LONG), true),
        ("of the client", streams.get(host.at("/drip")), true),
        ("a timeout of the request", streams.get(host.at("/drip")).timeout(SHORT), false),
        ("both of the request", plain.get(host.at("/drip")).timeout(SHORT).idle_timeout(LONG), false),
        ("both of the client", both.get(host.at("/drip")), false),
        ("the timeout of an own HTTP client", own.get(host.at("/drip")), true),
        ("the same, for a stream", own.get(host.at("/drip")).idle_timeout(LONG), true),
        ("the same, for a client of streams", own_streams.get(host.at("/drip")), true),
        ("after a redirect", plain.get(host.go(302, "/drip")).idle_timeout(LONG), true),
    ] {
        match body(request).await {
            Ok(text) => assert!(is_whole && text == DRIPPED, "{what}: {text}"),
            Err(error) => assert!(!is_whole && error.is_timeout(), "{what}: {error:?}"),
        }
    }
    for streams in [&streams, &own_streams] {
        let through = ClientBuilder::new(streams.http_client()).with(streams.middleware()).build();
        assert_eq!(through.get(host.at("/drip")).send().await.unwrap().text().await.unwrap(), DRIPPED);
    }
    let executed =
        streams.execute(reqwest::Request::new(http::Method::GET, host.at("/drip").parse().unwrap()));
    assert_eq!(executed.await.unwrap().text().await.unwrap(), DRIPPED);
}

#[tokio::test]
async fn stalled_stream_ends() {
    let host = Host::http().await;
    let records = Records::default();
    let plain = outbound(&[&host], |builder| builder.timeout(Duration::MAX).with_stats(records.clone()));
    let streams = outbound(&[&host], |builder| builder.idle_timeout(SHORT).with_stats(records.clone()));
    let through = ClientBuilder::new(streams.http_client()).with(streams.middleware()).build();
    let started = Instant::now();
    for mut response in [
        plain.get(host.at("/half")).idle_timeout(SHORT).send().await.unwrap(),
        streams.get(host.at("/half")).send().await.unwrap(),
        through.get(host.at("/half")).send().await.unwrap(),
    ] {
        assert_eq!(response.chunk().await.unwrap().as_deref(), Some(&b"half"[..]));
        let error = response.chunk().await.unwrap_err();
        assert!(
            error.is_timeout() && format!("{error:?}").contains("paused for longer than 150ms"),
            "{error:?}"
        );
    }
    for request in [plain.get(host.at("/never")).idle_timeout(SHORT), streams.get(host.at("/never"))] {
        let error = request.send().await.unwrap_err();
        assert_eq!(error.kind(), OutboundErrorKind::Timeout);
        assert_eq!(error.to_string(), format!("{}: no answer in time", host.at("/never")));
    }
    let error = through.get(host.at("/never")).send().await.unwrap_err();
    assert!(format!("{error:?}").contains("no answer in time"), "{error:?}");
    assert!(started.elapsed() < LONG / 2, "{:?}", started.elapsed());
    let statuses: Vec<_> = records.take().iter().map(|record| record["status_code"].clone()).collect();
    assert_eq!(json!(statuses), json!([200, 200, 200, 500, 500, 500]));
}

/// A caller that is slow itself is no pause of the answer.
#[tokio::test]
async fn slow_reader_keeps_its_stream() {
    let host = Host::http().await;
    let outbound = outbound(&[&host], |builder| builder);
    let mut response =
        outbound.get(host.at("/drip")).idle_timeout(Duration::from_millis(400)).send().await.unwrap();
    let mut text = response.chunk().await.unwrap().unwrap().to_vec();
    tokio::time::sleep(Duration::from_millis(600)).await;
    while let Some(part) = response.chunk().await.unwrap() {
        text.extend(part);
    }
    assert_eq!(String::from_utf8(text).unwrap(), DRIPPED);
}

#[tokio::test]
async fn answer_is_the_same_with_an_idle_timeout() {
    let host = Host::http().await;
    let outbound = outbound(&[&host], |builder| builder);
    let url = host.at("/cost?a=b#c");
    let plain = outbound.get(&url).send().await.unwrap();
    let idle = outbound.get(&url).idle_timeout(LONG).send().await.unwrap();
    let seen = |response: &Response| {
        let mut headers = response.headers().clone();
        headers.remove("date");
        let length = response.content_length();
        (
            response.url().clone(),
            response.status(),
            response.version(),
            headers,
            length,
            response.remote_addr(),
        )
    };
    assert_eq!(seen(&idle), seen(&plain));
    assert_eq!(idle.content_length(), Some(2));
    assert_eq!(idle.text().await.unwrap(), plain.text().await.unwrap());
}
