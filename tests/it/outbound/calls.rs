//! Calls to other services: propagation, bodies, timeouts, errors.

use std::collections::HashSet;
use std::error::Error;
use std::time::Duration;

use aigc_auth::context::{InContext, RequestContext};
use aigc_auth::credential::Credential;
use aigc_auth::outbound::{OutboundClient, OutboundErrorKind, OutboundRequest};
use aigc_auth::{ActAsUser, CurrentUser, UserInfo};
use axum::Router;
use axum::routing::get;
use http::{HeaderName, Method};
use reqwest::multipart::{Form, Part};
use serde_json::json;
use tokio::net::TcpSocket;

use crate::outbound::support::{ALL, Host, Hostile, TRACEPARENT, alice, http, outbound};
use crate::support::{self, center, serve};

#[tokio::test]
async fn trusted_host_receives_credentials_and_context() {
    let host = Host::http().await;
    let outbound = outbound(&[&host], |builder| builder);
    let app = &ALL[2..4];
    let nobody = RequestContext::builder().user_agent("hunter-agent").build();
    let with_nothing = [&ALL[1..2], app].concat();
    for (who, context, expected) in [
        ("alice", Some(alice()), &ALL[..]),
        ("no user", Some(nobody), &with_nothing),
        ("no request", None, app),
    ] {
        let call = outbound.get(host.at("/")).send();
        let answer = match context {
            Some(context) => call.in_context(context).await,
            None => call.await,
        };
        assert_eq!(answer.unwrap().text().await.unwrap(), "ok");
        assert_eq!(host.one().context_headers(), expected, "{who}");
    }
}

/// A service whose `/relay` calls the host, as the user who asks.
fn relay(outbound: &OutboundClient, url: String) -> Router {
    let (call, own) = (outbound.clone(), outbound.clone());
    let (to, to_own) = (url.clone(), url);
    Router::new()
        .route(
            "/relay",
            get(move |_: ActAsUser| async move { call.get(to).send().await.unwrap().text().await.unwrap() }),
        )
        .route(
            "/own",
            get(move |_: CurrentUser| async move {
                let request = own.get(to_own).header("traceparent", "own");
                request.send().await.unwrap().text().await.unwrap()
            }),
        )
}

