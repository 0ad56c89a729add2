//! Certificates of an auth center behind https.

use aigc_auth::AuthClient;
use aigc_auth::testing::{self, AuthCenter};

use crate::support::test_process;
use crate::support::tls::{file, https_port};

const CENTER: &str = "AIGC_AUTH_TEST_HTTPS_CENTER";

/// Ends TLS in front of the center.
async fn https(center: &AuthCenter) -> String {
    let port = https_port(center.url().trim_start_matches("http://").split('/').next().unwrap()).await;
    format!("https://localhost:{port}/aigc-auth")
}

/// What a process of its own prints that takes its root certificates from there.
async fn child(url: &str, roots: Option<&str>) -> String {
    let mut command = test_process(module_path!(), "child_process_calls_https_center");
    command.env(CENTER, url);
    if let Some(roots) = roots {
        command.env("SSL_CERT_FILE", roots).env("SSL_CERT_DIR", file("no-directory"));
    }
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn child_process_calls_https_center() {
    let Ok(url) = std::env::var(CENTER) else { return };
    match AuthClient::builder("test-app", "test-secret", url).build() {
        Err(error) => println!("not built: {error:?}"),
        Ok(client) => match client.user_info("alice-token").await {
            Ok(user) => println!("found: {}", user.username()),
            Err(error) => println!("not found: {error:?}"),
        },
    }
}

#[tokio::test]
async fn only_system_trusted_certificates_are_accepted() {
    let center = AuthCenter::start().await;
    center.add_user(testing::user("alice"));
    center.add_token("alice-token", "alice");
    let url = https(&center).await;
    let by_address = url.replace("localhost", "127.0.0.1");

    let trusted = child(&url, Some(&file("ca.pem"))).await;
    assert!(trusted.contains("found: alice"), "{trusted}");
    assert_eq!(center.calls("/user/info"), 1);

    let untrusted = child(&url, Some(&file("server.pem"))).await;
    assert!(untrusted.contains("not found") && untrusted.contains("cannot connect"), "{untrusted}");
    let misnamed = child(&by_address, Some(&file("ca.pem"))).await;
    assert!(misnamed.contains("not found") && misnamed.contains("cannot connect"), "{misnamed}");
    assert_eq!(center.calls("/user/info"), 1, "nothing was sent to an untrusted server");

    let none = child(&url, Some(&file("no-file"))).await;
    assert!(none.contains("not built") && none.contains("ca-certificates"), "{none}");
}
