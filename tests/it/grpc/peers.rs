//! The client's address, below tonic's server.

use std::net::SocketAddr;

use aigc_auth::{AuthLayer, context};
use axum::Router;
use axum::body::Body;
use axum::routing::post;
use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity, Server, ServerTlsConfig};
use tonic::{Code, Status};

use crate::grpc::support::{connect, unary};
use crate::support::{self, center, tls};

/// A method that fails, and says by what address it was called.
fn peers() -> Routes {
    let peer = || async { Status::aborted(format!("{:?}", context::client_ip())).into_http::<Body>() };
    Routes::from(Router::new().route("/test.Peer/Get", post(peer)))
}

async fn serve_by_tonic(auth: AuthLayer, identity: Option<ServerTlsConfig>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = match identity {
        Some(identity) => Server::builder().tls_config(identity).unwrap(),
        None => Server::builder(),
    };
    let server = server.layer(auth).add_routes(peers());
    tokio::spawn(async move { server.serve_with_incoming(TcpIncoming::from(listener)).await });
    address
}

#[tokio::test]
async fn address_is_known_below_tonics_server() {
    let center = center().await;
    let plain = serve_by_tonic(support::auth(&center), None).await;
    let read = |name: &str| std::fs::read(tls::file(name)).unwrap();
    let identity =
        ServerTlsConfig::new().identity(Identity::from_pem(read("server.pem"), read("server.key")));
    let encrypted = serve_by_tonic(support::auth(&center), Some(identity)).await;
    let ca =
        ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read("ca.pem"))).domain_name("localhost");
    let by_tls = Endpoint::from_shared(format!("https://{encrypted}")).unwrap().tls_config(ca).unwrap();
    let channels =
        [("TCP", connect(&format!("http://{plain}")).await), ("TLS", by_tls.connect().await.unwrap())];
    let alice = ("authorization", "Bearer alice-token");
    for (name, channel) in channels {
        for (metadata, expected) in [
            (vec![alice], "Some(127.0.0.1)"),
            (vec![alice, ("x-forwarded-for", "203.0.113.9")], "Some(203.0.113.9)"),
        ] {
            let status = unary(&channel, "/test.Peer/Get", &metadata).await.unwrap_err();
            assert_eq!((status.code(), status.message()), (Code::Aborted, expected), "{name}");
        }
    }
}
