//! WebSockets over HTTP/1.1 and HTTP/2.

use std::net::SocketAddr;

use aigc_auth::layer::CredentialSource;
use aigc_auth::testing::AuthCenter;
use aigc_auth::{AuthLayer, CurrentUser};
use axum::Router;
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::Message;
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::support::{self, App, Log, center, exchange, serve};

/// Says who it is, and which protocols it sees, and hangs up.
async fn socket(user: CurrentUser, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    let lines = headers.get_all("sec-websocket-protocol").iter().map(|line| line.to_str().unwrap());
    let said = format!("{} {}", user.username(), lines.collect::<Vec<_>>().join("|"));
    upgrade.protocols(["chat", "soap"]).on_upgrade(|mut socket| async move {
        socket.send(Message::Text(said.into())).await.unwrap();
    })
}

/// A route of the same path that opens no WebSocket.
async fn page(user: CurrentUser) -> String {
    user.username().to_owned()
}

async fn app(center: &AuthCenter, configure: impl FnOnce(AuthLayer) -> AuthLayer) -> App {
    center.add_token("a/b+c==", "alice");
    let auth = support::auth(center).credentials_from([
        CredentialSource::authorization(),
        CredentialSource::websocket_protocol(),
        CredentialSource::cookie("session"),
        CredentialSource::query("token"),
    ]);
    let routes = Router::new().route("/socket", any(socket)).route("/page", any(page));
    serve(routes.layer(configure(auth))).await
}

/// What a client sees of a handshake: the status, the protocol that was chosen, and what the handler says or, without a
/// WebSocket, its body.
type Seen = (u16, Option<String>, String);

/// Text in a frame that is not masked.
fn text(frame: &[u8]) -> String {
    match frame {
        [0x81, len, text @ ..] => String::from_utf8_lossy(&text[..usize::from(*len)]).into_owned(),
        body => String::from_utf8_lossy(body).into_owned(),
    }
}

