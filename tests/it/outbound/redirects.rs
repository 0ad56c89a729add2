//! Redirects of calls to other services: where they lead, and what is not taken along.

use aigc_auth::context::InContext;
use aigc_auth::outbound::{OutboundClient, OutboundErrorKind, OutboundRequest};
use http::Method;
use reqwest_middleware::ClientBuilder;

use crate::outbound::support::{ALL, Heard, Host, Hostile, alice, http, outbound, secret_in};
use crate::support::Log;

const STATUSES: [u16; 5] = [301, 302, 303, 307, 308];

/// Headers of the caller's own that no other origin may get, and one that is harmless.
const OWN: [(&str, &str); 6] = [
    ("authorization", "Bearer hunter-own"),
    ("cookie", "session=hunter"),
    ("x-api-key", "hunter-key"),
    ("x-act-as-user-id", "hunter-7"),
    ("proxy-authorization", "Basic hunter"),
    ("accept-language", "zh"),
];

fn with_own(request: OutboundRequest) -> OutboundRequest {
    OWN.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

/// Sends it for alice. Answers the status.
async fn send(request: OutboundRequest) -> u16 {
    request.send().in_context(alice()).await.unwrap().status().as_u16()
}

/// All headers of alice's call with [`OWN`], which replaces her `Authorization`.
fn headers_at_first() -> Vec<String> {
    let own = OWN.iter().map(|(name, value)| format!("{name}: {value}"));
    let mut headers: Vec<_> = own.chain(ALL[1..].iter().map(|&line| line.to_owned())).collect();
    headers.sort();
    headers
}

#[tokio::test]
async fn redirect_keeps_headers_by_origin_trust() {
    let (host, other, tls) = (Host::http().await, Host::http().await, Host::https().await);
    let (hostile, hostile_tls) = (Hostile::http().await, Hostile::https().await);
    let outbound = outbound(&[&host, &other, &tls], |builder| builder);
    let at_first = headers_at_first();
    let bare = vec!["accept-language: zh".to_owned()];
    // The caller set `Authorization`: where that is dropped, the user's does not replace it.
    let elsewhere = [&bare[..], &at_first[at_first.len() - 4..], &["user-agent: hunter-agent".to_owned()]];
    let mut elsewhere = elsewhere.concat();
    elsewhere.sort();
    let relative = ["/end".to_owned(), "end?a=b#c".to_owned(), format!("//{}/end", &host.url[7..])];
    for status in STATUSES {
        for location in relative.iter().chain([&host.at("/end")]) {
            assert_eq!(send(with_own(outbound.get(host.go(status, location)))).await, 200);
            let heard = host.heard();
            assert_eq!(heard.len(), 2, "{status} {location}");
            assert_eq!(heard[1].context_headers(), at_first, "{status} {location}: the same origin");
        }
        for (what, from, to, expected) in [
            ("another port", &host, &other, &elsewhere),
            ("http to https", &host, &tls, &elsewhere),
            ("https to http", &tls, &host, &bare),
        ] {
            assert_eq!(send(with_own(outbound.get(from.go(status, &to.at("/end"))))).await, 200);
            assert_eq!(from.one().context_headers(), at_first, "{status} {what}");
            assert_eq!(to.one().context_headers(), *expected, "{status} {what}");
        }
        for (from, to) in [(&host, &hostile), (&host, &hostile_tls), (&tls, &hostile), (&tls, &hostile_tls)] {
            assert_eq!(send(with_own(outbound.get(from.go(status, &to.at("/end"))))).await, 200);
            assert_eq!(from.one().context_headers(), at_first, "{status}");
            let heard = to.heard();
            assert_eq!(heard.len(), 1);
            assert_eq!(heard[0].context_headers(), bare, "{status} to {}", to.url());
        }
    }
    // Without headers of the caller's own, another trusted origin gets all.
    assert_eq!(send(outbound.get(host.go(302, &other.at("/end")))).await, 200);
    assert_eq!(
        (host.one().context_headers(), other.one().context_headers()),
        (ALL.map(str::to_owned).into(), ALL.map(str::to_owned).into())
    );
}

#[tokio::test]
async fn redirect_from_untrusted_origin_drops_credentials() {
    let (host, other, tls) = (Host::http().await, Host::http().await, Host::https().await);
    let (hostile, second) = (Hostile::http().await, Hostile::https().await);
    let outbound = outbound(&[&host, &other, &tls], |builder| builder);
    let end = |host: &Host| host.at("/transfer?to=mallory");
    for (what, start) in [
        ("from the beginning", hostile.go(302, &end(&other))),
        ("in between", host.go(307, &hostile.go(307, &end(&other)))),
        ("back where it came from", other.go(307, &hostile.go(307, &end(&other)))),
        ("by two untrusted hosts", host.go(301, &hostile.go(302, &second.go(303, &end(&other))))),
        ("and on among trusted hosts", host.go(302, &hostile.go(302, &host.go(302, &end(&other))))),
        ("from https to http", tls.go(302, &end(&other))),
        ("and back to https", tls.go(302, &host.go(302, &tls.go(302, &end(&other))))),
    ] {
        for own in [false, true] {
            if own && what == "from the beginning" {
                // There, the caller itself would have sent them to the untrusted host.
                continue;
            }
            let request = outbound.get(&start);
            assert_eq!(send(if own { with_own(request) } else { request }).await, 200, "{what}");
            let heard = other.heard();
            let last = heard.last().unwrap();
            assert_eq!(last.target, "/transfer?to=mallory", "{what}");
            assert_eq!(secret_in(last), None, "{what}: {last:?}");
        }
    }
    // A chain of trusted hosts carries all to its end.
    let chain = host.go(301, &other.go(302, &host.go(303, &tls.go(308, &tls.at("/end")))));
    assert_eq!(send(outbound.get(chain)).await, 200);
    assert_eq!(tls.heard().last().map(Heard::context_headers), Some(ALL.map(str::to_owned).into()));
}

#[tokio::test]
async fn ten_redirects_are_followed_by_default() {
    let host = Host::http().await;
    let chain = |hops: usize| (0..hops).fold(host.at("/end"), |next, _| host.go(302, &next));
    let with =
        |max: Option<usize>| outbound(&[&host], |b| max.into_iter().fold(b, |b, max| b.max_redirects(max)));
    for (max, hops, expected) in [
        (None, 10, Some((200, 11))),
        (None, 11, None),
        (Some(1), 1, Some((200, 2))),
        (Some(1), 2, None),
        // The redirect itself is the answer.
        (Some(0), 1, Some((302, 1))),
        (Some(0), 0, Some((200, 1))),
    ] {
        let answer = with(max).get(chain(hops)).send().await;
        let heard = host.heard().len();
        match (answer, expected) {
            (Ok(answer), Some(expected)) => {
                assert_eq!((answer.status().as_u16(), heard), expected, "{max:?} {hops}");
            }
            (Err(error), None) => {
                assert_eq!(error.kind(), OutboundErrorKind::TooManyRedirects);
                assert_eq!(heard, max.unwrap_or(10) + 1);
            }
            (answer, _) => panic!("{max:?} {hops}: {answer:?}"),
        }
    }
    let answer = with(Some(0)).get(host.go(302, "/end")).send().await.unwrap();
    assert_eq!(answer.headers()["location"], "/end", "for the caller to follow");
    // `/go?status=302&to=` leads to itself.
    let error = with(None).get(host.go(302, "")).send().await.unwrap_err();
    assert_eq!(error.kind(), OutboundErrorKind::TooManyRedirects);
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Nothing,
    Empty,
    Json,
    Stream,
}

fn put(what: What, request: OutboundRequest) -> OutboundRequest {
    let request = request.header("content-language", "zh");
    let pieces = ["hunter", "2"].map(Ok::<_, std::io::Error>);
    match what {
        What::Nothing => request,
        What::Empty => request.body(""),
        What::Json => request.json("hunter2"),
        What::Stream => request.body(reqwest::Body::wrap_stream(futures_util::stream::iter(pieces))),
    }
}

#[tokio::test]
async fn redirect_status_decides_method_and_body() {
    let (host, other, tls) = (Host::http().await, Host::http().await, Host::https().await);
    let hostile = Hostile::http().await;
    let outbound = outbound(&[&host, &other, &tls], |builder| builder);
    use What::{Empty, Json, Nothing, Stream};
    for status in STATUSES {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE] {
            let keeps = match status {
                303 => method == Method::HEAD,
                301 | 302 => method != Method::POST,
                _ => true,
            };
            for what in [Nothing, Empty, Json, Stream] {
                let case = format!("{status} {method} {what:?}");
                let has_body = matches!(what, Json | Stream);
                for (from, to, is_safe) in [
                    (&host, host.at("/end"), true),
                    (&host, other.at("/end"), true),
                    (&tls, host.at("/end"), false),
                    (&host, hostile.at("/end"), false),
                ] {
                    let request = put(what, outbound.request(method.clone(), from.go(status, &to)));
                    let found = send(request).await;
                    let heard = [host.heard(), other.heard(), tls.heard(), hostile.heard()].concat();
                    let stays = keeps && (what == Stream || (has_body && !is_safe));
                    assert_eq!(
                        (found, heard.len()),
                        if stays { (status, 1) } else { (200, 2) },
                        "{case} {to}"
                    );
                    let Some(last) = heard.iter().find(|heard| heard.target == "/end") else { continue };
                    let expected = if keeps { &method } else { &Method::GET };
                    assert_eq!(last.method, expected, "{case} {to}");
                    let body = if keeps && what == Json { "\"hunter2\"" } else { "" };
                    assert_eq!(last.body, body, "{case} {to}");
                    for name in ["content-type", "content-language"] {
                        let expected = keeps && (name == "content-language" || what == Json);
                        assert_eq!(last.header(name).is_some(), expected, "{case} {to}: {name}");
                    }
                    let length = last.header("content-length").unwrap_or("0");
                    assert_eq!(length, body.len().to_string(), "{case} {to}");
                    assert_eq!(last.header("transfer-encoding"), None, "{case} {to}");
                }
            }
        }
    }
}

