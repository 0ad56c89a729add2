//! nginx, Caddy and HAProxy (Debian's packages), by the configurations of `docs/proxies.md`: in front of a service with the
//! layer, and in front of one in Python that has no authentication, for which they ask `ForwardAuth`.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use aigc_auth::error::ErrorResponder;
use aigc_auth::extract::RequestInfo;
use aigc_auth::forward_auth::{ForwardAuth, Proxy};
use aigc_auth::layer::{CredentialSource, TrustedProxies};
use aigc_auth::service::WithServices;
use aigc_auth::testing::{self, AuthCenter, Fault};
use aigc_auth::{AuthLayer, OptionalUser, RequirePermission, permissions};
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::routing::{any, get};
use axum::{Json, Router};
use futures_util::StreamExt;
use http::{HeaderMap, HeaderName};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::{Child, Command};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::room::Room;
use crate::service::support::{frontend, services};
use crate::support::{self, Answer, App, client, serve};

const GUIDE: &str = include_str!("../../../docs/proxies.md");
const ECHO: &str = include_str!("../../lab/echo.py");

/// Where the client is. The proxies are at 127.0.0.1, and nobody else is trusted.
const CLIENT: &str = "127.0.0.2";

permissions! { Admin = "admin:access"; }

const ALICE: &[(&str, &str)] = &[("authorization", "Bearer alice-token")];
const ROOT: &[(&str, &str)] = &[("authorization", "Bearer root-token")];
const BAD: &[(&str, &str)] = &[("authorization", "Bearer unknown")];
const TWO: &[(&str, &str)] =
    &[("authorization", "Bearer alice-token"), ("authorization", "Bearer bob-token")];

fn free() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// The configuration of the guide for these addresses: of the proxy, of the layer or the endpoint, of what is behind.
fn recipe(name: &str, proxy: SocketAddr, auth: SocketAddr, behind: SocketAddr) -> String {
    let (_, recipe) = GUIDE.split_once(&format!("```{name}\n")).unwrap_or_else(|| panic!("no {name}"));
    let (recipe, _) = recipe.split_once("```").unwrap();
    let recipe =
        recipe.replace("127.0.0.1:8080", &proxy.to_string()).replace("127.0.0.1:3000", &auth.to_string());
    let recipe = recipe.replace("127.0.0.1:4000", &behind.to_string());
    recipe.replace(":8080 {", &format!(":{} {{", proxy.port()))
}

/// A proxy that runs until this is dropped.
struct Running {
    name: &'static str,
    address: SocketAddr,
    _process: Child,
}

impl Running {
    async fn start(name: &'static str, kind: &str, auth: SocketAddr, behind: SocketAddr) -> Option<Self> {
        let room = Room::of(&format!("proxies-{name}-{kind}"))?;
        let address = free();
        let language = if name == "caddy" { "caddyfile" } else { name };
        let recipe = recipe(&format!("{language} {kind}"), address, auth, behind);
        let path = |file: &str| room.path(file).display().to_string();
        let (config, arguments) = match name {
            "nginx" => {
                let pid = path("pid");
                let global = format!("daemon off; master_process off; pid {pid}; error_log stderr;");
                let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                    .map(|kind| format!("{kind}_temp_path {};\n", path(kind)))
                    .concat();
                let http = format!("http {{ access_log off;\n{temporary}{recipe} }}");
                (format!("{global}\nevents {{}}\n{http}\n"), vec!["-c".to_owned(), path("config")])
            }
            "caddy" => {
                let arguments = ["run", "--adapter", "caddyfile", "--config"].map(str::to_owned);
                let config = format!("{{\n\tadmin off\n\tauto_https off\n}}\n{recipe}");
                (config, [&arguments[..], &[path("config")]].concat())
            }
            _ => {
                let timeouts = "timeout connect 5s\n    timeout client 30s\n    timeout server 30s";
                let defaults = format!("defaults\n    mode http\n    {timeouts}\n");
                (format!("{defaults}{recipe}"), vec!["-db".to_owned(), "-f".to_owned(), path("config")])
            }
        };
        room.write("config", &config);
        let mut command = Command::new(name);
        let search = format!("{}:/usr/sbin", std::env::var("PATH").unwrap());
        command
            .args(arguments)
            .env("PATH", search)
            .env("HOME", room.path(""))
            .env("XDG_DATA_HOME", room.path(""));
        let process = room.serve(&mut command, address).await;
        Some(Self { name, address, _process: process })
    }