#[tokio::test]
async fn handler_call_propagates_current_request() {
    let (center, host, hostile) = (center().await, Host::http().await, Hostile::http().await);
    let client = support::client(&center);
    let outbound = OutboundClient::builder(&client).trust_origin(&host.url).build().unwrap();
    let auth = support::auth(&center);
    let app = serve(relay(&outbound, host.at("/")).layer(auth.clone())).await;
    let bare = serve(relay(&outbound, hostile.at("/")).layer(auth)).await;
    let headers = [
        ("user-agent", "hunter-agent"),
        ("x-trace-id", "hunter-trace"),
        ("traceparent", TRACEPARENT),
        ("cookie", "session=hunter"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-own", "hunter"),
    ];
    let alice_id = aigc_auth::testing::user("alice").build().id().to_string();
    for (path, credential, act_as, traceparent) in [
        ("/relay", "alice-token", None, TRACEPARENT),
        ("/relay", "ak_alice", None, TRACEPARENT),
        // The credential stays the admin's, and the target user is not propagated.
        ("/relay", "root-token", Some(&*alice_id), TRACEPARENT),
        ("/own", "alice-token", None, "own"),
    ] {
        let authorization = format!("Bearer {credential}");
        let mut headers = headers.to_vec();
        headers.push(("authorization", &authorization));
        headers.extend(act_as.map(|id| ("x-act-as-user-id", id)));
        assert_eq!(support::get(app.address, path, &headers).await.body, "ok");
        let expected = [
            format!("authorization: {authorization}"),
            format!("traceparent: {traceparent}"),
            "user-agent: hunter-agent".to_owned(),
            "x-app-id: test-app".to_owned(),
            "x-app-secret: test-secret".to_owned(),
            // The proxy that named another address is the caller's loopback, which is trusted.
            "x-real-ip: 203.0.113.7".to_owned(),
            "x-trace-id: hunter-trace".to_owned(),
        ];
        assert_eq!(host.one().context_headers(), expected, "{path} {credential}");
        assert_eq!(support::get(bare.address, path, &headers).await.body, "ok");
        let own = if path == "/own" { vec!["traceparent: own".to_owned()] } else { vec![] };
        assert_eq!(hostile.heard()[0].context_headers(), own, "{path} {credential}");
    }
}

#[tokio::test]
async fn explicit_headers_override_propagated_ones() {
    let host = Host::http().await;
    let outbound = outbound(&[&host], |builder| builder);
    for line in ALL {
        let (name, _) = line.split_once(": ").unwrap();
        let request = outbound.get(host.at("/")).header(name, "own");
        request.send().in_context(alice()).await.unwrap();
        let expected = ALL.map(|other| if other == line { format!("{name}: own") } else { other.to_owned() });
        assert_eq!(host.one().context_headers(), expected);
    }
    outbound.get(host.at("/")).bearer_auth("own").send().in_context(alice()).await.unwrap();
    assert_eq!(host.one().header("authorization"), Some("Bearer own"));
    let headers = [(HeaderName::from_static("x-app-id"), "own".parse().unwrap())].into_iter().collect();
    outbound.get(host.at("/")).headers(headers).send().in_context(alice()).await.unwrap();
    assert_eq!(host.one().header("x-app-id"), Some("own"));
    // A URL with a user is the caller's way to say `Authorization`.
    let url = host.at("/").replace("://", "://me:own@");
    outbound.get(url).send().in_context(alice()).await.unwrap();
    assert_eq!(host.one().header("authorization"), Some("Basic bWU6b3du"));
}

#[tokio::test]
async fn bodies_are_sent_with_every_method() {
    let host = Host::http().await;
    let outbound = outbound(&[&host], |builder| builder);
    let form = || Form::new().text("name", "爱").part("file", Part::bytes(&b"\0\xff"[..]).file_name("f"));
    let stream = || {
        let pieces = ["one ", "two"].map(Ok::<_, std::io::Error>);
        reqwest::Body::wrap_stream(futures_util::stream::iter(pieces))
    };
    type Put<'a> = &'a dyn Fn(OutboundRequest) -> OutboundRequest;
    let kinds: [(&str, Put<'_>, &str, &[u8]); 7] = [
        ("none", &|request| request, "", b""),
        (
            "json",
            &|request| request.json(&json!({ "a": "爱" })),
            "application/json",
            "{\"a\":\"爱\"}".as_bytes(),
        ),
        ("form", &|request| request.form(&[("a", "b&c")]), "application/x-www-form-urlencoded", b"a=b%26c"),
        ("text", &|request| request.body("text"), "", b"text"),
        ("bytes", &|request| request.body(vec![0, 255]), "", b"\0\xff"),
        ("stream", &|request| request.body(stream()), "", b"one two"),
        ("multipart", &|request| request.multipart(form()), "multipart/form-data", b"\0\xff"),
    ];
    for (kind, put, content_type, body) in kinds {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let request = put(outbound.request(method.clone(), host.at("/x"))).query(&[("p", "1 2")]);
            request.send().in_context(alice()).await.unwrap();
            let heard = host.one();
            assert_eq!((&heard.method, &*heard.target), (&method, "/x?p=1+2"), "{kind}");
            assert_eq!(heard.context_headers(), ALL, "{kind}");
            let found = heard.header("content-type").unwrap_or_default();
            assert_eq!(found.split(';').next(), Some(content_type), "{kind}");
            if kind == "multipart" {
                assert!(heard.body.windows(2).any(|two| two == body), "{kind}");
            } else {
                assert_eq!(heard.body, body, "{kind}");
            }
        }
    }
    let url = || host.at("/");
    for (method, request) in [
        ("GET", outbound.get(url())),
        ("POST", outbound.post(url())),
        ("PUT", outbound.put(url())),
        ("PATCH", outbound.patch(url())),
        ("DELETE", outbound.delete(url())),
        ("HEAD", outbound.head(url())),
    ] {
        request.send().await.unwrap();
        assert_eq!(host.one().method, method);
    }
}

#[tokio::test]
async fn trust_is_by_scheme_host_and_port() {
    let (host, tls) = (Host::http().await, Host::https().await);
    let address = |host: &Host| host.url.rsplit("//").next().unwrap().replace("localhost", "127.0.0.1");
    let (plain, secure) = (address(&host).parse().unwrap(), address(&tls).parse().unwrap());
    let names = ["api.internal", "api.internal.", "evil.api.internal", "api.internal.evil.example"];
    let named = names.iter().fold(http(), |http, name| http.resolve(name, plain));
    let secured = http().resolve("localhost", secure);
    let trusting = |trusted: &str, http: reqwest::ClientBuilder| {
        let http = http.build().unwrap();
        outbound(&[], |builder| builder.trust_origin(trusted).http_client(http))
    };
    let (by_name, by_address) = (trusting("http://api.internal", named), trusting(&host.url, http()));
    let (by_tls, only_tls) = (trusting("https://LOCALHOST:443/", secured), trusting(&tls.url, http()));
    let (port, tls_port) = (plain.port(), secure.port());
    for (client, url, trusts) in [
        (&by_name, "http://api.internal/".to_owned(), true),
        (&by_name, "http://api.internal:80/".to_owned(), true),
        (&by_name, "HTTP://API.Internal".to_owned(), true),
        (&by_name, "http://me:own@api.internal/".to_owned(), true),
        (&by_name, "http://api.internal./".to_owned(), false),
        (&by_name, "http://evil.api.internal/".to_owned(), false),
        (&by_name, "http://api.internal.evil.example/".to_owned(), false),
        (&by_name, "http://api.internal@api.internal.evil.example/".to_owned(), false),
        (&by_name, format!("http://api.internal:{port}/"), false),
        (&by_address, host.at("/"), true),
        (&by_address, format!("http://127.1:{port}/"), true),
        (&by_address, format!("http://localhost:{port}/"), false),
        (&by_tls, "https://localhost/".to_owned(), true),
        (&only_tls, tls.at("/"), true),
        (&only_tls, host.at("/"), false),
        (&by_tls, format!("https://localhost:{tls_port}/"), false),
    ] {
        client.get(&url).send().in_context(alice()).await.unwrap();
        let heard = [host.heard(), tls.heard()].concat();
        assert_eq!(heard.len(), 1, "{url}");
        assert_eq!(heard[0].header("x-app-secret").is_some(), trusts, "{url}");
        assert_eq!(heard[0].header("x-trace-id").is_some(), trusts, "{url}");
    }
}

#[tokio::test]
async fn timeout_covers_redirects_and_body() {
    let host = Host::http().await;
    let (brief, long) = (Duration::from_millis(50), Duration::from_secs(60));
    for (of_all, own) in [(brief, None), (long, Some(brief)), (long, Some(Duration::ZERO))] {
        let outbound = outbound(&[&host], |builder| builder.timeout(of_all));
        let call = |path: &str| {
            let request = outbound.get(host.at(path));
            own.into_iter().fold(request, OutboundRequest::timeout).send()
        };
        let error = call("/never?q=hunter").await.unwrap_err();
        assert_eq!(error.kind(), OutboundErrorKind::Timeout);
        assert_eq!(error.to_string(), format!("{}/never: no answer in time", host.url));
        if own != Some(Duration::ZERO) {
            let answer = call("/half").await.expect("its head came in time");
            assert!(answer.text().await.unwrap_err().is_timeout());
        }
    }
    // The time left, not the whole time once more, is what a redirect has.
    let outbound = outbound(&[&host], |builder| builder.timeout(brief));
    let url = host.go(302, &host.at("/never"));
    assert_eq!(outbound.get(url).send().await.unwrap_err().kind(), OutboundErrorKind::Timeout);
    let half = Duration::from_millis(500);
    let endless = crate::outbound::support::outbound(&[&host], |b| b.timeout(half).max_redirects(usize::MAX));
    let call = endless.get(host.go(302, "")).send();
    // No single redirect takes as long.
    let error = tokio::time::timeout(20 * half, call).await.expect("all of them share the time").unwrap_err();
    assert_eq!(error.kind(), OutboundErrorKind::Timeout);
    let longest = outbound.get(host.go(302, "/")).timeout(Duration::MAX).send().await;
    assert_eq!(longest.unwrap().status(), 200, "longer than the clock can count");
}

/// A queue of one that is full: who comes next is not even refused.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn connect_timeout_is_applied() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = vec![];
    for _ in 0..4 {
        let connect = tokio::net::TcpStream::connect(address);
        waiting.extend(tokio::time::timeout(Duration::from_millis(50), connect).await);
    }
    let app = aigc_auth::AuthClient::builder("app", "secret", "http://127.0.0.1:1").build().unwrap();
    let outbound = OutboundClient::builder(&app).connect_timeout(Duration::from_millis(50)).build().unwrap();
    let error = outbound.get(format!("http://{address}/")).send().await.unwrap_err();
    assert_eq!(error.kind(), OutboundErrorKind::Connect, "{error}: nothing was sent");
}

