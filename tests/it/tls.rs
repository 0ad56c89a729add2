//! An auth center behind https. `tests/tls` has a root certificate made for these tests, and a server's for `localhost`.

use std::process::Command;
use std::sync::Arc;

use aigc_auth::AuthClient;
use aigc_auth::testing::{self, AuthCenter};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const CENTER: &str = "AIGC_AUTH_TEST_HTTPS_CENTER";

pub(crate) fn file(name: &str) -> String {
    format!("{}/tests/tls/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Ends TLS with the certificate for `localhost`.
pub(crate) fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_file(file("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Ends TLS in front of the center.
async fn https(center: &AuthCenter) -> String {
    let acceptor = acceptor();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let behind = center.url().trim_start_matches("http://").split('/').next().unwrap().to_owned();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // Clients that do not trust us hang up here.
            let Ok(mut front) = acceptor.accept(stream).await else { continue };
            let mut back = TcpStream::connect(&behind).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut front, &mut back).await;
        }
    });
    format!("https://localhost:{port}/aigc-auth")
}

/// What a process of its own says that looks for root certificates there.
async fn child(url: &str, roots: Option<&str>) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "tls::child_that_asks_over_https", "--nocapture"]).env(CENTER, url);
    if let Some(roots) = roots {
        command.env("SSL_CERT_FILE", roots).env("SSL_CERT_DIR", file("no-directory"));
    }
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn child_that_asks_over_https() {
    let Ok(url) = std::env::var(CENTER) else { return };
    match AuthClient::builder("test-app", "test-secret", url).build() {
        Err(error) => println!("not built: {error:?}"),
        Ok(client) => match client.user_info("alice-token").await {
            Ok(user) => println!("found: {}", user.username),
            Err(error) => println!("not found: {error:?}"),
        },
    }
}

#[tokio::test]
async fn only_certificates_that_the_system_trusts_are_believed() {
    let center = AuthCenter::start().await;
    center.add_user(testing::user("alice"));
    center.add_token("alice-token", "alice");
    let url = https(&center).await;
    let by_address = url.replace("localhost", "127.0.0.1");

    let trusted = child(&url, Some(&file("ca.pem"))).await;
    assert!(trusted.contains("found: alice"), "{trusted}");
    assert_eq!(center.calls("/user/info"), 1);

    let stranger = child(&url, Some(&file("server.pem"))).await;
    assert!(stranger.contains("not found") && stranger.contains("cannot connect"), "{stranger}");
    let misnamed = child(&by_address, Some(&file("ca.pem"))).await;
    assert!(misnamed.contains("not found") && misnamed.contains("cannot connect"), "{misnamed}");
    assert_eq!(center.calls("/user/info"), 1, "nothing was said to whoever it was");

    let none = child(&url, Some(&file("no-file"))).await;
    assert!(none.contains("not built") && none.contains("ca-certificates"), "{none}");
}
