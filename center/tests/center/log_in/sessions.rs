//! What comes after a log-in: refresh tokens, the session, its end.

use serde_json::{Value, json};
use test_support::until_async;

use super::front_end::{Browser, answer, asked, claims, encoded, location, post, refresh, tokens, with};
use crate::support::Center;

#[tokio::test]
async fn refresh_token_is_another_after_each_use() {
    let center = Center::start("--access-token-ttl 1").await;
    let code = Browser::new(&center).log_in("alice", "").await;
    let first = tokens(&center, &code).await;
    let access = first["access_token"].as_str().unwrap();
    let expired = async || center.client().user_info(access).await.is_err();
    until_async("a token ends", expired).await;
    let (status, second) = refresh(&center, &first).await;
    assert_eq!(status, 200);
    assert!(center.client().user_info(second["access_token"].as_str().unwrap()).await.is_ok());
    assert!(second["id_token"].is_string() && claims(&second["id_token"]).get("nonce").is_none());
    // An old one may have been stolen: neither goes on.
    assert_eq!(refresh(&center, &first).await.1["error"], "invalid_grant");
    assert_eq!(refresh(&center, &second).await.1["error"], "invalid_grant");

    // Changes of the user are in the next tokens; a disabled user gets none.
    let code = Browser::new(&center).log_in("bob", "correct horse").await;
    let first = tokens(&center, &code).await;
    center.change("PATCH", "/api/users/bob", json!({"permissions": ["a:b"]})).await;
    let (_, second) = refresh(&center, &first).await;
    assert_eq!(claims(&second["access_token"])["permissions"], json!(["a:b"]));
    center.change("PATCH", "/api/users/bob", json!({"status": "disabled"})).await;
    assert_eq!(refresh(&center, &second).await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn grant_has_a_number_of_access_tokens_at_a_time() {
    let center = Center::start("").await;
    let mut last = tokens(&center, &Browser::new(&center).log_in("alice", "").await).await;
    let first = last["access_token"].clone();
    for _ in 0..20 {
        last = refresh(&center, &last).await.1;
    }
    assert!(center.client().user_info(first.as_str().unwrap()).await.is_err());
    assert!(center.client().user_info(last["access_token"].as_str().unwrap()).await.is_ok());
}

#[tokio::test]
async fn sign_out_ends_the_session_and_its_tokens() {
    let center = Center::start("").await;
    let mut browser = Browser::new(&center);
    let code = browser.log_in("alice", "").await;
    let tokens = tokens(&center, &code).await;
    // The browser is logged in: the next app asks nobody.
    let silent = with(asked(), "prompt", Some("none"));
    assert!(answer(&location(&browser.authorize(&silent).await)).contains_key("code"));
    let again = browser.authorize(&with(asked(), "prompt", Some("login"))).await;
    assert_eq!(again.status(), 200, "asked again");

    let hint = tokens["id_token"].as_str().unwrap();
    let out = |hint: &str, uri: &str| {
        let query =
            encoded(&vec![("id_token_hint", hint), ("post_logout_redirect_uri", uri), ("state", "bye")]);
        center.http.get(format!("{}/oauth/end-session?{query}", center.url))
    };
    // No token, no end: a link of any page may lead here.
    let response = browser.send(out("no.token.x", "http://127.0.0.1:3000/bye")).await;
    assert_eq!(response.status(), 200);
    assert!(center.client().user_info(tokens["access_token"].as_str().unwrap()).await.is_ok());
    let response = browser.send(out(hint, "http://127.0.0.1:3000/bye")).await;
    assert_eq!(location(&response), "http://127.0.0.1:3000/bye?state=bye");
    assert!(center.client().user_info(tokens["access_token"].as_str().unwrap()).await.is_err());
    assert_eq!(refresh(&center, &tokens).await.1["error"], "invalid_grant");
    assert_eq!(answer(&location(&browser.authorize(&silent).await))["error"], "login_required");
    let response = browser.send(out(hint, "http://evil.example/")).await;
    assert_eq!(response.status(), 200, "leads nowhere");

    // By the page's own form; and not by another site's.
    browser.log_in("alice", "").await;
    let url = format!("{}/oauth/end-session", center.url);
    let form = |origin: &str| {
        center.http.post(&url).form(&[] as &[(&str, &str)]).header("origin", origin.to_owned())
    };
    assert_eq!(browser.send(form("http://evil.example")).await.status(), 403);
    assert!(answer(&location(&browser.authorize(&silent).await)).contains_key("code"));
    assert_eq!(browser.send(form(&center.url)).await.status(), 200);
    assert_eq!(answer(&location(&browser.authorize(&silent).await))["error"], "login_required");
}

#[tokio::test]
async fn revoked_tokens_are_dead() {
    let center = Center::start("").await;
    for (kind, survives) in [("access_token", true), ("refresh_token", false)] {
        let code = Browser::new(&center).log_in("alice", "").await;
        let tokens = tokens(&center, &code).await;
        let form = vec![("client_id", "42"), ("token", tokens[kind].as_str().unwrap())];
        assert_eq!(post(&center, "/oauth/revoke", &form).await.0, 200);
        assert!(center.client().user_info(tokens["access_token"].as_str().unwrap()).await.is_err(), "{kind}");
        assert_eq!(refresh(&center, &tokens).await.0 == 200, survives, "{kind}");
    }
    assert_eq!(post(&center, "/oauth/revoke", &vec![("client_id", "42"), ("token", "unknown")]).await.0, 200);
    assert_eq!(post(&center, "/oauth/revoke", &vec![("token", "unknown")]).await.0, 401);
}

/// A restart keeps the key: services go on with the tokens that they have seen.
#[cfg(unix)]
#[tokio::test]
async fn log_ins_survive_with_the_state_file() {
    let kept = test_support::process::Directory::new("kept");
    let state = format!("--state {} --url http://localhost:1", kept.0.join("state").display());
    let center = Center::start(&state).await;
    let keys = async |center: &Center| -> Value {
        center.http.get(format!("{}/oauth/jwks", center.url)).send().await.unwrap().json().await.unwrap()
    };
    let before = keys(&center).await;
    center.example.signal("TERM");
    assert!(center.example.ended().await.1.success());
    let center = Center::start(&state).await;
    assert_eq!(keys(&center).await, before);
    let metadata =
        center.http.get(format!("{}/.well-known/openid-configuration", center.url)).send().await.unwrap();
    let metadata: Value = metadata.json().await.unwrap();
    assert_eq!(metadata["token_endpoint"], "http://localhost:1/oauth/token");
    let rebound =
        center.http.get(format!("{}/oauth/jwks", center.url)).header("host", "evil.example").send().await;
    assert_eq!(rebound.unwrap().status(), 421);
}

/// Whoever was disabled logs in again, and an access token is in the hands of services.
#[tokio::test]
async fn sessions_do_not_come_back() {
    let center = Center::start("").await;
    let mut browser = Browser::new(&center);
    let tokens = tokens(&center, &browser.log_in("alice", "").await).await;
    let access_token = tokens["access_token"].as_str().unwrap();
    let url = format!("{}/oauth/end-session?id_token_hint={access_token}", center.url);
    let asks = center.http.get(url).send().await.unwrap();
    assert!(asks.text().await.unwrap().contains("Sign out of this center?"));
    assert!(center.client().user_info(access_token).await.is_ok(), "the session goes on");
    for status in ["disabled", "active"] {
        center.change("PATCH", "/api/users/alice", json!({ "status": status })).await;
    }
    assert!(center.client().user_info(access_token).await.is_err());
    let userinfo = center.http.get(format!("{}/oauth/userinfo", center.url)).bearer_auth(access_token);
    assert_eq!(userinfo.send().await.unwrap().status(), 401);
}