#[tokio::test]
async fn error_names_failure_without_secrets() {
    let (host, tls) = (Host::http().await, Host::https().await);
    let breaking = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let broken = format!("http://{}", breaking.local_addr().unwrap());
    tokio::spawn(async move { while breaking.accept().await.is_ok() {} });
    let outbound = outbound(&[&host, &tls], |builder| builder.max_redirects(1));
    let misnamed = tls.url.replace("localhost", "127.0.0.1");
    let forever = host.go(302, &host.go(302, &host.at("/")));
    use OutboundErrorKind::{Connect, Interrupted, InvalidRequest, TooManyRedirects};
    let get = |url: &str| outbound.get(url);
    let secret = |url: &str| format!("{}/a?token=hunter", url.replace("://", "://hunter:hunter@"));
    for (request, kind, text) in [
        (get("hunter"), InvalidRequest, "a call: the request cannot be built".to_owned()),
        (get("ftp://x/a?token=hunter"), InvalidRequest, "ftp://x/a: the request cannot be built".to_owned()),
        (
            get(&host.url).header("hunter\n", "b"),
            InvalidRequest,
            "a call: the request cannot be built".to_owned(),
        ),
        (
            get(&host.url).header("a", "hunter\n"),
            InvalidRequest,
            "a call: the request cannot be built".to_owned(),
        ),
        (get(&secret("http://127.0.0.1:1")), Connect, "http://127.0.0.1:1/a: cannot connect".to_owned()),
        (get(&secret(&misnamed)), Connect, format!("{misnamed}/a: cannot connect")),
        (get(&secret(&broken)), Interrupted, format!("{broken}/a: the connection broke before an answer")),
        (get(&forever), TooManyRedirects, format!("{}/go: more than 1 redirects", host.url)),
    ] {
        let shown = format!("{request:?}");
        let error = request.send().in_context(alice()).await.unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (kind, text));
        let mut all = format!("{shown} {error:?} {error:#?}");
        let mut source = error.source();
        while let Some(error) = source {
            all += &format!("{error} {error:?}");
            source = error.source();
        }
        assert!(!all.contains("hunter"), "{all}");
    }
    let shown = format!("{outbound:?} {:?}", outbound.middleware());
    assert!(shown.contains("127.0.0.1") && !shown.contains("hunter"), "{shown}");
}

