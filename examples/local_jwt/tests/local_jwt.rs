//! The example that verifies tokens itself: by its own issuer, by a secret, and by a key set.

// Helpers of tests are no tests to clippy.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use serde_json::{Value, json};
use test_support::http::{self, get_as};
use test_support::jwt::{ANOTHER_P256, KeyServer, P256, Signer, now};
use test_support::process::{Directory, Example, PATIENCE, Program};
use tokio::time::timeout;

const LOCAL_JWT: Program = Program(env!("CARGO_BIN_EXE_local_jwt"));

async fn start(name: &str, variables: &[(&str, &str)]) -> Example {
    LOCAL_JWT.start(name, variables).await
}

/// What is printed in quotes, the shell's variables put in.
fn headers(line: &str, variables: &HashMap<String, String>) -> Vec<(String, String)> {
    let quoted = line.split(['\'', '"']).skip(1).step_by(2);
    let full = quoted.map(|header| {
        variables
            .iter()
            .fold(header.to_owned(), |text, (name, value)| text.replace(&format!("${name}"), value))
    });
    full.map(|header| {
        header.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap()
    })
    .collect()
}

/// The tokens and the lines it prints, tried as they are.
#[tokio::test]
async fn its_own_tokens_open_what_it_says() {
    let mut app = start("own", &[]).await;
    let (mut variables, mut answers) = (HashMap::new(), vec![]);
    while answers.len() < 5 {
        let line = timeout(PATIENCE, app.lines.next_line()).await.unwrap().unwrap().unwrap();
        let line = line.trim();
        if let Some((name @ ("ALICE" | "ROOT"), token)) = line.split_once('=') {
            variables.insert(name.to_owned(), token.to_owned());
        } else if let Some(line) = line.strip_prefix("curl ") {
            let headers = headers(line, &variables);
            let headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
            let url = line.rsplit(' ').next().unwrap();
            let path = url.strip_prefix(&format!("http://{}", app.address)).expect(url);
            let answer = http::get(app.address, path, &headers).await;
            let body = if answer.status == 200 { answer.json() } else { Value::Null };
            answers.push((path.to_owned(), answer.status, body));
        }
    }
    let profile =
        |id: &str, role: &str| json!({ "user_id": id, "role": role, "email": format!("{id}@example.com") });
    let expected = [
        ("/user", 200, profile("alice", "user")),
        ("/admin", 403, Value::Null),
        ("/admin", 200, profile("root", "admin")),
        ("/user-id", 200, json!({ "user_id": "alice" })),
        ("/maybe", 200, json!({ "user_id": null })),
    ];
    assert_eq!(answers, expected.map(|(path, status, body)| (path.to_owned(), status, body)));

    let (alice, root) = (&variables["ALICE"], &variables["ROOT"]);
    assert_eq!(get_as(app.address, alice, "/user-id").await.json(), json!({ "user_id": "alice" }));
    assert_eq!(get_as(app.address, root, "/maybe").await.json(), json!({ "user_id": "root" }));
    let authorization = format!("Bearer {alice}");
    let as_root = [("authorization", &*authorization), ("x-act-as-user-id", "root")];
    assert_eq!(http::get(app.address, "/user-id", &as_root).await.status, 403);
    assert_eq!(http::get(app.address, "/user", &[]).await.status, 401);
    assert_eq!(get_as(app.address, &format!("{alice}A"), "/user").await.status, 401);
}

/// What tokens of this signer open, and those of another do not.
async fn accepts_only(
    app: &Example,
    alg: &str,
    kid: Option<&str>,
    signer: &Signer,
    another: &Signer,
    audience: &str,
) {
    let claims = |audience: &str, exp: u64| json!({ "sub": "alice", "email": "a@example.com", "role": "editor", "aud": audience, "exp": exp });
    let soon = now() + 600;
    for (what, token, expected) in [
        ("good", signer.issue(alg, kid, &claims(audience, soon)), 200),
        ("another's", another.issue(alg, kid, &claims(audience, soon)), 401),
        ("of another audience", signer.issue(alg, kid, &claims("elsewhere", soon)), 401),
        ("of yesterday", signer.issue(alg, kid, &claims(audience, soon - 86_400)), 401),
        ("unsigned", signer.token("none", r#"{"alg":"none"}"#, claims(audience, soon).to_string()), 401),
    ] {
        let answer = get_as(app.address, &token, "/user").await;
        assert_eq!(answer.status, expected, "{what}: {}", answer.body);
        if expected == 200 {
            let profile = json!({ "user_id": "alice", "role": "editor", "email": "a@example.com" });
            assert_eq!(answer.json(), profile);
        }
    }
}

const SECRET: &str = "the secret of this test, longer than 32 bytes";

#[tokio::test]
async fn by_a_secret() {
    let (signer, another) =
        (Signer::secret(SECRET), Signer::secret("another secret, as long as that of the test"));
    for (audience, variables) in [
        ("authenticated", &[("JWT_SECRET", SECRET)][..]),
        ("mine", &[("JWT_SECRET", SECRET), ("JWT_AUDIENCE", "mine"), ("JWKS_URL", "")]),
    ] {
        let app = start("secret", variables).await;
        accepts_only(&app, "HS256", None, &signer, &another, audience).await;
    }
}

#[tokio::test]
async fn by_a_key_set() {
    let server = KeyServer::start(&[P256.named("k")]).await;
    let app = start("jwks", &[("JWKS_URL", &server.url())]).await;
    assert_eq!(server.requests(), 1, "the keys are there before anybody asks");
    accepts_only(&app, "ES256", Some("k"), &P256, &ANOTHER_P256, "authenticated").await;
}

#[tokio::test]
async fn a_wrong_setting_is_named_at_the_start() {
    for (variables, named) in [
        (
            &[("JWT_SECRET", SECRET), ("JWKS_URL", "http://127.0.0.1:1/")][..],
            "set JWKS_URL or JWT_SECRET, not both",
        ),
        (&[("JWT_SECRET", "hunter2")], "32"),
        (&[("JWKS_URL", "hunter2")], "URL"),
    ] {
        let error = LOCAL_JWT.fails(&Directory::new("local-jwt-bad"), variables).await;
        assert!(error.contains(named), "{named}: {error}");
        assert!(!error.contains(SECRET), "{error}");
    }
}
