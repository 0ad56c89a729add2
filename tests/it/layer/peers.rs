//! The other end of the connection, where it is no plain TCP: a Unix socket, a test without any.

use std::net::SocketAddr;

use aigc_auth::AuthLayer;
use aigc_auth::extract::RequestInfo;
use aigc_auth::layer::TrustedProxies;
use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::MockConnectInfo;
use axum::routing::get;
use http::Request;
use tower::ServiceExt;

use crate::support::{self, center};

async fn info(info: RequestInfo) -> String {
    format!("{:?} {}", info.client_ip, info.scheme)
}

fn app(auth: AuthLayer) -> Router {
    Router::new().route("/info", get(info)).layer(auth.allow_anonymous())
}

#[cfg(unix)]
#[tokio::test]
async fn proxy_behind_a_unix_socket_is_trusted_if_the_service_says_so() {
    use axum::extract::connect_info::Connected;
    use axum::serve::IncomingStream;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{UnixListener, UnixStream};

    /// What a service may know of the other end of a Unix socket.
    #[derive(Clone)]
    struct Peer;

    impl Connected<IncomingStream<'_, UnixListener>> for Peer {
        fn connect_info(_: IncomingStream<'_, UnixListener>) -> Self {
            Self
        }
    }

    // As nginx sends: `proxy_pass http://unix:…` with the three usual lines.
    const HEAD: &str = "GET /info HTTP/1.1\r\nhost: app\r\nconnection: close\r\nx-real-ip: 203.0.113.9\r\n\
                        x-forwarded-for: 6.6.6.6, 203.0.113.9\r\nx-forwarded-proto: https\r\n\r\n";
    let center = center().await;
    let path = std::env::temp_dir().join(format!("aigc-auth-{}.sock", std::process::id()));
    for (name, trusted, expected) in [
        ("default", TrustedProxies::private(), "None http"),
        ("nginx", TrustedProxies::nginx(), "None http"),
        ("socket", TrustedProxies::private().with_unix_socket(), "Some(203.0.113.9) http"),
        ("nginx-socket", TrustedProxies::nginx().with_unix_socket(), "Some(203.0.113.9) https"),
    ] {
        for connect_info in [false, true] {
            let listener = UnixListener::bind(&path).unwrap();
            let app = app(support::auth(&center).trusted_proxies(trusted.clone()));
            let served = tokio::spawn(async move {
                match connect_info {
                    false => axum::serve(listener, app).await,
                    true => axum::serve(listener, app.into_make_service_with_connect_info::<Peer>()).await,
                }
            });
            let mut stream = UnixStream::connect(&path).await.unwrap();
            stream.write_all(HEAD.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.ends_with(&format!("\r\n\r\n{expected}")), "{name}, {connect_info}: {answer}");
            served.abort();
            std::fs::remove_file(&path).unwrap();
        }
    }
}

#[tokio::test]
async fn mocked_connect_info_counts() {
    let center = center().await;
    for (peer, forwarded_for, expected) in [
        ("203.0.113.9:1", "1.1.1.1", "Some(203.0.113.9) http"),
        ("10.0.0.1:1", "203.0.113.9", "Some(203.0.113.9) http"),
        ("10.0.0.1:1", "", "Some(10.0.0.1) http"),
    ] {
        let app = app(support::auth(&center)).layer(MockConnectInfo(peer.parse::<SocketAddr>().unwrap()));
        let request = Request::get("/info").header("x-forwarded-for", forwarded_for).body(Body::empty());
        let answer = app.oneshot(request.unwrap()).await.unwrap();
        let body = axum::body::to_bytes(answer.into_body(), 1024).await.unwrap();
        assert_eq!(body, expected, "{peer} {forwarded_for}");
    }
}