#[tokio::test]
async fn unsafe_location_is_not_followed() {
    let (host, hostile) = (Host::http().await, Hostile::http().await);
    let outbound = outbound(&[&host], |builder| builder);
    let port = host.url.rsplit(':').next().unwrap();
    for location in [
        format!("http://me:own@127.0.0.1:{port}/"),
        format!("http://me@127.0.0.1:{port}/"),
        hostile.at("/").replace("://", &format!("://127.0.0.1:{port}@")),
        "javascript:alert(1)".to_owned(),
        "file:///etc/passwd".to_owned(),
        "ftp://127.0.0.1/".to_owned(),
        "data:text/plain,x".to_owned(),
        "http://".to_owned(),
        "http://[".to_owned(),
        "http://127.0.0.1:99999/".to_owned(),
    ] {
        assert_eq!(send(outbound.get(host.go(302, &location))).await, 302, "{location}");
        assert_eq!(host.heard().len(), 1, "{location}");
    }
    // A header may be longer than a target can.
    assert_eq!(send(outbound.get(host.at("/long"))).await, 302);
    assert_eq!(host.heard().len(), 1);
    for (location, target) in [
        ("/爱?q=é", "/%E7%88%B1?q=%C3%A9"),
        ("/a\tb", "/ab"),
        ("  /spaces  ", "/spaces"),
        ("?q#f", "/go?q"),
        ("../../up", "/up"),
    ] {
        assert_eq!(send(outbound.get(host.go(302, location))).await, 200);
        assert_eq!(host.heard()[1].target, target, "{location}");
    }
    // As browsers do, a backslash is read as a slash: it is the host that counts.
    for location in [format!("\\\\{}/", &hostile.url()[7..]), format!("/\\{}/", &hostile.url()[7..])] {
        assert_eq!(send(outbound.get(host.go(302, &location))).await, 200);
        assert_eq!(hostile.heard().len(), 1, "{location}");
    }
}

