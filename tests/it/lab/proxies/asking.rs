//! In front of a service in Python without authentication, for which nginx and Caddy ask `ForwardAuth`.

use aigc_auth::AuthLayer;
use aigc_auth::error::ErrorResponder;
use aigc_auth::forward_auth::{ForwardAuth, Proxy};
use aigc_auth::layer::CredentialSource;
use aigc_auth::service::WithServices;
use aigc_auth::testing::Fault;
use axum::Router;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::routing::any;
use futures_util::StreamExt;
use http::{HeaderMap, HeaderName};
use serde_json::json;
use test_support::expectations::Rows;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::running::{Running, free};
use super::seen::{Seen, refused, seen};
use super::{ALICE, BAD, INVALID, ROOT, SCOPE, TWO, auth_center, trusted};
use crate::lab::room::Room;
use crate::service::support::{frontend, services};
use crate::support::{self, Answer, client, serve};

const ECHO: &str = include_str!("../../../lab/echo.py");

/// What reached the Python service: method, path, body, and the headers about the caller that are not empty.
fn echoed(answer: &Answer) -> Seen {
    let seen = answer.json();
    let is_about_caller = |name: &str| {
        let name = name.to_lowercase().replace('_', "-");
        name.starts_with("x-user-") || name.starts_with("x-service-")
    };
    let headers = seen["headers"].as_array().unwrap().iter();
    let mut users: Vec<_> = headers
        .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
        .filter(|(name, value)| is_about_caller(name) && !value.is_empty())
        .map(|(name, value)| format!("{}: {value}", name.to_lowercase()))
        .collect();
    users.sort();
    Seen::Served(json!([seen["method"], seen["path"], seen["body"], users]))
}

