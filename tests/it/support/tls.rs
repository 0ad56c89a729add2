//! TLS for tests. `tests/tls` has a root certificate made for these tests, and a server's for `localhost`.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

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

/// Ends TLS on a port of its own for what listens at this address, one connection after the other.
pub(crate) async fn https_port(behind: &str) -> u16 {
    let (acceptor, behind) = (acceptor(), behind.to_owned());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // Clients that do not trust us hang up here.
            let Ok(mut front) = acceptor.accept(stream).await else { continue };
            let mut back = TcpStream::connect(&behind).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut front, &mut back).await;
        }
    });
    port
}

/// The root certificate of these tests.
pub(crate) fn roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file("ca.pem")).unwrap()).unwrap();
    roots
}

/// The beginning of an HTTP client that trusts these roots, and uses no proxy.
pub(crate) fn http_client(roots: RootCertStore) -> reqwest::ClientBuilder {
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(config).no_proxy()
}

/// A client as a service might bring along: it follows redirects, which is reqwest's default.
pub(crate) fn redirecting_http_client() -> reqwest::Client {
    http_client(RootCertStore::empty()).user_agent("mine").build().unwrap()
}