    /// Sends a request from the client's address.
    async fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{CLIENT}:0").parse().unwrap()).unwrap();
        let mut stream = socket.connect(self.address).await.unwrap();
        let length = [("content-length", body.len().to_string())];
        let length: Vec<_> = length.iter().map(|(name, value)| (*name, &**value)).collect();
        let headers = [headers, if body.is_empty() { &[] } else { &length }].concat();
        stream
            .write_all(&[&support::head(method, target, &headers), body.as_bytes()].concat())
            .await
            .unwrap();
        let mut answer = Vec::new();
        let reading =
            tokio::time::timeout(std::time::Duration::from_secs(20), stream.read_to_end(&mut answer));
        let _ = reading.await.expect("an answer");
        support::parse(&answer)
            .unwrap_or_else(|| panic!("{}: {}", self.name, String::from_utf8_lossy(&answer)))
    }
}

/// What a row expects: a status with the challenge or `Retry-After`, or what the service sees.
#[derive(Debug, PartialEq)]
enum Seen {
    Refused(u16, Option<String>),
    Served(Value),
}

fn refused(status: u16, header: &str) -> Seen {
    Seen::Refused(status, (!header.is_empty()).then(|| header.to_owned()))
}

fn told(answer: &Answer) -> Option<String> {
    answer.header("retry-after").or(answer.header("www-authenticate")).map(str::to_owned)
}

async fn auth_center() -> AuthCenter {
    let center = support::center().await;
    center.add_user(testing::user("root").id(1).permissions(["admin:access"]));
    center.add_user(testing::user("小明").id(9).roles(["编辑"]));
    center.add_token("ming", "小明");
    center.add_token("later", "alice");
    center
}

const INVALID: &str = r#"Bearer error="invalid_token""#;
const SCOPE: &str = r#"Bearer error="insufficient_scope", scope="admin:access""#;

/// Only the proxies' address, not the client's.
fn trusted() -> TrustedProxies {
    TrustedProxies::only(["127.0.0.1/32".parse().unwrap()]).with_forwarded_proto()
}

async fn service(center: &AuthCenter, trusted: TrustedProxies) -> App {
    let echo = |OptionalUser(user): OptionalUser, info: RequestInfo| async move {
        let user = user.map(|user| user.username().to_owned());
        Json(json!([user, info.method.as_str(), info.path, info.client_ip, info.scheme]))
    };
    let routes = Router::new()
        .route("/admin", get(|_: RequirePermission<Admin>| async { Json(json!("admin")) }))
        .fallback(any(echo));
    let auth = AuthLayer::new(client(center)).exclude_prefix("/public").trusted_proxies(trusted);
    serve(routes.layer(auth)).await
}