#[tokio::test]
async fn proxies_that_ask_in_front_of_python() {
    let mut rows = Rows::default();
    for (name, proxy) in [("nginx", Proxy::Nginx), ("caddy", Proxy::Caddy)] {
        let Some(room) = Room::of("proxies-python") else { return };
        room.write("echo.py", ECHO);
        let behind = free();
        let mut python = Command::new("python3");
        let python = python.arg(room.path("echo.py")).arg(behind.port().to_string());
        let _python = room.serve(python, behind).await;
        let center = auth_center().await;
        let alice_id =
            center.users().iter().find(|user| user.username() == "alice").unwrap().id().to_string();
        let callers = WithServices::new(client(&center), services());
        let auth = AuthLayer::new(callers).exclude_prefix("/public").trusted_proxies(trusted());
        let endpoint =
            ForwardAuth::new(auth, proxy).require_prefix("/admin", |user| user.require("admin:access"));
        let endpoint = serve(endpoint.router("/auth")).await;
        let Some(proxy) = Running::start(name, "forward-auth", endpoint.address, behind).await else {
            return;
        };

        let alice = [
            &*format!("x-user-id: {alice_id}"),
            "x-user-name: alice",
            "x-user-permissions: report:read,article:edit",
            "x-user-roles: editor",
        ]
        .map(str::to_owned);
        let root =
            ["x-user-id: 1", "x-user-name: root", "x-user-permissions: admin:access"].map(str::to_owned);
        let ming = ["x-user-id: 9", "x-user-name: %E5%B0%8F%E6%98%8E", "x-user-roles: %E7%BC%96%E8%BE%91"];
        let ming = ming.map(str::to_owned);
        let served = |method: &str, path: &str, body: &str, users: &[String]| {
            let mut users = users.to_vec();
            users.sort();
            Seen::Served(json!([method, path, body, users]))
        };
        let forged = [
            ("x-user-id", "1"),
            ("X-User-Name", "root"),
            ("x-user-permissions", "admin:access"),
            ("x_user_id", "1"),
            ("x-user-other", "1"),
            ("x-service-name", "root"),
            ("X-Service-Scopes", "admin:access"),
            ("x_service_name", "root"),
            ("x-original-uri", "/public/x"),
            ("x-forwarded-uri", "/public/x"),
            ("x-forwarded-method", "OPTIONS"),
        ];
        // A header of no recipe's is the client's own at nginx.
        let other = if name == "nginx" { vec!["x-user-other: 1".to_owned()] } else { vec![] };
        let alice_and_other = [&alice[..], &other].concat();
        let forged_alice = [ALICE, &forged[..]].concat();
        let two = if name == "nginx" { refused(400, "") } else { refused(401, INVALID) };
        let long = format!("/{}?q={}", "a/".repeat(300), "b".repeat(3000));
        let dropped = [ALICE, &[("connection", "x-user-id")]].concat();
        let bearer = format!("Bearer {}", frontend("orders:read"));
        let by_service = [("authorization", &*bearer)];
        let forged_service = [&by_service[..], &forged[..]].concat();
        let dropped_service = [&by_service[..], &[("connection", "x-service-name")]].concat();
        let service = ["x-service-name: frontend", "x-service-scopes: orders:read"].map(str::to_owned);
        let service_and_other = [&service[..], &other].concat();
        let service_to_drop =
            if name == "nginx" { served("GET", "/x", "", &service) } else { refused(400, "") };
        let to_drop = if name == "nginx" { served("GET", "/x", "", &alice) } else { refused(400, "") };
        let own_403 = [ALICE, &[("x-wanted-status", "403")]].concat();
        let own_500 = [ALICE, &[("x-wanted-status", "500")]].concat();
        rows.with(format!("{name} in front of Python"));
        for (what, method, target, headers, body, expected) in [
            ("a user", "GET", "/reports?x=1", ALICE, "", served("GET", "/reports?x=1", "", &alice)),
            ("a body", "POST", "/reports", ALICE, "hello", served("POST", "/reports", "hello", &alice)),
            ("another method", "DELETE", "/reports/7", ALICE, "", served("DELETE", "/reports/7", "", &alice)),
            ("a long URI", "GET", &*long, ALICE, "", served("GET", &long, "", &alice)),
            (
                "a Chinese name",
                "GET",
                "/",
                &[("authorization", "Bearer ming")],
                "",
                served("GET", "/", "", &ming),
            ),
            (
                "headers of the client's",
                "GET",
                "/x",
                &forged_alice,
                "",
                served("GET", "/x", "", &alice_and_other),
            ),
            ("one that is to be dropped", "GET", "/x", &dropped, "", to_drop),
            (
                "a service",
                "GET",
                "/reports?x=1",
                &by_service,
                "",
                served("GET", "/reports?x=1", "", &service),
            ),
            (
                "… with headers of the client's",
                "GET",
                "/x",
                &forged_service,
                "",
                served("GET", "/x", "", &service_and_other),
            ),
            ("… one that is to be dropped", "GET", "/x", &dropped_service, "", service_to_drop),
            ("… where a rule wants a user", "GET", "/admin/users", &by_service, "", refused(403, "")),
            ("no credential", "GET", "/reports", &[], "", refused(401, "Bearer")),
            ("… but headers", "GET", "/reports", &forged, "", refused(401, "Bearer")),
            ("… and a body", "POST", "/reports", &[], "hello", refused(401, "Bearer")),
            ("a bad one", "GET", "/reports", BAD, "", refused(401, INVALID)),
            ("two", "GET", "/reports", TWO, "", two),
            ("without permission", "GET", "/admin/users", ALICE, "", refused(403, SCOPE)),
            ("with it", "GET", "/admin/users", ROOT, "", served("GET", "/admin/users", "", &root)),
            ("an excluded path", "GET", "/public/x", &[], "", served("GET", "/public/x", "", &[])),
            ("… and headers", "GET", "/public/x", &forged, "", served("GET", "/public/x", "", &other)),
            ("upwards", "GET", "/public/../admin", &[], "", refused(401, "Bearer")),
            ("escaped", "GET", "/public/%2e%2e/admin", &[], "", refused(401, "Bearer")),
            ("a parameter", "GET", "/public/..;/admin", &[], "", refused(401, "Bearer")),
            ("two slashes", "GET", "//public/x", &[], "", refused(401, "Bearer")),
            ("a rule, two slashes", "GET", "//admin/users", ALICE, "", refused(400, "")),
            ("a rule, upwards", "GET", "/x/../admin", ALICE, "", refused(400, "")),
            ("a rule, escaped", "GET", "/%61dmin/users", ALICE, "", refused(400, "")),
            ("a rule, a separator", "GET", "/x%2f..%2fadmin", ALICE, "", refused(400, "")),
            ("the endpoint itself", "GET", "/auth", &[], "", refused(401, "Bearer")),
            ("the service's own 403", "GET", "/x", &own_403, "", refused(403, "application/json")),
            ("the service's own 500", "GET", "/x", &own_500, "", refused(500, "application/json")),
        ] {
            let answer = proxy.ask(method, target, headers, body).await;
            let seen = match answer.status {
                200 => echoed(&answer),
                status if headers.iter().any(|(name, _)| *name == "x-wanted-status") => {
                    Seen::Refused(status, answer.header("content-type").map(str::to_owned))
                }
                _ => seen(&answer),
            };
            rows.expect(&format!("{what}: {method} {}", &target[..target.len().min(30)]), &seen, &expected);
        }
        rows.expect("HEAD", &proxy.ask("HEAD", "/reports", ALICE, "").await.status, &200);

        center.inject_fault(Fault::Refuse);
        let answer = proxy.ask("GET", "/", &[("authorization", "Bearer later")], "").await;
        rows.expect("an outage", &seen(&answer), &refused(503, "1"));
        drop(endpoint);
        let answer = proxy.ask("GET", "/", ALICE, "").await;
        let expected = if name == "nginx" { refused(503, "1") } else { refused(502, "") };
        rows.expect("without the endpoint", &seen(&answer), &expected);
    }
}