fn noticed(log: &Log) -> bool {
    let lines = log.take();
    assert!(!lines.contains("hunter"), "{lines}");
    lines.contains("ERROR") && lines.contains("may have sent the app's secret to another host")
}

#[tokio::test]
async fn middleware_follows_no_redirect() {
    let (host, hostile) = (Host::http().await, Hostile::http().await);
    let outbound = outbound(&[&host], |builder| builder);
    let client = ClientBuilder::new(outbound.http_client()).with(outbound.middleware()).build();
    let log = Log::start();
    for status in STATUSES {
        for to in [host.at("/end"), hostile.at("/end")] {
            let call = client.get(host.go(status, &to)).header("x-trace-id", "own").send();
            assert_eq!(call.in_context(alice()).await.unwrap().status(), status);
            let expected = ALL.map(|line| if line.contains("trace") { "x-trace-id: own" } else { line });
            assert_eq!(host.one().context_headers(), expected);
        }
    }
    client.get(hostile.at("/?a=b#c")).send().in_context(alice()).await.unwrap();
    assert_eq!(hostile.heard()[0].context_headers(), [""; 0]);
    assert!(!noticed(&log));
}

#[tokio::test]
async fn redirect_followed_by_http_client_is_logged() {
    let (host, other) = (Host::http().await, Host::http().await);
    let careless = || http().redirect(reqwest::redirect::Policy::limited(3)).build().unwrap();
    let outbound = outbound(&[&host], |builder| builder.http_client(careless()));
    let middleware = ClientBuilder::new(careless()).with(outbound.middleware()).build();
    let log = Log::start();
    for (url, expected) in [
        (host.at("/"), false),
        (host.at(""), false),
        (host.at("/?a=b#fragment"), false),
        (host.at("/爱?q=é"), false),
        (host.go(302, "/end"), true),
        (host.go(302, &other.at("/end")), true),
        // Four are too many for it.
        ((0..4).fold(host.at("/"), |next, _| host.go(302, &next)), true),
    ] {
        let _ = outbound.get(&url).send().in_context(alice()).await;
        assert_eq!(noticed(&log), expected, "{url}");
        let _ = middleware.get(&url).send().in_context(alice()).await;
        assert_eq!(noticed(&log), expected, "{url} by the middleware");
    }
    let too_many = (0..4).fold(host.at("/"), |next, _| host.go(302, &next));
    let error = outbound.get(too_many).send().await.unwrap_err();
    assert_eq!(error.kind(), OutboundErrorKind::TooManyRedirects);
    // What it is for: another host has heard the secret.
    assert!(other.heard().iter().any(|heard| heard.header("x-app-secret").is_some()));
}

#[test]
fn call_future_is_send() {
    fn send<T: Send>(_: T) {}
    fn shared<T: Send + Sync + Clone>() {}
    shared::<OutboundClient>();
    let outbound = outbound(&[], |builder| builder);
    send(outbound.get("http://127.0.0.1:1/").send());
}