#[tokio::test]
async fn proxies_in_front_of_the_layer() {
    for name in ["nginx", "caddy", "haproxy"] {
        let center = auth_center().await;
        let trusted = if name == "nginx" { trusted().with_real_ip() } else { trusted() };
        let app = service(&center, trusted).await;
        let Some(proxy) = Running::start(name, "service", app.address, app.address).await else { return };
        let served = |user: Option<&str>, method: &str, path: &str| {
            Seen::Served(json!([user, method, path, CLIENT, "http"]))
        };
        let forged = [
            ALICE,
            &[("x-forwarded-for", "8.8.4.4"), ("x-real-ip", "8.8.4.4"), ("x-forwarded-proto", "https")],
        ]
        .concat();
        let two = if name == "nginx" { refused(400, "") } else { refused(401, INVALID) };
        for (what, method, target, headers, expected) in [
            ("a user", "GET", "/reports?x=1", ALICE, served(Some("alice"), "GET", "/reports")),
            ("another method", "DELETE", "/reports/7", ALICE, served(Some("alice"), "DELETE", "/reports/7")),
            ("an invented address", "GET", "/", &forged, served(Some("alice"), "GET", "/")),
            ("no credential", "GET", "/reports", &[], refused(401, "Bearer")),
            ("a bad one", "GET", "/reports", BAD, refused(401, INVALID)),
            ("two", "GET", "/reports", TWO, two),
            ("without permission", "GET", "/admin", ALICE, refused(403, SCOPE)),
            ("with it", "GET", "/admin", ROOT, Seen::Served(json!("admin"))),
            ("an excluded path", "GET", "/public/x", &[], served(None, "GET", "/public/x")),
            ("upwards", "GET", "/public/../admin", &[], refused(401, "Bearer")),
            ("escaped", "GET", "/public/%2e%2e/admin", &[], refused(401, "Bearer")),
            ("a parameter", "GET", "/public/..;/admin", &[], refused(401, "Bearer")),
            ("two slashes", "GET", "//public/x", &[], refused(401, "Bearer")),
        ] {
            let answer = proxy.ask(method, target, headers, "").await;
            let seen = match answer.status {
                200 => Seen::Served(answer.json()),
                status => Seen::Refused(status, told(&answer)),
            };
            assert_eq!(seen, expected, "{name}: {what}");
            println!("{name}, the layer behind it: {what}: {method} {target}: {}", answer.status);
        }
        center.inject_fault(Fault::Refuse);
        let answer = proxy.ask("GET", "/", &[("authorization", "Bearer later")], "").await;
        assert_eq!((answer.status, told(&answer).as_deref()), (503, Some("1")), "{name}");
        println!("{name}, the layer behind it: an outage: 503, Retry-After");
    }
}

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
                status => Seen::Refused(status, told(&answer)),
            };
            assert_eq!(seen, expected, "{name}: {what}");
            println!(
                "{name} in front of Python: {what}: {method} {}: {}",
                &target[..target.len().min(30)],
                answer.status
            );
        }
        assert_eq!(proxy.ask("HEAD", "/reports", ALICE, "").await.status, 200, "{name}: HEAD");

        center.inject_fault(Fault::Refuse);
        let answer = proxy.ask("GET", "/", &[("authorization", "Bearer later")], "").await;
        assert_eq!((answer.status, told(&answer).as_deref()), (503, Some("1")), "{name}");
        println!("{name} in front of Python: an outage: 503, Retry-After");
        drop(endpoint);
        let answer = proxy.ask("GET", "/", ALICE, "").await;
        let expected = if name == "nginx" { (503, Some("1".to_owned())) } else { (502, None) };
        assert_eq!((answer.status, told(&answer)), expected, "{name}");
        println!("{name} in front of Python: without the endpoint: {}", answer.status);
    }
}

#[tokio::test]
async fn people_come_to_the_log_in_page() {
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
        for (what, target, headers, status, location) in [
            ("a page", "/reports?x=1", &[page][..], 303, Some("/login?next=/reports%3Fx%3D1")),
            ("a script", "/reports?x=1", &[], 401, None),
            ("the log-in page", "/login?next=/", &[page], 200, None),
            ("a user", "/reports", &[page, ALICE[0]], 200, None),
        ] {
            let answer = proxy.ask("GET", target, headers, "").await;
            assert_eq!((answer.status, answer.header("location")), (status, location), "{name}: {what}");
            println!("{name} in front of a log-in page: {what}: {status}");
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
        for (target, headers, expected) in [
            ("/socket", ALICE, Ok("alice")),
            ("/socket", &[], Err(401)),
            ("/socket", BAD, Err(401)),
            ("/socket", &[("sec-websocket-protocol", "bearer, alice-token")], Ok("alice")),
            ("/socket", &[("sec-websocket-protocol", "bearer, unknown")], Err(401)),
            ("/socket?token=alice-token", &[], Ok("alice")),
            ("/socket", &[cookie, ("origin", &*own)], Ok("alice")),
            ("/socket", &[cookie, ("origin", "http://evil.example.org")], Err(401)),
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
            assert_eq!(seen.as_deref().map_err(|status| *status), expected, "{name}");
            println!("{name} in front of a WebSocket: {seen:?}");
        }
    }
}