#[tokio::test]
async fn people_come_to_the_log_in_page() {
    let mut rows = Rows::default();
    for (name, proxy) in [("nginx", Proxy::Nginx), ("caddy", Proxy::Caddy)] {
        let center = auth_center().await;
        let responder = ErrorResponder::problem().with_log_in_page("/login?next=");
        let auth = support::auth(&center).error_responder(responder).exclude_path("/login");
        let endpoint = serve(ForwardAuth::new(auth, proxy).router("/auth")).await;
        let behind = serve(Router::new().fallback(any(|| async { "behind" }))).await;
        let Some(proxy) = Running::start(name, "forward-auth", endpoint.address, behind.address).await else {
            return;
        };
        let page = ("accept", "text/html");
        rows.with(format!("{name} in front of a log-in page"));
        for (what, target, headers, status, location) in [
            ("a page", "/reports?x=1", &[page][..], 303, Some("/login?next=/reports%3Fx%3D1")),
            ("a script", "/reports?x=1", &[], 401, None),
            ("the log-in page", "/login?next=/", &[page], 200, None),
            ("a user", "/reports", &[page, ALICE[0]], 200, None),
        ] {
            let answer = proxy.ask("GET", target, headers, "").await;
            rows.expect(what, &(answer.status, answer.header("location")), &(status, location));
        }
    }
}

/// A service without authentication says whose socket it is, by the header alone.
#[tokio::test]
async fn sockets_are_checked_before_they_are_upgraded() {
    let greet = |ws: WebSocketUpgrade, headers: HeaderMap| async move {
        let name =
            headers.get("x-user-name").map(|name| name.to_str().unwrap().to_owned()).unwrap_or_default();
        ws.protocols(["bearer"])
            .on_upgrade(|mut socket| async move { drop(socket.send(Message::text(name)).await) })
    };
    let behind = serve(Router::new().route("/socket", any(greet))).await;
    let mut rows = Rows::default();
    for (name, proxy) in [("nginx", Proxy::Nginx), ("caddy", Proxy::Caddy)] {
        let center = auth_center().await;
        let auth = support::auth(&center).credentials_from([
            CredentialSource::authorization(),
            CredentialSource::websocket_protocol(),
            CredentialSource::cookie("session"),
            CredentialSource::query("token"),
        ]);
        let endpoint = ForwardAuth::new(auth, proxy).router("/auth");
        let endpoint = serve(endpoint).await;
        let Some(proxy) = Running::start(name, "forward-auth", endpoint.address, behind.address).await else {
            return;
        };
        let own = format!("http://{}", proxy.address);
        let cookie = ("cookie", "session=alice-token");
        rows.with(format!("{name} in front of a WebSocket"));
        for (what, target, headers, expected) in [
            ("a token", "/socket", ALICE, Ok("alice")),
            ("no credential", "/socket", &[], Err(401)),
            ("a bad one", "/socket", BAD, Err(401)),
            ("a protocol", "/socket", &[("sec-websocket-protocol", "bearer, alice-token")], Ok("alice")),
            ("a bad protocol", "/socket", &[("sec-websocket-protocol", "bearer, unknown")], Err(401)),
            ("a query", "/socket?token=alice-token", &[], Ok("alice")),
            ("a cookie", "/socket", &[cookie, ("origin", &*own)], Ok("alice")),
            (
                "a cookie, of another origin",
                "/socket",
                &[cookie, ("origin", "http://evil.example.org")],
                Err(401),
            ),
        ] {
            let mut request = format!("ws://{}{target}", proxy.address).into_client_request().unwrap();
            for (name, value) in [headers, &[("x-user-name", "root")]].concat() {
                request.headers_mut().insert(HeaderName::from_static(name), value.parse().unwrap());
            }
            let stream = TcpStream::connect(proxy.address).await.unwrap();
            let seen = match client_async(request, stream).await {
                Ok((mut socket, _)) => {
                    Ok(socket.next().await.unwrap().unwrap().into_text().unwrap().to_string())
                }
                Err(Error::Http(answer)) => Err(answer.status().as_u16()),
                Err(error) => panic!("{name}: {error}"),
            };
            rows.expect(what, &seen.as_deref().map_err(|status| *status), &expected);
        }
    }
}