async fn http1(address: SocketAddr, target: &str, headers: &str) -> Seen {
    let request = format!(
        "GET {target} HTTP/1.1\r\nhost: test\r\nconnection: Upgrade, close\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    );
    let bytes = support::exchange_bytes(address, request.as_bytes()).await;
    let answer = support::parse(&bytes).unwrap();
    let body =
        bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(&[][..], |end| &bytes[end + 4..]);
    (answer.status, answer.header("sec-websocket-protocol").map(str::to_owned), text(body))
}

async fn over_http2(address: SocketAddr, target: &str, headers: &str) -> Seen {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        http2::handshake::<_, _, Empty<Bytes>>(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    // After the first response, the server's settings are there, which allow an extended CONNECT.
    let first = Request::get(format!("http://{address}/page")).body(Empty::new()).unwrap();
    assert_eq!(sender.send_request(first).await.unwrap().status(), 401);
    let mut request = Request::new(Empty::new());
    *request.method_mut() = Method::CONNECT;
    *request.uri_mut() = format!("http://{address}{target}").parse().unwrap();
    request.extensions_mut().insert(hyper::ext::Protocol::from_static("websocket"));
    request.headers_mut().insert("sec-websocket-version", HeaderValue::from_static("13"));
    for (name, value) in headers.lines().filter_map(|line| line.split_once(": ")) {
        let name: http::HeaderName = name.parse().unwrap();
        request.headers_mut().append(name, value.parse().unwrap());
    }
    let mut response = sender.send_request(request).await.unwrap();
    let chosen =
        response.headers().get("sec-websocket-protocol").map(|value| value.to_str().unwrap().to_owned());
    let (status, mut body) = (response.status().as_u16(), Vec::new());
    if status == 200 {
        let mut socket = TokioIo::new(hyper::upgrade::on(&mut response).await.unwrap());
        body = vec![0; 2];
        socket.read_exact(&mut body).await.unwrap();
        body.resize(2 + usize::from(body[1]), 0);
        socket.read_exact(&mut body[2..]).await.unwrap();
    }
    connection.abort();
    (status, chosen, text(&body))
}

#[tokio::test]
async fn credential_among_protocols_opens_a_socket() {
    let center = center().await;
    let app = app(&center, |auth| auth).await;
    for (protocols, chosen, said) in [
        (&["bearer, alice-token"][..], Some("bearer"), "alice "),
        (&["bearer,alice-token"], Some("bearer"), "alice "),
        (&["bearer", "alice-token"], Some("bearer"), "alice "),
        (&["bearer, alice%2Dtoken"], Some("bearer"), "alice "),
        // `encodeURIComponent("a/b+c==")`
        (&["bearer, a%2Fb%2Bc%3D%3D"], Some("bearer"), "alice "),
        (&["bearer, ak_alice"], Some("bearer"), "alice "),
        // The app's own protocols.
        (&["bearer, alice-token, chat"], Some("chat"), "alice chat"),
        (&["soap, chat, bearer, alice-token"], Some("chat"), "alice soap, chat"),
        (&["chat", "bearer, alice-token", "soap"], Some("chat"), "alice chat, soap"),
        (&["bearer, alice-token, other"], Some("bearer"), "alice other"),
    ] {
        let lines: String =
            protocols.iter().map(|line| format!("sec-websocket-protocol: {line}\r\n")).collect();
        let chosen = chosen.map(str::to_owned);
        let seen = http1(app.address, "/socket", &lines).await;
        assert_eq!(seen, (101, chosen.clone(), said.to_owned()), "{protocols:?}");
        let seen = over_http2(app.address, "/socket", &lines).await;
        assert_eq!(seen, (200, chosen, said.to_owned()), "{protocols:?}, over HTTP/2");
    }
}

#[tokio::test]
async fn what_is_no_credential_among_protocols_is_rejected() {
    let center = center().await;
    let app = app(&center, |auth| auth).await;
    let log = Log::start();
    for protocols in ["bearer", "chat, bearer"] {
        let line = format!("sec-websocket-protocol: {protocols}\r\n");
        assert_eq!(http1(app.address, "/socket", &line).await.0, 401);
        let lines = log.take();
        assert!(lines.contains("is missing: `bearer` is the last one"), "{lines}");
    }
    drop(log);
    for protocols in [
        "bearer",
        "chat, bearer",
        "bearer, unknown",
        "bearer, alice%20token",
        "bearer, alice-token, bearer, alice-token",
        "Bearer, alice-token",
        "BEARER, alice-token",
        "chat, alice-token",
        "alice-token",
        "bearer alice-token",
    ] {
        let line = format!("sec-websocket-protocol: {protocols}\r\n");
        let (status, chosen, _) = http1(app.address, "/socket", &line).await;
        assert_eq!((status, chosen), (401, None), "{protocols}");
        let (status, chosen, _) = over_http2(app.address, "/socket", &line).await;
        assert_eq!((status, chosen), (401, None), "{protocols}, over HTTP/2");
    }
    let both = "sec-websocket-protocol: bearer, alice-token\r\nauthorization: Bearer bob-token\r\n";
    assert_eq!(http1(app.address, "/socket", both).await.0, 401, "two different ones");
}

#[tokio::test]
async fn socket_opens_by_cookie_query_and_header_too() {
    let center = center().await;
    let app = app(&center, |auth| auth).await;
    for (target, headers) in [
        ("/socket?token=alice-token", ""),
        ("/socket", "cookie: session=alice-token\r\n"),
        ("/socket", "cookie: session=alice-token\r\norigin: http://HOST\r\n"),
        ("/socket", "authorization: Bearer alice-token\r\n"),
    ] {
        let (of_http1, of_http2) =
            (headers.replace("HOST", "test"), headers.replace("HOST", &app.address.to_string()));
        let seen = http1(app.address, target, &of_http1).await;
        assert_eq!(seen, (101, None, "alice ".to_owned()), "{target} {headers}");
        let seen = over_http2(app.address, target, &of_http2).await;
        assert_eq!(seen, (200, None, "alice ".to_owned()), "{target} {headers}, over HTTP/2");
    }
    let other = "cookie: session=alice-token\r\norigin: http://evil.example.org\r\n";
    assert_eq!(http1(app.address, "/socket", other).await.0, 401);
    assert_eq!(over_http2(app.address, "/socket", other).await.0, 401);
}

/// Without the choice, a browser would fail the connection; a response that opens none has no place for it.
#[tokio::test]
async fn protocol_is_chosen_wherever_the_pair_was_removed_and_a_socket_opens() {
    let center = center().await;
    let anonymous = app(&center, |auth| auth.allow_anonymous().exclude_path("/page")).await;
    let pair = "sec-websocket-protocol: bearer, unknown\r\n";
    let (status, chosen, body) = http1(anonymous.address, "/socket", pair).await;
    assert_eq!((status, chosen), (401, None), "the extractor's rejection: {body}");

    async fn open(headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
        assert_eq!(headers.get("sec-websocket-protocol"), None);
        upgrade.on_upgrade(|_| async {})
    }
    let auth = || support::auth(&center).credentials_from([CredentialSource::websocket_protocol()]);
    let routes = || Router::new().route("/open", any(open)).route("/page", any(|| async { "page" }));
    for (what, auth) in
        [("anonymous", auth().allow_anonymous()), ("excluded", auth().exclude_prefix("/open"))]
    {
        let app = serve(routes().layer(auth)).await;
        assert_eq!(
            http1(app.address, "/open", pair).await,
            (101, Some("bearer".into()), String::new()),
            "{what}"
        );
    }
    let app = serve(routes().layer(auth())).await;
    let pair = "sec-websocket-protocol: bearer, alice-token\r\n";
    let (status, chosen, body) = http1(app.address, "/page", pair).await;
    assert_eq!((status, chosen, &*body), (200, None, "page"), "no socket was opened");
}

/// Elsewhere it is the app's own header.
#[tokio::test]
async fn protocols_of_other_requests_stay() {
    async fn protocols(headers: HeaderMap) -> String {
        format!("{:?}", headers.get("sec-websocket-protocol"))
    }
    let center = center().await;
    let auth = support::auth(&center)
        .credentials_from([CredentialSource::authorization(), CredentialSource::websocket_protocol()]);
    let app = serve(Router::new().route("/", any(protocols)).layer(auth)).await;
    let request =
        b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\nauthorization: Bearer alice-token\r\n\
                    sec-websocket-protocol: bearer, x\r\n\r\n";
    let answer = exchange(app.address, request).await;
    assert_eq!((answer.status, &*answer.body), (200, r#"Some("bearer, x")"#));
    // As in a handshake, where the layer reads other sources and not this one.
    let auth = support::auth(&center)
        .credentials_from([CredentialSource::authorization(), CredentialSource::cookie("session")]);
    let app = serve(Router::new().route("/socket", any(socket)).layer(auth)).await;
    let lines = "sec-websocket-protocol: bearer, x\r\nauthorization: Bearer alice-token\r\n";
    assert_eq!(http1(app.address, "/socket", lines).await, (101, None, "alice bearer, x".into()));
}

/// As where a whole app lets anonymous requests pass, and a part of it does not.
#[tokio::test]
async fn layer_inside_another_still_finds_the_removed_protocol() {
    let center = center().await;
    let auth = || support::auth(&center).credentials_from([CredentialSource::websocket_protocol()]);
    let routes = Router::new().route("/socket", any(socket)).layer(auth());
    let app = serve(routes.layer(auth().allow_anonymous())).await;
    let pair = "sec-websocket-protocol: bearer, alice-token\r\n";
    assert_eq!(http1(app.address, "/socket", pair).await, (101, Some("bearer".into()), "alice ".into()));
}
