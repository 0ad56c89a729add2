//! Secrets that services send go through the center: what its console, its stream and its state file have of them.

use ::canary::{Search, word};
use aigc_auth::AuthClient;
use aigc_auth::client::{AppToken, SyncUser};
use reqwest::header::HeaderMap;
use test_support::process::PATIENCE;

use crate::support::{Center, SEED, directory};

/// Of apps and users whom the center knows, and of others.
const SECRETS: [&str; 7] = [
    "app secret",
    "password",
    "known token",
    "unknown token",
    "wrong app secret",
    "password of a pushed user",
    "webhook secret",
];

fn found(search: &Search, text: impl AsRef<[u8]>) -> Vec<String> {
    search.find(text).into_keys().collect()
}

#[tokio::test]
async fn console_and_state_have_no_secret_but_those_that_are_to_be_copied() {
    let mut search = Search::new();
    for name in SECRETS.iter().chain(&["planted"]) {
        search.word(name, &word(name));
    }
    let seed = SEED
        .replace("secret of nine", &word("app secret"))
        .replace("correct horse", &word("password"))
        .replace("\"theirs\"", &format!("\"{}\"", word("known token")))
        .replace("Operations", &word("planted"));
    let center = Center::start_in("--seed seed.toml --state state.db", directory("seed.toml", &seed)).await;
    let state_file = center.example.directory().join("state.db");
    let url = &center.env["AIGC_AUTH_BASE_URL"];
    for secret in [word("app secret"), word("wrong app secret")] {
        let client = AuthClient::builder("9", secret, url).build().unwrap();
        let _ = client.user_info(&word("known token")).await;
        let _ = client.user_info(&word("unknown token")).await;
        let _ = client.access_key_user(&format!("ak_{}", word("unknown token"))).await;
        let _ = client.authorize_user_by_token(AppToken::new(42, &word("unknown token"))).await;
        let user = SyncUser::with_password("dave", word("password of a pushed user"));
        let _ = client.sync_user(&user, HeaderMap::new()).await;
        let hook = word("webhook secret").into();
        let _ = client.register_webhook("http://127.0.0.1:1/hook", ["user.updated"], &hook).await;
    }
    let (_, state) = center.api("GET", "/api/state", None).await;
    let events = serde_json::to_string(&center.events(0).await).unwrap();
    let (_, usage) = center.api("GET", "/api/usage", None).await;
    assert!(events.contains("/user/info"), "{events}");
    assert_eq!(found(&search, &events), [""; 0], "{events}");
    assert_eq!(found(&search, usage.to_string()), [""; 0], "{usage}");
    // Whoever tries a service copies tokens and the secret of the app from the console.
    let shown = ["app secret", "known token", "planted"];
    assert_eq!(found(&search, state.to_string()), shown, "{state}");
    center.example.signal("TERM");
    let file = test_support::until_async("the state is written", async || {
        std::fs::read(&state_file).is_ok_and(|file| !found(&search, &file).is_empty())
    });
    tokio::time::timeout(PATIENCE, file).await.unwrap();
    let file = std::fs::read(&state_file).unwrap();
    for never in ["unknown token", "wrong app secret", "password of a pushed user"] {
        assert!(!found(&search, &file).iter().any(|name| name == never), "{never} in the state file");
    }
}
