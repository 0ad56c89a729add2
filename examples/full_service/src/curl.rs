//! Lines to try, as it prints them.

use std::net::SocketAddr;

use aigc_auth::testing;

pub(crate) fn print_banner(address: SocketAddr) {
    println!("no AIGC_AUTH_* is set, so the auth center is one in this process. Try:");
    println!("  http://{address}/docs in a browser");
    for line in [
        "curl -i {url}/me",
        "curl -H 'Authorization: Bearer alice-token' {url}/me",
        "curl -H 'Authorization: Bearer alice-token' {url}/reports",
        "curl -i -H 'Authorization: Bearer bob-token' {url}/reports",
        "curl -H 'Authorization: Bearer root-token' {url}/admin",
        "curl -H 'Authorization: Bearer root-token' -H 'X-Act-As-User-Id: {alice}' {url}/act-as",
        "curl -H 'Authorization: Bearer bob-token' -H 'X-Team-Id: design' {url}/org",
        "curl -i -X POST -H 'Authorization: Bearer bob-token' {url}/org/name",
        "curl -H 'Authorization: Bearer alice-token' {url}/relay",
        "curl -X POST -H 'Authorization: Bearer alice-token' {url}/top-up",
        "curl -i -X POST -H 'Authorization: Bearer alice-token' {url}/credits",
        "curl {url}/.well-known/jwks.json",
        "curl -H 'Authorization: Bearer ak_alice' -H 'X-Trace-ID: t-1' {url}/context",
        "curl {url}/maybe",
        "curl {url}/public/hello",
    ] {
        let line = line.replace("{alice}", &testing::user("alice").build().id().to_string());
        println!("  {}", line.replace("{url}", &format!("http://{address}")));
    }
}

/// Logs alice in at the issuer in this process, and out: by herself, and by the issuer.
pub(crate) fn print_sessions(address: SocketAddr, issuer: &str) {
    println!("an issuer is in this process as well: {issuer}. Log in there and out, in one shell:");
    for line in [
        "TOKEN=$(curl -s -X POST {issuer}/log-in/alice)",
        "curl -H \"Authorization: Bearer $TOKEN\" {url}/session",
        "curl -i -X POST -H \"Authorization: Bearer $TOKEN\" {url}/revoke",
        "curl -i -H \"Authorization: Bearer $TOKEN\" {url}/session",
        "TOKEN=$(curl -s -X POST {issuer}/log-in/alice)",
        "curl -H \"Authorization: Bearer $TOKEN\" {url}/session",
        "curl -i -d logout_token=$(curl -s -X POST {issuer}/log-out/alice) {url}/backchannel-logout",
        "curl -i -H \"Authorization: Bearer $TOKEN\" {url}/session",
    ] {
        println!("  {}", line.replace("{issuer}", issuer).replace("{url}", &format!("http://{address}")));
    }
}

/// Signs an event about alice as the auth center does. The secret itself is not printed.
pub(crate) fn print_signed_curl(address: SocketAddr) {
    let alice = testing::user("alice").build();
    let event = format!(
        r#"{{"event": "user.updated", "data": {{"id": {}, "updatedFields": ["email"]}}}}"#,
        alice.id()
    );
    let openssl = r#"openssl dgst -r -sha256 -hmac "$AIGC_AUTH_WEBHOOK_SECRET" | cut -c-64"#;
    println!("events are taken at /webhook/auth. With AIGC_AUTH_WEBHOOK_SECRET exported, try:");
    println!(
        "  curl -H \"X-Webhook-Signature: $(printf %s '{event}' | {openssl})\" -d '{event}' http://{address}/webhook/auth"
    );
}