#[tokio::test]
async fn clones_and_redirects_share_one_pool() {
    let host = Host::http().await;
    let outbound = outbound(&[&host], |builder| builder);
    for _ in 0..20 {
        let answer = outbound.clone().get(host.go(302, "/")).send().in_context(alice()).await;
        assert_eq!(answer.unwrap().text().await.unwrap(), "ok");
        outbound.http_client().get(host.at("/")).send().await.unwrap().text().await.unwrap();
    }
    assert_eq!((host.heard().len(), host.connections()), (60, 1));
}

#[tokio::test]
async fn concurrent_calls_carry_their_own_context() {
    let host = Host::http().await;
    let outbound = outbound(&[&host], |builder| builder);
    let call = |number: usize| {
        let name = format!("user-{number}");
        let context = RequestContext::builder()
            .credential(Credential::new(&name).unwrap())
            .user(UserInfo::builder(number as i64, &*name).build())
            .trace_id(&name);
        let request = outbound.get(host.at(&format!("/{name}")));
        tokio::spawn(async move { request.send().await.unwrap().status() }.in_context(context.build()))
    };
    let calls: Vec<_> = (0..200).map(call).collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    let mut names = HashSet::new();
    for heard in host.heard() {
        let name = heard.target.trim_start_matches('/').to_owned();
        assert_eq!(heard.header("authorization"), Some(&*format!("Bearer {name}")));
        assert_eq!(heard.header("x-trace-id"), Some(&*name));
        names.insert(name);
    }
    assert_eq!(names.len(), 200);
}
